"""Average precision, also of many weightings of the pictures at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: recalls at which COCO reads the precision
RECALLS = np.linspace(0.0, 1.0, 101)


def average_precision(right: Floats, wrong: Floats, objects: Floats) -> Floats:
    """COCO's average precision: highest precision at each of 101 recalls or beyond, averaged.

    Args:
        right: how often each detection counts as a match (R, D), by falling score.
        wrong: how often as a false positive (R, D).
        objects: to be found (R,).

    Returns:
        (R,) 0..1; NaN where there is no object.
    """
    rights, wrongs = right.cumsum(1), wrong.cumsum(1)
    precision = rights / (rights + wrongs + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    # beyond the last recall the precision is 0
    best = np.concatenate([best, np.zeros((len(best), 1))], 1)
    recall = np.divide(rights, objects[:, None], out=np.zeros_like(rights), where=objects[:, None] > 0)
    rows = [values[np.searchsorted(reached, RECALLS)].mean() for values, reached in zip(best, recall, strict=True)]
    return np.where(objects > 0, np.array(rows, np.float64), np.nan)
