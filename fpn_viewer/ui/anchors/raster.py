"""Boxes as pixels: crisp outlines while few are in view, a density of their edges above that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage

from fpn_viewer.core.imaging import boxes
from fpn_viewer.core.imaging.colours import lut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from fpn_viewer.core.imaging.boxes import Frame
    from fpn_viewer.ui.anchors.boxset import BoxSet

#: more visible outlines than this are drawn as density: they would cover each other, and cost more than a frame's 16 ms
CRISP_LIMIT = 2000
#: work, in units of about 5 ns, that fits into every frame of a gesture, about 12 ms; above it the last raster is moved along
EXACT_WORK = 2_500_000
#: of boxes whose level is not known
UNKNOWN_COLOUR = "#9A9A9A"
DENSITY_LUT = "viridis"


@dataclass(frozen=True, eq=False)
class Raster:
    """Boxes drawn once.

    Attributes:
        pixels: (height, width) uint32 ARGB32 premultiplied.
        frame: where the picture lay.
        visible: outlines with a pixel in the frame.
        top: the count that has the last colour of the density; 0 when boxes are drawn crisp.
        tint: the level's colour when the density is of one level, else "".
    """

    pixels: NDArray[np.uint32]
    frame: Frame
    visible: int
    top: int = 0
    tint: str = ""

    def draw(self, painter: QPainter, frame: Frame, opacity: float) -> None:
        """Draws it where the picture lies now; the density with an opacity, since it would hide the picture.

        Args:
            painter: in raster px of `frame`.
            frame: where the picture lies now.
            opacity: 0..1.
        """
        height, width = self.pixels.shape
        image = QImage(self.pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
        stretch = frame.scale / self.frame.scale
        x, y = (now - stretch * before for now, before in zip(frame.offset, self.frame.offset, strict=True))
        painter.setOpacity(opacity if self.top else 1.0)
        painter.drawImage(QRectF(x, y, width * stretch, height * stretch), image)
        painter.setOpacity(1.0)


def rasterise(chosen: BoxSet, frame: Frame, colours: Sequence[str]) -> Raster:
    """Draws boxes in a frame.

    Args:
        chosen: the boxes.
        frame: where the picture lies.
        colours: "#rrggbb" of each level index.
    """
    visible = chosen.visible_count(frame)
    return (_crisp if visible <= CRISP_LIMIT else _density)(chosen, frame, colours, visible)


def colour_of(level: int, colours: Sequence[str]) -> str:
    """A level index's colour; that of the unknown for -1."""
    return colours[level] if level >= 0 else UNKNOWN_COLOUR


def _crisp(chosen: BoxSet, frame: Frame, colours: Sequence[str], visible: int) -> Raster:
    codes = np.zeros(frame.size, np.uint8)
    # 0 is nothing, 1 the unknown level -1
    palette = np.array([0, *(QColor(name).rgba() for name in (UNKNOWN_COLOUR, *colours))], np.uint32)
    for level, grids in chosen.level_grids:
        grids.paint(codes, frame, level + 2)
    rows = chosen.visible_rows(frame)
    boxes.paint_outlines(codes, frame.boxes(chosen.table_img[rows]), (chosen.level[rows] + 2).tolist())
    return Raster(boxes.colour_counts(codes, palette), frame, visible)


def _density(chosen: BoxSet, frame: Frame, colours: Sequence[str], visible: int) -> Raster:
    counts = chosen.density(frame)
    top = boxes.round_up(float(counts.max()))
    levels = chosen.levels()
    tint = colour_of(levels.pop(), colours) if len(levels) == 1 else ""
    table = boxes.tint_table(_rgb(tint), top) if tint else boxes.density_table(lut(DENSITY_LUT), top)
    return Raster(boxes.colour_counts(counts, table), frame, visible, top, tint)


def _work(chosen: BoxSet, frame: Frame) -> int:
    """What drawing costs, in units of about 5 ns."""
    pixels = frame.size[0] * frame.size[1]
    # difference arrays pass over all pixels twice more, and take eight steps for a box
    return 3 * pixels + 8 * len(chosen.rows) if len(chosen.rows) > CRISP_LIMIT else pixels


def _rgb(name: str) -> tuple[int, int, int]:
    colour = QColor(name)
    return colour.red(), colour.green(), colour.blue()


class RasterLayer:
    """Draws one choice of boxes, keeping the last raster for the frames of a gesture that cannot wait for the next."""

    def __init__(self) -> None:
        """Makes an empty layer."""
        self._boxes: BoxSet | None = None
        self._colours: tuple[str, ...] = ()
        self._raster: Raster | None = None

    @property
    def raster(self) -> Raster | None:
        """What was drawn last."""
        return self._raster

    @property
    def boxes(self) -> BoxSet | None:
        """What is drawn."""
        return self._boxes

    @property
    def colours(self) -> tuple[str, ...]:
        """ "#rrggbb" of each level index."""
        return self._colours

    def set_boxes(self, chosen: BoxSet | None, colours: Sequence[str] = ()) -> None:
        """Draws other boxes from now on; None draws nothing."""
        self._boxes, self._colours, self._raster = chosen, tuple(colours), None

    def draw(self, painter: QPainter, frame: Frame, opacity: float, moving: bool) -> None:
        """Draws the boxes, exactly unless that would hold up a gesture.

        Args:
            painter: in raster px.
            frame: where the picture lies.
            opacity: of a density, 0..1.
            moving: a gesture is going on.
        """
        if self._boxes is None:
            return
        if self._raster is None or (self._raster.frame != frame and not (moving and _work(self._boxes, frame) > EXACT_WORK)):
            self._raster = rasterise(self._boxes, frame, self._colours)
        self._raster.draw(painter, frame, opacity)
