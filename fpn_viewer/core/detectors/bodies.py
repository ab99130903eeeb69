"""Backbones as modules that give the maps which a pyramid reads, with random weights, under torchvision's names."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn
from torchvision.models import convnext, mobilenet, resnet, swin_transformer, vgg
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FrozenBatchNorm2d

from fpn_viewer.core.detectors.backbones import BACKBONES, blocks_of, stages_named
from fpn_viewer.core.detectors.slim import SlimResNet
from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from fpn_viewer.core.detectors.backbones import Stage
    from fpn_viewer.core.detectors.spec import DetectorSpec

#: kind of norm to what makes one for so many channels; nobody writes down GroupNorm's number of groups, by convention it is 32
NORMS: dict[str, Callable[..., nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "frozen": FrozenBatchNorm2d,
    "group": partial(nn.GroupNorm, 32),
}
_KINDS: tuple[tuple[Any, str], ...] = (
    (FrozenBatchNorm2d, "frozen"),
    (nn.modules.batchnorm._BatchNorm, "batch"),
    (nn.GroupNorm, "group"),
    (nn.LayerNorm, "layer"),
)
_VGG_LAYERS = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


class ChannelsFirst(nn.Module):
    """(N, h, w, C) to (N, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers, laid out anew."""
        return x.permute(0, 3, 1, 2).contiguous()


class ChannelsLastStages(IntermediateLayerGetter):
    """Gives maps of a backbone whose modules have channels last (Swin) with channels first, as a pyramid wants them.

    Args:
        trunk: modules in a row; a map of theirs is (N, h, w, C).
        stages: which maps to give.
        normed: with a LayerNorm for each, `norm0` for the first stage that the backbone has.
    """

    def __init__(self, trunk: nn.Module, stages: Sequence[Stage], normed: bool) -> None:
        super().__init__(trunk, _return_layers(stages))
        self.norm_of = {stage.place: f"norm{int(stage.place) // 2}" for stage in stages} if normed else {}
        for stage in stages if normed else ():
            self[self.norm_of[stage.place]] = nn.LayerNorm(stage.channels)
        self.trunk = tuple(place for place in self if place not in self.norm_of.values())
        self.channels_first = ChannelsFirst()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) to maps by name, each (N, C, h, w)."""
        out: dict[str, Tensor] = OrderedDict()
        for place in self.trunk:
            x = self[place](x)
            if place in self.return_layers:
                normed = self[self.norm_of[place]](x) if self.norm_of else x
                out[self.return_layers[place]] = self.channels_first(normed)
        return out


def body_of(spec: DetectorSpec, stages: Sequence[Stage]) -> nn.Module:
    """The backbone of a detector, giving the maps of its stages as "0", "1" … from fine to coarse.

    Raises:
        DetectorError: the description has a norm that such a backbone cannot be built with.
    """
    backbone = BACKBONES[spec.backbone]
    trunk = TRUNKS[backbone.style](spec)
    body: nn.Module
    if backbone.style == "swin":
        body = ChannelsLastStages(trunk, stages, spec.stage_norms)
    else:
        body = IntermediateLayerGetter(trunk, _return_layers(stages))
    for module in body.modules():
        if _kind_of(module):
            module.eps = spec.norm_eps
    return body


def norm_of(body: nn.Module) -> tuple[str, float]:
    """Kind and epsilon of the first norm in a module; ("", 1e-5) where it has none."""
    norm: Any = next((module for module in body.modules() if _kind_of(module)), None)
    return ("", 1e-5) if norm is None else (_kind_of(norm), float(norm.eps))


def _kind_of(module: nn.Module) -> str:
    return next((name for kind, name in _KINDS if isinstance(module, kind)), "")


def stages_of(spec: DetectorSpec, laterals: int) -> tuple[Stage, ...]:
    """The stages that the laterals of a described detector read.

    Raises:
        KeyError: its backbone has no stage of such a name.
    """
    return stages_named(BACKBONES[spec.backbone], spec.backbone_width, spec.stages, laterals)


def _norm(spec: DetectorSpec) -> Callable[..., nn.Module]:
    if spec.norm not in NORMS:
        raise DetectorError(
            f"{spec.name}: {BACKBONES[spec.backbone].title} cannot be built with norm {spec.norm!r}; use one of {', '.join(NORMS)}."
        )
    return NORMS[spec.norm]


def _return_layers(stages: Sequence[Stage]) -> dict[str, str]:
    return {stage.place: str(index) for index, stage in enumerate(stages)}


def _resnet(spec: DetectorSpec) -> nn.Module:
    module: nn.Module = getattr(resnet, spec.backbone)(weights=None, norm_layer=_norm(spec))
    return module


def _slim(spec: DetectorSpec) -> nn.Module:
    return SlimResNet(spec.backbone_width, *blocks_of(spec.backbone), _norm(spec))


def _mobilenet(spec: DetectorSpec) -> nn.Module:
    module: nn.Module = getattr(mobilenet, spec.backbone)(weights=None, norm_layer=_norm(spec)).features
    return module


def _vgg(spec: DetectorSpec) -> nn.Module:
    name, _, normed = spec.backbone.partition("_")
    # without the classifier: its hundred million weights are no part of a detector
    features: nn.Sequential = vgg.make_layers(vgg.cfgs[_VGG_LAYERS[name]], batch_norm=bool(normed))
    for index, layer in enumerate(features):
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.BatchNorm2d):
            features[index] = _norm(spec)(layer.num_features)
    return features


def _swin(spec: DetectorSpec) -> nn.Module:
    module: nn.Module = getattr(swin_transformer, spec.backbone)(weights=None).features
    return module


def _convnext(spec: DetectorSpec) -> nn.Module:
    module: nn.Module = getattr(convnext, spec.backbone)(weights=None).features
    return module


#: style of a backbone to what builds all of it
TRUNKS: Mapping[str, Callable[[DetectorSpec], nn.Module]] = {
    "resnet": _resnet,
    "slim": _slim,
    "mobilenet": _mobilenet,
    "vgg": _vgg,
    "swin": _swin,
    "convnext": _convnext,
}
