"""What is wrong in the paper or the released code, each reproduced by computing it again.

`python -m analysis findings` shows them; with `--released DIR`, the lines of the released code as well.
"""

from collections.abc import Iterable

from analysis.claims.findings import cells, code, distances, sizes
from analysis.claims.findings.finding import Fact, Finding
from zigma.common.words import unknown

FINDINGS = tuple(
    sorted(
        (finding for topic in (sizes, cells, distances, code) for finding in topic.FINDINGS),
        key=lambda finding: finding.name,
    )
)


def find(names: Iterable[str]) -> list[Finding]:
    """The findings of those names, all where none is named.

    Raises:
        WordError: an unknown name.
    """
    by_name = {finding.name: finding for finding in FINDINGS}
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in by_name:
            raise unknown("finding", name, by_name)
    return [by_name[name] for name in chosen] or list(FINDINGS)


__all__ = ["FINDINGS", "Fact", "Finding", "find"]
