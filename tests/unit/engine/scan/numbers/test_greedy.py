"""All overlaps and size ranges at once give what the library gives for each."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from fpn_viewer.engine.scan.numbers.greedy import matched

RANGES = ((0.0, 1e10), (0.0, 40.0), (40.0, 1e10))


def _library(iou: np.ndarray, crowd: np.ndarray, difficult: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each detection has an object, and one that does not count, as the library's own loop finds it."""
    evaluation = COCOeval(iouType="bbox")
    number, objects = iou.shape
    rows = zip(crowd.astype(int).tolist(), difficult.astype(int).tolist(), area.tolist(), strict=True)
    evaluation._gts[0, 1] = [{"id": k, "iscrowd": c, "ignore": i, "area": a} for k, (c, i, a) in enumerate(rows, 1)]
    # its own size is in all ranges: whether unmatched ones count is not the matching's affair
    evaluation._dts[0, 1] = [{"id": k + 1, "score": 1 - k / number, "area": 40.0} for k in range(number)]
    evaluation.ious = {(0, 1): iou}
    results = [evaluation.evaluateImg(0, 1, list(area), 100) for area in RANGES]
    assert all(one["gtIgnore"].shape == (objects,) for one in results)
    return np.stack([one["dtMatches"] > 0 for one in results]), np.stack([one["dtIgnore"] for one in results])


@pytest.mark.parametrize("seed", range(40))
def test_every_overlap_and_size_is_matched_as_by_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    detections, objects = int(rng.integers(1, 12)), int(rng.integers(1, 9))
    # many of them equal, and some of them equal to a limit
    iou = rng.integers(6, 21, (detections, objects)) / 20
    crowd, difficult = rng.uniform(0, 1, (2, objects)) < 0.25
    area = rng.choice([20.0, 40.0, 60.0], objects)
    ignored = np.stack([crowd | difficult | (area < low) | (area > high) for low, high in RANGES])
    hit, idle = matched(iou, crowd, ignored, COCOeval(iouType="bbox").params.iouThrs)
    expected_hit, expected_idle = _library(iou, crowd, crowd | difficult, area)
    assert (hit == expected_hit).all()
    assert (idle == expected_idle).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_be_matched(shape: tuple[int, int]) -> None:
    hit, idle = matched(np.zeros(shape), np.zeros(shape[1], np.bool_), np.zeros((2, shape[1]), np.bool_), np.array([0.5]))
    assert hit.shape == idle.shape == (2, 1, shape[0])
    assert not hit.any()
