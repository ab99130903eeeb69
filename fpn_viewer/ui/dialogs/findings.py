"""The findings of a check-up as a list of wrapped sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QBrush, QGuiApplication
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem

from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.theme import strip_colour
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.checkpoints.values import Finding

#: severity to (icon, ground of its row); the shape of the icon tells them apart without colour
LOOKS: dict[str, tuple[str, str]] = {"error": ("stop", "error"), "warning": ("error", "notice"), "note": ("notice", "")}
#: findings for which there is always room
_SHOWN = 5
_FINDING = Qt.ItemDataRole.UserRole


def finding_text(finding: Finding) -> str:
    """A finding with the tensors it is about, for the clipboard and tooltips."""
    return "\n".join((finding.sentence, *(f"    {key}" for key in finding.keys)))


class FindingsList(QListWidget):
    """Sentences, worst first; as high as the first few of them. Ctrl+C copies the chosen ones, or all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty list."""
        super().__init__(parent)
        named(self, "Findings, worst first")
        self.setWordWrap(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setIconSize(QSize(18, 18))
        self.addAction(copy_action("&Copy", self, self.copy))

    def fill(self, findings: Sequence[Finding]) -> None:
        """Shows other findings."""
        self.clear()
        for finding in findings:
            item = QListWidgetItem(finding.sentence, self)
            item.setData(_FINDING, finding)
            item.setToolTip(finding_text(finding))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{finding.severity}: {finding.sentence}")
        self._draw()
        self._fit()

    def copy(self) -> None:
        """Puts the chosen findings, or all, on the clipboard."""
        chosen = self.selectedItems() or [self.item(row) for row in range(self.count())]
        QGuiApplication.clipboard().setText("\n".join(finding_text(item.data(_FINDING)) for item in chosen))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wraps anew."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self) -> None:
        for row in range(self.count()):
            item = self.item(row)
            name, ground = LOOKS[item.data(_FINDING).severity]
            item.setIcon(icon(name, self.palette()))
            item.setBackground(QBrush(strip_colour(ground, self.palette())) if ground else QBrush())

    def _fit(self) -> None:
        """Takes the height of the first sentences at the present width."""
        if not self.count():
            return
        self.doItemsLayout()
        first, last = self.item(0), self.item(min(_SHOWN, self.count()) - 1)
        height = self.visualItemRect(last).bottom() - self.visualItemRect(first).top() + 1
        self.setFixedHeight(height + 2 * self.frameWidth() + 2)
