"""Detectors with random weights, and the names that each code base gives to their tensors.

Written from the code bases' published key lists and from torchvision's modules, not from the program's readers, which are tested
against it. How files are wrapped is in `checkpoint_wrappers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import detection
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import FCOS, FasterRCNN, KeypointRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.detectors.slim import SlimResNet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

State = dict[str, Tensor]

_POOL = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0))
_INITS = ("kaiming_uniform_", "kaiming_normal_", "normal_", "uniform_", "trunc_normal_", "xavier_uniform_")


# -- networks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """A detector to be saved.

    Attributes:
        family: "Faster R-CNN", "Mask R-CNN", "Keypoint R-CNN", "RetinaNet", "FCOS".
        backbone: torchvision's name, or "slim_resnet18" (16 channels in its stem).
        norm: "batch" or "frozen", of a ResNet or MobileNet.
        classes: outputs of the classifier; with background where the family has one.
        channels: of the pyramid.
        extra: what the levels above the last map are made from, "pool", "P5" or "C5".
        version: 2 for the heads that torchvision calls v2.
    """

    family: str = "Faster R-CNN"
    backbone: str = "slim_resnet18"
    norm: str = "batch"
    classes: int = 4
    channels: int = 32
    extra: str = "pool"
    version: int = 1

    @property
    def one_stage(self) -> bool:
        """Whether there is no RPN."""
        return self.family in ("RetinaNet", "FCOS")

    @property
    def box_part(self) -> Network:
        """The network that finds the same boxes without masks and keypoints."""
        return self if self.one_stage else replace(self, family="Faster R-CNN")

    @property
    def per_cell(self) -> int:
        """Anchors per cell."""
        return {"RetinaNet": 9, "FCOS": 1}.get(self.family, 15 if self.backbone.startswith("mobilenet") else 3)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the pyramid's levels."""
        if self.backbone.startswith("mobilenet"):
            return ("P5a", "P5b", "P6") if self.extra == "pool" else ("P5a", "P5b", "P6", "P7")
        return ("P3", "P4", "P5", "P6", "P7") if self.one_stage else ("P2", "P3", "P4", "P5", "P6")


class ChannelsLast(IntermediateLayerGetter):
    """torchvision's Swin gives (N, h, w, C)."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Maps with channels first."""
        return {name: map_.permute(0, 3, 1, 2).contiguous() for name, map_ in super().forward(x).items()}


def _fours(first: int, name: str = "{}") -> dict[str, int]:
    return {name.format(2 * k + 1): first << k for k in range(4)}


#: start of a backbone's name to the modules whose maps are read, with their channels
_PLACES: dict[str, dict[str, int]] = {
    "slim_resnet18": {f"layer{k + 1}": 16 << k for k in range(4)},
    "resnet18": {f"layer{k + 1}": 64 << k for k in range(4)},
    "resnet34": {f"layer{k + 1}": 64 << k for k in range(4)},
    "res": {f"layer{k + 1}": 256 << k for k in range(4)},
    "wide": {f"layer{k + 1}": 256 << k for k in range(4)},
    "mobilenet_v3_large": {"13": 160, "16": 960},
    "mobilenet_v3_small": {"9": 96, "12": 576},
    "vgg11": {"9": 256, "14": 512, "19": 512, "20": 512},
    "vgg16_bn": {"22": 256, "32": 512, "42": 512, "43": 512},
    "vgg19": {"17": 256, "26": 512, "35": 512, "36": 512},
    "swin_b": _fours(128),
    "swin_v2_b": _fours(128),
    "swin": _fours(96),
    "convnext_base": _fours(128),
    "convnext_large": _fours(192),
    "convnext": _fours(96),
}


def _places(network: Network) -> dict[str, int]:
    found = next(places for start, places in _PLACES.items() if network.backbone.startswith(start))
    return dict(list(found.items())[-3:]) if network.one_stage else found


def _trunk(network: Network) -> nn.Module:
    norm = {"batch": nn.BatchNorm2d, "frozen": FrozenBatchNorm2d}[network.norm]
    if network.backbone == "slim_resnet18":
        return SlimResNet(16, "basic", (2, 2, 2, 2), norm)
    build = getattr(models, network.backbone)
    named = "res" in network.backbone or network.backbone.startswith("mobilenet")
    whole: nn.Module = build(weights=None, norm_layer=norm) if named else build(weights=None)
    return getattr(whole, "features", whole)


def _backbone(network: Network) -> BackboneWithFPN:
    places, trunk = _places(network), _trunk(network)
    layers, last = {place: str(index) for index, place in enumerate(places)}, list(places.values())[-1]
    extra = {
        "pool": LastLevelMaxPool,
        "P5": partial(LastLevelP6P7, network.channels, network.channels),
        "C5": partial(LastLevelP6P7, last, network.channels),
    }[network.extra]()
    normed = nn.BatchNorm2d if network.version == 2 and not network.one_stage else None
    backbone = BackboneWithFPN(trunk, layers, list(places.values()), network.channels, extra, normed)
    if network.backbone.startswith("swin"):
        backbone.body = ChannelsLast(trunk, layers)
    return backbone


def _rcnn(kind: type[FasterRCNN], network: Network) -> FasterRCNN:
    backbone, channels = _backbone(network), network.channels
    mobile = network.backbone.startswith("mobilenet")
    sizes = ((32, 64, 128, 256, 512),) * 3 if mobile else tuple((32 << k,) for k in range(5))
    second = network.version == 2
    head = FastRCNNConvFCHead((channels, 7, 7), [channels] * 4, [64], nn.BatchNorm2d) if second else TwoMLPHead(channels * 49, 64)
    return kind(
        backbone,
        rpn_anchor_generator=AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes)),
        rpn_head=RPNHead(channels, network.per_cell, conv_depth=2 if second else 1),
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2),
        box_head=head,
        box_predictor=FastRCNNPredictor(64, network.classes),
        rpn_score_thresh=0.05 if mobile else 0.0,
        **_other_heads(kind, network),
    )


def _other_heads(kind: type[FasterRCNN], network: Network) -> dict[str, Any]:
    """Small heads for masks and keypoints, where the family has them."""
    channels = network.channels
    if kind is MaskRCNN:
        return {"mask_head": MaskRCNNHeads(channels, (32,) * 4, 1), "mask_predictor": MaskRCNNPredictor(32, 32, network.classes)}
    if kind is KeypointRCNN:
        return {"keypoint_head": KeypointRCNNHeads(channels, (16,) * 8), "keypoint_predictor": KeypointRCNNPredictor(16, 5)}
    return {}


def _retinanet(network: Network) -> RetinaNet:
    norm = partial(nn.GroupNorm, 32) if network.version == 2 else None
    head = RetinaNetHead(network.channels, network.per_cell, network.classes, norm_layer=norm)
    return RetinaNet(_backbone(network), network.classes, head=head)


_BUILDERS: dict[str, Callable[[Network], nn.Module]] = {
    "Faster R-CNN": partial(_rcnn, FasterRCNN),
    "Mask R-CNN": partial(_rcnn, MaskRCNN),
    "Keypoint R-CNN": partial(_rcnn, KeypointRCNN),
    "RetinaNet": _retinanet,
    "FCOS": lambda network: FCOS(_backbone(network), network.classes),
}


def _built(build: Callable[[], nn.Module]) -> nn.Module:
    """A module without its first weights: drawing those of a big network takes seconds."""
    with patch.multiple(nn.init, **{name: lambda tensor, *_, **__: tensor for name in _INITS}):
        return build().eval()


def module_of(network: Network) -> nn.Module:
    """The torchvision module, with the weights of `state_of`; of Mask and Keypoint R-CNN the part that finds boxes."""
    module = _built(partial(_BUILDERS[network.box_part.family], network.box_part))
    wanted = module.state_dict().keys()
    module.load_state_dict({name: tensor for name, tensor in state_of(network).items() if name in wanted})
    return module


@lru_cache(maxsize=3)
def state_of(network: Network) -> State:
    """All tensors under torchvision's names of today; random, with a spread that keeps maps alive."""
    return filled(_built(partial(_BUILDERS[network.family], network)))


@lru_cache(maxsize=3)
def blank_state_of(network: Network) -> State:
    """The same without numbers (zeros, 16 bits), for the biggest."""
    with torch.device("meta"):
        module = _BUILDERS[network.family](network)
    return {name: torch.zeros(t.shape, dtype=torch.bfloat16) for name, t in module.state_dict().items()}


def halved(state: Mapping[str, Tensor], dtype: torch.dtype = torch.bfloat16) -> State:
    """Numbers of 16 bits, counters as they are."""
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def filled(module: nn.Module) -> State:
    """The module's tensors with random numbers."""
    return {name: _filled(name, tensor, number) for number, (name, tensor) in enumerate(module.state_dict().items())}


#: what a tensor of one dimension lies around; a residual block adds little to what goes through, or deep networks run out of bounds
_MIDDLES = {r"layer\d\.\d+\.bn[23]\.weight": 0.3, r"weight$": 1.0, r"(layer_scale|logit_scale)$": 0.3}
_OUTPUTS = re.compile(r"(bbox_pred|bbox_reg|cls_score|cls_logits|bbox_ctrness)\.weight$")


def _filled(name: str, tensor: Tensor, number: int) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.fill_(1000) if name.endswith("num_batches_tracked") else tensor
    start = 7919 * number % 500_000
    pool = _POOL[start:].repeat(-(-tensor.numel() // (len(_POOL) - start)))[: tensor.numel()].reshape(tensor.shape)
    if tensor.dim() in (2, 4):
        # outputs are kept small: no class is certain, no box leaves the picture
        spread = 0.02 if _OUTPUTS.search(name) else 2.0
        return pool * (spread / max(tensor[0].numel(), 1)) ** 0.5
    if name.endswith("running_var"):
        return pool.abs() + 0.5
    return pool * 0.1 + next((middle for pattern, middle in _MIDDLES.items() if re.search(pattern, name)), 0.0)


# -- names --------------------------------------------------------------------------------------------------------------


def _renamed(state: Mapping[str, Tensor], rules: Iterable[tuple[str, str | Callable[[re.Match[str]], str]]]) -> State:
    """Tensors under other names; of the rules the first that fits a whole name, counters left out where no rule says more."""
    compiled = [(re.compile(pattern), form) for pattern, form in rules]
    out: State = {}
    for name, tensor in state.items():
        found = next(((pattern, form) for pattern, form in compiled if pattern.match(name)), None)
        out[name if found is None else found[0].sub(found[1], name, count=1)] = tensor
    return out


def frozen(state: Mapping[str, Tensor]) -> State:
    """Without the counters that only a BatchNorm keeps."""
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def legacy_names(state: Mapping[str, Tensor]) -> State:
    """torchvision's names before 0.12: convolutions that were not yet wrapped, towers counted with their ReLUs."""
    return _renamed(
        state,
        (
            (r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.0\.", r"\1."),
            (r"(rpn\.head\.conv)\.0\.0\.", r"\1."),
            (r"(head\.\w+_head\.conv\.)(\d)\.0\.", lambda m: f"{m[1]}{2 * int(m[2])}."),
            (r"(roi_heads\.mask_head\.)(\d)\.0\.", lambda m: f"{m[1]}mask_fcn{int(m[2]) + 1}."),
        ),
    )


#: torchvision published these after it had wrapped the convolutions
_WITH_TODAYS_NAMES = ("_v2", "fcos")


def published_like(builder: str) -> State:
    """What a published file of torchvision holds, with random weights; in 16 bits, to be written and read in half the time."""
    state = halved(filled(_built(partial(getattr(detection, builder), weights=None, weights_backbone=None))))
    state = state if builder.endswith("_v2") else frozen(state)
    return state if any(word in builder for word in _WITH_TODAYS_NAMES) else legacy_names(state)


def _background_last(state: State) -> State:
    """Scores with the background's row behind the classes, boxes without its rows; detectron2, mmdetection since 2.0."""
    out = dict(state)
    for name, tensor in state.items():
        if "box_predictor.cls_score" in name:
            out[name] = torch.cat([tensor[1:], tensor[:1]])
        elif "box_predictor.bbox_pred" in name:
            out[name] = tensor[4:].clone()
    return out


def _size_major(state: State, classes: int) -> State:
    """RetinaNet's outputs with a cell's anchors counted by size and then by ratio; torchvision counts by ratio and then by size."""
    out = dict(state)
    for name, tensor in state.items():
        if "cls_logits" in name or "bbox_reg" in name:
            each = classes if "cls_logits" in name else 4
            ratios_sizes = tensor.reshape(3, 3, each, *tensor.shape[1:])
            out[name] = ratios_sizes.transpose(0, 1).reshape(tensor.shape).clone()
    return out


def detectron2_names(network: Network, state: State) -> State:
    """detectron2's R-CNN or RetinaNet."""
    state = _size_major(frozen(state), network.classes) if network.one_stage else _background_last(frozen(state))
    first = 3 if network.one_stage else 2
    bottom = "backbone.bottom_up"
    rules: list[tuple[str, Any]] = [
        (r"backbone\.body\.conv1\.", f"{bottom}.stem.conv1."),
        (r"backbone\.body\.bn1\.", f"{bottom}.stem.conv1.norm."),
        (r"backbone\.body\.layer(\d)\.(\d+)\.conv(\d)\.", lambda m: f"{bottom}.res{int(m[1]) + 1}.{m[2]}.conv{m[3]}."),
        (r"backbone\.body\.layer(\d)\.(\d+)\.bn(\d)\.", lambda m: f"{bottom}.res{int(m[1]) + 1}.{m[2]}.conv{m[3]}.norm."),
        (r"backbone\.body\.layer(\d)\.(\d+)\.downsample\.0\.", lambda m: f"{bottom}.res{int(m[1]) + 1}.{m[2]}.shortcut."),
        (r"backbone\.body\.layer(\d)\.(\d+)\.downsample\.1\.", lambda m: f"{bottom}.res{int(m[1]) + 1}.{m[2]}.shortcut.norm."),
        (r"backbone\.fpn\.inner_blocks\.(\d)\.0\.", lambda m: f"backbone.fpn_lateral{int(m[1]) + first}."),
        (r"backbone\.fpn\.layer_blocks\.(\d)\.0\.", lambda m: f"backbone.fpn_output{int(m[1]) + first}."),
        (r"backbone\.fpn\.extra_blocks\.", "backbone.top_block."),
        (r"rpn\.head\.conv\.0\.0\.", "proposal_generator.rpn_head.conv."),
        (r"rpn\.head\.cls_logits\.", "proposal_generator.rpn_head.objectness_logits."),
        (r"rpn\.head\.bbox_pred\.", "proposal_generator.rpn_head.anchor_deltas."),
        (r"roi_heads\.box_head\.fc6\.", "roi_heads.box_head.fc1."),
        (r"roi_heads\.box_head\.fc7\.", "roi_heads.box_head.fc2."),
        (r"roi_heads\.mask_head\.(\d)\.0\.", lambda m: f"roi_heads.mask_head.mask_fcn{int(m[1]) + 1}."),
        (r"roi_heads\.mask_predictor\.conv5_mask\.", "roi_heads.mask_head.deconv."),
        (r"roi_heads\.mask_predictor\.mask_fcn_logits\.", "roi_heads.mask_head.predictor."),
        (r"head\.classification_head\.conv\.(\d)\.0\.", lambda m: f"head.cls_subnet.{2 * int(m[1])}."),
        (r"head\.regression_head\.conv\.(\d)\.0\.", lambda m: f"head.bbox_subnet.{2 * int(m[1])}."),
        (r"head\.classification_head\.cls_logits\.", "head.cls_score."),
        (r"head\.regression_head\.bbox_reg\.", "head.bbox_pred."),
    ]
    return _renamed(state, rules)


def mmdetection_names(network: Network, state: State, first_version: bool = False) -> State:
    """mmdetection's R-CNN or RetinaNet.

    Args:
        network: what it is.
        state: under torchvision's names.
        first_version: mmdetection 1.x: the background first, with boxes of its own, and no `roi_head`.
    """
    if not (network.one_stage or first_version):
        state = _background_last(state)
    laterals = 3 if network.one_stage else 4
    roi = "" if first_version else "roi_head."
    rules: list[tuple[str, Any]] = [
        (r"backbone\.body\.", "backbone."),
        (r"backbone\.fpn\.inner_blocks\.(\d)\.0\.", r"neck.lateral_convs.\1.conv."),
        (r"backbone\.fpn\.layer_blocks\.(\d)\.0\.", r"neck.fpn_convs.\1.conv."),
        (r"backbone\.fpn\.extra_blocks\.p(\d)\.", lambda m: f"neck.fpn_convs.{laterals + int(m[1]) - 6}.conv."),
        (r"rpn\.head\.conv\.0\.0\.", "rpn_head.rpn_conv."),
        (r"rpn\.head\.cls_logits\.", "rpn_head.rpn_cls."),
        (r"rpn\.head\.bbox_pred\.", "rpn_head.rpn_reg."),
        (r"roi_heads\.box_head\.fc([67])\.", lambda m: f"{roi}bbox_head.shared_fcs.{int(m[1]) - 6}."),
        (r"roi_heads\.box_predictor\.cls_score\.", f"{roi}bbox_head.fc_cls."),
        (r"roi_heads\.box_predictor\.bbox_pred\.", f"{roi}bbox_head.fc_reg."),
        (r"roi_heads\.mask_head\.(\d)\.0\.", rf"{roi}mask_head.convs.\1.conv."),
        (r"roi_heads\.mask_predictor\.conv5_mask\.", f"{roi}mask_head.upsample."),
        (r"roi_heads\.mask_predictor\.mask_fcn_logits\.", f"{roi}mask_head.conv_logits."),
        (r"head\.classification_head\.conv\.(\d)\.0\.", r"bbox_head.cls_convs.\1.conv."),
        (r"head\.regression_head\.conv\.(\d)\.0\.", r"bbox_head.reg_convs.\1.conv."),
        (r"head\.classification_head\.cls_logits\.", "bbox_head.retina_cls."),
        (r"head\.regression_head\.bbox_reg\.", "bbox_head.retina_reg."),
    ]
    return _renamed(state, rules)


#: who names the tensors; called with the network and its tensors under torchvision's names
NAMES: dict[str, Callable[[Network, State], State]] = {
    "torchvision": lambda network, state: state if network.norm == "batch" else frozen(state),
    "torchvision legacy": lambda network, state: legacy_names(state if network.norm == "batch" else frozen(state)),
    "detectron2": detectron2_names,
    "mmdetection": mmdetection_names,
    "mmdetection 1.x": partial(mmdetection_names, first_version=True),
}
