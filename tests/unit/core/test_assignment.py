"""The training side of an object, against torchvision's own matcher and sampler."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from fpn_viewer.core.analysis.assignment import AnchorTable, Rules, assign, matches_anchors, rules_of, training
from fpn_viewer.core.errors import QuestionError
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.core.tracing.trace import Trace

HEIGHT, WIDTH = 97, 171
#: the smallest anchors have 5 image px here; BIG fits one of them and lies around SMALL
SMALL, BIG = (62.5, 42.5, 63.5, 43.5), (60.0, 40.0, 66.0, 46.0)


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_detector(min_size=192, max_size=384).trace(noise(HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def grid() -> NDArray[np.float32]:
    """The anchors of a default Faster R-CNN over a picture of 256×320 px."""
    maps = [torch.zeros(1, 1, 256 // stride, 320 // stride) for stride in (4, 8, 16, 32, 64)]
    generator = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)
    return generator(ImageList(torch.zeros(1, 3, 256, 320), [(256, 320)]), maps)[0].numpy()


def matched(anchors: NDArray[np.float32], boxes: NDArray[np.float32], *rules: Any) -> NDArray[np.int64]:
    return Matcher(*rules)(box_iou(torch.from_numpy(boxes), torch.from_numpy(anchors))).numpy()


def in_training(trace: Trace, boxes_img: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels and matched boxes that torchvision's own RPN gives the anchors of a trace in training."""
    assert trace.detector is not None
    module = trace.detector.module
    _, targets = module.transform.train()([torch.zeros(3, *trace.image_size)], [{"boxes": torch.tensor(boxes_img)}])
    module.transform.eval()
    labels, matched = module.rpn.assign_targets_to_anchors([trace.raw.anchors], targets)
    return labels[0], matched[0]


coordinate = st.integers(0, 300) | st.floats(0, 300, width=32)
side = st.integers(1, 40) | st.integers(1, 300) | st.floats(0.125, 300, width=32)


@st.composite
def scenes(draw: st.DrawFn) -> NDArray[np.float32]:
    """Boxes of any size, nested, repeated, touching, and beyond the anchors."""
    rows = draw(st.lists(st.tuples(coordinate, coordinate, side, side), min_size=1, max_size=9))
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in rows], np.float32)
    return boxes[draw(st.lists(st.integers(0, len(boxes) - 1), min_size=1, max_size=9))]


@given(boxes=scenes(), limits=st.sampled_from([(0.7, 0.3), (0.5, 0.4), (0.5, 0.5), (1.0, 0.0)]), low_quality=st.booleans())
@settings(max_examples=60, deadline=None)
def test_assignment_is_that_of_torchvisions_matcher(
    grid: NDArray[np.float32], boxes: NDArray[np.float32], limits: tuple[float, float], low_quality: bool
) -> None:
    np.testing.assert_array_equal(assign(grid, boxes, *limits, low_quality), matched(grid, boxes, *limits, low_quality))


@given(boxes=scenes(), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_assignment_needs_no_order_of_the_anchors(grid: NDArray[np.float32], boxes: NDArray[np.float32], seed: int) -> None:
    rows = np.random.default_rng(seed).permutation(len(grid))[::7]
    np.testing.assert_array_equal(assign(grid[rows], boxes), matched(grid[rows], boxes, 0.7, 0.3, True))


def test_an_object_that_no_anchor_touches_makes_them_all_positive(grid: NDArray[np.float32]) -> None:
    boxes = np.array([[10, 10, 42, 42], [2000, 2000, 2010, 2010]], np.float32)
    expected = matched(grid, boxes, 0.7, 0.3, True)
    assert (expected >= 0).all()
    np.testing.assert_array_equal(assign(grid, boxes), expected)


@pytest.mark.parametrize("seed", range(12))
def test_training_is_what_torchvisions_rpn_does(trace: Trace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    corner, size = rng.uniform(0, 0.9, (count, 2)) * [WIDTH, HEIGHT], np.exp(rng.uniform(np.log(2), np.log(70), (count, 2)))
    boxes = np.concatenate([corner, np.minimum(corner + size, [WIDTH, HEIGHT])], 1).astype(np.float32)
    labels, owners = in_training(trace, boxes.tolist())
    total = int((labels == 1).sum())
    seen = torch.unique(owners[labels == 1], dim=0, return_counts=True)
    for index, box in enumerate(boxes):
        others = np.delete(boxes, index, 0)
        found = training(trace, tuple(box.tolist()), others)
        ours = torch.from_numpy(as_in_training(trace, box))
        mine = (seen[0] == ours).all(1)
        assert found.positives == int(seen[1][mine].sum())
        assert found.budget == min(128, total)
        assert found.share == pytest.approx(found.budget * found.positives / total)
        iou = box_iou(ours[None], trace.raw.anchors)[0]
        assert found.best_iou == float(iou.max())
        assert found.match == ("foreground" if iou.max() >= 0.7 else "ignored" if iou.max() >= 0.3 else "background")
        assert found.rescued == (found.positives > 0 and found.match != "foreground")
        anchor = trace.geometry.to_net(found.anchor_img)
        assert float(box_iou(ours[None], torch.tensor(anchor, dtype=torch.float32)[None])) == pytest.approx(
            found.best_iou, abs=1e-4
        )
        assert (abs(trace.anchors(found.level).reshape(-1, 4).double().numpy() - anchor) < 1e-3).all(1).any()


def as_in_training(trace: Trace, box: NDArray[np.float32]) -> NDArray[np.float32]:
    (h, w), (height, width) = trace.net_size, trace.image_size
    return box * (np.array([w, h, w, h], np.float32) / np.array([width, height, width, height], np.float32))


def test_a_small_object_inside_a_bigger_one_is_robbed_of_all_its_anchors(trace: Trace) -> None:
    small, big, far = SMALL, BIG, (120.0, 10.0, 140.0, 30.0)
    alone, found = training(trace, small, [far]), training(trace, small, [far, big])
    assert alone.positives > 0
    assert (alone.rescued, alone.robbed_by) == (True, None)
    assert (found.positives, found.share, found.rescued, found.robbed_by) == (0, 0.0, False, 1)
    assert (found.best_iou, found.match) == (alone.best_iou, "background")
    assert f"{found.best_iou:.2f}" in found.sentence
    assert "go to that one" in found.sentence
    labels, owners = in_training(trace, [list(small), list(far), list(big)])
    assert not (owners[labels == 1] == torch.from_numpy(as_in_training(trace, np.array(small, np.float32)))).all(1).any()


def test_boxes_that_training_cannot_have_take_no_part_and_keep_their_index(trace: Trace) -> None:
    small, big = SMALL, BIG
    flawed = [(5.0, 5.0, 5.0, 20.0), (WIDTH + 1.0, 0.0, WIDTH + 9.0, 9.0)]
    assert training(trace, small, [*flawed, big]).robbed_by == 2
    assert replace(training(trace, small, flawed), sentence="") == replace(training(trace, small), sentence="")


def test_the_samplers_share_is_the_one_it_draws(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trace.detector is not None
    monkeypatch.setattr(trace.detector.module.rpn.fg_bg_sampler, "batch_size_per_image", 8)
    boxes = [list(SMALL), [20.0, 20.0, 60.0, 60.0], [100.0, 30.0, 105.0, 35.0]]
    found = training(trace, SMALL, boxes[1:])
    assert found.budget == 4
    labels, owners = in_training(trace, boxes)
    mine = (owners == torch.from_numpy(as_in_training(trace, np.array(boxes[0], np.float32)))).all(1)
    torch.manual_seed(0)
    drawn = []
    for _ in range(60):
        (chosen,), _ = BalancedPositiveNegativeSampler(8, 0.5)([labels])
        drawn.append(int((chosen.bool() & mine).sum()))
    assert abs(np.mean(drawn) - found.share) < 4 * np.std(drawn) / np.sqrt(60)


def test_rules_are_those_of_the_detector() -> None:
    detector = tiny_detector()
    rpn = detector.module.rpn
    rpn.proposal_matcher, rpn.fg_bg_sampler.batch_size_per_image = Matcher(0.6, 0.2, allow_low_quality_matches=False), 10
    trace = detector.trace(noise())
    assert rules_of(trace) == Rules(0.6, 0.2, False, 5)
    found = training(trace, (20.0, 20.0, 21.0, 21.0))
    assert (found.positives, found.robbed_by, found.budget, found.share) == (0, None, 0, 0.0)
    assert "gives it no anchor" in found.sentence
    assert "from 0.6" in found.sentence
    assert rules_of(replace(trace, detector=None)) == Rules(0.7, 0.3, True, 128)


def test_a_family_without_sampler_uses_all_positives(trace: Trace) -> None:
    dense = replace(trace, detector=None, spec=replace(trace.spec, family="RetinaNet"))
    found = training(dense, (20.0, 20.0, 50.0, 50.0), [(90.0, 20.0, 140.0, 60.0)])
    assert rules_of(dense) == Rules(0.5, 0.4, True, None)
    assert found.budget > found.share == found.positives > 0
    assert matches_anchors(dense)
    centres = replace(trace, spec=replace(trace.spec, family="FCOS"))
    assert not matches_anchors(centres)
    assert training(centres, (20.0, 20.0, 50.0, 50.0)) is None


def test_other_anchors_change_the_answer_and_not_what_is_remembered(trace: Trace) -> None:
    box = SMALL
    before = training(trace, box)
    anchors = trace.raw.anchors.numpy()
    centre, half = (anchors[:, :2] + anchors[:, 2:]) / 2, (anchors[:, 2:] - anchors[:, :2]) / 4
    halves = torch.from_numpy(np.concatenate([centre - half, centre + half], 1))
    halved = training(replace(trace, raw=replace(trace.raw, anchors=halves)), box)
    assert halved.best_iou > before.best_iou
    assert training(trace, box) == before


@pytest.mark.parametrize("box", [(10.0, 10.0, 10.0, 20.0), (WIDTH + 1.0, 0.0, WIDTH + 5.0, 9.0), (30.0, 30.0, 20.0, 40.0)], ids=str)
def test_a_box_that_is_none_is_refused(trace: Trace, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(QuestionError, match="outside the picture or is empty"):
        training(trace, box)


def test_a_further_object_compares_itself_only(grid: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> None:
    table = AnchorTable(grid)
    looks: list[int] = []
    overlaps = AnchorTable.overlaps
    monkeypatch.setattr(AnchorTable, "overlaps", lambda self, box: looks.append(1) or overlaps(self, box))
    for _ in range(3):
        for x in (10, 20, 30):
            table.claim(np.array([x, 10, x + 9, 20], np.float32), 0.7)
    assert len(looks) == 3


def test_a_crowd_far_away_is_not_compared_anchor_by_anchor(grid: NDArray[np.float32]) -> None:
    table = AnchorTable(grid)
    boxes = np.array([[10, 10, 20, 20], [12, 12, 60, 60], [250, 200, 300, 240], [200, 20, 240, 60]], np.float32)
    rows, _ = table.overlaps(boxes[0])
    small = rows[:3]
    reached = table.reached(small, boxes)
    touching = (box_iou(torch.from_numpy(boxes), torch.from_numpy(grid[small])) > 0).any(1).numpy()
    assert reached[touching].all()
    assert not reached[2]
    assert not table.reached(small[:0], boxes).any()
