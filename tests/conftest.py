"""Guards for every test: Qt offscreen, one torch thread, settings kept out of the user's home, no thread left behind."""

from __future__ import annotations

import os
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# two OpenMP threads beside another busy process are four times slower than one
os.environ.setdefault("OMP_NUM_THREADS", "1")

HAS_QT = find_spec("PySide6") is not None
collect_ignore_glob = [] if HAS_QT else ["gui/*", "unit/viewmodels/*", "benchmarks/*"]


# how long a draw takes says how busy the machine is, and nothing about a test
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Knows pytest-qt's settings where it is not installed: the run without Qt proves that the lower layers need none."""
    if not HAS_QT:
        for name in ("qt_api", "qt_log_level_fail"):
            parser.addini(name, "of pytest-qt")
        parser.addini("qt_log_ignore", "of pytest-qt", type="linelist")


@pytest.fixture(autouse=True)
def _no_worker_left() -> Iterator[None]:
    yield
    left = [t.name for t in threading.enumerate() if t.name.startswith("fpn-viewer")]
    assert not left, f"worker threads left running: {left}"


@pytest.fixture(autouse=True)
def _settings_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps QSettings and caches of the program out of the home folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if HAS_QT:
        from PySide6.QtCore import QSettings

        for scope in (QSettings.Scope.UserScope, QSettings.Scope.SystemScope):
            QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "settings"))
