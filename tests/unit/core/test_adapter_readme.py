"""The worked example of the README's section "Your own network", as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

import fpn_viewer as fv
from tests.tiny import noise

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.trace import Trace

README = Path(__file__).parents[3] / "README.md"
#: lines of code that an adapter may take
LIMIT = 60


def blocks() -> list[str]:
    (section,) = re.findall(r"^## Your own network\n(.*?)^## ", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    found: list[str] = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("readme")
    Image.fromarray(noise(90, 120)).save(folder / "picture.jpg")
    shown: list[Any] = []
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "readme"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # the window is tested elsewhere
        patch.setattr(fv, "show", lambda *given: shown.append(given))
        for block in blocks():
            exec(compile(block, str(README), "exec"), names)
    return names | {"shown": shown}


def test_the_example_runs_and_its_parts_do_what_is_said(ran: dict[str, Any]) -> None:
    trace: Trace = ran["trace"]
    assert trace.follows is None
    assert len(trace.detections) > 3
    assert trace.spec.class_names == ("car", "boat", "tree")
    assert trace.graph.kind == "FPN"
    terms = trace.terms("M3")
    assert set(terms) == {"lateral", "top-down"}
    assert torch.allclose(sum(terms.values(), torch.zeros(())), trace.node("M3"), atol=1e-5)
    assert set(trace.sources("P3")) == {"C3", "C4", "C5", "bias"}
    assert ran["line"].label_name == "car"
    assert ran["line"].stages[-1].name == "detected"
    assert ran["shown"][0][1] == ["picture.jpg"]
    assert ran["model"].training, "the network is as it was"


def test_the_adapter_is_short() -> None:
    lines = [line for line in blocks()[1].splitlines() if line.strip()]
    assert len(lines) <= LIMIT
