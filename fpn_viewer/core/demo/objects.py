"""Drawings of the five object classes seen from above, to scale and at any heading.

Drawings use metres in the object's own frame: x forward, y to the right, origin in the middle.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from fpn_viewer.core.demo.terrain import Patch, disc, rotate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpn_viewer.core.demo.terrain import Array, Colour, Points

CAR, TRUCK, BOAT, PLANE, TANK = 1, 2, 3, 4, 5

PAINTS: dict[int, tuple[Colour, ...]] = {
    CAR: (
        (238, 238, 236), (236, 238, 240), (190, 193, 197), (168, 171, 176), (58, 60, 66), (38, 40, 44),
        (176, 40, 36), (150, 28, 34), (46, 78, 146), (88, 126, 178), (206, 180, 60), (60, 98, 74), (150, 128, 100),
    ),
    TRUCK: (
        (236, 236, 232), (226, 226, 222), (206, 208, 210), (64, 100, 162), (182, 58, 46), (66, 122, 88),
        (216, 150, 54), (146, 148, 150),
    ),
    BOAT: ((246, 246, 244), (240, 240, 236), (228, 230, 232), (52, 72, 116), (150, 52, 46), (218, 196, 160)),
    PLANE: ((244, 245, 246), (236, 238, 240), (206, 210, 214), (168, 174, 178), (232, 214, 190)),
    TANK: ((236, 235, 230), (222, 222, 216), (204, 206, 204), (178, 188, 188), (186, 168, 146), (150, 154, 150)),
}  # fmt: skip

GLASS: Colour = (44, 52, 62)
ACCENTS: tuple[Colour, ...] = ((176, 44, 42), (40, 76, 150), (32, 110, 92), (226, 148, 44), (60, 62, 70))


def dim(colour: Colour, factor: float) -> Colour:
    """Scales the brightness of a colour, staying in 0..255."""
    red, green, blue = (min(255.0, channel * factor) for channel in colour)
    return red, green, blue


class Pen:
    """Draws one object supersampled into a patch around it.

    Attributes:
        length: Length of the object in metres.
        paint: Main colour.
        rng: Source of randomness for variants.
        sunward: Unit vector towards the sun in the object's own frame.
    """

    def __init__(self, pose: Pose, paint: Colour, sun: tuple[float, float], rng: np.random.Generator) -> None:
        """Opens a patch large enough for the pose; sun is the direction shadows fall in the picture."""
        self.length, self.paint, self.rng = pose.length, paint, rng
        norm = math.hypot(*sun)
        towards = rotate(np.array([[-sun[0] / norm, -sun[1] / norm]]), -pose.heading)[0]
        self.sunward = (float(towards[0]), float(towards[1]))
        reach = 0.8 * pose.length * pose.scale + 2
        self._factor = 4 if reach < 50 else 2
        self.x, self.y = math.floor(pose.x - reach), math.floor(pose.y - reach)
        side = (2 * math.ceil(reach) + 2) * self._factor
        self._origin = ((pose.x - self.x) * self._factor, (pose.y - self.y) * self._factor)
        self._pose = pose
        self._image = Image.new("RGB", (side, side), _bytes(paint))
        self._mask = Image.new("L", (side, side))
        self._colour_draw, self._mask_draw = ImageDraw.Draw(self._image), ImageDraw.Draw(self._mask)

    def body(self, corners: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
        """Draws a polygon that belongs to the object's outline."""
        self._mask_draw.polygon(self._pixels(corners), fill=255)
        self.detail(corners, colour)

    def detail(self, corners: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
        """Draws a polygon inside the outline."""
        self._colour_draw.polygon(self._pixels(corners), fill=_bytes(colour))

    def box(self, x0: float, x1: float, half_width: float, colour: Colour, body: bool = False, y: float = 0.0) -> None:
        """Draws a rectangle from x0 to x1, symmetric about the given y."""
        corners = ((x0, y - half_width), (x1, y - half_width), (x1, y + half_width), (x0, y + half_width))
        (self.body if body else self.detail)(corners, colour)

    def sprite(self) -> Sprite:
        """Reduces the drawing to picture resolution."""
        bounds = self._mask.getbbox() or (0, 0, 1, 1)
        x0, y0, x1, y1 = (edge / self._factor for edge in bounds)
        alpha = np.asarray(self._mask.reduce(self._factor), np.float32) / np.float32(255)
        colours = np.asarray(self._image.reduce(self._factor), np.float32).transpose(2, 0, 1)
        return Sprite(Patch(self.x, self.y, alpha), colours, (x0 + self.x, y0 + self.y, x1 + self.x, y1 + self.y))

    def _pixels(self, corners: Points | Sequence[tuple[float, float]]) -> list[float]:
        turned = rotate(np.asarray(corners, np.float64), self._pose.heading) * (self._pose.scale * self._factor)
        return [*(turned + self._origin - 0.5).ravel()]


@dataclass(frozen=True)
class Pose:
    """Where an object lies.

    Attributes:
        x: Centre column in pixels.
        y: Centre row in pixels.
        heading: Direction of its front in radians, 0 to the right, clockwise on screen.
        length: Length in metres.
        scale: Pixels per metre.
    """

    x: float
    y: float
    heading: float
    length: float
    scale: float


@dataclass(frozen=True)
class Sprite:
    """A rendered object: its coverage, (3, h, w) colours and exact (x0, y0, x1, y1) bounds in picture pixels."""

    patch: Patch
    colours: Array
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Kind:
    """A class of objects: its drawing, length range in metres and height as a share of its length."""

    draw: Callable[[Pen], None]
    lengths: tuple[float, float]
    height: float
    floating_shadow: bool = False


def render(label: int, pose: Pose, sun: tuple[float, float], rng: np.random.Generator) -> Sprite:
    """Renders an object of a class (label 1..5) at a pose; sun is the direction in which shadows fall."""
    paints = PAINTS[label]
    paint = dim(paints[rng.integers(len(paints))], float(rng.uniform(0.9, 1.04)))
    pen = Pen(pose, paint, sun, rng)
    KINDS[label].draw(pen)
    return pen.sprite()


def draw_car(pen: Pen) -> None:
    """Draws a saloon, estate or pickup: bonnet, windscreens, side windows, lit roof."""
    half, side = pen.length / 2, float(pen.rng.uniform(0.195, 0.215)) * pen.length
    bevel = 0.35 * side
    outline = [(-half, -side + bevel), (-half + bevel, -side), (half - 1.6 * bevel, -side), (half, -side + 1.6 * bevel)]
    pen.body([*outline, *((x, -y) for x, y in reversed(outline))], pen.paint)
    pen.box(half - 0.05 * pen.length, half, side * 0.55, dim(pen.paint, 0.8))
    back = (-0.32, -0.42, -0.02)[pen.rng.integers(3)] * pen.length
    front = 0.2 * pen.length
    pen.detail([(back, -side * 0.8), (front, -side * 0.86), (front, side * 0.86), (back, side * 0.8)], GLASS)
    roof = dim(pen.paint, 1.06)
    pen.box(back + 0.1 * pen.length, front - 0.13 * pen.length, side * 0.74, roof)
    lit = math.copysign(side * 0.92, pen.sunward[1])
    pen.box(-half * 0.85, half * 0.8, side * 0.06, dim(pen.paint, 1.25), y=lit)


def draw_truck(pen: Pen) -> None:
    """Draws a cab with a box, tank, container or flat-bed trailer behind it."""
    half, side = pen.length / 2, 1.28
    cab = half - min(2.3, 0.3 * pen.length)
    pen.box(cab - 0.1, half, side * 0.95, dim(ACCENTS[pen.rng.integers(len(ACCENTS))], 1.1), body=True)
    pen.box(half - 0.75, half - 0.2, side * 0.82, GLASS)
    pen.box(cab - 0.8, cab, side * 0.4, (60, 60, 62), body=True)
    rear = cab - 0.55
    pen.box(-half, rear, side, pen.paint, body=True)
    load = (_load_box, _load_box, _load_tank, _load_containers)[pen.rng.integers(4)]
    load(pen, -half, rear, side)


def _load_box(pen: Pen, x0: float, x1: float, side: float) -> None:
    lit = math.copysign(side * 0.86, pen.sunward[1])
    pen.box(x0, x1, side * 0.12, dim(pen.paint, 1.12), y=lit)
    pen.box(x0, x1, side * 0.12, dim(pen.paint, 0.72), y=-lit)
    for x in np.arange(x0 + 1.2, x1 - 0.3, 1.6):
        pen.box(float(x), float(x) + 0.12, side, dim(pen.paint, 0.86))


def _load_tank(pen: Pen, x0: float, x1: float, side: float) -> None:
    for share, factor in ((1.0, 0.66), (0.72, 0.9), (0.42, 1.1)):
        pen.box(x0, x1, side * share, dim(pen.paint, factor), y=pen.sunward[1] * side * (1 - share) * 0.7)
    for x in np.arange(x0 + 1.5, x1 - 0.8, 2.4):
        pen.detail(disc(float(x), 0, 0.32, 10), dim(pen.paint, 0.6))


def _load_containers(pen: Pen, x0: float, x1: float, side: float) -> None:
    middle = x0 + (x1 - x0) * float(pen.rng.choice([0.5, 0.65, 1.0]))
    for start, stop in ((x0 + 0.2, middle - 0.15), (middle + 0.15, x1 - 0.2)):
        colour = dim(ACCENTS[pen.rng.integers(4)], 1.05)
        if stop > start:
            pen.box(start, stop, side * 0.94, colour)
            pen.box(start, stop, side * 0.1, dim(colour, 1.3), y=math.copysign(side * 0.8, pen.sunward[1]))


def _hull(half: float, side: float) -> list[tuple[float, float]]:
    upper = [
        (-half, -side * 0.78), (-half * 0.5, -side), (half * 0.2, -side * 0.96), (half * 0.62, -side * 0.62), (half, 0)
    ]  # fmt: skip
    return [*upper, *((x, -y) for x, y in reversed(upper[:-1]))]


def draw_boat(pen: Pen) -> None:
    """Draws a pointed hull with a deck and one of several superstructures; large ones become freighters."""
    half = pen.length / 2
    side = pen.length * float(pen.rng.uniform(0.13, 0.17)) * (1.0 if pen.length > 9 else 1.2)
    pen.body(_hull(half, side), pen.paint)
    deck = ((206, 178, 134), (226, 226, 222), (188, 194, 198))[pen.rng.integers(3)]
    pen.detail(np.asarray(_hull(half * 0.9, side * 0.78)), deck)
    styles = (_freighter,) if pen.length > 20 else (_motor_boat, _motor_boat, _sailing_boat)
    styles[pen.rng.integers(len(styles))](pen, half, side)


def _motor_boat(pen: Pen, half: float, side: float) -> None:
    pen.box(-half * 0.8, -half * 0.2, side * 0.58, (96, 92, 88))
    pen.box(-half * 0.25, half * 0.36, side * 0.64, (242, 242, 240))
    pen.box(half * 0.2, half * 0.4, side * 0.58, GLASS)
    pen.box(-half, -half * 0.9, side * 0.3, (50, 50, 54))


def _sailing_boat(pen: Pen, half: float, side: float) -> None:
    cover = ACCENTS[pen.rng.integers(len(ACCENTS))]
    pen.box(-half * 0.78, -half * 0.35, side * 0.5, (120, 104, 84))
    pen.box(-half * 0.3, half * 0.4, side * 0.5, (236, 236, 232))
    pen.box(-half * 0.7, half * 0.14, side * 0.14, cover)
    pen.detail(disc(half * 0.16, 0, max(0.12, side * 0.14), 8), (70, 70, 72))


def _freighter(pen: Pen, half: float, side: float) -> None:
    pen.box(-half * 0.9, -half * 0.55, side * 0.72, (238, 238, 234))
    pen.box(-half * 0.62, -half * 0.56, side * 0.66, GLASS)
    pen.box(-half * 0.84, -half * 0.72, side * 0.24, ACCENTS[0])
    for x in np.linspace(-half * 0.45, half * 0.3, 3):
        hatch = dim(ACCENTS[pen.rng.integers(len(ACCENTS))], 0.95)
        pen.box(float(x), float(x) + half * 0.27, side * 0.6, hatch)
        pen.box(float(x), float(x) + half * 0.27, side * 0.08, dim(hatch, 1.3), y=math.copysign(side * 0.5, pen.sunward[1]))


def draw_plane(pen: Pen) -> None:
    """Draws a light aircraft, an airliner or a delta-winged jet."""
    shapes = (_light_aircraft,) if pen.length < 13 else (_airliner, _airliner, _airliner, _delta_jet)
    shapes[pen.rng.integers(len(shapes))](pen)


def _mirrored(pen: Pen, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
    """Draws a wing on both sides, the one towards the sun lighter."""
    for sign in (-1, 1):
        lit = 1.05 if sign * pen.sunward[1] > 0 else 0.93
        pen.body([(x, sign * y) for x, y in corners], dim(colour, lit))


def _fuselage(pen: Pen, half: float, radius: float, colour: Colour) -> None:
    upper = [
        (-half, -radius * 0.2), (-half * 0.6, -radius * 0.85), (-half * 0.3, -radius), (half * 0.7, -radius),
        (half * 0.9, -radius * 0.7), (half, 0),
    ]  # fmt: skip
    pen.body([*upper, *((x, -y) for x, y in reversed(upper[:-1]))], colour)
    lit = math.copysign(radius * 0.55, pen.sunward[1])
    pen.box(-half * 0.6, half * 0.85, radius * 0.3, dim(colour, 0.78), y=-lit)
    pen.box(-half * 0.6, half * 0.8, radius * 0.25, dim(colour, 1.1), y=lit)


def _light_aircraft(pen: Pen) -> None:
    half, accent = pen.length / 2, ACCENTS[pen.rng.integers(len(ACCENTS))]
    span = half * float(pen.rng.uniform(1.05, 1.3))
    _mirrored(pen, [(half * 0.5, 0), (half * 0.44, span), (half * 0.12, span), (half * 0.04, 0)], pen.paint)
    _mirrored(pen, [(-half * 0.72, 0), (-half * 0.76, half * 0.42), (-half, half * 0.4), (-half, 0)], pen.paint)
    _fuselage(pen, half, half * 0.13, dim(pen.paint, 0.97))
    pen.box(half * 0.34, half * 0.56, half * 0.1, GLASS)
    pen.box(half * 0.75, half * 0.98, half * 0.07, accent)
    _wing_tips(pen, half * 0.44, half * 0.12, span, accent)


def _wing_tips(pen: Pen, front: float, rear: float, span: float, accent: Colour) -> None:
    for sign in (-1, 1):
        pen.box(rear, front, span * 0.05, accent, y=sign * span * 0.94)


def _airliner(pen: Pen) -> None:
    half, accent = pen.length / 2, ACCENTS[pen.rng.integers(len(ACCENTS))]
    span, sweep = half * float(pen.rng.uniform(0.88, 1.02)), half * float(pen.rng.uniform(0.42, 0.58))
    grey = dim(pen.paint, 0.9)
    for share in (0.36, 0.66)[: 1 + int(pen.length > 36)]:
        engine = half * 0.3 - sweep * share
        _mirrored(pen, _nacelle(engine, span * share, half), dim(pen.paint, 0.76))
    wing = [(half * 0.28, 0), (half * 0.24, half * 0.1), (half * 0.2 - sweep, span), (half * 0.1 - sweep, span)]
    _mirrored(pen, [*wing, (-half * 0.14, half * 0.3), (-half * 0.18, 0)], grey)
    _mirrored(pen, [(-half * 0.72, 0), (-half * 0.92, span * 0.38), (-half, span * 0.38), (-half * 0.92, 0)], grey)
    _fuselage(pen, half, half * 0.105, pen.paint)
    pen.box(half * 0.84, half * 0.9, half * 0.06, GLASS)
    pen.box(-half * 0.98, -half * 0.66, half * 0.025, accent)


def _nacelle(x: float, y: float, half: float) -> list[tuple[float, float]]:
    wide = half * 0.045
    return [
        (x + half * 0.1, y - wide),
        (x + half * 0.1, y + wide),
        (x - half * 0.12, y + wide),
        (x - half * 0.12, y - wide),
    ]


def _delta_jet(pen: Pen) -> None:
    half = pen.length / 2
    grey = dim(pen.paint, 0.75)
    _mirrored(pen, [(half * 0.35, 0), (-half * 0.45, half * 0.62), (-half * 0.68, half * 0.62), (-half * 0.6, 0)], grey)
    _mirrored(pen, [(-half * 0.6, 0), (-half * 0.85, half * 0.34), (-half, half * 0.34), (-half * 0.85, 0)], grey)
    _fuselage(pen, half, half * 0.12, dim(grey, 1.05))
    pen.box(half * 0.45, half * 0.68, half * 0.06, GLASS)


def draw_tank(pen: Pen) -> None:
    """Draws a storage tank whose roof is a cone, or floats and lies in the shade of its wall."""
    radius = pen.length / 2
    pen.body(disc(0, 0, radius, 48), dim(pen.paint, 0.8))
    (_cone_roof, _cone_roof, _floating_roof)[pen.rng.integers(3)](pen, radius)
    turn = float(pen.rng.uniform(0, 2 * math.pi))
    ladder = rotate(np.array([(radius * 0.78, -0.5), (radius * 0.97, -0.5), (radius * 0.97, 0.5), (radius * 0.78, 0.5)]), turn)
    pen.detail(ladder, (96, 92, 86))


def _cone_roof(pen: Pen, radius: float) -> None:
    edges = np.linspace(0, 2 * math.pi, 25)
    for start, stop in itertools.pairwise(edges):
        middle = (start + stop) / 2
        facing = math.cos(middle) * pen.sunward[0] + math.sin(middle) * pen.sunward[1]
        wedge = [
            (0.0, 0.0),
            *((0.94 * radius * math.cos(turn), 0.94 * radius * math.sin(turn)) for turn in (start, stop)),
        ]
        pen.detail(wedge, dim(pen.paint, 1.0 + 0.13 * facing))
    pen.detail(disc(0, 0, radius * 0.09, 10), dim(pen.paint, 0.7))


def _floating_roof(pen: Pen, radius: float) -> None:
    inner, drop = radius * 0.92, radius * float(pen.rng.uniform(0.14, 0.34))
    floor = dim(pen.paint, float(pen.rng.uniform(0.72, 0.95)))
    pen.detail(disc(0, 0, inner, 40), dim(floor, 0.45))
    lit = (-pen.sunward[0] * drop / 2, -pen.sunward[1] * drop / 2)
    pen.detail(disc(*lit, inner - drop / 2, 40), floor)
    pen.detail(disc(*lit, radius * 0.06, 8), dim(floor, 0.6))


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(channel) for channel in colour)
    return red, green, blue


KINDS: dict[int, Kind] = {
    CAR: Kind(draw_car, (4.2, 5.0), 0.32),
    TRUCK: Kind(draw_truck, (8.0, 16.0), 0.26),
    BOAT: Kind(draw_boat, (5.0, 30.0), 0.1),
    PLANE: Kind(draw_plane, (9.0, 45.0), 0.09, floating_shadow=True),
    TANK: Kind(draw_tank, (5.0, 35.0), 0.42),
}
