"""What crosses or fills whole scenes: roads with traffic, fields, piers, boats on open water and trees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.demo.objects import BOAT, CAR, KINDS, TRUCK
from fpn_viewer.core.demo.terrain import (
    Patch,
    disc,
    noise,
    paint_crop_rows,
    strip,
)
from fpn_viewer.core.demo.world import WHITE, Plot, Slot, clamp

if TYPE_CHECKING:
    from fpn_viewer.core.demo.terrain import (
        Array,
        Colour,
        Points,
    )
    from fpn_viewer.core.demo.world import World

LEAVES: tuple[Colour, ...] = ((66, 88, 48), (54, 76, 44), (86, 98, 54), (74, 84, 42), (104, 92, 56))
CROPS = ("crop", "wheat", "rape", "soil", "meadow", "crop", "dry")


def pave_road(world: World, line: Points, width: float, marked: bool = True) -> None:
    """Paints a road of a width in pixels along an (N, 2) line sampled evenly and puts traffic on it."""
    verge = world.canvas.mask([strip(line, width / 2 + 1.6 * world.scale)])
    world.occupy(verge)
    world.canvas.fill(verge, "gravel", opacity=0.8)
    world.canvas.surface([strip(line, width / 2)], ("asphalt", "old_asphalt")[world.rng.integers(2)])
    lanes = max(2, 2 * round(width / (7.4 * world.scale)))
    if marked:
        _mark_road(world, line, width, lanes)
    _add_traffic(world, line, width / lanes, lanes)


def _mark_road(world: World, line: Points, width: float, lanes: int) -> None:
    thickness = max(0.09 * world.scale, 0.22)
    marks = [strip(line, thickness, side * (width / 2 - 0.4 * world.scale)) for side in (-1, 1)]
    step = float(np.linalg.norm(line[1] - line[0]))
    dash, period = max(2, round(4 * world.scale / step)), max(4, round(10 * world.scale / step))
    marks += [
        strip(line[start : start + dash], thickness, (lane - lanes / 2) * width / lanes)
        for lane in range(1, lanes)
        for start in range(0, len(line) - dash, period)
    ]
    world.canvas.colour(marks, WHITE, 0.78)


def _add_traffic(world: World, line: Points, lane_width: float, lanes: int) -> None:
    tangent = np.gradient(line, axis=0)
    headings = np.arctan2(tangent[:, 1], tangent[:, 0])
    step = float(np.linalg.norm(line[1] - line[0]))
    for lane in range(lanes):
        offset = (lane - lanes / 2 + 0.5) * lane_width
        position = world.metres(0, 30)
        while position / step < len(line):
            index = int(position / step)
            turn = headings[index]
            x, y = line[index] + offset * np.array([-math.sin(turn), math.cos(turn)])
            label = TRUCK if world.rng.random() < 0.42 else CAR
            heading = float(turn if offset > 0 else turn + math.pi)
            world.slots.append(Slot(label, float(x), float(y), heading, vehicle_length(world, label)))
            position += world.metres(16, 55)


def vehicle_length(world: World, label: int) -> float:
    """Draws a length in metres for a vehicle of a class."""
    return float(world.rng.uniform(*KINDS[label].lengths))


def lay_fields(world: World) -> None:
    """Covers the picture with fields of differing crops, parted by tracks and hedges."""
    rng, (height, width) = world.rng, world.canvas.shape
    heading, reach = float(rng.uniform(0, math.pi)), math.hypot(height, width)
    size = float(np.clip(world.metres(60, 130), 90, 330))
    for u in np.arange(-reach / 2, reach / 2, size):
        v = -reach / 2
        while v < reach / 2:
            breadth = size * float(rng.uniform(0.5, 1.4))
            _sow(world, Plot(width / 2, height / 2, size, breadth, heading), float(u), v + breadth / 2)
            v += breadth


def _sow(world: World, plot: Plot, u: float, v: float) -> None:
    rng, gap = world.rng, world.metres(1, 5)
    turn = plot.heading + (math.pi / 2) * int(rng.integers(2)) + float(rng.normal(0, 0.06))
    polygon = plot.block(u, v, plot.length - gap, plot.width - gap)
    spacing = max(2.6, world.metres(1.6, 4.5))
    paint_crop_rows(world.canvas, polygon, CROPS[rng.integers(len(CROPS))], turn, spacing, float(rng.normal(0, 12)))


def marina(world: World, plot: Plot) -> None:
    """Builds a pier with berths on both sides along the plot's length."""
    scale, rng = world.scale, world.rng
    pier = plot.block(0, 0, plot.length, 2.2 * scale)
    world.canvas.shadow(pier, 1.2 * scale, 0.4)
    world.canvas.surface([pier], "wood", 10)
    length = float(np.clip((plot.width / scale - 3) / 2 * 0.9, 5, rng.uniform(6.5, 15)))
    berth = (1.3 + 0.32 * length) * scale
    for u in np.arange(-plot.length / 2 + berth, plot.length / 2, berth * 1.15):
        for side in (-1, 1):
            centre = side * (1.5 + length / 2) * scale
            finger = plot.block(float(u - berth * 0.56), side * (1 + length * 0.35) * scale, 0.5 * scale, length * 0.7 * scale)
            world.canvas.surface([finger], "wood", 20)
            turn = side * math.pi / 2 + math.pi * float(rng.random() < 0.3)
            world.slots.append(plot.slot(BOAT, float(u), centre, turn, length * float(rng.uniform(0.75, 1.0))))


def place_marinas(world: World, count: int) -> None:
    """Builds piers that start at the shore and reach into deep water."""
    for x, y in _shore_points(world, count * 4):
        heading = _seaward(world, x, y)
        length, width = min(world.metres(25, 90), 0.4 * world.canvas.shape[0]), world.metres(15, 32)
        plot = Plot(x + math.cos(heading) * length * 0.45, y + math.sin(heading) * length * 0.45, length, width, heading)
        if _is_afloat(world, plot) and world.claim(plot.outline()):
            marina(world, plot)
            count -= 1
        if count <= 0:
            return


def _seaward(world: World, x: int, y: int) -> float:
    """Returns the direction in which the water deepens fastest at a point."""
    (height, width), reach = world.canvas.shape, 5
    left, right = clamp(x - reach, width), clamp(x + reach, width)
    top, bottom = clamp(y - reach, height), clamp(y + reach, height)
    rise = float(world.depth[bottom, x] - world.depth[top, x]) / (bottom - top)
    return math.atan2(rise, float(world.depth[y, right] - world.depth[y, left]) / (right - left))


def _shore_points(world: World, count: int) -> list[tuple[int, int]]:
    """Draws up to count (x, y) points along the shore."""
    shore = np.flatnonzero(np.abs(world.depth - 2) < 1.5)
    if not shore.size:
        return []
    width = world.canvas.shape[1]
    return [(int(index % width), int(index // width)) for index in world.rng.choice(shore, count)]


def _is_afloat(world: World, plot: Plot) -> bool:
    where, alpha = world.canvas.window(world.canvas.mask([plot.outline()], finest=1))
    inside = alpha > 0.5
    return bool(inside.sum() > 200) and float((world.depth[where][inside] > 0).mean()) > 0.86


def scatter_boats(world: World, count: int) -> None:
    """Notes places on open water, and drops rocks and buoys there that resemble boats."""
    water = np.argwhere((world.depth > 4 * world.scale) & ~world.reserved)
    if not len(water):
        return
    for index, (y, x) in enumerate(water[world.rng.integers(len(water), size=count)]):
        room = 2 * float(world.depth[y, x]) / world.scale
        length = float(np.clip(np.exp(world.rng.uniform(math.log(5), math.log(30))), 5, max(5.0, room * 0.8)))
        heading = float(world.rng.uniform(0, 2 * math.pi))
        if index % 4:
            world.slots.append(Slot(BOAT, float(x), float(y), heading, length, moving=bool(index % 2)))
        else:
            _rock_or_buoy(world, float(x), float(y))


def _rock_or_buoy(world: World, x: float, y: float) -> None:
    if world.rng.random() < 0.5:
        world.canvas.colour([disc(x, y, max(0.9, 0.7 * world.scale), 10)], world.pick(((206, 66, 48), (226, 190, 64))))
        return
    radii = world.metres(1, 3) * world.rng.uniform(0.6, 1.2, (9, 1))
    outline = (disc(0, 0, 1, 9) * radii) + (x, y)
    world.canvas.colour([(outline - (x, y)) * 1.3 + (x, y)], (214, 222, 222), 0.6)
    world.canvas.colour([outline], world.pick(((96, 92, 84), (120, 112, 100))))


@dataclass(frozen=True)
class Tree:
    """A tree crown to stamp: coverage and (3, h, w) colours around its middle."""

    alpha: Array
    colours: Array
    height: float

    def patch(self, x: float, y: float) -> Patch:
        """Places the crown's middle on a pixel."""
        side = self.alpha.shape[0]
        return Patch(round(x) - side // 2, round(y) - side // 2, self.alpha)


def grow_trees(world: World, count: int) -> list[Tree]:
    """Renders crowns 3 to 11 m wide, lit from the sun's side."""
    trees = []
    for _ in range(count):
        radius = max(1.6, world.metres(1.5, 5.5))
        side = 2 * math.ceil(radius * 1.3) + 1
        u = (np.arange(side, dtype=np.float32) - side // 2) / np.float32(radius)
        v = u[:, None]
        ragged = noise(world.rng, (side, side), max(2.0, radius * 0.5), 3)
        alpha = np.clip((1 + 0.13 * ragged - np.hypot(u, v)) * radius, 0, 1)
        sunny = -(u * world.canvas.sun[0] + v * world.canvas.sun[1]) / math.hypot(*world.canvas.sun)
        light = 1 + 0.3 * sunny + 0.2 * ragged
        base = np.array(world.pick(LEAVES), np.float32)
        trees.append(Tree(alpha.astype(np.float32), (base[:, None, None] * light).astype(np.float32), 0.9 * radius))
    return trees


def plant(world: World, tree: Tree, x: float, y: float) -> Patch:
    """Stamps a tree with its shadow and returns its coverage."""
    patch = tree.patch(x, y)
    world.canvas.sprite_shadow(patch, tree.height, 0.5)
    world.canvas.paint(patch, tree.colours)
    return patch


def plant_woods(world: World, trees: list[Tree], count: int) -> None:
    """Plants single trees and clumps on free land."""
    height, width = world.canvas.shape
    while count > 0:
        x, y = world.rng.uniform(0, 1, 2) * (width, height)
        clump = int(world.rng.choice([1, 2, 6, 18]))
        spread = world.scale * 3.2 * math.sqrt(clump)
        for offset in world.rng.normal(0, spread, (clump, 2)):
            if world.is_free(x + offset[0], y + offset[1]):
                plant(world, trees[world.rng.integers(len(trees))], x + offset[0], y + offset[1])
        count -= clump
