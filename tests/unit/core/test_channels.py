"""Channels ranked by contrast between a box and its ring, against numpy written out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from fpn_viewer.core.analysis.channels import cells_inside, rank_channels
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.geometry import Geometry, Level
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.trace import Trace


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_detector(min_size=192, max_size=384).trace(noise(97, 171))


def written_out(trace: Trace, name: str, box: tuple[float, float, float, float]) -> dict[int, tuple[float, float, float]]:
    """Channel to (contrast, inside, ring), cell by cell."""
    level = trace.level(trace.graph[name].level)
    (ky, kx), (sy, sx) = trace.scale, level.stride
    rows, columns = trace.geometry.visible_cells(level)
    inner = np.array(
        [
            [box[1] <= (r + 0.5) * sy / ky < box[3] and box[0] <= (c + 0.5) * sx / kx < box[2] for c in range(columns)]
            for r in range(rows)
        ]
    )
    ys, xs = np.nonzero(inner)
    my, mx = (max(1, round(0.5 * (int(np.ptp(v)) + 1))) for v in (ys, xs))
    near = np.zeros_like(inner)
    near[max(0, ys.min() - my) : ys.max() + 1 + my, max(0, xs.min() - mx) : xs.max() + 1 + mx] = True
    values = trace.node(name).double().numpy()[:, :rows, :columns]
    out = {}
    for channel, plane in enumerate(values):
        ring = plane[near & ~inner]
        out[channel] = ((plane[inner].mean() - ring.mean()) / ring.std(), plane[inner].mean(), ring.mean())
    return out


@pytest.mark.parametrize("name", ["P2", "C3", "T2", "M3"])
@pytest.mark.parametrize("box", [(40.0, 20.0, 90.0, 60.0), (0.0, 0.0, 30.0, 30.0), (150.0, 80.0, 400.0, 300.0)], ids=str)
def test_ranking_is_the_one_written_out(trace: Trace, name: str, box: tuple[float, float, float, float]) -> None:
    ranked = rank_channels(trace, name, box)
    expected = written_out(trace, name, box)
    assert sorted(ranked.channel.tolist()) == sorted(expected)
    assert (np.diff(ranked.contrast) <= 0).all()
    for index, channel in enumerate(ranked.channel.tolist()):
        found = ranked.contrast[index], ranked.inside[index], ranked.ring[index]
        np.testing.assert_allclose(found, expected[channel], rtol=2e-4, atol=1e-5)


def test_the_channel_that_lights_up_in_the_box_is_first(trace: Trace) -> None:
    x = torch.randn(16, *trace.level("P2").size, generator=torch.Generator().manual_seed(0))
    rows, columns = cells_inside(trace.geometry, trace.level("P2"), (40, 20, 90, 60))
    x[11, slice(*rows), slice(*columns)] += 9
    x[3, slice(*rows), slice(*columns)] -= 9
    ranked = rank_channels(replace(trace, maps={**trace.maps, "P2": x}), "P2", (40, 20, 90, 60))
    assert ranked.channel[0] == 11
    assert ranked.channel[-1] == 3
    assert ranked.cells == (rows[1] - rows[0]) * (columns[1] - columns[0])


def test_channels_without_contrast_keep_their_order(trace: Trace) -> None:
    x = torch.full_like(trace.node("P2"), 0.1)
    x[5] = torch.nan
    ranked = rank_channels(replace(trace, maps={**trace.maps, "P2": x}), "P2", (40, 20, 90, 60))
    assert ranked.channel.tolist() == list(range(16))
    assert not ranked.contrast.any()


def test_a_box_over_the_whole_picture_has_no_ring(trace: Trace) -> None:
    ranked = rank_channels(trace, "P4", (-5, -5, 1000, 1000))
    rows, columns = trace.geometry.visible_cells(trace.level("P4"))
    assert ranked.cells == rows * columns
    assert not ranked.contrast.any()
    assert not ranked.ring.any()


def test_cells_are_those_whose_centre_is_inside_or_the_one_in_the_middle() -> None:
    geometry, level = Geometry((90, 90), (90, 90), (96, 96)), Level("P4", (16.0, 16.0), (6, 6))
    assert cells_inside(geometry, level, (8, 8, 40, 24)) == ((0, 1), (0, 2))
    assert cells_inside(geometry, level, (8.1, 8.1, 40.1, 24.1)) == ((1, 2), (1, 3))
    assert cells_inside(geometry, level, (30, 30, 33, 33)) == ((1, 2), (1, 2))
    assert cells_inside(geometry, level, (89, 89, 90, 90)) == ((5, 6), (5, 6))


@pytest.mark.parametrize("box", [(200, 10, 300, 20), (10, -30, 20, -1), (30, 30, 30, 40), (50, 50, 20, 20)], ids=str)
def test_a_box_without_a_picture_is_refused(trace: Trace, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(SettingError, match="outside the picture"):
        rank_channels(trace, "P2", box)
