"""mmdetection's checkpoints: what they are, from names, shapes and the configuration in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from fpn_viewer.core.checkpoints.load import load_module, misfits_of
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import sureness
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.errors import CheckpointError, SettingError
from tests.unit.core.checkpoints.mmdetection_files import (
    Writer,
    config_text,
    contents_of,
    faster_rcnn_tensors,
    meta,
    recognised,
    retinanet_tensors,
)
from tests.unit.core.checkpoints.mmdetection_maths import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.checkpoints.values import Recognised


def facts(found: Recognised) -> dict[str, str]:
    """Facts by name."""
    return {fact.name: fact.value for fact in found.facts}


def fits(found: Recognised) -> None:
    """Everything has its place, and nothing is missing."""
    assert misfits_of(build_module(found.spec).state_dict(), found).lines == []


def test_what_a_faster_rcnn_is() -> None:
    found = recognised(faster_rcnn_tensors())
    spec = found.spec
    fits(found)
    assert (spec.family, spec.dialect, spec.backbone, spec.backbone_width) == ("Faster R-CNN", "mmdetection", "slim_resnet18", 8)
    assert spec.levels == ("P2", "P3", "P4", "P5", "P6")
    assert (spec.num_classes, spec.class_names[0], spec.neck_channels, spec.box_features) == (4, "background", 16, 16)
    assert (spec.norm, spec.norm_eps) == ("batch", 1e-5)
    assert found.anchors_per_cell == 3
    assert spec.conventions.channel_order == "RGB"
    assert spec.settings.anchor_sizes == ((32,), (64,), (128,), (256,), (512,))
    assert found.keys["rpn.head.cls_logits.weight"] == "rpn_head.rpn_cls.weight"
    assert found.keys["roi_heads.box_head.fc6.bias"] == "roi_head.bbox_head.shared_fcs.0.bias"
    assert facts(found)["background"] == "the last class; moved to the front"
    preset = next(fact for fact in found.facts if fact.name == "preset")
    assert (preset.value, preset.setting, sureness(preset.origin)) == ("mmdetection", "preset", "assumed")
    assert "mmdetection caffe" in preset.origin


@pytest.mark.parametrize("extra", ["C5", "P5"])
def test_what_a_retinanet_is(extra: str) -> None:
    found = recognised(retinanet_tensors(extra=extra))
    spec = found.spec
    fits(found)
    assert (spec.family, spec.levels, spec.extra_levels) == ("RetinaNet", ("P3", "P4", "P5", "P6", "P7"), extra)
    assert (spec.num_classes, spec.head_depth, spec.conventions.p7_relu) == (3, 4, False)
    assert found.anchors_per_cell == 9
    assert [len(row) for row in spec.settings.anchor_sizes] == [3] * 5
    assert ("extra levels" in facts(found)) == (extra == "P5"), "only then is it assumed what P6 is made from"
    assert found.keys["backbone.fpn.extra_blocks.p7.weight"] == "neck.fpn_convs.4.conv.weight"


@pytest.mark.parametrize(
    ("depth", "resnet", "name"),
    [
        (18, {}, "resnet18"),
        (34, {}, "resnet34"),
        (50, {}, "resnet50"),
        (101, {}, "resnet101"),
        (152, {}, "resnet152"),
        (50, {"groups": 32, "per_group": 4}, "resnext50_32x4d"),
        (101, {"groups": 64, "per_group": 4}, "resnext101_64x4d"),
    ],
    ids=lambda value: str(value),
)
def test_backbones(depth: int, resnet: dict[str, int], name: str) -> None:
    out = Writer()
    out.noise = None  # type: ignore[assignment]
    out.normal = lambda *shape: torch.empty(shape, device="meta")  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda *shape, generator: torch.empty(shape, device="meta"))
        channels = out.resnet(depth, 64, **resnet)
    heads = {key: t for key, t in faster_rcnn_tensors(18, 8).items() if not key.startswith(("backbone", "neck.lateral"))}
    laterals = {f"neck.lateral_convs.{k}.conv.weight": torch.empty(16, c, 1, 1) for k, c in enumerate(channels)}
    biases = {f"neck.lateral_convs.{k}.conv.bias": torch.empty(16) for k in range(4)}
    found = recognised({**out.tensors, **laterals, **biases, **heads})
    assert found.spec.backbone == name
    with torch.device("meta"):
        assert misfits_of(build_module(found.spec, initialised=False).state_dict(), found).lines == []


def version_1(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A Faster R-CNN of mmdetection 1: the background first, with a box of its own, no word `roi_head`."""
    out = {name.removeprefix("roi_head."): t for name, t in tensors.items()}
    for ending in ("weight", "bias"):
        out[f"bbox_head.fc_cls.{ending}"] = out[f"bbox_head.fc_cls.{ending}"].roll(1, 0)
        boxes = out[f"bbox_head.fc_reg.{ending}"]
        out[f"bbox_head.fc_reg.{ending}"] = torch.cat([torch.ones_like(boxes[:4]), boxes])
    return out


def test_version_1_has_the_background_first_and_its_own_anchors() -> None:
    new, found = recognised(faster_rcnn_tensors()), recognised(version_1(faster_rcnn_tensors()))
    fits(found)
    for name, tensor in new.tensors.items():
        # of the background's box nobody asks
        skipped = 4 if "box_predictor.bbox_pred" in name else 0
        ours, theirs = (t.reshape(-1, *tensor.shape[1:])[skipped:] for t in (found.tensors[name], tensor))
        assert torch.equal(ours, theirs), name
    conventions = found.spec.conventions
    assert (conventions.anchor_rounding, conventions.anchor_offset) == (True, 0.5)
    assert (conventions.roi_aligned, conventions.roi_sampling_ratio) == (False, 2)
    assert sureness(found.spec.origins["anchor_offset"]) == "likely"
    assert facts(found)["background"] == "the first class"


def test_a_retinanet_says_its_version_only_in_words() -> None:
    tensors = retinanet_tensors()
    assert recognised(tensors).spec.conventions.anchor_offset == 0.0
    assert recognised(tensors, {"meta": {"mmdet_version": "1.2.0"}}).spec.conventions.anchor_offset == 0.5


def test_the_boxes_of_a_mask_rcnn() -> None:
    mask = {"roi_head.mask_head.convs.0.conv.weight": torch.ones(2), "roi_head.mask_head.conv_logits.bias": torch.ones(3)}
    found = recognised({**faster_rcnn_tensors(), **mask})
    fits(found)
    assert found.left_out.keys() == mask.keys()
    assert all("mask head" in reason for reason in found.left_out.values())


def test_what_else_lies_in_a_file_is_left_out_with_a_reason() -> None:
    more = {
        "ema_backbone_conv1_weight": torch.ones(1),
        "data_preprocessor.mean": torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1),
        "backbone.fc.weight": torch.ones(2, 2),
        "roi_head.bbox_head.loss_cls.cum_samples": torch.ones(4),
    }
    found = recognised({**faster_rcnn_tensors(), **more})
    fits(found)
    assert found.left_out.keys() == more.keys()
    assert found.spec.settings.image_mean == (1.0, 2.0, 3.0)


def test_nothing_unknown_is_dropped() -> None:
    found = recognised({**faster_rcnn_tensors(), "neck.lateral_convs.0.extra.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match="nothing was loaded") as caught:
        load_module(found)
    assert "neck.lateral_convs.0.extra.weight is left over" in caught.value.details


def test_norms_and_convolutions_of_box_head_and_neck() -> None:
    out = Writer()
    out.neck(out.resnet(), 32)
    for name in [name for name in out.tensors if name.startswith("neck") and name.endswith("bias")]:
        del out.tensors[name]
        out.norm(name.replace("conv.bias", "bn"), 32)
    heads = {name: t for name, t in faster_rcnn_tensors(neck=32).items() if name.startswith(("rpn", "roi_head.bbox_head.fc"))}
    for index in range(4):
        out.conv(f"roi_head.bbox_head.shared_convs.{index}.conv", 32, 32, 3, bias=False)
        out.tensors[f"roi_head.bbox_head.shared_convs.{index}.gn.weight"] = torch.ones(32)
        out.tensors[f"roi_head.bbox_head.shared_convs.{index}.gn.bias"] = torch.ones(32)
    out.conv("roi_head.bbox_head.shared_fcs.0", 16, 32 * 49, 0)
    found = recognised({**out.tensors, **heads})
    fits(found)
    spec = found.spec
    assert (spec.neck_norm, spec.neck_norm_kind, spec.box_head, spec.box_norm) == (True, "batch", "conv4", "group")


# -- presets and configurations -----------------------------------------------------------------------------------------


def test_the_style_in_the_file_chooses_the_preset() -> None:
    text = config_text(Rules(style="caffe", to_rgb=False))
    found = recognised(faster_rcnn_tensors(), meta(text))
    assert facts(found)["preset"] == "mmdetection caffe"
    assert found.spec.conventions.stride_in_1x1
    assert found.spec.origins["stride_in_1x1"] == "from the file's own meta.config.model.backbone.style"
    assert found.spec.conventions.channel_order == "BGR"


def test_the_user_chooses_the_preset() -> None:
    found = recognised(faster_rcnn_tensors(), preset="mmdetection caffe")
    assert (found.spec.conventions.channel_order, found.spec.settings.image_std) == ("BGR", (1.0, 1.0, 1.0))
    with pytest.raises(CheckpointError, match=r"no preset 'caffe2' for one; use one of: .*mmdetection caffe"):
        recognised(faster_rcnn_tensors(), preset="caffe2")


def test_values_of_the_configuration_say_where_they_are_from_and_the_users_win() -> None:
    text = config_text(Rules(img_scale=(640, 480), nms_pre=77))
    found = recognised(faster_rcnn_tensors(), meta(text, CLASSES=("cat", "dog", "cow")), max_size=999)
    spec = found.spec
    assert (spec.settings.min_size, spec.settings.max_size, spec.settings.rpn_pre_nms_top_n) == (480, 999, 77)
    assert spec.origins["min_size"] == "from the file's own meta.config.test pipeline MultiScaleFlipAug.img_scale"
    assert spec.origins["rpn_pre_nms_top_n"] == "from the file's own meta.config.model.test_cfg.rpn.nms_pre"
    assert spec.origins["max_size"] == "given by the user"
    assert spec.class_names == ("background", "cat", "dog", "cow")
    assert spec.origins["class_names"] == "from the file's own meta.CLASSES"


def test_what_is_computed_otherwise_than_configured_is_said() -> None:
    text = config_text(Rules()).replace("size_divisor=32", "size_divisor=128").replace("type='nms'", "type='soft_nms'")
    told = {fact.name: fact for fact in recognised(faster_rcnn_tensors(), meta(text)).facts}
    assert told["padding"].value == "to multiples of 32 net px, where 128 is configured"
    assert told["NMS of detections"].value == "plain, where soft_nms is configured"
    assert sureness(told["padding"].origin) == "assumed"
    assert not told.keys() & {"aspect of pictures", "outputs of the neck"}


# -- refusals -----------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[list[str], str]] = {
    "cascade": (["roi_head.bbox_head.0.fc_cls.weight", "roi_head.bbox_head.1.fc_cls.weight"], "a Cascade R-CNN"),
    "cascade of version 1": (["bbox_head.0.fc_cls.weight", "bbox_head.1.fc_cls.weight"], "a Cascade R-CNN"),
    "HTC": (["roi_head.bbox_head.0.fc_cls.weight", "roi_head.semantic_head.convs.0.conv.weight"], r"\(HTC\)"),
    "GFL": (["bbox_head.gfl_cls.weight"], "a GFL detector"),
    "ATSS": (["bbox_head.atss_cls.weight"], "an ATSS or PAA"),
    "FCOS": (["bbox_head.conv_centerness.weight"], "an FCOS"),
    "old FCOS": (["bbox_head.fcos_centerness.weight"], "an FCOS"),
    "C4": (["roi_head.shared_head.layer4.0.conv1.weight"], "without an FPN"),
    "double head": (["roi_head.bbox_head.fc_branch.0.weight"], "a Double-Head"),
    "grid": (["roi_head.grid_head.convs.0.conv.weight"], "a Grid R-CNN"),
    "sparse": (["roi_head.bbox_head.0.instance_interactive_conv.norm_in.weight"], "a Sparse R-CNN"),
    "DETR": (["bbox_head.transformer.encoder.layers.0.norms.0.weight"], "a DETR"),
    "PAFPN": (["neck.pafpn_convs.0.conv.weight"], "a PAFPN neck"),
    "BFP": (["neck.1.refine.g.weight", "neck.0.lateral_convs.0.conv.weight"], "a BFP neck"),
    "NAS-FPN": (["neck.fpn_stages.0.gp_64_4.out_conv.conv.weight"], "a NAS-FPN neck"),
    "FPG": (["neck.fpn_transitions.0.0.up.conv.weight"], "an FPG neck"),
    "RFP": (["neck.rfp_modules.0.conv1.weight"], "an RFP neck"),
    "deep stem": (["backbone.stem.0.weight"], "a deep stem"),
    "DCN": (["backbone.layer3.0.conv2.conv_offset.weight"], "deformable convolutions"),
    "HRNet": (["backbone.stage2.0.branches.0.0.conv1.weight"], "an HRNet"),
    "Swin": (["backbone.stages.0.blocks.0.attn.w_msa.qkv.weight"], "a Swin Transformer"),
    "Res2Net": (["backbone.layer1.0.convs.0.weight"], "a Res2Net"),
}


@pytest.mark.parametrize(("names", "what"), REFUSED.values(), ids=REFUSED)
def test_other_networks_are_named(names: list[str], what: str) -> None:
    tensors = {**faster_rcnn_tensors(), **{name: torch.ones(1) for name in names}}
    with pytest.raises(CheckpointError, match=what) as caught:
        recognised(tensors)
    assert str(caught.value).startswith("epoch_12.pth is a")


SAID: dict[str, tuple[tuple[str, str], str]] = {
    "on_lateral": (("num_outs=5", "num_outs=5, add_extra_convs='on_lateral'"), "topmost lateral map"),
    "upsampling": (("num_outs=5", "num_outs=5, upsample_cfg=dict(mode='bilinear')"), "nearest cell"),
    "neck": (("type='FPN'", "type='HRFPN'"), "not an FPN"),
    "weights standardised": (("depth=18", "depth=18, conv_cfg=dict(type='ConvWS')"), "a backbone of other convolutions"),
    "boxes": (("type='DeltaXYWHBBoxCoder'", "type='TBLRBBoxCoder'"), "boxes in other terms"),
    "levels": (("type='SingleRoIExtractor'", "type='GenericRoIExtractor'"), "several levels at once"),
    "pooling": (("type='RoIAlign'", "type='RoIPool'"), "another RoI pooling"),
    "anchors": (("type='AnchorGenerator'", "type='SSDAnchorGenerator'"), "not laid by an AnchorGenerator"),
    "scale": (("featmap_strides", "finest_scale=28, featmap_strides"), "RoIs up to 28 net px"),
}


@pytest.mark.parametrize(("change", "what"), SAID.values(), ids=SAID)
def test_what_only_the_configuration_tells_is_refused(change: tuple[str, str], what: str) -> None:
    text = config_text(Rules())
    assert change[0] in text
    with pytest.raises(CheckpointError, match=what):
        recognised(faster_rcnn_tensors(), meta(text.replace(*change)))


DAMAGED: dict[str, Any] = {
    "no neck": lambda t: {n: x for n, x in t.items() if not n.startswith("neck")},
    "no RPN": lambda t: {n: x for n, x in t.items() if not n.startswith("rpn_head")},
    "no boxes": lambda t: {n: x for n, x in t.items() if "fc_reg" not in n},
    "no bias": lambda t: {n: x for n, x in t.items() if n != "rpn_head.rpn_cls.bias"},
    "flat": lambda t: {**t, "neck.lateral_convs.0.conv.weight": torch.ones(3)},
    "a number": lambda t: {**t, "backbone.conv1.weight": torch.tensor(1.0)},
    "empty": lambda t: {**t, "backbone.conv1.weight": torch.ones(0, 3, 7, 7)},
    "cut classes": lambda t: {**t, "roi_head.bbox_head.fc_reg.weight": torch.ones(5, 16)},
    "few boxes": lambda t: {**t, "rpn_head.rpn_reg.weight": torch.ones(3, 16, 1, 1)},
    "two versions": lambda t: {**t, "bbox_head.fc_cls.weight": torch.ones(4, 16)},
    "another stem": lambda t: {**t, "backbone.conv1.weight": torch.ones(20, 3, 7, 7)},
    "a lateral less": lambda t: {n: x for n, x in t.items() if not n.startswith("neck.lateral_convs.3")},
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damaged_tensors_are_a_sentence(damage: Any) -> None:
    with pytest.raises((CheckpointError, SettingError)) as caught:
        load_module(recognised(damage(faster_rcnn_tensors())))
    assert "epoch_12" in str(caught.value)


@pytest.mark.parametrize("version", ["2.25.0", "3.1.0"])
def test_a_real_file_of_each_version(tmp_path: Path, version: str) -> None:
    """2.x writes meta.config and CLASSES, 3.x meta.cfg and dataset_meta."""
    text, names = config_text(Rules()), ("cat", "dog", "cow")
    said: dict[str, Any] = {"config": text, "CLASSES": names, "mmdet_version": version}
    if version.startswith("3"):
        said = {"cfg": text, "dataset_meta": {"classes": names}, "mmengine_version": "0.8.0"}
    path = tmp_path / "epoch_12.pth"
    torch.save({"meta": {**said, "epoch": 12}, "state_dict": faster_rcnn_tensors(), "optimizer": {}}, path)
    found = read_checkpoint(path)
    load_module(found)
    assert found.spec.class_names == ("background", *names)
    assert found.spec.settings.rpn_pre_nms_top_n == 60
    assert contents_of({}).path.stem == found.spec.name == "epoch_12"
