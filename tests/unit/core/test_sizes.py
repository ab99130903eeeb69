"""Sizes of an object, and what the resize did to it, against torch's own resize of the whole picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torchvision.ops.poolers import LevelMapper

from fpn_viewer.core.analysis.sizes import bucket, erasure, object_sizes, roi_level
from fpn_viewer.core.errors import QuestionError
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.tracing.trace import Trace

    Pixels = NDArray[np.uint8]

HEIGHT, WIDTH = 367, 502
#: the picture is made this much smaller: 3.75 and a bit, as 4000×3000 px at the defaults
SHORT = 98


@pytest.fixture(scope="module")
def traced() -> Callable[[Pixels], Trace]:
    detector = tiny_detector(min_size=SHORT, max_size=200)
    return detector.trace


@pytest.fixture(scope="module")
def trace(traced: Callable[[Pixels], Trace]) -> Trace:
    return traced(noise(HEIGHT, WIDTH))


def plain_picture(value: int = 60) -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def dotted(x: int, y: int, side: int = 2) -> Pixels:
    pixels = plain_picture()
    pixels[y : y + side, x : x + side] = 255
    return pixels


def contrast(whole: torch.Tensor, box: Box, margins: tuple[int, int]) -> float:
    """Object against ring in a resized picture (3, h, w), net px by net px."""
    x0, y0, x1, y1 = box
    total, weight, ring, count = torch.zeros(3, dtype=torch.float64), 0.0, torch.zeros(3, dtype=torch.float64), 0
    for r in range(max(0, int(y0) - margins[0]), min(whole.shape[1], int(np.ceil(y1)) + margins[0])):
        for c in range(max(0, int(x0) - margins[1]), min(whole.shape[2], int(np.ceil(x1)) + margins[1])):
            share = max(0.0, min(r + 1, y1) - max(r, y0)) * max(0.0, min(c + 1, x1) - max(c, x0))
            if share > 0:
                total, weight = total + share * whole[:, r, c].double(), weight + share
            else:
                ring, count = ring + whole[:, r, c].double(), count + 1
    return float((total / weight - ring / count).square().mean().sqrt())


@pytest.mark.parametrize(
    "box",
    [
        (100.0, 60.0, 103.0, 64.0),
        (0.0, 0.0, 25.0, 20.0),
        (470.3, 340.9, 502.0, 367.0),
        (31.7, 200.2, 70.1, 226.6),
        (490.0, 5.0, 520.0, 30.0),
    ],
    ids=str,
)
def test_the_crop_is_sampled_where_the_whole_picture_is(trace: Trace, box: Box) -> None:
    assert trace.picture is not None
    assert trace.detector is not None
    image = torch.from_numpy(trace.picture.pixels.copy()).permute(2, 0, 1).float()
    images, _ = trace.detector.module.transform([image / 255])
    mean, std = (torch.tensor(v)[:, None, None] for v in (trace.settings.image_mean, trace.settings.image_std))
    seen = (images.tensors[0] * std + mean) * 255
    smooth = torch.nn.functional.interpolate(image[None], trace.net_size, mode="bilinear", antialias=True)[0]
    net = trace.geometry.to_net([box[0], box[1], min(box[2], WIDTH), min(box[3], HEIGHT)])
    margins = tuple(max(2, int(np.ceil(0.5 * side))) for side in (net[3] - net[1], net[2] - net[0]))
    found = erasure(trace, box)
    assert found is not None
    assert found.plain == pytest.approx(contrast(seen[:, : trace.net_size[0], : trace.net_size[1]], tuple(net), margins), abs=2e-3)
    assert found.antialiased == pytest.approx(contrast(smooth, tuple(net), margins), abs=2e-3)


def test_a_dot_of_two_px_vanishes_between_the_positions_and_stays_on_them(traced: Callable[[Pixels], Trace]) -> None:
    lost = []
    for x in range(100, 108):
        found = erasure(traced(dotted(x, 60)), (float(x), 60.0, x + 2.0, 62.0))
        assert found is not None
        assert found.antialiased > 10
        lost.append(found.lost)
    assert max(lost) > 0.9
    assert min(lost) < 0.1


def test_an_erased_object_gets_a_sentence_and_one_that_stayed_none(traced: Callable[[Pixels], Trace]) -> None:
    sizes = [object_sizes(traced(dotted(x, 61)), (float(x), 61.0, x + 2.0, 63.0)) for x in range(100, 108)]
    for size in sizes:
        assert size.erasure is not None
        assert ("lost" in size.sentence) == (size.erasure.lost >= 0.5)
    worst = max(sizes, key=lambda size: size.erasure.lost if size.erasure else 0)
    assert worst.erasure is not None
    assert f"lost {round(100 * worst.erasure.lost)} % of its contrast" in worst.sentence


def test_a_large_object_is_looked_at_here_and_there_and_keeps_its_contrast(traced: Callable[[Pixels], Trace]) -> None:
    pixels = plain_picture()
    pixels[90:290, 120:380] = 160
    found = erasure(traced(pixels), (120.0, 90.0, 380.0, 290.0))
    assert found is not None
    assert found.plain == pytest.approx(100, rel=0.03)
    assert found.antialiased == pytest.approx(100, rel=0.03)
    assert found.lost < 0.01


def test_stripes_that_fall_between_the_positions_are_lost_in_a_large_object(traced: Callable[[Pixels], Trace]) -> None:
    trace = traced(plain_picture())
    pixels = plain_picture()
    centres = ((np.arange(trace.net_size[1]) + 0.5) * WIDTH / trace.net_size[1]).astype(int)
    between = np.setdiff1d(np.arange(WIDTH), np.concatenate([centres - 1, centres, centres + 1]))
    pixels[100:300, between[(between > 100) & (between < 400)]] = 255
    found = erasure(traced(pixels), (100.0, 100.0, 400.0, 300.0))
    assert found is not None
    assert found.antialiased > 20
    assert found.lost > 0.95


def test_what_does_not_stand_out_has_nothing_to_lose(traced: Callable[[Pixels], Trace]) -> None:
    found = erasure(traced(plain_picture()), (100.0, 60.0, 110.0, 70.0))
    assert found is not None
    assert (round(found.plain, 6), round(found.antialiased, 6), found.lost) == (0.0, 0.0, 0.0)


def test_nothing_is_measured_without_picture_without_ring_or_when_made_larger(trace: Trace) -> None:
    box = (100.0, 60.0, 110.0, 70.0)
    assert erasure(replace(trace, picture=None), box) is None
    assert erasure(trace, (0.0, 0.0, float(WIDTH), float(HEIGHT))) is None
    larger = tiny_detector(min_size=96, max_size=192).trace(noise(60, 80))
    assert erasure(larger, (10.0, 10.0, 20.0, 20.0)) is None
    assert object_sizes(larger, (10.0, 10.0, 20.0, 20.0)).erasure is None


def test_sizes_in_every_frame(trace: Trace) -> None:
    box = (100.0, 60.0, 160.0, 100.0)
    sizes = object_sizes(trace, box)
    ky, kx = trace.scale
    assert sizes.image == (40.0, 60.0)
    assert sizes.net == pytest.approx((40 * ky, 60 * kx))
    assert list(sizes.cells) == [level.name for level in trace.levels]
    for level in trace.levels:
        assert sizes.cells[level.name] == pytest.approx((40 * ky / level.stride[0], 60 * kx / level.stride[1]))
    assert (sizes.bucket_img, sizes.bucket_net) == ("medium", "small")
    assert "COCO counts it as medium, but for the network it is small" in sizes.sentence
    assert "60×40 px in the picture" in sizes.sentence
    assert "COCO" not in object_sizes(trace, (100.0, 60.0, 110.0, 70.0)).sentence


@pytest.mark.parametrize(("area", "name"), [(1024, "small"), (1024.5, "medium"), (9216, "medium"), (9217, "large"), (0.1, "small")])
def test_buckets_are_cocos(area: float, name: str) -> None:
    assert bucket(area) == name


def test_roi_level_is_torchvisions(trace: Trace) -> None:
    first, last = trace.raw.roi_levels
    mapper = LevelMapper(first, last)
    for side in (3.0, 111.9, 112.1, 223.9, 224.1, 300.0, 447.0, 449.0, 2000.0):
        index = int(mapper([torch.tensor([[0.0, 0.0, side, side]])])[0])
        assert roi_level(trace, (side, side)) == trace.levels[index].name


def test_there_is_no_roi_level_without_roi_pooling(trace: Trace) -> None:
    dense = replace(trace, spec=replace(trace.spec, family="RetinaNet"))
    sizes = object_sizes(dense, (100.0, 60.0, 110.0, 70.0))
    assert sizes.roi_level == ""
    assert "read from" not in sizes.sentence
    assert f"cells of {trace.levels[0].name}" in sizes.sentence


@pytest.mark.parametrize("box", [(10.0, 10.0, 10.0, 20.0), (600.0, 0.0, 700.0, 9.0), (30.0, 30.0, 20.0, 40.0)], ids=str)
def test_a_box_that_is_none_is_refused(trace: Trace, box: Box) -> None:
    with pytest.raises(QuestionError, match="outside the picture or is empty"):
        object_sizes(trace, box)


def test_ordinary_objects_look_at_their_own_px_only(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpn_viewer.core.analysis import sizes as module

    looked: list[int] = []
    contrasts = module._contrasts
    monkeypatch.setattr(module, "_contrasts", lambda crop, *axes: looked.append(crop.size) or contrasts(crop, *axes))
    for box in [(100.0, 60.0, 104.0, 64.0), (100.0, 60.0, 150.0, 90.0), (1.0, 1.0, 500.0, 366.0)]:
        erasure(trace, box)
    assert looked[0] < 3 * 40 * 40
    assert max(looked) < 3 * 250 * 250
