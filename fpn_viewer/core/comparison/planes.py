"""One node of both sides on one grid and one scale, and their difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.comparison.grids import grid_of, resampled
from fpn_viewer.core.comparison.sides import SIGNED, reduced
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.imaging.quantise import Range, union, value_range
from fpn_viewer.core.imaging.reduce import REDUCERS
from fpn_viewer.core.structures import as_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.comparison.channels import Partners
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.geometry import Box

    Floats = NDArray[np.float32]

#: level and box of a map that is not there
_NOWHERE = ("", (0.0, 0.0, 0.0, 0.0))
#: reductions whose values of two maps have nothing to do with each other
_APART = frozenset({"pca"})


@dataclass(frozen=True, eq=False)
class PlanePair:
    """One node of A and of B, reduced to a plane each; padding is cut off.

    Attributes:
        node: "P2".
        reduction: one of `imaging.reduce.REDUCERS`.
        channel_a: of A when the reduction is "channel".
        channel_b: the one of B that belongs to it.
        matched: how the two were put together: "by index" or "by correlation"; "" for other reductions.
        a: (h, w), or (h, w, 3) for "pca"; None where A has no such node or channel.
        b: B's plane on A's grid, so that `difference` is `b − a`; on its own where A has none; None where B has none.
        difference: B − A (h, w); None where one is missing, and for "pca".
        b_own: B's plane on its own grid, `b` itself where the grids are equal; what is drawn of B alone.
        level_a: the level that A's plane lies on; "" where it is missing.
        level_b: the same of `b_own`.
        box_img: the image px that `a`, `b` and `difference` cover, xyxy; it may reach past the picture.
        box_b_img: the same of `b_own`.
        limits: one range for `a` and `b_own`: that of all values of both.
        difference_limits: symmetric around zero.
        resampled: the grids differ, and `b` holds means over A's cells.
        signed: the planes have a sign.
        sentence: why something is missing, or that B was resampled; "" otherwise.
    """

    node: str
    reduction: str
    channel_a: int
    channel_b: int
    matched: str
    a: Floats | None = field(repr=False)
    b: Floats | None = field(repr=False)
    difference: Floats | None = field(repr=False)
    b_own: Floats | None = field(repr=False)
    level_a: str
    level_b: str
    box_img: Box
    box_b_img: Box
    limits: Range
    difference_limits: Range
    resampled: bool
    signed: bool
    sentence: str = ""


def check_reduction(reduction: str) -> None:
    """Refuses a reduction that does not exist.

    Raises:
        QuestionError: there is none of that name.
    """
    if reduction not in REDUCERS:
        raise QuestionError(f"{reduction!r} is no way of making one plane of a map; use one of: {', '.join(REDUCERS)}.")


def plane_pair(a: Side, b: Side, node: str, reduction: str, channel: int, partners: Partners | None) -> PlanePair:
    """One node of both.

    Args:
        a: the first side.
        b: the second.
        node: that one of them has at least.
        reduction: one of `imaging.reduce.REDUCERS`.
        channel: of A, or of B where A has no such node.
        partners: channels of B by those of A, for "channel" of a node that both have; else None.

    Raises:
        QuestionError: neither has such a node, or there is no such reduction or channel.
    """
    check_reduction(reduction)
    channels = _channels((a, b), node, channel, partners) if reduction == "channel" else _everywhere((a, b), node)
    planes = [None if k is None else _plane(side, node, reduction, k) for side, k in zip((a, b), channels, strict=True)]
    if planes[0] is None and planes[1] is None:
        raise QuestionError(_refusal(a, b, node, channel))
    return _paired((a, b), (node, reduction), (planes[0], planes[1]), channels, partners.how if partners is not None else "")


def _everywhere(sides: tuple[Side, Side], node: str) -> tuple[int | None, int | None]:
    """0 where a side has the node, whose channels are all drawn together; None where it has not."""
    first, second = (0 if node in side.graph else None for side in sides)
    return first, second


def _channels(sides: tuple[Side, Side], node: str, channel: int, partners: Partners | None) -> tuple[int | None, int | None]:
    """The channel that is drawn of each; None where one has none."""
    first, second = (channel if node in side.graph and 0 <= channel < side.width(node) else None for side in sides)
    if partners is None:
        return first, second
    return (None, None) if first is None else (first, int(partners.of[first]))


def _refusal(a: Side, b: Side, node: str, channel: int) -> str:
    widths = [str(side.width(node)) for side in (a, b) if node in side.graph]
    if not widths:
        names = ", ".join(dict.fromkeys(one.name for side in (a, b) for one in side.graph.nodes))
        return f"Neither of the two has a map {node!r}; they have {names}."
    return f"{node} has no channel {channel}; it has {widths[0]}, counted from 0."


def _plane(side: Side, node: str, reduction: str, channel: int) -> Floats:
    out: Floats = np.ascontiguousarray(reduced(side, node, reduction, channel).shown)
    return out


def _paired(
    sides: tuple[Side, Side],
    what: tuple[str, str],
    planes: tuple[Floats | None, Floats | None],
    channels: tuple[int | None, int | None],
    matched: str,
) -> PlanePair:
    (node, reduction), (own, other) = what, planes
    places = [_place(side, node) if plane is not None else _NOWHERE for side, plane in zip(sides, planes, strict=True)]
    differ, onto = _onto(sides, node, own, other)
    difference = None if own is None or onto is None or reduction in _APART else onto - own
    signed = reduction in (*SIGNED, *_APART)
    return PlanePair(
        node=node,
        reduction=reduction,
        channel_a=channels[0] or 0,
        channel_b=channels[1] or 0,
        matched=matched,
        a=own,
        b=onto,
        difference=difference,
        b_own=other,
        level_a=places[0][0],
        level_b=places[1][0],
        box_img=places[0 if own is not None else 1][1],
        box_b_img=places[1][1],
        limits=union(value_range(plane, signed) for plane in planes if plane is not None),
        difference_limits=Range(-1.0, 1.0) if difference is None else value_range(difference, signed=True),
        resampled=differ,
        signed=signed,
        sentence=_sentence(what, planes, differ),
    )


def _place(side: Side, node: str) -> tuple[str, Box]:
    return side.graph[node].level, grid_of(side, node).box_img


def _onto(sides: tuple[Side, Side], node: str, own: Floats | None, other: Floats | None) -> tuple[bool, Floats | None]:
    """Whether the grids differ, and B's plane on A's."""
    if own is None or other is None:
        return False, other
    grid, target = grid_of(sides[1], node), grid_of(sides[0], node)
    if grid.matches(target):
        return False, other
    planes = torch.from_numpy(np.atleast_3d(other)).permute(2, 0, 1)
    return True, as_numpy(resampled(planes, grid, target).permute(1, 2, 0)).reshape(own.shape)


def _sentence(what: tuple[str, str], planes: tuple[Floats | None, Floats | None], differ: bool) -> str:
    (node, reduction), (own, other) = what, planes
    if own is None or other is None:
        return f"{'A' if own is None else 'B'} has no {node}, so there is nothing to subtract."
    if reduction in _APART:
        return "The components of A's map are not those of B's, so they are not subtracted."
    if not differ:
        return ""
    (h, w), (height, width) = own.shape[:2], other.shape[:2]
    return f"B has {width}×{height} cells where A has {w}×{h}: it is read as means over A's cells."
