"""The command `checkpoint`, and what other commands say of a file that does not open. No Qt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch

import fpn_viewer
from fpn_viewer import cli
from fpn_viewer.core.checkpoints.values import CheckUp
from fpn_viewer.core.errors import CheckpointError
from tests.tiny import tiny_module


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("checkpoints")
    tensors = tiny_module().state_dict()
    torch.save({"model": tensors}, folder / "good.pth")
    torch.save({name: tensor for name, tensor in tensors.items() if "layer3" not in name or "conv" in name}, folder / "bad.pth")
    (folder / "pointer.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    tensors["rpn.head.conv.0.0.bias"][0] = float("nan")
    torch.save({"model": tensors}, folder / "nan.pth")
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["checkpoint", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_report(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    code, out, err = run(capsys, str(place / "good.pth"), "--set", "min_size=123")
    assert (code, err) == (0, "")
    assert "WHAT IT IS" in out
    assert "min_size" in out.split("SETTINGS THAT ARE KNOWN")[1].split("SETTINGS THAT ARE ASSUMED")[0]
    assert max(len(line) for line in out.splitlines() if "/" not in line) <= 70


def test_published_weights_are_not_for_a_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(place / "good.pth"), "--set", "weights=COCO_V1")
    assert (code, out) == (3, "")
    assert "weights=COCO_V1 is for torchvision's builders" in err
    assert run(capsys, str(place / "good.pth"), "--set", "weights=random")[0] == 0


def test_exit_codes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, pointer = (str(place / f"{name}.pth") for name in ("good", "bad", "pointer"))
    assert run(capsys, good, good)[0] == 0
    assert run(capsys, good, bad)[0] == 1
    code, out, err = run(capsys, bad, pointer, str(place / "none.pth"))
    assert (code, err) == (3, "")
    assert out.count("does not open: ") == 3
    assert run(capsys)[0] == 2


def test_progress_on_a_terminal_goes_away(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    code, out, err = run(capsys, str(place / "good.pth"))
    assert code == 0
    assert "measuring weights" in err
    assert "measuring weights" not in out
    assert err.endswith("\r\x1b[K")


def test_a_bundled_name(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "demo")
    assert code == 0
    assert "class_names" in out
    assert "car, truck, boat, plane, tank" in out


def test_json_is_one_line_for_each_file_with_every_field(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(place / "good.pth"), str(place / "bad.pth"), str(place / "pointer.pth"), "--json")
    assert code == 1
    good, bad, pointer = (json.loads(line) for line in out.splitlines())
    for found in (good, bad, pointer):
        assert set(found) == {field.name for field in fields(CheckUp)}
    assert (good["opens"], bad["opens"], pointer["opens"]) == (True, False, False)
    assert good["spec"]["settings"]["min_size"] == 800
    assert {"name", "value", "origin", "setting"} == set(good["facts"][0])
    assert good["parts"][0]["name"] == "stem"
    assert set(bad["missing"]) == {name for name in tiny_module().state_dict() if "layer3" in name} - {
        name for name in tiny_module().state_dict() if "conv" in name or name.endswith("num_batches_tracked")
    }
    assert "LFS" in pointer["summary"]


def test_json_has_no_words_that_json_has_not(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    _, out, _ = run(capsys, str(place / "nan.pth"), "--json")
    found = json.loads(out, parse_constant=refuse)
    assert [part["nan"] for part in found["parts"] if part["nan"]] == [1]


def test_other_commands_say_the_first_lines(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = str(place / "none.png")
    assert cli.main(["explain", picture, "--checkpoint", str(place / "bad.pth"), "--box", "1,1,5,5"]) == 3
    _, err = capsys.readouterr()
    first, *lines = err.splitlines()
    assert first.startswith("fpn-viewer: bad does not fit")
    assert len(lines) == 9
    assert all(line.startswith("  backbone.body.layer3.") and line.endswith(" is missing") for line in lines[:8])
    assert lines[8] == "  … and 13 more; fpn-viewer checkpoint FILE lists all"


@pytest.mark.parametrize(("number", "shown"), [(0, 0), (1, 1), (9, 9), (10, 9)])
def test_how_many_lines_follow_a_sentence(number: int, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    cli.complain(CheckpointError("no.", [f"line {index}" for index in range(number)]), debug=False)
    lines = capsys.readouterr().err.splitlines()[1:]
    assert len(lines) == shown
    # one line more is no longer than saying that there is one
    assert lines[-1:] == ["  … and 2 more; fpn-viewer checkpoint FILE lists all"] or number < 10


def test_a_reader_that_has_enough_is_no_failure(place: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "fpn_viewer", "checkpoint", str(place / "good.pth")]
    root = str(Path(fpn_viewer.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
