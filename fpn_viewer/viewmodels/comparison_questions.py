"""What is asked of the worker about two sides. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.labels import classes_of
from fpn_viewer.engine.compare_requests import (
    CompareAt,
    CompareNodes,
    CompareObjects,
    CompareWeights,
    Contender,
    OpenSubject,
    RenderCompare,
    RetainDetectors,
    RunCompare,
)
from fpn_viewer.engine.compare_values import LETTERS

if TYPE_CHECKING:
    from fpn_viewer.core.annotations.structures import LabelMap
    from fpn_viewer.engine.compare_values import CompareView
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.comparison_subjects import Slot, Subjects
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects

#: lanes of what is only done while the tab is in front
RUNNING = ("compare", "compare_objects", "compare_nodes", "compare_weights")


class CompareQuestions:
    """Makes requests of what the view-models hold."""

    def __init__(self, document: Document, objects: Objects) -> None:
        """Asks nothing yet.

        Args:
            document: picture, and the way to the worker.
            objects: ground truth, labels and overlap.
        """
        self._document, self._objects = document, objects
        #: what the last rows were asked for with
        self._asked: tuple[object, ...] = ()

    def open(self, slot: Slot, kept: tuple[str, ...]) -> None:
        """Asks for a slot's detector."""
        self._document.ask("subject", OpenSubject(self._document.session, slot.handle, slot.subject, kept))

    def let_go(self, kept: tuple[str, ...]) -> None:
        """Asks to let go of all other detectors."""
        self._document.ask("subject", RetainDetectors(self._document.session, kept))

    def may_run(self, subjects: Subjects) -> bool:
        """Whether two are open, and the window's own run of the picture, which serves as one of them, is over."""
        document = self._document
        if len(subjects.slots) < 2 or any(subjects.info(slot) is None for slot in (subjects.a, subjects.b)):
            return False
        ran = document.trace is not None and document.trace.path == document.path
        return ran or (document.run_state.kind == "failed" and document.picture is not None)

    def run(self, subjects: Subjects, path: str) -> None:
        """Asks for A and B on a picture."""
        a, b = (
            Contender(slot.handle, slot.subject, LETTERS[place])
            for slot, place in zip((subjects.a, subjects.b), subjects.shown, strict=True)
        )
        view = self._document.picture
        picture = view.picture if view is not None and view.path == path else None
        self._document.ask("compare", RunCompare(self._document.session, path, a, b, picture))

    def planes(self, view: CompareView, state: ComparisonState) -> None:
        """Asks for the node that is looked at."""
        if state.node in view.nodes:
            request = RenderCompare(self._document.session, view.key, state.node, state.reduction, state.channel)
            self._document.ask("compare_planes", request)

    def at(self, view: CompareView, state: ComparisonState, point_img: tuple[float, float]) -> None:
        """Asks for both under a point."""
        request = CompareAt(self._document.session, view.key, point_img, state.reduction, state.channel)
        self._document.ask("compare_at", request)

    def nodes(self, view: CompareView) -> None:
        """Asks how much every node differs."""
        self._document.ask("compare_nodes", CompareNodes(self._document.session, view.key))

    def weights(self, view: CompareView) -> None:
        """Asks what was trained."""
        self._document.ask("compare_weights", CompareWeights(self._document.session, view.key))

    def objects(self, view: CompareView, known: bool) -> None:
        """Asks what became of every object.

        Args:
            view: the two sides.
            known: rows are there; they are not asked for again when they would come out the same.
        """
        state = self._objects.state
        classes = self._classes(state.labels)
        asked = view.key, state.ground_truth, state.iou, classes
        if not known or not _same(self._asked, asked):
            self._asked = asked
            self._document.ask("compare_objects", CompareObjects(self._document.session, *asked))

    def stop(self) -> None:
        """Stops what is only done while the tab is in front."""
        for lane in RUNNING:
            self._document.withdraw(lane)

    def _classes(self, labels: LabelMap) -> dict[str, str | None]:
        """What the user, or a name, said of the data set's classes; those that the window's detector has not are left open."""
        own = self._document.detector
        names = {} if own is None else classes_of(own.spec.class_names)
        known = {name: label for name, label in labels.labels.items() if name not in labels.unmatched}
        return {name: None if label is None else names.get(label) for name, label in known.items()}


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two questions are the same; ground truth, which holds arrays, by identity."""
    if len(one) != len(other):
        return False
    return all(a is b or (not hasattr(a, "boxes_img") and a == b) for a, b in zip(one, other, strict=True))
