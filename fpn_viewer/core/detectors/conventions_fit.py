"""Conventions become real: parts of a built module are replaced so that it computes as the code base of its weights does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchvision.models.resnet import Bottleneck
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES, Conventions
from fpn_viewer.core.detectors.parts.anchors import anchor_generator
from fpn_viewer.core.detectors.parts.pooling import ConventionalRoIAlign
from fpn_viewer.core.detectors.parts.transform import ConventionalTransform
from fpn_viewer.core.detectors.settings import anchor_owner
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.necks.fpn import AveragingPyramid, LinearP6P7
from fpn_viewer.core.necks.graph import level_strides

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: under this name a module remembers how it computes
_MARK = "conventions"


def fit_conventions(module: nn.Module, spec: DetectorSpec) -> None:
    """Replaces parts of a newly built module according to `spec.conventions`; under torchvision's own it stays as it is.

    Names and shapes of its tensors do not change. That boxes are clipped after NMS is the class's doing: `dense.build_dense`.
    """
    if spec.conventions == Conventions():
        return
    setattr(module, _MARK, spec.conventions)
    for fit in _FITS:
        fit(module, spec, spec.conventions)


def read_conventions(module: nn.Module) -> Conventions:
    """How a running module computes: what it was built with, and torchvision's for one that was not built here."""
    kept = getattr(module, _MARK, None)
    return kept if isinstance(kept, Conventions) else Conventions()


def check_conventions(own: DetectorSpec, wanted: DetectorSpec) -> None:
    """Refuses conventions for a module that is there already and computes as it does.

    Raises:
        SettingError: `wanted` has other conventions than the module's own description.
    """
    changed = [name for name in CONVENTION_NAMES if getattr(wanted.conventions, name) != getattr(own.conventions, name)]
    changed += ["norm_eps"] if wanted.norm_eps != own.norm_eps else []
    if changed:
        raise SettingError(
            f"{wanted.name} computes in its own way, so {changed[0]} cannot be set; that is for weights from a file "
            "of another code base."
        )


def _transform(module: Any, _: DetectorSpec, conventions: Conventions) -> None:
    module.transform = ConventionalTransform(module.transform, conventions)


def _anchors(module: Any, spec: DetectorSpec, conventions: Conventions) -> None:
    settings = spec.settings
    generator = anchor_generator(settings.anchor_sizes, settings.aspect_ratios, conventions, spec.levels)
    anchor_owner(module).anchor_generator = generator


def _pooling(module: Any, spec: DetectorSpec, conventions: Conventions) -> None:
    if not hasattr(module, "roi_heads"):
        return
    module.roi_heads.box_roi_pool = ConventionalRoIAlign(
        module.roi_heads.box_roi_pool,
        sampling_ratio=conventions.roi_sampling_ratio,
        aligned=conventions.roi_aligned,
        strides=level_strides(spec.levels) if conventions.anchor_strides == "level" else None,
    )


def _strides(module: Any, _: DetectorSpec, conventions: Conventions) -> None:
    if not conventions.stride_in_1x1:
        return
    for block in module.backbone.body.modules():
        if isinstance(block, Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)


def _fusion(module: Any, _: DetectorSpec, conventions: Conventions) -> None:
    neck = module.backbone.fpn
    if conventions.fusion == "avg" and type(neck) is FeaturePyramidNetwork:
        module.backbone.fpn = AveragingPyramid.sharing(neck)


def _extra_levels(module: Any, _: DetectorSpec, conventions: Conventions) -> None:
    neck = module.backbone.fpn
    if not conventions.p7_relu and type(neck.extra_blocks) is LastLevelP6P7:
        neck.extra_blocks = LinearP6P7.sharing(neck.extra_blocks)


_FITS: tuple[Callable[[Any, DetectorSpec, Conventions], None], ...] = (
    _transform,
    _anchors,
    _pooling,
    _strides,
    _fusion,
    _extra_levels,
)
