"""Everything that is known of a detector, with where it is known from. Importing it loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, GIVEN, Fact, assumed
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES
from fpn_viewer.core.detectors.spec import title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.detectors.spec import DetectorSpec

_NORMS = {"batch": "BatchNorm", "frozen": "FrozenBatchNorm", "group": "GroupNorm", "layer": "LayerNorm", "": "none"}
_POOLED = "every second cell of the last one"
#: conventions that only some families compute with
_TWO_STAGE_ONLY = ("roi_aligned", "roi_sampling_ratio")
_ONE_STAGE_ONLY = ("clip_before_nms",)
FROM_FILE = "from the file"
_MADE_UP = "assumed: made up, because a state_dict holds no names"
#: options that are shown where a person gave them
_AS_GIVEN = ("norm_eps", "entry", "name")
#: class names beyond these are counted
_NAMES = 12


def structure(spec: DetectorSpec, per_cell: int) -> tuple[Fact, ...]:
    """What a detector consists of.

    Args:
        spec: the detector.
        per_cell: anchors that its head has outputs for; 0 where it does not matter.
    """
    extra = _POOLED if spec.extra_levels == "pool" else f"convolutions of {spec.extra_levels} with stride 2"
    rows: list[tuple[str, Any, str]] = [
        ("family", spec.family, FROM_KEYS),
        ("backbone", title(spec.backbone), FROM_SHAPES),
        ("norm", _NORMS.get(spec.norm, spec.norm), FROM_KEYS),
        ("neck", f"{title(spec.neck)}, {spec.neck_channels} channels{', with norms' * spec.neck_norm}", FROM_SHAPES),
        ("levels", ", ".join(spec.levels), FROM_KEYS),
        ("extra levels", extra, FROM_SHAPES),
        *_head(spec),
        ("classes", f"{spec.num_classes}{'' if spec.kind.one_stage else ', background among them'}", FROM_SHAPES),
        ("anchors per cell", per_cell or spec.settings.anchors_per_cell[0], FROM_SHAPES),
        ("dialect", spec.dialect, FROM_KEYS),
    ]
    return tuple(Fact(name, str(value), spec.origins.get(name, origin)) for name, value, origin in rows)


def _head(spec: DetectorSpec) -> list[tuple[str, Any, str]]:
    if spec.kind.one_stage:
        return [("head", f"{spec.head_depth} convolutions per tower, norm {_NORMS.get(spec.head_norm, spec.head_norm)}", FROM_KEYS)]
    heads = {"mlp": "two fully connected layers", "conv4": "four convolutions and a fully connected layer"}
    return [
        ("RPN", f"{spec.rpn_depth} convolution{'s' * (spec.rpn_depth > 1)}", FROM_KEYS),
        ("box head", f"{heads.get(spec.box_head, spec.box_head)}, {spec.box_features} wide", FROM_SHAPES),
    ]


def settings(spec: DetectorSpec) -> tuple[Fact, ...]:
    """Settings, conventions and class names of a detector, those that its family has."""
    one_stage = spec.kind.one_stage
    apart = _TWO_STAGE_ONLY if one_stage else _ONE_STAGE_ONLY
    no_p7 = () if spec.extra_levels != "pool" else ("p7_relu",)
    rows: list[tuple[str, Any]] = [
        ("class_names", spec.class_names),
        *((name, getattr(spec.settings, name)) for name in spec.kind.settings),
        *((name, getattr(spec.conventions, name)) for name in CONVENTION_NAMES if name not in (*apart, *no_p7)),
        *([("norm_eps", spec.norm_eps)] if spec.norm == "frozen" else []),
    ]
    return tuple(Fact(name, words(value), _origin(spec, name), setting=name) for name, value in rows)


def _origin(spec: DetectorSpec, name: str) -> str:
    # conventions are those of the code base unless somebody says otherwise
    origin = spec.origins.get(name) or (assumed(spec.dialect) if name in CONVENTION_NAMES else FROM_FILE)
    return _MADE_UP if origin == "made up" else origin


def words(value: Any) -> str:
    """A value of a setting as a person writes it: "0.5, 1, 2", "32 · 64 · 128", "yes"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, (tuple, list)):
        return str(value)
    if value and all(isinstance(row, (tuple, list)) for row in value):
        return " · ".join(words(row) for row in value)
    return _joined([words(one) for one in value])


def _joined(several: Sequence[str]) -> str:
    more = f", … ({len(several)} in all)" if len(several) > _NAMES else ""
    return ", ".join(several[:_NAMES]) + more


def merged(read: Sequence[Fact], spec: DetectorSpec, per_cell: int, given: Mapping[str, Any] | None = None) -> tuple[Fact, ...]:
    """Everything: what was read from the tensors, what the spec has beyond that, settings.

    Args:
        read: what the dialect says; of settings, what is said of the file counts more.
        spec: with everything that was said.
        per_cell: anchors that its head has outputs for; 0 where it does not matter.
        given: what a person said of it, by name; what no setting shows is shown as it was said.
    """
    shown = settings(spec)
    own_names = {fact.name for fact in shown}
    said = (
        *shown,
        *(Fact(name, words(given[name]), GIVEN, name) for name in _AS_GIVEN if given and name in given and name not in own_names),
    )
    own = tuple(fact for fact in read if fact.name not in {one.name for one in said})
    beyond = (fact for fact in structure(spec, per_cell) if fact.name not in {one.name for one in own})
    return (*own, *beyond, *said)
