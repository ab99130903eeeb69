"""Pillow's pixel modes to 8-bit RGB, each with a note of what was changed; the rules are listed in `images`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

_BAND_ROWS = 256
_WHITE_LEVELS = (255, 4095, 65535)
Converted = tuple[Image.Image, tuple[str, ...]]


def _plain(*notes: str) -> Callable[[Image.Image], Converted]:
    """A converter for 8-bit modes, which may carry a transparent colour."""

    def convert(image: Image.Image) -> Converted:
        if image.has_transparency_data:
            rgb, alpha_notes = _composited(image)
            return rgb, notes + alpha_notes
        return (image if image.mode == "RGB" else image.convert("RGB")), notes

    return convert


def _composited(image: Image.Image) -> Converted:
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    rgb = rgba.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return rgb, ("opaque alpha dropped",)
    canvas = Image.new("RGB", image.size, (255, 255, 255))
    canvas.paste(rgb, mask=alpha)
    return canvas, ("alpha composited on white",)


def _integers(image: Image.Image) -> Converted:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > _WHITE_LEVELS[-1]:
        return _stretched(image)
    white = next(level for level in _WHITE_LEVELS if high <= level)
    table = (np.arange(white + 1) * 255 + white // 2) // white
    grey = table.astype(np.uint8)[values]
    return Image.fromarray(grey).convert("RGB"), (f"integer grey scaled from 0..{white} to 0..255",)


def _stretched(image: Image.Image) -> Converted:
    values = np.asarray(image)
    finite = np.isfinite(values)
    known = values[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.zeros(values.shape, np.uint8)
    # In bands, because a whole 100-megapixel plane of float64 takes 0.8 GB.
    for top in range(0, len(values), _BAND_ROWS):
        band = slice(top, top + _BAND_ROWS)
        safe = np.where(finite[band], values[band].astype(np.float64), low)
        grey[band] = np.rint((safe - low) * scale).astype(np.uint8)
    lost = int(finite.size - np.count_nonzero(finite))
    notes = (f"grey stretched from {low:g}..{high:g} to 0..255",)
    return Image.fromarray(grey).convert("RGB"), notes + ((f"{lost} samples not finite, shown black",) if lost else ())


#: Pillow mode to its converter; other modes are refused
CONVERTERS: dict[str, Callable[[Image.Image], Converted]] = {
    "RGB": _plain(),
    "RGBA": _plain(),
    "RGBX": _plain(),
    "RGBa": _plain("premultiplied alpha divided out"),
    "L": _plain("grey repeated in three channels"),
    "LA": _plain("grey repeated in three channels"),
    "1": _plain("1-bit shown as 0 and 255"),
    "P": _plain("palette expanded"),
    "PA": _plain("palette expanded"),
    "CMYK": _plain("CMYK converted to RGB without a colour profile"),
    "YCbCr": _plain("YCbCr converted to RGB"),
    "HSV": _plain("HSV converted to RGB"),
    "I": _integers,
    "I;16": _integers,
    "I;16B": _integers,
    "I;16L": _integers,
    "I;16N": _integers,
    "F": _stretched,
}
