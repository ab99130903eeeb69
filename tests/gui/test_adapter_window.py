"""The real window over networks with adapters: tabs, life line and remedies work, and a pyramid without a head is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import fpn_viewer as fv
from fpn_viewer import app
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.ui.anchors.sections import ProposalSection
from fpn_viewer.ui.panels.what_if_settings import gain_terms
from tests.adapters import STYLES, PyramidAdapter, network
from tests.gui.window_flow import SETTLED, open_all, settle

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from fpn_viewer.app import Program

pytestmark = pytest.mark.gui

BOX = (10.0, 8.0, 60.0, 50.0)


def adapted(style: str) -> Any:
    return fv.adapted(network(style), STYLES[style][1])


@pytest.mark.parametrize("style", STYLES)
def test_every_tab_shows_a_network_with_an_adapter(style: str, program: Program, folder: Path, qtbot: QtBot) -> None:
    open_all(program, folder, adapted(style), qtbot)
    trace = program.document.trace
    assert trace is not None
    assert trace.follows is None
    assert [level.name for level in trace.levels] == ["P3", "P4", "P5"]
    assert not program.window.message_bar.isVisible()
    assert bool(gain_terms(trace.graph)) == (style != "YOLO")
    tab = program.window.tabs.tab("anchors")
    program.window.tabs.setCurrentWidget(tab)
    qtbot.waitUntil(lambda: program.document.anchors is not None, timeout=SETTLED)
    assert not tab.findChild(ProposalSection).isEnabled()
    with qtbot.waitSignal(program.document.objectness_changed, timeout=SETTLED) as drawn:
        tab.layers.update(anchors=True, objectness=True)
    assert drawn.args[0].title.startswith("score of the best class P")
    with qtbot.waitSignal(program.document.probe_changed, timeout=SETTLED) as probed:
        program.document.probe((40.0, 30.0))
    known = {row.level: bool(row.sources) for row in probed.args[0].rows}
    assert known == dict.fromkeys(("P3", "P4", "P5"), style != "YOLO")
    assert not program.window.message_bar.isVisible()


def test_an_object_has_a_life_line_and_a_signal(program: Program, folder: Path, qtbot: QtBot) -> None:
    open_all(program, folder, adapted("NanoDet"), qtbot)
    question = program.models.question
    program.selection.update(box_img=BOX)
    program.window.tabs.setCurrentWidget(program.window.tabs.tab("object"))
    qtbot.waitUntil(lambda: question.state.line is not None and question.state.signal is not None, timeout=SETTLED)
    line, signal = question.state.line, question.state.signal
    assert line is not None
    assert signal is not None
    assert line.stages[-1].name == "detected"
    assert {node.node for node in signal.nodes} >= {"C3", "L3", "T3", "M3", "P3"}
    assert question.state.trouble == ""


def test_a_pyramid_has_no_life_lines_and_says_so(program: Program, folder: Path, qtbot: QtBot) -> None:
    open_all(program, folder, fv.adapted(network("NanoDet"), PyramidAdapter), qtbot)
    question = program.models.question
    program.selection.update(box_img=BOX)
    qtbot.waitUntil(lambda: question.state.trouble != "", timeout=SETTLED)
    assert "a pyramid without a head: it detects nothing" in question.state.trouble


def test_a_pyramid_without_a_head_is_shown(program: Program, folder: Path, qtbot: QtBot) -> None:
    open_all(program, folder, fv.adapted(network("NanoDet"), PyramidAdapter), qtbot)
    trace, detector = program.document.trace, program.document.detector
    assert trace is not None
    assert detector is not None
    assert detector.spec.summary.endswith("no head)")
    assert (trace.anchors_count, len(trace.detections)) == (0, 0)
    program.window.tabs.setCurrentWidget(program.window.tabs.tab("anchors"))
    qtbot.waitUntil(lambda: program.document.anchors is not None, timeout=SETTLED)
    assert not program.window.tabs.tab("anchors").grab().toImage().isNull()
    with qtbot.waitSignal(program.document.probe_changed, timeout=SETTLED) as probed:
        program.document.probe((40.0, 30.0))
    assert all(row.sources for row in probed.args[0].rows)
    settle(program, qtbot)
    assert not program.window.message_bar.isVisible()


def test_a_named_network_that_fails_says_where(program: Program, folder: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(program.document.problem, timeout=SETTLED) as problem:
        app.start(program, app.Start((str(folder / "1.png"),), NamedModel("tests.adapters:lively"), "cpu"))
    assert "tests.adapters:lively failed with TypeError" in problem.args[0].title


def test_a_module_in_training_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    module = network("NanoDet").train()
    module.backbone.stem.eval()
    module.cls.weight.requires_grad_(False)
    module.reg.weight.grad = torch.ones_like(module.reg.weight)
    flags, grad, data = {n: m.training for n, m in module.named_modules()}, module.reg.weight.grad, module.reg.weight.data_ptr()

    def shown(wanted: app.Start, debug: bool = False) -> int:
        source: Any = wanted.source
        detector = fv.open_detector(source, device="cpu", **wanted.settings)
        detector.trace(wanted.pictures[0])
        # the window may move it to another device, and torch then puts other numbers into the same parameters
        source.network.to(torch.float64).eval()
        source.network.cls.weight.requires_grad_(True)
        source.network.register_forward_hook(lambda *_: None)
        return 0

    monkeypatch.setattr(app, "_show", shown)
    picture = next(path for path in sorted(folder.rglob("*.png")))
    assert fv.show(fv.adapted(module, STYLES["NanoDet"][1]), picture) == 0
    assert {n: m.training for n, m in module.named_modules()} == flags
    assert module.reg.weight.grad is grad
    assert module.reg.weight.data_ptr() == data
    assert (module.reg.weight.dtype, module.cls.weight.requires_grad) == (torch.float32, False)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
