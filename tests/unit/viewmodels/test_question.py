"""The asked object over a document whose workers are played by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.core.analysis.line import NearBoxes
from fpn_viewer.core.analysis.signals import Signal
from fpn_viewer.engine.object_values import Asked, Explained, SignalView, StageView
from fpn_viewer.viewmodels.objects import Objects
from fpn_viewer.viewmodels.question import Question
from fpn_viewer.viewmodels.selection import Selection
from tests.gui.life_fakes import life_line
from tests.unit.viewmodels.object_desk import FakeAnnotations, FakeDocument, truth

if TYPE_CHECKING:
    from tests.unit.viewmodels.object_desk import Boxes

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("qapp")]

A, B = (2.0, 2.0, 12.0, 12.0), (30.0, 10.0, 44.0, 20.0)
DRAWN = (50.0, 40.0, 62.0, 52.0)
LINE = life_line()


class Desk:
    """A question over a fake document with three objects in the first of two pictures."""

    def __init__(self) -> None:
        self.document, self.selection = FakeDocument("a.png", "b.png"), Selection()
        self.objects = Objects(self.document)  # type: ignore[arg-type]
        self.question = Question(self.document, self.objects, self.selection)  # type: ignore[arg-type]
        self.problems: list[str] = []
        self.question.problem.connect(lambda p: self.problems.append(p.title))
        self.document.open_detector()
        self.document.select(0)
        self.document.read()
        flawed: Boxes = [A, B, (9.0, 9.0, 9.0, 20.0)]
        pictures = {"a.png": truth(flawed, flaws={2: "no width"}), "b.png": truth([B])}
        self.document.found(FakeAnnotations(pictures))  # type: ignore[arg-type]
        self.document.run([A])

    @property
    def asked(self) -> Asked | None:
        return self.question.state.asked

    def explains(self) -> list[Asked]:
        """The questions put to the worker."""
        return [request.asked for request in self.document.requests("explain")]

    def explained(self, asked: Asked | None = None, key: str = "run of a.png") -> None:
        answer = Explained(key, asked or self.asked, LINE)  # type: ignore[arg-type]
        self.document.answered.emit("explain", answer)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def near(count: int = 3) -> NearBoxes:
    flat = np.zeros(count)
    boxes = np.zeros((count, 4), np.float32)
    return NearBoxes(boxes, flat, flat > 0, flat.astype(int), np.zeros((count, 2), int), flat, flat.astype(int))


def test_a_selected_object_is_asked_about(desk: Desk) -> None:
    desk.objects.select(1)
    assert desk.asked == Asked(B, 1, 0.5, (A,), 1)
    assert desk.explains() == [desk.asked]
    assert len(desk.document.requests("signal")) == 1
    assert desk.document.requests("stage") == []
    desk.explained()
    assert desk.question.state.line is LINE
    desk.objects.select(None)
    assert desk.asked is None
    assert desk.question.state.line is None


def test_the_same_object_is_asked_about_once(desk: Desk) -> None:
    desk.objects.select(1)
    desk.explained()
    desk.objects.update(kinds=("match", "background"))
    desk.objects.update(rows=tuple(desk.objects.state.rows))
    assert len(desk.explains()) == 1
    assert desk.question.state.line is LINE


@pytest.mark.parametrize("stale", ["trace", "object"])
def test_stale_answers_are_ignored(desk: Desk, stale: str) -> None:
    desk.objects.select(1)
    old = desk.asked
    desk.objects.select(0)
    assert desk.asked is not None
    asked, key = (old, "run of a.png") if stale == "object" else (desk.asked, "another run")
    assert asked is not None
    desk.explained(asked, key)
    desk.document.answered.emit("stage", StageView(key, asked, "", near()))
    desk.document.answered.emit("signal", SignalView(key, asked, object()))  # type: ignore[arg-type]
    state = desk.question.state
    assert (state.line, state.near, state.signal) == (None, None, None)


def test_a_run_asks_again_and_drops_the_line_of_the_run_before(desk: Desk) -> None:
    desk.objects.select(0)
    desk.explained()
    desk.question.look_at("nms")
    desk.document.run([], key="second run")
    assert [request.key for request in desk.document.requests("explain")] == ["run of a.png", "second run"]
    assert [request.key for request in desk.document.requests("stage")] == ["run of a.png", "second run"]
    # its numbers of detections are those of another run
    assert desk.question.state.line is None


def test_another_picture_asks_about_nothing(desk: Desk) -> None:
    desk.objects.select(0)
    desk.explained()
    desk.document.select(1)
    desk.document.read()
    assert desk.asked is None
    assert desk.question.state.line is None


# -- the drawn box ------------------------------------------------------------------------------------------------------


def test_a_drawn_box_takes_the_place_of_the_selected_object(desk: Desk) -> None:
    desk.objects.select(1)
    desk.selection.update(box_img=DRAWN)
    assert desk.objects.state.current is None
    assert desk.asked == Asked(DRAWN, None, 0.5, (A, B), -1)
    assert [asked.index for asked in desk.explains()] == [1, -1], "the box of the object before was asked about once more"
    desk.objects.select(0)
    assert desk.selection.state.box_img is None
    assert desk.asked == Asked(A, 1, 0.5, (B,), 0)


def test_a_drawn_box_keeps_its_class_at_another_overlap(desk: Desk) -> None:
    desk.selection.update(box_img=DRAWN)
    desk.question.set_label(2)
    assert desk.asked == Asked(DRAWN, 2, 0.5, (A, B), -1)
    desk.objects.set_iou(0.75)
    assert desk.asked == Asked(DRAWN, 2, 0.75, (A, B), -1)
    assert [(asked.label, asked.iou) for asked in desk.explains()] == [(None, 0.5), (2, 0.5), (2, 0.75)]


def test_a_drawn_box_is_judged_beside_the_objects_of_its_own_picture(desk: Desk) -> None:
    desk.selection.update(box_img=DRAWN)
    desk.document.select(1)
    desk.document.read()
    desk.document.run([])
    assert desk.asked == Asked(DRAWN, None, 0.5, (B,), -1)
    assert desk.explains()[-1].others_img == (B,)


def test_clearing_forgets_both(desk: Desk) -> None:
    desk.selection.update(box_img=DRAWN)
    desk.question.clear()
    assert desk.selection.state.box_img is None
    assert desk.asked is None
    desk.objects.select(0)
    desk.question.clear()
    assert desk.objects.state.current is None
    assert desk.asked is None


def test_a_cleared_box_asks_about_nothing(desk: Desk) -> None:
    desk.selection.update(box_img=DRAWN)
    desk.selection.update(box_img=None)
    assert desk.asked is None


# -- stages and signal --------------------------------------------------------------------------------------------------


def test_a_stage_is_looked_at_until_another_is(desk: Desk) -> None:
    desk.objects.select(0)
    desk.question.look_at("rpn_nms")
    assert desk.document.requests("stage")[-1].stage == "rpn_nms"
    assert desk.asked is not None
    first, second = near(3), near(5)
    desk.document.answered.emit("stage", StageView("run of a.png", desk.asked, "cap", first))
    assert desk.question.state.near is None
    desk.document.answered.emit("stage", StageView("run of a.png", desk.asked, "rpn_nms", first))
    assert desk.question.state.near is first
    desk.document.answered.emit("stage", StageView("run of a.png", desk.asked, "rpn_nms", second))
    assert desk.question.state.near is second, "boxes of the next run do not replace those before"
    desk.question.look_at("")
    assert desk.question.state.near is None
    assert len(desk.document.requests("stage")) == 1


def test_a_stage_that_the_family_lacks_is_not_asked_for(desk: Desk) -> None:
    desk.objects.select(0)
    desk.question.look_at("top_k")
    assert desk.document.requests("stage") == []


def test_a_channel_is_read_again(desk: Desk) -> None:
    desk.objects.select(0)
    desk.question.set_channel(7)
    assert [request.channel for request in desk.document.requests("signal")] == [None, 7]
    signal = Signal.__new__(Signal)
    assert desk.asked is not None
    desk.document.answered.emit("signal", SignalView("run of a.png", desk.asked, signal))
    assert desk.question.state.signal is signal


# -- trouble ------------------------------------------------------------------------------------------------------------


def test_failures_are_sentences(desk: Desk) -> None:
    desk.objects.select(0)
    desk.explained()
    desk.document.fail("explain", "The box lies outside the picture.")
    assert desk.question.state.trouble == "The box lies outside the picture."
    assert desk.question.state.line is None
    desk.document.fail("signal", "No signal.")
    desk.document.fail("verdicts", "Somebody else's.")
    desk.document.unanswered.emit("explain", None)
    assert desk.problems == ["No signal."]
    desk.explained()
    assert desk.question.state.trouble == ""


def test_a_broken_annotation_says_so_until_something_else_is_asked(desk: Desk) -> None:
    desk.selection.update(box_img=DRAWN)
    desk.objects.select(2)
    assert "no width" in desk.question.state.trouble
    assert desk.asked is None
    assert desk.selection.state.box_img is None, "a box is drawn that nobody asks about"
    desk.objects.select(None)
    assert desk.question.state.trouble == ""
    desk.objects.select(2)
    desk.objects.select(0)
    assert desk.question.state.trouble == ""
    assert desk.asked == Asked(A, 1, 0.5, (B,), 0)
