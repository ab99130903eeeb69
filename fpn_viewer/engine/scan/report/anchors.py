"""How the anchors of the detectors fit the data set, in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.engine.scan.looks import DETECTORS
from fpn_viewer.engine.scan.report.plot import Plot, band, line, middle
from fpn_viewer.engine.scan.report.tables import table
from fpn_viewer.engine.scan.report.words import html
from fpn_viewer.engine.scan.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fpn_viewer.engine.scan.dataset.values import Coverage, Hole, SizeBin

_COLOUR = DETECTORS[0][0]
_CURVE = f'<svg width="34" height="16" aria-hidden="true">{line([(0, 8), (34, 8)], _COLOUR)}</svg>'
_HOLE = '<svg width="14" height="14" aria-hidden="true"><rect class="hole" width="14" height="14"/></svg>'
_LEGEND = (
    f"<span>{_CURVE} median IoU with the best anchor (band: 10–90 % of the objects)</span>"
    f"<span>{_HOLE} no anchor fits a square</span>"
)


def anchors_section(names: Sequence[str], found: Sequence[Coverage | str]) -> Iterator[str]:
    """What a report says of the anchors of the detectors; those of one training have the same.

    Args:
        names: of the detectors.
        found: for each how they fit, or why there is nothing to be said.
    """
    alike: dict[object, list[str]] = {}
    for name, one in zip(names, found, strict=True):
        alike.setdefault(_said(one), []).append(name)
    by_said = {_said(one): one for one in found}
    for said, who in alike.items():
        one = by_said[said]
        yield f"<h3>{html(', '.join(who))}</h3>"
        yield f"<p>{html(one)}</p>" if isinstance(one, str) else _fit(one)


def _said(found: Coverage | str) -> object:
    """What is the same for detectors whose sections are."""
    return found if isinstance(found, str) else (found.now.anchors, found.now.bins, found.sentence)


def _fit(found: Coverage) -> str:
    tables = f"<details><summary>As a table</summary>{_sizes(found)}{_holes(found.now.holes)}</details>"
    return f"<p>{html(found.sentence)}</p>{_curve(found)}{tables}"


def _curve(found: Coverage) -> str:
    """Overlap with the best anchor against size, over the sizes that no anchor fits."""
    bins = [one for one in found.now.bins if one.quantiles is not None]
    plot = Plot(np.log2(bins[0].low), np.log2(bins[-1].high))
    lower, median, upper = (
        [(plot.x(middle(one.low, one.high)), plot.y(one.quantiles[k])) for one in bins if one.quantiles is not None]
        for k in range(3)
    )
    rules = ((found.rules.high, "foreground from"), (found.rules.low, "background below"))
    limits = "".join(_limit(plot, value, words) for value, words in rules)
    inner = "".join(_gap(plot, hole) for hole in found.now.holes) + limits + band(upper, lower, _COLOUR) + line(median, _COLOUR)
    tips = "".join(_tip(plot, one, found.rules.high) for one in bins)
    said = f"Overlap of the objects with the best anchor of {found.detector} against their side in net px"
    return plot.figure(said, inner + tips, _LEGEND, "{:.2f}".format)


def _gap(plot: Plot, hole: Hole) -> str:
    left, right = (plot.x(np.log2(side) if side else plot.low) for side in (hole.low, hole.high))
    if right <= left:
        return ""
    tip = f"No anchor fits a square of {hole.span}: {counted(hole.objects)}, of which {hole.unreached:,} are not reached"
    box = f'x="{left:.1f}" y="{plot.y(1):.1f}" width="{right - left:.1f}" height="{plot.y(0) - plot.y(1):.1f}"'
    return f'<rect class="hole" {box}><title>{html(tip)}</title></rect>'


def _limit(plot: Plot, value: float, words: str) -> str:
    left, y = plot.x(plot.low), plot.y(value)
    drawn = f'<path class="limit" d="M{left:.1f} {y:.1f}H{plot.x(plot.high):.1f}"/>'
    return f'{drawn}<text x="{left + 6:.1f}" y="{y - 5:.1f}">{words} {value:g}</text>'


def _tip(plot: Plot, one: SizeBin, high: float) -> str:
    x, y = plot.x(middle(one.low, one.high)), plot.y(one.quantiles[1] if one.quantiles else 0.0)
    tip = f"{_size(one)} px: {counted(one.objects)}, {percent(one.reached / one.objects)} reached from IoU {high:g}"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{_COLOUR}"><title>{html(tip)}</title></circle>'


def _sizes(found: Coverage) -> str:
    rows = [
        [
            _size(one),
            f"{one.objects:,}",
            f"{one.reached:,} ({percent(one.reached / one.objects)})",
            f"{one.below:,}",
            f"{one.quantiles[1]:.2f}",
        ]
        for one in found.now.bins
        if one.quantiles is not None
    ]
    head = ["net px", "objects", f"an anchor from {found.rules.high:g}", f"best below {found.rules.low:g}", "median IoU"]
    return table(head, rows, f"Anchors: {found.now.anchors}.")


def _holes(holes: Sequence[Hole]) -> str:
    rows = [[hole.span, f"{hole.objects:,}", f"{hole.unreached:,}"] for hole in holes]
    return table(["no anchor fits", "objects", "not reached"], rows) if rows else ""


def _size(one: SizeBin) -> str:
    return f"{significant(one.low)}–{significant(one.high)}"
