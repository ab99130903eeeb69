"""What became of an anchor, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.ui.anchors.scene import Scene

#: header of the table of a cell's anchors, with what each column means
COLUMNS: dict[str, str] = {
    "Anchor": "Size and ratio (height : width) of the anchor, net px",
    "Logit": "Objectness before the sigmoid: what the RPN's top-k is decided by (one-stage: of the best class's score)",
    "Objectness": "Sigmoid of the logit: the RPN's probability that the anchor covers an object (one-stage: best class's score)",
    "Rank": "Place by logit among all anchors of the level; the RPN keeps rpn_pre_nms_top_n of each level",
    "Fate": "The stage that ended it, or how far it came",
    "Suppressed by": "Row of the better candidate that overlapped it in the RPN's (one-stage: the head's) NMS, with cell and shape",
    "Anchor box (image px)": "x0, y0, x1, y1 of the anchor in px of the picture",
    "After regression (image px)": "x0, y0, x1, y1 of the box that the RPN or the head made of the anchor (drawn dashed)",
}


def table_row(scene: Scene, row: int) -> tuple[str, ...]:
    """One anchor's line in the table, a text for each of `COLUMNS`."""
    found = scene.field.candidates
    level = int(found.level[row])
    count = scene.starts[level + 1] - scene.starts[level]
    return (
        scene.shape_of(row),
        f"{float(found.objectness[row]):.3g}",
        f"{float(scene.probabilities[row]):.3g}",
        f"{int(found.rank[row]):,} of {count:,}",
        fate(scene, row),
        _suppressor(scene, row),
        box_text(scene.field.anchors_img[row]),
        box_text(scene.field.regressed_img[row]),
    )


def fate(scene: Scene, row: int) -> str:
    """The stage that ended an anchor and by how much, or "detected"; says so where the replay cannot follow."""
    reached, kind = int(scene.field.candidates.alive_after[row]), scene.trace.spec.kind
    if reached >= len(kind.stages) - 1:
        return "became a detection"
    ended = reached + 1
    follows = scene.trace.follows
    if follows is not None and kind.stages.index(follows.stage) <= ended:
        return f"not known from {follows.stage} on"
    return (_DENSE_ENDED if kind.one_stage else _ENDED)[kind.stages[ended]](scene, row)


def box_text(box: NDArray[np.float32]) -> str:
    """A box to the tenth of a px."""
    return ", ".join(f"{float(side):.1f}" for side in box)


def row_name(scene: Scene, row: int) -> str:
    """An anchor in words: "P3 cell (12, 40), 32 px 1:2"."""
    level, y, x = scene.cell_of(row)
    return f"{level} cell ({y}, {x}), {scene.shape_of(row)}"


def _suppressor(scene: Scene, row: int) -> str:
    other = int(scene.field.candidates.suppressed_by[row])
    return f"#{other:,} {row_name(scene, other)}" if other >= 0 else "–"


def _top_k(scene: Scene, row: int) -> str:
    return f"rpn_top_k: rank {int(scene.field.candidates.rank[row]):,} > {scene.trace.settings.rpn_pre_nms_top_n:,}"


def _rpn_score(scene: Scene, row: int) -> str:
    return f"rpn_score: {scene.probabilities[row]:.3g} < {scene.trace.settings.rpn_score_thresh:g}"


def _class_score(scene: Scene, row: int) -> str:
    best, limit = significant(float(scene.probabilities[row])), scene.trace.settings.box_score_thresh
    return f"class_score: its best class has {best}, not above {limit:g}"


_ENDED: dict[str, Callable[[Scene, int], str]] = {
    "rpn_regression": lambda scene, row: "not regressed",
    "rpn_top_k": _top_k,
    "rpn_min_size": lambda scene, row: "rpn_min_size: nothing left of it inside the picture",
    "rpn_score": _rpn_score,
    "rpn_nms": lambda scene, row: f"rpn_nms: IoU > {scene.trace.settings.rpn_nms_thresh:g} with a better one",
    "rpn_cap": lambda scene, row: f"rpn_cap: not among the best {scene.trace.settings.rpn_post_nms_top_n:,} of all levels",
    "box_regression": lambda scene, row: "a proposal; the RoI heads made nothing of it",
    "class_score": lambda scene, row: f"a proposal; class_score: no class above {scene.trace.settings.box_score_thresh:g}",
    "min_size": lambda scene, row: "a proposal; min_size: nothing left of it inside the picture",
    "nms": lambda scene, row: f"a proposal; nms: IoU > {scene.trace.settings.box_nms_thresh:g} with a better detection",
    "cap": lambda scene, row: f"a proposal; cap: not among the best {scene.trace.settings.box_detections_per_img:,}",
    "detected": lambda scene, row: "a proposal; not among the detections",
}
#: the same in a one-stage detector
_DENSE_ENDED: dict[str, Callable[[Scene, int], str]] = {
    "box_regression": lambda scene, row: "not regressed",
    "class_score": _class_score,
    "top_k": lambda scene, row: f"top_k: not among the best {scene.trace.settings.topk_candidates:,} of its level",
    "nms": lambda scene, row: f"nms: IoU > {scene.trace.settings.box_nms_thresh:g} with a better one of its class",
    "cap": lambda scene, row: f"cap: not among the best {scene.trace.settings.box_detections_per_img:,}",
    "detected": lambda scene, row: "not among the detections",
}
