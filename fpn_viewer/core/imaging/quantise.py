"""From a float plane to bytes, with a range whose two numbers are true: 0 stands for `low` and below, 255 for `high` and above."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bytes = NDArray[np.uint8]

#: part of a map's cells that a range covers: a few hot cells at the borders would darken all others
COVERED = 0.998
#: values a quantile is read from; all of them cost ten times as much and move it little
_SAMPLE = 4096


class Range(NamedTuple):
    """Values of the bytes 0 and 255."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Reduced:
    """A reduced map, padding included, with the part of it that lies on the picture.

    Attributes:
        values: (h, w) or (h, w, 3) float32, not finite where the map is not.
        visible: rows and columns that lie on the picture.
        signed: whether its range is symmetric around 0.
    """

    values: Floats = field(repr=False)
    visible: tuple[int, int]
    signed: bool

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.values.nbytes)

    @property
    def shown(self) -> Floats:
        """The visible part of `values`, a view."""
        return self.values[: self.visible[0], : self.visible[1]]

    @cached_property
    def broken(self) -> NDArray[np.bool_] | None:
        """(h, w) of the visible part: cells that are not finite; None when all are."""
        broken: NDArray[np.bool_] = ~np.isfinite(self.shown)
        if broken.ndim == 3:
            broken = np.logical_or.reduce(broken, axis=2)
        return broken if broken.any() else None

    @cached_property
    def range(self) -> Range:
        """The range of the visible part alone."""
        return value_range(self.shown, self.signed)


def value_range(values: Floats, signed: bool) -> Range:
    """The range that covers `COVERED` of a plane's finite values; the ends are values that occur in it, or 0.

    Args:
        values: any shape.
        signed: symmetric around 0; otherwise from 0, or from the lowest where that is negative.

    Returns:
        The range, never empty: a plane of zeros has 0 to 1 (or -1 to 1).
    """
    sample = values.reshape(-1)[:: max(1, values.size // _SAMPLE)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Range(-1.0 if signed else 0.0, 1.0)
    reach = math.ceil(COVERED * (sample.size - 1))
    if signed:
        high = float(np.partition(np.abs(sample), reach)[reach]) or 1.0
        return Range(-high, high)
    low = min(0.0, float(np.partition(sample, sample.size - 1 - reach)[sample.size - 1 - reach]))
    high = max(0.0, float(np.partition(sample, reach)[reach]))
    return Range(low, high if high > low else low + 1.0)


def union(ranges: Iterable[Range]) -> Range:
    """The range that covers all of them; at least one is needed."""
    lows, highs = zip(*ranges, strict=True)
    return Range(min(lows), max(highs))


def quantise(values: Floats, limits: Range) -> Bytes:
    """Bytes of the shape of `values`: 0 at `limits.low` and below, 255 at `limits.high` and above, 0 where a value is not finite.

    Inside, a byte b stands for `low + b / 255 · (high − low)`, right to half a step.
    """
    # float64, because the difference of two float32 may be neither finite nor above zero
    scaled = np.subtract(values, limits.low, dtype=np.float64)
    scaled *= 255 / (limits.high - limits.low)
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)
    np.copyto(scaled, 0, where=~np.isfinite(values))
    return _locked(scaled.astype(np.uint8))


def quantise_rgb(values: Floats) -> Bytes:
    """(h, w, 3) signed components to RGB: 0 is the middle, and each component has its own symmetric range."""
    planes = [quantise(values[..., k], value_range(values[..., k], signed=True)) for k in range(values.shape[2])]
    out = np.stack(planes, -1)
    out[~np.isfinite(values).all(2)] = 0
    return _locked(out)


def _locked(pixels: Bytes) -> Bytes:
    pixels.flags.writeable = False
    return pixels
