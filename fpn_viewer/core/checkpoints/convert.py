"""Tensors of other code bases as torchvision's heads have them: background first, a box for every class, one score an anchor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

CLASSES, BOXES = "roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"
RPN_SCORES, RPN_BOXES = "rpn.head.cls_logits", "rpn.head.bbox_pred"
DENSE_CLASSES, DENSE_BOXES = "head.classification_head.cls_logits", "head.regression_head.bbox_reg"
#: standard deviations of box deltas that torchvision's coders have built in, by the convolution that gives them
STDS: dict[str, tuple[float, ...]] = {BOXES: (0.1, 0.1, 0.2, 0.2), RPN_BOXES: (1.0,) * 4, DENSE_BOXES: (1.0,) * 4}
_ENDINGS = ("weight", "bias")


def background_first(tensors: dict[str, Tensor], classes: int) -> None:
    """Moves the background's score from the last row to the first and gives every class its box; in place.

    Args:
        tensors: a two-stage detector's, under torchvision's names.
        classes: with background, K + 1. `BOXES` has 4 rows for each class but the background, or 4 for all of them.
    """
    _change(tensors, CLASSES, lambda rows: rows.roll(1, 0))

    def for_every(rows: Tensor) -> Tensor:
        each = rows.repeat(classes - 1, *[1] * (rows.dim() - 1)) if len(rows) == 4 else rows
        # nobody looks at the background's box
        return torch.cat([torch.zeros_like(each[:4]), each])

    _change(tensors, BOXES, for_every)


def boxes_of_all(tensors: dict[str, Tensor], classes: int) -> None:
    """Repeats one box for all classes, where the background comes first already; in place."""
    _change(tensors, BOXES, lambda rows: rows.repeat(classes, *[1] * (rows.dim() - 1)))


def one_score(tensors: dict[str, Tensor], foreground: int) -> None:
    """Turns two scores of an anchor under a softmax into one under a sigmoid, which gives the same; in place.

    Args:
        tensors: with `RPN_SCORES` of 2A rows.
        foreground: which of the two says that there is an object.
    """
    _change(tensors, RPN_SCORES, lambda rows: rows[foreground::2] - rows[1 - foreground :: 2])


def in_terms_of(tensors: dict[str, Tensor], name: str, means: Any, stds: Any) -> bool:
    """Puts box deltas of other means and standard deviations into torchvision's; in place.

    Args:
        tensors: under torchvision's names.
        name: one of `STDS`.
        means: four numbers, as the training normalised the deltas; anything else stands for 0.
        stds: the same; anything else stands for what is built in.

    Returns:
        Whether anything had to change.
    """
    built_in = STDS[name]
    shift, spread = _four(means) or (0.0,) * 4, _four(stds) or built_in
    if not any(shift) and spread == built_in:
        return False
    factors = torch.tensor([own / other for own, other in zip(spread, built_in, strict=True)], dtype=torch.float64)
    shifts = torch.tensor([own / other for own, other in zip(shift, built_in, strict=True)], dtype=torch.float64)

    def scaled(rows: Tensor, offset: float) -> Tensor:
        shape = (-1, *[1] * (rows.dim() - 1))
        times = len(rows) // 4
        out = rows.double() * factors.repeat(times).view(shape) + offset * shifts.repeat(times).view(shape)
        return out.to(rows.dtype)

    tensors[f"{name}.weight"] = scaled(tensors[f"{name}.weight"], 0.0)
    tensors[f"{name}.bias"] = scaled(tensors[f"{name}.bias"], 1.0)
    return True


def _four(values: Any) -> tuple[float, ...] | None:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 4:
        return None
    numbers = tuple(float(v) for v in values if isinstance(v, (int, float)))
    return numbers if len(numbers) == 4 else None


def _change(tensors: dict[str, Tensor], name: str, change: Callable[[Tensor], Tensor]) -> None:
    for ending in _ENDINGS:
        tensors[f"{name}.{ending}"] = change(tensors[f"{name}.{ending}"])
