"""Two of up to four detectors on the current picture: who they are, what is looked at, and what the worker found out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal

from fpn_viewer.core.resources import checkpoint_file
from fpn_viewer.engine.compare_values import LETTERS, Subject
from fpn_viewer.viewmodels.comparison_objects import ComparedRows
from fpn_viewer.viewmodels.comparison_questions import RUNNING, CompareQuestions
from fpn_viewer.viewmodels.comparison_state import LAYOUTS, ComparisonState
from fpn_viewer.viewmodels.comparison_subjects import Subjects
from fpn_viewer.viewmodels.comparison_weights import WeighedPair
from fpn_viewer.viewmodels.observable import Observable
from fpn_viewer.viewmodels.states import Problem

__all__ = ["LAYOUTS", "Comparison", "ComparisonState"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

    from fpn_viewer.engine.compare_values import CompareView, OpenedSubject
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.object_values import Change
    from fpn_viewer.engine.values import DetectorInfo, TraceView
    from fpn_viewer.viewmodels.comparison_subjects import Slot
    from fpn_viewer.viewmodels.display import Display, DisplayState
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects, ObjectsState
    from fpn_viewer.viewmodels.selection import Selection, SelectionState
    from fpn_viewer.viewmodels.states import RunState

FULL = f"{len(LETTERS)} detectors are compared, which is the most; remove one first."
CANCELLED = "Cancelled; Run (F5) compares again."
#: where answers about the view go
_FIELDS = {"compare_planes": "planes", "compare_at": "point", "compare_nodes": "nodes"}


class Comparison(Observable[ComparisonState]):
    """Runs two subjects over the document's picture while the tab is in front, and asks what differs.

    Signals:
        problem(problem): `Problem`, what could not be opened, run or answered.
    """

    problem = Signal(object)

    def __init__(
        self, document: Document, objects: Objects, display: Display, selection: Selection, parent: QObject | None = None
    ) -> None:
        """Follows a document; asks nothing until `set_active`.

        Args:
            document: picture, detector, trace; asks the worker.
            objects: ground truth, labels and overlap.
            display: reduction and channel, which are the same in all tabs.
            selection: the current cell, which is the node that is looked at.
            parent: the Qt parent.
        """
        super().__init__(ComparisonState(reduction=display.state.reduction, channel=display.state.channel), parent)
        self._document, self._objects, self._display, self._selection = document, objects, display, selection
        self._subjects, self._questions = Subjects(), CompareQuestions(document, objects)
        self._rows, self._weights = ComparedRows(self, objects, self._questions), WeighedPair(self, self._questions)
        #: something changed since the last run was asked for
        self._stale = True
        #: the view is of the subjects as they are now
        self._fits = False
        objects.changed.connect(self._objects_changed)
        display.changed.connect(self._display_changed)
        selection.changed.connect(self._selection_changed)
        document.detector_changed.connect(self._detector_changed)
        document.change_applied.connect(self._change_applied)
        document.trace_changed.connect(self._trace_changed)
        document.state_changed.connect(self._state_changed)
        document.answered.connect(self._answered)
        document.unanswered.connect(self._unanswered)
        document.asked_progress.connect(self._progressed)

    # -- who is compared --------------------------------------------------------------------------------------------

    def add(self, source: object, **options: Any) -> None:
        """Opens another detector and shows it as B. Arguments as in `Document.open_detector`; when it fails it is not added."""
        self.add_subject(Subject(source, options))

    def add_subject(self, subject: Subject) -> None:
        """Adds a side and shows it as B; one without `source` is the window's detector run in another way."""
        if self._subjects.full:
            self.problem.emit(Problem(FULL))
        else:
            self._placed(self._subjects.add(subject))

    def set_subject(self, index: int, subject: Subject) -> None:
        """Puts another in the place of a subject; the first stays the window's detector. When it fails the one before stays."""
        if 0 < index < len(self._subjects.slots):
            self._placed(self._subjects.replace(index, subject))

    def remove(self, index: int) -> None:
        """Takes a subject away; not the first."""
        if 0 < index < len(self._subjects.slots):
            self._subjects.remove(index)
            # asked for in turn, so that one which is still being opened goes as well
            self._subjects.begin(None)
            self._questions.let_go(self._subjects.handles, alone=len(self._subjects.slots) < 2)
            self._pair_changed()

    def choose(self, a: int, b: int) -> None:
        """Says which subjects are A and B."""
        if max(a, b) < len(self._subjects.slots) and (a, b) != self._subjects.shown:
            self._subjects.choose(a, b)
            self._pair_changed()

    def swap(self) -> None:
        """A becomes B and B becomes A."""
        a, b = self._subjects.shown
        self.choose(b, a)

    def set_active(self, active: bool) -> None:
        """Says whether the tab is in front; what was missed meanwhile is done then."""
        if active == self.state.active:
            return
        self.update(active=active)
        if active:
            self._run()
        else:
            self._stop()

    def cancel(self) -> None:
        """Stops what runs; what was shown stays."""
        if self.state.running:
            self._document.withdraw("subject")
            self._stop()
            self.update(running="", stage="", fraction=0.0, problem=CANCELLED)
        elif self.state.following:
            self._rows.stop()

    # -- what is looked at ------------------------------------------------------------------------------------------

    def set_node(self, node: str) -> None:
        """Looks at another map, as "P3"."""
        found = self.state.node_named(node)
        if found is not None:
            self._selection.update(current=(found.level, found.role))
            self._look_at(node)

    def step_node(self, by: int) -> None:
        """The next (1) or previous (-1) of `view.nodes`, around the ends."""
        nodes = () if self.state.view is None else self.state.view.nodes
        if nodes:
            at = nodes.index(self.state.node) if self.state.node in nodes else -by
            self.set_node(nodes[(at + by) % len(nodes)])

    def set_reduction(self, reduction: str) -> None:
        """Makes one plane of the channels in another way, in all tabs."""
        self._display.update(reduction=reduction)

    def step_channel(self, by: int) -> None:
        """Shows another channel of A, in all tabs."""
        self._display.step_channel(by)

    def set_layout(self, layout: str) -> None:
        """Shows the maps in another way: a key of `LAYOUTS`."""
        if layout in LAYOUTS:
            self.update(layout=layout)

    def set_wiper(self, at: float) -> None:
        """Moves the wiper, 0..1."""
        self.update(wiper=min(1.0, max(0.0, at)))

    def select_object(self, number: int | None) -> None:
        """Looks at an object, by its `number`; None at none. An annotated one is then looked at in all tabs."""
        self._rows.select(number)

    def step_object(self, by: int) -> None:
        """The next (1) or previous (-1) row of `objects`, what differs first, around the ends."""
        self._rows.step(by)

    def probe(self, point_img: tuple[float, float] | None) -> None:
        """Asks for both under an image point; None clears."""
        view = self._drawable()
        if point_img is None or view is None or view.a is None or view.b is None:
            self.update(point=None)
        else:
            self._questions.at(view, self.state, point_img)

    def need_weights(self) -> None:
        """Asks what was trained between A and B, as soon as both ran; once for each pair."""
        self._weights.need(self._whole())

    # -- opening ----------------------------------------------------------------------------------------------------

    def _placed(self, slot: Slot) -> None:
        """A slot is new: its detector is opened, unless it is open."""
        if not slot.settled:
            self._subjects.begin(slot)
            self._questions.open(slot, self._subjects.handles)
        self._pair_changed()

    def _opened(self, answer: OpenedSubject | None) -> None:
        self._subjects.opened(None if answer is None else answer.info)
        if answer is not None:
            self._pair_changed()
            self._follow_device()

    def _not_opened(self, failure: Failure | None) -> None:
        slot = self._subjects.failed()
        self._pair_changed()
        if failure is not None:
            file = "" if slot is None else checkpoint_file(slot.subject.source)
            self._trouble(Problem(failure.title, failure.details, file))

    def _follow_device(self) -> None:
        """What was opened beside the window's detector runs where that one does."""
        for index in self._subjects.elsewhere:
            self._placed(self._subjects.move(index))

    def _pair_changed(self) -> None:
        """Other subjects, or others of them are A and B."""
        self._publish()
        if len(self._subjects.slots) < 2:
            self._clear()
        # what was opened may be there, or not come, while there is nothing to run
        self._ended()
        self._out_of_date()

    def _publish(self) -> None:
        subjects, before = self._subjects, (self.state.shown, self.state.infos)
        infos = tuple(subjects.info(slot) for slot in subjects.slots)
        self.update(subjects=tuple(slot.subject for slot in subjects.slots), infos=infos, shown=subjects.shown)
        if subjects.opening is not None:
            self.update(running=f"Opening {subjects.opening.source}", stage="", fraction=0.0, problem="")
        if before != (subjects.shown, infos):
            self._weights.forget()

    # -- running ----------------------------------------------------------------------------------------------------

    def _out_of_date(self) -> None:
        self._stale, self._fits = True, False
        self._run()

    def _run(self) -> None:
        """Runs A and B over the picture, unless nothing changed, something is missing or the tab is not in front."""
        path, subjects = self._document.path, self._subjects
        if path is None or not (self._stale and self.state.active and self._questions.may_run(subjects)):
            return
        self._stale = False
        self.update(problem="")
        if subjects.opening is None:
            who = "A" if subjects.a is subjects.b else "A and B"
            self.update(running=f"Running {who} over {Path(path).name}", stage="", fraction=0.0)
        self._questions.run(subjects, path)

    def _stop(self) -> None:
        """Runs nothing any more; it is done again when it is wanted."""
        self._questions.stop()
        self._weights.ended()
        self._stale = True
        self.update(following=False)

    def _ended(self) -> None:
        """Nothing runs, but for what may be opened."""
        if self._subjects.opening is None:
            self.update(running="", stage="", fraction=0.0)

    # -- asking -----------------------------------------------------------------------------------------------------

    def _drawable(self) -> CompareView | None:
        """What is shown, which may be older than the subjects; None while the tab is not in front."""
        return self.state.view if self.state.active else None

    def _whole(self) -> CompareView | None:
        """The view, where it is up to date and both sides ran."""
        view = self._drawable() if self._fits else None
        return None if view is None or view.a is None or view.b is None else view

    def _ask_planes(self) -> None:
        view = self._drawable()
        if view is not None:
            self._questions.planes(view, self.state)

    def _ask_objects(self) -> None:
        view = self._whole()
        if view is not None:
            self._rows.ask(view)

    def _clear(self) -> None:
        """Nothing is shown any more."""
        self.update(view=None, planes=None, nodes=None, objects=None, following=False, point=None, object=None, lines=None)

    def _look_at(self, node: str) -> None:
        self.update(node=node)
        self._ask_planes()

    # -- what changes -----------------------------------------------------------------------------------------------

    def _detector_changed(self, info: DetectorInfo | None) -> None:
        self._subjects.follow(info)
        self._publish()
        # the same file may hold other weights by now
        self._weights.forget()
        # the run that follows brings the rest
        self._stale, self._fits = True, False
        self._follow_device()

    def _change_applied(self, change: Change) -> None:
        self._subjects.change(change)
        self._publish()
        self._stale, self._fits = True, False

    def _trace_changed(self, trace: TraceView | None) -> None:
        view = self.state.view
        if view is not None and (trace is None or trace.path != view.path):
            self._clear()
        self._out_of_date()

    def _state_changed(self, state: RunState) -> None:
        if state.kind == "failed":
            self._run()

    def _objects_changed(self, state: ObjectsState, names: frozenset[str]) -> None:
        if names & {"ground_truth", "iou", "labels"}:
            self._ask_objects()
        if "current" in names and self._rows.annotated:
            self._rows.look_at(state.current)

    def _display_changed(self, state: DisplayState, names: frozenset[str]) -> None:
        if names & {"reduction", "channel"}:
            self.update(reduction=state.reduction, channel=state.channel)
            self._ask_planes()

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        node = self.state.node_at(state.current) if "current" in names else ""
        if self.state.view is not None and node in self.state.view.nodes:
            self._look_at(node)

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answered(self, lane: str, value: Any) -> None:
        answers: dict[str, Callable[[Any], None]] = {
            "subject": self._opened,
            "compare": self._ran,
            "compare_weights": self._weights.ended,
        }
        about_the_view: dict[str, Callable[[Any], None]] = {
            **{name: partial(self._show, field) for name, field in _FIELDS.items()},
            "compare_objects": self._rows.told,
            "compare_lines": self._rows.told_lines,
        }
        if lane in answers:
            answers[lane](value)
        elif lane in about_the_view and self.state.view is not None and value.key == self.state.view.key:
            about_the_view[lane](value)

    def _show(self, field: str, value: object) -> None:
        self.update(**{field: value})

    def _ran(self, view: CompareView) -> None:
        self._ended()
        if view.path != self._document.path:
            return
        # what changed meanwhile and could not be asked for yet will be run later
        self._fits = not self._stale
        if self.state.view is None or self.state.view.key != view.key:
            self._rows.forget()
            self.update(nodes=None, point=None)
        self.update(view=view, problem=" ".join(filter(None, view.troubles)))
        self.update(node=self.state.wanted_node(self._selection.state.current))
        self._ask_planes()
        self._ask_objects()
        if self._whole() is not None and self.state.nodes is None:
            self._questions.nodes(view)
        self._weights.ask(self._whole())

    def _unanswered(self, lane: str, failure: Failure | None) -> None:
        if lane == "subject":
            self._not_opened(failure)
        elif lane == "compare":
            self._stale = True
            self._ended()
        elif lane == "compare_weights":
            self._weights.ended()
        elif lane == "compare_objects":
            self.update(following=False)
        if lane in (*RUNNING, *_FIELDS) and failure is not None:
            self._trouble(Problem(failure.title, failure.details))

    def _trouble(self, problem: Problem) -> None:
        self.update(problem=problem.title)
        self.problem.emit(problem)

    def _progressed(self, lane: str, stage: str, fraction: float) -> None:
        if lane in ("subject", "compare") and self.state.running:
            self.update(stage=stage, fraction=fraction)
