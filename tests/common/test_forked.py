"""Work shared by several processes is what one process does, in the same order."""

import os
from multiprocessing import active_children

import pytest

from zigma.common import forked
from zigma.common.forked import map_forked


@pytest.fixture(params=[1, 3])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many cores there are."""
    monkeypatch.setattr(forked, "usable_cores", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("together", [1, 4])
def test_the_order_is_that_of_the_items(cores: int, together: int) -> None:
    above = 100  # which a function that is no module's reaches
    assert list(map_forked(lambda x: above + x, range(17), together=together)) == list(range(100, 117))


def test_few_items_stay_in_this_process(cores: int) -> None:
    assert set(map_forked(lambda _: os.getpid(), range(4), worth=5)) == {os.getpid()}
    assert (os.getpid() in map_forked(lambda _: os.getpid(), range(5), worth=5)) == (cores == 1)


def test_nothing_of_nothing(cores: int) -> None:
    assert list(map_forked(str, [], worth=0)) == []


def test_an_error_comes_where_its_item_stands_and_no_process_stays(cores: int) -> None:
    mapped = map_forked(lambda x: 1 // (3 - x), range(9))
    assert [next(mapped) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(mapped)
    assert active_children() == []
