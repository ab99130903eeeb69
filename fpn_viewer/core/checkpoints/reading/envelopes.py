"""Which state_dicts a checkpoint holds, wherever training code put them, and which of them is the network to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.reading.limits import NAME_LENGTH
from fpn_viewer.core.checkpoints.reading.plain import TRAINING_STATE, plain
from fpn_viewer.core.checkpoints.reading.prefixes import AVERAGES, networks_within
from fpn_viewer.core.checkpoints.reading.values import Array, Stub
from fpn_viewer.core.checkpoints.values import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

#: how deep a state_dict may lie, and how many containers are looked into
_DEPTH, _LOOKED_INTO = 5, 5_000
#: nested modules of a pickled network, and modules in it
_MODULE_DEPTH, _MODULES = 100, 50_000
#: what every module has, whatever it does
_BOOKKEEPING = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "training"})
#: keys under which training code puts the weights, best first
_PREFERRED = ("model", "state_dict", "model_state_dict", "model_state", "net", "network", "module", "weights", "params")
#: keys that are named where a file has no state_dict, and characters of each
_KEYS_SHOWN, _KEY_SHOWN = 6, 40
#: last parts of names of weights, in a dict that has no dots in its names
_WEIGHTS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True, eq=False)
class Found:
    """A state_dict in a file.

    Attributes:
        name: keys that lead to it, joined by dots.
        tensors: by their names in it.
        container: identity of the dict that it was found in.
        averaged: whether it is a moving average of the weights.
        attributes: of a pickled network, what its modules keep beside tensors, by path: "transform.min_size".
    """

    name: str
    tensors: Mapping[str, Any] = field(repr=False)
    container: int
    averaged: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def entry(self) -> Entry:
        """What is said of it."""
        return Entry(self.name, len(self.tensors), self.averaged)

    def tensor(self, name: str) -> Tensor:
        """One of its tensors; an array becomes one."""
        value = self.tensors[name]
        tensor: Tensor = value.tensor() if isinstance(value, Array) else value
        return tensor.detach()


def find_state_dicts(root: Any) -> list[Found]:
    """Every state_dict in what was read, the one to take by default first: averaged weights, then the model's."""
    found = [
        replace(part, attributes=module_attributes(network)) if network is not None else part
        for name, value, network in _candidates(root)
        for part in _split(name, value)
    ]
    # a small averaged part, of a loss or a projection, is not the network
    largest = max((len(one.tensors) for one in found), default=0)
    found = [_told_apart(one, found) for one in found]
    return sorted(found, key=lambda one: (2 * len(one.tensors) < largest, not one.averaged, _rank(one.name), -len(one.tensors)))


def _rank(name: str) -> int:
    last = name.rpartition(".")[2]
    return _PREFERRED.index(last) if last in _PREFERRED else len(_PREFERRED)


def _candidates(root: Any) -> Iterator[tuple[str, Mapping[Any, Any], Stub | None]]:
    """Dicts of tensors, and the pickled network they are of, breadth first; what is inside of one is not looked for again."""
    waiting: list[tuple[str, Any, int]] = [("", root, 0)]
    seen: set[int] = set()
    for name, value, depth in waiting:
        if id(value) in seen or len(seen) >= _LOOKED_INTO:
            continue
        seen.add(id(value))
        if is_module(value):
            yield name, module_tensors(value), value
            continue
        if isinstance(value, Mapping) and is_state_dict(value):
            yield name, value, None
        if depth < _DEPTH:
            waiting += [(_joined(name, key), part, depth + 1) for key, part in _parts(value) if not TRAINING_STATE.match(key)]


def _joined(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (list, tuple)):
        named: Iterable[tuple[Any, Any]] = ((str(index), part) for index, part in enumerate(value[:_LOOKED_INTO]))
    elif isinstance(value, Stub):
        named = vars(value).items()
    else:
        named = value.items() if isinstance(value, Mapping) else ()
    for key, part in named:
        if isinstance(key, str) and len(key) <= NAME_LENGTH and _is_container(part):
            yield key, part


def _is_container(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple, Stub))


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor, or an array of numbers."""
    return isinstance(value, torch.Tensor) or (isinstance(value, Array) and value.is_numeric)


def is_state_dict(value: Mapping[Any, Any]) -> bool:
    """Whether most of a dict are tensors under the names of weights."""
    names = [key for key, part in value.items() if isinstance(key, str) and is_tensor(part)]
    return 2 * len(names) >= len(value) and any("." in name or name in _WEIGHTS for name in names)


def is_module(value: Any) -> bool:
    """Whether it is a pickled network."""
    return isinstance(value, Stub) and isinstance(vars(value).get("_modules"), Mapping) and "_parameters" in vars(value)


def module_tensors(module: Stub) -> dict[str, Any]:
    """What `state_dict()` of a pickled network would give: parameters and buffers under dotted names, without passing buffers."""
    tensors: dict[str, Any] = {}
    for prefix, one in _modules(module):
        state = vars(one)
        passing = _members(state.get("_non_persistent_buffers_set"))
        for kind, left_out in (("_parameters", ()), ("_buffers", passing)):
            for name, value in _named(state.get(kind)):
                if is_tensor(value) and name not in left_out:
                    tensors[prefix + name] = value
    return tensors


def module_attributes(module: Stub) -> dict[str, Any]:
    """Numbers, and lists and dicts of them, that a pickled network's modules keep, under dotted names."""
    found = {
        prefix + name: value for prefix, one in _modules(module) for name, value in _named(vars(one)) if _is_setting(name, value)
    }
    return dict(plain(found))


def _modules(module: Stub) -> Iterator[tuple[str, Stub]]:
    """A pickled network and all below it, each with its path and a dot."""
    waiting: list[tuple[str, Any, int]] = [("", module, 0)]
    for prefix, one, depth in waiting:
        yield prefix, one
        if depth < _MODULE_DEPTH and len(waiting) < _MODULES:
            below = _named(vars(one).get("_modules"))
            waiting += [(f"{prefix}{name}.", part, depth + 1) for name, part in below if is_module(part)]


def _is_setting(name: str, value: Any) -> bool:
    return (
        name not in _BOOKKEEPING
        and not name.endswith("_hooks")
        and isinstance(value, (int, float, list, tuple, dict))
        and bool(value)
    )


def what_it_is(root: Any) -> str:
    """What was read, in words, where no state_dict is in it: "a dict with the keys epoch, optimizer"."""
    if is_tensor(root):
        return "a single tensor"
    if isinstance(root, Mapping):
        keys = [key[:_KEY_SHOWN] if isinstance(key, str) else type(key).__name__ for key in root]
        more = f" and {len(keys) - _KEYS_SHOWN:,} more" if len(keys) > _KEYS_SHOWN else ""
        word = "key" if len(keys) == 1 else "keys"
        return f"a dict with the {word} {', '.join(keys[:_KEYS_SHOWN])}{more}" if keys else "an empty dict"
    if isinstance(root, (list, tuple)):
        of = " of tensors without names" if root and all(is_tensor(part) for part in root) else ""
        return f"a {type(root).__name__} with {len(root):,} item{'s' * (len(root) != 1)}{of}"
    return f"one value ({type(root).__name__[:_KEY_SHOWN]})"


def _named(value: Any) -> list[tuple[str, Any]]:
    return [(key, part) for key, part in value.items() if isinstance(key, str)] if isinstance(value, Mapping) else []


def _members(value: Any) -> set[Any]:
    return {part for part in value if isinstance(part, str)} if isinstance(value, (set, frozenset, list, tuple)) else set()


def _split(name: str, value: Mapping[Any, Any]) -> list[Found]:
    """A dict of tensors as one state_dict, or as several where several networks lie side by side in it."""
    tensors = {key: part for key, part in value.items() if isinstance(key, str) and is_tensor(part)}
    parts = networks_within(tensors)
    if not parts:
        return [Found(name, tensors, id(value), bool(AVERAGES.search(name)) or "n_averaged" in tensors)]
    return [
        Found(
            _joined(name, part),
            {key.removeprefix(f"{part}."): tensor for key, tensor in tensors.items() if key.startswith(f"{part}.")},
            id(value),
            bool(AVERAGES.search(part)),
        )
        for part in parts
    ]


def _told_apart(one: Found, all_of_them: list[Found]) -> Found:
    """mmengine saves the averaged weights as `state_dict`, and the others, with a counter of steps, as `ema_state_dict`."""
    names = {other.name: other for other in all_of_them}
    swapped = names.get("ema_state_dict")
    if swapped is None or "state_dict" not in names or "steps" not in swapped.tensors:
        return one
    averaged = {"state_dict": True, "ema_state_dict": False}.get(one.name, one.averaged)
    return Found(one.name, one.tensors, one.container, averaged)
