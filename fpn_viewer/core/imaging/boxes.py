"""Many boxes on few pixels: which outlines are in view, how many box edges cross each pixel, and outlines in solid colours.

A box is drawn as the one-pixel outline of the raster px that its corners fall on; where its edges meet, a pixel counts once.
Pixel coordinates are clipped to one px beyond the raster (-1 and size), which keeps an edge that is outside outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int32]
    Floats = NDArray[np.float64]

# OpenBLAS takes several threads from this many multiplications on; beside a busy core the 95th percentile of a
# product then went from 9 to 28 ms, so that a large one is cut into slices below it.
_ONE_THREAD = 250_000


@dataclass(frozen=True)
class Frame:
    """Where the picture lies on a raster: raster px = image px · scale + offset.

    Attributes:
        scale: raster px per image px.
        offset: (x, y) raster px of the picture's upper left corner.
        size: (height, width) of the raster, px.
    """

    scale: float
    offset: tuple[float, float]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if self.scale <= 0 or min(self.size) < 1:
            raise ValueError(f"a frame needs a positive scale and size, got {self.scale} and {self.size}")

    def columns(self, x_img: ArrayLike) -> Ints:
        """Raster columns of image x, clipped to -1 … width; not a number is far outside."""
        return _pixels(x_img, self.scale, self.offset[0], self.size[1])

    def rows(self, y_img: ArrayLike) -> Ints:
        """Raster rows of image y, clipped to -1 … height."""
        return _pixels(y_img, self.scale, self.offset[1], self.size[0])

    def boxes(self, boxes_img: NDArray[Any]) -> Ints:
        """Boxes (N, 4) xyxy from image px to raster px, clipped; a box with a NaN lies outside."""
        px = np.empty(boxes_img.shape, np.int32)
        px[:, 0::2] = self.columns(boxes_img[:, 0::2])
        px[:, 1::2] = self.rows(boxes_img[:, 1::2])
        px[np.isnan(boxes_img).any(1)] = -1
        return px


def _pixels(values: ArrayLike, scale: float, offset: float, size: int) -> Ints:
    places = np.floor(np.asarray(values, np.float64) * scale + offset)
    # unlike np.clip, these take the number where the other is not one
    clipped: Ints = np.fmin(np.fmax(places, -1), size).astype(np.int32)
    return clipped


# Any boxes


def outline_visible(boxes_px: Ints, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether a pixel of each outline is on the raster; a box around the whole raster has none there.

    Args:
        boxes_px: (N, 4) from `Frame.boxes`.
        size: (height, width), px.

    Returns:
        (N,) bool.
    """
    height, width = size
    meets_x, spans_x = _meets(boxes_px[:, 0], boxes_px[:, 2], width)
    meets_y, spans_y = _meets(boxes_px[:, 1], boxes_px[:, 3], height)
    return meets_x & meets_y & ~(spans_x & spans_y)


def edge_density(boxes_px: Ints, size: tuple[int, int]) -> Ints:
    """How many outlines cross each pixel, by difference arrays: the cost follows boxes plus pixels, not their product.

    Args:
        boxes_px: (N, 4) from `Frame.boxes`.
        size: (height, width), px.

    Returns:
        (height, width) int32.
    """
    height, width = size
    x0, y0, x1, y1 = boxes_px.T
    tall, wide = y1 != y0, x1 != x0
    rows = _inside(np.r_[y0, y1[tall]], np.r_[x0, x0[tall]], np.r_[x1, x1[tall]] + 1, height, width)
    # corners belong to the horizontal edges
    columns = _inside(np.r_[x0, x1[wide]], np.r_[y0, y0[wide]] + 1, np.r_[y1, y1[wide]], width, height)
    across = _steps(rows[0], rows[1], rows[0], rows[2], (height, width + 1))
    down = _steps(columns[1], columns[0], columns[2], columns[0], (height + 1, width))
    np.cumsum(across, axis=1, out=across)
    np.cumsum(down, axis=0, out=down)
    density: Ints = (across[:, :width] + down[:height]).astype(np.int32)
    return density


def paint_outlines(canvas: NDArray[np.uint8], boxes_px: Ints, codes: Sequence[int]) -> None:
    """Writes outlines into a raster, later ones over earlier ones.

    Slices, because `QPainter.drawRects` takes 20 ms for a thousand boxes where this takes 3; bytes, because upright edges
    touch a cache line for every pixel, and a raster of bytes stays in the cache.

    Args:
        canvas: (height, width) uint8, changed in place.
        boxes_px: (N, 4) from `Frame.boxes`, of this canvas's size.
        codes: (N,) what to write.
    """
    starts, stops, steps, owners = outline_slices(boxes_px, canvas.shape)
    flat = canvas.reshape(-1)
    written = np.asarray(codes, np.uint8)[owners]
    for start, stop, step, code in zip(starts.tolist(), stops.tolist(), steps.tolist(), written.tolist(), strict=True):
        flat[start:stop:step] = code


def outline_slices(boxes_px: Ints, size: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    """The edges of boxes as slices of a raster's pixels, line after line; box by box, edges out of the raster left out.

    Args:
        boxes_px: (N, 4) from `Frame.boxes`.
        size: (height, width), px.

    Returns:
        starts, stops, steps and the box of each edge, each (E,).
    """
    height, width = size
    x0, y0, x1, y1 = boxes_px.T.astype(np.int64)
    left, right, top, bottom = np.maximum(x0, 0), np.minimum(x1 + 1, width), np.maximum(y0, 0), np.minimum(y1 + 1, height)
    starts = np.stack([y0 * width + left, y1 * width + left, top * width + x0, top * width + x1], 1)
    stops = np.stack([y0 * width + right, y1 * width + right, bottom * width, bottom * width], 1)
    crosses, stands = left < right, top < bottom
    seen = [(crosses & (y >= 0) & (y < height)) for y in (y0, y1)] + [(stands & (x >= 0) & (x < width)) for x in (x0, x1)]
    good = np.stack(seen, 1)
    steps = np.broadcast_to([1, 1, width, width], good.shape)[good]
    return starts[good], stops[good], steps, np.repeat(np.arange(len(good)), good.sum(1))


def _meets(low: Ints, high: Ints, size: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether intervals of pixels touch 0 … size - 1, and whether they reach past both of its ends."""
    return (high >= 0) & (low < size), (low < 0) & (high >= size)


def _inside(lines: Ints, starts: Ints, stops: Ints, count: int, length: int) -> tuple[Ints, Ints, Ints]:
    """The runs [start, stop) that have a pixel on one of `count` lines of `length` px, cut to it."""
    starts, stops = np.maximum(starts, 0), np.minimum(stops, length)
    good = (lines >= 0) & (lines < count) & (starts < stops)
    return lines[good], starts[good], stops[good]


def _steps(up_rows: Ints, up_columns: Ints, down_rows: Ints, down_columns: Ints, size: tuple[int, int]) -> Floats:
    """Adds 1 at some places and -1 at others of a raster (height, width); one bincount is ten times as fast as `np.add.at`."""
    places = np.r_[up_rows, down_rows].astype(np.int64) * size[1] + np.r_[up_columns, down_columns]
    signs = np.repeat([1.0, -1.0], [len(up_rows), len(down_rows)])
    sums: Floats = np.bincount(places, signs, minlength=size[0] * size[1]).reshape(size).astype(np.float64, copy=False)
    return sums


# Boxes in rows and columns


@dataclass(frozen=True)
class Grid:
    """Boxes in rows and columns, as one anchor shape on one level: box (r, c) spans `columns[c]` and `rows[r]`.

    Attributes:
        columns: (w, 2) left and right, image px.
        rows: (h, 2) top and bottom, image px.
        first: index of box (0, 0) in the table the boxes come from.
        step: distance of neighbours of one row in that table.
    """

    columns: NDArray[Any]
    rows: NDArray[Any]
    first: int
    step: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


def grids_of(boxes_img: NDArray[Any], size: tuple[int, int], shapes: int, first: int = 0) -> tuple[Grid, ...] | None:
    """Finds the rows and columns in a level's anchors.

    Args:
        boxes_img: (h·w·shapes, 4) xyxy image px, in the order (row, column, shape).
        size: (h, w) cells.
        shapes: boxes per cell.
        first: index of the first box in the whole table.

    Returns:
        One grid per shape, or None when the boxes do not stand in exact rows and columns.
    """
    cells = boxes_img.reshape(*size, shapes, 4)
    if not cells.size:
        return ()
    # x must not depend on the row, y not on the column; a NaN is unequal to itself and ends here too
    if (cells[:, :, :, 0::2] != cells[:1, :, :, 0::2]).any() or (cells[:, :, :, 1::2] != cells[:, :1, :, 1::2]).any():
        return None
    return tuple(Grid(cells[0, :, k, 0::2], cells[:, 0, k, 1::2], first + k, shapes) for k in range(shapes))


class Grids:
    """Several grids, drawn together.

    An edge of box (r, c) lies on a pixel when the pixel's row is an edge of r and its column is covered by c, or its row lies
    inside r and its column is an edge of c. Counted over a grid both are products of a count of rows and a count of columns,
    so that any number of boxes costs one thin matrix product: 217,413 anchors in 15 grids take 2 ms on 1100×820 px.

    Attributes:
        members: the grids.
    """

    def __init__(self, members: Sequence[Grid] = ()) -> None:
        self.members = tuple(members)
        self._columns = _Intervals([grid.columns for grid in self.members])
        self._rows = _Intervals([grid.rows for grid in self.members])

    def __len__(self) -> int:
        return sum(map(len, self.members))

    def density(self, frame: Frame) -> NDArray[np.float32]:
        """How many outlines cross each pixel: equal to `edge_density` of all boxes.

        Returns:
            (height, width) float32 of whole numbers.
        """
        down, across = self._factors(frame)
        return _product(down.T, across)

    def paint(self, canvas: NDArray[np.uint8], frame: Frame, code: int) -> None:
        """Writes all outlines into a raster: equal to `paint_outlines` of all boxes, but each line is written once for a grid.

        Args:
            canvas: (height, width) uint8 of the frame's size, changed in place.
            frame: where the picture lies.
            code: what to write.
        """
        for rows, columns in zip(*self._factors(frame), strict=True):
            canvas[np.ix_(rows.nonzero()[0], columns.nonzero()[0])] = code

    def visible_count(self, frame: Frame) -> int:
        """How many outlines have a pixel on the raster."""
        (meets_x, spans_x), (meets_y, spans_y) = self._meets(frame)
        columns, rows = self._columns, self._rows
        return int((columns.sums(meets_x) * rows.sums(meets_y) - columns.sums(spans_x) * rows.sums(spans_y)).sum())

    def visible(self, frame: Frame) -> NDArray[np.int64]:
        """The table indexes of the boxes whose outlines have a pixel on the raster, grid by grid."""
        (meets_x, spans_x), (meets_y, spans_y) = self._meets(frame)
        found = [np.zeros(0, np.int64)]
        for index, grid in enumerate(self.members):
            x, y = self._columns.owner == index, self._rows.owner == index
            seen = np.outer(meets_y[y], meets_x[x]) & ~np.outer(spans_y[y], spans_x[x])
            found.append(grid.first + np.flatnonzero(seen) * grid.step)
        return np.concatenate(found)

    def _factors(self, frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Counts of rows (k, height) and of columns (k, width) whose products, summed over k, are the density."""
        across = _Counts(self._columns, frame.columns(self._columns.ends), frame.size[1])
        down = _Counts(self._rows, frame.rows(self._rows.ends), frame.size[0])
        return np.concatenate([down.edges(), down.interior()]), np.concatenate([across.covered(), across.edges()])

    def _meets(self, frame: Frame) -> tuple[tuple[NDArray[np.bool_], ...], tuple[NDArray[np.bool_], ...]]:
        x, y = frame.columns(self._columns.ends), frame.rows(self._rows.ends)
        return _meets(x[:, 0], x[:, 1], frame.size[1]), _meets(y[:, 0], y[:, 1], frame.size[0])


class _Intervals:
    """The columns, or the rows, of several grids in one array (n, 2), with the grid of each (n,)."""

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        self.count = len(parts)
        self.ends = np.concatenate([np.zeros((0, 2)), *parts])
        self.owner = np.repeat(np.arange(self.count), [len(part) for part in parts])

    def sums(self, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many flags are set in each grid."""
        return np.bincount(self.owner[flags], minlength=self.count)


class _Counts:
    """Counts of the intervals of each grid by pixel (count, size), from their ends in pixels."""

    def __init__(self, intervals: _Intervals, px: Ints, size: int) -> None:
        self._intervals, self._size = intervals, size
        self._low, self._high = px.T
        self._apart = self._low != self._high

    def edges(self) -> NDArray[np.float32]:
        """How many intervals begin or end on each pixel; one that does both counts once."""
        every = np.ones(len(self._low), np.bool_)
        return (self._histogram(self._low, every) + self._histogram(self._high, self._apart))[:, 1:-1].astype(np.float32)

    def covered(self) -> NDArray[np.float32]:
        """How many intervals [low, high] hold each pixel."""
        every = np.ones(len(self._low), np.bool_)
        begun, ended = (np.cumsum(self._histogram(ends, every), 1) for ends in (self._low, self._high))
        return (begun[:, 1:-1] - ended[:, :-2]).astype(np.float32)

    def interior(self) -> NDArray[np.float32]:
        """How many intervals hold each pixel strictly between their ends."""
        begun, ended = (np.cumsum(self._histogram(ends, self._apart), 1) for ends in (self._low, self._high))
        return (begun[:, :-2] - ended[:, 1:-1]).astype(np.float32)

    def _histogram(self, px: Ints, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Counts by grid and pixel -1 … size."""
        width, count = self._size + 2, self._intervals.count
        places = self._intervals.owner[chosen] * width + px[chosen] + 1
        return np.bincount(places, minlength=count * width).reshape(count, width)


def _product(down: NDArray[np.float32], across: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix product (h, k) · (k, w) in slices of rows."""
    (height, rank), width = down.shape, across.shape[1]
    rows = max(1, _ONE_THREAD // max(1, rank * width))
    slices = -(-height // rows)
    padded = np.zeros((slices * rows, rank), np.float32)
    padded[:height] = down
    out: NDArray[np.float32] = np.matmul(padded.reshape(slices, rows, rank), across).reshape(-1, width)[:height]
    return out


# Counts to colours


def round_up(count: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …, so that a colour bar's end stays put while the picture moves."""
    if count <= 1:
        return 1
    decade = 10 ** int(np.floor(np.log10(count)))
    return int(next(step * decade for step in (1, 2, 5, 10) if count <= step * decade))


def log_share(counts: ArrayLike, top: int) -> Floats:
    """Where counts 1 … top lie on a logarithmic bar, 0..1; the bar of top 1 has only its end."""
    if top <= 1:
        return np.ones_like(np.asarray(counts, np.float64))
    share: Floats = np.log(np.clip(counts, 1, top)) / np.log(top)
    return share


def density_table(colours: NDArray[np.uint8], top: int) -> NDArray[np.uint32]:
    """ARGB32 premultiplied for counts 0 … top, opaque, 0 transparent.

    Args:
        colours: (256, 3) RGB, for counts 1 … top on a logarithmic scale.
        top: the count of the last colour, at least 1.
    """
    share = log_share(np.arange(1, top + 1), top)
    rgb = colours[np.rint(share * 255).astype(np.intp)].astype(np.uint32)
    return _with_nothing(0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2])


def tint_table(rgb: tuple[int, int, int], top: int, faint: float = 0.25) -> NDArray[np.uint32]:
    """ARGB32 premultiplied for counts 0 … top: one colour, `faint` for 1 and opaque for `top` on a logarithmic scale."""
    alpha = faint + (1 - faint) * log_share(np.arange(1, top + 1), top)
    red, green, blue = (np.rint(alpha * channel).astype(np.uint32) for channel in rgb)
    return _with_nothing(np.rint(alpha * 255).astype(np.uint32) << 24 | red << 16 | green << 8 | blue)


def colour_counts(counts: NDArray[Any], table: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Counts (h, w) through a table of `density_table` or `tint_table`; what is above its top takes the last colour."""
    return np.take(table, counts.astype(np.intp), mode="clip")


def _with_nothing(colours: NDArray[Any]) -> NDArray[np.uint32]:
    return np.concatenate([np.zeros(1, np.uint32), colours.astype(np.uint32)])
