"""Curves of an object: every point is what the detector answers there, and the sentence says what they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.core.analysis.curves import Points
from fpn_viewer.core.analysis.glance import glance
from fpn_viewer.core.analysis.sweeps import _gain_sentence, _size_sentence, gain_sweep, scale_sweep
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.errors import QuestionError, SettingError
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from fpn_viewer.core.geometry import Box

SAMPLES = Path(__file__).parents[3] / "resources" / "samples"
TANK: tuple[Box, int] = ((222.75, 530.75, 246.5, 554.75), 5)


@pytest.fixture(scope="module")
def demo_trace() -> Trace:
    return open_detector("demo", device="cpu").trace(SAMPLES / "scene-01.jpg")


class Steps:
    """Counts what a sweep reports."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []
        self.checks = self.pauses = 0

    def check(self) -> None:
        self.checks += 1

    def pause(self) -> None:
        self.pauses += 1

    def report(self, stage: str, fraction: float) -> None:
        self.seen.append((stage, fraction))


def points(*detected: bool) -> Points:
    x = 4 * 2.0 ** np.arange(len(detected))
    zeros = np.zeros(len(detected), np.float32)
    return Points(x, zeros, zeros, zeros, np.array(detected))


def test_the_tank_is_one_of_the_samples() -> None:
    plain = json.loads((SAMPLES / "samples.json").read_text())
    boxes = [(*a["bbox"], a["category_id"]) for a in plain["annotations"] if a["image_id"] == 1]
    (x1, y1, x2, y2), label = TANK
    assert (x1, y1, x2 - x1, y2 - y1, label) in boxes


def test_every_point_of_a_gain_sweep_is_a_forward_with_that_gain() -> None:
    detector, term = tiny_detector(box_score_thresh=0.0, box_detections_per_img=400), ("M2", "top-down")
    trace = detector.trace(noise(), gains={("M3", "lateral"): 0.5}, settings={"rpn_nms_thresh": 0.6})
    box = tuple(float(v) for v in trace.detections.boxes_img[7])
    label, watcher = int(trace.detections.labels[7]), Steps()
    curve = gain_sweep(trace, term, box, label, iou=0.6, factors=(2, 0, 1), watcher=watcher)
    assert curve.points.x.tolist() == [0, 1, 2]
    assert (curve.kind, curve.title, curve.unit, curve.here) == ("gain", "top-down into M2", "×", 1)
    for row, factor in enumerate((0, 1, 2)):
        gains = {("M3", "lateral"): 0.5, term: factor}
        found = detector.trace(noise(), gains=gains, settings={"rpn_nms_thresh": 0.6})
        check_point(curve.points, row, found, box, label, 0.6)
    assert curve.points.detected[1]
    assert [done for _, done in watcher.seen] == [0, pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert watcher.pauses == 3
    assert watcher.checks > 3


def check_point(curve: Points, row: int, trace: Trace, box: Box, label: int, limit: float) -> None:
    """A point against the tables of the trace."""
    x1, y1, x2, y2 = trace.geometry.to_net(box)
    table, classes = trace.candidates, trace.class_boxes

    def iou(boxes: np.ndarray) -> np.ndarray:
        w = np.minimum(boxes[:, 2], x2) - np.maximum(boxes[:, 0], x1)
        h = np.minimum(boxes[:, 3], y2) - np.maximum(boxes[:, 1], y1)
        shared = np.clip(w, 0, None) * np.clip(h, 0, None)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return shared / (areas + (x2 - x1) * (y2 - y1) - shared)

    near = iou(table.box_net) >= limit
    best = table.objectness[near].max(initial=-np.inf)
    assert curve.objectness[row] == pytest.approx(1 / (1 + np.exp(-best)), abs=1e-6)
    mine = classes.label == label
    overlap = iou(classes.box_net)[mine]
    assert curve.iou[row] == pytest.approx(overlap.max(), abs=1e-4)
    assert curve.score[row] == pytest.approx(classes.score[mine][overlap >= limit].max(initial=0), abs=1e-6)
    boxes, labels = trace.detections.boxes_img, trace.detections.labels
    assert curve.detected[row] == bool((iou(trace.geometry.to_net(boxes)) >= limit)[labels == label].any())


def test_a_small_object_is_seen_from_some_size_on(demo_trace: Trace) -> None:
    watcher = Steps()
    curve = scale_sweep(demo_trace, *TANK, sizes_net=(4, 8, 16, 24, 64), watcher=watcher)
    assert curve.points.x == pytest.approx([4, 8, 16, 24, 64], rel=0.03)
    assert not curve.points.detected[0]
    assert curve.points.detected[2:].all()
    assert curve.here == pytest.approx(23.87, abs=0.01)
    assert curve.sentence in [f"This detector starts to see this object at {px} px." for px in (8, 16)]
    assert watcher.seen[0] == ("object at 4 px", 0)
    assert len(watcher.seen) == 5


def test_a_point_at_the_objects_own_size_is_like_the_trace(demo_trace: Trace) -> None:
    (at_own,) = (scale_sweep(demo_trace, *TANK, sizes_net=(23.87,)).points,)
    here = glance(demo_trace, *TANK, 0.5)
    assert here.detection is not None
    assert at_own.detected.all()
    assert at_own.score[0] == pytest.approx(here.score, abs=0.05)
    assert at_own.iou[0] == pytest.approx(here.iou, abs=0.1)


@pytest.mark.parametrize("box", [(0, 0, 3, 2), (95, 60, 101, 70), (0, 0, 101, 70), (5.5, 3, 6, 69)], ids=str)
def test_objects_of_every_place_and_shape(box: Box) -> None:
    curve = scale_sweep(tiny_detector().trace(noise()), box, None, sizes_net=(4, 100))
    assert curve.points.x == pytest.approx([4, 100], rel=0.15)


def test_a_picture_that_is_a_line() -> None:
    curve = scale_sweep(tiny_detector().trace(noise(2, 300)), (100, 0, 140, 2), None, sizes_net=(1, 40))
    assert len(curve.points) == 2


@pytest.mark.parametrize(
    ("detected", "sentence"),
    [
        ((False, True, True), "This detector starts to see this object at 8 px."),
        ((True, True, True), "This detector sees this object at every size from 4 px on."),
        ((False, False, False), "This detector sees this object at no size from 4 to 16 px."),
        (
            (True, True, False, True, False),
            "This detector starts to see this object at 4 px, but not at every larger size: it sees it at 4 to 8 and 32 px.",
        ),
    ],
    ids=str,
)
def test_what_sizes_show(detected: tuple[bool, ...], sentence: str) -> None:
    assert _size_sentence(points(*detected)) == sentence


@pytest.mark.parametrize(
    ("detected", "sentence"),
    [
        ((True, True), "T: the object is found at every factor from 4 to 8."),
        ((False, False), "T: the object is found at no factor from 4 to 8."),
        ((True, False, True, False, True, True), "T: the object is found at 4, 16 and 64 to 128."),
    ],
    ids=str,
)
def test_what_gains_show(detected: tuple[bool, ...], sentence: str) -> None:
    assert _gain_sentence(points(*detected), "T") == sentence


def test_bad_questions(tmp_path: Path) -> None:
    trace = tiny_detector().trace(noise())
    with pytest.raises(QuestionError, match="outside the picture"):
        scale_sweep(trace, (300, 0, 310, 10), None)
    with pytest.raises(QuestionError, match="does not know class 9"):
        gain_sweep(trace, ("M3", "lateral"), (3, 0, 10, 10), 9)
    with pytest.raises(SettingError, match="no term"):
        gain_sweep(trace, ("M9", "lateral"), (3, 0, 10, 10), 1)
    trace.save(tmp_path / "saved")
    with pytest.raises(QuestionError, match="read from a file"):
        scale_sweep(Trace.load(tmp_path / "saved"), (3, 0, 10, 10), 1)
