"""Maps of two runs: what a node differs in, which channels belong together, and planes on one grid and scale."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import fpn_viewer as fv
from fpn_viewer.core.comparison.channels import BY_CORRELATION, BY_INDEX, by_correlation, kinship
from fpn_viewer.core.comparison.grids import grid_of, resampled
from fpn_viewer.core.comparison.nodes import TOLERANCE, linear_cka
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.imaging.reduce import REDUCERS
from tests.tiny import TINY, noise, tiny_detector, tiny_module
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

PICTURE = noise(70, 101)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return tiny_detector()


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(PICTURE)


@pytest.fixture(scope="module")
def other(detector: Detector) -> Trace:
    """Weights of another beginning."""
    return fv.open_detector(tiny_module(seed=5), device="cpu", name="other", class_names=TINY.class_names).trace(PICTURE)


def later(step: float) -> Detector:
    """The tiny detector after some training of everything."""
    module = tiny_module()
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(step * parameter.std(correction=0) * torch.randn_like(parameter))
    return fv.open_detector(module, device="cpu", name="later", class_names=TINY.class_names)


# -- nodes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["Faster R-CNN", "RetinaNet", "FCOS"])
def test_a_run_compared_with_itself_is_zero_everywhere(family: str) -> None:
    detector = tiny_detector() if family == "Faster R-CNN" else dense_detector(family)
    trace = detector.trace(PICTURE)
    both = fv.compare(trace, detector.trace(PICTURE))
    assert [row.node for row in both.nodes] == [node.name for node in trace.graph.nodes]
    for row in both.nodes:
        assert (row.relative_l2, row.largest, row.matched, row.resampled) == (0.0, 0.0, BY_INDEX, False)
        assert row.cosine == pytest.approx(1, abs=1e-12)
        assert row.cka == pytest.approx(1, abs=1e-12)
        for reduction in REDUCERS:
            pair = both.planes(row.node, reduction, 3)
            assert np.array_equal(pair.a, pair.b, equal_nan=True)
            assert pair.difference is None if reduction == "pca" else not pair.difference.any()
    assert both.parting == ""
    assert both.parting_sentence == "No map differs by more than 0.1 %."
    assert {pair.kind for pair in both.detections} == {"same"}
    assert set(both.statuses) == {"both"}
    assert {row.relative for row in both.weights} == {0.0}
    assert both.notes == ()


def test_a_changed_convolution_is_where_they_part(trace: Trace) -> None:
    module = tiny_module()
    with torch.no_grad():
        module.backbone.fpn.inner_blocks[1][0].weight.mul_(1.5)
    changed = fv.open_detector(module, device="cpu", name="changed", class_names=TINY.class_names).trace(PICTURE)
    both = fv.compare(trace, changed)
    assert both.parting == "L3"
    rows = {row.node: row for row in both.nodes}
    untouched = [row for row in both.nodes if row.node[0] == "C" or row.node[1] in "456"]
    assert all(row.relative_l2 == 0 for row in untouched)
    # the bias is not scaled, so the map is not only longer
    x, y = (side.node("L3").double() for side in (trace, changed))
    assert rows["L3"].relative_l2 == pytest.approx(float((y - x).norm() / x.norm()), rel=0.05)
    assert both.parting_sentence.startswith(f"L3 is the first map that differs by more than {100 * TOLERANCE:g} %")


def test_numbers_of_a_node_are_those_of_their_definitions(trace: Trace) -> None:
    second = later(0.3).trace(PICTURE)
    row = next(row for row in fv.compare(trace, second).nodes if row.node == "P2")
    h, w = trace.geometry.visible_cells(trace.level("P2"))
    x, y = (side.node("P2")[:, :h, :w].flatten(1).double().numpy() for side in (trace, second))
    assert row.cosine == pytest.approx((x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-5)
    assert row.relative_l2 == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-5)
    assert row.largest == pytest.approx(np.abs(y - x).max(), rel=1e-6)
    x, y = (part - part.mean(1, keepdims=True) for part in (x, y))
    cka = np.linalg.norm(y @ x.T) ** 2 / np.linalg.norm(x @ x.T) / np.linalg.norm(y @ y.T)
    assert row.cka == pytest.approx(cka, rel=1e-5)
    assert row.matched == BY_INDEX


def test_cka_does_not_see_rotations_scales_and_shifts_of_channels() -> None:
    torch.manual_seed(0)
    x = torch.randn(12, 500)
    turn, _ = torch.linalg.qr(torch.randn(12, 12))
    assert linear_cka(x, 7 * (turn @ x) + 3) == pytest.approx(1, abs=1e-5)
    assert linear_cka(x, torch.randn(20, 500)) < 0.2
    assert linear_cka(x, torch.full((4, 500), 2.5)) is None
    assert linear_cka(1e12 * x, 1e12 * x) == pytest.approx(1, abs=1e-9)


def test_nan_in_one_is_an_infinite_difference_and_in_both_is_left_out(trace: Trace) -> None:
    def broken(number: float) -> Trace:
        maps = dict(trace.maps)
        maps["P3"] = maps["P3"].clone()
        maps["P3"][2, 1, 1] = math.nan
        maps["P3"][:, 2, 2] += number
        return replace(trace, maps=maps)

    one = fv.compare(trace, broken(0))
    assert one.parting == "P3"
    assert one.node_difference("P3").relative_l2 == one.node_difference("P3").largest == math.inf
    same, moved = fv.compare(broken(0), broken(0)), fv.compare(broken(0), broken(1))
    assert same.parting == ""
    assert same.node_difference("P3").largest == 0
    assert moved.node_difference("P3").largest == pytest.approx(1, rel=1e-5)


# -- channels -----------------------------------------------------------------------------------------------------------


def test_training_keeps_channels_where_they_are_and_another_beginning_does_not(trace: Trace, other: Trace) -> None:
    trained = later(0.5).trace(PICTURE)
    assert kinship(trace, trained).holds(trace, trained, "C3")
    assert kinship(trace, trained).holds(trace, trained, "P3")
    # the shapes are the same
    for node in ("C3", "P3"):
        assert not kinship(trace, other).holds(trace, other, node)
        assert fv.compare(trace, other).node_difference(node).matched == BY_CORRELATION


def test_a_backbone_of_one_run_under_another_neck(trace: Trace) -> None:
    module, neck = tiny_module(), tiny_module(seed=9).backbone.fpn
    module.backbone.fpn = neck
    both = fv.compare(trace, fv.open_detector(module, device="cpu", class_names=TINY.class_names).trace(PICTURE))
    how = {row.node: row.matched for row in both.nodes}
    assert {how[f"C{k}"] for k in "2345"} == {BY_INDEX}
    assert how["L3"] == how["P3"] == BY_CORRELATION
    assert both.parting == "L5"


def test_a_trace_from_a_file_is_judged_by_its_neck(trace: Trace, other: Trace) -> None:
    far, near = replace(trace, detector=None), replace(other, detector=None)
    assert kinship(far, trace).backbone
    assert not kinship(far, near).backbone
    with pytest.raises(QuestionError, match=r"read from a file, without its weights; open the checkpoint"):
        _ = fv.compare(far, trace).weights


def test_shuffled_channels_are_found_again_by_correlation() -> None:
    torch.manual_seed(1)
    x = torch.randn(16, 300)
    order = torch.randperm(16)
    x[5] = 4.0
    found = by_correlation(x, x[order])
    varying = [k for k in range(16) if k != 5]
    assert found.of[varying].tolist() == torch.argsort(order)[varying].tolist()
    # what is the same everywhere goes with nothing, and keeps its number
    assert found.of[5] == 5
    assert by_correlation(x[:, :1], x[:3, :1]).of.max() <= 2


def test_the_partner_of_a_channel_is_drawn_beside_it(trace: Trace, other: Trace) -> None:
    pair = fv.compare(trace, other).planes("P3", "channel", 4)
    h, w = trace.geometry.visible_cells(trace.level("P3"))
    x, y = (side.node("P3")[:, :h, :w].flatten(1).numpy() for side in (trace, other))
    likeness = [np.corrcoef(x[4], channel)[0, 1] for channel in y]
    assert (pair.channel_b, pair.matched) == (int(np.argmax(likeness)), BY_CORRELATION)
    assert np.array_equal(pair.b_own, other.node("P3")[pair.channel_b, :h, :w].numpy())


# -- grids and planes ---------------------------------------------------------------------------------------------------


def test_planes_of_two_sizes_lie_on_one_grid_and_one_scale(detector: Detector, trace: Trace) -> None:
    larger = detector.trace(PICTURE, settings={"min_size": 150, "max_size": 400})
    both = fv.compare(trace, larger)
    pair = both.planes("P2", "l2")
    assert pair.a.shape == pair.b.shape == pair.difference.shape == trace.geometry.visible_cells(trace.level("P2"))
    assert pair.b_own.shape == larger.geometry.visible_cells(larger.level("P2"))
    assert np.array_equal(pair.difference, pair.b - pair.a)
    assert pair.resampled
    assert "means over A's cells" in pair.sentence
    # both cover the picture to its edges
    assert pair.box_img[2:] == pytest.approx(pair.box_b_img[2:], abs=8)
    assert pair.limits.high >= max(np.quantile(pair.a, 0.99), np.quantile(pair.b_own, 0.99))
    assert pair.difference_limits.low == -pair.difference_limits.high
    row = both.node_difference("P2")
    assert (row.resampled, row.size_a, row.size_b) == (True, trace.level("P2").size, larger.level("P2").size)
    assert any(note.startswith("A sees ") and "same places" in note for note in both.notes)


def test_resampling_keeps_a_ramp_over_the_picture_and_the_mean(detector: Detector, trace: Trace) -> None:
    fine = detector.trace(PICTURE, settings={"min_size": 190, "max_size": 400})
    grid, target = grid_of(fine, "P2"), grid_of(trace, "P2")
    middles = [(borders[:-1] + borders[1:]) / 2 for borders in (grid.y_img, grid.x_img)]
    ramp = torch.from_numpy(middles[0][:, None] + 10 * middles[1])
    moved = resampled(ramp[None], grid, target)[0].double().numpy()
    wanted = [(borders[:-1] + borders[1:]) / 2 for borders in (target.y_img, target.x_img)]
    inner = np.s_[1:-1, 1:-1]
    cell = target.x_img[1]
    assert np.abs(moved - (wanted[0][:, None] + 10 * wanted[1]))[inner].max() < 10 * cell / 4
    areas = [np.outer(np.diff(one.y_img), np.diff(one.x_img)) for one in (grid, target)]
    assert (moved * areas[1]).sum() / areas[1].sum() == pytest.approx(
        float((ramp.numpy() * areas[0]).sum() / areas[0].sum()), rel=1e-5
    )
    broken = ramp.clone()
    broken[7, 9] = math.nan
    assert 1 <= int(np.isnan(resampled(broken[None], grid, target).numpy()).sum()) <= 4


def test_a_node_that_one_has_not(trace: Trace) -> None:
    narrow = dense_detector().trace(PICTURE)
    both = fv.compare(trace, narrow)
    assert "C2" in both.common_nodes or "C2" in both.all_nodes
    pair = both.planes("P2")
    assert (pair.b, pair.difference, pair.level_b) == (None, None, "")
    assert pair.sentence == "B has no P2, so there is nothing to subtract."
    alone = both.planes("P7")
    assert (alone.a, alone.level_a) == (None, "")
    assert alone.b is alone.b_own
    assert alone.box_img == alone.box_b_img
    with pytest.raises(QuestionError, match="Neither of the two has a map 'X9'"):
        both.planes("X9")
    with pytest.raises(QuestionError, match="P3 has no channel 400; it has 16, counted from 0"):
        both.planes("P3", "channel", 400)
    with pytest.raises(QuestionError, match="'median' is no way"):
        both.planes("P3", "median")


def test_values_under_a_point_are_those_of_the_planes(detector: Detector, trace: Trace) -> None:
    larger = detector.trace(PICTURE, settings={"min_size": 150, "max_size": 400})
    both = fv.compare(trace, larger)
    rows = {node: values for node, *values in both.at((60.5, 33.2), "l2")}
    assert list(rows) == list(both.all_nodes)
    for node in ("C3", "T3", "P5"):
        pair = both.planes(node, "l2")
        for side, plane, value in zip((trace, larger), (pair.a, pair.b_own), rows[node], strict=True):
            cell = side.geometry.cell_at(side.level(side.graph[node].level), 60.5, 33.2)
            assert value == pytest.approx(float(plane[cell]), rel=1e-5)
    assert {value for _, *values in both.at((500, 5)) for value in values} == {None}
    assert {value for _, *values in both.at((5, 5), "channel", 10_000) for value in values} == {None}


# -- what is refused ----------------------------------------------------------------------------------------------------


def test_runs_of_two_pictures_are_not_compared(detector: Detector, trace: Trace) -> None:
    with pytest.raises(QuestionError, match="another picture; run both over one"):
        fv.compare(trace, detector.trace(noise(70, 101, seed=1)))
    with pytest.raises(QuestionError, match="An overlap of 0 cannot be asked for"):
        fv.compare(trace, trace, iou=0)
