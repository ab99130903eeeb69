"""How much the weights of two detectors differ, module by module."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.comparison.values import WeightChange
from fpn_viewer.core.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fpn_viewer.core.detectors.detector import Detector

ONLY_A, ONLY_B, OTHER_SHAPE, ZERO_IN_A = "only in A", "only in B", "other shape", "all zero in A"
#: parts of a detector that have weights, as people call them, by the stage in `Anatomy.stages`
_PARTS: dict[str, str] = {"backbone": "backbone", "neck": "neck", "RPN": "RPN", "RoI heads": "RoI heads", "head": "head"}


def weight_changes(a: Detector, b: Detector) -> tuple[WeightChange, ...]:
    """Every module with weights of its own, in A's order, then those that only B has.

    What a norm keeps of the training data (its running mean and variance) counts as weights: it changes with training too.
    """
    first, second = _modules(a), _modules(b)
    rows = [_change(path, own, second.get(path)) for path, own in first.items()]
    left = (path for path in second if path not in first)
    return (*rows, *(WeightChange(path, _count(second[path]), None, ONLY_B) for path in left))


def what_was_trained(rows: Sequence[WeightChange], a: Detector) -> str:
    """What differs, in one sentence: "Only the RoI heads differ; backbone, neck and RPN are the same bit for bit."

    Args:
        rows: of `weight_changes`.
        a: the first detector, which says what belongs to which part.
    """
    parts = _by_part(rows, a)
    same = [name for name, changes in parts.items() if all(row.relative == 0 for row in changes)]
    other = [name for name in parts if name not in same]
    if not other:
        return "All weights are the same, bit for bit."
    compared = [row.relative for row in rows if row.relative is not None]
    most = f"a module changed by up to {percent(max(compared))} of its own size" if compared else "no module has its like"
    if not same:
        return f"All parts differ ({_listed(other)}); {most}."
    return f"Only the {_listed(other)} {_verb(other)}; {_listed(same)} {'is' if len(same) == 1 else 'are'} the same, bit for bit."


def _by_part(rows: Sequence[WeightChange], a: Detector) -> dict[str, list[WeightChange]]:
    """The changes of every part, in the order in which parts are run; "others" for what belongs to none."""
    stages = {name: a.anatomy.stages[stage] for stage, name in _PARTS.items() if stage in a.anatomy.stages}
    # of two paths that fit, the longer one is nearer
    paths = sorted(stages.items(), key=lambda item: -len(item[1]))
    parts: dict[str, list[WeightChange]] = {name: [] for name in (*stages, "others")}
    for row in rows:
        parts[next((name for name, path in paths if f"{row.module}.".startswith(f"{path}.")), "others")].append(row)
    return {name: changes for name, changes in parts.items() if changes}


def _listed(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _verb(names: Sequence[str]) -> str:
    return "differs" if len(names) == 1 and not names[0].endswith("s") else "differ"


def _modules(detector: Detector) -> dict[str, dict[str, Tensor]]:
    """Weights and running numbers of every module that has any of its own, by path."""
    found = {}
    for path, module in detector.module.named_modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        floats = {name: tensor.detach() for name, tensor in own if tensor.is_floating_point()}
        if floats:
            found[path] = floats
    return found


def _count(tensors: dict[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def _change(path: str, own: dict[str, Tensor], other: dict[str, Tensor] | None) -> WeightChange:
    if other is None:
        return WeightChange(path, _count(own), None, ONLY_A)
    if own.keys() != other.keys() or any(own[name].shape != other[name].shape for name in own):
        return WeightChange(path, _count(own), None, OTHER_SHAPE)
    apart, size = 0.0, 0.0
    for name, tensor in own.items():
        x, y = (part.to("cpu", torch.float32) for part in (tensor, other[name]))
        difference = torch.zeros(()) if torch.equal(x, y) else y - x
        apart += float((difference * difference).sum(dtype=torch.float64))
        size += float((x * x).sum(dtype=torch.float64))
    if apart == 0:
        return WeightChange(path, _count(own), 0.0)
    # any change of weights that are all zero is without measure
    return (
        WeightChange(path, _count(own), math.sqrt(apart / size)) if size > 0 else WeightChange(path, _count(own), None, ZERO_IN_A)
    )
