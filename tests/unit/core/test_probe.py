"""One cell says what its whole map says: exact sources, shares of the top-down path, receptive fields."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_fpn

from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.necks.graph import Op
from fpn_viewer.core.necks.origins import origins
from fpn_viewer.core.tracing.probe import cell_sources, cell_vector, is_linear, projections, region, top_down_share
from fpn_viewer.core.tracing.receptive import Window, receptive_box_img, receptive_fields
from tests.tiny import TINY, noise, tiny_detector, tiny_module

if TYPE_CHECKING:
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

GAINS = [{}, {("M3", "top-down"): 0.0, ("M2", "lateral"): -0.7, ("M4", "top-down"): 2.5}]


def biased(**settings: float) -> Detector:
    """The tiny detector with biases in its neck, which torchvision starts at 0."""
    module = tiny_module()
    with torch.no_grad():
        for name, parameter in module.backbone.fpn.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.5)
    return open_detector(module, device="cpu", **settings)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Odd sizes on purpose: 97 × 171 px become levels of 32 × 48, 16 × 24 … with padding, upsampled by whole numbers."""
    return biased().trace(noise(97, 171))


@pytest.fixture(scope="module")
def uneven() -> Trace:
    """A pyramid whose levels are not halves of each other, which shows every rounding of the nearest neighbour."""
    detector = biased(min_size=83, max_size=400)
    detector.module.transform.size_divisible = 1
    return detector.trace(noise(83, 151))


def some_cells(trace: Trace, name: str) -> list[tuple[int, int]]:
    """The corners of a node and a few cells inside."""
    h, w = trace.node(name).shape[-2:]
    inner = np.random.default_rng(0).integers(0, (h, w), (6, 2)).tolist()
    return [(0, 0), (h - 1, w - 1), (0, w - 1), (h - 1, 0), *(tuple(cell) for cell in inner)]


def test_uneven_levels_are_uneven(uneven: Trace) -> None:
    sizes = [level.size for level in uneven.levels[:4]]
    assert any(fine[0] != 2 * coarse[0] for fine, coarse in pairwise(sizes)), sizes


@pytest.mark.parametrize("which", ["trace", "uneven"])
def test_sources_of_a_cell_are_those_of_its_map(which: str, request: pytest.FixtureRequest) -> None:
    trace: Trace = request.getfixturevalue(which)
    for node in trace.graph.nodes:
        whole = trace.sources(node.name)
        for row, column in some_cells(trace, node.name):
            cell = cell_sources(trace, node.name, row, column)
            assert set(cell) == set(whole)
            for source, part in cell.items():
                expected = whole[source][:, row, column]
                limit = 1e-5 * float(trace.node(node.name)[:, row, column].abs().max())
                assert float((part - expected).abs().max()) <= limit, (node.name, source, row, column)


@pytest.mark.parametrize("gains", GAINS, ids=["as it is", "scaled"])
def test_sources_follow_gains_and_sum_to_the_cell(gains: dict[tuple[str, str], float]) -> None:
    trace = biased().trace(noise(97, 171), gains=gains)
    for node in trace.graph.outputs:
        for row, column in some_cells(trace, node.name):
            total = sum(cell_sources(trace, node.name, row, column).values())
            torch.testing.assert_close(total, cell_vector(trace, node.name, row, column), rtol=1e-4, atol=1e-5)


def test_a_region_of_a_moved_node_is_the_node_there(uneven: Trace) -> None:
    for name in ("T2", "T3", "P6", "M2", "C4"):
        node = uneven.node(name)
        rows, columns = range(1, node.shape[1]), [0, node.shape[2] - 1]
        assert torch.equal(region(uneven, name, rows, columns), node[:, 1:][:, :, columns])


def test_projections_sum_to_one_and_are_dot_products(trace: Trace) -> None:
    sources = cell_sources(trace, "P2", 5, 7)
    whole = cell_vector(trace, "P2", 5, 7)
    shares = projections(sources, whole)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    for name, share in shares.items():
        assert share == pytest.approx(float(sources[name] @ whole / (whole @ whole)), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_cell_without_a_finite_vector_has_no_shares(value: float) -> None:
    assert projections({"C2": torch.ones(3)}, torch.full((3,), value)) == {}
    assert projections({}, torch.ones(3)) == {}


def test_share_of_top_down_is_a_quotient_of_norms_with_gains() -> None:
    for gains in ({}, {("M3", "top-down"): -3.0, ("M3", "lateral"): 0.5}):
        trace = tiny_detector().trace(noise(97, 171), gains=gains)
        terms = {name: t[:, 3, 4].norm() for name, t in trace.terms("M3").items()}
        expected = float(terms["top-down"] / (terms["top-down"] + terms["lateral"]))
        assert top_down_share(trace, "P3", 3, 4) == pytest.approx(expected, rel=1e-5)
    assert top_down_share(trace, "P5", 0, 0) is None
    assert top_down_share(trace, "P6", 0, 0) is None


def test_share_of_nothing_is_not_known() -> None:
    trace = tiny_detector().trace(noise(97, 171), gains={("M3", "top-down"): 0.0, ("M3", "lateral"): 0.0})
    assert top_down_share(trace, "P3", 3, 4) is None


def test_a_neck_that_is_not_affine_has_no_sources(trace: Trace) -> None:
    bent = replace(trace, affines={path: a for path, a in trace.affines.items() if path != "layer_blocks.1"})
    assert not is_linear(bent, "P3")
    assert cell_sources(bent, "P3", 0, 0) == {}
    assert is_linear(bent, "P2")
    assert cell_sources(bent, "P2", 0, 0)


@pytest.mark.parametrize(("source", "target"), [(7, 13), (13, 25), (3, 7), (5, 5), (25, 50), (1, 9), (11, 167)])
def test_origins_are_torchs_nearest_neighbours(source: int, target: int) -> None:
    numbered = torch.arange(source, dtype=torch.float32)[None, None]
    expected = nn.functional.interpolate(numbered, size=target, mode="nearest")[0, 0].int().tolist()
    assert origins(Op("nearest"), range(target), source, target) == expected
    assert origins(Op("subsample", factor=3), [0, 1, 4], 20, 7) == [0, 3, 12]


# Receptive fields


@pytest.mark.parametrize(
    ("backbone", "sizes"),
    [
        # worked out by hand from the kernels and strides of the paper's table; ResNet-50 strides in its 3×3 convolutions
        ("resnet50", {"C2": (35, 4), "C3": (91, 8), "C4": (267, 16), "C5": (427, 32)}),
        ("resnet18", {"C2": (43, 4), "C3": (99, 8), "C4": (211, 16), "C5": (435, 32)}),
    ],
)
def test_receptive_fields_of_resnets(backbone: str, sizes: dict[str, tuple[int, int]]) -> None:
    module = tiny_module(replace(TINY, backbone=backbone, backbone_width=64))
    detector = open_detector(module, device="cpu")
    windows = receptive_fields(module, detector.anatomy, detector.graph)
    assert {name: windows[name][:2] for name in sizes} == sizes
    assert windows["inner_blocks.0"] == Window()
    assert windows["layer_blocks.0"] == Window(3, 1, -1)


def test_mobilenet_is_followed_past_squeeze_and_excitation() -> None:
    torch.manual_seed(0)
    module = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None, num_classes=3)
    detector = open_detector(module, device="cpu", min_size=96, max_size=128)
    windows = receptive_fields(detector.module, detector.anatomy, detector.graph)
    # worked out by hand from table 1 of the MobileNetV3 paper, without squeeze and excitation
    assert [windows[node.name][:2] for node in detector.graph.inputs] == [(339, 32), (595, 32)]


class Summed(nn.Module):
    """A residual block written as an expression, whose sum no module returns."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(4, 4, 5, stride=2, padding=2)
        self.short = nn.Conv2d(4, 4, 1, stride=2)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.act(self.wide(x) + self.short(x))
        return out


def test_a_sum_written_as_an_expression_sees_its_wider_branch() -> None:
    module = tiny_module()
    body = module.backbone.body
    detector = open_detector(module, device="cpu")
    graph, anatomy = detector.graph, detector.anatomy
    before = receptive_fields(module, anatomy, graph)
    body.conv1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Summed(), nn.Conv2d(4, 8, 1))
    after = receptive_fields(module, anatomy, graph)
    # 3×3 and then 5×5 stride 2, in the place of 7×7 stride 2
    assert after["C2"] == before["C2"]
    body.conv1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, dilation=2), Summed(), nn.Conv2d(4, 8, 1))
    assert receptive_fields(module, anatomy, graph)["C2"].size == before["C2"].size + 2


def reached(detector_trace: Trace, other: Trace, name: str) -> np.ndarray:
    """Cells of a node that differ between two traces."""
    return (detector_trace.node(name) != other.node(name)).any(0).numpy()


def test_what_a_pixel_reaches_lies_in_the_theoretical_fields_and_touches_their_border() -> None:
    module = tiny_module()
    # linear and all positive, so that nothing on the way cancels or is cut off
    with torch.no_grad():
        for part in module.backbone.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.abs_().add_(0.01)
    detector = open_detector(module, device="cpu", min_size=320, max_size=640)
    picture = noise(320, 480)
    changed = picture.copy()
    row, column = 161, 243
    changed[row, column] = 255 - changed[row, column]
    one, two = detector.trace(picture), detector.trace(changed)
    touched = 0
    for node in one.graph.nodes:
        hits = reached(one, two, node.name)
        rows, columns = np.flatnonzero(hits.any(1)), np.flatnonzero(hits.any(0))
        for r in rows:
            _, start, _, end = receptive_box_img(one, node.name, int(r), 0)
            assert start <= row < end, (node.name, r)
            touched += row in (start, end - 1)
        for c in columns:
            start, _, end, _ = receptive_box_img(one, node.name, 0, int(c))
            assert start <= column < end, (node.name, c)
            touched += column in (start, end - 1)
    assert touched > 0


def test_what_a_field_leaves_out_changes_nothing() -> None:
    detector = tiny_detector(min_size=320, max_size=640)
    picture = noise(320, 480)
    one = detector.trace(picture)
    for name, row, column in (("C2", 40, 60), ("P2", 40, 60), ("T3", 20, 30), ("C3", 3, 5)):
        x0, y0, x1, y1 = (round(v) for v in receptive_box_img(one, name, row, column))
        outside = noise(320, 480, seed=1)
        outside[y0:y1, x0:x1] = picture[y0:y1, x0:x1]
        two = detector.trace(outside)
        torch.testing.assert_close(one.node(name)[:, row, column], two.node(name)[:, row, column], rtol=1e-5, atol=1e-6)


def test_fields_end_at_the_picture_and_are_the_picture_when_not_known(trace: Trace) -> None:
    height, width = trace.image_size
    for node in trace.graph.nodes:
        x0, y0, x1, y1 = receptive_box_img(trace, node.name, 0, 0)
        assert (x0, y0) == (0, 0)
        assert 0 < x1 <= width
        assert 0 < y1 <= height
    assert receptive_box_img(replace(trace, receptive={}), "P2", 0, 0) == (0, 0, width, height)
