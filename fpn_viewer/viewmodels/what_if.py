"""What-ifs about the asked object: sliders that are answered live, remedies that were tried, curves, and what is in force."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QTimer, Signal

from fpn_viewer.engine.object_requests import SearchRemedies, Sweep, TryWhatIf, ZoomIn
from fpn_viewer.engine.object_values import REMEDY_ROUNDS, Change
from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from PySide6.QtCore import QObject

    from fpn_viewer.core.analysis.curves import Curve
    from fpn_viewer.core.analysis.line import Remedy
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.object_values import CurveFound, Explained, RemediesFound, WhatIfAnswer, ZoomFound
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.question import Question, QuestionState

#: a search for remedies starts when the user has paused for so long, ms
PAUSE_MS = 250


@dataclass(frozen=True)
class WhatIfState:
    """What is tried and what came of it.

    Attributes:
        change: where the sliders stand.
        applied: what the shown run was made with.
        answer: what the sliders' change would make of the object; None when they stand at what is applied, or until it is there.
        waiting: an answer is on its way.
        remedies: single changes that bring the object back, as far as found; None while they were not looked for.
        looked: rounds of `REMEDY_ROUNDS` that are done.
        searching: remedies are looked for.
        curves: by term, None for the size.
        sweeping: the term whose curve is being made, "" for none (the size's is "size").
        zoomed: what becomes of the object when only its surroundings are run; None until that was asked.
        zooming: that is being run.
        progress: how far a slow answer is, by lane ("remedies", "sweep"): what is being done and its share, 0..1.
        trouble: why there is no answer, "" otherwise.
        troubled: the lane whose answer that is: "what_if", "remedies", "sweep" or "zoom".
    """

    change: Change = dataclasses.field(default_factory=Change)
    applied: Change = dataclasses.field(default_factory=Change)
    answer: WhatIfAnswer | None = None
    waiting: bool = False
    remedies: tuple[Remedy, ...] | None = None
    looked: int = 0
    searching: bool = False
    curves: Mapping[tuple[str, str] | None, Curve] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    sweeping: str = ""
    zoomed: ZoomFound | None = None
    zooming: bool = False
    progress: Mapping[str, tuple[str, float]] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    trouble: str = ""
    troubled: str = ""


class WhatIf(Observable[WhatIfState]):
    """Asks the worker what a change would do, at once for sliders and when the user pauses for what takes long.

    Signals:
        problem(problem): `Problem`.
    """

    problem = Signal(object)

    def __init__(self, document: Document, question: Question, parent: QObject | None = None) -> None:
        """Follows the question.

        Args:
            document: brings answers and applies changes.
            question: the object.
            parent: the Qt parent.
        """
        super().__init__(WhatIfState(), parent)
        self._document, self._question = document, question
        self._search_soon = QTimer(self)
        self._search_soon.setSingleShot(True)
        self._search_soon.setInterval(PAUSE_MS)
        self._search_soon.timeout.connect(self._search)
        question.changed.connect(self._question_changed)
        document.detector_changed.connect(self._detector_changed)
        document.trace_changed.connect(self._trace_changed)
        document.change_applied.connect(self._applied)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._failed)
        document.asked_progress.connect(self._progressed)

    # -- what the user does -----------------------------------------------------------------------------------------

    def set_setting(self, name: str, value: object) -> None:
        """Moves a setting; its value in the opened detector takes it out of the change."""
        self.try_change(Change({**self.state.change.settings, name: value}, self.state.change.gains))

    def set_gain(self, term: tuple[str, str], factor: float) -> None:
        """Moves a gain; 1 takes it out of the change."""
        self.try_change(Change(self.state.change.settings, {**self.state.change.gains, term: factor}))

    def try_change(self, change: Change) -> None:
        """Puts the sliders somewhere and asks what that would do."""
        self.update(change=self._reduced(change), trouble="")
        self._stop_slow()
        self._ask()

    def try_remedy(self, remedy: Remedy) -> None:
        """Puts the sliders where a remedy wants them."""
        self.try_change(self._with(remedy))

    def apply_remedy(self, remedy: Remedy) -> None:
        """Runs the picture, and those after it, with a remedy."""
        self.update(change=self._reduced(self._with(remedy)))
        self.apply()

    def apply(self) -> None:
        """Runs the picture, and those after it, with the sliders' change."""
        self._stop_slow()
        self._document.withdraw("what_if")
        if self.state.change == self.state.applied:
            self._search_soon.start()
        self._document.apply(self.state.change)

    def reset(self) -> None:
        """Back to the detector as it was opened, sliders and runs."""
        self.update(change=Change(), answer=None, waiting=False, trouble="")
        self.apply()

    def sweep(self, term: tuple[str, str] | None) -> None:
        """Makes the curve of a term, or of the object's size."""
        trace, asked = self._document.trace, self._question.state.asked
        if trace is not None and asked is not None:
            self.update(sweeping="size" if term is None else f"{term[1]} {term[0]}", progress=self._progress_without("sweep"))
            self._document.ask("sweep", Sweep(self._document.session, trace.key, asked, term))

    def zoom(self) -> None:
        """Runs only the object's surroundings."""
        trace, asked = self._document.trace, self._question.state.asked
        if trace is not None and asked is not None:
            self.update(zooming=True, zoomed=None)
            self._document.ask("zoom", ZoomIn(self._document.session, trace.key, asked))

    def search(self) -> None:
        """Looks for remedies at once, as after `stop`."""
        self._search_soon.stop()
        self._search()

    def stop(self, lane: str) -> None:
        """Stops looking for remedies ("remedies") or making a curve ("sweep")."""
        self._document.withdraw(lane)

    # -- asking -----------------------------------------------------------------------------------------------------

    def _reduced(self, change: Change) -> Change:
        """Without what is in the opened detector as well."""
        detector = self._document.detector
        own = None if detector is None else detector.spec.settings
        settings = {k: v for k, v in change.settings.items() if own is None or getattr(own, k) != v}
        return Change(settings, {term: factor for term, factor in change.gains.items() if factor != 1.0})

    def _with(self, remedy: Remedy) -> Change:
        applied = self.state.applied
        if remedy.setting == "gain":
            node, term, factor = cast("tuple[str, str, float]", remedy.value)
            return Change(applied.settings, {**applied.gains, (node, term): factor})
        return Change({**applied.settings, remedy.setting: remedy.value}, applied.gains)

    def _ask(self) -> None:
        trace, asked, change = self._document.trace, self._question.state.asked, self.state.change
        if trace is None or asked is None or change == self.state.applied:
            self.update(answer=None, waiting=False)
            self._document.withdraw("what_if")
            self._search_soon.start()
            return
        self.update(waiting=True)
        self._document.ask("what_if", TryWhatIf(self._document.session, trace.key, asked, change))

    def _search(self) -> None:
        trace, state = self._document.trace, self._question.state
        if trace is None or state.asked is None or state.line is None or self.state.looked == len(REMEDY_ROUNDS):
            return
        if state.line.detection is not None:
            self.update(remedies=(), looked=len(REMEDY_ROUNDS))
            return
        self.update(searching=True, progress=self._progress_without("remedies"))
        self._document.ask("remedies", SearchRemedies(self._document.session, trace.key, state.asked, self.state.looked))

    def _stop_slow(self) -> None:
        """What runs the detector many times makes room for what the user wants now."""
        self._search_soon.stop()
        for lane in ("remedies", "sweep"):
            self._document.withdraw(lane)

    # -- what changes -----------------------------------------------------------------------------------------------

    def _question_changed(self, state: QuestionState, names: frozenset[str]) -> None:
        if names & {"asked", "line"}:
            self._forget()

    def _trace_changed(self, _: object) -> None:
        # a line that comes out the same in the new trace changes nothing in the question, and yet nothing here holds any more
        self._forget()

    def _forget(self) -> None:
        self.update(answer=None, remedies=None, looked=0, curves=MappingProxyType({}), zoomed=None, trouble="", waiting=False)
        self._stop_slow()
        self._document.withdraw("what_if")

    def _detector_changed(self, _: object) -> None:
        # what is applied goes through `change_applied`; what was only tried is about the detector before as well
        self.update(change=Change(), answer=None, waiting=False, trouble="")

    def _applied(self, change: Change) -> None:
        self.update(applied=change, change=change, answer=None, waiting=False)

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "explain": self._explained,
            "what_if": self._tried,
            "remedies": self._found,
            "sweep": self._swept,
            "zoom": self._zoomed,
        }
        trace = self._document.trace
        if lane in answers and trace is not None and trace.key == value.key and value.asked == self._question.state.asked:
            answers[lane](value)

    def _explained(self, _: Explained) -> None:
        self._ask()

    def _tried(self, answer: WhatIfAnswer) -> None:
        if answer.change == self.state.change != self.state.applied:
            self.update(answer=answer, waiting=False, trouble="")
            self._search_soon.start()

    def _found(self, found: RemediesFound) -> None:
        remedies, looked = (*(self.state.remedies or ()), *found.remedies), found.round + 1
        self.update(remedies=remedies, looked=looked, searching=looked < len(REMEDY_ROUNDS), trouble="")
        if self.state.searching:
            self._search()

    def _swept(self, found: CurveFound) -> None:
        self.update(curves=MappingProxyType({**self.state.curves, found.term: found.curve}), sweeping="")

    def _zoomed(self, found: ZoomFound) -> None:
        self.update(zoomed=found, zooming=False, trouble="")

    def _failed(self, lane: str, failure: Failure | None) -> None:
        ended: dict[str, dict[str, Any]] = {
            "what_if": {"waiting": False},
            "remedies": {"searching": False},
            "sweep": {"sweeping": ""},
            "zoom": {"zooming": False},
        }
        if lane not in ended:
            return
        self.update(**ended[lane])
        if failure is None:
            return
        self.update(trouble=failure.title, troubled=lane)
        if lane == "what_if":
            # the old answer is about another change; remedies do not depend on this one
            self.update(answer=None)
            self._search_soon.start()

    def _progressed(self, lane: str, stage: str, fraction: float) -> None:
        if lane in ("remedies", "sweep"):
            self.update(progress=MappingProxyType({**self.state.progress, lane: (stage, fraction)}))

    def _progress_without(self, lane: str) -> Mapping[str, tuple[str, float]]:
        return MappingProxyType({name: at for name, at in self.state.progress.items() if name != lane})
