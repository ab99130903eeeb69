"""Every trap is recognised where it was laid, and stays silent where it was not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import FasterRCNN, fasterrcnn_mobilenet_v3_large_320_fpn
from torchvision.ops import box_iou

from fpn_viewer.core.analysis.assignment import best_overlaps
from fpn_viewer.core.analysis.traps import TRAPS, find_traps
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.structures import Divergence
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, subclassed, tiny_detector, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.analysis.trap_values import Trap
    from fpn_viewer.core.detectors.detector import Detector

HEIGHT, WIDTH = 97, 171


def traps(trace: Trace, truth: GroundTruth | None = None) -> dict[str, Trap]:
    return {trap.name: trap for trap in find_traps(trace, truth)}


def truth(boxes: Any, **columns: Any) -> GroundTruth:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    count = len(boxes)
    values: dict[str, Any] = {"areas": np.ones(count), "crowd": np.zeros(count, np.bool_), "flaws": ("",) * count} | columns
    return GroundTruth(boxes, ("car",) * count, **values)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return tiny_detector(min_size=192, max_size=384)


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(noise(HEIGHT, WIDTH))


def test_a_sound_trace_is_in_no_trap() -> None:
    settings = {
        "min_size": 600,
        "max_size": 900,
        "box_score_thresh": 0.0,
        "box_detections_per_img": 100_000,
        "rpn_post_nms_top_n": 900,
    }
    sizes = ((32,), (64,), (150,), (300,), (600,))
    trace = tiny_detector(anchor_sizes=sizes, **settings).trace(noise(600, 900))
    objects = [[10, 10, 45, 40], [100, 100, 170, 160], [200, 200, 500, 500]]
    assert find_traps(trace, truth(objects)) == ()
    assert [trap.name for trap in find_traps(trace, truth([*objects, [10, 10, 12, 12]]))] == ["anchors"]


@pytest.mark.parametrize("name", TRAPS)
def test_every_trap_has_a_row_a_title_and_a_sentence(name: str) -> None:
    assert name.isidentifier()
    assert callable(TRAPS[name])


def test_the_order_is_that_of_the_table(trace: Trace) -> None:
    found = [trap.name for trap in find_traps(trace, truth([[10, 10, 11, 11]]))]
    assert found == [name for name in TRAPS if name in found]
    assert len(found) >= 2
    for trap in find_traps(trace, truth([[10, 10, 11, 11]])):
        assert 2 <= len(trap.title.split()) <= 4
        assert trap.sentence.endswith(".")


def test_random_weights_and_trained_ones(trace: Trace) -> None:
    assert "random" in traps(replace(trace, spec=replace(trace.spec, weights="random")))["untrained"].sentence
    assert "untrained" not in traps(replace(trace, spec=replace(trace.spec, weights="file")))


class OwnSelection(FasterRCNN):  # type: ignore[misc]
    """Throws its best detection away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        postprocess = self.roi_heads.postprocess_detections

        def own(*given: Any) -> Any:
            return tuple([part[0][1:]] for part in postprocess(*given))

        self.roi_heads.postprocess_detections = own


def test_a_model_that_selects_in_its_own_way(trace: Trace) -> None:
    own = open_detector(subclassed(OwnSelection), device="cpu").trace(noise())
    assert isinstance(own.follows, Divergence)
    assert traps(own)["unfollowed"].sentence == own.follows.why
    assert "unfollowed" not in traps(trace)


def test_scales_of_another_picture(tmp_path: Path) -> None:
    module = tiny_module()
    flat = noise(8, 160)
    detector = open_detector(module, device="cpu", min_size=96, max_size=192)
    first = detector.trace(noise(100, 120))
    assert (first.stale_scales, "stale_scales" in traps(first)) == ((), False)
    again = detector.trace(noise(90, 130))
    assert again.stale_scales == ()
    # what the user's own loop has left in the module
    with torch.inference_mode():
        module.roi_heads.box_roi_pool.scales = None
        module([torch.from_numpy(flat).permute(2, 0, 1).float() / 255])
        held = tuple(module.roi_heads.box_roi_pool.scales)
    stale = detector.trace(noise(100, 120))
    assert stale.stale_scales == held
    # the module is left as it came
    assert tuple(module.roi_heads.box_roi_pool.scales) == held
    assert f"1/{1 / held[0]:g}, 1/{1 / held[1]:g}" in traps(stale)["stale_scales"].sentence
    # the trace itself is cured of it
    torch.testing.assert_close(stale.raw.class_logits, first.raw.class_logits, rtol=0, atol=0)
    stale.save(tmp_path / "trace.safetensors")
    assert Trace.load(tmp_path / "trace.safetensors").stale_scales == held


def test_a_picture_too_flat_for_the_scales_to_be_inferred(detector: Detector, trace: Trace) -> None:
    flat = detector.trace(noise(10, 400), settings={"min_size": 10, "max_size": 400})
    found = traps(flat)["roi_scale"]
    first = flat.raw.roi_levels[0]
    assert 2**first != flat.levels[0].stride[0] == 4
    assert f"{2**first} px wide, but they are 4" in found.sentence
    assert "roi_scale" not in traps(trace)


@pytest.mark.parametrize(("min_size", "fires"), [(30, True), (60, False)])
def test_a_shrunk_picture(detector: Detector, min_size: int, fires: bool) -> None:
    found = traps(detector.trace(noise(100, 120), settings={"min_size": min_size}))
    assert ("shrunk" in found) == fires
    if fires:
        assert "0.30 of its size" in found["shrunk"].sentence
        assert "an object of 3 px is one net px" in found["shrunk"].sentence


def test_levels_of_equal_stride_and_one_without_rois(trace: Trace) -> None:
    mobile = open_detector(fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None), device="cpu").trace(
        noise(96, 128)
    )
    found = traps(mobile)
    finest, second = (level.name for level in mobile.levels[:2])
    assert f"{finest} and {second} have the same stride of 32" in found["equal_strides"].sentence
    assert found["equal_strides"].count == 2
    assert found["unused_level"].count == 1
    assert f"ever judged by {second}: RoI pooling never reads it" in found["unused_level"].sentence
    assert "equal_strides" not in traps(trace)


def test_levels_that_are_read_whenever_a_box_is_large_enough_are_no_trap(trace: Trace) -> None:
    small = replace(trace.raw, proposals=torch.tensor([[0.0, 0.0, 20.0, 20.0]]), proposal_scores=torch.ones(1))
    assert TRAPS["unused_level"](replace(trace, raw=small), None) is None
    dense = replace(trace, spec=replace(trace.spec, family="RetinaNet"))
    assert TRAPS["unused_level"](dense, None) is None
    assert TRAPS["roi_scale"](dense, None) is None


def test_the_cap_of_detections(detector: Detector) -> None:
    free = detector.trace(noise(HEIGHT, WIDTH), settings={"box_detections_per_img": 10_000})
    count = len(free.detections)
    assert count > 5
    assert "cap" not in traps(free)
    capped = detector.trace(noise(HEIGHT, WIDTH), settings={"box_detections_per_img": count - 3})
    assert traps(capped)["cap"].count == 3
    assert f"All {count - 3} places" in traps(capped)["cap"].sentence
    full = detector.trace(noise(HEIGHT, WIDTH), settings={"box_detections_per_img": count})
    assert "cap" not in traps(full)


def test_the_score_limit(detector: Detector) -> None:
    free = detector.trace(noise(HEIGHT, WIDTH), settings={"box_detections_per_img": 10_000, "box_score_thresh": 0.05})
    scores = free.detections.scores
    lowest = float(scores.min())
    limits = {"box_detections_per_img": 10_000, "box_score_thresh": lowest / 1.05}
    found = traps(detector.trace(noise(HEIGHT, WIDTH), settings=limits))["score_floor"]
    assert found.count >= 1
    assert f"right above box_score_thresh {lowest / 1.05:g}" in found.sentence
    alone = detector.trace(noise(HEIGHT, WIDTH), settings={**limits, "box_detections_per_img": 1})
    assert "score_floor" not in traps(alone)
    clear = replace(free, settings=replace(free.settings, box_score_thresh=lowest / 2))
    assert TRAPS["score_floor"](clear, None) is None


def test_objects_that_no_anchor_reaches(trace: Trace) -> None:
    boxes = [[20, 20, 25, 25], [60.5, 40.5, 61.0, 41.0], [100, 50, 101.5, 51.5], [30, 60, 52, 80]]
    found = traps(trace, truth(boxes))["anchors"]
    best = best_overlaps(trace, boxes)
    assert found.count == int((best < 0.3).sum()) == 2
    assert "2 objects of 4 by IoU 0.3" in found.sentence
    flaws, crowd = ("", "no width", "", ""), np.array([False, False, True, False])
    assert "anchors" not in traps(trace, truth(boxes, flaws=flaws, crowd=crowd))
    assert "anchors" not in traps(trace)
    assert TRAPS["anchors"](replace(trace, spec=replace(trace.spec, family="FCOS")), truth(boxes)) is None


def test_best_overlaps_are_those_of_all_anchors(trace: Trace) -> None:
    rng = np.random.default_rng(3)
    corner, size = rng.uniform(-0.1, 1, (400, 2)) * [WIDTH, HEIGHT], np.exp(rng.uniform(np.log(0.5), np.log(150), (400, 2)))
    boxes = np.concatenate([corner, corner + size], 1).astype(np.float32)
    net = torch.from_numpy(trace.geometry.to_net(boxes)).float()
    np.testing.assert_allclose(best_overlaps(trace, boxes), box_iou(net, trace.raw.anchors).max(1).values, rtol=1e-4, atol=1e-6)
    assert len(best_overlaps(trace, np.zeros((0, 4)))) == 0


def test_more_objects_than_places(trace: Trace) -> None:
    many = np.tile([10.0, 10.0, 40.0, 40.0], (101, 1))
    found = traps(trace, truth(many))["crowded"]
    assert found.count == 1
    assert "101 objects" in found.sentence
    assert "COCO counts no more than 100" in found.sentence
    assert "crowded" not in traps(trace, truth(many[:100]))
    one_is_crowd = np.arange(101) == 5
    assert "crowded" not in traps(trace, truth(many, crowd=one_is_crowd))
    few = replace(trace, settings=replace(trace.settings, box_detections_per_img=40))
    assert "box_detections_per_img allows no more than 40" in traps(few, truth(many[:41]))["crowded"].sentence
