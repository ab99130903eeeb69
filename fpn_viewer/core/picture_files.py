"""Picture files through Pillow: which formats, how large, in several threads at once; what goes wrong becomes one sentence."""

from __future__ import annotations

import re
import stat
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from fpn_viewer.core.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIXEL_LIMIT = 400_000_000
"""Largest number of pixels a picture may have; a decoded picture of that size takes 1.2 GB."""

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pbm": "PPM",
    ".pnm": "PPM",
    ".pfm": "PPM",
}
"""Lower-case file suffix to format name; only these formats are ever decoded, whatever a file is called."""

_FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
FORMAT_LIST = ", ".join(_FORMATS)
"""The formats, for a sentence."""


class _PillowScope:
    """Pillow as this program needs it while any thread reads a picture: our size limit, and no warnings.

    Pillow's limit is a global that it also reads while decoding a TIFF; it is raised when the first reader comes and
    restored when the last one leaves, so that threads decode side by side.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._limit: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            # `warnings.catch_warnings` would put back the filters of whatever another thread is doing (torch uses it
            # all the time), so a filter that touches nothing but Pillow's own modules is put in front and stays.
            if _HUSH not in warnings.filters[:1]:
                warnings.filterwarnings("ignore", module=_HUSH[3].pattern)
            if not self._readers:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, PIXEL_LIMIT
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                Image.MAX_IMAGE_PIXELS = self._limit


_HUSH = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_PILLOW = _PillowScope()

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, "does not exist; check the path"),
    (PermissionError, "may not be read by you; change its permissions or copy it elsewhere"),
    (Image.DecompressionBombError, f"has more than {PIXEL_LIMIT // 10**6} million pixels; scale it down first"),
    (UnidentifiedImageError, f"is not a readable picture ({FORMAT_LIST}); check the file or save it again as PNG"),
    (MemoryError, "needs more memory than is free; close other programs or scale it down"),
)
_DAMAGED = "is damaged or cut short; copy it again from its source or save it again as PNG"


@contextmanager
def plain_errors(name: str) -> Iterator[None]:
    """Turn whatever reading raises into one sentence that names the file."""
    try:
        with _PILLOW:
            yield
    except PictureError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly any type on damaged files
        raise PictureError(f"{name} {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror}); check the disk or the path"
    return _DAMAGED


@contextmanager
def opened_image(path: Path) -> Iterator[Image.Image]:
    """A file's image, header read; errors while it is used become sentences too."""
    with plain_errors(str(path)):
        _check_file(path)
        with Image.open(path, formats=_FORMATS) as image:
            check_pixels(*image.size, str(path))
            yield image


def _check_file(path: Path) -> None:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{path} is a folder; choose a picture inside it.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{path} is not an ordinary file; choose a picture file.")
    if not status.st_size:
        raise PictureError(f"{path} is empty (0 bytes); copy it again from its source.")


def check_pixels(width: int, height: int, name: str) -> None:
    """Refuses pictures without pixels, and those with more than `PIXEL_LIMIT`.

    Raises:
        PictureError: it is one of these.
    """
    if not width * height:
        raise PictureError(f"{name} has no pixels ({height} x {width}); choose another picture.")
    if width * height > PIXEL_LIMIT:
        limit = PIXEL_LIMIT // 10**6
        raise PictureError(f"{name} claims {height} x {width} pixels, more than {limit} million; scale it down first.")
