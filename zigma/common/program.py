"""What every `python -m ...` of this project does around its work: printing anywhere, errors in one line."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from zigma.common.files import is_partial
from zigma.common.plugged import LeftOut
from zigma.common.words import WordError, fail, one_line, printable

OURS = ("zigma", "studies", "analysis", "argparse", "__main__")
LEAVING = ("_sitebuiltins",)  # in which `exit` and `quit` are
OF_LIBRARIES = ("TORCH", "PYTORCH_", "NUMBA_")  # beginnings of names of variables that they read


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
    Ctrl-C prints `interrupted` and ends it with status 130, as a shell expects. What the system refuses, such as a full
    disk or a folder that may not be written, is one line and status 1.
    """
    print_anywhere()
    try:
        status = int(work() or 0)
        sys.stdout.flush()
        return status
    except SystemExit as error:
        place = _of_the_user(error)
        if place is None:
            raise
        fail(name, ValueError(f"{place} leaves the program: let it raise an error, or return"))
    except WordError as error:
        fail(name, error)
    except (ValueError, FileNotFoundError) as error:
        fail(name, ValueError(in_a_line(error)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        print(f"{name}: {_refused(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return 130


def _of_the_user(error: SystemExit) -> str | None:
    """Where code that is not of this project left the program, as `FILE, line N`; None where nobody else's did."""
    frames = [frame for frame in traceback.walk_tb(error.__traceback__) if _package(frame[0]) not in LEAVING]
    frame, line = frames[-1]
    if _package(frame) in OURS:
        return None
    return f"{printable(frame.f_code.co_filename)}, line {line},"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def in_a_line(error: Exception) -> str:
    """What an error says, and the variables of the environment that are behind it."""
    return one_line(f"{error}{_variables_behind(error)}")


def _variables_behind(error: Exception) -> str:
    """The variables of the environment that a library has read as it was imported, where it died of one."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    importing = {
        frame.f_globals.get("__package__") or "" for frame in frames if frame.f_code.co_name == "<module>"
    }
    if not {package.partition(".")[0] for package in importing} & {"torch", "numba"}:
        return ""
    text = str(error)
    read = [
        f"{variable}={value}"
        for variable, value in sorted(os.environ.items())
        if variable.startswith(OF_LIBRARIES)
        and value
        and re.search(rf"(?<!\w){re.escape(value)}(?!\w)|{variable}", text)
    ]
    return f" (from the environment: {', '.join(read)})" if read else ""


def _refused(error: OSError) -> str:
    """What the system refused, and where. Of a file that was to take another's place later only its folder matters."""
    text = str(error)
    if error.strerror is not None:
        place = None if error.filename is None else Path(os.fsdecode(error.filename))
        place = place.parent if place is not None and is_partial(place) else place
        text = error.strerror if place is None else f"{error.strerror}: {place}"
    return one_line(text)


def interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C anew, a moment later, that fell into a finaliser: Python lets nothing out of those."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident
        threading.Timer(0.01, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)
