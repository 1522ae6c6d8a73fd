"""State dicts out of checkpoints that others wrote: read without trust, found under the names of usual layouts."""

import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zigma.common.plugged import is_file

Weights = Mapping[str, Tensor]
CHOICES = ("ema", "model")
# what a checkpoint may hold weights under, by which weights those are; "" says neither
LAYOUTS = {
    "ema": ("ema", "ema_state_dict", "ema_model", "model_ema"),
    "model": ("model", "model_state_dict"),
    "": ("state_dict", "module"),
}
WRAPPERS = ("module", "_orig_mod")  # left in names by DistributedDataParallel and torch.compile
COUNT = "n_averaged"  # of torch's AveragedModel: how many states it has averaged, which is no weight
DEEPEST = 4  # layouts inside each other; a file may hold itself


class _Placeholder:
    """Stands for any object of a checkpoint that is not a tensor; whatever it is given, it does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


class _AsDict:
    """Stands for an object that is filled as a dict is."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return OrderedDict()


class _AsList:
    """Stands for an object that is filled as a list is."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return []


class _Kind(_Placeholder):
    """The letters of a NumPy dtype."""

    def __init__(self, letters: Any = "", *rest: Any) -> None:
        self.letters, self.byte_order = letters, "="

    def __setstate__(self, state: Any) -> None:
        self.byte_order = state[1]


class _Array(_Placeholder):
    """The parts of a NumPy array. NumPy itself trusts what it unpickles."""

    parts: Any = None

    def __setstate__(self, state: Any) -> None:
        self.parts = state

    def read(self) -> np.ndarray | None:
        """The array, of plain numbers; None of any other."""
        try:
            _, shape, kind, by_columns, data = self.parts
            if not re.fullmatch("[fiub][1248]", kind.letters):
                return None
            flat = np.frombuffer(data, np.dtype(kind.letters).newbyteorder(kind.byte_order))
            return flat.reshape(shape, order="F" if by_columns else "C")
        except (AttributeError, TypeError, ValueError):
            return None


NUMPY = {
    "numpy.dtype": _Kind,
    "numpy.core.multiarray._reconstruct": _Array,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy.ndarray": _Placeholder,
}


def read_checkpoint(source: str | PathLike[str]) -> Mapping[str, Any]:
    """What a file of torch or safetensors holds; nothing that a pickle asks for is executed.

    Raises:
        ValueError: in one line, for a file that is not there, cannot be read so, or holds no dict.
    """
    path = Path(source)
    if not is_file(path):
        raise ValueError(f"no checkpoint at {path}")
    path = path.expanduser()
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        contents = _without_what_it_asks_for(path)
    except Exception as error:  # a file from elsewhere may fail in any way
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not isinstance(error, pickle.UnpicklingError) or "Unsupported operand" in str(error):
            raise ValueError(f"{path} is damaged, or no file of torch or safetensors") from error
        raise ValueError(
            f"{path} cannot be read as weights alone{f' (it asks for {asked[1]})' if asked else ''}; where you trust "
            "it, write them again with torch.save(torch.load(path, weights_only=False)['ema'], new_path)"
        ) from error
    if not isinstance(contents, Mapping):
        raise ValueError(
            f"{path} holds a {type(contents).__name__}, not a state dict or a checkpoint with one"
        )
    return contents


def _without_what_it_asks_for(path: Path) -> Any:
    """What a file holds, with stand-ins for all objects that are no tensors.

    Which those are, a file of the format before torch 1.6 says only one by one, and that one is filled like a dict
    or a list is known when it is filled: so reading begins again whenever it has told more.
    """
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except ValueError:  # the format before torch 1.6
        names = []
    stand_ins: dict[str, type] = {**dict.fromkeys(names, _Placeholder), **NUMPY}
    while True:
        named = list(stand_ins)
        placeholders: list[Any] = [
            (type(f"Placeholder{i}", (stand_ins[name],), {}), name) for i, name in enumerate(named)
        ]
        try:
            with torch.serialization.safe_globals(placeholders):
                return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            asked = re.search(r"GLOBAL ([\w.]+)", str(error))
            filled = re.search(r"Can only (SETITEM|append).*Placeholder(\d+)'", str(error), re.DOTALL)
            more: dict[str, type] = {}
            if asked:
                more = {asked[1]: _Placeholder}
            elif filled:
                more = {named[int(filled[2])]: _AsDict if filled[1] == "SETITEM" else _AsList}
            if stand_ins.items() >= more.items():  # nothing new
                raise
            stand_ins |= more


def _safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged, or no file of safetensors: {error}") from error


def state_dict(contents: Mapping[str, Any], key: str | None) -> Weights:
    """The weights in a checkpoint, without the prefixes that wrappers leave; empty where there are none.

    Args:
        contents: a state dict, or dicts that hold some under the names of `LAYOUTS`, inside each other or not.
        key: "ema" or "model"; None prefers the averaged weights where there are some.

    Raises:
        ValueError: another key, or weights of the other kind alone.
    """
    if key not in (None, *CHOICES):
        raise ValueError(f"weights is 'ema' or 'model', not {key!r}")
    held = _held(contents, DEEPEST)
    if not any(held):  # none, or nothing says which they are
        return held.get("", {})
    for kind in {None: ("ema", "model", ""), "ema": ("ema",), "model": ("model", "")}[key]:
        if kind in held:
            return held[kind]
    raise ValueError(f"the checkpoint has no {key!r} weights; it has: {', '.join(filter(None, held))}")


def _held(contents: Mapping[str, Any], deep: int) -> dict[str, Weights]:
    """Each kind of weights that a checkpoint holds, by the keys of `LAYOUTS`."""
    held: dict[str, Weights] = {}
    for kind, names in LAYOUTS.items():
        parts = [contents.get(name) for name in names] if deep else []
        for part in parts:
            for inner, weights in (_held(part, deep - 1) if isinstance(part, Mapping) else {}).items():
                held.setdefault("ema" if kind == "ema" else inner or kind, weights)
    if held:
        return held
    own: dict[str, Tensor] = {}
    for name, value in contents.items():
        if not isinstance(name, str) or name == COUNT or (tensor := _tensor(value)) is None:
            continue
        plain = ".".join(part for part in name.split(".") if part not in WRAPPERS)
        if plain in own:
            raise ValueError(f"the checkpoint has {plain} twice, once with the prefix of a wrapper")
        own[plain] = tensor
    # single numbers are none: an average that is not begun may hold its rate and its count
    return {"": own} if any(tensor.ndim for tensor in own.values()) else {}


def _tensor(value: Any) -> Tensor | None:
    """A tensor, or an array of plain numbers as one."""
    array = value.read() if isinstance(value, _Array) else value
    if isinstance(array, np.ndarray) and array.dtype.kind in "fiub" and array.dtype.itemsize <= 8:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    return value if isinstance(value, Tensor) else None
