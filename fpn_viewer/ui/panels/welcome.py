"""The first thing a new user reads: three lines that say what to press."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.settings_store import SettingsStore

WELCOME = (
    "M next missed object, its life line on the right · Ctrl+3 all about it\n"
    "N next picture · ← → channels · double-click enlarges · B draws a box\n"
    "Ctrl+O pictures · Ctrl+K checkpoint · Ctrl+4 compare · Ctrl+5 scan · ? keys"
)


class Welcome(Strip):
    """Three lines that say what to press next; once closed they stay away."""

    def __init__(self, store: SettingsStore, parent: QWidget | None = None) -> None:
        """Makes the strip, visible unless it was closed in an earlier run.

        Args:
            store: Where the closing is remembered.
            parent: The Qt parent.
        """
        super().__init__("welcome", parent)
        self._store = store
        self.label.setText(WELCOME)
        self.closed.connect(self._remember)
        self.setVisible(store.welcome)

    def bring_back(self) -> None:
        """Shows the strip again, now and at the next start."""
        self._store.welcome = True
        self.show()

    def _remember(self) -> None:
        self._store.welcome = False
