"""The tables under the chart of anchor coverage, as rows of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import significant
from fpn_viewer.engine.scan.words import counted, share
from fpn_viewer.ui.widgets.text_table import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.scan.dataset.values import Fit

_HOLES = {
    "too small": "below the smallest anchors",
    "gap": "between two sizes of anchors",
    "too large": "above the largest anchors",
}
_NAMES = {
    "now": "The anchors that the detector has",
    "k-means": "From the objects' shapes alone, as if an anchor lay on each object",
    "evolved": "Measured where anchors really lie, and changed by chance as long as that helped",
}


def anchor_rows(fits: Sequence[tuple[str, Fit]]) -> list[tuple[Cell, ...]]:
    """A row for each set of anchors."""
    return [_anchor_row(name, fit) for name, fit in fits]


def _anchor_row(name: str, fit: Fit) -> tuple[Cell, ...]:
    every = fit.objects
    rule = every - fit.reached - fit.below
    return (
        Cell(name, _NAMES[name]),
        Cell(str(fit.anchors)),
        _count(fit.reached, every, "An anchor overlaps them enough to be foreground by itself"),
        _count(rule, every, "Foreground only by the rule that each object's best anchor is, though it overlaps too little"),
        _count(fit.below, every, "Their best anchor would be background but for that rule"),
        _count(
            fit.misplaced,
            every,
            "An anchor has their shape, but none lies near enough: a finer level would help, other sizes would not",
        ),
        Cell(f"{fit.mean:.3f}", "Mean over all objects of the overlap with their best anchor", number=True),
    )


def _count(part: int, every: int, tip: str) -> Cell:
    return Cell(f"{part:,} ({share(part, every)})", tip, number=True)


def hole_rows(fit: Fit) -> list[tuple[Cell, ...]]:
    """A row for each hole."""
    return [
        (
            Cell(hole.span, "Side of a square, net px", number=True),
            Cell(_HOLES[hole.kind]),
            Cell(
                significant(hole.worst, 2) if hole.worst else "0",
                "Of a square of the worst size in it, with an anchor laid on it",
                number=True,
            ),
            Cell(f"{hole.objects:,}", counted(hole.objects), number=True),
            _count(hole.unreached, hole.objects, "Of these, objects that no anchor overlaps enough"),
        )
        for hole in fit.holes
    ]


def class_rows(fit: Fit) -> list[tuple[Cell, ...]]:
    """A row for each class."""
    return [
        (
            Cell(name),
            Cell(f"{every:,}", number=True),
            Cell(f"{reached:,}", number=True),
            Cell(share(reached, every), number=True),
            Cell(""),
        )
        for name, every, reached in fit.classes
    ]
