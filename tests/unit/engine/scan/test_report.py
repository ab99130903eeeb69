"""The report is one file that needs nothing else and says what the numbers say; the command writes it without torch or Qt."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import fpn_viewer as fv
from fpn_viewer.cli import main
from fpn_viewer.engine.scan.dataset.coverage import coverage_of_scan
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.report.worst import worst
from fpn_viewer.engine.scan.words import glance
from tests.scan_files import SIZE, write_scan
from tests.scan_set import annotated, detector
from tests.unit.engine.scan.numbers.made import Scene, make_scan

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.engine.scan.reading import Scan

_VOID = {"meta", "img", "br", "rect", "path", "circle", "polygon", "polyline"}


class _Page(HTMLParser):
    """Checks that tags close in order, and gathers what is looked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.words = ""
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [found[name] or "" for name in ("src", "href") if name in found]
        self.ids |= {found["id"] or ""} if "id" in found else set()
        self.images += tag == "img"
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths[:5]:
        Image.fromarray(rng.integers(0, 255, (*SIZE, 3), np.uint8)).save(path)
    return write_scan(tmp_path / "a <b>.sqlite", pictures=[str(path) for path in paths], objects=90, detectors=2)


def test_page_holds_everything_and_asks_for_nothing(scan: Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["report", str(scan.path), "--out", str(tmp_path / "out"), "--format", "html", "--format", "json", "--cases", "8"])
        == 0
    )
    assert capsys.readouterr().out.split("\n")[:2] == [str(tmp_path / "out" / name) for name in ("report.html", "numbers.json")]
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    assert all(link.startswith("data:image/jpeg;base64,") or link[1:] in page.ids for link in page.links)
    assert "http" not in text
    for number in (0, 1):
        assert glance(funnel(scan)) in page.words
        for case in worst(scan, number, 8):
            assert case.verdict in page.words
    # the sixth picture is not there
    missing = sum(case.path.endswith("5.png") for number in (0, 1) for case in worst(scan, number, 8))
    assert page.images == 16 - missing
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text("utf-8"))
    assert [one["ap"] is None for one in numbers["coco"]] == [False, False]
    assert f"{numbers['coco'][0]['ap50']:.3f}" in page.words
    assert f"{numbers['tide'][1]['gains']['Miss']:.3f}" in page.words


def test_page_says_how_the_anchors_fit_once_for_those_that_are_alike(scan: Scan, tmp_path: Path) -> None:
    assert main(["report", str(scan.path), "--out", str(tmp_path), "--format", "html", "--format", "json", "--cases", "0"]) == 0
    text = (tmp_path / "report.html").read_text("utf-8")
    fit = coverage_of_scan(scan)
    assert _Page(text).words.count(fit.sentence) == 1
    assert "<h3>demo, demo-early</h3>" in text
    low, high = fit.now.bins[0].low, fit.now.bins[-1].high
    drawn = [hole for hole in fit.now.holes if hole.high > low and hole.low < high]
    # and one in the legend
    assert drawn
    assert text.count('class="hole"') == 1 + len(drawn)
    numbers = json.loads((tmp_path / "numbers.json").read_text("utf-8"))
    assert [one["now"]["reached"] for one in numbers["anchors"]] == [fit.now.reached] * 2


def test_page_tries_remedies_when_asked(tmp_path: Path) -> None:
    images, truth = annotated(tmp_path, 2)
    opened = detector(box_detections_per_img=8, box_score_thresh=0.12)
    scan = fv.scan([opened, fv.open_detector("demo", device="cpu", min_size=64)], images, truth, tmp_path / "a.sqlite")
    assert main(["report", str(scan.path), "--out", str(tmp_path), "--format", "html", "--cases", "0", "--remedies", "1"]) == 0
    page = _Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.open == []
    assert "no longer where it was" in page.words
    assert "Tried on 1 picture of the scan" in page.words
    assert "box_score_thresh" in page.words
    assert "remedies" in page.ids


def test_worst_are_the_largest_of_every_state(scan: Scan) -> None:
    found = worst(scan, 0, 10)
    states = funnel(scan).states[:-1]
    assert {case.state for case in found} == set(states)
    for state in states:
        sides = [case.net[0] * case.net[1] for case in found if case.state == state]
        assert sides == sorted(sides, reverse=True)
        ((largest,),) = scan.rows(
            "SELECT MAX(net_h * net_w) FROM fates WHERE detector = 0 AND killer = ? AND outcome != 'found'", (state,)
        )
        assert largest is None or sides[0] == largest
    assert len(found) == 10


def test_names_are_escaped_and_an_empty_scan_is_said(tmp_path: Path) -> None:
    scan = make_scan(tmp_path / "a.sqlite", [Scene(), Scene(problem="<b>broken</b> & gone")], paths=["/x/<i>.png", "/x/&.png"])
    assert main(["report", str(scan.path), "--out", str(tmp_path / "out"), "--format", "html"]) == 0
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    assert "/x/&.png: <b>broken</b> & gone" in page.words
    assert "no annotated object" in page.words


def test_what_is_no_scan_is_refused_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no scan" * 1000)
    for path, words in ((other, "cannot be read as a scan"), (tmp_path / "missing.sqlite", "is not there")):
        assert main(["report", str(path), "--out", str(tmp_path / "out")]) == 3
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["report", str(other), "--out", "x", "--cases", "-1"]) == 2


def test_command_imports_neither_torch_nor_qt(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=3, objects=10, detectors=2)
    code = (
        "import sys; from fpn_viewer.cli import main; "
        f"assert main(['report', {str(scan.path)!r}, '--out', {str(tmp_path / 'out')!r}]) == 0; "
        "assert not {'torch', 'PySide6', 'torchvision'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_stages_have_a_title_each() -> None:
    from fpn_viewer.core.analysis.words import STAGE_WORDS
    from fpn_viewer.core.structures import DENSE_STAGES, STAGES

    assert {*STAGES, *DENSE_STAGES} == set(STAGE_WORDS)
