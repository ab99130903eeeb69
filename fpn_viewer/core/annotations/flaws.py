"""What can be wrong with an annotated box, for many boxes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: by code; an object with a flaw is kept and shown, but no detection can match it
FLAWS: tuple[str, ...] = ("", "no box", "inside out", "no width", "no height", "no area", "outside the picture")
#: what `Annotations.flaws` calls boxes that leave the picture in part; they are used like any other
BEYOND = "reaches beyond the picture"
_CODE = {flaw: code for code, flaw in enumerate(FLAWS)}
#: px by which a box may leave the picture unnoticed: 1-based coordinates and rounding
TOLERANCE = 1.0


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        codes: (N,) index into `FLAWS`.
        beyond: (N,) True for a usable box that leaves the picture in part.
    """

    codes: NDArray[np.int8]
    beyond: NDArray[np.bool_]


def inspect_boxes(boxes: NDArray[np.float64], sizes: ArrayLike, tolerance: float = TOLERANCE) -> Inspection:
    """Looks for flaws.

    Args:
        boxes: (N, 4) xyxy; NaN where the file has no numbers.
        sizes: (N, 2) or (2,), (H, W) of the pictures in the boxes' unit; NaN where not known.
        tolerance: how far a box may reach beyond the picture, in the same unit.
    """
    extent = np.broadcast_to(np.asarray(sizes, np.float64)[..., ::-1], (len(boxes), 2))
    low, high = boxes[:, :2], boxes[:, 2:]
    with np.errstate(invalid="ignore"):
        side = high - low
        flat = side == 0
        tests = (
            ("outside the picture", ((high <= 0) | (low >= extent)).any(1)),
            ("no width", flat[:, 0]),
            ("no height", flat[:, 1]),
            ("no area", flat.all(1)),
            ("inside out", (side < 0).any(1)),
            ("no box", ~np.isfinite(boxes).all(1)),
        )
        leaves = ((low < -tolerance) | (high > extent + tolerance)).any(1)
    codes = np.zeros(len(boxes), np.int8)
    for flaw, found in tests:
        codes[found] = _CODE[flaw]
    return Inspection(codes, leaves & (codes == 0))


def count_flaws(found: Inspection) -> dict[str, int]:
    """How many boxes have each flaw, those that occur only."""
    counts = {FLAWS[code]: int(n) for code, n in enumerate(np.bincount(found.codes, minlength=len(FLAWS))) if code and n}
    beyond = int(found.beyond.sum())
    return counts | ({BEYOND: beyond} if beyond else {})
