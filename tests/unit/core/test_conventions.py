"""Conventions of other code bases are real: parts compute as they say, and everything a trace promises still holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import RetinaNet
from torchvision.ops import boxes

from fpn_viewer.core.analysis.assignment import best_overlaps
from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.analysis.retraining import anchors_of
from fpn_viewer.core.analysis.what_if import what_if
from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.detectors.conventions import CONVENTIONS, Conventions
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import net_size
from fpn_viewer.core.structures import DENSE_STAGE
from fpn_viewer.core.tracing.trace import Trace
from tests.conventional import ALL, detector_of
from tests.tiny import TINY, noise, tiny_module
from tests.tiny_dense import dense_module

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector

SETS = {"detectron2": CONVENTIONS["detectron2"], "all": ALL}
CASES = [*((family, name) for family in ("Faster R-CNN", "RetinaNet") for name in SETS), ("FCOS", "all")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def detector(request: pytest.FixtureRequest) -> Detector:
    family, name = request.param
    return detector_of(family, SETS[name])


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(noise())


# -- what every trace promises ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(31, 217), (96, 96), (97, 193), (1, 1)], ids=str)
def test_every_size_is_followed(detector: Detector, size: tuple[int, int]) -> None:
    image = noise(*size)
    trace = detector.trace(image)
    assert trace.follows is None
    with torch.inference_mode():
        (out,) = detector.module([torch.from_numpy(image).permute(2, 0, 1).float() / 255])
    assert np.array_equal(trace.detections.boxes_img, out["boxes"].numpy())
    assert np.array_equal(trace.detections.labels, out["labels"].numpy())
    assert trace.net_size == net_size(size, 96, 192, detector.spec.conventions.size_rounding)


def test_terms_and_sources_sum_to_the_nodes(trace: Trace) -> None:
    for node in trace.graph.nodes:
        x = trace.node(node.name)
        if node.terms:
            assert torch.equal(sum(trace.terms(node.name).values()), x), node.name
        if node.name == "P7" and trace.spec.conventions.p7_relu:
            continue
        assert torch.allclose(sum(trace.sources(node.name).values()), x, rtol=1e-5, atol=1e-5 * float(x.abs().max())), node.name


@pytest.mark.parametrize(
    ("gains", "settings"),
    [({("M4", "top-down"): 0.0}, {}), ({}, {"box_score_thresh": 0.25}), ({("P5", "smoothing"): 0.5}, {"box_nms_thresh": 0.3})],
    ids=str,
)
def test_a_what_if_is_a_new_forward(trace: Trace, gains: dict[tuple[str, str], float], settings: dict[str, Any]) -> None:
    assert trace.detector is not None
    tried, anew = what_if(trace, gains=gains, settings=settings), trace.detector.trace(noise(), gains=gains, settings=settings)
    assert tried.began != "forward"
    assert tried.follows is None
    assert np.array_equal(tried.detections.boxes_img, anew.detections.boxes_img)
    assert np.array_equal(tried.detections.scores, anew.detections.scores)
    assert all(torch.equal(tried.maps[name], anew.maps[name]) for name in anew.maps)


def test_other_anchors_are_laid_by_the_same_conventions(trace: Trace) -> None:
    assert trace.detector is not None
    own = trace.detector.spec.settings.anchor_sizes
    sizes = tuple(tuple(size * 1.25 for size in row) for row in own)
    tried = what_if(trace, settings={"anchor_sizes": sizes})
    assert tried.follows is None
    assert torch.equal(anchors_of(trace, sizes), tried.raw.anchors)
    assert torch.equal(anchors_of(trace, own), trace.raw.anchors)
    assert torch.equal(trace.detector.trace(noise()).raw.anchors, trace.raw.anchors), "they are back"


def test_the_anchors_steps_are_those_of_the_levels(trace: Trace) -> None:
    for level in trace.levels:
        laid = trace.anchors(level.name)
        if laid.shape[0] > 1:
            assert laid[1, 0, 0, 1] - laid[0, 0, 0, 1] == pytest.approx(level.anchor_stride[0], abs=1e-4)
        assert level.anchor_stride == level.stride, "nothing drifts"
    boxes_img = np.array([[10.0, 12, 44, 40], [60, 5, 99, 69], [1, 1, 9, 8]])
    iou = boxes.box_iou(torch.from_numpy(trace.geometry.to_net(boxes_img)).float(), trace.raw.anchors).max(1)[0]
    if trace.spec.family != "FCOS":
        assert best_overlaps(trace, boxes_img) == pytest.approx(iou.numpy(), abs=1e-5)


def test_a_saved_detector_and_a_saved_trace_keep_them(detector: Detector, trace: Trace, tmp_path: Path) -> None:
    assert detector.spec.conventions in SETS.values(), "read from the running module"
    save_native(detector.spec, detector.module, tmp_path / "own.safetensors")
    again = open_detector(tmp_path / "own.safetensors", device="cpu")
    assert again.spec.conventions == detector.spec.conventions
    assert again.trace(noise()).follows is None
    trace.save(tmp_path / "trace.safetensors")
    loaded = Trace.load(tmp_path / "trace.safetensors")
    assert loaded.follows is None
    sizes = trace.spec.settings.anchor_sizes
    assert torch.equal(anchors_of(loaded, sizes), trace.raw.anchors)


def test_a_life_line_can_be_drawn(trace: Trace) -> None:
    line = explain(trace, (20.0, 20.0, 60.0, 50.0))
    assert [stage.name for stage in line.stages] == list(trace.stages)


# -- clipping after NMS -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def late() -> Trace:
    module: Any = dense_module("RetinaNet", conventions=replace(Conventions(), clip_before_nms=False))
    with torch.no_grad():
        module.head.regression_head.bbox_reg.weight.mul_(12)
        module.head.classification_head.cls_logits.bias.add_(1)
    return open_detector(module, device="cpu", box_detections_per_img=200, topk_candidates=400).trace(noise())


def test_boxes_are_compared_as_they_were_regressed(late: Trace) -> None:
    fate = late.dense_fate
    assert fate is not None
    assert late.follows is None
    keep = boxes.batched_nms(fate.compared, fate.scores, fate.groups, 0.5)
    assert torch.equal(keep, fate.winners)
    clipped = boxes.clip_boxes_to_image(fate.compared, late.net_size)
    assert torch.equal(clipped, fate.boxes)
    assert not torch.equal(boxes.batched_nms(clipped, fate.scores, fate.groups, 0.5), keep), "this picture tells the two apart"


def test_boxes_that_are_then_empty_go(late: Trace) -> None:
    fate = late.dense_fate
    assert fate is not None
    capped = fate.winners[:200]
    sides = fate.boxes[capped, 2:] - fate.boxes[capped, :2]
    empty = capped[(sides <= 0).any(1)]
    assert len(empty), "this picture has some"
    assert len(late.detections) == len(capped) - len(empty)
    assert {int(alive) for alive in fate.alive_after[empty]} == {DENSE_STAGE["cap"]}
    assert {int(alive) for alive in fate.alive_after[fate.kept]} == {DENSE_STAGE["detected"]}


def test_who_suppressed_whom_is_told_by_the_boxes_that_were_compared(late: Trace) -> None:
    fate = late.dense_fate
    assert fate is not None
    gone = torch.nonzero(fate.suppressed_by >= 0)[:, 0]
    iou = boxes.box_iou(fate.compared[gone], fate.compared[fate.suppressed_by[gone]]).diagonal()
    assert float(iou.min()) > 0.5 - 1e-4
    assert not np.array_equal(late.head_side.columns, late.head_side.compared.columns)


def test_torchvisions_class_is_left_alone_without() -> None:
    assert type(dense_module("RetinaNet")) is RetinaNet


# -- options ------------------------------------------------------------------------------------------------------------


def test_a_module_computes_in_its_own_way() -> None:
    with pytest.raises(SettingError, match="computes in its own way, so roi_aligned cannot be set"):
        open_detector(tiny_module(), device="cpu", roi_aligned=True)
    with pytest.raises(SettingError, match="so norm_eps cannot be set"):
        open_detector(tiny_module(), device="cpu", norm_eps=0.5)
    own = tiny_module(replace(TINY, conventions=ALL))
    assert open_detector(own, device="cpu", roi_aligned=True).spec.conventions == ALL


def test_words_are_taken_as_people_write_them() -> None:
    said = Conventions().changed(channel_order="bgr", fusion="AVG", roi_aligned="yes", p7_relu="No", stride_in_1x1="true")
    assert said == Conventions(channel_order="BGR", fusion="avg", roi_aligned=True, p7_relu=False, stride_in_1x1=True)
    with pytest.raises(SettingError, match="roi_aligned cannot be 'maybe': it is one of yes, no"):
        Conventions().changed(roi_aligned="maybe")


@pytest.mark.parametrize(
    ("name", "value"), [("channel_order", "GBR"), ("pixel_range", 2), ("anchor_offset", 1.5), ("roi_aligned", 1), ("fusion", "max")]
)
def test_values_that_no_code_base_has_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"{name} cannot be"):
        Conventions().changed(**{name: value})
