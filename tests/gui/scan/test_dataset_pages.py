"""The pages "Coverage" and "Remedies" of the tab "Scan", over a random scan and stand-ins for what runs beside the window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QWidget

from fpn_viewer.engine.jobs import Failure
from fpn_viewer.engine.scan.dataset.requests import AskRemedies, LendScanned
from fpn_viewer.engine.scan.dataset.values import DataChange, DataRemedies, DataRemedy
from fpn_viewer.engine.scan.filters import LOST, Filter
from fpn_viewer.engine.session import Session
from fpn_viewer.ui.scan import data_remedies
from fpn_viewer.ui.scan.coverage import MEASURING, CoveragePage
from fpn_viewer.ui.scan.data_remedies import ABOUT, NO_PICTURE, STOPPED, DataRemediesPage
from fpn_viewer.ui.scan.remedy_rows import signed
from fpn_viewer.ui.theme import palette
from fpn_viewer.viewmodels.models import Models
from fpn_viewer.viewmodels.scan_remedies import LANE, LENDING
from tests.scan_files import write_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

LOWER = DataChange("selection", "box_score_thresh", "0.05", "0.01", {"box_score_thresh": 0.01})
LESS = DataChange("gains", "top-down into M3", "1", "0.5", gains={("M3", "top-down"): 0.5})
ROWS = (DataRemedy(LOWER, 10, 4, (0.17, 0.69), 1, 2, 3.25, 1.5), DataRemedy(LESS, 10, 1, (0.02, 0.4), problem="Why."))
FOUND = DataRemedies("demo", 30, (12, 8), (6, 2), (6, 2), 10, 5.0, ROWS, (), "Most is gained by a lower score.")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scan(tmp_path_factory.mktemp("scan") / "scan.sqlite", 30, 600).path


@pytest.fixture
def models(qapp: QApplication, qtbot: QtBot, path: Path) -> Iterator[Models]:
    qapp.setStyle("Fusion")
    host = QWidget()
    qtbot.addWidget(host)
    models = Models.made(Session(), lambda _: {}, host)
    models.scans.open(str(path))
    qtbot.waitUntil(lambda: models.scans.state.total is not None)
    yield models
    models.scans.shutdown()
    models.document.shutdown()


def shown(page: Any, qtbot: QtBot) -> Any:
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    qtbot.waitExposed(page)
    return page


# -- coverage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def coverage(models: Models, qtbot: QtBot) -> CoveragePage:
    page = shown(CoveragePage(models), qtbot)
    qtbot.waitUntil(lambda: page.coverage is not None)
    page._draw()
    return page


def test_the_page_measures_before_it_draws(models: Models, qtbot: QtBot) -> None:
    page = shown(CoveragePage(models), qtbot)
    assert page.message.text() == MEASURING
    assert page.message.isVisible()
    assert not page.chart.isVisible()


def test_coverage_is_drawn_with_its_sentence_and_tables(coverage: CoveragePage) -> None:
    found = coverage.coverage
    assert found is not None
    assert coverage.sentence.text() == found.sentence
    assert found.now.objects == 600
    assert len(coverage.chart.marks) == sum(one.objects > 0 for one in found.now.bins)
    anchors, holes, classes = ([[cell.text for cell in row] for row in table.shown] for table in coverage.tables)
    assert [row[0] for row in anchors] == ["now"]
    assert [row[0] for row in holes] == [hole.span for hole in found.now.holes]
    assert [row[0] for row in classes] == [name for name, _, _ in found.now.classes]
    assert (coverage.sizes.value(), coverage.ratios.value()) == (1, 3)


def test_no_page_keeps_the_window_from_being_narrow(coverage: CoveragePage, remedies: DataRemediesPage) -> None:
    for page in (coverage, remedies):
        assert page.minimumSizeHint().width() <= 420


def test_a_click_on_a_size_lists_its_objects_that_no_anchor_reaches(coverage: CoveragePage, models: Models, qtbot: QtBot) -> None:
    mark = next(mark for mark in coverage.chart.marks if mark.chosen is not None)
    qtbot.mouseClick(coverage.chart, Qt.MouseButton.LeftButton, pos=QPoint(round(mark.at.x()), round(mark.at.y())))
    chosen = models.scans.state.filter
    assert chosen.sides == mark.chosen.sides  # type: ignore[union-attr]
    assert chosen.anchor_ious == (None, 0.7)
    assert coverage.readout.text() == mark.name


def test_holes_are_shaded_in_both_themes(coverage: CoveragePage) -> None:
    now = coverage.coverage.now  # type: ignore[union-attr]
    x = round(coverage.chart._x((now.bins[0].low + now.holes[0].high) / 2))
    for dark in (False, True):
        coverage.setPalette(palette(dark))
        pixel = coverage.chart.grab().toImage().pixelColor(x, round(coverage.chart.plot.bottom()) - 3)
        assert pixel != coverage.palette().color(QPalette.ColorRole.Base)
        assert (pixel.lightness() < 128) == dark


def test_only_the_filtered_objects_when_asked(coverage: CoveragePage, models: Models, qtbot: QtBot) -> None:
    coverage.filtered.setChecked(True)
    lost = models.scans.state.total
    qtbot.waitUntil(lambda: coverage.coverage is not None and coverage.coverage.now.objects == lost)
    assert models.scans.state.filter == Filter(outcomes=LOST)


def test_anchors_are_proposed_copied_and_handed_to_the_settings(coverage: CoveragePage, qtbot: QtBot) -> None:
    assert not coverage.use.isVisible()
    wanted: list[Any] = []
    coverage.settings_wanted.connect(wanted.append)
    qtbot.mouseClick(coverage.propose, Qt.MouseButton.LeftButton)
    assert coverage.stop.isVisible()
    assert not coverage.propose.isVisible()
    qtbot.waitUntil(lambda: coverage.proposal is not None, timeout=60_000)
    best = coverage.proposal.evolved.anchors  # type: ignore[union-attr]
    assert [row[0].text for row in coverage.tables[0].shown] == ["now", "k-means", "evolved"]
    coverage.copy_code.click()
    assert QGuiApplication.clipboard().text() == best.code
    coverage.copy_settings.click()
    assert QGuiApplication.clipboard().text() == best.text
    coverage.use.click()
    assert wanted == [best.options]
    assert best.text in coverage.copy_text()


def test_a_search_for_anchors_can_be_stopped(coverage: CoveragePage, qtbot: QtBot) -> None:
    coverage.propose.click()
    qtbot.mouseClick(coverage.stop, Qt.MouseButton.LeftButton)
    assert coverage.propose.isVisible()
    assert coverage.proposal is None
    # and another one can follow
    coverage.ratios.setValue(1)
    coverage.propose.click()
    qtbot.waitUntil(lambda: coverage.proposal is not None, timeout=60_000)
    assert not coverage.use.isEnabled()
    assert "1 sizes a level and 3 ratios" in coverage.use.toolTip()


def test_another_detector_has_a_coverage_of_its_own(coverage: CoveragePage, models: Models, qtbot: QtBot) -> None:
    models.scans.set_detector(1)
    qtbot.waitUntil(lambda: coverage.coverage is not None and coverage.coverage.detector == "demo-early")


def test_why_there_is_no_coverage_is_said(models: Models, qtbot: QtBot, tmp_path: Path) -> None:
    page = shown(CoveragePage(models), qtbot)
    models.scans.open(str(write_scan(tmp_path / "empty.sqlite", 2, 0).path))
    qtbot.waitUntil(lambda: "no object to cover" in page.message.text())
    assert page.message.isVisible()


# -- remedies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(models: Models, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is asked, by lane; nothing runs."""
    asked: dict[str, Any] = {}
    scans_ask = models.scans.ask

    def ask(lane: str, request: Callable[..., object]) -> None:
        asked.__setitem__(lane, request) if lane == LANE else scans_ask(lane, request)

    monkeypatch.setattr(models.scans, "ask", ask)
    monkeypatch.setattr(models.document, "ask", asked.__setitem__)
    return asked


@pytest.fixture
def remedies(models: Models, asked: dict[str, Any], qtbot: QtBot) -> DataRemediesPage:
    return shown(DataRemediesPage(models), qtbot)


def begin(page: DataRemediesPage, models: Models) -> None:
    page.start.click()
    models.document.answered.emit(LENDING, None)


def test_the_page_says_what_it_would_do(remedies: DataRemediesPage) -> None:
    assert remedies.stage.text() == ABOUT
    assert not remedies.table.isVisible()
    assert remedies.start.isVisible()
    for box in remedies.kinds.values():
        box.setChecked(False)
    assert not remedies.start.isEnabled()


def test_the_filter_the_kinds_and_the_detector_are_asked_with(
    remedies: DataRemediesPage, models: Models, asked: dict[str, Any]
) -> None:
    remedies.pictures.setValue(7)
    remedies.start.click()
    assert asked[LENDING] == LendScanned(models.document.session, models.scans.state.path, 0)
    assert LANE not in asked
    assert remedies.stop.isVisible()
    models.document.answered.emit(LENDING, "a detector")
    request = asked[LANE]
    assert request == AskRemedies(models.scans.state.path, Filter(outcomes=LOST), ("selection", "input"), 7)
    assert request.lent == "a detector"


def test_rows_come_while_it_runs_and_stay_when_it_is_stopped(
    remedies: DataRemediesPage, models: Models, asked: dict[str, Any], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(data_remedies, "monotonic", lambda: clock[0])
    begin(remedies, models)
    clock[0] = 130.0
    models.scans.asked_progress.emit(LANE, "picture 2 of 8: box_nms_thresh 0.7", 0.25)
    assert remedies.stage.text() == "picture 2 of 8: box_nms_thresh 0.7 · 1 min 30 s left"
    asked[LANE].told(replace(FOUND, done=(1, 1)))
    qtbot.waitUntil(lambda: remedies.table.isVisible())
    assert remedies.sampled.text().startswith("Tried on 2 of 8 pictures, with 10 of 30 filtered misses (33 %)")
    remedies.stop.click()
    assert remedies.note.text() == STOPPED
    assert len(remedies.table.shown) == 2
    # what comes late is nothing to it
    models.scans.answered.emit(LANE, replace(FOUND, rows=()))
    assert len(remedies.table.shown) == 2


def test_stopped_before_the_first_picture(remedies: DataRemediesPage, models: Models) -> None:
    begin(remedies, models)
    remedies.stop.click()
    assert remedies.note.text() == NO_PICTURE
    assert remedies.start.isVisible()


def test_the_end_shows_all_and_a_row_opens_the_settings(remedies: DataRemediesPage, models: Models) -> None:
    wanted: list[Any] = []
    remedies.settings_wanted.connect(wanted.append)
    begin(remedies, models)
    models.scans.answered.emit(LANE, FOUND)
    assert remedies.sentence.text() == FOUND.sentence
    first = [cell.text for cell in remedies.table.shown[0]][:-1]
    assert first == ["box_score_thresh", "0.05", "0.01", "4 of 10", "17–69 %", "1", "2", "+3", "+3.25", "+1.50"]
    assert remedies.table.shown[1][0].tip == "Why."
    assert not remedies.use.isEnabled()
    remedies.table.selectRow(0)
    remedies.use.click()
    assert wanted == [{"box_score_thresh": 0.01}]
    remedies.table.selectRow(1)
    assert not remedies.use.isEnabled()
    assert "What if" in remedies.use.toolTip()
    copied = remedies.copy_text().splitlines()
    assert copied[0] == FOUND.sentence
    assert copied[3] == "\t".join(first)


def test_another_filter_is_said_and_another_scan_forgets(
    remedies: DataRemediesPage, models: Models, qtbot: QtBot, tmp_path: Path
) -> None:
    begin(remedies, models)
    models.scans.answered.emit(LANE, FOUND)
    models.scans.set_filter(classes=("car",))
    assert "tried for another filter: lost by demo" in remedies.note.text()
    models.scans.open(str(write_scan(tmp_path / "other.sqlite", 3, 20).path))
    qtbot.waitUntil(lambda: models.scans.state.about is not None)
    assert not remedies.table.isVisible()
    assert remedies.note.text() == ""


@pytest.mark.parametrize("lane", [LENDING, LANE])
def test_a_failure_is_said_in_its_own_words(lane: str, remedies: DataRemediesPage, models: Models) -> None:
    failure = Failure("The scan's demo is not open.", "", "user")
    if lane == LENDING:
        remedies.start.click()
        models.document.unanswered.emit(lane, failure)
    else:
        begin(remedies, models)
        models.scans.unanswered.emit(lane, failure)
    assert remedies.note.text() == "The scan's demo is not open."
    assert remedies.start.isVisible()


SIGNED = [(3.0, 0, "+3"), (-2.345, 2, "−2.35"), (0.0, 2, "0.00"), (-0.001, 2, "0.00"), (1234.5, 1, "+1,234.5")]


@pytest.mark.parametrize(("value", "digits", "text"), SIGNED)
def test_numbers_have_their_sign(value: float, digits: int, text: str) -> None:
    assert signed(value, digits) == text
