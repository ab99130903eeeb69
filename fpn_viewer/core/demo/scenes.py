"""Seeded aerial views with exact ground truth: what a small-object detector is trained and shown on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.demo import objects
from fpn_viewer.core.demo.camera import photograph
from fpn_viewer.core.demo.layouts import (
    grow_trees,
    lay_fields,
    pave_road,
    place_marinas,
    plant,
    plant_woods,
    scatter_boats,
)
from fpn_viewer.core.demo.objects import KINDS, Pose, Sprite
from fpn_viewer.core.demo.plots import place_feature
from fpn_viewer.core.demo.terrain import Canvas, Patch, noise, paint_ground, paint_water
from fpn_viewer.core.demo.world import World

if TYPE_CHECKING:
    import numpy.typing as npt

    from fpn_viewer.core.demo.layouts import Tree
    from fpn_viewer.core.demo.terrain import Array, Points
    from fpn_viewer.core.demo.world import Slot

CLASSES: tuple[str, ...] = ("car", "truck", "boat", "plane", "tank")

SIZE_LIMITS = (5.0, 200.0)
LEAST_VISIBLE = 0.35
LEAST_INSIDE = 0.4
# Odds of filling a slot, above the wanted shares for classes whose slots only some places offer.
ODDS = {objects.CAR: 0.42, objects.TRUCK: 0.10, objects.BOAT: 0.18, objects.PLANE: 0.40, objects.TANK: 0.90}
SCALES = (1.1, 6.0)
# Cars and boats would otherwise fill scenes that offer places for little else.
LIMITS = {objects.CAR: 0.46, objects.BOAT: 0.32}


@dataclass(frozen=True)
class SceneObject:
    """An annotated object.

    Attributes:
        label: 1-based index into CLASSES.
        box: (x0, y0, x1, y1) in pixels around the whole object, cut to the picture.
        visible: Share of the object's pixels in the picture that nothing covers, 0..1.
    """

    label: int
    box: tuple[float, float, float, float]
    visible: float


@dataclass(frozen=True)
class Scene:
    """A view from above.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        objects: Ground truth.
        seed: The seed that reproduces it.
    """

    image: npt.NDArray[np.uint8]
    objects: tuple[SceneObject, ...]
    seed: int


@dataclass(frozen=True)
class Archetype:
    """A kind of place: ground materials, chances of fields, sea and river, road count and wanted features."""

    ground: tuple[tuple[str, str], ...]
    fields: float
    sea: float
    river: float
    roads: tuple[int, int]
    features: tuple[str, ...]


COAST = Archetype(
    (("urban", "grass"), ("dry", "meadow")), 0.1, 1.0, 0.0, (0, 2),
    ("tanks", "parking", "housing", "yard", "apron", "parking"),
)  # fmt: skip
TOWN = Archetype(
    (("urban", "grass"), ("grass", "meadow")), 0.0, 0.1, 0.4, (1, 3),
    ("housing", "parking", "parking", "sports", "yard", "housing", "airstrip"),
)  # fmt: skip
COUNTRY = Archetype(
    (("grass", "dry"), ("meadow", "forest")), 1.0, 0.0, 0.6, (1, 3),
    ("parking", "airstrip", "turbine", "tanks", "housing", "turbine"),
)  # fmt: skip
AIRPORT = Archetype(
    (("meadow", "dry"), ("grass", "meadow")), 0.3, 0.1, 0.15, (0, 1),
    ("apron", "runway", "apron", "parking", "tanks", "airstrip"),
)  # fmt: skip
INDUSTRY = Archetype(
    (("urban", "dry"), ("dry", "soil")), 0.0, 0.35, 0.3, (1, 2),
    ("tanks", "yard", "tanks", "parking", "yard", "airstrip"),
)  # fmt: skip
ARCHETYPES: tuple[Archetype, ...] = (COAST, TOWN, COUNTRY, AIRPORT, INDUSTRY)
ARCHETYPE_ODDS = (0.26, 0.15, 0.15, 0.25, 0.19)


@dataclass
class _Placed:
    """An object in the picture with the coverage still seen of it."""

    label: int
    sprite: Sprite
    seen: Array
    box: tuple[float, float, float, float]

    def visible(self) -> float:
        return float(self.seen.sum() / max(float(self.sprite.patch.alpha.sum()), 1e-6))


@dataclass
class _Cast:
    """The objects placed so far and the ground they stand on."""

    occupied: Array
    placed: list[_Placed] = field(default_factory=list)


def generate(seed: int, size: tuple[int, int] = (576, 768)) -> Scene:
    """Makes an aerial view.

    Args:
        seed: Same seed and size, same scene.
        size: (H, W) in pixels.

    Returns:
        The picture and its ground truth.
    """
    return _generate(seed, size, with_objects=True)


def _generate(seed: int, size: tuple[int, int], with_objects: bool) -> Scene:
    rng = np.random.Generator(np.random.PCG64(seed))
    world = _build_world(rng, size)
    trees = grow_trees(world, 7)
    plant_woods(world, trees, int(rng.integers(10, 110)))
    staffage = np.random.Generator(np.random.PCG64((seed, 1)))
    camera = np.random.Generator(np.random.PCG64((seed, 2)))
    cast = _Cast(np.zeros(size, np.float32))
    if with_objects:
        _place_objects(world, cast, staffage)
        _occlude(world, cast, trees, staffage)
    image = photograph(world.canvas.pixels, camera)
    found = tuple(SceneObject(item.label, item.box, min(1.0, item.visible())) for item in cast.placed)
    return Scene(image, found, seed)


def _build_world(rng: np.random.Generator, size: tuple[int, int]) -> World:
    scale = SCALES[0] * (SCALES[1] / SCALES[0]) ** float(rng.beta(0.66, 0.44))
    azimuth, slope = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.5)
    canvas = Canvas(rng, size, (float(slope * math.cos(azimuth)), float(slope * math.sin(azimuth))))
    place = ARCHETYPES[rng.choice(len(ARCHETYPES), p=ARCHETYPE_ODDS)]
    free = np.zeros((2, *size), np.bool_)
    world = World(rng, canvas, scale, np.full(size, -1e6, np.float32), *free)
    paint_ground(canvas, rng, place.ground[rng.integers(len(place.ground))])
    if rng.random() < place.fields:
        lay_fields(world)
    _flood(world, place)
    heading = float(rng.uniform(0, math.pi))
    for _ in range(int(rng.integers(place.roads[0], place.roads[1] + 1))):
        pave_road(world, _road_line(world, heading), world.metres(7, 9) * float(rng.choice([1, 1, 2])))
    _settle(world, place, heading)
    return world


def _flood(world: World, place: Archetype) -> None:
    """Adds the sea or a river and whatever floats there."""
    rng = world.rng
    chance = rng.random()
    if chance < place.sea:
        world.depth = _sea_depth(world)
    elif chance < place.sea + place.river:
        world.depth = _river_depth(world)
    else:
        return
    paint_water(world.canvas, rng, world.depth, world.scale)
    place_marinas(world, int(rng.integers(0, 5)))
    scatter_boats(world, int(rng.integers(8, 40)))
    world.reserved |= world.depth > -2 * world.scale


def _sea_depth(world: World) -> Array:
    height, width = world.canvas.shape
    rows, columns = np.ogrid[0:height, 0:width]
    turn = world.rng.uniform(0, 2 * math.pi)
    along = ((columns - width / 2) * math.cos(turn) + (rows - height / 2) * math.sin(turn)).astype(np.float32)
    warp = noise(world.rng, world.canvas.shape, 260, 4) * float(world.rng.uniform(8, 46))
    depth: Array = (along + warp - float(world.rng.uniform(-0.22, 0.16)) * height).astype(np.float32)
    return depth


def _river_depth(world: World) -> Array:
    height, width = world.canvas.shape
    rows, columns = np.ogrid[0:height, 0:width]
    turn = world.rng.uniform(0, math.pi)
    across = ((columns - width / 2) * math.cos(turn) + (rows - height / 2) * math.sin(turn)).astype(np.float32)
    bend = noise(world.rng, world.canvas.shape, 420, 2) * 34 + float(world.rng.uniform(-0.25, 0.25)) * height
    half = float(np.clip(world.metres(12, 40), 22, 0.2 * height))
    depth: Array = (half - np.abs(across + bend)).astype(np.float32)
    return depth


def _road_line(world: World, heading: float) -> Points:
    """Returns a straight or gently curved line through the picture, a point every 2 pixels or so."""
    rng, (height, width) = world.rng, world.canvas.shape
    reach = math.hypot(height, width) * 0.7
    turn = heading + math.pi / 2 * int(rng.integers(2))
    along = np.linspace(-reach, reach, int(reach))
    bend = float(rng.choice([0.0, 1.0])) * float(rng.uniform(10, 50)) * np.sin(along / float(rng.uniform(110, 260)))
    centre = rng.uniform(0.15, 0.85, 2) * (width, height)
    direction = np.array([math.cos(turn), math.sin(turn)])
    points: Points = centre + along[:, None] * direction + bend[:, None] * np.array([-direction[1], direction[0]])
    return points


def _settle(world: World, place: Archetype, heading: float) -> None:
    """Fills free land with the place's features, all turned the same way as towns are."""
    order = world.rng.permutation(len(place.features))
    wanted = [place.features[0], *(place.features[index] for index in order)]
    for name in wanted[: int(world.rng.integers(3, 8))]:
        place_feature(world, name, heading)


def _place_objects(world: World, cast: _Cast, rng: np.random.Generator) -> None:
    """Fills slots so that classes come in their shares as far as the place allows."""
    slots: dict[int, list[Slot]] = {label: [] for label in KINDS}
    for index in rng.permutation(len(world.slots)):
        slot = world.slots[index]
        slots[slot.label].append(slot)
    wanted = int(rng.integers(12, 61))
    while len(cast.placed) < wanted:
        counts = Counter(item.label for item in cast.placed)
        labels = [label for label in slots if slots[label] and counts[label] < LIMITS.get(label, 1.0) * wanted]
        if not labels:
            return
        odds = np.array([ODDS[label] for label in labels])
        label = labels[rng.choice(len(labels), p=odds / odds.sum())]
        _try_place(world, cast, slots[label].pop(), rng)


def _try_place(world: World, cast: _Cast, slot: Slot, rng: np.random.Generator) -> None:
    sprite = _fitting_sprite(world, slot, rng)
    where, alpha = world.canvas.window(sprite.patch)
    box = _cut_box(sprite, where, alpha)
    inside = float(alpha.sum()) / max(float(sprite.patch.alpha.sum()), 1e-6)
    longest = max(box[2] - box[0], box[3] - box[1])
    taken = cast.occupied[where]
    if slot.label == objects.BOAT:
        taken = np.maximum(taken, world.paved[where] | (world.depth[where] < 0))
    crowded = float((alpha * taken).sum()) > 0.02 * float(alpha.sum())
    if inside < LEAST_INSIDE or crowded or not SIZE_LIMITS[0] <= longest <= SIZE_LIMITS[1]:
        return
    _paint_sprite(world, slot, sprite)
    np.maximum(cast.occupied[where], alpha, out=cast.occupied[where])
    top, left = where[0].start - sprite.patch.y, where[1].start - sprite.patch.x
    seen = np.zeros_like(sprite.patch.alpha)
    seen[top : top + alpha.shape[0], left : left + alpha.shape[1]] = alpha
    inner = Sprite(Patch(sprite.patch.x, sprite.patch.y, seen), sprite.colours, sprite.box)
    cast.placed.append(_Placed(slot.label, inner, seen.copy(), box))


def _fitting_sprite(world: World, slot: Slot, rng: np.random.Generator) -> Sprite:
    """Renders a slot's object, enlarged or shrunk when it would fall outside the size limits."""
    kind = KINDS[slot.label]
    length = float(np.clip(slot.length, *kind.lengths))
    drawn = int(rng.integers(2**31))
    sprite = _draw(world, slot, length, world.scale, drawn)
    longest = max(sprite.box[2] - sprite.box[0], sprite.box[3] - sprite.box[1])
    fitted = float(np.clip(longest, SIZE_LIMITS[0] + 0.6, SIZE_LIMITS[1] - 2))
    return sprite if fitted == longest else _draw(world, slot, length, world.scale * fitted / longest, drawn)


def _draw(world: World, slot: Slot, length: float, scale: float, seed: int) -> Sprite:
    pose = Pose(slot.x, slot.y, slot.heading, length, scale)
    return objects.render(slot.label, pose, world.canvas.sun, np.random.Generator(np.random.PCG64(seed)))


def _paint_sprite(world: World, slot: Slot, sprite: Sprite) -> None:
    kind = KINDS[slot.label]
    if slot.moving:
        _paint_wake(world, slot)
    height = kind.height * min(slot.length, 16.0) * world.scale
    world.canvas.sprite_shadow(sprite.patch, height, grounded=not kind.floating_shadow)
    world.canvas.paint(sprite.patch, sprite.colours)


def _paint_wake(world: World, slot: Slot) -> None:
    """Paints the foam trail of a boat under way: two arms and a churned middle that fade astern."""
    length, canvas = slot.length * world.scale, world.canvas
    cos, sin = math.cos(slot.heading), math.sin(slot.heading)
    reach = math.ceil(1.9 * length)
    x, y = (math.floor(at - 1.6 * length * part) - reach for at, part in ((slot.x, cos), (slot.y, sin)))
    v, u = np.mgrid[y : y + 2 * reach, x : x + 2 * reach].astype(np.float32)
    u, v = u - np.float32(slot.x), v - np.float32(slot.y)
    astern, beam = -(u * cos + v * sin) / length, np.abs(v * cos - u * sin) / length
    arms = np.exp(-(((beam - 0.1 - 0.13 * astern) / (0.03 + 0.02 * np.abs(astern))) ** 2))
    middle = np.exp(-((beam / 0.1) ** 2)) * np.exp(-np.maximum(astern, 0) / 0.8)
    fade = np.clip(1 - astern / 3.3, 0, 1) ** 1.5 * np.clip((astern + 0.1) * 3, 0, 1)
    ragged = np.clip(0.75 + 0.4 * noise(world.rng, (2 * reach, 2 * reach), max(2.0, 0.12 * length), 2), 0.1, 1)
    foam = np.clip((0.6 * arms + 0.8 * middle) * fade * ragged, 0, 0.85).astype(np.float32)
    where, alpha = canvas.window(Patch(x, y, foam))
    afloat = world.depth[where] > 0
    canvas.paint(Patch(where[1].start, where[0].start, alpha * afloat * (alpha > 0.02)), (226, 234, 234))


def _occlude(world: World, cast: _Cast, trees: list[Tree], rng: np.random.Generator) -> None:
    """Lets some trees hang over objects, and now and then a thin cloud pass."""
    for item in cast.placed:
        if rng.random() < 0.12:
            _overhang(world, cast, item.box, trees[int(rng.integers(len(trees)))], float(rng.uniform(0, 2 * math.pi)))
    if rng.random() < 0.12:
        _drift_cloud(world, cast, rng)


def _overhang(world: World, cast: _Cast, box: tuple[float, float, float, float], tree: Tree, turn: float) -> None:
    x0, y0, x1, y1 = box
    x = (x0 + x1) / 2 + math.cos(turn) * ((x1 - x0) / 2 + tree.height * 0.4)
    y = (y0 + y1) / 2 + math.sin(turn) * ((y1 - y0) / 2 + tree.height * 0.4)
    column, row = np.clip((x, y), 0, (world.depth.shape[1] - 1, world.depth.shape[0] - 1)).astype(int)
    rooted = world.depth[row, column] < 0 and not world.paved[row, column]
    if rooted and _cover(world, cast, tree.patch(x, y)):
        plant(world, tree, x, y)


def _drift_cloud(world: World, cast: _Cast, rng: np.random.Generator) -> None:
    veil = np.clip(noise(rng, world.canvas.shape, 220, 4) * 0.5 - 0.45, 0, 0.6).astype(np.float32)
    if _cover(world, cast, Patch(0, 0, veil)):
        world.canvas.paint(Patch(0, 0, veil), (236, 238, 242))


def _cover(world: World, cast: _Cast, patch: Patch) -> bool:
    """Takes a cover off what is seen of all objects, unless it would hide one of them too much."""
    sheet = np.zeros(world.canvas.shape, np.float32)
    where, alpha = world.canvas.window(patch)
    sheet[where] = alpha
    updated = []
    for item in cast.placed:
        rows, columns = world.canvas.window(item.sprite.patch)[0]
        top, left = rows.start - item.sprite.patch.y, columns.start - item.sprite.patch.x
        seen = item.seen.copy()
        seen[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start] *= 1 - sheet[rows, columns]
        if seen.sum() < LEAST_VISIBLE * item.sprite.patch.alpha.sum():
            return False
        updated.append(seen)
    for item, seen in zip(cast.placed, updated, strict=True):
        item.seen = seen
    return True


def _cut_box(sprite: Sprite, where: tuple[slice, slice], alpha: Array) -> tuple[float, float, float, float]:
    """Returns the bounds of what the picture holds of a sprite, given its window there."""
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return 0.0, 0.0, 0.0, 0.0
    (top, left), (x0, y0, x1, y1) = (side.start for side in where), sprite.box
    inner = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
    return max(x0, float(inner[0])), max(y0, float(inner[1])), min(x1, float(inner[2])), min(y1, float(inner[3]))
