"""A picture run in tiles: where they lie, how maps, detections and life lines are put together, and as a side of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

import fpn_viewer as fv
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.comparison.tiles import SMALLEST, tile_boxes
from fpn_viewer.core.demo.scenes import CLASSES, generate
from fpn_viewer.core.errors import QuestionError, SettingError
from fpn_viewer.core.imaging.reduce import REDUCERS, reduce_map
from tests.tiny import noise, tiny_detector
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.tiles import TiledTrace
    from fpn_viewer.core.detectors.detector import Detector

PICTURE = noise(90, 130)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return tiny_detector(box_nms_thresh=0.3)


@pytest.fixture(scope="module")
def tiled(detector: Detector) -> TiledTrace:
    return fv.trace_tiles(detector, PICTURE, 64, 0.25)


# -- where they lie -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    side=st.integers(60, 300),
    overlap=st.floats(0, 0.5),
)
def test_tiles_cover_the_picture_are_of_one_size_and_overlap_enough(size: tuple[int, int], side: int, overlap: float) -> None:
    boxes = np.array(tile_boxes(size, side, overlap))
    assert len({tuple(row) for row in boxes.tolist()}) == len(boxes)
    assert np.unique(boxes[:, 2:] - boxes[:, :2], axis=0).tolist() == [[min(side, size[1]), min(side, size[0])]]
    for axis, length in ((1, size[0]), (0, size[1])):
        starts = np.unique(boxes[:, axis])
        assert starts[0] == 0
        assert starts[-1] + min(side, length) == length
        # a pixel is lost to rounding
        assert (np.diff(starts) <= max(1, side * (1 - overlap)) + 1).all()


def test_tiles_that_cannot_be_run_are_refused(detector: Detector) -> None:
    with pytest.raises(SettingError, match="tiles of 8 px are too small to run; give a side of 16 px or more"):
        fv.trace_tiles(detector, PICTURE, 8)
    with pytest.raises(SettingError, match=r"cut the picture into 1,296 pieces, more than 1,000; give a larger side"):
        tile_boxes((292, 292), SMALLEST, 0.5)
    with pytest.raises(SettingError, match=r"cannot overlap by 1\.5 of their side"):
        tile_boxes((50, 50), 20, 1.5)


# -- put together ---------------------------------------------------------------------------------------------------------


def test_one_tile_is_the_whole_picture(detector: Detector) -> None:
    whole, tiled = detector.trace(PICTURE), fv.trace_tiles(detector, PICTURE, 500)
    assert tiled.boxes_img == ((0, 0, 130, 90),)
    assert tiled.geometry.scale == whole.geometry.scale
    both = fv.compare(whole, tiled)
    assert {row.relative_l2 for row in both.nodes} == {0.0}
    assert {pair.kind for pair in both.detections} == {"same"}
    box = whole.detections.boxes_img[0]
    label = int(whole.detections.labels[0])
    assert tiled.explain(box, label).stages == fv.explain(whole, box, label).stages
    assert tiled.explain(box, label).detection == 0


def test_a_cell_of_the_whole_is_the_cell_of_the_nearest_tile(tiled: TiledTrace) -> None:
    assert len(tiled.traces) > 3
    middles = np.array([((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in tiled.boxes_img])
    for name in ("C3", "P2", "T3", "P6"):
        level = tiled.level(tiled.graph[name].level)
        whole = tiled.node(name)
        assert tuple(whole.shape[1:]) == level.size
        for row, column in np.random.default_rng(0).integers(0, level.size, (25, 2)).tolist():
            x0, y0, x1, y1 = tiled.geometry.cell_box_img(level, row, column)
            x, y = min((x0 + x1) / 2, 129.99), min((y0 + y1) / 2, 89.99)
            far = np.abs(middles - (x, y))
            nearest = np.flatnonzero((far == far.min(0)).all(1))
            cells = []
            for tile in nearest.tolist():
                trace, (left, top, *_) = tiled.traces[tile], tiled.boxes_img[tile]
                cell = trace.geometry.cell_at(trace.level(level.name), x - left, y - top)
                assert cell is not None
                cells.append(trace.node(name)[:, cell[0], cell[1]])
            assert any(torch.equal(whole[:, row, column], cell) for cell in cells)
            assert torch.equal(tiled.cell(name, row, column)[:, 0, 0], whole[:, row, column])
    with pytest.raises(IndexError, match="no cell in row 900"):
        tiled.cell("P2", 900, 0)


def test_planes_are_those_of_the_whole_map(tiled: TiledTrace) -> None:
    for reduction in REDUCERS:
        assert np.allclose(tiled.plane("P3", reduction, 2), reduce_map(tiled.node("P3"), reduction, 2), atol=1e-6)


def test_detections_are_all_tiles_after_a_suppression_by_class(tiled: TiledTrace) -> None:
    found, places = tiled.detections, tiled.detection_places
    assert sum(len(trace.detections) for trace in tiled.traces) > len(found) > 0
    assert (np.diff(found.scores) <= 0).all()
    for row, (tile, own) in enumerate(places.tolist()):
        left, top, *_ = tiled.boxes_img[tile]
        box = tiled.traces[tile].detections.boxes_img[own] + np.array([left, top, left, top], np.float32)
        assert np.array_equal(found.boxes_img[row], box)
        assert found.labels[row] == tiled.traces[tile].detections.labels[own]
    overlap = box_iou(*(torch.tensor(found.boxes_img),) * 2).numpy()
    same = found.labels[:, None] == found.labels
    assert (overlap[same & ~np.eye(len(found), dtype=bool)] <= tiled.settings.box_nms_thresh + 1e-6).all()


def test_what_a_trace_says_a_tiled_one_says_too(tiled: TiledTrace, detector: Detector) -> None:
    assert tiled.image_size == (90, 130)
    assert tiled.spec is detector.spec
    assert tiled.detector is detector
    assert tiled.follows is None
    assert tiled.nbytes == sum(trace.nbytes for trace in tiled.traces)
    assert [time.name for time in tiled.times] == [time.name for time in tiled.traces[0].times]
    assert tiled.times[1].seconds == pytest.approx(sum(trace.times[1].seconds for trace in tiled.traces))
    with pytest.raises(KeyError):
        tiled.level("P9")


# -- objects --------------------------------------------------------------------------------------------------------------


def test_a_life_line_is_that_of_the_tile_in_px_of_the_picture(tiled: TiledTrace) -> None:
    row = next(k for k, tile in enumerate(tiled.detection_places[:, 0]) if tiled.boxes_img[tile][0] and tiled.boxes_img[tile][1])
    tile, own = tiled.detection_places[row].tolist()
    left, top, *_ = tiled.boxes_img[tile]
    box, label = tiled.detections.boxes_img[row], int(tiled.detections.labels[row])
    line = tiled.explain(box, label)
    part = fv.explain(tiled.traces[tile], tiled.traces[tile].detections.boxes_img[own], label)
    assert (line.killer, line.detection) == (None, row)
    assert [stage.survivors for stage in line.stages] == [stage.survivors for stage in part.stages]
    for whole, piece in zip(line.stages, part.stages, strict=True):
        assert (whole.box_img is None) == (piece.box_img is None)
        if piece.box_img is not None:
            assert np.subtract(whole.box_img, piece.box_img) == pytest.approx([left, top, left, top], abs=1e-4)
    assert np.subtract(line.training.anchor_img, part.training.anchor_img) == pytest.approx([left, top, left, top], abs=1e-4)
    assert line.factors[-1].startswith(f"tile {tile + 1} of {len(tiled.traces)} ({left},{top} to ")


def test_an_object_that_no_tile_found_is_asked_of_the_one_that_holds_most(tiled: TiledTrace) -> None:
    x0, y0, x1, y1 = tiled.boxes_img[-1]
    line = tiled.explain((x1 - 9, y1 - 9, x1 - 2, y1 - 2), "boat", iou=0.99)
    assert line.factors[-1] == f"tile {len(tiled.boxes_img)} of {len(tiled.boxes_img)} ({x0},{y0} to {x1},{y1})"
    assert line.killer is not None
    assert tiled.explain((0, 0, 130, 90), "boat", iou=0.99).factors[-1].endswith(", which cuts the object")
    with pytest.raises(QuestionError, match="lies outside the picture, which is 130×90 px"):
        tiled.explain((140, 0, 150, 9))


def test_what_another_tile_removes_is_lost_at_nms(tiled: TiledTrace) -> None:
    for tile, trace in enumerate(tiled.traces):
        kept = set(tiled.detection_places[tiled.detection_places[:, 0] == tile, 1].tolist())
        for own in set(range(len(trace.detections))) - kept:
            left, top, *_ = tiled.boxes_img[tile]
            box = trace.detections.boxes_img[own] + np.array([left, top, left, top])
            line = tiled.explain(box, int(trace.detections.labels[own]), iou=0.97)
            if line.killer == "nms" and "another tile" in line.verdict:
                counts = line.suppressor
                assert counts is not None
                assert counts.iou > tiled.settings.box_nms_thresh
                assert any(np.allclose(counts.box_img, one) for one in tiled.detections.boxes_img)
                assert line.stage("nms").state == "killer"
                assert line.stage("nms").margin == pytest.approx(tiled.settings.box_nms_thresh - counts.iou)
                assert [stage.survivors for stage in line.stages[-3:]] == [0, 0, 0]
                assert (line.detection, line.outcome, line.remedies) == (None, "suppressed", ())
                return
    pytest.fail("no detection was removed by that of another tile")


@pytest.mark.parametrize("family", ["Faster R-CNN", "RetinaNet", "FCOS"])
def test_killer_is_none_exactly_when_a_detection_counts(family: str) -> None:
    detector = tiny_detector() if family == "Faster R-CNN" else dense_detector(family)
    tiled = fv.trace_tiles(detector, PICTURE, 64)
    rng = np.random.default_rng(2)
    for _ in range(12):
        x, y, w, h = *rng.uniform(0, 80, 2), *rng.uniform(5, 40, 2)
        label = int(rng.integers(1, 4))
        line = tiled.explain((x, y, x + w, y + h), label, iou=0.4)
        overlap = box_iou(torch.tensor([line.box_img]), torch.tensor(tiled.detections.boxes_img).double())[0].numpy()
        counting = (overlap >= 0.4) & (tiled.detections.labels == label)
        assert (line.killer is None) == counting.any()
        assert (line.detection is not None) == counting.any()


def test_tiles_find_small_objects_that_the_whole_picture_loses() -> None:
    detector = fv.open_detector("demo", device="cpu", min_size=144, max_size=216)
    scene = generate(3, (192, 288))
    truth_boxes = np.array([item.box for item in scene.objects], np.float64)
    names = tuple(CLASSES[item.label - 1] for item in scene.objects)
    truth = GroundTruth(truth_boxes, names, np.ones(len(names)), np.zeros(len(names), bool), ("",) * len(names))
    both = fv.compare(detector.trace(scene.image), fv.trace_tiles(detector, scene.image, 110), truth)
    statuses = list(both.statuses)
    assert statuses.count("only B") > statuses.count("only A")
    assert both.notes[0].startswith("B runs the picture in ")
    row = both.object_pair(statuses.index("only B"))
    assert row.line_b.killer is None
    assert row.differs_at == row.line_a.killer
    pair = both.planes("P2")
    assert pair.resampled
    assert pair.b_own.shape > pair.a.shape
    both.follow([row.number])
    short = both.object_row(row.number)
    assert (short.differs_at, short.sentence, short.status) == (row.differs_at, row.sentence, "only B")
    assert short.b.verdict == row.line_b.verdict
