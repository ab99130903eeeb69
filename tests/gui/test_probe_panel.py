from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel

from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.panels import probe as panel_module
from fpn_viewer.ui.panels.probe import ColumnHeader, PixelLine, ProbeList, ProbePanel
from fpn_viewer.ui.panels.probe_paint import ROW_ROLE, TABLE_ROLE, row_layout, source_colour, tooltip
from fpn_viewer.ui.panels.probe_table import ProbeTable
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.selection import Selection
from tests.gui.panel_fakes import KEY, POINT, FakeDocument, probe

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QRect
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.panels.probe_paint import RowLayout

pytestmark = pytest.mark.gui


class Scene:
    """A panel over a fake document, with the view-models beside it."""

    def __init__(self, qtbot: QtBot) -> None:
        self.document, self.display, self.selection = FakeDocument(), Display(), Selection()
        self.panel = ProbePanel(self.document, self.display, self.selection)  # type: ignore[arg-type]
        qtbot.addWidget(self.panel)
        self.panel.resize(340, 460)

    def show(self, qtbot: QtBot) -> None:
        with qtbot.waitExposed(self.panel):
            self.panel.show()

    def find(self, kind: type[Any]) -> Any:
        return self.panel.findChild(kind)

    @property
    def rows(self) -> ProbeList:
        view: ProbeList = self.find(ProbeList)
        return view

    @property
    def hint(self) -> str:
        """The hint, or "" while the table is shown."""
        label: QLabel = self.panel.findChild(QLabel, "hint")
        return label.text() if label.isVisible() else ""

    def layout(self, number: int) -> RowLayout:
        index = self.rows.model().index(number, 0)
        row, table = index.data(ROW_ROLE), index.data(TABLE_ROLE)
        line = row_line(self.rows)
        return row_layout(self.rows.visualRect(index), row, table.roles, line)


def row_line(view: ProbeList) -> int:
    from fpn_viewer.ui.panels.probe_paint import _line

    return _line(view.font())


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    """A shown panel with the cursor on a picture and every level probed."""
    made = Scene(qtbot)
    made.show(qtbot)
    made.document.show_picture()
    made.document.show_trace()
    made.selection.update(cursor_img=POINT)
    made.document.probe_changed.emit(probe())
    return made


def pixels(view: ProbeList) -> np.ndarray:
    """(H, W, 3) of what the list has painted."""
    image: QImage = view.viewport().grab().toImage().convertToFormat(view.viewport().grab().toImage().Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def run_length(painted: np.ndarray, rect: QRect, y: int, colour: QColor) -> tuple[int, int]:
    """First x and number of pixels of a colour on a line, counted from the left of `rect`."""
    line = painted[y, rect.left() : rect.right() + 1]
    hits = np.flatnonzero((line == rgb(colour)).all(1))
    return (int(hits[0]), len(hits)) if len(hits) else (-1, 0)


# -- states -------------------------------------------------------------------------------------------------------------


def test_each_empty_state_says_what_to_do(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.show(qtbot)
    assert scene.hint == panel_module.NO_PICTURE
    scene.document.show_picture()
    assert scene.hint == panel_module.NO_TRACE
    scene.document.show_trace()
    assert scene.hint == panel_module.OUTSIDE
    scene.selection.update(cursor_img=POINT)
    scene.document.probe_changed.emit(probe())
    assert scene.hint == ""
    assert scene.rows.model().rowCount() == 4


def test_another_run_clears_the_numbers_of_the_one_before(scene: Scene) -> None:
    scene.document.drop_trace()
    assert scene.rows.model().rowCount() == 0
    assert scene.hint == panel_module.NO_TRACE
    scene.document.show_trace("trace 2")
    assert scene.document.probes[-1] == POINT
    scene.document.probe_changed.emit(probe(KEY))
    assert scene.rows.model().rowCount() == 0
    scene.document.probe_changed.emit(probe("trace 2"))
    assert scene.rows.model().rowCount() == 4


# -- asking -------------------------------------------------------------------------------------------------------------


def test_a_hidden_panel_asks_nothing_until_it_is_shown(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.document.show_picture()
    scene.document.show_trace()
    scene.selection.update(cursor_img=POINT)
    assert scene.document.probes == []
    scene.show(qtbot)
    assert scene.document.probes == [POINT]


def test_it_asks_once_for_each_place_and_display(scene: Scene) -> None:
    assert scene.document.probes == [POINT]
    scene.selection.update(probe_level="P3", tool="box")
    scene.display.update(opacity=0.2, smooth=True)
    assert scene.document.probes == [POINT]
    scene.selection.update(cursor_img=(1.0, 2.0))
    scene.display.update(reduction="l2")
    scene.display.update(reduction="channel", channel=0)
    assert scene.document.probes == [POINT, (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)]


def test_the_unit_names_the_reduction(scene: Scene) -> None:
    unit: QLabel = scene.panel.findChild(QLabel, "unit")
    assert unit.text() == "mean |x| over channels"
    scene.display.update(reduction="channel", channel=7)
    assert unit.text() == "channel 7 (signed)"


# -- the pixel ----------------------------------------------------------------------------------------------------------


def test_the_pixel_under_the_cursor(scene: Scene) -> None:
    line: PixelLine = scene.find(PixelLine)
    assert scene.document.picture is not None
    red, green, blue = scene.document.picture.picture.pixels[20, 33]
    assert line.text == f"x 33  y 20   RGB {red} {green} {blue}"
    assert rgb(line.grab().toImage().pixelColor(16, line.height() // 2)) == (red, green, blue)


def test_the_last_place_stays_when_the_cursor_leaves(scene: Scene) -> None:
    line: PixelLine = scene.find(PixelLine)
    before, inside = line.text, line.grab().toImage()
    scene.selection.update(cursor_img=None)
    assert line.text == before
    assert line.grab().toImage() != inside, "nothing says that the cursor is elsewhere"
    assert scene.rows.model().rowCount() == 4
    scene.display.update(reduction="max")
    assert scene.document.probes == [POINT, POINT]


def test_a_smaller_picture_forgets_a_place_outside_it(scene: Scene) -> None:
    scene.selection.update(cursor_img=None)
    scene.document.show_picture((10, 10))
    assert scene.find(PixelLine).text == ""


# -- what is painted ----------------------------------------------------------------------------------------------------


def test_bars_of_one_column_share_a_scale(scene: Scene) -> None:
    painted = pixels(scene.rows)
    lengths = []
    for number, level in enumerate(("P2", "P3", "P4")):
        column = scene.layout(number).columns["backbone"]
        first, length = run_length(painted, column, column.bottom() - 1, QColor(level_colour(level)))
        assert first == 0
        lengths.append(length / column.width())
    assert lengths == pytest.approx([0.25, 1.0, 0.5], abs=0.03)


def test_a_negative_value_has_a_hatched_bar_of_its_magnitude(scene: Scene) -> None:
    painted = pixels(scene.rows)
    column = scene.layout(1).columns["output"]
    line = painted[column.bottom() - 1, column.left() : column.right() + 1]
    coloured = (line == rgb(QColor(level_colour("P3")))).all(1)
    half = column.width() // 2
    assert 0 < coloured[:half].sum() < half
    assert not coloured[half + 2 :].any()


def test_a_level_without_a_node_has_no_bar(scene: Scene) -> None:
    painted = pixels(scene.rows)
    column = scene.layout(3).columns["merged"]
    assert run_length(painted, column, column.bottom() - 1, QColor(level_colour("P5"))) == (-1, 0)
    # the number is a dash: something is written
    ground = painted[column.top(), column.left()]
    assert (painted[column.top() : column.bottom(), column.left() : column.right()] != ground).any()


def test_the_share_bar_is_split_at_the_share(scene: Scene) -> None:
    painted = pixels(scene.rows)
    for number, (level, share) in enumerate((("P2", 0.25), ("P3", 0.75))):
        rect = scene.layout(number).share
        line = (painted[rect.top(), rect.left() : rect.right() + 1] == rgb(QColor(level_colour(level)))).all(1)
        lateral = int(np.argmin(line))
        assert lateral / rect.width() == pytest.approx(1 - share, abs=0.02)
    assert scene.layout(2).share.isEmpty()


def test_signed_sources_are_stacked_on_their_own_side_of_zero(scene: Scene) -> None:
    painted = pixels(scene.rows)
    # the axis runs from −0.3 to 1.3 on every level, because P3 needs it
    for number, parts in enumerate(
        ({"C2": (0.0, 0.4), "C3": (0.4, 0.7)}, {"C3": (0.0, 0.9), "C4": (0.9, 1.3)}, {"C4": (0.0, 0.8)})
    ):
        rect = scene.layout(number).sources
        unit = rect.width() / 1.6
        for name, (start, end) in parts.items():
            first, length = run_length(painted, rect, rect.top(), source_colour(name))
            assert first == pytest.approx((0.3 + start) * unit, abs=2)
            assert length == pytest.approx((end - start) * unit, abs=3)
    rect = scene.layout(1).sources
    left = painted[rect.top() : rect.bottom(), rect.left() + 2 : rect.left() + round(0.3 * rect.width() / 1.6) - 2]
    assert (left == rgb(source_colour("bias"))).all(2).any(), "the negative share is not drawn"
    assert not (left == rgb(source_colour("bias"))).all(2).all(), "the negative share is not hatched"


def test_the_header_stands_over_the_columns_and_shortens_to_letters(scene: Scene, qtbot: QtBot) -> None:
    header: ColumnHeader = scene.find(ColumnHeader)
    scene.panel.resize(285, 460)
    qtbot.waitUntil(lambda: header.width() < 300)
    narrow = header.grab().toImage()
    scene.panel.resize(620, 460)
    qtbot.waitUntil(lambda: header.width() > 600)
    wide = header.grab().toImage()
    ink = [
        sum(image.pixelColor(x, y) != image.pixelColor(0, 0) for x in range(image.width()) for y in range(image.height()))
        for image in (narrow, wide)
    ]
    assert ink[1] > 3 * ink[0] > 0
    assert "lateral" in header.toolTip()


def test_a_new_probe_is_painted_and_keeps_the_current_row(scene: Scene) -> None:
    scene.rows.setCurrentIndex(scene.rows.model().index(2, 0))
    before = pixels(scene.rows)
    scene.document.probe_changed.emit(probe(factor=7.7))
    assert scene.rows.currentIndex().row() == 2
    assert (pixels(scene.rows) != before).any()


# -- pointing, words, copies --------------------------------------------------------------------------------------------


def test_pointing_at_a_row_selects_its_level(scene: Scene, qtbot: QtBot) -> None:
    viewport = scene.rows.viewport()
    qtbot.mouseMove(viewport, QPoint(0, 0))
    for number, level in ((1, "P3"), (3, "P5")):
        qtbot.mouseMove(viewport, scene.rows.visualRect(scene.rows.model().index(number, 0)).center())
        qtbot.waitUntil(lambda level=level: scene.selection.state.probe_level == level)
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert scene.selection.state.probe_level is None


def test_arrow_keys_point_as_the_mouse_does(scene: Scene, qtbot: QtBot) -> None:
    scene.panel.activateWindow()
    scene.panel.setFocus()
    qtbot.waitUntil(scene.rows.hasFocus)
    for level in ("P3", "P4"):
        qtbot.keyClick(scene.rows, Qt.Key.Key_Down)
        assert scene.selection.state.probe_level == level
    QApplication.sendEvent(scene.rows.viewport(), QEvent(QEvent.Type.Leave))
    assert scene.selection.state.probe_level == "P4"
    scene.rows.clearFocus()
    assert scene.selection.state.probe_level is None


@pytest.mark.parametrize(
    ("row", "part", "says"),
    [
        (0, "share", ("lateral 75 %", "top-down 25 %", "Share of norms", "M2")),
        (1, "sources", ("C3 90.0 %", "bias −30.0 %", "LINEAR-EXACT, sums to 100 %")),
        (1, "title", ("receptive field 32×16 px", "row 2, column 4")),
        (0, "output", ("P2 = 0.0123", "mean |x| over channels", "3.00")),
        (3, "merged", ("P5 has no merged M map",)),
    ],
)
def test_tooltips_say_which_kind_of_share_it_is(scene: Scene, row: int, part: str, says: tuple[str, ...]) -> None:
    layout = scene.layout(row)
    rects = {"title": layout.title, "share": layout.share, "sources": layout.sources, **layout.columns}
    at, index = rects[part].center(), scene.rows.model().index(row, 0)
    told = tooltip(index, scene.rows.visualRect(index), scene.rows.font(), at.x(), at.y())
    assert all(words in told for words in says), told


def test_ctrl_c_copies_the_table_with_all_digits(scene: Scene, qtbot: QtBot) -> None:
    scene.panel.activateWindow()
    scene.panel.setFocus()
    qtbot.waitUntil(scene.rows.hasFocus)
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(scene.rows, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    head, *lines = (line.split("\t") for line in QGuiApplication.clipboard().text().splitlines())
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert [row["level"] for row in rows] == ["P2", "P3", "P4", "P5"]
    assert (float(rows[0]["x"]), float(rows[0]["y"])) == POINT
    assert (rows[1]["row"], rows[1]["column"]) == ("2", "4")
    assert float(rows[1]["P"]) == -1.5
    assert rows[3]["C"] == ""
    assert (rows[1]["from bias"], rows[1]["from C2"]) == ("-0.3", "")
    assert (rows[0]["top-down share"], rows[2]["top-down share"]) == ("0.25", "")
    assert rows[2]["field x1"] == "64"


def test_the_context_menu_offers_to_copy(scene: Scene) -> None:
    assert scene.panel.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    (action,) = scene.panel.actions()
    QGuiApplication.clipboard().clear()
    action.trigger()
    assert QGuiApplication.clipboard().text() == scene.panel.text()


def test_nothing_to_copy_leaves_the_clipboard_alone(qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setText("mine")
    Scene(qtbot).panel.copy()
    assert QGuiApplication.clipboard().text() == "mine"


def test_rows_are_read_aloud(scene: Scene) -> None:
    index = scene.rows.model().index(1, 0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole).startswith("P3, cell 2, 4: backbone 0.800, lateral 0.100")


def test_scales_ignore_what_is_not_there() -> None:
    table = ProbeTable(probe(), ("backbone", "lateral", "top-down", "merged", "output"))
    assert table.scale("output") == 3.0
    assert table.scale("top-down") == pytest.approx(0.3)
    assert table.scale("bottom-up") == 1.0
    assert table.source_range == pytest.approx((-0.3, 1.3))


# -- over a real detector -----------------------------------------------------------------------------------------------


def test_over_a_real_detector(qtbot: QtBot, tmp_path: Path) -> None:
    from PIL import Image

    from fpn_viewer.engine.session import Session
    from fpn_viewer.ui.panels.channels import ChannelsPanel
    from fpn_viewer.viewmodels.document import Document
    from tests.tiny import noise, tiny_module

    Image.fromarray(noise()).save(tmp_path / "a.png")
    display, selection = Display(), Selection()
    document = Document(Session(), display)
    probes, channels = ProbePanel(document, display, selection), ChannelsPanel(document, display, selection)
    try:
        for panel in (probes, channels):
            qtbot.addWidget(panel)
            panel.show()
        with qtbot.waitSignal(document.trace_changed, timeout=120_000):
            document.open_paths([str(tmp_path / "a.png")])
            document.open_detector(tiny_module(), "cpu")
        with qtbot.waitSignal(document.probe_changed, timeout=20_000):
            selection.update(cursor_img=(50.0, 33.0))
        lines = probes.text().splitlines()
        assert [line.split("\t")[2] for line in lines[1:]] == ["P2", "P3", "P4", "P5", "P6"]
        with qtbot.waitSignal(document.ranking_changed, timeout=20_000):
            selection.update(box_img=(20.0, 10.0, 70.0, 60.0), current=("P2", "output"))
        assert len(channels.text().splitlines()) == 17
    finally:
        document.shutdown()
