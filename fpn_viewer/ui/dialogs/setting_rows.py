"""The rows of the dialog of settings: what each option is called, and a line of widgets to change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QToolButton

from fpn_viewer.core.checkpoints.values import sureness
from fpn_viewer.core.detectors.conventions import CHOICES
from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.theme import strip_colour
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.sureness import MEANINGS, mark
from fpn_viewer.ui.widgets.texts import ElidedLabel
from fpn_viewer.viewmodels.detector_settings import as_text

if TYPE_CHECKING:
    from typing import Any

    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QWidget


@dataclass(frozen=True)
class Words:
    """How an option is shown.

    Attributes:
        label: a few words, with the unit.
        section: the heading it stands under; a key of `SECTIONS`.
        tip: what it is, in a sentence or two.
    """

    label: str
    section: str
    tip: str


SECTIONS: tuple[str, ...] = ("Picture", "Anchors", "Proposals", "Detections", "Network")
#: an option that is not here stands under the last heading by its own name
WORDS: dict[str, Words] = {
    "min_size": Words("Shorter side, px", "Picture", "The picture is resized so that its shorter side has this many pixels."),
    "max_size": Words(
        "Longer side at most, px", "Picture", "If the longer side were longer than this, the picture is made smaller still."
    ),
    "image_mean": Words("Mean", "Picture", "Subtracted from each channel, in the order and range of the network's input."),
    "image_std": Words("Standard deviation", "Picture", "Each channel is divided by it afterwards."),
    "channel_order": Words("Channel order", "Picture", "What the network was trained on: RGB, or BGR as OpenCV reads files."),
    "pixel_range": Words("White is", "Picture", "The value of a white pixel before the mean is subtracted."),
    "resize_filter": Words(
        "Resizing", "Picture", "Bilinear takes four pixels; antialias, as Pillow does it, all that lie under the new one."
    ),
    "size_rounding": Words("Rounding of sides", "Picture", "How the sides of the resized picture become whole pixels."),
    "anchor_sizes": Words(
        "Sizes, px",
        "Anchors",
        "Side of a square of the same area; “,” between sizes of one level, “;” between levels, fine to coarse.",
    ),
    "aspect_ratios": Words("Height / width", "Anchors", "The same on every level."),
    "anchor_offset": Words(
        "Place in the cell", "Anchors", "Where in its cell an anchor's centre is: 0 the first corner, 0.5 the middle."
    ),
    "anchor_rounding": Words(
        "Whole pixels", "Anchors", "Whether the anchors of a cell are rounded to whole pixels, as torchvision does."
    ),
    "anchor_strides": Words(
        "Steps", "Anchors", "From the padded size over the map's (grid), or the level's own power of two (level)."
    ),
    "rpn_pre_nms_top_n": Words("Kept per level", "Proposals", "Anchors of a level that go on, by objectness."),
    "rpn_nms_thresh": Words("NMS at IoU", "Proposals", "Above it the weaker of two proposals of a level goes."),
    "rpn_score_thresh": Words("Objectness above", "Proposals", "Proposals below it go."),
    "rpn_post_nms_top_n": Words("Kept in all", "Proposals", "Proposals over all levels together."),
    "topk_candidates": Words("Kept per level", "Detections", "Anchors and classes of a level that go on, by score."),
    "box_score_thresh": Words("Score above", "Detections", "Detections below it go."),
    "box_nms_thresh": Words("NMS at IoU", "Detections", "Above it the weaker of two detections of one class goes."),
    "box_detections_per_img": Words("Kept in all", "Detections", "Detections over all classes together."),
    "clip_before_nms": Words(
        "Clipped before NMS", "Detections", "Whether boxes are cut off at the picture's edge before NMS, or after it."
    ),
    "norm_eps": Words(
        "ε of frozen norms", "Network", "Added to the variance in frozen batch normalisation; old torchvision models have 0."
    ),
    "stride_in_1x1": Words(
        "Stride in the 1×1", "Network", "Where a ResNet's bottleneck halves the map: in its 1×1 (Caffe) or its 3×3 convolution."
    ),
    "fusion": Words("Lateral and top-down", "Network", "Their sum, or their average."),
    "p7_relu": Words("ReLU before P7", "Network", "Whether P7 is made from P6 behind a ReLU."),
    "roi_aligned": Words("RoIAlign by half a cell", "Network", "Whether RoIAlign shifts its samples by half a cell (“aligned”)."),
    "roi_sampling_ratio": Words("RoIAlign samples", "Network", "Samples per bin and side; 0 takes as many as the bin has cells."),
}
_TRUTH = {"True": "yes", "False": "no"}
_EDITOR_WIDTH = 250
#: columns of the grid
LABEL, EDITOR, SURE, ORIGIN, RESET = range(5)


def words_of(name: str) -> Words:
    """How an option is shown."""
    return WORDS.get(name, Words(name, SECTIONS[-1], name))


class Choice(QComboBox):
    """A list of values; the wheel scrolls the page and not the choice."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves the wheel to the page."""
        event.ignore()


class SettingRow(QObject):
    """One option: its name, an editor, how surely it is known and from where, and the way back.

    Signals:
        edited(name, text): the user typed or chose something.
        reset(name): the user wants what the file says.
    """

    edited = Signal(object, object)
    reset = Signal(object)

    def __init__(self, name: str, grid: QGridLayout, parent: QWidget) -> None:
        """Adds the row at the end of a grid.

        Args:
            name: of the option.
            grid: gets two lines: the row, and what is wrong with it.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self.name, words, line = name, words_of(name), grid.rowCount()
        self.editor = self._make_editor(parent)
        named(self.editor, f"{words.section}: {words.label}", f"{words.tip}\n{name}")
        label = named(QLabel(words.label), words.label, f"{words.tip}\n{name}")
        label.setBuddy(self.editor)
        self._mark, self._word, self.origin = QLabel(), QLabel(), ElidedLabel()
        self.origin.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.back = named(QToolButton(autoRaise=True), f"Reset {words.label}", "Go back to what the file says")
        self.back.clicked.connect(self._go_back)
        self.error = QLabel(wordWrap=True, margin=4)
        self.error.setAutoFillBackground(True)
        self.error.hide()
        sure = QGridLayout()
        sure.setHorizontalSpacing(6)
        sure.addWidget(self._mark, 0, 0)
        sure.addWidget(self._word, 0, 1)
        sure.setColumnStretch(1, 1)
        grid.addWidget(label, line, LABEL)
        grid.addWidget(self.editor, line, EDITOR)
        grid.addLayout(sure, line, SURE)
        grid.addWidget(self.origin, line, ORIGIN)
        grid.addWidget(self.back, line, RESET)
        grid.addWidget(self.error, line + 1, EDITOR, 1, 4)

    @property
    def text(self) -> str:
        """What stands in the editor."""
        if isinstance(self.editor, QComboBox):
            return str(self.editor.currentData())
        return self.editor.text()

    def show_value(self, value: Any, origin: str, changed: bool, typed: bool = False) -> None:
        """Shows what is in force; what is wrong is forgotten.

        Args:
            value: of the option.
            origin: in words.
            changed: whether it is not what the file says.
            typed: whether it is what the user is writing, who is not to be interrupted by another way to write it.
        """
        text, self.value_origin = as_text(value), origin
        if isinstance(self.editor, QComboBox):
            self.editor.setCurrentIndex(self.editor.findData(text))
        elif not typed:
            self.editor.setText(text)
            self.editor.setCursorPosition(0)
        self.show_origin(changed)
        self.show_error("")

    def show_origin(self, changed: bool) -> None:
        """Draws how surely the value is known and where it came from."""
        word = sureness(self.value_origin)
        self._mark.setPixmap(mark(word, self._mark.palette(), self._mark.devicePixelRatioF()))
        self._word.setText(word)
        for label in (self._mark, self._word):
            label.setToolTip(MEANINGS[word])
        self.origin.set_text(self.value_origin.removeprefix(f"{word}: "))
        self.back.setIcon(icon("reset", self.back.palette()))
        self.back.setVisible(changed)

    def show_error(self, sentence: str) -> None:
        """Says what is wrong with what was typed, or nothing any more."""
        ground = self.error.palette()
        ground.setColor(QPalette.ColorRole.Window, strip_colour("error", self.editor.palette()))
        self.error.setPalette(ground)
        self.error.setText(f"✕ {sentence}")
        self.error.setVisible(bool(sentence))

    def _make_editor(self, parent: QWidget) -> Choice | QLineEdit:
        if self.name in CHOICES:
            choice = Choice(parent)
            choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            for value in CHOICES[self.name]:
                text = as_text(value)
                choice.addItem(_TRUTH.get(text, text), text)
            choice.activated.connect(self._say)
            return choice
        line = QLineEdit(parent)
        line.setMinimumWidth(_EDITOR_WIDTH)
        line.textEdited.connect(self._say)
        return line

    def _say(self) -> None:
        self.edited.emit(self.name, self.text)

    def _go_back(self) -> None:
        self.reset.emit(self.name)
