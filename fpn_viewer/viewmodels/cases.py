"""Cases: the asked object with everything that led to its verdict, saved for a colleague and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fpn_viewer.engine.object_values import Asked, Change
from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from fpn_viewer.core.cases import Case
    from fpn_viewer.engine.case_requests import OpenedCase
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects
    from fpn_viewer.viewmodels.question import Question, QuestionState
    from fpn_viewer.viewmodels.selection import Selection
    from fpn_viewer.viewmodels.viewport import Viewport


class Cases(QObject):
    """Saves and opens cases.

    Signals:
        problem(problem): `Problem`.
        saved(path): a case was written.
        detector_wanted(source, settings): the detector of a case is to be opened.
        tab_wanted(name): the tab that was in front when the case that is being opened was saved.
    """

    problem = Signal(object)
    saved = Signal(object)
    tab_wanted = Signal(object)
    detector_wanted = Signal(object, object)

    def __init__(
        self,
        document: Document,
        objects: Objects,
        question: Question,
        selection: Selection,
        viewport: Viewport,
        parent: QObject | None = None,
    ) -> None:
        """Works for one document.

        Args:
            document: picture, detector, trace.
            objects: for the overlap.
            question: the object.
            selection: where the box of an opened case is drawn.
            viewport: what was in view.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document, self._objects, self._question = document, objects, question
        self._selection, self._viewport = selection, viewport
        self._opening: Case | None = None
        self._ready = False
        self._showing: Case | None = None
        document.answered.connect(self._answered)
        document.unanswered.connect(self._failed)
        document.detector_changed.connect(self._detector_opened)
        document.trace_changed.connect(self._traced)
        question.changed.connect(self._explained)

    def current(self, tab: str = "") -> Case | None:
        """The case of the asked object, without its checkpoint's hash; None until its life line is there.

        Args:
            tab: which tab is in front.
        """
        from fpn_viewer.core.cases import Case, stage_rows

        document, state = self._document, self._question.state
        if document.detector is None or document.picture is None or state.asked is None or state.line is None:
            return None
        view, line = self._viewport.state, state.line
        return Case(
            picture=document.picture.path,
            picture_digest=document.picture.picture.digest,
            checkpoint=document.detector.source,
            checkpoint_hash="",
            spec=document.detector.spec,
            box_img=line.box_img,
            label_name=line.label_name,
            iou=state.asked.iou,
            settings=dict(document.change.settings),
            gains=tuple((node, term, factor) for (node, term), factor in document.change.gains.items()),
            verdict=line.verdict,
            killer=line.killer or "",
            stages=stage_rows(line),
            view=(*view.center_img, view.zoom),
            tab=tab,
        )

    def save(self, path: str, tab: str = "") -> None:
        """Writes the current case; `saved` or `problem` follows."""
        from fpn_viewer.engine.case_requests import SaveCase

        case = self.current(tab)
        if case is None:
            self.problem.emit(Problem("There is no case yet: click an object or draw a box (B), and wait for its life line."))
            return
        self._document.ask_files("case", SaveCase(case, path))

    def open(self, path: str) -> None:
        """Opens a case: its picture, its detector, its what-if, and asks about its object again."""
        from fpn_viewer.engine.case_requests import OpenCase

        self._document.ask_files("case", OpenCase(path))

    def _answered(self, lane: str, value: object) -> None:
        if lane != "case":
            return
        from fpn_viewer.engine.case_requests import OpenedCase, SavedCase

        if isinstance(value, SavedCase):
            self.saved.emit(value.path)
        elif isinstance(value, OpenedCase):
            self._open(value)

    def _failed(self, lane: str, failure: Failure | None) -> None:
        if lane == "case" and failure is not None:
            self.problem.emit(Problem(failure.title, failure.details))

    def _open(self, opened: OpenedCase) -> None:
        case = opened.case
        for sentence in opened.changed:
            self.problem.emit(Problem(sentence))
        if not Path(case.picture).is_file():
            self.problem.emit(Problem(f"{case.picture}, the picture of {opened.path}, is not there; put it beside the case."))
            return
        self._opening, self._ready, self._showing = case, False, None
        self._document.open_paths([case.picture])
        settings = {name: getattr(case.spec.settings, name) for name in case.spec.kind.settings}
        self.detector_wanted.emit(case.checkpoint, {"class_names": case.spec.class_names, **settings})

    def _detector_opened(self, info: object) -> None:
        if info is not None and self._opening is not None:
            self._ready = True
            self._document.apply(_change(self._opening))

    def _traced(self, trace: object) -> None:
        case = self._opening
        if case is None or not self._is_run_of(case):
            return
        self._opening, self._showing = None, case
        if self._document.picture is not None and self._document.picture.picture.digest != case.picture_digest:
            self.problem.emit(Problem(f"{case.picture} is not the picture that the case was saved with; the verdict may differ."))
        self._show(case)

    def _is_run_of(self, case: Case) -> bool:
        view = self._document.trace
        if not self._ready or view is None or view.path != case.picture or dict(view.gains) != dict(_change(case).gains):
            return False
        return all(getattr(view.settings, name) == value for name, value in case.settings.items())

    def _show(self, case: Case) -> None:
        self._objects.set_iou(case.iou)
        self._selection.update(box_img=case.box_img)
        names = case.spec.class_names
        label = names.index(case.label_name) if case.label_name in names else None
        self._question.ask(Asked(case.box_img, label, case.iou, self._objects.others(-1)))
        if case.view[2] > 0:
            self._viewport.update(center_img=case.view[:2], zoom=case.view[2], fitted=False)
        self.tab_wanted.emit(case.tab)

    def _explained(self, state: QuestionState, names: frozenset[str]) -> None:
        case = self._showing
        if case is None or "line" not in names or state.line is None:
            return
        self._showing = None
        if (state.line.killer or "") != case.killer:
            was, now = case.killer or "detected", state.line.killer or "detected"
            self.problem.emit(Problem(f"The verdict is not what was saved: it was “{was}” and is “{now}”."))


def _change(case: Case) -> Change:
    return Change(case.settings, {(node, term): factor for node, term, factor in case.gains})
