"""The light of the What-if panel: would the object be detected? Read at a glance, by shape and by colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fpn_viewer.core.analysis.overlap import iou_with
from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.probe_paint import tabular
from fpn_viewer.ui.panels.what_if_words import BEGAN, duration, gained_and_lost, others_words

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.structures import Detections
    from fpn_viewer.engine.object_values import WhatIfAnswer
    from fpn_viewer.engine.values import TraceView
    from fpn_viewer.viewmodels.question import QuestionState
    from fpn_viewer.viewmodels.what_if import WhatIfState

SIDE = 40
#: an answer that comes within this time does not make the light blink, ms
DIM_AFTER_MS = 90
FOUND, MISSED, UNKNOWN = "found", "missed", "unknown"
_DIM = 0.35
NO_OBJECT = "Click an annotated object, or press B and drag a box around one, to see what a change would do for it."


@dataclass(frozen=True)
class Reading:
    """What the light says.

    Attributes:
        kind: `FOUND`, `MISSED` or `UNKNOWN`.
        title: in a few words.
        detail: numbers.
        note: what was run for it.
        tip: the whole story.
    """

    kind: str
    title: str
    detail: str = ""
    note: str = ""
    tip: str = ""

    @property
    def text(self) -> str:
        """All of it, a line for each part."""
        return "\n".join(part for part in (self.title, self.detail, self.note) if part)


def read(trace: TraceView | None, question: QuestionState, what_if: WhatIfState) -> Reading:
    """What the light says of the asked object, under the sliders' change where that is answered, in the trace otherwise."""
    if trace is None:
        return Reading(UNKNOWN, "Nothing was run yet", "Open a picture and a detector, or press F5.")
    if question.trouble:
        return Reading(UNKNOWN, "No answer", question.trouble)
    if question.asked is None:
        return Reading(UNKNOWN, "No object is asked about", NO_OBJECT)
    if question.line is None:
        return Reading(UNKNOWN, "Looking for it …")
    if what_if.trouble and what_if.troubled == "what_if":
        return Reading(UNKNOWN, "No answer", what_if.trouble)
    if what_if.answer is None or what_if.change == what_if.applied:
        return _now(trace.detections, question.line)
    return _then(trace.detections, question.line, what_if.answer)


def _now(detections: Detections, line: LifeLine) -> Reading:
    if line.detection is not None:
        return Reading(FOUND, "Is detected", _numbers(detections, line.detection, line.box_img), tip=line.verdict)
    return Reading(MISSED, f"Is missed{_where(line)}", tip=line.verdict)


def _then(before: Detections, was: LifeLine, answer: WhatIfAnswer) -> Reading:
    line = answer.line
    others = others_words(*gained_and_lost(before, answer.detections, was.detection, line.detection))
    ran = f"re-ran: {BEGAN.get(answer.began, answer.began)} in {duration(answer.seconds)}"
    if line.detection is not None:
        still = "still " if was.detection is not None else ""
        numbers = _numbers(answer.detections, line.detection, line.box_img)
        return Reading(FOUND, f"Would {still}be detected", f"{numbers}\n{others}", ran, line.verdict)
    still = "still " if was.detection is None else ""
    return Reading(MISSED, f"Would {still}be missed{_where(line)}", others, ran, line.verdict)


def _where(line: LifeLine) -> str:
    return f" at {line.killer}" if line.killer else ""


def _numbers(detections: Detections, row: int, box_img: Box) -> str:
    overlap = float(iou_with(detections.boxes_img[row], box_img)[0])
    return f"score {significant(float(detections.scores[row]))} · IoU {significant(overlap)}"


class _Lamp(QWidget):
    """A full disc with a tick, a broken ring with a cross, or a thin ring."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.kind, self.dim = UNKNOWN, False
        self.setFixedSize(SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The shape."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(_DIM if self.dim else 1.0)
        disc = QRectF(self.rect()).adjusted(4, 4, -4, -4)
        _SHAPES[self.kind](painter, disc, self.palette())
        painter.end()


def _found(painter: QPainter, disc: QRectF, _: QPalette) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(OUTCOME_LOOKS["found"].colour))
    painter.drawEllipse(disc)
    painter.setPen(QPen(QColor("white"), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF([_at(disc, *point) for point in ((0.27, 0.53), (0.44, 0.70), (0.74, 0.34))]))


def _missed(painter: QPainter, disc: QRectF, _: QPalette) -> None:
    look = OUTCOME_LOOKS["missed"]
    painter.setPen(QPen(QColor(look.colour), 3, look.style))
    painter.drawEllipse(disc)
    painter.setPen(QPen(QColor(look.colour), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(_at(disc, 0.34, 0.34), _at(disc, 0.66, 0.66))
    painter.drawLine(_at(disc, 0.66, 0.34), _at(disc, 0.34, 0.66))


def _unknown(painter: QPainter, disc: QRectF, palette: QPalette) -> None:
    painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1.5))
    painter.drawEllipse(disc)


def _at(box: QRectF, x: float, y: float) -> QPointF:
    return QPointF(box.left() + x * box.width(), box.top() + y * box.height())


_SHAPES = {FOUND: _found, MISSED: _missed, UNKNOWN: _unknown}


class Light(QWidget):
    """The lamp with what it means beside it; it dims while a newer answer is on its way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a light that knows nothing."""
        super().__init__(parent)
        self._reading = Reading(UNKNOWN, "")
        self._lamp = _Lamp(self)
        self._labels = tuple(self._label(bold=n == 0) for n in range(3))
        self._labels[2].setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._dim_soon = QTimer(self)
        self._dim_soon.setSingleShot(True)
        self._dim_soon.setInterval(DIM_AFTER_MS)
        self._dim_soon.timeout.connect(self._dim)
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 8, 8, 4)
        grid.setHorizontalSpacing(8)
        grid.addWidget(self._lamp, 0, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(0)
        for label in self._labels:
            words.addWidget(label)
        words.addStretch()
        grid.addLayout(words, 0, 1)
        grid.setColumnStretch(1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _label(self, bold: bool) -> QLabel:
        label = QLabel(self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setFont(tabular(label.font(), 1.5 if bold else 0.0, bold))
        return label

    @property
    def reading(self) -> Reading:
        """What is said."""
        return self._reading

    @property
    def dimmed(self) -> bool:
        """Whether it is said with less force, because it is about to be replaced."""
        return self._lamp.dim

    def show_reading(self, reading: Reading, waiting: bool) -> None:
        """Says something.

        Args:
            reading: what.
            waiting: a newer answer is on its way.
        """
        self._reading = reading
        self._lamp.kind = reading.kind
        for label, text in zip(self._labels, (reading.title, reading.detail, reading.note), strict=True):
            label.setText(text)
            label.setVisible(bool(text))
        self.setToolTip(reading.tip)
        self.setAccessibleName(reading.text)
        if not waiting:
            self._dim_soon.stop()
            self._set_dim(False)
        elif not self.dimmed and not self._dim_soon.isActive():
            self._dim_soon.start()
        self._lamp.update()

    def _dim(self) -> None:
        self._set_dim(True)

    def _set_dim(self, dim: bool) -> None:
        self._lamp.dim = dim
        for label in self._labels:
            label.setEnabled(not dim)
        self._lamp.update()
