"""Matches are those of pycocotools; outcomes and kinds say what a person would."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fpn_viewer.core.analysis.matching import KINDS, OUTCOMES, match
from fpn_viewer.core.annotations.structures import GroundTruth

THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 1.0)
# few places and sizes, so that equal overlaps and equal scores are common
boxes = st.tuples(*[st.integers(0, 5)] * 2, *[st.integers(1, 5)] * 2).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
objects = st.lists(st.tuples(boxes, st.integers(1, 2), st.booleans()), max_size=8)
detections = st.lists(st.tuples(boxes, st.integers(1, 2), st.sampled_from([0.2, 0.5, 0.5, 0.9])), max_size=12)


def truth(rows: Any, **columns: Any) -> GroundTruth:
    """Ground truth of (box, label, crowd) rows."""
    n = len(rows)
    given = {"names": ("x",) * n, "areas": np.ones(n), "crowd": [row[2] for row in rows], "flaws": ("",) * n}
    return GroundTruth(boxes_img=np.array([row[0] for row in rows], float).reshape(-1, 4), **(given | columns))


def matched(rows: Any, found: Any, iou: float = 0.5, **columns: Any) -> Any:
    """Our matching of object rows with (box, label, score) detections."""
    labels = [row[1] for row in rows]
    return match(truth(rows, **columns), labels, [f[0] for f in found], [f[2] for f in found], [f[1] for f in found], iou)


def coco(rows: Any, found: Any, iou: float) -> tuple[dict[int, int], set[int]]:
    """pycocotools' matches: object by detection, and the detections that it ignores, both counted from 0."""

    def entry(number: int, box: Any, label: int, **more: Any) -> dict[str, Any]:
        x1, y1, x2, y2 = map(float, box)
        size = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        return {"id": number + 1, "image_id": 1, "category_id": label, **size, **more}

    with contextlib.redirect_stdout(io.StringIO()):
        ground, results = COCO(), COCO()
        ground.dataset = {
            "images": [{"id": 1}],
            "categories": [{"id": 1}, {"id": 2}],
            "annotations": [entry(i, box, label, iscrowd=int(crowd)) for i, (box, label, crowd) in enumerate(rows)],
        }
        results.dataset = {
            **ground.dataset,
            "annotations": [entry(i, box, label, score=score) for i, (box, label, score) in enumerate(found)],
        }
        ground.createIndex()
        results.createIndex()
        evaluation = COCOeval(ground, results, "bbox")
        evaluation.params.iouThrs = np.array([iou])
        evaluation.evaluate()
    pairs: dict[int, int] = {}
    ignored = set()
    for one in evaluation.evalImgs[: 2 * len(evaluation.params.areaRng) : len(evaluation.params.areaRng)]:
        if one is None:
            continue
        for number, hit, skip in zip(one["dtIds"], one["dtMatches"][0], one["dtIgnore"][0], strict=True):
            if hit:
                pairs[number - 1] = int(hit) - 1
            if skip:
                ignored.add(number - 1)
        # the other side of the same matches
        taken = {int(d) - 1: g - 1 for g, d in zip(one["gtIds"], one["gtMatches"][0], strict=True) if d}
        assert all(pairs[d] == g for d, g in taken.items())
    return pairs, ignored


@settings(max_examples=150, deadline=None)
@given(objects, detections, st.sampled_from(THRESHOLDS))
def test_matches_are_those_of_pycocotools(rows: Any, found: Any, iou: float) -> None:
    ours = matched(rows, found, iou)
    pairs, ignored = coco(rows, found, iou)
    assert {d: int(g) for d, g in enumerate(ours.matched) if g >= 0} == pairs
    assert {d for d, kind in enumerate(ours.kinds) if kind == "ignored"} == ignored
    assert {d for d, kind in enumerate(ours.kinds) if kind == "match"} == set(pairs) - ignored
    found_objects = {g for g, outcome in enumerate(ours.outcomes) if outcome == "found"}
    assert found_objects == {g for d, g in pairs.items() if d not in ignored}
    assert set(ours.outcomes) <= set(OUTCOMES)
    assert set(ours.kinds) <= set(KINDS)


def test_many_random_boxes_match_as_in_pycocotools() -> None:
    rng = np.random.default_rng(0)

    def some(count: int) -> list[tuple[int, ...]]:
        low = rng.integers(0, 400, (count, 2))
        return [tuple(map(int, row)) for row in np.hstack([low, low + rng.integers(8, 120, (count, 2))])]

    rows = [(box, int(rng.integers(1, 3)), bool(rng.random() < 0.1)) for box in some(60)]
    near = [tuple(int(side) for side in np.array(rows[i % 60][0]) + rng.integers(-6, 7, 4)) for i in range(70)]
    found = [(box, int(rng.integers(1, 3)), float(rng.random())) for box in near + some(25)]
    for iou in (0.3, 0.5, 0.75):
        assert {d: int(g) for d, g in enumerate(matched(rows, found, iou).matched) if g >= 0} == coco(rows, found, iou)[0]


CAR, TRUCK = 1, 2
BOX = (0, 0, 100, 100)
NEAR = (5, 0, 105, 100)
ASIDE = (45, 0, 145, 100)


@pytest.mark.parametrize(
    ("rows", "found", "outcomes", "decides", "kinds"),
    [
        ([(BOX, CAR, False)], [(NEAR, CAR, 0.9)], ("found",), (0,), ("match",)),
        ([(BOX, CAR, False)], [], ("missed",), (-1,), ()),
        ([(BOX, CAR, False)], [((300, 0, 400, 100), CAR, 0.9)], ("missed",), (-1,), ("background",)),
        ([(BOX, CAR, False)], [(ASIDE, CAR, 0.9)], ("badly placed",), (0,), ("badly placed",)),
        ([(BOX, CAR, False)], [(NEAR, TRUCK, 0.9)], ("wrong class",), (0,), ("wrong class",)),
        ([(BOX, CAR, False)], [(ASIDE, TRUCK, 0.9)], ("missed",), (-1,), ("background",)),
        ([(BOX, CAR, False)], [(BOX, CAR, 0.9), (NEAR, CAR, 0.8)], ("found",), (0,), ("match", "duplicate")),
        # the one detection is nearer to the second car
        ([(BOX, CAR, False), (NEAR, CAR, False)], [((4, 0, 104, 100), CAR, 0.9)], ("taken", "found"), (0, 0), ("match",)),
        # what covers the car is right about the truck under it
        ([(BOX, CAR, False), (BOX, TRUCK, False)], [(BOX, TRUCK, 0.9)], ("taken", "found"), (0, 0), ("match",)),
        # a second box of a found neighbour is not this object's bad placement
        (
            [(BOX, CAR, False), (ASIDE, CAR, False)],
            [(BOX, CAR, 0.9), (NEAR, CAR, 0.8)],
            ("found", "missed"),
            (0, -1),
            ("match", "duplicate"),
        ),
        ([(BOX, CAR, True)], [((10, 10, 20, 20), CAR, 0.9), ((30, 30, 40, 40), CAR, 0.8)], ("crowd",), (-1,), ("ignored",) * 2),
        ([(BOX, CAR, True)], [], ("crowd",), (-1,), ()),
        ([(BOX, None, False)], [(BOX, CAR, 0.9)], ("unknown class",), (-1,), ("wrong class",)),
        ([], [(BOX, CAR, 0.9)], (), (), ("background",)),
        ([], [], (), (), ()),
    ],
)  # fmt: skip
def test_outcomes(rows: Any, found: Any, outcomes: Any, decides: Any, kinds: Any) -> None:
    ours = matched(rows, found)
    assert ours.outcomes == outcomes
    assert tuple(ours.detection) == decides
    assert ours.kinds == kinds


def test_a_flawed_object_matches_nothing_and_disturbs_nothing() -> None:
    rows = [((7, 7, 7, 7), CAR, False), ((np.nan,) * 4, CAR, False), ((50, 0, 0, 100), CAR, False), (BOX, CAR, False)]
    ours = matched(rows, [(BOX, CAR, 0.9)], flaws=("no area", "no box", "inside out", ""))
    assert ours.outcomes == ("flawed", "flawed", "flawed", "found")
    assert ours.iou.tolist() == [0, 0, 0, 1]


def test_a_difficult_object_may_be_found_and_is_never_missed() -> None:
    rows = [(BOX, CAR, False), (ASIDE, CAR, False)]
    none = matched(rows, [], ignored=[True, False])
    assert none.outcomes == ("ignored", "missed")
    one = matched(rows, [(BOX, CAR, 0.9), (NEAR, CAR, 0.8)], ignored=[True, False])
    assert one.outcomes == ("found", "missed")
    # the second is no crowd region, so it takes one detection only
    assert one.kinds == ("ignored", "duplicate")


def test_an_object_that_counts_goes_before_a_difficult_one() -> None:
    ours = matched([(BOX, CAR, False), (NEAR, CAR, False)], [(BOX, CAR, 0.9)], ignored=[True, False])
    assert ours.outcomes == ("ignored", "found")


def test_iou_is_that_of_the_deciding_detection() -> None:
    ours = matched([(BOX, CAR, False)], [(ASIDE, CAR, 0.9), ((55, 0, 155, 100), CAR, 0.95)])
    assert ours.detection.tolist() == [0]
    assert ours.iou[0] == pytest.approx(55 / 145)
