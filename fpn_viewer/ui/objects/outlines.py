"""Many outlines of boxes in any colour and line style: as a raster in a few ms, or one by one for a vector file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPen

from fpn_viewer.core.imaging.boxes import outline_slices
from fpn_viewer.ui.anchors.look import draw_raster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.ui.anchors.look import Look

    Ints = NDArray[np.int32]

Style = Qt.PenStyle
HALO = 0xB0101216
#: codes of a raster that every raster has
_NOTHING, _HALO_CODE = 0, 1
#: boxes up to which halos are drawn during a gesture as well
_MANY = 150
#: px after which every pattern of dashes begins again
_PERIOD = 12
#: which px of a period are drawn, by style; all of them for a solid line
_PATTERNS: dict[Qt.PenStyle, tuple[range, ...]] = {
    Style.SolidLine: (range(_PERIOD),),
    Style.DashLine: (range(8),),
    Style.DotLine: (range(2), range(4, 6), range(8, 10)),
    Style.DashDotLine: (range(6), range(8, 10)),
    Style.DashDotDotLine: (range(4), range(6, 8), range(9, 11)),
}


@dataclass(frozen=True, eq=False)
class Outlines:
    """Boxes drawn alike.

    Attributes:
        boxes_img: (N, 4) xyxy image px; those that hold no number are not drawn.
        argb: (N,) colours 0xAARRGGBB.
        style: of the lines.
        insets: px from the box's edge to each of its lines: (0, 1) is one line of two px.
        halo: the px outside of the lines, and the gaps of dashes, are dark.
    """

    boxes_img: NDArray[np.float32]
    argb: NDArray[np.uint32]
    style: Qt.PenStyle = Style.SolidLine
    insets: tuple[int, ...] = (0,)
    halo: bool = True


def draw_outlines(painter: QPainter, parts: Sequence[Outlines], frame: Frame, look: Look) -> None:
    """Draws outlines, later ones over earlier ones.

    Args:
        painter: in view px.
        parts: the boxes.
        frame: where the picture lies, view px.
        look: how.
    """
    parts = [part for part in parts if len(part.boxes_img)]
    if look.moving and sum(len(part.boxes_img) for part in parts) > _MANY:
        # half of the work
        parts = [replace(part, halo=False) for part in parts]
    if look.vector:
        _draw_vector(painter, parts, frame)
    elif parts:
        draw_raster(painter, _Layer(parts), frame, look)


@dataclass(frozen=True)
class _Layer:
    """Outlines as `draw_raster` wants them."""

    parts: Sequence[Outlines]

    def draw(self, painter: QPainter, frame: Frame, opacity: float, moving: bool) -> None:
        """Draws all of them, exactly in every frame."""
        codes, colours = rasterise(self.parts, frame)
        height, width = codes.shape
        image = QImage(codes.data, width, height, codes.strides[0], QImage.Format.Format_Indexed8)
        image.setColorTable(colours)
        painter.drawImage(0, 0, image)


def rasterise(parts: Sequence[Outlines], frame: Frame) -> tuple[NDArray[np.uint8], list[int]]:
    """Outlines as codes (height, width), and the colour 0xAARRGGBB of each code; code 0 is nothing, 1 the halo.

    Args:
        parts: the boxes; at most 254 colours, counted for each part by itself.
        frame: where the picture lies.
    """
    canvas, colours = np.zeros(frame.size, np.uint8), [0, HALO]
    boxes_px = [frame.boxes(part.boxes_img) for part in parts]
    lines = _halos(parts, boxes_px)
    for part, px in zip(parts, boxes_px, strict=True):
        kinds, index = np.unique(part.argb, return_inverse=True)
        inks = _inks(part, np.arange(len(kinds)) + len(colours), max(frame.size))
        colours += kinds.tolist()
        lines += [_Line(px, inset, [inks[code] for code in index.ravel().tolist()]) for inset in part.insets]
    if lines:
        _paint(canvas, lines)
    return canvas, colours


class _Line(NamedTuple):
    """One line around each of some boxes.

    Attributes:
        boxes_px: (N, 4) from `Frame.boxes`.
        inset: px from the edge.
        inks: of each box: a code, or the codes along a line of dashes.
    """

    boxes_px: Ints
    inset: int
    inks: list[int | NDArray[np.uint8]]


def _halos(parts: Sequence[Outlines], boxes_px: Sequence[Ints]) -> list[_Line]:
    """The px outside of all lines that have a halo; with those inside drawing would take half as long again."""
    halos = []
    for part, px in zip(parts, boxes_px, strict=True):
        beside = {line - 1 for line in part.insets} - set(part.insets)
        halos += [_Line(px, inset, [_HALO_CODE] * len(px)) for inset in beside if part.halo]
    return halos


def _inks(part: Outlines, codes: NDArray[np.intp], longest: int) -> list[Any]:
    """What is written for each code: the code, or the codes along a line of dashes."""
    if part.style == Style.SolidLine:
        return list(codes.tolist())
    below = _HALO_CODE if part.halo else _NOTHING
    return list(np.where(_dashes(part.style, longest), codes[:, None], below).astype(np.uint8))


def _paint(canvas: NDArray[np.uint8], lines: Sequence[_Line]) -> None:
    """Writes all lines in turn, as slices; dashes run along diagonals, so that they meet in corners."""
    insets = np.repeat([line.inset for line in lines], [len(line.boxes_px) for line in lines])
    boxes_px = _inset(np.concatenate([line.boxes_px for line in lines]), insets, canvas.shape)
    inks = [ink for line in lines for ink in line.inks]
    width, flat = canvas.shape[1], canvas.reshape(-1)
    edges = (edge.tolist() for edge in outline_slices(boxes_px, canvas.shape))
    for start, stop, step, owner in zip(*edges, strict=True):
        ink = inks[owner]
        if isinstance(ink, int):
            flat[start:stop:step] = ink
        else:
            phase = (start // width + start % width) % _PERIOD
            flat[start:stop:step] = ink[phase : phase - (start - stop) // step]


def _inset(boxes_px: Ints, by: Ints, size: tuple[int, ...]) -> Ints:
    """Boxes smaller by some px on every side; sides out of the raster stay there, boxes without inside move out of it."""
    ends = np.array([size[1], size[0]] * 2)
    inner = boxes_px + np.where((boxes_px < 0) | (boxes_px >= ends), 0, by[:, None] * [1, 1, -1, -1])
    inner[(inner[:, 0] > inner[:, 2]) | (inner[:, 1] > inner[:, 3])] = -1
    return inner.astype(np.int32)


@lru_cache(maxsize=16)
def _dashes(style: Qt.PenStyle, longest: int) -> NDArray[np.bool_]:
    """Which px along a line are drawn, so many that a line of `longest` px may begin anywhere in the first period."""
    period = np.isin(np.arange(_PERIOD), [px for some in _PATTERNS[style] for px in some])
    return np.resize(period, longest + _PERIOD)


def _draw_vector(painter: QPainter, parts: Sequence[Outlines], frame: Frame) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    scale, (dx, dy) = frame.scale, frame.offset
    for part in parts:
        for (x0, y0, x1, y1), argb in zip(part.boxes_img.tolist(), part.argb.tolist(), strict=True):
            rect = QRectF(x0 * scale + dx, y0 * scale + dy, (x1 - x0) * scale, (y1 - y0) * scale)
            for inset in part.insets if rect.isValid() else ():
                painter.setPen(QPen(QColor.fromRgba(argb), 1, part.style))
                painter.drawRect(rect.adjusted(inset, inset, -inset, -inset))
