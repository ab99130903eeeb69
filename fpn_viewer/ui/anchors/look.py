"""How layers over a picture are painted, and rasters in whole px of the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PySide6.QtGui import QPainter

from fpn_viewer.core.imaging.boxes import Frame


@dataclass(frozen=True)
class Look:
    """How layers are painted.

    Attributes:
        opacity: of maps and densities over the picture.
        smooth: maps are drawn interpolated.
        overlays: False paints the picture alone.
        ratio: device px per view px.
        moving: a gesture is going on; what costs much may wait.
        vector: boxes are drawn as rectangles of their own, for a vector file.
    """

    opacity: float = 1.0
    smooth: bool = False
    overlays: bool = True
    ratio: float = 1.0
    moving: bool = False
    vector: bool = False


class Rastered(Protocol):
    """A layer that draws itself in whole px."""

    def draw(self, painter: QPainter, frame: Frame, opacity: float, moving: bool) -> None:
        """Draws the layer; see `RasterLayer.draw`."""


def draw_raster(painter: QPainter, layer: Rastered, frame: Frame, look: Look) -> None:
    """Draws a layer in px of its own, of which the screen has a whole number for each.

    Args:
        painter: in view px.
        layer: what is drawn.
        frame: where the picture lies, view px.
        look: how.
    """
    # lines are whole px of the raster: on a display of 200 % a raster px is 2×2 device px
    dense = look.ratio / max(1, int(look.ratio))
    painter.save()
    painter.scale(1 / dense, 1 / dense)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    layer.draw(painter, _scaled(frame, dense), look.opacity, look.moving)
    painter.restore()


def _scaled(frame: Frame, factor: float) -> Frame:
    (x, y), (height, width) = frame.offset, frame.size
    if factor == 1.0:
        return frame
    return Frame(frame.scale * factor, (x * factor, y * factor), (int(np.ceil(height * factor)), int(np.ceil(width * factor))))
