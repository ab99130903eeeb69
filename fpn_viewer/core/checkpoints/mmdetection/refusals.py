"""What mmdetection has and this program cannot build: told from the names of tensors, or from the configuration in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.mmdetection.config import dig
from fpn_viewer.core.checkpoints.mmdetection.options import EXTRACTORS
from fpn_viewer.core.checkpoints.signatures import neck_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fpn_viewer.core.checkpoints.mmdetection.config import Config

_BOX_HEAD = r"(roi_head\.)?bbox_head\."
#: the first pattern that a name has from its start says what the network is; the more particular come first
_NETWORKS: tuple[tuple[str, str], ...] = (
    (r"roi_head\.semantic_head\.|semantic_head\.", "a Hybrid Task Cascade (HTC)"),
    (r"(roi_head\.)?grid_head\.", "a Grid R-CNN"),
    (r"roi_head\.bbox_head\.\d+\.(instance_interactive_conv|attention)\.", "a Sparse R-CNN"),
    (_BOX_HEAD + r"\d+\.(fc_cls|shared_fcs)", "a Cascade R-CNN (several box heads one after the other)"),
    (r"rpn_head\.stages\.", "a Cascade RPN"),
    (r"rpn_head\.conv_(loc|shape)\.", "a guided-anchoring RPN (GA-RPN)"),
    (_BOX_HEAD + r"conv_(loc|shape)\.", "a guided-anchoring RetinaNet (GA-RetinaNet)"),
    (_BOX_HEAD + r"(conv_branch|fc_branch)\.", "a Double-Head R-CNN"),
    (_BOX_HEAD + r"(reg_cls_fcs|bucket)", "a SABL detector (side-aware boundaries)"),
    (r"(roi_head\.)?shared_head\.", "a Faster R-CNN on one map (C4 or DC5), without an FPN"),
    (r"bbox_head\.gfl_", "a GFL detector (generalised focal loss)"),
    (r"bbox_head\.atss_", "an ATSS or PAA detector"),
    (r"bbox_head\.(conv|fcos)_centerness\.", "an FCOS in mmdetection's names"),
    (r"bbox_head\.vfnet_", "a VarifocalNet"),
    (r"bbox_head\.tood_", "a TOOD detector"),
    (r"bbox_head\.reppoints_", "a RepPoints detector"),
    (r"bbox_head\.multi_level_(cls|conv)", "a YOLOX"),
    (r"bbox_head\.convs_(bridge|pred)\.", "a YOLOv3"),
    (r"bbox_head\.(rtm_|cls_preds)", "an RTMDet or YOLO detector"),
    (r"bbox_head\.(transformer|query_embedding|cls_branches)|encoder\.layers\.|decoder\.layers\.", "a DETR"),
    (r"bbox_head\.(heatmap_head|tl_|br_)", "a CenterNet or CornerNet"),
    (r"bbox_head\.(conv_objectness|conv_offset|fovea_|feature_adaption)", "a FoveaBox, AutoAssign or similar detector"),
    (r"bbox_head\.cls_convs\.\d+\.\d+\.conv\.", "a RetinaNet with norms of its own for each level (as with NAS-FPN)"),
    (r"bbox_head\.cls_convs\.\d+\.bn\.", "a RetinaNet with BatchNorm in its towers"),
    (r"bbox_head\.cls_convs\.\d+\.\d+\.weight", "an SSD"),
    (r"bbox_head\.(kernel_head|mask_)|mask_head\.(feature_convs|solo|conv_kernel)", "an instance segmenter without a box head"),
)
_NECKS: tuple[tuple[str, str], ...] = (
    (r"neck\.\d+\.(dyhead_blocks|lateral_convs)\.", "a neck of several parts (BFP, DyHead)"),
    (r"neck\.(top_down_blocks|reduce_layers)\.", "a YOLOX or CSPNeXt PAFPN neck"),
    (r"neck\.(detect1|conv1)\.", "a YOLOv3 neck"),
    (r"neck\.(extra_layers|l2_norm)", "an SSD neck"),
    (r"neck\.convs\.\d+\.", "a ChannelMapper neck"),
)
_BACKBONES: tuple[tuple[str, str], ...] = (
    (r"backbone\.stem\.\d+\.", "a ResNet with a deep stem (ResNet-V1c, V1d, ResNeSt)"),
    (r"backbone\.layer\d\.\d+\.conv\d(\.conv)?[._]offset", "a ResNet with deformable convolutions (DCN)"),
    (r"backbone\.layer\d\.\d+\.(context_block|gen_attention|gcb)", "a ResNet with attention blocks (GCNet or similar)"),
    (r"backbone\.layer\d\.\d+\.convs\.\d+\.", "a Res2Net"),
    (r"backbone\.layer\d\.\d+\.conv\.\d+\.", "a MobileNetV2"),
    (r"backbone\.(transition|stage\d\.\d+\.branches)", "an HRNet"),
    (r"backbone\.(patch_embed|stages\.\d+\.blocks\.\d+\.attn)", "a Swin Transformer in mmdetection's names"),
    (r"backbone\.(layers\.\d+\.\d+\.|pos_embed)", "a vision transformer (PVT or ViT)"),
    (r"backbone\.downsample_layers\.", "a ConvNeXt in mmdetection's names"),
    (r"backbone\.conv_res_block|backbone\.stage\d\.\d+\.", "a Darknet"),
    (r"backbone\.(features|body)\.", "a VGG or MobileNet"),
)
#: each with the word between "a detector" and what it has
_PARTS: tuple[tuple[tuple[tuple[str, str], ...], str], ...] = ((_NETWORKS, ""), (_NECKS, "with "), (_BACKBONES, "on "))


def what_cannot_be_built(names: Collection[str], config: Config) -> str:
    """What a network has that cannot be built, as "an ATSS or PAA detector" or "a detector with a PAFPN neck"; "" for nothing."""
    for table, word in _PARTS:
        if word and (neck := neck_of(names)):
            return neck
        found = next((what for pattern, what in table if any(re.match(pattern, name) for name in names)), "")
        if found:
            return f"a detector {word}{found}" if word else found
    return next((f"a detector with {what}" for test, what in _SAID if test(config)), "")


def _says(*path: str | int, plain: tuple[Any, ...]) -> Callable[[Config], bool]:
    """Whether a configuration says something else at a path than what is plain."""
    return lambda config: config.get(*path) not in (None, *plain)


def _coder(config: Config) -> bool:
    heads = (config.get("model", *head) for head in (("bbox_head",), ("roi_head", "bbox_head"), ("rpn_head",)))
    kinds = [dig(head, "bbox_coder", "type") for head in heads]
    return any(kind not in (None, "DeltaXYWHBBoxCoder", "LegacyDeltaXYWHBBoxCoder") for kind in kinds)


def _extractor(config: Config) -> bool:
    kinds = [config.get(*extractor, "type") for extractor in EXTRACTORS]
    return any(kind not in (None, "SingleRoIExtractor") for kind in kinds)


def _pooling(config: Config) -> bool:
    kinds = [config.get(*extractor, "roi_layer", "type") for extractor in EXTRACTORS]
    return any(kind not in (None, "RoIAlign") for kind in kinds)


def _anchors(config: Config) -> bool:
    kinds = [config.get("model", head, "anchor_generator", "type") for head in ("rpn_head", "bbox_head")]
    return any(kind not in (None, "AnchorGenerator", "LegacyAnchorGenerator") for kind in kinds)


_PLAIN = ("Conv", "Conv2d")
#: what only the configuration tells
_SAID: tuple[tuple[Callable[[Config], bool], str], ...] = (
    (
        lambda config: config.get("model", "neck", "add_extra_convs") == "on_lateral",
        "a P6 that is made from the topmost lateral map (add_extra_convs='on_lateral')",
    ),
    (_says("model", "neck", "upsample_cfg", "mode", plain=("nearest",)), "an FPN that does not upsample by the nearest cell"),
    (_says("model", "neck", "type", plain=("FPN",)), "a neck that is not an FPN"),
    (_says("model", "neck", "no_norm_on_lateral", plain=(False,)), "an FPN with norms on only some of its convolutions"),
    (_says("model", "neck", "act_cfg", plain=()), "an FPN with activations in it"),
    (_says("model", "neck", "conv_cfg", "type", plain=_PLAIN), "an FPN of other convolutions than the plain ones"),
    (_says("model", "backbone", "conv_cfg", "type", plain=_PLAIN), "a backbone of other convolutions than the plain ones"),
    (_coder, "boxes in other terms than distances of centre and logarithms of sides"),
    (_extractor, "RoI features from several levels at once"),
    (_pooling, "another RoI pooling than RoIAlign"),
    (_anchors, "anchors that are not laid by an AnchorGenerator"),
)
