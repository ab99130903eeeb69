"""Files in torchvision's names: what they are, what was assumed, and the very same trace as the module that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d

from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.presets import SETTINGS
from fpn_viewer.core.checkpoints.values import Contents, sureness
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import CheckpointError, SettingError
from tests.tiny import noise
from tests.unit.core.checkpoints.torchvision_nets import (
    CLASSES,
    DENSE,
    NETS,
    TWO_STAGE,
    WIDTH,
    dense,
    legacy,
    mask_rcnn,
    resnet_pyramid,
    two_stage,
    version_2,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Recognised
    from fpn_viewer.core.tracing.trace import Trace

OLD = ("Faster R-CNN", "Mask R-CNN", "Keypoint R-CNN", "RetinaNet", "FCOS")


def options(name: str) -> dict[str, Any]:
    return TWO_STAGE if "R-CNN" in name else DENSE


def saved(tensors: Mapping[str, Tensor], folder: Path, name: str = "mine") -> Path:
    torch.save(dict(tensors), folder / f"{name}.pth")
    return folder / f"{name}.pth"


def recognised(tensors: Mapping[str, Tensor], name: str = "mine", preset: str | None = None) -> Recognised:
    return recognise(Contents(Path(f"{name}.pth"), "torch", tensors), preset)


def assert_same(trace: Trace, expected: Trace) -> None:
    assert set(trace.maps) == set(expected.maps)
    for node, x in expected.maps.items():
        assert torch.equal(trace.maps[node], x), node
    assert len(trace.detections) > 0
    assert np.array_equal(trace.detections.boxes_img, expected.detections.boxes_img)
    assert np.array_equal(trace.detections.scores, expected.detections.scores)
    assert np.array_equal(trace.detections.labels, expected.detections.labels)
    assert trace.follows is None


@pytest.mark.parametrize(("name", "old"), [*((name, False) for name in NETS), *((name, True) for name in OLD)])
def test_a_file_gives_the_trace_of_the_module_that_was_saved(name: str, old: bool, tmp_path: Path) -> None:
    module = NETS[name]()
    tensors = module.state_dict()
    opened = open_detector(saved(legacy(tensors) if old else tensors, tmp_path), device="cpu", **options(name))
    own = open_detector(module, device="cpu")
    assert opened.spec.family == name.removesuffix(" v2").replace("Mask", "Faster").replace("Keypoint", "Faster")
    assert opened.spec.settings == own.spec.settings
    fields = (
        "backbone",
        "norm",
        "norm_eps",
        "neck_norm",
        "levels",
        "extra_levels",
        "rpn_depth",
        "box_head",
        "box_norm",
        "num_classes",
    )
    for field in (*fields, "head_depth", "head_norm", "stages", "neck_channels"):
        assert getattr(opened.spec, field) == getattr(own.spec, field), field
    assert_same(opened.trace(noise()), own.trace(noise()))


@pytest.mark.parametrize("norm", [None, FrozenBatchNorm2d, lambda channels: nn.GroupNorm(32, channels)])
def test_norms_of_neck_and_box_head_are_told_apart(norm: Any, tmp_path: Path) -> None:
    module = version_2(norm)
    opened = open_detector(saved(module.state_dict(), tmp_path), device="cpu", **TWO_STAGE)
    kind = {None: "", FrozenBatchNorm2d: "frozen"}.get(norm, "group")
    assert (opened.spec.neck_norm, opened.spec.box_norm) == (bool(kind), kind)
    assert_same(opened.trace(noise()), open_detector(module, device="cpu").trace(noise()))


@pytest.mark.parametrize(
    ("norm", "kind"), [(nn.BatchNorm2d, "batch"), (FrozenBatchNorm2d, "frozen"), (lambda c: nn.GroupNorm(32, c), "group")]
)
def test_norms_of_the_backbone_are_told_apart(norm: Any, kind: str, tmp_path: Path) -> None:
    module = two_stage(backbone=resnet_pyramid(norm))
    opened = open_detector(saved(module.state_dict(), tmp_path), device="cpu", **TWO_STAGE)
    assert opened.spec.norm == kind
    assert_same(opened.trace(noise()), open_detector(module, device="cpu").trace(noise()))


def test_masks_and_keypoints_are_left_out_with_a_reason() -> None:
    found = recognised(legacy(mask_rcnn().state_dict()))
    assert found.left_out["roi_heads.mask_head.mask_fcn1.weight"] == "the mask head of a Mask R-CNN; its boxes do not need it"
    assert not any("mask" in name for name in found.tensors)
    assert {fact.name: fact.value for fact in found.facts}["network"].startswith("Mask R-CNN: its box part")


def test_names_in_the_file_are_kept_for_messages(tmp_path: Path) -> None:
    tensors = legacy(two_stage().state_dict())
    assert recognised(tensors).keys["rpn.head.conv.0.0.weight"] == "rpn.head.conv.weight"
    tensors["rpn.head.conv.weight"] = torch.zeros(WIDTH, WIDTH, 1, 1)
    with pytest.raises(CheckpointError, match=r"rpn\.head\.conv\.weight"):
        open_detector(saved(tensors, tmp_path), device="cpu")


def test_every_value_says_where_it_is_from() -> None:
    found = recognised(two_stage().state_dict())
    names = [fact.name for fact in found.facts]
    first = ["family", "dialect", "preset", "backbone", "norm", "laterals read", "neck", "neck norm", "levels", "extra levels"]
    assert names == [*first, "RPN", "box head", "anchors per cell", "classes"]
    assert all(fact.value and fact.origin for fact in found.facts)
    assert {sureness(found.spec.origins[name]) for name in SETTING_NAMES} == {"assumed"}
    assert {sureness(found.spec.origins[name]) for name in ("backbone", "num_classes", "norm", "levels")} == {"certain"}
    assert (found.anchors_per_cell, found.spec.num_classes) == (3, CLASSES)


def published(classes: int = 91, **more: Any) -> dict[str, Tensor]:
    """The names and shapes of torchvision's published weights, on no device."""
    with torch.device("meta"):
        backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None)
        kind = more.pop("kind", None) or type(two_stage())
        return legacy(kind(backbone, classes, **more).state_dict())


def test_published_weights_have_no_epsilon() -> None:
    found = recognised(published()).spec
    assert (found.norm_eps, sureness(found.origins["norm_eps"])) == (0.0, "likely")
    others = (recognised(published(4)), recognised(two_stage().state_dict()), recognised(published(), preset="detectron2"))
    for spec in (other.spec for other in others):
        assert (spec.norm_eps, sureness(spec.origins["norm_eps"])) == (1e-5, "assumed")


def test_epsilon_reaches_the_module(tmp_path: Path) -> None:
    detector = open_detector(saved(two_stage().state_dict(), tmp_path), device="cpu", norm_eps=0.01)
    assert detector.module.backbone.body.bn1.eps == detector.module.backbone.body.layer4[1].bn2.eps == 0.01
    assert detector.spec.origins["norm_eps"] == "given by the user"


def test_torchvisions_mobilenet_has_all_sizes_on_two_levels_of_one_stride(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = fasterrcnn_mobilenet_v3_large_fpn(
        weights=None, weights_backbone=None, num_classes=3, **{"min_size": 64, "max_size": 96}
    )
    opened = open_detector(saved(module.state_dict(), tmp_path), device="cpu", min_size=64, max_size=96)
    own = open_detector(module.eval(), device="cpu")
    assert opened.spec.settings == own.spec.settings
    assert opened.spec.levels == opened.graph.levels == ("P5a", "P5b", "P6")
    assert sureness(opened.spec.origins["anchor_sizes"]) == "likely"
    trace, expected = opened.trace(noise()), own.trace(noise())
    assert all(torch.equal(trace.maps[node], expected.maps[node]) for node in expected.maps)
    small = recognised(module.state_dict(), "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9").spec.settings
    assert (small.min_size, small.max_size, small.rpn_pre_nms_top_n) == (320, 640, 150)


def test_anchors_follow_the_levels(tmp_path: Path) -> None:
    anchors = AnchorGenerator(((64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 4)
    module = two_stage(backbone=resnet_pyramid(stages=(2, 3, 4)), rpn_anchor_generator=anchors)
    opened = open_detector(saved(module.state_dict(), tmp_path), device="cpu", **TWO_STAGE)
    assert opened.spec.levels == ("P3", "P4", "P5", "P6")
    assert opened.spec.settings.anchor_sizes == ((64,), (128,), (256,), (512,))
    assert_same(opened.trace(noise()), open_detector(module, device="cpu").trace(noise()))
    assert recognised(dense().state_dict()).spec.settings == SETTINGS["torchvision", "RetinaNet"]


def test_another_number_of_anchors_must_be_said(tmp_path: Path) -> None:
    module = two_stage(rpn_head=RPNHead(WIDTH, 6), rpn_anchor_generator=AnchorGenerator(((8, 16),) * 5, ((0.5, 1.0, 2.0),) * 5))
    path = saved(module.state_dict(), tmp_path)
    with pytest.raises(CheckpointError, match="6 anchors per cell where 3 were assumed"):
        open_detector(path, device="cpu")
    assert open_detector(path, device="cpu", anchor_sizes=((8, 16),) * 5).spec.settings.anchors_per_cell == (6,) * 5


def test_weights_of_other_code_bases_may_come_under_torchvisions_names() -> None:
    spec = recognised(two_stage().state_dict(), preset="detectron2").spec
    assert (spec.conventions.channel_order, spec.conventions.roi_aligned, spec.settings.image_std) == ("BGR", True, (1.0, 1.0, 1.0))
    with pytest.raises(CheckpointError, match=r"no preset 'detectron2' for one; use one of: torchvision"):
        recognised(NETS["FCOS"]().state_dict(), preset="detectron2")


def test_which_maps_are_read_can_be_said(tmp_path: Path) -> None:
    path = saved(two_stage().state_dict(), tmp_path)
    with pytest.raises(SettingError, match="has 4 laterals, and the maps of a slim ResNet-18 are layer1, layer2, layer3, layer4"):
        open_detector(path, device="cpu", stages=("layer1", "layer2"))
    assert open_detector(path, device="cpu", stages=("layer1", "layer2", "layer3", "layer4")).spec.levels[-1] == "P6"


def cut(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(part)}


def test_what_cannot_be_built_is_said() -> None:
    tensors = two_stage().state_dict()
    towers = cut(dense().state_dict(), "head.classification_head.conv.3")
    more = {"roi_heads.box_head.fc8.weight": torch.zeros(24, 24)}
    wide = {"backbone.body.layer1.0.conv2.weight": torch.zeros(32, 16, 3, 3)}
    odd = {"backbone.fpn.inner_blocks.1.0.weight": torch.zeros(WIDTH, 100, 1, 1)}
    rows = {"head.classification_head.cls_logits.weight": torch.zeros(37, WIDTH, 3, 3)}
    cases: tuple[tuple[dict[str, Tensor], str], ...] = (
        (towers, "3 convolutions in each tower"),
        (tensors | more, "0 convolutions and 3 connected layers"),
        (tensors | wide, r"an FPN on a ResNet that is not known \(blocks 2, 2, 2, 2, 32 channels"),
        (tensors | odd, "maps of 32, 100, 128, 256 channels"),
        (dense().state_dict() | rows, "37 is not a multiple of 9"),
        (cut(tensors, "backbone.fpn.inner_blocks.1"), "3 laterals but no backbone.fpn.inner_blocks.1.0.weight"),
    )
    for broken, sentence in cases:
        with pytest.raises(CheckpointError, match=sentence):
            recognised(broken)
