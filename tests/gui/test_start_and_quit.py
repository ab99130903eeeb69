"""The beginning and the end of the program, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gui

ROOT = Path(__file__).parents[2]


def in_a_process(script: str, tmp_path: Path) -> str:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.strip()


def test_the_window_is_there_before_anything_is_loaded(tmp_path: Path) -> None:
    """In a process of its own: the first paint comes before torch, and before what is not seen at first."""
    unseen = (
        "torch",
        "pyqtgraph",
        "fpn_viewer.ui.panels.what_if",
        "fpn_viewer.ui.panels.life_line",
        "fpn_viewer.ui.misses.panel",
        "fpn_viewer.ui.anchors.tab",
        "fpn_viewer.ui.compare.tab",
        "fpn_viewer.ui.scan.tab",
        "fpn_viewer.engine.scan.reading",
    )
    script = (
        "import sys, fpn_viewer.app as app\n"
        "from PySide6.QtCore import QTimer\n"
        "painted = []\n"
        "def start(program, wanted):\n"
        f"    painted.append((program.window.isVisible(), [name for name in {unseen} if name in sys.modules]))\n"
        "    QTimer.singleShot(0, program.window.close)\n"
        "app.start = start\n"
        "code = app.run()\n"
        "print(code, painted)\n"
    )
    assert in_a_process(script, tmp_path) == "0 [(True, [])]"


def test_the_first_start_runs_the_demo_and_closing_in_the_middle_ends_the_process(tmp_path: Path) -> None:
    """Torch is loaded behind the window, the first sample runs, and the window is closed between two layers."""
    script = (
        "import fpn_viewer.app as app\n"
        "from functools import partial\n"
        "original, stages = app.start, []\n"
        "def note(program, state):\n"
        "    stages.append((state.kind, state.stage))\n"
        "    if state.kind == 'running' and state.fraction > 0: program.window.close()\n"
        "def start(program, wanted):\n"
        "    program.document.state_changed.connect(partial(note, program))\n"
        "    program.document.picture_changed.connect(lambda view: stages.append(view.path[-12:]))\n"
        "    original(program, wanted)\n"
        "app.start = start\n"
        "code = app.run(device='cpu')\n"
        "print(code, ('opening', 'loading torch') in stages, 'scene-01.jpg' in stages)\n"
    )
    assert in_a_process(script, tmp_path) == "0 True True"
