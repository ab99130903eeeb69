"""A check-up as text that a person reads in a terminal. Importing it loads no torch."""

from __future__ import annotations

from textwrap import TextWrapper
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.values import FROM_KEYS, FROM_SHAPES, sureness
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fpn_viewer.core.checkpoints.values import CheckUp, Fact, Finding, Part

#: columns of a report that no terminal gives the width of
WIDTH = 100
_NARROWEST = 60
#: keys and lines of a finding that are shown; all of them are in the JSON
_SHOWN = 4
_COLUMNS = ("part", "tensors", "parameters", "type", "mean", "std", "largest", "")
_WORDS = (0, 3)
#: columns that a narrow terminal has no room for, the least telling first
_DROPPED = (1, 4, 3)
_UNITS = ("bytes", "KiB", "MiB", "GiB")


def report_text(check_up: CheckUp, width: int = WIDTH) -> str:
    """A check-up as lines: what it is, from where that is known, what was assumed, findings, weights, keys.

    Args:
        check_up: what was found.
        width: columns to fill; never fewer than 60.
    """
    width = max(width, _NARROWEST)
    lines = _head(check_up, width)
    for title, section in _SECTIONS:
        body = section(check_up, width)
        if body:
            lines += ["", *_wrapped(title, width), *body]
    return "\n".join(line.rstrip() for line in [*lines, "", f"Looked at in {check_up.seconds:.1f} s."])


def size_words(size: float) -> str:
    """A number of bytes as a person reads it: "6.6 MiB"."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size:,.0f} bytes"


def _head(check_up: CheckUp, width: int) -> list[str]:
    about = [
        check_up.path,
        *([check_up.container] if check_up.container else []),
        *([size_words(check_up.size)] if check_up.size else []),
    ]
    verdict = "opens" if check_up.opens else "does not open"
    return [*_wrapped(" · ".join(about), width), *_hanging(f"{verdict}: ", check_up.summary, width)]


def _wrapped(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Text in lines; what has no spaces stays whole, so that it can be copied."""
    return TextWrapper(width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False, break_long_words=False).wrap(
        text
    )


def _hanging(first: str, text: str, width: int) -> list[str]:
    """Text wrapped behind its first word, so that it stands in a column of its own."""
    return _wrapped(text, width, first, " " * len(first))


# -- sections -----------------------------------------------------------------------------------------------------------


def _what_it_is(check_up: CheckUp, width: int) -> list[str]:
    return _facts([fact for fact in check_up.facts if _is_structure(fact)], width)


def _said(check_up: CheckUp, width: int) -> list[str]:
    return _facts([fact for fact in check_up.facts if not _is_structure(fact) and sureness(fact.origin) != "assumed"], width)


def _assumed(check_up: CheckUp, width: int) -> list[str]:
    return _facts([fact for fact in check_up.facts if not _is_structure(fact) and sureness(fact.origin) == "assumed"], width)


def _is_structure(fact: Fact) -> bool:
    """Whether a fact shows in the tensors, even if a person may say otherwise."""
    return not fact.setting or fact.origin in (FROM_SHAPES, FROM_KEYS)


def _facts(facts: Sequence[Fact], width: int) -> list[str]:
    """Facts under the origin that they share, in the order in which the origins come up."""
    lines: list[str] = []
    column = max((len(fact.name) for fact in facts), default=0) + 2
    for origin in dict.fromkeys(fact.origin for fact in facts):
        lines += _wrapped(f"{origin.removeprefix('assumed: ')}:", width, "  ", "  ")
        for fact in facts:
            if fact.origin == origin:
                lines += _hanging(f"    {fact.name:{column}}", fact.value or "–", width)
    return lines


def _entries(check_up: CheckUp, width: int) -> list[str]:
    if len(check_up.entries) < 2:
        return []
    column = max(len(entry.name) for entry in check_up.entries) + 2
    lines = []
    for entry in check_up.entries:
        kind = "averaged weights" if entry.averaged else "weights"
        chosen = ", looked at here" if entry.name == check_up.chosen else f", with --set entry={entry.name}"
        lines += _hanging(f"  {entry.name or '(the file)':{column}}", f"{entry.tensors:,} tensors, {kind}{chosen}", width)
    return lines


def _findings(check_up: CheckUp, width: int) -> list[str]:
    lines: list[str] = []
    for finding in check_up.findings:
        above = finding.sentence == check_up.summary
        if not above or finding.details:
            lines += _finding(finding, "what was said above" if above else finding.sentence, width)
    return lines


def _finding(finding: Finding, sentence: str, width: int) -> list[str]:
    lines = _hanging(f"  {finding.severity:9}", sentence, width)
    for line in finding.details or _some(finding.keys):
        lines += _wrapped(line, width, " " * 13, " " * 15)
    return lines


def _some(lines: Sequence[str]) -> list[str]:
    """The first few, and how many there are beyond."""
    left = len(lines) - _SHOWN
    return list(lines) if left <= 1 else [*lines[:_SHOWN], f"… and {left:,} more"]


def _weights(check_up: CheckUp, width: int) -> list[str]:
    if not check_up.parts:
        return []
    rows = [_COLUMNS, *(_row(part) for part in check_up.parts), _total(check_up.parts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    shown = _columns_that_fit(widths, width)
    lines = []
    for *cells, remarks in rows:
        sized = ((cells[column].ljust if column in _WORDS else cells[column].rjust)(widths[column]) for column in shown)
        lines += ["  " + "  ".join(sized), *_wrapped(remarks, width, " " * 6, " " * 6)]
    return lines


def _columns_that_fit(widths: Sequence[int], width: int) -> list[int]:
    """Columns of the table by index; on a narrow terminal the ones that say least are left out."""
    shown = list(range(len(widths)))
    for column in _DROPPED:
        if sum(widths[one] + 2 for one in shown) > width:
            shown.remove(column)
    return shown


def _row(part: Part) -> tuple[str, ...]:
    numbers = (significant(value, 2) for value in (part.mean, part.std, part.largest))
    return part.name, f"{part.tensors:,}", f"{part.parameters:,}", " ".join(part.dtypes), *numbers, _remarks(part)


def _remarks(part: Part) -> str:
    counted = {
        "NaN": part.nan,
        "infinite": part.infinite,
        "zero tensors": part.zero_tensors,
        "dead channels": part.dead_channels,
    }
    remarks = [f"{number:,} {what}" for what, number in counted.items() if number]
    return ", ".join([*remarks, *([part.looks_untrained] if part.looks_untrained else [])])


def _total(parts: Sequence[Part]) -> tuple[str, ...]:
    return "all", f"{sum(part.tensors for part in parts):,}", f"{sum(part.parameters for part in parts):,}", "", "", "", "", ""


def _keys(check_up: CheckUp, width: int) -> list[str]:
    lines = _listed("missing", check_up.missing)
    lines += _listed("left over", check_up.unexpected)
    lines += _listed("of another shape", check_up.other_shapes)
    for why in dict.fromkeys(check_up.left_out.values()):
        names = [name for name, reason in check_up.left_out.items() if reason == why]
        lines += [*_wrapped(f"not used, {why} ({len(names):,}):", width, "  ", "  ")]
        lines += [f"    {name}" for name in _some(names)]
    return lines


def _listed(title: str, names: Iterable[str]) -> list[str]:
    """All of them: what does not fit is what a person has to mend."""
    names = list(names)
    return [f"  {title} ({len(names):,}):", *(f"    {name}" for name in names)] if names else []


_SECTIONS: tuple[tuple[str, Callable[[CheckUp, int], list[str]]], ...] = (
    ("WHAT IT IS", _what_it_is),
    ("SETTINGS THAT ARE KNOWN", _said),
    ("SETTINGS THAT ARE ASSUMED, to be given with --set NAME=VALUE or in a .json beside the file", _assumed),
    ("ENTRIES", _entries),
    ("FINDINGS", _findings),
    ("WEIGHTS", _weights),
    ("KEYS", _keys),
)
