"""The page "Coverage": how the anchors fit the objects of the data set, and which ones would fit better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from fpn_viewer.engine.scan.dataset.requests import AskCoverage, AskProposal
from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.ui.scan.coverage_chart import CoverageChart
from fpn_viewer.ui.scan.coverage_tables import anchor_rows, class_rows, hole_rows
from fpn_viewer.ui.scan.flow_row import FlowRow, labelled
from fpn_viewer.ui.scan.page import ScanPage
from fpn_viewer.ui.scan.parts import Choice, Readout, words_label
from fpn_viewer.ui.scan.standing import Standing
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.text_table import TextTable

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.dataset.values import Coverage, Fit, Proposal
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

MEASURING = "Measuring the anchors against every object …"
HINT = "Point at a size to read it; click it, or press Enter on it, to list its objects that no anchor reaches in the table."
OTHER_HEAD = "The detector's head has outputs for {0} sizes a level and {1} ratios; it can be opened with as many only"
_TABLES = (
    ("Anchors", "The present anchors beside those that are proposed"),
    ("Holes", "Sizes that no anchor fits, with the objects that have them"),
    ("Classes", "How many objects of each class an anchor reaches"),
)
_STEPS = 1000
#: rows of a table, heading included, that are always seen
_ROWS = 5
_PROGRESS = 160
#: px in which the chart can still be read; where the page is lower it is scrolled
_CHART = 240


class CoveragePage(ScanPage):
    """Sentence and chart over the proposal and its tables.

    Attributes:
        sentence: what to know first.
        filtered: whether only the filtered objects are meant.
        chart: overlap against size.
        readout: what is pointed at.
        message: why there is no chart.
        sizes: how many sizes a level are wanted.
        ratios: how many ratios.
        propose: looks for anchors.
        stop: ends that.
        progress: how far that is.
        proposed: what to know of it first.
        which: the table that is shown.
        tables: the three.
        copy_settings: the best anchors as settings.
        copy_code: as Python.
        use: opens the detector's settings with them.
    """

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(models, parent)
        self._coverage: Standing[Coverage] = Standing(self.scans, "coverage", self)
        self._proposal: Standing[Proposal] = Standing(self.scans, "proposal", self)
        self.sentence, self.message, self.proposed = words_label(self), words_label(self, muted=True), words_label(self)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.filtered = QCheckBox("Only the filtered objects", self)
        self.filtered.setToolTip("Measure the objects that the table lists; otherwise all, found or not")
        self.chart, self.readout = CoverageChart(self), Readout(self)
        self.chart.setMinimumHeight(_CHART)
        self.readout.set_hint(HINT)
        self._make_proposal()
        self._stack = QStackedWidget(self)
        self._lay_out()
        self._connect()

    def _make_proposal(self) -> None:
        self.sizes = named(QSpinBox(self), "Sizes a level", "How many anchor sizes each level gets; all levels share one head")
        self.ratios = named(QSpinBox(self), "Ratios", "How many shapes (height / width) each size gets")
        for box in (self.sizes, self.ratios):
            box.setRange(1, 9)
        self.propose = named(
            QPushButton("Propose anchors", self), "Propose anchors", "K-means by overlap, then evolution; some seconds"
        )
        self.stop = named(QPushButton("Stop", self), "Stop looking for anchors")
        self.progress = named(QProgressBar(self), "How far the search is")
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.which = Choice("Table", _TABLES, self)
        headings = (
            "",
            "Anchors by level, net px",
            "Reached",
            "Only by the rule",
            "Best is background",
            "Between places",
            "Mean overlap",
        )
        self.tables = (
            TextTable("Anchors and what they reach", headings, 1, self),
            TextTable("Sizes that no anchor fits", ("Sizes", "What it is", "Lowest overlap", "Objects", "Not reached"), 1, self),
            TextTable("Classes", ("Class", "Objects", "Reached", "Share", ""), 4, self),
        )
        self.copy_settings, self.copy_code = QPushButton("Copy as settings", self), QPushButton("Copy as Python", self)
        self.use = QPushButton("In the detector's settings…", self)
        self.copy_settings.setToolTip("Put the proposed anchors on the clipboard, as arguments of the command line")
        self.copy_code.setToolTip(
            "Put a torchvision AnchorGenerator with the proposed anchors on the clipboard, for a training script"
        )

    def _lay_out(self) -> None:
        self._labelled = (labelled("Sizes a level:", self.sizes, self), labelled("Ratios:", self.ratios, self))
        self.progress.setFixedWidth(_PROGRESS)
        scroll = QScrollArea(self)
        scroll.setWidget(self._full())
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for page in (self.message, scroll):
            self._stack.addWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 8)
        whole.setSpacing(8)
        whole.addWidget(FlowRow((self.filtered, *self._labelled, self.propose, self.stop, self.progress), self))
        whole.addWidget(self._stack, 1)

    def _full(self) -> QWidget:
        """Everything that there is with a coverage."""
        tables = QStackedWidget(self)
        for table in self.tables:
            tables.addWidget(table)
        # three rows need little room; the chart gets the rest
        tables.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        tables.setMinimumHeight(_ROWS * (self.fontMetrics().height() + 8))
        self.which.changed.connect(tables.setCurrentIndex)
        full = QWidget(self)
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.sentence)
        column.addWidget(self.chart, 5)
        column.addWidget(self.readout)
        column.addWidget(FlowRow((self.which, self.copy_settings, self.copy_code, self.use), self))
        column.addWidget(self.proposed)
        column.addWidget(tables, 2)
        return full

    def _connect(self) -> None:
        self.chart.pointed.connect(self.readout.show_mark)
        self.chart.chosen.connect(self.choose)
        self.filtered.toggled.connect(self._ask)
        self.propose.clicked.connect(self._propose)
        self.stop.clicked.connect(self._stop)
        self.copy_settings.clicked.connect(self._copy_settings)
        self.copy_code.clicked.connect(self._copy_code)
        self.use.clicked.connect(self._use)
        for standing in (self._coverage, self._proposal):
            standing.answered.connect(self._draw)
            standing.failed.connect(self._draw)
        self.scans.asked_progress.connect(self._show_progress)
        self._draw()

    # -- what is asked ----------------------------------------------------------------------------------------------

    @property
    def coverage(self) -> Coverage | None:
        """The newest coverage."""
        return self._coverage.value

    @property
    def proposal(self) -> Proposal | None:
        """The newest proposal for the same objects."""
        return self._proposal.value

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Asks for what is shown; see `ScanPage`."""
        if names & {"path"}:
            self._proposal.drop()
        self.chart.show_filter(state.filter)
        self._ask()

    def _ask(self, *_: object) -> None:
        state = self.scans.state
        if state.about is None:
            return
        before = self._coverage.value
        self._coverage.ask(AskCoverage(state.path, self._chosen()))
        if before is not None and self._coverage.value is None:
            self._proposal.drop()
        self._draw()

    def _chosen(self) -> Filter:
        """The objects that are meant."""
        shown = self.scans.state.filter
        return replace(shown, anchor_ious=(None, None)) if self.filtered.isChecked() else Filter(detector=shown.detector)

    def _propose(self) -> None:
        self._proposal.drop()
        self.progress.setValue(0)
        state = self.scans.state
        self._proposal.ask(AskProposal(state.path, self._chosen(), self.sizes.value(), self.ratios.value()))
        self._draw()

    def _stop(self) -> None:
        self._proposal.drop()
        self._draw()

    def _show_progress(self, lane: str, _: str, fraction: float) -> None:
        if lane == self._proposal.lane:
            self.progress.setValue(round(_STEPS * fraction))

    # -- what is shown ----------------------------------------------------------------------------------------------

    def _draw(self, *_: object) -> None:
        coverage, proposal = self.coverage, self.proposal
        self._stack.setCurrentIndex(int(coverage is not None))
        self.message.setText(self._coverage.problem or MEASURING)
        self.sentence.setText(coverage.sentence if coverage is not None else "")
        waiting: tuple[QWidget, ...] = (self.propose, *self._labelled)
        working: tuple[QWidget, ...] = (self.stop, self.progress)
        for part in (*waiting, *working):
            part.setVisible(self._proposal.busy == (part in working))
        self.proposed.setText(proposal.sentence if proposal is not None else self._proposal.problem)
        self.proposed.setVisible(bool(self.proposed.text()))
        for button in (self.copy_settings, self.copy_code, self.use):
            button.setVisible(proposal is not None)
        if coverage is not None:
            self._draw_coverage(coverage, proposal)

    def _draw_coverage(self, coverage: Coverage, proposal: Proposal | None) -> None:
        best = self._best
        self.chart.show_coverage(coverage, best, self._chosen())
        fits = proposal.fits if proposal is not None else (("now", coverage.now),)
        for table, rows in zip(self.tables, (anchor_rows(fits), hole_rows(coverage.now), class_rows(coverage.now)), strict=True):
            table.fill(rows)
        anchors = coverage.now.anchors
        if proposal is None and not self._proposal.busy and not self.sizes.hasFocus() and not self.ratios.hasFocus():
            self.sizes.setValue(len(anchors.sizes[0]))
            self.ratios.setValue(len(anchors.ratios))
        if best is not None:
            fits_head = [len(row) for row in best.anchors.sizes] == [len(row) for row in anchors.sizes]
            fits_head = fits_head and len(best.anchors.ratios) == len(anchors.ratios)
            self.use.setEnabled(fits_head)
            refused = OTHER_HEAD.format(len(anchors.sizes[0]), len(anchors.ratios))
            self.use.setToolTip(
                "Open the detector's settings with these anchors; its weights were trained with others" if fits_head else refused
            )

    @property
    def _best(self) -> Fit | None:
        return self.proposal.evolved if self.proposal is not None else None

    # -- what is done with it ---------------------------------------------------------------------------------------

    def _copy_settings(self) -> None:
        self._copy(self._best.anchors.text if self._best is not None else "")

    def _copy_code(self) -> None:
        self._copy(self._best.anchors.code if self._best is not None else "")

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.said.emit("The proposed anchors are on the clipboard.")

    def _use(self) -> None:
        if self._best is not None:
            self.settings_wanted.emit(dict(self._best.anchors.options))

    def copy_text(self) -> str:
        """The table of sizes, and the proposal where there is one."""
        coverage = self.coverage
        if coverage is None:
            return ""
        lines = ["from (net px)\tbelow\tobjects\treached\tbest is background\tmedian overlap"]
        for one in coverage.now.bins:
            middle = f"{one.quantiles[1]:.4f}" if one.quantiles else ""
            lines.append(f"{one.low:.2f}\t{one.high:.2f}\t{one.objects}\t{one.reached}\t{one.below}\t{middle}")
        if self._best is not None:
            lines.append(self._best.anchors.text)
        return "\n".join([coverage.sentence, *lines])
