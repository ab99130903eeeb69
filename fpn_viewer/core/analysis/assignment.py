"""Which anchors training gives to an object: torchvision's `Matcher` with its low-quality rule, without the matrix of all overlaps.

Only anchors that touch a box are compared with it, in float32 and in the order of operations of `box_iou`, so that overlaps, and
with them ties, are equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from fpn_viewer.core.analysis.line import Training
from fpn_viewer.core.analysis.sizes import on_picture
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fpn_viewer.core.geometry import Box, Geometry
    from fpn_viewer.core.tracing.trace import Trace

    Floats = NDArray[np.float32]
    Rows = NDArray[np.int64]

#: anchors that are looked at together; a fraction of a row of the finest level
_BLOCK = 128
BELOW, BETWEEN = -1, -2


@dataclass(frozen=True)
class Rules:
    """How training assigns anchors.

    Attributes:
        high: IoU from which an anchor is foreground.
        low: IoU below which it is background; between the two it is ignored.
        low_quality: whether every object's best anchors become foreground too, however little they overlap it.
        budget: positives sampled from each picture at most; None where all are used.
    """

    high: float = 0.7
    low: float = 0.3
    low_quality: bool = True
    budget: int | None = 128


#: families that match anchors by overlap, with torchvision's defaults
RULES: dict[str, Rules] = {"Faster R-CNN": Rules(), "RetinaNet": Rules(0.5, 0.4, True, None)}


class AnchorTable:
    """Anchors laid out for many looks at a few of them.

    Attributes:
        count: how many there are, N.
    """

    def __init__(self, anchors_net: ArrayLike) -> None:
        """From (N, 4) xyxy net px."""
        anchors = np.asarray(anchors_net, np.float32).reshape(-1, 4)
        self.count = len(anchors)
        # the last block is filled up with boxes that touch nothing
        padded = np.full((4, -(-self.count // _BLOCK) * _BLOCK), np.inf, np.float32)
        padded[:, : self.count] = anchors.T
        self._columns: Floats = padded.reshape(4, -1, _BLOCK)
        ends = np.where(np.isinf(self._columns[2:]), -np.inf, self._columns[2:])
        self._bounds = *self._columns[:2].min(2), *ends.max(2)
        self._claims: dict[tuple[float, ...], Claim] = {}

    def __getitem__(self, row: int) -> Floats:
        """One anchor (4,)."""
        return self._columns.reshape(4, -1)[:, row]

    def overlaps(self, box: Floats) -> tuple[Rows, Floats]:
        """The anchors that share area with a box (4,), ascending, and their IoU with it."""
        left, top, right, bottom = self._bounds
        blocks = np.flatnonzero((left < box[2]) & (top < box[3]) & (right > box[0]) & (bottom > box[1]))
        columns = self._columns[:, blocks].reshape(4, -1)
        w = np.minimum(columns[2], box[2]) - np.maximum(columns[0], box[0])
        h = np.minimum(columns[3], box[3]) - np.maximum(columns[1], box[1])
        near = np.flatnonzero((w > 0) & (h > 0))
        rows = blocks[near // _BLOCK] * _BLOCK + near % _BLOCK
        return rows, iou_of_columns(columns[:, near], box, w[near] * h[near])

    def matrix(self, rows: Rows, boxes: Floats) -> Floats:
        """IoU (G, R) of boxes (G, 4) with some anchors."""
        columns, b = self._columns.reshape(4, -1)[:, rows], boxes.T[:, :, None]
        w = np.maximum(np.minimum(columns[2], b[2]) - np.maximum(columns[0], b[0]), 0)
        h = np.maximum(np.minimum(columns[3], b[3]) - np.maximum(columns[1], b[1]), 0)
        return iou_of_columns(columns, b, w * h)

    def reached(self, rows: Rows, boxes: Floats) -> NDArray[np.bool_]:
        """Which boxes (G, 4) may share area with any of some anchors (G,): those that reach what the anchors span together."""
        columns = self._columns.reshape(4, -1)[:, rows]
        left, top = columns[:2].min(1, initial=np.inf)
        right, bottom = columns[2:].max(1, initial=-np.inf)
        out: NDArray[np.bool_] = (boxes[:, 0] < right) & (boxes[:, 1] < bottom) & (boxes[:, 2] > left) & (boxes[:, 3] > top)
        return out

    def claim(self, box: Floats, high: float) -> Claim:
        """What a box (4,) asks for, remembered."""
        key = *box.tolist(), high
        if key not in self._claims:
            rows, iou = self.overlaps(box)
            self._claims[key] = Claim(float(iou.max(initial=0)), self.best_rows(rows, iou), rows[iou >= np.float32(high)])
        return self._claims[key]

    def best_rows(self, rows: Rows, iou: Floats) -> Rows:
        """The anchors that overlap a box most, from all that overlap it.

        When none does, these are all anchors: so does torchvision, where 0 is then the highest overlap.
        """
        highest = iou.max(initial=0)
        found: Rows = rows[iou == highest] if highest > 0 else np.arange(self.count)
        return found


def iou_of_columns(anchors: Floats, box: Any, shared: Floats) -> Floats:
    """IoU of anchors and boxes given as columns (4, …), in the order of operations of torchvision's `box_iou`."""
    area = (anchors[2] - anchors[0]) * (anchors[3] - anchors[1])
    out: Floats = shared / ((box[2] - box[0]) * (box[3] - box[1]) + area - shared)
    return out


@dataclass(frozen=True, eq=False)
class Claim:
    """The anchors that one object asks for.

    Attributes:
        best: highest IoU of any anchor with it.
        best_rows: all anchors of that IoU.
        over: those from the foreground's limit on.
    """

    best: float
    best_rows: Rows
    over: Rows


def assign(
    anchors_net: ArrayLike | AnchorTable, boxes_net: ArrayLike, high: float = 0.7, low: float = 0.3, low_quality: bool = True
) -> Rows:
    """The object that training gives each anchor to: torchvision's `Matcher`, equal also in its ties.

    Args:
        anchors_net: (N, 4) xyxy net px, or a table of them.
        boxes_net: (G, 4) xyxy net px; taken as float32, as in training.
        high: IoU from which an anchor is foreground.
        low: IoU below which it is background.
        low_quality: each object's best anchors become foreground as well, for the object that *they* overlap most.

    Returns:
        (N,) int64: index of the object, -1 for background, -2 for an anchor between the two limits.
    """
    table = anchors_net if isinstance(anchors_net, AnchorTable) else AnchorTable(anchors_net)
    best, owner = np.zeros(table.count, np.float32), np.zeros(table.count, np.int64)
    rescued = []
    for index, box in enumerate(np.asarray(boxes_net, np.float32).reshape(-1, 4)):
        rows, iou = table.overlaps(box)
        rescued.append(table.best_rows(rows, iou))
        more = iou > best[rows]
        best[rows[more]], owner[rows[more]] = iou[more], index
    out: Rows = np.where(best < np.float32(low), BELOW, np.where(best < np.float32(high), BETWEEN, owner))
    if low_quality and rescued:
        keep = np.concatenate(rescued)
        out[keep] = owner[keep]
    return out


def matches_anchors(trace: Trace) -> bool:
    """Whether training matches anchors and objects by overlap in this family."""
    return trace.spec.family in RULES and len(trace.raw.anchors) > 0


def training(trace: Trace, box_img: Box, others_img: ArrayLike = ()) -> Training | None:
    """What training would have done with an object next to the picture's other ground truth, at the size it has in this trace.

    Args:
        trace: is asked for its anchors, and its detector for the rules that it was built with.
        box_img: the object, xyxy image px.
        others_img: (M, 4) the other ground truth, xyxy image px; boxes without area or outside the picture take no part. An anchor
            that overlaps the object and one of them alike counts as the object's.

    Returns:
        What would have happened; None where the family does not match anchors by overlap.

    Raises:
        QuestionError: the box is empty or lies outside the picture.
    """
    on_picture(trace.geometry, box_img)
    if not matches_anchors(trace):
        return None
    table, rules = table_of(trace), rules_of(trace)
    others = np.asarray(others_img, np.float64).reshape(-1, 4)
    seen = np.flatnonzero(on_picture_at_all(others, trace.image_size))
    boxes = as_training_sees(trace.geometry, np.concatenate([np.asarray(box_img, np.float64)[None], others[seen]]))
    own, total, taker = _shared_out(table, boxes, rules)
    claim = table.claim(boxes[0], rules.high)
    row, best = int(claim.best_rows[0]), claim.best
    budget = total if rules.budget is None else min(rules.budget, total)
    anchor = tuple(float(v) for v in trace.geometry.to_img(table[row]))
    values: dict[str, Any] = {
        "best_iou": best,
        "level": _level_at(trace, row),
        "anchor_img": anchor,
        "match": "foreground" if best >= rules.high else "ignored" if best >= rules.low else "background",
        "rescued": own > 0 and not len(claim.over),
        "positives": own,
        "robbed_by": None if taker is None else int(seen[taker - 1]),
        "share": budget * own / total if total else 0.0,
        "budget": budget,
    }
    sentence = _sentence(Training(**values, sentence=""), rules)
    return Training(**values, sentence=sentence)


def best_overlaps(trace: Trace, boxes_img: ArrayLike) -> Floats:
    """Highest IoU of any anchor with each of many boxes (G, 4) xyxy image px, (G,).

    Of the anchors of one shape the one nearest to a box's centre overlaps it most, so that no other is looked at.
    """
    boxes = as_training_sees(trace.geometry, np.asarray(boxes_img, np.float64).reshape(-1, 4))
    best = np.zeros(len(boxes), np.float32)
    for level in trace.levels:
        grid = as_numpy(trace.anchors(level.name).float())
        nearest = []
        for axis, cells in ((1, grid[:, 0]), (0, grid[0])):
            offset = (boxes[:, axis] + boxes[:, axis + 2] - cells[0, :1, axis] - cells[0, :1, axis + 2]) / 2
            step = level.anchor_stride[1 - axis]
            nearest.append(np.clip(np.rint(offset / step).astype(int), 0, len(cells) - 1))
        anchors = grid[nearest[0], nearest[1]].transpose(2, 1, 0)
        shared = [
            np.clip(np.minimum(anchors[k + 2], boxes[:, k + 2]) - np.maximum(anchors[k], boxes[:, k]), 0, None) for k in (0, 1)
        ]
        np.maximum(best, iou_of_columns(anchors, boxes.T, shared[0] * shared[1]).max(0), out=best)
    return best


def rules_of(trace: Trace) -> Rules:
    """The rules of the trace's own detector, or torchvision's for its family when the detector is not there."""
    module = getattr(trace.detector, "module", None)
    owner = getattr(module, "rpn", module)
    matcher, default = getattr(owner, "proposal_matcher", None), RULES.get(trace.spec.family, Rules())
    if matcher is None:
        return default
    sampler: Any = getattr(owner, "fg_bg_sampler", None)
    budget = None if sampler is None else int(sampler.batch_size_per_image * sampler.positive_fraction)
    return Rules(matcher.high_threshold, matcher.low_threshold, matcher.allow_low_quality_matches, budget)


_TABLES: WeakKeyDictionary[Trace, AnchorTable] = WeakKeyDictionary()


def table_of(trace: Trace) -> AnchorTable:
    """The anchors of a trace, laid out once."""
    if trace not in _TABLES:
        _TABLES[trace] = AnchorTable(as_numpy(trace.raw.anchors.float()))
    return _TABLES[trace]


def on_picture_at_all(boxes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) xyxy image px have a part on a picture of (H, W) px (N,)."""
    x0, y0, x1, y1 = boxes.T
    usable: NDArray[np.bool_] = (np.minimum(x1, size[1]) > np.maximum(x0, 0)) & (np.minimum(y1, size[0]) > np.maximum(y0, 0))
    return usable


def as_training_sees(geometry: Geometry, boxes_img: NDArray[np.float64]) -> Floats:
    """Boxes in net px, rounded as `resize_boxes` rounds them: two that are nearly equal must tie here when they tie there."""
    (h, w), (height, width) = (np.asarray(size, np.float32) for size in (geometry.net_size, geometry.image_size))
    return boxes_img.astype(np.float32) * np.array([w / width, h / height] * 2, np.float32)


def _shared_out(table: AnchorTable, boxes: Floats, rules: Rules) -> tuple[int, int, int | None]:
    """Positives of the first box, of all, and which box takes the first one's best anchors when it gets none of them."""
    claims = [table.claim(box, rules.high) for box in boxes]
    wanted = [claim.over for claim in claims]
    if rules.low_quality:
        wanted += [claim.best_rows for claim in claims]
    rows = np.unique(np.concatenate(wanted))
    near = rows[table.matrix(rows, boxes[:1])[0] > 0]
    # in a crowd only few boxes reach an anchor that the first one reaches
    rivals = np.flatnonzero(table.reached(near, boxes))
    owner = rivals[table.matrix(near, boxes[rivals]).argmax(0)] if len(near) else near
    own = int((owner == 0).sum())
    best = np.isin(near, claims[0].best_rows, assume_unique=True)
    robbed = rules.low_quality and not own and bool(best.any())
    return own, len(rows), int(np.bincount(owner[best]).argmax()) if robbed else None


def _level_at(trace: Trace, row: int) -> str:
    index = int(np.searchsorted(np.cumsum(trace.raw.counts), row, side="right"))
    return trace.levels[index].name


def _sentence(found: Training, rules: Rules) -> str:
    limits = f"foreground from {rules.high:g}, background below {rules.low:g}"
    start = f"The best of all anchors, one of {found.level}, overlaps it by IoU {found.best_iou:.2f}: {found.match} ({limits})."
    return f"{start} {_outcome(found, rules)}"


def _outcome(found: Training, rules: Rules) -> str:
    if found.robbed_by is not None:
        return "Its best anchors overlap a neighbour more and go to that one: training gives it none."
    if not found.positives:
        return "Training gives it no anchor."
    how = f"only the rule for the best anchor of each object gives it {found.positives}" if found.rescued else ""
    gets = how or f"training gives it {found.positives}"
    if rules.budget is None:
        return f"{gets[0].upper()}{gets[1:]} of {found.budget} positive anchors."
    sampled = f"{found.budget} positive anchors are sampled" if found.budget != 1 else "one positive anchor is sampled"
    return f"{gets[0].upper()}{gets[1:]}; {sampled} from the picture, about {found.share:.0f} of them its own."
