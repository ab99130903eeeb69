from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QSplitter, QTableView

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.panels import channels as panel_module
from fpn_viewer.ui.panels.channels import CHANNEL, CONTRAST, INSIDE, RANK, ChannelsPanel
from fpn_viewer.ui.panels.probe import ProbeList, ProbePanel
from fpn_viewer.ui.panels.probe_paint import mixed
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from tests.gui.panel_fakes import BOX, POINT, FakeDocument, probe, ranking

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui


class Scene:
    """A panel over a fake document, with the view-models beside it."""

    def __init__(self, qtbot: QtBot) -> None:
        self.document, self.display, self.selection = FakeDocument(), Display(), Selection()
        self.display.update(channels=5)
        self.panel = ChannelsPanel(self.document, self.display, self.selection)  # type: ignore[arg-type]
        qtbot.addWidget(self.panel)
        self.panel.resize(340, 400)

    def show(self, qtbot: QtBot) -> None:
        with qtbot.waitExposed(self.panel):
            self.panel.show()

    @property
    def table(self) -> QTableView:
        view: QTableView = self.panel.findChild(QTableView)
        return view

    @property
    def nodes(self) -> QComboBox:
        box: QComboBox = self.panel.findChild(QComboBox)
        return box

    @property
    def hint(self) -> str:
        label: QLabel = self.panel.findChild(QLabel, "hint")
        return label.text() if label.isVisible() else ""

    @property
    def note(self) -> str:
        label: QLabel = self.panel.findChild(QLabel, "note")
        return label.text() if label.isVisible() else ""

    def column(self, number: int) -> list[str]:
        model = self.table.model()
        return [str(model.index(row, number).data()) for row in range(model.rowCount())]

    def centre(self, row: int, column: int) -> QPoint:
        return self.table.visualRect(self.table.model().index(row, column)).center()


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    """A shown panel with a box on P3 and its ranking."""
    made = Scene(qtbot)
    made.show(qtbot)
    made.document.show_picture()
    made.document.show_trace()
    made.selection.update(current=("P3", "output"), box_img=BOX)
    made.document.ranking_changed.emit(ranking())
    return made


def test_each_empty_state_says_what_to_do(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.show(qtbot)
    assert scene.hint == panel_module.NO_TRACE
    scene.document.show_trace()
    assert "Press B" in scene.hint
    assert "drag a box" in scene.hint
    scene.selection.update(box_img=BOX)
    assert scene.hint == ""
    scene.selection.update(box_img=None)
    assert scene.hint == panel_module.NO_BOX
    assert scene.note == ""


def test_it_asks_once_for_each_box_and_node_while_it_is_visible(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.document.show_trace()
    scene.selection.update(box_img=BOX)
    assert scene.document.rankings == []
    scene.show(qtbot)
    scene.selection.update(cursor_img=(1.0, 1.0))
    assert scene.document.rankings == [("P2", BOX)]
    scene.selection.update(current=("P4", "merged"))
    scene.document.show_trace("trace 2")
    assert scene.document.rankings == [("P2", BOX), ("M4", BOX), ("M4", BOX)]


def test_the_node_follows_the_current_cell_and_leads_it(scene: Scene, qtbot: QtBot) -> None:
    assert scene.nodes.currentData() == "P3"
    assert scene.nodes.count() == len(scene.document.trace.graph.nodes)  # type: ignore[union-attr]
    scene.selection.update(current=("P2", "lateral"))
    assert scene.nodes.currentData() == "L2"
    # the share has no map of its own
    scene.selection.update(current=("P3", "share"))
    assert scene.nodes.currentData() == "L2"
    qtbot.keyClick(scene.nodes, Qt.Key.Key_End)
    assert scene.nodes.currentData() == "P5"
    assert scene.selection.state.current == ("P5", "output")
    assert scene.document.rankings[-1] == ("P5", BOX)


def test_the_ranking_best_first(scene: Scene) -> None:
    assert scene.column(RANK) == ["1", "2", "3", "4", "5"]
    assert scene.column(CHANNEL) == ["3", "0", "4", "2", "1"]
    assert scene.column(CONTRAST) == ["4.00", "2.00", "−0.500", "−2.00", "NaN"]
    assert scene.note == "5 channels · 20 cells of P3 in the box 40×30 px"


@pytest.mark.parametrize("other", [{"node": "P2"}, {"key": "trace 0"}, {"box": (0.0, 0.0, 5.0, 5.0)}], ids=["node", "trace", "box"])
def test_an_answer_to_an_older_question_is_dropped(scene: Scene, other: dict[str, Any]) -> None:
    shown = ranking(cells=99, **other)
    scene.document.ranking_changed.emit(shown)
    assert "99" not in scene.note


def test_few_cells_are_a_thin_basis(scene: Scene) -> None:
    scene.document.ranking_changed.emit(ranking(cells=1))
    assert scene.note == "Only 1 cell of P3 in the box 40×30 px: a finer level tells more."


def test_another_run_clears_the_table(scene: Scene) -> None:
    scene.document.drop_trace()
    assert scene.table.model().rowCount() == 0
    assert scene.hint == panel_module.NO_TRACE


def test_a_click_shows_the_channel(scene: Scene, qtbot: QtBot) -> None:
    qtbot.mouseClick(scene.table.viewport(), Qt.MouseButton.LeftButton, pos=scene.centre(2, INSIDE))
    assert (scene.display.state.reduction, scene.display.state.channel) == ("channel", 4)


def test_enter_shows_the_channel_reached_with_the_keys(scene: Scene, qtbot: QtBot) -> None:
    scene.table.setCurrentIndex(scene.table.model().index(0, 0))
    qtbot.keyClick(scene.table, Qt.Key.Key_Down)
    assert scene.display.state.reduction == "mean_abs"
    qtbot.keyClick(scene.table, Qt.Key.Key_Return)
    assert (scene.display.state.reduction, scene.display.state.channel) == ("channel", 0)


def test_the_channel_on_display_is_bold(scene: Scene) -> None:
    model = scene.table.model()

    def bold() -> list[bool]:
        return [model.index(row, 0).data(Qt.ItemDataRole.FontRole).bold() for row in range(5)]

    assert bold() == [False] * 5
    scene.display.update(reduction="channel", channel=2)
    assert bold() == [False, False, False, True, False]
    scene.display.update(reduction="l2")
    assert bold() == [False] * 5


def test_headings_sort_and_nan_stays_last(scene: Scene, qtbot: QtBot) -> None:
    header = scene.table.horizontalHeader()

    def click(column: int) -> None:
        at = QPoint(header.sectionViewportPosition(column) + header.sectionSize(column) // 2, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    scene.table.selectRow(3)
    click(CHANNEL)
    by_channel = scene.column(CHANNEL)
    assert by_channel in (["0", "1", "2", "3", "4"], ["4", "3", "2", "1", "0"])
    (selected,) = scene.table.selectionModel().selectedRows(CHANNEL)
    assert selected.data() == "2"
    click(CHANNEL)
    assert scene.column(CHANNEL) == by_channel[::-1]
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        scene.table.sortByColumn(CONTRAST, order)
        assert scene.column(CONTRAST)[-1] == "NaN"
    assert scene.column(CONTRAST)[0] == "4.00"
    scene.table.sortByColumn(CHANNEL, Qt.SortOrder.DescendingOrder)
    scene.document.ranking_changed.emit(ranking(cells=7))
    assert scene.column(CHANNEL) == ["4", "3", "2", "1", "0"]


def test_bars_start_at_zero_and_go_both_ways(scene: Scene) -> None:
    image = scene.table.viewport().grab().toImage()
    base = scene.table.palette().color(scene.table.palette().ColorRole.Base)
    bar = mixed(QColor(level_colour("P3")), base, 0.45)
    spans = []
    for row in range(5):
        rect = scene.table.visualRect(scene.table.model().index(row, CONTRAST))
        line = [image.pixelColor(x, rect.top() + 2) for x in range(rect.left(), rect.right() + 1)]
        hits = [x for x, colour in enumerate(line) if colour == bar]
        spans.append((hits[0] / len(line), hits[-1] / len(line)) if hits else None)
    # the axis runs from −2 to 4
    assert spans[0] == pytest.approx((1 / 3, 1.0), abs=0.06)
    assert spans[1] == pytest.approx((1 / 3, 2 / 3), abs=0.06)
    assert spans[3] is not None
    assert spans[3][0] < 0.12
    assert spans[3][1] < 0.36
    assert spans[4] is None


def test_ctrl_c_copies_the_selected_channels_or_all(scene: Scene, qtbot: QtBot) -> None:
    scene.panel.activateWindow()
    scene.table.setFocus()
    qtbot.waitUntil(scene.table.hasFocus)

    def copied() -> list[list[str]]:
        QGuiApplication.clipboard().clear()
        qtbot.keyClick(scene.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        return [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]

    head, *rows = copied()
    assert head == ["rank", "channel", "contrast", "inside", "ring"]
    assert np.array(rows, float)[:, 1].tolist() == [3, 0, 4, 2, 1]
    qtbot.mouseClick(scene.table.viewport(), Qt.MouseButton.LeftButton, pos=scene.centre(1, RANK))
    qtbot.mouseClick(
        scene.table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, pos=scene.centre(2, RANK)
    )
    assert copied() == [head, ["2", "0", "2", "9", "8"], ["3", "4", "-0.5", "0.25", "0.5"]]


def test_beside_another_panel_ctrl_c_copies_the_one_with_the_focus(qtbot: QtBot) -> None:
    window, document, display, selection = QSplitter(), FakeDocument(), Display(), Selection()
    qtbot.addWidget(window)
    panels = [kind(document, display, selection, window) for kind in (ProbePanel, ChannelsPanel)]  # type: ignore[arg-type]
    with qtbot.waitExposed(window):
        window.show()
    document.show_picture()
    document.show_trace()
    selection.update(cursor_img=POINT, box_img=BOX, current=("P3", "output"))
    document.probe_changed.emit(probe())
    document.ranking_changed.emit(ranking())
    window.activateWindow()
    for panel, view in zip(panels, (window.findChild(ProbeList), window.findChild(QTableView)), strict=True):
        view.setFocus()
        qtbot.waitUntil(view.hasFocus)
        QGuiApplication.clipboard().clear()
        qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().text() == panel.text() != ""


def test_headings_explain_themselves(scene: Scene) -> None:
    model = scene.table.model()
    tips = [model.headerData(i, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for i in range(model.columnCount())]
    assert "deviation of the ring" in tips[CONTRAST]
    assert all(tips)
