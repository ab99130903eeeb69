"""mmdetection's checkpoints: Faster R-CNN, the boxes of Mask R-CNN, and RetinaNet with an FPN, of its versions 1 to 3."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints import convert
from fpn_viewer.core.checkpoints.mmdetection.config import config_of, version_of
from fpn_viewer.core.checkpoints.mmdetection.names import left_out, renamed
from fpn_viewer.core.checkpoints.mmdetection.options import EXTRACTORS, coder_of
from fpn_viewer.core.checkpoints.mmdetection.refusals import what_cannot_be_built
from fpn_viewer.core.checkpoints.mmdetection.remarks import remarks
from fpn_viewer.core.checkpoints.presets import SETTINGS, preset
from fpn_viewer.core.checkpoints.structure import anchors_per_cell, check_whole, is_one_stage, levels_of, structure
from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, GIVEN, Fact, Recognised, likely
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.mmdetection.config import Config
    from fpn_viewer.core.checkpoints.values import Contents
    from fpn_viewer.core.detectors.conventions import Conventions
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings

PYTORCH, CAFFE = "mmdetection", "mmdetection caffe"
_OWN = ("neck.", "roi_head.", "bbox_head.", "rpn_head.", "query_head.")
#: what version 1 does otherwise: boxes there hold their last pixel, which in boxes that end behind it is this
_VERSION_1 = {"anchor_rounding": True, "anchor_offset": 0.5, "roi_aligned": False, "roi_sampling_ratio": 2}
_FROM_VERSION_1 = likely("the file is of an mmdetection before 2.0, which computes so")
#: from this version on the first of the RPN's two scores is the object's
_SWAPPED = (2, 5)
#: side of an RoI, net px, that moves from the finest level to the next
_FINEST_SCALE = 56
#: by whether it works in one stage: mmdetection's name of the head that anchors belong to, and its convolutions
_ANCHOR_HEADS = {
    False: ("rpn_head", (convert.RPN_SCORES, convert.RPN_BOXES)),
    True: ("bbox_head", (convert.DENSE_CLASSES, convert.DENSE_BOXES)),
}


def claims(names: Collection[str]) -> bool:
    """Whether these are names that mmdetection's detectors give to their tensors."""
    return any(name.startswith(_OWN) for name in names)


@dataclass(frozen=True, eq=False)
class _Case:
    """One file while it is recognised.

    Attributes:
        name: of the file.
        tensors: under torchvision's names, rows still mmdetection's.
        config: the configuration in the file.
        version: of the mmdetection that wrote it.
        legacy: whether it computes as mmdetection did before 2.0.
    """

    name: str
    tensors: dict[str, Tensor]
    config: Config
    version: tuple[int, int] | None
    legacy: bool

    @property
    def one_stage(self) -> bool:
        return is_one_stage(self.tensors)

    @property
    def family(self) -> str:
        return "RetinaNet" if self.one_stage else "Faster R-CNN"


def recognise(contents: Contents, chosen: str | None) -> Recognised:
    """The detector that mmdetection's tensors belong to.

    Args:
        contents: of the file.
        chosen: the user's preset; without one the file's configuration decides, and without that pictures are assumed to be RGB.

    Raises:
        CheckpointError: it is of a kind that cannot be built; the sentence says of which.
    """
    names, config = contents.tensors.keys(), config_of(contents.metadata)
    _check_buildable(contents, config)
    out = left_out(names)
    new = renamed([name for name in names if name not in out])
    _check_single(contents.path.stem, new)
    tensors = {to: contents.tensors[name] for name, to in new.items()}
    check_whole(contents.path.stem, tensors)
    case = _Case(contents.path.stem, tensors, config, version_of(contents.metadata), _is_legacy(contents, tensors))
    _check_pooling(case)
    facts = tuple(_converted(case))
    settings, conventions, origins, fact = _assumed(case, chosen)
    spec = structure(case.name, case.tensors, origins, settings, conventions)
    return Recognised(
        spec,
        case.tensors,
        facts=(*_structural(case, spec), *facts, fact, *remarks(config)),
        left_out=out,
        keys={to: name for name, to in new.items() if to != name},
        anchors_per_cell=anchors_per_cell(case.tensors),
        size_by_size=_size_by_size(case),
    )


def _check_buildable(contents: Contents, config: Config) -> None:
    """Raises CheckpointError, with what it is, where it is a network that cannot be built."""
    what = what_cannot_be_built(contents.tensors.keys(), config)
    if what:
        raise CheckpointError(
            f"{contents.path.name} is {what}, which cannot be opened; of mmdetection's detectors Faster R-CNN, Mask R-CNN (its "
            "boxes) and RetinaNet with an FPN on a ResNet can."
        )


def _check_single(name: str, new: Mapping[str, str]) -> None:
    """Raises CheckpointError where two tensors would be the same part."""
    places: dict[str, str] = {}
    for old, place in new.items():
        if place in places:
            raise CheckpointError(
                f"{name} has {places[place]} and {old}, which are the same part in two versions' names; remove one."
            )
        places[place] = old


def _is_legacy(contents: Contents, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the network is one of mmdetection before 2.0; a file of then that was brought up to date is not."""
    if is_one_stage(tensors):
        return (version_of(contents.metadata) or (2, 0)) < (2, 0)
    boxes, classes = len(tensors[f"{convert.BOXES}.weight"]), len(tensors[f"{convert.CLASSES}.weight"])
    of_all = boxes == 4 and not any(name.startswith("roi_head.") for name in contents.tensors)
    # there was a box for the background too
    return of_all or boxes == 4 * classes


def _check_pooling(case: _Case) -> None:
    """Raises CheckpointError where RoIs go to other levels than torchvision's rule sends them to."""
    scale, place = case.config.first(*((*extractor, "finest_scale") for extractor in EXTRACTORS))
    finest = 1 << int(levels_of(case.name, case.tensors)[0].lstrip("P"))
    wanted = _FINEST_SCALE * finest // 4
    if not case.one_stage and (_FINEST_SCALE if scale is None else scale) != wanted:
        raise CheckpointError(
            f"{case.name} sends RoIs up to {scale or _FINEST_SCALE} net px to a finest level of stride {finest}"
            f"{f' ({place})' * bool(place)}, which cannot be built; it can where that is {wanted}."
        )


# -- the heads' rows ----------------------------------------------------------------------------------------------------


def _converted(case: _Case) -> Iterator[Fact]:
    """Puts the heads' rows into torchvision's order, in place, and says what was done."""
    if case.one_stage:
        yield from _deltas(case, convert.DENSE_BOXES, "bbox_head")
        return
    yield from _rpn_scores(case)
    yield from _deltas(case, convert.RPN_BOXES, "rpn_head")
    yield from _classes(case)
    roi_head = ("roi_head",) if case.config.get("model", "roi_head") else ()
    yield from _deltas(case, convert.BOXES, *roi_head, "bbox_head")


def _rpn_scores(case: _Case) -> Iterator[Fact]:
    rows, anchors = len(case.tensors[f"{convert.RPN_SCORES}.weight"]), anchors_per_cell(case.tensors)
    if rows != 2 * anchors:
        return
    swapped = not case.legacy if case.version is None else case.version >= _SWAPPED
    convert.one_score(case.tensors, 0 if swapped else 1)
    value = f"two per anchor under a softmax, the {'first' if swapped else 'second'} of them the object's; made into one"
    known = case.legacy or case.version is not None
    yield Fact("RPN scores", value, FROM_SHAPES if known else "assumed: as mmdetection has them from 2.5 on")


def _classes(case: _Case) -> Iterator[Fact]:
    classes = len(case.tensors[f"{convert.CLASSES}.weight"])
    boxes = len(case.tensors[f"{convert.BOXES}.weight"])
    agnostic = boxes == 4
    if case.legacy and agnostic:
        convert.boxes_of_all(case.tensors, classes)
    elif boxes in (4, 4 * (classes - 1)):
        convert.background_first(case.tensors, classes)
    elif boxes != 4 * classes:
        raise CheckpointError(
            f"{case.name} has {classes} class scores and {boxes} rows of boxes, which fit no box head of mmdetection; was it cut?"
        )
    yield Fact("background", "the first class" if case.legacy else "the last class; moved to the front", FROM_SHAPES)
    yield Fact("box regression", "one box for all classes; repeated" if agnostic else "a box for each class", FROM_SHAPES)


def _size_by_size(case: _Case) -> tuple[str, ...]:
    """The tensors whose rows go through the ratios of one anchor size after the other."""
    head, parts = _ANCHOR_HEADS[case.one_stage]
    turned = case.config.get("model", head, "anchor_generator", "scale_major") is False
    return tuple(f"{part}.{ending}" for part in parts for ending in ("weight", "bias")) if turned else ()


def _deltas(case: _Case, name: str, *head: str) -> Iterator[Fact]:
    means, stds = coder_of(case.config, *head)
    if convert.in_terms_of(case.tensors, name, means, stds):
        place = ".".join((case.config.place, "model", *head))
        yield Fact(f"box deltas of {head[-1]}", f"means {means}, stds {stds}; put into the weights", f"from the file's own {place}")


# -- what no tensor says ------------------------------------------------------------------------------------------------


def _assumed(case: _Case, chosen: str | None) -> tuple[Settings, Conventions, dict[str, str], Fact]:
    """Settings and conventions of the preset, the origin of each, and which preset that is.

    Raises:
        CheckpointError: the preset that the user chose has no such family.
    """
    name, origin = _preset(case.config, chosen)
    if (name, case.family) not in SETTINGS:
        known = ", ".join(own for own, family in SETTINGS if family == case.family)
        raise CheckpointError(f"{case.name} is a {case.family}, and there is no preset {name!r} for one; use one of: {known}.")
    settings, conventions, origins = preset(name, case.family)
    settings = replace(settings, anchor_sizes=_anchor_sizes(levels_of(case.name, case.tensors), case.one_stage))
    if case.legacy:
        conventions = conventions.changed(**_VERSION_1)
        origins |= dict.fromkeys(_VERSION_1, _FROM_VERSION_1)
    return settings, conventions, origins, Fact("preset", name, origin, setting="preset")


def _preset(config: Config, chosen: str | None) -> tuple[str, str]:
    if chosen is not None:
        return chosen, GIVEN
    style = config.get("model", "backbone", "style")
    if style in _OF_STYLE:
        return _OF_STYLE[style], f"from the file's own {config.place}.model.backbone.style"
    return PYTORCH, _NO_STYLE


_NO_STYLE = f"assumed: style 'pytorch', with pictures in RGB; a network trained from Caffe's weights needs preset {CAFFE!r}"
_OF_STYLE: dict[Any, str] = {"pytorch": PYTORCH, "caffe": CAFFE}


def _anchor_sizes(levels: tuple[str, ...], one_stage: bool) -> tuple[tuple[float, ...], ...]:
    """By level, as mmdetection's configurations set them: of 8 strides, or of 4 in three steps to the next octave."""
    strides = [1 << int(level.lstrip("P")) for level in levels]
    if one_stage:
        return tuple(tuple(4 * stride * 2 ** (k / 3) for k in range(3)) for stride in strides)
    return tuple((8 * stride,) for stride in strides)


def _structural(case: _Case, spec: DetectorSpec) -> Iterator[Fact]:
    written = f" {case.version[0]}.{case.version[1]}" if case.version else " before 2.0" if case.legacy else ""
    yield Fact("dialect", f"mmdetection{written}", "from the file's own meta" if case.version else FROM_KEYS)
    said = case.config.get("model", "neck", "add_extra_convs") is not None
    if spec.extra_levels == "P5":
        # on_lateral was refused where the configuration says so
        origin = f"from the file's own {case.config.place}.model.neck.add_extra_convs" if said else "assumed: no tensor shows which"
        yield Fact("extra levels", "convolutions of P5 with stride 2 (on_output; on_lateral has the same shapes)", origin)
