"""A program ends as a shell expects, and prints on any terminal."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zigma.common import terminal
from zigma.common.program import carry_out
from zigma.common.words import Problems, WordError, fail

ROOT = Path(__file__).parents[2]


def raising(error: BaseException) -> object:
    def work() -> int:
        raise error

    return work


def test_errors_are_lines_and_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out("p", lambda: None) == 0
    assert carry_out("p", lambda: 3) == 3
    for error, lines in ((WordError("a\nb"), ["p: a b"]), (Problems(["c", "d"]), ["p: c", "p: d"])):
        with pytest.raises(SystemExit) as left:
            carry_out("p", raising(error))  # type: ignore[arg-type]
        assert left.value.code == 2
        assert capsys.readouterr().err.splitlines() == lines
    assert carry_out("p", raising(KeyboardInterrupt()), "again resumes") == 130  # type: ignore[arg-type]
    assert "again resumes" in capsys.readouterr().err
    with pytest.raises(RuntimeError):  # no fault of the user: the traceback is wanted
        carry_out("p", raising(RuntimeError("bug")))  # type: ignore[arg-type]


@pytest.mark.parametrize("leave", ["sys.exit(0)", "exit(3)", "raise SystemExit"])
def test_a_function_of_the_user_that_leaves_is_named(
    leave: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else nothing is done, and the status may say that all went well."""
    file = tmp_path / "mine.py"
    file.write_text(f"import sys\ndef curve():\n    {leave}\n")
    scope: dict[str, Any] = {"__name__": "mine"}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    with pytest.raises(SystemExit) as left:
        carry_out("p", lambda: int(scope["curve"]()))
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"p: {file}, line 3, leaves the program")


def test_this_project_may_leave_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        carry_out("p", lambda: fail("q", ValueError("why")))
    assert left.value.code == 2
    assert capsys.readouterr().err == "q: why\n"


def test_what_the_system_refuses_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Full disks and folders that may not be written, also in programs that are not carried out for a run."""
    for error, line in (
        (OSError(errno.EROFS, "Read-only file system", "r/work"), "p: Read-only file system: r/work"),
        (OSError(errno.ENOSPC, "No space left on device"), "p: No space left on device"),
        (OSError(errno.ENOSPC, "No space left", "r/.a.1.tmp.json"), "p: No space left: r"),
        (PermissionError("odd\nwords"), "p: odd words"),
    ):
        assert carry_out("p", raising(error)) == 1  # type: ignore[arg-type]
        assert capsys.readouterr().err.splitlines() == [line]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("words", ["studies show hilbert", "analysis findings", "zigma.data list"])
def test_letters_that_a_terminal_lacks_are_replaced(words: str, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    code = (
        "import sys, runpy; from zigma.common.program import print_anywhere as p; "
        f"p(); print('\\u2193 \\u00b1'); sys.argv = {words.split()!r}; "
        f"runpy.run_module({words.split()[0]!r}, run_name='__main__', alter_sys=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-300:]
    assert done.stdout.decode(encoding).startswith("? ")


def test_tables_are_plain_columns_in_a_pipe_and_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["name", "n"], ["[bold]a", "1"], ["b\x1b[31m", "22"]]
    terminal.print_table(rows)
    assert capsys.readouterr().out == "name      n\n[bold]a   1\nb?[31m   22\n"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    terminal.print_table(rows)
    assert "[bold]a" in screen.getvalue()  # a name is no markup
    assert "\x1b[31m" not in screen.getvalue()


@pytest.mark.parametrize("value", ["nonsense", "/proc/not there"])
def test_a_variable_of_which_a_library_dies_is_named(value: str, tmp_path: Path) -> None:
    library = tmp_path / "torch" / "__init__.py"
    library.parent.mkdir()
    library.write_text("import os\nraise ValueError('cannot read ' + os.environ['TORCH_WORD'])\n")
    code = "import importlib\nfrom zigma.common.program import carry_out\n"
    code += "carry_out('program', lambda: importlib.import_module('torch'))"
    path = f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"
    environment = os.environ | {"PYTHONPATH": path, "TORCH_WORD": value, "TORCH_OTHER": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    line = f"program: cannot read {value} (from the environment: TORCH_WORD={value})\n"
    assert (done.returncode, done.stderr) == (2, line)
