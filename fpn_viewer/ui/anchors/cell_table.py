"""The anchors of the pinned cell in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.anchors.fate import COLUMNS, table_row
from fpn_viewer.ui.widgets.copying import copy_action

if TYPE_CHECKING:
    from fpn_viewer.ui.anchors.scene import Scene
    from fpn_viewer.viewmodels.selection import Selection, SelectionState


class CellTable(QWidget):
    """Lists the anchors of `SelectionState.anchor_cell`; hidden while none is pinned."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        """Makes a hidden table.

        Args:
            selection: knows the pinned cell.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._selection = selection
        self._scene: Scene | None = None
        self.title = QLabel()
        self.table = QTableWidget(0, len(COLUMNS), self)
        for index, (name, tip) in enumerate(COLUMNS.items()):
            header = QTableWidgetItem(name)
            header.setToolTip(tip)
            self.table.setHorizontalHeaderItem(index, header)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        self.table.setAccessibleName("Anchors of the pinned cell")
        self.table.addAction(copy_action("Copy", self.table, self.copy))
        self._lay_out()
        selection.changed.connect(self._selection_changed)
        self.hide()

    def set_scene(self, scene: Scene | None) -> None:
        """Lists from other anchors."""
        self._scene = scene
        self._fill()

    def copy(self) -> None:
        """Copies what is selected, or everything with its header, as text with tabs."""
        model, chosen = self.table.model(), self.table.selectedIndexes()
        if chosen:
            rows = sorted({index.row() for index in chosen})
            columns = sorted({index.column() for index in chosen})
            lines = []
        else:
            rows, columns = list(range(model.rowCount())), list(range(model.columnCount()))
            lines = ["\t".join(COLUMNS)]
        lines += ["\t".join(str(model.index(row, column).data()) for column in columns) for row in rows]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _lay_out(self) -> None:
        close = QToolButton()
        close.setText("Unpin")
        close.setToolTip("Let the cell go (Esc on the picture, or another click on the cell)")
        close.clicked.connect(self._unpin)
        line = QHBoxLayout()
        line.addWidget(self.title, 1)
        line.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.table)

    def _selection_changed(self, state: SelectionState, names: frozenset[str]) -> None:
        if "anchor_cell" in names:
            self._fill()

    def _fill(self) -> None:
        cell, scene = self._selection.state.anchor_cell, self._scene
        rows = scene.cell_rows(cell) if scene is not None and cell is not None else range(0)
        self.setVisible(len(rows) > 0)
        self.table.setRowCount(len(rows))
        if scene is None or cell is None:
            return
        self.title.setText(f"{cell[0]}, cell row {cell[1]}, column {cell[2]}: its {len(rows)} anchors (Ctrl+C copies)")
        for line, row in enumerate(rows):
            self.table.setVerticalHeaderItem(line, QTableWidgetItem(f"#{row:,}"))
            for column, text in enumerate(table_row(scene, row)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(line, column, item)
        self.table.resizeColumnsToContents()

    def _unpin(self) -> None:
        self._selection.update(anchor_cell=None)
