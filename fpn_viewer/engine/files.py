"""Requests that only read files. They have a queue of their own, so that a folder of thumbnails never waits for a detector."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import PictureError
from fpn_viewer.core.images import list_pictures, open_picture, reduced_levels, thumbnail
from fpn_viewer.engine.jobs import Lane
from fpn_viewer.engine.values import PictureView

if TYPE_CHECKING:
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.values import Bytes

#: lane table of the file queue
FILE_LANES: tuple[Lane, ...] = (
    Lane("picture"),
    Lane("annotations"),
    Lane("case"),
    Lane("beside"),
    Lane("folder", latest_only=False),
    Lane("thumbnail", latest_only=False),
    Lane("crops"),
)


@dataclass(frozen=True)
class Thumbnail:
    """A small picture for the list.

    Attributes:
        path: the file.
        pixels: (h, w, 3) uint8 RGB, or None when the file cannot be read.
        problem: why it cannot be read; empty otherwise.
    """

    path: str
    pixels: Bytes | None = field(repr=False)
    problem: str = ""


@dataclass(frozen=True)
class PictureList:
    """What files and folders stand for.

    Attributes:
        paths: pictures in natural order within each folder, none twice.
        problems: a sentence for each file or folder that gave nothing.
    """

    paths: tuple[str, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadPicture:
    """Reads a picture and the halves of it that a zoomed-out view is drawn from.

    Attributes:
        path: the file.
    """

    path: str

    def __call__(self, token: Token) -> PictureView:
        """The picture.

        Raises:
            PictureError: it cannot be read.
        """
        token.report("reading the picture", 0.0)
        picture = open_picture(self.path)
        token.check()
        reduced = reduced_levels(picture.pixels)
        for level in reduced:
            level.flags.writeable = False
        return PictureView(self.path, picture, reduced)


@dataclass(frozen=True)
class LoadThumbnail:
    """Reads a small version of a picture. A file that cannot be read is an answer too: the list shows it as such.

    Attributes:
        path: the file.
        side: longest side wanted, px.
    """

    path: str
    side: int

    def __call__(self, token: Token) -> Thumbnail:
        """The thumbnail, or the problem in its place."""
        token.check()
        try:
            pixels = thumbnail(self.path, self.side)
        except PictureError as error:
            return Thumbnail(self.path, None, str(error))
        pixels.flags.writeable = False
        return Thumbnail(self.path, pixels)


@dataclass(frozen=True)
class ListPictures:
    """Lists the pictures that files and folders stand for.

    Attributes:
        paths: files and folders, in the order they are wanted.
    """

    paths: tuple[str, ...]

    def __call__(self, token: Token) -> PictureList:
        """All that were found; what cannot be listed is named in the problems."""
        found: dict[str, None] = {}
        problems: list[str] = []
        for path in self.paths:
            token.check()
            try:
                found.update(dict.fromkeys(str(one) for one in list_pictures(path)))
            except PictureError as error:
                problems.append(str(error))
        return PictureList(tuple(found), tuple(problems))
