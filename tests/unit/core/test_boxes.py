from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpn_viewer.core.imaging import boxes
from fpn_viewer.core.imaging.boxes import Frame, Grid, Grids

SIZE = (13, 17)

coordinate = st.floats(-40, 60, width=32)
frames = st.builds(
    Frame, st.floats(0.1, 6), st.tuples(st.floats(-30, 30), st.floats(-30, 30)), st.tuples(st.integers(1, 16), st.integers(1, 16))
)


@st.composite
def some_boxes(draw: st.DrawFn) -> np.ndarray:
    corners = draw(st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=6))
    array = np.array(corners, np.float32).reshape(-1, 4)
    return np.concatenate([np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:])], 1)


@st.composite
def intervals(draw: st.DrawFn) -> np.ndarray:
    ends = draw(st.lists(st.tuples(coordinate, coordinate), max_size=5))
    return np.sort(np.array(ends, np.float32).reshape(-1, 2), axis=1)


def outline(box_img: np.ndarray, frame: Frame) -> set[tuple[int, int]]:
    """The (row, column) of an outline's pixels on the raster, one by one."""
    corners = np.floor(np.asarray(box_img, np.float64) * frame.scale + np.tile(frame.offset, 2))
    x0, y0, x1, y1 = (int(v) for v in corners)
    places = {(y, x) for y in (y0, y1) for x in range(x0, x1 + 1)} | {(y, x) for x in (x0, x1) for y in range(y0, y1 + 1)}
    return {(y, x) for y, x in places if 0 <= y < frame.size[0] and 0 <= x < frame.size[1]}


def reference(boxes_img: np.ndarray, frame: Frame) -> np.ndarray:
    counts = np.zeros(frame.size, int)
    for box in boxes_img:
        for place in outline(box, frame):
            counts[place] += 1
    return counts


def boxes_of(grid: Grid) -> np.ndarray:
    return np.array([(x0, y0, x1, y1) for y0, y1 in grid.rows for x0, x1 in grid.columns], np.float32).reshape(-1, 4)


@given(some_boxes(), frames)
def test_every_pixel_counts_the_outlines_on_it(boxes_img: np.ndarray, frame: Frame) -> None:
    np.testing.assert_array_equal(boxes.edge_density(frame.boxes(boxes_img), frame.size), reference(boxes_img, frame))


@given(some_boxes(), frames)
def test_a_box_is_visible_when_it_has_a_pixel(boxes_img: np.ndarray, frame: Frame) -> None:
    visible = boxes.outline_visible(frame.boxes(boxes_img), frame.size)
    assert visible.tolist() == [bool(outline(box, frame)) for box in boxes_img]


@given(some_boxes(), frames)
def test_painted_outlines_are_the_counted_ones_and_the_last_is_on_top(boxes_img: np.ndarray, frame: Frame) -> None:
    canvas = np.zeros(frame.size, np.uint8)
    boxes.paint_outlines(canvas, frame.boxes(boxes_img), range(1, len(boxes_img) + 1))
    expected = np.zeros(frame.size, int)
    for code, box in enumerate(boxes_img, 1):
        for place in outline(box, frame):
            expected[place] = code
    np.testing.assert_array_equal(canvas, expected)


@given(st.lists(st.tuples(intervals(), intervals()), max_size=3), frames)
def test_grids_count_as_their_boxes_do(pieces: list[tuple[np.ndarray, np.ndarray]], frame: Frame) -> None:
    grids = [Grid(x, y, 0, 1) for x, y in pieces]
    everything = np.concatenate([np.zeros((0, 4), np.float32), *map(boxes_of, grids)])
    expected = reference(everything, frame)
    np.testing.assert_array_equal(Grids(grids).density(frame), expected)
    canvas = np.full(frame.size, 9, np.uint8)
    Grids(grids).paint(canvas, frame, 5)
    np.testing.assert_array_equal(canvas, np.where(expected > 0, 5, 9))


@given(st.lists(st.tuples(intervals(), intervals()), max_size=3), frames, st.integers(0, 9), st.integers(1, 4))
def test_visible_boxes_of_grids_are_listed_and_counted(
    pieces: list[tuple[np.ndarray, np.ndarray]], frame: Frame, first: int, step: int
) -> None:
    grids = Grids([Grid(x, y, first + index, step) for index, (x, y) in enumerate(pieces)])
    expected = [grid.first + step * i for grid in grids.members for i, box in enumerate(boxes_of(grid)) if outline(box, frame)]
    assert grids.visible(frame).tolist() == expected
    assert grids.visible_count(frame) == len(expected)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.data())
def test_grids_are_found_in_a_levels_anchors(h: int, w: int, shapes: int, first: int, data: st.DataObject) -> None:
    half = np.array(data.draw(st.lists(st.tuples(st.floats(1, 9), st.floats(1, 9)), min_size=shapes, max_size=shapes)))
    y, x, k = (a.ravel() for a in np.indices((h, w, shapes)))
    centre, extent = np.stack([x * 4, y * 4], 1), half[k]
    table = np.concatenate([centre - extent, centre + extent], 1).astype(np.float32)
    grids = boxes.grids_of(table, (h, w), shapes, first)
    assert grids is not None
    assert sum(map(len, grids)) == len(table)
    for k, grid in enumerate(grids):
        np.testing.assert_array_equal(boxes_of(grid), table[k::shapes])
        assert (grid.first, grid.step) == (first + k, shapes)


@pytest.mark.parametrize(("column", "value"), [(0, 1e-3), (1, 1e-3), (2, 1e-3), (3, 1e-3), (0, np.nan)])
def test_anchors_that_leave_their_row_or_column_are_no_grid(column: int, value: float) -> None:
    y, x = (a.ravel() for a in np.indices((3, 3)))
    table = np.stack([x - 1, y - 1, x + 1, y + 1], 1).astype(np.float32)
    assert boxes.grids_of(table, (3, 3), 1) is not None
    table[4, column] += value
    assert boxes.grids_of(table, (3, 3), 1) is None


def test_no_anchors_are_no_grids() -> None:
    assert boxes.grids_of(np.zeros((0, 4), np.float32), (3, 3), 0) == ()
    density = Grids().density(Frame(1, (0, 0), SIZE))
    assert density.shape == SIZE
    assert not density.any()


def test_a_product_cut_into_slices_is_still_exact() -> None:
    rng = np.random.default_rng(0)
    frame = Frame(1.37, (-3.2, 5.1), (301, 777))
    grids = [Grid(np.sort(rng.uniform(-50, 600, (40, 2)), 1), np.sort(rng.uniform(-50, 300, (30, 2)), 1), 0, 1) for _ in range(12)]
    table = np.concatenate([np.array([(a, c, b, d) for c, d in g.rows for a, b in g.columns]) for g in grids])
    np.testing.assert_array_equal(Grids(grids).density(frame), boxes.edge_density(frame.boxes(table), frame.size))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_not_drawn_and_harms_nothing(bad: float) -> None:
    frame = Frame(1, (0, 0), SIZE)
    whole = np.array([[2, 3, 8, 9]], np.float32)
    broken = np.array([[bad, bad, bad, bad], [np.nan, 3, 8, 9]], np.float32)
    both = boxes.edge_density(frame.boxes(np.concatenate([whole, broken])), SIZE)
    np.testing.assert_array_equal(both, reference(whole, frame))


@pytest.mark.parametrize(("scale", "size"), [(0, SIZE), (-1, SIZE), (1, (0, 5))])
def test_a_frame_without_extent_is_refused(scale: float, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Frame(scale, (0, 0), size)


@pytest.mark.parametrize(
    ("count", "top"), [(0, 1), (1, 1), (1.5, 2), (2, 2), (3, 5), (5, 5), (6, 10), (10, 10), (11, 20), (999, 1000), (1001, 2000)]
)
def test_tops_are_round(count: float, top: int) -> None:
    assert boxes.round_up(count) == top


@given(st.integers(1, 3000))
def test_tables_begin_with_nothing_and_rise_to_the_full_colour(top: int) -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    table = boxes.density_table(grey, top)
    assert len(table) == top + 1
    assert table[0] == 0
    assert table[-1] == 0xFFFFFFFF
    assert (np.diff(table.astype(np.int64)) >= 0).all()
    tint = boxes.tint_table((0, 0x72, 0xB2), top)
    assert (tint[0], tint[-1]) == (0, 0xFF0072B2)
    alpha, blue = tint >> 24, tint & 0xFF
    assert (blue <= alpha).all(), "premultiplied"
    assert (np.diff(alpha.astype(np.int64)) >= 0).all()


def test_counts_above_the_top_take_the_last_colour() -> None:
    table = boxes.tint_table((255, 0, 0), 2)
    coloured = boxes.colour_counts(np.array([[0, 1], [2, 7]], np.float32), table)
    assert coloured.tolist() == [[0, table[1]], [table[2], table[2]]]
