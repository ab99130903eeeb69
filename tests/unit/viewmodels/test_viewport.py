"""One pan and zoom for views of every size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpn_viewer.viewmodels.viewport import MAX_ZOOM, Viewport

pytestmark = pytest.mark.gui

sizes = st.tuples(st.integers(50, 2000), st.integers(50, 2000))
shares = st.floats(0.05, 0.95)


def viewport(image_size: tuple[int, int] = (300, 400)) -> Viewport:
    made = Viewport()
    made.set_image(image_size)
    return made


@given(sizes, sizes)
def test_a_fitted_picture_lies_inside_and_touches_two_sides(image_size: tuple[int, int], view: tuple[int, int]) -> None:
    made = viewport(image_size)
    scale, (dx, dy) = made.scale(view), made.offset(view)
    width, height = image_size[1] * scale, image_size[0] * scale
    assert width <= view[0] + 1e-6
    assert height <= view[1] + 1e-6
    assert min(abs(width - view[0]), abs(height - view[1])) < 1e-6
    assert (dx, dy) == pytest.approx(((view[0] - width) / 2, (view[1] - height) / 2))


@given(sizes, shares, shares, st.floats(1.01, 4))
def test_the_point_under_the_cursor_stays_when_zooming(view: tuple[int, int], fx: float, fy: float, factor: float) -> None:
    made = viewport()
    made.zoom_at(2.0, (view[0] / 2, view[1] / 2), view)
    point = (view[0] * fx, view[1] * fy)
    before = made.to_img(point, view)
    made.zoom_at(factor, point, view)
    held = made.state.center_img
    inside = 0 < held[0] < 400 and 0 < held[1] < 300
    if inside and made.scale(view) < MAX_ZOOM:
        assert made.to_img(point, view) == pytest.approx(before, abs=1e-6)


def test_small_and_large_views_show_the_same_place() -> None:
    made = viewport()
    made.zoom_at(3.0, (50, 40), (200, 150))
    center = made.state.center_img
    for view in ((200, 150), (1000, 750)):
        assert made.to_img((view[0] / 2, view[1] / 2), view) == pytest.approx(center)


def test_panning_moves_by_view_pixels_and_keeps_the_picture_in_reach() -> None:
    made, view = viewport(), (400, 300)
    made.zoom_at(4.0, (200, 150), view)
    x, y = made.to_img((0, 0), view)
    made.pan(40, -20, view)
    assert made.to_img((40, -20), view) == pytest.approx((x, y))
    made.pan(-1e6, 1e6, view)
    assert made.state.center_img == (400.0, 0.0)


def test_hundred_percent_and_back() -> None:
    made, view = viewport(), (100, 75)
    made.one_to_one(view)
    assert made.scale(view) == pytest.approx(1.0)
    made.fit()
    assert made.state.fitted
    assert made.scale(view) == pytest.approx(0.25)


def test_zoom_has_ends() -> None:
    made, view = viewport(), (400, 300)
    made.zoom_at(1e9, (200, 150), view)
    assert made.scale(view) == MAX_ZOOM
    made.zoom_at(1e-9, (200, 150), view)
    assert made.scale(view) == pytest.approx(0.25)


def test_the_next_picture_keeps_position_and_zoom_in_proportion() -> None:
    made, view = viewport(), (400, 300)
    made.zoom_at(4.0, (100, 75), view)
    x, y = made.state.center_img
    made.set_image((600, 800))
    assert made.state.center_img == (2 * x, 2 * y)
    assert not made.state.fitted
    made.set_image((10, 10), keep=False)
    assert made.state.fitted


def test_a_box_is_brought_to_the_middle() -> None:
    made, view = viewport(), (400, 300)
    made.show_box((100, 100, 120, 110), view, share=0.5)
    assert made.state.center_img == (110, 105)
    assert made.scale(view) * 20 == pytest.approx(200)


@pytest.mark.parametrize(("box_img", "centre"), [((0, 0, 20, 10), (20, 15)), ((380, 290, 400, 300), (380, 285))])
def test_a_box_at_the_edge_leaves_no_empty_view(box_img: tuple[float, ...], centre: tuple[float, float]) -> None:
    made, view = viewport(), (400, 300)
    made.show_box(box_img, view, share=0.5)
    assert made.state.center_img == centre
    made.show_box(box_img, view, share=0.01)
    assert made.state.center_img == (200, 150), "the whole picture has room"
