"""What is to be scanned: pictures, annotations, detectors, and the file that the results go to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
)

from fpn_viewer.engine.scan_running import DetectorOrder, ScanOrder
from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QWidget

#: detectors that one scan takes
MOST = 4
_WIDTH = 620
_DETECTOR_ROWS = 4


@dataclass(frozen=True)
class Offer:
    """What the window has at hand for a scan.

    Attributes:
        pictures: of the open list.
        annotations: file or folder that is open, "" without any.
        detectors: (name, how it is ordered) of those that are open, the window's own first.
        out: proposed file.
        iou: overlap from which a detection counts.
        classes: what was said of the data set's classes.
        addable: (title, (text, source) of each) of more detectors: bundled ones, and those that were open before.
        options: what was said of the window's detector when it was opened.
    """

    pictures: tuple[str, ...]
    annotations: str
    detectors: tuple[tuple[str, DetectorOrder], ...]
    out: str
    iou: float
    classes: Mapping[str, str | None]
    addable: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class StartDialog(SmallDialog):
    """Asks what is to be scanned.

    Signals:
        folder_wanted(taker): a folder is to be chosen; `taker` is called with it.
        annotations_wanted(taker): the same for a file of annotations.
        checkpoint_wanted(taker): the same for a file of weights.
        out_wanted(taker): the same for the file of the results.
        started(order): `ScanOrder`; the dialog closes.
    """

    folder_wanted = Signal(object)
    annotations_wanted = Signal(object)
    checkpoint_wanted = Signal(object)
    out_wanted = Signal(object)
    started = Signal(object)

    def __init__(self, offer: Offer, parent: QWidget) -> None:
        """Fills in what the window has at hand.

        Args:
            offer: that.
            parent: the window.
        """
        super().__init__("Start a scan", parent)
        self._offer = offer
        words = "A scan follows every annotated object through the detectors and writes what became of it into one file."
        self.column.addWidget(QLabel(words, wordWrap=True))
        self._make_pictures()
        self._make_truth()
        self._make_detectors()
        self.out = named(
            QLineEdit(offer.out), "File of the results", "An SQLite file; a scan that is there already is gone on with"
        )
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Pictures", _row(self.source))
        form.addRow("", _row(self.folder, self._browse("Folder…", self.folder_wanted, self._take_folder), self.recursive))
        truth = self._browse("File…", self.annotations_wanted, self.annotations.setText)
        form.addRow(
            "Annotations", _row(self.annotations, truth, self._browse("Folder…", self.folder_wanted, self.annotations.setText))
        )
        form.addRow("Found from", _row(self.iou, QLabel("overlap of detection and object"), stretch=True))
        form.addRow("Detectors", self.detectors)
        form.addRow("", _row(self.add, self.alike, stretch=True))
        form.addRow("Results", _row(self.out, self._browse("Choose…", self.out_wanted, self.out.setText)))
        self.column.addLayout(form)
        self.said = QLabel(wordWrap=True)
        self.said.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.column.addWidget(self.said)
        self.start = self.add_button("Start")
        for button in self.buttons.buttons():
            if isinstance(button, QPushButton):
                button.setAutoDefault(button is self.start)
        self.start.setDefault(True)
        self.start.setFocus()
        self.start.clicked.connect(self._start)
        self.finish()
        self._connect()
        self.resize(_WIDTH, self.sizeHint().height())
        self._check()

    # -- widgets ----------------------------------------------------------------------------------------------------

    def _make_pictures(self) -> None:
        count = len(self._offer.pictures)
        self.source = named(QComboBox(), "Pictures", "Which pictures are scanned")
        self.source.addItem(f"The open list: {count:,} picture{'s' * (count != 1)}")
        self.source.addItem("A folder")
        self.source.setCurrentIndex(int(count <= 1))
        self.folder = named(QLineEdit(placeholderText="Folder of pictures"), "Folder of pictures")
        self.recursive = QCheckBox("and folders inside")

    def _make_truth(self) -> None:
        self.annotations = named(
            QLineEdit(self._offer.annotations, placeholderText="None: only sizes and detections are written"),
            "Annotations",
            "COCO, Pascal VOC, YOLO or LabelMe: a file or a folder",
        )
        self.iou = QDoubleSpinBox(minimum=0.05, maximum=0.95, singleStep=0.05, decimals=2, prefix="IoU ")
        self.iou.setValue(self._offer.iou)
        named(self.iou, "Overlap that counts as found", "Overlap (IoU) from which a detection counts for an object")

    def _make_detectors(self) -> None:
        self.detectors = named(QListWidget(), "Detectors", f"One to {MOST}; all see the same pictures")
        for place, (name, order) in enumerate(self._offer.detectors):
            self._add(name, order, checked=place == 0)
        height = self.detectors.fontMetrics().height() + 6
        self.detectors.setFixedHeight(_DETECTOR_ROWS * height)
        self._make_add()

    def _make_add(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for title, entries in self._offer.addable:
            if entries:
                menu.addSection(title)
            for text, source in entries:
                menu.addAction(text.replace("&", "&&"), partial(self.add_checkpoint, source)).setToolTip(source)
        menu.addSeparator()
        menu.addAction("A checkpoint's &file…", partial(self._ask, self.checkpoint_wanted, self.add_checkpoint))
        self.add = QPushButton("Add a detector")
        # Enter is for Start
        self.add.setAutoDefault(False)
        self.add.setMenu(menu)
        self.alike = QCheckBox("files with the settings of the window's detector")
        said = ", ".join(f"{name} = {value}" for name, value in self._offer.options.items())
        self.alike.setToolTip(f"A checkpoint cannot say everything. Said of the window's detector: {said}")
        self.alike.setVisible(bool(self._offer.options))
        self.alike.setChecked(bool(self._offer.options))

    def _add(self, name: str, order: DetectorOrder, *, checked: bool) -> None:
        item = QListWidgetItem(name)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        item.setData(Qt.ItemDataRole.UserRole, order)
        item.setToolTip(str(order.source) if order.source is not None else "The detector that the window shows, as it was opened")
        self.detectors.addItem(item)

    def _browse(self, text: str, wanted: SignalInstance, taker: Callable[[str], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(partial(self._ask, wanted, taker))
        return button

    def _ask(self, wanted: SignalInstance, taker: Callable[[str], None]) -> None:
        wanted.emit(taker)

    def _connect(self) -> None:
        for line in (self.folder, self.annotations, self.out):
            line.textChanged.connect(self._check)
        self.source.currentIndexChanged.connect(self._check)
        self.detectors.itemChanged.connect(self._check)

    # -- what is chosen ---------------------------------------------------------------------------------------------

    def add_checkpoint(self, path: str) -> None:
        """Adds a bundled detector or a file of weights to the detectors."""
        self._add(Path(path).name, DetectorOrder(path), checked=True)
        self.detectors.scrollToBottom()
        self._check()

    def _take_folder(self, path: str) -> None:
        self.folder.setText(path)
        self.source.setCurrentIndex(1)

    def order(self) -> ScanOrder:
        """What is chosen."""
        uses_list = self.source.currentIndex() == 0
        return ScanOrder(
            self._offer.pictures if uses_list else (self.folder.text().strip(),),
            tuple(self._chosen()),
            self.out.text().strip(),
            self.annotations.text().strip(),
            round(self.iou.value(), 2),
            self._offer.classes if self.annotations.text().strip() == self._offer.annotations else {},
            self.recursive.isChecked(),
        )

    def _chosen(self) -> list[DetectorOrder]:
        items = (self.detectors.item(row) for row in range(self.detectors.count()))
        orders = (item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() == Qt.CheckState.Checked)
        return [replace(order, options=self._offer.options) if self._is_alike(order) else order for order in orders]

    def _is_alike(self, order: DetectorOrder) -> bool:
        """Whether it is a file that is opened as the window's detector was."""
        is_file = isinstance(order.source, str) and Path(order.source).is_file()
        return is_file and not order.options and self.alike.isChecked()

    def _check(self, _: object = None) -> None:
        uses_list = self.source.currentIndex() == 0
        self.folder.setEnabled(not uses_list)
        self.recursive.setEnabled(not uses_list)
        wrong = problem_of(self.order())
        self.start.setEnabled(not wrong)
        out = Path(self.out.text().strip())
        there = out.is_file()
        self.start.setText("Go on" if there and not wrong else "Start")
        self.said.setText(wrong or (f"{out.name} is there already: it is gone on with where it stopped." if there else ""))

    def _start(self) -> None:
        self.started.emit(self.order())
        self.accept()


def problem_of(order: ScanOrder) -> str:
    """Why an order cannot be carried out, as far as that is seen at once; "" when it can."""
    folder = Path(order.out).parent
    checks: Sequence[tuple[bool, str]] = (
        (not order.pictures or not order.pictures[0], "Choose a folder of pictures, or open some pictures first."),
        (
            len(order.pictures) == 1 and not Path(order.pictures[0]).exists(),
            f"{order.pictures[0] if order.pictures else ''} is not there; choose another.",
        ),
        (
            bool(order.annotations) and not Path(order.annotations).exists(),
            f"{order.annotations} is not there; choose other annotations.",
        ),
        (not order.detectors, "Choose at least one detector."),
        (len(order.detectors) > MOST, f"A scan takes at most {MOST} detectors; leave some out."),
        (not order.out, "Choose a file for the results."),
        (not folder.is_dir(), f"The folder {folder} is not there; choose another place for the results."),
        (Path(order.out).is_dir(), f"{order.out} is a folder; give the results a file in it."),
    )
    return next((sentence for wrong, sentence in checks if wrong), "")


def _row(*widgets: QWidget, stretch: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for place, widget in enumerate(widgets):
        row.addWidget(widget, int(place == 0 and not stretch))
    if stretch:
        row.addStretch()
    return row
