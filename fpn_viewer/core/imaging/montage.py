"""Pictures of maps for files: a map over its picture with a colour bar, and all of them on one shown. Drawn by Pillow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fpn_viewer.core.imaging.colours import class_colour, lut, lut_for
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box

    Bytes = NDArray[np.uint8]

#: pictures are drawn at most this long and, where a colour bar needs the room, at least this wide, px
LONGEST, NARROWEST = 1024, 320
OPACITY = 0.65
BAR_HEIGHT = 54
CELL = 232
_MARGIN, _GAP = 16, 8
_INK, _MUTED, _PAPER, _EMPTY = "#1b1f24", "#59626d", "#ffffff", "#f0f1f3"
#: width of the stripes over cells that are not finite, px
_HATCH = 3
# the typeface inside Pillow lacks these
_SPELLED = str.maketrans({"−": "-", "×": "x", "‖": "|", "∞": "inf", "–": "-", "…": "..."})


@dataclass(frozen=True)
class MapImage:
    """One map as it is drawn.

    Attributes:
        title: "M3".
        unit: what the numbers are.
        values: (h, w) bytes, or (h, w, 3) RGB, which has no colour bar.
        low: value of byte 0.
        high: value of byte 255.
        signed: True for the diverging table.
        box_img: xyxy image px that `values` covers; what reaches past the picture is cut off.
        broken_at: (h, w), True in cells that are not finite, or None.
    """

    title: str
    unit: str
    values: Bytes = field(repr=False)
    low: float
    high: float
    signed: bool
    box_img: Box
    broken_at: NDArray[np.bool_] | None = field(default=None, repr=False)


def drawn_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) at which a picture of (H, W) image px is drawn: large ones smaller, tiny ones whole times larger."""
    height, width = image_size
    if max(height, width) > LONGEST:
        factor = LONGEST / max(height, width)
        return max(1, round(height * factor)), max(1, round(width * factor))
    times = min(-(-NARROWEST // width), LONGEST // max(height, width))
    return height * max(1, times), width * max(1, times)


def resized(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    """The picture at (H, W): smoothly smaller, or with its pixels as squares."""
    smaller = size[0] < pixels.shape[0] or size[1] < pixels.shape[1]
    how = Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), how))


def overlay(picture: Bytes, shown: MapImage, image_size: tuple[int, int], opacity: float = OPACITY) -> Bytes:
    """The map over the picture, every cell exactly where it lies.

    Args:
        picture: (H, W, 3), the picture at the size to draw at.
        shown: the map.
        image_size: (H, W) of the picture itself, image px, which `shown.box_img` refers to.
        opacity: of the map, 0..1.

    Returns:
        (H, W, 3) uint8; the picture alone where the map does not reach.
    """
    rows, y = _cells(picture.shape[0], image_size[0], shown.box_img[1::2], shown.values.shape[0])
    columns, x = _cells(picture.shape[1], image_size[1], shown.box_img[0::2], shown.values.shape[1])
    colours = shown.values if shown.values.ndim == 3 else lut(lut_for(shown.signed))[shown.values]
    out = picture.copy()
    if rows.size and columns.size:
        over = Image.fromarray(np.ascontiguousarray(colours[rows][:, columns]))
        out[y, x] = np.asarray(Image.blend(Image.fromarray(np.ascontiguousarray(out[y, x])), over, opacity))
    if shown.broken_at is not None:
        broken = shown.broken_at[rows][:, columns]
        stripes = np.add.outer(np.arange(len(rows)), np.arange(len(columns))) // _HATCH % 2 * 255
        out[y, x][broken] = stripes[broken][:, None]
    return out


def _cells(length: int, image_length: int, span_img: Sequence[float], cells: int) -> tuple[NDArray[np.intp], slice]:
    """For every drawn px that the map reaches the cell over its centre, and which px those are."""
    centres = (np.arange(length) + 0.5) * image_length / length
    index = np.floor((centres - span_img[0]) / (span_img[1] - span_img[0]) * cells).astype(np.intp)
    first, last = np.searchsorted(index, (0, cells))
    return index[first:last], slice(int(first), int(last))


def with_bar(drawn: Bytes, shown: MapImage) -> Image.Image:
    """A drawn map with its title and colour bar below; the map keeps its place at the upper left."""
    height, width = drawn.shape[:2]
    page = Image.new("RGB", (max(width, NARROWEST), height + BAR_HEIGHT), _PAPER)
    page.paste(Image.fromarray(drawn), (0, 0))
    pen = ImageDraw.Draw(page)
    broken = 0 if shown.broken_at is None else int(np.count_nonzero(shown.broken_at))
    note = f" · {broken} cells not finite (striped)" if broken else ""
    _write(pen, (_GAP, height + 4), f"{shown.title} · {shown.unit}{note}", 13)
    if shown.values.ndim == 3:
        _write(pen, (_GAP, height + 24), "each component has its own range, 0 in the middle", 12, _MUTED)
        return page
    left, right, top = _GAP, page.width - _GAP, height + 23
    table = np.broadcast_to(lut(lut_for(shown.signed))[None], (10, 256, 3))
    page.paste(Image.fromarray(np.ascontiguousarray(table)).resize((right - left, 10)), (left, top))
    pen.rectangle((left - 1, top - 1, right, top + 10), outline=_MUTED)
    for place, value, anchor in ((left, shown.low, "la"), ((left + right) // 2, middle(shown), "ma"), (right, shown.high, "ra")):
        _write(pen, (place, top + 13), significant(value), 12, anchor=anchor)
    return page


def absent(size: tuple[int, int], title: str, sentence: str) -> Image.Image:
    """What stands in the place of a map that does not exist, as large as a drawn map of (H, W) with its bar."""
    height, width = size
    page = Image.new("RGB", (max(width, NARROWEST), height + BAR_HEIGHT), _PAPER)
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, width - 1, height - 1), fill=_EMPTY)
    _write(pen, (_GAP, height + 4), title, 13)
    _write(pen, (_GAP, height + 24), sentence, 12, _MUTED)
    return page


def side_by_side(pages: Sequence[Image.Image]) -> Image.Image:
    """Pages next to each other, tops aligned."""
    width = sum(page.width for page in pages) + _GAP * (len(pages) - 1)
    out = Image.new("RGB", (width, max(page.height for page in pages)), _PAPER)
    left = 0
    for page in pages:
        out.paste(page, (left, 0))
        left += page.width + _GAP
    return out


def middle(shown: MapImage) -> float:
    """The value in the middle of the colour bar; exactly 0 where the range is symmetric."""
    return (shown.low + shown.high) / 2


def with_boxes(drawn: Bytes, boxes: NDArray[np.floating], labels: NDArray[np.integer], image_size: tuple[int, int]) -> Bytes:
    """Boxes (N, 4) xyxy image px over a drawn picture, in the colours of their classes."""
    page = Image.fromarray(drawn)
    pen = ImageDraw.Draw(page)
    factor = np.array([drawn.shape[1] / image_size[1], drawn.shape[0] / image_size[0]] * 2)
    for box, label in zip(boxes * factor, labels, strict=True):
        x0, y0, x1, y1 = (float(v) for v in box)
        pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=class_colour(int(label)), width=2)
    return np.asarray(page)


@dataclass(frozen=True)
class Contact:
    """What stands on a contact shown.

    Attributes:
        lines: text beside the picture, the first one as a title.
        picture: (H, W, 3), the picture, as it is to be seen beside the text.
        columns: key to heading.
        rows: key to (heading, second line, colour).
        maps: (row, column) to the drawn map and its caption.
    """

    lines: Sequence[str]
    picture: Bytes = field(repr=False)
    columns: Mapping[str, str]
    rows: Mapping[str, tuple[str, str, str]]
    maps: Mapping[tuple[str, str], tuple[Bytes, str]] = field(repr=False)


_ROW_HEADING = 84
_LINE = 20


def contact_sheet(contact: Contact) -> Image.Image:
    """The picture with its data on top, then one row for each level and one column for each kind of map."""
    height, width = contact.picture.shape[:2]
    cell = (round(CELL * min(1.0, height / width)), round(CELL * min(1.0, width / height)))
    step = (cell[0] + _LINE + _GAP, max(cell[1], 120) + _GAP)
    top = _MARGIN + max(cell[0], len(contact.lines) * _LINE + 8) + _GAP
    size = (2 * _MARGIN + _ROW_HEADING + len(contact.columns) * step[1], top + 24 + len(contact.rows) * step[0] + _MARGIN)
    page = Image.new("RGB", (max(size[0], 560), size[1]), _PAPER)
    pen = ImageDraw.Draw(page)
    _head(page, pen, contact, cell)
    for j, heading in enumerate(contact.columns.values()):
        _write(pen, (_MARGIN + _ROW_HEADING + j * step[1], top), heading, 14)
    for i, (key, row) in enumerate(contact.rows.items()):
        y = top + 24 + i * step[0]
        _row_heading(pen, (_MARGIN, y), cell[0], row)
        for j, column in enumerate(contact.columns):
            _cell(page, pen, (_MARGIN + _ROW_HEADING + j * step[1], y), cell, contact.maps.get((key, column)))
    return page


def _head(page: Image.Image, pen: ImageDraw.ImageDraw, contact: Contact, cell: tuple[int, int]) -> None:
    page.paste(Image.fromarray(resized(contact.picture, cell)), (_MARGIN, _MARGIN))
    x = _MARGIN + cell[1] + _MARGIN
    for i, line in enumerate(contact.lines):
        _write(pen, (x, _MARGIN + i * _LINE + (8 if i else 0)), line, 13 if i else 18, _MUTED if i else _INK)


def _row_heading(pen: ImageDraw.ImageDraw, at: tuple[int, int], height: int, row: tuple[str, str, str]) -> None:
    heading, second, colour = row
    pen.rectangle((at[0], at[1], at[0] + 5, at[1] + height - 1), fill=colour)
    _write(pen, (at[0] + 14, at[1]), heading, 16)
    for i, line in enumerate(second.splitlines()):
        _write(pen, (at[0] + 14, at[1] + 22 + 16 * i), line, 12, _MUTED)


def _cell(
    page: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], cell: tuple[int, int], drawn: tuple[Bytes, str] | None
) -> None:
    if drawn is None:
        pen.rectangle((*at, at[0] + cell[1] - 1, at[1] + cell[0] - 1), fill=_EMPTY)
        _write(pen, (at[0] + cell[1] // 2, at[1] + cell[0] // 2), "-", 14, _MUTED, anchor="mm")
        return
    page.paste(Image.fromarray(resized(drawn[0], cell)), at)
    _write(pen, (at[0], at[1] + cell[0] + 3), drawn[1], 12, _MUTED)


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str = _INK, anchor: str = "la") -> None:
    pen.text(at, text.translate(_SPELLED), fill=colour, font=_font(size), anchor=anchor)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
