"""Whose names the tensors of a checkpoint have, and who reads them: one row for each code base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.detectron2 import dialect as detectron2
from fpn_viewer.core.checkpoints.mmdetection import dialect as mmdetection
from fpn_viewer.core.checkpoints.signatures import refusal
from fpn_viewer.core.checkpoints.torchvision import dialect as torchvision
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


#: a file belongs to the first that claims it; detectron2 shares names with torchvision, and has others that are its own
DIALECTS: tuple[Dialect, ...] = (
    Dialect("detectron2", detectron2.claims, detectron2.recognise),
    Dialect("torchvision", torchvision.claims, torchvision.recognise),
    Dialect("mmdetection", mmdetection.claims, mmdetection.recognise),
)


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
    """A sentence about tensors that no dialect claims: what they are, and what can be opened instead."""
    return refusal(contents.path.name, {name: tuple(tensor.shape) for name, tensor in contents.tensors.items()})
