"""What processes of one run share and hear of each other, without starting any."""

import pytest

from zigma.training import processes as module
from zigma.training.processes import OtherProcessFailed, from_main, shares, together


class FakeState:
    def __init__(self, rank: int, world: int) -> None:
        self.process_index, self.num_processes = rank, world


@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 5000])
@pytest.mark.parametrize("world", [1, 2, 3, 32])
def test_shares_are_everything_once_and_in_order(n: int, world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    for rank in range(world):
        monkeypatch.setattr(module, "processes", lambda rank=rank: FakeState(rank, world))
        for batch in shares(n, 7):
            assert 1 <= len(batch) <= 7
            seen += batch
    assert seen == list(range(n))


def test_one_process_alone_waits_for_nobody() -> None:
    def broken() -> None:
        raise KeyError("here")

    assert together(lambda: 3) == [3]
    assert from_main(lambda: 3) == 3
    for act in (together, from_main):
        with pytest.raises(KeyError, match="here"):
            act(broken)


def test_an_error_elsewhere_names_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "processes", lambda: FakeState(0, 2))
    told = [(1, None), (None, "ValueError: no")]
    monkeypatch.setattr(module, "gather_object", lambda value: told)
    with pytest.raises(OtherProcessFailed, match="process 1: ValueError: no"):
        together(lambda: 1)


def test_processes_that_do_not_meet_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would train alone and the last to write would win."""
    module.processes()  # alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="WORLD_SIZE=2, but 1 processes have met"):
        module.processes()
