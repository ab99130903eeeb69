"""COCO's numbers are the library's own; TIDE's types and gains follow from their definition."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.numbers.coco import coco
from fpn_viewer.engine.scan.numbers.curves import average_precision
from fpn_viewer.engine.scan.numbers.recall import recall
from fpn_viewer.engine.scan.numbers.tide import tide
from fpn_viewer.engine.scan.numbers.values import COCO_TITLES, TIDE_TITLES
from tests.unit.engine.scan.numbers.made import CLASSES, SCALE, Scene, make_scan, random_scenes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BIG = (50.0, 50.0, 150.0, 150.0)


def _library(scenes: Sequence[Scene], scale: float = 1.0) -> COCOeval:
    """The library's evaluation, fed with files as anyone would."""
    images, annotations, results = [], [], []
    for image, scene in enumerate(scenes, 1):
        images.append({"id": image})
        for number, (label, (x1, y1, x2, y2)) in enumerate(scene.objects):
            box = [x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale]
            row = {"id": len(annotations) + 1, "image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3]}
            annotations.append({**row, "iscrowd": int(number in scene.crowd)})
        for label, (x1, y1, x2, y2), score in scene.found[0]:
            box = [x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale]
            results.append({"image_id": image, "category_id": label, "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        categories: list[dict[str, Any]] = [{"id": label, "name": name} for label, name in enumerate(CLASSES, 1)]
        truth.dataset = {"images": images, "annotations": annotations, "categories": categories}
        truth.createIndex()
        return COCOeval(truth, truth.loadRes(results), "bbox")


def _summary(evaluation: COCOeval) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_those_of_the_library(tmp_path: Path, seed: int) -> None:
    scenes = [Scene(one.objects, one.found, crowd=[*one.crowd, *one.ignored]) for one in random_scenes(25, seed, special=seed > 0)]
    mine = coco(make_scan(tmp_path / "a.sqlite", scenes))
    theirs = _library(scenes)
    numbers = [getattr(mine, key) for key, _, _ in COCO_TITLES]
    assert [-1.0 if one is None else one for one in numbers] == _summary(theirs)
    for one in mine.classes:
        precision = theirs.eval["precision"][:, :, theirs.params.catIds.index(one.label), 0, -1]
        assert one.ap == precision.mean()
        assert one.ap50 == precision[0].mean()


def test_difficult_objects_count_neither_way(tmp_path: Path) -> None:
    objects = [(1, BIG), (1, (200.0, 20.0, 260.0, 80.0))]
    found = [(1, BIG, 0.9), (1, (200.0, 20.0, 260.0, 80.0), 0.95)]
    with_it = coco(make_scan(tmp_path / "a.sqlite", [Scene(objects, [found], ignored=[1])]))
    assert (with_it.ap, with_it.objects) == (pytest.approx(1.0), 1)
    # a second detection on it is wrong, since it is no crowd region
    twice = coco(make_scan(tmp_path / "b.sqlite", [Scene(objects, [[*found, (1, (200.0, 20.0, 260.0, 82.0), 0.99)]], ignored=[1])]))
    assert twice.ap is not None
    assert twice.ap < 1


def test_no_object_to_be_found_is_no_number(tmp_path: Path) -> None:
    found = coco(make_scan(tmp_path / "a.sqlite", [Scene(found=[[(1, BIG, 0.5)]])]))
    assert (found.ap, found.ar100, found.classes, found.detections) == (None, None, (), 1)
    errors = tide(make_scan(tmp_path / "b.sqlite", [Scene(found=[[(1, BIG, 0.5)]])]))
    assert (errors.ap, errors.counts["Bkg"], errors.gains["Bkg"]) == (0.0, 1, 0.0)


def test_pictures_without_a_run_are_left_out(tmp_path: Path) -> None:
    good = Scene([(1, BIG)], [[(1, BIG, 0.9)]])
    found = coco(make_scan(tmp_path / "a.sqlite", [good, Scene([(1, BIG)], problem="The device is out of memory.")]))
    assert (found.pictures, found.objects, found.ap) == (1, 1, pytest.approx(1.0))


def test_ap50_by_size_is_the_library_with_net_areas(tmp_path: Path) -> None:
    scenes = random_scenes(40, 7)
    curve = recall(make_scan(tmp_path / "a.sqlite", scenes), bounds=(0, 32, 64), ap=True, resamples=40)
    theirs = _library(scenes, SCALE)
    theirs.params.iouThrs = np.array([0.5])
    theirs.params.areaRng = [[0, 32**2 - 1e-6], [32**2, 64**2 - 1e-6], [64**2, 1e10]]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs.evaluate()
        theirs.accumulate()
    precision = theirs.eval["precision"][0, :, :, :, -1]
    expected = [precision[..., size][precision[..., size] > -1].mean() for size in range(3)]
    assert curve.ap50 is not None
    assert curve.ap50 == pytest.approx(expected, abs=1e-12)
    assert curve.ap50_ends is not None
    assert ((curve.ap50_ends[:, 0] < curve.ap50) & (curve.ap50 < curve.ap50_ends[:, 1] + 0.1)).all()
    one = recall(make_scan(tmp_path / "b.sqlite", scenes), chosen=Filter(classes=(CLASSES[0],)), bounds=(0,), ap=True, resamples=5)
    assert one.ap50 == pytest.approx([coco(make_scan(tmp_path / "c.sqlite", scenes)).classes[0].ap50])


def test_average_precision_of_weighted_pictures_is_that_of_copies() -> None:
    rng = np.random.default_rng(0)
    right, weight = rng.uniform(0, 1, 50) < 0.6, rng.integers(0, 4, 50)
    copied = np.repeat(right, weight)
    expected = average_precision(np.ones((1, len(copied))), copied, np.array([90.0]))
    got = average_precision(weight[None].astype(float), right, np.array([90.0]))
    # inside a group of copies the precision moves towards that at its end
    assert got == pytest.approx(expected, abs=0.02)
    assert np.isnan(average_precision(np.zeros((1, 0)), np.zeros(0, np.bool_), np.array([0.0])))[0]


#: (error type, detections beside a perfect one of another object) around one object of class 1
_ONE_ERROR = {
    "Loc": [(1, (50.0, 50.0, 150.0, 90.0), 0.8)],
    "Cls": [(2, BIG, 0.8)],
    "Both": [(2, (50.0, 50.0, 150.0, 90.0), 0.8)],
    "Bkg": [(1, (200.0, 150.0, 240.0, 190.0), 0.8)],
    "Miss": [],
}
_OTHER = (200.0, 20.0, 260.0, 80.0)


@pytest.mark.parametrize("kind", _ONE_ERROR)
def test_each_type_of_error_by_hand(tmp_path: Path, kind: str) -> None:
    scene = Scene([(1, BIG), (1, _OTHER)], [[(1, _OTHER, 0.5), *_ONE_ERROR[kind]]])
    found = tide(make_scan(tmp_path / "a.sqlite", [scene]))
    missed = kind not in ("Loc", "Cls")
    assert dict(found.counts) == {name: int(name == kind or (name == "Miss" and missed)) for name, *_ in TIDE_TITLES[:6]}
    # one of two found, behind the error if that is of the same class: precision 1/2 or 1 up to a recall of 1/2
    half = 51 / 101
    assert found.ap == pytest.approx(half / 2 if kind in ("Loc", "Bkg") else half)
    gains = {"Loc": 1 - half / 2, "Cls": 1 - half, "Both": 0.0, "Bkg": half / 2, "Miss": 1 - half}
    assert found.gains[kind] == pytest.approx(gains[kind])
    assert found.gains["FalsePos"] == pytest.approx(half - found.ap)


def test_duplicates_and_the_best_of_several_repairs(tmp_path: Path) -> None:
    near = (50.0, 50.0, 150.0, 90.0)
    # a duplicate above a found object of another picture; two bad places on one object, of which only the better is put right
    scenes = [
        Scene([(1, BIG)], [[(1, BIG, 0.9), (1, (50.0, 50.0, 150.0, 148.0), 0.8)]]),
        Scene([(1, BIG)], [[(1, near, 0.7), (1, near, 0.6)]]),
    ]
    found = tide(make_scan(tmp_path / "a.sqlite", scenes))
    assert dict(found.counts) == {"Cls": 0, "Loc": 2, "Both": 0, "Dupe": 1, "Bkg": 0, "Miss": 0}
    half = 51 / 101
    assert found.ap == pytest.approx(half)
    # the object is found third, behind the duplicate
    assert found.gains["Loc"] == pytest.approx(half + (50 / 101) * 2 / 3 - half)
    assert found.gains["Dupe"] == 0.0


def test_only_the_best_hundred_of_a_picture_count(tmp_path: Path) -> None:
    noise = [(1, (200.0, 150.0, 240.0, 190.0), 0.9 - k / 1000) for k in range(100)]
    found = tide(make_scan(tmp_path / "a.sqlite", [Scene([(1, BIG)], [[*noise, (1, BIG, 0.1)]])]))
    assert (found.counts["Bkg"], found.counts["Miss"], found.ap) == (100, 1, 0.0)


def test_crowd_regions_and_unknown_classes_are_no_errors(tmp_path: Path) -> None:
    scene = Scene(
        [(1, BIG), (1, _OTHER), (2, (10.0, 10.0, 40.0, 40.0))], [[(1, BIG, 0.9), (1, _OTHER, 0.8)]], crowd=[1], unknown=[2]
    )
    found = tide(make_scan(tmp_path / "a.sqlite", [scene]))
    assert not any(found.counts.values())
    assert found.ap == pytest.approx(1.0)
