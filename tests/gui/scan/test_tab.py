"""The tab "Scan": its states, the first glance, its pages, and what a click has the table list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from fpn_viewer.engine.jobs import Failure
from fpn_viewer.engine.scan.filters import LOST, Filter
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.words import glance
from fpn_viewer.ui.scan import pages
from fpn_viewer.ui.scan.funnel import VIEWS, FunnelPage
from fpn_viewer.ui.scan.numbers import NumbersPage
from fpn_viewer.ui.scan.recall import RecallPage
from fpn_viewer.ui.scan.standing import Standing
from fpn_viewer.ui.scan.tab import EMPTY, NO_PICTURE_YET, NO_TRUTH, ScanTab
from fpn_viewer.viewmodels.scan_runs import Running

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.viewmodels.models import Models

pytestmark = pytest.mark.gui

SIZE, CLASS, STAGE, FLOWS = range(len(VIEWS))
CLICK = Qt.MouseButton.LeftButton


def shown(widget: Any, qtbot: QtBot) -> Any:
    qtbot.addWidget(widget)
    widget.resize(1000, 700)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def tab(open_models: Models, qtbot: QtBot) -> ScanTab:
    """On its first page, which is drawn."""
    tab: ScanTab = shown(ScanTab(open_models), qtbot)
    qtbot.waitUntil(lambda: isinstance(tab.page, FunnelPage) and bool(tab.page.bars.marks))
    return tab


@pytest.fixture
def page(tab: ScanTab) -> FunnelPage:
    assert isinstance(tab.page, FunnelPage)
    return tab.page


# -- states -------------------------------------------------------------------------------------------------------------


def test_without_a_scan_it_says_what_to_do(empty_models: Models, qtbot: QtBot) -> None:
    tab = shown(ScanTab(empty_models), qtbot)
    assert tab.title.text() == EMPTY
    assert tab.title.isVisible()
    assert tab.page is None
    for button, signal in ((tab.start, tab.start_requested), (tab.open, tab.scan_requested)):
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(button, CLICK)


def test_a_file_that_is_no_scan_is_said_to_be_none(empty_models: Models, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("not a database at all, whatever its name says")
    tab = shown(ScanTab(empty_models), qtbot)
    empty_models.scans.open(str(path))
    qtbot.waitUntil(lambda: "notes.sqlite cannot be read as a scan" in tab.message.text())
    assert tab.start.isVisible()


@pytest.mark.parametrize(("fields", "text"), [({"annotations": ""}, NO_TRUTH), ({"done": 0}, NO_PICTURE_YET)])
def test_what_a_scan_cannot_tell_is_said(fields: dict[str, Any], text: str, tab: ScanTab) -> None:
    state = tab.scans.state
    assert state.about is not None
    tab.scans.update(about=replace(state.about, **fields))
    assert tab.message.text() == text
    assert tab.message.isVisible()


def test_closing_the_scan_empties_the_tab(tab: ScanTab) -> None:
    tab.scans.close()
    assert tab.title.text() == EMPTY
    assert tab.title.isVisible()


# -- the first glance ---------------------------------------------------------------------------------------------------


def test_the_head_says_the_first_thing_to_know(tab: ScanTab, scan: Scan, qtbot: QtBot) -> None:
    wanted = glance(funnel(scan))
    qtbot.waitUntil(lambda: tab.head.sentence.text() == wanted)
    assert "40 pictures · 700 objects" in tab.head.facts.text()


def test_a_scan_that_is_still_written_is_spoken_of_as_such(tab: ScanTab, qtbot: QtBot) -> None:
    state = tab.scans.state
    assert state.about is not None
    tab.scans.update(about=replace(state.about, pictures=500))
    qtbot.waitUntil(lambda: tab.head.sentence.text().startswith("So far, 40 of 500 pictures: demo loses"))


def test_a_list_of_detectors_that_is_open_stays_open_while_the_scan_goes_on(tab: ScanTab, qtbot: QtBot) -> None:
    filled: list[object] = []
    tab.head.detector.model().rowsRemoved.connect(lambda *_: filled.append(None))
    state = tab.scans.state
    assert state.about is not None
    tab.scans.update(about=replace(state.about, pictures=500), revision=state.revision + 1)
    assert not filled
    tab.scans.update(about=replace(state.about, detectors=("demo", "other")))
    assert filled
    assert tab.head.other.currentText() == "B  other"


def test_classes_that_the_detector_has_not_are_said(tab: ScanTab, qtbot: QtBot) -> None:
    state = tab.scans.state
    assert state.about is not None
    tab.scans.update(about=replace(state.about, unmatched=(("tree", "pond"), ())))
    qtbot.waitUntil(lambda: tab.head.sentence.text().endswith(". It has no class for “tree” and 1 more."))
    tab.scans.set_detector(1)
    qtbot.waitUntil(lambda: tab.head.sentence.text().startswith("demo-early"))
    assert "no class" not in tab.head.sentence.text()


def test_choosing_what_it_is_compared_with_exchanges_the_two(tab: ScanTab, scan: Scan, qtbot: QtBot) -> None:
    assert (tab.head.detector.currentText(), tab.head.other.currentText()) == ("A  demo", "B  demo-early")
    tab.head.detector.setCurrentIndex(1)
    tab.head.detector.activated.emit(1)
    assert (tab.scans.state.filter.detector, tab.scans.state.other) == (1, 0)
    assert (tab.head.detector.currentText(), tab.head.other.currentText()) == ("B  demo-early", "A  demo")
    wanted = glance(funnel(scan, Filter(detector=1)))
    qtbot.waitUntil(lambda: tab.head.sentence.text() == wanted)
    # the panel of misses chooses in this way
    tab.scans.set_detector(0)
    assert (tab.scans.state.filter.detector, tab.scans.state.other) == (0, 1)


# -- clicks and the table -----------------------------------------------------------------------------------------------


def test_a_click_on_a_bar_filters_the_table_and_says_so(tab: ScanTab, page: FunnelPage, qtbot: QtBot) -> None:
    mark = max(
        (one for one in page.bars.marks if one.chosen and one.chosen.killers), key=lambda one: one.path.boundingRect().width()
    )
    qtbot.mouseClick(page.bars, CLICK, pos=mark.at.toPoint())
    assert tab.scans.state.filter == mark.chosen
    count = mark.name.partition(": ")[2].split()[0]
    qtbot.waitUntil(lambda: tab.listed.text().endswith(f"— {count} objects"))
    assert tab.listed.text().startswith("lost at ")
    assert page.readout.text() == mark.name
    qtbot.mouseClick(tab.everything, CLICK)
    assert tab.scans.state.filter == Filter()
    assert tab.listed.text().startswith("all objects")


def test_the_legend_begins_with_the_biggest_loss_and_filters(tab: ScanTab, page: FunnelPage, qtbot: QtBot) -> None:
    counts = [int(chip.text().rpartition("  ")[2]) for chip in page.legend.chips]
    assert counts[:-1] == sorted(counts[:-1], reverse=True)
    assert page.legend.chips[-1].state == "found"
    first = page.legend.chips[0]
    qtbot.mouseClick(first, CLICK)
    assert tab.scans.state.filter == first.filter
    assert [chip.isChecked() for chip in page.legend.chips] == [True] + [False] * (len(counts) - 1)
    qtbot.waitUntil(lambda: tab.scans.state.total == counts[0])


def test_the_button_asks_for_the_table(tab: ScanTab, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tab.table_requested):
        qtbot.mouseClick(tab.to_table, CLICK)


def test_where_room_is_short_the_charts_have_it(tab: ScanTab) -> None:
    tab.resize(500, 300)
    assert not tab.to_table.isVisible()
    tab.resize(500, 700)
    assert tab.to_table.isVisible()


def test_in_a_small_window_every_bar_and_every_word_is_seen(tab: ScanTab, page: FunnelPage, qtbot: QtBot) -> None:
    """As beside the other panels, with the table below."""
    tab.resize(460, 400)
    qtbot.waitUntil(lambda: page.bars.visibleRegion().boundingRect().height() > 100)
    seen = page.bars.visibleRegion().boundingRect()
    assert all(seen.contains(mark.at.toPoint()) for mark in page.bars.marks)
    readout = page.readout
    assert 0 < readout.heightForWidth(readout.width()) <= readout.height()
    line = readout.fontMetrics().lineSpacing()
    assert readout.height() == 2 * line
    tab.resize(1000, 700)
    qtbot.waitUntil(lambda: readout.height() == line)


# -- funnel -------------------------------------------------------------------------------------------------------------


def test_each_view_of_the_funnel_draws_its_rows(page: FunnelPage, scan: Scan) -> None:
    counts = funnel(scan)
    rows = {SIZE: len(counts.sizes), CLASS: len(counts.classes), STAGE: len(counts.states) - 1}
    for view, number in rows.items():
        page.view.choose(view)
        assert len(page.bars.rows) == number
        assert sum(row.total for row in page.bars.rows) == counts.lost
    page.scale.choose(1)
    page.view.choose(SIZE)
    assert sum(row.total for row in page.bars.rows) == counts.total


def test_what_the_keys_point_at_is_scrolled_to(page: FunnelPage, tab: ScanTab, qtbot: QtBot) -> None:
    tab.resize(700, 330)
    page.bars.setFocus()
    qtbot.keyClick(page.bars, Qt.Key.Key_End)
    last = page.bars.current
    assert last is not None
    qtbot.waitUntil(lambda: page.bars.visibleRegion().contains(last.at.toPoint()))
    qtbot.keyClick(page.bars, Qt.Key.Key_Home)
    assert not page.bars.visibleRegion().contains(last.at.toPoint())


def test_flows_need_a_second_detector(page: FunnelPage, tab: ScanTab, qtbot: QtBot) -> None:
    page.view.choose(FLOWS)
    qtbot.waitUntil(lambda: bool(page.ribbons.marks))
    assert page.ribbons.isVisible()
    assert "(McNemar, " in page.verdict.text()
    tab.scans.set_other(None)
    assert page.view.current == SIZE
    assert not page.view.button(FLOWS).isEnabled()
    assert page.bars.isVisible()


def test_a_click_on_a_ribbon_lists_what_only_one_detector_finds(page: FunnelPage, tab: ScanTab, qtbot: QtBot) -> None:
    page.view.choose(FLOWS)
    qtbot.waitUntil(lambda: bool(page.ribbons.marks))
    mark = next(one for one in page.ribbons.marks if one.name.startswith("found by demo, lost"))
    page.ribbons.setFocus()
    page.ribbons._point(page.ribbons.marks.index(mark))
    qtbot.keyClick(page.ribbons, Qt.Key.Key_Return)
    assert tab.scans.state.filter == mark.chosen
    assert "found by demo · lost at" in tab.listed.text()


def test_the_numbers_of_a_page_can_be_copied(page: FunnelPage, tab: ScanTab, scan: Scan, qtbot: QtBot) -> None:
    tab.copy()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["state", "size", "class", "objects"]
    assert sum(int(line.split("\t")[-1]) for line in lines[1:]) == funnel(scan).total
    page.view.choose(FLOWS)
    qtbot.waitUntil(lambda: page.flows is not None)
    tab.copy()
    assert QGuiApplication.clipboard().text().startswith("demo \\ demo-early\t")


def test_a_failure_is_said_where_the_chart_was(page: FunnelPage, tab: ScanTab) -> None:
    page._funnel._sent = page._funnel._wanted
    tab.scans.unanswered.emit("funnel", Failure("The file is gone; open it again.", "", "user"))
    assert page.message.text() == "The file is gone; open it again."
    assert page.message.isVisible()
    assert not page.legend.isVisible()


# -- other pages --------------------------------------------------------------------------------------------------------


def test_pages_are_made_when_they_are_chosen(tab: ScanTab, qtbot: QtBot) -> None:
    assert [tab.pages.tabText(place) for place in range(tab.pages.count())] == [row.title for row in pages.PAGES]
    assert list(tab._made) == [0]
    tab.pages.setCurrentIndex(1)
    assert list(tab._made) == [0, 1]
    assert isinstance(tab.page, RecallPage)
    qtbot.waitUntil(lambda: bool(tab.page.curves))  # type: ignore[union-attr]


@pytest.fixture
def recall(open_models: Models, qtbot: QtBot) -> RecallPage:
    page: RecallPage = shown(RecallPage(open_models), qtbot)
    qtbot.waitUntil(lambda: bool(page.chart.marks))
    return page


def test_a_point_lists_the_objects_that_are_lost_there(recall: RecallPage, qtbot: QtBot) -> None:
    mark = next(one for one in recall.chart.marks if one.chosen is not None and one.chosen.detector == 1)
    qtbot.mouseClick(recall.chart, CLICK, pos=mark.at.toPoint())
    shown_filter = recall.scans.state.filter
    assert shown_filter == mark.chosen
    assert (shown_filter.detector, shown_filter.outcomes) == (1, LOST)


def test_a_curve_can_be_hidden(recall: RecallPage) -> None:
    assert {one.curve.name for one in recall.chart._lines} == {"demo", "demo-early"}
    recall.shown[0].setChecked(False)
    assert {one.curve.name for one in recall.chart._lines} == {"demo-early"}
    assert len(recall.copy_text().splitlines()) == 1 + 2 * len(recall.curves[0].sizes)


def test_a_class_has_its_own_curve(recall: RecallPage, qtbot: QtBot) -> None:
    recall.name.setCurrentIndex(1)
    recall.name.activated.emit(1)
    name = recall.name.currentText()
    qtbot.waitUntil(lambda: recall.curves[0].chosen.classes == (name,))
    assert 0 < recall.curves[0].objects.sum() < 700


def test_ap50_stands_in_place_of_recall(recall: RecallPage, qtbot: QtBot) -> None:
    recall.scale.choose(1)
    qtbot.waitUntil(lambda: recall.curves[0].ap50 is not None and "AP50" in recall.chart.marks[0].name, timeout=30_000)


def test_the_numbers_are_those_of_the_library(open_models: Models, scan: Scan, qtbot: QtBot) -> None:
    from fpn_viewer.engine.scan.numbers.coco import coco

    page: NumbersPage = shown(NumbersPage(open_models), qtbot)
    qtbot.waitUntil(lambda: "COCO" in page.tables, timeout=30_000)
    ap = coco(scan, 0).ap
    assert ap is not None
    assert page.tables["COCO"].shown[0][2].text == f"{ap:.3f}"
    assert page.copy_text().splitlines()[0].endswith("B − A")
    open_models.scans.set_other(None)
    assert page.copy_text().splitlines()[0].endswith("B  demo-early")
    page.view.choose(2)
    qtbot.waitUntil(lambda: bool(page.errors.marks), timeout=30_000)
    assert page.errors.isVisible()


def test_slow_numbers_wait_for_the_end_of_a_scan(open_models: Models, qtbot: QtBot) -> None:
    page: RecallPage = shown(RecallPage(open_models), qtbot)
    qtbot.waitUntil(lambda: bool(page.chart.marks))
    scans, state = open_models.scans, open_models.scans.state
    running = Running(state.path, "running", total=500)
    scans.update(running=running, revision=state.revision + 1)
    assert not page._curves.busy
    scans.update(running=replace(running, kind="done"))
    assert page._curves.busy
    qtbot.waitUntil(lambda: not page._curves.busy)


# -- pictures of the tab ------------------------------------------------------------------------------------------------


def test_the_tab_can_be_saved(tab: ScanTab, tmp_path: Path) -> None:
    image = tab.render_image(2.0)
    assert (image.width(), image.height()) == (2 * tab.width(), 2 * tab.height())
    tab.render_svg(str(tmp_path / "scan.svg"))
    text = (tmp_path / "scan.svg").read_text()
    assert "<path" in text
    assert "RPN top-k" in text


# -- standing questions -------------------------------------------------------------------------------------------------


def question(_: object) -> object:
    return None


def other_question(_: object) -> object:
    return None


def test_a_standing_question_is_asked_once_for_each_state_of_the_file(
    empty_models: Models, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans, sent, host = empty_models.scans, [], QWidget()
    qtbot.addWidget(host)
    monkeypatch.setattr(scans, "ask", lambda lane, request: sent.append(request))
    standing: Standing[str] = Standing(scans, "funnel", host)
    standing.ask(question)
    standing.ask(question)
    assert sent == [question]
    # the file grows while the answer is on its way: the next question waits for it
    scans.update(revision=scans.state.revision + 1)
    standing.ask(question)
    assert sent == [question]
    scans.answered.emit("funnel", "first")
    assert standing.value == "first"
    assert sent == [question, question]
    # another question does not wait
    standing.ask(other_question)
    assert sent[-1] is other_question
    scans.answered.emit("coco", "of another lane")
    assert standing.value == "first"
    scans.answered.emit("funnel", "second")
    assert standing.value == "second"
    assert not standing.busy
    standing.ask(other_question)
    assert len(sent) == 3


def test_what_was_said_of_one_scan_is_forgotten_with_it(
    empty_models: Models, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans, host = empty_models.scans, QWidget()
    qtbot.addWidget(host)
    monkeypatch.setattr(scans, "ask", lambda *_: None)
    standing: Standing[str] = Standing(scans, "funnel", host)
    standing.ask(question)
    scans.answered.emit("funnel", "first")
    scans.update(path="other.sqlite")
    assert standing.value is None
    scans.answered.emit("funnel", "late")
    assert standing.value is None


def test_after_a_failure_it_is_asked_again_when_the_file_has_grown(
    empty_models: Models, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans, sent, host = empty_models.scans, [], QWidget()
    qtbot.addWidget(host)
    monkeypatch.setattr(scans, "ask", lambda lane, request: sent.append(request))
    standing: Standing[str] = Standing(scans, "funnel", host)
    standing.ask(question)
    scans.unanswered.emit("funnel", Failure("It broke.", "", "user"))
    assert standing.problem == "It broke."
    standing.ask(question)
    assert len(sent) == 1
    scans.update(revision=scans.state.revision + 1)
    standing.ask(question)
    assert len(sent) == 2
    scans.answered.emit("funnel", "value")
    assert standing.problem == ""
