"""The matching of pycocotools for all overlaps and size ranges of a picture at once; the library takes them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

#: overlap from which two boxes are one, whatever is asked for
_FULL = 1 - 1e-10


def matched(iou: Floats, crowd: Flags, ignored: Flags, overlaps: Floats) -> tuple[Flags, Flags]:
    """Gives each detection in turn the object that it overlaps most: one that counts before one that does not, and of several that
    it overlaps equally the last. An object is given away once, a crowd region as often as is asked.

    Args:
        iou: of each detection, by falling score, and object (D, G).
        crowd: regions of many (G,).
        ignored: in each size range the objects that do not count (A, G).
        overlaps: from which an object can be given (T,).

    Returns:
        Which detections have an object, and which of these one that does not count (A, T, D) each.
    """
    limits = np.minimum(overlaps, _FULL)[:, None]
    free = np.ones((len(ignored), len(limits), iou.shape[1]), np.bool_)
    hit, idle = np.zeros((2, *free.shape[:2], len(iou)), np.bool_)
    near = iou >= limits.min(initial=_FULL)
    for one in np.flatnonzero(near.any(1)).tolist():
        at = np.flatnonzero(near[one])[::-1]
        values, unused = iou[one, at], ignored[:, None, at]
        could = free[:, :, at] & (values >= limits)
        counting = could & ~unused
        pool = np.where(counting.any(2, keepdims=True), counting, could)
        best = np.where(pool, values, -1.0).argmax(2)
        hit[:, :, one] = pool.any(2)
        range_at, overlap_at = np.nonzero(hit[:, :, one])
        given = at[best[range_at, overlap_at]]
        idle[range_at, overlap_at, one] = ignored[range_at, given]
        free[range_at, overlap_at, given] = crowd[given]
    return hit, idle
