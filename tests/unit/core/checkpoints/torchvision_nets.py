"""Detectors made by torchvision's own classes and not by the program's builders, small and lively; and their older names."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchvision.models.detection import FCOS, FasterRCNN, KeypointRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.detectors.slim import SlimResNet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    Norm = Callable[..., nn.Module]

#: two channels for each group of a GroupNorm, so that even a level of one cell has a spread
WIDTH = 64
STEM = 32
CLASSES = 4
#: options with which a file of one of these is opened
SIZES: dict[str, Any] = {"min_size": 64, "max_size": 128}
TWO_STAGE: dict[str, Any] = {**SIZES, "rpn_pre_nms_top_n": 60, "rpn_post_nms_top_n": 50}
DENSE: dict[str, Any] = {**SIZES, "topk_candidates": 60, "box_score_thresh": 0.1}
_OUTPUTS = re.compile(r"cls_logits|cls_score|bbox_pred|bbox_reg|bbox_ctrness")


def lively(module: nn.Module) -> Any:
    """In eval mode, with norms and biases that are not at their first values and outputs that pass thresholds."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, tensor in [*module.named_buffers(), *module.named_parameters()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.8, 1.2)
            elif _OUTPUTS.search(name):
                tensor.normal_(0, 0.1)
            elif name.endswith(("running_mean", ".bias")):
                tensor.normal_(0, 0.05)
    return module.eval()


def resnet_pyramid(norm: Norm = FrozenBatchNorm2d, stages: Sequence[int] = (1, 2, 3, 4), **more: Any) -> Any:
    """A ResNet-18 of half the width with a narrow FPN."""
    places = {f"layer{k}": str(index) for index, k in enumerate(stages)}
    body = SlimResNet(STEM, "basic", (2, 2, 2, 2), norm)
    return BackboneWithFPN(body, places, [STEM << (k - 1) for k in stages], WIDTH, **more)


def two_stage(kind: type[FasterRCNN] = FasterRCNN, backbone: Any = None, **parts: Any) -> Any:
    """A detector of that class with a narrow box head."""
    names = {f"{name}_test" if name.startswith("rpn") else name: value for name, value in TWO_STAGE.items()}
    parts = {"box_head": TwoMLPHead(WIDTH * 49, 24), "box_predictor": FastRCNNPredictor(24, CLASSES), **parts}
    return lively(kind(backbone or resnet_pyramid(), **parts, **names))


def version_2(norm: Norm | None = nn.BatchNorm2d) -> Any:
    """A Faster R-CNN with norms in neck and box head, two convolutions in the RPN, four in the box head."""
    head = FastRCNNConvFCHead((WIDTH, 7, 7), [WIDTH] * 4, [24], norm_layer=norm)
    backbone = resnet_pyramid(nn.BatchNorm2d, norm_layer=norm)
    return two_stage(backbone=backbone, rpn_head=RPNHead(WIDTH, 3, conv_depth=2), box_head=head)


def dense(kind: type[Any] = RetinaNet, source: int = WIDTH, **more: Any) -> Any:
    """A one-stage detector of that class; P6 from a map of `source` channels."""
    backbone = resnet_pyramid(stages=(2, 3, 4), extra_blocks=LastLevelP6P7(source, WIDTH))
    names = {"min_size": 64, "max_size": 128, "topk_candidates": 60, "score_thresh": 0.1}
    return lively(kind(backbone, CLASSES, **more, **names))


def retinanet_v2() -> Any:
    """A RetinaNet with GroupNorm in its towers and P6 from C5."""
    head = RetinaNetHead(WIDTH, 9, CLASSES, norm_layer=lambda channels: nn.GroupNorm(32, channels))
    return dense(source=8 * STEM, head=head)


def mask_rcnn() -> Any:
    """A Mask R-CNN with a small mask head."""
    parts = {"mask_head": MaskRCNNHeads(WIDTH, (16, 16), 1), "mask_predictor": MaskRCNNPredictor(16, 16, CLASSES)}
    return two_stage(MaskRCNN, **parts)


def keypoint_rcnn() -> Any:
    """A Keypoint R-CNN with a small keypoint head."""
    parts = {"keypoint_head": KeypointRCNNHeads(WIDTH, (16,)), "keypoint_predictor": KeypointRCNNPredictor(16, 17)}
    return two_stage(KeypointRCNN, **parts)


#: what is saved, by what torchvision calls it
NETS: dict[str, Callable[[], Any]] = {
    "Faster R-CNN": two_stage,
    "Faster R-CNN v2": version_2,
    "Mask R-CNN": mask_rcnn,
    "Keypoint R-CNN": keypoint_rcnn,
    "RetinaNet": dense,
    "RetinaNet v2": retinanet_v2,
    "FCOS": lambda: dense(FCOS),
}
#: today's names to those from before torchvision 0.12
_OLD = (
    (r"^(rpn\.head\.conv)\.0\.0\.", r"\1."),
    (r"^(backbone\.fpn\.\w+_blocks\.\d)\.0\.", r"\1."),
    (r"^(head\.\w+_head\.conv)\.(\d)\.0\.(?=weight|bias)", lambda m: f"{m[1]}.{2 * int(m[2])}."),
    (r"^roi_heads\.mask_head\.(\d)\.0\.", lambda m: f"roi_heads.mask_head.mask_fcn{int(m[1]) + 1}."),
)


def legacy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state_dict as torchvision wrote it before 0.12; a network with norms in its neck or towers did not exist then."""
    out = {}
    for name, tensor in tensors.items():
        for new, old in _OLD:
            name = re.sub(new, old, name)
        out[name] = tensor
    return out


class ChannelsLastBody(nn.Module):
    """A Swin's `features` whose stages are given with channels first, as people write it."""

    def __init__(self, features: nn.Module, norms: Sequence[int] = ()) -> None:
        super().__init__()
        self.features = features
        for stage, channels in enumerate(norms):
            setattr(self, f"norm{stage}", nn.LayerNorm(channels))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Maps by the number of their stage."""
        out: dict[str, Tensor] = OrderedDict()
        for index, layer in enumerate(self.features.children()):
            x = layer(x)
            if index % 2:
                norm = getattr(self, f"norm{index // 2}", nn.Identity())
                out[str(index // 2)] = norm(x).permute(0, 3, 1, 2).contiguous()
        return out


class Pyramid(nn.Module):
    """A body of one's own with torchvision's FPN."""

    def __init__(self, body: nn.Module, channels: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramidNetwork(list(channels), WIDTH, extra_blocks=LastLevelMaxPool())
        self.out_channels = WIDTH

    def forward(self, x: Tensor) -> Any:
        """The levels by name."""
        return self.fpn(self.body(x))
