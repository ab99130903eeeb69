"""The page "Remedies": which single setting brings back how many of the filtered misses, and at what cost."""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QProgressBar, QPushButton, QSpinBox, QVBoxLayout

from fpn_viewer.engine.scan.dataset.values import KINDS
from fpn_viewer.ui.scan.flow_row import FlowRow, labelled
from fpn_viewer.ui.scan.page import ScanPage
from fpn_viewer.ui.scan.parts import words_label
from fpn_viewer.ui.scan.remedy_rows import HEADINGS, remedy_rows, sample_words
from fpn_viewer.ui.scan.texts import filter_words
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.text_table import Cell, TextTable
from fpn_viewer.viewmodels.scan_remedies import ScanRemedies

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.dataset.values import DataRemedy
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scan_remedies import SearchState
    from fpn_viewer.viewmodels.scans import ScansState

ABOUT = (
    "Each setting is changed alone, and every picture of a sample is computed again with it. The table then says how many of the "
    "filtered misses come back, what is lost, and how many more false positives there are."
)
STOPPED = "Stopped: what follows is from the pictures gone through so far."
OTHER = "This was tried for another filter: {0}."
NO_PICTURE = "Stopped before the first picture was through."
_TITLES = {"selection": "Selection", "gains": "Gains", "input": "Input size"}
_STEPS, _SAMPLE, _MOST, _PROGRESS = 1000, 32, 10_000, 160


class DataRemediesPage(ScanPage):
    """What to try over the table of what came of it.

    Attributes:
        search: runs it.
        kinds: what to try, by kind.
        pictures: how many of the sample.
        start: begins.
        stop: ends.
        progress: how far it is.
        stage: what is being tried, and how long it will take.
        sentence: what to know first.
        sampled: of how many pictures that is.
        note: that it was stopped, failed, or meant another filter.
        table: a row for each change.
        use: opens the detector's settings with the chosen change.
    """

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(models, parent)
        self.search = ScanRemedies(models.scans, models.document, self)
        self._began = 0.0
        self._rows: tuple[DataRemedy, ...] = ()
        self.kinds = {kind: QCheckBox(_TITLES[kind], self) for kind in KINDS}
        for kind, box in self.kinds.items():
            box.setToolTip(f"Try {KINDS[kind]}")
            box.setChecked(kind != "gains")
        self.pictures = named(QSpinBox(self), "Pictures of the sample", "More pictures take longer and say it more surely")
        self.pictures.setRange(1, _MOST)
        self.pictures.setValue(_SAMPLE)
        self.start, self.stop = QPushButton("Try changes", self), QPushButton("Stop", self)
        self.start.setToolTip("Try each change on a sample of the scan's pictures; some seconds a picture")
        self.stop.setToolTip("Stop; what was found so far stays")
        self.use = QPushButton("In the detector's settings…", self)
        self.progress = named(QProgressBar(self), "How far the search is")
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.stage, self.sentence = words_label(self, muted=True), words_label(self)
        self.sampled, self.note = words_label(self, muted=True), words_label(self)
        self.table = TextTable("Changes and what they bring back", (*HEADINGS, ""), len(HEADINGS), self)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.progress.setFixedWidth(_PROGRESS)
        count = labelled("Pictures:", self.pictures, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addWidget(FlowRow((*self.kinds.values(), count, self.start, self.stop, self.progress, self.use), self))
        for part in (self.stage, self.note, self.sentence, self.sampled):
            column.addWidget(part)
        column.addWidget(self.table, 1)
        # keeps the rest at the top while there is no table
        column.addStretch(0)

    def _connect(self) -> None:
        self.search.changed.connect(self._searched)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self.search.stop)
        self.use.clicked.connect(self._use)
        self.table.selectionModel().selectionChanged.connect(self._allow_use)
        for box in self.kinds.values():
            box.toggled.connect(self._draw)
        self._draw()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Another scan has other remedies; another filter asks another question. See `ScanPage`."""
        asked = self.search.state.asked
        if asked is not None and asked.path != state.path:
            self.search.forget()
        self._draw()

    def _searched(self, state: SearchState, names: frozenset[str]) -> None:
        if "found" in names:
            self._fill(state)
        self._draw()

    def _fill(self, state: SearchState) -> None:
        self._rows = state.found.rows if state.found is not None and any(state.found.done) else ()
        self.table.fill([(*row, Cell("")) for row in remedy_rows(self._rows)])

    def _draw(self, *_: object) -> None:
        search, found = self.search.state, self.search.state.found
        for part in (*self.kinds.values(), self.pictures):
            part.setEnabled(not search.active)
        self.start.setVisible(not search.active)
        self.start.setEnabled(any(box.isChecked() for box in self.kinds.values()))
        for part in (self.stop, self.progress):
            part.setVisible(search.active)
        self.progress.setValue(round(_STEPS * search.fraction))
        has_rows = bool(self._rows)
        self.stage.setText(self._stage_words(search) if search.active else "" if has_rows else ABOUT)
        self.sentence.setText(found.sentence if found is not None and has_rows else "")
        self.sampled.setText(sample_words(found) if found is not None and has_rows else "")
        self.note.setText(self._note_words(search))
        for label in (self.stage, self.sentence, self.sampled, self.note):
            label.setVisible(bool(label.text()))
        self.table.setVisible(has_rows)
        self.use.setVisible(has_rows)
        self._allow_use()

    def _stage_words(self, search: SearchState) -> str:
        if search.fraction <= 0 or not self._began:
            return f"{search.stage} …"
        left = (monotonic() - self._began) * (1 - search.fraction) / search.fraction
        minutes, seconds = divmod(ceil(left), 60)
        return f"{search.stage} · {f'{minutes} min {seconds} s' if minutes else f'{seconds} s'} left"

    def _note_words(self, search: SearchState) -> str:
        if search.kind == "failed":
            return search.problem
        said = []
        if search.kind == "stopped":
            said.append(STOPPED if self._rows else NO_PICTURE)
        shown, asked = self.scans.state, search.asked
        if asked is not None and asked.chosen != shown.filter and shown.about is not None:
            said.append(OTHER.format(filter_words(asked.chosen, shown.about.detectors)))
        return "\n".join(said)

    # -- what is done -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._began = monotonic()
        self.search.start(tuple(kind for kind, box in self.kinds.items() if box.isChecked()), self.pictures.value())

    @property
    def chosen(self) -> DataRemedy | None:
        """The row that is selected."""
        rows = self.table.selectionModel().selectedRows()
        return self._rows[self.table.row_at(rows[0])] if len(rows) == 1 and self._rows else None

    def _allow_use(self, *_: object) -> None:
        one = self.chosen
        self.use.setEnabled(one is not None and bool(one.change.settings))
        if one is None:
            tip = "Choose a row of the table first"
        elif one.change.settings:
            tip = f"Open the detector's settings with {one.change.name} at {one.change.after}"
        else:
            tip = "A gain is no setting: set it under What if, in the window's right part"
        self.use.setToolTip(tip)

    def _use(self) -> None:
        one = self.chosen
        if one is not None and one.change.settings:
            self.settings_wanted.emit(dict(one.change.settings))

    def copy_text(self) -> str:
        """The sentence and the table."""
        found = self.search.state.found
        if found is None or not self._rows:
            return ""
        lines = ["\t".join(HEADINGS), *("\t".join(cell.text for cell in row) for row in remedy_rows(self._rows))]
        return "\n".join([found.sentence, sample_words(found), *lines])
