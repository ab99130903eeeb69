"""torchvision's checkpoints, of all its versions, with every backbone that can be built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.presets import SETTINGS, preset
from fpn_viewer.core.checkpoints.signatures import backbone_words, refusal
from fpn_viewer.core.checkpoints.torchvision import facts, heads
from fpn_viewer.core.checkpoints.torchvision import names as n
from fpn_viewer.core.checkpoints.torchvision.assume import norm_eps, settings_for
from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, Recognised, likely
from fpn_viewer.core.detectors.backbones import backbone_of, levels_of, stages_read
from fpn_viewer.core.detectors.families import made_up_names
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.detectors.backbones import Body, Stage

    Shapes = Mapping[str, tuple[int, ...]]

_OWN = ("backbone.body.", "backbone.fpn.", "rpn.head.", "roi_heads.box_predictor.", "head.classification_head.")
_ORIGINS: dict[str, str] = {
    **dict.fromkeys(
        ("backbone", "backbone_width", "neck_channels", "num_classes", "box_features", "extra_levels", "levels", "stages"),
        FROM_SHAPES,
    ),
    **dict.fromkeys(("family", "norm", "neck", "neck_norm", "rpn_depth", "box_head", "head_depth", "head_norm"), FROM_KEYS),
    "class_names": "made up",
}
_OF_ONES_OWN = "make its module in Python and open that: --model package.module:factory"
_SEVERAL = likely("the laterals' channels fit other maps of this backbone too; no tensor says which are read")


def claims(names: Collection[str]) -> bool:
    """Whether these are names that torchvision's detectors give to their tensors."""
    return any(name.startswith(_OWN) for name in names)


@dataclass(frozen=True, eq=False)
class Case:
    """One file while it is recognised.

    Attributes:
        name: of the file, without its ending.
        shapes: of the tensors that are built, under today's names.
        network: what torchvision calls the network that was saved: "Mask R-CNN".
        legacy: whether the names were of torchvision before 0.12.
        whole: whether the backbone's modules came under `features`, as in torchvision's classifiers.
        preset: whose settings and conventions are assumed.
        preset_given: whether the user chose it.
    """

    name: str
    shapes: Shapes
    network: str
    legacy: bool
    whole: bool
    preset: str = "torchvision"
    preset_given: bool = False

    @property
    def family(self) -> str:
        """A key of `families.FAMILIES`."""
        return heads.family_of(self.shapes)


def recognise(contents: Contents, chosen: str | None) -> Recognised:
    """The detector that torchvision's tensors belong to.

    Args:
        contents: of the file.
        chosen: the user's preset, for weights of another code base under torchvision's names.

    Raises:
        CheckpointError: it is of a kind that cannot be built; the sentence says of which.
    """
    left = n.left_out(contents.tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in contents.tensors.items()}
    new = n.todays({name: shape for name, shape in shapes.items() if name not in left})
    case = _case(contents, shapes, new, chosen)
    if not _is_complete(case.shapes):
        raise CheckpointError(refusal(contents.path.name, shapes))
    body = _body(contents.path.name, case.shapes)
    stages, only = _stages(contents.path.name, case, body)
    behind = _behind(new, body, stages)
    spec = _spec(case, body, stages, only)
    return Recognised(
        spec,
        {to: contents.tensors[name] for name, to in new.items() if name not in behind},
        facts=facts.of(case, spec, body, stages),
        left_out={**left, **behind},
        keys={to: name for name, to in new.items() if to != name},
        anchors_per_cell=heads.anchors_per_cell(case.shapes),
    )


def _case(contents: Contents, shapes: Shapes, new: Mapping[str, str], chosen: str | None) -> Case:
    return Case(
        name=contents.path.stem,
        shapes={to: shapes[name] for name, to in new.items()},
        network=heads.network_of({new.get(name, name): shape for name, shape in shapes.items()}),
        legacy=n.is_legacy(new),
        whole=any(name.startswith(f"{n.BODY}features.") for name in new),
        preset=chosen or "torchvision",
        preset_given=chosen is not None,
    )


def _is_complete(shapes: Shapes) -> bool:
    """Whether there is a neck and a head."""
    head = (n.DENSE_CLASSES, n.DENSE_BOXES) if heads.is_one_stage(shapes) else (n.RPN_CLASSES, n.RPN_BOXES, n.CLASSES)
    return all(name in shapes for name in (n.LATERAL, n.SMOOTHING, *head))


def _body(file: str, shapes: Shapes) -> Body:
    own = {name.removeprefix(n.BODY): shape for name, shape in shapes.items() if name.startswith(n.BODY)}
    body = backbone_of(own)
    if body is None:
        raise CheckpointError(f"{file} has an FPN on {backbone_words(own)}, which cannot be built from a file; {_OF_ONES_OWN}.")
    return body


def _stages(file: str, case: Case, body: Body) -> tuple[tuple[Stage, ...], bool]:
    """The maps that the laterals read, and whether there was no choice."""
    channels = heads.laterals_of(file, case.shapes)
    numbers = [int(first) for first in _modules(case.shapes) if first.isdigit()]
    first_stride = 8 if heads.is_one_stage(case.shapes) else 4
    for last in (max(numbers), None) if numbers else (None,):
        stages, only = stages_read(body, channels, first_stride, last)
        if stages:
            return stages, only
    offered = ", ".join(f"{s.place} ({s.channels})" for s in body.backbone.stages(body.width)[0])
    raise CheckpointError(
        f"{file} has laterals for maps of {', '.join(map(str, channels))} channels, which are no maps of a {body.backbone.title}; "
        f"its stages and their channels are {offered}; {_OF_ONES_OWN}."
    )


def _modules(shapes: Shapes) -> set[str]:
    """First words of the names below the body."""
    return {name.removeprefix(n.BODY).partition(".")[0] for name in shapes if name.startswith(n.BODY)}


def _behind(new: Mapping[str, str], body: Body, stages: tuple[Stage, ...]) -> dict[str, str]:
    """Names in the file of what lies behind the last map that is read, which torchvision's extractor cuts off."""
    place = stages[-1].place
    order = [stage.place for stage in body.backbone.ways[0]]
    later = set(order[order.index(place) + 1 :]) if place in order else set()
    reason = f"behind {place}, the last map that the pyramid reads"
    out = {}
    for name, to in new.items():
        first = to.removeprefix(n.BODY).partition(".")[0] if to.startswith(n.BODY) else ""
        if first in later or (first.isdigit() and int(first) > int(place)):
            out[name] = reason
    return out


def _spec(case: Case, body: Body, stages: tuple[Stage, ...], only: bool) -> DetectorSpec:
    shapes, family = case.shapes, case.family
    if (case.preset, family) not in SETTINGS:
        known = ", ".join(own for own, of in SETTINGS if of == family)
        raise CheckpointError(f"{case.name} is a {family}, and there is no preset {case.preset!r} for one; use one of: {known}.")
    settings, conventions, origins = preset(case.preset, family)
    classes, neck = heads.classes_of(case.name, shapes), heads.neck(shapes)
    levels = levels_of(stages, neck["extra_levels"])
    fields: dict[str, Any] = {**neck, **heads.head(case.name, shapes)}
    spec = DetectorSpec(
        name=case.name,
        family=family,
        backbone=body.backbone.name,
        backbone_width=body.width,
        norm=body.norm,
        stages=() if stages == body.backbone.stages(body.width)[0][-len(stages) :] else tuple(stage.place for stage in stages),
        stage_norms=body.stage_norms,
        levels=levels,
        num_classes=classes,
        class_names=made_up_names(family, classes),
        settings=settings,
        conventions=conventions,
        weights=f"from {case.name}",
        origins={**origins, **_ORIGINS, **({} if only else {"stages": _SEVERAL, "levels": _SEVERAL})},
        **fields,
    )
    eps, why = norm_eps(case, spec)
    settings, more = settings_for(case, spec)
    return replace(spec, norm_eps=eps, settings=settings, origins={**spec.origins, "norm_eps": why, **more})
