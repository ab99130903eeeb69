"""How many objects die at which stage, by size and class."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen
from fpn_viewer.engine.scan.filters import BUCKETS, Filter
from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.choices import in_order, state_of
from fpn_viewer.engine.scan.numbers.fates import fates
from fpn_viewer.engine.scan.numbers.values import Funnel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.reading import Scan

_ALL = Filter()


def funnel(scan: Scan, chosen: Filter = _ALL, bounds: Sequence[float] = BUCKETS) -> Funnel:
    """Counts objects by what became of them, size and class.

    Args:
        scan: to count in.
        chosen: which objects, and of which detector.
        bounds: sides, net px, from which each size bucket goes, rising from 0; the last has no end.

    Raises:
        ScanError: the file cannot be read.
    """
    found = fates(scan, chosen, bounds)
    grid = found.grid()
    states = in_order(state_of(*kind) for kind, count in zip(found.kinds, grid.sum((1, 2)), strict=True) if count)
    classes = _by_number(found.names, grid.sum((0, 1)))
    counts = np.zeros((len(states), len(bounds), len(classes)), np.int64)
    for kind, layer in zip(found.kinds, grid[:, :, classes], strict=True):
        if layer.any():
            counts[states.index(state_of(*kind))] += layer
    names = tuple(found.names[place] for place in classes)
    return Funnel(chosen, name_of(scan, chosen.detector), states, buckets(bounds), names, frozen(counts))


def buckets(bounds: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(from, below) of each size bucket; the last is open."""
    return tuple(pairwise(float(bound) for bound in (*bounds, float("inf"))))


def _by_number(names: Sequence[str], counts: NDArray[np.int64]) -> list[int]:
    """Places of the names that occur, those of most objects first."""
    return sorted(np.flatnonzero(counts).tolist(), key=lambda place: (-int(counts[place]), names[place]))
