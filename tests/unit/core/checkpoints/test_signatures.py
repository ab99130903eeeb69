"""What cannot be opened is called by its name, and what can be done is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import detection

from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.signatures import ADVICE, NECKS, neck_of, recognised_as, refusal
from fpn_viewer.core.checkpoints.values import Contents
from fpn_viewer.core.errors import CheckpointError
from tests.unit.core.checkpoints.torchvision_nets import NETS, two_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: names as the code bases write them, to what their neck is called
NECK_NAMES: tuple[tuple[str, str], ...] = (
    ("neck.downsample_convs.0.conv.weight neck.pafpn_convs.0.conv.weight", "PAFPN"),
    ("neck.1.refine.g.conv.weight neck.1.refine.theta.conv.weight", "BFP"),
    ("neck.fpn_stages.0.gp_64_4.out_conv.conv.weight", "NAS-FPN"),
    ("neck.fpn.c22_1.input1_conv.weight neck.adapt_convs.0.conv.weight", "NAS-FCOS"),
    ("neck.fpn_transitions.0.0.same_up.conv.weight", "FPG"),
    ("neck.rfp_modules.0.conv1.weight neck.rfp_aspp.aspp.0.weight", "RFP"),
    ("fpn.cell.0.fnode.0.combine.edge_weights", "BiFPN"),
    ("bifpn.0.p6_w1 bifpn.0.conv6_up.depthwise_conv.conv.weight", "BiFPN"),
    ("unet1.layers.0.conv.weight leach.0.conv.weight", "M2Det"),
    ("level_0_fusion.weight_levels.weight", "ASFF"),
    ("fpn.st_p5.weight fpn.gt_p4_p5.weight fpn.rt_p5_p4.weight", "FPT"),
    ("Conv_Body.panet_buttomup_conv1_modules.0.0.weight", "PANet"),
    ("backbone.lateral_conv0.conv.weight backbone.C3_p4.conv1.conv.weight", "YOLOX"),
    ("backbone.simfp_2.0.weight", "ViTDet"),
    ("lateral_c5.weight smooth_m4.weight", "walkthrough"),
)
OTHERS: tuple[tuple[str, str, str], ...] = (
    ("model.0.conv.weight model.24.m.0.weight model.24.anchors", "YOLOv5", "pyramid"),
    ("0.conv.weight 24.m.0.weight 24.m.0.bias", "YOLOv5", "pyramid"),
    ("model.0.conv.weight model.22.cv2.0.0.conv.weight model.22.dfl.conv.weight", "YOLOv8", "pyramid"),
    ("module_list.0.Conv2d.weight module_list.0.BatchNorm2d.weight", "YOLOv3", "pyramid"),
    ("vgg.0.weight L2Norm.weight loc.0.weight conf.0.weight", "SSD", "no pyramid"),
    ("transformer.encoder.layers.0.linear1.weight query_embed.weight class_embed.weight", "a DETR", "no pyramid"),
    (
        "transformer.level_embed transformer.encoder.layers.0.self_attn.sampling_offsets.weight class_embed.0.weight",
        "Deformable",
        "no pyramid",
    ),
    ("fpn.output1.0.weight ssh1.conv3X3.0.weight ClassHead.0.conv1x1.weight", "RetinaFace", "pyramid"),
    ("backbone.conv1.weight fpn.lateral_convs.0.conv.weight head.gfl_cls.0.weight", "NanoDet", "pyramid"),
    ("proposal_generator.rpn_head.conv.weight roi_heads.res5.0.conv1.weight", r"\(C4\)", "no pyramid"),
    ("proposal_generator.rpn_head.conv.weight roi_heads.box_head.fc1.weight", "DC5", "no pyramid"),
    ("stem.0.weight trunk_output.block1.block1-0.proj.0.weight fc.weight", "a RegNet with its classifier", "no detector"),
    ("backbone.conv1.weight decode_head.conv_seg.weight", "segmentation", "no detector"),
    ("blocks.0.attn.qkv.weight pos_embed cls_token head.weight", "a vision transformer with its classifier", "no detector"),
    ("backbone.body.layer1.0.conv1.weight backbone.fpn.inner_blocks.0.0.weight", "no RPN and no box predictor", "part"),
)


def shapes(names: str) -> dict[str, tuple[int, ...]]:
    return dict.fromkeys(names.split(), (8, 8, 1, 1))


@pytest.mark.parametrize(("names", "neck"), NECK_NAMES)
def test_a_neck_that_cannot_be_built_is_named(names: str, neck: str) -> None:
    sentence = refusal("mine.pth", shapes(names))
    assert sentence.startswith("mine.pth is a detector with ")
    assert neck in sentence
    assert "--model package.module:factory" in sentence
    assert neck in neck_of(names.split())


def test_every_neck_is_tried() -> None:
    found = {neck_of(names.split()) for names, _ in NECK_NAMES}
    assert found == {signature.what for signature in NECKS}


@pytest.mark.parametrize("name", NETS)
def test_a_plain_fpn_is_none_of_them(name: str) -> None:
    with torch.device("meta"):
        assert neck_of(NETS[name]().state_dict()) == ""


@pytest.mark.parametrize(("names", "what", "advice"), OTHERS)
def test_other_networks_are_named(names: str, what: str, advice: str) -> None:
    found = recognised_as(shapes(names))
    assert re.search(what, found[0])
    assert found[1] == advice


def sentence_of(tensors: Mapping[str, torch.Tensor]) -> str:
    with pytest.raises(CheckpointError) as caught:
        recognise(Contents(Path("mine.pth"), "torch", tensors))
    return str(caught.value)


#: torchvision's own networks, on no device
NETWORKS: tuple[tuple[Callable[[], nn.Module], str], ...] = (
    (lambda: detection.ssd300_vgg16(weights=None, weights_backbone=None), "an SSD detector"),
    (lambda: detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None), "an SSDlite detector"),
    (
        lambda: models.segmentation.fcn_resnet50(weights=None, weights_backbone=None),
        "a semantic segmentation network of torchvision",
    ),
    (lambda: models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None), "a semantic segmentation network"),
    (models.resnet50, "a ResNet-50 with its classifier and no detector"),
    (
        lambda: nn.ModuleDict({"body": models.resnet50(), "fpn": nn.ModuleDict({"inner_blocks": nn.Linear(1, 1)})}),
        "only a part of a detector: it has a ResNet-50 and an FPN, but no RPN and no heads",
    ),
    (models.vgg16, "a VGG-16 with its classifier and no detector"),
    (models.swin_t, "a Swin-T with its classifier and no detector"),
    (models.convnext_tiny, "a ConvNeXt-Tiny with its classifier and no detector"),
    (models.mobilenet_v2, "a MobileNetV2 with its classifier and no detector"),
    (models.efficientnet_b0, "an EfficientNet with its classifier and no detector"),
    (models.vit_b_16, "a vision transformer with its classifier and no detector"),
    (models.densenet121, "a DenseNet with its classifier and no detector"),
)


@pytest.mark.parametrize(("make", "what"), NETWORKS)
def test_torchvisions_other_networks_are_named(make: Callable[[], nn.Module], what: str) -> None:
    with torch.device("meta"):
        tensors = make().state_dict()
    assert sentence_of(tensors).startswith(f"mine.pth is {what}")


def test_a_detector_on_one_map_is_named() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 8, 3))
    plain.out_channels = 8  # type: ignore[assignment]
    assert "Faster R-CNN without an FPN" in sentence_of(detection.FasterRCNN(plain, 2).state_dict())
    with torch.device("meta"):
        tensors = two_stage().state_dict()
    headless = {name: x for name, x in tensors.items() if name.startswith("backbone.")}
    assert "only a part of a torchvision detector: it has backbone and FPN, but no RPN and no box predictor" in sentence_of(
        headless
    )


def test_what_nobody_knows_is_shown_by_its_names() -> None:
    sentence = sentence_of({f"part{index}.weight": torch.zeros(1) for index in range(5)})
    assert "its first tensors are part0.weight, part1.weight, part2.weight." in sentence


def test_every_sort_has_advice() -> None:
    assert {signature.advice for signature in NECKS} <= set(ADVICE)
    assert all(advice in ADVICE for _, _, advice in OTHERS)
