"""`--model package.module:name`: only what is named is imported, and what fails in it is told by file and line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from fpn_viewer import cli
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.detectors.detector import open_detector
from tests.adapters import NanoDetAdapter, network
from tests.tiny import noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import fpn_viewer as fv
from tests.adapters import NanoDet, NanoDetAdapter, lively
from tests.tiny import tiny_module

def build():
    return fv.adapted(lively(NanoDet()), NanoDetAdapter)

def plain():
    return tiny_module()

class Whole(NanoDetAdapter):
    def build(self):
        return lively(NanoDet())

ADAPTER = Whole()
NUMBER = 3

def broken():
    nothing = None
    return nothing.layers

def leaves():
    raise SystemExit(4)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a package of the user's and a picture."""
    (tmp_path / "own_nets").mkdir()
    (tmp_path / "own_nets" / "__init__.py").write_text("")
    (tmp_path / "own_nets" / "nano.py").write_text(CODE)
    (tmp_path / "own_nets" / "bad.py").write_text("import torch\n\nlayers = torch.nothing_of_that_name\n")
    (tmp_path / "own_nets" / "worse.py").write_text("def build(:\n    pass\n")
    Image.fromarray(noise()).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    yield tmp_path
    for name in [one for one in sys.modules if one.partition(".")[0] == "own_nets"]:
        del sys.modules[name]


def explain(*words: str) -> int:
    return cli.main(["explain", "picture.png", "--box", "10,10,40,40", "--no-remedies", "--device", "cpu", *words])


@pytest.mark.parametrize("name", ["build", "ADAPTER", "Whole", "plain"])
def test_explain_takes_a_network_of_the_users_own(name: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--model", f"own_nets.nano:{name}", "--json") == cli.DONE
    stages = [stage["name"] for stage in json.loads(capsys.readouterr().out)["stages"]]
    assert stages[-1] == "detected"
    assert ("rpn_nms" in stages) == (name == "plain")


def test_inspect_writes_its_maps(home: Path) -> None:
    words = ["inspect", "picture.png", "--model", "own_nets.nano:build", "--out", "out", "--device", "cpu"]
    assert cli.main(words) == cli.DONE
    assert {"C3.png", "L3.png", "T3.png", "M3.png", "P3.png"} <= {path.name for path in (home / "out" / "picture").iterdir()}
    described = json.loads((home / "out" / "picture" / "trace.json").read_text())
    assert described["detector"]["weights"] == "made by own_nets.nano:build"
    assert described["settings"]["box_nms_thresh"] == {"value": 0.5, "origin": "said by its adapter"}


def test_weights_come_from_a_checkpoint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = network("NanoDet")
    wrapped = {f"module.{name}": tensor for name, tensor in trained.state_dict().items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, home / "own.pth")
    detector = open_detector(NamedModel("own_nets.nano:build", "own.pth"), device="cpu")
    assert "own.pth" in detector.spec.weights
    assert torch.equal(detector.module.network.cls.weight, trained.cls.weight)
    again = open_detector(trained, adapter=NanoDetAdapter).trace(noise())
    assert torch.equal(detector.trace(noise()).node("P3"), again.node("P3"))


def test_weights_that_do_not_fit_are_listed_and_not_loaded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors: dict[str, Any] = dict(network("NanoDet").state_dict())
    tensors["cls.weight"] = tensors["cls.weight"][:2]
    tensors["other.bias"] = tensors.pop("reg.bias")
    torch.save(tensors, home / "own.pth")
    assert explain("--model", "own_nets.nano:build", "--checkpoint", "own.pth") == cli.NOTHING_DONE
    told = capsys.readouterr().err
    assert "own.pth does not fit NanoDet: reg.bias is missing and 2 more; nothing was loaded." in told
    assert explain("--model", "own_nets.nano:build", "--checkpoint", "gone.pth") == cli.NOTHING_DONE
    assert "gone.pth is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own_nets.nano:broken", "own_nets.nano:broken failed with AttributeError: 'NoneType' object has no attribute 'layers' ("),
        ("own_nets.nano:broken", "nano.py, line 21, in broken)"),
        ("own_nets.nano:leaves", "failed with SystemExit: 4 ("),
        ("own_nets.bad:build", "importing own_nets.bad failed with AttributeError"),
        ("own_nets.bad:build", "bad.py, line 3, in <module>)"),
        ("own_nets.worse:build", "worse.py, line 1)"),
        ("own_nets.gone:build", "importing own_nets.gone failed with ModuleNotFoundError"),
        ("own_nets.nano:gone", "own_nets.nano has no 'gone'; look for the name in"),
        ("own_nets.nano:NUMBER", "gave a int, not a torch.nn.Module"),
        ("own_nets.nano", "write package.module:function"),
    ],
)
def test_what_fails_is_told_in_a_sentence(name: str, sentence: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--model", name) == cli.NOTHING_DONE
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_debug_shows_the_users_own_lines(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--model", "own_nets.nano:broken", "--debug") == cli.NOTHING_DONE
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "return nothing.layers" in told


def test_a_detector_must_be_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain() == cli.USAGE
    assert "no detector is named; give --checkpoint FILE, or --model MODULE:NAME" in capsys.readouterr().err


def test_a_checkpoint_alone_imports_nothing_of_the_current_folder(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "own_nets" / "__init__.py").write_text("raise RuntimeError('this must not run')\n")
    torch.save({"model": tiny_module().state_dict(), "adapter": "own_nets.nano:build"}, home / "own.pth")
    explain("--checkpoint", "own.pth")
    assert "must not run" not in capsys.readouterr().err
    assert "own_nets" not in sys.modules


def test_the_window_is_given_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    app = pytest.importorskip("fpn_viewer.app")
    started: list[Any] = []
    monkeypatch.setattr(app, "_show", lambda wanted, debug: started.append(wanted) or 0)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert cli.main(["--model", "own_nets.nano:build", "--checkpoint", "own.pth"]) == cli.DONE
    assert started[0].source == NamedModel("own_nets.nano:build", "own.pth")
