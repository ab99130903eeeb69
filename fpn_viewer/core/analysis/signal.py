"""How far an object stands out of its surroundings in every map of the pyramid, and at which of them it drowns."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch

from fpn_viewer.core.analysis.channels import cells_inside, contrasts, with_ring
from fpn_viewer.core.analysis.signals import NodeSignal, Signal
from fpn_viewer.core.analysis.sizes import on_picture, roi_level
from fpn_viewer.core.detectors.families import ADAPTED, HEADLESS
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.necks.graph import TOP_DOWN
from fpn_viewer.core.numbers import percent
from fpn_viewer.core.structures import as_numpy
from fpn_viewer.core.tracing.probe import region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box, Level
    from fpn_viewer.core.necks.graph import Node
    from fpn_viewer.core.tracing.trace import Trace

    Floats = NDArray[np.float32]
    Span = tuple[int, int]
    #: rows and columns (first, end)
    Cells = tuple[Span, Span]

#: how many of the channels that carry an object are told
_CHANNELS = 5
#: a crop shows that many sides of the box on each side of it, and at least that many cells
_SIDES, _LEAST_CELLS = 1.0, 3
#: deviations of the ring; below it an object does not stand out
_STANDS_OUT = 1.0
#: a location of FCOS answers for objects of 8 to 16 times the size its level gives as that of its anchor
_ANCHOR_SIDES = {"FCOS": 128**0.5}
#: a point of a network with an adapter stands in a box of one cell, and answers for objects of about that many cells
_POINT_SIDES = 8.0
#: cells of a crop from which on a box is large
_MANY = 4096
#: mean |x| of whole maps, by node
_STRENGTHS: WeakKeyDictionary[Trace, dict[str, Floats]] = WeakKeyDictionary()


def read_signal(trace: Trace, box_img: Box, *, channel: int | None = None) -> Signal:
    """An object's contrast in every node, and what carries it there.

    Contrast is (mean inside − mean of the ring) / deviation of the ring, of mean |x| over the channels. Inside and ring are those
    of `rank_channels`: cells whose centre lies in the box (or the one under its centre), and what is around them within half a
    side. The channels that carry it are ranked likewise, in a large box on every second, third … row and column.

    Args:
        trace: is asked for its maps.
        box_img: xyxy image px.
        channel: the one whose values the crops show; a node that has fewer channels shows mean |x|, as all do without it.

    Raises:
        QuestionError: the box is empty or lies outside the picture.
        SettingError: no node has such a channel.
    """
    on_picture(trace.geometry, box_img)
    widest = max(trace.width(node.name) for node in trace.graph.nodes)
    if channel is not None and not 0 <= channel < widest:
        raise SettingError(f"no map has a channel {channel}; give one from 0 to {widest - 1}.")
    with torch.inference_mode():
        found = {one.node: one for level in trace.levels for one in _at_level(trace, level, box_img, channel)}
    nodes = tuple(found[node.name] for node in trace.graph.nodes)
    level = level_of(trace, box_img)
    # the top-down map is what is added on the way, not a place the object passes
    way = [node for node in nodes if node.level == level and node.role != "top-down"]
    drowns = next((node.node for node in way if abs(node.contrast) < _STANDS_OUT), "")
    return Signal(box_img, _window_img(trace, box_img), nodes, channel, drowns, _sentence(way, drowns))


def level_of(trace: Trace, box_img: Box) -> str:
    """The level that answers for an object of this size: where RoIs of its size are read, or the one of the nearest anchors."""
    x0, y0, x1, y1 = trace.geometry.to_net(box_img)
    level = roi_level(trace, (y1 - y0, x1 - x0))
    if level:
        return level
    side = log((y1 - y0) * (x1 - x0)) / 2 - log(_sides(trace))
    sizes = zip(trace.levels, trace.settings.anchor_sizes, strict=False)
    return min(sizes, key=lambda at: min(abs(log(size) - side) for size in at[1]))[0].name


def _sides(trace: Trace) -> float:
    """How many times as large as what stands for an anchor the objects are that it answers for."""
    cells = tuple((level.stride[0],) for level in trace.levels)
    of_points = trace.spec.family in (ADAPTED, HEADLESS) and trace.settings.anchor_sizes == cells
    return _POINT_SIDES if of_points else _ANCHOR_SIDES.get(trace.spec.family, 1.0)


@dataclass(frozen=True)
class _Place:
    """An object on one level: its cells, those with the ring, and those that are shown.

    Attributes:
        inside: rows and columns (first, end) of the box.
        near: of the box and its ring.
        crop: of what is shown.
        steps: of a large box every so many rows and columns are read where all channels are compared.
    """

    inside: Cells
    near: Cells
    crop: Cells
    steps: tuple[int, int]

    @staticmethod
    def of(trace: Trace, level: Level, box_img: Box) -> _Place:
        inside, visible = cells_inside(trace.geometry, level, box_img), trace.geometry.visible_cells(level)
        crop = _each(_with_surroundings, inside, visible)
        step = ceil(sqrt(_area(crop) / _MANY))
        # a thin box keeps all of its few rows
        rows, columns = (max(1, min(step, (end - first) // 4)) for first, end in inside)
        return _Place(inside, _each(with_ring, inside, visible), crop, (rows, columns))

    @property
    def large(self) -> bool:
        return self.steps != (1, 1)

    def within(self, cells: Cells, steps: tuple[int, int]) -> tuple[slice, slice]:
        """Where cells of the level lie in the crop, of which every so many rows and columns were read."""
        rows, columns = (
            slice(ceil((first - start) / step), ceil((end - start) / step))
            for (first, end), (start, _), step in zip(cells, self.crop, steps, strict=True)
        )
        return rows, columns

    def compared(self, crop: Floats, steps: tuple[int, int] = (1, 1)) -> tuple[Floats, Floats, Floats]:
        """`contrasts` of the channels (C, h, w) of the crop."""
        near, inside = self.within(self.near, steps), self.within(self.inside, steps)
        rows, columns = (slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(inside, near, strict=True))
        return contrasts(crop[:, near[0], near[1]], (rows, columns))


def _at_level(trace: Trace, level: Level, box_img: Box, channel: int | None) -> Iterator[NodeSignal]:
    nodes, place = [node for node in trace.graph.nodes if node.level == level.name], _Place.of(trace, level, box_img)
    windows = {node.name: _window(trace, node.name, place) for node in nodes}
    strengths = np.stack([_strength(trace, node.name, place, windows[node.name]) for node in nodes])
    contrast, inside, ring = place.compared(strengths)
    by_channel, _, _ = place.compared(np.concatenate(list(windows.values())), place.steps)
    ends = np.cumsum([len(window) for window in windows.values()])
    for index, (node, carriers) in enumerate(zip(nodes, np.split(by_channel, ends[:-1]), strict=True)):
        best = np.argsort(-carriers, kind="stable")[:_CHANNELS]
        yield NodeSignal(
            node=node.name,
            level=level.name,
            role=node.role,
            contrast=float(contrast[index]),
            inside=float(inside[index]),
            ring=float(ring[index]),
            cells=_area(place.inside),
            channels=tuple(zip(best.tolist(), carriers[best].tolist(), strict=True)),
            shares=_shares(trace, node, place, windows) if node.role == "merged" else {},
            crop=strengths[index] if channel is None or channel >= len(carriers) else _channel(trace, node.name, place, channel),
            crop_box_img=_covered(trace, level, place.crop),
        )


def _window(trace: Trace, name: str, place: _Place) -> Floats:
    """The crop's cells of a node (C, h, w), of a large box only some."""
    rows, columns = (range(*cells, step) for cells, step in zip(place.crop, place.steps, strict=True))
    if name in trace.maps:
        # a strided view is cheaper than the rows and columns that `region` gathers
        cut = trace.maps[name][:, rows.start : rows.stop : rows.step, columns.start : columns.stop : columns.step].float()
    else:
        cut = region(trace, name, rows, columns)
    out: Floats = cut.cpu().numpy()
    return out


def _strength(trace: Trace, name: str, place: _Place, window: Floats) -> Floats:
    """Mean |x| over the channels at the crop's cells (h, w); in a large box it is cut from the whole map's, which is kept."""
    if not place.large:
        out: Floats = np.abs(window).mean(0)
        return out
    kept = _STRENGTHS.setdefault(trace, {})
    if name not in kept:
        kept[name] = as_numpy(trace.node(name).float().abs().mean(0))
    return kept[name][slice(*place.crop[0]), slice(*place.crop[1])]


def _channel(trace: Trace, name: str, place: _Place, channel: int) -> Floats:
    return as_numpy(trace.node(name)[channel, slice(*place.crop[0]), slice(*place.crop[1])].float())


def _shares(trace: Trace, node: Node, place: _Place, windows: Mapping[str, Floats]) -> dict[str, float]:
    """Each term's share of a merged node by norm, as `top_down_share` has it for one cell, averaged over the cells inside."""
    rows, columns = place.within(place.inside, place.steps)
    norms = []
    for term in node.terms:
        x = windows[term.source][:, rows, columns]
        factor = abs(term.weight * trace.gains.get((node.name, term.name), 1.0))
        norms.append(factor * np.sqrt(np.einsum("chw,chw->hw", x, x)))
    total = np.sum(norms, 0)
    known = total > 0
    if not known.any():
        return {}
    return {term.name: float((norm[known] / total[known]).mean()) for term, norm in zip(node.terms, norms, strict=True)}


def _area(cells: Cells) -> int:
    return (cells[0][1] - cells[0][0]) * (cells[1][1] - cells[1][0])


def _each(widen: Callable[[Span, int], Span], cells: Cells, sizes: tuple[int, int]) -> Cells:
    return widen(cells[0], sizes[0]), widen(cells[1], sizes[1])


def _with_surroundings(span: Span, size: int) -> Span:
    margin = max(_LEAST_CELLS, round(_SIDES * (span[1] - span[0])))
    return max(0, span[0] - margin), min(size, span[1] + margin)


def _covered(trace: Trace, level: Level, cells: Cells) -> Box:
    (top, bottom), (left, right) = cells
    x0, y0, _, _ = trace.geometry.cell_box_img(level, top, left)
    _, _, x1, y1 = trace.geometry.cell_box_img(level, bottom - 1, right - 1)
    return x0, y0, x1, y1


def _window_img(trace: Trace, box_img: Box) -> Box:
    """The box with as much around it as the crop of the finest level has."""
    finest = trace.levels[0]
    cells = cells_inside(trace.geometry, finest, box_img)
    x0, y0, x1, y1 = _covered(trace, finest, _each(_with_surroundings, cells, trace.geometry.visible_cells(finest)))
    height, width = trace.image_size
    return x0, y0, min(x1, float(width)), min(y1, float(height))


def _sentence(way: list[NodeSignal], drowns: str) -> str:
    course = ", ".join(f"{node.node} {node.contrast:.1f}" for node in way)
    if not drowns:
        return f"It stands out of its surroundings at every node on its way (contrast {course})."
    found = next(node for node in way if node.node == drowns)
    over = next((node for node in way if node.role == "merged" and node.shares), None)
    share = f"; in {over.node} {percent(over.shares[TOP_DOWN])} come from above" if over and TOP_DOWN in over.shares else ""
    return (
        f"It drowns at {drowns}: it differs from its surroundings by {found.contrast:.1f} of their deviation there "
        f"(contrast {course}{share})."
    )
