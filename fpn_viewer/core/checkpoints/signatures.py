"""What a file is that cannot be built: told from the names and shapes of its tensors, so that a refusal can name it.

Importing it loads no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.backbones import backbone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Signature:
    """Names by which a kind of network is known.

    Attributes:
        what: as in "… is a YOLOv5 detector".
        advice: what can be done, a key of `ADVICE`.
        signs: patterns; each must be found somewhere in some name.
    """

    what: str
    advice: str
    signs: tuple[str, ...]


#: what can be done with a file of each sort
ADVICE: dict[str, str] = {
    "neck": "it can be looked at with an adapter: make its module in Python and open that with --model package.module:factory",
    "pyramid": "it can be looked at with an adapter: make its module in Python and open that with --model package.module:factory",
    "no pyramid": "without a feature pyramid there is nothing to show; open a detector with an FPN",
    "no detector": "open the checkpoint of a detector with an FPN",
    "part": "save the state_dict() of the whole detector and open that",
}

#: necks that are no plain FPN, the more particular first
NECKS: tuple[Signature, ...] = tuple(
    Signature(f"a detector with {what}", "neck", tuple(signs))
    for what, *signs in (
        ("an RFP neck (recursive feature pyramid, DetectoRS)", r"(^|\.)(rfp_modules|rfp_aspp|rfp_weight)\b"),
        ("a NAS-FCOS neck", r"(^|\.)(fpn\.c22_1|c22_1)\b"),
        ("a NAS-FPN neck", r"(^|\.)fpn_stages\.\d+\.gp_64_4\b"),
        ("an FPG neck (feature pyramid grids)", r"(^|\.)fpn_transitions\."),
        ("a BFP neck (balanced feature pyramid, Libra R-CNN)", r"(^|\.)refine\.(g|theta|phi|conv_out|conv)\."),
        ("a PAFPN neck (path aggregation)", r"(^|\.)(pafpn_convs|downsample_convs)\."),
        ("a PANet neck (the authors' own)", r"(^|\.)panet_buttomup_conv1_modules\b"),
        ("a BiFPN neck (EfficientDet)", r"(^|\.)cell\.\d+\.fnode\.\d+\."),
        ("a BiFPN neck (EfficientDet, the zylo119 port)", r"(^|\.)bifpn\.\d+\.(p\d_w\d|conv\d_up|p\d_down_channel)"),
        ("an MLFPN neck (M2Det)", r"(^|\.)unet1\.", r"(^|\.)leach\."),
        ("an ASFF neck (adaptively fused levels)", r"(^|\.)level_0_fusion\."),
        ("an FPT neck (feature pyramid transformer)", r"(^|\.)(st_p5|gt_p4_p5|rt_p5_p4)\b"),
        ("a YOLOX PAFPN neck", r"(^|\.)lateral_conv0\.", r"(^|\.)C3_p4\."),
        ("a ViTDet neck (simple feature pyramid)", r"(^|\.)simfp_\d\b"),
        ("the FPN of the walkthrough (P5 is not smoothed)", r"(^|\.)lateral_c5\b", r"(^|\.)smooth_m4\b"),
    )
)

#: detectors and other networks, the more particular first
NETWORKS: tuple[Signature, ...] = (
    Signature(
        "a RetinaFace detector", "pyramid", (r"(^|\.)ClassHead\.\d+\.conv1x1|(^|\.)ssh1\.", r"(^|\.)(fpn\.output1|BboxHead)\b")
    ),
    Signature("a NanoDet or GFL detector", "pyramid", (r"(^|\.)head\.gfl_cls\b",)),
    Signature(
        "a YOLOv8 (or later) detector of Ultralytics", "pyramid", (r"(^|\.)\d+\.cv2\.0\.0\.conv\.", r"(^|\.)\d+\.(dfl\.|cv3\.0\.)")
    ),
    Signature("a YOLOv5 detector", "pyramid", (r"(^|\.)\d+\.m\.0\.(weight|bias)$", r"(^|\.)\d+\.conv\.weight$")),
    Signature("a YOLOv3 detector", "pyramid", (r"(^|\.)module_list\.\d+\.(Conv2d|conv_?\d*|batch_norm_?\d*)\b",)),
    Signature("a YOLO detector", "pyramid", (r"(^|\.)(yolo_head|yolo_block|head_p\d)",)),
    Signature("an SSDlite detector", "no pyramid", (r"classification_head\.module_list\.\d+\.\d+\.",)),
    Signature("an SSD detector", "no pyramid", (r"(classification_head\.module_list|(^|\.)L2Norm|^loc\.\d+)\b",)),
    Signature(
        "a Deformable DETR", "no pyramid", (r"(^|\.)(sampling_offsets|level_embed)\b", r"(^|\.)(class_embed|bbox_embed|enc_score)")
    ),
    Signature("a DETR", "no pyramid", (r"(^|\.)(query_embed|query_embedding)\b", r"(^|\.)(transformer|decoder|encoder)\.")),
    Signature("a DETR", "no pyramid", (r"(^|\.)transformer\.(encoder|decoder)\.layers\.", r"(^|\.)(class_embed|bbox_embed)\b")),
    Signature("an RT-DETR", "no pyramid", (r"(^|\.)decoder\.(dec_bbox_head|enc_score_head|dec_score_head)\b",)),
    Signature("a CenterNet", "no pyramid", (r"(^|\.)hm\.\d", r"(^|\.)(wh|reg)\.\d")),
    Signature("a torchvision Faster R-CNN without an FPN (on one map)", "no pyramid", (r"^rpn\.head\.", r"^roi_heads\.")),
    Signature("a one-stage detector of torchvision without an FPN", "no pyramid", (r"^head\.classification_head\.cls_logits\.",)),
    Signature("a Faster R-CNN on one map (C4), without an FPN", "no pyramid", (r"^proposal_generator\.", r"^roi_heads\.res5\.")),
    Signature("a Faster R-CNN on one map (C4 or DC5), without an FPN", "no pyramid", (r"^proposal_generator\.",)),
    Signature("a segmentation network (SegFormer or of mmsegmentation)", "no detector", (r"(^|\.)decode_head\.",)),
    Signature("a semantic segmentation network of torchvision", "no detector", (r"^backbone\.", r"^(aux_)?classifier\.\d")),
    Signature("a semantic segmentation network", "no detector", (r"(^|\.)(sem_seg_head|segmentation_head)\.",)),
    Signature("a U-Net", "no detector", (r"(^|\.)(outc\.conv|up4\.conv|inc\.double_conv|up\d\.up)\b",)),
)
#: parts of a torchvision detector, for a file that has not all of them
_PARTS: tuple[tuple[str, str], ...] = (
    ("backbone", r"backbone\.body\."),
    ("FPN", r"backbone\.fpn\.(inner|layer)_blocks\."),
    ("RPN", r"rpn\.head\.(cls_logits|bbox_pred)\."),
    ("box predictor", r"roi_heads\.box_predictor\.cls_score\."),
    ("one-stage head", r"head\.(classification|regression)_head\."),
)
#: backbones that are known by name but not built
_OTHER_BACKBONES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("an EfficientNet", (r"(^|\.)\d+\.0\.block\.\d\.fc1\.|(^|\.)blocks\.\d+\.\d+\.se\.conv_reduce\b",)),
    ("a MobileNetV2", (r"(^|\.)\d+\.conv\.0\.0\.weight$",)),
    ("a DenseNet", (r"denseblock1\.denselayer1\b",)),
    ("a RegNet", (r"trunk_output\.block1\b|(^|\.)block1\.block1-0\b",)),
    ("a ResNet with a deep stem", (r"(^|\.)(stem\.0|conv1\.0)\.weight$", r"layer1\.0\.conv1\b")),
    ("an HRNet", (r"(^|\.)(stage2\.0\.branches|transition1\.0)\b",)),
    ("a vision transformer", (r"(^|\.)(pos_embed|pos_embedding|cls_token|class_token)\b",)),
    ("a Swin Transformer in timm's names", (r"(^|\.)layers\.0\.blocks\.0\.attn\.",)),
    ("a ConvNeXt in timm's names", (r"(^|\.)stages\.0\.blocks\.0\.(conv_dw|dwconv|gamma)\b",)),
    ("a Darknet", (r"(^|\.)(dark3|dark5)\.",)),
)
#: FPNs in the names of torchvision, detectron2 and mmdetection
_ANY_FPN = r"(^|\.)(inner_blocks|layer_blocks|fpn_lateral\d|fpn_output\d|lateral_convs|fpn_convs)\b"
_CLASSIFIERS = r"^(fc|classifier|head|heads)\b"
_IN_FRONT = ("", "features.", "backbone.body.", "backbone.body.features.", "backbone.", "backbone.features.", "body.", "encoder.")


def refusal(file: str, shapes: Shapes) -> str:
    """One sentence about tensors that cannot be opened: what they are, and what to do.

    Args:
        file: its name.
        shapes: of its tensors by name.
    """
    what, advice = recognised_as(shapes)
    return f"{file} is {what}; {ADVICE[advice]}." if what else _unknown(file, shapes)


def recognised_as(shapes: Shapes) -> tuple[str, str]:
    """What tensors are, as "a detector with a PAFPN neck (path aggregation)", and a key of `ADVICE`; "" where nothing fits."""
    for signature in (*NECKS, *_whole_networks(shapes)):
        if _has(shapes, signature.signs):
            return signature.what, signature.advice
    return next((known for known in (_incomplete(shapes), _backbone(shapes)) if known[0]), ("", "no detector"))


def neck_of(names: Iterable[str]) -> str:
    """The neck that names show, as "a detector with a BiFPN neck (EfficientDet)"; "" where it may be a plain FPN."""
    names = tuple(names)
    return next((signature.what for signature in NECKS if _has(names, signature.signs)), "")


def backbone_words(shapes: Shapes) -> str:
    """A backbone as a person reads it: "a ResNet-50", "an EfficientNet", "a backbone that is not known (blocks 3, 4, 6, 3)".

    Args:
        shapes: below the body.
    """
    body = backbone_of(shapes)
    if body is not None:
        return f"a {body.backbone.title}"
    other = next((what for what, signs in _OTHER_BACKBONES if _has(shapes, signs)), "")
    if other:
        return other
    blocks = [len({m[1] for name in shapes if (m := re.match(rf"layer{k}\.(\d+)\.", name))}) for k in (1, 2, 3, 4)]
    if any(blocks):
        stem = shapes.get("conv1.weight", (0,))[0]
        return f"a ResNet that is not known (blocks {', '.join(map(str, blocks))}, {stem} channels in its stem)"
    return f"a backbone that is not known ({', '.join(list(shapes)[:2]) or 'it has no tensors'})"


def _whole_networks(shapes: Shapes) -> tuple[Signature, ...]:
    """The signatures that come into question: torchvision's names for a detector without an FPN fit those with one too."""
    pyramid = any(re.search(r"(^|\.)(fpn|fpn_lateral\d|neck)\b", name) for name in shapes)
    return tuple(s for s in NETWORKS if not (pyramid and s.advice == "no pyramid" and "without an FPN" in s.what))


def _has(names: Iterable[str], signs: Iterable[str]) -> bool:
    names = tuple(names)
    return all(any(re.search(sign, name) for name in names) for sign in signs)


def _incomplete(shapes: Shapes) -> tuple[str, str]:
    """A torchvision detector of which a part is missing."""
    there = {part for part, pattern in _PARTS if any(re.match(pattern, name) for name in shapes)}
    if not there & {"FPN", "RPN", "box predictor", "one-stage head"}:
        return "", ""
    heads = ("one-stage head",) if "one-stage head" in there else ("RPN", "box predictor")
    lacking = [part for part in ("backbone", "FPN", *heads) if part not in there]
    has = " and ".join(part for part, _ in _PARTS if part in there)
    if not lacking:
        return f"a torchvision detector whose {has} have other layers than torchvision's", "part"
    return f"only a part of a torchvision detector: it has {has}, but no {' and no '.join(lacking)}", "part"


def _backbone(shapes: Shapes) -> tuple[str, str]:
    """A backbone alone, or a classifier."""
    ending = " with its classifier" if any(re.match(_CLASSIFIERS, name) for name in shapes) else ""
    for front in _IN_FRONT:
        below = {name.removeprefix(front): shape for name, shape in shapes.items() if name.startswith(front)}
        body = backbone_of(below)
        if body is not None:
            return _alone(f"a {body.backbone.title}{ending}", shapes)
    other = next((what for what, signs in _OTHER_BACKBONES if _has(shapes, signs)), "")
    return _alone(f"{other}{ending}", shapes) if other else ("", "")


def _alone(backbone: str, shapes: Shapes) -> tuple[str, str]:
    """A backbone without a detector; the FPN may be there, and only the heads not."""
    if _has(shapes, (_ANY_FPN,)):
        return f"only a part of a detector: it has {backbone} and an FPN, but no RPN and no heads", "part"
    return f"{backbone} and no detector", "no detector"


def _unknown(file: str, shapes: Shapes) -> str:
    first = ", ".join(list(shapes)[:3])
    return (
        f"{file} is not a detector with an FPN in the names of torchvision, detectron2 or mmdetection; its first tensors are "
        f"{first}. A network of your own can be looked at with --model package.module:factory."
    )
