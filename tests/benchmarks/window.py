"""What a person waits for: the window, the grid, a channel step, a pan with every anchor on, a click while the worker runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from fpn_viewer.app import Program, Start, start
from fpn_viewer.ui.settings_store import SettingsStore
from tests.benchmarks.measure import at_least, at_most, milliseconds, settle, spread, wait

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.measure import Row

BUILDER = "fasterrcnn_resnet50_fpn"
SIZE = (1440, 900)
TICK_MS = 10
STARTS = 5

_START = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from fpn_viewer.app import Program
from fpn_viewer.ui.settings_store import SettingsStore
app = QApplication([])
program = Program(SettingsStore())
program.window.painted.connect(lambda: (print(time.time() - float(sys.argv[1])), app.quit()))
with program.running():
    program.window.show()
    app.exec()
print("torch" in sys.modules)
"""


def start_up() -> list[Row]:
    """From the start of the process to the first paint, torch not yet loaded; modules compiled, as pip leaves them."""
    with TemporaryDirectory() as compiled:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {**kept, "PYTHONPYCACHEPREFIX": compiled}
        # the first start compiles
        times = [_shown_after(environment) for _ in range(1 + STARTS)][1:]
    return [at_most("window shown after start", float(np.median(times)), 1.0, "s")]


def _shown_after(environment: dict[str, str]) -> float:
    """Seconds of one start."""
    command = [sys.executable, "-c", _START, str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    shown, torch_loaded = done.stdout.split()
    assert torch_loaded == "False"
    return float(shown)


class Bench:
    """The program on one picture of 800×1067 px in a ResNet-50 FPN with random weights: 217,413 anchors."""

    def __init__(self, folder: Path) -> None:
        path = folder / "bench.png"
        rng = np.random.default_rng(0)
        Image.fromarray(rng.integers(0, 256, (100, 133, 3), np.uint8)).resize((1067, 800), Image.Resampling.BICUBIC).save(path)
        self.program = Program(SettingsStore())
        self.document, self.window = self.program.document, self.program.window
        self.window.resize(*SIZE)
        self.window.show()
        start(self.program, Start((str(path),), BUILDER))
        wait(lambda: self.document.planes is not None and self.document.run_state.kind == "ready")
        settle(300)

    def close(self) -> None:
        """Ends the workers."""
        self.program.shutdown()

    def grid(self) -> list[Row]:
        """All cells from the signal that brings the trace to the end of their painting."""
        planes, target = self.document.planes, _canvas(self.window.tabs.tab("pyramid"))
        assert planes is not None

        def arrive() -> None:
            self.document.planes_changed.emit(planes)
            self.window.tabs.tab("pyramid").render(target)

        times = []
        for _ in range(12):
            # without this the coloured images of the round before would be found again
            self.document.planes_changed.emit(None)
            times.append(milliseconds(arrive))
        return [at_most("all cells of the grid painted after the trace arrives", spread(times)[0], 60, "ms")]

    def channels(self, steps: int = 90) -> list[Row]:
        """Key to paint: request, answer from the worker, painting of the enlarged P2 (200×272)."""
        self.program.selection.update(current=("P2", "output"), enlarged=True)
        self.program.display.update(reduction="channel")
        settle(800)
        got: list[object] = []
        self.document.plane_changed.connect(got.append)
        began = time.perf_counter()
        for step in range(steps):
            self.program.display.step_channel(1)
            while len(got) <= step:
                QApplication.processEvents()
            QApplication.processEvents()
        rate = steps / (time.perf_counter() - began)
        self.document.plane_changed.disconnect(got.append)
        self.program.selection.update(enlarged=False)
        self.program.display.update(reduction="mean_abs")
        settle(800)
        return [at_least("channel steps in an enlarged cell, P2 200×272", rate, 60, "a second")]

    def anchors(self, frames: int = 150) -> list[Row]:
        """Pan and zoom with all anchors of all levels on, painted frame by frame."""
        window = self.window
        window.tabs.setCurrentWidget(window.tabs.tab("anchors"))
        wait(lambda: self.document.anchors is not None)
        window.tabs.tab("anchors").layers.update(anchors=True)
        settle(800)
        view = window.tabs.tab("anchors").view
        size, target, times = (float(view.width()), float(view.height())), _canvas(view), []
        for frame in range(frames):
            if frame % 2:
                self.program.viewport.zoom_at(1.1 if (frame // 20) % 2 == 0 else 1 / 1.1, (300.0 + frame, 250.0), size)
            else:
                self.program.viewport.pan(5 * np.cos(frame / 7), 4 * np.sin(frame / 5), size)
            times.append(milliseconds(lambda: view.render(target)))
        self.program.viewport.fit()
        middle, high = spread(times)
        detail = f" (median {middle:.3g})"
        return [at_most(f"frame with {self.document.trace.anchors_count:,} anchors on, 95th percentile", high, 16, "ms", detail)]

    def lateness(self, forwards: int = 3) -> list[Row]:
        """How late a 10 ms timer of the GUI thread fires while the worker runs the network."""
        self.window.tabs.setCurrentWidget(self.window.tabs.tab("pyramid"))
        settle(500)
        late, clock, timer = [], QElapsedTimer(), QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(lambda: late.append(max(0.0, clock.nsecsElapsed() / 1e6 - TICK_MS)) or clock.restart())
        clock.start()
        timer.start(TICK_MS)
        for _ in range(forwards):
            self.document._session.traces.clear()
            self.document.run()
            wait(lambda: self.document.run_state.kind == "ready")
        timer.stop()
        middle, high = spread(late)
        rows = [at_most("GUI late while the worker runs, 95th percentile", high, 16, "ms", f" (median {middle:.2g})")]
        return [*rows, at_most("GUI late while the worker runs, worst", max(late), 33, "ms")]


def _canvas(widget: object) -> QImage:
    return QImage(widget.width(), widget.height(), QImage.Format.Format_RGB32)  # type: ignore[attr-defined]
