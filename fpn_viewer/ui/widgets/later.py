"""A place for a widget that is made, and whose modules are imported, when the place is first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QSize
    from PySide6.QtGui import QPaintEvent


class Later(QWidget):
    """Empty until it is seen.

    Attributes:
        made: what is in it; None before that.
    """

    def __init__(self, make: Callable[[], QWidget], hint: QSize, minimum: QSize, parent: QWidget | None = None) -> None:
        """An empty place.

        Args:
            make: makes the widget; must not hold the window, or the window would never be freed.
            hint: the widget's own `sizeHint`, so that nothing moves when it comes.
            minimum: its own `minimumSizeHint`.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._make, self._hint, self._minimum = make, hint, minimum
        self.made: QWidget | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)

    def sizeHint(self) -> QSize:
        """As the widget's."""
        return self._hint if self.made is None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As the widget's."""
        return self._minimum if self.made is None else super().minimumSizeHint()

    def fill(self) -> None:
        """Makes what is in it, unless that is there."""
        if self.made is None:
            self.made = self._make()
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self.made)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Has itself filled: a panel behind another one is shown, as Qt sees it, but never painted."""
        super().paintEvent(event)
        if self.made is None:
            QTimer.singleShot(0, self._fill_if_seen)

    def _fill_if_seen(self) -> None:
        # the window may have been closed meanwhile
        if self.isVisible():
            self.fill()
