"""Steps that several tests of the window take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.app import Start, start

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

SETTLED = 20_000


def settle(program: Program, qtbot: QtBot, kind: str = "ready") -> None:
    qtbot.waitUntil(lambda: program.document.run_state.kind == kind, timeout=SETTLED)


def open_all(program: Program, folder: Path, module: Any, qtbot: QtBot) -> None:
    start(program, Start((str(folder),), module, "cpu"))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    settle(program, qtbot)


def trigger(program: Program, name: str) -> None:
    program.window.actions_by_id[name].trigger()
