"""Which class of the detector each class of a data set is: asked where names do not tell, and open to change everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtGui import QBrush, QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
)

from fpn_viewer.core.annotations.labels import classes_of, suggest
from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.theme import strip_colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.annotations.structures import LabelMap

LEAVE_OUT = "leave out"
HEADINGS = ("Data set", "Objects here", "Detector", "")
#: what stands behind a row, by what is known of it
STATES = {"open": "please choose", "guess": "a guess: please check", "known": ""}
#: px that three columns of names and words need
_WIDTH = 560
#: rows for which there is always room
_ROWS_SHOWN = 3


class ClassCombo(QComboBox):
    """A list of the detector's classes; the wheel scrolls the table and not the choice."""

    def __init__(self, name: str, classes: QStringListModel, parent: QWidget) -> None:
        """Makes the list.

        Args:
            name: the data set's class, for screen readers.
            classes: what can be chosen, shared by all rows.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.setModel(classes)
        self.setAccessibleName(f"Class of the detector for {name}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves the wheel to the table."""
        event.ignore()


class LabelMappingDialog(SmallDialog):
    """A row for each class of the data set, those nobody decided on first."""

    def __init__(
        self,
        names_with_counts: Mapping[str, int],
        class_names: Sequence[str],
        label_map: LabelMap,
        parent: QWidget,
    ) -> None:
        """Fills in what is known, and what the names suggest.

        Args:
            names_with_counts: the data set's classes and how many objects of each the picture has.
            class_names: the detector's classes by label, with background.
            label_map: what is in force.
            parent: the window.
        """
        super().__init__("Classes of the annotations", parent)
        self._classes = classes_of(class_names)
        self._unmatched = set(label_map.unmatched)
        self._names = sorted(names_with_counts, key=lambda name: name not in self._unmatched)
        self._model = QStringListModel([LEAVE_OUT, *self._classes.values()], self)
        self._labels = [None, *self._classes]
        self.column.addWidget(QLabel(self._explanation(), wordWrap=True))
        self.table = self._make_table()
        self.column.addWidget(self.table, 1)
        self.combos = [
            self._add_row(row, name, names_with_counts[name], self._guess(name, label_map, class_names))
            for row, name in enumerate(self._names)
        ]
        self._fit_columns()
        self._offer_ok()
        self.finish()
        if self.combos:
            self.combos[0].setFocus()

    def mapping(self) -> dict[str, str | None]:
        """The detector's class by the data set's, None for one that is left out; as shown."""
        labels = {name: self._labels[combo.currentIndex()] for name, combo in zip(self._names, self.combos, strict=True)}
        return {name: None if label is None else self._classes[label] for name, label in labels.items()}

    def _explanation(self) -> str:
        count = len(self._unmatched)
        if not count:
            return "Each class of the annotations goes with one of the detector. What you change is remembered for this data set."
        begin = f"{count} {'classes' if count > 1 else 'class'} of the annotations"
        return (
            f"{begin} {'have' if count > 1 else 'has'} no namesake in the detector. Choose what each is, or leave it out: "
            "then its objects are shown, but never counted as missed. Your choice is remembered for this data set."
        )

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(len(self._names), len(HEADINGS), self)
        table.setHorizontalHeaderLabels(HEADINGS)
        table.setAccessibleName("Classes of the annotations and of the detector")
        table.verticalHeader().hide()
        height = table.fontMetrics().height() + 14
        table.verticalHeader().setDefaultSectionSize(height)
        table.setSizeAdjustPolicy(QAbstractItemView.SizeAdjustPolicy.AdjustToContents)
        table.setMinimumSize(_WIDTH, height * (_ROWS_SHOWN + 1))
        table.setWordWrap(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        # Tab goes from choice to choice; the cells between them have nothing to offer
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        return table

    def _add_row(self, row: int, name: str, count: int, known: tuple[int | None, str]) -> ClassCombo:
        label, state = known
        cells = (QTableWidgetItem(name), QTableWidgetItem(str(count) if count else "–"), QTableWidgetItem(), QTableWidgetItem())
        cells[0].setToolTip(name)
        cells[1].setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column, cell in enumerate(cells):
            cell.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, column, cell)
        combo = ClassCombo(name, self._model, self.table)
        combo.setCurrentIndex(self._labels.index(label))
        combo.activated.connect(lambda _, row=row: self._mark(row, "known"))
        self.table.setCellWidget(row, 2, combo)
        self._mark(row, state)
        return combo

    def _mark(self, row: int, state: str) -> None:
        """Shows whether anybody decided on a row, by words and by ground."""
        cells = [self.table.item(row, column) for column in range(len(HEADINGS))]
        ground = QBrush() if state == "known" else QBrush(strip_colour("notice", self.palette()))
        for cell in filter(None, cells):
            cell.setBackground(ground)
        if cells[-1] is not None:
            cells[-1].setText(STATES[state])

    def _guess(self, name: str, label_map: LabelMap, class_names: Sequence[str]) -> tuple[int | None, str]:
        """The label to begin with, and a key of `STATES`."""
        if name not in self._unmatched:
            label = label_map.labels.get(name)
            return (label if label in self._classes else None), "known"
        label = suggest(name, class_names)
        return label, "open" if label is None else "guess"

    def _fit_columns(self) -> None:
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, "Objects here  "), (3, f"{STATES['guess']}  ")):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, self.fontMetrics().horizontalAdvance(width) + 12)

    def _offer_ok(self) -> None:
        self.buttons.setStandardButtons(QDialogButtonBox.StandardButton.Cancel)
        cancel = self.buttons.button(QDialogButtonBox.StandardButton.Cancel)
        cancel.setIcon(QIcon())
        cancel.setAutoDefault(False)
        use = self.buttons.addButton("Use these classes", QDialogButtonBox.ButtonRole.AcceptRole)
        use.setDefault(True)
        self.buttons.accepted.connect(self.accept)
