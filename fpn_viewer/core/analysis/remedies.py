"""Remedies: every single change that could bring a lost object back is tried by running it, and those that worked are told.

Changes are tried cheap ones first: settings of the selection (see `breakpoints`), gains, the size of the input. Of every setting
and every term the smallest change that works is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.breakpoints import worth_trying
from fpn_viewer.core.analysis.effects import effect_on
from fpn_viewer.core.analysis.glance import matching_detection
from fpn_viewer.core.analysis.line import Remedy
from fpn_viewer.core.analysis.retraining import finer_anchors
from fpn_viewer.core.analysis.stages import Question
from fpn_viewer.core.analysis.what_if import at_hand, changed_settings, stopping, what_if
from fpn_viewer.core.geometry import net_size
from fpn_viewer.core.numbers import significant
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.effects import Effect
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

#: kinds of changes, cheap ones first; "restored" puts what was changed back to the detector's own
KINDS: tuple[str, ...] = ("selection", "restored", "gains", "input", "anchors")
#: tried for every term, nearest to the factor in force first
GAINS: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0)
#: tried for the input's size, times the size in force
ENLARGED: tuple[float, ...] = (1.25, 1.5, 2.0)
#: ladders up to this length are tried rung by rung
_SHORT = 10
#: an input is not made larger than this, net px², nor than this many times the trace's
_AFFORDABLE, _AREA = 4_000_000, 4.0
#: net px, the longest side that a setting may ask for
_LONGEST = 20_000


@dataclass(frozen=True)
class Change:
    """One change of one thing.

    Attributes:
        setting: name of a setting, or "gain".
        value: the new value; for a gain (node, term, factor).
        before: the value in force; for a gain the factor.
        size: how large the change is: the difference of limits and factors, the binary logarithm of the ratio of counts and sizes.
    """

    setting: str
    value: Any
    before: Any
    size: float


def find_remedies(
    trace: Trace, line: LifeLine, *, others: Any = None, watcher: Watcher | None = None, kinds: Sequence[str] = KINDS
) -> tuple[Remedy, ...]:
    """Single changes that bring an object back.

    Args:
        trace: of a detector that is at hand.
        line: what became of the object in that trace.
        others: the picture's other ground truth, without the object: `GroundTruth` or boxes (N, 4) xyxy image px; None when it is
            not known, and false positives are then not counted.
        watcher: told of progress between the tries, and may stop.
        kinds: what to try, of `KINDS`.

    Returns:
        The smallest change first; what needs training comes last. Nothing for an object that was detected.

    Raises:
        QuestionError: the trace came from a file.
        DeviceError: the device ran out of memory.
    """
    if line.detection is not None:
        return ()
    at_hand(trace)
    search = _Search(trace, line, others, watcher)
    ladders = _ladders(trace, line, kinds)
    found: dict[tuple[str, str], tuple[Change, Remedy]] = {}
    for index, ladder in enumerate(ladders):
        search.told(_name(ladder[0]), index / len(ladders))
        rung = search.first(ladder)
        if rung is not None:
            found.setdefault((rung[0].setting, repr(rung[0].value)), rung)
    tried = sorted(found.values(), key=lambda pair: pair[0].size)
    retrained = finer_anchors(trace, line, search.others_img) if "anchors" in kinds else ()
    return (*(remedy for _, remedy in tried), *retrained)


class _Search:
    """Tries changes for one object.

    Attributes:
        others_img: (N, 4) other ground truth, or None.
    """

    def __init__(self, trace: Trace, line: LifeLine, others: Any, watcher: Watcher | None) -> None:
        self._trace, self._line, self._watcher = trace, line, watcher
        self.others_img: NDArray[np.float64] | None = None
        if others is not None:
            self.others_img = np.asarray(getattr(others, "boxes_img", others), np.float64).reshape(-1, 4)

    def told(self, what: str, done: float) -> None:
        """Reports progress."""
        if self._watcher is not None:
            self._watcher.report(f"trying {what}", done)

    def first(self, ladder: Sequence[Change]) -> tuple[Change, Remedy] | None:
        """The first change of a ladder that works; a long ladder is climbed in growing steps, and the last step halved."""
        if len(ladder) <= _SHORT:
            tries = ((change, self._tried(change)) for change in ladder)
            return next(((change, remedy) for change, remedy in tries if remedy is not None), None)
        failed, rung = -1, 0
        best = self._tried(ladder[rung])
        while best is None and rung < len(ladder) - 1:
            failed, rung = rung, min(2 * rung + 1, len(ladder) - 1)
            best = self._tried(ladder[rung])
        if best is None:
            return None
        while rung - failed > 1:
            middle = (failed + rung) // 2
            smaller = self._tried(ladder[middle])
            failed, rung, best = (middle, rung, best) if smaller is None else (failed, middle, smaller)
        return ladder[rung], best

    def _tried(self, change: Change) -> Remedy | None:
        if self._watcher is not None:
            self._watcher.pause()
        trace, line = self._trace, self._line
        gains, settings = dict(trace.gains), changed_settings(trace.spec.settings, trace.settings)
        if change.setting == "gain":
            gains[change.value[:2]] = change.value[2]
        else:
            settings[change.setting] = change.value
        after = what_if(trace, gains=gains, settings=settings, watcher=stopping(self._watcher))
        found = matching_detection(after, line.box_img, line.label, line.iou)
        if found is None:
            return None
        row, iou = found
        score = float(as_numpy(after.raw.output["scores"].float())[row])
        effect = effect_on(trace, after, row, line.box_img, self.others_img, line.iou)
        return Remedy(
            setting=change.setting,
            value=change.value,
            before=change.before,
            outcome=_outcome(change, score, iou, effect),
            score=score,
            iou=iou,
            gained=effect.gained,
            lost=effect.lost,
            false_positives=effect.false_positives,
        )


# -- what is tried ------------------------------------------------------------------------------------------------------


def _ladders(trace: Trace, line: LifeLine, kinds: Sequence[str]) -> list[list[Change]]:
    """Changes of one thing each, smallest first, cheap things first."""
    return [ladder for kind, make in _MAKERS.items() if kind in kinds for ladder in make(trace, line) if ladder]


def _selection(trace: Trace, line: LifeLine) -> Iterator[list[Change]]:
    # where the model selects in a way of its own, nobody knows what it did to a box
    if trace.follows is None and line.killer is not None:
        question = Question(trace, line.box_img, line.label, line.iou)
        for name, values in worth_trying(question, line.killer).items():
            yield [_setting(trace, name, value) for value in values]


def _restored(trace: Trace, _: LifeLine) -> Iterator[list[Change]]:
    for name, value in changed_settings(trace.settings, trace.spec.settings).items():
        yield [_setting(trace, name, value)]
    for term, factor in trace.gains.items():
        if factor != 1:
            yield [_gain(*term, 1.0, factor)]


def _scaled(trace: Trace, _: LifeLine) -> Iterator[list[Change]]:
    fixed = trace.graph.unknown or trace.graph.fixed
    merged = [one for one in trace.graph.nodes if one.role == "merged" and not fixed]
    for node, term in [(one.name, term.name) for one in merged for term in one.terms]:
        now = trace.gains.get((node, term), 1.0)
        changes = [_gain(node, term, factor, now) for factor in GAINS if factor != now]
        # of two as far away, the one nearer to the model as it is comes first
        yield sorted(changes, key=lambda change: (change.size, abs(change.value[2] - 1)))


def _enlarged(trace: Trace, _: LifeLine) -> Iterator[list[Change]]:
    for name in ("min_size", "max_size"):
        yield [_setting(trace, name, value) for value in _larger(trace, name)]


def _larger(trace: Trace, name: str) -> list[int]:
    """Values of one setting under which the picture goes into the network larger than now, and is not too large."""
    side = {"min_size": min, "max_size": max}[name](trace.image_size)
    now, before = trace.net_size[0] * trace.net_size[1], getattr(trace.settings, name)
    values, seen = [], {trace.net_size}
    for factor in ENLARGED:
        value = max(before + 1, ceil(side * max(trace.scale) * factor))
        size = net_size(trace.image_size, **{**_sizes(trace), name: value}, rounding=trace.spec.conventions.size_rounding)
        if size not in seen and value <= _LONGEST and size[0] * size[1] <= min(_AFFORDABLE, _AREA * now):
            values.append(value)
        seen.add(size)
    return values


def _sizes(trace: Trace) -> dict[str, int]:
    return {"min_size": trace.settings.min_size, "max_size": trace.settings.max_size}


#: what gives ladders, by kind
_MAKERS: dict[str, Callable[[Trace, LifeLine], Iterator[list[Change]]]] = {
    "selection": _selection,
    "restored": _restored,
    "gains": _scaled,
    "input": _enlarged,
}


def _gain(node: str, term: str, factor: float, before: float) -> Change:
    return Change("gain", (node, term, factor), before, abs(factor - before))


def _setting(trace: Trace, name: str, value: Any) -> Change:
    before = getattr(trace.settings, name)
    counted = isinstance(before, int) and isinstance(value, int)
    size = abs(log2(value / before)) if counted else float(np.abs(np.subtract(value, before)).max())
    return Change(name, value, before, size)


# -- words --------------------------------------------------------------------------------------------------------------


def _name(change: Change) -> str:
    return f"{change.value[1]} into {change.value[0]}" if change.setting == "gain" else change.setting


def _outcome(change: Change, score: float, iou: float, effect: Effect) -> str:
    after = change.value[2] if change.setting == "gain" else change.value
    clauses = [
        f"With {_name(change)} at {_number(after)} instead of {_number(change.before)} it is detected with score "
        f"{significant(score)} and IoU {significant(iou)}"
    ]
    if effect.gained:
        wrong = effect.false_positives
        of_them = f" ({wrong} of them on nothing that is annotated)" if wrong else ""
        clauses.append(f"{_count(effect.gained)} gained{of_them}")
    if effect.lost:
        clauses.append(f"{_count(effect.lost)} lost")
    if not effect.gained and not effect.lost:
        clauses.append("nothing else changes")
    return "; ".join(clauses) + "."


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count(number: int) -> str:
    return f"{number:,} other detection{'s' * (number != 1)}"
