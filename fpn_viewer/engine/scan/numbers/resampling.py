"""Confidence by drawing the pictures again (bootstrap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: numbers held at a time
_MOST = 1 << 22


def weights(pictures: int, resamples: int, seed: int, width: int = 1) -> Iterator[Floats]:
    """How often each picture is drawn, resample by resample; the same for the same seed, however it is cut.

    Args:
        pictures: to draw from, as many as are drawn.
        resamples: how often.
        seed: of the random numbers.
        width: numbers that the caller holds for each resample, where they are more than the pictures.

    Yields:
        (r, pictures), the r adding up to `resamples`.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, _MOST // max(pictures, width, 1))
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = generator.integers(0, max(pictures, 1), (rows, pictures)) + pictures * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * pictures).reshape(rows, pictures).astype(np.float64)


def ends(samples: Floats, level: float) -> Floats:
    """Lower and upper end of the middle share of the resamples, column by column (B, 2); NaN where a column has no number."""
    out = np.full((samples.shape[1], 2), np.nan)
    there = ~np.isnan(samples).all(0)
    tail = (1 - level) / 2
    if there.any():
        out[there] = np.nanquantile(samples[:, there], (tail, 1 - tail), axis=0).T
    return out


def exact_tail(trials: Floats, level: float) -> Floats:
    """How far from 0 (or 1) a share may lie of which no trial (or every one) spoke: the open end of an exact interval."""
    out: Floats = 1 - ((1 - level) / 2) ** (1 / np.maximum(trials, 1))
    return out
