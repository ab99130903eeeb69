from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fpn_viewer.core.imaging import montage
from fpn_viewer.core.imaging.colours import lut
from fpn_viewer.core.imaging.montage import MapImage, drawn_size, overlay, resized, with_bar, with_boxes

BLACK = np.zeros((60, 80, 3), np.uint8)
MAP = MapImage("M3", "mean", np.array([[0, 255], [128, 64]], np.uint8), -1.0, 3.0, False, (0.0, 0.0, 80.0, 60.0))


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        ((600, 800), (600, 800)),
        ((3000, 4000), (768, 1024)),
        ((70, 101), (280, 404)),
        ((1000, 10), (1000, 10)),
        ((1, 1), (320, 320)),
    ],
)
def test_large_pictures_shrink_and_tiny_ones_grow_by_whole_times(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert drawn_size(size) == drawn


def test_enlarged_pixels_stay_squares() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    assert (resized(pixels, (9, 12)) == pixels.repeat(3, 0).repeat(3, 1)).all()


def test_a_map_covers_its_box_and_nothing_else() -> None:
    part = replace(MAP, box_img=(10.0, 20.0, 50.0, 40.0))
    out = overlay(BLACK, part, (60, 80), opacity=1.0)
    assert not out[:, :10].any()
    assert not out[:, 50:].any()
    assert not out[:20].any()
    assert not out[40:].any()
    for (y, x), byte in (((20, 10), 0), ((20, 49), 255), ((39, 29), 128), ((39, 30), 64), ((29, 29), 0), ((30, 29), 128)):
        assert (out[y, x] == lut("viridis")[byte]).all()


def test_what_reaches_past_the_picture_is_cut_off() -> None:
    out = overlay(BLACK, replace(MAP, box_img=(0.0, 0.0, 160.0, 120.0)), (60, 80), opacity=1.0)
    assert (out == lut("viridis")[0]).all()


def test_a_map_beside_the_picture_leaves_it_alone() -> None:
    assert not overlay(BLACK, replace(MAP, box_img=(100.0, 0.0, 200.0, 60.0)), (60, 80)).any()


def test_cells_lie_the_same_on_a_picture_drawn_larger() -> None:
    small = overlay(BLACK, MAP, (60, 80))
    assert (overlay(np.zeros((120, 160, 3), np.uint8), MAP, (60, 80)) == small.repeat(2, 0).repeat(2, 1)).all()


def test_broken_cells_are_striped_and_told() -> None:
    broken = replace(MAP, broken_at=np.array([[True, False], [False, False]]))
    out = overlay(BLACK, broken, (60, 80))
    corner = out[:30, :40].reshape(-1, 3)
    assert set(map(tuple, np.unique(corner, axis=0).tolist())) == {(0, 0, 0), (255, 255, 255)}
    assert (out[30:] == overlay(BLACK, MAP, (60, 80))[30:]).all()
    told, quiet = (np.asarray(with_bar(BLACK, one))[60:80] for one in (broken, MAP))
    assert (told < 128).sum() > (quiet < 128).sum()


@pytest.mark.parametrize(("signed", "table"), [(False, "viridis"), (True, "diverging")])
def test_the_colour_bar_shows_the_table_of_the_map(signed: bool, table: str) -> None:
    page = np.asarray(with_bar(BLACK, replace(MAP, signed=signed)))
    assert page.shape == (60 + montage.BAR_HEIGHT, montage.NARROWEST, 3)
    assert not page[:60, :80].any(), "the picture has moved"
    bar = page[60 + 23 + 5].astype(int)
    assert np.abs(bar[9] - lut(table)[0]).max() < 8
    assert np.abs(bar[-10] - lut(table)[255]).max() < 8


def test_components_have_no_colour_bar() -> None:
    rgb = replace(MAP, values=np.full((2, 2, 3), 200, np.uint8))
    assert (overlay(BLACK, rgb, (60, 80), opacity=1.0) == 200).all()
    page = np.asarray(with_bar(BLACK, rgb))[60:]
    assert (page.max(2) - page.min(2)).max() < 40


def test_boxes_are_drawn_in_the_colour_of_their_class() -> None:
    out = with_boxes(np.zeros((120, 160, 3), np.uint8), np.array([[10.0, 10.0, 30.0, 20.0]]), np.array([1]), (60, 80))
    ink = np.argwhere(out.any(2))
    assert ink.min(0).tolist() == [20, 20]
    assert ink.max(0).tolist() == [39, 59]
    assert out[20, 20].tolist() == [0x2F, 0x9B, 0xFF]
