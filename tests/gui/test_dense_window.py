"""The real window over one-stage detectors: every tab shows them, and says what they have not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt

from fpn_viewer.core.detectors.sources import BUILDERS
from fpn_viewer.core.structures import DENSE_STAGES
from fpn_viewer.ui.anchors.fate import table_row
from fpn_viewer.ui.anchors.sections import LayerSection, ProposalSection
from fpn_viewer.ui.anchors.state import NO_PROPOSALS
from fpn_viewer.ui.opening import UNTRAINED
from tests.gui.window_flow import SETTLED, open_all, settle
from tests.tiny import tiny_module
from tests.tiny_dense import FAMILIES, dense_module

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program
    from fpn_viewer.ui.anchors.tab import AnchorsTab

pytestmark = pytest.mark.gui


@pytest.fixture(params=FAMILIES)
def dense(request: pytest.FixtureRequest) -> Any:
    return dense_module(request.param)


def show_anchors(program: Program, qtbot: QtBot) -> AnchorsTab:
    tab = program.window.tabs.tab("anchors")
    program.window.tabs.setCurrentWidget(tab)
    qtbot.waitUntil(lambda: program.document.anchors is not None, timeout=SETTLED)
    settle(program, qtbot)
    return tab


def test_pyramid_and_probe_show_the_extra_levels(program: Program, folder: Path, dense: Any, qtbot: QtBot) -> None:
    open_all(program, folder, dense, qtbot)
    trace = program.document.trace
    assert trace is not None
    assert trace.follows is None
    assert [level.name for level in trace.levels] == ["P3", "P4", "P5", "P6", "P7"]
    with qtbot.waitSignal(program.document.probe_changed, timeout=SETTLED) as probed:
        program.document.probe((40.0, 30.0))
    shares = {row.level: bool(row.sources) for row in probed.args[0].rows}
    assert shares == {"P3": True, "P4": True, "P5": True, "P6": True, "P7": False}
    assert not program.window.message_bar.isVisible()


def test_anchors_tab_has_scores_and_no_proposals(program: Program, folder: Path, dense: Any, qtbot: QtBot) -> None:
    open_all(program, folder, dense, qtbot)
    tab = show_anchors(program, qtbot)
    scene = tab.view._composer.scene
    assert scene is not None
    layers, proposals = tab.findChild(LayerSection), tab.findChild(ProposalSection)
    assert not proposals.isEnabled()
    assert proposals.count.text() == NO_PROPOSALS
    assert [box.toolTip() for box in layers.boxes.values() if not box.isEnabled()] == [NO_PROPOSALS]
    assert not tab.layer_actions["proposals"].isEnabled()
    with qtbot.waitSignal(program.document.objectness_changed, timeout=SETTLED) as drawn:
        tab.layers.update(anchors=True, proposals=True, objectness=True, before_nms=True)
    assert drawn.args[0].title.startswith("score of the best class P")
    assert not tab.view.grab().toImage().isNull()
    assert len(scene.proposals(tab.layers.state)) == 0


def test_every_fate_can_be_told(program: Program, folder: Path, dense: Any, qtbot: QtBot) -> None:
    open_all(program, folder, dense, qtbot)
    scene = show_anchors(program, qtbot).view._composer.scene
    reached = scene.field.candidates.alive_after
    told = {int(code): table_row(scene, int((reached == code).argmax()))[4] for code in set(reached.tolist())}
    assert len(told) > 3
    for code, text in told.items():
        ended = DENSE_STAGES[code + 1] if code + 1 < len(DENSE_STAGES) else ""
        assert text.startswith(ended) if ended not in ("", "detected") else "detection" in text, (ended, text)
    program.window.tabs.tab("anchors").view.setFocus(Qt.FocusReason.OtherFocusReason)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(program.window.tabs.tab("anchors").view, key)


def test_proposals_come_back_with_a_two_stage_detector(program: Program, folder: Path, qtbot: QtBot) -> None:
    open_all(program, folder, dense_module(), qtbot)
    tab = show_anchors(program, qtbot)
    program.document.open_detector(tiny_module(), "cpu")
    qtbot.waitUntil(lambda: program.document.trace is not None and program.document.trace.proposals_count > 0, timeout=SETTLED)
    qtbot.waitUntil(lambda: tab.view._composer.scene is not None, timeout=SETTLED)
    settle(program, qtbot)
    assert tab.findChild(ProposalSection).isEnabled()
    assert tab.layer_actions["proposals"].isEnabled()
    assert all(box.toolTip() != NO_PROPOSALS for box in tab.findChild(LayerSection).boxes.values())


def test_the_menu_offers_every_builder() -> None:
    assert tuple(UNTRAINED) == BUILDERS
