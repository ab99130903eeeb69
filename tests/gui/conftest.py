"""The real window over a tiny detector, for the tests that drive it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QSettings

from fpn_viewer.app import Program
from fpn_viewer.ui.settings_store import SettingsStore
from tests.tiny import noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


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
