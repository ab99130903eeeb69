"""The tab "Scan": the sentence of the first glance, whose outcomes are meant, the pages, and what the table lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from fpn_viewer.engine.scan.words import counted
from fpn_viewer.ui.scan.head import ScanHead
from fpn_viewer.ui.scan.pages import PAGES
from fpn_viewer.ui.scan.parts import words_label
from fpn_viewer.ui.scan.texts import filter_words
from fpn_viewer.ui.widgets.copying import copy_action
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from fpn_viewer.ui.scan.page import ScanPage
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

#: height from which on there is room for the line about the table, px
_FULL = 440
EMPTY = "No scan is open"
ABOUT = (
    "A scan runs detectors over a folder of annotated pictures and keeps, for every object, whether it was found and which stage "
    "lost it. Here it shows where most are lost, how recall depends on size, and in what two checkpoints differ."
)
READING = "Reading the scan …"
NO_TRUTH = "The scan was made without annotations, so that nothing is known of objects. Scan again and name their annotations."
NO_PICTURE_YET = "No picture is through yet."


class ScanTab(QWidget):
    """The empty state, or the head over the pages over the line about the table.

    Signals:
        start_requested(): the button "Start a scan…" was pressed.
        scan_requested(): the button "Open a scan…" was pressed.
        table_requested(): the table of objects should be seen.
        said(text): one sentence for the status line.
        problem(problem): a `viewmodels.states.Problem`.
        settings_wanted(values): open the detector's settings with these values filled in.

    Attributes:
        head: sentence and choosers.
        pages: the pages; each is made when it is first chosen.
        start: starts a scan.
        open: opens one.
        message: why there are no pages to be seen.
        listed: what the table lists.
        everything: takes the filter away.
        needs_picture: whether it can only be saved while a picture is shown.
        to_table: brings the table to the front.
    """

    start_requested = Signal()
    needs_picture = False
    scan_requested = Signal()
    table_requested = Signal()
    said = Signal(object)
    problem = Signal(object)
    settings_wanted = Signal(object)

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes head and pages over a scan.

        Args:
            models: all view-models of the window.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._models, self.scans = models, models.scans
        self.head, self.pages = ScanHead(self.scans, self), QTabWidget(self, documentMode=True)
        self.start, self.open = QPushButton("Start a scan…", self), QPushButton("Open a scan…", self)
        self.title, self.message = words_label(self, large=True), words_label(self, muted=True)
        self.listed, self.everything, self.to_table = (
            ElidedLabel(parent=self),
            QPushButton("All objects"),
            QPushButton("Show table"),
        )
        self._stack, self._foot = QStackedWidget(self), QWidget(self)
        self._made: dict[int, ScanPage] = {}
        self._lay_out()
        self._connect()
        self._follow(self.scans.state)

    # -- making -----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        for number, row in enumerate(PAGES):
            place = QWidget(self.pages)
            QVBoxLayout(place).setContentsMargins(0, 0, 0, 0)
            self.pages.addTab(place, row.title)
            self.pages.setTabToolTip(number, row.tip)
        self.pages.tabBar().setAccessibleName("Pages of the scan")
        full = QWidget(self)
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.head)
        column.addWidget(self.pages, 1)
        column.addWidget(self._line())
        self._stack.addWidget(self._empty_page())
        self._stack.addWidget(full)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._stack)

    def _empty_page(self) -> QWidget:
        """Title, sentence and buttons in the middle."""
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(12)
        column.addStretch(2)
        for label in (self.title, self.message):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setMaximumWidth(640)
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(label, 100)
            row.addStretch(1)
            column.addLayout(row)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (self.start, self.open):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addStretch(3)
        return page

    def _line(self) -> QWidget:
        """What the table lists, and what can be done about it."""
        row = QHBoxLayout(self._foot)
        row.setContentsMargins(12, 0, 12, 4)
        row.setSpacing(8)
        label = QLabel("Table:", self._foot)
        label.setToolTip("What the table of objects lists; a click on a part of a chart changes it")
        for widget in (label, self.listed):
            row.addWidget(widget, int(widget is self.listed))
        self.listed.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.everything.setToolTip("Take the filter away: the table lists all objects")
        self.to_table.setToolTip("Bring the table of objects to the front")
        for button in (self.everything, self.to_table):
            row.addWidget(button)
        return self._foot

    def _connect(self) -> None:
        self.scans.changed.connect(self._follow)
        self.pages.currentChanged.connect(self._open_page)
        self.start.clicked.connect(self.start_requested)
        self.open.clicked.connect(self.scan_requested)
        self.everything.clicked.connect(self.scans.clear_filter)
        self.to_table.clicked.connect(self.table_requested)
        self.addAction(copy_action("Copy numbers", self, self.copy))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives the charts the room of the last line where there is little: the table itself says what it lists."""
        super().resizeEvent(event)
        self._foot.setVisible(self.height() >= _FULL)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def _follow(self, state: ScansState, names: frozenset[str] = frozenset()) -> None:
        title, message = _why_not(state)
        self._stack.setCurrentIndex(0 if title else 1)
        self.title.setText(title)
        self.message.setText(message)
        for button in (self.start, self.open):
            button.setVisible(title != READING)
        if not title and state.about is not None:
            self._open_page(self.pages.currentIndex())
            objects = "" if state.total is None else f" — {counted(state.total)}"
            self.listed.set_text(f"{filter_words(state.filter, state.about.detectors)}{objects}")

    def _open_page(self, number: int) -> None:
        """Makes the page of a place where that has not been done; only where there is a scan to show."""
        if number in self._made or self._stack.currentIndex() == 0:
            return
        place = self.pages.widget(number)
        assert place is not None
        page = self._made[number] = PAGES[number].factory(self._models, place)
        for name in ("said", "problem", "settings_wanted"):
            getattr(page, name).connect(getattr(self, name))
        layout = place.layout()
        assert layout is not None
        layout.addWidget(page)

    @property
    def page(self) -> ScanPage | None:
        """The page in front."""
        return self._made.get(self.pages.currentIndex())

    def copy(self) -> None:
        """Puts the numbers of the page in front on the clipboard, under the sentence about the scan."""
        text = self.page.copy_text() if self.page is not None and self._stack.currentIndex() else ""
        if text:
            QGuiApplication.clipboard().setText(text)
            self.said.emit("Copied the numbers of the page")

    # -- pictures of the view ---------------------------------------------------------------------------------------

    def render_image(self, scale: float = 1.0) -> QImage:
        """The tab as a picture.

        Args:
            scale: px of the picture per px of the tab, above 0.
        """
        image = QImage(self.size() * scale, QImage.Format.Format_RGB32)
        image.fill(self.palette().color(self.backgroundRole()))
        painter = QPainter(image)
        painter.scale(scale, scale)
        self.render(painter, QPoint())
        painter.end()
        return image

    def render_svg(self, path: str) -> None:
        """Writes the tab as SVG."""
        from PySide6.QtSvg import QSvgGenerator

        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
        generator.setFileName(path)
        generator.setSize(self.size())
        generator.setViewBox(QRect(0, 0, self.width(), self.height()))
        generator.setTitle("Scan")
        painter = QPainter(generator)
        self.render(painter, QPoint())
        painter.end()


def _why_not(state: ScansState) -> tuple[str, str]:
    """Title and sentence of what is shown in place of the pages; ("", "") where they can be shown."""
    about = state.about
    if state.problem and about is None:
        return "The scan cannot be shown", state.problem
    if not state.path:
        return EMPTY, ABOUT
    if about is None:
        return READING, state.path
    if not about.annotations:
        return "No annotations", NO_TRUTH
    if not about.done:
        return "The scan has begun", NO_PICTURE_YET
    return "", ""
