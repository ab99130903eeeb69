"""Known ways in which a detector loses objects without anyone noticing, recognised in a trace."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.assignment import best_overlaps, matches_anchors, rules_of
from fpn_viewer.core.analysis.trap_values import Trap
from fpn_viewer.core.numbers import percent, significant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpn_viewer.core.annotations.structures import GroundTruth
    from fpn_viewer.core.tracing.trace import Trace

    Look = Callable[[Trace, GroundTruth | None], Trap | None]

#: COCO counts no more detections of a picture
COCO_DETECTIONS = 100
#: a detection whose score is no more than this many times the limit lies right at it
_AT_LIMIT = 1.1
#: net px per image px
_SHRUNK = 0.5


def find_traps(trace: Trace, ground_truth: GroundTruth | None = None) -> tuple[Trap, ...]:
    """The traps that this trace is in, in the order of `TRAPS`.

    Args:
        trace: of any family.
        ground_truth: of the picture, for the traps that concern its objects.
    """
    found = (look(trace, ground_truth) for look in TRAPS.values())
    return tuple(trap for trap in found if trap is not None)


def _untrained(trace: Trace, _: GroundTruth | None) -> Trap | None:
    if not trace.spec.untrained:
        return None
    return Trap("untrained", "Random weights", "The weights are random: what this detector finds means nothing; open a checkpoint.")


def _unfollowed(trace: Trace, _: GroundTruth | None) -> Trap | None:
    if trace.follows is None:
        return None
    return Trap("unfollowed", "Replay cannot follow", trace.follows.why)


def _stale_scales(trace: Trace, _: GroundTruth | None) -> Trap | None:
    if not trace.stale_scales:
        return None
    held = ", ".join(f"1/{1 / scale:g}" for scale in trace.stale_scales)
    sentence = (
        f"RoI pooling still held the scales of another picture ({held}), which do not fit this one. torchvision keeps those of the "
        "first picture it sees: in a loop of your own set box_roi_pool.scales and .map_levels to None before each, as done here."
    )
    return Trap("stale_scales", "Stale RoI scales", sentence)


def _misread(trace: Trace, _: GroundTruth | None) -> Trap | None:
    finest, stride = 2 ** trace.raw.roi_levels[0], trace.levels[0].stride[0]
    if trace.spec.kind.one_stage or trace.raw.roi_levels[1] == 0 or finest == round(stride):
        return None
    sentence = (
        f"RoI pooling takes the cells of {trace.levels[0].name} for {finest} px wide, but they are {stride:g}: torchvision infers "
        "that from the height before padding, which is too small here. Features come from the wrong place; pad or crop the picture."
    )
    return Trap("roi_scale", "Wrong RoI scale", sentence)


def _shrunk(trace: Trace, _: GroundTruth | None) -> Trap | None:
    scale = min(trace.scale)
    if scale >= _SHRUNK:
        return None
    sentence = (
        f"The picture is shrunk to {significant(scale, 2)} of its size, so that an object of {1 / scale:.0f} px is one net px; "
        "raise min_size and max_size, or zoom in on a region."
    )
    return Trap("shrunk", "Picture shrunk", sentence)


def _equal_strides(trace: Trace, _: GroundTruth | None) -> Trap | None:
    levels: dict[tuple[float, float], list[str]] = defaultdict(list)
    for level in trace.levels:
        levels[level.stride].append(level.name)
    alike = {stride: names for stride, names in levels.items() if len(names) > 1}
    if not alike:
        return None
    stride, names = next(iter(alike.items()))
    sentence = (
        f"{_listed(names)} have the same stride of {stride[0]:g} net px: the pyramid is less fine than its number of levels "
        "suggests, and small objects get no finer cells."
    )
    return Trap("equal_strides", "Levels of equal stride", sentence, sum(map(len, alike.values())))


def _unused_levels(trace: Trace, _: GroundTruth | None) -> Trap | None:
    first, last = trace.raw.roi_levels
    if trace.spec.kind.one_stage or last == 0:
        return None
    # that no proposal of this picture is large enough for a level is the picture's doing
    unread = [index for index in range(last - first + 1, len(trace.levels)) if not _made_for_anchors(trace, index)]
    if not unread:
        return None
    names = _listed([trace.levels[index].name for index in unread])
    sentence = f"No box is ever judged by {names}: RoI pooling never reads it. It reaches the detections only through its anchors."
    return Trap("unused_level", "Level without RoIs", sentence, len(unread))


def _made_for_anchors(trace: Trace, index: int) -> bool:
    """Whether a level is another one's, subsampled (P6): no RoI is meant to be read from it."""
    node = trace.graph.at(trace.levels[index].name, "output")
    return node is not None and node.terms[0].op.kind == "subsample"


def _capped(trace: Trace, _: GroundTruth | None) -> Trap | None:
    cap = trace.settings.box_detections_per_img
    if len(trace.detections) < cap:
        return None
    cut = int((trace.class_boxes.alive_after == trace.stages.index("nms")).sum())
    sentence = (
        f"All {cap} places for detections are taken and {cut} more were cut; raise box_detections_per_img or box_score_thresh."
    )
    # full to the last place without any that was cut is no loss
    return Trap("cap", "Cap reached", sentence, cut) if cut else None


def _score_floor(trace: Trace, _: GroundTruth | None) -> Trap | None:
    floor, scores = trace.settings.box_score_thresh, trace.detections.scores
    near = int((scores <= _AT_LIMIT * floor).sum())
    if not near or len(scores) >= trace.settings.box_detections_per_img:
        return None
    below = trace.class_boxes.score[trace.class_boxes.score <= floor]
    just_below = int((below >= floor / _AT_LIMIT).sum())
    sentence = (
        f"{_count(near, 'detection')} {'is' if near == 1 else 'are'} right above box_score_thresh {floor:g} and "
        f"{_count(just_below, 'box', 'boxes')} right below: the limit cuts through a crowd; lower it to see what it hides."
    )
    return Trap("score_floor", "Score limit hit", sentence, near)


def _out_of_reach(trace: Trace, truth: GroundTruth | None) -> Trap | None:
    if truth is None or not matches_anchors(trace):
        return None
    boxes, low = truth.boxes_img[_objects(truth)], rules_of(trace).low
    missed = int((best_overlaps(trace, boxes) < low).sum())
    if not missed:
        return None
    sentence = (
        f"No anchor overlaps {_count(missed, 'object')} of {len(boxes)} by IoU {low:g}: even the best one counts as background in "
        "training at this size; a larger input, or smaller anchors and training anew, would reach them."
    )
    return Trap("anchors", "Anchors out of reach", sentence, missed)


def _crowded(trace: Trace, truth: GroundTruth | None) -> Trap | None:
    if truth is None:
        return None
    count, places = int(_objects(truth).sum()), min(COCO_DETECTIONS, trace.settings.box_detections_per_img)
    if count <= places:
        return None
    which = "COCO counts no more" if places == COCO_DETECTIONS else "box_detections_per_img allows no more"
    sentence = (
        f"{count} objects are annotated, but {which} than {places} detections of a picture: at least "
        f"{percent((count - places) / count)} must be missed; look at the picture in parts."
    )
    return Trap("crowded", "More objects than places", sentence, count - places)


def _objects(truth: GroundTruth) -> NDArray[np.bool_]:
    """The annotations that a detection can match and that count when missed (N,)."""
    sound = np.array([not flaw for flaw in truth.flaws], np.bool_)
    return sound & ~truth.crowd & ~truth.ignored


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


#: by name, most severe first: what looks for it
TRAPS: dict[str, Look] = {
    "untrained": _untrained,
    "unfollowed": _unfollowed,
    "stale_scales": _stale_scales,
    "roi_scale": _misread,
    "shrunk": _shrunk,
    "anchors": _out_of_reach,
    "crowded": _crowded,
    "cap": _capped,
    "score_floor": _score_floor,
    "equal_strides": _equal_strides,
    "unused_level": _unused_levels,
}
