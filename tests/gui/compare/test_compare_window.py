"""Two real detectors in the real window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer.app import Start, start
from fpn_viewer.ui.compare.tab import CompareTab
from tests.gui.window_flow import SETTLED, open_all, trigger
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

pytestmark = pytest.mark.gui
#: every detection is followed through both where there is no ground truth
FEW = {"box_detections_per_img": 4}


def tab_of(program: Program) -> CompareTab:
    tab = program.window.tabs.tab("compare")
    assert isinstance(tab, CompareTab)
    return tab


def test_a_second_detector_is_compared_and_the_first_with_itself_is_the_same(
    program: Program, folder: Path, module: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    window, comparison = program.window, program.models.comparison
    start(program, Start((str(folder),), module, "cpu", FEW))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    swap = window.actions_by_id["compare_swap"]
    assert not swap.isEnabled(), "there is nobody to swap with"
    trigger(program, "tab_compare")
    tab = tab_of(program)
    assert tab.empty is not None
    assert tab.empty.isVisible()
    comparison.add(tiny_module(TINY, seed=1), class_names=TINY.class_names, **FEW)
    qtbot.waitUntil(lambda: comparison.state.planes is not None and comparison.state.objects is not None, timeout=SETTLED)
    assert tab.body is not None
    assert swap.isEnabled()
    qtbot.waitUntil(lambda: comparison.state.nodes is not None, timeout=SETTLED)
    qtbot.waitUntil(lambda: not comparison.state.following, timeout=SETTLED)
    rows = comparison.state.objects
    assert rows is not None
    assert rows.followed == len(rows.rows) > 0
    trigger(program, "compare_next")
    qtbot.waitUntil(lambda: comparison.state.lines is not None, timeout=SETTLED)
    assert comparison.state.lines is not None
    assert comparison.state.lines.number == comparison.state.object
    assert tab.body.objects.lines.sides[0].rows.isVisible()
    tables = tab.body.nodes.table
    assert any(row.entries[1].value for row in tables.rows), "different weights give different maps"
    window.saving.save(str(tmp_path / "both.png"))
    assert (tmp_path / "both.png").stat().st_size > 0

    comparison.choose(0, 0)
    view = comparison.state.view
    qtbot.waitUntil(lambda: comparison.state.nodes is not None and comparison.state.view is not view, timeout=SETTLED)
    assert all(not row.entries[1].value for row in tables.rows)
    qtbot.waitUntil(lambda: comparison.state.planes is not None and comparison.state.objects is not None, timeout=SETTLED)
    shown = comparison.state.planes
    assert shown is not None
    assert shown.difference is not None
    assert len(set(shown.difference.values.ravel().tolist())) == 1, "zero everywhere"


def test_settings_of_the_command_line_hold_for_all_detectors(
    program: Program, folder: Path, module: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(program.models.comparison, "add", lambda source, **options: added.append((source, options)))
    start(program, Start((str(folder),), module, "cpu", FEW, compare=("one.pth", "two.pth")))
    qtbot.waitUntil(lambda: program.document.trace is not None, timeout=SETTLED)
    assert added == [("one.pth", FEW), ("two.pth", FEW)]
    assert program.window.tabs.current_key == "compare"


def test_a_file_that_is_no_checkpoint_is_refused_and_the_tab_stays_usable(
    program: Program, folder: Path, module: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    open_all(program, folder, module, qtbot)
    trigger(program, "tab_compare")
    tab, comparison = tab_of(program), program.models.comparison
    wrong = tmp_path / "notes.pth"
    wrong.write_text("these are notes")
    program.window.comparing._add(str(wrong))
    qtbot.waitUntil(lambda: bool(comparison.state.problem), timeout=SETTLED)
    assert tab.empty is not None
    assert "notes.pth" in tab.empty.problem.text()
    assert tab.empty.button.isVisible()
    assert program.window.message_bar.isVisible()
