"""The bars of a funnel: by stage, by size, by class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan.numbers.choices import FOUND
from fpn_viewer.engine.scan.words import at, counted, share, size_name, state_name
from fpn_viewer.ui.scan.bars import BarPart, BarRow
from fpn_viewer.ui.scan.looks import state_tip

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.engine.scan.filters import Filter
    from fpn_viewer.engine.scan.numbers.values import Funnel, Ints

    Choice = Callable[[str | None], Filter]


def rows_by_stage(funnel: Funnel) -> tuple[BarRow, ...]:
    """A bar for each state: what comes past it, and what is lost there; together what came to it."""
    return tuple(_stage_row(funnel, state, int(funnel.alive[place])) for place, state in enumerate(funnel.states))


def _stage_row(funnel: Funnel, state: str, alive: int) -> BarRow:
    lost = int(funnel.by_state[funnel.states.index(state)])
    chosen, name = funnel.picked(state), state_name(state)
    if state == FOUND:
        words = f"{name}: {counted(alive)}, {share(alive, funnel.total)} of {funnel.total:,}"
        return BarRow(name, f"{alive:,} found", words, (BarPart(FOUND, alive, words, state_tip(state), chosen),), chosen)
    words = f"lost {at(state)}: {counted(lost)}, {share(lost, alive)} of the {alive:,} that came to it"
    past = BarPart(FOUND, alive - lost, f"past {name}: {counted(alive - lost)}", "They are lost later, or found.", None)
    part = BarPart(state, lost, words, state_tip(state), chosen)
    return BarRow(name, f"{lost:,} lost, {share(lost, alive)}", words, (past, part), chosen)


def _picked(funnel: Funnel, size: tuple[float, float] | None, name: str | None) -> Choice:
    def chosen(state: str | None) -> Filter:
        return funnel.picked(state, size=size, name=name)

    return chosen


def rows_by_size(funnel: Funnel) -> tuple[BarRow, ...]:
    """A bar for each size bucket."""
    columns = funnel.by_size.T
    return tuple(
        _row(funnel, size_name(*size), columns[place], _picked(funnel, size, None)) for place, size in enumerate(funnel.sizes)
    )


def rows_by_class(funnel: Funnel) -> tuple[BarRow, ...]:
    """A bar for each class, the one that loses most first."""
    columns = funnel.by_class.T
    order = sorted(range(len(funnel.classes)), key=lambda place: -int(columns[place, :-1].sum()))
    names = [(funnel.classes[place], columns[place]) for place in order]
    return tuple(_row(funnel, name, column, _picked(funnel, None, name)) for name, column in names)


def lost_only(rows: tuple[BarRow, ...]) -> tuple[BarRow, ...]:
    """The bars without the objects that are found, or come past a stage; without those that then are empty of meaning."""
    bare = (replace(row, parts=tuple(part for part in row.parts if part.look != FOUND)) for row in rows)
    return tuple(row for row in bare if row.parts)


def _row(funnel: Funnel, name: str, counts: Ints, picked: Choice) -> BarRow:
    """A bar of the objects that have something in common; those that came furthest at the left."""
    total, found = int(counts.sum()), int(counts[-1])
    parts = []
    for state, count in zip(reversed(funnel.states), reversed(counts.tolist()), strict=True):
        words = f"{state_name(state)}, {name}: {counted(count)}, {share(count, total)} of {total:,}"
        parts.append(BarPart(state, count, words, state_tip(state), picked(state)))
    words = f"{name}, lost: {total - found:,} of {counted(total)}"
    note = f"{total - found:,} of {total:,} lost, {share(total - found, total)}" if total else "no object"
    lost = replace(picked(None), outcomes=LOST) if total > found else None
    return BarRow(name, note, words, tuple(parts), lost)
