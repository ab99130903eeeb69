"""What is asked of the worker about two sides. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.labels import classes_of
from fpn_viewer.engine.compare_requests import (
    CompareAt,
    CompareLines,
    CompareNodes,
    CompareObjects,
    CompareWeights,
    Contender,
    OpenSubject,
    RenderCompare,
    RetainDetectors,
    RunCompare,
)

if TYPE_CHECKING:
    from fpn_viewer.core.annotations.structures import GroundTruth, LabelMap
    from fpn_viewer.engine.compare_values import CompareView
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.comparison_subjects import Slot, Subjects
    from fpn_viewer.viewmodels.document import Document
    from fpn_viewer.viewmodels.objects import Objects

    #: key of the pair, ground truth, overlap, classes
    Asked = tuple[str, GroundTruth | None, float, dict[str, str | None]]

#: lanes of what is only done while the tab is in front
RUNNING = ("compare", "compare_lines", "compare_objects", "compare_nodes", "compare_weights")


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
        self._asked: Asked = ("", None, 0.5, {})

    def open(self, slot: Slot, kept: tuple[str, ...]) -> None:
        """Asks for a slot's detector."""
        self._document.ask("subject", OpenSubject(self._document.session, slot.handle, slot.subject, kept))

    def let_go(self, kept: tuple[str, ...], alone: bool) -> None:
        """Asks to let go of all other detectors, and of what was compared where one is alone."""
        self._document.ask("subject", RetainDetectors(self._document.session, kept, alone))

    def may_run(self, subjects: Subjects) -> bool:
        """Whether two are open, and the window's own run of the picture, which serves as one of them, is over."""
        document = self._document
        if len(subjects.slots) < 2 or any(subjects.info(slot) is None for slot in (subjects.a, subjects.b)):
            return False
        ran = document.trace is not None and document.trace.path == document.path
        return ran or (document.run_state.kind == "failed" and document.picture is not None)

    def run(self, subjects: Subjects, path: str) -> None:
        """Asks for A and B on a picture."""
        a, b = (Contender(slot.handle, slot.subject, letter) for slot, letter in zip((subjects.a, subjects.b), "AB", strict=True))
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

    def objects(self, view: CompareView, known: bool) -> bool:
        """Asks what became of every object.

        Args:
            view: the two sides.
            known: all rows are there; they are not asked for again when they would come out the same.

        Returns:
            Whether it was asked.
        """
        state = self._objects.state
        asked = view.key, state.ground_truth, state.iou, self._classes(state.labels)
        if known and _same(self._asked, asked):
            return False
        self._asked = asked
        self._document.ask("compare_objects", CompareObjects(self._document.session, *asked))
        return True

    def follow(self) -> None:
        """Asks where some more of these objects were lost."""
        key, truth, iou, classes = self._asked
        self._document.ask("compare_objects", CompareObjects(self._document.session, key, truth, iou, classes, follow=True))

    def lines(self, view: CompareView, number: int) -> None:
        """Asks for both life lines of one of them."""
        _, truth, iou, classes = self._asked
        self._document.ask("compare_lines", CompareLines(self._document.session, view.key, number, truth, iou, classes))

    def stop_objects(self) -> None:
        """Follows no further object."""
        self._document.withdraw("compare_objects")

    def stop_weights(self) -> None:
        """Measures no weights any more."""
        self._document.withdraw("compare_weights")

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


def _same(one: Asked, other: Asked) -> bool:
    """Whether two questions are the same; ground truth, which holds arrays, by identity."""
    return one[1] is other[1] and (one[0], *one[2:]) == (other[0], *other[2:])
