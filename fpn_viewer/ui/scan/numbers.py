"""The page "Numbers": COCO's metrics, those of each class, and TIDE's error types, of every detector of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget

from fpn_viewer.engine.scan.numbers.values import COCO_TITLES, TIDE_TITLES
from fpn_viewer.engine.scan.words import counted
from fpn_viewer.engine.scan_charts import AskCoco, AskTide
from fpn_viewer.ui.scan.error_bars import ErrorBars
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS
from fpn_viewer.ui.scan.page import ScanPage, grows
from fpn_viewer.ui.scan.parts import ChartScroll, Choice, Readout, page_column, words_label
from fpn_viewer.ui.scan.standing import Standing
from fpn_viewer.ui.widgets.text_table import Cell, TextTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.scan.numbers.values import CocoMetrics, TideErrors
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

    Pair = tuple[int, int] | None

#: numbers of a class that the table shows: (attribute, heading, what it means)
CLASS_TITLES = tuple(row for row in COCO_TITLES if row[0] in {"ap", "ap50", "ap75", "ar100"})
HINTS = {
    "COCO": "Ctrl+C copies the table. Sizes are COCO's, in picture px; the page “Recall by size” has those in the network.",
    "Classes": "Ctrl+C copies the table. The classes are the detectors' own; “–” where a detector does not have it.",
    "Errors": "Beside each bar: the gain in AP, and how many errors. Gains do not add up: putting one right may uncover another.",
}
WORKING = "Computing …"
_VIEWS = (
    ("COCO", "Average precision and recall as COCO defines them, by pycocotools"),
    ("Classes", "The same for each class"),
    ("Errors", "TIDE's types of error, and the average precision that each costs"),
)


class NumbersPage(ScanPage):
    """Tables and bars, computed when they are first seen.

    Attributes:
        view: which of them is shown.
        errors: the bars.
        readout: what is pointed at, or what can be done.
        message: why there is nothing to show, or how far it is.
        tables: the tables by view; made anew for other detectors.
    """

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(models, parent)
        self._coco: Standing[tuple[CocoMetrics, ...]] = Standing(self.scans, "coco", self)
        self._tide: Standing[tuple[TideErrors, ...]] = Standing(self.scans, "tide", self)
        self.view, self.errors = Choice("View", _VIEWS, self), ErrorBars(self)
        self.readout, self.message, self.facts = Readout(self), words_label(self, muted=True), words_label(self, muted=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tables: dict[str, TextTable] = {}
        self._stack = QStackedWidget(self)
        self._lay_out()
        self.errors.pointed.connect(self.readout.show_mark)
        self.view.changed.connect(self._ask)
        self.scans.asked_progress.connect(self._show_progress)
        for standing in (self._coco, self._tide):
            standing.answered.connect(self._draw)
            standing.failed.connect(self._draw)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.view)
        head.addWidget(self.facts, 1)
        scroll = ChartScroll(self.errors, self)
        scroll.setWidget(self.errors)
        self._stack.addWidget(self.message)
        self._stack.addWidget(scroll)
        page_column(self, head, self._stack, self.readout)

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def shown(self) -> str:
        """Title of the view that is shown."""
        return _VIEWS[self.view.current][0]

    @property
    def _standing(self) -> Standing[tuple[CocoMetrics, ...]] | Standing[tuple[TideErrors, ...]]:
        return self._tide if self.shown == "Errors" else self._coco

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Asks for what is shown; see `ScanPage`."""
        if self._standing.value is None or not grows(state):
            self._ask()
        elif names & {"filter", "other"}:
            self._draw()

    def _ask(self, *_: object) -> None:
        state = self.scans.state
        if state.about is not None:
            places = tuple(range(len(state.about.detectors)))
            self._standing.ask((AskTide if self.shown == "Errors" else AskCoco)(state.path, places))
        self._draw()

    def _draw(self, *_: object) -> None:
        value, title = self._standing.value, self.shown
        self.readout.set_hint(HINTS[title] if value is not None else "")
        if value is None:
            self.message.setText(self._standing.problem or WORKING)
            self._stack.setCurrentWidget(self.message)
            self.facts.setText("")
        elif title == "Errors":
            self._draw_errors(self._tide.value or ())
        else:
            self._draw_metrics(title, self._coco.value or ())

    def _draw_errors(self, errors: tuple[TideErrors, ...]) -> None:
        self.errors.show_errors(errors)
        self._stack.setCurrentIndex(1)
        aps = " · ".join(f"AP of {one.name} {one.ap:.3f}" for one in errors)
        self.facts.setText(f"{aps} at an overlap of {errors[0].overlap:g}" if errors else "")

    def _draw_metrics(self, title: str, metrics: tuple[CocoMetrics, ...]) -> None:
        pair = self._pair()
        rows = coco_rows(metrics, pair) if title == "COCO" else class_rows(metrics, pair)
        headings = coco_headings(metrics, pair) if title == "COCO" else class_headings(metrics)
        table = self.tables.get(title)
        if table is None or table.property("headings") != list(headings):
            table = self._new_table(title, headings)
        table.fill(rows)
        self._stack.setCurrentWidget(table)
        found = (f"{one.name}: {counted(one.detections, 'detection')}" for one in metrics)
        self.facts.setText(" · ".join((counted(metrics[0].pictures, "annotated picture"), *found)) if metrics else "")

    def _new_table(self, title: str, headings: Sequence[str]) -> TextTable:
        if title in self.tables:
            self._stack.removeWidget(self.tables[title])
            self.tables[title].deleteLater()
        table = self.tables[title] = TextTable(f"{title} metrics", headings, int(title == "COCO"), self)
        table.setProperty("headings", list(headings))
        self._stack.addWidget(table)
        return table

    def _pair(self) -> Pair:
        """The two detectors whose difference is shown."""
        state = self.scans.state
        return None if state.other is None else (state.filter.detector, state.other)

    def _show_progress(self, lane: str, stage: str, fraction: float) -> None:
        if lane == self._standing.lane and self._standing.busy:
            self.message.setText(f"Computing {stage} … {round(100 * fraction)} %")

    # -- copies -----------------------------------------------------------------------------------------------------

    def copy_text(self) -> str:
        """The table that is shown, or the numbers behind the bars."""
        if self.shown == "Errors":
            return tide_table(self._tide.value) if self._tide.value else ""
        metrics, pair = self._coco.value, self._pair()
        if not metrics:
            return ""
        whole = self.shown == "COCO"
        headings = coco_headings(metrics, pair) if whole else class_headings(metrics)
        rows = coco_rows(metrics, pair) if whole else class_rows(metrics, pair)
        return "\n".join("\t".join(line) for line in (headings, *([cell.text for cell in row] for row in rows)))


def metric_text(value: float | None) -> str:
    """A metric, 0..1, or "–" where there is no object to be found."""
    return "–" if value is None else f"{value:.3f}"


def difference_text(a: float | None, b: float | None) -> str:
    """B − A with its sign: "+0.032", "−0.100", "0.000"; "" where one of them is missing."""
    if a is None or b is None:
        return ""
    text = f"{b - a:+.3f}".replace("-", "−")
    return "0.000" if text[1:] == "0.000" else text


def _lettered(one: CocoMetrics | TideErrors) -> str:
    return f"{DETECTOR_LOOKS[one.detector % len(DETECTOR_LOOKS)].letter}  {one.name}"


def _difference_heading(pair: Pair) -> list[str]:
    if pair is None:
        return []
    a, b = (DETECTOR_LOOKS[place % len(DETECTOR_LOOKS)].letter for place in pair)
    return [f"{b} − {a}"]


def coco_headings(metrics: Sequence[CocoMetrics], pair: Pair) -> list[str]:
    """Of the table of metrics."""
    return ["Metric", "What it is", *(_lettered(one) for one in metrics), *_difference_heading(pair)]


def coco_rows(metrics: Sequence[CocoMetrics], pair: Pair) -> list[list[Cell]]:
    """A row for each of COCO's twelve numbers."""
    by_place = {one.detector: one for one in metrics}
    rows = []
    for key, title, tip in COCO_TITLES:
        row = [Cell(title, tip), Cell(tip), *(Cell(metric_text(getattr(one, key)), number=True) for one in metrics)]
        if pair is not None:
            row.append(_difference(*(getattr(by_place[place], key) for place in pair)))
        rows.append(row)
    return rows


def _difference(a: float | None, b: float | None) -> Cell:
    text = difference_text(a, b)
    return Cell(text, "The second is better" if text[:1] == "+" else "", number=True)


def class_headings(metrics: Sequence[CocoMetrics]) -> list[str]:
    """Of the table of classes."""
    numbers = [f"{title} {_lettered(one)[0]}" for _, title, _ in CLASS_TITLES for one in metrics]
    return ["Class", "Objects", *(numbers if len(metrics) > 1 else [title for _, title, _ in CLASS_TITLES])]


def class_rows(metrics: Sequence[CocoMetrics], pair: Pair) -> list[list[Cell]]:
    """A row for each class of any detector, the one with most objects first."""
    tables = [{row.name: row for row in one.classes} for one in metrics]
    objects: dict[str, int] = {}
    for table in tables:
        for name, found in table.items():
            objects[name] = max(objects.get(name, 0), found.objects)
    rows = []
    for name in sorted(objects, key=lambda name: (-objects[name], name)):
        cells = [
            Cell(metric_text(getattr(table.get(name), key, None)), f"{title}: {tip}", number=True)
            for key, title, tip in CLASS_TITLES
            for table in tables
        ]
        rows.append([Cell(name), Cell(f"{objects[name]:,}", number=True), *cells])
    return rows


def tide_table(errors: Sequence[TideErrors]) -> str:
    """All errors with tabs between their numbers: a row for each type."""
    lines = ["\t".join(["error", *(f"{one.name} {what}" for one in errors for what in ("dAP", "count"))])]
    for key, title, _ in TIDE_TITLES:
        numbers = [text for one in errors for text in (f"{one.gains[key]:.4f}", str(one.counts.get(key, "")))]
        lines.append("\t".join([title, *numbers]))
    return "\n".join(lines)
