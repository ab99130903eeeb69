"""A scan's objects in words and numbers: cells, tooltips, chips and what is copied. No Qt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.matching import OUTCOMES
from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.numbers import significant
from fpn_viewer.engine.scan.filters import BUCKETS, LEFT_OUT, LOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan_requests import ScanAbout
    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.viewmodels.scans import ScansState

NO_SCAN = (
    "No scan is open.\n\nA scan follows every annotated object of a folder through one to four detectors and says which are lost, "
    "and at which stage."
)
READING = "Reading the scan …"
LOOKING = "Looking …"
NOT_ANNOTATED = (
    "This scan has no annotations: it knows sizes and detections, but not what was missed.\nScan again with annotations."
)
NO_OBJECTS = "No annotated object was met yet."
NONE_LEFT = "No object of the scan is like this.\nTake a filter away."
NONE_COUNTS = (
    "No object counts for this detector: their classes are unknown to it, or they are crowds, ignored or broken.\n"
    "Take the filter away to see which."
)
NOTHING_LOST = "Nothing is lost: every object that counts was found.\nTake the filter away to list them all."
#: between the numbers of two sides
_BY = " × "
#: names that a chip lists before it counts them
_NAMED = 2


def cell_text(column: str, row: ScanRow) -> str:
    """What a cell says; "–" where there is nothing to say."""
    return _CELLS[column](row) or "–"


def _number(value: float | None) -> str:
    return "" if value is None else significant(value)


def _sides(height: float, width: float) -> str:
    return f"{significant(width)}{_BY}{significant(height)}"


def _margin(row: ScanRow) -> str:
    if row.margin is None:
        return ""
    sign = "+" if row.margin > 0 else ""
    return f"{sign}{significant(row.margin)} {row.unit}".rstrip()


def marks(row: ScanRow) -> str:
    """One sign for each detector: ✓ found, ✕ lost, · neither."""
    return " ".join("✓" if one == "found" else "✕" if one in LOST else "·" for one in row.outcomes)


_CELLS: dict[str, Callable[[ScanRow], str]] = {
    "object": lambda row: str(row.object + 1),
    "class": lambda row: row.name,
    "outcome": lambda row: row.outcome,
    "killer": lambda row: stage_title(row.killer) if row.killer else "",
    "margin": _margin,
    "image": lambda row: _sides(row.box_img[3] - row.box_img[1], row.box_img[2] - row.box_img[0]),
    "net": lambda row: "" if row.net is None else _sides(*row.net),
    "cells": lambda row: "" if row.cells is None else f"{significant(row.cells)} {row.level}".rstrip(),
    "anchor": lambda row: _number(row.anchor_iou),
    "score": lambda row: _number(row.score),
    "detectors": marks,
    "picture": lambda row: Path(row.path).name,
}


def row_tip(row: ScanRow, detectors: Sequence[str]) -> str:
    """The whole story of a row."""
    lines = [f"{row.name} {row.object + 1} of {row.path}", f"{row.outcome}: {OUTCOMES.get(row.outcome, '')}".rstrip(": ")]
    if row.flaw:
        lines.append(f"The annotation is broken: {row.flaw}.")
    if row.verdict:
        lines.append(row.verdict)
    if len(detectors) > 1:
        lines += [f"{name}: {outcome or 'not run'}" for name, outcome in zip(detectors, row.outcomes, strict=False)]
    return "\n".join(lines)


def rows_tsv(rows: Iterable[ScanRow], detectors: Sequence[str]) -> str:
    """Rows with all digits, one line for each, under a heading."""
    head = (
        *("picture", "object", "class", "outcome", "lost at", "value", "limit", "margin", "unit", "score", "IoU"),
        *("x0", "y0", "x1", "y1", "net h", "net w", "cells", "level", "anchor IoU", *detectors, "verdict"),
    )
    lines = [
        (
            *(row.path, str(row.object + 1), row.name, row.outcome, row.killer),
            *(_digits(row.value), _digits(row.limit), _digits(row.margin), row.unit, _digits(row.score), _digits(row.iou)),
            *(_digits(side) for side in (*row.box_img, *(row.net or (None, None)), row.cells)),
            *(row.level, _digits(row.anchor_iou), *row.outcomes, row.verdict),
        )
        for row in rows
    ]
    return "\n".join("\t".join(line) for line in (head, *lines))


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


# -- the filter ---------------------------------------------------------------------------------------------------------


def bucket_text(low: float | None, high: float | None, unit: str = " px") -> str:
    """A range: "8–16 px", "≥ 128 px", "< 8 px"."""
    if high is None:
        return f"≥ {low or 0:g}{unit}"
    return f"{low:g}–{high:g}{unit}" if low else f"< {high:g}{unit}"


def buckets() -> list[tuple[float | None, float | None]]:
    """The size buckets as ranges, net px."""
    return list(zip((None, *BUCKETS[1:]), (*BUCKETS[1:], None), strict=True))


def _names(names: Sequence[str], title: Callable[[str], str] = str) -> str:
    shown = ", ".join(title(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} +{len(names) - _NAMED}"


def outcomes_text(outcomes: Sequence[str]) -> str:
    """Outcomes in short: "lost", "missed, taken"."""
    return "lost" if set(outcomes) == set(LOST) else _names(outcomes)


def chips(chosen: Filter, about: ScanAbout) -> list[tuple[str, str, dict[str, object]]]:
    """(text, tooltip, fields that take it away) for everything that a filter says."""
    made: list[tuple[str, str, dict[str, object]]] = []
    if chosen.outcomes:
        made.append((outcomes_text(chosen.outcomes), f"Outcome: {', '.join(chosen.outcomes)}", {"outcomes": ()}))
    if chosen.killers:
        titles = ", ".join(map(stage_title, chosen.killers))
        made.append((f"lost at {_names(chosen.killers, stage_title)}", f"Lost at {titles}", {"killers": ()}))
    if chosen.classes:
        made.append((_names(chosen.classes), f"Class: {', '.join(chosen.classes)}", {"classes": ()}))
    ranges = (
        ("sides", "", " px", "Side in the network: root of width × height after the resize"),
        ("margins", "margin ", "", "Margin in the unit of the stage that lost it"),
        ("anchor_ious", "anchor IoU ", "", "Overlap with the best anchor"),
    )
    for name, title, unit, tip in ranges:
        low, high = getattr(chosen, name)
        if (low, high) != (None, None):
            made.append((f"{title}{bucket_text(low, high, unit)}", tip, {name: (None, None)}))
    if chosen.flow is not None:
        made.append(_flow_chip(chosen, about))
    if chosen.picture is not None:
        made.append((f"picture {chosen.picture + 1}", "Only this picture's objects", {"picture": None}))
    return made


def _flow_chip(chosen: Filter, about: ScanAbout) -> tuple[str, str, dict[str, object]]:
    assert chosen.flow is not None
    other, outcomes = chosen.flow
    name = about.detectors[other] if other < len(about.detectors) else f"detector {other + 1}"
    what = outcomes_text(outcomes) if outcomes else "any outcome"
    if chosen.other_killers:
        what += f" at {_names(chosen.other_killers, stage_title)}"
    return f"{name}: {what}", f"What {name} made of the same objects", {"flow": None, "other_killers": ()}


def heading(state: ScansState) -> str:
    """What the table lists: "214 of 1,902 objects · demo"."""
    about = state.about
    if about is None:
        return ""
    count = LOOKING if state.total is None else f"{state.total:,} of {about.objects:,} object{'s' * (about.objects != 1)}"
    done = "" if about.done == about.pictures else f" · {about.done:,}/{about.pictures:,} pictures"
    return f"{count}{done}"


def why_empty(state: ScansState) -> str:
    """Why no row is listed."""
    about = state.about
    if not state.path:
        return NO_SCAN
    if about is None:
        return state.problem or READING
    if not about.objects:
        return NO_OBJECTS if about.annotations else NOT_ANNOTATED
    if state.total is None:
        return LOOKING
    lost_only = state.filter.outcomes == LOST and len(chips(state.filter, about)) == 1 and not state.filter.text
    if lost_only and all(name in LEFT_OUT for name, _ in about.outcomes[state.filter.detector]):
        return NONE_COUNTS
    return NOTHING_LOST if lost_only else NONE_LEFT


# -- the detector -------------------------------------------------------------------------------------------------------


def difference(own: DetectorSpec, scanned: DetectorSpec, *, is_refused: bool) -> str:
    """Whose life lines are shown in place of those that the scan speaks of.

    Args:
        own: the window's detector.
        scanned: the scan's.
        is_refused: the scan's was not found again.
    """
    settings = [
        f"{name} {getattr(own.settings, name)}, scanned with {getattr(scanned.settings, name)}"
        for name in own.kind.settings
        if own.family == scanned.family and getattr(own.settings, name) != getattr(scanned.settings, name)
    ]
    if own.name != scanned.name:
        said = f"Life lines are {own.name}'s; the scan ran {scanned.name}."
    elif settings:
        said = f"Life lines are of other settings than the scan's: {_names(settings)}."
    else:
        said = f"Life lines are not the scan's: {own.name} has other weights, classes or precision than it had then."
    return f"{said} It could not be opened as it was." if is_refused else said
