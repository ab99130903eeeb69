"""What a comparison asks of a side, whether its picture was run whole or in tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.analysis.briefs import briefs
from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.comparison.tiles import TiledTrace
from fpn_viewer.core.comparison.values import Ended
from fpn_viewer.core.imaging.quantise import Reduced
from fpn_viewer.core.imaging.reduce import reduce_map
from fpn_viewer.core.tracing.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.analysis.briefs import Brief
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.tracing.record import Watcher

Side = Trace | TiledTrace
"""A picture that was run whole, or in tiles."""

#: reductions whose values have a sign
SIGNED: frozenset[str] = frozenset({"mean", "channel"})


def explained(side: Side, box_img: Sequence[float], label: int | str | None, *, iou: float = 0.5, others: Any = None) -> LifeLine:
    """The life line of an object, as `analysis.lifeline.explain`; in tiles, that of one tile, with boxes in px of the picture.

    Raises:
        QuestionError: the box, the class or the overlap cannot be asked about.
    """
    if isinstance(side, TiledTrace):
        return side.explain(box_img, label, iou=iou, others=others)
    return explain(side, box_img, label, iou=iou, others=others)


def endings(
    side: Side, boxes_img: NDArray[np.float64], labels: Sequence[int | None], *, iou: float = 0.5, watcher: Watcher | None = None
) -> tuple[Ended | None, ...]:
    """How the life line of every object next to the others ends; that of one without a label is None.

    Args:
        side: that is asked.
        boxes_img: (G, 4) xyxy image px.
        labels: class of each; None for one that is not asked about.
        iou: overlap from which a box counts as near.
        watcher: may stop between two objects.

    Raises:
        QuestionError: a box, a class or the overlap cannot be asked about.
    """
    if not isinstance(side, TiledTrace):
        short = briefs(side, boxes_img, labels, iou=iou, watcher=watcher)
        return tuple(None if one is None else _short(one) for one in short)
    out: list[Ended | None] = []
    for row, (box, label) in enumerate(zip(boxes_img.tolist(), labels, strict=True)):
        if watcher is not None:
            watcher.check()
        line = None if label is None else side.explain(box, label, iou=iou, others=np.delete(boxes_img, row, 0))
        out.append(None if line is None else Ended(line.killer, line.outcome, line.verdict))
    return tuple(out)


def _short(brief: Brief) -> Ended:
    return Ended(None if brief.killer is None else brief.killer.name, brief.outcome, brief.verdict)


def first_trace(side: Side) -> Trace:
    """The run that stands for the others where all are alike: the first tile's, or the one of the whole."""
    return side.traces[0] if isinstance(side, TiledTrace) else side


def visible_map(side: Side, name: str) -> Tensor:
    """A node's map without its padding, (C, h, w).

    Raises:
        KeyError: there is no such node.
    """
    h, w = side.geometry.visible_cells(side.level(side.graph[name].level))
    return side.node(name)[:, :h, :w]


def reduced(side: Side, name: str, reduction: str, channel: int = 0) -> Reduced:
    """A node's plane, of tiles put together.

    Raises:
        KeyError: there is no such node or reduction.
        IndexError: the node has no such channel.
    """
    if isinstance(side, TiledTrace):
        values = side.plane(name, reduction, channel)
    else:
        values = reduce_map(side.node(name), reduction, channel)
    return Reduced(values, side.geometry.visible_cells(side.level(side.graph[name].level)), reduction in SIGNED)


def value_at(side: Side, name: str, point_img: tuple[float, float], reduction: str, channel: int = 0) -> float | None:
    """A node's value in the cell over an image point (x, y); None where there is no such node, channel or cell.

    Args:
        side: that is asked.
        name: of a node.
        point_img: (x, y) image px.
        reduction: one of `imaging.reduce.REDUCERS`, but for "pca", which gives no number.
        channel: for "channel".
    """
    if name not in side.graph or reduction == "pca" or (reduction == "channel" and not 0 <= channel < side.width(name)):
        return None
    cell = side.geometry.cell_at(side.level(side.graph[name].level), *point_img)
    if cell is None:
        return None
    row, column = cell
    x = _cell(side, name, row, column)
    return float(reduce_map(x, reduction, channel)[0, 0])


def _cell(side: Side, name: str, row: int, column: int) -> Tensor:
    if isinstance(side, TiledTrace):
        return side.cell(name, row, column)
    return side.node(name)[:, row : row + 1, column : column + 1]
