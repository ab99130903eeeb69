"""Annotated objects over a document whose workers are played by the test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer.engine.annotation_requests import FindAnnotations, OpenAnnotations
from fpn_viewer.engine.object_values import Verdicts
from fpn_viewer.viewmodels import objects as module
from fpn_viewer.viewmodels.objects import Objects
from tests.unit.viewmodels.object_desk import CAR, TRUCK, FakeAnnotations, FakeDocument, truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytestqt.qtbot import QtBot

    from fpn_viewer.core.annotations.structures import GroundTruth
    from tests.unit.viewmodels.object_desk import Boxes

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("qapp")]

A, B, C = (2.0, 2.0, 12.0, 12.0), (30.0, 10.0, 44.0, 20.0), (60.0, 40.0, 80.0, 60.0)
FAR: Boxes = [(84.0, 2.0, 94.0, 9.0)]


class Desk:
    """Objects over a fake document, and what they said."""

    def __init__(self, *pictures: str, remembered: Mapping[str, str | None] | None = None) -> None:
        self.document = FakeDocument(*pictures)
        self.objects = Objects(self.document, lambda _: remembered or {})  # type: ignore[arg-type]
        self.problems: list[str] = []
        self.wanted: list[Any] = []
        self.objects.problem.connect(lambda p: self.problems.append(p.title))
        self.objects.labels_wanted.connect(self.wanted.append)
        self.document.open_detector()

    def begin(self, pictures: dict[str, GroundTruth | str], found: Boxes | None = None) -> None:
        """The first picture is current, read, annotated and, with `found`, run."""
        self.document.select(0)
        self.document.read()
        self.document.found(FakeAnnotations(pictures))
        if found is not None:
            self.document.run(found)

    def arrive(self, found: Boxes) -> None:
        """The picture that was stepped to is read and run."""
        self.document.read()
        self.document.run(found)

    @property
    def outcomes(self) -> list[str]:
        return [row.outcome for row in self.objects.state.rows]


@pytest.fixture
def desk() -> Desk:
    return Desk("a.png", "b.png", "c.png")


# -- finding and opening ------------------------------------------------------------------------------------------------


def test_what_the_annotations_say_of_a_picture_is_told_once(desk: Desk) -> None:
    note = "set.json was made for a picture of 10×10 px, and this one has 96×64 px; boxes are shown as they stand."
    desk.begin({name: replace(truth([A]), notes=(note,)) for name in ("a.png", "b.png")})
    desk.document.select(1)
    desk.document.read()
    assert desk.problems == [note]


def test_a_picture_is_looked_up_by_convention_once(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "b.png": truth([B, C])})
    assert desk.document.requests("annotations") == [FindAnnotations("a.png")]
    assert [row.box_img for row in desk.objects.state.rows] == [A]
    desk.document.select(1)
    desk.document.read()
    assert [row.box_img for row in desk.objects.state.rows] == [B, C]
    assert len(desk.document.requests("annotations")) == 1
    desk.document.select(2)
    desk.document.read()
    assert desk.objects.state.rows == ()
    assert desk.objects.state.ground_truth is None
    assert desk.document.requests("annotations")[1:] == [FindAnnotations("c.png")]


def test_named_annotations_are_not_replaced_by_what_lies_beside_a_picture(desk: Desk) -> None:
    desk.begin({"a.png": truth([A])})
    desk.objects.open("other.json")
    assert desk.document.requests("annotations")[-1] == OpenAnnotations("other.json")
    desk.document.found(FakeAnnotations({}, path="other.json"), named=True, problems=("One line is odd.",))
    assert desk.problems == ["One line is odd."]
    assert desk.objects.state.rows == (), "objects of the annotations before are still listed"
    assert desk.objects.state.ground_truth is None
    asked = len(desk.document.requests("annotations"))
    desk.document.select(1)
    desk.document.read()
    assert len(desk.document.requests("annotations")) == asked
    desk.objects.close()
    assert desk.objects.state.annotations is None
    desk.document.select(2)
    desk.document.read()
    assert desk.document.requests("annotations")[-1] == FindAnnotations("c.png")


def test_opening_other_annotations_of_the_same_picture_replaces_its_objects(desk: Desk) -> None:
    desk.begin({"a.png": truth([A, B])}, found=[A])
    desk.objects.select(1)
    desk.document.found(FakeAnnotations({"a.png": truth([C, A])}), named=True)
    assert [row.box_img for row in desk.objects.state.rows] == [C, A]
    assert desk.outcomes == ["missed", "found"]
    assert desk.objects.state.current is None


def test_nothing_found_says_nothing(desk: Desk) -> None:
    desk.document.select(0)
    desk.document.read()
    desk.document.found(None)
    assert desk.objects.state.annotations is None
    assert desk.problems == []


def test_what_cannot_be_read_is_a_sentence(desk: Desk) -> None:
    desk.begin({"a.png": "a.xml ends in line 7; write it again."})
    assert desk.problems == ["a.xml ends in line 7; write it again."]
    desk.document.fail("annotations", "set.json is not JSON.")
    desk.document.fail("verdicts", "The trace is gone.")
    desk.document.fail("sweep", "Somebody else's.")
    desk.document.unanswered.emit("annotations", None)
    assert desk.problems[1:] == ["set.json is not JSON.", "The trace is gone."]


# -- classes ------------------------------------------------------------------------------------------------------------


def test_classes_are_matched_by_name_and_the_others_asked_for_once(desk: Desk) -> None:
    annotations = FakeAnnotations({"a.png": truth([A, B], [CAR.upper(), "zeppelin"])}, names=(CAR.upper(), "zeppelin"))
    desk.document.select(0)
    desk.document.read()
    desk.document.found(annotations)
    assert [row.label for row in desk.objects.state.rows] == [1, None]
    assert [state.labels.unmatched for state in desk.wanted] == [("zeppelin",)]
    desk.document.open_detector()
    assert len(desk.wanted) == 1
    desk.document.run([A, B], [1, 2])
    assert desk.outcomes == ["found", "unknown class"]
    desk.objects.set_labels({"zeppelin": TRUCK})
    assert [row.label for row in desk.objects.state.rows] == [1, 2]
    assert desk.outcomes == ["found", "found"]
    assert desk.objects.state.labels.unmatched == ()
    desk.objects.set_labels({"zeppelin": None})
    assert desk.outcomes == ["found", "unknown class"]
    desk.objects.set_labels({"zeppelin": "no such class"})
    assert desk.objects.state.rows[1].label is None


def test_what_the_user_said_before_is_remembered() -> None:
    desk = Desk("a.png", remembered={"zeppelin": TRUCK, "kite": None})
    annotations = FakeAnnotations({"a.png": truth([A, B], ["zeppelin", "kite"])}, names=("zeppelin", "kite"))
    desk.document.select(0)
    desk.document.read()
    desk.document.found(annotations)
    assert [row.label for row in desk.objects.state.rows] == [2, None]
    assert desk.wanted == []


# -- matching -----------------------------------------------------------------------------------------------------------


def test_objects_are_matched_after_the_trace(desk: Desk) -> None:
    desk.begin({"a.png": truth([A, B, C], flaws={2: "no width"})})
    assert desk.outcomes == ["", "", ""]
    desk.document.run([A, *FAR])
    first, second, third = desk.objects.state.rows
    assert desk.outcomes == ["found", "missed", "flawed"]
    assert (first.detection, first.iou, first.score) == (0, 1.0, pytest.approx(0.9))
    assert (second.detection, second.score) == (-1, 0.0)
    assert third.flaw == "no width"
    assert desk.objects.state.kinds == ("match", "background")
    verdicts = desk.document.requests("verdicts")[-1]
    assert [asked and (asked.box_img, asked.label, asked.index) for asked in verdicts.objects] == [None, (B, 1, 1), None]
    assert desk.document.requests("traps")[-1].key == "run of a.png"


def test_another_overlap_matches_again(desk: Desk) -> None:
    shifted = (4.0, 2.0, 14.0, 12.0)
    desk.begin({"a.png": truth([A])}, found=[shifted])
    assert desk.outcomes == ["found"]
    assert desk.document.withdrawn == ["verdicts"], "verdicts of another overlap may still arrive"
    desk.objects.set_iou(0.9)
    assert desk.outcomes == ["badly placed"]
    assert desk.document.requests("verdicts")[-1].objects[0].iou == 0.9
    desk.objects.set_iou(2.0)
    assert desk.objects.state.iou == 0.95


def test_a_trace_before_its_picture_is_not_matched_with_the_objects_of_the_one_before(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "b.png": truth([B])}, found=[A])
    assert desk.outcomes == ["found"]
    asked = len(desk.document.asked)
    desk.document.select(1)
    desk.document.run([A])
    assert desk.outcomes in ([""], []), "the objects of a.png were matched with the detections of b.png"
    assert [lane for lane, _ in desk.document.asked[asked:]] == []
    desk.document.read()
    assert [row.box_img for row in desk.objects.state.rows] == [B]
    assert desk.outcomes == ["missed"]
    assert desk.document.requests("traps")[-1].key == "run of b.png"


def test_traps_are_looked_for_without_annotations_whatever_comes_first(desk: Desk) -> None:
    desk.document.select(0)
    desk.document.run([A])
    desk.document.read()
    assert [request.key for request in desk.document.requests("traps")] == ["run of a.png"]
    desk.document.select(1)
    desk.document.read()
    desk.document.run([A])
    assert [request.key for request in desk.document.requests("traps")][-1] == "run of b.png"


def test_a_run_that_is_dropped_takes_its_outcomes_along(desk: Desk) -> None:
    desk.begin({"a.png": truth([A])}, found=[A])
    desk.document.trace = None
    desk.document.trace_changed.emit(None)
    assert desk.outcomes == [""]
    assert desk.objects.state.kinds == ()


# -- verdicts and traps -------------------------------------------------------------------------------------------------


def test_verdicts_fill_the_rows_and_stale_ones_do_not(desk: Desk) -> None:
    desk.begin({"a.png": truth([A, B])}, found=[A])
    late = Verdicts("another run", (("", "", ""), ("nms", "suppressed", "Late.")))
    short = Verdicts("run of a.png", (("nms", "suppressed", "Short."),))
    for stale in (late, short):
        desk.document.answered.emit("verdicts", stale)
        assert desk.objects.state.rows[1].killer == ""
    desk.document.answered.emit("verdicts", Verdicts("run of a.png", (("", "", ""), ("nms", "suppressed", "Lost."))))
    assert [(row.killer, row.verdict) for row in desk.objects.state.rows] == [("", ""), ("nms", "Lost.")]
    desk.objects.set_iou(0.6)
    assert desk.objects.state.rows[1].killer == "", "a verdict at another overlap"


# -- selecting ----------------------------------------------------------------------------------------------------------


def test_selecting_and_what_is_asked(desk: Desk) -> None:
    desk.begin({"a.png": truth([A, B, C], flaws={2: "no width"})}, found=[])
    desk.objects.select(1)
    desk.objects.select(7)
    assert desk.objects.state.current == 1
    asked = desk.objects.asked(1)
    assert (asked.box_img, asked.label, asked.index, asked.others_img) == (B, 1, 1, (A,))
    assert desk.objects.others(-1) == (A, B)
    desk.objects.select(None)
    assert desk.objects.state.current is None
    desk.document.select(1)
    desk.objects.select(0)
    desk.document.read()
    assert desk.objects.state.current is None


# -- from miss to miss --------------------------------------------------------------------------------------------------


def test_next_and_previous_missed_in_one_picture() -> None:
    desk = Desk("a.png")
    desk.begin({"a.png": truth([A, B, C])}, found=[B])
    walked = []
    for by in (1, 1, 1, -1, -1):
        desk.objects.step_missed(by)
        walked.append(desk.objects.state.current)
    assert walked == [0, 2, 0, 2, 0]
    assert desk.problems == []


def test_next_missed_walks_over_the_pictures_again_and_again(desk: Desk) -> None:
    pictures = {"a.png": truth([A, B]), "b.png": truth([B]), "c.png": truth([C])}
    desk.begin(pictures, found=[B])
    found: dict[str, Boxes] = {"a.png": [B], "b.png": [B], "c.png": []}
    walked = []
    for _ in range(8):
        desk.objects.step_missed(1)
        while desk.document.trace is None or desk.document.trace.path != desk.document.path:
            assert desk.document.path is not None
            desk.arrive(found[desk.document.path])
        walked.append((desk.document.path, desk.objects.state.current))
    assert walked == [("a.png", 0), ("c.png", 0)] * 4
    assert desk.problems == []


def test_previous_missed_enters_a_picture_from_its_end(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "c.png": truth([A, B, C])}, found=[A])
    desk.objects.step_missed(-1)
    desk.arrive([B])
    assert (desk.document.path, desk.objects.state.current) == ("c.png", 2)


def test_one_round_without_a_miss_ends_with_a_sentence(desk: Desk) -> None:
    desk.begin({name: truth([A]) for name in ("a.png", "b.png", "c.png")}, found=[A])
    desk.objects.step_missed(1)
    for name in ("b.png", "c.png", "a.png"):
        assert desk.document.path == name
        assert desk.problems == []
        desk.arrive([A])
    assert desk.problems == [module.NONE_MISSED]
    desk.document.run([A])
    assert desk.problems == [module.NONE_MISSED], "the walk goes on after it has ended"


def test_pictures_without_annotations_are_passed_over(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "c.png": truth([C])}, found=[A])
    desk.objects.step_missed(1)
    desk.arrive([A])
    assert desk.document.path == "b.png", "it went on before it was known whether b.png is annotated"
    desk.document.found(None)
    assert desk.document.path == "c.png"
    desk.arrive([])
    assert (desk.document.path, desk.objects.state.current) == ("c.png", 0)


def test_a_picture_that_cannot_be_read_is_passed_over(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "c.png": truth([C])}, found=[A])
    desk.objects.step_missed(1)
    desk.document.fail_to_read()
    assert desk.document.path == "c.png"
    desk.arrive([])
    assert desk.objects.state.current == 0


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_a_run_that_fails_or_is_cancelled_ends_the_walk(desk: Desk, end: str) -> None:
    desk.begin({"a.png": truth([A]), "b.png": truth([B])}, found=[A])
    desk.objects.step_missed(1)
    desk.document.read()
    desk.document.set_state(end)
    desk.document.run([])
    assert desk.objects.state.current is None
    assert desk.document.path == "b.png"


def test_the_user_takes_over_the_walk(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "c.png": truth([C])}, found=[A])
    desk.objects.step_missed(1)
    desk.document.select(2)
    desk.arrive([])
    assert desk.objects.state.current is None, "an object was chosen in a picture that the user went to"


def test_pressing_again_while_a_picture_runs_skips_nothing(desk: Desk) -> None:
    desk.begin({"a.png": truth([A]), "b.png": truth([B]), "c.png": truth([C])}, found=[A])
    for _ in range(3):
        desk.objects.step_missed(1)
    assert desk.document.path == "b.png"
    desk.arrive([])
    assert (desk.document.path, desk.objects.state.current) == ("b.png", 0)


def test_without_annotations_nothing_is_walked_through(desk: Desk) -> None:
    desk.document.select(0)
    desk.document.read()
    desk.document.found(None)
    desk.document.run([A])
    desk.objects.step_missed(1)
    assert desk.problems == [module.NO_ANNOTATIONS]
    assert desk.document.path == "a.png"


def test_the_first_missed_object_is_sought_from_the_start(desk: Desk, qtbot: QtBot) -> None:
    desk.objects.seek()
    desk.begin({"a.png": truth([A]), "b.png": truth([A, B])}, found=[A])
    assert desk.document.path == "b.png"
    desk.arrive([A])
    assert desk.objects.state.current == 1
    desk.document.select(2)
    desk.arrive([])
    assert desk.objects.state.current is None


def test_a_first_look_from_afar_that_found_nothing_leaves_the_next_one_close() -> None:
    desk = Desk("a.png")
    desk.objects.seek()
    desk.begin({"a.png": truth([A])}, found=[A])
    assert desk.objects.state.current is None
    desk.document.run([], key="second run")
    desk.objects.step_missed(1)
    assert (desk.objects.state.current, desk.objects.state.close) == (0, True)
