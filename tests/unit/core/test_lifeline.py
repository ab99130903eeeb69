"""What the life line says of every stage, on traces written by hand: who lost the object, by how much, and to whom."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import fpn_viewer as fv
from fpn_viewer.core.analysis.lifeline import candidates_at, explain
from fpn_viewer.core.analysis.line import OUTCOMES, LifeLine
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.structures import STAGES, Divergence
from tests.hand_made import AWAY, Proposed, made
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.trace import Trace

#: the object, and boxes that overlap it by IoU 0.538 and 0.379; among each other 0.739
OBJECT = (40.0, 40.0, 60.0, 60.0)
NEAR = (46.0, 40.0, 66.0, 60.0)
BESIDE = (49.0, 40.0, 69.0, 60.0)
CAR, TRUCK = 1, 2
FOUND = Proposed(OBJECT, 5.0, scores={CAR: 0.9})


def line_of(trace: Trace, label: Any = CAR, **options: Any) -> LifeLine:
    assert trace.follows is None
    line = explain(trace, OBJECT, label, **options)
    states = [stage.state for stage in line.stages]
    assert [stage.name for stage in line.stages] == list(STAGES)
    assert states[:2] == ["info", "info"]
    if line.killer is not None:
        place = STAGES.index(line.killer)
        assert states[2:] == ["passed"] * (place - 2) + ["killer"] + ["after"] * (len(states) - place - 1)
        assert line.stages[place].survivors == 0
        assert f"({line.killer})" in line.verdict
        assert line.detection is None
    assert line.outcome in OUTCOMES
    assert all(stage.sentence.endswith(".") for stage in line.stages)
    return line


def test_a_detected_object() -> None:
    line = line_of(made(FOUND))
    assert (line.killer, line.outcome, line.detection, line.rival) == (None, "detected", 0, None)
    assert line.verdict == "Detected: a detection of car with score 0.900 overlaps it by IoU 1.00."
    assert (line.label, line.label_name, line.mechanism, line.tide) == (CAR, "car", "", "")
    assert all(stage.survivors > 0 for stage in line.stages[2:])
    assert all(stage.margin is None or stage.margin >= 0 for stage in line.stages)
    assert line.remedies == ()
    assert dict(line.stage("rpn_cap").by_level) == {"P2": 1}
    assert line.training is not None
    assert line.sizes.image == (20, 20)


def test_by_number_by_name_or_any_class() -> None:
    trace = made(FOUND)
    assert explain(trace, OBJECT, "Car").label == CAR
    assert explain(trace, OBJECT).label is None
    assert explain(trace, OBJECT).killer is None
    assert explain(trace, OBJECT, np.int64(CAR)).killer is None
    assert explain(trace, OBJECT, "boat").killer == "class_score"
    assert fv.explain is explain
    assert fv.LifeLine is LifeLine


def test_no_anchor_comes_near() -> None:
    line = line_of(made(Proposed(BESIDE, 5.0)))
    stage = line.stage("rpn_regression")
    assert (line.killer, line.outcome, line.mechanism, line.tide) == (
        "rpn_regression",
        "never proposed",
        "proposal process",
        "Miss",
    )
    assert_allclose((stage.value, stage.limit, stage.margin, stage.best_iou), (11 / 29, 0.5, 11 / 29 - 0.5, 11 / 29))
    assert stage.box_img == BESIDE
    assert "IoU 0.379, and 0.5 is needed" in line.verdict


def test_rank_within_its_level() -> None:
    better = [Proposed(AWAY, 5.0 + k) for k in range(7)]
    trace = made(*better, Proposed(NEAR, 1.0), *[replace(one, level=1) for one in better], rpn_pre_nms_top_n=5)
    line = line_of(trace)
    stage = line.stage("rpn_top_k")
    assert (line.killer, line.outcome) == ("rpn_top_k", "never proposed")
    assert (stage.value, stage.limit, stage.margin, stage.unit) == (8, 5, -3, "rank")
    assert f"number 8 of {trace.raw.counts[0]:,} on P2, and 5 of each level go on" in line.verdict
    assert line_of(made(*better, Proposed(NEAR, 1.0), rpn_pre_nms_top_n=8)).stage("rpn_top_k").margin == 0


def test_among_equals_a_lost_rank_is_never_good_enough() -> None:
    line = line_of(made(Proposed(NEAR, -20.0), rpn_pre_nms_top_n=1))
    stage = line.stage("rpn_top_k")
    assert stage.margin is not None
    assert (stage.survivors > 0) == (stage.margin >= 0)


def test_the_best_rank_counts_over_the_levels() -> None:
    ahead = [Proposed(AWAY, 9.0) for _ in range(4)]
    line = line_of(made(*ahead, Proposed(NEAR, 1.0), Proposed(NEAR, 0.5, level=2), rpn_pre_nms_top_n=3))
    stage = line.stage("rpn_top_k")
    assert (stage.value, stage.survivors, dict(stage.by_level)) == (1, 1, {"P4": 1})


def test_objectness_under_the_limit() -> None:
    line = line_of(made(Proposed(NEAR, 0.0), rpn_score_thresh=0.6))
    stage = line.stage("rpn_score")
    assert (line.killer, line.outcome) == ("rpn_score", "never proposed")
    assert_allclose((stage.value, stage.limit, stage.margin), (0.5, 0.6, -0.1))


@pytest.mark.parametrize(("width", "killer"), [(0.0005, "rpn_min_size"), (0.005, "min_size")])
def test_boxes_of_no_size(width: float, killer: str) -> None:
    thin = (40.0, 40.0, 40.0 + width, 60.0)
    trace = made(replace(FOUND, box=thin))
    line = explain(trace, thin, CAR)
    assert line.killer == killer
    value, margin = line.stage(killer).value, line.stage(killer).margin
    assert value == pytest.approx(width, rel=0.01)
    assert margin is not None
    assert margin < 0


def test_suppressed_among_the_proposals() -> None:
    line = line_of(made(Proposed(NEAR, 1.0, scores={CAR: 0.9}), Proposed(BESIDE, 2.0)))
    by, stage = line.suppressor, line.stage("rpn_nms")
    assert (line.killer, line.outcome, line.mechanism) == ("rpn_nms", "suppressed", "proposal process")
    assert by is not None
    assert (by.stage, by.box_img, by.label, by.level, by.cell) == ("rpn_nms", BESIDE, None, "P2", (0, 1))
    assert_allclose((by.iou, by.iou_object, by.score), (17 / 23, 11 / 29, 1 / (1 + np.exp(-2))), rtol=1e-6)
    assert_allclose((stage.value, stage.limit, stage.margin), (17 / 23, 0.7, 0.7 - 17 / 23))
    assert "P2 (row 0, column 1)" in line.verdict


def test_of_several_victims_the_closest_to_surviving_decides() -> None:
    looser = (45.5, 40.0, 66.0, 60.0)
    line = line_of(made(Proposed(NEAR, 1.0), Proposed(BESIDE, 2.0), Proposed(looser, 0.5)))
    stage, by = line.stage("rpn_nms"), line.suppressor
    assert by is not None
    assert (stage.box_img, by.box_img) == (looser, BESIDE)
    assert_allclose((stage.value, by.iou), (17 / 23.5, 17 / 23.5))


def test_other_levels_do_not_suppress() -> None:
    line = line_of(made(Proposed(NEAR, 1.0, scores={CAR: 0.9}), Proposed(BESIDE, 2.0, level=1)))
    assert line.killer is None
    assert line.stage("rpn_nms").value == 0


def test_cut_by_proposals_of_all_levels() -> None:
    others = [Proposed((10.0 * k, 0.0, 10.0 * k + 8, 8.0), 3.0, level=k % 3) for k in range(4)]
    line = line_of(made(*others, Proposed(NEAR, 1.0, scores={CAR: 0.9}), rpn_post_nms_top_n=3))
    stage = line.stage("rpn_cap")
    assert (line.killer, line.outcome, line.mechanism) == ("rpn_cap", "capped", "proposal process")
    assert (stage.value, stage.limit, stage.margin) == (5, 3, -2)
    assert "objectness is 0.731, and that of the last one to go on is 0.953" in line.verdict


def test_moved_away_by_the_box_head() -> None:
    line = line_of(made(replace(FOUND, placed=BESIDE)))
    stage = line.stage("box_regression")
    assert (line.killer, line.outcome, line.mechanism, line.tide) == ("box_regression", "badly placed", "regressor", "Loc")
    assert_allclose((stage.value, stage.margin), (11 / 29, 11 / 29 - 0.5))
    assert line.rival is not None
    assert (line.rival.why, line.rival.label, line.rival.detection) == ("badly placed", CAR, 0)


def test_taken_for_background() -> None:
    line = line_of(made(replace(FOUND, scores={CAR: 0.047})))
    stage = line.stage("class_score")
    assert (line.killer, line.outcome, line.mechanism) == ("class_score", "background", "background classification")
    assert_allclose((stage.value, stage.limit, stage.margin), (0.047, 0.05, -0.003), rtol=1e-4)
    assert "0.0470, does not pass 0.05" in line.verdict


def test_taken_for_another_class() -> None:
    line = line_of(made(replace(FOUND, scores={CAR: 0.03, TRUCK: 0.8})))
    assert (line.killer, line.outcome, line.mechanism, line.tide) == ("class_score", "other class", "interclass", "Cls")
    assert line.verdict.startswith("Taken for truck with score 0.800 (class_score)")
    assert line.rival is not None
    assert (line.rival.why, line.rival.label) == ("other class", TRUCK)
    assert line_of(made(replace(FOUND, scores={CAR: 0.03, TRUCK: 0.8})), None).killer is None


def test_its_own_classs_box_strayed() -> None:
    placed = {CAR: BESIDE, TRUCK: OBJECT}
    line = line_of(made(replace(FOUND, placed=placed, scores={CAR: 0.9, TRUCK: 0.02})))
    assert (line.killer, line.outcome, line.mechanism) == ("class_score", "badly placed", "regressor")
    assert "moved away to IoU 0.379" in line.verdict


def test_suppressed_among_the_detections_of_its_class_only() -> None:
    better = Proposed((80.0, 10.0, 90.0, 20.0), 4.0, level=1, placed=BESIDE, scores={CAR: 0.95})
    line = line_of(made(replace(FOUND, box=NEAR), better))
    by, stage = line.suppressor, line.stage("nms")
    assert (line.killer, line.outcome, line.mechanism, line.tide) == ("nms", "suppressed", "classifier calibration", "Loc")
    assert by is not None
    assert (by.stage, by.label, by.level) == ("nms", CAR, "P3")
    assert_allclose((by.iou, by.iou_object, by.score), (17 / 23, 11 / 29, 0.95), rtol=1e-5)
    assert_allclose((stage.value, stage.limit), (17 / 23, 0.5))
    other = replace(better, scores={TRUCK: 0.95})
    assert line_of(made(replace(FOUND, box=NEAR), other)).killer is None


def test_cut_by_detections_of_all_classes() -> None:
    others = [Proposed((10.0 * k, 0.0, 10.0 * k + 8, 8.0), 3.0, scores={1 + k: 0.95}) for k in range(4)]
    line = line_of(made(*others, FOUND, box_detections_per_img=2))
    stage = line.stage("cap")
    assert (line.killer, line.outcome, line.mechanism, line.tide) == ("cap", "capped", "classifier calibration", "Miss")
    assert (stage.value, stage.limit, stage.margin) == (5, 2, -3)


def test_at_the_limit_the_models_output_decides() -> None:
    """The box in the picture is not bit for bit the one in the network; a life line may not contradict itself between the two."""
    trace = made(replace(FOUND, box=NEAR))
    put_out = torch.tensor([[45.5, 40.0, 65.5, 60.0]])
    trace = replace(trace, raw=replace(trace.raw, output={**trace.raw.output, "boxes": put_out}))
    line = line_of(trace, iou=0.55)
    assert line.killer is None
    assert [stage.survivors for stage in line.stages[-6:]] == [1] * 6
    assert line_of(trace, iou=0.575).killer == "rpn_regression"


def test_a_badly_placed_proposal_that_is_refined() -> None:
    line = explain(made(replace(FOUND, box=BESIDE, placed=OBJECT)), OBJECT, CAR)
    assert line.killer is None
    assert line.stage("rpn_regression").survivors == 0
    assert line.stage("rpn_regression").state == "passed"
    assert "after rpn_regression, but the box head refined a badly placed one" in line.verdict
    lost = explain(made(replace(FOUND, box=BESIDE, placed=OBJECT, scores={})), OBJECT, CAR)
    assert (lost.killer, lost.outcome) == ("class_score", "background")
    assert "refined" in lost.verdict


def test_a_detection_that_fits_a_neighbour_better() -> None:
    neighbour = np.array([[46.5, 40.0, 66.5, 60.0]])
    for others in (neighbour, SimpleNamespace(boxes_img=neighbour)):
        line = line_of(made(replace(FOUND, box=NEAR)), others=others)
        assert line.killer is None
        assert line.rival is not None
        assert line.rival.why == "taken"
    assert line_of(made(FOUND), others=neighbour).rival is None


def test_gains_settings_and_size_are_named_as_factors() -> None:
    trace = replace(made(replace(FOUND, scores={})), gains={("M3", "top-down"): 0.0, ("M2", "lateral"): 1.0})
    line = explain(trace, OBJECT, CAR)
    assert line.factors == ("top-down gain into M3 is 0",)
    assert "top-down gain into M3 is 0" in line.verdict
    small = explain(made(), (40.0, 40.0, 43.0, 43.0), CAR)
    assert any("less than one cell of P2" in factor for factor in small.factors)
    assert not any("resize" in factor for factor in small.factors)
    assert any("box_score_thresh is 0.5 instead of 0.05" in f for f in line_of(made(box_score_thresh=0.5)).factors)


def test_the_resize_is_named_where_it_shrank_the_object() -> None:
    trace = tiny_detector().trace(noise(*(96, 128)), settings={"min_size": 12})
    line = explain(trace, OBJECT, CAR)
    assert line.killer is not None
    assert "the resize was changed (min_size is 12 instead of 96)" in line.verdict
    assert "the resize leaves it 2.50×2.50 px in the network, less than one cell of P2" in line.verdict


def test_from_where_the_replay_does_not_follow() -> None:
    trace = made(replace(FOUND, scores={CAR: 0.03}))
    trace.__dict__["follows"] = Divergence("rpn_nms", "This class selects in its own way.")
    line = explain(trace, OBJECT, CAR)
    assert (line.killer, line.outcome, line.mechanism) == ("rpn_nms", "unknown", "")
    assert [s.state for s in line.stages if s.state == "unknown"] == ["unknown"] * 7
    assert line.stages[-1].state == "after"
    assert "This class selects in its own way" in line.verdict
    found = made(FOUND)
    found.__dict__["follows"] = trace.follows
    assert (explain(found, OBJECT, CAR).killer, explain(found, OBJECT, CAR).stages[-1].state) == (None, "passed")
    lost = made(Proposed(BESIDE, 5.0))
    lost.__dict__["follows"] = trace.follows
    assert explain(lost, OBJECT, CAR).killer == "rpn_regression"


BAD: list[tuple[Any, Any, str]] = [
    ((200, 10, 220, 20), CAR, "outside the picture, which is 128×96 px"),
    ((-20, -20, 0, 10), CAR, "outside the picture"),
    ((10, 10, 10, 20), CAR, "has no area"),
    ((20, 10, 10, 20), CAR, "has no area"),
    ((10, 10, float("nan"), 20), CAR, "NaN"),
    ((10, 10, float("inf"), 20), CAR, "infinite"),
    ((10, 10, 20), CAR, "four numbers .* not 3"),
    ("here", CAR, "not a box"),
    (OBJECT, "cow", "does not know 'cow'; its classes are: car, truck"),
    (OBJECT, 0, "does not know class 0"),
    (OBJECT, 6, "does not know class 6"),
]


@pytest.mark.parametrize(("box", "label", "sentence"), BAD)
def test_bad_questions_get_one_sentence(box: Any, label: Any, sentence: str) -> None:
    with pytest.raises(QuestionError, match=sentence):
        explain(made(), box, label)
    with pytest.raises(QuestionError, match=sentence):
        candidates_at(made(), box, "rpn_nms", label=label)


@pytest.mark.parametrize("iou", [0.0, -1.0, 1.5, float("nan")])
def test_an_overlap_must_be_a_share(iou: float) -> None:
    with pytest.raises(QuestionError, match="IoU above 0 and up to 1"):
        explain(made(), OBJECT, CAR, iou=iou)


def test_a_box_over_the_edge_is_taken_as_it_is() -> None:
    line = explain(made(FOUND), (-10.0, 40.0, 10.0, 60.0), CAR)
    assert line.box_img == (-10, 40, 10, 60)


def test_boxes_that_came_to_a_stage() -> None:
    trace = made(
        Proposed(NEAR, 1.0), Proposed(BESIDE, 2.0), Proposed(OBJECT, -3.0, level=1, scores={TRUCK: 0.5}), rpn_score_thresh=0.1
    )
    at = candidates_at(trace, OBJECT, "rpn_score", label=CAR)
    assert_allclose(at.boxes_img, [OBJECT, NEAR, BESIDE])
    assert_allclose(at.iou, [1, 14 / 26, 11 / 29], rtol=1e-6)
    assert at.alive.tolist() == [False, True, True]
    assert (at.level.tolist(), at.cell.tolist(), at.label.tolist()) == ([1, 0, 0], [[0, 1], [0, 0], [0, 1]], [0, 0, 0])
    nms = candidates_at(trace, OBJECT, "rpn_nms", label=CAR)
    assert (len(nms), nms.alive.tolist()) == (2, [False, True])
    assert len(candidates_at(trace, OBJECT, "rpn_nms", label=CAR, limit=1)) == 1
    with pytest.raises(QuestionError, match="no stage 'top'; it has resize"):
        candidates_at(trace, OBJECT, "top")


def test_boxes_of_the_second_half_have_classes() -> None:
    trace = made(replace(FOUND, scores={CAR: 0.9, TRUCK: 0.04}))
    every = candidates_at(trace, OBJECT, "box_regression", label=CAR)
    assert sorted(every.label.tolist()) == [1, 2, 3, 4, 5]
    own = candidates_at(trace, OBJECT, "class_score", label=CAR)
    assert (own.label.tolist(), own.alive.tolist(), own.level.tolist()) == ([CAR], [True], [0])
    assert_allclose(own.score, [0.9], rtol=1e-5)
    anchors = candidates_at(trace, OBJECT, "anchors", label=CAR)
    assert len(anchors) > 0
    assert (np.diff(anchors.iou) <= 0).all()
    assert np.array_equal(anchors.alive, anchors.iou >= 0.5)
