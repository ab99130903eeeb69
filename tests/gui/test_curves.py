"""Curves: what is asked, what is drawn where, and how points are read and copied."""

from __future__ import annotations

import csv
import gc
import io
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QMouseEvent, QPalette
from PySide6.QtWidgets import QApplication

from fpn_viewer.engine.object_values import Asked
from fpn_viewer.ui.objects.curve_looks import LINES, as_csv, point_words
from fpn_viewer.ui.objects.curves import NO_CURVE, NO_OBJECT, NO_TRACE, READ, SIZE, CurvesView
from fpn_viewer.ui.theme import palette
from tests.gui.what_if_fakes import BOX, TERM, Desk, curve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from fpn_viewer.core.analysis.curves import Curve
    from fpn_viewer.ui.objects.curve_plot import CurvePlot

pytestmark = pytest.mark.gui

GAIN = curve("top-down into M3", "gain", "×", 1.0)
POINTS = 5


class Bench(Desk):
    """The view over the real view-model."""

    def __init__(self, bot: QtBot) -> None:
        super().__init__()
        self.bot = bot
        self.view = CurvesView(self.document, self.question, self.what_if)  # type: ignore[arg-type]
        self.view.resize(640, 420)
        bot.addWidget(self.view)

    def show(self) -> None:
        self.view.show()
        self.bot.waitExposed(self.view)

    def draw(self, found: Curve, term: tuple[str, str] | None = None) -> CurvePlot:
        """Makes a curve and waits for its last layout."""
        self.view.chooser.setCurrentIndex(self.view.chooser.findText("Gain: top-down into M3") if term else 0)
        self.bot.mouseClick(self.view.make, Qt.MouseButton.LeftButton)
        self.sweep(found, term)
        plot = self.plot()
        self.bot.waitUntil(lambda: plot.isVisible() and plot.height() > 150 and plot.getViewBox().height() > 100)
        return plot

    def plot(self) -> CurvePlot:
        assert self.view.plot is not None
        return self.view.plot

    def point(self, place: QPointF) -> None:
        """Moves the cursor over the plot."""
        viewport = self.plot().viewport()
        # GraphicsView is its own viewport's filter: events come in the viewport's px
        kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
        event = QMouseEvent(kind, place, viewport.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(viewport, event)


@pytest.fixture
def bench(qtbot: QtBot, qapp: QApplication) -> Iterator[Bench]:
    before = qapp.palette()
    qapp.setStyle("Fusion")
    qapp.setPalette(palette(False))
    yield Bench(qtbot)
    qapp.setPalette(before)


@pytest.fixture
def asked(bench: Bench) -> Bench:
    """A missed object, the view is shown."""
    bench.open()
    bench.explain()
    bench.show()
    return bench


def pixels(plot: CurvePlot) -> np.ndarray:
    """(h, w, 3) of the plot."""
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    # a copy, because the image goes
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def near(image: np.ndarray, colour: str | QColor, tolerance: int = 12) -> np.ndarray:
    """Which pixels have a colour."""
    rgb = np.array(QColor(colour).getRgb()[:3])
    return (np.abs(image.astype(int) - rgb) <= tolerance).all(-1)


# -- what is said and asked -----------------------------------------------------------------------------------------


def test_empty_states(bench: Bench) -> None:
    bench.show()
    view = bench.view
    assert view.hint.text() == NO_TRACE
    assert not view.chooser.isEnabled()
    assert (view.make.isEnabled(), view.make.toolTip()) == (False, NO_TRACE)
    bench.open()
    assert view.hint.text() == NO_OBJECT
    assert not view.make.isEnabled()
    bench.explain()
    assert view.hint.text() == NO_CURVE[True]
    assert view.make.isEnabled()
    assert not view.copy_button.isEnabled()
    view.chooser.setCurrentIndex(1)
    assert view.hint.text() == NO_CURVE[False]
    assert view.hint.isVisible()


def test_the_chooser_has_the_necks_terms_and_keeps_its_choice(asked: Bench) -> None:
    chooser = asked.view.chooser
    assert [chooser.itemText(row) for row in range(chooser.count())] == [
        SIZE,
        "Gain: lateral into M2",
        "Gain: top-down into M2",
        "Gain: lateral into M3",
        "Gain: top-down into M3",
        "Gain: lateral into M4",
    ]
    chooser.setCurrentIndex(4)
    asked.run("trace 2")
    assert asked.view.term == TERM
    assert chooser.currentText() == "Gain: top-down into M3"


def test_a_curve_is_made_with_progress_and_stopped(asked: Bench) -> None:
    view = asked.view
    asked.view.chooser.setCurrentIndex(4)
    asked.bot.mouseClick(view.make, Qt.MouseButton.LeftButton)
    lane, request = asked.document.asked[-1]
    assert (lane, request.term, request.asked.box_img) == ("sweep", TERM, BOX)
    asked.document.asked_progress.emit("sweep", "gain 0.5", 0.25)
    assert view.progress.isVisible()
    assert view.progress.value() == view.progress.maximum() // 4
    assert view.hint.text() == "Making the curve: gain 0.5"
    asked.document.withdrawn.clear()
    assert view.make.text() == "Stop"
    asked.bot.mouseClick(view.make, Qt.MouseButton.LeftButton)
    assert asked.document.withdrawn == ["sweep"]
    asked.document.unanswered.emit("sweep", None)
    assert not view.progress.isVisible()
    assert view.make.text() == "Make curve"


def test_a_failure_is_said(asked: Bench) -> None:
    asked.bot.mouseClick(asked.view.make, Qt.MouseButton.LeftButton)
    asked.fail("sweep", "The trace came from a file.")
    assert asked.view.hint.text() == "The trace came from a file."


def test_the_choice_shows_its_own_curve(asked: Bench) -> None:
    asked.draw(curve())
    assert asked.view.sentence.text() == "This detector starts to see this object at 16 px."
    assert asked.view.sentence.isVisible()
    asked.view.chooser.setCurrentIndex(4)
    assert asked.view.hint.isVisible()
    asked.draw(GAIN, TERM)
    assert asked.plot().getAxis("bottom").labelText == "top-down into M3, ×"
    asked.view.chooser.setCurrentIndex(0)
    assert asked.plot().getAxis("bottom").labelText == "size in the network, net px"


def test_another_object_takes_the_curve_away(asked: Bench) -> None:
    asked.draw(curve())
    asked.explain(Asked((1.0, 1.0, 9.0, 9.0)))
    assert asked.view.hint.isVisible()
    assert asked.view.curve is None
    asked.question.update(asked=None, line=None)
    assert asked.view.hint.text() == NO_OBJECT


def test_a_curve_made_while_the_view_was_hidden_is_there_when_it_is_shown(bench: Bench) -> None:
    bench.open()
    bench.explain()
    bench.what_if.sweep(None)
    bench.sweep(curve())
    assert bench.view.plot is None
    bench.show()
    bench.bot.waitUntil(bench.plot().isVisible)
    assert bench.view.sentence.text()


# -- what is drawn --------------------------------------------------------------------------------------------------


def test_points_are_full_where_the_object_is_detected(asked: Bench) -> None:
    plot = asked.draw(curve())
    image = pixels(plot)
    for line in LINES:
        for row, full in ((1, False), (2, True)):
            place = plot.view_point(row, line.column).toPoint()
            middle = image[place.y() - 1 : place.y() + 2, place.x() - 1 : place.x() + 2]
            inside = near(middle, line.colour, 40).mean()
            # the lines of others cross where they like
            assert (inside > 0.6) == full or line.column == "score", (line.column, row)


def test_values_lie_on_their_axes(asked: Bench) -> None:
    plot = asked.draw(curve())
    x = [plot.view_point(row, "iou").x() for row in range(POINTS)]
    # sizes double from point to point, so they are equally far from each other
    assert np.ptp(np.diff(x)) <= 2
    y = [plot.view_point(row, "iou").y() for row in range(POINTS)]
    slope = np.diff(y) / np.diff(curve().points.iou)
    assert np.ptp(slope) < 0.01 * abs(slope.mean())
    (ticks,) = plot.getAxis("bottom")._tickLevels
    assert [text for _, text in ticks] == ["4", "8", "16", "32", "64"]
    plot = asked.draw(GAIN, TERM)
    (ticks,) = plot.getAxis("bottom")._tickLevels
    assert [text for _, text in ticks] == ["0", "0.5", "1", "1.5", "2"]


def test_lines_mark_the_trace_and_the_asked_overlap(asked: Bench) -> None:
    plot = asked.draw(curve(here=20.0))
    image = pixels(plot)
    # log2 of 20 between those of 16 and 32
    left, right = (plot.view_point(row, "iou").x() for row in (2, 3))
    here = left + (right - left) * np.log2(20 / 16)
    box = plot.getViewBox().sceneBoundingRect()
    text = plot.palette().color(QPalette.ColorRole.Text)
    columns = near(image, text, 90)[round(box.top()) + 30 : round(box.bottom()) - 5].mean(0)
    found = round(box.left()) + 10 + int(columns[round(box.left()) + 10 : round(box.right())].argmax())
    assert abs(found - here) <= 1.5
    assert columns[found] > 0.4
    # between the points at 0.45 and 0.7 of the IoU
    high, low = (plot.view_point(row, "iou").y() for row in (2, 1))
    limit = low + (high - low) * (0.5 - 0.45) / (0.7 - 0.45)
    ground = plot.palette().color(QPalette.ColorRole.Base)
    inside = image[round(box.top()) : round(box.bottom()) - 4, round(box.left()) + 10 : round(box.right()) - 10]
    rows = (~near(inside, ground)).mean(1)
    assert abs(int(rows.argmax()) + round(box.top()) - limit) <= 1.5
    assert rows.max() > 0.5


def test_the_overlap_line_follows_the_question(asked: Bench) -> None:
    plot = asked.draw(curve())
    asked.question.update(asked=Asked(BOX, 1, 0.75))
    assert plot.row is None
    # the curve was made for the old overlap
    assert asked.view.hint.isVisible()


def test_the_theme_is_followed(asked: Bench, qapp: QApplication) -> None:
    plot = asked.draw(curve())
    assert near(pixels(plot), palette(False).color(QPalette.ColorRole.Base)).mean() > 0.5
    qapp.setPalette(palette(True))
    asked.bot.waitUntil(lambda: bool(near(pixels(plot), palette(True).color(QPalette.ColorRole.Base)).mean() > 0.5))
    image = pixels(plot)
    # data keep their colours, and empty points show the new ground
    for line in LINES:
        assert near(image, line.colour, 30).sum() > 40, line.column
    place = plot.view_point(1, "iou").toPoint()
    assert near(image[place.y() : place.y() + 1, place.x() : place.x() + 1], palette(True).color(QPalette.ColorRole.Base), 30).all()


# -- reading --------------------------------------------------------------------------------------------------------


def test_a_point_is_read_where_the_cursor_is_near_it(asked: Bench) -> None:
    plot = asked.draw(curve())
    assert asked.view.values.text() == READ
    asked.document.asked.clear()
    asked.point(plot.view_point(3, "score") + QPointF(4, 5))
    assert asked.view.values.text() == "at 32.0 net px: objectness 0.900 · IoU 0.800 · class score 0.800 · detected"
    asked.point(plot.view_point(1, "iou"))
    assert asked.view.values.text().endswith("class score 0 · not detected")
    asked.point(plot.view_point(1, "iou") - QPointF(0, 40))
    assert asked.view.values.text() == READ
    # nothing is computed for it
    assert asked.document.asked == []


def test_keys_step_from_point_to_point(asked: Bench) -> None:
    plot = asked.draw(GAIN, TERM)
    plot.setFocus()
    key, bot = Qt.Key, asked.bot
    rows = []
    for pressed in (key.Key_Right, key.Key_Right, key.Key_End, key.Key_Right, key.Key_Left, key.Key_Home, key.Key_Left):
        bot.keyClick(plot, pressed)
        rows.append(plot.row)
    assert rows == [0, 1, 4, 4, 3, 0, 0]
    assert asked.view.values.text().startswith("at × 0: ")
    plot.clearFocus()
    assert plot.row is None
    bot.keyClick(plot, key.Key_Left)
    assert plot.row == POINTS - 1


def test_the_plot_is_only_read(asked: Bench) -> None:
    plot = asked.draw(curve())
    before = plot.getViewBox().viewRange()
    middle = plot.viewport().rect().center()
    asked.bot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    asked.bot.mouseMove(plot.viewport(), middle + QPoint(40, 10))
    asked.bot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 10))
    asked.bot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert plot.getViewBox().viewRange() == before
    assert not plot.getPlotItem().menuEnabled()


def test_points_are_copied_as_csv(asked: Bench) -> None:
    asked.draw(curve())
    asked.bot.mouseClick(asked.view.copy_button, Qt.MouseButton.LeftButton)
    rows = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert rows[0] == ["size in the network (net px)", "objectness", "IoU", "class score", "detected"]
    assert rows[3] == ["16", "0.6", "0.7", "0.4", "1"]
    assert len(rows) == POINTS + 1
    assert as_csv(GAIN).startswith("top-down into M3 (×),")
    assert point_words(GAIN, 1).startswith("at × 0.500: objectness 0.200")


@pytest.mark.parametrize("width", [300, 900])
def test_the_view_fits_its_place(asked: Bench, width: int) -> None:
    asked.draw(curve())
    asked.view.resize(width, 300)
    plot = asked.plot()
    asked.bot.waitUntil(lambda: plot.width() >= width - 40 and plot.height() >= 80)
    assert asked.view.width() == width


# -- pyqtgraph ------------------------------------------------------------------------------------------------------


def test_closing_leaves_nothing(bench: Bench) -> None:
    bench.open()
    bench.explain()
    bench.show()
    bench.draw(curve())
    plot = weakref.ref(bench.plot())
    bench.view.close()
    bench.view.deleteLater()
    del bench.view
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert plot() is None


ALONE = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from tests.gui.what_if_fakes import Desk, curve
from fpn_viewer.ui.objects.curves import CurvesView
desk = Desk()
view = CurvesView(desk.document, desk.question, desk.what_if)
desk.open(); desk.explain()
assert not {"torch", "pyqtgraph"} & set(sys.modules), "too early"
view.show()
desk.what_if.sweep(None); desk.sweep(curve())
app.processEvents()
assert "pyqtgraph" in sys.modules and "torch" not in sys.modules
view.grab()
"""


def test_a_process_that_has_shown_a_curve_ends_in_peace() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", ALONE], capture_output=True, text=True, timeout=120, check=False)
    said = [line for line in done.stderr.splitlines() if "This plugin does not support" not in line]
    assert (done.returncode, said) == (0, [])
