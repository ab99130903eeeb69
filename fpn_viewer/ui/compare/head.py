"""The head of the tab: who is A and who is B, how both are shown, what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.looks import draw_badge, side_of
from fpn_viewer.ui.compare.menus import SideMenu
from fpn_viewer.ui.compare.toggle import Toggle
from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.texts import ElidedLabel, MenuChip, StripedBadge

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.ui.compare.menus import Recent
    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

#: what the buttons of the layouts say, and their tooltips
LAYOUT_BUTTONS: dict[str, tuple[str, str]] = {
    "side": ("A | B | B − A", "Both maps beside each other, and their difference"),
    "wiper": ("Wiper", "One picture: A left of the wiper, B right of it (W)"),
    "difference": ("B − A", "The difference alone: blue is more in A, red more in B"),
}
_BADGE = QSize(22, 22)


class Badge(QWidget):
    """A side's letter on its colour."""

    def __init__(self, letter: str, parent: QWidget | None = None) -> None:
        """Makes the badge of "A" or "B"."""
        super().__init__(parent)
        self._letter = letter
        self.setFixedSize(_BADGE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it."""
        painter = QPainter(self)
        painter.setFont(self.font())
        draw_badge(painter, QPointF(0, 1), self._letter, self.height() - 2)
        painter.end()


class SideChip(QWidget):
    """Who a side is; its menu says who else it may be.

    Attributes:
        chip: the button.
        menu: its menu.
    """

    def __init__(self, place: int, comparison: Comparison, recent: Recent, parent: QWidget | None = None) -> None:
        """Makes the chip of a side.

        Args:
            place: 0 for A, 1 for B.
            comparison: see `SideMenu`.
            recent: see `SideMenu`.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._place = place
        self.chip = MenuChip(self)
        self.menu = SideMenu(place, comparison, recent, self)
        self.chip.setMenu(self.menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(Badge("AB"[place], self))
        row.addWidget(self.chip)
        self.chip.setAutoRaise(True)
        self._draw_icon()

    def show_state(self, state: ComparisonState) -> None:
        """Says who it is."""
        index = state.shown[self._place]
        known = index < len(state.subjects) and (self._place == 0 or len(state.subjects) > 1)
        info = state.infos[index] if known else None
        text = texts.subject_name(state.subjects[index], info, state.infos[0]) if known else texts.CHOOSE
        side = side_of(state.view, "AB"[self._place]) if state.view is not None and known else None
        self.chip.setText(text)
        tip = texts.what_it_is(state.subjects[index], info, side) if known else "Choose who B is"
        self.chip.setToolTip(f"{tip}\nClick for another one")
        self.chip.setAccessibleName(f"{'AB'[self._place]}: {text}")
        self.chip.updateGeometry()

    def _draw_icon(self) -> None:
        self.chip.setIcon(icon("checkpoint", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "chip"):
            self._draw_icon()


class Head(QWidget):
    """Two rows: the sides with the layouts, and the node with what is said of both.

    Signals:
        file_wanted(place): a file is to be chosen for A (0) or B (1).

    Attributes:
        sides: the chips of A and B.
        swap: the button between them.
        layouts: buttons by layout.
        node: the chooser of the map.
        untrained: for A and B, shown where the weights are random.
        notes: sentences about how both ran.
        cancel: stops what runs.
    """

    file_wanted = Signal(object)

    def __init__(self, comparison: Comparison, recent: Recent, parent: QWidget | None = None) -> None:
        """Makes the head.

        Args:
            comparison: what is compared.
            recent: the checkpoints that were opened last.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._comparison = comparison
        self._nodes: tuple[str, ...] = ()
        self.sides = tuple(SideChip(place, comparison, recent) for place in (0, 1))
        self.swap = named(QToolButton(autoRaise=True), "Swap A and B", "Swap A and B (Tab over the maps)")
        self._make_layouts()
        self._make_second_row()
        self._lay_out()
        self._connect()
        self._draw_icons()
        self._show(comparison.state)

    # -- making -----------------------------------------------------------------------------------------------------

    def _make_layouts(self) -> None:
        self._group = QButtonGroup(self)
        self.layouts: dict[str, Toggle] = {}
        for name, (text, tip) in LAYOUT_BUTTONS.items():
            button = Toggle(text, tip)
            button.setObjectName(name)
            self._group.addButton(button)
            self.layouts[name] = button

    def _make_second_row(self) -> None:
        tip = "The map that is shown of both (↑ ↓ levels, Ctrl+← → kinds, Page Up and Page Down in computing order)"
        self.node = named(QComboBox(), "Map", tip)
        self.node.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        # in the row that is not full where the tab is narrow
        self.untrained = tuple(StripedBadge(f"{letter} UNTRAINED") for letter in "AB")
        for badge in self.untrained:
            badge.setToolTip("The weights are random: differences show how the network works, not what it has learnt")
        self.notes = ElidedLabel()
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notes.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.notes.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedSize(96, 6)
        self.progress.setAccessibleName("Progress of the comparison")
        self.cancel = named(QToolButton(), "Cancel the comparison", "Stop; what is shown stays")
        self.cancel.setText("Cancel")

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.sides[0])
        first.addWidget(self.swap)
        first.addWidget(self.sides[1])
        first.addStretch()
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for button in self.layouts.values():
            buttons.addWidget(button)
        first.addLayout(buttons)
        second.setSpacing(8)
        label = QLabel("Map")
        label.setBuddy(self.node)
        second.addWidget(label)
        second.addWidget(self.node)
        for badge in self.untrained:
            second.addWidget(badge)
        second.addWidget(self.notes, 1)
        second.addWidget(self.progress)
        second.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 2)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)

    def _connect(self) -> None:
        for side in self.sides:
            side.menu.file_wanted.connect(self.file_wanted)
        self.swap.clicked.connect(self._swap)
        self._group.buttonClicked.connect(self._choose_layout)
        self.node.activated.connect(self._choose_node)
        self.cancel.clicked.connect(self._cancel)
        self._comparison.changed.connect(self._show)

    # -- from the controls ------------------------------------------------------------------------------------------

    @Slot()
    def _swap(self) -> None:
        self._comparison.swap()

    @Slot(object)
    def _choose_layout(self, button: QToolButton) -> None:
        self._comparison.set_layout(button.objectName())

    @Slot(int)
    def _choose_node(self, index: int) -> None:
        self._comparison.set_node(self.node.itemData(index))

    @Slot()
    def _cancel(self) -> None:
        self._comparison.cancel()

    # -- showing ----------------------------------------------------------------------------------------------------

    def _show(self, state: ComparisonState, names: object = None) -> None:
        for side, badge, index in zip(self.sides, self.untrained, state.shown, strict=True):
            side.show_state(state)
            info = state.infos[index] if index < len(state.infos) else None
            badge.setVisible(info is not None and info.spec.untrained)
        self.layouts[state.layout].setChecked(True)
        self.swap.setEnabled(len(state.subjects) > 1)
        self._show_nodes(state)
        running, share = bool(state.running), texts.share_done(state)
        said = [texts.running_line(state)] if running else [state.problem, *texts.notes(state), texts.map_line(state)]
        sentences = [sentence for sentence in said if sentence]
        self.notes.set_text(texts.in_short(sentences), "\n".join(sentences))
        self.progress.setRange(0, 100 if share else 0)
        self.progress.setValue(round(100 * share))
        for widget in (self.progress, self.cancel):
            widget.setVisible(running or state.following)

    def _show_nodes(self, state: ComparisonState) -> None:
        nodes = state.view.nodes if state.view is not None else ()
        if nodes != self._nodes:
            self._nodes = nodes
            self.node.clear()
            graph = self._graph(state)
            for name in nodes:
                self.node.addItem(name, name)
                self.node.setItemData(self.node.count() - 1, texts.node_lesson(graph, name), Qt.ItemDataRole.ToolTipRole)
        self.node.setEnabled(bool(nodes))
        self.node.setCurrentIndex(self.node.findData(state.node))

    @staticmethod
    def _graph(state: ComparisonState) -> Graph | None:
        info = state.infos[state.shown[0]]
        return info.graph if info is not None else None

    def _draw_icons(self) -> None:
        self.swap.setIcon(icon("swap", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "swap"):
            self._draw_icons()
