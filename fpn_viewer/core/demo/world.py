"""The scene under construction: its picture, free ground and the places found for objects, in pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.demo.objects import dim
from fpn_viewer.core.demo.terrain import (
    rectangle,
    rotate,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from fpn_viewer.core.demo.terrain import (
        Array,
        Canvas,
        Colour,
        Patch,
        Points,
    )

WHITE: Colour = (222, 222, 216)
YELLOW: Colour = (214, 178, 62)


@dataclass(frozen=True)
class Slot:
    """A place where an object of a class fits: centre in pixels, heading in radians, length in metres."""

    label: int
    x: float
    y: float
    heading: float
    length: float
    moving: bool = False


@dataclass
class World:
    """A scene under construction.

    Attributes:
        rng: Source of randomness.
        canvas: The picture.
        scale: Pixels per metre.
        depth: (H, W) signed distance from the shore in pixels, positive on water.
        reserved: (H, W) ground in use.
        paved: (H, W) roads and bridges.
        slots: Places for objects found so far.
    """

    rng: np.random.Generator
    canvas: Canvas
    scale: float
    depth: Array
    reserved: npt.NDArray[np.bool_]
    paved: npt.NDArray[np.bool_]
    slots: list[Slot] = field(default_factory=list)

    def occupy(self, patch: Patch) -> None:
        """Takes ground for a road or bridge, and with it the slots that would lie beneath."""
        taken = np.zeros(self.canvas.shape, np.bool_)
        where, alpha = self.canvas.window(patch)
        taken[where] = alpha > 0.5
        self.reserved |= taken
        self.paved |= taken
        height, width = self.canvas.shape
        self.slots[:] = [slot for slot in self.slots if not taken[clamp(slot.y, height), clamp(slot.x, width)]]

    def claim(self, polygon: Points) -> bool:
        """Reserves a polygon's ground unless some of it is taken or it lies outside the picture."""
        patch = self.canvas.mask([polygon], finest=1)
        where, alpha = self.canvas.window(patch)
        inside = alpha > 0.5
        if not inside.any() or self.reserved[where][inside].any():
            return False
        self.reserved[where] |= inside
        return True

    def is_free(self, x: float, y: float) -> bool:
        """Tells whether a point lies in the picture on ground nobody uses."""
        rows, columns = self.reserved.shape
        return 0 <= x < columns and 0 <= y < rows and not bool(self.reserved[int(y), int(x)])

    def metres(self, low: float, high: float) -> float:
        """Draws a length between two lengths in metres and returns it in pixels."""
        return float(self.rng.uniform(low, high)) * self.scale

    def pick(self, colours: tuple[Colour, ...]) -> Colour:
        """Draws a colour from a palette and varies its brightness."""
        return dim(colours[self.rng.integers(len(colours))], float(self.rng.uniform(0.88, 1.1)))


def clamp(position: float, size: int) -> int:
    """Returns the pixel index of a position along a side of size pixels, kept inside."""
    return min(max(int(position), 0), size - 1)


@dataclass(frozen=True)
class Plot:
    """A rectangle of ground in pixels with its own frame: u along its length, v across, origin in its middle."""

    x: float
    y: float
    length: float
    width: float
    heading: float

    def point(self, u: float, v: float) -> tuple[float, float]:
        """Returns the picture position of a point of the plot."""
        x, y = rotate(np.array([[u, v]]), self.heading)[0]
        return float(self.x + x), float(self.y + y)

    def block(self, u: float, v: float, length: float, width: float, turn: float = 0.0) -> Points:
        """Returns the corners of a rectangle centred at (u, v)."""
        return rectangle(*self.point(u, v), length, width, self.heading + turn)

    def outline(self, margin: float = 0.0) -> Points:
        """Returns the plot's corners, moved outwards by margin."""
        return self.block(0, 0, self.length + 2 * margin, self.width + 2 * margin)

    def slot(self, label: int, u: float, v: float, turn: float, length: float) -> Slot:
        """Returns a slot at (u, v), heading turned against the plot's."""
        return Slot(label, *self.point(u, v), self.heading + turn, length)
