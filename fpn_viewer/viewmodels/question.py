"""The object that is asked about: an annotation or a drawn box, its life line, and the boxes near it at one stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from fpn_viewer.engine.object_requests import Explain, LookAtStage, ReadSignal
from fpn_viewer.engine.object_values import Asked
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from PySide6.QtCore import QObject

    from fpn_viewer.core.analysis.line import LifeLine, NearBoxes
    from fpn_viewer.core.analysis.signals import Signal as ObjectSignal
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.object_values import Explained, SignalView, StageView
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState


@dataclass(frozen=True)
class QuestionState:
    """What is asked and what is known.

    Attributes:
        asked: the object, or None when nothing is asked.
        line: its life line in the current trace, or None until it is there.
        stage: the stage whose boxes are drawn; "" for none.
        near: those boxes, once they are there.
        signal: the object in every node, once it is there.
        channel: whose values the signal's crops show; None for mean |x|.
        trouble: why there is no answer, "" otherwise.
    """

    asked: Asked | None = None
    line: LifeLine | None = None
    stage: str = ""
    near: NearBoxes | None = None
    signal: ObjectSignal | None = None
    channel: int | None = None
    trouble: str = ""


class Question(Observable[QuestionState]):
    """Asks about the object that is selected in `Objects`, or about the box drawn in `Selection`; asks again after each run.

    Signals:
        problem(problem): `Problem`.
    """

    problem = Signal(object)

    def __init__(self, document: Document, objects: Objects, selection: Selection, parent: QObject | None = None) -> None:
        """Follows the selection.

        Args:
            document: brings traces and answers.
            objects: annotated objects.
            selection: the drawn box.
            parent: the Qt parent.
        """
        super().__init__(QuestionState(), parent)
        self._document, self._objects, self._selection = document, objects, selection
        objects.changed.connect(self._object_changed)
        selection.changed.connect(self._box_changed)
        document.trace_changed.connect(self._ask_again)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._failed)

    # -- what the user does -----------------------------------------------------------------------------------------

    def ask(self, asked: Asked | None) -> None:
        """Asks about an object; None asks about nothing."""
        if asked == self.state.asked and (asked is not None or not self.state.trouble):
            return
        self.update(asked=asked, line=None, near=None, signal=None, trouble="")
        self._ask_again()

    def clear(self) -> None:
        """Asks about nothing, and forgets the drawn box."""
        self._objects.select(None)
        self._selection.update(box_img=None)
        self.ask(None)

    def set_label(self, label: int | None) -> None:
        """Says what class the drawn box is of; None for any."""
        asked = self.state.asked
        if asked is not None:
            self.ask(Asked(asked.box_img, label, asked.iou, asked.others_img, asked.index))

    def look_at(self, stage: str) -> None:
        """Draws the boxes of a stage; "" for none."""
        self.update(stage=stage, near=None)
        self._ask_stage()

    def set_channel(self, channel: int | None) -> None:
        """Shows one channel in the crops of the signal; None for mean |x|."""
        self.update(channel=channel)
        self._ask_signal()

    # -- what changes -----------------------------------------------------------------------------------------------

    def _object_changed(self, state: ObjectsState, names: frozenset[str]) -> None:
        if not names & {"current", "iou", "labels", "rows"}:
            return
        if state.current is not None and state.current < len(state.rows):
            if "current" in names:
                self._selection.update(box_img=None)
            if state.rows[state.current].flaw:
                row = state.rows[state.current]
                self.update(
                    asked=None, line=None, near=None, signal=None, trouble=f"This annotation cannot be asked about: {row.flaw}."
                )
                return
            self.ask(self._objects.asked(state.current))
        elif "current" in names and self._selection.state.box_img is None:
            self.ask(None)
        elif self.state.asked is not None and self.state.asked.index < 0:
            asked = self.state.asked
            self.ask(Asked(asked.box_img, asked.label, state.iou, self._objects.others(-1)))

    def _box_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "box_img" not in names:
            return
        if state.box_img is None:
            if self._objects.state.current is None:
                self.ask(None)
            return
        self._objects.select(None)
        self.ask(Asked(state.box_img, None, self._objects.state.iou, self._objects.others(-1)))

    def _ask_again(self, _: object = None) -> None:
        trace, asked = self._document.trace, self.state.asked
        # rows that an old line names mean other detections in a new trace
        self.update(line=None, near=None, signal=None)
        if trace is None or asked is None:
            return
        self._document.ask("explain", Explain(self._document.session, trace.key, asked))
        self._ask_stage()
        self._ask_signal()

    def _ask_stage(self) -> None:
        trace, asked, stage = self._document.trace, self.state.asked, self.state.stage
        if trace is not None and asked is not None and stage in trace.spec.kind.stages:
            self._document.ask("stage", LookAtStage(self._document.session, trace.key, asked, stage))

    def _ask_signal(self) -> None:
        trace, asked = self._document.trace, self.state.asked
        if trace is not None and asked is not None:
            self._document.ask("signal", ReadSignal(self._document.session, trace.key, asked, self.state.channel))

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "explain": self._explained,
            "stage": self._looked,
            "signal": self._read,
        }
        if lane in answers and self._current(value):
            answers[lane](value)

    def _current(self, value: Explained | StageView | SignalView) -> bool:
        trace = self._document.trace
        return trace is not None and trace.key == value.key and value.asked == self.state.asked

    def _explained(self, value: Explained) -> None:
        self.update(line=value.line, trouble="")

    def _looked(self, value: StageView) -> None:
        if value.stage == self.state.stage:
            self.update(near=value.boxes)

    def _read(self, value: SignalView) -> None:
        self.update(signal=value.signal)

    def _failed(self, lane: str, failure: Failure | None) -> None:
        if failure is None or lane not in ("explain", "stage", "signal"):
            return
        if lane == "explain":
            self.update(line=None, trouble=failure.title)
        else:
            self.problem.emit(Problem(failure.title, failure.details))
