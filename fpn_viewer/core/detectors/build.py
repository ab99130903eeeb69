"""DetectorSpec to a torchvision module with random weights; the caller loads the real ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models import mobilenet, resnet
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN, _mobilenet_extractor
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.detectors.dense import build_dense
from fpn_viewer.core.detectors.slim import SlimResNet18
from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.fpn import LateralPyramid

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

_BASIC = frozenset({"resnet18", "resnet34"})
RESNETS: tuple[str, ...] = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_FEATMAPS_OF_FOUR = ("0", "1", "2", "3")


def build_module(spec: DetectorSpec) -> nn.Module:
    """A detector of this description, in eval mode, weights random.

    Raises:
        DetectorError: the description names a part that this program cannot build.
    """
    if spec.backbone not in _BACKBONES or spec.neck not in _NECKS:
        raise DetectorError(
            f"{spec.name}: a detector with backbone {spec.backbone!r} and neck {spec.neck!r} cannot be built; "
            f"backbones are {', '.join(_BACKBONES)} and necks {', '.join(_NECKS)}."
        )
    backbone = _BACKBONES[spec.backbone](spec)
    backbone.fpn = _NECKS[spec.neck](backbone.fpn)
    anchors = _anchor_generator(spec.settings)
    build = build_dense if spec.kind.one_stage else _two_stage
    return build(spec, backbone, anchors).eval()


def _two_stage(spec: DetectorSpec, backbone: BackboneWithFPN, anchors: AnchorGenerator) -> nn.Module:
    per_cell = anchors.num_anchors_per_location()[0]
    module: nn.Module = FasterRCNN(
        backbone,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(spec.neck_channels, per_cell, conv_depth=spec.rpn_depth),
        box_roi_pool=MultiScaleRoIAlign(list(_FEATMAPS_OF_FOUR), output_size=7, sampling_ratio=2),
        box_head=_BOX_HEADS[spec.box_head](spec),
        box_predictor=FastRCNNPredictor(spec.box_features, spec.num_classes),
        **inference_arguments(spec.settings),
    )
    return module


def inference_arguments(settings: Settings) -> dict[str, Any]:
    """`Settings` under the argument names of torchvision's `FasterRCNN`."""
    return {
        "min_size": settings.min_size,
        "max_size": settings.max_size,
        "image_mean": list(settings.image_mean),
        "image_std": list(settings.image_std),
        "rpn_pre_nms_top_n_test": settings.rpn_pre_nms_top_n,
        "rpn_post_nms_top_n_test": settings.rpn_post_nms_top_n,
        "rpn_nms_thresh": settings.rpn_nms_thresh,
        "rpn_score_thresh": settings.rpn_score_thresh,
        "box_score_thresh": settings.box_score_thresh,
        "box_nms_thresh": settings.box_nms_thresh,
        "box_detections_per_img": settings.box_detections_per_img,
    }


def _anchor_generator(settings: Settings) -> AnchorGenerator:
    return AnchorGenerator(settings.anchor_sizes, (settings.aspect_ratios,) * len(settings.anchor_sizes))


def _norm_layer(spec: DetectorSpec) -> Callable[..., nn.Module]:
    return partial(FrozenBatchNorm2d, eps=spec.norm_eps) if spec.norm == "frozen" else nn.BatchNorm2d


def _resnet(spec: DetectorSpec) -> BackboneWithFPN:
    body = getattr(resnet, spec.backbone)(weights=None, norm_layer=_norm_layer(spec))
    return _with_fpn(body, 64 if spec.backbone in _BASIC else 256, spec)


def _slim(spec: DetectorSpec) -> BackboneWithFPN:
    return _with_fpn(SlimResNet18(spec.backbone_width), spec.backbone_width, spec)


def _with_fpn(body: nn.Module, first: int, spec: DetectorSpec) -> BackboneWithFPN:
    # a pyramid that starts at P3 leaves the first of the four stages out
    stages = range(int(spec.levels[0].lstrip("P")) - 1, 5)
    return BackboneWithFPN(
        body,
        return_layers={f"layer{k}": str(index) for index, k in enumerate(stages)},
        in_channels_list=[first * 2 ** (k - 1) for k in stages],
        out_channels=spec.neck_channels,
        extra_blocks=_EXTRA_LEVELS[spec.extra_levels](first * 8, spec.neck_channels),
        norm_layer=nn.BatchNorm2d if spec.neck_norm else None,
    )


def _mobilenet(spec: DetectorSpec) -> BackboneWithFPN:
    body = mobilenet.mobilenet_v3_large(weights=None, norm_layer=_norm_layer(spec))
    return _mobilenet_extractor(body, fpn=True, trainable_layers=6)


def _mlp_head(spec: DetectorSpec) -> nn.Module:
    head: nn.Module = TwoMLPHead(spec.neck_channels * 7 * 7, spec.box_features)
    return head


def _conv_head(spec: DetectorSpec) -> nn.Module:
    width = spec.neck_channels
    head: nn.Module = FastRCNNConvFCHead((width, 7, 7), [width] * 4, [spec.box_features], norm_layer=nn.BatchNorm2d)
    return head


_BACKBONES: dict[str, Callable[[DetectorSpec], BackboneWithFPN]] = {
    **dict.fromkeys(RESNETS, _resnet),
    "slim_resnet18": _slim,
    "mobilenet_v3_large": _mobilenet,
}
#: (channels of the last backbone map, width of the pyramid) to what makes the levels above it
_EXTRA_LEVELS: dict[str, Callable[[int, int], nn.Module]] = {
    "pool": lambda _, __: LastLevelMaxPool(),
    "P5": lambda _, width: LastLevelP6P7(width, width),
    "C5": lambda last, width: LastLevelP6P7(last, width),
}
_NECKS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "fpn": lambda fpn: fpn,
    "fpn-no-top-down": LateralPyramid.sharing,
}
_BOX_HEADS: dict[str, Callable[[DetectorSpec], nn.Module]] = {"mlp": _mlp_head, "conv4": _conv_head}
