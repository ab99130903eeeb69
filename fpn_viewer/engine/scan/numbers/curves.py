"""Average precision, also of many weightings of the pictures at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: recalls at which COCO reads the precision
RECALLS = np.linspace(0.0, 1.0, 101)


def average_precision(weight: Floats, right: Flags, objects: Floats) -> Floats:
    """COCO's average precision: highest precision at each of 101 recalls or beyond, averaged.

    Args:
        weight: how often each detection is there (R, D), by falling score.
        right: it is a match and no false positive (D,).
        objects: to be found (R,).

    Returns:
        (R,) 0..1; NaN where there is no object.
    """
    # precision is highest, and recall grows, only where a match comes
    hits = np.flatnonzero(right)
    rights, all_of = weight[:, hits].cumsum(1), weight.cumsum(1)[:, hits]
    best = np.zeros((len(weight), len(hits) + 1))
    # beyond the last recall the precision is 0
    np.divide(rights, all_of + np.spacing(1), out=best[:, :-1])
    best = np.maximum.accumulate(best[:, ::-1], 1)[:, ::-1]
    recall = np.divide(rights, objects[:, None], out=np.zeros_like(rights), where=objects[:, None] > 0)
    places = np.stack([reached.searchsorted(RECALLS) for reached in recall])
    return np.where(objects > 0, np.take_along_axis(best, places, 1).mean(1), np.nan)
