"""Pictures come in as a user would see them, and failures come out as one sentence."""

from __future__ import annotations

import os
import struct
import threading
import warnings
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from fpn_viewer.core import picture_files
from fpn_viewer.core.errors import PictureError, UserError
from fpn_viewer.core.images import (
    Picture,
    list_pictures,
    open_picture,
    probe_picture,
    reduced_levels,
    thumbnail,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]

pytestmark = pytest.mark.filterwarnings("error")

ORIENTATION = 274


def colours(height: int = 5, width: int = 7) -> Array:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def saved(path: Path, image: Image.Image | Array, **options: Any) -> Path:
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    return path


def grey(values: list[int]) -> Array:
    return np.repeat(np.array([values], np.uint8)[..., None], 3, axis=2)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def png(ihdr: bytes, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


# Formats


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.bmp", {}),
        ("a.tif", {}),
        ("lzw.tiff", {"compression": "tiff_lzw"}),
        ("a.webp", {"lossless": True}),
        ("a.ppm", {}),
    ],
)
def test_lossless_formats_keep_every_pixel(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = saved(tmp_path / name, colours(), **options)
    picture = open_picture(path)
    assert np.array_equal(picture.pixels, colours())
    assert (picture.notes, picture.source, picture.size) == ((), str(path), (5, 7))
    assert probe_picture(path) == (5, 7, picture_files.SUFFIXES[path.suffix])


def test_jpeg_is_decoded_in_full(tmp_path: Path) -> None:
    flat = np.full((9, 13, 3), (200, 100, 50), np.uint8)
    picture = open_picture(str(saved(tmp_path / "a.jpg", flat, quality=95)))
    assert np.abs(picture.pixels.astype(int) - flat).max() <= 2
    assert probe_picture(tmp_path / "a.jpg") == (9, 13, "JPEG")


def test_jpeg_with_a_second_picture_is_a_jpeg(tmp_path: Path) -> None:
    first = Image.fromarray(np.full((8, 8, 3), 90, np.uint8))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[first])
    assert probe_picture(tmp_path / "a.jpg").format == "JPEG"
    assert open_picture(tmp_path / "a.jpg").notes == ("frame 1 of 2",)


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.png", "a.webp"])
def test_of_several_frames_the_first_is_read(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (4, 3), (shade, shade, shade)) for shade in (0, 100, 255)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    picture = open_picture(tmp_path / name)
    assert not picture.pixels.any()
    assert "frame 1 of 3" in picture.notes


def test_damage_behind_the_first_frame_does_not_matter(tmp_path: Path) -> None:
    frames = [Image.fromarray(colours(64, 64) // (k + 1)) for k in range(4)]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    path.write_bytes(path.read_bytes()[:-6000])
    assert open_picture(path).size == (64, 64)


# Pixel kinds


def test_grey_is_repeated(tmp_path: Path) -> None:
    picture = open_picture(saved(tmp_path / "a.png", np.array([[0, 7, 255]], np.uint8)))
    assert np.array_equal(picture.pixels, grey([0, 7, 255]))
    assert picture.notes == ("grey repeated in three channels",)


def test_one_bit(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1")
    picture = open_picture(saved(tmp_path / "a.png", image))
    assert np.array_equal(picture.pixels, grey([0, 255, 0]))
    assert picture.notes == ("1-bit shown as 0 and 255",)


def palette_image() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    return image


def test_palette(tmp_path: Path) -> None:
    picture = open_picture(saved(tmp_path / "a.png", palette_image()))
    assert picture.pixels.tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    assert picture.notes == ("palette expanded",)


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
def test_transparent_palette_entry_is_white(tmp_path: Path, transparency: int | bytes) -> None:
    picture = open_picture(saved(tmp_path / "a.png", palette_image(), transparency=transparency))
    assert picture.pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]
    assert picture.notes == ("palette expanded", "alpha composited on white")


def test_transparent_colour_is_white(tmp_path: Path) -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    picture = open_picture(saved(tmp_path / "a.png", pixels, transparency=(4, 5, 6)))
    assert picture.pixels.tolist() == [[[1, 2, 3], [255, 255, 255]]]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_alpha_is_composited_on_white(tmp_path: Path, name: str) -> None:
    pixels = np.array([[[100, 0, 200, 255], [100, 0, 200, 51], [100, 0, 200, 0]]], np.uint8)
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    picture = open_picture(saved(tmp_path / name, pixels, **options))
    assert picture.pixels.tolist() == [[[100, 0, 200], [224, 204, 244], [255, 255, 255]]]
    assert picture.notes == ("alpha composited on white",)


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    pixels = np.dstack([colours(), np.full((5, 7), 255, np.uint8)])
    picture = open_picture(saved(tmp_path / "a.png", pixels))
    assert np.array_equal(picture.pixels, colours())
    assert picture.notes == ("opaque alpha dropped",)


def test_grey_with_alpha(tmp_path: Path) -> None:
    image = Image.merge("LA", [Image.new("L", (2, 1), 100), Image.new("L", (2, 1), 0)])
    picture = open_picture(saved(tmp_path / "a.png", image))
    assert (picture.pixels == 255).all()
    assert picture.notes == ("grey repeated in three channels", "alpha composited on white")


def test_cmyk_tiff(tmp_path: Path) -> None:
    image = Image.merge("CMYK", [Image.new("L", (2, 2), ink) for ink in (0, 255, 255, 0)])
    picture = open_picture(saved(tmp_path / "a.tif", image))
    assert (picture.pixels == (255, 0, 0)).all()
    assert picture.notes == ("CMYK converted to RGB without a colour profile",)


def test_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    image = Image.merge("CMYK", [Image.new("L", (8, 8), ink) for ink in (0, 255, 255, 0)])
    path = saved(tmp_path / "a.jpg", image, quality=100)
    assert b"Adobe" in path.read_bytes()
    assert np.abs(open_picture(path).pixels.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
@pytest.mark.parametrize(
    ("values", "white", "expected"),
    [
        ([0, 257, 128 * 257, 65535], 65535, [0, 1, 128, 255]),
        ([0, 128, 129, 4096], 65535, [0, 0, 1, 16]),
        ([0, 16, 2048, 4095], 4095, [0, 1, 128, 255]),
        ([0, 1, 200, 255], 255, [0, 1, 200, 255]),
    ],
)
def test_deep_grey_is_scaled_by_the_smallest_range(
    tmp_path: Path, name: str, values: list[int], white: int, expected: list[int]
) -> None:
    picture = open_picture(saved(tmp_path / name, np.array([values], np.uint16)))
    assert np.array_equal(picture.pixels, grey(expected))
    assert picture.notes == (f"integer grey scaled from 0..{white} to 0..255",)


def test_integers_outside_16_bits_are_stretched(tmp_path: Path) -> None:
    picture = open_picture(saved(tmp_path / "a.tif", np.array([[-100, -60, 100]], np.int32)))
    assert np.array_equal(picture.pixels, grey([0, 51, 255]))
    assert picture.notes == ("grey stretched from -100..100 to 0..255",)


@pytest.mark.parametrize("alpha", [False, True])
def test_deep_colour_keeps_its_high_byte(tmp_path: Path, alpha: bool) -> None:
    channels = [0x12FF, 0x8000, 0xFFFF] + [0xFFFF] * alpha
    header = struct.pack(">IIBBBBB", 1, 1, 16, 6 if alpha else 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(png(header, b"\0" + struct.pack(f">{len(channels)}H", *channels)))
    picture = open_picture(path)
    assert picture.pixels.tolist() == [[[0x12, 0x80, 0xFF]]]
    assert picture.notes[0] == "16 bits per channel cut to the high 8"


def test_float_is_stretched_and_nan_is_black(tmp_path: Path) -> None:
    values = np.array([[-1, 0, 1, np.nan, np.inf]], np.float32)
    picture = open_picture(saved(tmp_path / "a.tif", values))
    assert np.array_equal(picture.pixels, grey([0, 128, 255, 0, 0]))
    assert picture.notes == ("grey stretched from -1..1 to 0..255", "2 samples not finite, shown black")


@pytest.mark.parametrize("value", [3.5, np.nan])
def test_float_without_a_range_is_black(tmp_path: Path, value: float) -> None:
    assert not open_picture(saved(tmp_path / "a.tif", np.full((300, 2), value, np.float32))).pixels.any()


def test_unsupported_pixels_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.new("LAB", (2, 2)))
    with pytest.raises(PictureError, match=r"a\.tif has pixels of kind LAB; save it as 8-bit RGB"):
        open_picture(path)


# Orientation

UPRIGHT: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "lzw.tif", "a.webp"])
@pytest.mark.parametrize("orientation", list(UPRIGHT))
def test_orientation_is_applied(tmp_path: Path, name: str, orientation: int) -> None:
    table: dict[str, dict[str, Any]] = {"lzw.tif": {"compression": "tiff_lzw"}, "a.webp": {"lossless": True}}
    options = table.get(name, {})
    path = saved(tmp_path / name, colours(), exif=exif(orientation), **options)
    expected = UPRIGHT[orientation](colours())
    picture = open_picture(path)
    assert np.array_equal(picture.pixels, expected)
    assert probe_picture(path)[:2] == expected.shape[:2]
    assert np.array_equal(thumbnail(path, 7), expected)
    said = (f"turned upright by EXIF orientation {orientation}",)
    assert picture.notes == (said if orientation > 1 else ())


@pytest.mark.parametrize("orientation", list(UPRIGHT))
def test_orientation_of_jpeg(tmp_path: Path, orientation: int) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255
    path = saved(tmp_path / "a.jpg", stored, exif=exif(orientation), quality=100)
    expected = UPRIGHT[orientation](stored)
    assert np.abs(open_picture(path).pixels.astype(int) - expected).max() <= 3
    assert probe_picture(path)[:2] == expected.shape[:2]
    assert thumbnail(path, 8).shape[:2] == tuple(n // 4 for n in expected.shape[:2])


@pytest.mark.parametrize("data", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", exif(77).tobytes()])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_broken_metadata_do_not_matter(tmp_path: Path, data: bytes, name: str) -> None:
    path = saved(tmp_path / name, colours(), exif=data)
    assert open_picture(path).size == probe_picture(path)[:2] == (5, 7)


# Arrays and Pillow images


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_rgb_arrays_come_back_unchanged(array: Array) -> None:
    picture = open_picture(array)
    assert np.array_equal(picture.pixels, array)
    assert (picture.source, picture.notes) == ("<array>", ())
    assert np.array_equal(open_picture(Image.fromarray(array)).pixels, array)
    assert np.array_equal(open_picture(array[::-1, ::-1]).pixels, array[::-1, ::-1])
    assert picture.digest == open_picture(array.copy()).digest


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
def test_rgba_arrays_are_composited(array: Array) -> None:
    alpha = array[..., 3:].astype(float) / 255
    expected = array[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(open_picture(array).pixels - expected).max() <= 1


def test_grey_arrays_are_repeated() -> None:
    picture = open_picture(np.array([[1, 2]], np.uint8))
    assert np.array_equal(picture.pixels, grey([1, 2]))
    assert picture.notes == ("grey repeated in three channels",)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 2, 3), np.float32), "float32"),
        (np.zeros((2, 2, 3), np.uint16), "uint16"),
        (np.zeros((2, 2, 2), np.uint8), "2x2x2"),
        (np.zeros((0, 2, 3), np.uint8), "0x2x3"),
        (np.zeros(3, np.uint8), "shape 3"),
        (np.zeros((1, 2, 2, 3), np.uint8), "1x2x2x3"),
        (np.broadcast_to(np.uint8(0), (30000, 30000)), "30000 x 30000"),
    ],
)
def test_other_arrays_are_refused(array: Array, said: str) -> None:
    with pytest.raises(PictureError, match=said):
        open_picture(array)


def test_pixels_are_a_locked_copy() -> None:
    array = colours()
    picture = open_picture(array)
    array[:] = 0
    assert np.array_equal(picture.pixels, colours())
    assert picture.pixels.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0] = 1


def test_pillow_image_is_upright_and_left_alone() -> None:
    image = Image.fromarray(colours())
    image.getexif()[ORIENTATION] = 6
    picture = open_picture(image)
    assert np.array_equal(picture.pixels, np.rot90(colours(), -1))
    assert picture.source == "<image>"
    assert np.array_equal(np.asarray(image), colours())


def test_pillow_image_without_pixels_is_refused() -> None:
    with pytest.raises(PictureError, match="no pixels"):
        open_picture(Image.new("RGB", (0, 3)))


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)])
def test_picture_checks_its_pixels(bad: Array) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Picture(bad, "x")


def test_digest_tells_pixels_and_shape_apart() -> None:
    flat = np.zeros((2, 6, 3), np.uint8)
    other = flat.copy()
    other[1, 5, 2] = 1
    assert len({Picture(a, "x").digest for a in (flat, flat.reshape(3, 4, 3), other)}) == 3


# Failures


@pytest.mark.parametrize("reader", [open_picture, probe_picture, lambda path: thumbnail(path, 8)])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello, I am a text\n" * 20, "is not a readable picture"),
        (b"\xff\xd8\xff\xe0junk", "is damaged or cut short"),
        (png(struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0)), "million"),
        (png(struct.pack(">IIBBBBB", 20001, 20001, 8, 2, 0, 0, 0)), "20001 x 20001 pixels, more than 400 million"),
    ],
)
def test_what_is_no_picture_is_a_sentence(tmp_path: Path, reader: Any, content: bytes, said: str) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=said) as caught:
        reader(path)
    text = str(caught.value)
    assert str(path) in text
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.webp", "a.tif", "lzw.tif", "a.ppm"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_truncated_files_are_a_sentence(tmp_path: Path, name: str, kept: float) -> None:
    options = {"compression": "tiff_lzw"} if name == "lzw.tif" else {}
    path = saved(tmp_path / name, colours(60, 80), **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(PictureError, match=r"damaged or cut short|not a readable|cannot be read"):
        open_picture(path)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"]))
def test_damaged_files_open_or_are_a_sentence(tmp_path_factory: Any, seed: int, name: str) -> None:
    path = saved(tmp_path_factory.mktemp("damaged") / "a.bin", colours(24, 24), format=name)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    data[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
    path.write_bytes(data.tobytes())
    # either is fine, anything else that is raised fails the test
    with suppress(PictureError):
        assert open_picture(path).pixels.size


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        open_picture(tmp_path / "no.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        open_picture(tmp_path)
    assert issubclass(PictureError, UserError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PictureError, match="not an ordinary file"):
        open_picture(tmp_path / "pipe.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_and_folder(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", colours())
    path.chmod(0)
    with pytest.raises(PictureError, match="may not be read"):
        open_picture(path)
    tmp_path.chmod(0o111)
    try:
        with pytest.raises(PictureError, match="may not be read"):
            list_pictures(tmp_path)
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "may not be read"),
        (MemoryError(), "memory"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (RuntimeError("decoder"), "damaged"),
    ],
)
def test_system_errors_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    path = saved(tmp_path / "a.png", colours())
    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(PictureError, match=said) as caught:
        open_picture(path)
    assert str(path) in str(caught.value)


# Limits, warnings, threads


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_pillows_limit_is_raised_and_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = saved(tmp_path / name, colours(20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert open_picture(path).size == (20, 20)
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(PictureError):
        open_picture(tmp_path / "no.png")
    assert Image.MAX_IMAGE_PIXELS == 100


def test_pillows_warnings_stay_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", colours())
    monkeypatch.setattr(picture_files, "PIXEL_LIMIT", 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="5 x 7 pixels"):
            open_picture(path)


def test_threads_share_the_raised_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [saved(tmp_path / f"{k}.tif", colours(40 + k, 40)) for k in range(6)]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    sizes: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda own=path: sizes.extend(open_picture(own).size for _ in range(20))) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 120
    assert Image.MAX_IMAGE_PIXELS == 100


# Thumbnails and levels


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 900), (300, 401), (1001, 77)])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_thumbnail_fits_and_keeps_its_proportions(tmp_path: Path, height: int, width: int, suffix: str) -> None:
    flat = np.full((height, width, 3), (30, 200, 90), np.uint8)
    small = thumbnail(saved(tmp_path / f"a{suffix}", flat), 64)
    scale = min(1, 64 / max(height, width))
    assert small.shape[2:] == (3,)
    assert np.abs(np.array(small.shape[:2]) - np.maximum(1, np.array([height, width]) * scale)).max() <= 1
    assert max(small.shape) <= 64
    assert np.abs(small.astype(int) - (30, 200, 90)).max() <= 3


def test_thumbnail_of_palette_is_mixed_in_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(np.tile(np.array([[0, 255]], np.uint8), (64, 32))).convert("P")
    small = thumbnail(saved(tmp_path / "a.png", image), 8)
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 127).max() <= 3


def test_levels_are_exact_means() -> None:
    pixels = colours(5, 8)
    levels = reduced_levels(pixels, max_side=2)
    assert levels[0] is pixels
    assert [level.shape for level in levels] == [(5, 8, 3), (3, 4, 3), (2, 2, 3)]
    whole = pixels[:4].reshape(2, 2, 4, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.array_equal(levels[1][:2], np.floor(whole + 0.5))
    rest = pixels[4].reshape(4, 2, 3).astype(float).mean(axis=1)
    assert np.array_equal(levels[1][2], np.floor(rest + 0.5))


def test_small_pictures_have_one_level() -> None:
    assert len(reduced_levels(np.zeros((2048, 1, 3), np.uint8))) == 1
    assert [level.shape[0] for level in reduced_levels(np.zeros((2049, 1, 3), np.uint8))] == [2049, 1025]


# Folders


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_folder_is_listed_in_natural_order(tmp_path: Path) -> None:
    touched(tmp_path, "img10.jpg", "IMG2.JPG", "img1.png", "7.tif", "a.txt", ".hidden.jpg", "sub/x.jpg", "dir.jpg/y")
    assert [path.name for path in list_pictures(tmp_path)] == ["7.tif", "img1.png", "IMG2.JPG", "img10.jpg"]


def test_folders_inside_are_listed_on_request(tmp_path: Path) -> None:
    touched(tmp_path, "b10/1.jpg", "b2/10.jpg", "b2/9.jpg", "b1.jpg", "b2/deep/3.png", ".trash/1.jpg")
    listed = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path, recursive=True)]
    assert listed == ["b1.jpg", "b2/9.jpg", "b2/10.jpg", "b2/deep/3.png", "b10/1.jpg"]


def test_file_stands_for_itself(tmp_path: Path) -> None:
    touched(tmp_path, "odd.name")
    assert list_pictures(tmp_path / "odd.name") == [tmp_path / "odd.name"]


def test_folder_without_pictures_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="holds no picture"):
        list_pictures(touched(tmp_path, "a.txt"))
    with pytest.raises(PictureError, match="does not exist"):
        list_pictures(tmp_path / "none")


def test_ten_thousand_files_are_listed_without_opening_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(10_000):
        (tmp_path / f"IMG_{k}.jpg").touch()

    def opened(*args: object, **_: object) -> None:
        raise AssertionError(f"{args[0]} was opened")

    monkeypatch.setattr("builtins.open", opened)
    monkeypatch.setattr(Image, "open", opened)
    listed = list_pictures(tmp_path)
    monkeypatch.undo()
    assert len(listed) == 10_000
    assert [path.name for path in listed[9:11]] == ["IMG_9.jpg", "IMG_10.jpg"]
