"""Remedies for a data set: what is counted is what a run with the change finds, and the sample stands for the whole."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import fpn_viewer as fv
from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.resources import checkpoint_file, sample_pictures
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.scan.dataset.changes import changes_for
from fpn_viewer.engine.scan.dataset.remedies import data_remedies, detector_of, reopened, wilson
from fpn_viewer.engine.scan.dataset.sample import draw, labels_of, truth_of
from fpn_viewer.engine.scan.dataset.values import KINDS
from fpn_viewer.engine.scan.filters import LOST, Filter
from tests.scan_files import write_scan
from tests.scan_set import annotated, detector
from tests.tiny import noise
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.engine.scan.dataset.values import DataRemedies
    from fpn_viewer.engine.scan.reading import Scan

WRONG = ("duplicate", "wrong class", "badly placed", "background")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scan, Detector, Path]:
    folder = tmp_path_factory.mktemp("data")
    images, truth = annotated(folder, 2)
    # a limit that loses much which others bring back
    opened = detector(box_detections_per_img=8, box_score_thresh=0.12)
    return fv.scan([opened], images, truth, folder / "scan.sqlite"), opened, images


@pytest.fixture(scope="module")
def found(scanned: tuple[Scan, Detector, Path]) -> DataRemedies:
    return data_remedies(scanned[0], [scanned[1]], Filter(), pictures=10)


def fates(scan: Scan, opened: Detector, settings: dict[str, Any], gains: dict[Any, float]) -> tuple[set[Any], int, int]:
    """(picture, object) that are found, wrong detections and those on nothing, by runs of the whole forward."""
    hits, wrong, background = set(), 0, 0
    labels = labels_of(scan, 0)
    for picture, path in scan.rows("SELECT picture, path FROM pictures"):
        truth = truth_of(scan, picture)
        seen = opened.trace(path, settings=settings, gains=gains).detections
        matching = match(truth, [labels.get(n) for n in truth.names], seen.boxes_img, seen.scores, seen.labels)
        hits |= {(picture, k) for k, outcome in enumerate(matching.outcomes) if outcome == "found"}
        wrong += sum(kind in WRONG for kind in matching.kinds)
        background += matching.kinds.count("background")
    return hits, wrong, background


def test_every_row_is_what_whole_runs_find(scanned: tuple[Scan, Detector, Path], found: DataRemedies) -> None:
    scan, opened, _ = scanned
    before, wrong, background = fates(scan, opened, {}, {})
    marks = ", ".join("?" * len(LOST))
    missed = {tuple(row) for row in scan.rows(f"SELECT picture, object FROM fates WHERE outcome IN ({marks})", LOST)}
    assert missed
    assert found.tried == found.misses == len(missed)
    assert found.wrong == pytest.approx(wrong / 2)
    # every third: each needs whole runs of its own
    for row in found.rows[::3]:
        hits, more, nothing = fates(scan, opened, dict(row.change.settings), dict(row.change.gains))
        assert row.brought == len(missed & hits), row.change
        assert row.lost == len(before - hits)
        assert row.others == len(hits - before - missed)
        assert row.wrong == pytest.approx((more - wrong) / 2)
        assert row.background == pytest.approx((nothing - background) / 2)
        assert row.tried == len(missed)


def test_something_helps_and_the_largest_net_gain_comes_first(found: DataRemedies) -> None:
    assert found.rows[0].net > 0
    assert [row.net for row in found.rows] == sorted((row.net for row in found.rows), reverse=True)
    assert found.rows[0].change.name in found.sentence
    assert {row.change.kind for row in found.rows} == {"selection", "input"}
    assert found.finished


def test_the_filter_narrows_what_is_brought_back(scanned: tuple[Scan, Detector, Path]) -> None:
    scan, opened, _ = scanned
    marks = ", ".join("?" * len(LOST))
    query = f"SELECT killer, COUNT(*) FROM fates WHERE outcome IN ({marks}) AND killer != '' GROUP BY killer ORDER BY 2 DESC"
    killers = dict(scan.rows(query, LOST))
    name, count = next(iter(killers.items()))
    less = data_remedies(scan, [opened], Filter(killers=(name,)), kinds=("selection",), pictures=2)
    assert less.misses == less.tried == count < sum(killers.values())
    everything = Filter(outcomes=("found", "missed"))
    lost = scan.outcomes(0).get("missed", 0)
    assert lost
    assert draw(scan, everything, 4).misses == lost


def test_found_objects_alone_cannot_be_brought_back(scanned: tuple[Scan, Detector, Path]) -> None:
    with pytest.raises(QuestionError, match="nothing of that can be brought back"):
        draw(scanned[0], Filter(outcomes=("found",)), 4)
    with pytest.raises(QuestionError, match="leaves no lost object"):
        draw(scanned[0], Filter(text="no such picture"), 4)


# -- the sample ---------------------------------------------------------------------------------------------------------


def test_a_sample_holds_pictures_with_and_without_misses(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "s.sqlite", 200, 400, 1)
    sample = draw(scan, Filter(), 40)
    with_misses, without = sample.pictures
    assert with_misses + without == 200
    assert sample.counts == (30, 10)
    assert len({one.number for one in sample.chosen}) == 40
    assert draw(scan, Filter(), 40) == sample
    assert draw(scan, Filter(), 40, seed=1) != sample
    assert sum(draw(scan, Filter(), 1000).counts) == 200
    # what one part has too few of, the other gives
    few = draw(scan, Filter(picture=sample.chosen[0].number if sample.chosen[0].missed else sample.chosen[1].number), 20)
    assert few.counts in {(1, 19)}


def test_costs_are_weighted_by_how_many_pictures_each_part_stands_for(tmp_path: Path) -> None:
    images, truth = annotated(tmp_path / "d", 4)
    opened = detector(box_score_thresh=0.12)
    scan = fv.scan([opened], images, truth, tmp_path / "s.sqlite")
    # one picture holds the misses, the three others stand for themselves
    chosen = Filter(picture=scan.rows("SELECT picture FROM fates WHERE outcome IN ('missed', 'badly placed') LIMIT 1")[0][0])
    half = data_remedies(scan, [opened], chosen, kinds=("selection",), pictures=2)
    assert half.pictures == (1, 3)
    assert half.done == half.sample == (1, 1)
    other = next(one.number for one in draw(scan, chosen, 2).chosen if not one.missed)
    counts = dict(scan.rows(f"SELECT picture, SUM(kind IN {WRONG}) FROM detections GROUP BY picture"))
    assert half.wrong == pytest.approx((counts[chosen.picture] + 3 * counts[other]) / 4)


# -- what goes wrong ----------------------------------------------------------------------------------------------------


def test_another_detector_is_refused(scanned: tuple[Scan, Detector, Path]) -> None:
    with pytest.raises(QuestionError, match="not open with the weights and settings of the scan"):
        data_remedies(scanned[0], [detector()], Filter())
    with pytest.raises(QuestionError, match="no detector 2"):
        detector_of(scanned[0], 1, [scanned[1]])
    assert detector_of(scanned[0], 0, [detector(), scanned[1]]) is scanned[1]


def test_pictures_that_changed_or_went_are_left_out_and_told_of(tmp_path: Path) -> None:
    images, truth = annotated(tmp_path / "d", 3)
    opened = detector(box_score_thresh=0.12)
    scan = fv.scan([opened], images, truth, tmp_path / "s.sqlite")
    paths = sorted(images.iterdir())
    Image.fromarray(noise(64, 96, seed=99)).save(paths[0])
    paths[1].unlink()
    found = data_remedies(scan, [opened], Filter(), kinds=("selection",))
    assert found.done == found.sample
    assert len(found.problems) == 2
    assert any(paths[0].name in sentence and "has changed" in sentence for sentence in found.problems)
    assert any(paths[1].name in sentence for sentence in found.problems)
    assert 0 < found.tried < found.misses


def test_it_tells_after_each_picture_and_can_be_stopped(scanned: tuple[Scan, Detector, Path]) -> None:
    told: list[DataRemedies] = []
    token = Token()

    def tell(so_far: DataRemedies) -> None:
        told.append(so_far)
        if len(told) == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        data_remedies(scanned[0], [scanned[1]], Filter(), kinds=("selection",), watcher=token, told=tell)
    assert [sum(one.done) for one in told] == [0, 1]
    assert told[0].tried == 0
    assert not told[-1].finished


def test_progress_goes_up_over_all_pictures(scanned: tuple[Scan, Detector, Path]) -> None:
    fractions: list[float] = []
    token = Token(lambda progress: fractions.append(progress.fraction))
    data_remedies(scanned[0], [scanned[1]], Filter(), kinds=("selection",), pictures=2, watcher=token)
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert 0.9 < fractions[-1] < 1.0


def test_a_detector_is_opened_again_with_the_scans_settings(tmp_path: Path) -> None:
    scene = tmp_path / "one.jpg"
    shutil.copy(sample_pictures()[0], scene)
    scan = fv.scan([fv.open_detector("demo", device="cpu", min_size=96, box_score_thresh=0.2)], scene, None, tmp_path / "s.sqlite")
    again = reopened(scan, 0, device="cpu")
    assert again is not None
    assert again.spec.settings.min_size == 96
    assert reopened(scan, 0, "demo-early", device="cpu") is None


def test_a_detector_without_a_name_is_not_opened_again(scanned: tuple[Scan, Detector, Path]) -> None:
    assert reopened(scanned[0], 0) is None


def test_a_checkpoint_is_opened_again_from_where_it_lay(tmp_path: Path) -> None:
    shutil.copy(checkpoint_file("demo"), tmp_path / "mine.safetensors")
    shutil.copy(sample_pictures()[0], tmp_path / "one.jpg")
    opened = fv.open_detector(tmp_path / "mine.safetensors", device="cpu", min_size=96)
    scan = fv.scan([opened], tmp_path / "one.jpg", None, tmp_path / "s.sqlite")
    again = reopened(scan, 0, device="cpu")
    assert again is not None
    assert again.spec.settings.min_size == 96
    (tmp_path / "mine.safetensors").unlink()
    assert reopened(scan, 0, device="cpu") is None


# -- changes ------------------------------------------------------------------------------------------------------------


def test_changes_are_of_the_settings_that_the_family_has() -> None:
    two, one = changes_for(detector(), ("selection",)), changes_for(dense_detector("RetinaNet"), ("selection",))
    assert "rpn_nms_thresh" in {change.name for change in two}
    assert {change.name for change in one} == {"box_score_thresh", "topk_candidates", "box_nms_thresh", "box_detections_per_img"}
    for change in (*two, *one):
        assert change.before != change.after


def test_gains_are_of_every_term_that_is_merged() -> None:
    opened = detector()
    changes = changes_for(opened, ("gains",))
    terms = {(node.name, term.name) for node in opened.graph.nodes if node.role == "merged" for term in node.terms}
    assert {key for change in changes for key in change.gains} == terms
    assert {factor for change in changes for factor in change.gains.values()} == {0.0, 0.5, 1.5, 2.0}
    assert not any(change.settings for change in changes)
    assert {change.kind for change in changes_for(opened, tuple(KINDS))} == set(KINDS)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(QuestionError, match="no kind of change 'luck'"):
        changes_for(detector(), ("luck",))


@pytest.mark.parametrize(("hits", "count", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)])
def test_intervals_are_wilsons(hits: int, count: int, low: float, high: float) -> None:
    np.testing.assert_allclose(wilson(hits, count), (low, high), atol=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
