"""The objects of a comparison: what became of each, filled in by and by, and the one that is looked at. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.comparison.values import WHAT_DIFFERS_FIRST

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import ObjectRow
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.compare_values import ComparedLines, ComparedObjects, CompareView
    from fpn_viewer.viewmodels.comparison_questions import CompareQuestions
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.objects import Objects
    from fpn_viewer.viewmodels.observable import Observable

#: overlap from which what was found in another pair of runs is what was looked at
_THE_SAME = 0.5


class ComparedRows:
    """Keeps `objects`, `following`, `object` and `lines` of the state."""

    def __init__(self, owner: Observable[ComparisonState], objects: Objects, questions: CompareQuestions) -> None:
        """Works for one comparison.

        Args:
            owner: holds the state.
            objects: told which annotated object is looked at.
            questions: the way to the worker.
        """
        self._owner, self._objects, self._questions = owner, objects, questions
        #: what the rows were asked of
        self._view: CompareView | None = None
        #: the rows that are shown answer the question before the last one
        self._outdated = False
        #: where the object was that was looked at before the rows were others
        self._place: Box | None = None

    @property
    def rows(self) -> tuple[ObjectRow, ...]:
        """All that are known."""
        objects = self._owner.state.objects
        return () if objects is None else objects.rows

    @property
    def annotated(self) -> bool:
        """Whether the rows are objects of the ground truth."""
        objects = self._owner.state.objects
        return objects is not None and objects.annotated

    # -- asking -----------------------------------------------------------------------------------------------------

    def ask(self, view: CompareView) -> None:
        """Asks for the objects of two runs, unless all is known of them."""
        self._view = view
        objects = self._owner.state.objects
        known = not self._outdated and objects is not None and objects.followed == len(objects.rows)
        if self._questions.objects(view, known=known):
            self._outdated = True
            self._owner.update(following=True, lines=None)
        elif self._owner.state.lines is None:
            self._ask_lines()

    def stop(self) -> None:
        """Follows no further; what is known stays."""
        self._questions.stop_objects()
        self._owner.update(following=False)

    def forget(self) -> None:
        """Other runs are shown."""
        self._place = None if self.annotated else self._place_now()
        self._owner.update(objects=None, lines=None, following=False)

    def _place_now(self) -> Box | None:
        return next((row.box_img for row in self.rows if row.number == self._owner.state.object), None)

    # -- answers ----------------------------------------------------------------------------------------------------

    def told(self, objects: ComparedObjects) -> None:
        """Some more is known, or of other objects."""
        self._outdated = False
        before = [row.box_img for row in self.rows]
        self._owner.update(objects=objects)
        if before != [row.box_img for row in objects.rows]:
            self._owner.update(lines=None)
            self._find_again()
        if self._owner.state.lines is None:
            self._ask_lines()
        more = self._owner.state.following and objects.followed < len(objects.rows)
        if more:
            self._questions.follow()
        self._owner.update(following=more)

    def told_lines(self, lines: ComparedLines) -> None:
        """Both life lines of an object are known."""
        if not self._outdated and lines.pair.number == self._owner.state.object:
            self._owner.update(lines=lines.pair)

    def _find_again(self) -> None:
        """What was detected has another number in another pair of runs."""
        if self.annotated or (self._owner.state.object is None and self._place is None):
            return
        place, self._place, found = self._place, None, None
        if place is not None and self.rows:
            overlaps = iou_with(np.array([row.box_img for row in self.rows]), place)
            found = self.rows[int(overlaps.argmax())].number if overlaps.max() >= _THE_SAME else None
        self._owner.update(object=found)

    # -- what is looked at ------------------------------------------------------------------------------------------

    def select(self, number: int | None) -> None:
        """Looks at an object, by its number; None at none. An annotated one is then looked at in all tabs."""
        if number is None or number in {row.number for row in self.rows}:
            self.look_at(number)
            if self.annotated:
                self._objects.select(number)

    def step(self, by: int) -> None:
        """The next (1) or previous (-1) row, what differs first, around the ends."""
        numbers = [row.number for row in sorted(self.rows, key=lambda row: WHAT_DIFFERS_FIRST.index(row.status))]
        if numbers:
            now = self._owner.state.object
            at = numbers.index(now) if now in numbers else -1 if by > 0 else 0
            self.select(numbers[(at + by) % len(numbers)])

    def look_at(self, number: int | None) -> None:
        """Looks at an object in this tab."""
        if number != self._owner.state.object:
            self._owner.update(object=number, lines=None)
            self._ask_lines()

    def _ask_lines(self) -> None:
        number = self._owner.state.object
        if not self._outdated and self._view is not None and number in {row.number for row in self.rows}:
            self._questions.lines(self._view, number)
