"""From maps to bytes, held against numpy written out: reductions, ranges, quantisation, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fpn_viewer.core.imaging import reduce as reduce_module
from fpn_viewer.core.imaging.colours import CLASS_COLOURS, LUTS, class_colour, level_colour, lut, lut_for
from fpn_viewer.core.imaging.quantise import Range, Reduced, quantise, quantise_rgb, union, value_range
from fpn_viewer.core.imaging.reduce import REDUCERS, reduce_map
from fpn_viewer.engine.values import REDUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIZES = [(3, 5, 7), (1, 4, 4), (2, 1, 1), (40, 13, 17), (300, 3, 2)]
NAIVE: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mean_abs": lambda x: np.abs(x).mean(0),
    "l2": lambda x: np.sqrt((x**2).sum(0)),
    "max": lambda x: x.max(0),
    "mean": lambda x: x.mean(0),
}


def random_map(size: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.3, 2, size).astype(np.float32))


# Reductions


def test_there_is_a_reduction_for_every_name_of_the_display() -> None:
    assert set(REDUCERS) == set(REDUCTIONS)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NAIVE)
def test_reductions_are_those_written_out(name: str, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    x = random_map(size)
    for block_bytes in (1, 4 * size[1] * size[2] * 3, 1 << 20):
        monkeypatch.setattr(reduce_module, "_BLOCK_BYTES", block_bytes)
        plane = reduce_map(x, name)
        assert plane.dtype == np.float32
        np.testing.assert_allclose(plane, NAIVE[name](x.double().numpy()), rtol=1e-5, atol=1e-6)


def test_a_channel_is_itself_and_a_copy() -> None:
    x = random_map((3, 5, 7))
    plane = reduce_map(x, "channel", 2)
    assert np.array_equal(plane, x[2].numpy())
    plane += 1
    assert not np.array_equal(plane, x[2].numpy())
    with pytest.raises(IndexError):
        reduce_map(x, "channel", 3)


def test_half_precision_is_summed_in_float32() -> None:
    x = torch.full((600, 2, 2), 0.1, dtype=torch.float16)
    for name in ("mean_abs", "mean"):
        np.testing.assert_allclose(reduce_map(x, name), float(x[0, 0, 0]), rtol=1e-6)
    assert reduce_map(x, "channel", 1).dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", REDUCERS)
def test_one_broken_cell_breaks_one_cell(name: str, value: float) -> None:
    x = random_map((4, 6, 5))
    x[1, 2, 3] = value
    plane = reduce_map(x, name, 1)
    finite = np.isfinite(plane) if plane.ndim == 2 else np.isfinite(plane).all(2)
    expected = np.ones((6, 5), bool)
    # the maximum over channels does not see what is far below the others
    expected[2, 3] = name == "max" and value == -np.inf
    assert np.array_equal(finite, expected)


@pytest.mark.parametrize("size", [(12, 9, 11), (300, 13, 9)], ids=str)
def test_principal_components_carry_the_variance_of_an_eigendecomposition(size: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    # three strong directions under weak noise, so that axes are well told apart
    basis = np.linalg.qr(rng.normal(size=(size[0], 3)))[0]
    cells = basis @ (np.array([[9.0], [4.0], [2.0]]) * rng.normal(size=(3, size[1] * size[2])))
    cells += 0.01 * rng.normal(size=cells.shape) + 5
    x = torch.from_numpy(cells.reshape(size).astype(np.float32))
    planes = reduce_map(x, "pca").reshape(-1, 3).T
    centred = cells - cells.mean(1, keepdims=True)
    for k, vector in enumerate(np.linalg.eigh(centred @ centred.T)[1][:, ::-1].T[:3]):
        expected = vector @ centred * np.sign(vector[np.abs(vector).argmax()])
        np.testing.assert_allclose(planes[k], expected, atol=0.05)


def test_principal_components_do_not_depend_on_chance() -> None:
    x = random_map((20, 30, 31))
    assert np.array_equal(reduce_map(x, "pca"), reduce_map(x.clone(), "pca"))


@pytest.mark.parametrize("channels", [1, 2])
def test_a_map_of_less_than_three_channels_has_as_many_components(channels: int) -> None:
    planes = reduce_map(random_map((channels, 6, 7)), "pca")
    assert planes.shape == (6, 7, 3)
    assert planes[..., :channels].any(axis=(0, 1)).all()
    assert not planes[..., channels:].any()


def test_components_of_a_map_that_is_broken_everywhere_are_broken() -> None:
    planes = reduce_map(torch.full((4, 3, 3), torch.nan), "pca")
    assert np.isnan(planes).all()


# Ranges and bytes


def test_the_range_covers_what_it_says_and_its_ends_are_values() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 4000).astype(np.float32)
    low, high = value_range(values, signed=False)
    assert low == 0
    assert high in values
    assert 0.997 < (values <= high).mean() < 0.9995
    low, high = value_range(values - 2, signed=True)
    assert low == -high
    assert 0.997 < (np.abs(values - 2) <= high).mean() < 0.9995


def test_a_small_map_has_its_extremes_as_range() -> None:
    values = np.array([[0.5, 7], [2, 3]], np.float32)
    assert value_range(values, signed=False) == (0, 7)
    assert value_range(-values, signed=False) == (-7, 0)
    assert value_range(-values, signed=True) == (-7, 7)


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.zeros((0, 0))], ids=["zero", "nan", "empty"])
def test_a_range_is_never_empty(values: NDArray[np.float64]) -> None:
    for signed, low in ((True, -1), (False, 0)):
        assert value_range(values.astype(np.float32), signed) == (low, 1)


def test_a_union_covers_all() -> None:
    assert union([Range(0, 2), Range(-1, 1), Range(0.5, 5)]) == (-1, 5)


finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, (4, 5), elements=finite32), st.booleans())
def test_bytes_stand_for_values_right_to_half_a_step(values: NDArray[np.float32], signed: bool) -> None:
    limits = value_range(values, signed)
    pixels = quantise(values, limits)
    step = (limits.high - limits.low) / 255
    back = limits.low + pixels.astype(np.float64) * step
    clipped = np.clip(values.astype(np.float64), limits.low, limits.high)
    assert (np.abs(back - clipped) <= step * (0.5 + 1e-6)).all()


def test_values_beyond_the_range_are_its_ends_and_broken_ones_are_zero() -> None:
    values = np.array([-9, 0, 1, 2, 99, np.nan, np.inf, -np.inf], np.float32)
    assert quantise(values, Range(0, 2)).tolist() == [0, 0, 128, 255, 255, 0, 0, 0]
    assert not quantise(values, Range(0, 2)).flags.writeable


def test_components_get_a_range_each_around_the_middle() -> None:
    values = np.zeros((2, 2, 3), np.float32)
    values[0, 0] = [1, 10, -100]
    values[1, 1] = np.nan
    pixels = quantise_rgb(values)
    assert pixels[0, 0].tolist() == [255, 255, 0]
    assert set(pixels[0, 1].tolist()) <= {127, 128}
    assert pixels[1, 1].tolist() == [0, 0, 0]


def test_padding_counts_neither_for_the_range_nor_for_broken_cells() -> None:
    values = np.ones((4, 5), np.float32)
    values[3, :], values[:, 4] = 1000, np.nan
    reduced = Reduced(values, (3, 4), signed=False)
    assert reduced.shown.shape == (3, 4)
    assert reduced.range == (0, 1)
    assert reduced.broken is None
    values[1, 2] = np.inf
    broken = Reduced(values, (3, 4), signed=False).broken
    assert broken is not None
    assert np.argwhere(broken).tolist() == [[1, 2]]
    assert reduced.nbytes == values.nbytes


# Colours


def luminance(table: NDArray[np.uint8]) -> NDArray[np.float64]:
    return (table / 255.0) ** 2.2 @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", LUTS)
def test_tables_are_whole_and_locked(name: str) -> None:
    table = lut(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    assert not table.flags.writeable
    # no edges of its own: neighbours are close
    assert np.abs(np.diff(table.astype(int), axis=0)).max() <= 8


@pytest.mark.parametrize("name", ["viridis", "magma", "grey"])
def test_magnitudes_get_lighter_all_the_way(name: str) -> None:
    assert (np.diff(luminance(lut(name))) > -1e-3).all()
    assert luminance(lut(name))[-1] - luminance(lut(name))[0] > 0.6


def test_signed_values_are_grey_in_the_middle_and_alike_on_both_sides() -> None:
    table = lut("diverging")
    for middle in (table[127], table[128]):
        assert np.ptp(middle.astype(int)) <= 3
    assert table[0][2] > table[0][0] + 80
    assert table[255][0] > table[255][2] + 80
    light = luminance(table)
    assert (np.diff(light[:128]) > 0).all()
    assert (np.diff(light[128:]) < 0).all()
    assert (lut_for(True), lut_for(False)) == ("diverging", "viridis")


def test_levels_have_the_colours_of_the_window() -> None:
    expected = {
        "P2": "#0072B2",
        "P3": "#009E73",
        "P4": "#E69F00",
        "P5": "#D55E00",
        "P6": "#CC79A7",
        "P7": "#56B4E9",
        "P8": "#0072B2",
    }
    assert {name: level_colour(name) for name in expected} == expected
    assert level_colour("M3") == level_colour("P3") == level_colour("3")
    assert level_colour("P5a") == level_colour("P5")
    lighter = [level_colour(name) for name in ("P5a", "P5b", "P5c")]
    sums = [sum(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in lighter]
    assert sums == sorted(sums)
    assert len(set(lighter)) == 3
    with pytest.raises(ValueError, match="pool"):
        level_colour("pool")


def test_classes_take_the_colours_in_turn() -> None:
    assert class_colour(1) == CLASS_COLOURS[0]
    assert class_colour(len(CLASS_COLOURS) + 1) == CLASS_COLOURS[0]
    assert len(set(CLASS_COLOURS)) == len(CLASS_COLOURS)
