"""Life lines in short say what the whole ones say, number for number and word for word, in every family."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpn_viewer.core.analysis.briefs import briefs
from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.errors import QuestionError
from tests.tiny import noise, tiny_detector
from tests.tiny_dense import FAMILIES, dense_detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.tracing.trace import Trace

#: settings that make other stages lose objects
SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "Faster R-CNN": (
        {},
        {"rpn_pre_nms_top_n": 5},
        {"rpn_nms_thresh": 0.05},
        {"rpn_post_nms_top_n": 3},
        {"box_score_thresh": 0.4},
        {"box_nms_thresh": 0.1},
        {"box_detections_per_img": 5},
    ),
    "RetinaNet": ({}, {"topk_candidates": 5}, {"box_score_thresh": 0.3}, {"box_detections_per_img": 5}),
    "FCOS": ({}, {"box_nms_thresh": 0.1}),
}


@cache
def opened(family: str) -> Any:
    return dense_detector(family) if family in FAMILIES else tiny_detector()


def traced(family: str, settings: dict[str, Any]) -> Trace:
    return opened(family).trace(noise(), settings=settings)


@cache
def objects(family: str) -> tuple[NDArray[np.float64], list[int | None]]:
    """What is found, as it is and shifted, and boxes anywhere, some over the edge; two equal ones, and one without a label."""
    trace = traced(family, {})
    rng, found = np.random.default_rng(3), trace.detections
    shifts = np.where(np.arange(len(found)) % 3, rng.uniform(0, 8, len(found)), 0)
    near = found.boxes_img[:10] + shifts[:10, None] * np.array([1, 0, 1, 0])
    corner, sides = rng.uniform(-5, 60, (10, 2)), rng.uniform(6, 50, (10, 2))
    boxes = np.concatenate([near, np.concatenate([corner, corner + sides], 1), near[:1]]).astype(np.float64)
    first = 0 if trace.spec.kind.one_stage else 1
    classes = range(max(first, 1), len(trace.spec.class_names))
    labels: list[int | None] = [*found.labels[: len(near)].tolist(), *rng.choice(classes, 10).tolist(), int(classes[0])]
    labels[3] = None
    return boxes, labels


CASES = [(family, settings) for family, several in SETTINGS.items() for settings in several]


@pytest.mark.parametrize(("family", "settings"), CASES, ids=str)
def test_they_equal_the_whole_life_lines(family: str, settings: dict[str, Any]) -> None:
    trace = traced(family, settings)
    boxes, labels = objects(family)
    told = briefs(trace, boxes, labels)
    assert [one is None for one in told] == [label is None for label in labels]
    for row, (one, label) in enumerate(zip(told, labels, strict=True)):
        if one is None:
            continue
        line = explain(trace, boxes[row].tolist(), label, others=np.delete(boxes, row, 0))
        killer = line.stage(line.killer) if line.killer else None
        assert (one.killer, one.outcome, one.verdict) == (killer, line.outcome, line.verdict)
        level = line.sizes.roi_level or trace.levels[0].name
        assert (one.net, one.level, one.cells) == (line.sizes.net, level, max(line.sizes.cells[level]))
        trained = line.training
        assert (one.anchor_iou, one.positives) == ((trained.best_iou, trained.positives) if trained else (None, None))


def test_the_cases_lose_objects_at_many_stages() -> None:
    lost = set()
    for family, settings in CASES:
        trace = traced(family, settings)
        lost |= {one.killer.name if one.killer else "" for one in briefs(trace, *objects(family)) if one}
    assert {"", "rpn_top_k", "rpn_nms", "rpn_cap", "class_score", "nms", "cap", "top_k"} <= lost


def test_a_replay_that_does_not_follow_is_said() -> None:
    trace = traced("Faster R-CNN", {})
    # another limit than the model used: the replay keeps other boxes
    broken = replace(trace, settings=replace(trace.settings, rpn_nms_thresh=0.2))
    assert broken.follows is not None
    boxes, labels = objects("Faster R-CNN")
    verdicts = [one.verdict for one in briefs(broken, boxes, labels) if one]
    asked = [k for k, label in enumerate(labels) if label is not None]
    assert verdicts == [explain(broken, boxes[k].tolist(), labels[k], others=np.delete(boxes, k, 0)).verdict for k in asked]
    assert any("it cannot be said why" in verdict for verdict in verdicts)


def test_a_picture_without_objects() -> None:
    assert briefs(traced("Faster R-CNN", {}), np.empty((0, 4)), []) == ()


def test_what_cannot_be_asked_about_is_refused() -> None:
    with pytest.raises(QuestionError, match="outside the picture"):
        briefs(traced("Faster R-CNN", {}), [[500, 500, 510, 510]], [1])


def test_it_can_be_stopped_between_two_objects() -> None:
    class Stop:
        left = 3

        def check(self) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        def report(self, stage: str, fraction: float) -> None: ...

        def pause(self) -> None: ...

    trace = traced("Faster R-CNN", {})
    with pytest.raises(KeyboardInterrupt):
        briefs(trace, *objects("Faster R-CNN"), watcher=Stop())
