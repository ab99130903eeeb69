"""Reads a large JSON object piece by piece.

One call of `json.loads` on 60 MB holds Python's lock for seconds, and with it the window; here every element is a call of its own.
What comes before a broken place is still read, and the place is known.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class Piece(NamedTuple):
    """A part of the object at the top.

    Attributes:
        key: of the member.
        place: in its list; -1 when the member comes whole.
        value: what it holds.
        end: where it ends in the text.
    """

    key: str
    place: int
    value: Any
    end: int


class BrokenJson(Exception):
    """The text is no JSON from some place on; says why and where."""

    def __init__(self, text: str, position: int, why: str, where: str) -> None:
        """Works out the line.

        Args:
            text: all of it.
            position: of the fault.
            why: what the parser says.
            where: the last part that was begun: "annotations[12]".
        """
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        inside = f", in {where}" if where else ""
        super().__init__(f"{why} at line {line}, column {column}{inside}")


def pieces(text: str, lists: Collection[str]) -> Iterator[Piece]:
    """The members of the JSON object that a text holds, in order.

    Args:
        text: of the file.
        lists: keys of lists that are given element by element.

    Raises:
        BrokenJson: from that place on the text cannot be read.
    """
    position = _expect(text, _skip(text, 0), "{", "")
    while text[position : position + 1] != "}":
        key, position = _value(text, position, "")
        if not isinstance(key, str):
            raise BrokenJson(text, position, "a key that is no text", "")
        position = _expect(text, _skip(text, position), ":", key)
        if key in lists and text[position : position + 1] == "[":
            for piece in _elements(text, position, key):
                yield piece
                position = piece.end
            position = _skip(text, text.index("]", position) + 1)
        else:
            value, position = _value(text, position, key)
            yield Piece(key, -1, value, position)
        position = _after(text, position, "}", key)


def _elements(text: str, position: int, key: str) -> Iterator[Piece]:
    position, index = _skip(text, position + 1), 0
    while text[position : position + 1] != "]":
        where = f"{key}[{index}]"
        value, position = _value(text, position, where)
        position = _after(text, position, "]", where)
        yield Piece(key, index, value, position)
        index += 1


def _value(text: str, position: int, where: str) -> tuple[Any, int]:
    """A value and the first place behind it that is no space."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        why = "the file ends too early" if error.pos >= len(text) else error.msg.removesuffix(" at")
        raise BrokenJson(text, error.pos, why, where) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists thousands deep
        raise BrokenJson(text, position, "a value that cannot be read", where) from error
    return value, _SPACE.match(text, end).end()  # type: ignore[union-attr]


def _after(text: str, position: int, close: str, where: str) -> int:
    """Behind the comma that must follow a value, or at the bracket that closes."""
    sign = text[position : position + 1]
    if sign == close:
        return position
    return _expect(text, position, ",", where)


def _expect(text: str, position: int, sign: str, where: str) -> int:
    if text[position : position + 1] != sign:
        why = "the file ends too early" if position >= len(text) else f"{sign!r} expected"
        raise BrokenJson(text, position, why, where)
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]
