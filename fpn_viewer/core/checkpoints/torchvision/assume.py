"""What no tensor of a torchvision detector says: the norms' epsilon, anchors for its levels, and settings of published files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.torchvision import heads
from fpn_viewer.core.checkpoints.values import likely
from fpn_viewer.core.detectors.backbones import BACKBONES
from fpn_viewer.core.necks.graph import level_strides

if TYPE_CHECKING:
    from fpn_viewer.core.checkpoints.torchvision.dialect import Case
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

_COCO, _PERSONS = 91, 2
#: networks of which torchvision published weights that were trained with epsilon 0, to the classes of those
_WITHOUT_EPSILON = {"Faster R-CNN": _COCO, "Mask R-CNN": _COCO, "RetinaNet": _COCO, "Keypoint R-CNN": _PERSONS}
_PUBLISHED = likely(
    "names, shapes and classes are those of torchvision's published COCO_V1 weights, whose frozen norms were trained with epsilon 0"
)
_CLASSIFIER = likely("torchvision's MobileNetV3 has BatchNorm with this epsilon wherever no detector's builder gives it another")
#: torchvision's MobileNetV3 detectors have all five sizes on each level
_MOBILE_SIZES = (32, 64, 128, 256, 512)
_MOBILE = likely("as many anchors per cell as torchvision's MobileNetV3 detectors have")
#: what published files are called, to what their builder sets otherwise than others of the family
_BY_NAME: dict[str, dict[str, Any]] = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": {
        "min_size": 320,
        "max_size": 640,
        "rpn_pre_nms_top_n": 150,
        "rpn_post_nms_top_n": 150,
    }
}


def norm_eps(case: Case, spec: DetectorSpec) -> tuple[float, str]:
    """Epsilon of the backbone's norms, and where that comes from."""
    plain = not spec.neck_norm and not spec.head_norm
    if (
        (spec.backbone, spec.norm) == ("resnet50", "frozen")
        and plain
        and _WITHOUT_EPSILON.get(case.network) == spec.num_classes
        and case.preset == "torchvision"
    ):
        return 0.0, _PUBLISHED
    built = not case.whole and heads.anchors_per_cell(case.shapes) == len(spec.settings.aspect_ratios) * len(_MOBILE_SIZES)
    if spec.norm == "batch" and spec.backbone.startswith("mobilenet") and not built:
        return 1e-3, _CLASSIFIER
    return BACKBONES[spec.backbone].norm_eps, spec.origins["norm_eps"]


def settings_for(case: Case, spec: DetectorSpec) -> tuple[Settings, dict[str, str]]:
    """The preset's settings with a row of anchors for each level, and origins of those that something else speaks for."""
    settings, origins = spec.settings.changed(anchor_sizes=_rows(spec)), {}
    mobile = len(settings.aspect_ratios) * len(_MOBILE_SIZES)
    if spec.family == "Faster R-CNN" and heads.anchors_per_cell(case.shapes) == mobile:
        changes: dict[str, Any] = {"anchor_sizes": (_MOBILE_SIZES,) * len(spec.levels)}
        if spec.backbone == "mobilenet_v3_large":
            changes["rpn_score_thresh"] = 0.05
        settings, origins = settings.changed(**changes), dict.fromkeys(changes, _MOBILE)
    for start, changes in _BY_NAME.items():
        if case.name.startswith(start):
            settings = settings.changed(**changes)
            origins |= dict.fromkeys(changes, likely(f"the file's name is that of torchvision's published {start}"))
    return settings, origins


def _rows(spec: DetectorSpec) -> tuple[tuple[float, ...], ...]:
    """Anchor sizes by level: the preset's, or for another number of levels what it has for their strides."""
    rows, first = spec.settings.anchor_sizes, 8 if spec.kind.one_stage else 4
    if len(rows) == len(spec.levels):
        # so does torchvision: its default knows the levels' number only
        return rows
    of_stride = {first << index: row for index, row in enumerate(rows)}
    strides = level_strides(spec.levels)
    return tuple(of_stride.get(stride) or tuple(size * stride / first for size in rows[0]) for stride in strides)
