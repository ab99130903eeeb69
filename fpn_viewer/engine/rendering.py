"""From a trace to planes ready to be coloured. Imported by the requests that run; loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.imaging.quantise import Range, Reduced, quantise, quantise_rgb, union
from fpn_viewer.core.imaging.reduce import reduce_map
from fpn_viewer.core.necks.graph import TOP_DOWN
from fpn_viewer.core.necks.origins import origins
from fpn_viewer.core.structures import as_numpy
from fpn_viewer.engine.values import REDUCTIONS, SCALES, SHARE, SIGNED, Plane, Planes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.core.geometry import Box, Geometry, Level
    from fpn_viewer.core.necks.graph import Node, Term
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session
    from fpn_viewer.engine.values import Floats

    Cell = tuple[str, str]

OBJECTNESS = "objectness"
#: name and unit of that map, by whether the detector works in one stage
_OBJECTNESS_WORDS = {
    False: ("objectness", "objectness (sigmoid)"),
    True: ("score of the best class", "score of the best class"),
}
_SHARES = Range(0.0, 1.0)


def render_planes(session: Session, key: str, reduction: str, channel: int, scale: str, token: Token) -> Planes:
    """A plane for every cell of the grid that exists, and one for every share of a top-down term.

    Raises:
        Cancelled: between two planes.
        UserError: the trace is no longer in memory, or the display setting does not exist.
    """
    painter = _Painter(session, key, reduction, channel, scale, token)
    planes = {cell: painter.plane(cell) for cell in painter.cells()}
    return Planes(key, reduction, channel, scale, planes)


def render_cell(session: Session, key: str, cell: Cell, reduction: str, channel: int, scale: str, token: Token) -> Plane:
    """One plane of `render_planes`; others are only reduced when the scale needs their range.

    Raises:
        Cancelled: between two planes.
        UserError: the trace is no longer in memory, or there is no such cell, channel or display setting.
    """
    painter = _Painter(session, key, reduction, channel, scale, token)
    if cell not in painter.cells():
        what = f" with a channel {channel}" if reduction == "channel" else ""
        raise SettingError(f"The pyramid has no {cell[1]} map on {cell[0]}{what}.")
    return painter.plane(cell)


def render_objectness(session: Session, key: str, level: str, shape: int | None) -> Plane:
    """Sigmoid of one level's objectness, of one anchor shape or the best of all.

    Raises:
        UserError: the trace is no longer in memory, or the RPN has no such level or shape.
    """
    trace = session.trace(key)
    there = [one for one in trace.levels if one.name == level and one.anchor_shapes]
    if not there or (shape is not None and not 0 <= shape < there[0].anchor_shapes):
        raise SettingError(f"The detector has no anchor {'' if shape is None else f'{shape} '}on {level}.")
    with torch.inference_mode():
        logits = trace.objectness(level).float()
        values = as_numpy(torch.sigmoid(logits.amax(0) if shape is None else logits[shape]))
    what = "best anchor" if shape is None else f"anchor {shape + 1}"
    reduced = Reduced(values, trace.geometry.visible_cells(there[0]), signed=False)
    name, unit = _OBJECTNESS_WORDS[trace.spec.kind.one_stage]
    return _plane(trace, (level, OBJECTNESS), f"{name} {level}, {what}", reduced, _SHARES, unit)


def reduced_map(session: Session, key: str, name: str, reduction: str, channel: int) -> Reduced:
    """A node's reduced map, from the session when it is there already.

    A node that only moves the cells of another is moved after the reduction, which gives the same numbers.

    Raises:
        UserError: the trace is no longer in memory.
        IndexError: the node has no such channel.
    """
    place = (key, name, reduction, channel if reduction == "channel" else 0)
    known = session.planes.get(place)
    if known is not None:
        return known
    trace = session.trace(key)
    if name in trace.maps:
        values = reduce_map(trace.maps[name], reduction, channel)
    else:
        (term,) = trace.graph[name].terms
        values = _moved(trace, trace.graph[name], term, reduced_map(session, key, term.source, reduction, channel).values)
    made = Reduced(values, trace.geometry.visible_cells(trace.level(trace.graph[name].level)), reduction in SIGNED)
    session.planes.put(place, made)
    return made


def _moved(trace: Trace, node: Node, term: Term, values: Floats) -> Floats:
    target = trace.level(node.level).size
    rows, columns = (origins(term.op, range(target[axis]), values.shape[axis], target[axis]) for axis in (0, 1))
    moved: Floats = values[np.ix_(rows, columns)]
    return moved


def _has_share(node: Node) -> bool:
    return node.role == "merged" and any(term.name == TOP_DOWN for term in node.terms)


class _Painter:
    """One display setting of one trace."""

    def __init__(self, session: Session, key: str, reduction: str, channel: int, scale: str, token: Token) -> None:
        if reduction not in REDUCTIONS or scale not in SCALES or channel < 0:
            raise SettingError(f"A map cannot be drawn as {reduction!r} of channel {channel} with the scale {scale!r}.")
        self._session, self._key, self._token = session, key, token
        self._reduction, self._channel, self._scale = reduction, channel, scale
        self._trace = session.trace(key)
        self._ranges: dict[str, Range] = {}

    def cells(self) -> list[Cell]:
        """The cells that have a plane: a node too narrow for the channel has none."""
        nodes = [node for node in self._trace.graph.nodes if self._exists(node)]
        return [(node.level, node.role) for node in nodes] + [(node.level, SHARE) for node in nodes if _has_share(node)]

    def plane(self, cell: Cell) -> Plane:
        self._token.check()
        level, role = cell
        if role == SHARE:
            return self._share(level)
        node = self._trace.graph.at(level, role)
        assert node is not None
        unit = f"channel {self._channel}" if self._reduction == "channel" else REDUCTIONS[self._reduction]
        return _plane(self._trace, cell, node.name, self._reduced(node.name), self._range(node), unit)

    def _exists(self, node: Node) -> bool:
        return self._reduction != "channel" or self._channel < self._trace.width(node.name)

    def _reduced(self, name: str) -> Reduced:
        self._token.check()
        return reduced_map(self._session, self._key, name, self._reduction, self._channel)

    def _range(self, node: Node) -> Range:
        # the axes of one map's components are not those of another, so that they have no common scale
        if self._scale == "cell" or self._reduction == "pca":
            return self._reduced(node.name).range
        group = node.level if self._scale == "row" else ""
        if group not in self._ranges:
            peers = (peer for peer in self._trace.graph.nodes if group in ("", peer.level) and self._exists(peer))
            self._ranges[group] = union(self._reduced(peer.name).range for peer in peers)
        return self._ranges[group]

    def _share(self, level: str) -> Plane:
        node = self._trace.graph.at(level, "merged")
        assert node is not None
        kind = "channel" if self._reduction == "channel" else "l2"
        sizes = {term.name: self._size(node, term, kind) for term in node.terms}
        values = _share_of(sizes[TOP_DOWN], sizes.values())
        reduced = Reduced(values, self._trace.geometry.visible_cells(self._trace.level(level)), signed=True)
        how = f"channel {self._channel}" if kind == "channel" else "norms"
        title = f"share of {TOP_DOWN} in {node.name}"
        return _plane(self._trace, (level, SHARE), title, reduced, _SHARES, f"share of the {TOP_DOWN} term ({how})")

    def _size(self, node: Node, term: Term, kind: str) -> Floats:
        """Norm (or absolute value of one channel) of a summand as it goes into the sum."""
        self._token.check()
        source = reduced_map(self._session, self._key, term.source, kind, self._channel).values
        factor = term.weight * self._trace.gains.get((node.name, term.name), 1.0)
        return np.abs(_moved(self._trace, node, term, source)) * np.float32(abs(factor))


def _share_of(part: Floats, all_parts: Iterable[Floats]) -> Floats:
    """Part of the sum, cell by cell; half where all are 0, which says neither."""
    total: Floats = np.sum(list(all_parts), axis=0)
    share = np.full_like(part, 0.5)
    with np.errstate(invalid="ignore"):
        np.divide(part, total, out=share, where=total != 0)
    return share


def _plane(trace: Trace, cell: Cell, title: str, reduced: Reduced, limits: Range, unit: str) -> Plane:
    return plane_of(reduced, cell, title, limits, unit, covered_img(trace.geometry, trace.level(cell[0]), reduced.visible))


def plane_of(reduced: Reduced, cell: Cell, title: str, limits: Range, unit: str, box_img: Box) -> Plane:
    """A plane ready to be coloured.

    Args:
        reduced: the map; its visible part is drawn.
        cell: (level, role).
        title: what it is.
        limits: values of the first and the last colour.
        unit: for the colour bar.
        box_img: xyxy image px that the visible part covers.
    """
    values = reduced.shown
    broken = reduced.broken
    return Plane(
        cell=cell,
        title=title,
        values=quantise_rgb(values) if values.ndim == 3 else quantise(values, limits),
        low=limits.low,
        high=limits.high,
        signed=reduced.signed,
        unit=unit,
        box_img=box_img,
        broken=0 if broken is None else int(np.count_nonzero(broken)),
        broken_at=broken,
    )


def covered_img(geometry: Geometry, level: Level, visible: tuple[int, int]) -> Box:
    """The image px that the visible cells of a level cover, xyxy."""
    _, _, right, bottom = geometry.cell_box_img(level, visible[0] - 1, visible[1] - 1)
    return 0.0, 0.0, right, bottom
