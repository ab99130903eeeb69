"""What the charts of a scan say in words: what a filter leaves, and what a point is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent, significant
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.numbers.choices import COUNTED, FOUND
from fpn_viewer.engine.scan.words import counted, size_name, state_name

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.numbers.values import RecallCurve
    from fpn_viewer.engine.scan_requests import ScanAbout


def filter_words(shown: Filter, detectors: tuple[str, ...]) -> str:
    """What a filter leaves, in words: "lost at RPN top-k by demo · 8–16 net px"; "all objects" where it leaves everything."""
    parts = [*_fate(shown, detectors), *shown.classes]
    if shown.sides != (None, None):
        low, high = shown.sides
        parts.append(size_name(low or 0.0, float("inf") if high is None else high))
    parts.extend(_range(word, ends) for word, ends in (("margin", shown.margins), ("anchor IoU", shown.anchor_ious)))
    if shown.picture is not None:
        parts.append(f"picture {shown.picture + 1}")
    if shown.text:
        parts.append(f"“{shown.text}”")
    return " · ".join(part for part in parts if part) or "all objects"


def _range(word: str, ends: tuple[float | None, float | None]) -> str:
    low, high = (significant(end) if end is not None else "" for end in ends)
    if low and high:
        return f"{word} {low}–{high}"
    return f"{word} from {low}" if low else f"{word} below {high}" if high else ""


def _fate(shown: Filter, detectors: tuple[str, ...]) -> list[str]:
    """What became of the objects, in one detector or in two."""
    sides = [(shown.detector, shown.outcomes, shown.killers)]
    if shown.flow is not None:
        sides.append((*shown.flow, shown.other_killers))
    words = []
    for detector, outcomes, killers in sides:
        fate = _outcome_words(outcomes, killers)
        if fate:
            words.append(f"{fate} by {detectors[detector]}" if detector < len(detectors) else fate)
    return words


def _outcome_words(outcomes: tuple[str, ...], killers: tuple[str, ...]) -> str:
    stages = ", ".join(state_name(stage) for stage in killers if stage)
    if stages:
        return f"lost at {stages}"
    if outcomes == (FOUND,):
        return "found"
    if outcomes == COUNTED:
        return ""
    return "lost" if outcomes == LOST else ", ".join(state_name(outcome) for outcome in outcomes)


def point_words(curve: RecallCurve, bucket: int) -> str:
    """A point of a recall curve: "demo finds 54 % of 214 objects of 8–16 net px (95 % confidence: 47–61 %)"."""
    objects, size = int(curve.objects[bucket]), size_name(*curve.sizes[bucket])
    if not objects:
        return f"There is no object of {size}"
    low, high = (round(100 * float(end)) for end in curve.recall_ends[bucket])
    sure = f"{percent(curve.level)} confidence: {low}–{high} %"
    return f"{curve.name} finds {percent(float(curve.recall[bucket]))} of {counted(objects)} of {size} ({sure})"


def so_far(about: ScanAbout) -> str:
    """What precedes a sentence about a scan that is not complete: "So far, 120 of 500 pictures: "; "" where it is."""
    return "" if about.done >= about.pictures else f"So far, {about.done:,} of {counted(about.pictures, 'picture')}: "


def unknown_words(about: ScanAbout, detector: int) -> str:
    """Whose objects are counted nowhere: " It has no class for “RBC” and 2 more."; "" where it knows all classes."""
    names = about.unmatched[detector]
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f" It has no class for “{names[0]}”{more}."


def about_words(about: ScanAbout) -> str:
    """What was scanned: "364 pictures · 4,888 objects · found from IoU 0.5 · 3 could not be read or run"."""
    parts = [counted(about.done, "picture"), counted(about.objects), f"found from IoU {about.iou:g}"]
    if about.problems:
        parts.append(f"{counted(about.problems, 'picture')} could not be read or run")
    return " · ".join(parts)


def ap_words(curve: RecallCurve, bucket: int) -> str:
    """A point of a curve of AP50: "demo: AP50 0.541 on 214 objects of 8–16 net px (95 % confidence: 0.470–0.611)"."""
    objects, size = int(curve.objects[bucket]), size_name(*curve.sizes[bucket])
    if curve.ap50 is None or curve.ap50_ends is None or not objects:
        return f"There is no object of {size}"
    low, high = (significant(float(end)) for end in curve.ap50_ends[bucket])
    sure = f"{percent(curve.level)} confidence: {low}–{high}"
    return f"{curve.name}: AP50 {significant(float(curve.ap50[bucket]))} on {counted(objects)} of {size} ({sure})"
