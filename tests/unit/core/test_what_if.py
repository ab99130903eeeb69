"""A what-if is what a new forward gives, and only what it touches is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import FasterRCNN

from fpn_viewer.core.analysis.what_if import TOUCHES, changed_settings, what_if, whole_pixels, zoom_in
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import QuestionError, SettingError
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, subclassed, tiny_detector
from tests.unit.core.test_trace import no_hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector

ALL = {"box_score_thresh": 0.0}
HEADS = [{"box_score_thresh": 0.3}, {"box_nms_thresh": 0.0}, {"box_nms_thresh": 1.0, "box_detections_per_img": 3}]
RPN = [
    {"rpn_pre_nms_top_n": 1},
    {"rpn_pre_nms_top_n": 500, "rpn_post_nms_top_n": 300},
    {"rpn_nms_thresh": 0.05},
    {"rpn_nms_thresh": 0.95},
    {"rpn_score_thresh": 0.7, "box_score_thresh": 0.2},
    {"rpn_score_thresh": 1.0},
]
GAINS = [{("M3", "top-down"): 0.0}, {("M2", "lateral"): 1.7, ("M5", "lateral"): 0.4}, {("P4", "smoothing"): 0.0}]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return tiny_detector(**ALL)


@pytest.fixture(scope="module")
def base(detector: Detector) -> Trace:
    return detector.trace(noise())


def check_equal(one: Trace, other: Trace, tolerance: float | None = None) -> None:
    """Two traces as wholes: maps, answers, output and fates; bit for bit without a tolerance."""
    same = torch.equal if tolerance is None else lambda a, b: a.shape == b.shape and torch.allclose(a, b, tolerance, tolerance)
    assert one.maps.keys() == other.maps.keys()
    assert all(torch.equal(one.maps[name], other.maps[name]) for name in one.maps)
    for name in ("anchors", "boxes", "proposals", "proposal_scores"):
        assert torch.equal(getattr(one.raw, name), getattr(other.raw, name)), name
    for name in ("class_logits", "class_boxes", "regression"):
        assert same(getattr(one.raw, name), getattr(other.raw, name)), name
    for group in ("found", "output"):
        assert all(same(getattr(one.raw, group)[n], x) for n, x in getattr(other.raw, group).items()), group
    assert all(torch.equal(a, b) for a, b in zip(one.raw.logits, other.raw.logits, strict=True))
    assert np.array_equal(one.detections.labels, other.detections.labels)
    assert np.array_equal(one.detections.candidate, other.detections.candidate)
    assert np.array_equal(one.candidates.alive_after, other.candidates.alive_after)
    for name in ("spec", "settings", "gains", "geometry", "levels", "device", "source", "digest", "warnings", "receptive"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.raw.counts, one.raw.roi_levels, one.raw.inputs) == (other.raw.counts, other.raw.roi_levels, other.raw.inputs)
    assert one.follows is None
    assert one.detector is other.detector
    assert one.picture is not None
    assert np.array_equal(one.picture.pixels, other.picture.pixels)


@pytest.mark.parametrize("settings", HEADS, ids=str)
def test_settings_of_the_heads_are_replayed_bit_for_bit(detector: Detector, base: Trace, settings: dict[str, Any]) -> None:
    found = what_if(base, settings=settings)
    assert found.began == "heads"
    assert [t.name for t in found.times] == ["RoI heads"]
    check_equal(found, detector.trace(noise(), settings=settings))
    assert no_hooks(detector.module)


@pytest.mark.parametrize("settings", RPN, ids=str)
def test_settings_of_the_rpn_pool_only_new_proposals(detector: Detector, base: Trace, settings: dict[str, Any]) -> None:
    pooled: list[int] = []
    counter = detector.module.roi_heads.box_head.register_forward_pre_hook(lambda _, args: pooled.append(len(args[0])))
    try:
        found = what_if(base, settings=settings)
    finally:
        counter.remove()
    assert found.began == "rpn"
    assert [t.name for t in found.times] == ["RPN", "RoI heads"]
    check_equal(found, detector.trace(noise(), settings=settings), 1e-5)
    known = {tuple(box) for box in base.raw.proposals.tolist()}
    assert sum(pooled) == sum(tuple(box) not in known for box in found.raw.proposals.tolist())


@pytest.mark.parametrize("gains", GAINS, ids=str)
def test_gains_are_computed_from_the_backbone_maps_bit_for_bit(detector: Detector, base: Trace, gains: dict[Any, float]) -> None:
    ran: list[str] = []
    counter = detector.module.backbone.body.conv1.register_forward_hook(lambda *_: ran.append("backbone"))
    try:
        found = what_if(base, gains=gains)
    finally:
        counter.remove()
    assert ran == []
    assert found.began == "neck"
    assert [t.name for t in found.times] == ["neck", "RPN", "RoI heads"]
    check_equal(found, detector.trace(noise(), gains=gains))
    assert not torch.equal(found.raw.boxes, base.raw.boxes)


def test_a_change_of_a_change_starts_from_what_it_is_given(detector: Detector, base: Trace) -> None:
    gains = {("M3", "lateral"): 0.5}
    scaled = what_if(base, gains=gains, settings=RPN[1])
    check_equal(
        what_if(scaled, gains=gains, settings=HEADS[0] | RPN[1]), detector.trace(noise(), gains=gains, settings=HEADS[0] | RPN[1])
    )
    back = what_if(scaled)
    assert back.began == "neck"
    check_equal(back, base)


def test_anchors_do_not_touch_the_backbone(detector: Detector, base: Trace) -> None:
    settings = {"anchor_sizes": ((6,), (12,), (24,), (48,), (96,)), "aspect_ratios": (0.4, 1.0, 2.5)}
    found = what_if(base, settings=settings)
    assert found.began == "neck"
    check_equal(found, detector.trace(noise(), settings=settings))


def test_what_goes_into_the_backbone_is_a_new_forward(detector: Detector, base: Trace) -> None:
    settings = {"min_size": 64, "image_mean": (0.4, 0.4, 0.4), "box_score_thresh": 0.1}
    found = what_if(base, settings=settings)
    assert found.began == "forward"
    assert len(found.times) == 5
    check_equal(found, detector.trace(noise(), settings=settings))


def test_no_change_is_no_work(base: Trace) -> None:
    assert what_if(base) is base
    assert what_if(base, gains={("M3", "top-down"): 1.0}, settings={"box_score_thresh": 0.0}) is base


def test_every_setting_has_a_first_part() -> None:
    assert set(TOUCHES) == set(SETTING_NAMES)


@pytest.mark.parametrize("size", [(31, 517), (1, 1), (97, 193)], ids=str)
def test_every_size(detector: Detector, size: tuple[int, int]) -> None:
    trace = detector.trace(noise(*size))
    check_equal(what_if(trace, gains=GAINS[0]), detector.trace(noise(*size), gains=GAINS[0]))
    check_equal(what_if(trace, settings=RPN[2]), detector.trace(noise(*size), settings=RPN[2]), 1e-5)


def test_from_no_proposal_at_all(detector: Detector, base: Trace) -> None:
    empty = what_if(base, settings={"rpn_score_thresh": 1.0})
    assert len(empty.raw.proposals) == 0
    check_equal(what_if(empty), base, 1e-5)


def test_boxes_that_are_equal_keep_their_own_rows(detector: Detector) -> None:
    # clipped to the whole picture, proposals of different anchors are one box
    every = {"rpn_nms_thresh": 1.0, "rpn_pre_nms_top_n": 1000, "rpn_post_nms_top_n": 1000}
    trace = detector.trace(noise(20, 20), settings=every)
    assert len(trace.raw.proposals.unique(dim=0)) < len(trace.raw.proposals)
    check_equal(what_if(trace, settings=every | HEADS[0]), detector.trace(noise(20, 20), settings=every | HEADS[0]))


class OwnSelection(FasterRCNN):
    """A model whose heads answer in a way of their own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        inner: Callable[..., Any] = self.roi_heads.postprocess_detections
        self.roi_heads.postprocess_detections = lambda *a: [[x.flip(0) for x in column] for column in inner(*a)]


def test_a_model_with_a_selection_of_its_own_is_run_as_a_whole() -> None:
    own = open_detector(subclassed(OwnSelection), device="cpu", name="own", box_score_thresh=0.0)
    trace = own.trace(noise())
    assert trace.follows is not None
    found = what_if(trace, settings={"box_detections_per_img": 5})
    assert found.began == "forward"
    assert torch.equal(found.raw.output["boxes"], own.trace(noise(), settings={"box_detections_per_img": 5}).raw.output["boxes"])


@pytest.mark.parametrize("name", ["retinanet_resnet50_fpn", "fcos_resnet50_fpn"])
def test_one_stage_detectors(name: str) -> None:
    torch.manual_seed(1)
    dense = open_detector(name, device="cpu", num_classes=4, min_size=96, max_size=160, box_score_thresh=0.0)
    base = dense.trace(noise(60, 80))
    for change, part in [
        ({"settings": {"box_nms_thresh": 0.1, "topk_candidates": 20}}, "heads"),
        ({"gains": {("M3", "top-down"): 0.0}}, "neck"),
    ]:
        found = what_if(base, **change)
        assert found.began == part
        check_equal(found, dense.trace(noise(60, 80), **change))


def test_bad_questions(base: Trace, tmp_path: Path) -> None:
    base.save(tmp_path / "saved")
    with pytest.raises(QuestionError, match="read from a file, without the detector"):
        what_if(Trace.load(tmp_path / "saved"), settings=HEADS[0])
    with pytest.raises(SettingError, match="no term"):
        what_if(base, gains={("M9", "lateral"): 0.0})
    with pytest.raises(SettingError, match="is not a setting"):
        what_if(base, settings={"nms": 0.5})


class Stop(Exception):
    """Raised by a watcher."""


class Impatient:
    """Stops a forward after some layers."""

    def __init__(self, layers: int) -> None:
        self.left = layers

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stop

    def pause(self) -> None:
        raise AssertionError("in the middle of a run")

    def report(self, stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        assert stage != "backbone"


def test_stopped_on_the_way_the_module_is_as_before(detector: Detector, base: Trace) -> None:
    for change in ({"gains": GAINS[0]}, {"settings": RPN[1]}):
        with pytest.raises(Stop):
            what_if(base, watcher=Impatient(2), **change)
        assert no_hooks(detector.module)
        assert not any("forward" in vars(m) for m in detector.module.modules())
    check_equal(detector.trace(noise()), base)


def test_zoom_in_is_a_forward_over_the_crop(detector: Detector, base: Trace) -> None:
    found = zoom_in(base, (10.4, -5, 60.5, 33.2))
    assert whole_pixels((10.4, -5, 60.5, 33.2), base.image_size) == (10, 0, 61, 34)
    crop = detector.trace(noise()[0:34, 10:61])
    assert found.image_size == (34, 51)
    assert found.source == "<array> [10, 0, 61, 34]"
    assert torch.equal(found.raw.boxes, crop.raw.boxes)


def test_zoom_in_keeps_what_is_in_force(base: Trace) -> None:
    scaled = what_if(base, gains=GAINS[0], settings=HEADS[0])
    found = zoom_in(scaled, (0, 0, 30, 30))
    assert (found.gains, found.settings) == (scaled.gains, scaled.settings)
    assert zoom_in(scaled, (0, 0, 30, 30), settings={}).settings == base.settings
    assert changed_settings(base.settings, scaled.settings) == HEADS[0]
    with pytest.raises(QuestionError, match="holds no pixel"):
        zoom_in(base, (200, 0, 300, 30))
