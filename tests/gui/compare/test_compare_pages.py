"""The pages below the pictures: tables to read, sort, choose from and copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from fpn_viewer.engine.compare_values import ComparedObjects
from fpn_viewer.ui.compare.lines import FOLLOWING, NO_LINE
from fpn_viewer.ui.compare.nodes_page import PARTING
from fpn_viewer.ui.panels.life_paint import columns
from tests.gui.compare import bench as fakes
from tests.gui.compare.bench import LINES, OBJECTS, UNFOLLOWED, open_bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.compare.table import CompareTable
    from tests.gui.compare.bench import Bench

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


def column(table: CompareTable, number: int) -> list[str]:
    return [row.entries[number].text for row in table.shown]


def copied(bench: Bench, table: CompareTable) -> list[list[str]]:
    table.setFocus()
    bench.bot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]


def test_objects_that_differ_come_first_with_both_killers_and_both_verdicts(bench: Bench) -> None:
    bench.give()
    page = bench.body.objects
    assert column(page.table, 1) == ["only A", "only B", "neither", "both"]
    first = [entry.text for entry in page.table.shown[0].entries]
    assert first[2:5] == ["RPN top-k", "found", "RPN top-k"]
    assert first[6].startswith("Found")
    assert first[7].startswith("Lost at rpn_top_k")
    assert page.sentence.text() == "4 annotated objects: B finds 1 that A loses, and loses 1 that A finds."


def test_buttons_filter_by_status_and_a_row_is_looked_at(bench: Bench) -> None:
    bench.give()
    page = bench.body.objects
    assert [button.text() for button in page.filters.values() if not button.isHidden()] == [
        "all 4",
        "only A 1",
        "only B 1",
        "neither 1",
        "both 1",
    ]
    bench.bot.mouseClick(page.filters["only B"], Qt.MouseButton.LeftButton)
    assert column(page.table, 0) == ["boat"]
    page.table.selectRow(0)
    assert bench.comparison.state.object == 2
    bench.comparison.update(object=1)
    assert page.lines.row is OBJECTS[1], "it is shown although it is filtered out"


def test_both_life_lines_move_together_and_are_copied_together(bench: Bench) -> None:
    bench.give(object=1, lines=LINES[1])
    lines = bench.body.objects.lines
    lines.sides[0].rows.toggled.emit("nms")
    assert [side.rows.stage_at(side.rows.currentIndex()) for side in lines.sides] == ["nms", "nms"]
    lines.copy()
    rows = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    top_k = next(row for row in rows if row[0] == "RPN top-k")
    assert len(top_k) == 5
    assert top_k[1] != "0"
    assert top_k[3] == "0", "B has none left there"


def test_statuses_are_shown_before_the_objects_are_followed(bench: Bench) -> None:
    bench.give(objects=ComparedObjects("pair", UNFOLLOWED, False), following=True)
    page, head = bench.body.objects, bench.body.head
    assert column(page.table, 1) == ["only A", "only B", "neither", "both"]
    assert column(page.table, 3) == ["…"] * 4
    assert page.sentence.text().endswith("0 of 4 followed\N{NO-BREAK SPACE}…")
    assert (head.progress.isHidden(), head.cancel.isHidden()) == (False, False)
    assert not bench.pane("a")._dimmed, "the maps are up to date"
    page.table.selectRow(2)
    width = page.table.columnWidth(3)
    bench.comparison.update(objects=ComparedObjects("pair", (*OBJECTS[:2], *UNFOLLOWED[2:]), False))
    assert column(page.table, 3) == ["found", "…", "…", "found"]
    assert page.sentence.text().endswith("2 of 4 followed\N{NO-BREAK SPACE}…")
    assert head.progress.value() == 50
    assert page.table.columnWidth(3) >= width
    assert [index.row() for index in page.table.selectionModel().selectedRows()] == [2], "the choice is kept"
    bench.bot.mouseClick(head.cancel, Qt.MouseButton.LeftButton)
    assert bench.comparison.calls[-1] == ("cancel",)
    bench.comparison.update(following=False)
    assert "then stopped" in page.sentence.text()
    bench.comparison.update(objects=ComparedObjects("pair", OBJECTS, False))
    assert "followed" not in page.sentence.text()
    assert (head.progress.isHidden(), head.cancel.isHidden()) == (True, True)


def test_the_end_of_a_life_line_is_said_before_its_stages_are_there(bench: Bench) -> None:
    bench.give(objects=ComparedObjects("pair", UNFOLLOWED, True), object=1)
    lines = bench.body.objects.lines
    assert [side.verdict.text() for side in lines.sides] == [FOLLOWING] * 2
    assert [side.rows.isVisible() for side in lines.sides] == [False, False]
    assert "car" in lines.title.text()
    bench.comparison.update(objects=ComparedObjects("pair", OBJECTS, True))
    assert [side.chip.outcome for side in lines.sides] == [OBJECTS[1].a.outcome, OBJECTS[1].b.outcome]  # type: ignore[union-attr]
    assert [side.rows.isVisible() for side in lines.sides] == [False, False]
    bench.comparison.update(lines=LINES[1])
    assert [side.rows.isVisible() for side in lines.sides] == [True, True]
    assert lines.sides[1].rows.stage_at(lines.sides[1].rows.currentIndex()) == "rpn_top_k"
    lines.sides[0].rows.toggled.emit("nms")
    bench.comparison.update(
        objects=ComparedObjects("pair", tuple(replace(row, sentence="More is known.") for row in OBJECTS), True)
    )
    assert lines.sides[0].rows.stage_at(lines.sides[0].rows.currentIndex()) == "nms", "what was opened stays open"


def test_life_lines_lie_under_each_other_where_names_of_stages_would_not_fit(bench: Bench) -> None:
    bench.give(object=1, lines=LINES[1])
    lines = bench.body.objects.lines

    def corners() -> list[tuple[int, int]]:
        bench.bot.waitUntil(lambda: lines.sides[1].rows.height() > 0)
        return [(side.rows.mapTo(lines, side.rows.rect().topLeft()).x(), side.rows.y()) for side in lines.sides]

    bench.tab.resize(1200, 800)
    (left, upper), (right, other) = corners()
    assert (upper, left < right) == (other, True)
    bench.tab.resize(560, 700)
    bench.bot.waitUntil(lambda: corners()[0][0] == corners()[1][0])
    assert corners()[0][1] < corners()[1][1]
    names = columns(lines.sides[0].rows.line, lines.sides[0].rows.font(), lines.sides[0].rows.width()).name
    assert names[1] > 40, "the stages have names"


def test_an_object_without_life_lines_says_so(bench: Bench) -> None:
    row = replace(OBJECTS[3], status="unknown", a=None, b=None)
    bench.give(objects=ComparedObjects("pair", (row,), True), object=3)
    assert bench.body.objects.lines.sides[0].verdict.text() == NO_LINE
    assert bench.body.objects.sentence.text() == "1 annotated object, which cannot be compared. Both lost it."
    bench.comparison.update(objects=ComparedObjects("pair", (*OBJECTS[:1], row), True))
    assert bench.body.objects.sentence.text().endswith("nothing else. 1 cannot be compared.")


def test_maps_stand_in_computing_order_with_the_parting_marked(bench: Bench) -> None:
    bench.give()
    page = bench.body.nodes
    bench.body.pages.setCurrentWidget(page)
    assert page.sentence.text() == "P2 is the first map that differs."
    assert [(row.key, row.ground) for row in page.table.shown] == [("C2", ""), ("P2", "notice"), ("P3", "")]
    same, parting, other = (row.entries for row in page.table.shown)
    assert [entry.text for entry in same[1:5]] == ["0", "0", "0", "0"]
    assert [entry.text for entry in parting[1:5]] == ["0.500", "0.100", "0.200", "3.00"]
    assert parting[1].bar == 0.5
    assert parting[6].text == PARTING
    assert [entry.text for entry in other[1:5]] == ["–", "–", "0.300", "–"]
    assert other[6].text.startswith("read at the same points of the picture")
    page.table.selectRow(0)
    assert bench.comparison.state.node == "C2"


def test_numbers_sort_as_numbers_and_are_copied(bench: Bench) -> None:
    bench.give()
    bench.body.pages.setCurrentWidget(bench.body.nodes)
    table = bench.body.nodes.table
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert column(table, 0) == ["P2", "C2", "P3"]
    table.clearSelection()
    rows = copied(bench, table)
    assert rows[0][:2] == ["Map", "Relative L2"]
    assert rows[1][:2] == ["P2", "0.500"]
    assert len(rows) == 4


def test_weights_are_asked_for_when_they_are_looked_at_and_can_be_searched(bench: Bench) -> None:
    bench.give()
    assert ("need_weights",) not in bench.comparison.calls
    page = bench.body.weights
    bench.body.pages.setCurrentWidget(page)
    assert bench.comparison.calls[-1] == ("need_weights",)
    bench.comparison.update(weights=fakes.weights())
    assert page.sentence.text() == "Only the head was trained."
    assert column(page.table, 2) == ["0", "0.250", "–"]
    assert column(page.table, 3) == ["", "", "only in B"]
    page.search.setText("fc")
    assert column(page.table, 0) == ["head.fc"]


def test_detections_are_listed_by_what_they_are_in_the_other(bench: Bench) -> None:
    bench.give()
    page = bench.body.found
    bench.body.pages.setCurrentWidget(page)
    assert column(page.table, 1) == ["only A", "only A", "only B", "same"]
    assert page.sentence.text() == "A has 3 detections, B 2: 1 same, 1 only B, 2 only A."
    assert bench.models.viewport.state.fitted
    page.table.selectRow(2)
    view, viewport = bench.body.board.view, bench.models.viewport
    size = (float(view.width()), float(view.height()))
    reach = [side / viewport.scale(size) / 2 for side in size]
    offsets = [abs(at - middle) for at, middle in zip((80.0, 13.0), viewport.state.center_img, strict=True)]
    assert not viewport.state.fitted
    assert all(offset < half for offset, half in zip(offsets, reach, strict=True)), "the detection is in sight"


def test_a_row_stays_chosen_when_its_table_is_filled_anew(bench: Bench) -> None:
    bench.give(object=2)
    table = bench.body.objects.table
    chosen = table.currentIndex().row()
    bench.comparison.update(objects=ComparedObjects("pair", OBJECTS[1:], True))
    assert [row.key for row in table.shown][table.currentIndex().row()] == 2
    assert chosen == 1
    bench.bot.mouseClick(bench.body.objects.filters["only B"], Qt.MouseButton.LeftButton)
    assert [row.key for row in table.shown][table.currentIndex().row()] == 2
    assert bench.comparison.state.object == 2, "and nothing is chosen by that"
