"""Errors whose text is meant for the person in front of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class UserError(Exception):
    """A failure a person can act on: its text is one sentence saying what, which file, and what to do."""


class PictureError(UserError):
    """A picture, or a folder of pictures, cannot be read."""


class CheckpointError(UserError):
    """A checkpoint file cannot be read or its model is not recognised.

    Attributes:
        details: lines for whoever wants to know more: every missing and left-over tensor, every class in the file.
    """

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.details = tuple(details)


class DetectorError(UserError):
    """A detector cannot be built or run."""


class SettingError(UserError):
    """A setting has a value the program cannot work with."""


class DeviceError(UserError):
    """A compute device is absent, out of memory, or not usable."""


class AnnotationError(UserError):
    """Ground truth cannot be read."""


class QuestionError(UserError):
    """A question about an object that cannot be asked: an empty box, an unknown class, a box outside the picture."""
