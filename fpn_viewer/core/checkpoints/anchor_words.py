"""What anchors a head with so many outputs per cell was probably trained with, as options. Importing it loads no torch."""

from __future__ import annotations

import json

#: anchors per cell to (sizes per level, ratios, whose configuration that is)
_USUAL: dict[int, tuple[int, int, str]] = {
    1: (1, 1, "as FCOS and ATSS have"),
    3: (1, 3, "as Faster R-CNN has"),
    9: (3, 3, "as RetinaNet has"),
    15: (5, 3, "as torchvision's MobileNetV3 detectors have on every level"),
}
_RATIOS: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (0.5, 1.0),
    3: (0.5, 1.0, 2.0),
    4: (0.25, 0.5, 1.0, 2.0),
    5: (0.25, 0.5, 1.0, 2.0, 4.0),
}
_FINEST = 32
_EVERY = (32, 64, 128, 256, 512)


def anchor_suggestion(per_cell: int, levels: int) -> str:
    """Half a sentence: what so many anchors per cell usually are, and how to say so.

    Args:
        per_cell: what the head has outputs for, positive.
        levels: of the pyramid.
    """
    sizes, ratios, whose = _USUAL.get(per_cell) or _split(per_cell)
    given = [f"anchor_sizes={json.dumps(_rows(sizes, ratios, levels), separators=(',', ':'))}"]
    given += [f"aspect_ratios={json.dumps(_RATIOS[ratios], separators=(',', ':'))}"]
    # a 3 is what is assumed
    options = " ".join(f"--set {one}" for one in (given[:1] if ratios == 3 else given))
    shape = f"{sizes} size{'s' * (sizes > 1)} × {ratios} ratio{'s' * (ratios > 1)}"
    return f"{per_cell} per cell are {'' if whose else 'perhaps '}{shape}{f', {whose}' if whose else ''}: try {options}"


def _split(per_cell: int) -> tuple[int, int, str]:
    """Into sizes and ratios: three ratios where that works, else as many as there can be."""
    ratios = next(number for number in (3, 5, 4, 2, 1) if per_cell % number == 0)
    return per_cell // ratios, ratios, ""


def _rows(sizes: int, ratios: int, levels: int) -> list[list[int]]:
    """Sizes of every level: within an octave, doubling from level to level."""
    if (sizes, ratios) == (len(_EVERY), 3):
        return [list(_EVERY)] * levels
    return [[int(_FINEST * 2 ** (level + part / sizes)) for part in range(sizes)] for level in range(levels)]
