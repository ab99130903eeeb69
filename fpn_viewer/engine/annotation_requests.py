"""Reading ground truth: files only, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.engine.jobs import Token


@dataclass(frozen=True)
class OpenedAnnotations:
    """Ground truth was read, or looked for.

    Attributes:
        annotations: what was found; None when nothing was.
        problems: sentences about what could not be read.
        named: the user named the file; otherwise it was found by convention.
    """

    annotations: Annotations | None = field(repr=False)
    problems: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class OpenAnnotations:
    """Reads a file or folder of annotations.

    Attributes:
        path: what the user named.
    """

    path: str

    def __call__(self, token: Token) -> OpenedAnnotations:
        """What it holds.

        Raises:
            AnnotationError: it cannot be read or is of no known format.
        """
        from fpn_viewer.core.annotations.formats import open_annotations

        token.check()
        annotations = open_annotations(self.path, token)
        return OpenedAnnotations(annotations, annotations.problems, named=True)


@dataclass(frozen=True)
class FindAnnotations:
    """Looks for annotations by convention beside a picture.

    Attributes:
        picture: its path.
    """

    picture: str

    def __call__(self, token: Token) -> OpenedAnnotations:
        """What was found.

        Raises:
            AnnotationError: what was found cannot be read.
        """
        from fpn_viewer.core.annotations.find import find_annotations

        token.check()
        annotations = find_annotations(self.picture, token)
        return OpenedAnnotations(annotations, annotations.problems if annotations is not None else ())
