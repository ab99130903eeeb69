"""Recall, and AP50, against the size of objects in the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen
from fpn_viewer.engine.scan.filters import BUCKETS, Filter
from fpn_viewer.engine.scan.numbers.arrays import name_of
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.engine.scan.numbers.counts import buckets
from fpn_viewer.engine.scan.numbers.fates import fates
from fpn_viewer.engine.scan.numbers.resampling import ends, exact_tail, weights
from fpn_viewer.engine.scan.numbers.values import RecallCurve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.reading import Scan

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: bounds of half an octave each, for a curve rather than a table
FINE: tuple[float, ...] = (0, 4, 5.66, 8, 11.3, 16, 22.6, 32, 45.3, 64, 90.5, 128, 181, 256)
#: how far a precision of 1 may be from it
_ROUNDING = 1e-9


def recall(
    scan: Scan,
    detector: int = 0,
    *,
    chosen: Filter | None = None,
    bounds: Sequence[float] = BUCKETS,
    ap: bool = False,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    watcher: Reading | None = None,
) -> RecallCurve:
    """Recall of a detector by size bucket, with a confidence interval for each.

    Args:
        scan: to count in.
        detector: by its place in the scan.
        chosen: which objects; its `detector` and what it says of outcomes, killers and margins are left aside, since recall is over
            all objects whatever became of them.
        bounds: sides, net px, from which each bucket goes, rising from 0; the last has no end.
        ap: also compute AP50, of the chosen classes; everything else in `chosen` does not narrow it.
        resamples: of the bootstrap.
        level: share of them between the two ends.
        seed: of the random numbers.
        watcher: told how far it is, may stop it.

    Raises:
        ScanError: the file cannot be read.
    """
    chosen = replace(chosen or Filter(), detector=detector, outcomes=(), killers=(), margins=(None, None))
    objects, found = _counts(scan, chosen, bounds)
    total, hits, pictures = objects.sum(0), found.sum(0), (objects > 0).sum(0)
    curve = RecallCurve(
        chosen,
        name_of(scan, detector),
        level,
        buckets(bounds),
        frozen(total, np.int64),
        frozen(hits, np.int64),
        frozen(pictures, np.int64),
        frozen(_share(hits, total)),
        frozen(_ends(objects, found, resamples, level, seed)),
    )
    if not ap:
        return curve
    from fpn_viewer.engine.scan.numbers.precision import precision_by_size

    value, interval = precision_by_size(scan, chosen, curve.sizes, resamples, level, seed, watcher)
    return replace(curve, ap50=frozen(value), ap50_ends=frozen(_opened(interval, value, pictures, level)))


def _counts(scan: Scan, chosen: Filter, bounds: Sequence[float]) -> tuple[Floats, Floats]:
    """Objects, and those that are found, by picture and bucket (P, B)."""
    held = fates(scan, chosen, bounds)
    names, place = np.unique(held.pictures, return_inverse=True)
    cell, shape = place * len(bounds) + held.bucket, (len(names), len(bounds))
    hit = np.array([outcome == FOUND for outcome, _ in held.kinds], np.bool_)[held.fate]
    objects, found = (np.bincount(cell[one], minlength=shape[0] * shape[1]).reshape(shape) for one in (slice(None), hit))
    return objects.astype(np.float64), found.astype(np.float64)


def _ends(objects: Floats, found: Floats, resamples: int, level: float, seed: int) -> Floats:
    """The confidence interval of each bucket's recall (B, 2)."""
    width = objects.shape[1]
    drawn = [_share(w @ found, w @ objects) for w in weights(len(objects), resamples, seed)]
    out = ends(np.concatenate(drawn) if drawn else np.full((1, width), np.nan), level)
    return _opened(out, _share(found.sum(0), objects.sum(0)), (objects > 0).sum(0), level)


def _opened(intervals: Floats, values: Floats, pictures: Ints, level: float) -> Floats:
    """Intervals with the open end of an exact one where all is found or nothing: there drawing again says nothing."""
    out, tail = intervals.copy(), exact_tail(pictures.astype(np.float64), level)
    everything, nothing = values > 1 - _ROUNDING, values == 0
    out[everything, 0] = 1 - tail[everything]
    out[nothing, 1] = tail[nothing]
    return out


def _share(part: Floats, whole: Floats) -> Floats:
    out: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return out
