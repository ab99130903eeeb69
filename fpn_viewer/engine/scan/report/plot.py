"""A plot of a report: shares from 0 to 1 against sizes on a scale of powers of two, as inline SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.report.words import html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Point = tuple[float, float]

WIDTH, LEFT, RIGHT = 860, 75, 20
_TOP, _BOTTOM, _HEIGHT = 12, 46, 340


@dataclass(frozen=True)
class Plot:
    """Where things lie in a plot.

    Attributes:
        low: size at its left edge, as a power of two.
        high: size at its right edge.
    """

    low: float
    high: float

    def x(self, power: float) -> float:
        """Of a size."""
        inside = min(max(power, self.low), self.high)
        return LEFT + (WIDTH - LEFT - RIGHT) * (inside - self.low) / (self.high - self.low)

    def y(self, value: float) -> float:
        """Of a share."""
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value)

    def figure(self, said: str, inner: str, legend: str, written: Callable[[float], str] = percent) -> str:
        """The figure.

        Args:
            said: what it shows, for those who do not see it.
            inner: what is drawn over the grid.
            legend: below it.
            written: how a share is written at the left.
        """
        grid = "".join(self._grid(written))
        svg = f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" aria-label="{html(said)}">{grid}{inner}</svg>'
        return f'<figure>{svg}<figcaption class="legend">{legend}</figcaption></figure>'

    def _grid(self, written: Callable[[float], str]) -> Iterator[str]:
        left, right, top, bottom = self.x(self.low), self.x(self.high), self.y(1), self.y(0)
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = self.y(value)
            yield f'<path class="grid" d="M{left:.1f} {y:.1f}H{right:.1f}"/>{_text(left - 8, y + 4, "end", written(value))}'
        for power in range(math.ceil(self.low), math.floor(self.high) + 1):
            x = self.x(power)
            yield f'<path class="grid" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>{_text(x, bottom + 18, "middle", f"{2.0**power:g}")}'
        yield _text((left + right) / 2, _HEIGHT - 6, "middle", "side of the object, net px")


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html(words)}</text>'


def points(corners: Sequence[Point]) -> str:
    """Corners as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def line(corners: Sequence[Point], colour: str, dashes: str = "") -> str:
    """A curve."""
    return f'<polyline points="{points(corners)}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"/>'


def band(upper: Sequence[Point], lower: Sequence[Point], colour: str) -> str:
    """What lies between two curves."""
    return f'<polygon points="{points([*upper, *reversed(lower)])}" fill="{colour}" fill-opacity=".18"/>'


def middle(low: float, high: float) -> float:
    """Where a size bucket stands, in powers of two; one without an end as wide as half an octave."""
    if math.isinf(high):
        return math.log2(low or 1.0) + 0.25
    return (math.log2(low) + math.log2(high)) / 2 if low else math.log2(high) - 0.25
