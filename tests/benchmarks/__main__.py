"""Takes every figure and prints a Markdown table with the machine it was taken on."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from tests.benchmarks import checkpoints, core, objects, scans, what_if, window

if TYPE_CHECKING:
    from tests.benchmarks.measure import Row


def machine() -> str:
    """Processor, system and libraries in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "PySide6-Essentials"))
    return f"{os.cpu_count()} CPU cores ({platform.machine()}), no GPU used, Python {platform.python_version()}, {packages}"


def rows(folder: Path) -> list[Row]:
    """Every figure."""
    found = window.start_up()
    bench = window.Bench(folder)
    try:
        for part in (bench.grid, bench.channels, bench.anchors, bench.lateness):
            found += part()
            print(found[-1], file=sys.stderr)
    finally:
        bench.close()
    return [
        *found,
        *core.tracing(),
        *objects.life_lines(),
        *what_if.what_ifs(),
        *checkpoints.checkpoints(folder),
        *scans.scans(folder),
        *core.memory(folder),
    ]


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        app = QApplication(["fpn_viewer"])
        app.setStyle("Fusion")
        found = rows(Path(folder))
    print(machine())
    print("\n| what | measured | target | |\n|---|---|---|---|")
    for row in found:
        print(f"| {row.name} | {row.value} | {row.target} | {'met' if row.met else 'missed'} |")


if __name__ == "__main__":
    main()
