"""Funnel, flows and recall count what is in the file; the choice behind a bar finds exactly the objects of the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.cli_scan import text
from fpn_viewer.engine.scan.filters import FROM, LOST, Filter, where
from fpn_viewer.engine.scan.numbers.choices import in_order
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.numbers.flow import flows, mcnemar
from fpn_viewer.engine.scan.numbers.recall import recall
from fpn_viewer.engine.scan.numbers.resampling import weights
from fpn_viewer.engine.scan.numbers.values import bucket_name
from tests.scan_files import write_scan
from tests.unit.engine.scan.numbers.made import Scene, make_scan, random_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.engine.scan.reading import Scan


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return write_scan(tmp_path_factory.mktemp("scan") / "a.sqlite", pictures=40, objects=600, detectors=2)


def _number(scan: Scan, chosen: Filter) -> int:
    condition, values = where(chosen)
    ((number,),) = scan.rows(f"SELECT COUNT(*) FROM {FROM} WHERE {condition}", values)
    return int(number)


def test_every_object_is_counted_once(scan: Scan) -> None:
    found = funnel(scan)
    assert found.total == 600
    assert found.lost == _number(scan, Filter(outcomes=LOST))
    assert found.states[-1] == "found"
    assert found.by_state.tolist() == found.by_size.sum(1).tolist() == found.by_class.sum(1).tolist()
    assert found.alive[0] == found.total
    assert found.by_state[found.states.index(found.worst)] == found.by_state[:-1].max()


def test_the_choice_behind_each_bar_finds_its_objects(scan: Scan) -> None:
    found = funnel(scan, Filter(detector=1, sides=(10, 100)))
    for s, state in enumerate(found.states):
        assert _number(scan, found.picked(state)) == found.by_state[s]
        for b, size in enumerate(found.sizes):
            if found.counts[s, b].sum():
                assert _number(scan, found.picked(state, size)) == found.counts[s, b].sum()
    for c, name in enumerate(found.classes):
        assert _number(scan, found.picked(name=name)) == found.by_class[:, c].sum()


def test_the_choice_behind_each_cell_of_the_flows_finds_its_objects(scan: Scan) -> None:
    found = flows(scan, 0, 1)
    assert found.both + found.only_a + found.only_b + found.neither == found.total == 600
    for i, here in enumerate(found.states_a):
        assert _number(scan, found.picked(here)) == found.counts[i].sum()
        for j, there in enumerate(found.states_b):
            assert _number(scan, found.picked(here, there)) == found.counts[i, j]
    back = flows(scan, 1, 0)
    assert (back.only_a, back.only_b, back.p_value) == (found.only_b, found.only_a, found.p_value)


def test_a_detector_against_itself_changes_nothing(scan: Scan) -> None:
    found = flows(scan, 0, 0)
    assert (np.diag(found.counts).sum(), found.p_value) == (found.total, 1.0)
    assert found.sentence == f"Both find the same {found.both:,} of 600 objects."


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected", "test"),
    [
        (0, 0, 1.0, "exact"),
        (1, 7, 2 * 9 / 256, "exact"),
        (5, 5, 1.0, "exact"),
        # of a table of the chi-squared distribution: 3.841 at 5 %, 6.635 at 1 %
        (20, 36, 0.0450, "chi-squared"),
        (30, 30, 1.0, "chi-squared"),
        (100, 200, 1.1e-8, "chi-squared"),
    ],
)
def test_mcnemar(only_a: int, only_b: int, expected: float, test: str) -> None:
    value, name = mcnemar(only_a, only_b)
    assert name == test
    assert value == pytest.approx(expected, rel=0.05)
    assert mcnemar(only_b, only_a)[0] == value


def test_objects_nobody_is_to_find_are_counted_nowhere(tmp_path: Path) -> None:
    scan = make_scan(tmp_path / "a.sqlite", random_scenes(30, 3, 2, special=True))
    ((out,), (matched,)) = scan.rows(
        "SELECT SUM(ignored OR crowd) FROM objects UNION ALL SELECT SUM(ignored AND outcome = 'found') FROM fates JOIN objects"
        " USING (picture, object) WHERE detector = 0"
    )
    everything = sum(scan.outcomes().values())
    assert matched
    assert funnel(scan).total == recall(scan, resamples=5).objects.sum() == flows(scan, 0, 1).total == everything - out
    assert _number(scan, funnel(scan).picked("found")) == funnel(scan).by_state[-1]


def test_recall_by_size_and_its_interval(scan: Scan) -> None:
    curve = recall(scan, bounds=(0, 16, 64))
    for bucket in range(3):
        assert _number(scan, curve.picked(bucket)) == curve.objects[bucket]
        assert _number(scan, curve.picked(bucket, ("found",))) == curve.found[bucket]
    assert curve.recall == pytest.approx(curve.found / curve.objects)
    assert ((curve.recall_ends[:, 0] < curve.recall) & (curve.recall < curve.recall_ends[:, 1])).all()
    again, other = recall(scan, bounds=(0, 16, 64)), recall(scan, bounds=(0, 16, 64), seed=1)
    assert (again.recall_ends == curve.recall_ends).all()
    assert (other.recall_ends != curve.recall_ends).any()
    # what became of an object does not choose it
    assert recall(scan, chosen=Filter(outcomes=LOST), bounds=(0, 16, 64)).recall.tolist() == curve.recall.tolist()
    narrow = recall(scan, bounds=(0, 16, 64), level=0.5)
    assert (np.diff(narrow.recall_ends) < np.diff(curve.recall_ends)).all()


def test_pictures_are_drawn_and_not_objects(tmp_path: Path) -> None:
    """Where a picture's objects share their fate, there is as little to learn of many as of one."""
    box = (50.0, 50.0, 60.0, 60.0)
    for copies in (1, 20):
        boxes = [(1, tuple(value + 12 * (k % 5) for value in box)) for k in range(copies)]
        hit = Scene(boxes, [[(label, one, 0.9) for label, one in boxes]])
        scan = make_scan(tmp_path / f"{copies}.sqlite", [hit, Scene(boxes), hit, Scene(boxes)])
        ends = recall(scan, bounds=(0,)).recall_ends[0]
        assert ends[1] - ends[0] > 0.7


def test_all_found_is_not_certain(tmp_path: Path) -> None:
    box = (50.0, 50.0, 90.0, 90.0)
    scan = make_scan(tmp_path / "a.sqlite", [Scene([(1, box)], [[(1, box, 0.9)]])] * 10)
    curve = recall(scan, bounds=(0, 40))
    assert np.isnan(curve.recall[0])
    assert np.isnan(curve.recall_ends[0]).all()
    # of ten trials without a failure: 1 − 0.025^(1/10) at the other end
    assert curve.recall_ends[1] == pytest.approx([1 - (1 - 0.025**0.1), 1.0])
    ap = recall(scan, bounds=(0, 40), ap=True, resamples=20)
    assert ap.ap50_ends is not None
    assert ap.ap50_ends[1] == pytest.approx(curve.recall_ends[1])
    none = recall(make_scan(tmp_path / "b.sqlite", [Scene([(1, box)])] * 10), bounds=(0,), ap=True, resamples=20)
    assert none.ap50_ends is not None
    assert none.ap50_ends[0] == pytest.approx([0.0, 1 - 0.025**0.1])


def test_the_command_line_counts_no_difficult_object(tmp_path: Path) -> None:
    scan = make_scan(tmp_path / "a.sqlite", random_scenes(30, 3, 2, special=True))
    lines = text(scan)
    for number, name in enumerate(scan.detectors):
        counts, start = funnel(scan, Filter(detector=number)), lines.index(name)
        head, everything = (line.split() for line in (lines[start + 1], lines[lines.index("", start) - 1]))
        assert head[2:4] == ["objects", "found"]
        assert everything[:3] == ["all", str(counts.total), str(counts.total - counts.lost)]


def test_the_same_pictures_are_drawn_however_it_is_cut() -> None:
    whole = np.concatenate(list(weights(50, 20, 3)))
    cut = np.concatenate(list(weights(50, 20, 3, 1 << 20)))
    assert (whole == cut).all()
    assert (whole.sum(1) == 50).all()


def test_states_come_in_the_order_of_the_detector() -> None:
    assert in_order({"taken", "nms", "rpn_top_k", "class_score"}) == ("rpn_top_k", "class_score", "nms", "taken", "found")
    assert in_order({"top_k", "nms", "class_score"}) == ("class_score", "top_k", "nms", "found")


def test_names_of_buckets() -> None:
    assert [bucket_name(*one) for one in ((0, 8), (8, 16), (128, np.inf), (0, np.inf))] == ["< 8", "8–16", "≥ 128", "all"]
