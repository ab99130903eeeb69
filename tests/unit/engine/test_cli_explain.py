"""The command `explain`: what it prints, as a table and as JSON, and how it refuses. No Qt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer import cli
from fpn_viewer.core.analysis import remedies
from fpn_viewer.core.analysis.line import Remedy
from fpn_viewer.core.resources import resources
from fpn_viewer.core.structures import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

SCENE = str(resources() / "samples" / "scene-01.jpg")
#: a truck that a stronger truck suppresses, and a tank that is found
TRUCK, TANK = "211.25,66.25,247.75,99.25", "222.75,530.75,246.5,554.75"


def run(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main(["explain", *words])
    out, err = capsys.readouterr()
    return code, out, err


def words(box: str, label: str = "truck", *more: str) -> list[str]:
    return [SCENE, "--checkpoint", "demo", "--device", "cpu", f"--box={box}", "--label", label, "--no-remedies", *more]


def test_verdict_table_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(words(TRUCK), capsys)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith("Suppressed by a stronger detection of its class (nms): ")
    header, *rows = lines[2 : 3 + len(STAGES)]
    assert header.split() == ["stage", "survivors", "best", "IoU", "value", "limit", "margin"]
    assert [row.split()[0] for row in rows] == list(STAGES)
    lost = rows[STAGES.index("nms")].split("  ")
    assert "← lost here" in rows[STAGES.index("nms")]
    assert [cell.strip() for cell in lost if cell.strip()][-1] == "IoU"
    # numbers stand under the end of their heading
    for name in ("survivors", "limit", "margin"):
        end = header.index(name) + len(name)
        assert all(row[end - 1 : end].strip() and not row[end : end + 1].strip() for row in rows)
    notes = {line.split()[0] for line in lines[4 + len(STAGES) :] if line}
    assert notes == {"size", "training", "suppressor", "elsewhere"}


def test_a_detected_object(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(words(TANK, "tank"), capsys)
    assert code == 0
    assert out.startswith("Detected: a detection of tank with score 0.999")
    assert "lost here" not in out
    assert "fn_mechanisms" not in out


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(words(TRUCK, "truck", "--json", "--iou", "0.4"), capsys)
    line = json.loads(out)
    assert code == 0
    assert [stage["name"] for stage in line["stages"]] == list(STAGES)
    assert (line["label_name"], line["iou"], line["box_img"]) == ("truck", 0.4, [211.25, 66.25, 247.75, 99.25])
    assert line["killer"] is None
    assert line["sizes"]["cells"]["P2"]
    assert line["training"]["match"] in ("foreground", "ignored", "background")
    assert "ask" not in line
    assert "remedies" not in line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ((Remedy("box_nms_thresh", 0.6, 0.5, "With 0.6 it is there."),), "  With 0.6 it is there."),
        ((), "No single change that was tried brings it back."),
    ],
)
def test_remedies_are_listed(
    found: tuple[Remedy, ...], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remedies, "find_remedies", lambda *_, **__: found)
    asked = [word for word in words(TRUCK) if word != "--no-remedies"]
    code, out, _ = run(asked, capsys)
    assert (code, out.splitlines()[-1]) == (0, line)
    _, out, _ = run([*asked, "--json"], capsys)
    assert [one["setting"] for one in json.loads(out)["remedies"]] == [one.setting for one in found]


def test_another_setting_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(words(TANK, "tank", "--set", "box_detections_per_img=1"), capsys)
    assert out.startswith("Capped, because too many detections scored higher (cap)")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": "cow"}, "demo does not know 'cow'; its classes are: car, truck, boat, plane, tank."),
        ({"box": "9000,10,9100,20"}, "outside the picture"),
        ({"box": "10,10,10,20"}, "has no area"),
        ({"box": "10,10,nan,20"}, "NaN"),
        ({"iou": "0"}, "above 0 and up to 1"),
        ({"picture": "nowhere.png"}, "nowhere.png"),
        ({"checkpoint": "nowhere.pth"}, "nowhere.pth"),
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_one_sentence(
    change: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"picture": SCENE, "checkpoint": "demo", "box": TANK, "label": "tank", "iou": "0.5"} | change
    picture = given.pop("picture")
    code, out, err = run([picture, "--device", "cpu", *[f"--{name}={value}" for name, value in given.items()]], capsys)
    assert (code, out) == (cli.NOTHING_DONE, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("box", ["1,2,3", "1,2,3,four", ""])
def test_what_is_no_box_is_a_wrong_usage(box: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(words(box), capsys)
    assert code == cli.USAGE
    assert "--box" in err
