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
    every = {known: signal.getsignal(known) for known in signal.valid_signals()}
    handlers = {known: handler for known, handler in every.items() if callable(handler)}
    came: list[int] = []
    try:
        for known in handlers:
            signal.signal(known, lambda number, _: came.append(number))
        yield
    finally:
        for known, handler in handlers.items():
            signal.signal(known, handler)
    for number in dict.fromkeys(came):
        signal.raise_signal(number)
