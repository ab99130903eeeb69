"""Holds the replayed selection against the model's own output: equal, or from which stage on it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.structures import STAGE, STAGES, Divergence, as_numpy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from torch import Tensor

    from fpn_viewer.core.tracing.raw import RawSelection
    from fpn_viewer.core.tracing.replay import Fate

_RPN = ("rpn_top_k", "rpn_cap")
_HEAD = ("class_score", "cap")


def matching_rows(boxes: Tensor, fate: Fate) -> Tensor:
    """The candidate behind each of the model's boxes (R,), or -1 where none has exactly that box.

    In the order of the replay when that is equal; looked up by value otherwise.
    """
    kept = fate.boxes[fate.kept]
    if torch.equal(kept, boxes):
        return fate.kept
    return _lookup(boxes, fate.boxes, torch.nonzero(fate.alive_after >= STAGE["rpn_top_k"])[:, 0])


def _lookup(boxes: Tensor, among: Tensor, rows: Tensor) -> Tensor:
    table = {tuple(b): int(r) for b, r in zip(among[rows].tolist(), rows.tolist(), strict=True)}
    return torch.tensor([table.get(tuple(b), -1) for b in boxes.tolist()], dtype=torch.int64)


def detection_rows(found: Mapping[str, Tensor], fate: Fate) -> np.ndarray:
    """The class box behind each of the model's detections (D,), or -1 where none has exactly that box."""
    if torch.equal(fate.boxes[fate.kept], found["boxes"]):
        return as_numpy(fate.kept)
    return as_numpy(_lookup(found["boxes"], fate.boxes, torch.nonzero(fate.alive_after >= STAGE["class_score"])[:, 0]))


def first_difference(raw: RawSelection, rpn: Fate, head: Fate) -> Divergence | None:
    """None when both selections give the model's own output bit for bit."""
    if not (torch.equal(rpn.boxes[rpn.kept], raw.proposals) and torch.equal(rpn.scores[rpn.kept], raw.proposal_scores)):
        stage = _where(matching_rows(raw.proposals, rpn), rpn, *_RPN)
        return Divergence(stage, _sentence("proposals", len(raw.proposals), len(rpn.kept), stage))
    same = (
        torch.equal(head.boxes[head.kept], raw.found["boxes"])
        and torch.equal(head.scores[head.kept], raw.found["scores"])
        and torch.equal(head.groups[head.kept], raw.found["labels"])
    )
    if same:
        return None
    stage = _where(torch.from_numpy(detection_rows(raw.found, head)), head, *_HEAD)
    return Divergence(stage, _sentence("detections", len(raw.found["boxes"]), len(head.kept), stage))


def _where(rows: Tensor, fate: Fate, first: str, last: str) -> str:
    """The earliest stage at which a candidate the model kept is dead in the replay, or the other way round."""
    if bool((rows < 0).any()):
        return first
    rows = rows.to(fate.alive_after.device)
    kept_by_model = fate.alive_after[rows]
    dead = kept_by_model[kept_by_model < STAGE[last]]
    if len(dead):
        return STAGES[int(dead.min()) + 1]
    # the model kept less: only when it is the head of our list can the cap alone explain that
    return last if torch.equal(rows, fate.kept[: len(rows)].to(rows.device)) else first


def _sentence(what: str, model: int, ours: int, stage: str) -> str:
    return (
        f"The model's own {what} ({model}) are not those of torchvision's selection ({ours}), from {stage} on; "
        "this class selects in its own way, and fates from there on are not known."
    )
