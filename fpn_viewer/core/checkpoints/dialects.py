"""Whose names the tensors of a checkpoint have, and who reads them: one row for each code base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints import torchvision_dialect
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fpn_viewer.core.checkpoints.values import Contents, Recognised


@dataclass(frozen=True)
class Dialect:
    """One code base.

    Attributes:
        name: "torchvision", "detectron2", "mmdetection".
        claims: whether tensors of these names are its own.
        recognise: what they belong to; given the preset that the user chose, or None. Raises CheckpointError for what cannot be
            built, saying what it is.
    """

    name: str
    claims: Callable[[Collection[str]], bool]
    recognise: Callable[[Contents, str | None], Recognised]


DIALECTS: tuple[Dialect, ...] = (Dialect("torchvision", torchvision_dialect.claims, torchvision_dialect.recognise),)


def recognise(contents: Contents, preset: str | None = None) -> Recognised:
    """The detector that the tensors of a file belong to.

    Raises:
        CheckpointError: it is none that can be built; the sentence says what it is instead.
    """
    for dialect in DIALECTS:
        if dialect.claims(contents.tensors.keys()):
            return dialect.recognise(contents, preset)
    raise CheckpointError(not_a_detector(contents))


def not_a_detector(contents: Contents) -> str:
    """A sentence about tensors that no dialect claims."""
    first = ", ".join(list(contents.tensors)[:3])
    return (
        f"{contents.path.name} is not a detector with an FPN in the names of torchvision, detectron2 or mmdetection; "
        f"its first tensors are {first}."
    )
