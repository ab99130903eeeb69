"""A check-up as rows of tables."""

from __future__ import annotations

from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.values import SEVERITIES, sureness
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.widgets.text_table import Cell

if TYPE_CHECKING:
    from fpn_viewer.core.checkpoints.values import CheckUp, Entry, Fact, Part

FACT_HEADINGS = ("What", "Value", "How surely", "Where from")
PART_HEADINGS = ("Part", "Tensors", "Numbers", "Type", "Mean", "Std", "Largest", "What is wrong")
KEY_HEADINGS = ("Which", "Name", "Why")


def fact_row(fact: Fact) -> tuple[Cell, ...]:
    """One thing that is known."""
    word = sureness(fact.origin)
    # the mark says the first word of "assumed: …" already
    origin = fact.origin.removeprefix(f"{word}: ")
    change = f"\nDouble-click to change {fact.setting}" if fact.setting else ""
    return (
        Cell(fact.name, f"{fact.name}{change}"),
        Cell(fact.value, f"{_wrapped(fact.value)}{change}"),
        Cell(word, sure=word),
        Cell(origin, _wrapped(origin)),
    )


def part_row(part: Part) -> tuple[Cell, ...]:
    """The statistics of one part; those that are wrong have a ground and are said in words behind."""
    worst = "error" if part.nan or part.infinite else "notice" if wrongs(part) else ""
    wrong = "; ".join(wrongs(part))
    numbers = (part.mean, part.std, part.largest)
    return (
        Cell(part.name, ground=worst),
        Cell(f"{part.tensors:,}", number=True),
        Cell(_count(part.parameters), f"{part.parameters:,}", number=True),
        Cell(", ".join(part.dtypes)),
        *(Cell(significant(value), repr(value), number=True, ground="" if isfinite(value) else "error") for value in numbers),
        Cell(wrong, _wrapped(wrong), ground=worst),
    )


def wrongs(part: Part) -> list[str]:
    """What is wrong with the weights of a part, in words."""
    counted = {
        "NaN": part.nan,
        "infinite": part.infinite,
        f"tensor{'s' * (part.zero_tensors != 1)} all zero": part.zero_tensors,
        f"dead channel{'s' * (part.dead_channels != 1)}": part.dead_channels,
    }
    return [
        *(f"{count:,} {what}" for what, count in counted.items() if count),
        *((part.looks_untrained,) if part.looks_untrained else ()),
    ]


def key_rows(check_up: CheckUp) -> list[tuple[Cell, ...]]:
    """Every name that has no partner, worst first."""
    missing = [(Cell("missing", ground="error"), Cell(name), Cell("the network needs it")) for name in check_up.missing]
    unexpected = [(Cell("left over", ground="notice"), Cell(name), Cell("it belongs nowhere")) for name in check_up.unexpected]
    return [*missing, *unexpected, *((Cell("not used"), Cell(name), Cell(why)) for name, why in check_up.left_out.items())]


def counts(check_up: CheckUp) -> str:
    """How many findings of each kind: "1 error, 2 warnings"."""
    found = [finding.severity for finding in check_up.findings]
    return ", ".join(f"{found.count(word)} {word}{'s' * (found.count(word) != 1)}" for word in SEVERITIES if word in found)


def file_line(check_up: CheckUp) -> str:
    """The file in one line: its size, what kind of file it is, how many findings there are."""
    kind = f"{check_up.container} file" if check_up.container else ""
    return " · ".join(filter(None, (megabytes(check_up.size), kind, counts(check_up) or "nothing to complain about")))


def megabytes(size: int) -> str:
    """Bytes as people read them: "168 MB", "12 kB"."""
    return f"{significant(size / 1e6)} MB" if size >= 1e5 else f"{significant(size / 1e3)} kB"


def entry_text(entry: Entry) -> str:
    """One of the state_dicts of a file, in a list to choose from."""
    averaged = "moving average, " if entry.averaged else ""
    return f"{entry.name or 'the file itself'}  ({averaged}{entry.tensors:,} tensors)"


def _count(number: int) -> str:
    """A number of weights: "41.3 M"."""
    return f"{significant(number / 1e6)} M" if number >= 1e6 else f"{number:,}"


def _wrapped(text: str, width: int = 90) -> str:
    """A long tooltip in lines; Qt wraps rich text only."""
    return fill(text, width)
