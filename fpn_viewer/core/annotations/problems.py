"""Collects what could not be read, so that ten thousand faults of one kind make one sentence with the place of the first."""

from __future__ import annotations

from dataclasses import dataclass, field

#: files that are named one by one; the rest are counted
_NAMED = 3


@dataclass
class Problems:
    """Faults of one data set.

    Attributes:
        source: the file or folder they are in.
    """

    source: str
    _noted: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    _files: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)

    def note(self, noun: str, rest: str, place: str) -> None:
        """Counts a fault.

        Args:
            noun: what has it, in the singular: "annotation".
            rest: the fault and what was done about it: "of an image that the file does not list, left out".
            place: where; only the first of a kind is told.
        """
        count, first = self._noted.get((noun, rest), (0, place))
        self._noted[noun, rest] = (count + 1, first)

    def file(self, sentence: str) -> None:
        """Adds the sentence about a file that cannot be read."""
        self._files.append(sentence)

    def say(self, sentence: str) -> None:
        """Adds a sentence about the data set."""
        self._said.append(sentence)

    @property
    def files(self) -> int:
        """How many files cannot be read."""
        return len(self._files)

    def sentences(self) -> tuple[str, ...]:
        """Everything, each kind once."""
        more = len(self._files) - _NAMED
        rest = [f"{self.source}: {more} more {'files' if more > 1 else 'file'} like these cannot be read."] if more > 0 else []
        noted = [
            f"{self.source}: {count} {_plural(noun) if count > 1 else noun} {fault} ({'first at ' if count > 1 else ''}{place})."
            for (noun, fault), (count, place) in self._noted.items()
        ]
        return (*self._said, *self._files[:_NAMED], *rest, *noted)


def _plural(noun: str) -> str:
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
