"""What becomes of an object while one thing is varied: a table of points, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.structures import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Points(Table):
    """One row for each value that was tried, ascending.

    Attributes:
        x: the varied quantity (N,).
        objectness: best sigmoid objectness of a box near the object (N,).
        iou: best overlap of a box behind the heads (N,).
        score: best score of its class on a box that overlaps it enough (N,); 0 without one.
        detected: a detection matches it (N,).
    """

    x: NDArray[np.float32]
    objectness: NDArray[np.float32]
    iou: NDArray[np.float32]
    score: NDArray[np.float32]
    detected: NDArray[np.bool_]


@dataclass(frozen=True)
class Curve:
    """A sweep.

    Attributes:
        kind: "gain" or "scale".
        title: "top-down into M3", "size in the network".
        unit: "×" or "net px".
        points: what was tried.
        here: where the trace itself stands on the x axis.
        sentence: what can be read from it.
    """

    kind: str
    title: str
    unit: str
    points: Points
    here: float
    sentence: str
