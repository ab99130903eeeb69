"""DetectorSpec to a torchvision module with random weights; the caller loads the real ones."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.detectors.backbones import BACKBONES, EXTRA_LEVELS, places_of
from fpn_viewer.core.detectors.bodies import NORMS, body_of, stages_of
from fpn_viewer.core.detectors.conventions_fit import fit_conventions
from fpn_viewer.core.detectors.dense import build_dense
from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.necks.fpn import LateralPyramid

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

RESNETS: tuple[str, ...] = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_FEATMAPS_OF_FOUR = ("0", "1", "2", "3")


def build_module(spec: DetectorSpec, initialised: bool = True) -> nn.Module:
    """A detector of this description, in eval mode.

    Args:
        spec: the description.
        initialised: with random weights as torchvision draws them; without, they are whatever lies in memory, for one whose weights
            are all put in next: drawing those of a big network takes seconds.

    Raises:
        DetectorError: the description names a part that this program cannot build.
    """
    if spec.backbone not in BACKBONES or spec.neck not in _NECKS:
        raise DetectorError(
            f"{spec.name}: a detector with backbone {spec.backbone!r} and neck {spec.neck!r} cannot be built; "
            f"backbones are {', '.join(BACKBONES)} and necks {', '.join(_NECKS)}."
        )
    with nullcontext() if initialised else _Undrawn():
        backbone = _with_fpn(spec)
        anchors = _anchor_generator(spec.settings)
        build = build_dense if spec.kind.one_stage else _two_stage
        module = build(spec, backbone, anchors)
        fit_conventions(module, spec)
    return module.eval()


class _Undrawn(TorchFunctionMode):
    """Leaves out the drawing of random weights, in this thread only."""

    _LEFT_ALONE = frozenset({"kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_"})
    # torch draws a truncated normal again until all numbers lie in the bounds: zeros always do
    _ZEROED = frozenset({"normal_", "uniform_"})

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, named = getattr(func, "__name__", ""), kwargs or {}
        if name in self._LEFT_ALONE or name in self._ZEROED:
            target: Tensor = args[0] if args else named["tensor"]
            if name in self._ZEROED:
                target.detach().zero_()
            return target
        return func(*args, **named)


def _two_stage(spec: DetectorSpec, backbone: BackboneWithFPN, anchors: AnchorGenerator) -> nn.Module:
    per_cell = anchors.num_anchors_per_location()[0]
    module: nn.Module = FasterRCNN(
        backbone,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(spec.neck_channels, per_cell, conv_depth=spec.rpn_depth),
        box_roi_pool=MultiScaleRoIAlign(list(_FEATMAPS_OF_FOUR), output_size=7, sampling_ratio=2),
        box_head=_box_head(spec),
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


def _with_fpn(spec: DetectorSpec) -> BackboneWithFPN:
    laterals = len(spec.levels) - EXTRA_LEVELS[spec.extra_levels]
    try:
        stages = stages_of(spec, laterals)
    except KeyError as error:
        known = ", ".join(places_of(BACKBONES[spec.backbone]))
        raise DetectorError(
            f"{spec.name}: {BACKBONES[spec.backbone].title} has no stage {error.args[0]!r} for a lateral; its stages are {known}."
        ) from error
    channels, width = [stage.channels for stage in stages], spec.neck_channels
    backbone = BackboneWithFPN.__new__(BackboneWithFPN)
    nn.Module.__init__(backbone)
    backbone.body = body_of(spec, stages)
    fpn = FeaturePyramidNetwork(
        channels,
        width,
        extra_blocks=_EXTRA_LEVELS[spec.extra_levels](channels[-1], width),
        norm_layer=NORMS[spec.neck_norm_kind] if spec.neck_norm else None,
    )
    backbone.fpn = _NECKS[spec.neck](fpn)
    backbone.out_channels = width
    return backbone


def _box_head(spec: DetectorSpec) -> nn.Module:
    build = next((build for pattern, build in _BOX_HEADS.items() if re.fullmatch(pattern, spec.box_head)), None)
    if build is None:
        raise DetectorError(f"{spec.name}: a box head {spec.box_head!r} cannot be built; mlp and conv4 (or of other numbers) can.")
    return build(spec)


def _mlp_head(spec: DetectorSpec) -> nn.Module:
    head: nn.Module = TwoMLPHead(spec.neck_channels * 7 * 7, spec.box_features)
    return head


def _conv_head(spec: DetectorSpec) -> nn.Module:
    width, convs = spec.neck_channels, int(spec.box_head.removeprefix("conv"))
    norm = NORMS[spec.box_norm] if spec.box_norm else None
    head: nn.Module = FastRCNNConvFCHead((width, 7, 7), [width] * convs, [spec.box_features], norm_layer=norm)
    return head


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
#: pattern of `DetectorSpec.box_head` to what builds it
_BOX_HEADS: dict[str, Callable[[DetectorSpec], nn.Module]] = {"mlp": _mlp_head, r"conv[1-9]\d*": _conv_head}
