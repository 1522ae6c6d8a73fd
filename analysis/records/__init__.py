"""Records, read once into typed pandas frames; and which of them count for which row of a study's tables."""

from analysis.records.collection import Records, Source, load
from analysis.records.keys import differences, key
from analysis.records.protocol import (
    TIMED,
    Protocol,
    backend_of,
    device_of,
    devices_of,
    protocol_of,
    protocols_of,
)
from analysis.records.sheet import Sheet, declared_sheets, sheets

__all__ = [
    "TIMED",
    "Protocol",
    "Records",
    "Sheet",
    "Source",
    "backend_of",
    "declared_sheets",
    "device_of",
    "devices_of",
    "differences",
    "key",
    "load",
    "protocol_of",
    "protocols_of",
    "sheets",
]
