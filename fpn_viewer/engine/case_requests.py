"""Saving and opening cases: files only, without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fpn_viewer.core.cases import file_hash, load_case, save_case
from fpn_viewer.core.resources import bundled_checkpoints

if TYPE_CHECKING:
    from fpn_viewer.core.cases import Case
    from fpn_viewer.engine.jobs import Token


@dataclass(frozen=True)
class SavedCase:
    """A case was written."""

    path: str
    case: Case


@dataclass(frozen=True)
class OpenedCase:
    """A case was read.

    Attributes:
        path: the file.
        case: what it holds.
        changed: sentences about what is not as it was when the case was saved.
    """

    path: str
    case: Case
    changed: tuple[str, ...]


@dataclass(frozen=True)
class SaveCase:
    """Writes a case, with the hash of its checkpoint.

    Attributes:
        case: what to write; its hash is worked out here.
        path: where.
    """

    case: Case
    path: str

    def __call__(self, token: Token) -> SavedCase:
        """The case as it was written.

        Raises:
            CaseError: the file cannot be written.
        """
        token.check()
        case = replace(self.case, checkpoint_hash=_hash(self.case.checkpoint))
        save_case(case, self.path)
        return SavedCase(self.path, case)


@dataclass(frozen=True)
class OpenCase:
    """Reads a case.

    Attributes:
        path: the file.
    """

    path: str

    def __call__(self, token: Token) -> OpenedCase:
        """The case, and whether its checkpoint is still the same file.

        Raises:
            CaseError: the file cannot be read or is not a case.
        """
        token.check()
        case = load_case(self.path)
        changed = case.checkpoint_hash and _hash(case.checkpoint) not in ("", case.checkpoint_hash)
        sentence = f"{case.checkpoint} is not the file that {self.path} was saved with; the verdict may differ."
        return OpenedCase(self.path, case, (sentence,) if changed else ())


def _hash(source: str) -> str:
    return file_hash(bundled_checkpoints().get(source, source))
