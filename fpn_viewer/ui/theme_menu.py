"""The menu that chooses light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from fpn_viewer.ui.dialogs.preferences import THEME_TEXTS
from fpn_viewer.ui.settings_store import THEMES

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.ui.theme import Theme


class ThemeMenu(QMenu):
    """One entry for each theme; the chosen one is marked and remembered."""

    def __init__(self, theme: Theme, store: SettingsStore, parent: QWidget) -> None:
        """Fills the menu.

        Args:
            theme: What is chosen.
            store: Where it is remembered.
            parent: The menu it is part of.
        """
        super().__init__("&Theme", parent)
        self._theme, self._store = theme, store
        group = QActionGroup(self)
        for name in THEMES:
            action = self.addAction(THEME_TEXTS[name])
            action.setData(name)
            action.setCheckable(True)
            group.addAction(action)
        self.aboutToShow.connect(self._mark)
        self.triggered.connect(self._choose)

    def _mark(self) -> None:
        for action in self.actions():
            action.setChecked(action.data() == self._theme.choice)

    def _choose(self, action: QAction) -> None:
        self._store.theme = action.data()
        self._theme.choose(action.data())
