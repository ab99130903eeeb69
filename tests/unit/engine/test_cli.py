"""The command line, in this process and in fresh ones. No Qt."""

from __future__ import annotations

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import fpn_viewer
from fpn_viewer import cli
from fpn_viewer.core import torch_check
from fpn_viewer.core.imaging.colours import lut

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.trace import Trace

#: (H, W) of the test picture; at min_size 96 neither side is a multiple of 32, so that there is padding
SIZE = (150, 220)
SQUARE = (40, 30, 100, 90)
OPACITY = 0.65


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cli")
    return folder


@pytest.fixture(scope="module")
def checkpoint(place: Path) -> Path:
    import torch

    from fpn_viewer.core.checkpoints.native import save_native
    from fpn_viewer.core.demo.recipe import SETTINGS, SPEC
    from fpn_viewer.core.detectors.build import build_module

    torch.manual_seed(3)
    settings = SETTINGS.changed(min_size=96, max_size=160, rpn_post_nms_top_n=60, box_detections_per_img=12)
    spec = dataclasses.replace(SPEC, name="tiny", backbone_width=8, neck_channels=16, box_features=16, settings=settings)
    path = place / "tiny.safetensors"
    save_native(spec, build_module(spec), path)
    return path


def draw(path: Path, seed: int = 0) -> Path:
    """A dark picture with a noisy square."""
    pixels = np.full((*SIZE, 3), 30, np.uint8)
    x0, y0, x1, y1 = SQUARE
    pixels[y0:y1, x0:x1] = np.random.default_rng(seed).integers(100, 255, (y1 - y0, x1 - x0, 3))
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def pictures(place: Path) -> list[Path]:
    folder = place / "pictures"
    folder.mkdir()
    broken = folder / "b.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return [draw(folder / "a.png", 1), broken, draw(folder / "c.png", 2)]


@dataclasses.dataclass
class Run:
    """One call of the program.

    Attributes:
        code: its exit code.
        err: what it wrote to stderr.
        out: the folder it wrote to.
    """

    code: int
    err: str
    out: Path


@pytest.fixture(scope="module")
def run(place: Path, checkpoint: Path, pictures: list[Path]) -> Run:
    """`inspect` over a good, a broken and a good picture."""
    out = place / "out"
    words = ["inspect", *map(str, pictures), "--checkpoint", str(checkpoint), "--out", str(out), "--set", "box_nms_thresh=0.4"]
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr(cli, "say", lines.append)
        code = cli.main(words)
    return Run(code, "\n".join(lines), out)


@pytest.fixture(scope="module")
def trace(checkpoint: Path, pictures: list[Path]) -> Trace:
    """The same picture through Python."""
    return fpn_viewer.open_detector(checkpoint, device="cpu", box_nms_thresh=0.4).trace(pictures[0])


def read_json(run: Run) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((run.out / "a" / "trace.json").read_text("utf-8"))
    return described


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# -- inspect ------------------------------------------------------------------------------------------------------------


def test_a_broken_picture_is_named_and_the_others_are_done(run: Run, pictures: list[Path]) -> None:
    assert run.code == 1
    about = [line for line in run.err.splitlines() if line.startswith("fpn-viewer:")]
    assert len(about) == 1
    assert str(pictures[1]) in about[0]
    assert "Traceback" not in run.err
    assert sorted(path.name for path in run.out.iterdir()) == ["a", "c", "detections.csv"]
    assert "[1/3]" in run.err
    assert "[3/3]" in run.err


def test_every_node_and_share_has_its_file(run: Run, trace: Trace) -> None:
    expected = {f"{node.name}.png" for node in trace.graph.nodes} | {"share2.png", "share3.png", "share4.png"}
    for name in ("a", "c"):
        files = {path.name for path in (run.out / name).iterdir()}
        assert files == expected | {"contact.png", "trace.json", "detections.csv"}


@pytest.mark.parametrize("node", ["C2", "L3", "M3", "P4"])
def test_a_map_lies_over_the_picture_where_its_cells_are(run: Run, trace: Trace, pictures: list[Path], node: str) -> None:
    drawn, picture = (np.asarray(Image.open(path).convert("RGB")) for path in (run.out / "a" / f"{node}.png", pictures[0]))
    times = drawn.shape[1] // SIZE[1]
    assert drawn.shape[0] > SIZE[0] * times
    limits = read_json(run)["maps"][f"{node}.png"]
    values = trace.node(node).abs().mean(0).numpy()
    level = trace.level(f"P{node[1:]}")
    # in the object, beside it, in the corners: the last rows and columns would move if padding were drawn
    for x, y in ((70, 60), (42, 32), (150, 110), (0, 0), (219, 149), (219, 0), (0, 149)):
        cell = trace.geometry.cell_at(level, x + 0.5, y + 0.5)
        assert cell is not None
        byte = round(float(np.clip((values[cell] - limits["low"]) / (limits["high"] - limits["low"]), 0, 1)) * 255)
        expected = (1 - OPACITY) * picture[y, x] + OPACITY * lut("viridis")[byte].astype(float)
        shown = drawn[y * times + times // 2, x * times + times // 2].astype(float)
        assert np.abs(shown - expected).max() <= 3, (x, y, cell)


def test_the_object_stands_out_of_the_map(run: Run) -> None:
    drawn = np.asarray(Image.open(run.out / "a" / "C2.png").convert("RGB")).astype(float)
    times = drawn.shape[1] // SIZE[1]
    x0, y0, x1, y1 = (v * times for v in SQUARE)
    inside, outside = drawn[y0:y1, x0:x1].mean((0, 1)), drawn[y0:y1, x1 + 40 : x1 + 100].mean((0, 1))
    assert np.abs(inside - outside).max() > 30


def test_the_json_says_what_the_trace_says(run: Run, trace: Trace, pictures: list[Path]) -> None:
    said = read_json(run)
    assert said["picture"] == str(pictures[0])
    assert tuple(said["geometry"]["image_size"]) == trace.image_size == SIZE
    assert tuple(said["geometry"]["net_size"]) == trace.net_size
    assert tuple(said["geometry"]["padded_size"]) == trace.padded_size != trace.net_size
    assert [(level["name"], tuple(level["size"])) for level in said["levels"]] == [(one.name, one.size) for one in trace.levels]
    nodes = {node["name"]: node for node in said["graph"]["nodes"]}
    assert set(nodes) == {node.name for node in trace.graph.nodes}
    assert [term["source"] for term in nodes["M3"]["terms"]] == ["L3", "T3"]
    assert nodes["C2"]["channels"] == trace.node("C2").shape[0]
    assert said["counts"]["detections"] == len(trace.detections) > 0
    assert said["follows"] is None
    assert set(said["seconds"]) == {stage.name for stage in trace.times}
    assert said["versions"]["fpn_viewer"] == fpn_viewer.__version__
    assert {"torch", "torchvision", "python"} <= set(said["versions"])


def test_every_setting_says_where_it_came_from(run: Run) -> None:
    settings = read_json(run)["settings"]
    assert settings["box_nms_thresh"] == {"value": 0.4, "origin": "given by the user"}
    assert settings["min_size"]["value"] == 96
    assert "user" not in settings["min_size"]["origin"]


def test_the_csv_holds_the_models_detections_and_their_anchors(run: Run, trace: Trace, pictures: list[Path]) -> None:
    rows = read_csv(run.out / "a" / "detections.csv")
    found, anchors = trace.detections, trace.candidates
    assert len(rows) == len(found) > 0
    for i, row in enumerate(rows):
        assert row["picture"] == str(pictures[0])
        assert int(row["label"]) == found.labels[i]
        assert row["name"] == trace.spec.class_names[found.labels[i]]
        assert np.float32(row["score"]) == found.scores[i]
        assert [np.float32(row[edge]) for edge in ("x1", "y1", "x2", "y2")] == found.boxes_img[i].tolist()
        origin = found.candidate[i]
        level = trace.levels[anchors.level[origin]]
        assert row["level"] == level.name
        assert (int(row["anchor_row"]), int(row["anchor_column"])) == (anchors.y[origin], anchors.x[origin])
        sizes, ratios = trace.settings.anchor_sizes[anchors.level[origin]], ("1:2", "1:1", "2:1")
        assert row["anchor_shape"] == f"{sizes[0]:g} px {ratios[anchors.shape[origin]]}"


def test_one_table_holds_the_detections_of_all_pictures(run: Run) -> None:
    parts = [row for name in ("a", "c") for row in read_csv(run.out / name / "detections.csv")]
    assert read_csv(run.out / "detections.csv") == parts


def test_the_contact_sheet_has_a_row_for_every_level_in_its_colour(run: Run, trace: Trace) -> None:
    sheet = np.asarray(Image.open(run.out / "a" / "contact.png").convert("RGB"))
    strip = sheet[:, 18]
    for colour in ((0x00, 0x72, 0xB2), (0x00, 0x9E, 0x73), (0xE6, 0x9F, 0x00), (0xD5, 0x5E, 0x00), (0xCC, 0x79, 0xA7)):
        rows = np.flatnonzero((strip == colour).all(1))
        assert len(rows) > 60
        assert np.ptp(rows) == len(rows) - 1


@pytest.fixture(scope="module")
def channel_run(checkpoint: Path, place: Path) -> Run:
    """One channel of three pictures: two of one name, one whose folder cannot be made, and one that is not there."""
    folder, out = place / "more", place / "channel"
    (folder / "deeper").mkdir(parents=True)
    out.mkdir()
    (out / "blocked").write_text("in the way")
    words = [draw(folder / "A.png", 4), draw(folder / "deeper" / "a.png", 5), draw(folder / "blocked.png"), folder / "no.png"]
    options = ["--checkpoint", str(checkpoint), "--out", str(out), "--reduction", "channel", "--channel", "12"]
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr(cli, "say", lines.append)
        code = cli.main(["inspect", *map(str, words), *options])
    return Run(code, "\n".join(lines), out)


def test_one_channel_of_all_maps_that_have_it(channel_run: Run) -> None:
    files = {path.name for path in (channel_run.out / "A").glob("*.png")}
    # the slim backbone's C2 has 8 channels
    assert "C3.png" in files
    assert "C2.png" not in files
    assert json.loads((channel_run.out / "A" / "trace.json").read_text())["maps"]["P3.png"]["unit"] == "channel 12"


def test_pictures_of_one_name_do_not_overwrite_each_other(channel_run: Run) -> None:
    assert sorted(path.name for path in channel_run.out.iterdir() if path.is_dir()) == ["A", "a-2"]


def test_whatever_fails_is_named(channel_run: Run) -> None:
    assert channel_run.code == 1
    complaints = [line for line in channel_run.err.splitlines() if line.startswith("fpn-viewer:")]
    assert len(complaints) == 2
    assert "no.png" in complaints[0]
    assert "blocked" in complaints[1]


# -- nothing could be done ----------------------------------------------------------------------------------------------


def one_sentence(err: str) -> str:
    """The only line on stderr."""
    (line,) = err.strip().splitlines()
    assert line.startswith("fpn-viewer: ")
    return line


def test_only_broken_pictures(checkpoint: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["inspect", str(pictures[1]), "--checkpoint", str(checkpoint), "--out", str(tmp_path)])
    assert code == 3
    assert str(pictures[1]) in one_sentence(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_picture(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["inspect", str(tmp_path / "no.png"), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")])
    assert code == 3
    assert "no.png" in one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["inspect", "PICTURE", "--checkpoint", "demo"], ["train-demo"]])
def test_a_folder_that_cannot_be_written_to(
    command: list[str], pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    words = [str(pictures[0]) if word == "PICTURE" else word for word in command]
    assert cli.main([*words, "--out", str(file / "out")]) == 3
    assert str(file / "out") in one_sentence(capsys.readouterr().err)


def test_an_unknown_detector(pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", str(pictures[0]), "--checkpoint", "nobody", "--out", str(tmp_path)]
    assert cli.main(words) == 3
    assert "nobody" in one_sentence(capsys.readouterr().err)
    assert cli.main([*words, "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_unknown_setting(checkpoint: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", str(pictures[0]), "--checkpoint", str(checkpoint), "--out", str(tmp_path), "--set", "nms=1"]
    assert cli.main(words) == 3
    assert "'nms' is not a setting" in one_sentence(capsys.readouterr().err)


def test_ctrl_c(checkpoint: Path, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch_check, "import_torch", interrupted)
    assert cli.main(["inspect", str(pictures[0]), "--checkpoint", str(checkpoint), "--out", str(tmp_path)]) == 130


def test_a_broken_torch_ends_inspect(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torch_check, "import_module", broken)
    assert cli.main(["inspect", str(pictures[0]), "--checkpoint", "demo", "--out", str(tmp_path)]) == 3
    assert "pip install" in one_sentence(capsys.readouterr().err)


# -- fresh processes ----------------------------------------------------------------------------------------------------

WITHOUT_QT = "import sys; sys.modules.update(PySide6=None, shiboken6=None, pyqtgraph=None); from fpn_viewer.cli import main; "


def fresh(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code with the words as its arguments."""
    command = [sys.executable, "-W", "error::ImportWarning", "-c", code, *words]
    root = str(Path(fpn_viewer.__file__).parents[1])
    env = {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "PATH": "", "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=120)


def test_inspect_runs_where_qt_is_not_installed(checkpoint: Path, pictures: list[Path], tmp_path: Path) -> None:
    words = ["inspect", str(pictures[0]), "--checkpoint", str(checkpoint), "--out", str(tmp_path)]
    done = fresh(WITHOUT_QT + "sys.exit(main())", *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "contact.png").exists()
    assert len(done.stderr.splitlines()) == 1


def test_without_qt_the_window_is_one_sentence() -> None:
    done = fresh(WITHOUT_QT + "code = main([]); assert 'torch' not in sys.modules; sys.exit(code)")
    assert done.returncode == 3, done.stderr
    assert "pip install PySide6-Essentials" in one_sentence(done.stderr)
