"""What a detectron2 file is recognised as, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from fpn_viewer.core.checkpoints.detectron2.dialect import recognise
from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.presets import SETTINGS
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import Contents, sureness
from fpn_viewer.core.detectors.conventions import CONVENTIONS
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.errors import CheckpointError
from tests.checkpoints_maths import detectron2_files as files

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.checkpoints.values import Recognised

    Tensors = dict[str, torch.Tensor]

MASK = {
    "roi_heads.mask_head.mask_fcn1.weight": torch.zeros(16, 16, 3, 3),
    "roi_heads.mask_head.deconv.weight": torch.zeros(16, 16, 2, 2),
    "roi_heads.mask_head.predictor.weight": torch.zeros(4, 16, 1, 1),
}
KEYPOINTS = {"roi_heads.keypoint_head.conv_fcn1.weight": torch.zeros(16, 16, 3, 3)}
STUFF = {"sem_seg_head.p2.0.weight": torch.zeros(16, 16, 3, 3), "sem_seg_head.predictor.weight": torch.zeros(5, 16, 1, 1)}


def recognised(tensors: Tensors, preset: str | None = None) -> Recognised:
    return recognise(Contents(Path("net.pth"), "torch", tensors), preset)


def outline(depth: int, **writing: Any) -> Tensors:
    """A whole Faster R-CNN whose weights take no memory."""
    out = files.Writer()
    out.normal = lambda *shape: torch.zeros(()).expand(shape)  # type: ignore[method-assign]
    files.pyramid(out, files.resnet(out, depth, **writing), 256)
    out.conv("proposal_generator.rpn_head.conv", 256, 256, 3)
    out.conv("proposal_generator.rpn_head.objectness_logits", 256, 3, 1)
    out.conv("proposal_generator.rpn_head.anchor_deltas", 256, 12, 1)
    out.linear("roi_heads.box_head.fc1", 256 * 49, 8)
    out.linear("roi_heads.box_head.fc2", 8, 8)
    out.linear("roi_heads.box_predictor.cls_score", 8, 81)
    out.linear("roi_heads.box_predictor.bbox_pred", 8, 320)
    return out.tensors


# -- what it is ---------------------------------------------------------------------------------------------------------


def test_a_faster_rcnn_is_described() -> None:
    found = recognised(files.faster_rcnn())
    spec = found.spec
    assert (spec.family, spec.backbone, spec.backbone_width, spec.dialect) == ("Faster R-CNN", "slim_resnet18", 8, "detectron2")
    assert (spec.levels, spec.neck_channels, spec.extra_levels) == (("P2", "P3", "P4", "P5", "P6"), 16, "pool")
    assert (spec.rpn_depth, spec.box_head, spec.box_features, spec.norm) == (1, "mlp", 32, "frozen")
    assert spec.num_classes == 5
    assert spec.class_names[0] == "background"
    assert spec.conventions == CONVENTIONS["detectron2"]
    assert spec.settings == SETTINGS["detectron2", "Faster R-CNN"]
    assert found.anchors_per_cell == 3
    assert {sureness(spec.origins[name]) for name in ("image_mean", "min_size", "channel_order", "roi_aligned")} == {"assumed"}
    assert {sureness(spec.origins[name]) for name in ("backbone", "num_classes", "norm")} == {"certain"}
    facts = {fact.name: fact for fact in found.facts}
    assert facts["background"].value == "the last class; moved to the front"
    assert facts["preset"].setting == "preset"


def test_a_retinanet_is_described() -> None:
    found = recognised(files.retinanet())
    spec = found.spec
    assert (spec.family, spec.levels, spec.extra_levels) == ("RetinaNet", ("P3", "P4", "P5", "P6", "P7"), "C5")
    assert (spec.num_classes, spec.head_depth, spec.head_norm) == (4, 4, "")
    assert found.anchors_per_cell == 9
    assert spec.settings.anchor_sizes[0] == pytest.approx((32, 40.3175, 50.7968), abs=1e-3)
    assert not spec.conventions.clip_before_nms


@pytest.mark.parametrize(
    ("depth", "written", "name"),
    [
        (18, {}, "resnet18"),
        (34, {}, "resnet34"),
        (50, {}, "resnet50"),
        (101, {}, "resnet101"),
        (152, {}, "resnet152"),
        (101, {"groups": 32, "per_group": 8}, "resnext101_32x8d"),
    ],
    ids=str,
)
def test_backbones_are_told_by_their_blocks(depth: int, written: dict[str, Any], name: str) -> None:
    assert recognised(outline(depth, **written)).spec.backbone == name


def test_a_resnext_has_a_deviation_and_a_stride_of_its_own() -> None:
    spec = recognised(outline(101, groups=32, per_group=8)).spec
    assert spec.settings.image_std == (57.375, 57.12, 58.395)
    assert not spec.conventions.stride_in_1x1
    assert {sureness(spec.origins[name]) for name in ("image_std", "stride_in_1x1")} == {"likely"}
    assert recognised(outline(50)).spec.conventions.stride_in_1x1


def test_a_trained_batchnorm_is_told_from_a_frozen_one() -> None:
    assert recognised(files.faster_rcnn()).spec.norm == "frozen"
    assert recognised(files.faster_rcnn(batch=True)).spec.norm == "batch"


@pytest.mark.parametrize(
    ("more", "kind"), [(MASK, "Mask R-CNN"), (KEYPOINTS, "Keypoint R-CNN"), (STUFF, "Panoptic FPN"), ({}, "")], ids=str
)
def test_more_heads_are_left_out_and_named(more: Tensors, kind: str) -> None:
    found = recognised(files.faster_rcnn() | more)
    assert set(found.left_out) == set(more)
    whole = next((fact.value for fact in found.facts if fact.name == "whole network"), "")
    assert whole == (f"{kind}; its boxes are opened" if kind else "")
    load_module(found)


# -- the tensors --------------------------------------------------------------------------------------------------------


def test_every_tensor_has_its_place_and_its_old_name(tmp_path: Path) -> None:
    for tensors in (files.faster_rcnn(), files.faster_rcnn(convs=4, rpn_convs=2, norm=1.0, batch=True), files.retinanet()):
        found = recognised(tensors)
        assert len(found.tensors) == len(tensors)
        assert set(found.keys.values()) <= set(tensors)
        load_module(found)
    assert recognised(files.faster_rcnn()).keys["backbone.body.layer2.0.downsample.1.running_var"] == (
        "backbone.bottom_up.res3.0.shortcut.norm.running_var"
    )


@pytest.mark.parametrize("agnostic", [False, True])
def test_the_background_is_moved_to_the_front(agnostic: bool) -> None:
    tensors = files.faster_rcnn(agnostic=agnostic)
    found = recognised(tensors).tensors
    name = "roi_heads.box_predictor"
    for ending in ("weight", "bias"):
        scores, boxes = (tensors[f"{name}.{part}.{ending}"] for part in ("cls_score", "bbox_pred"))
        assert torch.equal(found[f"{name}.cls_score.{ending}"], torch.cat([scores[4:], scores[:4]]))
        own = found[f"{name}.bbox_pred.{ending}"]
        assert torch.equal(own[4:], torch.cat([boxes] * 4) if agnostic else boxes)
        assert len(own) == 20


def test_anchors_are_laid_ratio_by_ratio(tmp_path: Path) -> None:
    tensors = files.retinanet(anchors=6)
    rows = tensors["head.cls_score.weight"]
    rows.copy_(torch.arange(6).repeat_interleave(4)[:, None, None, None].expand_as(rows))
    torch.save(tensors, tmp_path / "net.pth")
    for sizes, ratios, order in (
        ([[32, 40]] * 5, (0.5, 1.0, 2.0), [0, 3, 1, 4, 2, 5]),
        ([[32, 40, 50]] * 5, (0.5, 1.0), [0, 2, 4, 1, 3, 5]),
        ([[32]] * 5, (0.5, 1.0, 1.5, 2.0, 3.0, 4.0), [0, 1, 2, 3, 4, 5]),
    ):
        found = read_checkpoint(tmp_path / "net.pth", {"anchor_sizes": sizes, "aspect_ratios": ratios})
        weight = found.tensors["head.classification_head.cls_logits.weight"]
        assert weight[::4, 0, 0, 0].tolist() == order
        assert not found.size_by_size, "they are turned once"


def test_another_number_of_anchors_asks_for_their_sizes(tmp_path: Path) -> None:
    torch.save(files.retinanet(anchors=6), tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"net has 6 anchors per cell where 9 were assumed; .*anchor_sizes"):
        read_checkpoint(tmp_path / "net.pth")


# -- what is said -------------------------------------------------------------------------------------------------------


def test_another_preset_is_honoured() -> None:
    found = recognised(files.faster_rcnn(), "mmdetection")
    assert found.spec.dialect == "detectron2"
    assert found.spec.conventions == CONVENTIONS["mmdetection"]
    assert found.spec.settings.image_std == SETTINGS["mmdetection", "Faster R-CNN"].image_std
    with pytest.raises(CheckpointError, match="net is a Faster R-CNN, and there is no preset 'yolo' for one; use one of: torch"):
        recognised(files.faster_rcnn(), "yolo")


def test_an_option_goes_over_the_preset(tmp_path: Path) -> None:
    torch.save(files.faster_rcnn(), tmp_path / "net.pth")
    spec = open_detector(tmp_path / "net.pth", device="cpu", channel_order="RGB", class_names=["a", "b", "c", "d"]).spec
    assert spec.conventions.channel_order == "RGB"
    assert spec.origins["channel_order"] == "given by the user"
    assert spec.class_names == ("background", "a", "b", "c", "d")


@pytest.mark.parametrize(
    ("mean", "order", "span"), [((103.53, 116.28, 123.675), "BGR", 255.0), ((0.485, 0.456, 0.406), "RGB", 1.0)], ids=str
)
def test_the_mean_in_a_file_tells_order_and_range(tmp_path: Path, mean: tuple[float, ...], order: str, span: float) -> None:
    buffers = {"pixel_mean": torch.tensor(mean)[:, None, None], "pixel_std": torch.ones(3, 1, 1)}
    torch.save(files.faster_rcnn() | buffers, tmp_path / "net.pth")
    found = read_checkpoint(tmp_path / "net.pth")
    spec = found.spec
    assert (spec.conventions.channel_order, spec.conventions.pixel_range) == (order, span)
    assert spec.settings.image_mean == pytest.approx(mean)
    assert sureness(spec.origins["image_mean"]) == "certain"
    assert sureness(spec.origins["channel_order"]) == "likely"
    assert spec.conventions.stride_in_1x1, "a deviation of 1 says nothing against it"
    assert set(found.left_out) == {"pixel_mean", "pixel_std"}


def test_a_grey_mean_tells_no_order(tmp_path: Path) -> None:
    torch.save(files.faster_rcnn() | {"pixel_mean": torch.full((3,), 127.5)}, tmp_path / "net.pth")
    assert sureness(read_checkpoint(tmp_path / "net.pth").spec.origins["channel_order"]) == "assumed"


def test_anchors_that_cannot_be_laid_are_refused() -> None:
    cell = torch.tensor([[-16.0, -16, 16, 16], [-20, -10, 20, 10], [-7, -30, 7, 30]])
    odd = {f"proposal_generator.anchor_generator.cell_anchors.{k}": cell for k in range(5)}
    with pytest.raises(CheckpointError, match=r"net holds anchors .* that are not sizes times ratios"):
        recognised(files.faster_rcnn() | odd)


# -- refusals -----------------------------------------------------------------------------------------------------------


def renamed(**starts: str) -> Callable[[Tensors], Tensors]:
    """Tensors whose names start otherwise; underscores of the argument's name are points."""

    def change(tensors: Tensors) -> Tensors:
        out = dict(tensors)
        for old, new in starts.items():
            out = {name.replace(old.replace("__", "."), new): tensor for name, tensor in out.items()}
        return out

    return change


def without(*starts: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith(starts)}


def plus(name: str, *shape: int) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name: torch.zeros(shape)}


def group_norm(layer: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {f"{layer}.norm.weight": torch.ones(16), f"{layer}.norm.bias": torch.zeros(16)}


def rotated(tensors: Tensors) -> Tensors:
    return tensors | {"proposal_generator.rpn_head.anchor_deltas.weight": torch.zeros(15, 16, 1, 1)}


TWO_STAGE: list[tuple[Callable[[Tensors], Tensors], str]] = [
    (renamed(box_head__fc="box_head.0.fc", box_predictor__cls="box_predictor.0.cls"), "a Cascade R-CNN"),
    (plus("roi_heads.res5.0.conv1.weight", 8, 8, 1, 1), "a C4 detector"),
    (without("backbone.fpn_"), r"a detector without a feature pyramid \(C4 or DC5\)"),
    (plus("backbone.simfp_2.0.weight", 8, 8, 2, 2), "ViTDet's SimpleFeaturePyramid"),
    (plus("backbone.bottom_up.res3.0.conv2_offset.weight", 18, 8, 3, 3), "deformable convolutions"),
    (plus("backbone.bottom_up.stem.conv1_1.weight", 8, 8, 3, 3), "a stem of several convolutions"),
    (renamed(bottom_up__stem="bottom_up.patch_embed"), "another backbone than a ResNet"),
    (group_norm("backbone.fpn_lateral2"), "GroupNorm or LayerNorm in its FPN"),
    (group_norm("roi_heads.box_head.conv1"), "GroupNorm or LayerNorm in its box head"),
    (group_norm("backbone.bottom_up.res2.0.conv9"), "GroupNorm or LayerNorm in its backbone"),
    (rotated, "a detector of rotated boxes"),
    (without("roi_heads."), "an RPN without a box head"),
    (without("proposal_generator."), "a Fast R-CNN"),
    (without("proposal_generator.", "roi_heads."), "a backbone without the heads of a detector"),
]
ONE_STAGE: list[tuple[Callable[[Tensors], Tensors], str]] = [
    (plus("head.ctrness.weight", 1, 16, 3, 3), "detectron2's FCOS"),
    (without("head.cls_subnet.6", "head.bbox_subnet.6"), "other towers than four plain convolutions"),
    (plus("head.cls_subnet.1.weight", 16), "other towers than four plain convolutions"),
]


@pytest.mark.parametrize(("change", "words"), TWO_STAGE, ids=[words for _, words in TWO_STAGE])
def test_other_two_stage_networks_are_named(change: Callable[[Tensors], Tensors], words: str) -> None:
    with pytest.raises(CheckpointError, match=rf"net\.pth is .*{words}.*, which cannot be opened; of detectron2's detectors"):
        recognised(change(files.faster_rcnn()))


@pytest.mark.parametrize(("change", "words"), ONE_STAGE, ids=str)
def test_other_one_stage_networks_are_named(change: Callable[[Tensors], Tensors], words: str) -> None:
    with pytest.raises(CheckpointError, match=rf"net\.pth is .*{words}"):
        recognised(change(files.retinanet()))


def test_stuff_alone_is_no_detector() -> None:
    with pytest.raises(CheckpointError, match="a network for semantic segmentation"):
        recognised(without("proposal_generator.", "roi_heads.")(files.faster_rcnn()) | STUFF)


def test_a_cut_box_head_is_refused() -> None:
    tensors = files.faster_rcnn()
    tensors["roi_heads.box_predictor.bbox_pred.weight"] = torch.zeros(12, 32)
    with pytest.raises(CheckpointError, match="net has 5 class scores and 12 rows of boxes"):
        recognised(tensors)


def test_a_missing_tensor_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    tensors = files.faster_rcnn()
    del tensors["backbone.bottom_up.res4.1.conv2.weight"]
    torch.save(tensors, tmp_path / "net.pth")
    with pytest.raises(CheckpointError) as raised:
        open_detector(tmp_path / "net.pth", device="cpu")
    assert "backbone.body.layer3.1.conv2.weight" in " ".join((str(raised.value), *raised.value.details))
