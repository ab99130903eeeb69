"""Small widgets of the life line panel: the outcome's chip, the object's crop, and foldable tables of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fpn_viewer.core.analysis.line import OUTCOMES
from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.ui.panels.life_paint import GREEN, VERMILION, draw_mark
from fpn_viewer.ui.panels.probe_paint import MARGIN, mixed, tabular
from fpn_viewer.ui.theme import strip_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QFont, QPaintEvent

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.ui.panels.life_texts import Fact

#: outcome to colour and mark; all others are lost, vermilion
_LOOKS = {
    "detected": (GREEN, "passed"),
    "badly placed": (QColor("#E69F00"), "killer"),
    "other class": (QColor("#CC79A7"), "killer"),
    "unknown": (QColor("#999999"), "unknown"),
}
CROP_SIDE = 44
#: sides of the shown region in sides of the object, and the fewest px it spans
_AROUND, _LEAST = 2.2, 12.0


class OutcomeChip(QWidget):
    """The outcome as a pill with a mark."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outcome = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def outcome(self) -> str:
        """A key of `line.OUTCOMES`, or ""."""
        return self._outcome

    def show_outcome(self, outcome: str) -> None:
        """Shows another outcome."""
        self._outcome = outcome
        meaning = OUTCOMES.get(outcome, "")
        self.setToolTip(meaning[:1].upper() + meaning[1:])
        self.setAccessibleName(f"Outcome: {outcome}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """The mark and the word."""
        metrics = QFontMetrics(tabular(self.font(), bold=True))
        return QSize(metrics.horizontalAdvance(self._outcome) + metrics.height() + 18, metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Mark and word on a pale ground of the outcome's colour."""
        colour, mark = _LOOKS.get(self._outcome, (VERMILION, "killer"))
        ground = mixed(colour, self.palette().color(QPalette.ColorRole.Base), 0.2)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1))
        painter.setBrush(ground)
        half = self.height() / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), half - 0.5, half - 0.5)
        draw_mark(painter, QPointF(half + 1, half), mark, self.palette(), ground, half - 4)
        painter.setFont(tabular(self.font(), bold=True))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(self.rect().adjusted(self.height() + 4, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, self._outcome)
        painter.end()


class CropView(QWidget):
    """The object with a little of its surroundings."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._box = QRectF()
        self.setFixedSize(CROP_SIDE, CROP_SIDE)
        self.setAccessibleName("The object in the picture")

    def show_crop(self, pixels: NDArray[np.uint8] | None, box_img: Box | None) -> None:
        """Shows a box of a picture (H, W, 3); nothing without either."""
        self._image = None
        if pixels is not None and box_img is not None:
            region = crop_region(box_img)
            self._image = _cut(pixels, region)
            unit = CROP_SIDE / (region[2] - region[0])
            x0, y0, x1, y1 = box_img
            self._box = QRectF((x0 - region[0]) * unit, (y0 - region[1]) * unit, (x1 - x0) * unit, (y1 - y0) * unit)
        self.setVisible(self._image is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pixels, and the box in white on black."""
        if self._image is None:
            return
        painter = QPainter(self)
        # small objects are shown as the pixels they are
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._image.width() > CROP_SIDE)
        painter.drawImage(self.rect(), self._image)
        for colour, width in ((QColor(0, 0, 0, 160), 3.0), (QColor("white"), 1.0)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(self._box)
        painter.end()


def crop_region(box_img: Box) -> tuple[int, int, int, int]:
    """The square around a box that is shown, xyxy whole image px; it may reach past the picture."""
    x0, y0, x1, y1 = box_img
    side = max(2, round(max(_LEAST, _AROUND * max(x1 - x0, y1 - y0))))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    return left, top, left + side, top + side


def _cut(pixels: NDArray[np.uint8], region: tuple[int, int, int, int]) -> QImage:
    """A region as an image; grey where it reaches past the picture."""
    x0, y0, x1, y1 = region
    height, width = pixels.shape[:2]
    # a huge object is thinned out before it is copied
    step = max(1, (x1 - x0) // (4 * CROP_SIDE))
    ys, xs = np.arange(y0, y1, step), np.arange(x0, x1, step)
    cut = np.ascontiguousarray(pixels[np.clip(ys, 0, height - 1)][:, np.clip(xs, 0, width - 1)])
    cut[(ys < 0) | (ys >= height)] = 128
    cut[:, (xs < 0) | (xs >= width)] = 128
    return QImage(cut.tobytes(), len(xs), len(ys), 3 * len(xs), QImage.Format.Format_RGB888).copy()


class FactTable(QWidget):
    """Names, values and notes in three aligned columns; every text can be marked and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Shows other rows."""
        while len(self._rows) < len(facts):
            self._add_row()
        for number, labels in enumerate(self._rows):
            for label in labels:
                label.setVisible(number < len(facts))
            if number < len(facts):
                self._fill(labels, facts[number])

    def texts(self) -> list[tuple[str, str, str]]:
        """What is shown, row by row."""
        return [(a.text(), b.text(), c.text()) for a, b, c in self._rows if not a.isHidden()]

    def _add_row(self) -> None:
        number = len(self._rows)
        labels = (_LevelLabel(self), _label(self), _label(self))
        labels[1].setFont(tabular(self.font()))
        labels[1].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in (labels[0], labels[2]):
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        labels[2].setFont(tabular(self.font(), -1))
        # the note gives way first, and its tooltip then holds it
        labels[2].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for column, label in enumerate(labels):
            self._grid.addWidget(label, number, column)
        self._rows.append(labels)

    def _fill(self, labels: tuple[QLabel, QLabel, QLabel], fact: Fact) -> None:
        for label, text in zip(labels, (fact.name, fact.value, fact.note), strict=True):
            label.setText(text)
            label.setToolTip(f"{fact.note}\n{fact.tip}" if fact.note else fact.tip)
        name = labels[0]
        if isinstance(name, _LevelLabel):
            name.mark(fact.level)
        labels[1].setAutoFillBackground(fact.warn)
        palette = labels[1].palette()
        palette.setColor(QPalette.ColorRole.Window, strip_colour("notice", self.palette()))
        labels[1].setPalette(palette if fact.warn else QPalette())


def _label(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class _LevelLabel(QLabel):
    """A name with a bar in the colour of its level before it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._level = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setContentsMargins(8, 0, 0, 0)

    def mark(self, level: str) -> None:
        """Chooses the level, "" for none."""
        self._level = level
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bar and the name."""
        super().paintEvent(event)
        if self._level:
            painter = QPainter(self)
            painter.fillRect(QRect(0, 2, 4, self.height() - 4), QColor(level_colour(self._level)))
            painter.end()


class Section(QWidget):
    """A heading that folds what is beneath it: a table of facts and a sentence."""

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        """Makes an open section.

        Args:
            title: one word.
            tip: what it is about.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._opened = True
        self.head = QToolButton(self)
        self.head.setText(title)
        self.head.setToolTip(tip)
        self.head.setAutoRaise(True)
        self.head.setArrowType(Qt.ArrowType.DownArrow)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setFont(_bold(self.font()))
        self.facts = FactTable(self)
        self.sentence = _label(self)
        self.sentence.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(4, 0, MARGIN, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self.head)
        inner = QVBoxLayout()
        inner.setContentsMargins(8, 0, 0, 4)
        inner.setSpacing(4)
        inner.addWidget(self.facts)
        inner.addWidget(self.sentence)
        self._column.addLayout(inner)
        self.head.clicked.connect(self._toggle)

    def show_facts(self, facts: Sequence[Fact], sentence: str) -> None:
        """Shows other facts."""
        self.facts.show_facts(facts)
        self.sentence.setText(sentence)
        self._show()

    @Slot()
    def _toggle(self) -> None:
        self._opened = not self._opened
        self._show()

    def _show(self) -> None:
        self.head.setArrowType(Qt.ArrowType.DownArrow if self._opened else Qt.ArrowType.RightArrow)
        self.head.setAccessibleName(f"{self.head.text()}, {'open' if self._opened else 'folded'}")
        self.facts.setVisible(self._opened)
        self.sentence.setVisible(self._opened and bool(self.sentence.text()))


def _bold(font: QFont) -> QFont:
    return tabular(font, bold=True)
