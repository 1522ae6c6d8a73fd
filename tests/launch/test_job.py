"""A job and the signals that Slurm sends it."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from studies.launch.job import PREEMPTED, _leave_by_signal_alone


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = signal.getsignal(PREEMPTED)
    yield
    signal.signal(PREEMPTED, before)


def a_run() -> None:
    try:
        os.kill(os.getpid(), PREEMPTED)
        time.sleep(5)
    except Exception:
        pytest.fail("the run took it for its own")


@pytest.mark.parametrize("error", [RuntimeError("killed"), SystemExit(-1)])
def test_whatever_goes_wrong_in_the_handler_is_no_failure_of_the_run(error: BaseException) -> None:
    def handler(number: int, frame: Any) -> None:
        raise error

    signal.signal(PREEMPTED, handler)
    _leave_by_signal_alone()
    with pytest.raises(SystemExit):
        a_run()


def test_without_a_handler_nothing_is_changed() -> None:
    signal.signal(PREEMPTED, signal.SIG_DFL)
    _leave_by_signal_alone()
    assert signal.getsignal(PREEMPTED) == signal.SIG_DFL
