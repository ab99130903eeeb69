"""safetensors files: names, types and places as JSON, then the numbers, of which nothing is read until it is used."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from fpn_viewer.core.checkpoints.reading.limits import DIMENSIONS, HEADER_BYTES, TENSORS, damaged, too_much
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

#: bits of one number by the name of its type; those of less than a byte are not read
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32,
    "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself.

    Attributes:
        names: of its tensors.
        metadata: texts by name.
    """

    names: tuple[str, ...]
    metadata: dict[str, str]


def read_header(path: Path, stream: IO[bytes]) -> Header:
    """The list at the start of a file, checked against its size.

    Raises:
        CheckpointError: it is damaged, incomplete, or too large.
    """
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    left = os.fstat(stream.fileno()).st_size - 8 - length
    if left < 0:
        raise damaged(path.name, "its list of tensors is cut off")
    if length > HEADER_BYTES:
        raise too_much(path.name, "names")
    try:
        listed = json.loads(stream.read(length).decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise damaged(path.name, "its list of tensors is no JSON") from error
    return _checked(path, listed, left)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _checked(path: Path, listed: Any, size: int) -> Header:
    if not isinstance(listed, dict):
        raise damaged(path.name, "its list of tensors is none")
    metadata = listed.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise damaged(path.name, "what it says beside its tensors is not text")
    if len(listed) > TENSORS:
        raise too_much(path.name, "tensors")
    end = max((_end(path, name, entry) for name, entry in listed.items()), default=0)
    if end != size:
        raise damaged(path.name, f"its tensors need {end} bytes where there are {size}")
    return Header(tuple(listed), metadata)


def _end(path: Path, name: str, entry: Any) -> int:
    """Where the numbers of a tensor end; they must be as many as its shape says."""
    match entry:
        case {"dtype": str() as dtype, "shape": [*shape], "data_offsets": [int() as start, int() as end]}:
            if dtype not in _BITS:
                raise CheckpointError(
                    f"{path.name} holds numbers of type {dtype[:20]}, which are not read; save them as F32.", [name]
                )
            whole = len(shape) <= DIMENSIONS and all(type(side) is int and side >= 0 for side in shape)
            if whole and 0 <= start <= end and math.prod(shape) * _BITS[dtype] == (end - start) * 8:
                return end
    raise damaged(path.name, f"{name[:80]} is not described as safetensors does")


def load_safetensors(path: Path, stream: IO[bytes]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, still on disk, and the texts beside them.

    Raises:
        CheckpointError: the file is damaged, incomplete, or too large.
    """
    header = read_header(path, stream)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in header.names}, header.metadata
    except (SafetensorError, OSError, RuntimeError, ValueError, AttributeError, KeyError) as error:
        raise damaged(path.name, str(error).partition("\n")[0]) from error
