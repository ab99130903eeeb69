"""What the words of a command line mean; nothing runs behind them. No Qt, no torch."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fpn_viewer
from fpn_viewer import cli
from tests.unit.engine.test_cli import one_sentence


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize(
    "words",
    [
        ["inspect"],
        ["inspect", "a.png", "--out", "x"],
        ["inspect", "a.png", "--checkpoint", "demo", "--out", "x", "--set", "min_size"],
        ["inspect", "a.png", "--checkpoint", "demo", "--out", "x", "--reduction", "median"],
        ["inspect", "a.png", "--checkpoint", "demo", "--out", "x", "--channel", "-1"],
        ["train-demo"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "usage: fpn-viewer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("min_size=800", 800),
        ("box_nms_thresh=0.4", 0.4),
        ("anchor_sizes=[[8],[16]]", [[8], [16]]),
        ("class_names=car,sea plane", ("car", "sea plane")),
        ("class_names=car", ("car",)),
        ("name=mine=yours", "mine=yours"),
    ],
)
def test_a_setting_is_json_or_words(text: str, value: object) -> None:
    assert cli._setting(text) == (text.partition("=")[0], value)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"fpn-viewer {fpn_viewer.__version__}"
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in cli.COMMANDS)


#: what the window's detector gets when nothing is said about it
PLAIN = {"precision": "float32"}


class FakeApp(SimpleNamespace):
    """Stands for `fpn_viewer.app`.

    Attributes:
        calls: what `run` was called with.
    """

    def __init__(self) -> None:
        super().__init__(calls=[])

    def run(self, *args: object) -> int:
        self.calls.append(args)
        return 0


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setitem(sys.modules, "fpn_viewer.app", fake)
    monkeypatch.setattr(fpn_viewer, "app", fake, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    return fake


def test_anything_but_a_command_opens_the_window(app: FakeApp, picture: str) -> None:
    assert cli.main([]) == 0
    words = [
        picture,
        str(Path(picture).parent),
        "--checkpoint",
        "mine.pth",
        "--device",
        "cpu",
        "--debug",
        "--annotations",
        "a.json",
    ]
    assert cli.main(words) == 0
    assert app.calls == [
        ([], None, "auto", False, PLAIN, "", "", ()),
        (words[:2], "mine.pth", "cpu", True, PLAIN, "a.json", "", ()),
    ]


def test_detectors_to_compare_reach_the_window(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["demo-early", "b.pth", "c.pth"]
    words = [word for name in names for word in ("--compare", name)]
    assert cli.main(words) == 0
    assert app.calls[0][-1] == tuple(names)
    assert cli.main([*words, "--compare", "d.pth"]) == cli.USAGE
    assert "4 detectors can be compared" in capsys.readouterr().err
    assert len(app.calls) == 1


def test_settings_and_precision_reach_the_window(app: FakeApp) -> None:
    assert cli.main(["--precision", "float16", "--set", "min_size=320", "--set", "class_names=car,boat"]) == 0
    assert app.calls[0][4] == {"precision": "float16", "min_size": 320, "class_names": ("car", "boat")}


def test_a_picture_called_like_a_command(app: FakeApp, picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(picture).rename(tmp_path / "inspect")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["./inspect"]) == 0
    assert app.calls == [(["./inspect"], None, "auto", False, PLAIN, "", "", ())]


def test_the_window_opens_with_what_is_there(
    app: FakeApp, picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / "no.png"), picture]) == 1
    assert app.calls[0][0] == [picture]
    assert "no.png" in one_sentence(capsys.readouterr().err)
    assert cli.main([str(tmp_path / "no.png")]) == 3
    assert len(app.calls) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_there_is_a_sentence(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main([]) == 3
    assert "display" in one_sentence(capsys.readouterr().err)
    assert app.calls == []


def test_train_demo_follows_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from fpn_viewer.core.demo import run as demo

    def run(out: Path, say: Any) -> None:
        say(f"trained into {out}")

    monkeypatch.setattr(demo, "run", run)
    assert cli.main(["train-demo", "--out", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().err == f"trained into {tmp_path / 'new'}\n"
