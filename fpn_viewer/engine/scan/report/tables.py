"""Tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.engine.scan.numbers.values import COCO_TITLES, TIDE_TITLES, bucket_name
from fpn_viewer.engine.scan.report.words import NONE, Raw, difference, html, interval, metric
from fpn_viewer.engine.scan.words import counted, state_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.scan.numbers.values import CocoMetrics, Flows, Funnel, RecallCurve, TideErrors


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", tips: Sequence[str] = ()) -> str:
    """A table; the first column names its row.

    Args:
        head: of the columns.
        rows: cells.
        caption: one sentence over it.
        tips: for each row what it means; none when empty.
    """
    lines = []
    for place, (name, *cells) in enumerate(rows):
        tip = f' title="{html(tips[place])}"' if tips else ""
        lines.append(f'<tr><th scope="row"{tip}>{html(name)}</th>{"".join(f"<td>{html(cell)}</td>" for cell in cells)}</tr>')
    top = "".join(f'<th scope="col">{html(cell)}</th>' for cell in head)
    said = f"<caption>{html(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def coco_table(metrics: Sequence[CocoMetrics]) -> str:
    """COCO's twelve numbers of each detector, and what two differ by."""
    two = len(metrics) == 2
    rows = []
    for key, title, _ in COCO_TITLES:
        values = [getattr(one, key) for one in metrics]
        rows.append([title, *map(metric, values), *([difference(values)] if two else [])])
    head = ["", *(one.name for one in metrics), *(["difference"] if two else [])]
    first = metrics[0]
    caption = f"Over {counted(first.pictures, 'picture')} with {counted(first.objects, 'object')}, by pycocotools."
    return table(head, rows, caption, [tip for *_, tip in COCO_TITLES])


def class_table(metrics: CocoMetrics) -> str:
    """A detector's numbers by class."""
    keys = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar100")
    titles = {key: title for key, title, _ in COCO_TITLES}
    rows = [[one.name, f"{one.objects:,}", *(metric(getattr(one, key)) for key in keys)] for one in metrics.classes]
    return table(["class", "objects", *(titles[key] for key in keys)], rows, f"{metrics.name}, class by class.")


def tide_table(errors: Sequence[TideErrors]) -> str:
    """TIDE's error types: how many, and the AP that each costs."""
    most = max((gain for one in errors for gain in one.gains.values()), default=0.0) or 1.0
    rows = []
    for key, title, _ in TIDE_TITLES:
        cells = [(f"{one.counts[key]:,}" if key in one.counts else "", _bar(one.gains[key], most)) for one in errors]
        rows.append([title, *(cell for pair in cells for cell in pair)])
    head = ["", *(cell for one in errors for cell in (one.name, "AP it costs"))]
    aps = ", ".join(f"{one.name} {one.ap:.3f}" for one in errors)
    caption = f"TIDE (Bolya et al. 2020) at an overlap of {errors[0].overlap:g}. AP: {aps}."
    return table(head, rows, caption, [tip for *_, tip in TIDE_TITLES])


def _bar(value: float, most: float) -> Raw:
    return Raw(f'<span class="bar" style="--part:{100 * value / most:.1f}%">{value:.3f}</span>')


def size_table(curves: Sequence[RecallCurve]) -> str:
    """Recall and AP50 by size, with their intervals."""
    rows = []
    for place, (low, high) in enumerate(curves[0].sizes):
        cells = [cell for curve in curves for cell in _at(curve, place)]
        rows.append([bucket_name(low, high), f"{curves[0].objects[place]:,}", *cells])
    head = ["net px", "objects", *(f"{curve.name}: {what}" for curve in curves for what in _columns(curve))]
    level = percent(curves[0].level)
    caption = (
        f"Share of objects found by their side after the resize; {level} intervals by bootstrap over pictures,"
        " and exact where all or none were found."
    )
    return table(head, rows, caption)


def _columns(curve: RecallCurve) -> tuple[str, ...]:
    return ("recall",) if curve.ap50 is None else ("recall", "AP50")


def _at(curve: RecallCurve, place: int) -> list[str]:
    out = [interval(float(curve.recall[place]), curve.recall_ends[place].tolist())]
    if curve.ap50 is not None and curve.ap50_ends is not None:
        out.append(interval(float(curve.ap50[place]), curve.ap50_ends[place].tolist()))
    return out


def funnel_table(funnel: Funnel, by: str) -> str:
    """Objects by state, and by size or class.

    Args:
        funnel: what was counted.
        by: "size" or "class".
    """
    counts = funnel.by_size if by == "size" else funnel.by_class
    names = [bucket_name(*one) for one in funnel.sizes] if by == "size" else list(funnel.classes)
    rows = [
        [name, f"{int(column.sum()):,}", *(f"{number:,}" if number else "" for number in column.tolist())]
        for name, column in zip(names, counts.T, strict=True)
    ]
    rows.append(["all", f"{funnel.total:,}", *(f"{number:,}" for number in funnel.by_state.tolist())])
    return table(["net px" if by == "size" else by, "objects", *map(state_name, funnel.states)], rows)


def flow_table(flows: Flows) -> str:
    """What became in the second detector of the objects of each state in the first."""
    shares = flows.counts / np.maximum(flows.counts.sum(1, keepdims=True), 1)
    rows = []
    for name, numbers, parts in zip(flows.states_a, flows.counts.tolist(), shares.tolist(), strict=True):
        cells = [
            _cell(number, part, there == name == FOUND) for there, number, part in zip(flows.states_b, numbers, parts, strict=True)
        ]
        rows.append([state_name(name), *cells, f"{sum(numbers):,}"])
    totals = [f"{number:,}" for number in flows.counts.sum(0).tolist()]
    rows.append(["all", *totals, f"{flows.total:,}"])
    return table([f"{flows.names[0]} ↓  {flows.names[1]} →", *map(state_name, flows.states_b), "all"], rows)


def _cell(number: int, part: float, quiet: bool) -> str:
    if not number:
        return NONE
    return Raw(f'<span class="heat" style="--part:{0 if quiet else round(100 * part)}%">{number:,}</span>')
