"""Charts of a scan: what is drawn how large, what a click lists, and how the keys go."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from fpn_viewer.engine.scan.filters import FROM, LOST, Filter, where
from fpn_viewer.engine.scan.looks import STATE_LOOKS
from fpn_viewer.engine.scan.numbers.coco import coco
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.numbers.flow import flows
from fpn_viewer.engine.scan.numbers.recall import recall
from fpn_viewer.engine.scan.numbers.tide import tide
from fpn_viewer.engine.scan.numbers.values import TIDE_TITLES
from fpn_viewer.ui.scan.bar_rows import lost_only, rows_by_class, rows_by_size, rows_by_stage
from fpn_viewer.ui.scan.bars import StackedBars
from fpn_viewer.ui.scan.curve import RecallChart, _runs
from fpn_viewer.ui.scan.error_bars import ErrorBars
from fpn_viewer.ui.scan.flow_chart import GAINED, LOST_NOW, SAME, FlowChart, flow_table, flow_words, ribbon_colour
from fpn_viewer.ui.scan.looks import DETECTOR_LOOKS, fill
from fpn_viewer.ui.scan.numbers import class_headings, class_rows, coco_headings, coco_rows, difference_text, tide_table

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from fpn_viewer.engine.scan.numbers.values import Flows, Funnel
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.ui.scan.chart import Chart, Mark

pytestmark = pytest.mark.gui

KEYS = {"left": Qt.Key.Key_Left, "right": Qt.Key.Key_Right, "up": Qt.Key.Key_Up, "down": Qt.Key.Key_Down}


@pytest.fixture(scope="module")
def counted(scan: Scan) -> Funnel:
    return funnel(scan)


@pytest.fixture(scope="module")
def flowed(scan: Scan) -> Flows:
    return flows(scan, 0, 1)


def shown(chart: Chart, qtbot: QtBot, size: tuple[int, int] = (900, 420)) -> None:
    qtbot.addWidget(chart)
    chart.resize(*size)
    chart.show()
    qtbot.waitExposed(chart)


def listed(scan: Scan, chosen: Filter) -> int:
    """How many objects the table would list."""
    condition, values = where(chosen)
    return int(scan.rows(f"SELECT COUNT(*) FROM {FROM} WHERE {condition}", values)[0][0])


def said(mark: Mark) -> int:
    """How many objects a mark says that it stands for."""
    return int(mark.name.partition(": ")[2].split()[0].replace(",", ""))


# -- bars ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [rows_by_size, rows_by_class, rows_by_stage])
def test_a_bar_lists_as_many_objects_as_it_says(rows, counted: Funnel, scan: Scan, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    chart = StackedBars()
    chart.show_rows(rows(counted), as_shares=False)
    shown(chart, qtbot)
    chosen = [mark for mark in chart.marks if mark.chosen is not None]
    assert len(chosen) > 12
    for mark in chosen:
        assert mark.chosen is not None
        assert listed(scan, mark.chosen) == said(mark), mark.name


def test_parts_are_as_long_as_their_counts_and_lie_end_to_end(counted: Funnel, qtbot: QtBot) -> None:
    chart, rows = StackedBars(), rows_by_size(counted)
    chart.show_rows(rows, as_shares=False)
    shown(chart, qtbot)
    areas = [chart._areas(row, place.bar) for row, place in zip(rows, chart._places, strict=True)]
    px = [area.width() / part.count for row in areas for part, area in row]
    assert px == pytest.approx([px[0]] * len(px))
    for row in areas:
        for (_, left), (_, right) in itertools.pairwise(row):
            assert left.right() == pytest.approx(right.left())
    assert sum(part.count for row in areas for part, _ in row) == counted.total == 700


def test_as_shares_all_bars_that_have_objects_are_of_one_length(counted: Funnel, qtbot: QtBot) -> None:
    chart, rows = StackedBars(), rows_by_size(counted)
    chart.show_rows(rows, as_shares=True)
    shown(chart, qtbot)
    for row, place in zip(rows, chart._places, strict=True):
        widths = [area.width() for _, area in chart._areas(row, place.bar)]
        assert sum(widths) == pytest.approx(place.bar.width() if row.total else 0)


def test_what_came_furthest_stands_at_the_left(counted: Funnel) -> None:
    for row in rows_by_size(counted):
        assert [part.look for part in row.parts] == list(reversed(counted.states))


def test_by_stage_each_bar_is_what_the_one_before_let_through(counted: Funnel) -> None:
    rows = rows_by_stage(counted)
    assert rows[0].total == counted.total
    for before, after in itertools.pairwise(rows):
        assert after.total == before.parts[0].count
    assert rows[-1].total == counted.by_state[-1]


def test_lost_only_leaves_the_found_away(counted: Funnel) -> None:
    assert sum(row.total for row in lost_only(rows_by_size(counted))) == counted.lost
    staged = lost_only(rows_by_stage(counted))
    assert len(staged) == len(counted.states) - 1
    assert sum(row.total for row in staged) == counted.lost


def test_the_class_that_loses_most_is_on_top(counted: Funnel) -> None:
    lost = [row.total - row.parts[0].count for row in rows_by_class(counted)]
    assert lost == sorted(lost, reverse=True)


def test_a_row_without_loss_offers_no_list(counted: Funnel) -> None:
    none = replace(counted, counts=counted.counts * (np.array(counted.states) == "found")[:, None, None])
    assert all(row.chosen is None for row in rows_by_size(none))


def test_a_class_with_a_long_name_leaves_room_for_its_bar(counted: Funnel, qtbot: QtBot) -> None:
    named = replace(counted, classes=("x" * 200, *counted.classes[1:]))
    chart = StackedBars()
    chart.show_rows(rows_by_class(named), as_shares=False)
    shown(chart, qtbot, (500, 300))
    assert all(place.bar.width() > 100 for place in chart._places)


# -- mouse and keys -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bars(counted: Funnel, qtbot: QtBot) -> StackedBars:
    chart = StackedBars()
    chart.show_rows(rows_by_size(counted), as_shares=True)
    shown(chart, qtbot)
    return chart


def test_a_click_chooses_what_is_under_the_mouse(bars: StackedBars, qtbot: QtBot) -> None:
    mark = max((m for m in bars.marks if m.chosen and m.chosen.killers), key=lambda m: m.path.boundingRect().width())
    with qtbot.waitSignal(bars.chosen) as signal:
        qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=mark.at.toPoint())
    assert signal.args == [mark.chosen]
    assert bars.current is mark
    assert bars.accessibleDescription() == mark.name


def test_a_click_beside_all_parts_chooses_nothing(bars: StackedBars, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(bars.chosen):
        qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=bars.rect().bottomRight())


@pytest.mark.parametrize(("key", "back"), [("right", "left"), ("down", "up")])
def test_arrows_go_to_the_neighbour_and_back(key: str, back: str, bars: StackedBars, qtbot: QtBot) -> None:
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_Home)
    first = bars.current
    assert first is bars.marks[0]
    qtbot.keyClick(bars, KEYS[key])
    second = bars.current
    assert second is not None
    assert second is not first
    along = second.at - first.at
    assert (along.x() if key == "right" else along.y()) > 0
    qtbot.keyClick(bars, KEYS[back])
    assert bars.current is first


def test_keys_reach_every_part(bars: StackedBars, qtbot: QtBot) -> None:
    bars.setFocus()
    reached = set()
    for row in range(len(bars.rows)):
        qtbot.keyClick(bars, Qt.Key.Key_Home)
        for _ in range(row):
            qtbot.keyClick(bars, Qt.Key.Key_Down)
        for _ in range(len(bars.marks)):
            assert bars.current is not None
            reached.add(bars.current.name)
            qtbot.keyClick(bars, Qt.Key.Key_Right)
    assert reached == {mark.name for mark in bars.marks}


def test_enter_chooses_and_other_keys_go_on(bars: StackedBars, qtbot: QtBot) -> None:
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_Home)
    assert bars.current is not None
    with qtbot.waitSignal(bars.chosen) as signal:
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert signal.args == [bars.current.chosen]


def test_what_is_pointed_at_stays_when_the_chart_is_drawn_anew(bars: StackedBars, counted: Funnel, qtbot: QtBot) -> None:
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_End)
    assert bars.current is not None
    name = bars.current.name.partition(":")[0]
    bars.show_rows(rows_by_size(counted), as_shares=False)
    assert bars.current is not None
    assert bars.current.name.partition(":")[0] == name


def test_the_part_whose_objects_are_listed_is_outlined(bars: StackedBars) -> None:
    mark = next(mark for mark in bars.marks if mark.chosen is not None and mark.chosen.killers)
    before = bars.grab().toImage()
    assert mark.chosen is not None
    bars.show_filter(mark.chosen)
    assert bars.grab().toImage() != before
    bars.show_filter(Filter())
    assert bars.grab().toImage() == before


# -- looks --------------------------------------------------------------------------------------------------------------


def test_no_two_stages_of_a_family_look_alike() -> None:
    looks = [(look.colour, look.hatch) for state, look in STATE_LOOKS.items()]
    assert len(set(looks)) == len(looks)
    assert len({(look.style, look.sign) for look in DETECTOR_LOOKS}) == len(DETECTOR_LOOKS)


def test_a_hatch_can_be_seen() -> None:
    image = QImage(40, 20, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    fill(painter, QRectF(0, 0, 40, 20), STATE_LOOKS["rpn_cap"], QColor("white"))
    painter.end()
    assert len({image.pixel(x, 10) for x in range(40)}) > 1


# -- flows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("everything", [False, True])
def test_a_ribbon_lists_as_many_objects_as_it_says(everything: bool, flowed: Flows, scan: Scan, qtbot: QtBot) -> None:
    chart = FlowChart()
    chart.show_flows(flowed, everything)
    shown(chart, qtbot)
    ribbons = [mark for mark in chart.marks if "in the drawing" not in mark.name]
    assert sum(map(said, ribbons)) == (flowed.total if everything else flowed.total - _alike(flowed))
    for mark in ribbons:
        assert mark.chosen is not None
        assert listed(scan, mark.chosen) == said(mark), mark.name


def _alike(flowed: Flows) -> int:
    same = [(a, b) for a, one in enumerate(flowed.states_a) for b, other in enumerate(flowed.states_b) if one == other]
    return sum(int(flowed.counts[cell]) for cell in same)


def test_ribbons_fill_the_states_that_they_join(flowed: Flows, qtbot: QtBot) -> None:
    chart = FlowChart()
    chart.show_flows(flowed, everything=True)
    shown(chart, qtbot)
    for side, nodes in enumerate(chart._nodes):
        for state, rect in nodes.items():
            ends = [(one.left, one.right)[side] for one in chart._ribbons if (one.a, one.b)[side] == state]
            assert sum(low - high for high, low in ends) == pytest.approx(rect.height())
            assert min(high for high, _ in ends) == pytest.approx(rect.top())


def test_ribbons_say_by_colour_who_lost() -> None:
    assert ribbon_colour("nms", "found") == GAINED
    assert ribbon_colour("found", "nms") == LOST_NOW
    assert ribbon_colour("nms", "cap") == ribbon_colour("found", "found") == SAME


def test_a_detector_against_itself_has_no_ribbon(scan: Scan, qtbot: QtBot) -> None:
    chart = FlowChart()
    chart.show_flows(flows(scan, 0, 0), everything=False)
    shown(chart, qtbot)
    assert chart.marks == ()


def test_the_numbers_of_flows_can_be_copied(flowed: Flows) -> None:
    lines = [line.split("\t") for line in flow_table(flowed).splitlines()]
    assert len(lines) == len(flowed.states_a) + 1
    assert [[int(n) for n in line[1:]] for line in lines[1:]] == flowed.counts.tolist()
    assert f"{flowed.only_a:,} only by demo" in flow_words(flowed)


# -- recall -------------------------------------------------------------------------------------------------------------


def test_points_stand_at_their_recall_and_list_what_is_lost(scan: Scan, qtbot: QtBot) -> None:
    chart, curves = RecallChart(), tuple(recall(scan, detector, resamples=50) for detector in (0, 1))
    chart.show_curves(curves, as_ap=False)
    shown(chart, qtbot)
    plot = chart._plot
    for line in chart._lines:
        for bucket, point in enumerate(line.points):
            assert (point is None) == (line.curve.objects[bucket] == 0)
            if point is not None:
                assert (plot.bottom() - point.y()) / plot.height() == pytest.approx(line.curve.recall[bucket])
    for mark in chart.marks:
        if mark.chosen is not None:
            assert mark.chosen.outcomes == LOST
            assert f"list the {listed(scan, mark.chosen):,} " in mark.tip


def test_points_of_two_detectors_do_not_hide_each_other(scan: Scan, qtbot: QtBot) -> None:
    chart, curve = RecallChart(), recall(scan, 0, resamples=20)
    chart.show_curves((curve, curve), as_ap=False)
    shown(chart, qtbot)
    for one, other in zip(chart._lines[0].points, chart._lines[1].points, strict=True):
        if one is not None and other is not None:
            assert abs(one.x() - other.x()) > 8
            assert one.y() == other.y()


def test_lines_do_not_bridge_sizes_without_objects(scan: Scan, qtbot: QtBot) -> None:
    curve = recall(scan, 0, resamples=20)
    gap = curve.recall.copy()
    gap[2] = np.nan
    chart = RecallChart()
    chart.show_curves((replace(curve, recall=gap),), as_ap=False)
    shown(chart, qtbot)
    assert next(len(run) for run in _runs(chart._lines[0])) == 2
    assert chart.mark_at(QPointF(chart._x(2), chart._plot.center().y())) is None


# -- numbers ------------------------------------------------------------------------------------------------------------


def test_the_table_holds_the_library_numbers_and_their_difference(scan: Scan) -> None:
    metrics = [coco(scan, detector) for detector in (0, 1)]
    rows = coco_rows(metrics, (0, 1))
    assert coco_headings(metrics, (0, 1)) == ["Metric", "What it is", "A  demo", "B  demo-early", "B − A"]
    assert metrics[0].ap is not None
    assert metrics[1].ap is not None
    texts = [cell.text for cell in rows[0]]
    assert texts[0] == "AP"
    assert texts[2:4] == [f"{metrics[0].ap:.3f}", f"{metrics[1].ap:.3f}"]
    assert float(texts[4].replace("−", "-")) == pytest.approx(metrics[1].ap - metrics[0].ap, abs=6e-4)
    assert len(class_headings(metrics)) == len(class_rows(metrics, None)[0])


@pytest.mark.parametrize(
    ("a", "b", "text"), [(0.5, 0.532, "+0.032"), (0.5, 0.4, "−0.100"), (0.5, 0.4999, "0.000"), (None, 0.1, ""), (0.1, None, "")]
)
def test_differences_have_a_sign(a: float | None, b: float | None, text: str) -> None:
    assert difference_text(a, b) == text


def test_bars_of_errors_are_as_long_as_their_gains(scan: Scan, qtbot: QtBot) -> None:
    errors = tuple(tide(scan, detector) for detector in (0, 1))
    chart = ErrorBars()
    chart.show_errors(errors)
    shown(chart, qtbot, (900, 500))
    assert len(chart.marks) == 2 * len(TIDE_TITLES)
    long = [bar for bar in chart._bars if bar.area.width() > 1]
    px = [bar.area.width() / bar.errors.gains[bar.key] for bar in long]
    assert px == pytest.approx([px[0]] * len(px))
    assert len(tide_table(errors).splitlines()) == len(TIDE_TITLES) + 1
