"""The frames map to each other exactly, and sizes are torchvision's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.geometry import Geometry, Level, frozen, net_size, padded

sides = st.integers(1, 700)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.integers(32, 400), st.integers(32, 700))
def test_net_and_padded_size_are_torchvisions(height: int, width: int, low: int, high: int) -> None:
    transform = GeneralizedRCNNTransform(low, high, [0, 0, 0], [1, 1, 1]).eval()
    try:
        size = net_size((height, width), low, high)
    except DetectorError:
        with pytest.raises(RuntimeError):
            transform([torch.zeros(3, height, width)])
        return
    images, _ = transform([torch.zeros(3, height, width)])
    assert images.image_sizes[0] == size
    assert tuple(images.tensors.shape[-2:]) == padded(size, 32)


@given(sides, sides, sides, sides)
def test_boxes_come_back(h: int, w: int, nh: int, nw: int) -> None:
    geometry = Geometry((h, w), (nh, nw), padded((nh, nw), 32))
    boxes = np.array([[0.0, 0.0, w, h], [1.5, 2.5, 3.0, 4.0]])
    assert np.allclose(geometry.to_img(geometry.to_net(boxes)), boxes, rtol=1e-12)
    assert np.allclose(geometry.to_net(boxes[0]), [0, 0, nw, nh])


@given(sides, sides, st.sampled_from([4, 8, 16, 32, 64]), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_the_cell_under_a_point_covers_the_point(nh: int, nw: int, stride: int, fx: float, fy: float) -> None:
    geometry = Geometry((100, 150), (nh, nw), padded((nh, nw), 32))
    h, w = -(-geometry.padded_size[0] // stride), -(-geometry.padded_size[1] // stride)
    level = Level("P", (stride, stride), (h, w))
    x, y = fx * 150, fy * 100
    cell = geometry.cell_at(level, x, y)
    assert cell is not None
    x0, y0, x1, y1 = geometry.cell_box_img(level, *cell)
    assert x0 - 1e-6 <= x <= x1 + 1e-6
    assert y0 - 1e-6 <= y <= y1 + 1e-6


def test_the_frame_of_the_picture_through_every_level() -> None:
    """The cells of a level tile the padded picture: the last visible one ends at or past the edge, by less than a cell."""
    geometry = Geometry((533, 800), (427, 641), (448, 672))
    for stride in (4, 8, 16, 32):
        level = Level("P", (stride, stride), (448 // stride, 672 // stride))
        rows, columns = geometry.visible_cells(level)
        *_, x1, y1 = geometry.cell_box_img(level, rows - 1, columns - 1)
        assert 0 <= x1 * geometry.scale[1] - 641 < stride
        assert 0 <= y1 * geometry.scale[0] - 427 < stride
        assert geometry.map_box_img(level)[2:] == pytest.approx((672 / 641 * 800, 448 / 427 * 533))


def test_outside_there_is_no_cell() -> None:
    geometry = Geometry((10, 20), (10, 20), (32, 32))
    level = Level("P2", (4, 4), (8, 8))
    assert geometry.cell_at(level, 20, 5) is None
    assert geometry.cell_at(level, -0.1, 5) is None
    assert geometry.cell_at(level, 19.9, 9.9) == (2, 4)


def test_frozen_arrays_cannot_be_written_and_do_not_lock_the_callers() -> None:
    mine = np.zeros(3)
    kept = frozen(mine)
    mine[0] = 1
    assert kept[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1
