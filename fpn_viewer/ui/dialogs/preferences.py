"""The few things worth choosing once; each is in force as soon as it is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel

from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.settings_store import BUDGETS, THEMES

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.ui.theme import Theme

THEME_TEXTS = {"system": "Like the system", "light": "Light", "dark": "Dark"}


class PreferencesDialog(SmallDialog):
    """Theme, memory for earlier runs, welcome, recent files."""

    def __init__(self, store: SettingsStore, theme: Theme, parent: QWidget) -> None:
        """Shows what is in force.

        Args:
            store: What is remembered.
            theme: What is shown.
            parent: The window.
        """
        super().__init__("Preferences", parent)
        self._store, self._theme = store, theme
        self.theme = QComboBox()
        self.theme.addItems([THEME_TEXTS[name] for name in THEMES])
        self.theme.setCurrentIndex(THEMES.index(theme.choice))
        self.theme.activated.connect(self._choose_theme)
        self.memory = QComboBox()
        self.memory.addItems([f"{size >> 30} GB" for size in BUDGETS])
        self.memory.setCurrentIndex(BUDGETS.index(store.memory_budget))
        self.memory.activated.connect(self._choose_memory)
        self.welcome = QCheckBox("Show what to press first at every start")
        self.welcome.setChecked(store.welcome)
        self.welcome.toggled.connect(self._choose_welcome)
        form = QFormLayout()
        form.setSpacing(8)
        form.addRow("&Theme", self.theme)
        form.addRow("&Memory for earlier runs", self.memory)
        form.addRow("", QLabel("From the next start on; a run of a large picture takes some 400 MB."))
        form.addRow("", self.welcome)
        self.column.addLayout(form)
        self._forget = self.add_button("Forget recent files")
        self._forget.clicked.connect(self._forget_recent)
        self.finish()

    def _choose_theme(self, row: int) -> None:
        self._store.theme = THEMES[row]
        self._theme.choose(THEMES[row])

    def _choose_memory(self, row: int) -> None:
        self._store.memory_budget = BUDGETS[row]

    def _choose_welcome(self, wanted: bool) -> None:
        self._store.welcome = wanted

    def _forget_recent(self) -> None:
        self._store.forget_recent()
        self._forget.setEnabled(False)
