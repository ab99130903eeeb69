"""Plots of land use - lots, tank farms, aprons, yards, streets - built on free rectangles of ground.

Lengths are metres in tables and pixels everywhere else; a World knows the pixels per metre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.demo.layouts import pave_road, vehicle_length
from fpn_viewer.core.demo.objects import ACCENTS, CAR, PLANE, TANK, TRUCK, dim
from fpn_viewer.core.demo.terrain import (
    disc,
    rectangle,
    rotate,
)
from fpn_viewer.core.demo.world import WHITE, YELLOW, Plot

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.demo.terrain import (
        Colour,
    )
    from fpn_viewer.core.demo.world import World

ROOFS: tuple[Colour, ...] = (
    (150, 84, 64),
    (132, 70, 56),
    (112, 104, 98),
    (84, 82, 84),
    (166, 122, 92),
    (176, 170, 160),
)
FLAT_ROOFS: tuple[Colour, ...] = ((176, 176, 172), (146, 148, 150), (198, 196, 188), (120, 124, 130), (158, 140, 122))
MOST_TANKS = 24


def raise_building(world: World, plot: Plot, height: float, gabled: bool) -> None:
    """Puts a house or hall, height in pixels, on a whole plot."""
    world.canvas.shadow(plot.outline(), height)
    if gabled:
        _gabled_roof(world, plot)
    else:
        _flat_roof(world, plot)


def _gabled_roof(world: World, plot: Plot) -> None:
    colour = world.pick(ROOFS)
    across = rotate(np.array([[0.0, 1.0]]), plot.heading)[0]
    facing = float(across @ np.array(world.canvas.sun)) / math.hypot(*world.canvas.sun)
    for side in (-1, 1):
        half = plot.block(0, side * plot.width / 4, plot.length, plot.width / 2)
        world.canvas.colour([half], dim(colour, 1 - 0.3 * side * facing))
        tiles = np.linspace(0.12, 0.88, 4) * side * plot.width / 2
        courses = [plot.block(0, float(v), plot.length, 0.12 * world.scale) for v in tiles]
        world.canvas.colour(courses, dim(colour, 0.7), 0.35)
    world.canvas.colour([plot.block(0, 0, plot.length, 0.35 * world.scale)], dim(colour, 1.25), 0.7)
    chimney = plot.block(plot.length * 0.25, plot.width * 0.14, 0.9 * world.scale, 0.9 * world.scale)
    world.canvas.shadow(chimney, 1.2 * world.scale)
    world.canvas.colour([chimney], (122, 92, 80))


def _flat_roof(world: World, plot: Plot) -> None:
    colour = world.pick(FLAT_ROOFS)
    world.canvas.colour([plot.outline()], dim(colour, 1.18))
    world.canvas.colour([plot.outline(-0.6 * world.scale)], colour)
    seams = np.arange(-plot.length / 2 + 4 * world.scale, plot.length / 2 - 2 * world.scale, 6 * world.scale)
    bands = [plot.block(float(u), 0, max(0.25, 0.2 * world.scale), plot.width * 0.96) for u in seams]
    if bands:
        world.canvas.colour(bands, dim(colour, 0.8), 0.5)
    for _ in range(int(world.rng.integers(2, 9))):
        u, v = world.rng.uniform(-0.4, 0.4, 2) * (plot.length, plot.width)
        _roof_fitting(world, plot, float(u), float(v))


def _roof_fitting(world: World, plot: Plot, u: float, v: float) -> None:
    shape = plot.block(u, v, world.metres(1.2, 4.0), world.metres(1.0, 2.0))
    if world.rng.random() < 0.4:
        shape = disc(*plot.point(u, v), world.metres(0.5, 1.2), 12)
    world.canvas.shadow(shape, 1.1 * world.scale, 0.45)
    world.canvas.colour([shape], world.pick(((206, 208, 208), (96, 100, 106), (150, 176, 190))))


def parking_lot(world: World, plot: Plot) -> None:
    """Paves double rows of marked bays, for cars or for trucks."""
    trucks = world.rng.random() < 0.28
    label, depth, bay, aisle = (TRUCK, 17.0, 4.0, 12.0) if trucks else (CAR, 5.2, 2.6, 6.0)
    depth, bay, aisle = depth * world.scale, bay * world.scale, aisle * world.scale
    world.canvas.surface([plot.outline()], ("asphalt", "old_asphalt", "asphalt", "concrete")[world.rng.integers(4)])
    v, lines = -plot.width / 2 + 0.5 * world.scale, []
    bays = np.arange(-plot.length / 2 + bay, plot.length / 2 - bay, bay)
    while v + depth < plot.width / 2:
        for turn, centre in ((math.pi / 2, v + depth / 2), (-math.pi / 2, v + 1.5 * depth + aisle)):
            if centre + depth / 2 <= plot.width / 2:
                lines += [plot.block(float(u - bay / 2), centre, max(0.4, 0.12 * world.scale), depth) for u in bays]
                for u in bays:
                    flip = turn + math.pi * float(world.rng.random() < 0.3)
                    world.slots.append(plot.slot(label, float(u), centre, flip, vehicle_length(world, label)))
        v += 2 * depth + aisle
    if lines:
        world.canvas.colour(lines, WHITE, 0.75)


def tank_farm(world: World, plot: Plot) -> None:
    """Lays a grid of tank pads inside bund walls, joined by pipes."""
    world.canvas.surface([plot.outline()], ("bund", "gravel", "dry", "meadow")[world.rng.integers(4)])
    room = min(plot.length, plot.width) / world.scale
    diameter = float(np.clip(room * world.rng.uniform(0.15, 0.66), 5, 35))
    pitch = diameter * float(world.rng.uniform(1.35, 1.7)) * world.scale
    pitch = max(pitch, math.sqrt(plot.length * plot.width / MOST_TANKS))
    columns, rows = (max(1, int(side // pitch)) for side in (plot.length, plot.width))
    pipes = [
        plot.block(0, (row - (rows - 1) / 2) * pitch + pitch * 0.46, plot.length * 0.94, 0.5 * world.scale) for row in range(rows)
    ]
    world.canvas.colour(pipes, (188, 184, 172))
    for row in range(rows):
        for column in range(columns):
            u, v = (column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch
            _tank_pad(world, plot, u, v, pitch)
            world.slots.append(plot.slot(TANK, u, v, 0, diameter * float(world.rng.choice([1, 1, 1, 0.72]))))


def _tank_pad(world: World, plot: Plot, u: float, v: float, pitch: float) -> None:
    wall = plot.block(u, v, pitch * 0.97, pitch * 0.97)
    world.canvas.shadow(wall, 0.5 * world.scale, 0.3)
    world.canvas.surface([wall], "concrete", 6)
    world.canvas.surface([plot.block(u, v, pitch * 0.97 - 1.6 * world.scale, pitch * 0.97 - 1.6 * world.scale)], "bund")


def apron(world: World, plot: Plot) -> None:
    """Pours a concrete apron with stands in front of a terminal or hangar."""
    scale, rng = world.scale, world.rng
    world.canvas.surface([plot.outline()], ("concrete", "old_asphalt")[rng.integers(2)])
    joints = [
        plot.block(float(u), 0, max(0.25, 0.12 * scale), plot.width)
        for u in np.arange(-plot.length / 2, plot.length / 2, 7 * scale)
    ]
    world.canvas.colour(joints, (112, 110, 106), 0.5)
    deep = 0.2 * plot.width
    hall = Plot(*plot.point(0, -plot.width / 2 + deep / 2), plot.length * 0.9, deep, plot.heading)
    raise_building(world, hall, world.metres(6, 11), gabled=False)
    room = plot.width * 0.72 / scale
    longest = float(np.clip(room * 0.75, 9.5, 45))
    length = float(rng.uniform(9, longest))
    front = -plot.width / 2 + deep + 2.5 * scale
    row = 0
    while (middle := front + (0.55 + 1.35 * row) * length * scale) + length * scale / 2 < plot.width / 2 and row < 3:
        _stand_row(world, plot, middle, length)
        row += 1
    for u in rng.uniform(-0.45, 0.45, 5) * plot.length:
        world.slots.append(plot.slot(TRUCK, float(u), front + 2 * scale, float(rng.choice([0, math.pi])), 8.0))


def _stand_row(world: World, plot: Plot, v: float, length: float) -> None:
    pitch = length * 1.2 * world.scale
    stands = np.arange(-plot.length / 2 + pitch * 0.6, plot.length / 2 - pitch * 0.5, pitch)
    thin = max(0.4, 0.2 * world.scale)
    marks = [plot.block(float(u), v, thin, length * 1.25 * world.scale) for u in stands]
    marks.append(plot.block(0, v + 0.66 * length * world.scale, plot.length * 0.95, thin))
    world.canvas.colour(marks, YELLOW, 0.8)
    for u in stands:
        turn = -math.pi / 2 + float(world.rng.normal(0, 0.1))
        world.slots.append(plot.slot(PLANE, float(u), v, turn, max(9.0, length * float(world.rng.uniform(0.85, 1.0)))))


def runway(world: World, plot: Plot) -> None:
    """Lays a runway with threshold bars, centre line and a parallel taxiway."""
    scale = world.scale
    world.canvas.surface([plot.outline()], "meadow")
    world.canvas.surface([plot.block(0, -plot.width * 0.15, plot.length, plot.width * 0.5)], "asphalt")
    world.canvas.surface([plot.block(0, plot.width * 0.36, plot.length, plot.width * 0.18)], "old_asphalt")
    dashes = np.arange(-plot.length / 2 + 12 * scale, plot.length / 2 - 10 * scale, 14 * scale)
    marks = [plot.block(float(u), -plot.width * 0.15, 7 * scale, 0.6 * scale) for u in dashes]
    bars = np.linspace(-0.36, 0.06, 8) * plot.width
    marks += [plot.block(-plot.length / 2 + 6 * scale, float(v), 8 * scale, plot.width * 0.03) for v in bars]
    world.canvas.colour(marks, WHITE, 0.85)
    world.canvas.colour([plot.block(0, plot.width * 0.36, plot.length, max(0.4, 0.25 * scale))], YELLOW, 0.8)
    longest = min(45.0, 0.6 * plot.width / scale)
    for v in (-0.15, 0.36):
        u, length = float(world.rng.uniform(-0.35, 0.35)) * plot.length, float(world.rng.uniform(9, max(10, longest)))
        world.slots.append(plot.slot(PLANE, u, v * plot.width, float(world.rng.choice([0, math.pi])), length))


def airstrip(world: World, plot: Plot) -> None:
    """Mows a grass strip with a row of parked light aircraft and a hangar."""
    world.canvas.surface([plot.outline()], "meadow", -4)
    world.canvas.surface([plot.block(0, plot.width * 0.22, plot.length, plot.width * 0.4)], "meadow", 14)
    cones = [
        disc(*plot.point(float(u), plot.width * 0.02), 0.5 * world.scale, 8) for u in np.linspace(-0.48, 0.48, 14) * plot.length
    ]
    world.canvas.colour(cones, WHITE)
    hangar = Plot(*plot.point(-plot.length * 0.36, -plot.width * 0.3), plot.length * 0.2, plot.width * 0.3, plot.heading)
    raise_building(world, hangar, world.metres(4, 7), gabled=bool(world.rng.integers(2)))
    length = float(world.rng.uniform(9, 12.5))
    for u in np.arange(-plot.length * 0.18, plot.length * 0.46, 1.35 * length * world.scale):
        turn = math.pi / 2 + float(world.rng.normal(0, 0.2))
        world.slots.append(plot.slot(PLANE, float(u), -plot.width * 0.26, turn, length))


def industrial_yard(world: World, plot: Plot) -> None:
    """Builds a hall with loading docks, container stacks and small tanks beside it."""
    scale, rng = world.scale, world.rng
    world.canvas.surface([plot.outline()], ("concrete", "gravel", "old_asphalt")[rng.integers(3)])
    hall = Plot(*plot.point(-plot.length * 0.12, -plot.width * 0.2), plot.length * 0.68, plot.width * 0.48, plot.heading)
    raise_building(world, hall, world.metres(5, 12), gabled=bool(rng.random() < 0.2))
    dock = -plot.width * 0.2 + plot.width * 0.24
    for u in np.arange(-plot.length * 0.44, plot.length * 0.2, 4.4 * scale):
        length = float(rng.uniform(9, 14))
        heading = math.pi / 2 + float(rng.normal(0, 0.03))
        world.slots.append(plot.slot(TRUCK, float(u), dock + (length / 2 + 0.8) * scale, heading, length))
    for v in np.arange(-plot.width * 0.42, plot.width * 0.1, 9.5 * scale):
        world.slots.append(plot.slot(TANK, plot.length * 0.36, float(v), 0, float(rng.uniform(5, 8.5))))
    _stack_containers(world, plot)


def _stack_containers(world: World, plot: Plot) -> None:
    for u in np.arange(-plot.length * 0.4, plot.length * 0.42, 13.5 * world.scale):
        for lane in range(int(world.rng.integers(0, 4))):
            v = plot.width * 0.47 - (1.3 + 2.6 * lane) * world.scale
            block = plot.block(float(u), v, 12 * world.scale, 2.4 * world.scale)
            world.canvas.shadow(block, 2.6 * world.scale)
            world.canvas.colour([block], world.pick(ACCENTS))


def housing(world: World, plot: Plot) -> None:
    """Lines a street with gabled houses, drives, pools and a roundabout or playground."""
    scale, rng = world.scale, world.rng
    street = np.stack([np.linspace(-plot.length / 2, plot.length / 2, 60), np.zeros(60)], axis=1)
    world.canvas.surface([plot.outline()], ("grass", "meadow", "dry")[rng.integers(3)])
    pave_road(world, rotate(street, plot.heading) + np.array((plot.x, plot.y)), 6.4 * scale, marked=False)
    depth = plot.width / 2 - 4 * scale
    for u in np.arange(-plot.length / 2 + 8 * scale, plot.length / 2 - 8 * scale, 19 * scale):
        for side in (-1, 1):
            _homestead(world, plot, float(u), side, depth)


def _homestead(world: World, plot: Plot, u: float, side: int, depth: float) -> None:
    scale, rng = world.scale, world.rng
    drive = plot.block(u + 7.2 * scale, side * 7.5 * scale, 3 * scale, 8.5 * scale)
    world.canvas.surface([drive], "concrete", 8)
    world.slots.append(plot.slot(CAR, u + 7.2 * scale, side * 7.8 * scale, math.pi / 2 * side, 4.6))
    v = side * (4 * scale + min(depth * 0.45, 9 * scale))
    house = Plot(
        *plot.point(u, v),
        world.metres(9, 12.5),
        world.metres(7, 9.5),
        plot.heading + math.pi / 2 * int(rng.random() < 0.3),
    )
    raise_building(world, house, world.metres(4, 7), gabled=bool(rng.random() < 0.85))
    if rng.random() < 0.3 and depth > 20 * scale:
        pool = plot.point(u + world.metres(-4, 4), side * (4 * scale + depth * 0.82))
        shape = (
            disc(*pool, world.metres(1.8, 3.2), 20) if rng.random() < 0.6 else rectangle(*pool, 8 * scale, 4 * scale, plot.heading)
        )
        world.canvas.colour([shape * 1.0], (206, 200, 188))
        world.canvas.colour([(shape - pool) * 0.82 + pool], (72, 168, 190))


def sports_field(world: World, plot: Plot) -> None:
    """Draws a mown pitch, or a roundabout-like ring that resembles a tank from afar."""
    world.canvas.surface([plot.outline()], "grass", 8)
    for stripe in np.arange(-3, 4, 2) * plot.length / 8:
        world.canvas.surface([plot.block(float(stripe), 0, plot.length / 8, plot.width * 0.94)], "meadow", -6)
    thin = max(0.5, 0.15 * world.scale)
    lines = [plot.block(u * plot.length * 0.46, 0, thin, plot.width * 0.86) for u in (-1, 0, 1)]
    lines += [plot.block(0, v * plot.width * 0.43, plot.length * 0.92, thin) for v in (-1, 1)]
    ring = disc(plot.x, plot.y, plot.width * 0.14)
    world.canvas.colour([*lines, ring], WHITE, 0.85)
    world.canvas.surface([disc(plot.x, plot.y, plot.width * 0.14 - 2 * thin)], "grass", 8)


def wind_turbine(world: World, plot: Plot) -> None:
    """Plants a three-bladed turbine, which resembles a plane's outline."""
    world.canvas.surface([disc(plot.x, plot.y, plot.width * 0.3)], "gravel", 10)
    turn, reach = float(world.rng.uniform(0, 2)), plot.width * 0.5
    blades = [
        rectangle(plot.x + math.cos(a) * reach / 2, plot.y + math.sin(a) * reach / 2, reach, max(1.0, 0.9 * world.scale), a)
        for a in (turn, turn + 2.094, turn + 4.189)
    ]
    world.canvas.shadow(disc(plot.x, plot.y, max(1.0, world.scale)), 18 * world.scale, 0.4)
    world.canvas.colour(blades, (238, 240, 240))


@dataclass(frozen=True)
class Feature:
    """A kind of plot: its painter and its length and width ranges in metres."""

    build: Callable[[World, Plot], None]
    lengths: tuple[float, float]
    widths: tuple[float, float]


FEATURES: dict[str, Feature] = {
    "parking": Feature(parking_lot, (45, 130), (18, 75)),
    "tanks": Feature(tank_farm, (35, 190), (30, 120)),
    "apron": Feature(apron, (70, 300), (50, 150)),
    "runway": Feature(runway, (400, 900), (36, 80)),
    "airstrip": Feature(airstrip, (80, 200), (42, 70)),
    "yard": Feature(industrial_yard, (60, 150), (50, 95)),
    "housing": Feature(housing, (80, 220), (44, 62)),
    "sports": Feature(sports_field, (60, 100), (40, 60)),
    "turbine": Feature(wind_turbine, (24, 40), (24, 40)),
}


def place_feature(world: World, name: str, heading: float) -> bool:
    """Finds free ground for a feature and builds it; returns whether there was any."""
    feature, (height, width) = FEATURES[name], world.canvas.shape
    for attempt in range(14):
        shrink = 1 - 0.04 * attempt
        length = min(world.metres(*feature.lengths) * shrink, 0.8 * width if name != "runway" else 2 * width)
        breadth = min(world.metres(*feature.widths) * shrink, 0.6 * height)
        x, y = world.rng.uniform(0.08, 0.92, 2) * (width, height)
        turn = heading + math.pi / 2 * int(world.rng.integers(2)) + float(world.rng.normal(0, 0.03))
        plot = Plot(float(x), float(y), length, breadth, turn)
        if world.claim(plot.outline(1.5 * world.scale)):
            feature.build(world, plot)
            return True
    return False
