"""Whether torch may read a pickle: what it names, what it would have built, and how much, judged before torch looks at it.

`torch.load(weights_only=True)` runs no code, but it makes whatever size of tensor or buffer a file names, and calls what it knows
with whatever it is given. So the pickle is gone through here first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from fpn_viewer.core.checkpoints.reading.danger import would_run
from fpn_viewer.core.checkpoints.reading.limits import DIMENSIONS, NAME_LENGTH, VIEWS, VIEWS_SPARE, damaged, hollow, too_much
from fpn_viewer.core.checkpoints.reading.machine import Machine, Made, Named
from fpn_viewer.core.checkpoints.reading.names import REBUILDS, REBUILDS_OF_TENSORS, is_torchs_own, unusable
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: bytes of one number by the name of its storage
_STORAGES = {
    "Untyped": 1, "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1,
    "Bool": 1, "ComplexDouble": 16, "ComplexFloat": 8, "QUInt8": 1, "QInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1,
}  # fmt: skip
#: the same by the name of the number type, of those that have no storage of their own
_TYPES = {"uint16": 2, "uint32": 4, "uint64": 8, "float32": 4, "float64": 8, "int64": 8, "complex64": 8, "complex128": 16}
#: what torch's own reader of pickles knows
_TORCHS_STEPS = frozenset(
  {
    "NEWOBJ", "REDUCE", "BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "MARK", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "NONE", "NEWFALSE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "BININT", "BININT1", "BININT2",
    "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINPERSID", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT", "LONG1",
    "PROTO", "STOP", "GLOBAL",
  }
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers outside the pickle.

    Attributes:
        key: what names them.
        size: how many.
        itemsize: bytes of one.
    """

    key: str
    size: int
    itemsize: int


@dataclass
class Use:
    """How a pickle uses a class that torch does not know.

    Attributes:
        mapping: it puts keys and values into them.
        sequence: it appends to them.
    """

    mapping: bool = False
    sequence: bool = False


@dataclass
class Audit(Machine):
    """Goes through the pickle of a torch file.

    Attributes:
        sizes: bytes of each storage that the file really has, by key; None for a file that has them after the pickle.
        storages: those that the pickle refers to.
        uses: what is done with each class and function that torch does not know.
        stored: numbers in all storages.
        viewed: numbers in all tensors, which may share storages.
    """

    sizes: Mapping[str, int] | None = None
    storages: dict[str, Storage] = field(default_factory=dict, init=False)
    uses: dict[str, Use] = field(default_factory=dict, init=False)
    stored: int = field(default=0, init=False)
    viewed: int = field(default=0, init=False)

    steps_allowed: ClassVar[frozenset[str] | None] = _TORCHS_STEPS

    def named(self, path: str) -> Named:
        """Refuses what torch would rebuild and nobody here can use."""
        words = unusable(path)
        if words:
            raise CheckpointError(f"{self.file} holds {words}.", [path])
        if not is_torchs_own(path):
            self.uses[path] = Use()
        return Named(path)

    def look_up_name(self, module: str, name: str) -> Any:
        """Counts how often what torch does not know is named."""
        named = super().look_up_name(module, name)
        if named.path in self.uses:
            self.budget.take("strangers")
        return named

    def protocol(self, version: int) -> None:
        """torch warns of every other one, and knows the steps of this one only."""
        if version != 2:
            raise self.other_protocol(f"protocol {version}")

    def made(self, callee: Named, args: tuple[Any, ...]) -> Made:
        """Checks what a call is given, where torch itself would carry it out."""
        path = callee.path
        if path in REBUILDS:
            self._check_tensor(path, args)
        elif path in _CHECKS:
            _CHECKS[path](self, args)
        elif path in self.uses:
            self.budget.take("strangers")
        else:
            raise would_run(self.file, path)
        if path == "copyreg._reconstructor" and args and isinstance(args[0], Named):
            path = args[0].path
        return Made(path, args)

    def built(self, target: Any, state: Any) -> None:
        """A state may be given to what is no tensor."""
        if not isinstance(target, Made) or (target.callee not in self.uses and target.callee != "collections.OrderedDict"):
            raise damaged(self.file, "something in it is changed that cannot be")
        self.budget.take("strangers", int(target.callee in self.uses))

    def filled(self, target: Any, values: list[Any], pairs: bool) -> None:
        """Remembers which unknown classes are like dicts and which like lists."""
        if not isinstance(target, Made):
            raise damaged(self.file, "values in it are put where none can be")
        if target.callee in self.uses:
            use = self.uses[target.callee]
            use.mapping, use.sequence = use.mapping or pairs, use.sequence or not pairs

    def held(self, pid: Any) -> Storage:
        """A storage, whose size the file must have."""
        match pid:
            case ("storage" | b"storage", Named(path=path), str() as key, str() | bytes(), int() as size, *rest) if self._fits(
                rest
            ):
                return self._storage(path, key, size, rest[0] if rest else None)
            case ("module", *_):
                raise CheckpointError(
                    f"{self.file} holds a whole pickled network from before torch 1.6; "
                    "open it in the program it is from and save its state_dict() with torch.save."
                )
        raise damaged(self.file, "a tensor in it refers to no data")

    def _fits(self, rest: list[Any]) -> bool:
        """A zip file has nothing after a storage's size; before, a part of it could be named."""
        return not rest if self.sizes is not None else len(rest) == 1

    def _storage(self, path: str, key: str, size: int, part: Any) -> Storage:
        itemsize = _STORAGES.get(path.rpartition(".")[2].removesuffix("Storage"))
        if itemsize is None or not path.startswith("torch.") or size < 0 or len(key) > NAME_LENGTH:
            raise damaged(self.file, "a tensor in it refers to no data")
        self.budget.take("objects")
        if key not in self.storages:
            self.storages[key] = Storage(key, size, itemsize)
            self.stored += size
        storage = self.storages[key]
        if (storage.size, storage.itemsize) != (size, itemsize):
            raise damaged(self.file, f"tensors in it differ about the size of data {key}")
        there = size * itemsize if self.sizes is None else self.sizes.get(key, -1)
        if there < size * itemsize:
            raise damaged(self.file, f"it says that data {key} has {size * itemsize} bytes where there are {max(there, 0)}")
        return storage if part is None else self._part(storage, part)

    def _part(self, storage: Storage, part: Any) -> Storage:
        match part:
            case (str() as key, int() as start, int() as size) if start >= 0 and 0 <= size <= storage.size - start:
                return Storage(key, size, storage.itemsize)
        raise damaged(self.file, "a part of data in it lies outside of it")

    def _check_tensor(self, path: str, args: tuple[Any, ...]) -> None:
        match args:
            case (Storage() as storage, int() as start, tuple() as size, tuple() as stride, *more):
                itemsize = self._itemsize(path, more) or storage.itemsize
                self._check_view(storage.size * storage.itemsize // itemsize, start, size, stride)
                # what hooks there are is an empty OrderedDict
                self._check_rest(more)
            case _:
                raise damaged(self.file, "a tensor in it is not described as torch does")

    def _itemsize(self, path: str, more: list[Any]) -> int:
        """Bytes of a number, where the tensor says so itself; types that are not listed have at least one."""
        if not path.endswith("_v3") or len(more) < 3 or not isinstance(more[2], Named):
            return 0
        return _TYPES.get(more[2].path.rpartition(".")[2], 1)

    def _check_rest(self, more: list[Any]) -> None:
        if any(isinstance(value, (list, tuple, set, Storage)) for value in more) or len(more) > 4:
            raise damaged(self.file, "a tensor in it is not described as torch does")

    def _check_view(self, stored: int, start: int, size: tuple[Any, ...], stride: tuple[Any, ...]) -> None:
        """Whether a tensor lies within what is stored, and all tensors together name no more than can be wanted."""
        whole = all(type(n) is int and 0 <= n < 2**62 for n in (start, *size, *stride))
        if not whole or len(size) != len(stride) or len(size) > DIMENSIONS:
            raise damaged(self.file, "a tensor in it has no proper shape")
        count = 1
        for side in size:
            count *= side
        last = start + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
        if count and last >= stored:
            raise damaged(self.file, "a tensor in it is larger than its data")
        self.viewed += count
        if self.viewed > VIEWS * self.stored + VIEWS_SPARE:
            raise hollow(self.file)


def _one_list(audit: Audit, args: tuple[Any, ...]) -> None:
    """A set or Counter of plain values."""
    match args:
        case ():
            return
        case ((list() | tuple() | set() | dict()) as values,):
            for value in values:
                audit.check_key(value)
            return
    raise damaged(audit.file, "a set in it is made of something else than values")


def _pairs(audit: Audit, args: tuple[Any, ...]) -> None:
    match args:
        case ():
            return
        case ([*pairs],) if all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            for key, _ in pairs:
                audit.check_key(key)
            return
    raise damaged(audit.file, "a dict in it is not made of keys and values")


def _text_as_bytes(audit: Audit, args: tuple[Any, ...]) -> None:
    match args:
        # a codec could be one that makes texts grow, again and again
        case (str(), "latin1" | "latin-1" | b"latin1" | b"latin-1"):
            return
        case (Made(callee="_codecs.encode"),) | ():
            return
    raise damaged(audit.file, "bytes in it are not written as pickles write them")


def _buffer(audit: Audit, args: tuple[Any, ...]) -> None:
    """A bytearray of what is written there; one of a size of the file's choice takes any amount of memory."""
    match args:
        case (int(),):
            raise too_much(audit.file, "memory (a builtins.bytearray of a size that it makes up)")
    _text_as_bytes(audit, args)


def _few_numbers(audit: Audit, args: tuple[Any, ...]) -> None:
    for arg in args:
        parts = arg if isinstance(arg, (tuple, list)) else (arg,)
        if len(parts) > DIMENSIONS or not all(isinstance(part, (int, float, str)) for part in parts):
            raise damaged(audit.file, "a size or number in it is none")


def _of_a_tensor(audit: Audit, args: tuple[Any, ...]) -> None:
    if not args or not _is_tensor(args[0]):
        raise damaged(audit.file, "a parameter in it is no tensor")


def _of_a_rebuild(audit: Audit, args: tuple[Any, ...]) -> None:
    """A tensor with attributes: the function it is made with, its class, what it is made of, its attributes."""
    match args:
        case (Named(path=path) as callee, Named(), tuple() as inner, _) if path in REBUILDS | REBUILDS_OF_TENSORS:
            if path != "torch._tensor._rebuild_from_type_v2":
                audit.made(callee, inner)
                return
    raise damaged(audit.file, "a tensor in it is not described as torch does")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Made) and value.callee in REBUILDS | REBUILDS_OF_TENSORS


#: functions that torch itself calls, with what checks their arguments
_CHECKS: dict[str, Callable[[Audit, tuple[Any, ...]], None]] = {
    "collections.OrderedDict": _pairs,
    "collections.Counter": _one_list,
    "builtins.set": _one_list,
    "builtins.bytearray": _buffer,
    "_codecs.encode": _text_as_bytes,
    "builtins.complex": _few_numbers,
    "torch.Size": _few_numbers,
    "torch.device": _few_numbers,
    "torch.serialization._get_layout": _few_numbers,
    **dict.fromkeys(("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"), _of_a_tensor),
    "torch.nn.parameter.Parameter": _of_a_tensor,
    "torch._tensor._rebuild_from_type_v2": _of_a_rebuild,
}
