"""Sentences and labels of the tab "Object"."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.anchors.texts import busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.analysis.line import LifeLine, Rival, Stage, Suppressor
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.object_values import Asked
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import ObjectRow, ObjectsState
    from fpn_viewer.viewmodels.question import QuestionState

ASK = "Click an object, or press B and draw a box, to see what the detector made of it."
NO_RUN = "Run the detector to see what it made of the objects (F5)."
#: over the picture while there is no trace, by kind of `RunState`
_NO_TRACE = {
    "empty": "Open a picture to see what the detector finds and misses (Ctrl+O)",
    "loading": "Reading the picture …",
    "opening": "Opening the detector …",
    "running": "Running the detector …",
    "ready": "Run the detector to see what it finds and misses (F5)",
    "cancelled": "Cancelled. Run the detector to see what it finds and misses (F5)",
}


def view_message(document: Document) -> str:
    """What the middle of the picture says; "" when there is nothing to say."""
    state = document.run_state
    if document.trace is not None:
        return busy(state)
    if document.picture is None and state.kind == "ready":
        return _NO_TRACE["empty"]
    if document.detector is None and state.kind == "ready":
        return "Open a detector to see what it finds and misses (Ctrl+K)"
    return state.text if state.kind == "failed" else busy(state) or _NO_TRACE[state.kind]


# -- the asked object ---------------------------------------------------------------------------------------------------


def size_text(box_img: Box) -> str:
    """Width and height of a box: "14×9 px"."""
    width, height = box_img[2] - box_img[0], box_img[3] - box_img[1]
    return f"{width:.3g}×{height:.3g} px"


def class_text(labels: Sequence[str], label: int | None) -> str:
    """The name of a drawn box's class."""
    if label is None:
        return "box"
    return labels[label] if 0 <= label < len(labels) else f"class {label}"


def title(asked: Asked, row: ObjectRow | None, line: LifeLine | None, names: Sequence[str]) -> str:
    """What is asked and how it ended: "car 14×9 px · missed at rpn_top_k".

    Args:
        asked: the object.
        row: the annotation, or None for a drawn box.
        line: its life line, or None until it is there.
        names: the detector's class names by label.
    """
    name = row.name if row is not None else f"drawn {class_text(names, asked.label)}"
    ended = outcome_text(row, line)
    return f"{name} {size_text(asked.box_img)}{' · ' if ended else ''}{ended}"


def outcome_text(row: ObjectRow | None, line: LifeLine | None) -> str:
    """How an object ended: "found", "missed at rpn_top_k"; "" while it is not known."""
    killer = line.killer if line is not None else row.killer if row is not None else None
    outcome = row.outcome if row is not None else ""
    if not outcome and line is not None:
        outcome = "detected" if line.killer is None and line.outcome == "detected" else line.outcome
    return f"{outcome} at {killer}" if outcome and killer else outcome


def verdict(document: Document, state: QuestionState) -> str:
    """The sentence under the title."""
    if state.trouble:
        return state.trouble
    if state.asked is None:
        return ASK if document.trace is not None else NO_RUN
    if state.line is not None:
        return state.line.verdict
    return "Following it through the detector …" if document.trace is not None else NO_RUN


def summary(rows: Sequence[ObjectRow]) -> str:
    """What became of all objects: "62 annotated objects: 50 found, 9 missed"."""
    counts = Counter(row.outcome for row in rows if row.outcome)
    ended = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    objects = f"{len(rows)} annotated object{'s' * (len(rows) != 1)}" if rows else "No object is annotated"
    return f"{objects}: {ended}" if ended else objects


def missed_text(rows: Sequence[ObjectRow], current: int | None, missed: frozenset[str]) -> str:
    """Where one is among the missed objects: "3 of 7 missed", "7 missed"."""
    places = [row.index for row in rows if row.outcome in missed]
    if not places:
        return "none missed" if any(row.outcome for row in rows) else ""
    return f"{places.index(current) + 1} of {len(places)} missed" if current in places else f"{len(places)} missed"


def row_tip(row: ObjectRow) -> str:
    """The tooltip of an annotated object."""
    ended = row.outcome and f" · {row.outcome}{f' at {row.killer}' if row.killer else ''}"
    rest = [f"annotation: {row.flaw}" if row.flaw else "", row.verdict]
    return "\n".join([f"{row.name} {size_text(row.box_img)}{ended}", *filter(None, rest)])


def current_row(state: ObjectsState) -> ObjectRow | None:
    """The annotated object that is looked at."""
    return state.rows[state.current] if state.current is not None and state.current < len(state.rows) else None


# -- what is drawn around it ------------------------------------------------------------------------------------------


def stage_label(stage: Stage) -> str:
    """The box that decided a stage: "rpn_top_k: rank 1,342 of 1,000"."""
    if stage.value is None:
        return f"closest at {stage.name}"
    value, limit = (_value(number, stage.unit) for number in (stage.value, stage.limit))
    held = f" {'of' if stage.unit == 'rank' else 'against'} {limit}" if limit else ""
    return f"{stage.name}: {stage.unit} {value}{held}"


def suppressor_label(suppressor: Suppressor, names: Sequence[str]) -> str:
    """The box that removed it: "removed it: 0.93 P3"."""
    name = "" if suppressor.label is None else f"{class_text(names, suppressor.label)} "
    return f"removed it: {name}{significant(suppressor.score)} {suppressor.level}".rstrip()


def rival_label(rival: Rival, names: Sequence[str]) -> str:
    """The detection that covers it: "truck 0.710 · other class"."""
    return f"{class_text(names, rival.label)} {significant(rival.score)} · {rival.why}"


def _value(number: float | None, unit: str) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if unit == "rank" else significant(number)
