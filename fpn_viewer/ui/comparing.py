"""What menus and keys do about the comparison of two detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fpn_viewer.viewmodels.states import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from PySide6.QtGui import QAction

    from fpn_viewer.ui.opening import Opening
    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.ui.tabs import Tabs
    from fpn_viewer.viewmodels.comparison_state import ComparisonState
    from fpn_viewer.viewmodels.models import Models

#: key of the tab in `tabs.TABS`
TAB = "compare"
#: actions that need two sides
NEED_TWO = (
    "compare_swap",
    "compare_side",
    "compare_wiper",
    "compare_difference",
    "compare_next",
    "compare_previous",
    "compare_remove",
)


class Comparing(QObject):
    """Opens what is compared and does what menus ask for.

    Signals:
        problem(problem): `Problem`, something that could not even be tried.
    """

    problem = Signal(object)

    def __init__(self, models: Models, opening: Opening, tabs: Tabs, store: SettingsStore, parent: QObject) -> None:
        """Works for one window.

        Args:
            models: what the window shows.
            opening: lets the user choose a file.
            tabs: the tab "Compare" is one of them.
            store: what is remembered.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._comparison, self._document = models.comparison, models.document
        self._opening, self._tabs, self._store = opening, tabs, store
        self._place = 1
        tabs.made.connect(self._tab_made)

    def _tab_made(self, key: str, tab: Any) -> None:
        if key == TAB:
            tab.recent = self._recent
            tab.file_wanted.connect(self.choose_for)

    def _recent(self) -> Sequence[str]:
        return self._store.recent_checkpoints

    def follow(self, actions: Mapping[str, QAction]) -> None:
        """Keeps actions that need two sides disabled while there is one.

        Args:
            actions: by id, as `make_actions` gives them.
        """
        self._actions = [actions[name] for name in NEED_TWO]
        self._comparison.changed.connect(self._enable)
        self._enable(self._comparison.state)

    def _enable(self, state: ComparisonState, _: object = None) -> None:
        two = len(state.subjects) > 1
        for action in self._actions:
            action.setEnabled(two)

    # -- who is compared --------------------------------------------------------------------------------------------

    def choose_checkpoint(self) -> None:
        """Lets the user choose a file for B."""
        self.choose_for(1)

    def choose_for(self, place: int) -> None:
        """Lets the user choose a file.

        Args:
            place: 0 for A, 1 for B.
        """
        if self._document.detector is None:
            self.problem.emit(Problem("Open a detector first (Ctrl+K); it will be A."))
            return
        self._place = place
        self._opening.ask_for_checkpoint("Compare with a checkpoint", self._add)

    def _add(self, path: str) -> None:
        self.show()
        self._comparison.add(path)
        if self._place == 0:
            # what was added is B
            self._comparison.swap()

    def remove(self) -> None:
        """Closes B, or A where B is the window's own detector."""
        a, b = self._comparison.state.shown
        self._comparison.remove(b or a)

    def swap(self) -> None:
        """A becomes B and B becomes A."""
        self._comparison.swap()

    # -- how it is shown --------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Brings the tab to the front."""
        self._tabs.show_tab(TAB)

    def show_side(self) -> None:
        """Both maps beside each other, and their difference."""
        self._show("side")

    def show_wiper(self) -> None:
        """A and B over one picture, with a wiper between them."""
        self._show("wiper")

    def show_difference(self) -> None:
        """The difference alone."""
        self._show("difference")

    def next_object(self) -> None:
        """The next object of the comparison."""
        self._step(1)

    def previous_object(self) -> None:
        """The object of the comparison before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        self.show()
        self._comparison.step_object(by)

    def _show(self, layout: str) -> None:
        self.show()
        self._comparison.set_layout(layout)
