"""The comparison's view-model: who is compared, when it runs, what is asked, and what is dropped. The test plays the worker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import Signal

from fpn_viewer.core.comparison.values import Ended, ObjectPair, ObjectRow
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.necks.graph import Graph, Node
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.compare_requests import OpenSubject, RetainDetectors, RunCompare
from fpn_viewer.engine.compare_values import (
    ComparedLines,
    ComparedNodes,
    ComparedObjects,
    ComparedPoint,
    ComparedWeights,
    ComparePlanes,
    CompareView,
    OpenedSubject,
    SideView,
    Subject,
)
from fpn_viewer.engine.jobs import Failure
from fpn_viewer.engine.object_values import Change
from fpn_viewer.engine.values import DetectorInfo
from fpn_viewer.viewmodels.comparison import CANCELLED, Comparison
from fpn_viewer.viewmodels.comparison_subjects import Subjects
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.objects import Objects
from fpn_viewer.viewmodels.selection import Selection
from tests.gui import anchor_fakes
from tests.unit.viewmodels.object_desk import CAR, FakeAnnotations, FakeDocument, truth

if TYPE_CHECKING:
    from fpn_viewer.viewmodels.states import Problem

pytestmark = pytest.mark.gui

NODES = ("C2", "P2", "P3")
GRAPH = Graph("FPN", ("P2", "P3"), (Node("C2", "backbone", "P2"), Node("P2", "output", "P2"), Node("P3", "output", "P3")))
NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int32))


class Document(FakeDocument):
    """With what the comparison listens to besides."""

    change_applied = Signal(object)
    asked_progress = Signal(object, object, object)


def info(name: str) -> DetectorInfo:
    return DetectorInfo(name, replace(SPEC, name=name), GRAPH, "cpu", ("cpu",), 1)


def side(letter: str) -> SideView:
    trace = anchor_fakes.trace()
    nodes = dict.fromkeys(NODES, 16)
    return SideView(letter, letter, SPEC, trace.settings, trace.geometry, anchor_fakes.LEVELS, nodes, NOTHING)


class Desk:
    """A window's view-models, and the worker as the test plays it."""

    def __init__(self) -> None:
        self.document = Document("1.png", "2.png")
        self.objects = Objects(self.document)  # type: ignore[arg-type]
        self.display, self.selection = Display(), Selection()
        document: Any = self.document
        self.comparison = Comparison(document, self.objects, self.display, self.selection)
        self.problems: list[Problem] = []
        self.comparison.problem.connect(self.problems.append)

    @property
    def state(self) -> Any:
        return self.comparison.state

    def own(self, name: str = "demo") -> None:
        self.document.detector = info(name)
        self.document.detector_changed.emit(self.document.detector)

    def picture(self, index: int = 0) -> None:
        """Another picture is read and run by the window."""
        self.document.select(index)
        self.document.read()
        self.document.run([])

    def asked(self, lane: str) -> list[Any]:
        return [request for name, request in self.document.asked if name == lane]

    def open_last(self) -> None:
        request = self.asked("subject")[-1]
        self.document.answered.emit("subject", OpenedSubject(request.handle, info(str(request.subject.source))))

    def view(self, key: str = "pair", **changes: Any) -> CompareView:
        """The worker's answer to the last run that was asked for."""
        request = self.asked("compare")[-1]
        made = CompareView(key, request.path, anchor_fakes.SIZE, side(request.a.letter), side(request.b.letter), NODES, (), ())
        return replace(made, **changes)

    def answer(self, key: str = "pair", **changes: Any) -> None:
        self.document.answered.emit("compare", self.view(key, **changes))


@pytest.fixture
def desk(qapp: object) -> Desk:
    """A picture is shown, its run is over, and the tab is in front."""
    made = Desk()
    made.own()
    made.picture()
    made.comparison.set_active(True)
    return made


@pytest.fixture
def two(desk: Desk) -> Desk:
    """And a second detector is open."""
    desk.comparison.add("early")
    desk.open_last()
    return desk


def planes(key: str, node: str = "P2") -> ComparePlanes:
    return ComparePlanes(key, node, "mean_abs", 0, 0, "", None, None, None)


def objects(key: str, *numbers: int, annotated: bool = True) -> ComparedObjects:
    return ComparedObjects(key, tuple(object_row(n) for n in numbers), annotated)


def object_row(number: int, box: tuple[float, float, float, float] = (0.0, 0.0, 9.0, 9.0), followed: bool = True) -> ObjectRow:
    end = Ended(None, "detected", "Detected.") if followed else None
    return ObjectRow(number, CAR, box, "both", (None, None), followed, end, end)


def pair_of(key: str, number: int) -> ComparedLines:
    return ComparedLines(key, ObjectPair(number, CAR, (0.0, 0.0, 9.0, 9.0), "both", None, None, "", ""))


# -- who is compared ----------------------------------------------------------------------------------------------------


def test_alone_nothing_runs(desk: Desk) -> None:
    assert (desk.state.subjects, desk.state.shown) == ((Subject(),), (0, 0))
    assert desk.state.infos[0].spec.name == "demo"
    assert desk.asked("compare") == []


def test_a_second_is_opened_shown_as_b_and_run(desk: Desk) -> None:
    desk.comparison.add("weights/early.pth", min_size=320)
    request = desk.asked("subject")[-1]
    assert isinstance(request, OpenSubject)
    assert request.subject == Subject("weights/early.pth", {"min_size": 320})
    assert desk.state.running == "Opening early.pth"
    assert (desk.state.shown, desk.state.infos[1]) == ((0, 1), None)
    assert desk.asked("compare") == []
    desk.open_last()
    run = desk.asked("compare")[-1]
    assert isinstance(run, RunCompare)
    assert (run.path, run.a.handle, run.a.letter, run.b.handle, run.b.letter) == ("1.png", "", "A", request.handle, "B")
    assert run.picture is desk.document.picture.picture  # type: ignore[union-attr]
    assert desk.state.running == "Running A and B over 1.png"


def test_what_does_not_open_is_not_added(two: Desk) -> None:
    two.comparison.add("broken.pth")
    assert two.state.shown == (0, 2)
    two.document.fail("subject", "broken.pth is no checkpoint.")
    assert (len(two.state.subjects), two.state.shown) == (2, (0, 1))
    assert [problem.title for problem in two.problems] == ["broken.pth is no checkpoint."]
    assert two.asked("compare")[-1].b.letter == "B"


def test_what_cannot_take_a_place_leaves_the_one_before(two: Desk) -> None:
    before = two.state.subjects[1]
    handle = two.asked("subject")[-1].handle
    two.comparison.set_subject(1, Subject("broken.pth"))
    assert handle in two.asked("subject")[-1].kept
    assert two.state.subjects[1].source == "broken.pth"
    two.document.unanswered.emit("subject", None)
    assert two.state.subjects[1] == before
    assert two.problems == []
    assert two.asked("compare")[-1].b.handle == handle


def test_the_first_stays_the_windows_own(two: Desk) -> None:
    two.comparison.set_subject(0, Subject("other"))
    two.comparison.remove(0)
    assert two.state.subjects[0] == Subject()
    two.own("newer")
    assert [one.spec.name for one in two.state.infos] == ["newer", "early"]


def test_the_same_detector_in_another_way_is_not_opened_again(two: Desk) -> None:
    opened = len(two.asked("subject"))
    two.comparison.add_subject(Subject("early", {}, Change({"min_size": 1333})))
    two.comparison.add_subject(Subject(tile=512))
    assert len(two.asked("subject")) == opened
    assert [one.spec.name for one in two.state.infos] == ["demo", "early", "early", "demo"]
    run = two.asked("compare")[-1]
    assert (run.b.handle, run.b.subject.tile, run.b.letter) == ("", 512, "B")
    two.comparison.add("a fifth")
    assert len(two.state.subjects) == 4
    assert "4 detectors" in two.problems[-1].title


def test_removing_lets_go_and_shows_what_was_there_before(two: Desk) -> None:
    handle = two.asked("subject")[-1].handle
    two.comparison.add("third")
    two.open_last()
    two.comparison.remove(2)
    assert two.asked("subject")[-1] == RetainDetectors(two.document.session, (handle,))  # type: ignore[arg-type]
    two.answer()
    assert two.state.shown == (0, 1)
    # an answer about letting go opens nothing
    two.document.answered.emit("subject", None)
    assert len(two.state.infos) == 2
    two.comparison.remove(1)
    assert (two.state.shown, two.state.subjects) == ((0, 0), (Subject(),))
    assert two.state.view is None, "nothing of it comes back with the next one"
    assert two.asked("subject")[-1] == RetainDetectors(two.document.session, (), alone=True)  # type: ignore[arg-type]


def test_one_that_was_removed_while_it_opened_is_let_go(two: Desk) -> None:
    two.comparison.add("third")
    handle = two.asked("subject")[-1].handle
    two.comparison.remove(2)
    assert handle not in two.asked("subject")[-1].kept
    two.document.answered.emit("subject", OpenedSubject(handle, info("third")))
    two.document.answered.emit("subject", None)
    assert [one.source for one in two.state.subjects] == [None, "early"]
    two.comparison.add("fourth")
    two.open_last()
    assert two.state.infos[2].spec.name == "fourth"


def test_of_two_put_in_one_place_the_one_that_opened_comes_back() -> None:
    subjects = Subjects()
    first = subjects.add(Subject("one"))
    subjects.begin(first)
    subjects.opened(info("one"))
    for source in ("two", "three"):
        subjects.begin(subjects.replace(1, Subject(source)))
    assert first.handle in subjects.handles
    subjects.failed()
    assert subjects.slots[1].subject.source == "three"
    subjects.failed()
    assert subjects.slots[1] is first
    assert subjects.shown == (0, 1)


def test_swapping_and_choosing_run_again(two: Desk) -> None:
    two.comparison.swap()
    run = two.asked("compare")[-1]
    assert (two.state.shown, run.a.handle != "", run.b.handle) == ((1, 0), True, "")
    assert (run.a.letter, run.b.letter) == ("A", "B"), "as they are shown"
    assert two.state.running == "Running A and B over 1.png"
    count = len(two.asked("compare"))
    two.comparison.choose(1, 0)
    two.comparison.choose(7, 0)
    assert len(two.asked("compare")) == count
    two.comparison.choose(0, 0)
    assert two.state.running == "Running A over 1.png"


# -- when it runs -------------------------------------------------------------------------------------------------------


def test_nothing_runs_while_another_tab_is_in_front(two: Desk) -> None:
    two.answer()
    two.comparison.set_active(False)
    assert "compare" in two.document.withdrawn
    count = len(two.document.asked)
    two.picture(1)
    two.display.update(reduction="l2")
    assert not [lane for lane, _ in two.document.asked[count:] if lane.startswith("compare")]
    two.comparison.set_active(True)
    assert two.asked("compare")[-1].path == "2.png"


def test_another_picture_waits_for_the_windows_run(two: Desk) -> None:
    two.answer()
    count = len(two.asked("compare"))
    two.document.select(1)
    two.document.read()
    assert two.state.view is None
    assert len(two.asked("compare")) == count
    two.document.run([])
    assert two.asked("compare")[-1].path == "2.png"


def test_a_run_that_failed_is_still_compared(two: Desk) -> None:
    two.document.select(1)
    two.document.read()
    two.document.set_state("failed")
    two.document.state_changed.emit(two.document.run_state)
    assert two.asked("compare")[-1].path == "2.png"


def test_the_answer_about_an_overtaken_picture_is_dropped(two: Desk) -> None:
    late = two.view("late")
    two.picture(1)
    two.document.answered.emit("compare", late)
    assert two.state.view is None
    two.answer("new")
    assert two.state.view is not None
    assert two.state.view.key == "new"
    two.document.answered.emit("compare_nodes", ComparedNodes("late", (), "", 0.001, ""))
    assert two.state.nodes is None


def test_the_windows_what_if_is_followed(two: Desk) -> None:
    change = Change({"min_size": 800})
    two.document.change_applied.emit(change)
    assert two.state.subjects[0] == Subject(change=change)
    two.document.run([])
    assert two.asked("compare")[-1].a.subject.change == change


def test_an_answer_that_is_out_of_date_is_shown_and_not_asked_about(two: Desk) -> None:
    two.document.change_applied.emit(Change({"min_size": 800}))
    two.answer("before")
    assert two.state.view.key == "before"
    assert two.asked("compare_nodes") == []
    two.document.run([])
    two.answer("after")
    assert two.asked("compare_nodes")[-1].key == "after"


def test_one_side_that_failed_leaves_the_other(two: Desk) -> None:
    two.answer(b=None, troubles=("", "B ran out of memory."))
    assert two.state.view.a is not None
    assert (two.state.problem, two.state.running) == ("B ran out of memory.", "")
    assert two.asked("compare_planes")
    assert not (two.asked("compare_nodes"))
    assert not (two.asked("compare_objects"))
    two.comparison.probe((1.0, 1.0))
    assert not two.asked("compare_at")


def test_cancelling_leaves_what_was_shown(two: Desk) -> None:
    two.answer()
    two.comparison.swap()
    two.document.asked_progress.emit("compare", "B: backbone", 0.4)
    assert (two.state.stage, two.state.fraction) == ("B: backbone", 0.4)
    two.comparison.cancel()
    assert {"compare", "subject"} <= set(two.document.withdrawn)
    two.document.unanswered.emit("compare", None)
    assert (two.state.running, two.state.fraction, two.state.problem) == ("", 0.0, CANCELLED)
    assert two.state.view.key == "pair"
    two.comparison.set_node("P3")
    assert two.asked("compare_planes")[-1].node == "P3"
    count = len(two.asked("compare"))
    two.document.run([])
    assert len(two.asked("compare")) == count + 1, "as it says"


def test_a_run_that_fails_says_why(two: Desk) -> None:
    two.document.fail("compare", "1.png cannot be read.")
    assert (two.state.problem, two.state.running) == ("1.png cannot be read.", "")
    assert two.problems[-1].details == "details"


# -- what is looked at --------------------------------------------------------------------------------------------------


def test_a_view_brings_everything(two: Desk) -> None:
    two.answer()
    assert two.state.node == "P2"
    for lane in ("compare_planes", "compare_nodes", "compare_objects"):
        assert two.asked(lane)[-1].key == "pair"
    assert two.asked("compare_weights") == []
    two.document.answered.emit("compare_planes", planes("pair"))
    two.document.answered.emit("compare_nodes", ComparedNodes("pair", (), "", 0.001, "same"))
    two.document.answered.emit("compare_objects", objects("pair", 0))
    assert (two.state.planes.node, two.state.nodes.sentence, len(two.state.objects.rows)) == ("P2", "same", 1)
    count = len(two.document.asked)
    two.answer()
    assert [lane for lane, _ in two.document.asked[count:]] == ["compare_planes"]
    two.answer("other")
    assert (two.state.nodes, two.state.objects) == (None, None)


def test_node_reduction_and_channel_are_those_of_all_tabs(two: Desk) -> None:
    two.answer()
    two.comparison.step_node(1)
    assert two.state.node == "P3"
    assert two.selection.state.current == ("P3", "output")
    two.comparison.step_node(1)
    assert two.state.node == "C2"
    two.selection.update(current=("P2", "output"))
    assert (two.state.node, two.asked("compare_planes")[-1].node) == ("P2", "P2")
    two.selection.update(current=("P9", "output"))
    assert two.state.node == "P2"
    two.display.update(channels=16)
    two.comparison.set_reduction("channel")
    two.comparison.step_channel(3)
    request = two.asked("compare_planes")[-1]
    assert (request.reduction, request.channel) == ("channel", 3) == (two.display.state.reduction, two.display.state.channel)
    two.comparison.set_node("no such")
    assert two.state.node == "P2"


def test_layout_and_wiper(two: Desk) -> None:
    two.comparison.set_layout("wiper")
    two.comparison.set_layout("no such")
    two.comparison.set_wiper(1.7)
    assert (two.state.layout, two.state.wiper) == ("wiper", 1.0)
    two.comparison.set_wiper(-1)
    assert two.state.wiper == 0.0


def test_an_annotated_object_is_looked_at_in_all_tabs(two: Desk) -> None:
    two.document.found(FakeAnnotations({"1.png": truth([(0, 0, 9, 9), (20, 20, 40, 40)])}))
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", 0, 1))
    two.comparison.step_object(1)
    assert (two.state.object, two.objects.state.current) == (0, 0)
    two.comparison.step_object(-1)
    assert (two.state.object, two.objects.state.current) == (1, 1)
    two.objects.select(0)
    assert two.state.object == 0
    two.comparison.select_object(9)
    assert two.state.object == 0
    two.comparison.select_object(None)
    assert two.objects.state.current is None


def test_what_was_detected_is_nobody_elses_object(two: Desk) -> None:
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", 0, 1, annotated=False))
    two.comparison.step_object(-1)
    assert (two.state.object, two.objects.state.current) == (1, None)
    two.picture(1)
    assert two.state.object is None


def test_objects_are_asked_again_when_the_question_changes(two: Desk) -> None:
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", annotated=False))
    count = len(two.asked("compare_objects"))
    two.answer()
    assert len(two.asked("compare_objects")) == count
    two.document.found(FakeAnnotations({"1.png": truth([(0, 0, 9, 9)], ["unheard of"])}, names=("unheard of", CAR)))
    request = two.asked("compare_objects")[-1]
    assert request.ground_truth is two.objects.state.ground_truth
    # what the window's detector does not know another may know by name
    assert request.classes == {CAR: CAR}
    two.objects.set_labels({"unheard of": CAR})
    assert two.asked("compare_objects")[-1].classes == {"unheard of": CAR, CAR: CAR}
    two.objects.set_iou(0.7)
    assert two.asked("compare_objects")[-1].iou == 0.7


def test_objects_are_followed_by_and_by(two: Desk) -> None:
    two.answer()
    assert (two.asked("compare_objects")[-1].follow, two.state.following) == (False, True)
    rows = tuple(object_row(n, followed=False) for n in range(3))
    two.document.answered.emit("compare_objects", ComparedObjects("pair", rows, False))
    assert two.asked("compare_objects")[-1].follow
    assert (two.state.objects.followed, two.state.following, two.state.running) == (0, True, "")
    two.document.answered.emit("compare_objects", ComparedObjects("pair", (object_row(0), *rows[1:]), False))
    assert two.state.objects.followed == 1
    two.comparison.cancel()
    assert (two.document.withdrawn[-1], two.state.following) == ("compare_objects", False)
    count = len(two.asked("compare_objects"))
    two.document.answered.emit("compare_objects", ComparedObjects("pair", (object_row(0), object_row(1), rows[2]), False))
    assert len(two.asked("compare_objects")) == count, "an answer on its way does not start it again"
    two.answer()
    assert len(two.asked("compare_objects")) == count + 1
    two.document.answered.emit("compare_objects", objects("pair", 0, 1, 2, annotated=False))
    assert (two.state.following, len(two.asked("compare_objects"))) == (False, count + 1)


def test_nothing_is_followed_for_a_tab_that_nobody_sees(two: Desk) -> None:
    two.answer()
    two.comparison.set_active(False)
    assert {"compare_objects", "compare_lines"} <= set(two.document.withdrawn)
    count = len(two.document.asked)
    two.document.answered.emit("compare_objects", ComparedObjects("pair", (object_row(0, followed=False),), False))
    assert (len(two.document.asked), two.state.following) == (count, False)


def test_life_lines_are_asked_of_the_object_that_is_looked_at(two: Desk) -> None:
    two.document.found(FakeAnnotations({"1.png": truth([(0, 0, 9, 9), (20, 20, 40, 40)])}))
    two.objects.set_iou(0.6)
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", 0, 1))
    assert two.asked("compare_lines") == []
    two.comparison.select_object(1)
    request = two.asked("compare_lines")[-1]
    assert (request.key, request.number, request.iou) == ("pair", 1, 0.6)
    assert request.ground_truth is two.objects.state.ground_truth
    two.document.answered.emit("compare_lines", pair_of("pair", 0))
    assert two.state.lines is None, "that was about another"
    two.document.answered.emit("compare_lines", pair_of("pair", 1))
    assert two.state.lines.number == 1
    two.objects.select(0)
    assert (two.state.lines, two.asked("compare_lines")[-1].number) == (None, 0)
    two.answer("other")
    assert (two.state.object, two.state.lines) == (0, None)
    two.document.answered.emit("compare_objects", objects("other", 0, 1))
    assert two.asked("compare_lines")[-1].key == "other"
    two.comparison.select_object(None)
    assert two.state.lines is None


def test_life_lines_of_the_question_before_are_not_shown(two: Desk) -> None:
    two.document.found(FakeAnnotations({"1.png": truth([(0, 0, 9, 9), (20, 20, 40, 40)])}))
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", 0, 1))
    two.comparison.select_object(1)
    two.document.answered.emit("compare_lines", pair_of("pair", 1))
    two.objects.set_iou(0.9)
    assert two.state.lines is None
    two.document.answered.emit("compare_lines", pair_of("pair", 1))
    assert two.state.lines is None, "that was on its way before"
    count = len(two.asked("compare_lines"))
    two.document.answered.emit("compare_objects", objects("pair", 0, 1))
    assert [request.iou for request in two.asked("compare_lines")[count:]] == [0.9]
    two.document.answered.emit("compare_lines", pair_of("pair", 1))
    assert two.state.lines.number == 1


def test_rows_that_were_not_waited_for_are_asked_again(two: Desk) -> None:
    two.document.found(FakeAnnotations({"1.png": truth([(0, 0, 9, 9)])}))
    two.answer()
    two.document.answered.emit("compare_objects", objects("pair", 0))
    two.objects.set_iou(0.9)
    two.comparison.set_active(False)
    two.document.unanswered.emit("compare_objects", None)
    count = len(two.asked("compare_objects"))
    two.comparison.set_active(True)
    two.answer()
    assert [request.iou for request in two.asked("compare_objects")[count:]] == [0.9]


def test_what_differs_comes_first_when_one_steps(two: Desk) -> None:
    two.answer()
    statuses = ("both", "only B", "both", "only A")
    rows = tuple(replace(object_row(n), status=status) for n, status in enumerate(statuses))
    two.document.answered.emit("compare_objects", ComparedObjects("pair", rows, False))
    seen = []
    for _ in range(5):
        two.comparison.step_object(1)
        seen.append(two.state.object)
    assert seen == [3, 1, 0, 2, 3]


def test_what_was_looked_at_is_found_again_in_another_pair_of_runs(two: Desk) -> None:
    two.answer()
    here, there = (0.0, 0.0, 9.0, 9.0), (50.0, 50.0, 60.0, 60.0)
    two.document.answered.emit("compare_objects", ComparedObjects("pair", (object_row(0, here), object_row(1, there)), False))
    two.comparison.select_object(1)
    two.comparison.swap()
    two.answer("turned")
    moved = (51.0, 50.0, 61.0, 60.0)
    rows = (object_row(0, moved), object_row(1, here))
    two.document.answered.emit("compare_objects", ComparedObjects("turned", rows, False))
    assert (two.state.object, two.asked("compare_lines")[-1].key) == (0, "turned")
    two.answer("third")
    two.document.answered.emit("compare_objects", ComparedObjects("third", (object_row(0, here),), False))
    assert two.state.object is None, "it is not there"


def test_compared_detectors_follow_the_windows_own_to_another_device(two: Desk) -> None:
    two.comparison.add("late", device="cpu")
    two.open_last()
    before = two.asked("subject")
    two.document.detector = replace(info("demo"), device="cuda:0")
    two.document.detector_changed.emit(two.document.detector)
    again = two.asked("subject")[len(before) :]
    assert [request.subject.source for request in again] == ["early"], "late was told where to run"
    assert before[0].handle in again[0].kept, "it stays until the other is there"
    assert two.state.infos[1] is None
    # a device that is none for it is not tried again and again
    two.document.answered.emit("subject", OpenedSubject(again[0].handle, info("early")))
    assert len(two.asked("subject")) == len(before) + 1
    assert two.state.infos[1].device == "cpu"
    two.document.detector = replace(info("demo"), device="cuda:1")
    two.document.detector_changed.emit(two.document.detector)
    two.document.fail("subject", "cuda:1 has no memory left.")
    assert two.state.infos[1].device == "cpu", "the one before stays"


def test_a_point(two: Desk) -> None:
    two.answer()
    two.comparison.probe((3.0, 4.0))
    assert two.asked("compare_at")[-1].point_img == (3.0, 4.0)
    two.document.answered.emit("compare_at", ComparedPoint("pair", (3.0, 4.0), ()))
    assert two.state.point is not None
    two.comparison.probe(None)
    assert two.state.point is None


def test_weights_are_asked_once_for_each_pair(two: Desk) -> None:
    two.comparison.need_weights()
    assert two.asked("compare_weights") == []
    two.answer()
    two.comparison.need_weights()
    assert len(two.asked("compare_weights")) == 1
    two.document.answered.emit("compare_weights", ComparedWeights("A", "B", (), "same"))
    two.comparison.need_weights()
    two.picture(1)
    two.answer("next")
    assert len(two.asked("compare_weights")) == 1
    assert two.state.weights.sentence == "same"
    two.comparison.swap()
    assert two.state.weights is None
    two.comparison.need_weights()
    # the view on the screen is of the pair before
    assert len(two.asked("compare_weights")) == 1
    two.answer("turned")
    assert two.asked("compare_weights")[-1].key == "turned"


def test_a_question_that_fails_is_said(two: Desk) -> None:
    two.answer()
    two.document.unanswered.emit("compare_nodes", Failure("The computer ran out of memory.", "", "memory"))
    assert two.state.problem == "The computer ran out of memory."
    assert two.state.view is not None
    two.document.unanswered.emit("explain", Failure("not ours", "", "user"))
    assert len(two.problems) == 1
