"""The life line in one-stage detectors: survivors are those counted one by one, killers are those that were planted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.analysis.lifeline import candidates_at, explain
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.structures import DENSE_STAGE, DENSE_STAGES
from tests.tiny import noise
from tests.tiny_dense import FAMILIES, NAMES, dense_detector

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

#: settings under which little is lost before the planted stage
OPEN: dict[str, Any] = {"topk_candidates": 100_000, "box_detections_per_img": 10_000, "box_score_thresh": 0.01}


@pytest.fixture(scope="module", params=FAMILIES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return dense_detector(request.param)


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(noise())


def overlap(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    a, b = (torch.as_tensor(np.asarray(x, np.float64).reshape(-1, 4)) for x in (boxes, box))
    return box_ops.box_iou(a, b)[:, 0].numpy()


def questions(trace: Trace, count: int = 40) -> list[tuple[np.ndarray, int | None]]:
    """Objects near detections and near regressed boxes of all levels, asked with every class and with none."""
    rng, out = np.random.default_rng(5), []
    boxes = [trace.detections.boxes_img, trace.geometry.to_img(trace.candidates.box_net)]
    while len(out) < count:
        among = boxes[len(out) % 2]
        x1, y1, x2, y2 = among[rng.integers(len(among))] + rng.normal(0, 1, 4)
        if x2 > x1 and y2 > y1 and x1 < 100 and y1 < 69 and x2 > 1 and y2 > 1:
            out.append((np.array([x1, y1, x2, y2]), [None, 0, 1, 2, 3][len(out) % 5]))
    return out


def counted(trace: Trace, box: np.ndarray, label: int | None) -> dict[str, int]:
    """Anchors near an object that got past each stage under a class, counted from the tables."""
    near = overlap(trace.candidates.box_net, trace.geometry.to_net(box)) >= 0.5
    found = trace.detections
    near[found.candidate] = overlap(found.boxes_img, box) >= 0.5
    rows = torch.arange(len(near))
    scores = trace.raw.dense.scores(rows).numpy()
    passed = scores.max(1) if label is None else scores[:, label]
    alive = np.where(passed > trace.settings.box_score_thresh, DENSE_STAGE["class_score"], DENSE_STAGE["box_regression"])
    pairs = trace.class_boxes
    asked = np.ones(len(pairs), bool) if label is None else pairs.label == label
    np.maximum.at(alive, pairs.proposal[asked], pairs.alive_after[asked])
    return {name: int((near & (alive >= DENSE_STAGE[name])).sum()) for name in DENSE_STAGES[2:-1]}


def test_survivors_are_those_counted_one_by_one(trace: Trace) -> None:
    killers = set()
    for box, label in questions(trace):
        line = explain(trace, box, label)
        assert {stage.name: stage.survivors for stage in line.stages[2:-1]} == counted(trace, box, label)
        assert tuple(stage.name for stage in line.stages) == trace.stages
        killers.add(line.killer)
    assert len(killers) > 3, "the test needs objects lost at several stages"


def test_killer_is_none_exactly_when_the_model_found_it(trace: Trace) -> None:
    found = trace.detections
    for box, label in questions(trace, 60):
        near = overlap(found.boxes_img, box) >= 0.5
        if label is not None:
            near &= found.labels == label
        line = explain(trace, box, label)
        assert (line.killer is None) == bool(near.any())
        assert (line.outcome == "detected") == (line.killer is None)


def lost(detector: Detector, settings: dict[str, Any], seed: int = 0) -> list[LifeLine]:
    """The life lines, under other settings, of everything that is detected without them."""
    before = detector.trace(noise(seed=seed), settings=OPEN)
    after = detector.trace(noise(seed=seed), settings={**OPEN, **settings})
    found = before.detections
    # a one-stage detector keeps boxes of which nothing is left inside the picture
    whole = np.flatnonzero((found.boxes_img[:, 2:] - found.boxes_img[:, :2]).min(1) > 1)[:60]
    lines = [explain(after, found.boxes_img[row], int(found.labels[row])) for row in whole]
    return [line for line in lines if line.killer is not None]


PLANTED = {
    "class_score": {"box_score_thresh": 0.999},
    "top_k": {"topk_candidates": 1},
    "nms": {"box_nms_thresh": 0.0},
    "cap": {"box_detections_per_img": 1},
}


@pytest.mark.parametrize("stage", PLANTED)
def test_a_planted_failure_is_named(detector: Detector, stage: str) -> None:
    lines = lost(detector, PLANTED[stage])
    assert len(lines) > 5
    assert {line.killer for line in lines} == {stage}
    for line in lines:
        killer = line.stage(stage)
        assert killer.margin is not None
        assert killer.margin <= 0
        assert killer.state == "killer"
        assert (line.suppressor is not None) == (stage == "nms")


def test_ranks_in_the_top_k_are_places_among_what_passed(detector: Detector) -> None:
    trace = detector.trace(noise(), settings={"topk_candidates": 4})
    scores = trace.raw.dense.scores(torch.arange(len(trace.raw.anchors))).numpy()
    checked = 0
    for row in np.flatnonzero(trace.candidates.alive_after >= DENSE_STAGE["class_score"])[::20]:
        label = int(scores[row].argmax())
        box = trace.geometry.to_img(trace.candidates.box_net[row])
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        stage = explain(trace, box, label, iou=0.999).stage("top_k")
        same_level = scores[trace.candidates.level == trace.candidates.level[row]]
        assert stage.value == (same_level > scores[row, label]).sum() + 1
        assert stage.limit == 4
        checked += 1
    assert checked > 5


def test_the_suppressor_is_drawn_with_its_anchor(detector: Detector) -> None:
    line = lost(detector, PLANTED["nms"])[0]
    by = line.suppressor
    assert by is not None
    assert by.label == line.label
    assert by.level.startswith("P")
    assert by.iou > 0
    assert "suppressed" in line.verdict.lower()


def test_boxes_to_draw_come_to_the_stage_they_are_asked_for(trace: Trace) -> None:
    box, _ = questions(trace, 1)[0]
    for stage in trace.stages:
        near = candidates_at(trace, box, stage)
        assert (np.diff(near.iou) <= 1e-6).all()
        assert np.allclose(overlap(near.boxes_img, box), near.iou, atol=1e-2)
        assert int((near.alive & (near.iou >= 0.5)).sum()) == explain(trace, box).stage(stage).survivors
    with pytest.raises(QuestionError, match=r"has no stage 'rpn_nms'; it has resize, anchors, box_regression"):
        candidates_at(trace, box, "rpn_nms")


def test_a_box_of_another_class_is_said_to_be_one(trace: Trace) -> None:
    scores = trace.raw.dense.scores(torch.arange(len(trace.raw.anchors))).numpy()
    detection = next(i for i, row in enumerate(trace.detections.candidate) if scores[row].min() < trace.settings.box_score_thresh)
    row, label = trace.detections.candidate[detection], int(trace.detections.labels[detection])
    other = int(scores[row].argmin())
    line = explain(trace, trace.detections.boxes_img[detection], other, iou=0.95)
    assert line.killer == "class_score"
    assert line.outcome == "other class"
    assert NAMES[label] in line.verdict
