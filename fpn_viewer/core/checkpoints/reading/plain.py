"""What lies beside the tensors as dicts, lists, numbers and texts, no deeper and no more of it than anybody reads."""

from __future__ import annotations

import argparse
import datetime
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.reading.values import Array, NumberType, Stub

if TYPE_CHECKING:
    from collections.abc import Collection

#: nested containers that are followed, values in all, characters of one text
_DEPTH, _VALUES, _TEXT = 16, 50_000, 500_000
#: numbers of a tensor that are written out
_NUMBERS = 2_000
LEFT_OUT = "…"
#: what training needs to go on and nobody asks a finished network for
TRAINING_STATE = re.compile(
    r"(optim|lr_sched|schedul|param_schedulers|scaler|amp(_|$)|message_hub|loops|callbacks|rng|random_state|early_stopping|grad_)",
    re.IGNORECASE,
)
#: values under such names are nobody's business
_SECRET = re.compile(r"passw|token|secret|api_?key|credential|private_key", re.IGNORECASE)
#: how configurations wrap a value: the attribute that has it, by the end of the class's name
_WRAPPED = {"DictConfig": "_content", "ListConfig": "_content", "Node": "_val", "CfgNode": "_cfg_dict", "ConfigDict": "_cfg_dict"}
_TIMES = (datetime.datetime, datetime.date, datetime.time)


@dataclass
class _Writer:
    """Goes through values while there is room.

    Attributes:
        skipped: containers, by identity, that are the state_dicts themselves.
        left: values that may still be written.
    """

    skipped: Collection[int]
    left: int = _VALUES

    def write(self, value: Any, depth: int = 0) -> Any:
        """The value, plain."""
        self.left -= 1
        if self.left < 0 or depth > _DEPTH:
            return LEFT_OUT
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return value if len(value) <= _TEXT else value[:_TEXT] + LEFT_OUT
        if isinstance(value, dict):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._sequence(value, depth)
        return self._other(value, depth)

    def _sequence(self, value: Collection[Any], depth: int) -> list[Any]:
        return [self.write(part, depth + 1) for part, _ in zip(value, range(max(self.left, 0)), strict=False)]

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        written = {}
        for key, part in value.items():
            if self.left < 0:
                break
            if id(part) not in self.skipped:
                name = _key(key)
                written[name] = LEFT_OUT if _SECRET.search(name) and part else self.write(part, depth + 1)
        return written

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, torch.Tensor):
            return _numbers(value)
        if isinstance(value, Array):
            return _numbers(value.tensor()) if value.is_numeric else self.write(value.raw, depth + 1)
        if isinstance(value, Stub):
            return self._object(value, depth)
        if isinstance(value, argparse.Namespace):
            return self._mapping(vars(value), depth)
        if isinstance(value, (bytes, bytearray)):
            return value.decode("utf-8", "replace")[:_TEXT]
        return _name(value)

    def _object(self, value: Stub, depth: int) -> Any:
        attributes = {name: part for name, part in vars(value).items() if name != "given"}
        kind = type(value).__name__
        for ending, attribute in _WRAPPED.items():
            if kind.endswith(ending) and attribute in attributes:
                return self.write(attributes[attribute], depth)
        if attributes:
            return self._mapping(attributes, depth)
        given = getattr(value, "given", ())
        return self.write(given[0] if len(given) == 1 else list(given), depth + 1) if given else _name(type(value))


def plain(value: Any, skipped: Collection[int] = ()) -> Any:
    """Any value of a checkpoint as dicts, lists, numbers and texts.

    Args:
        value: as the readers gave it.
        skipped: identities of containers to leave out.
    """
    return _Writer(skipped).write(value)


def beside_tensors(root: Any, skipped: Collection[int]) -> dict[str, Any]:
    """What a file holds beside its state_dicts. The state of the training itself is left out.

    Args:
        root: the file's dict.
        skipped: identities of the state_dicts.
    """
    if not isinstance(root, dict):
        return {}
    among = id(root) in skipped
    kept = {
        key: value
        for key, value in root.items()
        if not (_is_large(value) and TRAINING_STATE.match(str(key))) and not (among and isinstance(value, (torch.Tensor, Array)))
    }
    written: dict[str, Any] = plain(kept, skipped)
    return written


def _is_large(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple, Stub, torch.Tensor, Array))


def _key(key: Any) -> str:
    return key if isinstance(key, str) else _name(key)


def _name(value: Any) -> str:
    """A text for a value without parts: a time, a type, a device, a number type."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, _TIMES):
        return value.isoformat()
    if isinstance(value, NumberType):
        return value.code
    return str(value)[:_TEXT] if isinstance(value, _PRINTED) else type(value).__name__


#: kinds of values whose text is short and made by their own, known code
_PRINTED = (int, float, complex, tuple, bytes, datetime.timedelta, datetime.timezone, torch.dtype, torch.device, torch.layout)


def _numbers(tensor: torch.Tensor) -> Any:
    """A small tensor's numbers; shape and type of a large one."""
    if tensor.numel() <= _NUMBERS and not tensor.is_complex():
        return tensor.detach().float().tolist() if tensor.is_floating_point() else tensor.detach().tolist()
    sides = "×".join(str(side) for side in tensor.shape) or str(math.prod(tensor.shape))
    return f"tensor {sides} {str(tensor.dtype).removeprefix('torch.')}"
