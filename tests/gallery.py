"""Takes the README's pictures of the window: `python -m tests.gallery [FOLDER]` (works offscreen).

The real program is started on the bundled detector and samples, brought into each state through its view-models and grabbed.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import torch
from PIL import Image
from PySide6.QtCore import QBuffer, QSettings
from PySide6.QtWidgets import QApplication

from fpn_viewer.app import Program, Start, start
from fpn_viewer.core.demo.coco import coco_dict
from fpn_viewer.core.demo.scenes import generate
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.engine.object_values import REMEDY_ROUNDS
from fpn_viewer.engine.scan.run import scan
from fpn_viewer.ui.dialogs.check_up import CheckUpDialog
from fpn_viewer.ui.settings_store import SettingsStore
from fpn_viewer.viewmodels.objects import MISSED
from tests.benchmarks.measure import settle, wait

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

SIZE = (1440, 900)
PAUSE_MS = 400
#: scenes of the scan in the pictures, made as the samples were
SCENES, SEED = 60, 9000


class Gallery:
    """The program with ways to bring it into a state and to take its picture."""

    def __init__(self, folder: Path, theme: str) -> None:
        self.folder, self.theme = folder, theme
        store = SettingsStore()
        store.theme = theme
        self.program = Program(store)
        self.document, self.window = self.program.document, self.program.window
        self.window.resize(*SIZE)

    def open(self) -> None:
        """Shows the window and waits for the first trace."""
        self.window.show()
        start(self.program, Start())
        self._rest()

    def show_scene(self, number: int) -> None:
        """Makes a sample current."""
        self.document.select(number)
        self._rest()

    def grab(self, name: str, of: QWidget | None = None) -> None:
        """Writes the window, or one of its dialogs, as it is now."""
        # timers that refine a drawing fire meanwhile
        settle(PAUSE_MS)
        path = self.folder / f"{name}-{self.theme}.jpg"
        buffer = QBuffer()
        (of or self.window).grab().save(buffer, "PNG")
        # a third of a PNG's size; colours at full resolution, because they carry meaning
        Image.open(io.BytesIO(buffer.data().data())).convert("RGB").save(path, quality=90, subsampling=0, optimize=True)
        print(path)

    def point(self, x: float, y: float) -> None:
        """Puts the cursor on an image point."""
        self.program.selection.update(cursor_img=(x, y))
        self.document.probe((x, y))

    def ask_about_a_miss(self) -> None:
        """Shows an object that a neighbour suppressed, with the boxes of that stage and what brings it back."""
        objects, question, what_if = self.program.models.objects, self.program.models.question, self.program.models.what_if
        missed = [row for row in objects.state.rows if row.outcome in MISSED]
        wait(lambda: any(row.killer for row in objects.state.rows))
        self.window.show_object()
        suppressed = [row.index for row in objects.state.rows if row.killer == "nms"]
        objects.select(suppressed[0] if suppressed else missed[0].index)
        wait(lambda: question.state.line is not None)
        question.look_at(question.state.line.killer or "detected")
        wait(lambda: question.state.near is not None and question.state.signal is not None)
        wait(lambda: what_if.state.looked == len(REMEDY_ROUNDS))

    def check_up(self, checkpoint: Path) -> CheckUpDialog:
        """The doctor's panel about a file as a training script would write it."""
        torch.save({"model": open_detector("demo").module.state_dict(), "epoch": 12}, checkpoint)
        done: list[object] = []
        self.program.models.checkpoints.checked.connect(done.append)
        self.window.checking.check_file(str(checkpoint))
        wait(lambda: bool(done))
        found = self.window.findChild(CheckUpDialog)
        assert found is not None
        return found

    def compare(self) -> None:
        """Shows the demo beside its early checkpoint, at an object that only one of them finds."""
        comparison = self.program.models.comparison
        self.window.tabs.show_tab("compare")
        comparison.add("demo-early")
        wait(lambda: comparison.state.planes is not None and comparison.state.objects is not None)
        only = [row.number for row in comparison.state.objects.rows if row.status == "only A"]
        comparison.select_object(only[0])
        wait(lambda: comparison.state.objects.followed == len(comparison.state.objects.rows))

    def open_scan(self, path: Path) -> None:
        """Shows where a scan's objects are lost, and the largest of them with its life line."""
        scans, question = self.program.models.scans, self.program.models.question
        scans.open(str(path))
        wait(lambda: bool(scans.state.total))
        self.window.docks["misses"].show()
        settle(PAUSE_MS)
        scans.visit(0, closer=False)
        self._rest()
        wait(lambda: Path(self.document.path or "").parent == path.parent and question.state.line is not None)
        self.window.tabs.show_tab("scan")

    def _rest(self) -> None:
        wait(
            lambda: (
                self.document.trace is not None and self.document.run_state.kind == "ready" and self.document.picture is not None
            )
        )
        wait(lambda: self.document.trace is not None and self.document.trace.path == self.document.path)


def scanned(folder: Path) -> Path:
    """A scan of generated scenes with two of the bundled detectors."""
    found = [generate(SEED + number) for number in range(SCENES)]
    names = [f"scene_{SEED + number}.png" for number in range(SCENES)]
    for scene, name in zip(found, names, strict=True):
        Image.fromarray(scene.image).save(folder / name)
    truth = folder / "scenes.json"
    truth.write_text(json.dumps(coco_dict(found, names)))
    scan(["demo", "demo-early"], folder, truth, folder / "scenes.sqlite")
    return folder / "scenes.sqlite"


def tour(folder: Path, theme: str, scan_file: Path) -> None:
    """All pictures in one theme."""
    gallery = Gallery(folder, theme)
    program, window = gallery.program, gallery.window
    with program.running():
        gallery.open()
        gallery.show_scene(2)
        x, y = _an_object(gallery)
        gallery.point(x, y)
        program.display.update(detections=True)
        gallery.grab("pyramid")
        window.welcome.hide()
        program.selection.set_box((x - 30, y - 30, x + 30, y + 30), gallery.document.trace.geometry.image_size)
        program.viewport.show_box((x - 70, y - 50, x + 70, y + 50), (900, 600))
        program.selection.update(current=("P2", "merged"), enlarged=True)
        gallery.grab("enlarged")
        program.selection.update(enlarged=False)
        program.viewport.fit()
        window.tabs.setCurrentWidget(window.tabs.tab("anchors"))
        wait(lambda: gallery.document.anchors is not None)
        gallery.grab("detections")
        program.viewport.show_box((x - 90, y - 60, x + 90, y + 60), (900, 600))
        program.selection.update(anchor_cell=_cell(gallery, x, y))
        window.tabs.tab("anchors").layers.update(anchors=True, hidden_levels=frozenset({"P2", "P3", "P5", "P6"}))
        gallery.grab("anchors")
        gallery.show_scene(0)
        gallery.ask_about_a_miss()
        gallery.grab("object")
        window.tabs.tab("object").pages.setCurrentIndex(1)
        program.models.what_if.sweep(None)
        wait(lambda: None in program.models.what_if.state.curves)
        gallery.grab("curves")
        gallery.compare()
        gallery.grab("compare")
        gallery.open_scan(scan_file)
        gallery.grab("scan")
        with tempfile.TemporaryDirectory() as scratch:
            dialog = gallery.check_up(Path(scratch) / "epoch-12.pth")
            gallery.grab("check-up", dialog)
            dialog.close()
    window.deleteLater()


def _an_object(gallery: Gallery) -> tuple[float, float]:
    """The middle of the detection the model is surest of."""
    x0, y0, x1, y1 = gallery.document.trace.detections.boxes_img[0].tolist()
    return (x0 + x1) / 2, (y0 + y1) / 2


def _cell(gallery: Gallery, x: float, y: float) -> tuple[str, int, int]:
    trace = gallery.document.trace
    cell = trace.geometry.cell_at(trace.levels[0], x, y)
    assert cell is not None
    return (trace.levels[0].name, *cell)


def main() -> None:
    """Writes the gallery into the folder given, or into the resources."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "resources" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as settings, tempfile.TemporaryDirectory() as scenes:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, settings)
        app = QApplication(["fpn_viewer"])
        app.setStyle("Fusion")
        scan_file = scanned(Path(scenes))
        for theme in ("light", "dark"):
            tour(folder, theme, scan_file)


if __name__ == "__main__":
    main()
