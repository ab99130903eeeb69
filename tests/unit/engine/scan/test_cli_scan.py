"""The command `scan`: what it says, where, and with which exit code."""

from __future__ import annotations

import io
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer import cli, cli_scan
from fpn_viewer.core.resources import resources
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.run import Pace
from tests.scan_set import annotated, content, detector, pictures
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = detector().spec.class_names


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return annotated(tmp_path_factory.mktemp("data"), 4)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens the tiny detector under every name."""
    from fpn_viewer.core.detectors import detector as module

    opened = module.open_detector

    def instead(source: Any, device: str = "auto", precision: str = "float32", **settings: Any) -> Any:
        return opened(tiny_module(), device="cpu", precision=precision, name=str(source), class_names=TINY.class_names, **settings)

    monkeypatch.setattr(module, "open_detector", instead)


def words(data: tuple[Path, Path], out: Path, *more: str, checkpoints: tuple[str, ...] = ("one",)) -> list[str]:
    given = [word for name in checkpoints for word in ("--checkpoint", name)]
    return ["scan", str(data[0]), "--annotations", str(data[1]), *given, "--out", str(out), *more]


def run(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, list[str]]:
    code = cli.main(argv)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err.splitlines()


def test_a_folder_two_detectors_and_a_table(data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.sqlite"
    code, told, err = run(words(data, out, "--set", "box_score_thresh=0.1", checkpoints=("one", "two")), capsys)
    assert code == cli.DONE
    assert err[:2] == [
        f"fpn-viewer: {name} has no class for 'cow' of the annotations; say which by --class NAME=CLASS" for name in ("one", "two")
    ]
    assert [line.split(" ")[0] for line in err[2:]] == [f"[{k}/4]" for k in range(1, 5)]
    assert all("pictures/s" in line and "left" in line and f"{k:04}.png" in line for k, line in enumerate(err[2:]))
    found = Scan(out)
    assert found.detectors == ("one", "two")
    lines = told.splitlines()
    assert (lines[0], lines[-2:]) == ("one", ["no problems", f"→ {out}"])
    head, everything = lines[1].replace("net px", "net").split(), lines[lines.index("two") - 2].split()
    assert head[:3] == ["net", "objects", "found"]
    assert everything[0] == "all"
    by_name = dict(zip(head[1:], map(int, everything[1:]), strict=False))
    assert by_name["found"] == found.outcomes()["found"]
    names = ("found", "missed", "badly placed", "wrong class", "taken")
    assert by_name["objects"] == sum(found.outcomes().get(name, 0) for name in names)
    for stage, count in found.killers().items():
        crowd = found.rows("SELECT COUNT(*) FROM fates WHERE detector = 0 AND killer = ? AND outcome = 'crowd'", (stage,))[0][0]
        assert by_name.get(stage, 0) == count - crowd


def test_sizes_of_the_table_add_up(data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told, _ = run(words(data, tmp_path / "a.sqlite"), capsys)
    table = [line.rsplit(maxsplit=line.count("  ")) for line in told.splitlines()[2:] if line.strip()][:-2]
    numbers = [[int(cell) for cell in line if cell.isdigit()] for line in table]
    parts, everything = numbers[:-1], numbers[-1]
    width = len(everything)
    assert [sum(row[-width:][k] for row in parts) for k in range(width)] == everything
    assert everything[0] == sum(everything[1:])


def test_classes_may_be_told(data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.sqlite"
    code, _, err = run(words(data, out, "--class", f"cow={NAMES[1]}", "--class", f"{NAMES[2]}=", "--iou", "0.4"), capsys)
    assert code == cli.DONE
    assert not [line for line in err if "has no class" in line]
    labels = dict(Scan(out).rows("SELECT DISTINCT class, label FROM fates JOIN objects USING (picture, object)"))
    assert (labels["cow"], labels[NAMES[2]]) == (1, None)
    assert Scan(out).about["iou"] == 0.4


def test_folders_inside_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(tmp_path / "data" / "deep", 2)
    base = ["scan", str(tmp_path / "data"), "--checkpoint", "one", "--out", str(tmp_path / "a.sqlite")]
    code, _, err = run(base, capsys)
    assert (code, len(err)) == (cli.NOTHING_DONE, 1)
    assert "holds no picture" in err[0]
    code, told, _ = run([*base, "--recursive"], capsys)
    assert code == cli.DONE
    assert Scan(tmp_path / "a.sqlite").rows("SELECT COUNT(*) FROM done") == [(2,)]
    assert "no problems" in told
    assert " detections; no objects to look for, as there are no --annotations\n" in told


def test_what_fails_is_named_and_the_rest_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = pictures(tmp_path / "data", 3)
    paths[1].write_bytes(b"no picture")
    argv = ["scan", str(tmp_path / "data"), str(tmp_path / "gone.png"), "--checkpoint", "one", "--out", str(tmp_path / "a.sqlite")]
    code, told, err = run(argv, capsys)
    assert code == cli.SOME_FAILED
    assert [line for line in err if line.startswith("fpn-viewer:") and "gone.png" in line]
    assert len([line for line in err if line.startswith("fpn-viewer:") and "0001.png" in line]) == 1
    assert "1 problem, named above or in the file" in told
    # what failed before is not forgotten when nothing is left to do
    code, _, err = run([*argv[:2], *argv[3:], "--resume"], capsys)
    assert code == cli.SOME_FAILED
    assert "3 of 3 pictures are in" in err[0]


def test_nothing_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in pictures(tmp_path / "data", 2):
        path.write_bytes(b"no picture")
    code, _, err = run(["scan", str(tmp_path / "data"), "--checkpoint", "one", "--out", str(tmp_path / "a.sqlite")], capsys)
    assert code == cli.NOTHING_DONE
    assert len([line for line in err if line.startswith("fpn-viewer:")]) == 2


@pytest.mark.parametrize(
    ("more", "words_of"),
    [
        (("--annotations", "/nowhere.json"), "/nowhere.json does not exist"),
        (("--out", "/nowhere/a.sqlite"), "cannot be made"),
        (("--iou", "7"), "An overlap of 7"),
        (("--checkpoint", "two") * 4, "one to 4 detectors, not 5"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_sentence(
    more: tuple[str, ...], words_of: str, data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(words(data, tmp_path / "a.sqlite", *more), capsys)
    assert (code, out, len(err)) == (cli.NOTHING_DONE, "", 1)
    assert words_of in err[0]


def test_a_file_that_is_there_needs_resume(data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.sqlite"
    assert run(words(data, out), capsys)[0] == cli.DONE
    before = content(Scan(out))
    code, _, err = run(words(data, out), capsys)
    assert (code, len(err)) == (cli.NOTHING_DONE, 1)
    assert "go on with it by --resume" in err[0]
    assert run(words(data, out, "--resume"), capsys)[0] == cli.DONE
    code, _, err = run(words(data, out, "--resume", "--set", "box_nms_thresh=0.3"), capsys)
    assert code == cli.NOTHING_DONE
    assert "weights or settings were others" in err[-1]
    assert content(Scan(out)) == before


@pytest.mark.parametrize("more", [("--class", "cow"), ("--at-once", "0"), ("--runner", "abacus"), ("--iou", "half")], ids=str)
def test_wrong_words_are_a_wrong_usage(
    more: tuple[str, ...], data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(words(data, tmp_path / "a.sqlite", *more), capsys)
    assert code == cli.USAGE
    assert more[0] in err[-1]


def test_without_a_detector(data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(words(data, tmp_path / "a.sqlite", checkpoints=()), capsys)
    assert (code, len(err)) == (cli.NOTHING_DONE, 1)
    assert "no detector is named" in err[0]


# -- interrupted --------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Presses Ctrl+C when so many pictures are done."""

    plain = cli_scan.Progress.__call__
    # a shell starts what is to run in the background deaf to it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def after(count: int) -> None:
        def pressed(self: cli_scan.Progress, pace: Pace) -> None:
            plain(self, pace)
            if pace.done == count:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(cli_scan.Progress, "__call__", pressed)

    yield after
    signal.signal(signal.SIGINT, before)


def test_control_c_keeps_what_is_done(
    data: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    interrupted: Callable[[int], None],
) -> None:
    out, whole = tmp_path / "a.sqlite", tmp_path / "whole.sqlite"
    interrupted(2)
    code, told, err = run(words(data, out), capsys)
    assert (code, told) == (cli.INTERRUPTED, "")
    assert err[-1] == "interrupted with 2 of 4 pictures done; go on with the same command and --resume"
    assert Scan(out).rows("SELECT COUNT(*) FROM done") == [(2,)]
    assert not [one for one in threading.enumerate() if one.name.startswith("fpn-viewer")]
    interrupted(-1)
    assert run(words(data, out, "--resume"), capsys)[0] == cli.DONE
    assert run(words(data, whole), capsys)[0] == cli.DONE
    assert content(Scan(out)) == content(Scan(whole))


# -- progress -----------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stderr that is looked at."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_on_a_terminal_one_line_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: tuple[Path, Path]) -> None:
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setenv("COLUMNS", "50")
    assert cli.main(words(data, tmp_path / "a.sqlite")) == cli.DONE
    lines = seen.getvalue().split("\n")
    shown = [part.rstrip() for line in lines for part in line.split("\r") if part.startswith("[")]
    assert [part.split(" ")[0] for part in shown] == [f"[{k}/4]" for k in range(5)]
    assert all(len(part) < 50 for part in shown)
    assert lines[-1] == "", "what comes next begins a line of its own"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (75, "1:15"), (3600 * 2 + 61, "2:01:01")])
def test_time_left(seconds: float, text: str) -> None:
    pace = Pace(1, 3, 2 / seconds, "/a/b.png")
    assert cli_scan._words(pace) == f"[1/3] · {pace.rate:.3g} pictures/s · {text} left · b.png"


def test_many_pictures_are_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = cli_scan.Progress(tmp_path / "a.sqlite")
    for done in range(1, 1001):
        progress(Pace(done, 1000, 5.0, f"{done}.png", "7.png is broken." if done == 7 else ""))
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "fpn-viewer: 7.png is broken."
    assert [line.split("/")[0] for line in err[1:]] == [f"[{k:,}" for k in range(50, 1001, 50)]


def test_the_bundled_samples_with_the_bundled_detector(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    folder = resources() / "samples"
    some = [str(folder / one["file_name"]) for one in json.loads((folder / "samples.json").read_text())["images"][:2]]
    out = tmp_path / "a.sqlite"
    argv = [
        "scan",
        *some,
        "--annotations",
        str(folder / "samples.json"),
        "--checkpoint",
        "demo",
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    code, told, _ = run([*argv, "--out", str(out)], capsys)
    assert code == cli.DONE
    assert "demo" in told
    assert Scan(out).outcomes()["found"] > 3
