"""The table of remedies for a data set, as rows of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent
from fpn_viewer.engine.scan.words import counted, share
from fpn_viewer.ui.widgets.text_table import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.scan.dataset.values import DataRemedies, DataRemedy

HEADINGS = ("Change", "Now", "Tried", "Brought back", "95 %", "Others found", "Lost", "Net", "False positives", "On nothing")


def remedy_rows(rows: Sequence[DataRemedy]) -> list[tuple[Cell, ...]]:
    """A row for each change."""
    return [_row(one) for one in rows]


def _row(one: DataRemedy) -> tuple[Cell, ...]:
    low, high = (round(100 * end) for end in one.interval)
    change = one.change
    return (
        Cell(
            change.name,
            one.problem or f"{change.name}: {change.before} now, {change.after} tried",
            ground="notice" if one.problem else "",
        ),
        Cell(change.before, "The value in force", number=True),
        Cell(change.after, "The value that was tried", number=True),
        Cell(
            f"{one.brought:,} of {one.tried:,}", f"{percent(one.share)} of the filtered misses in the sample are found", number=True
        ),
        Cell(f"{low}–{high} %", "Between these lies the share for all such misses, with 95 % confidence (Wilson)", number=True),
        Cell(f"{one.others:,}", "Lost objects outside the filter that are found too", number=True),
        Cell(f"{one.lost:,}", "Objects that are found now and not under this change", number=True),
        Cell(signed(one.net, 0), "Objects found more than now, filtered or not", number=True),
        Cell(signed(one.wrong, 2), "More detections that count for no object, a picture of the data set", number=True),
        Cell(signed(one.background, 2), "Of these, detections on nothing that is annotated", number=True),
    )


def signed(value: float, digits: int) -> str:
    """A number with its sign: "+1.20", "−3"; nothing stands before 0."""
    text = f"{value:+,.{digits}f}".replace("-", "−")
    return text[1:] if not text.strip("+−0.,") else text


def sample_words(found: DataRemedies) -> str:
    """Of how many pictures and misses that is."""
    done = sum(found.done)
    gone = counted(done, "picture") if found.finished else f"{done:,} of {counted(sum(found.sample), 'picture')}"
    said = [
        f"Tried on {gone}, with {found.tried:,} of {found.misses:,} filtered misses ({share(found.tried, found.misses)})",
        f"now {found.wrong:.1f} false positives a picture",
    ]
    if found.problems:
        said.append(f"{counted(len(found.problems), 'picture')} left out: {found.problems[0]}")
    return " · ".join(said)
