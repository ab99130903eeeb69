"""The window in the hands of someone who wants to know why an object was missed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog

from fpn_viewer.app import Start, start
from fpn_viewer.core.resources import sample_pictures
from fpn_viewer.ui.dialogs.label_mapping import LabelMappingDialog
from fpn_viewer.ui.panels.remedies import RemedyRow
from tests.gui.window_flow import settle, trigger

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.ui.settings_store import SettingsStore

pytestmark = pytest.mark.gui

#: ms; the bundled detector runs several times in each test
SETTLED = 90_000
#: only the best detection is let through, so every other object is lost at the cap
BROKEN = {"box_detections_per_img": 1}


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two sample scenes with their ground truth beside them, the boats under a name of their own."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    pictures = sample_pictures()[:2]
    for picture in pictures:
        shutil.copy(picture, folder)
    truth = json.loads((pictures[0].parent / "samples.json").read_text())
    names = {picture.name for picture in pictures}
    images = [image for image in truth["images"] if image["file_name"] in names]
    ids = {image["id"] for image in images}
    annotations = [a for a in truth["annotations"] if a["image_id"] in ids]
    categories = [{**c, "name": "vessel" if c["name"] == "boat" else c["name"]} for c in truth["categories"]]
    (folder / "samples.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return folder


def open_scenes(program: Program, folder: Path, qtbot: QtBot, **settings: Any) -> None:
    start(program, Start((str(folder),), "demo", "cpu", settings))
    objects = program.models.objects
    qtbot.waitUntil(lambda: any(row.outcome for row in objects.state.rows), timeout=SETTLED)
    settle(program, qtbot)


def explained(program: Program, qtbot: QtBot) -> Any:
    question = program.models.question
    qtbot.waitUntil(lambda: question.state.line is not None, timeout=SETTLED)
    return question.state.line


def test_from_a_miss_to_its_remedy_and_back(program: Program, scenes: Path, qtbot: QtBot) -> None:
    window, models = program.window, program.models
    open_scenes(program, scenes, qtbot, **BROKEN)
    rows = models.objects.state.rows
    assert sum(row.outcome == "found" for row in rows) == 1
    qtbot.waitUntil(lambda: any(row.killer == "cap" for row in models.objects.state.rows), timeout=SETTLED)

    qtbot.keyClick(window, Qt.Key.Key_M)
    missed = models.objects.state.current
    assert missed is not None
    line = explained(program, qtbot)
    assert line.label_name == models.objects.state.rows[missed].name
    # what answers comes to the front
    assert window.docks["life_line"].visibleRegion().boundingRect().height() > 100
    assert window.docks["what_if"].visibleRegion().boundingRect().height() > 100

    capped = next(row.index for row in models.objects.state.rows if row.killer == "cap")
    models.objects.select(capped)
    line = explained(program, qtbot)
    assert line.killer == "cap"
    qtbot.waitUntil(lambda: models.what_if.state.remedies is not None, timeout=SETTLED)
    panel = window.docks["what_if"].widget()
    remedy = next(r for r in panel.findChildren(RemedyRow) if r.remedy.setting == "box_detections_per_img")
    assert remedy.apply is not None
    remedy.apply.click()
    qtbot.waitUntil(lambda: models.objects.state.rows[capped].outcome == "found", timeout=SETTLED)
    assert program.document.trace.settings.box_detections_per_img == remedy.remedy.value
    qtbot.waitUntil(lambda: models.question.state.line is not None and models.question.state.line.killer is None, timeout=SETTLED)

    trigger(program, "reset_what_if")
    qtbot.waitUntil(lambda: models.objects.state.rows[capped].outcome == "missed", timeout=SETTLED)
    assert program.document.trace.settings.box_detections_per_img == 1


def test_classes_the_detector_does_not_know_are_asked_for_once(
    program: Program, scenes: Path, store: SettingsStore, qtbot: QtBot
) -> None:
    window, objects = program.window, program.models.objects
    open_scenes(program, scenes, qtbot)
    vessels = [row.index for row in objects.state.rows if row.name == "vessel"]
    assert vessels
    assert all(objects.state.rows[n].outcome == "unknown class" for n in vessels)
    assert "vessel" in window.message_bar.label.text()
    trigger(program, "classes")
    dialog = next(d for d in window.findChildren(QDialog) if isinstance(d, LabelMappingDialog))
    choice = dialog.combos[0]
    choice.setCurrentIndex(choice.findText("boat"))
    dialog.accept()
    assert all(objects.state.rows[n].outcome != "unknown class" for n in vessels)
    assert any(objects.state.rows[n].outcome == "found" for n in vessels)
    assert "boat" in str(store.labels(next(iter(_keys(program)))))


def _keys(program: Program) -> list[str]:
    from fpn_viewer.core.annotations.labels import dataset_key

    annotations = program.models.objects.state.annotations
    assert annotations is not None
    return [dataset_key(annotations)]


def test_a_drawn_box_is_asked_about_and_named(program: Program, scenes: Path, qtbot: QtBot) -> None:
    window, models = program.window, program.models
    open_scenes(program, scenes, qtbot)
    trigger(program, "tab_object")
    program.viewport.fit()
    row = next(row for row in models.objects.state.rows if row.outcome == "found")
    view = window.tabs.tab("object").view
    size = (view.width(), view.height())
    scale, (dx, dy) = program.viewport.scale(size), program.viewport.offset(size)
    corners = [QPoint(round(x * scale + dx), round(y * scale + dy)) for x, y in (row.box_img[:2], row.box_img[2:])]
    qtbot.keyClick(window, Qt.Key.Key_B)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=corners[0])
    qtbot.mouseMove(view, corners[1])
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=corners[1])
    assert program.selection.state.box_img == pytest.approx(row.box_img, abs=2 / scale)
    assert models.objects.state.current is None
    assert explained(program, qtbot).label is None
    classes = window.tabs.tab("object").header.classes
    assert classes.isVisible()
    classes.setCurrentIndex(classes.findText(row.name))
    classes.activated.emit(classes.currentIndex())
    qtbot.waitUntil(
        lambda: models.question.state.line is not None and models.question.state.line.label == row.label, timeout=SETTLED
    )
    trigger(program, "clear_object")
    assert models.question.state.asked is None
    assert program.selection.state.box_img is None


def test_a_case_is_saved_and_opened_again(program: Program, scenes: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window, models = program.window, program.models
    open_scenes(program, scenes, qtbot, **BROKEN)
    trigger(program, "next_missed")
    line = explained(program, qtbot)
    trigger(program, "tab_object")
    trigger(program, "copy_case")
    assert line.verdict in QGuiApplication.clipboard().text()
    path = str(tmp_path / "one.fpncase")
    with qtbot.waitSignal(models.cases.saved, timeout=SETTLED):
        window.asking.save_case(path)

    trigger(program, "tab_pyramid")
    window.opening.open_detector("demo-early")
    qtbot.waitUntil(lambda: program.document.detector.spec.name == "demo-early", timeout=SETTLED)
    trigger(program, "next")
    settle(program, qtbot)
    models.cases.open(path)
    qtbot.waitUntil(lambda: window.tabs.currentWidget() is window.tabs.tab("object"), timeout=SETTLED)
    assert program.document.detector.spec.name == "demo"
    assert explained(program, qtbot).verdict == line.verdict
    assert models.question.state.asked.box_img == line.box_img
    assert "verdict" not in window.message_bar.label.text()


def test_broken_annotations_are_a_sentence_and_lose_nothing(program: Program, scenes: Path, qtbot: QtBot) -> None:
    open_scenes(program, scenes, qtbot)
    before = program.models.objects.state.ground_truth
    broken = scenes / "broken.json"
    broken.write_text('{"images": [')
    program.window.asking.open_annotations(str(broken))
    qtbot.waitUntil(program.window.message_bar.isVisible, timeout=SETTLED)
    qtbot.waitUntil(lambda: "broken.json" in program.window.message_bar.label.text(), timeout=SETTLED)
    assert program.models.objects.state.ground_truth is before
    assert program.document.trace is not None


def test_the_first_glance_shows_a_missed_object(program: Program, qtbot: QtBot) -> None:
    start(program, Start(device="cpu"))
    line = explained(program, qtbot)
    assert line.killer is not None
    assert program.window.tabs.currentWidget() is program.window.tabs.tab("pyramid")
    assert program.viewport.state.fitted
    qtbot.waitUntil(lambda: bool(program.window.docks["life_line"].visibleRegion().boundingRect().height()), timeout=SETTLED)


def test_only_the_tab_in_front_zooms_to_a_chosen_object(program: Program, scenes: Path, qtbot: QtBot) -> None:
    open_scenes(program, scenes, qtbot, **BROKEN)
    objects, viewport, tabs = program.models.objects, program.viewport, program.window.tabs
    last = objects.state.rows[-1]
    tabs.show_tab("object")
    tabs.show_tab("pyramid")
    viewport.show_box((10, 10, 60, 60), (500, 400))
    zoom = viewport.state.zoom
    objects.select(len(objects.state.rows) - 1)
    middle = ((last.box_img[0] + last.box_img[2]) / 2, (last.box_img[1] + last.box_img[3]) / 2)
    assert (viewport.state.zoom, viewport.state.center_img) == (zoom, pytest.approx(middle))
    tabs.show_tab("compare")
    viewport.show_box((10, 10, 60, 60), (500, 400))
    there = viewport.state.center_img
    objects.select(0)
    assert (viewport.state.zoom, viewport.state.center_img) == (zoom, there), "nothing is compared yet"
    tabs.show_tab("object")
    assert viewport.state.zoom != zoom
