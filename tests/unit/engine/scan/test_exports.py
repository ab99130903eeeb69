"""What is exported is what is in the scan, under the names and ids that others know it by."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.scan import exports
from fpn_viewer.engine.scan.coco_files import ids_of
from fpn_viewer.engine.scan.exports import write_coco, write_csv, write_parquet
from fpn_viewer.engine.scan.numbers.coco import coco
from fpn_viewer.engine.scan.schema import TABLES
from tests.scan_files import write_scan
from tests.unit.engine.scan.numbers.made import CLASSES, make_scan, random_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.engine.scan.reading import Scan


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    return write_scan(tmp_path / "a.sqlite", pictures=12, objects=80, detectors=2)


def test_csv_holds_every_row(scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PICTURES", 5)
    written = {path.stem: path for path in write_csv(scan, tmp_path)}
    assert set(written) == {"every_object", *(table.name for table in TABLES)}
    for table in TABLES:
        head, *rows = _read(written[table.name])
        assert head == [name for name, _ in table.columns]
        stored = scan.rows(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
        assert rows == [["" if cell is None else str(cell) for cell in row] for row in stored]
    head, *rows = _read(written["every_object"])
    assert len(rows) == 160
    assert {row[head.index("detector")] for row in rows} == set(scan.detectors)
    assert not list(tmp_path.glob("*.part"))


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_file_that_is_not_finished_is_not_there(scan: Scan, tmp_path: Path) -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        write_csv(scan, tmp_path, token)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".csv", ".part")] == []


def test_parquet_without_pyarrow_is_one_sentence(scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install pyarrow, or choose CSV"):
        write_parquet(scan, tmp_path)


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_parquet_holds_every_row(scan: Scan, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    written = {path.stem: path for path in write_parquet(scan, tmp_path)}
    for table in TABLES:
        stored = scan.rows(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
        read = pq.read_table(written[table.name])
        assert list(zip(*(column.to_pylist() for column in read.columns), strict=True)) == stored


def test_results_and_ground_truth_go_together(tmp_path: Path) -> None:
    scan = make_scan(tmp_path / "a.sqlite", random_scenes(10, 1, 2))
    written = {path.stem: json.loads(path.read_text("utf-8")) for path in write_coco(scan, tmp_path)}
    assert set(written) == {"ground_truth", "results-first", "results-second"}
    truth, results = written["ground_truth"], written["results-first"]
    assert len(results) == coco(scan).detections
    assert len(truth["annotations"]) == coco(scan).objects
    assert {one["image_id"] for one in results} <= {one["id"] for one in truth["images"]}
    names = {one["id"]: one["name"] for one in truth["categories"]}
    stored = scan.rows("SELECT class, x1, y1, x2 - x1, y2 - y1 FROM detections WHERE detector = 0 ORDER BY picture, detection")
    assert [(names[one["category_id"]], *one["bbox"]) for one in results] == stored


def test_ids_are_those_of_the_annotation_file(tmp_path: Path) -> None:
    scenes, file = random_scenes(4, 2), tmp_path / "instances.json"
    paths = [f"/data/train/{name}.jpg" for name in "abcd"]
    images = [{"id": 70 + k, "file_name": f"train/{name}.jpg"} for k, name in enumerate("abcd")]
    categories = [{"id": 10 * (k + 1), "name": name} for k, name in enumerate(CLASSES)]
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}), "utf-8")
    scan = make_scan(tmp_path / "a.sqlite", scenes, paths=paths)
    assert ids_of(scan).own
    known = replace(scan)
    known.__dict__["about"] = {**scan.about, "annotations": [str(file), ""]}
    ids = ids_of(known)
    assert not ids.own
    assert dict(ids.pictures) == {k: 70 + k for k in range(4)}
    assert ids.classes[CLASSES[1]] == 20
    # a file that does not know all of them is left alone
    file.write_text(json.dumps({"images": images[:2], "annotations": [], "categories": categories}), "utf-8")
    assert ids_of(known).own
    file.write_text("{broken", "utf-8")
    assert ids_of(known).own
