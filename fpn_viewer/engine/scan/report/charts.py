"""Charts of a report as inline SVG; text takes the page's colour, so that they do in the light and in the dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.looks import DETECTORS, QUIET, STATE_LOOKS, state_look
from fpn_viewer.engine.scan.numbers.values import bucket_name
from fpn_viewer.engine.scan.report.plot import RIGHT, WIDTH, Plot, band, line, middle, points
from fpn_viewer.engine.scan.report.words import html
from fpn_viewer.engine.scan.words import counted, state_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.scan.numbers.values import Funnel, RecallCurve
    from fpn_viewer.engine.scan.report.plot import Point

#: dashes of detectors' lines, as in the window
_DASHES = ("", "7 4", "8 3 2 3", "2 3")
_MARKS = {
    "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    "triangle": ((0, -5), (5, 4), (-5, 4)),
    "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
}
_ROW, _LEFT = 30, 150


def hatches() -> str:
    """The patterns that bars are filled with; once in a page, before all charts."""
    patterns = "".join(_pattern(state, look.colour, look.hatch) for state, look in STATE_LOOKS.items() if look.hatch)
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
    """Attributes of what is filled like a state."""
    look = state_look(state)
    faint = f' fill-opacity="{QUIET}"' if look.quiet else ""
    return f'fill="{f"url(#{_id(state)})" if look.hatch else look.colour}"{faint}'


def funnel_bars(funnel: Funnel) -> str:
    """A bar for each size bucket: what share of its objects each state has, the lost ones first."""
    rows = [(size, column) for size, column in zip(funnel.sizes, funnel.by_size.T.tolist(), strict=True) if sum(column)]
    bars = "".join(_bar(place, bucket_name(*size), column, funnel.states) for place, (size, column) in enumerate(rows))
    said = f"What became of the objects of {funnel.name}, by their side in net px"
    height = _ROW * len(rows) + 4
    svg = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html(said)}">{bars}</svg>'
    return f'<figure>{svg}<figcaption class="legend">{_legend(funnel.states)}</figcaption></figure>'


def _bar(place: int, name: str, column: Sequence[int], states: Sequence[str]) -> str:
    total, left, top = sum(column), float(_LEFT), place * _ROW
    out = [f'<text x="{_LEFT - 10}" y="{top + 19}" text-anchor="end">{html(name)} px · {total:,}</text>']
    for state, number in zip(states, column, strict=True):
        width = (WIDTH - _LEFT - RIGHT) * number / total
        if number:
            tip = f"{state_name(state)}, {name} px: {number:,} of {total:,} ({percent(number / total)})"
            box = f'x="{left:.2f}" y="{top + 3}" width="{width:.2f}" height="{_ROW - 6}"'
            out.append(f"<rect {box} {_fill(state)}><title>{html(tip)}</title></rect>")
        left += width
    return "".join(out)


def _legend(states: Sequence[str]) -> str:
    def sample(state: str) -> str:
        square = f'<svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" {_fill(state)}/></svg>'
        return f"<span>{square} {html(state_name(state))}</span>"

    return "".join(map(sample, states))


# -- recall against size ------------------------------------------------------------------------------------------------


def recall_curves(curves: Sequence[RecallCurve]) -> str:
    """Recall of each detector against size, with its confidence band; sizes are on a scale of powers of two."""
    places = [middle(*size) for size in curves[0].sizes]
    drawn = [place for curve in curves for place, number in zip(places, curve.objects.tolist(), strict=True) if number]
    plot = Plot(min(drawn) - 0.3, max(drawn) + 0.3) if drawn else Plot(2.0, 8.0)
    lines = "".join(_curve(number, curve, plot, places) for number, curve in enumerate(curves))
    said = "Share of objects found against their side in net px: " + ", ".join(curve.name for curve in curves)
    return plot.figure(said, lines, "".join(_key(number, curve.name) for number, curve in enumerate(curves)))


def _curve(number: int, curve: RecallCurve, plot: Plot, places: Sequence[float]) -> str:
    (colour, mark), dashes = DETECTORS[number], _DASHES[number]
    there = [place for place, objects in enumerate(curve.objects.tolist()) if objects]
    lower, upper = ([(plot.x(places[k]), plot.y(float(curve.recall_ends[k, end]))) for k in there] for end in (0, 1))
    middles = [(plot.x(places[k]), plot.y(float(curve.recall[k]))) for k in there]
    out = [band(upper, lower, colour), line(middles, colour, dashes)]
    for place, point in zip(there, middles, strict=True):
        ends = "–".join(percent(float(end)).removesuffix(" %") for end in curve.recall_ends[place])
        hits = f"{curve.found[place]:,} of {counted(int(curve.objects[place]))}"
        tip = f"{curve.name}, {bucket_name(*curve.sizes[place])} px: {percent(float(curve.recall[place]))} ({ends} %), {hits}"
        out.append(f"<g>{_mark(mark, point, colour)}<title>{html(tip)}</title></g>")
    return "".join(out)


def _mark(kind: str, at: Point, colour: str) -> str:
    if kind == "disc":
        return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{colour}"/>'
    return f'<polygon points="{points([(at[0] + x, at[1] + y) for x, y in _MARKS[kind]])}" fill="{colour}"/>'


def _key(number: int, name: str) -> str:
    (colour, mark), dashes = DETECTORS[number], _DASHES[number]
    stroke = f'<path d="M0 8H34" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"/>{_mark(mark, (17, 8), colour)}'
    return f'<span><svg width="34" height="16" aria-hidden="true">{stroke}</svg> {html(name)}</span>'
