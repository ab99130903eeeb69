"""`fpn-viewer compare`: every map of two sides next to each other as PNG, a contact sheet, and what differs as JSON and CSV."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.comparison.nodes import TOLERANCE
from fpn_viewer.core.comparison.tiles import TiledTrace
from fpn_viewer.core.comparison.values import PAIRS, STATUSES
from fpn_viewer.core.errors import UserError
from fpn_viewer.core.imaging import montage
from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.imaging.quantise import quantise, quantise_rgb
from fpn_viewer.core.numbers import significant
from fpn_viewer.engine.inspect import versions
from fpn_viewer.engine.values import REDUCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from fpn_viewer.core.comparison.comparison import Comparison
    from fpn_viewer.core.comparison.planes import PlanePair
    from fpn_viewer.core.comparison.sides import Side
    from fpn_viewer.core.comparison.values import DetectionPair, Ended, NodeDifference
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.imaging.quantise import Range

    #: a drawn map with its caption
    Cell = tuple[montage.Bytes, str]

OBJECT_COLUMNS: tuple[str, ...] = (
    *("number", "name", "x1", "y1", "x2", "y2", "status", "differs_at"),
    *("killer_a", "outcome_a", "verdict_a", "killer_b", "outcome_b", "verdict_b", "sentence"),
)
_SIDE_COLUMNS = ("name", "score", "x1", "y1", "x2", "y2")
DETECTION_COLUMNS: tuple[str, ...] = ("kind", "iou", *(f"{name}_{side}" for side in "ab" for name in _SIDE_COLUMNS))
#: of the PNG files; Pillow's own 6 takes four times as long and saves 6 %
_COMPRESSION = 2
_PANELS = ("A", "B", "B − A")


@dataclass(frozen=True)
class Drawing:
    """How maps are made into pictures.

    Attributes:
        reduction: a key of `values.REDUCTIONS`.
        channel: of A, for the reduction "channel".
        names: what A and B are called.
    """

    reduction: str
    channel: int
    names: tuple[str, str]


def write_comparison(comparison: Comparison, picture: Picture, folder: Path, drawing: Drawing) -> int:
    """Writes everything about a comparison into a folder, which is made.

    Args:
        comparison: of the picture.
        picture: that both sides ran over.
        folder: gets "maps/", "contact.png", "comparison.json", "objects.csv" and "detections.csv".
        drawing: how maps are drawn.

    Returns:
        How many maps were written.

    Raises:
        UserError: the folder cannot be made, or no map can be drawn in this way.
        OSError: a file cannot be written.
    """
    try:
        (folder / "maps").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror or error}); choose another folder with --out.") from error
    planes = _planes(comparison, drawing)
    base = montage.resized(picture.pixels, montage.drawn_size(picture.size))
    drawn: dict[tuple[str, str], Cell] = {}
    for node, pair in planes.items():
        panels = _panels(pair, base, picture.size, drawing)
        montage.side_by_side([page for page, _ in panels]).save(folder / "maps" / f"{node}.png", compress_level=_COMPRESSION)
        drawn |= {(node, title): cell for title, (_, cell) in zip(_PANELS, panels, strict=True) if cell is not None}
    montage.contact_sheet(_contact(comparison, base, drawn, drawing)).save(folder / "contact.png", compress_level=_COMPRESSION)
    described = json.dumps(describe(comparison, planes, drawing), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "comparison.json").write_text(described, "utf-8")
    _write_table(folder / "objects.csv", OBJECT_COLUMNS, object_rows(comparison))
    _write_table(folder / "detections.csv", DETECTION_COLUMNS, detection_rows(comparison))
    return len(planes)


# -- pictures -----------------------------------------------------------------------------------------------------------


def _planes(comparison: Comparison, drawing: Drawing) -> dict[str, PlanePair]:
    """The planes of every node that has the channel.

    Raises:
        UserError: none has it.
    """
    sides = (comparison.trace_a, comparison.trace_b)
    found = {}
    for node in comparison.all_nodes:
        # channels are counted in A, where A has the node
        width = next(side.width(node) for side in sides if node in side.graph)
        if drawing.reduction != "channel" or drawing.channel < width:
            found[node] = comparison.planes(node, drawing.reduction, drawing.channel)
    if not found:
        raise UserError(f"no map has a channel {drawing.channel}; channels are counted from 0.")
    return found


def _panels(pair: PlanePair, base: montage.Bytes, size: tuple[int, int], drawing: Drawing) -> list[tuple[Image.Image, Cell | None]]:
    """A, B and their difference: each as a page with its scale, and as a cell of the contact sheet, or None where it is missing."""
    unit = f"channel {{}} ({pair.matched})" if pair.reduction == "channel" else REDUCTIONS[pair.reduction]
    words = (f"A {drawing.names[0]}", f"B {drawing.names[1]}", "B - A")
    units = (unit.format(pair.channel_a), unit.format(pair.channel_b), "difference")
    planes: tuple[tuple[NDArray[Any] | None, Range, bool, Box], ...] = (
        (pair.a, pair.limits, pair.signed, pair.box_img),
        (pair.b_own, pair.limits, pair.signed, pair.box_b_img),
        (pair.difference, pair.difference_limits, True, pair.box_img),
    )
    out: list[tuple[Image.Image, Cell | None]] = []
    for (values, limits, signed, box), word, what in zip(planes, words, units, strict=True):
        title = f"{pair.node} · {word}"
        if values is None:
            out.append((montage.absent(base.shape[:2], title, pair.sentence), None))
            continue
        image = _image(values, limits, signed, box, title, what)
        over = montage.overlay(base, image, size)
        out.append((montage.with_bar(over, image), (over, _caption(image))))
    return out


def _image(values: NDArray[Any], limits: Range, signed: bool, box_img: Box, title: str, unit: str) -> montage.MapImage:
    broken = ~np.isfinite(values) if values.ndim == 2 else ~np.isfinite(values).all(2)
    pixels = quantise(values, limits) if values.ndim == 2 else quantise_rgb(values)
    where = broken if broken.any() else None
    return montage.MapImage(title, unit, pixels, limits.low, limits.high, signed, box_img, where)


def _caption(image: montage.MapImage) -> str:
    return "" if image.values.ndim == 3 else f"{significant(image.low)} … {significant(image.high)}"


def _contact(
    comparison: Comparison, base: montage.Bytes, drawn: Mapping[tuple[str, str], Cell], drawing: Drawing
) -> montage.Contact:
    rows = {row.node: row for row in comparison.nodes}
    nodes = dict.fromkeys(node for node, _ in drawn)
    return montage.Contact(
        lines=_lines(comparison, drawing),
        picture=base,
        columns={title: title.replace("−", "-") for title in _PANELS},
        rows={node: (node, _numbers(rows.get(node)), level_colour(node)) for node in nodes},
        maps=drawn,
    )


def _lines(comparison: Comparison, drawing: Drawing) -> list[str]:
    statuses = Counter(comparison.statuses)
    counted = ", ".join(f"{statuses[key]} {key}" for key in STATUSES if statuses[key])
    what = "objects" if comparison.ground_truth is not None else "detections"
    return [
        "A | B | B - A",
        *(f"{letter}: {name}" for letter, name in zip("AB", drawing.names, strict=True)),
        comparison.parting_sentence,
        f"{len(comparison.statuses)} {what}: {counted or 'none'}",
        *comparison.notes,
    ]


def _numbers(row: NodeDifference | None) -> str:
    if row is None:
        return "in one only"
    named = (("L2", row.relative_l2), ("cos", row.cosine), ("CKA", row.cka))
    return "\n".join(f"{name} {significant(value, 2)}" for name, value in named if value is not None)


# -- tables -------------------------------------------------------------------------------------------------------------


def describe(comparison: Comparison, planes: Mapping[str, PlanePair], drawing: Drawing) -> dict[str, Any]:
    """A comparison as plain data; a number that is not finite is null.

    Args:
        comparison: of one picture.
        planes: what was drawn, by node.
        drawing: how.
    """
    statuses, kinds = Counter(comparison.statuses), Counter(pair.kind for pair in comparison.detections)
    described = {
        "picture": comparison.trace_a.source,
        "a": _side(comparison.trace_a, drawing.names[0]),
        "b": _side(comparison.trace_b, drawing.names[1]),
        "notes": comparison.notes,
        "iou": comparison.iou,
        "parting": {"node": comparison.parting, "tolerance": TOLERANCE, "sentence": comparison.parting_sentence},
        "nodes": [asdict(row) for row in comparison.nodes],
        "objects": {"annotated": comparison.ground_truth is not None, "counts": {key: statuses[key] for key in STATUSES}},
        "detections": {key: kinds[key] for key in PAIRS},
        "weights": {"sentence": comparison.weights_sentence, "modules": [asdict(row) for row in comparison.weights]},
        "shown": {"reduction": drawing.reduction, "channel": drawing.channel},
        "maps": {f"maps/{node}.png": _map(pair) for node, pair in planes.items()},
        "versions": versions(),
    }
    return {name: _plain(value) for name, value in described.items()}


def _side(side: Side, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "detector": side.spec.summary,
        "weights": side.spec.weights,
        "settings": {key: value for key, value in asdict(side.settings).items() if key in side.spec.kind.settings},
        "gains": [{"node": node, "term": term, "factor": factor} for (node, term), factor in side.gains.items()],
        "geometry": side.geometry,
        "tiles": side.boxes_img if isinstance(side, TiledTrace) else (),
        "detections": len(side.detections),
        "follows": side.follows,
        "seconds": {stage.name: round(stage.seconds, 6) for stage in side.times},
        "device": side.device,
        "warnings": side.warnings,
    }


def _map(pair: PlanePair) -> dict[str, Any]:
    return {
        "limits": list(pair.limits),
        "difference_limits": None if pair.difference is None else list(pair.difference_limits),
        "channel_b": pair.channel_b if pair.reduction == "channel" else None,
        "resampled": pair.resampled,
        "sentence": pair.sentence,
    }


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def object_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Every object in the order of `OBJECT_COLUMNS`."""
    out = []
    for row in comparison.object_rows:
        corners = (f"{side:.2f}" for side in row.box_img)
        told = (*_end(row.a), *_end(row.b))
        out.append((str(row.number), row.name, *corners, row.status, row.differs_at, *told, row.sentence))
    return out


def _end(end: Ended | None) -> tuple[str, str, str]:
    return ("", "", "") if end is None else (end.killer or "", end.outcome, end.verdict)


def detection_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Every pair of detections in the order of `DETECTION_COLUMNS`; empty where a side has none."""
    out = []
    for pair in comparison.detections:
        sides = (*_detection(comparison.trace_a, pair, "a"), *_detection(comparison.trace_b, pair, "b"))
        out.append((pair.kind, f"{pair.iou:.4f}" if pair.iou else "", *sides))
    return out


def _detection(side: Side, pair: DetectionPair, letter: str) -> Sequence[str]:
    row = getattr(pair, letter)
    if row is None:
        return [""] * len(_SIDE_COLUMNS)
    found, names = side.detections, side.spec.class_names
    label = int(found.labels[row])
    name = names[label] if label < len(names) else f"class {label}"
    return [name, f"{found.scores[row]:.6f}", *(f"{corner:.2f}" for corner in found.boxes_img[row])]


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
