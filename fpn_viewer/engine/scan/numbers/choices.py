"""Which objects a state of a funnel stands for, as the choice that a click on it means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fpn_viewer.core.structures import DENSE_STAGES, STAGES
from fpn_viewer.engine.scan.filters import LOST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.engine.scan.filters import Filter

#: the state of an object that a detection counts for; it is the last of all states
FOUND = "found"
#: outcomes that are counted; `filters.LEFT_OUT` never are
COUNTED: tuple[str, ...] = (FOUND, *LOST)


def state_of(outcome: str, killer: str) -> str:
    """The state of a fate: found, else the stage that lost it, else the outcome where no stage is to blame."""
    return outcome if outcome == FOUND else killer or outcome


def in_order(states: Iterable[str]) -> tuple[str, ...]:
    """States as they come in the detector: its stages, then outcomes without a stage, then "found", which is always there."""
    found = set(states) - {FOUND}
    # the stages of both kinds of detectors come in the same order, but for the one that only one kind has
    stages = DENSE_STAGES if "top_k" in found else STAGES
    later = (*LOST, *sorted(found - set(stages) - set(LOST)))
    return (*(one for one in (*stages, *later) if one in found), FOUND)


def of_state(chosen: Filter, state: str) -> Filter:
    """A choice narrowed to the objects of one state.

    Args:
        chosen: the choice that was counted.
        state: one of its states, as in `values.Funnel`.
    """
    outcomes, killers = meaning(state)
    kept = tuple(one for one in outcomes if one in counted(chosen))
    return replace(chosen, outcomes=kept or outcomes, killers=killers, counted=True)


def narrowed(chosen: Filter, state: str | None) -> Filter:
    """A choice narrowed to what is counted of it, and to a state unless that is None."""
    return replace(chosen, outcomes=counted(chosen), counted=True) if state is None else of_state(chosen, state)


def counted(chosen: Filter) -> tuple[str, ...]:
    """Outcomes of a choice that are counted."""
    return tuple(one for one in COUNTED if not chosen.outcomes or one in chosen.outcomes)


def meaning(state: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Outcomes and killers of a state."""
    if state == FOUND:
        return (FOUND,), ()
    return ((state,), ("",)) if state in LOST else (LOST, (state,))
