"""Colours of data: levels, classes and the tables that turn a byte into a colour. They do not follow the theme."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Okabe and Ito's colours, told apart also by colour-blind readers; by level number from 2
_LEVELS = ("#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
_LEVEL_NAME = re.compile(r"(\d+)([a-z]?)$")
#: how far the second, third … of several levels with one number go towards white
_LIGHTER = 0.38

CLASS_COLOURS: tuple[str, ...] = (
    "#2F9BFF",
    "#FFB000",
    "#2BC48A",
    "#FF5D8F",
    "#9B7BFF",
    "#FF7A3D",
    "#19C5D8",
    "#C2D43B",
    "#E07BE8",
    "#B58A5A",
)
"""One colour for each class in turn, readable as a line on a photograph."""


def level_colour(name: str) -> str:
    """The colour of a level, "#rrggbb".

    Args:
        name: of a level or of a node on it: "P3", "M3"; of "P5a" and "P5b" the second is lighter.

    Raises:
        ValueError: the name does not end in a level number.
    """
    found = _LEVEL_NAME.search(name)
    if found is None:
        raise ValueError(f"{name!r} is not the name of a level, as P3")
    base = _LEVELS[(int(found[1]) - 2) % len(_LEVELS)]
    steps = max(0, ord(found[2] or "a") - ord("a"))
    return base if not steps else _mixed(base, 1 - (1 - _LIGHTER) ** steps)


def class_colour(label: int) -> str:
    """The colour of a class, "#rrggbb".

    Args:
        label: from 1; 0 is the background.
    """
    return CLASS_COLOURS[(label - 1) % len(CLASS_COLOURS)]


def _mixed(colour: str, white: float) -> str:
    rgb = _bytes(colour) * (1 - white) + 255 * white
    return "#" + "".join(f"{round(float(v)):02X}" for v in rgb)


def _bytes(colour: str) -> Floats:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


# Colour tables

#: colours that a table passes through; between them it runs evenly in lightness (first and last decide from where to where)
_STOPS: dict[str, tuple[str, ...]] = {
    "viridis": ("#440154", "#3B528B", "#21918C", "#5EC962", "#FDE725"),
    "magma": ("#03020C", "#51127C", "#B73779", "#FC8961", "#FCFDBF"),
    "grey": ("#000000", "#FFFFFF"),
}
#: colours that a table passes through at equal distances; the middle of a diverging one is grey
_EVEN_STOPS: dict[str, tuple[str, ...]] = {
    "diverging": ("#0B4F94", "#4F8FCB", "#D4D4D4", "#DE7250", "#A3201F"),
    "iou": ("#3A6FD8", "#49B8C4", "#E3C94B", "#E2542E"),
}
LUTS: tuple[str, ...] = (*_STOPS, *_EVEN_STOPS)
"""Names of the colour tables: "viridis", "magma" and "grey" for magnitudes, "diverging" for signed values, "iou" for 0 to 1."""


@cache
def lut(name: str) -> NDArray[np.uint8]:
    """A colour table, (256, 3) uint8 RGB, read-only.

    Args:
        name: one of `LUTS`.

    Raises:
        KeyError: there is no such table.
    """
    stops = {**_STOPS, **_EVEN_STOPS}[name]
    lab = _to_oklab(np.stack([_bytes(c) for c in stops]) / 255)
    places = np.linspace(0, 1, len(stops)) if name in _EVEN_STOPS else (lab[:, 0] - lab[0, 0]) / (lab[-1, 0] - lab[0, 0])
    steps = np.linspace(0, 1, 256)
    path = np.stack([np.interp(steps, places, column) for column in lab.T], 1)
    table = np.rint(_from_oklab(path) * 255).astype(np.uint8)
    table.flags.writeable = False
    return table


def lut_for(signed: bool) -> str:
    """The name of the table for a map: diverging where values have a sign."""
    return "diverging" if signed else "viridis"


# B. Ottosson, "A perceptual color space for image processing" (2020): linear RGB to cone responses, their cube roots to Lab
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _to_oklab(rgb: Floats) -> Floats:
    """(N, 3) sRGB 0..1 to OKLab, in which equal steps look equal."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    out: Floats = np.cbrt(linear @ _CONES.T) @ _LAB.T
    return out


def _from_oklab(lab: Floats) -> Floats:
    linear = np.clip((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_CONES).T, 0, 1)
    out: Floats = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(out, 0, 1)
