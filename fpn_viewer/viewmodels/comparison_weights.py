"""What was trained between the two sides of a comparison: asked for when somebody looks, once for each pair. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpn_viewer.engine.compare_values import ComparedWeights, CompareView
    from fpn_viewer.viewmodels.comparison_questions import CompareQuestions
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.observable import Observable


class WeighedPair:
    """Keeps `weights` of the state."""

    def __init__(self, owner: Observable[ComparisonState], questions: CompareQuestions) -> None:
        """Works for one comparison.

        Args:
            owner: holds the state.
            questions: the way to the worker.
        """
        self._owner, self._questions = owner, questions
        self._wanted = self._asked = False

    def need(self, view: CompareView | None) -> None:
        """Somebody looks at the weights.

        Args:
            view: both sides; None until both ran.
        """
        if self._owner.state.weights is None and not self._asked:
            self._wanted = True
            self.ask(view)

    def ask(self, view: CompareView | None) -> None:
        """Asks for what is wanted, as soon as both sides ran."""
        if view is not None and self._wanted:
            self._wanted, self._asked = False, True
            self._questions.weights(view)

    def ended(self, weights: ComparedWeights | None = None) -> None:
        """The worker answered, or with None does nothing any more."""
        self._asked = False
        if weights is not None:
            self._owner.update(weights=weights)

    def forget(self) -> None:
        """Other detectors are compared."""
        self._questions.stop_weights()
        self._asked = False
        self._owner.update(weights=None)
