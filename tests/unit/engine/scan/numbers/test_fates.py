"""Objects as arrays are those that a plain query finds, whatever is asked for, also when the file has grown."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.engine.scan.filters import BUCKETS, FROM, LEFT_OUT, LOST, SIDE, Filter, where
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.numbers.fates import KEY_BITS, fates
from fpn_viewer.engine.scan.numbers.flow import flows
from fpn_viewer.engine.scan.reading import Scan
from tests.scan_files import write_scan
from tests.unit.engine.scan.numbers.made import make_scan, random_scenes

if TYPE_CHECKING:
    from pathlib import Path

CHOICES = (
    Filter(),
    Filter(detector=1),
    Filter(outcomes=LOST),
    Filter(outcomes=("found", "crowd")),
    Filter(killers=("rpn_top_k",)),
    Filter(detector=1, outcomes=("missed",), killers=("", "class_score"), counted=True),
    Filter(sides=(16, 64)),
    Filter(anchor_ious=(0.4, 0.6)),
    Filter(picture=3),
    Filter(text="00001"),
    Filter(flow=(1, LOST), other_killers=("rpn_top_k",)),
    Filter(outcomes=("found",), killers=("nms",)),
)


@pytest.fixture(scope="module", params=["made", "matched"])
def scan(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Scan:
    path = tmp_path_factory.mktemp("scan") / "a.sqlite"
    if request.param == "made":
        return write_scan(path, pictures=40, objects=600, detectors=2)
    return make_scan(path, random_scenes(40, 3, 2, special=True))


def _plainly(scan: Scan, chosen: Filter) -> Counter[tuple[int, str, str, int, str]]:
    """Key, outcome, killer, size bucket and class of all counted objects, one by one."""
    condition, values = where(chosen)
    rows = scan.rows(
        f"SELECT fates.picture, fates.object, outcome, killer, {SIDE}, class FROM {FROM} WHERE {condition} AND NOT ignored", values
    )
    return Counter(
        (picture << KEY_BITS | number, outcome, killer, int(np.searchsorted(BUCKETS, side, "right")) - 1, name)
        for picture, number, outcome, killer, side, name in rows
        if outcome not in LEFT_OUT
    )


@pytest.mark.parametrize("chosen", CHOICES, ids=repr)
def test_a_choice_is_what_a_plain_query_finds(scan: Scan, chosen: Filter) -> None:
    for one in (chosen, Filter(**{**vars(chosen), "classes": ("tank", "boat")})):
        found = fates(scan, one)
        rows = zip(found.keys.tolist(), found.fate.tolist(), found.name.tolist(), found.bucket.tolist(), strict=True)
        got = Counter((key, *found.kinds[fate], bucket, found.names[name]) for key, fate, name, bucket in rows)
        assert got == _plainly(scan, one)
        assert (np.diff(found.keys) > 0).all()
        assert funnel(scan, one).total == got.total() == found.grid().sum()


def test_flows_are_those_of_the_objects_one_by_one(scan: Scan) -> None:
    here, there = ({key: (outcome, killer) for key, outcome, killer, *_ in _plainly(scan, Filter(detector=d))} for d in (0, 1))
    pairs = Counter((here[key], there[key]) for key in here.keys() & there.keys())
    found = flows(scan, 0, 1)
    assert found.total == pairs.total()
    assert found.both == sum(count for (a, b), count in pairs.items() if a[0] == b[0] == "found")
    assert found.only_b == sum(count for (a, b), count in pairs.items() if a[0] != "found" and b[0] == "found")


def test_a_size_on_a_bound_belongs_to_the_bucket_above(tmp_path: Path) -> None:
    # 8 × 8, just below it, and one whose root is rounded up to the bound
    scan = write_scan(tmp_path / "a.sqlite", pictures=1, objects=3, detectors=1)
    sizes = (8.0, np.nextafter(8.0, 0.0), np.nextafter(64.0, 0.0))
    with closing(sqlite3.connect(scan.path)) as file, file:
        for number, size in enumerate(sizes):
            side = (size, size) if number < 2 else (size, 1.0)
            file.execute("UPDATE fates SET net_h = ?, net_w = ? WHERE object = ?", (*side, number))
    assert fates(scan, Filter()).bucket.tolist() == [
        int(value >= 8) for (value,) in scan.rows(f"SELECT {SIDE} FROM fates ORDER BY object")
    ]


def test_a_file_that_has_grown_is_read_again(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=5, objects=50, detectors=1)
    assert funnel(scan).total == 50
    with closing(sqlite3.connect(scan.path)) as file, file:
        file.execute("DELETE FROM fates WHERE picture = 0")
        file.execute("DELETE FROM objects WHERE picture = 0")
        ((left,),) = file.execute("SELECT COUNT(*) FROM objects").fetchall()
    assert left < 50
    assert funnel(Scan(scan.path)).total == left


def test_what_is_known_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=5, objects=50, detectors=2)
    first = [funnel(scan, Filter(detector=detector)) for detector in (0, 1)]
    asked: list[str] = []
    rows = Scan.rows
    monkeypatch.setattr(Scan, "rows", lambda self, query, *values: asked.append(query) or rows(self, query, *values))
    again = [funnel(scan, Filter(detector=detector, classes=first[0].classes)) for detector in (0, 1)]
    assert [one.counts.tolist() for one in again] == [one.counts.tolist() for one in first]
    assert flows(scan, 0, 1).total == 50
    assert not [query for query in asked if "fates" in query]


def test_a_scan_that_has_just_begun_has_no_objects(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=2, objects=0, detectors=2)
    assert (funnel(scan).total, funnel(scan).states, flows(scan, 0, 1).total) == (0, ("found",), 0)
