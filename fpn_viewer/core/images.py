"""Open a picture as a user would see it: upright, 8-bit, RGB, with a note for everything that was changed.

Rules, by what the file holds:

* EXIF orientation is applied.
* Alpha (RGBA, LA, a transparent palette entry or colour) is composited on white.
* Integer grey of more than 8 bits is scaled linearly from 0..white, where white is the smallest of 255, 4095 and 65535
  that covers the data; data outside 0..65535 are stretched from their minimum and maximum.
* 16 bits in several channels are cut to their high byte.
* Float grey is stretched from its finite minimum and maximum; what is not finite becomes black.
* CMYK is converted without its colour profile; no colour profile is applied to RGB either.
* Of several frames the first is read.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from fpn_viewer.core.errors import PictureError
from fpn_viewer.core.picture_files import FORMAT_LIST, SUFFIXES, check_pixels, opened_image, plain_errors
from fpn_viewer.core.pixel_modes import CONVERTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

Pixels = NDArray[np.uint8]
Source = str | os.PathLike[str] | Image.Image | NDArray[Any]

_DISPLAY_SIDE = 2048
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright 8-bit RGB picture; two pictures are told apart by `digest`, not by `==`.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, C-contiguous, read-only.
        source: The path it came from, or "<image>" or "<array>".
        notes: What was done to the stored samples, one phrase each; empty if nothing was.

    Raises:
        ValueError: If the pixels are not (H, W, 3) uint8 with at least one pixel.
    """

    pixels: Pixels
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or not self.pixels.size:
            raise ValueError(f"pixels must be (H, W, 3) uint8, got {self.pixels.shape} {self.pixels.dtype}")
        locked = np.ascontiguousarray(self.pixels).view()
        locked.flags.writeable = False
        object.__setattr__(self, "pixels", locked)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the size and the pixels; a cache key, computed on first use."""
        summary = hashlib.sha256(f"{self.size[0]}x{self.size[1]}:".encode())
        summary.update(self.pixels.reshape(-1).data)
        return summary.hexdigest()


class Header(NamedTuple):
    """What a picture file says about itself; height and width are those of the upright picture, in pixels."""

    height: int
    width: int
    format: str


def open_picture(source: Source) -> Picture:
    """Read a picture as upright 8-bit RGB.

    Args:
        source: A path, a Pillow image, or a uint8 array of shape (H, W), (H, W, 3) or (H, W, 4).

    Returns:
        The picture, with notes about every conversion; arrays are copied.

    Raises:
        PictureError: If it is missing, unreadable, not a picture, damaged, too large, or of a kind not supported.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        name = getattr(source, "filename", "") or "<image>"
        with plain_errors(name):
            return _from_image(source, name)
    with opened_image(Path(source)) as image:
        return _from_image(image, str(source))


def probe_picture(path: str | os.PathLike[str]) -> Header:
    """Read size and format from the header of a file without decoding it.

    Args:
        path: A picture file.

    Returns:
        Height and width after EXIF orientation, in pixels, and the format name.

    Raises:
        PictureError: As `open_picture`, except for damage behind the header.
    """
    with opened_image(Path(path)) as image:
        width, height = image.size
        # Pillow reports the size of a TIFF as already turned.
        if _orientation(image) >= 5 and image.format != "TIFF":
            width, height = height, width
        # A phone's JPEG with a second picture behind the first is "MPO" to Pillow and a JPEG to everybody else.
        return Header(height, width, "JPEG" if image.format == "MPO" else str(image.format))


def thumbnail(path: str | os.PathLike[str], side: int) -> Pixels:
    """Read a small upright version of a picture; a JPEG is decoded at reduced scale, which is several times faster.

    Args:
        path: A picture file.
        side: Longest side wanted, in pixels, at least 1; a smaller picture keeps its size.

    Returns:
        (h, w, 3) uint8, RGB, with max(h, w) <= side.

    Raises:
        PictureError: As `open_picture`.
    """
    with opened_image(Path(path)) as image:
        scale = side / max(image.size)
        image.draft("RGB", (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        rgb, _ = _decoded(image)
        rgb.thumbnail((side, side), Image.Resampling.BILINEAR)
        return np.asarray(rgb)


def reduced_levels(pixels: Pixels, max_side: int = _DISPLAY_SIDE) -> tuple[Pixels, ...]:
    """Halve a picture, by exact 2x2 means, until it is small enough to be shown whole.

    Args:
        pixels: (H, W, 3) uint8.
        max_side: Longest side of the last level, in pixels.

    Returns:
        The levels, finest first: level 0 is `pixels` itself and level k has (ceil(H / 2**k), ceil(W / 2**k), 3).
        The last row or column of an odd level is the mean of the samples that exist.
    """
    levels = [pixels]
    image = Image.fromarray(pixels) if max(pixels.shape[:2]) > max_side else None
    while image is not None and max(image.size) > max_side:
        image = image.reduce(2)
        levels.append(np.asarray(image))
    return tuple(levels)


def list_pictures(path: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """List the pictures a path stands for, in natural order (img2 before img10), case ignored.

    Args:
        path: A file, which stands for itself, or a folder, which stands for its files with a suffix in `SUFFIXES`.
        recursive: Whether folders inside the folder are searched too; those that cannot be read are passed over.

    Returns:
        At least one path. Hidden files and folders (leading dot) are left out.

    Raises:
        PictureError: If the path does not exist, the folder cannot be read, or it holds no picture.
    """
    folder = Path(path)
    with plain_errors(str(folder)):
        if not stat.S_ISDIR(folder.stat().st_mode):
            return [folder]
        with os.scandir(folder):
            pass  # os.walk passes over a folder it cannot read; the one that was asked for must say so
        keyed = list(_walk(folder, recursive))
    if not keyed:
        raise PictureError(f"The folder {folder} holds no picture ({FORMAT_LIST}); choose another folder.")
    return [found for _, found in sorted(keyed)]


def _walk(folder: Path, recursive: bool) -> Iterator[tuple[str, Path]]:
    """Each picture below a folder with its key for the natural order."""
    suffixes = tuple(SUFFIXES)
    for root, folders, names in islice(os.walk(folder), None if recursive else 1):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(root)
        prefix = _natural(os.path.relpath(root, folder).removeprefix(os.curdir))
        for name in names:
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield f"{prefix}/{_natural(name)}", here / name


def _natural(name: str) -> str:
    """The name with its numbers padded, so that comparing text compares numbers."""
    return _DIGITS.sub(_padded, name.casefold())


def _padded(digits: re.Match[str]) -> str:
    return digits[0].zfill(20)


# Making a Picture


def _from_array(array: NDArray[Any]) -> Picture:
    shape = "x".join(map(str, array.shape))
    if array.dtype != np.uint8:
        raise PictureError(f"The array ({shape}) holds {array.dtype} samples; convert it to uint8 in 0..255 first.")
    if not array.size or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise PictureError(f"The array has shape {shape or '()'}; give height x width, with 3 or 4 channels or none.")
    check_pixels(array.shape[1], array.shape[0], "<array>")
    if array.shape[2:] == (3,):
        return Picture(np.array(array, order="C"), "<array>")
    rgb, notes = CONVERTERS["RGBA" if array.ndim == 3 else "L"](Image.fromarray(np.ascontiguousarray(array)))
    return Picture(np.asarray(rgb), "<array>", notes)


def _from_image(image: Image.Image, name: str) -> Picture:
    check_pixels(*image.size, name)
    rgb, notes = _decoded(image)
    pixels = np.asarray(rgb)
    # Counting moves through the frames, so it comes when the pixels are safe.
    return Picture(pixels, name, notes + _frame_notes(image))


def _decoded(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode, turn upright and convert to RGB."""
    before = _depth_notes(image)
    orientation = _orientation(image)
    image.load()
    # Asked again: Pillow turns a TIFF itself while loading it.
    turn = _TURNS.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    convert = CONVERTERS.get(image.mode)
    if convert is None:
        raise PictureError(f"{_name(image)} has pixels of kind {image.mode}; save it as 8-bit RGB and open that.")
    rgb, notes = convert(upright)
    turned = (f"turned upright by EXIF orientation {orientation}",) if orientation in _TURNS else ()
    return rgb, before + turned + notes


def _name(image: Image.Image) -> str:
    return str(getattr(image, "filename", "") or "The image")


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1..8; 1 where there is none or it makes no sense."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken metadata raise anything, and do not make a picture unreadable
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _depth_notes(image: Image.Image) -> tuple[str, ...]:
    """Pillow cuts 16-bit colour to 8 bits while decoding; only the decoder's arguments, gone afterwards, tell."""
    tiles = getattr(image, "tile", [])
    deep = image.mode in ("RGB", "RGBA", "CMYK") and any(";16" in str(tile[3]) for tile in tiles)
    return ("16 bits per channel cut to the high 8",) if deep else ()


def _frame_notes(image: Image.Image) -> tuple[str, ...]:
    try:
        frames = getattr(image, "n_frames", 1)
        return (f"frame {image.tell() + 1} of {frames}",) if frames > 1 else ()
    except Exception:  # a file cut short behind the frame that was read
        return ("later frames damaged",)
