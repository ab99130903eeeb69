"""A detectron2 file opened here gives the boxes of detectron2's published maths, worked out independently on its tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.ops import roi_align

from fpn_viewer.core.detectors.detector import open_detector
from tests.checkpoints_maths import detectron2 as maths
from tests.checkpoints_maths import detectron2_files as files
from tests.checkpoints_maths.detectron2 import Config
from tests.tiny import noise

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector

TOLERANCE = 1e-4
OCTAVES = [[size * 2 ** (k / 3) for k in range(3)] for size in (32, 64, 128, 256, 512)]
TWO_STAGE = Config(min_size=96, max_size=192, pre_nms=60, post_nms=40)
#: a limit so low that every level gives detections
ONE_STAGE = replace(TWO_STAGE, sizes=OCTAVES, topk=40, score=0.01, cap=300)
#: odd sides, a picture wider than max_size allows, one of a single row of coarse cells, one that is made smaller
SIZES = [(70, 101), (101, 60), (23, 151), (149, 113)]
CONFIGS = {"faster_rcnn": TWO_STAGE, "retinanet": ONE_STAGE}
BUFFERS = {"pixel_mean": torch.tensor([123.675, 116.28, 103.53]), "pixel_std": torch.tensor([58.395, 57.12, 57.375])}
RGB = replace(TWO_STAGE, bgr=False, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), stride_in_1x1=False)


def options(config: Config, **more: Any) -> dict[str, Any]:
    own = {"min_size": config.min_size, "max_size": config.max_size, "box_score_thresh": config.score}
    own |= {"box_detections_per_img": config.cap}
    if config.topk != Config.topk:
        return {**own, "topk_candidates": config.topk, **more}
    return {**own, "rpn_pre_nms_top_n": config.pre_nms, "rpn_post_nms_top_n": config.post_nms, **more}


def opened(path: Path, tensors: files.Tensors, config: Config, **more: Any) -> Detector:
    torch.save({"model": tensors, "iteration": 89_999}, path)
    return open_detector(path, device="cpu", **options(config, **more))


def wanted(kind: str, tensors: files.Tensors, picture: np.ndarray, config: Config) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        found = getattr(maths, kind)(tensors, picture, config)
    # the background, last there, is first here
    return {name: column.numpy() + (name == "labels" and kind == "faster_rcnn") for name, column in found.items()}


def distance(detector: Detector, picture: np.ndarray, theirs: dict[str, np.ndarray]) -> float:
    """The largest difference of boxes (px) and scores; infinite when there are others."""
    trace = detector.trace(picture)
    assert trace.follows is None
    ours = trace.detections
    if not np.array_equal(ours.labels, theirs["labels"]):
        return float("inf")
    assert len(ours) >= 5, "a picture without detections compares nothing"
    return max(float(np.abs(ours.boxes_img - theirs["boxes"]).max()), float(np.abs(ours.scores - theirs["scores"]).max()))


# -- equal --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONFIGS)
def test_boxes_are_those_of_the_published_maths(tmp_path: Path, kind: str) -> None:
    tensors, config = getattr(files, kind)(config=CONFIGS[kind]), CONFIGS[kind]
    detector = opened(tmp_path / "net.pth", tensors, config)
    for size in SIZES:
        picture = noise(*size)
        assert distance(detector, picture, wanted(kind, tensors, picture, config)) < TOLERANCE, size


VARIANTS: dict[str, tuple[str, Config, dict[str, Any], dict[str, Any]]] = {
    "R50": ("faster_rcnn", TWO_STAGE, {"depth": 50, "width": 64, "channels": 32}, {}),
    "ResNeXt in its own way": (
        "faster_rcnn",
        replace(TWO_STAGE, std=(57.375, 57.12, 58.395), stride_in_1x1=False),
        {"depth": 50, "groups": 32, "per_group": 4, "width": 64},
        {},
    ),
    "R34": ("faster_rcnn", TWO_STAGE, {"depth": 34, "width": 64}, {}),
    "one box for all classes": ("faster_rcnn", TWO_STAGE, {"agnostic": True}, {}),
    "large RoIs": ("faster_rcnn", replace(TWO_STAGE, min_size=448, max_size=700), {}, {}),
    "two sizes in a cell": (
        "faster_rcnn",
        replace(TWO_STAGE, sizes=[[s, s * 1.5] for s in (16, 32, 64, 128, 256)], ratios=(0.5, 1.0)),
        {"anchors": 4},
        {"anchor_sizes": [[s, s * 1.5] for s in (16, 32, 64, 128, 256)], "aspect_ratios": (0.5, 1.0)},
    ),
    "normed neck and conv head": ("faster_rcnn", TWO_STAGE, {"convs": 4, "rpn_convs": 2, "norm": 1.0, "batch": True}, {}),
    "mean of two maps": ("faster_rcnn", replace(TWO_STAGE, average=True), {}, {"fusion": "avg"}),
    "anchors in the middle": ("retinanet", replace(ONE_STAGE, offset=0.5), {}, {"anchor_offset": 0.5}),
    "R50 RetinaNet": ("retinanet", ONE_STAGE, {"depth": 50, "width": 64, "channels": 32}, {}),
    "two sizes, three ratios": (
        "retinanet",
        replace(ONE_STAGE, sizes=[[s, s * 1.5] for s in (32, 64, 128, 256, 512)]),
        {"anchors": 6},
        {"anchor_sizes": [[s, s * 1.5] for s in (32, 64, 128, 256, 512)]},
    ),
    "other norm": ("retinanet", replace(ONE_STAGE, eps=1e-3), {}, {"norm_eps": 1e-3}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_equal_too(tmp_path: Path, variant: str) -> None:
    kind, config, written, said = VARIANTS[variant]
    tensors = getattr(files, kind)(config=config, **written)
    detector, picture = opened(tmp_path / "net.pth", tensors, config, **said), noise()
    assert distance(detector, picture, wanted(kind, tensors, picture, config)) < TOLERANCE


@pytest.mark.parametrize("kind", CONFIGS)
def test_buffers_say_how_pictures_and_anchors_are(tmp_path: Path, kind: str) -> None:
    """A file of an older version holds mean and anchors; nothing needs to be said of it."""
    sizes = [[s * 0.5, s * 0.75] for s in (32.0, 64.0, 128.0, 256.0, 512.0)]
    config = replace(RGB, sizes=sizes, ratios=(0.5, 2.0), topk=CONFIGS[kind].topk)
    tensors = getattr(files, kind)(config=config, anchors=4)
    prefix = "proposal_generator." if kind == "faster_rcnn" else ""
    cells = maths.anchors([torch.zeros(1, 1, 1, 1)] * 5, 4, config)
    tensors |= {name: value[:, None, None] for name, value in BUFFERS.items()}
    tensors |= {f"{prefix}anchor_generator.cell_anchors.{index}": cell for index, cell in enumerate(cells)}
    detector, picture = opened(tmp_path / "net.pth", tensors, config), noise()
    assert distance(detector, picture, wanted(kind, tensors, picture, config)) < TOLERANCE


# -- and only so --------------------------------------------------------------------------------------------------------

OTHERWISE: dict[str, tuple[str, dict[str, Any]]] = {
    "channel_order": ("RGB", {}),
    "pixel_range": (1.0, {}),
    "resize_filter": ("bilinear", {}),
    "size_rounding": ("floor", {}),
    "stride_in_1x1": (False, {"depth": 50, "width": 64}),
    "anchor_rounding": (True, {}),
    "anchor_offset": (0.5, {}),
    "anchor_strides": ("grid", {}),
    "roi_aligned": (False, {}),
    "roi_sampling_ratio": (2, {}),
    "p7_relu": (False, {}),
    "fusion": ("avg", {}),
    "clip_before_nms": (True, {}),
    "norm_eps": (1e-2, {}),
    "image_mean": ((0.0, 0.0, 0.0), {}),
}
ONE_STAGE_ONLY = ("anchor_strides", "p7_relu", "clip_before_nms")


@pytest.mark.parametrize("name", OTHERWISE)
def test_every_convention_is_needed(tmp_path: Path, name: str) -> None:
    value, written = OTHERWISE[name]
    kind = "retinanet" if name in ONE_STAGE_ONLY else "faster_rcnn"
    config = replace(CONFIGS[kind], min_size=97) if name == "size_rounding" else CONFIGS[kind]
    tensors, picture = getattr(files, kind)(config=config, **written), noise(149, 113)
    if name == "clip_before_nms":
        # so that many boxes reach over the edge
        tensors["head.bbox_pred.weight"] *= 2
    theirs = wanted(kind, tensors, picture, config)
    assert distance(opened(tmp_path / "own.pth", tensors, config), picture, theirs) < TOLERANCE
    assert distance(opened(tmp_path / "other.pth", tensors, config, **{name: value}), picture, theirs) > 10 * TOLERANCE


# -- the maths itself ---------------------------------------------------------------------------------------------------


def test_the_pooling_written_out_is_roi_align() -> None:
    level = torch.randn(3, 17, 23, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[3.3, 5.1, 61.7, 40.2], [-9.0, -4.0, 30.0, 90.0], [80.0, 60.0, 81.0, 60.5], [0.0, 0.0, 92.0, 68.0]])
    theirs = roi_align(level[None], [boxes], 7, 0.25, 0, aligned=True)
    ours = torch.stack([maths.pooled(level, box, 4) for box in boxes])
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_anchors_are_the_published_ones() -> None:
    first = maths.anchors([torch.zeros(1, 1, 2, 2)], 4, replace(TWO_STAGE, sizes=[[32]]))[0]
    assert first.shape == (12, 4)
    assert first[0].tolist() == pytest.approx([-22.627417, -11.313708, 22.627417, 11.313708])
    assert first[4].tolist() == pytest.approx([-12.0, -16.0, 20.0, 16.0]), "one cell to the right"
