"""What a file says of its own making: other entries, how long it was trained, names of classes. Findings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.checkup.statistics import difference
from fpn_viewer.core.checkpoints.metadata import class_names_said
from fpn_viewer.core.checkpoints.values import Finding
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.detectors.spec import DetectorSpec

#: where training scripts count their steps
_STEPS = (("global_step",), ("iteration",), ("iter",), ("step",), ("meta", "iter"), ("n_averaged",))
#: numbers of classes in the metadata, without background
_COUNTS = (("args", "num_classes"), ("hyper_parameters", "num_classes"), ("num_classes",))
_CENT = 100


def _at(metadata: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = metadata
    for key in path:
        value = value.get(key) if hasattr(value, "get") else None
    return value


def no_steps(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the file counts 0 steps of training."""
    for path in _STEPS:
        value = _at(metadata, path)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
            said = f"It says itself that it was trained for 0 steps ({'.'.join(path)} is 0)"
            yield Finding("warning", f"{said}; see that it is the right file.")


def other_class_names(contents: Contents, spec: DetectorSpec) -> Iterator[Finding]:
    """Names or numbers of classes inside the file that are not as many as its head has outputs for."""
    head = {spec.num_classes, spec.num_classes - 1}
    for names, origin in class_names_said(contents):
        if len(names) not in head:
            yield _other_count(f"{len(names)} class names", origin, spec)
    for path in _COUNTS:
        number = _at(contents.metadata, path)
        if isinstance(number, int) and not isinstance(number, bool) and number not in head:
            yield _other_count(f"a number of classes of {number}", f"from the file's own {'.'.join(path)}", spec)


def _other_count(what: str, origin: str, spec: DetectorSpec) -> Finding:
    has = f"{spec.num_classes} classes" if spec.kind.one_stage else f"{spec.num_classes - 1} classes and background"
    return Finding(
        "warning",
        f"The file has {what} ({origin}) where the head has {has}; give the names in the order of its outputs with "
        "--set class_names=… or beside the file.",
    )


def other_entries(
    contents: Contents, read: Callable[[str], Contents], between: Callable[[int], None] = lambda done: None
) -> Iterator[Finding]:
    """How the averaged weights in a file differ from the raw ones.

    Args:
        contents: of the chosen entry.
        read: reads the file again for another entry.
        between: told after every piece how many numbers it had; may raise to stop.
    """
    averaged = {entry.name: entry.averaged for entry in contents.entries}
    for entry in contents.entries:
        if entry.name != contents.chosen and entry.averaged != averaged.get(contents.chosen, False):
            other = read(entry.name)
            mean, raw = (other, contents) if entry.averaged else (contents, other)
            yield _compared(mean, raw, contents.chosen, between)


def _compared(mean: Contents, raw: Contents, chosen: str, between: Callable[[int], None]) -> Finding:
    shared = [name for name, tensor in mean.tensors.items() if name in raw.tensors and _comparable(tensor, raw.tensors[name])]
    sums = [difference(mean.tensors[name], raw.tensors[name], between) for name in shared]
    apart, size = sum(one for one, _ in sums), sum(one for _, one in sums)
    here = f"the averaged weights ({_named(mean)}) and the raw ones ({_named(raw)})"
    other = raw if chosen == mean.chosen else mean
    if not shared:
        return Finding("warning", f"{_upper(here)} have no tensor in common; they are of different networks.")
    lone = len(set(mean.tensors) ^ set(raw.tensors))
    more = f" {lone} tensors are only in one of them." if lone else ""
    if apart == 0:
        return Finding("note", f"{_upper(here)} are the same, number for number: the average was taken from one step only.{more}")
    share = math.sqrt(apart / size) if size else math.inf
    return Finding(
        "note",
        f"{_upper(here)} differ by {significant(_CENT * share, 2)} % of their size; {_named(other, chosen)} is looked at, and "
        f"--set entry={other.chosen} takes the other.{more}",
    )


def _comparable(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.is_floating_point() and other.is_floating_point()


def _named(contents: Contents, chosen: str | None = None) -> str:
    return (contents.chosen if chosen is None else chosen) or "the file itself"


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]
