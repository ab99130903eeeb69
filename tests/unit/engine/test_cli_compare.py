"""The command `compare`: what it writes and says, two detectors or one run in two ways, and how it refuses. No Qt."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from fpn_viewer import cli
from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.comparison.tiles import TiledTrace
from fpn_viewer.core.comparison.values import PAIRS, STATUSES
from fpn_viewer.core.imaging.montage import BAR_HEIGHT, NARROWEST
from fpn_viewer.engine import compare_files
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NODES = {f"{letter}{level}" for level in "2345" for letter in "CLMP"} | {"T2", "T3", "T4", "P6"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    for name, seed in (("a", 0), ("b", 5)):
        save_native(replace(TINY, name=name, weights="trained"), tiny_module(seed=seed), folder / f"{name}.safetensors")
    Image.fromarray(noise(70, 101)).save(folder / "noise.png")
    boxes = [[20, 20, 40, 30, "boat"], [5, 40, 30, 20, "zebra"]]
    coco = {
        "images": [{"id": 1, "file_name": "noise.png", "width": 101, "height": 70}],
        "categories": [{"id": 1, "name": "boat"}, {"id": 2, "name": "zebra"}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 1 + (box[4] == "zebra"), "bbox": box[:4], "area": 1.0, "iscrowd": 0}
            for k, box in enumerate(boxes, 1)
        ],
    }
    (folder / "truth.json").write_text(json.dumps(coco))
    return folder


def run(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main(["compare", *words, "--device", "cpu"])
    out, err = capsys.readouterr()
    return code, out, err


def words(files: Path, out: Path, *checkpoints: str) -> list[str]:
    named = [word for name in checkpoints for word in ("--checkpoint", str(files / f"{name}.safetensors"))]
    return [str(files / "noise.png"), *named, "--out", str(out)]


def annotated(files: Path, out: Path, *checkpoints: str) -> list[str]:
    return [*words(files, out, *checkpoints), "--annotations", str(files / "truth.json")]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def described(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "comparison.json").read_text("utf-8"))
    return found


def test_two_checkpoints(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "folder"
    code, said, err = run(annotated(files, out, "a", "b"), capsys)
    assert (code, err) == (0, "")
    lines = said.splitlines()
    assert lines[:2] == ["A  a.safetensors", "B  b.safetensors"]
    assert "C2 is the first map that differs by more than 0.1 %" in said
    assert lines[-1] == f"→ {out} ({len(NODES)} maps)"
    assert {path.stem for path in (out / "maps").iterdir()} == NODES
    plain = described(out)
    assert plain["parting"]["node"] == "C2"
    assert {row["node"] for row in plain["nodes"]} == NODES
    assert {row["matched"] for row in plain["nodes"]} == {"by correlation"}
    assert plain["objects"]["annotated"]
    assert sum(plain["objects"]["counts"].values()) == 2
    assert (set(plain["objects"]["counts"]), set(plain["detections"])) == (set(STATUSES), set(PAIRS))
    objects, detections = table(out / "objects.csv"), table(out / "detections.csv")
    assert [row["name"] for row in objects] == ["boat", "zebra"]
    assert objects[1]["sentence"] == "A and B have no class for 'zebra', and cannot find it."
    assert {row["kind"] for row in detections} <= set(PAIRS)
    assert len(detections) == sum(plain["detections"].values())


def test_a_page_holds_both_maps_and_their_difference(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*annotated(files, tmp_path, "a", "b"), "--reduction", "channel", "--channel", "3"], capsys)[0] == 0
    plain = described(tmp_path)
    height, width = 70 * 4, 101 * 4
    for node in ("P2", "C5"):
        with Image.open(tmp_path / "maps" / f"{node}.png") as page:
            assert page.size == (3 * max(width, NARROWEST) + 16, height + BAR_HEIGHT)
            pixels = np.asarray(page.convert("RGB"), np.int64)
        panels = [pixels[:height, k * (width + 8) : k * (width + 8) + width] for k in range(3)]
        assert all(panel.std() > 5 for panel in panels)
        limits = plain["maps"][f"maps/{node}.png"]
        assert limits["limits"][0] == -limits["limits"][1]
        assert limits["channel_b"] is not None
    with Image.open(tmp_path / "contact.png") as sheet:
        assert sheet.height > len(NODES) * 100


def test_the_same_twice_is_zero_everywhere(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(annotated(files, tmp_path, "a", "a"), capsys)
    plain = described(tmp_path)
    assert code == 0
    assert "No map differs by more than 0.1 %." in said
    assert "All weights are the same, bit for bit." in said
    assert {(row["relative_l2"], row["largest"]) for row in plain["nodes"]} == {(0.0, 0.0)}
    assert {row["relative"] for row in plain["weights"]["modules"]} == {0.0}
    assert "The backbone is the same and ran once." in plain["notes"]
    assert {row["kind"] for row in table(tmp_path / "detections.csv")} == {"same"}
    assert {row["status"] for row in table(tmp_path / "objects.csv")} <= {"both", "neither", "unknown"}
    assert {row["differs_at"] for row in table(tmp_path / "objects.csv")} == {""}


@pytest.mark.parametrize(
    ("way", "note", "parting"),
    [
        (["--set-b", "min_size=140"], "A sees ", "C2"),
        (["--gain-b", "M3/top-down=0"], "Gains differ: top-down into M3 (1.00 in A, 0 in B).", "M3"),
        (["--tile-b", "48"], "B runs the picture in ", "C2"),
        (["--set-b", "box_score_thresh=0.2"], "Settings differ: box_score_thresh", ""),
    ],
)
def test_one_detector_run_in_two_ways(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: list[str], note: str, parting: str
) -> None:
    code, said, _ = run([*annotated(files, tmp_path, "a"), *way], capsys)
    plain = described(tmp_path)
    assert code == 0
    assert any(sentence.startswith(note) for sentence in plain["notes"])
    assert plain["parting"]["node"] == parting
    assert plain["a"]["name"] == "a.safetensors"
    assert plain["b"]["name"].startswith("a.safetensors · ")
    assert bool(plain["b"]["tiles"]) == (way[0] == "--tile-b")
    assert "All weights are the same" in said


def test_a_map_of_one_side_only_is_drawn_beside_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], files: Path) -> None:
    path = tmp_path / "cut.safetensors"
    spec = replace(TINY, name="cut", weights="trained", neck="fpn-no-top-down")
    save_native(spec, tiny_module(spec), path)
    code, _, _ = run([*annotated(files, tmp_path / "out", "a"), "--checkpoint", str(path)], capsys)
    plain = described(tmp_path / "out")
    assert code == 0
    assert plain["maps"]["maps/T3.png"]["sentence"] == "B has no T3, so there is nothing to subtract."
    assert plain["maps"]["maps/T3.png"]["difference_limits"] is None
    assert "T3" not in [row["node"] for row in plain["nodes"]]


def test_a_class_that_the_annotations_call_otherwise(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run([*annotated(files, tmp_path, "a", "b"), "--class", "zebra=tank", "--class", "boat="], capsys)
    objects = table(tmp_path / "objects.csv")
    assert (code, objects[0]["status"]) == (0, "unknown")
    assert objects[1]["status"] in ("both", "only A", "only B", "neither")
    assert "2 objects" in said


@pytest.mark.parametrize(
    ("checkpoints", "more", "sentence"),
    [
        ((), [], "no detector is named"),
        (("a", "b", "a"), [], "3 were named; give --checkpoint once or twice"),
        (("a",), [], "one detector is named and nothing that its two runs differ in"),
        (("a", "b"), ["--class", "zebra"], "not of the form NAME=CLASS"),
        (("a",), ["--gain-b", "M3=0"], "not of the form NODE/TERM=FACTOR"),
        (("a",), ["--gain-b", "M3/top-down=x"], "does not end in a number"),
        (("a", "b"), ["--channel", "-1"], "a channel is a number from 0"),
    ],
)
def test_usage(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], checkpoints: tuple[str, ...], more: list[str], sentence: str
) -> None:
    code, _, err = run([*words(files, tmp_path, *checkpoints), *more], capsys)
    assert (code, sentence in err) == (cli.USAGE, True)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--gain-b", "M9/top-down=0"], "no term ('M9', 'top-down')"),
        (["--tile-b", "4"], "tiles of 4 px are too small"),
        (["--set-b", "nonsense=4"], "'nonsense'"),
        (["--reduction", "channel", "--channel", "9999"], "no map has a channel 9999"),
        (["--iou", "2"], "An overlap of 2 cannot be asked for"),
        (["--annotations", "nowhere.json"], "nowhere.json"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    code, out, err = run([*words(files, tmp_path, "a", "b"), *more], capsys)
    assert (code, out) == (cli.NOTHING_DONE, "")
    assert sentence in err
    assert err.startswith("fpn-viewer: ")
    assert err.count("\n") == 1


def test_a_picture_without_annotations_and_a_folder_that_is_a_file(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(noise(40, 50)).save(tmp_path / "other.png")
    named = words(files, tmp_path / "out", "a", "b")
    code, _, err = run([str(tmp_path / "other.png"), *named[1:], "--annotations", str(files / "truth.json")], capsys)
    assert (code, "says nothing about" in err) == (cli.NOTHING_DONE, True)
    (tmp_path / "taken").write_text("")
    code, _, err = run(words(files, tmp_path / "taken", "a", "b"), capsys)
    assert (code, "cannot be written to" in err) == (cli.NOTHING_DONE, True)


def test_numbers_that_json_has_not_become_null() -> None:
    assert compare_files._plain({"a": (float("inf"), float("nan"), 1.5), "b": {"c": None}}) == {
        "a": [None, None, 1.5],
        "b": {"c": None},
    }


def test_neither_qt_nor_torch_before_it_runs() -> None:
    code = (
        "import sys; from fpn_viewer import cli; code = cli.main(['compare', 'x.png', '--checkpoint', 'demo', '--out', 'y']);"
        "sys.exit(code or any(name.split('.')[0] in ('torch', 'PySide6') for name in sys.modules) * 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == cli.USAGE, done.stderr


def test_tiles_are_a_side_of_their_own(files: Path) -> None:
    from fpn_viewer.cli_compare import _run
    from fpn_viewer.core.detectors.detector import open_detector
    from fpn_viewer.core.images import open_picture

    detector = open_detector(str(files / "a.safetensors"), device="cpu")
    assert isinstance(_run(detector, open_picture(str(files / "noise.png")), {}, 48), TiledTrace)
