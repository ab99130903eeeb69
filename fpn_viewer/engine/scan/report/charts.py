"""Charts of a report as inline SVG; text takes the page's colour, so that they do in the light and in the dark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.engine.scan.numbers.values import bucket_name
from fpn_viewer.engine.scan.report.words import counted, html, state_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fpn_viewer.engine.scan.numbers.values import Funnel, RecallCurve

    Point = tuple[float, float]

#: (colour, hatch: 0 plain, 1 lines that rise, −1 lines that fall) of states, as in the window
_LOOKS: dict[str, tuple[str, int]] = {
    FOUND: ("#2BC48A", 0),
    "resize": ("#7A5195", 0),
    "anchors": ("#7A5195", 1),
    "rpn_regression": ("#0B4F94", 0),
    "rpn_top_k": ("#2C7FC4", 1),
    "rpn_min_size": ("#8AA7C4", 0),
    "rpn_score": ("#8AA7C4", 1),
    "rpn_nms": ("#56B4E9", 0),
    "rpn_cap": ("#56B4E9", -1),
    "box_regression": ("#E69F00", 0),
    "class_score": ("#D55E00", 0),
    "top_k": ("#D55E00", 1),
    "min_size": ("#B58A5A", 0),
    "nms": ("#CC79A7", 0),
    "cap": ("#CC79A7", -1),
    "wrong class": ("#8A8F98", 1),
    "badly placed": ("#8A8F98", -1),
    "missed": ("#5B6068", 1),
}
_OTHER = ("#8A8F98", 0)
#: (colour, dashes, marker) of detectors, as in the window
_DETECTORS = (
    ("#0072B2", "", "disc"),
    ("#D55E00", "7 4", "square"),
    ("#009E73", "8 3 2 3", "triangle"),
    ("#CC79A7", "2 3", "diamond"),
)
_MARKS = {
    "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    "triangle": ((0, -5), (5, 4), (-5, 4)),
    "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
}
_WIDTH, _ROW = 860, 30
_LEFT, _RIGHT = 150, 20


def hatches() -> str:
    """The patterns that bars are filled with; once in a page, before all charts."""
    patterns = "".join(_pattern(state, *look) for state, look in _LOOKS.items() if look[1])
    return f'<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{patterns}</defs></svg>'


def _pattern(state: str, colour: str, rises: int) -> str:
    # the corners belong to the neighbouring tiles' lines
    lines = "M-2 2L2-2M0 8L8 0M6 10L10 6" if rises > 0 else "M-2 6L2 10M0 0L8 8M6-2L10 2"
    line = f'<path d="{lines}" stroke="#fff" stroke-opacity=".6" stroke-width="2"/>'
    size = f'id="{_id(state)}" width="8" height="8" patternUnits="userSpaceOnUse"'
    return f'<pattern {size}><rect width="8" height="8" fill="{colour}"/>{line}</pattern>'


def _id(state: str) -> str:
    return f"hatch-{state.replace(' ', '-')}"


def _fill(state: str) -> str:
    colour, hatched = _LOOKS.get(state, _OTHER)
    return f"url(#{_id(state)})" if hatched else colour


def funnel_bars(funnel: Funnel) -> str:
    """A bar for each size bucket: what share of its objects each state has, the lost ones first."""
    rows = [(size, column) for size, column in zip(funnel.sizes, funnel.by_size.T.tolist(), strict=True) if sum(column)]
    bars = "".join(_bar(place, bucket_name(*size), column, funnel.states) for place, (size, column) in enumerate(rows))
    said = f"What became of the objects of {funnel.name}, by their side in net px"
    height = _ROW * len(rows) + 4
    svg = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html(said)}">{bars}</svg>'
    return f'<figure>{svg}<figcaption class="legend">{_legend(funnel.states)}</figcaption></figure>'


def _bar(place: int, name: str, column: Sequence[int], states: Sequence[str]) -> str:
    total, left, top = sum(column), float(_LEFT), place * _ROW
    out = [f'<text x="{_LEFT - 10}" y="{top + 19}" text-anchor="end">{html(name)} px · {total:,}</text>']
    for state, number in zip(states, column, strict=True):
        width = (_WIDTH - _LEFT - _RIGHT) * number / total
        if number:
            tip = f"{state_name(state)}, {name} px: {number:,} of {total:,} ({percent(number / total)})"
            faint = ' fill-opacity=".4"' if state == FOUND else ""
            box = f'x="{left:.2f}" y="{top + 3}" width="{width:.2f}" height="{_ROW - 6}" fill="{_fill(state)}"{faint}'
            out.append(f"<rect {box}><title>{html(tip)}</title></rect>")
        left += width
    return "".join(out)


def _legend(states: Sequence[str]) -> str:
    def sample(state: str) -> str:
        faint = ' fill-opacity=".4"' if state == FOUND else ""
        square = f'<svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill="{_fill(state)}"{faint}/></svg>'
        return f"<span>{square} {html(state_name(state))}</span>"

    return "".join(map(sample, states))


# -- recall against size ------------------------------------------------------------------------------------------------

_TOP, _BOTTOM, _HEIGHT = 12, 46, 340


def recall_curves(curves: Sequence[RecallCurve]) -> str:
    """Recall of each detector against size, with its confidence band; sizes are on a scale of powers of two."""
    sizes = curves[0].sizes
    places = [_middle(*size) for size in sizes]
    drawn = [place for curve in curves for place, number in zip(places, curve.objects.tolist(), strict=True) if number]
    low, high = (min(drawn) - 0.3, max(drawn) + 0.3) if drawn else (2.0, 8.0)

    def at(place: float, value: float) -> Point:
        x = _LEFT / 2 + (_WIDTH - _LEFT / 2 - _RIGHT) * (place - low) / (high - low)
        return x, _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value)

    grid = "".join(_grid(at, low, high))
    lines = "".join(_curve(number, curve, [at(place, 0)[0] for place in places]) for number, curve in enumerate(curves))
    said = "Share of objects found against their side in net px: " + ", ".join(curve.name for curve in curves)
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html(said)}">{grid}{lines}</svg>'
    names = "".join(_key(number, curve.name) for number, curve in enumerate(curves))
    return f'<figure>{svg}<figcaption class="legend">{names}</figcaption></figure>'


def _middle(low: float, high: float) -> float:
    """Where a bucket stands, in powers of two; one without an end as wide as half an octave."""
    if math.isinf(high):
        return math.log2(low or 1.0) + 0.25
    return (math.log2(low) + math.log2(high)) / 2 if low else math.log2(high) - 0.25


def _grid(at: Callable[[float, float], Point], low: float, high: float) -> Iterator[str]:
    for value in (0, 0.25, 0.5, 0.75, 1):
        (left, y), right = at(low, value), at(high, value)[0]
        yield f'<path class="grid" d="M{left:.1f} {y:.1f}H{right:.1f}"/>{_text(left - 8, y + 4, "end", f"{value:.0%}")}'
    for power in range(math.ceil(low), math.floor(high) + 1):
        x, bottom = at(power, 0)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom:.1f}"/>{_text(x, bottom + 18, "middle", str(2**power))}'
    yield _text(at((low + high) / 2, 0)[0], _HEIGHT - 6, "middle", "side of the object in the network, px")


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html(words)}</text>'


def _curve(number: int, curve: RecallCurve, xs: Sequence[float]) -> str:
    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value)

    colour, dashes, mark = _DETECTORS[number]
    there = [place for place, objects in enumerate(curve.objects.tolist()) if objects]
    upper = [(xs[place], y(float(curve.recall_ends[place, 1]))) for place in there]
    lower = [(xs[place], y(float(curve.recall_ends[place, 0]))) for place in reversed(there)]
    line = [(xs[place], y(float(curve.recall[place]))) for place in there]
    out = [f'<polygon points="{_points([*upper, *lower])}" fill="{colour}" fill-opacity=".18"/>']
    out.append(f'<polyline points="{_points(line)}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"/>')
    for place, point in zip(there, line, strict=True):
        ends = "–".join(percent(float(end)).removesuffix(" %") for end in curve.recall_ends[place])
        hits = f"{curve.found[place]:,} of {counted(int(curve.objects[place]), 'object')}"
        tip = f"{curve.name}, {bucket_name(*curve.sizes[place])} px: {percent(float(curve.recall[place]))} ({ends} %), {hits}"
        out.append(f"<g>{_mark(mark, point, colour)}<title>{html(tip)}</title></g>")
    return "".join(out)


def _mark(kind: str, at: Point, colour: str) -> str:
    if kind == "disc":
        return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{colour}"/>'
    return f'<polygon points="{_points([(at[0] + x, at[1] + y) for x, y in _MARKS[kind]])}" fill="{colour}"/>'


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _key(number: int, name: str) -> str:
    colour, dashes, mark = _DETECTORS[number]
    line = f'<path d="M0 8H34" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"/>{_mark(mark, (17, 8), colour)}'
    return f'<span><svg width="34" height="16" aria-hidden="true">{line}</svg> {html(name)}</span>'
