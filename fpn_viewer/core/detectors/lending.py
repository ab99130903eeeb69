"""A module that was lent comes back as it was: flags, hooks, wrapped methods, buffers, attributes, and where its weights lie."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from operator import eq, is_
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

#: wrappers around a network, by class name, to the attribute that holds it
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}

#: stands for the contents of every empty dict
_EMPTY: dict[Any, Any] = {}


def unwrapped(module: Any) -> Any:
    """The network inside DataParallel, DistributedDataParallel and torch.compile's wrapper: these hide its submodules' calls."""
    while type(module).__name__ in _WRAPPERS:
        module = getattr(module, _WRAPPERS[type(module).__name__])
    return module


@contextmanager
def as_it_was(module: nn.Module) -> Iterator[None]:
    """Puts back everything that the block changes in the attributes of a module and of all below it.

    That is every training flag, hook, buffer, setting and wrapped method; what is inside tensors is not looked at.
    """
    before = [(part, *_attributes(part)) for part in module.modules()]
    try:
        yield
    finally:
        for part, attributes, inner in before:
            for mapping, contents in ((vars(part), attributes), *inner):
                # most are empty: a module has a dozen kinds of hooks
                if (mapping or contents) and not _same(mapping, contents):
                    mapping.clear()
                    mapping.update(contents)


def _same(mapping: dict[Any, Any], contents: dict[Any, Any]) -> bool:
    """Whether the very same objects are there in the same order: order is that in which hooks are called."""
    same_length = len(mapping) == len(contents)
    return same_length and all(map(eq, mapping, contents)) and all(map(is_, mapping.values(), contents.values()))


def _attributes(part: nn.Module) -> tuple[dict[str, Any], list[tuple[dict[Any, Any], dict[Any, Any]]]]:
    """A module's attributes, and the contents of those that are dicts: hooks, buffers, submodules and the owner's own."""
    attributes = dict(vars(part))
    return attributes, [(value, dict(value) if value else _EMPTY) for value in attributes.values() if isinstance(value, dict)]


def twin(module: nn.Module) -> nn.Module:
    """A module that runs like another one, beside it: with the same weights and buffers, not copies, and all else of its own.

    Raises:
        DetectorError: something in it cannot be copied.
    """
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    try:
        return copy.deepcopy(module, shared)
    except Exception as error:
        # whatever a foreign module keeps, and however it refuses
        raise DetectorError(f"{type(module).__name__} cannot be copied ({error}); it runs one picture at a time.") from error


@contextmanager
def lent(module: nn.Module) -> Iterator[None]:
    """`as_it_was`, and every weight is back where it lay: on its device, with its gradient, trained or frozen as before."""
    weights = [_Weight(weight) for weight in module.parameters()]
    with as_it_was(module):
        try:
            yield
        finally:
            for weight in weights:
                weight.put_back()


class _Weight:
    """Where a parameter's numbers and those of its gradient lie. Moving a module moves both under the same two objects."""

    def __init__(self, parameter: nn.Parameter) -> None:
        self._parameter, self._grad, self._trained = parameter, parameter.grad, parameter.requires_grad
        self._data: Tensor = parameter.data
        self._grad_data: Tensor | None = None if parameter.grad is None else parameter.grad.data

    def put_back(self) -> None:
        self._parameter.grad = None
        self._parameter.data = self._data
        if self._grad is not None and self._grad_data is not None:
            self._grad.data = self._grad_data
        self._parameter.grad = self._grad
        self._parameter.requires_grad_(self._trained)
