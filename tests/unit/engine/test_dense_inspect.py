"""`fpn-viewer inspect` with one-stage detectors: the same files, without what they have not."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from fpn_viewer.cli import main
from tests.tiny import noise
from tests.tiny_dense import FAMILIES, dense_module, dense_spec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    from fpn_viewer.core.checkpoints.native import save_native

    path = tmp_path / f"{request.param}.safetensors"
    save_native(dense_spec(request.param), dense_module(request.param), path)
    Image.fromarray(noise()).save(tmp_path / "one.png")
    return path


def test_inspect_writes_maps_detections_and_what_happened(checkpoint: Path, tmp_path: Path) -> None:
    words = [
        "inspect",
        str(tmp_path / "one.png"),
        "--checkpoint",
        str(checkpoint),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    assert main([*words, "--set", "topk_candidates=50"]) == 0
    folder = tmp_path / "out" / "one"
    said = json.loads((folder / "trace.json").read_text())
    assert {f"{name}.png" for name in ("C3", "M4", "P5", "P6", "P7")} <= {path.name for path in folder.iterdir()}
    assert said["settings"]["topk_candidates"] == {"value": 50, "origin": "given by the user"}
    assert not any(name.startswith("rpn_") for name in said["settings"])
    assert said["follows"] is None
    assert list(said["seconds"]) == ["resize", "backbone", "neck", "head"]
    with (folder / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == said["counts"]["detections"] > 0
    assert all(row["level"].startswith("P") and row["anchor_shape"].partition(" px")[1] for row in rows)


def test_a_setting_that_the_family_has_not_is_refused(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "inspect",
        str(tmp_path / "one.png"),
        "--checkpoint",
        str(checkpoint),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    assert main([*words, "--set", "rpn_nms_thresh=0.3"]) == 3
    assert f"{checkpoint.stem} has no rpn_nms_thresh; its settings are:" in capsys.readouterr().err
