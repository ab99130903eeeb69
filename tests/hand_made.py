"""Traces whose boxes and scores are written by hand: a tiny detector's trace with other answers, selected as the model would."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.tracing import replay
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.tracing.trace import Trace

Box = tuple[float, float, float, float]
#: (H, W) of the picture; the tiny detector does not resize it, so that picture and network px are the same
SIZE = (96, 128)
#: where every box goes that is not spoken of
AWAY: Box = (110.0, 80.0, 120.0, 90.0)
#: probability of each class where nothing is said: nearly all background
QUIET = 1e-4


@dataclass(frozen=True)
class Proposed:
    """One anchor's way through the detector.

    Attributes:
        box: after the RPN's regression, px.
        logit: objectness.
        level: index of its level.
        placed: its box behind the box head, or one by label; the box itself when None.
        scores: probability by label.
    """

    box: Box
    logit: float
    level: int = 0
    placed: Box | Mapping[int, Box] | None = None
    scores: Mapping[int, float] = field(default_factory=dict)


@cache
def _plain() -> Trace:
    return tiny_detector().trace(noise(*SIZE))


def made(*proposed: Proposed, **settings: float) -> Trace:
    """A trace in which only these anchors are worth a look; its replay follows.

    Args:
        proposed: the i-th, from 0, is anchor 2 + i of its level.
        settings: of the selection.
    """
    trace = replace(_plain(), settings=_plain().settings.changed(**settings))
    raw, starts = trace.raw, np.cumsum((0, *trace.raw.counts))
    boxes = torch.tensor(AWAY).repeat(len(raw.boxes), 1)
    flat = torch.full((len(raw.boxes),), -20.0)
    by_row = {int(starts[one.level]) + place: one for place, one in enumerate(proposed, 2)}
    for row, one in by_row.items():
        boxes[row], flat[row] = torch.tensor(one.box), one.logit
    logits = tuple(
        part.view(*level.size, -1).permute(2, 0, 1).contiguous()
        for part, level in zip(flat.split(list(raw.counts)), trace.levels, strict=True)
    )
    raw = replace(raw, boxes=boxes, logits=logits)
    fate = replay.select_proposals(raw.answers, raw.counts, trace.net_size, trace.settings)
    raw = replace(raw, proposals=fate.boxes[fate.kept], proposal_scores=fate.scores[fate.kept])
    owners = [by_row.get(int(row)) for row in fate.kept]
    raw = replace(raw, class_boxes=_class_boxes(raw.proposals, owners), class_logits=_class_logits(owners))
    head = replay.select_detections(raw.class_boxes, raw.class_logits, trace.net_size, trace.settings)
    found = {"boxes": head.boxes[head.kept], "scores": head.scores[head.kept], "labels": head.groups[head.kept]}
    return replace(trace, raw=replace(raw, found=found, output=found))


CLASSES = 6


def _class_boxes(proposals: torch.Tensor, owners: list[Proposed | None]) -> torch.Tensor:
    out = proposals[:, None].repeat(1, CLASSES, 1)
    for row, one in enumerate(owners):
        if one is not None and one.placed is not None:
            places = one.placed if not isinstance(one.placed, tuple) else dict.fromkeys(range(CLASSES), one.placed)
            for label, box in places.items():
                out[row, label] = torch.tensor(box)
    return out


def _class_logits(owners: list[Proposed | None]) -> torch.Tensor:
    out = torch.full((len(owners), CLASSES), QUIET)
    for row, one in enumerate(owners):
        for label, score in ({} if one is None else one.scores).items():
            out[row, label] = score
        out[row, 0] = 1 - out[row, 1:].sum()
    return out.log()
