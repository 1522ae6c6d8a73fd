"""Moments at which a signal would do harm."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def signals_later() -> Iterator[None]:
    """Whatever signals arrive inside, Ctrl-C among them, is handled at the end.

    For C++ that calls Python: what a handler raises there becomes another error, or ends the process. Python handles
    signals in the main thread alone, so in other threads there is nothing to put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    every = {number: signal.getsignal(number) for number in signal.valid_signals()}
    handlers = {number: handler for number, handler in every.items() if callable(handler)}
    arrived: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda number, _: arrived.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for late in dict.fromkeys(arrived):
        signal.raise_signal(late)
