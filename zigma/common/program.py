"""What every `python -m ...` of this project does around its work: printing anywhere, errors in one line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from zigma.common.plugged import LeftOut
from zigma.common.words import WordError, fail


def print_anywhere() -> None:
    """Let output survive a terminal, log or pipe whose encoding lacks a letter: that one is replaced.

    What is left out of other packages is one line.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    warnings.formatwarning = _format_warning


_format_any_warning = warnings.formatwarning


def _format_warning(message: Warning | str, category: type[Warning], *place: Any, **line: Any) -> str:
    if issubclass(category, LeftOut):
        return f"{message}\n"
    return _format_any_warning(message, category, *place, **line)


def carry_out(name: str, work: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Do a program's work; returns its exit status.

    What the user can mend is one line and status 2; a reader who has had enough, such as `head`, ends it quietly;
    Ctrl-C prints `interrupted` and ends it with status 130, as a shell expects.
    """
    print_anywhere()
    try:
        status = int(work() or 0)
        sys.stdout.flush()
        return status
    except (WordError, ValueError, FileNotFoundError) as error:
        fail(name, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return 130


def interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C anew, a moment later, that fell into a finaliser: Python lets nothing out of those."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident
        threading.Timer(0.01, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)
