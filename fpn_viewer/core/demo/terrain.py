"""Painting primitives of the procedural aerial views: noise, materials, coverage patches, shadows and water.

All coordinates are picture pixels, x to the right and y down; pixel (0, 0) covers [0, 1) x [0, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Colour = tuple[float, float, float]

SUPERSAMPLING = 3
COARSE_AREA = 60_000


@dataclass(frozen=True)
class Material:
    """Look of a ground surface: mean colour and the strength of its large and fine mottling (grey levels)."""

    colour: Colour
    blotch: float
    grain: float


MATERIALS: dict[str, Material] = {
    "grass": Material((92, 110, 62), 14, 7),
    "meadow": Material((118, 128, 74), 12, 6),
    "dry": Material((164, 146, 108), 14, 7),
    "soil": Material((132, 104, 76), 10, 7),
    "forest": Material((52, 70, 42), 13, 13),
    "crop": Material((86, 118, 54), 8, 5),
    "wheat": Material((190, 170, 108), 8, 5),
    "rape": Material((178, 172, 62), 9, 6),
    "urban": Material((140, 136, 126), 13, 8),
    "asphalt": Material((88, 88, 91), 5, 4),
    "old_asphalt": Material((118, 116, 113), 7, 5),
    "concrete": Material((168, 165, 157), 6, 4),
    "gravel": Material((156, 148, 134), 7, 10),
    "sand": Material((206, 188, 148), 7, 6),
    "bund": Material((146, 138, 120), 6, 5),
    "wood": Material((146, 122, 94), 6, 9),
}


WATERS: tuple[Colour, ...] = ((30, 66, 92), (38, 80, 88), (58, 84, 74), (22, 52, 78))
SHALLOWS: Colour = (38, 52, 42)


@dataclass(frozen=True)
class Patch:
    """A coverage mask placed on the picture.

    Attributes:
        x: Left column in picture pixels; may be negative.
        y: Top row in picture pixels; may be negative.
        alpha: (h, w) coverage in 0..1.
    """

    x: int
    y: int
    alpha: Array


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 1) -> Array:
    """Makes smooth noise by summing enlarged random grids.

    Args:
        rng: Source of randomness.
        shape: (H, W) of the result.
        cell: Feature size of the coarsest octave in pixels.
        octaves: Number of octaves, each with half the feature size and 0.55 of the amplitude.

    Returns:
        (H, W) array with zero mean and unit variance, approximately.
    """
    total = np.zeros((2, 2), np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        grid = rng.standard_normal([max(2, math.ceil(side / step) + 1) for side in shape], dtype=np.float32)
        total = enlarge(total, (grid.shape[0], grid.shape[1])) + grid * np.float32(0.55**octave)
    return enlarge(total / max(float(total.std()), 1e-6), shape)


def enlarge(grid: Array, shape: tuple[int, int]) -> Array:
    """Resizes a (h, w) grid smoothly to (H, W)."""
    return np.asarray(Image.fromarray(grid).resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


def disc(x: float, y: float, radius: float, corners: int = 28) -> Points:
    """Returns the (corners, 2) outline of a circle."""
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def rectangle(x: float, y: float, length: float, width: float, heading: float) -> Points:
    """Returns the (4, 2) corners of a rectangle centred at (x, y), its length along heading (radians)."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
    placed: Points = rotate(corners, heading) + np.array((x, y))
    return placed


def rotate(points: Points, heading: float) -> Points:
    """Turns (N, 2) points about the origin by heading radians."""
    cos, sin = math.cos(heading), math.sin(heading)
    turned: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return turned


def strip(line: Points, half_width: float, offset: float = 0.0) -> Points:
    """Returns the outline of a band along an (N, 2) polyline, shifted sideways by offset pixels."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    left, right = line + normal * (offset + half_width), line + normal * (offset - half_width)
    return np.concatenate([left, right[::-1]])


def swept(polygon: Points, shift: tuple[float, float]) -> list[Points]:
    """Returns polygons that together cover the area a polygon passes over when moved by shift."""
    moved = polygon + shift
    following, moved_following = np.roll(polygon, -1, axis=0), np.roll(moved, -1, axis=0)
    sides = np.stack([polygon, following, moved_following, moved], axis=1)
    return [polygon, moved, *sides]


class Canvas:
    """The picture being painted.

    Attributes:
        pixels: (3, H, W) colours in 0..255; whole planes, because numpy is slow on short last axes.
        sun: Shadow offset in pixels for each pixel of height, (dx, dy).
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], sun: tuple[float, float]) -> None:
        """Starts a black picture of (H, W) shape with mottling that all surfaces share."""
        self.shape = shape
        self.sun = sun
        self.pixels: Array = np.zeros((3, *shape), np.float32)
        self._index = np.arange(shape[0] * shape[1]).reshape(shape)
        self._blotch = noise(rng, shape, 90, 5)
        self._grain: Array = noise(rng, shape, 2.2) + np.float32(0.6) * rng.standard_normal(shape, dtype=np.float32)

    def window(self, patch: Patch) -> tuple[tuple[slice, slice], Array]:
        """Cuts a patch to the picture.

        Returns:
            The picture's rows and columns the patch lies on, and its coverage there (possibly empty).
        """
        height, width = patch.alpha.shape
        top, left = max(patch.y, 0), max(patch.x, 0)
        bottom, right = min(patch.y + height, self.shape[0]), min(patch.x + width, self.shape[1])
        bottom, right = max(bottom, top), max(right, left)
        alpha = patch.alpha[top - patch.y : bottom - patch.y, left - patch.x : right - patch.x]
        return (slice(top, bottom), slice(left, right)), alpha

    def mask(self, polygons: Sequence[Points], finest: int = SUPERSAMPLING) -> Patch:
        """Rasterises the union of polygons, antialiased by at most finest samples a side and cut to the picture."""
        corners = np.concatenate(list(polygons))
        left, top = np.clip(np.floor(corners.min(axis=0)), 0, self.shape[::-1]).astype(int)
        right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, self.shape[::-1]).astype(int)
        if right <= left or bottom <= top:
            return Patch(0, 0, np.zeros((0, 0), np.float32))
        factor = finest if (right - left) * (bottom - top) < COARSE_AREA else min(finest, 2)
        image = Image.new("L", ((right - left) * factor, (bottom - top) * factor))
        draw = ImageDraw.Draw(image)
        for polygon in polygons:
            draw.polygon([*((polygon - (left, top)) * factor - 0.5).ravel()], fill=255)
        alpha = np.asarray(image.reduce(factor), np.float32) / np.float32(255)
        return Patch(int(left), int(top), alpha)

    def paint(self, patch: Patch, colour: Array | Colour, opacity: float = 1.0) -> None:
        """Blends a colour, or (3, h, w) colours of the patch's own extent, over the picture."""
        flat, weights = self._covered(patch)
        planes: Array | Colour = colour
        if isinstance(colour, np.ndarray):
            (rows, columns), alpha = self.window(patch)
            top, left = rows.start - patch.y, columns.start - patch.x
            planes = colour[:, top : top + alpha.shape[0], left : left + alpha.shape[1]][:, alpha > 0]
        self._blend(flat, weights * np.float32(opacity), planes)

    def fill(self, patch: Patch, material: str, tint: float = 0.0, opacity: float = 1.0) -> None:
        """Covers a patch with a material, made lighter by tint grey levels."""
        flat, weights = self._covered(patch)
        look = MATERIALS[material]
        relief = self._blotch.take(flat) * np.float32(look.blotch) + self._grain.take(flat) * np.float32(look.grain)
        self._blend(flat, weights * np.float32(opacity), _tinted(look.colour, relief + np.float32(tint)))

    def flood(self, material: str) -> None:
        """Covers the whole picture with a material."""
        look = MATERIALS[material]
        relief = self._blotch * look.blotch + self._grain * look.grain
        for plane, level in zip(self.pixels, look.colour, strict=True):
            np.add(relief, np.float32(level), out=plane)

    def _covered(self, patch: Patch) -> tuple[Indices, Array]:
        """Returns the flat picture indices a patch covers, and its coverage there.

        Roads and shores cover little of their bounding boxes, so only covered pixels are worth touching.
        """
        where, alpha = self.window(patch)
        inside = alpha > 0
        return self._index[where][inside], alpha[inside]

    def _blend(self, flat: Indices, weights: Array, colours: Sequence[Array | float] | Array) -> None:
        for plane, colour in zip(self.pixels.reshape(3, -1), colours, strict=True):
            below = plane.take(flat)
            plane[flat] = below + weights * (colour - below)

    def surface(self, polygons: Sequence[Points], material: str, tint: float = 0.0, opacity: float = 1.0) -> None:
        """Covers polygons with a material."""
        self.fill(self.mask(polygons), material, tint, opacity)

    def colour(self, polygons: Sequence[Points], colour: Colour, opacity: float = 1.0) -> None:
        """Covers polygons with a plain colour that takes part of the fine mottling."""
        flat, weights = self._covered(self.mask(polygons))
        grain = self._grain.take(flat) * np.float32(2.5)
        self._blend(flat, weights * np.float32(opacity), _tinted(colour, grain))

    def darken(self, patch: Patch, strength: float = 0.55) -> None:
        """Puts a patch into shade, which keeps a little more blue than red."""
        flat, weights = self._covered(patch)
        for plane, share in zip(self.pixels.reshape(3, -1), (1.0, 0.96, 0.86), strict=True):
            plane[flat] = plane.take(flat) * (1 - weights * np.float32(share * strength))

    def shadow(self, polygon: Points, height: float, strength: float = 0.55) -> None:
        """Casts the shadow of an upright block of the given height in pixels."""
        shift = (self.sun[0] * height, self.sun[1] * height)
        self.darken(self.mask(swept(polygon, shift)), strength)

    def sprite_shadow(self, patch: Patch, height: float, strength: float = 0.55, grounded: bool = True) -> None:
        """Casts the shadow of a patch's shape, stretched from its foot unless it floats at that height."""
        dx, dy = self.sun[0] * height, self.sun[1] * height
        pad = math.ceil(max(abs(dx), abs(dy))) + 1
        steps = min(14, pad) if grounded else 1
        height_px, width_px = patch.alpha.shape
        cover = np.zeros((height_px + 2 * pad, width_px + 2 * pad), np.float32)
        for step in range(1, steps + 1):
            top, left = pad + round(dy * step / steps), pad + round(dx * step / steps)
            part = cover[top : top + height_px, left : left + width_px]
            np.maximum(part, patch.alpha, out=part)
        self.darken(Patch(patch.x - pad, patch.y - pad, cover), strength)


def _tinted(colour: Colour, relief: Array) -> list[Array]:
    return [relief + np.float32(level) for level in colour]


def paint_ground(canvas: Canvas, rng: np.random.Generator, materials: tuple[str, str]) -> None:
    """Covers the picture with two materials that alternate in natural patches."""
    canvas.flood(materials[0])
    cover = np.clip(noise(rng, canvas.shape, 150, 4) * 1.6, 0, 1)
    canvas.fill(Patch(0, 0, cover), materials[1], opacity=0.7)


def paint_crop_rows(canvas: Canvas, polygon: Points, material: str, heading: float, spacing: float, tint: float) -> None:
    """Covers a field with a crop and the rows it was sown in, spacing pixels apart."""
    patch = canvas.mask([polygon])
    canvas.fill(patch, material, tint)
    height, width = patch.alpha.shape
    rows, columns = np.ogrid[patch.y : patch.y + height, patch.x : patch.x + width]
    across = (rows * math.cos(heading) - columns * math.sin(heading)).astype(np.float32)
    furrow = np.clip(np.sin(across * (2 * math.pi / spacing)) * 1.5, 0, 1)
    tramline = (np.sin(across * (2 * math.pi / (spacing * 6.5))) > 0.97).astype(np.float32)
    canvas.darken(Patch(patch.x, patch.y, patch.alpha * np.maximum(furrow * 0.5, tramline)), 0.22)


def paint_water(canvas: Canvas, rng: np.random.Generator, depth: Array, scale: float) -> None:
    """Paints sand, shallows, waves and foam.

    Args:
        canvas: The picture.
        rng: Source of randomness.
        depth: (H, W) signed distance from the shore in pixels, positive on water.
        scale: Pixels per metre.
    """
    beach = float(rng.uniform(0.5, 9) * scale)
    canvas.fill(Patch(0, 0, np.clip((depth + beach) / (0.4 * beach + 1), 0, 1)), "sand")
    deep = WATERS[rng.integers(len(WATERS))]
    clear = float(rng.uniform(0.4, 1.1))
    shallow = np.exp(np.maximum(depth, 0) * np.float32(-1 / (14 * scale)))
    waves = _waves(rng, canvas.shape, scale)
    levels = [waves + shallow * np.float32(clear * lift) + np.float32(level) for level, lift in zip(deep, SHALLOWS, strict=True)]
    canvas.paint(Patch(0, 0, np.clip(depth + 0.5, 0, 1)), np.stack(levels))
    breakers = np.exp(-(((depth - 1.2 * scale) / (1.3 * scale)) ** 2)) + 0.6 * np.exp(
        -(((depth - 5.5 * scale) / (0.9 * scale)) ** 2)
    )
    ragged = np.clip(noise(rng, canvas.shape, 5 * scale, 3) * 0.9 + 0.1, 0, 1)
    strength = float(rng.uniform(0.15, 0.9))
    canvas.paint(Patch(0, 0, breakers * ragged * (depth > -0.5) * strength), (226, 232, 230))


def _waves(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Array:
    """Returns (H, W) brightness offsets of wind waves running in one direction."""
    heading, wavelength = rng.uniform(0, math.pi), rng.uniform(3.0, 6.0) * scale
    rows, columns = np.ogrid[0 : shape[0], 0 : shape[1]]
    bent = noise(rng, shape, 10 * scale, 2) * 1.5
    along = (columns * math.cos(heading) + rows * math.sin(heading)) * (2 * math.pi / wavelength)
    crests = np.sin(along.astype(np.float32) + bent)
    gusts = noise(rng, shape, 120, 2)
    swell: Array = crests * np.clip(2.2 + 1.5 * gusts, 0.3, 6) + gusts * 4
    return swell
