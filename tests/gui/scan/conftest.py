"""A random scan of two detectors, and view-models over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from fpn_viewer.engine.session import Session
from fpn_viewer.viewmodels.models import Models
from tests.scan_files import write_scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from fpn_viewer.engine.scan.reading import Scan


@pytest.fixture(scope="package")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return write_scan(tmp_path_factory.mktemp("charts") / "scan.sqlite", 40, 700, seed=3)


@pytest.fixture
def empty_models(qapp: QApplication, qtbot: QtBot) -> Iterator[Models]:
    """Nothing is open."""
    qapp.setStyle("Fusion")
    host = QWidget()
    qtbot.addWidget(host)
    models = Models.made(Session(), lambda _: {}, host)
    yield models
    models.scans.shutdown()
    models.document.shutdown()


@pytest.fixture
def open_models(empty_models: Models, scan: Scan, qtbot: QtBot) -> Models:
    """The random scan is open and its objects are found."""
    empty_models.scans.open(str(scan.path))
    qtbot.waitUntil(lambda: empty_models.scans.state.total is not None)
    return empty_models
