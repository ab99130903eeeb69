"""What the What-if panel says: of values, changes, remedies, and of what else changes in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.line import Remedy
    from fpn_viewer.core.detectors.spec import Settings
    from fpn_viewer.core.structures import Detections
    from fpn_viewer.engine.object_values import Change

SAME_IOU = 0.5
#: between two values, which stay on one line
ARROW = "\xa0→\xa0"
#: more pairs of boxes than this are not compared: their number alone is, within a class
_MOST_PAIRS = 100_000

#: the first part that was run again, in words
BEGAN: Mapping[str, str] = {
    "heads": "heads",
    "rpn": "RPN and heads",
    "neck": "neck, RPN and heads",
    "forward": "the whole detector",
}


def number(value: object) -> str:
    """A setting's value as it was set: four digits are enough, and none more than needed; lists one after the other."""
    if isinstance(value, (tuple, list)):
        return ", ".join(number(v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def gain_words(term: tuple[str, str]) -> str:
    """("M3", "top-down") is "top-down into M3"."""
    return f"{term[1]} into {term[0]}"


def change_words(change: Change, opened: Settings | None) -> list[str]:
    """Each part of a change: "rpn_nms_thresh 0.7 → 0.78", "top-down into M3 × 0"."""
    before = {name: "" if opened is None else f"{number(getattr(opened, name))}{ARROW}" for name in change.settings}
    settings = [f"{name} {before[name]}{number(value)}" for name, value in change.settings.items()]
    return [*settings, *(f"{gain_words(term)} ×\xa0{number(factor)}" for term, factor in change.gains.items())]


def remedy_title(remedy: Remedy) -> str:
    """The change that a remedy is: "rpn_nms_thresh 0.7 → 0.78"."""
    if remedy.setting == "gain":
        node, term, factor = cast("tuple[str, str, float]", remedy.value)
        return f"{gain_words((node, term))} ×\xa0{number(remedy.before)}{ARROW}×\xa0{number(factor)}"
    return f"{remedy.setting} {number(remedy.before)}{ARROW}{number(remedy.value)}"


def remedy_effect(remedy: Remedy) -> str:
    """What a remedy does: "found with score 0.620, IoU 0.710; 2 other boxes more"."""
    if remedy.retrain:
        return remedy.outcome
    words = [f"found with score {significant(remedy.score)}, IoU {significant(remedy.iou)}"]
    others = [f"{_boxes(remedy.gained)} more"] * bool(remedy.gained) + [f"{_boxes(remedy.lost)} less"] * bool(remedy.lost)
    words += others or ["no other box changes"]
    if remedy.false_positives:
        words.append(f"{remedy.false_positives} of the new ones match{'es' * (remedy.false_positives == 1)} no annotation")
    return "; ".join(words)


def _boxes(count: int) -> str:
    return f"{count} other box{'es' * (count != 1)}"


def duration(seconds: float) -> str:
    """ "12 ms", "1.30 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{significant(seconds)} s"


def others_words(gained: int, lost: int) -> str:
    """What became of the other detections: "+3 detections, −1"."""
    if not gained and not lost:
        return "no other detection changes"
    words = [f"+{gained}"] * bool(gained) + [f"−{lost}"] * bool(lost)
    words[0] += " other detection" + "s" * ((gained or lost) != 1)
    return ", ".join(words)


def gained_and_lost(before: Detections, after: Detections, own_before: int | None, own_after: int | None) -> tuple[int, int]:
    """How many detections are new and how many are gone; two are the same with one class and an IoU of 0.5 or more.

    Args:
        before: of the trace that is shown.
        after: under the change.
        own_before: row of the asked object's own detection, which is not counted.
        own_after: the same under the change.
    """
    rows_before, rows_after = _without(len(before), own_before), _without(len(after), own_after)
    gained = lost = 0
    for label in np.union1d(before.labels, after.labels):
        old = before.boxes_img[rows_before[before.labels[rows_before] == label]]
        new = after.boxes_img[rows_after[after.labels[rows_after] == label]]
        kept = _kept(old, new)
        gained, lost = gained + len(new) - kept, lost + len(old) - kept
    return gained, lost


def _without(count: int, row: int | None) -> NDArray[np.intp]:
    rows = np.arange(count)
    return rows if row is None else rows[rows != row]


def _kept(old: NDArray[np.float32], new: NDArray[np.float32]) -> int:
    """Boxes of one class that are in both, each paired with one other, best overlap first."""
    # what only another selection changes comes back bit for bit
    values = np.unique(np.concatenate([old, new]), axis=0, return_inverse=True)[1].ravel()
    gone, come = ~np.isin(values[: len(old)], values[len(old) :]), ~np.isin(values[len(old) :], values[: len(old)])
    kept = min(len(old) - int(gone.sum()), len(new) - int(come.sum()))
    old, new = old[gone], new[come]
    if len(old) * len(new) > _MOST_PAIRS:
        return kept + min(len(old), len(new))
    overlap = iou_with(np.repeat(old, len(new), 0), np.tile(new, (len(old), 1))).reshape(len(old), len(new))
    # each round pairs all that are each other's best, which for detections behind an NMS are nearly all of them
    while overlap.size and overlap.max() >= SAME_IOU:
        best = overlap.argmax(1)
        rows = np.flatnonzero((overlap.argmax(0)[best] == np.arange(len(overlap))) & (overlap.max(1) >= SAME_IOU))
        kept += len(rows)
        overlap = np.delete(np.delete(overlap, rows, 0), best[rows], 1)
    return kept
