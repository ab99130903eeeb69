"""The page "Weights": how far every module was trained from A to B, so that "only the head was trained" is visible."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.table import Column, CompareTable, Entry, Row
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import WeightChange
    from fpn_viewer.engine.compare_values import ComparedWeights
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

COLUMNS = (
    Column("Module", "Its path in the network", most=420),
    Column("Weights", "Numbers in it", number=True),
    Column("Relative change", "‖B − A‖ / ‖A‖ of its own weights; the bar is logarithmic, from 10⁻⁴ to 1", number=True),
    Column("", "What else is to be said"),
)
#: powers of ten that a bar spans
_DECADES = 4.0


class WeightsPage(QWidget):
    """A sentence, a search and the table.

    Attributes:
        sentence: what was trained.
        search: filters the table.
        table: the modules.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty page."""
        super().__init__(parent)
        self._weights: ComparedWeights | None = None
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.search = named(QLineEdit(placeholderText="Search modules", clearButtonEnabled=True), "Search modules")
        self.search.setMaximumWidth(220)
        self.table = CompareTable("Weights of A and B", COLUMNS, len(COLUMNS) - 1)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 8, 0)
        head.addWidget(self.sentence, 1)
        head.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        self.search.textChanged.connect(self.table.search)

    def show_state(self, state: ComparisonState) -> None:
        """Shows what is known."""
        if state.weights is not self._weights:
            self._weights = state.weights
            self.table.fill([] if state.weights is None else [_row(row, place) for place, row in enumerate(state.weights.rows)])
        known = state.weights is not None
        self.sentence.setText(
            state.weights.sentence if state.weights is not None else texts.waiting(state, "Comparing the weights …")
        )
        self.search.setEnabled(known)


def _row(row: WeightChange, place: int) -> Row:
    return Row(
        row.module,
        (
            Entry(row.module or "(the network itself)", value=float(place)),
            Entry(f"{row.parameters:,}", value=float(row.parameters)),
            _change(row.relative),
            Entry(row.note, muted=True),
        ),
    )


def _change(relative: float | None) -> Entry:
    if relative is None:
        return Entry("–", "They cannot be subtracted", value=-1.0, muted=True)
    share = 0.0 if relative <= 0 else 1 + log10(relative) / _DECADES
    return Entry(significant(relative), value=relative, bar=share, muted=relative == 0)
