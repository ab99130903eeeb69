"""A layout that puts widgets in a row and breaks it where the window is narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout

if TYPE_CHECKING:
    from PySide6.QtWidgets import QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Left to right, then top to bottom, all rows equally high; hidden widgets take no place."""

    def __init__(self, parent: QWidget, across: int = 8, down: int = 4) -> None:
        """Makes the layout of a widget.

        Args:
            parent: the widget.
            across: px between neighbours.
            down: px between rows.
        """
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._across, self._down = across, down

    def addItem(self, item: QLayoutItem) -> None:
        """Called by `addWidget`."""
        self._items.append(item)

    def count(self) -> int:
        """Number of widgets."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """The item in a place, or None."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Removes an item."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Takes no more room than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """The narrower, the more rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of all rows in px."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Places the widgets."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        """All in one row."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        margins = self.contentsMargins()
        width = sum(size.width() + self._across for size in sizes) - self._across
        height = max((size.height() for size in sizes), default=0)
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def minimumSize(self) -> QSize:
        """The widest widget."""
        sizes = [item.minimumSize() for item in self._items if not item.isEmpty()]
        width, height = (max((f(size) for size in sizes), default=0) for f in (QSize.width, QSize.height))
        margins = self.contentsMargins()
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def _place(self, rect: QRect, move: bool) -> int:
        """Goes through the rows; answers the height they take."""
        margins = self.contentsMargins()
        left, x, y = rect.x() + margins.left(), rect.x() + margins.left(), rect.y() + margins.top()
        items = [item for item in self._items if not item.isEmpty()]
        row = max((item.sizeHint().height() for item in items), default=0)
        for item in items:
            width = item.sizeHint().width()
            if x > left and x + width > rect.right() + 1 - margins.right():
                x, y = left, y + row + self._down
            if move:
                item.setGeometry(QRect(x, y, width, row))
            x += width + self._across
        return y + row - rect.y() + margins.bottom()
