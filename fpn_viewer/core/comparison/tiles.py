"""A picture run in overlapping tiles, and put together again so that it can be held against a run of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchvision.ops import batched_nms

from fpn_viewer.core.analysis.asked import checked_box, checked_label
from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.analysis.what_if import cut_out
from fpn_viewer.core.comparison.tile_lines import Neighbour, explain_in_tile
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import Geometry, Level
from fpn_viewer.core.images import Picture, open_picture
from fpn_viewer.core.imaging.reduce import reduce_map
from fpn_viewer.core.structures import Detections, StageTime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.geometry import Box, Size
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.structures import Divergence
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

    Corners = tuple[int, int, int, int]

#: the least side of a tile, image px, the most that neighbours may share, and the most tiles of a picture
SMALLEST, MOST_SHARED, MOST_TILES = 16, 0.9, 1000


def tile_boxes(image_size: Size, side: int, overlap: float = 0.25) -> tuple[Corners, ...]:
    """The tiles of a picture, row by row, xyxy image px.

    All have one size, so that the network sees all at one scale: where the picture is shorter than a tile, that of the picture.
    They are spread evenly, and so overlap by at least what is asked.

    Args:
        image_size: (H, W) image px.
        side: of a tile, image px.
        overlap: of neighbours, as a share of their side.

    Raises:
        SettingError: the side or the overlap cannot be used, or there would be too many tiles.
    """
    if side < SMALLEST:
        raise SettingError(f"tiles of {side} px are too small to run; give a side of {SMALLEST} px or more.")
    if not 0 <= overlap <= MOST_SHARED:
        raise SettingError(f"tiles cannot overlap by {overlap:g} of their side; give a share from 0 to {MOST_SHARED:g}, as 0.25.")
    (height, rows), (width, columns) = (_starts(length, side, overlap) for length in image_size)
    if len(rows) * len(columns) > MOST_TILES:
        raise SettingError(
            f"tiles of {side} px with an overlap of {overlap:g} cut the picture into {len(rows) * len(columns):,} pieces, "
            f"more than {MOST_TILES:,}; give a larger side or a smaller overlap."
        )
    return tuple((x, y, x + width, y + height) for y, x in product(rows, columns))


def _starts(length: int, side: int, overlap: float) -> tuple[int, list[int]]:
    """Length of a tile along one axis, and where each begins."""
    side = min(side, length)
    step = max(1, int(side * (1 - overlap)))
    count = 1 + -(-(length - side) // step)
    return side, [round(k * (length - side) / max(1, count - 1)) for k in range(count)]


@dataclass(frozen=True, eq=False)
class TiledTrace:
    """What one detector did with one picture, tile by tile. It is asked like a `Trace`, and a comparison takes it as a side.

    Attributes:
        boxes_img: of the tiles, row by row, xyxy image px.
        traces: of the tiles, in that order; their image px are px of the tile.
        picture: the whole.
        geometry: of the whole as if it had been run at the scale that the tiles have in the network.
        levels: fine to coarse, of the whole.
    """

    boxes_img: tuple[Corners, ...]
    traces: tuple[Trace, ...] = field(repr=False)
    picture: Picture = field(repr=False)
    geometry: Geometry
    levels: tuple[Level, ...]

    @property
    def spec(self) -> DetectorSpec:
        """The detector."""
        return self.traces[0].spec

    @property
    def settings(self) -> Settings:
        """In force for every tile."""
        return self.traces[0].settings

    @property
    def gains(self) -> Mapping[tuple[str, str], float]:
        """Factors on terms, by (node, term)."""
        return self.traces[0].gains

    @property
    def graph(self) -> Graph:
        """The neck's nodes and terms."""
        return self.traces[0].graph

    @property
    def detector(self) -> Detector | None:
        """What made it; None where the tiles came from files."""
        return self.traces[0].detector

    @property
    def image_size(self) -> Size:
        """(H, W) of the picture, image px."""
        return self.geometry.image_size

    @property
    def net_size(self) -> Size:
        """(H, W) that the whole would have at the scale of the tiles, net px."""
        return self.geometry.net_size

    @property
    def source(self) -> str:
        """The picture's path, or "<array>"."""
        return self.picture.source

    @property
    def digest(self) -> str:
        """Of the whole picture's pixels."""
        return self.picture.digest

    @property
    def device(self) -> str:
        """ "cpu", "cuda:0"."""
        return self.traces[0].device

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors held; what a cache counts."""
        return sum(trace.nbytes for trace in self.traces)

    @property
    def times(self) -> tuple[StageTime, ...]:
        """Per stage, of all tiles together."""
        total: dict[str, float] = {}
        for stage in (one for trace in self.traces for one in trace.times):
            total[stage.name] = total.get(stage.name, 0.0) + stage.seconds
        return tuple(StageTime(name, seconds) for name, seconds in total.items())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what looks wrong, each once."""
        return tuple(dict.fromkeys(sentence for trace in self.traces for sentence in trace.warnings))

    @property
    def follows(self) -> Divergence | None:
        """None when the replay follows in every tile; else where it first differs in one of them."""
        return next((trace.follows for trace in self.traces if trace.follows is not None), None)

    def level(self, name: str) -> Level:
        """The level of that name, of the whole.

        Raises:
            KeyError: there is none.
        """
        return self.levels[self.traces[0].levels.index(self.traces[0].level(name))]

    # -- maps -------------------------------------------------------------------------------------------------------

    def width(self, name: str) -> int:
        """How many channels a node has.

        Raises:
            KeyError: the pyramid has no such node.
        """
        return self.traces[0].width(name)

    def node(self, name: str) -> Tensor:
        """A node's map (C, h, w), every cell from the tile whose middle is nearest to it; put together anew at every call.

        Raises:
            KeyError: the pyramid has no such node.
        """
        maps = [trace.node(name) for trace in self.traces]
        level = self.level(self.graph[name].level)
        out = maps[0].new_empty((maps[0].shape[0], *level.size))
        for piece, (ys, rows), (xs, columns) in self._pieces(level):
            at = [torch.from_numpy(cells).to(out.device) for cells in (rows, columns)]
            out[:, ys, xs] = maps[piece].index_select(1, at[0]).index_select(2, at[1])
        return out

    def cell(self, name: str, row: int, column: int) -> Tensor:
        """One cell of a node's map, (C, 1, 1).

        Raises:
            KeyError: the pyramid has no such node.
            IndexError: the map has no such cell.
        """
        for piece, (ys, rows), (xs, columns) in self._pieces(self.level(self.graph[name].level)):
            if ys.start <= row < ys.stop and xs.start <= column < xs.stop:
                y, x = rows[row - ys.start], columns[column - xs.start]
                return self.traces[piece].node(name)[:, y : y + 1, x : x + 1]
        raise IndexError(f"{name} has no cell in row {row}, column {column}")

    def plane(self, name: str, reduction: str, channel: int = 0) -> NDArray[np.float32]:
        """A node's plane as `reduce_map` makes it, (h, w) or for "pca" (h, w, 3); each tile is reduced by itself.

        Raises:
            KeyError: there is no such node or reduction.
            IndexError: the node has no such channel.
        """
        if reduction == "pca":
            # the components of one tile are not those of another
            return reduce_map(self.node(name), reduction)
        planes = [reduce_map(trace.node(name), reduction, channel) for trace in self.traces]
        level = self.level(self.graph[name].level)
        out = np.empty(level.size, np.float32)
        for piece, (ys, rows), (xs, columns) in self._pieces(level):
            out[ys, xs] = planes[piece][np.ix_(rows, columns)]
        return out

    def _pieces(self, level: Level) -> list[tuple[int, tuple[slice, NDArray[np.intp]], tuple[slice, NDArray[np.intp]]]]:
        """For every tile, which rows and columns of the whole it gives, and from which of its own."""
        down, across = self._parts(level, 0), self._parts(level, 1)
        return [(i * len(across) + j, rows, columns) for (i, rows), (j, columns) in product(enumerate(down), enumerate(across))]

    def _parts(self, level: Level, axis: int) -> list[tuple[slice, NDArray[np.intp]]]:
        """Along one axis, for every row (0) or column (1) of tiles, the cells of the whole that it gives and its own there."""
        tile, own = self.traces[0].geometry, self.traces[0].level(level.name)
        starts = np.array(sorted({box[1 - axis] for box in self.boxes_img}), np.float64)
        centres = (np.arange(level.size[axis]) + 0.5) * level.stride[axis] / self.geometry.scale[axis]
        # between two tiles the border is in the middle of what they share
        borders = (starts[:-1] + tile.image_size[axis] + starts[1:]) / 2
        ends = [0, *np.searchsorted(centres, borders).tolist(), level.size[axis]]
        last = tile.visible_cells(own)[axis] - 1
        out = []
        for start, (first, end) in zip(starts, pairwise(ends), strict=True):
            cells = np.floor((centres[first:end] - start) * tile.scale[axis] / own.stride[axis]).astype(np.intp)
            out.append((slice(first, end), np.clip(cells, 0, last)))
        return out

    # -- detections and objects -------------------------------------------------------------------------------------

    @cached_property
    def detections(self) -> Detections:
        """Of all tiles, in px of the picture, after a non-maximum suppression by class at the detector's own threshold.

        As many as are left are kept. `candidate` is -1: a row of `detection_places` says where a detection came from.
        """
        boxes, scores, labels, _ = self._all
        kept = self._kept
        return Detections(boxes[kept], scores[kept], labels[kept], np.full(len(kept), -1, np.int32))

    @cached_property
    def detection_places(self) -> NDArray[np.int64]:
        """(N, 2) for each of `detections` its tile, and its row among the tile's."""
        return self._all[3][self._kept]

    @cached_property
    def _all(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Boxes in px of the picture, scores, labels and places of every tile's detections."""
        found = [trace.detections for trace in self.traces]
        boxes = [one.boxes_img + np.array(box[:2] * 2, np.float32) for one, box in zip(found, self.boxes_img, strict=True)]
        places = [np.stack([np.full(len(one), tile), np.arange(len(one))], 1) for tile, one in enumerate(found)]
        scores, labels = (np.concatenate([getattr(one, name) for one in found]) for name in ("scores", "labels"))
        return np.concatenate(boxes), scores, labels, np.concatenate(places).astype(np.int64)

    @cached_property
    def _kept(self) -> NDArray[np.int64]:
        boxes, scores, labels, _ = self._all
        kept = batched_nms(*(torch.from_numpy(part) for part in (boxes, scores, labels)), self.settings.box_nms_thresh)
        out: NDArray[np.int64] = kept.numpy()
        return out

    def explain(
        self, box_img: Sequence[float], label: int | str | None = None, *, iou: float = 0.5, others: Any = None
    ) -> LifeLine:
        """The life line of an object in one tile: the one whose detection counts for it, else the one that holds most of it.

        All its boxes are in px of the picture, and `detection` is a row of `detections`. What its tile found and the other tiles'
        detections then removed is lost at "nms".

        Args:
            box_img: the object, xyxy image px.
            label: its class, by number or name; None when any class will do.
            iou: overlap from which a box counts as near, and a detection as a match.
            others: the picture's other objects: `GroundTruth`, or boxes (N, 4) xyxy image px.

        Raises:
            QuestionError: the box, the class or the overlap cannot be asked about.
        """
        box = checked_box(box_img, self.image_size)
        wanted = None if label is None else checked_label(self.traces[0], label)
        counting = self._counting(box, wanted, iou)
        tile = self._holding(box) if counting is None else int(self.detection_places[counting, 0])
        found = self.detections
        neighbour = Neighbour(tile, len(self.traces), self.boxes_img[tile], found, counting)
        return explain_in_tile(self.traces[tile], neighbour, box, wanted, iou, others)

    def _counting(self, box: Box, label: int | None, iou: float) -> int | None:
        """The detection of an object's class that overlaps it most, by `iou` at least."""
        found = self.detections
        values = np.where((found.labels == label) | (label is None), iou_with(found.boxes_img, box), -1.0)
        return int(values.argmax()) if values.max(initial=-1.0) >= iou else None

    def _holding(self, box: Box) -> int:
        """The tile that holds most of a box; of several, the one with the box nearest to its middle."""
        tiles = np.array(self.boxes_img, np.float64)
        sides = np.minimum(tiles[:, 2:], box[2:]) - np.maximum(tiles[:, :2], box[:2])
        shared = np.clip(sides, 0, None).prod(1)
        off = np.abs(tiles[:, :2] + tiles[:, 2:] - (box[0] + box[2], box[1] + box[3])).sum(1)
        return int(np.lexsort((off, -shared))[0])


class _Progress:
    """Tells how far all tiles together are."""

    def __init__(self, watcher: Watcher, number: int, total: int) -> None:
        self._watcher, self._number, self._total = watcher, number, total

    def check(self) -> None:
        """Raises when the watcher wants to stop."""
        self._watcher.check()

    def report(self, stage: str, fraction: float) -> None:
        """Tells the share of the whole."""
        self._watcher.report(f"tile {self._number + 1} of {self._total}: {stage}", (self._number + fraction) / self._total)

    def pause(self) -> None:
        """Is told on."""
        self._watcher.pause()


def trace_tiles(
    detector: Detector,
    image: Any,
    side: int,
    overlap: float = 0.25,
    *,
    gains: Gains | None = None,
    settings: Mapping[str, object] | None = None,
    watcher: Watcher | None = None,
) -> TiledTrace:
    """Runs a picture tile by tile.

    Args:
        detector: of any family.
        image: a path, a PIL image, a uint8 array (H, W, 3) or an opened `Picture`.
        side: of the square tiles, image px.
        overlap: of neighbours, as a share of their side; no less than the largest object that is to be seen whole.
        gains: factor on a term by (node, term).
        settings: other values of `Settings` for these runs only, by name.
        watcher: told of progress between layers, and may stop.

    Raises:
        SettingError: the side, the overlap, a gain or a setting cannot be used.
        PictureError: the picture cannot be opened.
        DetectorError: a tile cannot go through this network.
        DeviceError: the device ran out of memory.
    """
    picture = image if isinstance(image, Picture) else open_picture(image)
    boxes = tile_boxes(picture.size, side, overlap)
    traces = []
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        told = None if watcher is None else _Progress(watcher, number, len(boxes))
        tile = cut_out(picture, (x0, y0, x1, y1))
        traces.append(detector.trace(tile, gains=gains, settings=settings, watcher=told))
    return _together(boxes, tuple(traces), picture)


def _together(boxes: tuple[Corners, ...], traces: tuple[Trace, ...], picture: Picture) -> TiledTrace:
    (ky, kx), (height, width) = traces[0].scale, picture.size
    size = (max(1, round(height * ky)), max(1, round(width * kx)))
    levels = tuple(_spread(level, size) for level in traces[0].levels)
    return TiledTrace(boxes, traces, picture, Geometry(picture.size, size, size), levels)


def _spread(level: Level, net_size: Size) -> Level:
    h, w = (int(-(-length // stride)) for length, stride in zip(net_size, level.stride, strict=True))
    return Level(level.name, level.stride, (h, w), level.anchor_stride, level.anchor_shapes)
