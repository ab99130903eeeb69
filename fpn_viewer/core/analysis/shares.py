"""How training shares a picture's anchors out among all its objects: best overlap and number of positives of each, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.assignment import as_training_sees, matches_anchors, on_picture_at_all, rules_of, table_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fpn_viewer.core.analysis.assignment import AnchorTable
    from fpn_viewer.core.tracing.trace import Trace

#: overlaps that are held in memory at once
_MOST = 1 << 20


@dataclass(frozen=True, eq=False)
class Shares:
    """What training gives to each object.

    Attributes:
        best: highest IoU of any anchor with it (G,); NaN for a box that takes no part.
        positives: anchors that it is given (G,).
    """

    best: NDArray[np.float64]
    positives: NDArray[np.int64]


def shares(trace: Trace, boxes_img: ArrayLike) -> Shares | None:
    """`assignment.training` of all objects of a picture, as far as numbers go.

    Args:
        trace: is asked for its anchors, and its detector for the rules that it was built with.
        boxes_img: (G, 4) all objects, xyxy image px; those without area or outside the picture take no part.

    Returns:
        One number of each kind for each object; None where the family does not match anchors by overlap. An anchor that overlaps
        two objects alike counts for both, as it does when either is asked about.
    """
    if not matches_anchors(trace):
        return None
    table, rules = table_of(trace), rules_of(trace)
    every = np.asarray(boxes_img, np.float64).reshape(-1, 4)
    seen = np.flatnonzero(on_picture_at_all(every, trace.image_size))
    boxes = as_training_sees(trace.geometry, every[seen])
    claims = [table.claim(box, rules.high) for box in boxes]
    best, positives = np.full(len(every), np.nan), np.zeros(len(every), np.int64)
    best[seen] = [claim.best for claim in claims]
    wanted = [claim.over for claim in claims] + [claim.best_rows for claim in claims if rules.low_quality]
    if wanted:
        positives[seen] = _shared_out(table, np.unique(np.concatenate(wanted)), boxes)
    return Shares(best, positives)


def _shared_out(table: AnchorTable, rows: NDArray[np.int64], boxes: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many of some anchors overlap no other box more than each of the boxes (G, 4), (G,)."""
    own = np.zeros(len(boxes), np.int64)
    step = max(1, _MOST // len(boxes))
    for start in range(0, len(rows), step):
        overlaps = table.matrix(rows[start : start + step], boxes)
        own += ((overlaps > 0) & (overlaps >= overlaps.max(0))).sum(1)
    return own
