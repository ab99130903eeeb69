"""The page "Funnel": at which stages objects are lost, by stage, size and class, and the flows between two detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.words import size_name, state_name
from fpn_viewer.engine.scan_charts import AskFlows, AskFunnel
from fpn_viewer.ui.scan.bar_rows import lost_only, rows_by_class, rows_by_size, rows_by_stage
from fpn_viewer.ui.scan.bars import StackedBars
from fpn_viewer.ui.scan.flow_chart import FlowChart, flow_table, flow_words
from fpn_viewer.ui.scan.legend import LossLegend
from fpn_viewer.ui.scan.page import ScanPage
from fpn_viewer.ui.scan.parts import ChartScroll, Choice, Readout, page_column, words_label
from fpn_viewer.ui.scan.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QScrollArea

    from fpn_viewer.engine.scan.numbers.values import Flows, Funnel
    from fpn_viewer.ui.scan.bars import BarRow
    from fpn_viewer.ui.scan.chart import Chart
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

BARS = "Point at a bar to read it; click it, or press Enter on it, to list its objects in the table."
FLOWS = "Point at a ribbon to read it; click it, or press Enter on it, to list its objects in the table."
NO_OTHER = "Choose a second detector above to see what it makes of the same objects"
NO_DIFFERENCE = "Every object fares alike in both."
COUNTING = "Counting …"
NO_OBJECTS = "There is no annotated object that this detector is expected to find."


class _View(NamedTuple):
    """A way to see the funnel."""

    title: str
    tip: str
    rows: Callable[[Funnel], tuple[BarRow, ...]] | None


VIEWS: tuple[_View, ...] = (
    _View(
        "By size",
        "Objects of each size, net px, by the stage that loses them; those that come furthest are at the left",
        rows_by_size,
    ),
    _View("By class", "Objects of each class by the stage that loses them; the class that loses most is on top", rows_by_class),
    _View("By stage", "How many objects come to each stage, and how many are lost there", rows_by_stage),
    _View("A → B", "What became of the same objects in the second detector", None),
)
_LOST_ONLY, _SHARES = 0, 2
_SCALES = (
    ("Lost", "Only the objects that are lost"),
    ("All", "Also the objects that are found, or come past a stage"),
    ("Shares", "All bars of one length; their parts are shares"),
)
_SCOPES = (("Differences", "Only objects that fare differently"), ("All objects", "Also those that fare alike in both"))


class FunnelPage(ScanPage):
    """Bars or ribbons, their legend, and what is pointed at in words.

    Attributes:
        view: which of `VIEWS` is shown.
        scale: lost objects, all objects or shares.
        scope: which ribbons are drawn.
        bars: the stacked bars.
        ribbons: the flows.
        legend: the losses, the biggest first.
        verdict: what the flows say.
        shares: how many objects both find, one of them and neither.
        readout: what is pointed at.
        message: why there is no chart.
    """

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        """Makes the page."""
        super().__init__(models, parent)
        self._funnel: Standing[Funnel] = Standing(self.scans, "funnel", self)
        self._flows: Standing[Flows] = Standing(self.scans, "flows", self)
        self.view = Choice("View", [(row.title, row.tip) for row in VIEWS], self)
        self.scale, self.scope = Choice("Length of the bars", _SCALES, self), Choice("What is drawn", _SCOPES, self)
        self.bars, self.ribbons, self.legend = StackedBars(self), FlowChart(self), LossLegend(self)
        self.verdict, self.readout, self.message = words_label(self), Readout(self), words_label(self, muted=True)
        self.shares = words_label(self)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget(self)
        self._lay_out()
        for chart in (self.bars, self.ribbons):
            chart.pointed.connect(self.readout.show_mark)
            chart.chosen.connect(self.choose)
        self.legend.chosen.connect(self.choose)
        for choice in (self.view, self.scale, self.scope):
            choice.changed.connect(self._draw)
        for standing in (self._funnel, self._flows):
            standing.answered.connect(self._draw)
            standing.failed.connect(self._draw)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        for choice in (self.view, self.scale, self.scope):
            head.addWidget(choice)
        head.addStretch(1)
        # where there is little room the bars are seen and the legend is scrolled to
        self._stack.addWidget(self._scrolled(self.bars, self.bars, self.legend))
        self._stack.addWidget(self._scrolled(self.ribbons, self.verdict, self.ribbons, self.shares))
        self._stack.addWidget(self.message)
        page_column(self, head, self._stack, self.readout)

    def _scrolled(self, chart: Chart, *widgets: QWidget) -> QScrollArea:
        """A chart and what stands above or below it, in the room there is; what the keys point at stays in view."""
        host = QWidget(self)
        column = QVBoxLayout(host)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in widgets:
            column.addWidget(widget, int(widget is chart))
        scroll = ChartScroll(chart, self)
        scroll.setWidget(host)
        return scroll

    # -- what is shown ----------------------------------------------------------------------------------------------

    @property
    def funnel(self) -> Funnel | None:
        """The newest funnel."""
        return self._funnel.value

    @property
    def flows(self) -> Flows | None:
        """The newest flows."""
        return self._flows.value

    @property
    def as_flows(self) -> bool:
        """Whether the flows are shown."""
        return VIEWS[self.view.current].rows is None

    def follow(self, state: ScansState, names: frozenset[str]) -> None:
        """Asks for what is shown; see `ScanPage`."""
        if state.about is None:
            return
        self._funnel.ask(AskFunnel(state.path, Filter(detector=state.filter.detector)))
        if state.other is not None:
            self._flows.ask(AskFlows(state.path, state.filter.detector, state.other))
        self.view.set_enabled(len(VIEWS) - 1, state.other is not None, NO_OTHER)
        for part in (self.bars, self.ribbons, self.legend):
            part.show_filter(state.filter)
        if names & {"other", "about", "path", "revision"}:
            self._draw()

    def _draw(self, *_: object) -> None:
        flowing = self.as_flows
        standing = self._flows if flowing else self._funnel
        why = self._why_not(standing)
        self.scope.setVisible(flowing)
        for label in (self.verdict, self.shares):
            label.setVisible(flowing and not why)
        self.legend.setVisible(not flowing and not why)
        self.scale.setVisible(not flowing)
        staged = VIEWS[self.view.current].rows is rows_by_stage
        self.scale.set_enabled(_SHARES, not staged, "Of a stage, shares and objects look the same")
        self.readout.setVisible(not why)
        self.readout.set_hint(FLOWS if flowing else BARS)
        self.message.setText(why)
        self._stack.setCurrentIndex(2 if why else int(flowing))
        if not why:
            (self._draw_flows if flowing else self._draw_bars)()

    def _why_not(self, standing: Standing[Funnel] | Standing[Flows]) -> str:
        value = standing.value
        if value is None:
            return standing.problem or COUNTING
        return "" if value.total else NO_OBJECTS

    def _draw_bars(self) -> None:
        funnel, rows = self.funnel, VIEWS[self.view.current].rows
        if funnel is not None and rows is not None:
            made = rows(funnel)
            scale = self.scale.current
            self.bars.show_rows(lost_only(made) if scale == _LOST_ONLY else made, scale == _SHARES)
            self.legend.show_funnel(funnel)

    def _draw_flows(self) -> None:
        flows = self.flows
        self.ribbons.show_flows(flows, bool(self.scope.current))
        if flows is not None:
            alike = "" if self.ribbons.marks else f"\n{NO_DIFFERENCE}"
            self.verdict.setText(f"{flows.sentence}{alike}")
            self.shares.setText(flow_words(flows))

    # -- copies -----------------------------------------------------------------------------------------------------

    def copy_text(self) -> str:
        """The numbers behind what is shown."""
        if self.as_flows:
            return flow_table(self.flows) if self.flows is not None else ""
        return funnel_table(self.funnel) if self.funnel is not None else ""


def funnel_table(funnel: Funnel) -> str:
    """All counts with tabs between them: a row for each state, size and class that has objects."""
    lines = ["state\tsize\tclass\tobjects"]
    for row, state in enumerate(funnel.states):
        for place, size in enumerate(funnel.sizes):
            for number, name in enumerate(funnel.classes):
                count = int(funnel.counts[row, place, number])
                if count:
                    lines.append(f"{state_name(state)}\t{size_name(*size)}\t{name}\t{count}")
    return "\n".join(lines)
