"""What-ifs between a fake document and a fake question: what is asked when, which answers count, and what is applied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.engine.object_values import Asked, Change
from fpn_viewer.viewmodels.what_if import PAUSE_MS
from tests.gui.what_if_fakes import ASKED, CUT, NMS, TERM, Desk, curve, line

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

OTHER = Asked((1.0, 1.0, 9.0, 9.0), 2)


@pytest.fixture
def desk(qapp: object) -> Desk:
    """A missed object whose line is known."""
    made = Desk()
    made.open()
    made.explain()
    return made


def searched(desk: Desk, qtbot: QtBot) -> None:
    """Waits for the pause after which remedies are looked for."""
    qtbot.waitUntil(lambda: "remedies" in desk.document.lanes(), timeout=20 * PAUSE_MS)


def test_every_step_of_a_slider_is_asked_and_only_the_last_is_answered(desk: Desk) -> None:
    for value in (0.71, 0.74, 0.78):
        desk.what_if.set_setting("rpn_nms_thresh", value)
    requests = [request for lane, request in desk.document.asked if lane == "what_if"]
    assert [request.change for request in requests] == [Change({"rpn_nms_thresh": value}) for value in (0.71, 0.74, 0.78)]
    assert {(request.key, request.asked) for request in requests} == {("trace 1", ASKED)}
    desk.answer(change=Change({"rpn_nms_thresh": 0.74}))
    assert desk.what_if.state.answer is None
    assert desk.what_if.state.waiting
    desk.answer()
    assert desk.what_if.state.answer is not None
    assert desk.what_if.state.answer.change == Change({"rpn_nms_thresh": 0.78})
    assert not desk.what_if.state.waiting


def test_the_old_answer_stays_until_the_new_one_is_there(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.what_if.set_gain(TERM, 0.25)
    assert desk.what_if.state.answer is not None
    assert desk.what_if.state.waiting


def test_the_same_question_twice_is_no_trouble_though_answers_hold_arrays(desk: Desk) -> None:
    for value in (0.5, 0.25, 0.5):
        desk.what_if.set_gain(TERM, value)
        if value == 0.5:
            desk.answer()
    assert not desk.what_if.state.waiting
    for _ in range(2):
        desk.what_if.sweep(None)
        desk.sweep(curve())
    assert set(desk.what_if.state.curves) == {None}


def test_what_the_opened_detector_has_is_no_change(desk: Desk) -> None:
    own = SPEC.settings.rpn_nms_thresh
    desk.what_if.set_setting("rpn_nms_thresh", 0.9)
    desk.what_if.set_gain(TERM, 0.0)
    assert desk.what_if.state.change == Change({"rpn_nms_thresh": 0.9}, {TERM: 0.0})
    desk.what_if.set_setting("rpn_nms_thresh", own)
    desk.what_if.set_gain(TERM, 1.0)
    assert not desk.what_if.state.change


def test_back_where_the_run_was_made_nothing_is_asked_and_what_was_asked_is_withdrawn(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.what_if.set_gain(TERM, 0.75)
    asked = len(desk.document.asked)
    desk.document.withdrawn.clear()
    desk.what_if.set_gain(TERM, 1.0)
    assert len(desk.document.asked) == asked
    assert "what_if" in desk.document.withdrawn
    assert desk.what_if.state.answer is None
    assert not desk.what_if.state.waiting
    # it was on its way already
    desk.answer(change=Change())
    assert desk.what_if.state.answer is None


def test_remedies_are_looked_for_after_a_pause(desk: Desk, qtbot: QtBot) -> None:
    assert "remedies" not in desk.document.lanes()
    searched(desk, qtbot)
    assert desk.what_if.state.searching
    desk.document.asked_progress.emit("remedies", "trying rpn_nms_thresh", 0.5)
    assert desk.what_if.state.progress["remedies"] == ("trying rpn_nms_thresh", 0.5)
    desk.find(NMS)
    assert desk.what_if.state.remedies == (NMS,)
    assert not desk.what_if.state.searching


def test_nothing_is_looked_for_when_the_object_is_detected(qapp: object, qtbot: QtBot) -> None:
    desk = Desk()
    desk.open()
    desk.explain(found=True)
    qtbot.waitUntil(lambda: desk.what_if.state.remedies == (), timeout=20 * PAUSE_MS)
    assert "remedies" not in desk.document.lanes()


def test_an_object_that_cannot_be_followed_is_still_looked_for(qapp: object, qtbot: QtBot) -> None:
    desk = Desk()
    desk.open()
    desk.explain(killer=None, outcome="unknown")
    searched(desk, qtbot)
    assert desk.what_if.state.searching


def test_the_search_waits_until_the_sliders_are_answered(desk: Desk, qtbot: QtBot) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    assert not desk.what_if._search_soon.isActive()
    desk.answer()
    searched(desk, qtbot)


def test_a_slider_stops_what_takes_long(desk: Desk, qtbot: QtBot) -> None:
    searched(desk, qtbot)
    desk.what_if.sweep(TERM)
    desk.document.withdrawn.clear()
    desk.what_if.set_gain(TERM, 0.5)
    assert {"remedies", "sweep"} <= set(desk.document.withdrawn)
    for lane in ("remedies", "sweep"):
        desk.document.unanswered.emit(lane, None)
    assert not desk.what_if.state.searching
    assert desk.what_if.state.sweeping == ""
    assert desk.what_if.state.trouble == ""


def test_remedies_are_found_once(desk: Desk, qtbot: QtBot) -> None:
    searched(desk, qtbot)
    desk.find(NMS)
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.what_if.search()
    assert desk.document.lanes().count("remedies") == 1


def test_cheap_remedies_are_shown_while_dear_ones_are_still_tried(desk: Desk, qtbot: QtBot) -> None:
    searched(desk, qtbot)
    desk.find(NMS, round=0)
    assert desk.what_if.state.remedies == (NMS,)
    assert desk.what_if.state.searching
    # a slider in between stops the search, which then goes on where it was
    desk.what_if.set_gain(TERM, 0.5)
    desk.document.unanswered.emit("remedies", None)
    assert not desk.what_if.state.searching
    desk.what_if.search()
    assert [request.round for lane, request in desk.document.asked if lane == "remedies"] == [0, 1, 1]
    desk.find(CUT, round=1)
    desk.find(round=2)
    assert desk.what_if.state.remedies == (NMS, CUT)
    assert not desk.what_if.state.searching


def test_a_search_that_was_stopped_can_be_started_again(desk: Desk, qtbot: QtBot) -> None:
    searched(desk, qtbot)
    desk.document.withdrawn.clear()
    desk.what_if.stop("remedies")
    assert desk.document.withdrawn == ["remedies"]
    desk.document.asked_progress.emit("remedies", "trying", 0.9)
    desk.document.unanswered.emit("remedies", None)
    assert desk.what_if.state.remedies is None
    desk.what_if.search()
    assert desk.what_if.state.searching
    assert "remedies" not in desk.what_if.state.progress
    assert desk.document.lanes().count("remedies") == 2


def test_a_remedy_is_tried(desk: Desk) -> None:
    desk.what_if.set_setting("box_score_thresh", 0.01)
    desk.what_if.try_remedy(NMS)
    # a remedy was tried alone, so it replaces what the sliders did
    assert desk.what_if.state.change == Change({"rpn_nms_thresh": 0.78})
    assert desk.document.asked[-1][1].change == Change({"rpn_nms_thresh": 0.78})
    assert desk.document.applied == []


def test_a_remedy_is_applied_on_top_of_what_is_in_force_and_reset(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.0)
    desk.what_if.apply()
    assert desk.what_if.state.applied == Change({}, {TERM: 0.0})
    desk.what_if.apply_remedy(NMS)
    both = Change({"rpn_nms_thresh": 0.78}, {TERM: 0.0})
    assert desk.document.applied[-1] == desk.what_if.state.applied == desk.what_if.state.change == both
    desk.what_if.reset()
    assert desk.document.applied[-1] == Change()
    assert not desk.what_if.state.applied
    assert not desk.what_if.state.change


def test_a_remedy_that_takes_a_change_back_leaves_none(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.0)
    desk.what_if.apply()
    desk.what_if.apply_remedy(CUT)
    assert desk.document.applied[-1] == Change()


def test_applying_stops_everything_else(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.document.withdrawn.clear()
    desk.what_if.apply()
    assert {"what_if", "remedies", "sweep"} <= set(desk.document.withdrawn)


def test_resetting_sliders_that_were_not_applied_runs_nothing(desk: Desk, qtbot: QtBot) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.what_if.reset()
    assert not desk.what_if.state.change
    assert desk.document.applied == []
    searched(desk, qtbot)


@pytest.mark.parametrize("changes", [{"key": "trace 0"}, {"asked": OTHER}, {"change": Change({"rpn_nms_thresh": 0.1})}])
def test_answers_to_other_questions_are_ignored(desk: Desk, changes: dict[str, object]) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer(**changes)
    assert desk.what_if.state.answer is None
    assert desk.what_if.state.waiting


def test_remedies_and_curves_of_another_trace_are_ignored(desk: Desk) -> None:
    desk.run("trace 2")
    desk.find(NMS)
    desk.sweep(curve())
    assert desk.what_if.state.remedies is None
    assert not desk.what_if.state.curves


def test_another_object_is_another_question(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.find(NMS)
    desk.what_if.sweep(None)
    desk.sweep(curve())
    desk.explain(OTHER)
    state = desk.what_if.state
    assert (state.answer, state.remedies, dict(state.curves)) == (None, None, {})
    # the sliders stay and are asked about the new one
    assert desk.document.asked[-1][0] == "what_if"
    assert desk.document.asked[-1][1].asked == OTHER
    assert desk.document.asked[-1][1].change == Change({}, {TERM: 0.5})


def test_a_new_run_is_asked_about_though_the_line_comes_out_the_same(desk: Desk) -> None:
    desk.find(NMS)
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.run("trace 2")
    assert desk.what_if.state.remedies is None
    assert desk.what_if.state.answer is None
    before = desk.question.state.line
    desk.explain()
    assert desk.question.state.line == before
    assert desk.document.asked[-1][1].key == "trace 2"


def test_nothing_is_asked_before_there_is_a_trace_or_an_object(qapp: object) -> None:
    desk = Desk()
    desk.what_if.set_gain(TERM, 0.5)
    desk.what_if.sweep(None)
    desk.open()
    desk.what_if.set_gain(TERM, 0.25)
    desk.what_if.search()
    assert desk.document.asked == []
    desk.what_if.apply()
    assert desk.document.applied == [Change({}, {TERM: 0.25})]


@pytest.mark.parametrize("lane", ["what_if", "remedies", "sweep"])
def test_a_failure_is_a_sentence(desk: Desk, lane: str) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    desk.answer()
    desk.what_if.set_gain(TERM, 0.25)
    desk.what_if.search()
    desk.what_if.sweep(TERM)
    desk.fail(lane)
    state = desk.what_if.state
    assert (state.trouble, state.troubled) == ("The trace is gone; run the picture again.", lane)
    done = {"what_if": not state.waiting, "remedies": not state.searching, "sweep": not state.sweeping}
    assert done == {name: name == lane for name in done}
    assert (state.answer is None) == (lane == "what_if")
    desk.what_if.set_gain(TERM, 0.75)
    assert desk.what_if.state.trouble == ""


def test_failures_of_other_lanes_are_others_business(desk: Desk) -> None:
    desk.fail("explain")
    assert desk.what_if.state.trouble == ""


def test_curves_are_kept_by_what_is_varied(desk: Desk) -> None:
    desk.what_if.sweep(None)
    assert desk.what_if.state.sweeping == "size"
    desk.sweep(curve())
    desk.what_if.sweep(TERM)
    assert desk.what_if.state.sweeping == "top-down M3"
    assert desk.document.asked[-1][1].term == TERM
    desk.sweep(curve("top-down into M3", "gain", "×", 1.0), TERM)
    assert set(desk.what_if.state.curves) == {None, TERM}
    assert desk.what_if.state.sweeping == ""


def test_another_detector_takes_the_sliders_back(desk: Desk) -> None:
    desk.what_if.set_gain(TERM, 0.5)
    asked = desk.document.lanes().count("what_if")
    desk.open(replace(SPEC, name="other"))
    assert not desk.what_if.state.change
    desk.explain()
    assert desk.document.lanes().count("what_if") == asked


def test_a_line_that_is_lost_takes_everything_with_it(desk: Desk) -> None:
    desk.find(NMS)
    desk.question.update(line=None, trouble="No such class.")
    assert desk.what_if.state.remedies is None
    desk.question.update(line=line(False))
    desk.what_if.search()
    assert desk.what_if.state.searching
