"""At which values of a setting the selection lets one more of an object's boxes through: the only values worth trying.

They are read from the selection that lost the boxes: the rank that was not reached, the overlap with the stronger box, the score.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.analysis.near import alike_rows
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpn_viewer.core.analysis.stages import Question
    from fpn_viewer.core.tracing.sides import Side
    from fpn_viewer.core.tracing.trace import Trace

    Rows = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: a list that is cut is never made longer than this many times, because NMS takes the square of it
_LONGER = 10
#: but as long as this it may always be
_LIST = 2000
#: tried below an NMS limit: fewer boxes of others before the cap
_LOWER = (0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
#: pairs of boxes that are compared at once
_PAIRS = 4_000_000


def worth_trying(question: Question, killer: str) -> dict[str, tuple[float, ...]]:
    """Values by setting, smallest change first; settings that cannot help are left out.

    Args:
        question: an object that was lost, in a trace whose selection the replay follows.
        killer: the stage that lost it; what only changes the stages behind it is not tried.
    """
    trace = question.trace
    stages = trace.stages
    out: dict[str, tuple[float, ...]] = {}
    for name, (stage, values) in (_ONE_STAGE if trace.spec.kind.one_stage else _TWO_STAGE).items():
        if stages.index(stage) <= stages.index(killer):
            out[name] = tuple(values(question, stage))
    for name, cap in _CROWDED.items():
        if cap == killer:
            limit = getattr(trace.settings, name)
            out[name] = (*out.get(name, ()), *(value for value in _LOWER if value < limit))
    return {name: values for name, values in out.items() if values}


# -- which boxes --------------------------------------------------------------------------------------------------------


def _side(question: Question, stage: str) -> Side:
    of_rpn = stage.startswith("rpn_")
    return question.trace.rpn_side if of_rpn else question.trace.head_side


def _lost_at(question: Question, stage: str) -> Rows:
    """Rows of the near boxes that came to a stage of the selection and did not pass it."""
    side, trace = _side(question, stage), question.trace
    rows, iou = alike_rows(side, question)
    lost: Rows = rows[(iou >= question.iou) & (side.alive[rows] == trace.stages.index(stage) - 1)]
    return lost[question.is_asked(_labels(trace, lost))] if side is trace.head_side else lost


def _labels(trace: Trace, rows: Rows) -> Rows:
    fate = trace.dense_fate
    out: Rows = rows % trace.classes + 1 if fate is None else as_numpy(fate.groups)[rows]
    return out


def _level(trace: Trace, rows: Rows) -> Rows:
    out: Rows = np.searchsorted(np.cumsum(trace.raw.counts), rows, side="right")
    return out


# -- values -------------------------------------------------------------------------------------------------------------


def _ranks(question: Question, stage: str) -> list[int]:
    """Places by objectness within the level that must be let through."""
    trace, rows = question.trace, _lost_at(question, stage)
    logits, levels = as_numpy(trace.raw.answers.objectness.float()), _level(trace, rows)
    ends = np.cumsum(trace.raw.counts)
    ranks: list[int] = []
    for level in np.unique(levels):
        of_level = np.sort(logits[ends[level] - trace.raw.counts[level] : ends[level]])
        # among equals the last place is certain
        ranks += (len(of_level) - np.searchsorted(of_level, logits[rows[levels == level]], side="left")).tolist()
    return _longer(ranks, trace.settings.rpn_pre_nms_top_n)


def _places(question: Question, stage: str) -> list[int]:
    """Places in the list of winners that must be let through."""
    side = _side(question, stage)
    limit = getattr(question.trace.settings, _CAPS[stage])
    return _longer(side.place[_lost_at(question, stage)].tolist(), limit)


def _longer(places: list[int], limit: int) -> list[int]:
    return [n for n in sorted(set(places)) if limit < n <= max(_LONGER * limit, _LIST)]


def _scores_reached(question: Question, stage: str) -> list[float]:
    """Scores at or just under those of the boxes that were refused, for a limit that may be reached or must be exceeded."""
    scores = _side(question, stage).scores[_lost_at(question, stage)]
    return _under(scores)


def _under(scores: NDArray[np.float32]) -> list[float]:
    return sorted({_rounded_down(float(score)) for score in scores if score > 0}, reverse=True)


def _rounded_down(score: float) -> float:
    """The next number with three significant digits below a score."""
    unit = 10.0 ** (floor(log10(score)) - 2)
    digits = floor(score / unit)
    # a score must exceed its limit, and float32 may round the limit up to it
    if np.float32(digits * unit) >= np.float32(score):
        digits -= 1
    return float(f"{digits * unit:.3g}")


def _overlaps(question: Question, stage: str) -> list[float]:
    """The highest overlap that each suppressed box has with a stronger one, rounded up to three digits."""
    rows, side = _lost_at(question, stage), _side(question, stage)
    groups = as_numpy(side.fate.groups)
    highest: set[float] = set()
    for group in np.unique(groups[rows]):
        victims, winners = rows[groups[rows] == group], side.winners[groups[side.winners] == group]
        for part in np.array_split(victims, ceil(len(victims) * len(winners) / _PAIRS) or 1):
            iou = _iou_matrix(side.compared.boxes(part), side.compared.boxes(winners))
            stronger = side.scores[winners][None] >= side.scores[part][:, None]
            highest.update(min(1.0, ceil(v * 1000) / 1000) for v in np.where(stronger, iou, 0).max(1, initial=0.0))
    limit = side.fate.limit
    return sorted(v for v in highest if v > limit) + ([1.0] if highest and limit < 1 and 1.0 not in highest else [])


def _iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> Floats:
    """IoU (N, M) of boxes (N, 4) with others (M, 4)."""
    one, other = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    sides = np.clip(np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2]), 0, None)
    shared = sides.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - shared
    out: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return out


# -- one-stage detectors: up to the top-k the candidates are anchors ----------------------------------------------------


def _dense_near(question: Question) -> tuple[Rows, NDArray[np.float32]]:
    """Near anchors and the best score that each has for the object's class."""
    trace = question.trace
    rows, iou = alike_rows(trace.candidate_columns, question)
    rows = rows[iou >= question.iou]
    return rows, _dense_scores(question, rows)


def _dense_scores(question: Question, rows: Rows) -> NDArray[np.float32]:
    head, label = question.trace.raw.dense, question.label
    assert head is not None
    with torch.inference_mode():
        scores = head.scores(torch.from_numpy(rows).to(head.class_logits.device))
    return as_numpy((scores.amax(1) if label is None else scores[:, label]).float())


def _dense_under(question: Question, _: str) -> list[float]:
    limit = question.trace.settings.box_score_thresh
    scores = _dense_near(question)[1]
    return _under(scores[scores <= limit])


def _dense_ranks(question: Question, _: str) -> list[int]:
    """Places by score among all pairs of anchor and class of the level."""
    trace = question.trace
    rows, scores = _dense_near(question)
    levels, ends = _level(trace, rows), np.cumsum(trace.raw.counts)
    ranks: list[int] = []
    for level in np.unique(levels):
        of_level = _all_dense_scores(trace, slice(int(ends[level]) - trace.raw.counts[level], int(ends[level])))
        ranks += (len(of_level) - np.searchsorted(of_level, scores[levels == level], side="left")).tolist()
    return _longer(ranks, trace.settings.topk_candidates)


def _all_dense_scores(trace: Trace, span: slice) -> NDArray[np.float32]:
    head = trace.raw.dense
    assert head is not None
    places = torch.arange(span.start, span.stop, device=head.class_logits.device)
    with torch.inference_mode():
        return np.sort(as_numpy(head.scores(places).float()).reshape(-1))


#: setting to the stage it rules, and how its values are found
_TWO_STAGE: dict[str, tuple[str, Callable[[Question, str], list[int] | list[float]]]] = {
    "rpn_pre_nms_top_n": ("rpn_top_k", _ranks),
    "rpn_score_thresh": ("rpn_score", _scores_reached),
    "rpn_nms_thresh": ("rpn_nms", _overlaps),
    "rpn_post_nms_top_n": ("rpn_cap", _places),
    "box_score_thresh": ("class_score", _scores_reached),
    "box_nms_thresh": ("nms", _overlaps),
    "box_detections_per_img": ("cap", _places),
}
_ONE_STAGE: dict[str, tuple[str, Callable[[Question, str], list[int] | list[float]]]] = {
    "box_score_thresh": ("class_score", _dense_under),
    "topk_candidates": ("top_k", _dense_ranks),
    "box_nms_thresh": ("nms", _overlaps),
    "box_detections_per_img": ("cap", _places),
}
#: stage that cuts a list to the setting that says where
_CAPS = {"rpn_cap": "rpn_post_nms_top_n", "cap": "box_detections_per_img"}
#: NMS limits that, lowered, leave fewer boxes before a cap
_CROWDED = {"rpn_nms_thresh": "rpn_cap", "box_nms_thresh": "cap"}
