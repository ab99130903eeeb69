"""How many objects die at which stage, by size and class."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen
from fpn_viewer.engine.scan.filters import BUCKETS, FROM, SIDE, Filter, where
from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.choices import in_order, is_counted, state_of
from fpn_viewer.engine.scan.numbers.values import Funnel

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    condition, values = where(chosen)
    rows = scan.rows(
        f"SELECT {state_of('fates')}, {bucket_of(bounds)}, objects.class, COUNT(*) FROM {FROM}"
        f" WHERE {condition} AND {is_counted('fates')} GROUP BY 1, 2, 3",
        values,
    )
    states = in_order(state for state, *_ in rows)
    classes = _by_number([(name, count) for *_, name, count in rows])
    places = ({one: place for place, one in enumerate(names)} for names in (states, classes))
    state_at, class_at = places
    counts = np.zeros((len(states), len(bounds), len(classes)), np.int64)
    for state, bucket, name, count in rows:
        counts[state_at[state], bucket, class_at[name]] = count
    return Funnel(chosen, name_of(scan, chosen.detector), states, buckets(bounds), classes, frozen(counts))


def buckets(bounds: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(from, below) of each size bucket; the last is open."""
    return tuple(pairwise(float(bound) for bound in (*bounds, float("inf"))))


def bucket_of(bounds: Sequence[float]) -> str:
    """The size bucket of a fate in SQL, from 0."""
    steps = " ".join(f"WHEN {SIDE} < {float(bound)!r} THEN {place}" for place, bound in enumerate(bounds[1:]))
    return f"CASE {steps} ELSE {len(bounds) - 1} END" if steps else "0"


def _by_number(counts: list[tuple[str, int]]) -> tuple[str, ...]:
    """Names, those of most objects first."""
    totals: dict[str, int] = {}
    for name, count in counts:
        totals[name] = totals.get(name, 0) + count
    return tuple(sorted(totals, key=lambda name: (-totals[name], name)))
