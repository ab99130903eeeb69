"""What was read of a torchvision detector, in the order of its forward, with where each thing was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.torchvision import heads
from fpn_viewer.core.checkpoints.torchvision import names as n
from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, GIVEN, Fact, assumed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.core.checkpoints.torchvision.dialect import Case
    from fpn_viewer.core.detectors.backbones import Body, Stage
    from fpn_viewer.core.detectors.spec import DetectorSpec

_BOX_PART = {"Mask R-CNN": "its box part; the masks are left out", "Keypoint R-CNN": "its box part; the keypoints are left out"}
_NORMS = {"batch": "BatchNorm", "frozen": "FrozenBatchNorm", "group": "GroupNorm of 32", "layer": "LayerNorm", "": "none"}
_GROUPS = assumed("the usual")
_COCO = {91: "as many as COCO's ids, gaps and 0 included", 81: "as many as COCO's 80 and the background", 80: "as many as COCO has"}


def of(case: Case, spec: DetectorSpec, body: Body, stages: tuple[Stage, ...]) -> tuple[Fact, ...]:
    """The facts of one file."""
    return (
        *_whole(case, spec),
        *_backbone(spec, body, stages),
        *_neck(case, spec),
        *(_dense(case, spec) if spec.kind.one_stage else _two_stage(spec)),
        *_outputs(case, spec),
    )


def _whole(case: Case, spec: DetectorSpec) -> Iterator[Fact]:
    words = _BOX_PART.get(case.network)
    yield Fact("family", spec.family, FROM_KEYS)
    if words:
        yield Fact("network", f"{case.network}: {words}", FROM_KEYS)
    yield Fact("dialect", f"torchvision{', with the names it had before 0.12' * case.legacy}", FROM_KEYS)
    yield Fact("preset", case.preset, GIVEN if case.preset_given else assumed("the dialect"), setting="preset")


def _backbone(spec: DetectorSpec, body: Body, stages: tuple[Stage, ...]) -> Iterator[Fact]:
    width = f", {body.width} channels in its stem" * (body.backbone.style == "slim")
    yield Fact("backbone", body.backbone.title + width, FROM_SHAPES)
    yield Fact("norm", _NORMS[spec.norm], FROM_KEYS)
    read = ", ".join(f"{stage.place} ({stage.channels} channels, stride {stage.stride})" for stage in stages)
    yield Fact("laterals read", read, spec.origins["stages"], setting="stages")
    if spec.stage_norms:
        yield Fact("norms of the stages", "a LayerNorm behind each", FROM_KEYS)


def _neck(case: Case, spec: DetectorSpec) -> Iterator[Fact]:
    yield Fact("neck", f"FPN, {spec.neck_channels} channels", FROM_SHAPES)
    norm = _NORMS[spec.neck_norm_kind if spec.neck_norm else ""]
    yield Fact("neck norm", norm, _GROUPS if norm == _NORMS["group"] else FROM_KEYS)
    yield Fact("levels", ", ".join(spec.levels), spec.origins["levels"])
    if spec.extra_levels == "pool":
        yield Fact("extra levels", "every second cell of the last level", FROM_KEYS)
        return
    above = "the last level (P5)" if spec.extra_levels == "P5" else "the backbone's last map (C5)"
    taken = case.shapes[f"{n.FPN}extra_blocks.p6.weight"][1]
    yield Fact("extra levels", f"P6 and P7, convolutions with stride 2 of {above}, {taken} channels", FROM_SHAPES)


def _two_stage(spec: DetectorSpec) -> Iterator[Fact]:
    yield Fact("RPN", f"{spec.rpn_depth} convolution{'s' * (spec.rpn_depth > 1)}", FROM_KEYS)
    yield Fact("box head", heads.box_head_words({"box_head": spec.box_head, "box_features": spec.box_features}), FROM_SHAPES)
    if spec.box_head != "mlp":
        yield Fact("norm of the box head", _NORMS[spec.box_norm], _GROUPS if spec.box_norm == "group" else FROM_KEYS)


def _dense(case: Case, spec: DetectorSpec) -> Iterator[Fact]:
    norm = _NORMS[spec.head_norm]
    yield Fact("head", f"{spec.head_depth} convolutions per tower, norm: {norm}", _GROUPS if spec.head_norm else FROM_KEYS)
    if n.CENTERNESS in case.shapes:
        yield Fact("centerness", "beside the boxes", FROM_KEYS)


def _outputs(case: Case, spec: DetectorSpec) -> Iterator[Fact]:
    yield Fact("anchors per cell", str(heads.anchors_per_cell(case.shapes)), FROM_SHAPES)
    one_stage = spec.kind.one_stage
    background = "every label from 0 on" if one_stage else "the background among them, label 0"
    coco = _COCO.get(spec.num_classes if one_stage or spec.num_classes != 80 else 0, "")
    yield Fact("classes", f"{spec.num_classes}, {background}{f'; {coco}' * bool(coco)}", FROM_SHAPES)
