"""Reading the text of a plan from left to right; its grammar is in `zigma.scans.grammar`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zigma.common.plugged import is_file
from zigma.common.words import printable, shown, unknown
from zigma.scans.given import GivenOrders, recall
from zigma.scans.loading import load_curve, read_curves, read_orders
from zigma.scans.order import MIXINGS
from zigma.scans.plans import LayerPlan, Plan, Reading
from zigma.scans.registry import AXES, Curve, find_curve, scan_names
from zigma.scans.strategies import STRATEGIES

FORMS = (
    *("NAME-k", "NAME@0,1", "FILE.py:NAME", "bidirectional", "video-sst", "video-NAME3d-k"),
    *(f"{mixing}-NAME-k" for mixing in MIXINGS),
)
LONGEST = 10_000  # scans of a plan: more than any network has, fewer than fill the memory
OF_A_FILE = 8  # variants that a file's curve is read in where its plan names no number: the paper's
FILE_END = re.compile(r"\.py(?=:)|\.npy(?=[-+@:)\s]|$)")
CURVE_OPTIONS = ("inner", "outer", "space")  # whose values are curves


class Reader:
    """A text being read from left to right; what was read is kept in full and without files."""

    def __init__(self, text: str, shared: Mapping[str, Any]) -> None:
        self.whole, self.rest, self.shared = text, text.strip(), shared
        self.used: set[str] = set()
        self.text, self.name = "", ""
        self.files: list[Path] = []

    def plan(self) -> Plan:
        parts = [self.part()]
        while self.take("+"):
            parts.append(self.part())
        if self.rest:
            raise ValueError(f"plan {shown(self.whole)!r} cannot be read from {self.rest!r} on")
        period = tuple(layer for layers, _ in parts for layer in layers)
        dimensions = frozenset({2, 3}).intersection(*(does for _, does in parts))
        if not dimensions:
            raise ValueError(
                f"plan {shown(self.whole)!r} has scans of (H, W) and scans of (T, H, W): no grid fits both"
            )
        if sum(len(layer.readings) for layer in period) > LONGEST:
            raise ValueError(f"a plan has at most {LONGEST} scans, unlike {shown(self.whole)!r}")
        return Plan(self.text, self.name, period, tuple(dict.fromkeys(self.files)), dimensions)

    def part(self) -> tuple[list[LayerPlan], frozenset[int]]:
        """The layers of one part, and of how many dimensions their grids may be."""
        name, after = self.word().strip(), self.rest[len(self.word()) :]
        if name in STRATEGIES and name not in scan_names() and after[:1] in ("", "+"):
            self.rest = STRATEGIES[name].plan + after
        if self.file_here()[0] is None and self.word() not in scan_names():
            for mixing in MIXINGS:
                if self.take(f"{mixing}-"):
                    readings = self.group()
                    return [LayerPlan(tuple(readings), mixing)], _dimensions(readings)
            if self.word() == "bidirectional":
                self.take("bidirectional")
                curve = find_curve("sweep")
                options = self.options(curve)  # variant 6 of the sweep is variant 0 reversed
                readings = [Reading(curve, variant, options) for variant in (0, 6)]
                return [LayerPlan(tuple(readings), "parallel")], _dimensions(readings)
            if self.word().startswith("video-"):
                return self.video()
        readings = self.scans()
        return [LayerPlan((reading,)) for reading in readings], _dimensions(readings)

    def group(self) -> list[Reading]:
        """What one layer scans at once."""
        if not self.take("("):
            if re.fullmatch(r"[0-9]+", self.word()):
                return self.counted(find_curve("zigzag"), self.word(), self.advance(self.word()))
            return self.scans()
        readings = self.scans()
        while self.take("+"):
            readings += self.scans()
        if not self.take(")"):
            raise ValueError(f"plan {shown(self.whole)!r} has a ( without its )")
        return readings

    def scans(self) -> list[Reading]:
        """CURVE, CURVE-k or CURVE@v,w with its options."""
        path, written = self.file_here()
        if path is None:
            word = self.advance(self.word())
            curve, count = _split(word, _named)
            if curve is None:
                raise self.unreadable(word)
            return self.counted(curve, count, word)
        self.files.append(path)
        self.rest = self.rest.removeprefix(written)
        if path.suffix == ".npy":
            orders, word = read_orders(path), self.word()
            self.keep(f"{path}{word}", f"{orders.name}{word}")
            self.rest = self.rest[len(word) :]
            return self.counted(orders, word.removeprefix("-"), word)
        self.rest = self.rest.removeprefix(":")
        word, file = self.word(), read_curves(path)
        curve, count = _split(word, lambda name: file.curve(name) if name in file.names else None)
        if curve is None:
            file.curve(word)  # says what the file has
            raise AssertionError(word)
        ending = f"-{count or format(min(OF_A_FILE, curve.variants), 'g')}"
        ending = count if count.startswith("@") else ending
        self.keep(f"{path}:{word if count else word + ending}", curve.name + ending)
        self.rest = self.rest[len(word) :]
        return self.counted(curve, count or ending[1:], word)

    def counted(self, curve: Curve | GivenOrders, count: str, word: str) -> list[Reading]:
        """The readings of a curve whose number or choice of variants was written as `count`, `@` included."""
        if count.startswith("@"):
            if not re.fullmatch(r"@[0-9]{1,9}r?(,[0-9]{1,9}r?)*", count):
                raise ValueError(f"variants are chosen as in {curve.name}@0,1,6,7, unlike {word!r}")
            chosen = [(int(word.removesuffix("r")), word.endswith("r")) for word in count[1:].split(",")]
        else:
            count = count or str(curve.variants if isinstance(curve, GivenOrders) else 1)
            if not re.fullmatch(r"[0-9]{1,9}", count):
                raise ValueError(f"a number of orders is written as in {curve.name}-4, unlike {word!r}")
            number = int(count)
            if not 1 <= number <= min(curve.variants, LONGEST):
                raise ValueError(
                    f"plan {shown(self.whole)!r} asks for {number} orders of {curve.name!r}, which has 1.."
                    f"{min(curve.variants, LONGEST):g}; variants can be repeated as in {curve.name}@0,0"
                )
            chosen = [(variant, False) for variant in range(number)]
        options = self.options(curve)
        for variant, _ in chosen:
            curve.check(variant, dict(options))
        return [Reading(curve, variant, options, backwards) for variant, backwards in chosen]

    def video(self) -> tuple[list[LayerPlan], frozenset[int]]:
        word = self.advance(self.word())
        letters = word.removeprefix("video-")
        if re.fullmatch("[st]+", letters) and len(letters) <= LONGEST:
            layers = _factorised(letters, *self.space())
            return layers, _dimensions([reading for layer in layers for reading in layer.readings])
        match = re.fullmatch(r"(.+)3d(?:-([0-9]+)|(@[0-9r,]+))?", letters)
        if match is None or match[1] not in scan_names():
            raise unknown("plan", word, ["video-sst", "video-zigzag3d-8", *FORMS])
        readings = self.counted(find_curve(match[1]), match[2] or match[3] or "", word)
        return [LayerPlan((reading,)) for reading in readings], _dimensions(readings) & {3}

    def space(self) -> tuple[Curve, tuple[tuple[str, Any], ...]]:
        """The curve of the frames of a factorised plan, and its options."""
        own = self.assignments()
        space = own.pop("space", None) or self.shared.get("space", "zigzag")
        self.used.add("space")
        curve = find_curve(space if isinstance(space, Curve) else str(space))
        options = self.merged(curve, own)
        curve.check(0, dict(options))
        return curve, options

    def options(self, curve: Curve | GivenOrders) -> tuple[tuple[str, Any], ...]:
        return self.merged(curve, self.assignments())

    def merged(self, curve: Curve | GivenOrders, own: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """A scan's own options and, of those that all scans share, the ones that its curve has."""
        shared = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.shared.items()
            if name in curve.options or (name == AXES and isinstance(curve, Curve))
        }
        self.used.update(shared)
        merged = {**shared, **own}
        for name, value in merged.items():
            try:
                hash(value)  # layers of equal options share one order
            except TypeError:
                raise ValueError(
                    f"option {name!r} of scan {curve.name!r} is a number, a word or a list of them, not {value!r}"
                ) from None
        return tuple(sorted(merged.items()))

    def assignments(self) -> dict[str, Any]:
        """`:window=4,inner=hilbert`, if it comes next."""
        if not self.take(":"):
            return {}
        written = re.split(r"[+()]", self.rest, maxsplit=1)[0]
        options: dict[str, Any] = {}
        for assignment in written.split(","):
            key, equals, value = assignment.partition("=")
            if not (key and equals and value):
                raise ValueError(
                    f"options are written NAME:key=value,key=value, unlike {shown(self.whole)!r}"
                )
            if key in options:
                raise ValueError(f"plan {shown(self.whole)!r} gives the option {key!r} of one scan twice")
            before = f",{key}=" if options else f"{key}="
            if key in CURVE_OPTIONS and ".py:" in value:
                options[key] = curve = load_curve(value)
                assert curve.file is not None
                self.files.append(curve.file)
                name = value.rpartition(":")[2]
                self.keep(f"{before}{curve.file}:{name}", f"{before}{curve.name}")
                continue
            options[key] = _value(value)
            self.keep(f"{before}{value}")
        self.rest = self.rest[len(written) :]
        return options

    def word(self) -> str:
        """What comes next, up to a sign that separates; chosen variants belong to it."""
        match = re.match(r"[^+:()@]*(@[0-9r,]*)?", self.rest)
        assert match is not None
        return match[0]

    def advance(self, word: str) -> str:
        self.keep(word.strip())
        self.rest = self.rest[len(word) :]
        return word.strip()

    def take(self, sign: str) -> bool:
        """Read `sign`, if it comes next; spaces around it do not count."""
        if not self.rest.lstrip().startswith(sign):
            return False
        self.keep(sign)
        self.rest = self.rest.lstrip().removeprefix(sign).lstrip()
        return True

    def keep(self, text: str, name: str | None = None) -> None:
        self.text += text
        self.name += text if name is None else name

    def file_here(self) -> tuple[Path | None, str]:
        """The user's file with which the rest begins, and as it is written; a path may hold any sign, so that only
        the disk can tell which of the beginnings is one."""
        for end in FILE_END.finditer(self.rest):
            written = self.rest[: end.end()]
            if is_file(Path(written)):
                return Path(written).expanduser().absolute(), written
        return None, ""

    def unreadable(self, word: str) -> ValueError:
        """Why a word means nothing: a file that does not exist, or a name that nothing has."""
        if word in STRATEGIES:
            return ValueError(f"{word!r} is a plan, {STRATEGIES[word].plan}: only + may stand beside it")
        if word == "bidirectional" or word.startswith(("video-", *(f"{mixing}-" for mixing in MIXINGS))):
            return ValueError(f"{word!r} says what whole layers read: only + may stand beside it")
        rest = word + self.rest
        end = FILE_END.search(rest)
        if end is not None:
            path = printable(rest[: end.end()])
            return ValueError(
                f"no file {path}" if "+" not in path else f"neither a plan {word!r} nor a file {path}"
            )
        if not word:
            return ValueError(
                f"plan {shown(self.whole)!r} lacks a scan; plans are written as {', '.join(FORMS)}"
            )
        if rest.endswith(".py"):  # the name of the curve was left out
            path = printable(rest)
            if not is_file(Path(rest)):
                return ValueError(f"no file {path}; a curve of a file is written {path}:NAME")
            names = read_curves(Path(rest)).names
            return ValueError(
                f"{path} is a file: a curve of it is written {' or '.join(f'{path}:{name}' for name in names)}"
                if names
                else f"{path} has no curve: decorate a function of it by @register_scan"
            )
        return unknown("plan", word, [*scan_names(), *FORMS, *STRATEGIES])


def _split(word: str, curve_named: Any) -> tuple[Any, str]:
    """`zigzag-8` as its curve and "8", `sweep@0,1` as "@0,1", a name alone as ""; no curve where the word is none."""
    name, at, chosen = word.partition("@")
    if at:
        return curve_named(name), at + chosen
    if (curve := curve_named(word)) is not None:
        return curve, ""
    name, _, count = word.rpartition("-")
    return (curve_named(name), count) if re.fullmatch(r"[0-9]+", count) else (None, "")


def _named(name: str) -> Curve | GivenOrders | None:
    return recall(name) or (find_curve(name) if name in scan_names() else None)


def _value(text: str) -> Any:
    """4 and 4x6 are read as numbers."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    if re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})+", text):
        return tuple(map(int, text.split("x")))
    return text


def _dimensions(readings: Iterable[Reading]) -> frozenset[int]:
    return frozenset({2, 3}).intersection(*(reading.dimensions for reading in readings))


def _factorised(letters: str, curve: Curve, options: tuple[tuple[str, Any], ...]) -> list[LayerPlan]:
    """One period of a factorised plan: s layers count through the variants, t layers through directions."""
    spaces, times = letters.count("s"), letters.count("t")
    variants = OF_A_FILE if math.isinf(curve.variants) else int(curve.variants)
    rounds = math.lcm(
        variants // math.gcd(variants, spaces) if spaces else 1, 2 // math.gcd(2, times) if times else 1
    )
    layers, counted = [], {"s": 0, "t": 0}
    for letter in letters * rounds:
        turn = counted[letter]
        counted[letter] += 1
        reading = (
            Reading(curve, turn % variants, options, over="space")
            if letter == "s"
            else Reading(None, turn % 2, over="time")
        )
        layers.append(LayerPlan((reading,)))
    return layers
