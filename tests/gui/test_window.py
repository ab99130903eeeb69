"""The real window over a tiny detector: opened, walked through, dropped on, cancelled, closed, restored."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QDialog

from fpn_viewer.app import Program, Start, start
from fpn_viewer.core.detectors.sources import BUILDERS
from fpn_viewer.ui.actions import ACTIONS, GESTURES, MENUS
from fpn_viewer.ui.anchors.state import LAYERS
from fpn_viewer.ui.canvas.keys import KEYS
from fpn_viewer.ui.dialogs.shortcuts import ShortcutsDialog, sheet
from fpn_viewer.ui.opening import UNTRAINED
from fpn_viewer.ui.panels.status import device_text, duration
from fpn_viewer.ui.settings_store import BUDGETS, DEFAULT_BUDGET, RECENT, SettingsStore
from fpn_viewer.ui.theme import is_dark
from fpn_viewer.viewmodels.document import Problem
from tests.tiny import noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui

SETTLED = 20_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def module() -> Any:
    return tiny_module()


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(QSettings(str(tmp_path / "store.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def program(store: SettingsStore, qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    palette = qapp.palette()
    qapp.setStyle("Fusion")
    program = Program(store)
    program.window.show()
    qtbot.waitExposed(program.window)
    yield program
    program.window.close()
    program.shutdown()
    program.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.setPalette(palette)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures; the one in the middle is broken."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in (1, 3):
        Image.fromarray(noise(seed=n)).save(folder / f"{n}.png")
    (folder / "2.png").write_bytes(b"not a picture")
    return folder


def settle(program: Program, qtbot: QtBot, kind: str = "ready") -> None:
    qtbot.waitUntil(lambda: program.document.run_state.kind == kind, timeout=SETTLED)


def open_all(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    start(program, Start((str(folder),), module, "cpu"))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    settle(program, qtbot)


def trigger(program: Program, name: str) -> None:
    program.window.actions_by_id[name].trigger()


# -- first glance -------------------------------------------------------------------------------------------------------


def test_opening_shows_picture_detector_times_and_counts(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    trace = program.document.trace
    assert trace is not None
    assert window.top_bar.picture.text() == "1.png   1/3"
    assert window.windowTitle().startswith(str(folder / "1.png"))
    assert window.top_bar.chip.text() == trace.spec.summary
    assert window.top_bar.device.currentText() == window.status.device.text() == "cpu"
    assert next(window.top_bar.device.itemText(n) for n in range(window.top_bar.device.count())) == "auto"
    assert window.status.found.text() == f"{len(trace.detections)} detection{'s' * (len(trace.detections) != 1)}"
    assert "backbone" in window.status.times.text()
    assert not window.status.progress.isVisible()
    assert not window.message_bar.isVisible()


def test_the_window_is_there_before_anything_is_loaded(tmp_path: Path) -> None:
    """In a process of its own: the first paint comes before torch is imported."""
    script = (
        "import sys, fpn_viewer.app as app\n"
        "from PySide6.QtCore import QTimer\n"
        "painted = []\n"
        "def start(program, wanted):\n"
        "    painted.append((program.window.isVisible(), 'torch' in sys.modules, 'pyqtgraph' in sys.modules))\n"
        "    QTimer.singleShot(0, program.window.close)\n"
        "app.start = start\n"
        "code = app.run()\n"
        "print(code, painted)\n"
    )
    assert in_a_process(script, tmp_path) == "0 [(True, False, False)]"


def test_without_pictures_the_centre_says_what_to_do(program: Program) -> None:
    window = program.window
    assert window.top_bar.picture.text() == "No picture"
    assert not window.actions_by_id["next"].isEnabled()
    assert not window.actions_by_id["run"].isEnabled()
    window.pyramid.open_requested.emit()
    dialog = next(d for d in window.findChildren(QDialog) if d.isVisible())
    assert dialog.windowTitle() == "Open pictures"
    dialog.close()


def test_the_welcome_is_dismissed_once_and_for_all(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    welcome = program.window.welcome
    assert welcome.isVisible()
    assert len(welcome.label.text().splitlines()) == 3
    qtbot.mouseClick(welcome._cross, Qt.MouseButton.LeftButton)
    assert not welcome.isVisible()
    assert not store.welcome
    trigger(program, "welcome")
    assert welcome.isVisible()
    assert store.welcome


# -- walking ------------------------------------------------------------------------------------------------------------


def test_n_and_p_walk_from_wherever_the_focus_is(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    for widget in (program.window.pictures.view, program.window.pyramid.active_cell()):
        widget.setFocus()
        qtbot.keyClick(widget, Qt.Key.Key_N)
        assert program.document.index == 1
        qtbot.keyClick(widget, Qt.Key.Key_P)
        assert program.document.index == 0
    qtbot.keyClick(program.window, Qt.Key.Key_P)
    assert program.document.index == 2


def test_a_broken_picture_in_the_middle_is_named_and_passed(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    trigger(program, "next")
    settle(program, qtbot, "failed")
    assert window.message_bar.isVisible()
    assert "2.png" in window.message_bar.label.text()
    qtbot.mouseClick(window.message_bar._copy, Qt.MouseButton.LeftButton)
    assert "2.png" in QGuiApplication.clipboard().text()
    qtbot.mouseClick(window.message_bar._details, Qt.MouseButton.LeftButton)
    assert window.docks["messages"].isVisible()
    assert "2.png" in window.messages.details.toPlainText()
    assert program.document.detector is not None
    trigger(program, "next")
    qtbot.waitUntil(lambda: program.document.trace is not None and program.document.trace.path.endswith("3.png"), timeout=SETTLED)
    assert not window.message_bar.isVisible()
    assert window.messages.list.count() == 1


def test_keys_for_the_maps_work_while_the_list_has_the_focus(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    view = program.window.pictures.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert program.display.state.reduction == "l2"
    qtbot.keyPress(view, Qt.Key.Key_Space)
    assert program.display.state.overlays_hidden
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert not program.display.state.overlays_hidden
    trigger(program, "tab_anchors")
    layers = program.window.anchors.layers
    before = layers.state.proposals
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert layers.state.proposals != before


def test_changing_tab_keeps_picture_zoom_and_level(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    program.viewport.update(zoom=3.0, fitted=False)
    program.selection.update(current=("P4", "merged"))
    before = (program.viewport.state, program.selection.state.current, program.document.index)
    for name in ("tab_anchors", "tab_pyramid"):
        trigger(program, name)
        QCoreApplication.processEvents()
    assert (program.viewport.state, program.selection.state.current, program.document.index) == before
    assert program.window.tabs.currentWidget() is program.window.pyramid


# -- runs ---------------------------------------------------------------------------------------------------------------


def test_cancel_stops_a_run_and_keeps_what_was_shown(program: Program, folder: Path, qtbot: QtBot) -> None:
    module, gate, entered = tiny_module(seed=1), threading.Event(), threading.Event()
    gate.set()

    def hold(*_: object) -> None:
        entered.set()
        assert gate.wait(SETTLED / 1000)

    open_all(program, folder, module, qtbot)
    module.backbone.body.register_forward_pre_hook(hold)
    shown = program.document.trace
    gate.clear()
    entered.clear()
    # Another setting of the list, because the same run would be answered from memory.
    program.document.select(2)
    assert entered.wait(SETTLED / 1000)
    window = program.window
    assert window.top_bar.button.defaultAction() is window.actions_by_id["cancel"]
    assert window.status.cancel.isVisible()
    assert not window.actions_by_id["run"].isEnabled()
    assert shown is not None
    qtbot.keyClick(window.pictures.view, Qt.Key.Key_Escape)
    gate.set()
    settle(program, qtbot, "cancelled")
    assert window.top_bar.button.defaultAction() is window.actions_by_id["run"]
    assert not window.actions_by_id["cancel"].isEnabled()
    trigger(program, "run")
    qtbot.waitUntil(lambda: program.document.trace is not None and program.document.trace.path.endswith("3.png"), timeout=SETTLED)


def test_a_device_that_is_not_there_is_named_and_another_can_be_chosen(
    program: Program, store: SettingsStore, folder: Path, module: Any, qtbot: QtBot
) -> None:
    start(program, Start((str(folder),), module, "cuda:7"))
    settle(program, qtbot, "failed")
    assert "cuda:7" in program.window.message_bar.label.text()
    assert program.document.pictures
    assert store.device == "auto"
    chooser = program.window.top_bar.device
    chooser.setCurrentText("cpu")
    chooser.activated.emit(chooser.currentIndex())
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    assert store.device == "cpu"
    assert not program.window.message_bar.isVisible()


def test_a_file_that_is_no_checkpoint_leaves_the_detector_as_it_was(
    program: Program, folder: Path, module: Any, store: SettingsStore, qtbot: QtBot, tmp_path: Path
) -> None:
    open_all(program, folder, module, qtbot)
    before = program.document.detector
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"nothing")
    program.window.opening.open_detector(str(broken))
    settle(program, qtbot, "failed")
    assert program.document.detector is before
    assert program.document.trace is not None
    assert "broken.pth" in program.window.message_bar.label.text()
    assert store.recent_checkpoints == ()
    # The device is changed for the detector in use, not for the file that failed.
    program.window.opening.set_device("cpu")
    settle(program, qtbot)


def test_untrained_weights_wear_stripes(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    bar = program.window.top_bar
    open_all(program, folder, module, qtbot)
    assert not bar.badge.isVisible()
    program.window.opening.open_detector("fasterrcnn_mobilenet_v3_large_320_fpn", "cpu", num_classes=2)
    qtbot.waitUntil(lambda: bar.badge.isVisible(), timeout=SETTLED)
    image = bar.badge.grab().toImage()
    colours = Counter(image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height()))
    assert colours["#f2c230"] > 50
    assert colours["#1b1f24"] > 20
    program.document.cancel()


def test_notices_say_what_a_trace_cannot_show(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    start(program, Start((str(folder),), module, "cpu", {"box_score_thresh": 0.9999}))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    notice = program.window.notice
    assert notice.isVisible()
    assert "0.9999" in notice.label.text()
    trigger(program, "tab_anchors")
    assert not notice.isVisible()


# -- opening ------------------------------------------------------------------------------------------------------------


def drop(program: Program, paths: list[Path]) -> bool:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), copy, mime, left, none)
    enter.ignore()
    QApplication.sendEvent(program.window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(program.window, QDropEvent(QPointF(300, 300), copy, mime, left, none))
    return enter.isAccepted()


def test_pictures_folders_and_checkpoints_can_be_dropped(
    program: Program, store: SettingsStore, folder: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(program.document, "open_detector", lambda source, device, **_: opened.append((source, device)))
    weights = tmp_path / "own.PTH"
    weights.touch()
    assert drop(program, [folder, weights])
    qtbot.waitUntil(lambda: len(program.document.pictures) == 3)
    assert opened == [(str(weights), "auto")]
    assert store.recent_pictures == (str(folder),)
    assert store.last_folder == str(folder)
    assert not drop(program, [])


def test_a_folder_without_pictures_is_named(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    program.window.opening.open_pictures([str(empty)])
    qtbot.waitUntil(lambda: program.window.message_bar.isVisible())
    assert "empty" in program.window.message_bar.label.text()


def test_menus_of_detectors_and_recent_files(
    program: Program, store: SettingsStore, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(program.document, "open_detector", lambda source, device, **_: opened.append(source))
    store.note_checkpoint("/data/a&b.pth")
    store.note_pictures([str(folder)])
    detectors, recent = program.window._detectors, program.window._recent
    for menu in (detectors, recent):
        menu.aboutToShow.emit()
    offered = {action.data(): action for action in detectors.actions() if action.data()}
    assert set(UNTRAINED) | {"/data/a&b.pth"} <= set(offered)
    assert offered["/data/a&b.pth"].text() == "data/a&&b.pth"
    detectors.triggered.emit(offered["/data/a&b.pth"])
    assert opened == ["/data/a&b.pth"]
    recent.triggered.emit(recent.actions()[0])
    qtbot.waitUntil(lambda: len(program.document.pictures) == 3)


def test_the_menu_offers_every_builder() -> None:
    assert set(UNTRAINED) == set(BUILDERS)


def test_the_view_is_saved_as_png_and_svg(program: Program, folder: Path, module: Any, tmp_path: Path, qtbot: QtBot) -> None:
    open_all(program, folder, module, qtbot)
    for tab in ("tab_pyramid", "tab_anchors"):
        trigger(program, tab)
        qtbot.waitUntil(lambda: program.window.tabs.currentWidget().isVisible())
        for ending, head in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            path = tmp_path / f"{tab}.{ending}"
            program.window.saving.save(str(path))
            assert path.read_bytes().startswith(head)
            assert str(path) in program.window.status.activity.text()
    for ending in ("png", "svg"):
        program.window.saving.save(str(tmp_path / "missing" / f"view.{ending}"))
        assert program.window.message_bar.isVisible()
        program.window.message_bar.dismiss()
    trigger(program, "copy_picture")
    assert not QGuiApplication.clipboard().image().isNull()
    trigger(program, "save_picture")
    dialog = next(d for d in program.window.findChildren(QDialog) if d.isVisible())
    assert dialog.selectedFiles()[0].endswith("1-anchors.png")  # type: ignore[attr-defined]
    dialog.close()


# -- keys and dialogs ---------------------------------------------------------------------------------------------------


def test_no_key_is_given_twice(program: Program) -> None:
    """Neither in the window nor, for keys that work everywhere, against those of the maps."""
    window = program.window
    everywhere = [a for a in window.findChildren(QAction) if a.shortcutContext() != Qt.ShortcutContext.WidgetWithChildrenShortcut]
    keys = Counter(key.toString() for action in everywhere for key in action.shortcuts())
    keys.update(shortcut.key().toString() for shortcut in window.findChildren(QShortcut))
    assert [key for key, count in keys.items() if count > 1] == []
    assert len(keys) > 15
    maps = {QKeySequence(row.keys).toString() for row in KEYS} | {row.key for row in LAYERS}
    # Esc is Cancel's while something runs; the maps claim it while they are enlarged.
    assert set(keys) & maps <= {"Esc"}


def test_the_sheet_names_every_key(program: Program, qtbot: QtBot) -> None:
    qtbot.keyClick(program.window, "?")
    dialog = next(d for d in program.window.findChildren(ShortcutsDialog))
    text = dialog.page.toPlainText()
    for heading in (*MENUS, *GESTURES, "Pyramid", "Anchors & RPN"):
        assert heading in text
    for row in ACTIONS:
        for key in row.keys:
            assert QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) in text
        if row.keys:
            assert row.tip in text
    assert len({keys for rows in sheet().values() for keys, _ in rows}) > 40
    dialog.close()


@pytest.mark.parametrize("name", ["shortcuts", "about", "preferences"])
def test_a_closed_dialog_is_gone(program: Program, name: str) -> None:
    trigger(program, name)
    dialogs = [d for d in program.window.findChildren(QDialog) if d.isVisible()]
    assert len(dialogs) == 1
    ref = weakref.ref(dialogs.pop())
    dialog = ref()
    assert dialog is not None
    dialog.close()
    del dialog
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert ref() is None
    assert [d for d in program.window.findChildren(QDialog) if d.isVisible()] == []


def test_preferences_are_in_force_at_once(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    trigger(program, "preferences")
    dialog: Any = next(d for d in program.window.findChildren(QDialog) if d.isVisible())
    dialog.theme.setCurrentIndex(2)
    dialog.theme.activated.emit(2)
    qtbot.waitUntil(lambda: is_dark(program.window.palette()))
    dialog.memory.activated.emit(2)
    assert (store.theme, store.memory_budget) == ("dark", BUDGETS[2])
    dialog.close()


def test_the_theme_menu_changes_every_part_of_the_window(program: Program, qtbot: QtBot) -> None:
    window = program.window
    grounds = {}
    for action in window._theme_group.actions()[1:]:
        window._choose_theme(action)
        qtbot.waitUntil(lambda: is_dark(window.palette()) == window.theme.dark)
        image = window.grab().toImage()
        bar, strip, status = window.top_bar, window.welcome, window.status
        places = [w.mapTo(window, QPoint(w.width() // 2, w.height() - 5)) for w in (bar, strip, status)]
        grounds[action.data()] = [image.pixelColor(place).lightness() for place in places]
    assert all(light > 200 > 90 > dark for light, dark in zip(grounds["light"], grounds["dark"], strict=True)), grounds


# -- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_thread", [False, True])
def test_what_nobody_caught_is_shown_in_the_messages(program: Program, qtbot: QtBot, on_thread: bool) -> None:
    def fail() -> None:
        raise ValueError("beyond all rows")

    with program._errors.installed():
        if on_thread:
            worker = threading.Thread(target=fail)
            worker.start()
            worker.join()
        else:
            try:
                fail()
            except ValueError as error:
                sys.excepthook(ValueError, error, error.__traceback__)
        qtbot.waitUntil(lambda: program.window.messages.list.count() == 1)
    assert "beyond all rows" in program.window.message_bar.label.text()
    assert "in fail" in program.window.messages.details.toPlainText()
    assert sys.excepthook is not program._errors._caught


def test_repeated_messages_are_counted_and_erased(program: Program) -> None:
    window = program.window
    for _ in range(3):
        window.report(Problem("The disk is full", "df"))
    assert window.messages.list.count() == 1
    assert "× 3" in window.messages.list.item(0).text()
    window._show_messages()
    window.messages.clear()
    assert not window.docks["messages"].isVisible()
    assert not window.message_bar.isVisible()


# -- layout and end -----------------------------------------------------------------------------------------------------


def test_layout_is_remembered_and_reset(program: Program, store: SettingsStore, qtbot: QtBot) -> None:
    first = program.window
    first.docks["channels"].close()
    first.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.docks["pictures"])
    first.close()
    again = Program(store)
    try:
        again.window.show()
        assert not again.window.docks["channels"].isVisible()
        assert again.window.dockWidgetArea(again.window.docks["pictures"]) == Qt.DockWidgetArea.RightDockWidgetArea
        trigger(again, "reset_layout")
        assert again.window.docks["channels"].isVisible()
        assert again.window.dockWidgetArea(again.window.docks["pictures"]) == Qt.DockWidgetArea.LeftDockWidgetArea
        assert not again.window.docks["messages"].isVisible()
    finally:
        again.window.close()
        again.shutdown()
        again.window.deleteLater()


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900), (3840, 2160)])
def test_nothing_is_cut_off(program: Program, folder: Path, module: Any, qtbot: QtBot, size: tuple[int, int]) -> None:
    window = program.window
    open_all(program, folder, module, qtbot)
    window.resize(*size)
    QCoreApplication.processEvents()
    assert (window.width(), window.height()) == size
    for widget in (window.top_bar.button, window.top_bar.device, window.status.found, window.tabs, *window.docks.values()):
        if widget.isVisible():
            corner = widget.mapTo(window, widget.rect().bottomRight())
            assert window.rect().contains(corner), widget
            assert widget.width() >= widget.minimumSizeHint().width(), widget
    assert window.tabs.width() >= size[0] // 2


def test_closing_frees_the_window(store: SettingsStore, qapp: QApplication) -> None:
    program = Program(store)
    program.window.show()
    trigger(program, "tab_anchors")
    ref = weakref.ref(program.window)
    program.window.close()
    program.shutdown()
    program.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del program
    gc.collect()
    assert ref() is None


def in_a_process(script: str, tmp_path: Path) -> str:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.strip()


def test_closing_in_the_middle_of_a_forward_ends_the_process(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np, fpn_viewer, fpn_viewer.app as app\n"
        "from functools import partial\n"
        "from tests.tiny import tiny_module, noise\n"
        "original = app.start\n"
        "def stop(program, state):\n"
        "    if state.kind == 'running' and state.fraction > 0: program.window.close()\n"
        "def start(program, wanted):\n"
        "    program.document.state_changed.connect(partial(stop, program))\n"
        "    original(program, wanted)\n"
        "app.start = start\n"
        "module = tiny_module()\n"
        "module.transform.min_size, module.transform.max_size = (900,), 1400\n"
        "print(fpn_viewer.show(module, noise()))\n"
    )
    assert in_a_process(script, tmp_path) == "0"


# -- values -------------------------------------------------------------------------------------------------------------


def test_the_store_keeps_what_it_is_given_and_survives_nonsense(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.ini")
    store = SettingsStore(QSettings(path, QSettings.Format.IniFormat))
    store.theme, store.device, store.memory_budget, store.welcome = "dark", "cuda:1", BUDGETS[-1], False
    store.note_checkpoint("/a.pth")
    store.note_pictures([f"/{n}.png" for n in range(20)])
    store.note_pictures(["/3.png"])
    store.sync()
    again = SettingsStore(QSettings(path, QSettings.Format.IniFormat))
    assert (again.theme, again.device, again.memory_budget, again.welcome) == ("dark", "cuda:1", BUDGETS[-1], False)
    assert again.recent_checkpoints == ("/a.pth",)
    assert again.recent_pictures[:3] == ("/3.png", "/0.png", "/1.png")
    assert len(again.recent_pictures) == RECENT
    again.forget_recent()
    assert again.recent_pictures == again.recent_checkpoints == ()
    nonsense = QSettings(path, QSettings.Format.IniFormat)
    for key in ("theme", "memory_budget", "window/geometry", "window/layout"):
        nonsense.setValue(key, ["odd", "list"])
    broken = SettingsStore(nonsense)
    assert (broken.theme, broken.memory_budget, broken.geometry, broken.layout) == ("system", DEFAULT_BUDGET, None, None)


@pytest.mark.parametrize(("seconds", "text"), [(0.00412, "4.12 ms"), (0.0412, "41.2 ms"), (0.412, "412 ms"), (1.2345, "1.23 s")])
def test_times_have_units_and_three_digits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_memory_of_a_graphics_card_is_shown_with_its_name() -> None:
    class Trace:
        device, memory = "cuda:0", (1_288_490_188, 8 << 30)

    assert device_text(Trace(), None) == "cuda:0  1.2 / 8 GB"  # type: ignore[arg-type]
