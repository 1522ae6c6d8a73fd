"""Plans as values: what may be written, what a plan knows of itself, users' files, and wrong words."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zigma.scans import ParallelScan, ScanOrder, parse_plan, register_scan, scan_order, scan_plan

CURVES = """
import numpy as np
from zigma.scans import register_scan

def curve2(height, width):
    return range(height * width)

@register_scan("my-three", variants=3)
def three(height, width, variant=0, band=1):
    return np.roll(np.arange(height * width), variant * band)

@register_scan("cube")
def cube(frames, height, width):
    return np.arange(frames * height * width)[::-1]

def zigzag(height, width):
    return range(height * width)

def lacking(height, width, *, step):
    return range(height * width)

def broken(height, width):
    return 1 / 0

def by_chance(height, width):
    return np.random.permutation(height * width)

def turned(height, width, steps=np.arange(6)):
    steps[:] = steps[::-1].copy()
    return steps

def of_nothing(height, width):
    return None
"""


@pytest.fixture
def curves(tmp_path: Path) -> str:
    """A user's file in a folder whose name has what separates the parts of a plan."""
    folder = tmp_path / "my curves-8+2 (old)"
    folder.mkdir()
    (folder / "my-own2.py").write_text(CURVES)
    return str(folder / "my-own2.py")


@pytest.mark.parametrize(
    ("text", "curves", "layers", "directions", "dimensions"),
    [
        ("zigzag-8", ("zigzag",), 8, 1, {2, 3}),
        ("spiral", ("spiral",), 1, 1, {2}),
        ("sweep@0,1,6,7", ("sweep",), 4, 1, {2, 3}),
        ("sweep@3,3,0", ("sweep",), 3, 1, {2, 3}),
        ("zigzag-4+hilbert-3", ("zigzag", "hilbert"), 7, 1, {2, 3}),
        ("bidirectional", ("sweep",), 1, 2, {2, 3}),
        ("parallel-4", ("zigzag",), 1, 4, {2, 3}),
        ("parallel-hilbert-4", ("hilbert",), 1, 4, {2, 3}),
        ("shared-spiral@0,6", ("spiral",), 1, 2, {2}),
        ("channels-(sweep@0,6+zigzag@1)", ("sweep", "zigzag"), 1, 3, {2, 3}),
        ("channels-sweep@0,1 + channels-sweep@6,7", ("sweep",), 2, 2, {2, 3}),
        ("windowed-8:window=4,inner=hilbert", ("windowed",), 8, 1, {2}),
        ("sweep@0,6:axes=hwt", ("sweep",), 2, 1, {3}),
        ("video-sst", ("zigzag",), 12, 1, {3}),
        ("video-st:space=hilbert", ("hilbert",), 16, 1, {3}),
        ("video-zigzag3d-8", ("zigzag",), 8, 1, {3}),
    ],
)
def test_a_plan_knows_what_it_is(
    text: str, curves: tuple[str, ...], layers: int, directions: int, dimensions: set[int]
) -> None:
    plan = parse_plan(text)
    assert plan.name == plan.text == text.replace(" ", "")
    assert (plan.curves, len(plan.period), plan.directions) == (curves, layers, directions)
    assert plan.dimensions == dimensions
    assert plan.files == ()
    assert plan == parse_plan(text)
    assert {plan: 1}[pickle.loads(pickle.dumps(plan))] == 1
    assert len(plan.layers((3, 4, 5)[-max(dimensions) :], 5)) == 5


@pytest.mark.parametrize(
    ("text", "name", "layers"),
    [
        ("curve2", "curve2-8", 8),
        ("curve2-2", "curve2-2", 2),
        ("three", "my-three-3", 3),
        ("my-three", "my-three-3", 3),
        ("my-three-2:band=4", "my-three-2:band=4", 2),
        ("my-three@2,0", "my-three@2,0", 2),
        ("zigzag-4", "my-own2.zigzag-4", 4),
        ("cube", "cube-8", 8),
        ("curve2-2+zigzag-4", "curve2-2+zigzag-4", 6),
    ],
)
def test_curves_of_a_file(curves: str, text: str, name: str, layers: int) -> None:
    plan = parse_plan(f"{curves}:{text}")
    assert (plan.name, len(plan.period)) == (name, layers)
    assert plan.files == (Path(curves),)
    assert parse_plan(plan.text) == plan


def test_a_file_may_stand_wherever_a_curve_does(curves: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(curves).parent)
    assert parse_plan("zigzag-2+my-own2.py:curve2-2").name == "zigzag-2+curve2-2"
    assert parse_plan("parallel-my-own2.py:my-three").directions == 3
    plan = parse_plan("windowed-2:window=2x3,inner=my-own2.py:curve2,outer=hilbert")
    assert plan.name == "windowed-2:window=2x3,inner=curve2,outer=hilbert"
    assert parse_plan("channels-(sweep@0,6+my-own2.py:curve2@6)").directions == 3
    assert parse_plan("my-own2.py:curve2").text == f"{curves}:curve2-8"
    (window,) = parse_plan("windowed:window=2,inner=my-own2.py:my-three").layers((2, 4), 1)
    assert isinstance(window, ScanOrder)
    assert window.order.tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert parse_plan("video-st:space=my-own2.py:my-three").name == "video-st:space=my-three"
    assert parse_plan("my-own2.py:cube").dimensions == {3}


def test_another_process_reads_the_same_plan_from_its_text(curves: str) -> None:
    plan = parse_plan(f"{curves}:my-three-2:band=4")
    code = (
        "import sys; from zigma.scans import parse_plan; plan = parse_plan(sys.argv[1]); "
        "print(plan.name, *plan.layers((2, 3), 2)[1].order)"
    )
    done = subprocess.run([sys.executable, "-c", code, plan.text], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["my-three-2:band=4", *map(str, plan.layers((2, 3), 2)[1].scans[0].order)]


def test_an_edited_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "curves.py"
    text = "def one(height, width):\n    return {}(range(height * width))\n"
    file.write_text(text.format("list"))
    before = parse_plan(f"{file}:one-2")
    assert parse_plan(f"{file}:one-2") == before
    file.write_text(text.format("reversed"))  # in the same second: no file time tells it
    after = parse_plan(f"{file}:one-2")
    assert after != before
    assert after.layers((1, 3), 1)[0].scans[0].order.tolist() == [2, 1, 0]
    file.write_text("def other(height, width):\n    return range(height * width)\n")
    with pytest.raises(ValueError, match=r"unknown curve of curves\.py 'one-2'.*known: other"):
        parse_plan(f"{file}:one-2")
    with pytest.raises(ValueError, match="unknown scan 'one'"):
        scan_order("one", (1, 3))


def test_two_files_with_a_curve_of_one_name_are_two_curves(tmp_path: Path) -> None:
    plans = []
    for name, how in (("a", "list"), ("b", "reversed")):
        file = tmp_path / f"{name}.py"
        file.write_text(
            "from zigma.scans import register_scan\n@register_scan('walk')\n"
            f"def walk(height, width):\n    return {how}(range(height * width))\n"
        )
        plans.append(parse_plan(f"{file}:walk-1"))
    first, second = plans
    assert first != second
    assert first.layers((1, 3), 1)[0].scans[0].order.tolist() == [0, 1, 2]
    assert second.layers((1, 3), 1)[0].scans[0].order.tolist() == [2, 1, 0]


def test_orders_as_arrays_and_files(tmp_path: Path) -> None:
    rows = np.stack([np.arange(6), np.arange(6)[::-1], np.roll(np.arange(6), 1)])
    np.save(tmp_path / "orders 1.npy", rows)
    for plan in (parse_plan(rows), parse_plan(list(rows)), parse_plan(f"{tmp_path}/orders 1.npy")):
        assert [scan.order.tolist() for scan in plan.layers((2, 3), 4)] == rows[[0, 1, 2, 0]].tolist()  # type: ignore[union-attr]
        assert parse_plan(plan.text) == plan
    assert parse_plan(f"{tmp_path}/orders 1.npy@2").name == "orders_1.npy@2"
    assert parse_plan(f"parallel-{tmp_path}/orders 1.npy-2").directions == 2
    mixed = parse_plan(["hilbert-2", rows[1], scan_plan("channels-sweep@0,1", (2, 3), 1)[0], list(rows[2])])
    assert [len(layer.readings) for layer in mixed.period] == [1, 1, 1, 2, 1]
    assert mixed.period[3].mixing == "channels"
    (space, *_) = scan_plan("video-s", (3, 1, 2), 1)
    again = parse_plan([space]).layers((3, 1, 2), 1)[0]
    assert isinstance(again, ScanOrder)
    assert again.segments == 3


@pytest.mark.parametrize("content", [b"text", np.array([None])])
def test_what_is_no_array_is_told_without_advice_to_unpickle(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "orders.npy"
    file.write_bytes(content) if isinstance(content, bytes) else np.save(file, content)
    with pytest.raises(ValueError, match=r"Python objects, or no array; save whole numbers by np\.save"):
        parse_plan(str(file))


def test_an_array_of_another_process_is_missed_by_name() -> None:
    with pytest.raises(ValueError, match=r"given as an array to another process; save them with np\.save"):
        parse_plan("array-0123456789ab")


def test_variants_of_an_array_are_chosen_by_its_name() -> None:
    two = parse_plan(np.array([[0, 1, 2, 3], [3, 2, 1, 0]]))
    assert [len(parse_plan(f"{two.text}{ending}").period) for ending in ("", "-1", "@1,0r,0")] == [2, 1, 3]
    with pytest.raises(ValueError, match="given as an array to another process"):
        parse_plan("array-0123456789ab-1")


def test_all_curves_of_a_plan_take_axes_at_once() -> None:
    for name in ("sweep-2", "zigzag-1+hilbert-1"):
        shared = scan_plan(name, (3, 4), 2, axes="wh")
        own = scan_plan("+".join(f"{part}:axes=wh" for part in name.split("+")), (3, 4), 2)
        orders = [[scan.order.tolist() for layer in plan for scan in layer.scans] for plan in (shared, own)]
        assert orders[0] == orders[1]


def test_axes_are_walked_slowest_first() -> None:
    grid = (2, 3, 4)
    cells = np.arange(24).reshape(grid)
    for axes, permutation in (("thw", (0, 1, 2)), ("hwt", (1, 2, 0)), ("wht", (2, 1, 0))):
        order = scan_order("sweep", grid, axes=axes)
        assert order.tolist() == cells.transpose(permutation).ravel().tolist()
        assert scan_order("sweep", grid, variant=6, axes=axes).tolist() == order[::-1].tolist()
    assert scan_order("hilbert", (3, 5), axes="wh").tolist() == [
        (i % 3) * 5 + i // 3 for i in scan_order("hilbert", (5, 3))
    ]


def test_a_description_says_what_each_layer_reads() -> None:
    lines = parse_plan("channels-(sweep@0,6)+zigzag").describe((2, 3), 3).splitlines()
    assert lines == [
        "layers 0, 2  channels: sweep 0  (0, 0) (0, 1) (0, 2) (1, 0) ... (1, 2)",
        "             channels: sweep 6  (1, 2) (1, 1) (1, 0) (0, 2) ... (0, 0)",
        "layer 1      zigzag 0           (0, 0) (0, 1) (0, 2) (1, 2) ... (1, 0)",
    ]


def test_a_plan_tells_how_many_of_its_orders_differ() -> None:
    plan = parse_plan("zigzag-8")
    assert plan.distinct((4, 6)) == (8, 8)
    assert plan.distinct((1, 6)) == (2, 8)
    assert plan.describe((1, 6), 1).splitlines()[-1] == "2 of the 8 orders differ on this grid"
    assert "differ" not in plan.describe((4, 6), 8)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("sweep-4:variant=6", "chosen by @, as in sweep@0,1"),
        ("sweep-4:band=1", "has no option 'band'"),
        ("zigzag-9", "asks for 9 orders of 'zigzag', which has 1..8"),
        ("random-99999999999", "a number of orders is written as"),
        ("random-100000", "1..10000"),
        ("+".join(["random-9999"] * 2), "at most 10000 scans"),
        ("zigzag-\u0663", "did you mean"),  # an Arabic three
        ("zigzag-8:", "options are written"),
        ("windowed-2:window=4,", "options are written"),
        ("windowed-2:window=4,window=3", "the option 'window' of one scan twice"),
        ("random-2:seed=-1", "seed is a whole number"),
        ("random-2:seed=4x5", "seed is a whole number"),
        ("windowed-2:window=0", "window is a side of at least 1"),
        ("windowed-2:inner=zigzga", "did you mean 'zigzag'"),
        ("sweep:axes=xy", "axes are the letters hw or thw"),
        ("sweep@", "variants are chosen as in sweep@0,1,6,7"),
        ("sweep@8", "has variants 0..7, not 8"),
        ("spiral+video-sst", "no grid fits both"),
        ("zigzag-8+", "lacks a scan"),
        ("", "lacks a scan"),
        ("parallel-(sweep", "a ( without its )"),
        ("parallel-4)", "cannot be read from"),
        *(
            (f"shared-{part}", f"{part!r} says what whole layers read")
            for part in ("bidirectional", "video-sst")
        ),
        ("channels-(sweep+parallel-2)", "'parallel-2' says what whole layers read"),
        ("video-sst:space=zigzga", "did you mean 'zigzag'"),
        ("none.py:spiral-2", "no file none.py"),
        ("none.npy", "no file none.npy"),
        ("none.py", "written none.py:NAME"),
        ("a\x00b.py:x", "no file a"),
        (7, "a plan is a text"),
        (None, "a plan is a text"),
        (np.zeros((2, 2), object), "whole numbers of shape"),
        ([], "an empty list"),
        (np.zeros((2, 2)), "whole numbers of shape"),
        ([[0, 1, 1]], "must hold each of 0..2 once"),
        (np.arange(4).reshape(2, 2), "one order of 4 tokens has the shape (4,)"),
    ],
)
def test_wrong_words_are_one_line(plan: object, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        scan_plan(plan, (4, 4), 3)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("plan", ["a" * 100_000, "+".join(["zigzag-8"] * 5000), "windowed:" + "b" * 100_000])
def test_a_long_word_is_not_repeated_whole(plan: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_plan(plan)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("given", [torch.tensor, lambda rows: [torch.tensor(row) for row in rows]])
def test_orders_may_be_tensors(given: Callable[[list[list[int]]], Any]) -> None:
    rows = [[3, 1, 0, 2], [0, 1, 2, 3]]
    assert [layer.scans[0].order.tolist() for layer in scan_plan(given(rows), (2, 2), 2)] == rows


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "broken",
            r"'broken' fails on the grid \(2, 3\) at my-own2.py:23: ZeroDivisionError: division by zero",
        ),
        ("by_chance", "'by_chance' gives another order the second time"),
        ("turned", "'turned' gives another order the second time"),  # in the memory of the first
        ("of_nothing", "whole numbers, not object"),
        ("my-three-4", "asks for 4 orders of 'my-three', which has 1..3"),
        ("tree", "unknown curve of my-own2.py 'tree': did you mean 'three'"),
        ("cube", r"needs a grid \(T, H, W\)"),
        ("lacking", r"lacking must take \(height, width\).* options need a default"),
    ],
)
def test_a_fault_of_a_users_file_is_one_sentence(curves: str, name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        scan_plan(f"{curves}:{name}", (2, 3), 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["def f(:\n", "raise SystemExit(3)\n", "\n1 / 0\n", "import no_such_module\n"]
)
def test_a_file_that_does_not_run_says_where(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.py").write_text(text)
    with pytest.raises(ValueError, match=r"wrong.py:[12] does not run: ") as caught:
        parse_plan(f"{tmp_path}/wrong.py:f")
    assert "\n" not in str(caught.value)


def test_a_parallel_layer_says_how_it_mixes() -> None:
    kinds = [
        parse_plan(f"{mixing}-sweep@0,6").layers((2, 2), 1)[0]
        for mixing in ("parallel", "shared", "channels")
    ]
    assert all(isinstance(layer, ParallelScan) for layer in kinds)
    assert [layer.mixing for layer in kinds] == ["parallel", "shared", "channels"]  # type: ignore[union-attr]
    assert [len(layer.scans) for layer in kinds] == [2, 2, 2]


@pytest.mark.parametrize("name", ["a b", "a+b", "a@b", "a/b", "a:b", "(a)", ""])
def test_a_curves_name_holds_nothing_that_separates(name: str) -> None:
    with pytest.raises(ValueError, match="a scan's name"):
        register_scan(name)


@pytest.mark.parametrize("value", [[1, [2]], {}, np.array([4])])
def test_an_option_that_is_no_plain_value_is_one_line(value: Any) -> None:
    with pytest.raises(ValueError, match="option 'window' of scan 'windowed' is a number"):
        scan_plan("windowed-8", (8, 8), 8, window=value)


@pytest.mark.parametrize("name", [["zigzag"], None, 3])
def test_a_scan_is_given_by_its_name(name: Any) -> None:
    with pytest.raises(ValueError, match="a scan is given by its name"):
        scan_order(name, (4, 4))
