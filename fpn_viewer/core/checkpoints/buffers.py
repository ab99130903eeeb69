"""Settings that older files carry among their tensors: the pixels' mean and deviation, and the anchors of a cell."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

#: name of the buffer, wherever it is, to the setting
_STATISTICS = {
    "pixel_mean": "image_mean",
    "pixel_std": "image_std",
    "data_preprocessor.mean": "image_mean",
    "data_preprocessor.std": "image_std",
}
_CELLS = re.compile(r"(.*\bcell_anchors)\.(\d+)$")
#: two anchors are of one size, or one ratio, up to what float32 leaves over
_ALIKE = 1e-5
#: more anchors than this in one cell are none
_MOST = 1000


def settings_in(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Any, str]]:
    """Name of a setting, its value, and the name of the tensors that it is from."""
    for ending, setting in _STATISTICS.items():
        place = next((name for name in tensors if name == ending or name.endswith(f".{ending}")), "")
        if place and tensors[place].numel() == 3:
            yield setting, tensors[place].flatten().tolist(), place
    yield from _anchors(tensors)


def _anchors(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Any, str]]:
    found = sorted((int(m[2]), m[1], m[0]) for name in tensors if (m := _CELLS.match(name)) is not None)
    cells = [_sizes_and_ratios(tensors[name]) for _, _, name in found]
    known = [cell for cell in cells if cell is not None]
    if known and len(known) == len(cells) and all(cell[1] == known[0][1] for cell in known):
        yield "anchor_sizes", [sizes for sizes, _ in known], found[0][1]
        yield "aspect_ratios", known[0][1], found[0][1]


def _sizes_and_ratios(cell: Tensor) -> tuple[list[float], list[float]] | None:
    """Sizes (net px) and ratios of the anchors of a cell (A, 4) xyxy; None where they are not every size in every ratio."""
    if cell.dim() != 2 or cell.shape[1] != 4 or not 0 < len(cell) <= _MOST:
        return None
    sides = [(x2 - x1, y2 - y1) for x1, y1, x2, y2 in cell.double().tolist()]
    if not all(math.isfinite(w * h) and w > 0 and h > 0 for w, h in sides):
        return None
    sizes = _different(math.sqrt(w * h) for w, h in sides)
    ratios = _different(h / w for w, h in sides)
    return (sizes, ratios) if len(sizes) * len(ratios) == len(sides) else None


def _different(values: Iterator[float]) -> list[float]:
    """The different ones in the order they come, whole where they are all but whole."""
    out: list[float] = []
    for value in values:
        if not any(math.isclose(value, other, rel_tol=_ALIKE) for other in out):
            near = round(value, 3)
            out.append(near if math.isclose(value, near, rel_tol=_ALIKE) and near == round(value, 1) else value)
    return out
