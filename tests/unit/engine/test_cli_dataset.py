"""The commands `coverage` and `remedies`."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

import fpn_viewer as fv
from fpn_viewer.cli import main
from tests.scan_files import write_scan
from tests.scan_set import annotated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "scan.sqlite", 20, 200).path


def test_coverage_of_a_scan_with_a_proposal(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", str(scan), "--detector", "2", "--propose", "--json", str(tmp_path / "c.json")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("No anchor overlaps ")
    assert "AnchorGenerator(" in said
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["detector"] == "demo-early"
    assert list(found["anchors"]) == ["now", "k-means", "evolved"]
    assert found["anchors"]["now"]["objects"] == 200 == sum(one["objects"] for one in found["anchors"]["now"]["bins"])
    assert found["anchors"]["now"]["holes"][-1]["high"] is None


def test_coverage_of_pictures_names_those_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, truth = annotated(tmp_path, 2)
    next(iter(sorted(images.iterdir()))).write_bytes(b"no picture")
    assert main(["coverage", str(images), "--annotations", str(truth), "--checkpoint", "demo", "--device", "cpu"]) == 1
    assert "left out: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["coverage", "gone.sqlite"], "gone.sqlite is not there"),
        (["coverage", "a.png", "b.png"], "name their ground truth with --annotations"),
        (["coverage", "{scan}", "--detector", "3"], "no detector 3"),
        (["coverage", "{scan}", "--json", "/no/such/folder/c.json"], "/no/such/folder/c.json cannot be written"),
        (["remedies", "gone.sqlite"], "gone.sqlite is not there"),
        (["remedies", "{scan}", "--detector", "3"], "no detector 3"),
        (["remedies", "{scan}", "--device", "cpu"], "does not tell where demo is"),
        (["remedies", "{scan}", "--checkpoint", "demo", "--device", "cpu"], "demo is not the demo that"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    words: list[str], sentence: str, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(scan=scan) for word in words]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    assert sentence in said[-1]


def test_remedies_of_a_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, truth = annotated(tmp_path, 2)
    fv.scan([fv.open_detector("demo", device="cpu", min_size=96, max_size=160)], images, truth, tmp_path / "s.sqlite")
    table = tmp_path / "r.csv"
    words = f"remedies {tmp_path / 's.sqlite'} --kind selection --pictures 1 --csv {table} --device cpu".split()
    assert main(words) == 0
    said = capsys.readouterr()
    assert "pictures tried: 1, 1 of them" in said.out
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    assert rows[0][:3] == ["change", "now", "tried"]
    assert {"box_score_thresh", "rpn_nms_thresh"} <= {row[0] for row in rows[1:]}
    assert main([*words, "--killer", "no such stage"]) == 3
    assert "leaves no lost object" in capsys.readouterr().err
