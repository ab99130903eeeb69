"""Plain stand-ins for what pickles beside tensors are made of. None of them does anything but keep what it is given."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fpn_viewer.core.checkpoints.reading.limits import DIMENSIONS

if TYPE_CHECKING:
    from torch import Tensor

#: kinds of numbers of numpy that are read: truth values, whole, real and complex numbers
_NUMBERS = re.compile(r"[<>=|]?[?biufc]\d{0,2}")
#: those of them that torch has as well
_TORCH_HAS = frozenset(
    {
        "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64",
        "complex64", "complex128",
    }
)  # fmt: skip


class Stub:
    """An object whose class is not known here: its attributes, and what it was made with. Each name gets a class of its own."""

    given: tuple[Any, ...]

    def __new__(cls, *args: Any, **_keywords: Any) -> Stub:
        self = super().__new__(cls)
        object.__setattr__(self, "__dict__", {"given": args} if args else {})
        return self

    def __init__(self, *_args: Any, **_keywords: Any) -> None:
        """Takes whatever its class would have taken."""

    def __setstate__(self, state: Any) -> None:
        """Attributes, as a dict or as the pair of dicts that classes with slots write; anything else is kept as it is."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if all(part is None or isinstance(part, dict) for part in parts):
            for part in parts:
                self.__dict__.update({str(name): value for name, value in (part or {}).items()})
        else:
            self.__dict__["state"] = state


def stub_class(path: str) -> type[Stub]:
    """A new empty class with the name `path`."""
    module, _, name = path.rpartition(".")
    return type(name, (Stub,), {"__module__": module, "__qualname__": name})


class NumberType:
    """numpy's dtype: a kind of number and its byte order."""

    def __init__(self, code: Any, *_flags: Any) -> None:
        self.code = _word(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """The byte order is the second of what numpy writes."""
        order = _word(state[1])
        if order in ("<", ">") and self.code[:1] not in "<>":
            self.code = order + self.code.lstrip("|=")

    @property
    def numpy(self) -> np.dtype[Any] | None:
        """The kind of number; None for texts, objects, dates and records."""
        try:
            dtype = np.dtype(self.code) if _NUMBERS.fullmatch(self.code) else None
        except TypeError:
            return None
        return dtype if dtype is not None and dtype.name in _TORCH_HAS else None


def _word(value: Any) -> str:
    """A short text; the text of anything else could be of any length."""
    return value.decode("ascii") if isinstance(value, bytes) else value if isinstance(value, str) else ""


class Array:
    """numpy's array: its shape and its bytes, which become numbers when they are asked for."""

    def __init__(self, *_args: Any) -> None:
        # what size a file asks for is left aside until its bytes are there
        self.shape: tuple[int, ...] = ()
        self.kind: Any = None
        self.fortran = False
        self.raw: Any = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """What numpy writes: version (not by the oldest), shape, dtype, order, bytes. Raises ValueError where they do not fit."""
        shape, self.kind, fortran, raw = state[-4:]
        self.shape, self.fortran = _checked_shape(shape), bool(fortran)
        self.raw = raw.encode("latin1") if isinstance(raw, str) else raw
        dtype = self.kind.numpy if isinstance(self.kind, NumberType) else None
        if dtype is not None and len(self.raw) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError("an array's bytes do not fit its shape")

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers."""
        return isinstance(self.kind, NumberType) and self.kind.numpy is not None

    def tensor(self) -> Tensor:
        """Its numbers, copied."""
        dtype: np.dtype[Any] = self.kind.numpy
        flat = np.frombuffer(self.raw, dtype)
        # torch knows only this machine's byte order, and takes no array that cannot be written to
        return torch.from_numpy(flat.reshape(self.shape, order="F" if self.fortran else "C").astype(dtype.newbyteorder("="), "C"))


def _checked_shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > DIMENSIONS or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("an array has no proper shape")
    return shape


def array_of(raw: Any, kind: Any, shape: Any, order: Any = "C", *_more: Any) -> Array:
    """numpy's `_frombuffer`."""
    if not isinstance(raw, (bytes, bytearray)):
        raise TypeError("an array is not made of bytes")
    made = Array()
    made.__setstate__((shape if isinstance(shape, tuple) else (shape,), kind, order == "F", bytes(raw)))
    return made


def number(kind: Any, raw: Any = b"") -> Any:
    """numpy's `scalar`: a number of Python; the text of what is none."""
    raw = raw.encode("latin1") if isinstance(raw, str) else raw
    dtype = kind.numpy if isinstance(kind, NumberType) else None
    if dtype is None or not isinstance(raw, bytes) or len(raw) != dtype.itemsize:
        return raw
    return np.frombuffer(raw, dtype)[0].item()


def path_text(*parts: Any) -> str:
    """A path as text, whatever system it is from."""
    return str(PurePosixPath(*(part for part in parts if isinstance(part, str))))


class AsDict:
    """Whatever is like a dict becomes an OrderedDict: torch puts keys and values into nothing else. Filled afterwards."""

    def __new__(cls, *_args: Any) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        return OrderedDict()


class AsList:
    """Whatever is like a list becomes one, for the same reason; a deque is given a list at once."""

    def __new__(cls, *args: Any) -> list[Any]:  # type: ignore[misc]
        return list(args[0]) if args and isinstance(args[0], (list, tuple, set)) else []


def instance(kind: Any, *_base_and_state: Any) -> Any:
    """copyreg's `_reconstructor`: an object of a class that is not known here."""
    if isinstance(kind, type) and issubclass(kind, (Stub, AsDict, AsList)):
        return kind()
    raise TypeError("an object of a known class is not made this way")


def nothing(*_args: Any) -> bytes:
    """Empty bytes, which protocol 2 cannot write otherwise."""
    return b""


def constant_name(owner: Any, name: Any, *_default: Any) -> str:
    """How Python 3.11 writes a member of an enumeration: its name."""
    return f"{getattr(owner, '__name__', '')}.{_word(name)}"
