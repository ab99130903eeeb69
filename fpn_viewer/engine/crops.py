"""Small cut-outs of objects, made from files: one picture is decoded once for all of its objects that are in sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fpn_viewer.core.errors import PictureError
from fpn_viewer.core.images import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.jobs import Token

    Pixels = NDArray[np.uint8]

#: side of what is cut out, as a multiple of the object's longer side, and its smallest, image px
AROUND, LEAST = 1.6, 16.0


@dataclass(frozen=True)
class Crop:
    """One object with its surroundings.

    Attributes:
        key: as asked.
        pixels: (side, side, 3) uint8 RGB, black beyond the picture's edge; None when the picture cannot be read.
        box: the object inside it, xyxy as shares of its side.
        problem: why there are no pixels; "" otherwise.
    """

    key: int
    pixels: Pixels | None = field(repr=False)
    box: Box
    problem: str = ""


@dataclass(frozen=True)
class Crops:
    """Objects of one picture."""

    path: str
    crops: tuple[Crop, ...]


@dataclass(frozen=True)
class CutOut:
    """Cuts objects out of a picture. A file that cannot be read is an answer too: the table shows it as such.

    Attributes:
        path: the file.
        boxes: (key, xyxy image px) of each object.
        side: of the crops, px.
    """

    path: str
    boxes: tuple[tuple[int, Box], ...]
    side: int

    def __call__(self, token: Token) -> Crops:
        """The crops, or the problem in their place.

        Raises:
            Cancelled: the token says so.
        """
        token.check()
        try:
            pixels, problem = open_picture(self.path).pixels, ""
        except PictureError as error:
            pixels, problem = None, str(error)
        token.check()
        return Crops(self.path, tuple(_crop(key, box, pixels, self.side, problem) for key, box in self.boxes))


def window_img(box_img: Box) -> Box:
    """The square that is cut out for an object, xyxy image px; it may reach beyond the picture."""
    x0, y0, x1, y1 = box_img
    half = max(AROUND * (x1 - x0), AROUND * (y1 - y0), LEAST) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - half, y - half, x + half, y + half


def _crop(key: int, box_img: Box, pixels: Pixels | None, side: int, problem: str) -> Crop:
    if not np.isfinite(box_img).all():
        return Crop(key, None, (0.0, 0.0, 1.0, 1.0), "Its box is broken")
    left, top, right, bottom = window_img(box_img)
    x0, y0, x1, y1 = box_img
    width = right - left
    inside = ((x0 - left) / width, (y0 - top) / width, (x1 - left) / width, (y1 - top) / width)
    if pixels is None:
        return Crop(key, None, inside, problem)
    # only what is shown is resampled: a window may be as large as a picture, or as small as some px of it
    image = Image.fromarray(pixels).transform(
        (side, side), Image.Transform.EXTENT, (left, top, right, bottom), Image.Resampling.BILINEAR
    )
    cut = np.asarray(image)
    cut.flags.writeable = False
    return Crop(key, cut, inside)
