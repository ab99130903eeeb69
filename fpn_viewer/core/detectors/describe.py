"""A torchvision module to its DetectorSpec: everything is read from the running object, nothing is assumed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet

from fpn_viewer.core.detectors import dense
from fpn_viewer.core.detectors.backbones import backbone_of
from fpn_viewer.core.detectors.bodies import norm_of
from fpn_viewer.core.detectors.conventions_fit import read_conventions
from fpn_viewer.core.detectors.families import FAMILIES, family_of, made_up_names
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.fpn import LateralPyramid

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAMILY_OF: dict[type[Any], str] = {FasterRCNN: "Faster R-CNN", RetinaNet: "RetinaNet", FCOS: "FCOS"}
#: what a one-stage detector needs beside a backbone with a pyramid
DENSE_PARTS = ("transform", "head", "anchor_generator", "box_coder", "postprocess_detections")
_LACKING = {
    "backbone": "its backbone has no feature pyramid to look at",
    **dict.fromkeys(DENSE_PARTS, "it is not made like torchvision's RetinaNet, so it cannot be followed"),
}
_READ = "read from the module"


def describe(module: FasterRCNN, name: str, levels: Sequence[str], weights: str, class_names: Sequence[str] = ()) -> DetectorSpec:
    """The spec of a detector that is already there.

    Args:
        module: a torchvision Faster R-CNN, RetinaNet or FCOS with an FPN.
        name: what the user calls it.
        levels: names of its pyramid levels, fine to coarse.
        weights: where they come from; "random" when untrained.
        class_names: by label with background first; made up ("class 1" …) when empty.

    Raises:
        DetectorError: it is not such a detector.
    """
    family = check_supported(module)
    body = module.backbone.body
    head = (dense.describe_head if family_of(family).one_stage else _two_stage_head)(module)
    classes = head["num_classes"]
    norm, norm_eps = norm_of(body)
    neck = module.backbone.fpn
    spec = DetectorSpec(
        name=name,
        family=family,
        norm=norm,
        norm_eps=norm_eps,
        neck="fpn-no-top-down" if isinstance(neck, LateralPyramid) else "fpn",
        neck_channels=int(module.backbone.out_channels),
        neck_norm=bool(norm_of(neck)[0]),
        neck_norm_kind=norm_of(neck)[0] or "batch",
        levels=tuple(levels),
        class_names=tuple(class_names) or made_up_names(family, classes),
        settings=read_settings(module),
        conventions=read_conventions(module),
        weights=weights,
        **_backbone(body),
        **head,
    )
    names = {} if class_names else {"class_names": "made up: the module has none"}
    return replace(spec, origins={"settings": _READ, "backbone": _READ, **names})


def _two_stage_head(module: FasterRCNN) -> dict[str, Any]:
    predictor, box_head = module.roi_heads.box_predictor.cls_score, module.roi_heads.box_head
    convs = sum(isinstance(layer, nn.Conv2d) for layer in box_head.modules())
    return {
        "rpn_depth": len(module.rpn.head.conv) if isinstance(module.rpn.head.conv, nn.Sequential) else 1,
        "box_head": f"conv{convs}" if convs else "mlp",
        "box_features": int(predictor.in_features),
        "box_norm": norm_of(box_head)[0] if convs else "batch",
        "num_classes": int(predictor.out_features),
    }


def check_supported(module: Any) -> str:
    """Refuses what cannot be traced, saying what is missing.

    A module of any class that is made like torchvision's RetinaNet (it has `DENSE_PARTS`) may say what it is by an attribute
    `family`. Its head gives "cls_logits" (1, N, K), "bbox_regression" (1, N, 4) and, where the class is only a part of the score,
    "bbox_ctrness" or "objectness" (1, N, 1). Where the `box_coder` is not one of torchvision's, the regression is the boxes.

    Returns:
        Its family, a key of `families.FAMILIES`.

    Raises:
        DetectorError: not one of torchvision's detectors over a feature pyramid.
    """
    declared = getattr(module, "family", None)
    of_class = next((name for kind, name in _FAMILY_OF.items() if isinstance(module, kind)), None)
    family = declared if isinstance(declared, str) and declared in FAMILIES else of_class
    if family is None:
        known = ", ".join(kind.__name__ for kind in _FAMILY_OF)
        raise DetectorError(
            f"a network of class {type(module).__name__} cannot be followed yet; torchvision's {known} (and subclasses) can."
        )
    for path in ("backbone.body", "backbone.fpn", *(DENSE_PARTS if family_of(family).one_stage else ())):
        owner: Any = module
        for part in path.split("."):
            owner = getattr(owner, part, None)
        if owner is None:
            raise DetectorError(f"this {type(module).__name__} has no {path}: {_LACKING[path.partition('.')[0]]}.")
    return family


def _backbone(body: nn.Module) -> dict[str, Any]:
    """The fields of `DetectorSpec` about the backbone; one that is not known is called by its class."""
    shapes = {name.removeprefix("features."): tuple(tensor.shape) for name, tensor in body.state_dict().items()}
    known = backbone_of(shapes)
    if known is None:
        return {"backbone": type(getattr(body, "features", body)).__name__}
    read = tuple(str(place).removeprefix("features.") for place in getattr(body, "return_layers", ()))
    usual = tuple(stage.place for stage in known.backbone.ways[0][-len(read) :])
    return {
        "backbone": known.backbone.name,
        "backbone_width": known.width,
        "stages": () if read == usual else read,
        "stage_norms": known.stage_norms,
    }
