"""The object's contrast in every node, against numpy written out and against the panels that tell the same."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from fpn_viewer.core.analysis import signal
from fpn_viewer.core.analysis.channels import cells_inside, rank_channels
from fpn_viewer.core.analysis.signal import level_of, read_signal
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.errors import QuestionError, SettingError
from fpn_viewer.core.tracing.probe import top_down_share
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace

HEIGHT, WIDTH = 97, 171
BOXES = [(40.0, 20.0, 90.0, 60.0), (60.0, 50.0, 61.0, 51.0), (0.0, 0.0, 30.0, 30.0), (150.0, 80.0, 400.0, 300.0)]


@pytest.fixture(scope="module")
def trace() -> Trace:
    gains = {("M3", "top-down"): 0.5, ("M2", "lateral"): -2.0}
    return tiny_detector(min_size=192, max_size=384).trace(noise(HEIGHT, WIDTH), gains=gains)


def written_out(trace: Trace, name: str, box: Box) -> tuple[float, float, float, int]:
    """Contrast, inside, ring and cells of mean |x|, cell by cell."""
    level = trace.level(trace.graph[name].level)
    strength = trace.node(name).double().abs().mean(0).numpy()
    rows, columns = cells_inside(trace.geometry, level, box)
    margins = [max(1, round(0.5 * (end - first))) for first, end in (rows, columns)]
    height, width = trace.geometry.visible_cells(level)
    inside, ring = [], []
    for r in range(max(0, rows[0] - margins[0]), min(height, rows[1] + margins[0])):
        for c in range(max(0, columns[0] - margins[1]), min(width, columns[1] + margins[1])):
            (inside if rows[0] <= r < rows[1] and columns[0] <= c < columns[1] else ring).append(strength[r, c])
    around, deviation = (float(np.mean(ring)), float(np.std(ring))) if ring else (0.0, 0.0)
    contrast = (np.mean(inside) - around) / deviation if deviation else 0.0
    return float(contrast), float(np.mean(inside)), around, len(inside)


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_every_node_is_the_one_written_out(trace: Trace, box: Box) -> None:
    found = read_signal(trace, box)
    assert [node.node for node in found.nodes] == [node.name for node in trace.graph.nodes]
    for node in found.nodes:
        contrast, inside, ring, cells = written_out(trace, node.node, box)
        assert node.cells == cells
        np.testing.assert_allclose((node.inside, node.ring), (inside, ring), rtol=1e-4, atol=1e-6)
        assert node.contrast == pytest.approx(contrast, rel=2e-3, abs=2e-3)
        assert (node.level, node.role) == (trace.graph[node.node].level, trace.graph[node.node].role)


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_the_channels_are_those_of_the_channels_panel(trace: Trace, box: Box) -> None:
    for node in read_signal(trace, box).nodes:
        ranked = rank_channels(trace, node.node, box)
        assert [contrast for _, contrast in node.channels] == pytest.approx(ranked.contrast[:5].tolist(), rel=1e-4, abs=1e-5)
        assert [channel for channel, _ in node.channels] == ranked.channel[: len(node.channels)].tolist()


@pytest.mark.parametrize("box", BOXES[:3], ids=str)
def test_shares_are_those_of_the_probe_averaged_over_the_box(trace: Trace, box: Box) -> None:
    for node in read_signal(trace, box).nodes:
        if node.role != "merged":
            assert not node.shares
            continue
        assert sum(node.shares.values()) == pytest.approx(1, abs=1e-5)
        rows, columns = cells_inside(trace.geometry, trace.level(node.level), box)
        cells = [top_down_share(trace, node.level, r, c) for r in range(*rows) for c in range(*columns)]
        if "top-down" in node.shares:
            assert node.shares["top-down"] == pytest.approx(np.mean(cells), rel=1e-4)


def test_a_merged_node_without_any_term_left_has_no_shares() -> None:
    trace = tiny_detector().trace(noise(), gains={("M2", "lateral"): 0.0, ("M2", "top-down"): 0.0})
    shares = {node.node: node.shares for node in read_signal(trace, (20.0, 20.0, 40.0, 40.0)).nodes}
    assert not shares["M2"]
    assert shares["M3"]


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_crops_are_cells_of_the_map_where_they_say(trace: Trace, box: Box) -> None:
    for channel in (None, 3):
        for node in read_signal(trace, box, channel=channel).nodes:
            level = trace.level(node.level)
            values = trace.node(node.node)
            shown = (values.abs().mean(0) if channel is None else values[channel]).numpy()
            x0, y0, x1, y1 = node.crop_box_img
            (ky, kx), (sy, sx) = trace.scale, level.stride
            top, bottom, left, right = (round(v) for v in (y0 * ky / sy, y1 * ky / sy, x0 * kx / sx, x1 * kx / sx))
            np.testing.assert_allclose(node.crop, shown[top:bottom, left:right], rtol=1e-5, atol=1e-7)
            assert node.crop.dtype == np.float32
            assert not node.crop.flags.writeable
            rows, columns = cells_inside(trace.geometry, level, box)
            visible = trace.geometry.visible_cells(level)
            assert top <= max(0, rows[0] - 3)
            assert right >= min(visible[1], columns[1] + 3)
            assert (bottom <= visible[0], right <= visible[1]) == (True, True)


def test_the_window_holds_the_box_with_surroundings_and_stays_on_the_picture(trace: Trace) -> None:
    for box in BOXES:
        x0, y0, x1, y1 = read_signal(trace, box).window_img
        assert 0 <= x0 <= box[0]
        assert 0 <= y0 <= box[1]
        assert min(box[2], WIDTH) <= x1 <= WIDTH
        assert min(box[3], HEIGHT) <= y1 <= HEIGHT
    x0, _, x1, _ = read_signal(trace, BOXES[1]).window_img
    assert x1 - x0 >= 7 * trace.levels[0].stride[1] / trace.scale[1] * 0.99


def test_nodes_with_too_few_channels_show_their_strength(trace: Trace) -> None:
    narrow, channel = trace.width("C2"), trace.width("C5") - 1
    assert narrow <= channel
    plain, asked = (read_signal(trace, BOXES[0], channel=one) for one in (None, channel))
    np.testing.assert_array_equal(plain.nodes[0].crop, asked.nodes[0].crop)
    c5 = next(index for index, node in enumerate(plain.nodes) if node.node == "C5")
    assert (plain.nodes[c5].crop != asked.nodes[c5].crop).any()
    assert asked.channel == channel
    for wrong in (-1, channel + 1):
        with pytest.raises(SettingError, match=f"give one from 0 to {channel}"):
            read_signal(trace, BOXES[0], channel=wrong)


def test_a_large_box_is_read_here_and_there_for_its_channels_only(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    box = (30.0, 15.0, 150.0, 80.0)
    whole = read_signal(trace, box)
    monkeypatch.setattr(signal, "_MANY", 300)
    for channel in (None, 3):
        thinned = read_signal(trace, box, channel=channel)
        for before, after in zip(whole.nodes, thinned.nodes, strict=True):
            assert after.contrast == pytest.approx(before.contrast, rel=1e-4, abs=1e-4)
            assert after.crop.shape == before.crop.shape
    assert thinned.nodes[0].channels != whole.nodes[0].channels
    finest = next(node for node in thinned.nodes if node.node == "P2")
    ranked = rank_channels(trace, "P2", box)
    known = dict(zip(ranked.channel.tolist(), ranked.contrast.tolist(), strict=True))
    for channel, contrast in finest.channels:
        assert contrast == pytest.approx(known[channel], abs=0.25)


def test_a_long_thin_box_keeps_its_row(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "_MANY", 30)
    box = (5.0, 50.0, 165.0, 50.5)
    for node in read_signal(trace, box).nodes:
        assert node.contrast == pytest.approx(written_out(trace, node.node, box)[0], rel=2e-3, abs=2e-3)
        assert len(node.channels) == 5


def planted(trace: Trace, brightness: dict[str, float], box: Box) -> Trace:
    """A trace whose maps are noise, with a box in some of them that much stronger."""
    generator = torch.Generator().manual_seed(1)
    maps = {}
    for name, values in trace.maps.items():
        values = 1 + 0.1 * torch.rand(values.shape, generator=generator)
        level = trace.level(trace.graph[name].level)
        (top, bottom), (left, right) = cells_inside(trace.geometry, level, box)
        values[:, top:bottom, left:right] += brightness.get(name, 0.0)
        maps[name] = values
    return replace(trace, maps=maps)


@pytest.mark.parametrize("node", ["C2", "L2", "M2", "P2"])
def test_it_drowns_at_the_first_node_on_its_way_where_it_does_not_stand_out(trace: Trace, node: str) -> None:
    way = ["C2", "L2", "M2", "P2"]
    box = (60.0, 40.0, 70.0, 50.0)
    found = read_signal(planted(trace, dict.fromkeys(way[: way.index(node)], 1.0) | {"C3": 1.0}, box), box)
    assert level_of(trace, box) == "P2"
    assert found.drowns == node
    assert f"drowns at {node}" in found.sentence
    assert "% come from above" in found.sentence


def test_an_object_that_is_strong_everywhere_stands_out(trace: Trace) -> None:
    box = (60.0, 40.0, 70.0, 50.0)
    found = read_signal(planted(trace, dict.fromkeys(("C2", "L2", "M2", "P2"), 1.0), box), box)
    assert found.drowns == ""
    assert "stands out" in found.sentence
    # the map from above does not show it, and is no part of its way
    assert next(node for node in found.nodes if node.node == "T2").contrast < 1


def test_the_level_is_that_of_the_roi_or_of_the_nearest_anchors(trace: Trace) -> None:
    sizes = {side: (10.0, 10.0, 10.0 + side / trace.scale[1], 10.0 + side / trace.scale[0]) for side in (4, 12, 30, 45, 100)}
    assert {level_of(trace, box) for box in sizes.values()} == {"P2"}
    dense = replace(trace, spec=replace(trace.spec, family="RetinaNet"))
    assert [level_of(dense, box) for box in sizes.values()] == ["P2", "P2", "P4", "P4", "P5"]
    fcos = replace(trace, spec=replace(trace.spec, family="FCOS"))
    assert level_of(fcos, sizes[100]) == "P2"


@pytest.mark.parametrize("box", [(10.0, 10.0, 10.0, 20.0), (WIDTH + 1.0, 0.0, WIDTH + 5.0, 9.0)], ids=str)
def test_a_box_that_is_none_is_refused(trace: Trace, box: Box) -> None:
    with pytest.raises(QuestionError, match="outside the picture or is empty"):
        read_signal(trace, box)


def test_maps_are_averaged_once_for_a_trace_and_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "_MANY", 50)
    trace = tiny_detector().trace(noise())
    first = read_signal(trace, (0.0, 0.0, 100.0, 70.0))
    kept = {name: id(values) for name, values in signal._STRENGTHS[trace].items()}
    again = read_signal(trace, (0.0, 0.0, 100.0, 70.0))
    assert "P2" in kept
    assert kept == {name: id(values) for name, values in signal._STRENGTHS[trace].items()}
    assert [node.contrast for node in first.nodes] == [node.contrast for node in again.nodes]
    gone = weakref.ref(trace)
    del trace
    gc.collect()
    assert gone() is None


def test_a_map_that_is_not_finite_answers_with_zero() -> None:
    trace = tiny_detector().trace(noise())
    broken = {name: torch.full_like(x, float("nan")) if name == "P2" else x for name, x in trace.maps.items()}
    found = {node.node: node for node in read_signal(replace(trace, maps=broken), (20.0, 20.0, 40.0, 40.0)).nodes}
    assert found["P2"].contrast == 0
    assert found["P3"].contrast != 0


def test_a_real_object_of_the_demo_stands_out_on_its_way() -> None:
    detector = open_detector("demo", device="cpu")
    pixels = np.full((576, 768, 3), 90, np.uint8)
    pixels[300:330, 400:430] = (250, 40, 30)
    found = read_signal(detector.trace(pixels), (400.0, 300.0, 430.0, 330.0))
    assert found.drowns == ""
    assert all(node.contrast > 1 for node in found.nodes if node.level == "P2" and node.role != "top-down")
