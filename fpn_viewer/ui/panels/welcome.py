"""What is said before there is anything to see: the welcome strip and the empty centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from fpn_viewer.ui.icons import icon, pixmap
from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from fpn_viewer.ui.settings_store import SettingsStore

WELCOME = (
    "N next picture · ← → channels · ↑ ↓ levels · click to probe a place\n"
    "Double-click enlarges a map, Esc goes back · Ctrl+2 anchors and RPN\n"
    "Your own: Ctrl+O pictures · Ctrl+K checkpoint · or drop them · ? all keys"
)
SYMBOL_SIDE = 48


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


class EmptyPage(QWidget):
    """The centre while no picture is open: what to do, and the button that does it."""

    def __init__(self, open_pictures: QAction, samples: QAction, parent: QWidget | None = None) -> None:
        """Makes the page.

        Args:
            open_pictures: What the first button triggers.
            samples: What the second one triggers.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._symbol = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        title = QLabel("No picture is open", alignment=Qt.AlignmentFlag.AlignCenter)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        title.setFont(font)
        text = QLabel("Drop pictures, a folder or a checkpoint here, or", alignment=Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton("Open pictures…")
        self.button.setDefault(True)
        self.button.clicked.connect(open_pictures.trigger)
        self._samples = QPushButton("Open the samples")
        self._samples.clicked.connect(samples.trigger)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.button)
        buttons.addWidget(self._samples)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        for widget in (self._symbol, title, text):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addStretch(3)
        self._draw_icons()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def _draw_icons(self) -> None:
        self._symbol.setPixmap(pixmap("pictures", SYMBOL_SIDE, self.devicePixelRatioF(), self.palette()))
        self.button.setIcon(icon("pictures", self.palette()))
        self.button.setIconSize(QSize(16, 16))
