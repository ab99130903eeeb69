"""Files of torch written by hand, so that their pickle can be anything, and classes that exist only while a file is written."""

from __future__ import annotations

import pickle
import sys
import types
import zipfile
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

#: what torch before 1.6 wrote in front of the pickle: magic number, version, facts about the machine
PREFACE = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))


def zip_of(path: Path, data: bytes, packing: int = zipfile.ZIP_STORED, **storages: bytes) -> Path:
    """A zip as torch.save writes it, with `data` as its pickle and storages by key ("s0" is the one with key "0")."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key.removeprefix('s')}", numbers)
    return path


def legacy_of(path: Path, data: bytes, keys: list[str], *storages: bytes) -> Path:
    """A file of torch before 1.6; each storage with the number of its values in front."""
    path.write_bytes(PREFACE + data + pickle.dumps(keys, 2) + b"".join(storages))
    return path


def text(value: str) -> bytes:
    """The step that pushes a text."""
    raw = value.encode()
    return b"X" + len(raw).to_bytes(4, "little") + raw


def name(path: str) -> bytes:
    """The step that names a class or function."""
    module, _, last = path.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def number(value: int) -> bytes:
    """The step that pushes a whole number."""
    return b"J" + value.to_bytes(4, "little", signed=True) if abs(value) < 2**31 else pickle.dumps(value, 2)[2:-1]


def storage(size: int, key: str = "0", kind: str = "FloatStorage", more: bytes = b"") -> bytes:
    """The steps that refer to numbers outside of the pickle."""
    return b"(" + text("storage") + name(f"torch.{kind}") + text(key) + text("cpu") + number(size) + more + b"tQ"


def tensor(size: tuple[int, ...], stride: tuple[int, ...], held: bytes, start: int = 0) -> bytes:
    """The steps that make a tensor."""
    shape, steps = (b"(" + b"".join(map(number, sides)) + b"t" for sides in (size, stride))
    hooks = name("collections.OrderedDict") + b")R"
    return name("torch._utils._rebuild_tensor_v2") + b"(" + held + number(start) + shape + steps + b"\x89" + hooks + b"tR"


def state_dict(**values: bytes) -> bytes:
    """A pickle of a dict with a good weight first; storage "0" has to have 4 floats."""
    good = text("conv.weight") + tensor((2, 2), (2, 1), storage(4))
    rest = b"".join(text(key) + value for key, value in values.items())
    return b"\x80\x02}(" + good + rest + b"u."


FOUR = torch.arange(4.0).numpy().tobytes()


def foreign(monkeypatch: pytest.MonkeyPatch, path: str, *bases: type, **members: Any) -> type[Any]:
    """A class that can be pickled under the name `path`, of a package that is not installed. `monkeypatch.undo()` takes it away."""
    module, _, last = path.rpartition(".")
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        place = ".".join(parts[:end])
        if place not in sys.modules:
            monkeypatch.setitem(sys.modules, place, types.ModuleType(place))
    kind = type(last, bases or (object,), {"__module__": module, **members})
    monkeypatch.setattr(sys.modules[module], last, kind, raising=False)
    return kind
