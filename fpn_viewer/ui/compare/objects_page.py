"""The page "Objects": what became of every object in both, and the chosen one's two life lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QLabel, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.comparison.values import STATUSES, WHAT_DIFFERS_FIRST
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.controls import status_tips
from fpn_viewer.ui.compare.lines import TwoLines
from fpn_viewer.ui.compare.looks import STATUS_LOOKS
from fpn_viewer.ui.compare.table import Column, CompareTable, Entry, Row
from fpn_viewer.ui.compare.toggle import Toggle
from fpn_viewer.ui.objects.texts import size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.comparison.values import ObjectRow
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

COLUMNS = (
    Column("Object", "Its class, with the line that it has on the maps", most=130),
    Column("Status", f"What became of it in both\n{status_tips()}"),
    Column("Part at", "The first stage at which one has candidates near it and the other has none left"),
    Column("In A", "Where A lost it; its verdict is in the tooltip"),
    Column("In B", "Where B lost it; its verdict is in the tooltip"),
    Column("Size", "Width × height in the picture", number=True),
    Column("Verdict of A", "Why A found or lost it", most=320),
    Column("Verdict of B", "Why B found or lost it", most=320),
)
ALL = "all"


class ObjectsPage(QWidget):
    """A sentence, buttons that filter by status, the table, and two life lines.

    Signals:
        chosen(number): an object was chosen.

    Attributes:
        sentence: what changed from A to B.
        filters: buttons by status, and `ALL`.
        table: the objects.
        lines: the chosen one's life lines.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty page."""
        super().__init__(parent)
        self._rows: tuple[ObjectRow, ...] = ()
        self.sentence = QLabel()
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = CompareTable("Objects in A and B", COLUMNS, 7)
        self.table.horizontalHeader().setSectionResizeMode(7, self.table.horizontalHeader().ResizeMode.Interactive)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.lines = TwoLines()
        self._make_filters()
        self._lay_out()
        self.table.chosen.connect(self.chosen)

    def _make_filters(self) -> None:
        self._group = QButtonGroup(self)
        self.filters: dict[str, Toggle] = {}
        for name in (ALL, *WHAT_DIFFERS_FIRST):
            button = Toggle(name, "All objects" if name == ALL else f"Only these: {STATUSES[name]}")
            button.setObjectName(name)
            self._group.addButton(button)
            self.filters[name] = button
        self.filters[ALL].setChecked(True)
        self._group.buttonClicked.connect(self._refill)

    def _lay_out(self) -> None:
        chips = QWidget()
        buttons = FlowLayout(chips, across=2, down=2)
        buttons.setContentsMargins(0, 0, 0, 2)
        for button in self.filters.values():
            buttons.addWidget(button)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        chips.setSizePolicy(policy)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(2)
        self.sentence.setWordWrap(True)
        column.addWidget(self.sentence)
        column.addWidget(chips)
        column.addWidget(self.table, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.lines)
        self._is_arranged = False
        self.splitter.splitterMoved.connect(self._keep)
        self.splitter.setChildrenCollapsible(False)
        self.lines.setMinimumWidth(180)
        left.setMinimumWidth(200)
        row = QVBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.splitter)

    # -- showing ----------------------------------------------------------------------------------------------------

    def show_state(self, state: ComparisonState, pixels: NDArray[np.uint8] | None) -> None:
        """Shows what is known.

        Args:
            state: of the comparison.
            pixels: the picture (H, W, 3), for the crop of the chosen object.
        """
        objects = state.objects
        rows = objects.rows if objects is not None else ()
        if rows is not self._rows:
            self._rows = rows
            self._show_counts()
            self._refill()
        if objects is not None:
            parts = [texts.objects_line(rows, objects.annotated), texts.following_line(objects, state.following)]
            self.sentence.setText(" ".join(filter(None, parts)))
        else:
            self.sentence.setText(texts.waiting(state, "Following the objects …"))
        self.table.choose(state.object)
        row = next((row for row in rows if row.number == state.object), None)
        self._share_room(row is not None and state.view is not None)
        self.lines.show_object(row, state.lines, state.view, pixels)

    def _share_room(self, chosen: bool) -> None:
        """Gives the life lines most of the room while there are some, and the table otherwise, until the handle is moved."""
        if not self._is_arranged:
            self.splitter.setSizes([420, 580] if chosen else [720, 280])

    @Slot()
    def _keep(self, *_: int) -> None:
        self._is_arranged = True

    def _show_counts(self) -> None:
        counts = texts.count_by_status(self._rows)
        for name, button in self.filters.items():
            count = len(self._rows) if name == ALL else counts.get(name, 0)
            button.setText(f"{name if name == ALL else STATUS_LOOKS[name].text} {count:,}")
            button.setAccessibleName(f"{count:,} {name}")
            button.setVisible(name == ALL or count > 0)
        checked = self._group.checkedButton()
        if checked is None or checked.isHidden():
            self.filters[ALL].setChecked(True)

    @Slot()
    def _refill(self, _: object = None) -> None:
        checked = self._group.checkedButton()
        wanted = ALL if checked is None else checked.objectName()
        rows = [row for row in self._rows if wanted in (ALL, row.status)]
        self.table.fill(object_rows(rows))


def object_rows(rows: Sequence[ObjectRow]) -> list[Row]:
    """Rows of the table, what differs first."""
    return [_row(row) for row in sorted(rows, key=lambda row: (WHAT_DIFFERS_FIRST.index(row.status), row.number))]


def _row(row: ObjectRow) -> Row:
    x0, y0, x1, y1 = row.box_img
    verdicts = tuple(end.verdict if end is not None else "" for end in (row.a, row.b))
    look = STATUS_LOOKS[row.status]
    entries = (
        Entry(row.name, f"{row.name} at {x0:.0f}, {y0:.0f} px of the picture", look=look),
        Entry(look.text, row.sentence or look.tip, value=float(WHAT_DIFFERS_FIRST.index(row.status))),
        Entry(stage_title(row.differs_at) if row.differs_at else "–", texts.parts_at(row), muted=not row.differs_at),
        *(_ended(row, letter, verdict) for letter, verdict in zip("AB", verdicts, strict=True)),
        Entry(size_text(row.box_img), value=(x1 - x0) * (y1 - y0)),
        *(Entry(verdict) for verdict in verdicts),
    )
    return Row(row.number, entries)


def _ended(row: ObjectRow, letter: str, verdict: str) -> Entry:
    text = texts.killer_text(row, letter)
    return Entry(text, verdict if row.followed else "Not followed yet", muted=text == "found" or not row.followed)
