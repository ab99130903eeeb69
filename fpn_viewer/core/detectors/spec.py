"""What a detector is, as a frozen value: everything needed to build it again, and where each part of that knowledge came from."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.backbones import BACKBONES
from fpn_viewer.core.detectors.conventions import Conventions
from fpn_viewer.core.detectors.families import check_settings, family_of
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.detectors.families import Family

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Settings:
    """What a state_dict cannot hold. Names and defaults are those of torchvision's `FasterRCNN` at inference.

    Attributes:
        anchor_sizes: per level, the anchor sizes in net px.
        aspect_ratios: height / width, the same on every level.
        min_size: net px that the shorter side of a picture is resized to.
        max_size: net px that the longer side may not pass.
        image_mean: subtracted per channel, in the network's own channel order and range (see `Conventions`): RGB in 0..1.
        image_std: divides per channel afterwards.
        rpn_pre_nms_top_n: anchors kept per level, by objectness logit.
        rpn_post_nms_top_n: proposals kept over all levels together.
        rpn_nms_thresh: IoU above which the weaker of two proposals of one level goes.
        rpn_score_thresh: sigmoid objectness below which a proposal goes.
        box_score_thresh: softmax score that a class must exceed; `score_thresh` of a one-stage detector.
        box_nms_thresh: IoU above which the weaker of two detections of one class goes; there `nms_thresh`.
        box_detections_per_img: detections kept over all classes together; there `detections_per_img`.
        topk_candidates: in a one-stage detector only, anchors and classes kept per level, by score.

    Which of them a kind of detector has is said in `families.FAMILIES`.
    """

    anchor_sizes: tuple[tuple[float, ...], ...] = ((32,), (64,), (128,), (256,), (512,))
    aspect_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    min_size: int = 800
    max_size: int = 1333
    image_mean: tuple[float, ...] = IMAGENET_MEAN
    image_std: tuple[float, ...] = IMAGENET_STD
    rpn_pre_nms_top_n: int = 1000
    rpn_post_nms_top_n: int = 1000
    rpn_nms_thresh: float = 0.7
    rpn_score_thresh: float = 0.0
    box_score_thresh: float = 0.05
    box_nms_thresh: float = 0.5
    box_detections_per_img: int = 100
    topk_candidates: int = 1000

    @property
    def anchors_per_cell(self) -> tuple[int, ...]:
        """Anchors of one cell, by level."""
        return tuple(len(sizes) * len(self.aspect_ratios) for sizes in self.anchor_sizes)

    def changed(self, **values: object) -> Settings:
        """A copy with some settings replaced.

        Raises:
            SettingError: a name is not a setting or a value does not fit it.
        """
        unknown = sorted(set(values) - set(SETTING_NAMES))
        if unknown:
            raise SettingError(f"{unknown[0]!r} is not a setting of a detector; use one of: {', '.join(SETTING_NAMES)}.")
        fitted: dict[str, Any] = {name: _fitted(name, value) for name, value in values.items()}
        return dataclasses.replace(self, **fitted)


SETTING_NAMES: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Settings))

_UNIT = (0, 1)
_RANGES: dict[str, tuple[float, float]] = {
    "min_size": (1, 20_000),
    "max_size": (1, 20_000),
    "rpn_pre_nms_top_n": (1, 10_000_000),
    "rpn_post_nms_top_n": (1, 10_000_000),
    "rpn_nms_thresh": _UNIT,
    "rpn_score_thresh": _UNIT,
    "box_score_thresh": _UNIT,
    "box_nms_thresh": _UNIT,
    "box_detections_per_img": (1, 10_000_000),
    "topk_candidates": (1, 10_000_000),
}


def _fitted(name: str, value: object) -> object:
    try:
        return _FITTERS[name](value)
    except ValueError as error:
        raise SettingError(f"{name} cannot be {_shown(value)}: {error}.") from error


def _shown(value: object) -> str:
    """A value as somebody would write it: a list without Python's brackets and quotes."""
    if not isinstance(value, (list, tuple)):
        return repr(value)
    return ", ".join(f"[{_shown(one)}]" if isinstance(one, (list, tuple)) else str(one) for one in value) or "empty"


def _finite(values: Any, sentence: str) -> tuple[float, ...]:
    """Finite numbers from a list of them.

    Raises:
        ValueError: it is something else; with that sentence.
    """
    if isinstance(values, str):
        raise ValueError(sentence)
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(sentence) from error
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(sentence)
    return numbers


def _number(name: str, kind: type[int] | type[float]) -> Any:
    low, high = _RANGES[name]
    sentence = f"it must be {'a whole number' if kind is int else 'a number'} from {low:,} to {high:,}"

    def fit(value: Any) -> int | float:
        (number,) = _finite([value], sentence)
        if isinstance(value, bool) or (kind is int and not number.is_integer()) or not low <= number <= high:
            raise ValueError(sentence)
        return kind(number)

    return fit


def _three(value: Any) -> tuple[float, ...]:
    sentence = "it must be three numbers, one for each channel"
    numbers = _finite(value, sentence)
    if len(numbers) != 3:
        raise ValueError(sentence)
    return numbers


def _divisors(value: Any) -> tuple[float, ...]:
    numbers = _three(value)
    if min(numbers) <= 0:
        raise ValueError("the channels are divided by it, so each number must be above 0")
    return numbers


def _ratios(value: Any) -> tuple[float, ...]:
    sentence = "it must be one or more positive numbers (height / width)"
    numbers = _finite(value, sentence)
    if not numbers or min(numbers) <= 0:
        raise ValueError(sentence)
    return numbers


def _sizes(value: Any) -> tuple[tuple[float, ...], ...]:
    sentence = "it must be one or more positive sizes (net px) for each level"
    if not isinstance(value, (tuple, list)):
        raise ValueError(sentence)
    rows = tuple(_finite(row if isinstance(row, (tuple, list)) else (row,), sentence) for row in value)
    if not rows or not all(rows) or min(min(row) for row in rows) <= 0:
        raise ValueError(sentence)
    return tuple(tuple(int(s) if s.is_integer() else s for s in row) for row in rows)


_FITTERS: dict[str, Any] = {
    "anchor_sizes": _sizes,
    "aspect_ratios": _ratios,
    "image_mean": _three,
    "image_std": _divisors,
    **{
        f.name: _number(f.name, int if isinstance(f.default, int) else float)
        for f in dataclasses.fields(Settings)
        if f.name in _RANGES
    },
}


@dataclass(frozen=True)
class DetectorSpec:
    """One detector, described completely.

    Attributes:
        name: what the user called it: a bundled name, a builder name or a file name.
        family: a key of `families.FAMILIES`: "Faster R-CNN", "RetinaNet", "FCOS".
        backbone: a key of `backbones.BACKBONES`: torchvision's name, or "slim_resnet18" and so on.
        backbone_width: channels of the stem (64 in a ResNet; others in a slim one).
        norm: in the backbone: "batch" (BatchNorm), "frozen" (FrozenBatchNorm), "group", "layer" or "" (none).
        norm_eps: epsilon of those norms.
        stages: names of the backbone's modules whose maps the laterals read, fine to coarse; empty for the usual ones.
        stage_norms: True when each of those maps goes through a LayerNorm of its own (Swin in detectors).
        neck: "fpn", or "fpn-no-top-down" (laterals and smoothing only).
        neck_channels: width of the pyramid, C.
        neck_norm: True when every neck convolution is followed by a norm (torchvision v2).
        neck_norm_kind: which: "batch", "frozen" or "group".
        levels: pyramid level names, fine to coarse, as ("P2", "P3", "P4", "P5", "P6").
        rpn_depth: convolutions in the RPN head before its two outputs.
        box_head: "mlp" (two fully connected layers) or "conv4" (four convolutions, or as many as it says, and one such layer).
        box_features: width of the box head's last layer.
        box_norm: behind the box head's convolutions: "batch", "frozen", "group" or "" (none).
        extra_levels: what makes the levels above the last backbone map: "pool" (every second cell of it) or, convolved with stride
            2, "P5" or "C5" by what P6 is made from.
        head_depth: convolutions in each tower of a one-stage head.
        head_norm: "group" (GroupNorm of 32) or "" (none) in those towers.
        num_classes: classes with background; in a one-stage detector all labels from 0.
        class_names: names by label; label 0 is background, though a one-stage detector may use it for a class.
        settings: what a state_dict cannot hold.
        weights: where the weights come from; "random" means untrained and is marked everywhere.
        dialect: the code base whose names and conventions the weights had: "torchvision", "detectron2", "mmdetection".
        conventions: how that code base computes around the weights.
        origins: for each of the above, where the value came from, in words.
    """

    name: str
    family: str
    backbone: str
    neck: str
    levels: tuple[str, ...]
    num_classes: int
    class_names: tuple[str, ...]
    settings: Settings
    weights: str
    backbone_width: int = 64
    norm: str = "frozen"
    norm_eps: float = 1e-5
    stages: tuple[str, ...] = ()
    stage_norms: bool = False
    neck_channels: int = 256
    neck_norm: bool = False
    neck_norm_kind: str = "batch"
    rpn_depth: int = 1
    box_head: str = "mlp"
    box_features: int = 1024
    box_norm: str = "batch"
    extra_levels: str = "pool"
    head_depth: int = 0
    head_norm: str = ""
    dialect: str = "torchvision"
    conventions: Conventions = field(default_factory=Conventions)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if len(self.class_names) != self.num_classes:
            raise SettingError(
                f"{self.name}: {len(self.class_names)} class names were given for {self.num_classes} classes "
                "(background counts as one); give one name for each."
            )
        object.__setattr__(self, "origins", MappingProxyType(dict(self.origins)))

    @property
    def untrained(self) -> bool:
        """True when the weights are random."""
        return self.weights == "random"

    @property
    def kind(self) -> Family:
        """The family's stages and settings."""
        return family_of(self.family)

    def settings_with(self, values: Mapping[str, object]) -> Settings:
        """The settings with some replaced.

        Raises:
            SettingError: a name is not a setting, or none of this family's, or a value does not fit it.
        """
        check_settings(self.family, values)
        return self.settings.changed(**values)

    @property
    def summary(self) -> str:
        """One line for a title: "demo (ResNet-18 · FPN · 5 classes)"."""
        if not self.kind.detects:
            return f"{self.name} ({title(self.backbone)} · {title(self.neck)} · no head)"
        classes = self.num_classes - ("background" in self.class_names[0].lower())
        family = f"{self.family} · " if self.kind.one_stage else ""
        return f"{self.name} ({family}{title(self.backbone)} · {title(self.neck)} · {classes} classes)"

    def to_json(self) -> str:
        """The spec as JSON text, as written into a checkpoint's metadata."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        nested = {"settings": dataclasses.asdict(self.settings), "conventions": dataclasses.asdict(self.conventions)}
        return json.dumps(plain | nested | {"origins": dict(self.origins)})

    @classmethod
    def from_json(cls, text: str) -> DetectorSpec:
        """The spec that `to_json` wrote.

        Raises:
            SettingError: the text is not such a spec.
        """
        try:
            values = json.loads(text)
            values["settings"] = Settings().changed(**values["settings"])
            values["conventions"] = Conventions().changed(**values.get("conventions", {}))
            values.setdefault("stages", ())
            for name in ("levels", "class_names", "stages"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SettingError(f"the description of the detector cannot be read: {error}.") from error

    def __reduce__(self) -> Any:
        return DetectorSpec.from_json, (self.to_json(),)


_TITLES = {
    "fpn": "FPN",
    "fpn-no-top-down": "FPN without top-down",
    **{name: backbone.title for name, backbone in BACKBONES.items()},
}


def title(name: str) -> str:
    """A component's name as papers write it: "resnet50" gives "ResNet-50"."""
    return _TITLES.get(name, name)
