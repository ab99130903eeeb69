"""Anchor coverage: overlaps are those of the anchors that the network really lays, holes are those of the anchor set."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from torchvision.models.detection.anchor_utils import AnchorGenerator

import fpn_viewer as fv
from fpn_viewer.core.analysis.overlap import iou_matrix
from fpn_viewer.core.annotations.formats import open_annotations
from fpn_viewer.core.detectors.conventions import CONVENTIONS
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.parts.anchors import ConventionalAnchors
from fpn_viewer.core.detectors.spec import Settings
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.scan.dataset.coverage import coverage, coverage_of_annotations, coverage_of_scan, spec_of
from fpn_viewer.engine.scan.dataset.layout import Grid, cell_shapes, layout_of, shape_overlaps
from fpn_viewer.engine.scan.dataset.objects import from_annotations, from_scan, made
from fpn_viewer.engine.scan.dataset.values import AnchorSet
from fpn_viewer.engine.scan.filters import Filter
from tests.scan_files import write_scan
from tests.scan_set import annotated, detector
from tests.tiny import SETTINGS, TINY, noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.scan.dataset.objects import DataObjects
    from fpn_viewer.engine.scan.reading import Scan

DEFAULTS = replace(TINY, settings=Settings())


def squares(sides: Sequence[float], size: tuple[int, int] = (800, 1066), names: Sequence[str] = ()) -> DataObjects:
    """Squares at places drawn by chance in pictures that go into the network as they are."""
    side = np.asarray(sides, np.float64)[:, None]
    corner = np.random.default_rng(1).uniform(0, 1, (len(side), 2)) * (np.array(size[::-1]) - side)
    boxes = np.concatenate([corner, corner + side], 1)
    return made(boxes, np.tile([*size, *size], (len(side), 1)), range(len(side)), names or ["thing"] * len(side))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return annotated(tmp_path_factory.mktemp("data"), 3)


@pytest.fixture(scope="module")
def scan(data: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return fv.scan([detector()], *data, tmp_path_factory.mktemp("scan") / "scan.sqlite")


# -- where anchors lie --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(70, 101), (64, 96), (31, 160)])
@pytest.mark.parametrize("code_base", ["torchvision", "detectron2", "mmdetection"])
def test_best_overlaps_are_those_of_the_anchors_the_network_lays(size: tuple[int, int], code_base: str) -> None:
    spec = replace(TINY, conventions=CONVENTIONS[code_base])
    made_by = open_detector(tiny_module(spec), device="cpu", class_names=TINY.class_names)
    trace = made_by.trace(noise(*size))
    rng = np.random.default_rng(0)
    corner = rng.uniform(-3, 1, (60, 2)) + rng.uniform(0, 1, (60, 2)) * np.array(size[::-1])
    boxes = np.concatenate([corner, corner + np.exp(rng.uniform(0, 5, (60, 2)))], 1)
    objects = made(boxes, np.tile([*size, *trace.net_size], (60, 1)), range(60), ["a"] * 60)
    layout = layout_of(made_by.spec)
    best, level = Grid(layout, objects).best(layout.anchors)
    anchors = trace.raw.anchors.numpy()
    every = iou_matrix(objects.boxes_net, anchors)
    np.testing.assert_allclose(best, every.max(1), atol=2e-6)
    ends = np.cumsum(trace.raw.counts)
    by_level = np.stack([part.max(1) for part in np.split(every, ends[:-1], axis=1)], 1)
    np.testing.assert_allclose(by_level[np.arange(60), level], best, atol=2e-6)


@pytest.mark.parametrize("rounded", [True, False])
def test_the_anchors_of_a_cell_are_those_of_the_generator(rounded: bool) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        sizes = tuple(tuple(row) for row in rng.uniform(2, 300, (3, 2)).round(rng.integers(0, 3)).tolist())
        ratios = tuple(rng.uniform(0.2, 5, 3).round(2).tolist())
        generator = (
            AnchorGenerator(sizes, (ratios,) * 3)
            if rounded
            else ConventionalAnchors(sizes, (ratios,) * 3, rounded=False, offset=0.5, strides=None)
        )
        for cell, half in zip(generator.cell_anchors, cell_shapes(AnchorSet(sizes, ratios), rounded), strict=True):
            assert np.array_equal(cell[:, 2:].numpy(), half)
            assert np.array_equal(cell[:, :2].numpy(), -half)


def test_an_anchor_laid_on_an_object_overlaps_it_by_their_shapes() -> None:
    found = shape_overlaps(AnchorSet(((10,), (40,)), (1.0,)), True, np.array([[10.0, 10.0], [20.0, 10.0], [40.0, 20.0]]))
    np.testing.assert_allclose(found, [1.0, 0.5, 0.5])


# -- holes --------------------------------------------------------------------------------------------------------------


def test_holes_of_torchvisions_anchors_are_where_they_are_known_to_be() -> None:
    found = coverage(DEFAULTS, squares([10]))
    kinds = [(hole.kind, round(hole.low), hole.high if hole.high == inf else round(hole.high)) for hole in found.now.holes]
    assert kinds[:3] == [("too small", 0, 27), ("gap", 38, 54), ("gap", 77, 107)]
    assert kinds[-1] == ("too large", 612, inf)
    assert [hole.span for hole in found.now.holes[:2]] == ["< 27 px", "38–54 px"]
    assert found.now.holes[-1].span == "≥ 612 px"


def test_objects_are_counted_in_their_holes() -> None:
    found = coverage(DEFAULTS, squares([10, 12, 32, 45, 46, 47, 64]))
    assert [hole.objects for hole in found.now.holes] == [2, 3, 0, 0, 0, 0]
    assert [hole.unreached for hole in found.now.holes] == [2, 3, 0, 0, 0, 0]
    assert found.now.unreached == 5
    assert found.now.below == 2
    assert "in a gap" in found.sentence


def test_a_square_on_average_is_overlapped_less_than_at_the_best_place() -> None:
    sides, mean, on_them = coverage(DEFAULTS, squares([32])).now.response
    assert np.all(mean <= on_them + 1e-6)
    at = int(np.abs(sides - 32).argmin())
    # measured over 200 random places: 0.884 (specification of the default anchors)
    assert abs(mean[at] - 0.884) < 0.02
    assert on_them[at] > 0.95


# -- counts -------------------------------------------------------------------------------------------------------------


def test_bins_cloud_levels_and_classes_hold_every_object_once() -> None:
    sides = np.exp(np.random.default_rng(2).uniform(np.log(3), np.log(300), 500))
    names = ["cow" if side > 30 else "hen" for side in sides]
    now = coverage(DEFAULTS, squares(sides, names=names)).now
    assert now.objects == sum(now.levels) == int(now.cloud.sum()) == 500
    assert [int(row.sum()) for row in now.cloud] == [one.objects for one in now.bins]
    assert sum(one.reached for one in now.bins) == now.reached == sum(reached for _, _, reached in now.classes)
    assert sum(one.below for one in now.bins) == now.below
    assert {name: every for name, every, _ in now.classes} == {"cow": names.count("cow"), "hen": names.count("hen")}
    assert now.bins[0].low <= sides.min() < now.bins[0].high
    assert now.bins[-1].low <= sides.max() < now.bins[-1].high
    for one in now.bins:
        inside = (sides >= one.low) & (sides < one.high)
        # float32 may move a side across an edge
        assert abs(int(inside.sum()) - one.objects) <= 1


def test_what_the_stride_costs_is_told_from_what_the_sizes_cost() -> None:
    coarse = replace(TINY, levels=("P6",), settings=replace(SETTINGS, anchor_sizes=((32,),), aspect_ratios=(1.0,)))
    found = coverage(coarse, squares([32] * 300))
    assert found.now.unreached > 200
    assert found.now.misplaced == found.now.unreached
    assert "a finer level would help" in found.sentence


def test_everything_covered_is_said_so() -> None:
    assert coverage(DEFAULTS, squares([32, 64])).sentence == "An anchor overlaps each of the 2 objects by IoU 0.7 or more."


# -- where objects come from --------------------------------------------------------------------------------------------


def test_a_scan_and_its_annotations_say_the_same(data: tuple[Path, Path], scan: Scan) -> None:
    spec, pictures = spec_of(scan, 0), [str(path) for path in sorted(data[0].iterdir())]
    a, b = from_scan(scan, Filter()), from_annotations(open_annotations(data[1]), pictures, spec)
    assert np.array_equal(a.boxes_net, b.boxes_net)
    assert np.array_equal(a.padded, b.padded)
    assert [a.names[k] for k in a.classes] == [b.names[k] for k in b.classes]
    one, other = coverage_of_scan(scan), coverage_of_annotations(open_annotations(data[1]), pictures, spec)
    assert one.now.reached == other.now.reached
    assert one.sentence == other.sentence


def test_overlaps_are_those_that_the_scan_found(scan: Scan) -> None:
    layout = layout_of(spec_of(scan, 0))
    objects = from_scan(scan, Filter(outcomes=("found", "missed", "badly placed", "wrong class", "taken")))
    stored = scan.rows(
        "SELECT anchor_iou FROM fates JOIN objects USING (picture, object) WHERE crowd = 0 AND flaw = ''"
        " AND outcome IN ('found', 'missed', 'badly placed', 'wrong class', 'taken') ORDER BY picture, object"
    )
    np.testing.assert_allclose(Grid(layout, objects).best(layout.anchors)[0], np.array(stored)[:, 0], atol=2e-6)


def test_crowds_and_broken_boxes_are_left_out_and_filters_narrow(scan: Scan) -> None:
    every = scan.rows("SELECT COUNT(*), SUM(crowd = 0 AND flaw = '') FROM objects")[0]
    assert every[1] < every[0]
    assert len(from_scan(scan, Filter())) == every[1]
    name = scan.rows("SELECT class FROM objects WHERE crowd = 0 AND flaw = '' LIMIT 1")[0][0]
    assert from_scan(scan, Filter(classes=(name,))).names == (name,)


def test_a_picture_that_is_not_there_is_told_of_and_left_out(data: tuple[Path, Path]) -> None:
    pictures = [str(path) for path in sorted(data[0].iterdir())]
    found = from_annotations(open_annotations(data[1]), [pictures[0], str(data[0] / "gone.png")], TINY)
    assert set(found.picture.tolist()) == {0}
    assert len(found.problems) == 1
    assert "gone.png" in found.problems[0]


# -- what cannot be asked -----------------------------------------------------------------------------------------------


def dense(family: str) -> DetectorSpec:
    return replace(TINY, family=family)


@pytest.mark.parametrize("family", ["FCOS", "YOLO"])
def test_families_without_matched_anchors_are_refused(family: str) -> None:
    with pytest.raises(QuestionError, match="no anchors that training matches"):
        coverage(dense(family), squares([10]))


def test_retinanet_has_limits_of_its_own() -> None:
    assert coverage(dense("RetinaNet"), squares([10])).rules.high == 0.5


def test_no_object_is_said(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="no object to cover"):
        coverage_of_scan(write_scan(tmp_path / "empty.sqlite", 3, 0))


def test_a_detector_that_the_scan_has_not_is_refused(scan: Scan) -> None:
    with pytest.raises(QuestionError, match="no detector 3"):
        coverage_of_scan(scan, Filter(detector=2))


def test_reading_annotations_can_be_stopped(data: tuple[Path, Path]) -> None:
    class Stop(Exception):
        pass

    class Watcher:
        def check(self) -> None:
            raise Stop

        def report(self, *_: Any) -> None: ...

        def pause(self) -> None: ...

    with pytest.raises(Stop):
        from_annotations(open_annotations(data[1]), [str(p) for p in data[0].iterdir()], TINY, Watcher())
