"""The page "Maps": how much every map of the network differs, and where in the network both part company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.table import Column, CompareTable, Entry, Row

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import NodeDifference
    from fpn_viewer.engine.compare_values import ComparedNodes
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

COLUMNS = (
    Column("Map", "In computing order; a click shows it above"),
    Column("Relative L2", "‖B − A‖ / ‖A‖ over all values: 0 is the same", number=True),
    Column("1 − cosine", "How far the values point elsewhere, whatever their size: 0 is the same", number=True),
    Column(
        "1 − CKA",
        "How differently the two tell places apart, whichever channels do it (linear centred kernel alignment): 0 is the same",
        number=True,
    ),
    Column("Largest |B − A|", "The greatest difference of one value", number=True),
    Column("Channels", "How channels of A and B are put together"),
    Column("", "What else is to be said"),
)
PARTING = "◀ they part here"


class NodesPage(QWidget):
    """A sentence and the table.

    Signals:
        chosen(node): a map was chosen.

    Attributes:
        sentence: where they part company.
        table: the maps.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty page."""
        super().__init__(parent)
        self._nodes: ComparedNodes | None = None
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = CompareTable("Maps of A and B", COLUMNS, len(COLUMNS) - 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.sentence)
        column.addWidget(self.table, 1)
        self.table.chosen.connect(self.chosen)

    def show_state(self, state: ComparisonState) -> None:
        """Shows what is known."""
        if state.nodes is not self._nodes:
            self._nodes = state.nodes
            self.table.fill([] if state.nodes is None else node_rows(state.nodes))
        self.sentence.setText(state.nodes.sentence if state.nodes is not None else texts.waiting(state, "Comparing the maps …"))
        self.table.choose(state.node or None)


def node_rows(nodes: ComparedNodes) -> list[Row]:
    """Rows of the table, in computing order; the one where they part is marked."""
    most = max((row.largest for row in nodes.rows if row.largest is not None), default=0.0)
    return [_row(row, place, most, row.node == nodes.parting) for place, row in enumerate(nodes.rows)]


def _row(row: NodeDifference, place: int, most: float, parts: bool) -> Row:
    sizes = f"{row.size_a[0]}×{row.size_a[1]} cells in A, {row.size_b[0]}×{row.size_b[1]} in B"
    remarks = [PARTING] if parts else []
    remarks += [f"read at the same points of the picture: {sizes}"] if row.resampled else []
    wide = f"{row.channels_a}" if row.channels_a == row.channels_b else f"{row.channels_a} | {row.channels_b}"
    return Row(
        row.node,
        (
            Entry(row.node, f"{row.node} on {row.level}: {sizes}", value=float(place), level=row.level),
            _number(row.relative_l2, row.relative_l2),
            _number(None if row.cosine is None else 1 - row.cosine),
            _number(None if row.cka is None else 1 - row.cka),
            _number(row.largest, None if row.largest is None or not most else row.largest / most),
            Entry(f"{wide} {row.matched}".strip(), "Channels of A | of B, and how they are put together", muted=True),
            Entry(" · ".join(remarks)),
        ),
        ground="notice" if parts else "",
    )


def _number(value: float | None, bar: float | None = None) -> Entry:
    """A number of 0 or more with a bar; a dash where there is none."""
    if value is None:
        return Entry("–", "Not defined here", value=-1.0, muted=True)
    # sums of rounded products pass 1 by a bit
    value = 0.0 if abs(value) < 1e-9 else value
    return Entry(significant(value), value=value, bar=value if bar is None else bar, muted=value == 0)
