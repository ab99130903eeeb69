"""The page "Recall by size"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QStackedWidget, QWidget

from fpn_viewer.engine.scan.words import size_name
from fpn_viewer.engine.scan_charts import AskRecall
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.scan.curve import RecallChart
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS
from fpn_viewer.ui.scan.page import ScanPage, grows
from fpn_viewer.ui.scan.parts import Choice, Readout, page_column, words_label
from fpn_viewer.ui.scan.standing import Standing
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.numbers.values import RecallCurve
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

HINT = "Point at a point to read it; click it, or press Enter on it, to list the objects of that size that the detector loses."
COUNTING = "Counting, and drawing pictures at random for the confidence bands …"
NO_OBJECTS = "There is no annotated object of this choice."
ALL_CLASSES = "All classes"
_SCALES = (
    ("Recall", "Share of the objects that are found, at the overlap of the scan"),
    ("AP50", "Average precision at an overlap of 0.5: false positives count too"),
)
_SAMPLE = QSize(30, 14)


class RecallPage(ScanPage):
    """Curves of the chosen detectors, for all classes or one.

    Attributes:
        scale: recall or AP50.
        name: the class.
        shown: a box for each detector of the scan.
        chart: the curves.
        readout: what is pointed at.
        message: why there is no chart.
    """

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(models, parent)
        self._curves: Standing[tuple[RecallCurve, ...]] = Standing(self.scans, "recall", self)
        self.scale = Choice("What is drawn", _SCALES, self)
        self.name = named(QComboBox(self), "Class", "Only objects of this class are counted")
        self.name.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.shown: tuple[QCheckBox, ...] = ()
        self.chart, self.readout, self.message = RecallChart(self), Readout(self), words_label(self, muted=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.readout.set_hint(HINT)
        self._stack = QStackedWidget(self)
        self._lay_out()
        self.chart.pointed.connect(self.readout.show_mark)
        self.chart.chosen.connect(self.choose)
        self.scale.changed.connect(self._ask)
        self.name.activated.connect(self._ask)
        self._curves.answered.connect(self._draw)
        self._curves.failed.connect(self._draw)

    def _lay_out(self) -> None:
        host = QWidget(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        host.setSizePolicy(policy)
        self._legend = FlowLayout(host, across=16)
        self._legend.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        head.setSpacing(12)
        for widget in (self.scale, self.name):
            head.addWidget(widget)
        head.addWidget(host, 1)
        for page in (self.chart, self.message):
            self._stack.addWidget(page)
        page_column(self, head, self._stack, self.readout)

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def curves(self) -> tuple[RecallCurve, ...]:
        """The newest curves, of all detectors."""
        return self._curves.value or ()

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Asks for what is shown; see `ScanPage`."""
        if state.about is None:
            return
        if names & {"about", "path"}:
            self._offer(state)
        self.chart.show_filter(state.filter)
        if not self.curves or not grows(state):
            self._ask()

    def _offer(self, state: ScansState) -> None:
        """The classes and detectors of the scan; the choice stays where it can."""
        assert state.about is not None
        chosen = self.name.currentText()
        with QSignalBlocker(self.name):
            self.name.clear()
            self.name.addItems([ALL_CLASSES, *state.about.classes])
            self.name.setCurrentIndex(max(0, self.name.findText(chosen)))
        if tuple(box.text() for box in self.shown) == state.about.detectors:
            return
        while self._legend.count():
            self._legend.takeAt(0)
        for box in self.shown:
            box.deleteLater()
        self.shown = tuple(self._box(number, name) for number, name in enumerate(state.about.detectors))
        self._draw_icons()

    def _box(self, number: int, name: str) -> QCheckBox:
        box = QCheckBox(name, self)
        box.setChecked(True)
        box.setIconSize(_SAMPLE)
        box.setAccessibleName(f"Curve of {name}")
        box.setToolTip(f"{DETECTOR_LOOKS[number].letter}: show or hide the curve of {name}")
        box.toggled.connect(self._draw)
        self._legend.addWidget(box)
        box.show()
        return box

    def _ask(self, *_: object) -> None:
        state = self.scans.state
        if state.about is None:
            return
        name = self.name.currentText() if self.name.currentIndex() > 0 else ""
        places = tuple(range(len(state.about.detectors)))
        self._curves.ask(AskRecall(state.path, places, name, bool(self.scale.current)))
        self._draw()

    def _draw(self, *_: object) -> None:
        curves = self.curves
        why = self._curves.problem or COUNTING if not curves else "" if curves[0].objects.sum() else NO_OBJECTS
        self.message.setText(why)
        self._stack.setCurrentIndex(int(bool(why)))
        self.readout.setVisible(not why)
        shown = {number for number, box in enumerate(self.shown) if box.isChecked()}
        as_ap = bool(self.scale.current) and all(curve.ap50 is not None for curve in curves)
        self.chart.show_curves(tuple(curve for curve in curves if curve.chosen.detector in shown), as_ap)

    # -- theme ------------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "shown"):
            self._draw_icons()

    def _draw_icons(self) -> None:
        """A sample of each curve before its name."""
        ratio = self.devicePixelRatioF()
        for look, box in zip(DETECTOR_LOOKS, self.shown, strict=False):
            pixmap = QPixmap(_SAMPLE * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            room = QRectF(0, 0, _SAMPLE.width(), _SAMPLE.height())
            painter.setPen(look.pen())
            painter.drawLine(QPointF(0, room.center().y()), QPointF(room.width(), room.center().y()))
            painter.setPen(QPen(self.palette().color(self.backgroundRole()), 1))
            painter.setBrush(QColor(look.colour))
            look.draw_sign(painter, room.center(), 4.5)
            painter.end()
            box.setIcon(QIcon(pixmap))

    # -- copies -----------------------------------------------------------------------------------------------------

    def copy_text(self) -> str:
        """All points of all curves."""
        return recall_table(self.curves) if self.curves else ""


def recall_table(curves: tuple[RecallCurve, ...]) -> str:
    """All points with tabs between them: a row for each detector and size."""
    lines = ["detector\tsize\tobjects\tfound\tpictures\trecall\tlow\thigh\tAP50\tlow\thigh"]
    for curve in curves:
        for bucket, size in enumerate(curve.sizes):
            counts = (curve.objects, curve.found, curve.pictures)
            values = [curve.recall[bucket], *curve.recall_ends[bucket]]
            if curve.ap50 is not None and curve.ap50_ends is not None:
                values.extend((curve.ap50[bucket], *curve.ap50_ends[bucket]))
            numbers = [*(str(int(column[bucket])) for column in counts), *(f"{float(value):.4f}" for value in values)]
            lines.append("\t".join((curve.name, size_name(*size), *numbers)))
    return "\n".join(lines)
