"""The program's detections are those that mmdetection's published maths gives for the same tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny import noise
from tests.unit.core.checkpoints import mmdetection_maths as maths
from tests.unit.core.checkpoints.mmdetection_files import (
    config_text,
    faster_rcnn_tensors,
    for_grey_levels,
    meta,
    opened,
    recognised,
    retinanet_tensors,
)
from tests.unit.core.checkpoints.mmdetection_maths import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Recognised

CAFFE = Rules(mean=(103.53, 116.28, 123.675), std=(1.0, 1.0, 1.0), to_rgb=False, style="caffe")
DENSE = Rules(strides=(8, 16, 32, 64, 128), scales=tuple(4 * 2 ** (k / 3) for k in range(3)), score_thr=0.1)
#: so many are kept that the coarsest level has some among them
ALL_LEVELS = replace(DENSE, score_thr=0.01, nms=0.9, max_per_img=400)
#: pictures that are made smaller, larger and hardly at all, with sides that no level divides
PICTURES = {"wide": (70, 101), "tall": (211, 97), "large": (331, 258)}
TOLERANCE = 1e-4


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """A picture of blots: between the pixels of noise, float32 could not place the samples of a resize well enough."""
    small = Image.fromarray(noise(height // 16, width // 16))
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def agree(found: Recognised, expected: maths.Answer, size: tuple[int, int], first_label: int) -> None:
    """The same boxes (image px), scores and labels, in the same order."""
    seen = opened(found).trace(picture(*size)).detections
    boxes, scores, labels = expected
    assert len(scores) > 10, "a network that finds nothing shows nothing"
    assert len(seen.scores) == len(scores)
    np.testing.assert_allclose(seen.scores, scores, atol=TOLERANCE, rtol=0)
    np.testing.assert_array_equal(seen.labels, labels + first_label)
    np.testing.assert_allclose(seen.boxes_img, boxes, atol=TOLERANCE, rtol=0)


def two_stage(tensors: dict[str, Tensor], rules: Rules, name: str = "wide") -> None:
    """Compares a Faster R-CNN."""
    size = PICTURES[name]
    agree(recognised(tensors, meta(config_text(rules))), maths.faster_rcnn(tensors, picture(*size), rules), size, 1)


def one_stage(tensors: dict[str, Tensor], rules: Rules, name: str = "wide") -> None:
    """Compares a RetinaNet."""
    size = PICTURES[name]
    found = recognised(tensors, meta(config_text(rules, "RetinaNet")))
    agree(found, maths.retinanet(tensors, picture(*size), rules), size, 0)


@pytest.mark.parametrize("name", PICTURES)
def test_faster_rcnn(name: str) -> None:
    two_stage(faster_rcnn_tensors(), Rules(), name)


@pytest.mark.parametrize("name", PICTURES)
def test_retinanet(name: str) -> None:
    one_stage(retinanet_tensors(), DENSE, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling_ratio": 2, "aligned": False},
        {"target_stds": (0.05, 0.1, 0.3, 0.2)},
        {"to_rgb": False, "mean": (90.0, 116.28, 130.0), "std": (57.0, 50.0, 70.0)},
        {"scales": (2.0,), "ratios": (0.4, 1.0, 3.0)},
        {"center_offset": 0.5},
        {"rpn_nms": 0.5, "nms": 0.3, "rpn_max": 30, "nms_pre": 40, "max_per_img": 20, "score_thr": 0.1},
        {"img_scale": (333, 200)},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_the_configuration_says_of_a_faster_rcnn_is_computed(changes: dict[str, object]) -> None:
    two_stage(faster_rcnn_tensors(), replace(Rules(), **changes))  # type: ignore[arg-type]


def test_style_caffe_has_its_stride_in_the_first_convolution() -> None:
    two_stage(for_grey_levels(faster_rcnn_tensors(50, 64)), CAFFE)


def test_style_pytorch_has_it_in_the_second() -> None:
    two_stage(faster_rcnn_tensors(50, 64), Rules())


def test_one_box_for_all_classes() -> None:
    two_stage(faster_rcnn_tensors(agnostic=True), Rules())


def test_an_object_of_the_rpn_among_two_scores() -> None:
    tensors = faster_rcnn_tensors()
    expected = maths.faster_rcnn(tensors, picture(*PICTURES["wide"]), Rules())
    two, generator = dict(tensors), torch.Generator().manual_seed(3)
    for ending in ("weight", "bias"):
        score = tensors[f"rpn_head.rpn_cls.{ending}"]
        other = torch.randn(score.shape, generator=generator) * 0.1
        # a softmax over two looks at their difference only; the object's comes first from 2.5 on
        two[f"rpn_head.rpn_cls.{ending}"] = torch.stack([score + other, other], 1).flatten(0, 1)
    agree(recognised(two, meta(config_text(Rules()))), expected, PICTURES["wide"], 1)
    turned = {n: t.unflatten(0, (-1, 2)).flip(1).flatten(0, 1) if "rpn_cls" in n else t for n, t in two.items()}
    agree(recognised(turned, meta(config_text(Rules()), version="2.4.0")), expected, PICTURES["wide"], 1)


@pytest.mark.parametrize("extra", ["C5", "P5"])
@pytest.mark.parametrize("relu", [False, True])
def test_extra_levels_of_a_retinanet(extra: str, relu: bool) -> None:
    tensors, size = retinanet_tensors(extra=extra), PICTURES["wide"]
    rules = replace(ALL_LEVELS, relu_before_extra_convs=relu)
    one_stage(tensors, rules)
    other = maths.retinanet(tensors, picture(*size), replace(rules, relu_before_extra_convs=not relu))
    assert not np.array_equal(other[1], maths.retinanet(tensors, picture(*size), rules)[1]), "P7 must have its say"


def test_scales_before_ratios_are_put_in_order() -> None:
    tensors = retinanet_tensors()
    expected = maths.retinanet(tensors, picture(*PICTURES["wide"]), DENSE)
    turned = {
        name: t.unflatten(0, (3, 3, -1)).transpose(0, 1).flatten(0, 2) if "retina_" in name else t for name, t in tensors.items()
    }
    text = config_text(DENSE, "RetinaNet").replace("type='AnchorGenerator'", "type='AnchorGenerator', scale_major=False")
    agree(recognised(turned, meta(text)), expected, PICTURES["wide"], 0)


def test_without_a_configuration_the_defaults_are_mmdetections() -> None:
    tensors, rules, size = faster_rcnn_tensors(), Rules(), PICTURES["wide"]
    few = {"min_size": 96, "max_size": 160, "rpn_pre_nms_top_n": 60, "rpn_post_nms_top_n": 50, "box_detections_per_img": 40}
    agree(recognised(tensors, **few), maths.faster_rcnn(tensors, picture(*size), rules), size, 1)


def test_the_preset_of_caffe() -> None:
    tensors, size = for_grey_levels(retinanet_tensors()), PICTURES["wide"]
    rules = replace(ALL_LEVELS, to_rgb=False, mean=CAFFE.mean, std=CAFFE.std)
    given = {"min_size": 96, "max_size": 160, "topk_candidates": 60, "box_detections_per_img": 400}
    found = recognised(tensors, preset="mmdetection caffe", box_score_thresh=0.01, box_nms_thresh=0.9, **given)
    agree(found, maths.retinanet(tensors, picture(*size), rules), size, 0)
