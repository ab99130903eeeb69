"""Opening by menu, drop and dialog; saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog

from fpn_viewer.core.detectors.sources import BUILDERS
from fpn_viewer.ui.opening import UNTRAINED
from tests.gui.window_flow import open_all, trigger

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.ui.settings_store import SettingsStore

pytestmark = pytest.mark.gui


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
