"""The check-up as text: sections, columns, widths."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from fpn_viewer.core.checkpoints.checkup import report_text
from fpn_viewer.core.checkpoints.checkup.report import size_words
from fpn_viewer.core.checkpoints.values import CheckUp, Entry, Fact, Finding, Part, assumed

FACTS = (
    Fact("backbone", "ResNet-50", "read from the tensors' shapes"),
    Fact("family", "RetinaNet", "read from the tensors' names"),
    Fact("levels", "P3, P4, P5, P6, P7", "read from the tensors' names"),
    Fact("min_size", "800", assumed("torchvision"), setting="min_size"),
    Fact("max_size", "1333", assumed("torchvision"), setting="max_size"),
    Fact("class_names", ", ".join(f"class {number}" for number in range(40)), "from some.json", setting="class_names"),
)
PARTS = (
    Part("stem", 5, 9408, ("float32",), 0.001, 0.1, 1.5),
    Part("box predictor", 4, 123_456, ("float16", "float32"), -2e-5, 0.02, 30.0, nan=3, dead_channels=2, looks_untrained="as new"),
)
KEYS = tuple(f"roi_heads.box_head.some.layer.{number}.weight" for number in range(30))
GOOD = CheckUp("dir/some.pth", 2_500_000, "torch", "some is a detector: RetinaNet.", True, facts=FACTS, parts=PARTS, seconds=1.26)
BAD = CheckUp(
    "dir/some.pth",
    12,
    "torch",
    "some does not fit.",
    False,
    entries=(Entry("model_ema", 3, averaged=True), Entry("model", 4)),
    chosen="model_ema",
    findings=(
        Finding("error", "some does not fit.", KEYS, details=("a is perhaps b",)),
        Finding("warning", "Something else " + "is so " * 30 + "at last.", KEYS),
    ),
    missing=KEYS,
    unexpected=("left.one",),
    other_shapes=("x is 4 where 5 is needed",),
    left_out={f"mask.{number}": "a mask head" for number in range(9)} | {"pixel_mean": "a buffer"},
)


def sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line in text.splitlines():
        if re.match(r"[A-Z]{3}", line):
            title = line.split(",")[0]
            found[title] = []
        elif line.strip():
            found[title].append(line)
    return found


def test_sections_of_a_good_file() -> None:
    found = sections(report_text(GOOD))
    assert list(found) == ["", "WHAT IT IS", "SETTINGS THAT ARE KNOWN", "SETTINGS THAT ARE ASSUMED", "WEIGHTS"]
    assert found[""] == ["dir/some.pth · torch · 2.4 MiB", "opens: some is a detector: RetinaNet."]
    assert found["WHAT IT IS"] == [
        "  read from the tensors' shapes:",
        "    backbone  ResNet-50",
        "  read from the tensors' names:",
        "    family    RetinaNet",
        "    levels    P3, P4, P5, P6, P7",
    ]
    assert found["SETTINGS THAT ARE ASSUMED"][1:] == ["    min_size  800", "    max_size  1333"]
    assert report_text(GOOD).endswith("Looked at in 1.3 s.")


def test_numbers_stand_under_the_end_of_their_heading() -> None:
    header, *rows = sections(report_text(GOOD))["WEIGHTS"][:4]
    assert header.split() == ["part", "tensors", "parameters", "type", "mean", "std", "largest"]
    for name in ("tensors", "parameters", "mean", "std", "largest"):
        end = header.index(name) + len(name)
        assert all(row[end - 1 : end].strip() and not row[end : end + 1].strip() for row in rows[:2]), name
    assert rows[2] == "      3 NaN, 2 dead channels, as new"


def test_a_narrow_terminal_has_fewer_columns() -> None:
    wide, narrow = (sections(report_text(GOOD, width))["WEIGHTS"][0].split() for width in (100, 60))
    assert set(wide) - set(narrow) == {"tensors", "mean"}


def test_sections_of_a_bad_file() -> None:
    found = sections(report_text(BAD))
    assert found[""] == ["dir/some.pth · torch · 12 bytes", "does not open: some does not fit."]
    assert found["ENTRIES"] == [
        "  model_ema  3 tensors, averaged weights, looked at here",
        "  model      4 tensors, weights, with --set entry=model",
    ]
    # what the head of the report says is not said again, only what there is more of it
    assert found["FINDINGS"][:2] == ["  error    what was said above", "             a is perhaps b"]
    assert found["FINDINGS"][-1].strip() == "… and 26 more"
    keys = found["KEYS"]
    assert keys[0] == "  missing (30):"
    assert [line.strip() for line in keys[1:31]] == list(KEYS)
    assert keys[31:35] == ["  left over (1):", "    left.one", "  of another shape (1):", "    x is 4 where 5 is needed"]
    assert "  not used, a mask head (9):" in keys
    assert "    … and 5 more" in keys
    assert keys[-3:-1] == ["  not used, a buffer (1):", "    pixel_mean"]


@pytest.mark.parametrize("width", [20, 60, 80, 140])
@pytest.mark.parametrize("check_up", [GOOD, BAD], ids=["good", "bad"])
def test_text_keeps_within_the_width(check_up: CheckUp, width: int) -> None:
    lines = report_text(check_up, width).splitlines()
    assert max(len(line) for line in lines) <= max(width, 60)
    assert not any(line != line.rstrip() for line in lines)


def test_what_can_be_copied_stays_whole() -> None:
    word = "anchor_sizes=" + "[[32,40,50],[64,80,101],[128,161,203]]" * 3
    text = report_text(CheckUp("a.pth", 1, "", f"a has 9 anchors; try --set {word}, or others.", False), 60)
    assert f"{word}," in text.split()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (5 * 1024**2, "5.0 MiB"), (3 * 1024**4, "3072.0 GiB")],
)
def test_sizes(size: int, words: str) -> None:
    assert size_words(size) == words


def test_the_doctor_is_imported_without_torch() -> None:
    code = "import sys, fpn_viewer.core.checkpoints.checkup as c; assert callable(c.check_up); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0
