"""The panel "Misses" over a scan's file: what it lists, in which order, and what its filter says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.engine.scan_table import COLUMNS
from fpn_viewer.engine.session import Session
from fpn_viewer.ui.misses.cells import CROP
from fpn_viewer.ui.misses.panel import MissesPanel
from fpn_viewer.ui.misses.table import KEYS
from fpn_viewer.ui.misses.texts import NO_SCAN, NONE_COUNTS, NONE_LEFT, NOTHING_LOST
from fpn_viewer.viewmodels.models import Models
from tests.scan_files import write_scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication, QMenu
    from pytestqt.qtbot import QtBot

    from fpn_viewer.engine.scan.reading import Scan

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
LOST_SQL = ", ".join(f"'{name}'" for name in LOST)
JOINED = "fates JOIN objects USING (picture, object) JOIN pictures USING (picture)"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Each of one colour; the second is broken, the last is not there."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{number}.png" for number in range(12)]
    for number, path in enumerate(paths[:-1]):
        Image.new("RGB", (640, 480), (20 * number, 255 - 20 * number, 99)).save(path)
    paths[1].write_bytes(b"not a picture")
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory, pictures: list[str]) -> Scan:
    found = write_scan(tmp_path_factory.mktemp("scan") / "scan.sqlite", pictures, 900, seed=5)
    with closing(sqlite3.connect(found.path)) as file, file:
        # a margin and an overlap that are not known, and a box that is none
        file.execute("UPDATE fates SET anchor_iou = NULL WHERE object % 7 = 3")
        file.execute("UPDATE objects SET x1 = NULL, flaw = 'not a number' WHERE picture = 2 AND object = 0")
        file.execute("UPDATE fates SET outcome = 'flawed', killer = '', net_h = NULL WHERE picture = 2 AND object = 0")
    return found


@pytest.fixture
def models(qapp: QApplication, qtbot: QtBot) -> Iterator[Models]:
    qapp.setStyle("Fusion")
    host = QWidget()
    qtbot.addWidget(host)
    models = Models.made(Session(), lambda _: {}, host)
    yield models
    models.scans.shutdown()
    models.document.shutdown()


@pytest.fixture
def empty(models: Models, qtbot: QtBot) -> MissesPanel:
    """No scan is open."""
    panel = MissesPanel(models.scans, models.document, (QAction("&Start a scan…"), QAction("&Open a scan…")))
    qtbot.addWidget(panel)
    panel.resize(1200, 420)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def panel(empty: MissesPanel, models: Models, scan: Scan, qtbot: QtBot) -> MissesPanel:
    """The scan is open, its first rows are read."""
    models.scans.open(str(scan.path))
    read(models, qtbot)
    return empty


def read(models: Models, qtbot: QtBot) -> None:
    """Waits until everything in sight can be shown."""
    scans = models.scans
    qtbot.waitUntil(
        lambda: scans.state.total is not None and all(scans.rows.row(row) is not None for row in range(min(scans.state.total, 10)))
    )


def listed(models: Models) -> list[tuple[int, int]]:
    """(picture, object) in the order of the table."""
    rows = models.scans.rows
    return [(rows.key(row) >> 24, rows.key(row) & 0xFFFFFF) for row in range(len(rows))]


def plainly(scan: Scan, condition: str, order: str = "1, 2", detector: int = 0) -> list[tuple[int, int]]:
    query = f"SELECT fates.picture, fates.object FROM {JOINED} WHERE detector = {detector} AND {condition} ORDER BY {order}"
    return [(picture, number) for picture, number in scan.rows(query)]


def cell(panel: MissesPanel, row: int, key: str) -> Any:
    return panel.table.rows.data(panel.table.rows.index(row, KEYS.index(key)))


# -- states -------------------------------------------------------------------------------------------------------------


def test_without_a_scan_it_offers_to_start_or_open_one(empty: MissesPanel, qtbot: QtBot) -> None:
    assert empty.hint.text() == NO_SCAN
    assert [button.text() for button in empty._buttons] == ["Start a scan…", "Open a scan…"]
    assert all(button.isVisible() for button in empty._buttons)
    assert not empty.filter.isVisible()
    assert not empty.table.isVisible()


def test_a_file_that_is_no_scan_is_said_to_be_none_and_another_can_be_opened(
    empty: MissesPanel, models: Models, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE songs (name TEXT)")
    models.scans.open(str(path))
    qtbot.waitUntil(lambda: "other.sqlite" in empty.hint.text() and "scan" in empty.hint.text())
    assert all(button.isVisible() for button in empty._buttons)
    models.scans.open(str(tmp_path / "gone.sqlite"))
    qtbot.waitUntil(lambda: "gone.sqlite is not there" in empty.hint.text())


def test_a_filter_that_leaves_nothing_says_so(panel: MissesPanel, models: Models, qtbot: QtBot) -> None:
    qtbot.keyClicks(panel.filter.text, "no such thing")
    qtbot.keyClick(panel.filter.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: models.scans.state.total == 0)
    assert panel.hint.text() == NONE_LEFT
    assert panel.hint.isVisible()
    assert not panel.next.isEnabled()
    qtbot.mouseClick(panel.filter.everything, LEFT)
    qtbot.waitUntil(lambda: models.scans.state.total == 900)
    assert panel.table.isVisible()
    assert panel.filter.text.text() == ""


def test_a_scan_in_which_nothing_is_lost_is_good_news(empty: MissesPanel, models: Models, tmp_path: Path, qtbot: QtBot) -> None:
    found = write_scan(tmp_path / "good.sqlite", 3, 20)
    with closing(sqlite3.connect(found.path)) as file, file:
        file.execute("UPDATE fates SET outcome = 'found', killer = ''")
    models.scans.open(str(found.path))
    qtbot.waitUntil(lambda: models.scans.state.total == 0)
    assert empty.hint.text() == NOTHING_LOST


def test_a_scan_in_which_no_object_counts_is_no_news(empty: MissesPanel, models: Models, tmp_path: Path, qtbot: QtBot) -> None:
    found = write_scan(tmp_path / "other.sqlite", 3, 20)
    with closing(sqlite3.connect(found.path)) as file, file:
        file.execute("UPDATE fates SET outcome = 'unknown class', killer = ''")
    models.scans.open(str(found.path))
    qtbot.waitUntil(lambda: models.scans.state.total == 0)
    assert empty.hint.text() == NONE_COUNTS


# -- rows ---------------------------------------------------------------------------------------------------------------


def test_it_lists_what_is_lost_the_largest_first(panel: MissesPanel, models: Models, scan: Scan) -> None:
    lost = f"outcome IN ({LOST_SQL})"
    assert listed(models) == plainly(scan, lost, "fates.net_h * fates.net_w DESC, 1, 2")
    assert panel.count.text() == f"{len(plainly(scan, lost)):,} of 900 objects"
    head = panel.table.horizontalHeader()
    assert (head.sortIndicatorSection(), head.sortIndicatorOrder()) == (KEYS.index("net"), Qt.SortOrder.DescendingOrder)


@pytest.mark.parametrize(
    ("key", "clear"),
    [*((key, False) for key in COLUMNS if key not in ("killer", "detectors")), ("class", True), ("image", True), ("anchor", True)],
)
def test_a_click_on_a_heading_sorts_and_another_turns_it_round(
    key: str, clear: bool, panel: MissesPanel, models: Models, scan: Scan, qtbot: QtBot
) -> None:
    scans, head = models.scans, panel.table.horizontalHeader()
    if clear:
        scans.clear_filter()
    by = {
        "net": "sqrt(fates.net_h * fates.net_w)",
        "image": "(objects.x2 - objects.x1) * (objects.y2 - objects.y1)",
        "class": "objects.class",
        "anchor": "fates.anchor_iou",
        "cells": "fates.cells",
    }.get(key, f"fates.{key}")
    condition = "1" if clear else f"outcome IN ({LOST_SQL})"
    panel.table.setColumnHidden(KEYS.index(key), False)
    for _ in range(2):
        before = scans.state.column, scans.state.descending
        place = head.sectionViewportPosition(KEYS.index(key)) + 12
        panel.table.scrollTo(panel.table.rows.index(0, KEYS.index(key)))
        place = head.sectionViewportPosition(KEYS.index(key)) + 12
        qtbot.mouseClick(head.viewport(), LEFT, pos=QPoint(place, head.height() // 2))
        assert (scans.state.column, scans.state.descending) != before
        assert scans.state.column == key
        qtbot.waitUntil(lambda: scans.state.total is not None)
        down = scans.state.descending
        # what is not known comes last both ways
        order = f"{by} IS NULL, {by} {'DESC' if down else 'ASC'}, 1, 2"
        assert listed(models) == plainly(scan, condition, order)
        assert head.sortIndicatorSection() == KEYS.index(key)


def test_stages_are_sorted_from_the_first_to_the_last(panel: MissesPanel, models: Models, qtbot: QtBot) -> None:
    models.scans.sort_by("killer")
    read(models, qtbot)
    assert {cell(panel, row, "killer") for row in range(10)} == {"RPN boxes"}
    models.scans.sort_by("killer")
    read(models, qtbot)
    # without a stage, those that were taken or are of a wrong class come last both ways
    assert cell(panel, 0, "killer") == "NMS"


def test_a_row_says_what_the_file_says(panel: MissesPanel, models: Models, scan: Scan) -> None:
    picture, number = listed(models)[0]
    place = f"fates.picture = {picture} AND fates.object = {number} ORDER BY detector"
    columns = "objects.class, outcome, verdict, path, net_w, net_h"
    (name, outcome, verdict, path, w, h), (_, other, *_) = scan.rows(f"SELECT {columns} FROM {JOINED} WHERE {place}")
    assert (cell(panel, 0, "class"), cell(panel, 0, "outcome")) == (name, outcome)
    assert cell(panel, 0, "object") == str(number + 1)
    assert cell(panel, 0, "net").split(" × ") == [f"{w:.3g}", f"{h:.3g}"]
    assert cell(panel, 0, "detectors") == f"✕ {'✓' if other == 'found' else '✕'}"
    index = panel.table.rows.index(0, 1)
    tip = panel.table.rows.data(index, Qt.ItemDataRole.ToolTipRole)
    assert path in tip
    assert verdict in tip
    assert f"demo-early: {other}" in tip
    panel.table.selectRow(0)
    panel.table.copy()
    head, line = QGuiApplication.clipboard().text().split("\n")
    said = dict(zip(head.split("\t"), line.split("\t"), strict=True))
    assert (said["picture"], said["object"], said["outcome"], said["demo-early"]) == (path, str(number + 1), outcome, other)
    assert float(said["net w"]) == pytest.approx(w, rel=1e-6)


def test_a_broken_box_is_a_row_like_others(panel: MissesPanel, models: Models, qtbot: QtBot) -> None:
    models.scans.set_filter(outcomes=("flawed",))
    read(models, qtbot)
    assert models.scans.state.total == 1
    assert cell(panel, 0, "image").startswith("NaN")
    assert cell(panel, 0, "net") == "–"
    assert "not a number" in panel.table.rows.data(panel.table.rows.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    row = models.scans.rows.row(0)
    assert row is not None
    qtbot.waitUntil(lambda: panel.table.crops.of(row) is not None)
    assert not panel.grab().isNull()


def test_only_rows_near_those_in_sight_are_read(panel: MissesPanel, models: Models, qtbot: QtBot) -> None:
    scans = models.scans
    scans.clear_filter()
    read(models, qtbot)
    assert len(scans.rows) == 900
    assert scans.rows.row(500) is None
    panel.table.verticalScrollBar().setValue(500 * 36)
    qtbot.waitUntil(lambda: all(scans.rows.row(row) is not None for row in range(*panel.table.seen())))
    assert panel.table.seen()[0] == 500
    assert scans.rows.row(800) is None


def test_the_row_that_is_looked_at_stays_when_the_table_is_sorted_anew(panel: MissesPanel, models: Models, qtbot: QtBot) -> None:
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    key = models.scans.rows.key(models.scans.state.current or 0)
    models.scans.sort_by("class")
    read(models, qtbot)
    current = models.scans.state.current
    assert current is not None
    assert models.scans.rows.key(current) == key
    assert panel.table.currentIndex().row() == current


# -- filter -------------------------------------------------------------------------------------------------------------


def chips(panel: MissesPanel) -> list[str]:
    return [chip.text() for chip in panel.filter._chips]


def entry(menu: QMenu, *names: str) -> QAction:
    """An entry of the filter's menu by what stands before the count."""
    *path, last = names
    for name in path:
        menu = next(action.menu() for action in menu.actions() if action.text() == name)
    return next(action for action in menu.actions() if action.text().split("\t")[0] == last)


def choose(panel: MissesPanel, *names: str) -> None:
    panel.filter.menu.aboutToShow.emit()
    entry(panel.filter.menu, *names).trigger()


@pytest.mark.parametrize(
    ("names", "chip", "condition"),
    [
        (("Outcome", "found"), "missed, badly placed +3 ✕", f"outcome IN ('found', {LOST_SQL})"),
        (("Lost at", "NMS"), "lost at NMS ✕", f"outcome IN ({LOST_SQL}) AND killer = 'nms'"),
        (("Class", "car"), "car ✕", f"outcome IN ({LOST_SQL}) AND class = 'car'"),
        (
            ("Side in the network", "8–16 px"),
            "8–16 px ✕",
            f"outcome IN ({LOST_SQL}) AND sqrt(fates.net_h * fates.net_w) >= 8 AND sqrt(fates.net_h * fates.net_w) < 16",
        ),
        (("Best anchor's IoU", "< 0.3"), "anchor IoU < 0.3 ✕", f"outcome IN ({LOST_SQL}) AND anchor_iou < 0.3"),
        (
            ("Against another detector", "demo found, demo-early lost"),
            "demo-early: lost ✕",
            "outcome = 'found' AND EXISTS (SELECT 1 FROM fates AS b WHERE b.detector = 1 AND b.picture = fates.picture"
            f" AND b.object = fates.object AND b.outcome IN ({LOST_SQL}))",
        ),
    ],
)
def test_the_menu_narrows_the_table_and_a_chip_takes_it_back(
    names: tuple[str, ...], chip: str, condition: str, panel: MissesPanel, models: Models, scan: Scan, qtbot: QtBot
) -> None:
    before = listed(models)
    choose(panel, *names)
    read(models, qtbot)
    assert sorted(listed(models)) == plainly(scan, condition or "1")
    assert chip in chips(panel)
    made = next(one for one in panel.filter._chips if one.text() == chip)
    qtbot.mouseClick(made, LEFT)
    read(models, qtbot)
    assert chip not in chips(panel)
    if names[0] not in ("Outcome", "Against another detector"):
        assert listed(models) == before


def test_a_part_of_a_path_or_class_is_looked_for_while_it_is_typed(
    panel: MissesPanel, models: Models, scan: Scan, qtbot: QtBot
) -> None:
    for text, condition in (("/7.PNG", "path LIKE '%/7.png'"), ("AN", "class IN ('plane', 'tank')")):
        panel.filter.text.clear()
        qtbot.keyClicks(panel.filter.text, text)
        qtbot.waitUntil(lambda text=text: models.scans.state.filter.text == text)
        read(models, qtbot)
        assert sorted(listed(models)) == plainly(scan, f"outcome IN ({LOST_SQL}) AND {condition}")


def test_the_other_detectors_outcomes_are_told_when_it_is_chosen(
    panel: MissesPanel, models: Models, scan: Scan, qtbot: QtBot
) -> None:
    assert panel.filter.detector.isVisible()
    panel.filter.detector.setCurrentIndex(1)
    panel.filter.detector.activated.emit(1)
    read(models, qtbot)
    assert sorted(listed(models)) == plainly(scan, f"outcome IN ({LOST_SQL})", detector=1)
    picture, number = listed(models)[0]
    ((outcome,),) = scan.rows(f"SELECT outcome FROM fates WHERE detector = 1 AND picture = {picture} AND object = {number}")
    assert cell(panel, 0, "outcome") == outcome


# -- cut-outs -----------------------------------------------------------------------------------------------------------


def test_objects_are_cut_out_of_their_pictures_and_what_cannot_be_is_crossed_out(
    panel: MissesPanel, models: Models, qtbot: QtBot
) -> None:
    scans, crops = models.scans, panel.table.crops
    for picture, wanted in ((3, (60, 195, 99)), (1, None), (11, None)):
        scans.set_filter(picture=picture)
        read(models, qtbot)
        row = scans.rows.row(0)
        assert row is not None
        qtbot.waitUntil(lambda row=row: crops.of(row) is not None)
        made = crops.of(row)
        assert made is not None
        image, box, problem = made
        if wanted is None:
            assert image is None
            assert row.path in problem
        else:
            assert problem == ""
            assert isinstance(image, QImage)
            middle = image.pixelColor(image.width() // 2, image.height() // 2)
            assert (middle.red(), middle.green(), middle.blue()) == wanted
            assert 0 <= box[0] < box[2] <= 1
        assert bool(_drawn(panel, wanted or (0, 0, 0))) == (wanted is not None)


def _drawn(panel: MissesPanel, colour: tuple[int, int, int]) -> int:
    """Px of a colour in the first cut-out."""
    panel.table.viewport().repaint()
    image = panel.table.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = pixels[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)[2:34, 4 : 8 + CROP]
    return int((abs(pixels.astype(int) - colour).max(-1) < 3).sum())
