"""`fpn-viewer inspect`: every map of a picture as PNG, a contact sheet, and what happened as JSON and CSV. No window needed."""

from __future__ import annotations

import csv
import json
import platform
import time
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.images import open_picture
from fpn_viewer.core.imaging import montage
from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.necks.graph import ROLES
from fpn_viewer.core.numbers import significant
from fpn_viewer.engine import requests
from fpn_viewer.engine.jobs import Token
from fpn_viewer.engine.session import Session
from fpn_viewer.engine.values import REDUCTIONS, SCALES, SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fpn_viewer.core.detectors.adapters.named import NamedModel
    from fpn_viewer.core.geometry import Level
    from fpn_viewer.core.images import Picture
    from fpn_viewer.core.necks.graph import Graph, Node
    from fpn_viewer.engine.requests import TraceResult
    from fpn_viewer.engine.values import AnchorField, Bytes, DetectorInfo, Plane, Planes, TraceView

DETECTION_COLUMNS: tuple[str, ...] = (
    *("picture", "label", "name", "score", "x1", "y1", "x2", "y2"),
    *("level", "anchor_row", "anchor_column", "anchor_shape"),
)
#: of the PNG files; Pillow's own 6 takes four times as long and saves 6 %
_COMPRESSION = 2
_LIBRARIES = ("torch", "torchvision", "numpy", "pillow")


@dataclass(frozen=True)
class Show:
    """How maps are made into pictures.

    Attributes:
        reduction: a key of `REDUCTIONS`.
        channel: for the reduction "channel".
        scale: a key of `SCALES`.
    """

    reduction: str = "mean_abs"
    channel: int = 0
    scale: str = "cell"


@dataclass(frozen=True)
class Report:
    """What was done with one picture.

    Attributes:
        folder: where everything lies.
        detections: how many.
        maps: how many PNG files.
        seconds: in all.
        warnings: sentences about what looks wrong.
        rows: the lines of `detections.csv`.
    """

    folder: Path
    detections: int
    maps: int
    seconds: float
    warnings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)


class Inspector:
    """A detector and a folder for what it says about pictures.

    Attributes:
        info: the detector.
    """

    def __init__(
        self,
        source: str | NamedModel,
        out: Path,
        show: Show,
        device: str = "auto",
        precision: str = "float32",
        *,
        token: Token | None = None,
        **settings: object,
    ) -> None:
        """Opens the detector; the folder must be there.

        Args:
            source: a file, a bundled name, a builder's name, or a network that the user named.
            out: gets one folder for each picture.
            show: how maps are drawn.
            device: "auto", "cpu", "cuda:0", "mps".
            precision: "float32", or on a GPU "float16" or "bfloat16".
            token: told of progress, and may stop.
            settings: what a checkpoint cannot say, by name.

        Raises:
            UserError: the detector cannot be opened.
        """
        # one trace at a time: nothing is asked about an earlier picture
        self._session, self._token = Session(budget=0), token or Token()
        self._out, self._show = out, show
        self._folders: set[str] = set()
        open_request = requests.OpenDetector(self._session, source, device, precision, settings)
        self.info: DetectorInfo = open_request(self._token)

    def inspect(self, path: str) -> Report:
        """Runs the detector over one picture and writes everything about it.

        Raises:
            UserError: the picture cannot be read or run.
            OSError: a file cannot be written.
        """
        started = time.perf_counter()
        picture = open_picture(path)
        shown = self._show
        run = requests.RunTrace(self._session, path, shown.reduction, shown.channel, shown.scale, picture=picture)
        result = run(self._token)
        anchors = requests.GetAnchors(self._session, result.view.key)(self._token)
        folder = self._folder(path)
        maps = _write_maps(folder, picture, result)
        rows = detection_rows(result.view, anchors)
        write_detections(folder / "detections.csv", rows)
        described = describe_trace(result, maps)
        (folder / "trace.json").write_text(json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False), "utf-8")
        view = result.view
        return Report(folder, len(view.detections), len(maps), time.perf_counter() - started, view.warnings, tuple(rows))

    def _folder(self, path: str) -> Path:
        """A folder named like the picture; pictures of one name get numbers."""
        stem = Path(path).stem.strip(". ") or "picture"
        name, number = stem, 1
        while name.casefold() in self._folders:
            number += 1
            name = f"{stem}-{number}"
        self._folders.add(name.casefold())
        folder = self._out / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def file_name(plane: Plane, graph: Graph) -> str:
    """The file of a map: "M3.png", and "share3.png" for the share of the top-down term in M3."""
    level, role = plane.cell
    node = graph.at(level, role)
    return f"{SHARE}{level[1:]}.png" if node is None else f"{node.name}.png"


def _write_maps(folder: Path, picture: Picture, result: TraceResult) -> dict[str, Plane]:
    """Writes the PNG files and the contact sheet.

    Returns:
        The planes by file name.
    """
    base = montage.resized(picture.pixels, montage.drawn_size(picture.size))
    maps, drawn = {}, {}
    for cell, plane in result.planes.planes.items():
        image = _image(plane)
        over = montage.overlay(base, image, picture.size)
        drawn[cell] = (over, _caption(plane))
        name = file_name(plane, result.view.graph)
        montage.with_bar(over, image).save(folder / name, compress_level=_COMPRESSION)
        maps[name] = plane
    montage.contact_sheet(_contact(result, base, drawn)).save(folder / "contact.png", compress_level=_COMPRESSION)
    return maps


def _image(plane: Plane) -> montage.MapImage:
    return montage.MapImage(
        plane.title, plane.unit, plane.values, plane.low, plane.high, plane.signed, plane.box_img, plane.broken_at
    )


def _caption(plane: Plane) -> str:
    title = SHARE if plane.cell[1] == SHARE else plane.title
    return title if plane.values.ndim == 3 else f"{title}   {significant(plane.low)} … {significant(plane.high)}"


def _contact(result: TraceResult, base: Bytes, drawn: Mapping[tuple[str, str], tuple[Bytes, str]]) -> montage.Contact:
    view, planes = result.view, result.planes
    shares = {SHARE: "share of T in M"} if any(role == SHARE for _, role in drawn) else {}
    found = view.detections
    return montage.Contact(
        lines=_lines(view, planes),
        picture=montage.with_boxes(base, found.boxes_img, found.labels, view.geometry.image_size),
        columns={**{role: ROLES[role] for role in view.graph.roles}, **shares},
        rows={level.name: _row_heading(level) for level in view.levels},
        maps=drawn,
    )


def _row_heading(level: Level) -> tuple[str, str, str]:
    stride = f"/{level.stride[0]:.3g}"
    return level.name, f"{stride}\n{level.size[1]}×{level.size[0]}", level_colour(level.name)


def _lines(view: TraceView, planes: Planes) -> list[str]:
    geometry = view.geometry
    image, net, padded = (f"{w}×{h}" for h, w in (geometry.image_size, geometry.net_size, geometry.padded_size))
    unit = f"channel {planes.channel} (signed)" if planes.reduction == "channel" else REDUCTIONS[planes.reduction]
    return [
        Path(view.path).name,
        f"{view.spec.summary}{', random weights: untrained' if view.spec.untrained else ''}",
        f"{image} px, in the network {net} px, padded to {padded} px",
        f"maps: {unit}; scale {SCALES[planes.scale]}",
        f"{len(view.detections)} detections of {_proposals(view)}{view.anchors_count} anchors on {view.device}",
        *(() if view.follows is None else (f"not followed from {view.follows.stage} on: {view.follows.why}",)),
        *view.warnings,
    ]


def _proposals(view: TraceView) -> str:
    return "" if view.spec.kind.one_stage else f"{view.proposals_count} proposals of "


# -- tables -------------------------------------------------------------------------------------------------------------


def detection_rows(view: TraceView, anchors: AnchorField) -> list[tuple[str, ...]]:
    """The model's detections with the anchor each grew from; the anchor is empty where the replay cannot follow.

    Returns:
        One row for each, in the order of `DETECTION_COLUMNS`.
    """
    found = view.detections
    rows = []
    for box, score, label, row in zip(found.boxes_img, found.scores, found.labels, found.candidate, strict=True):
        name = view.spec.class_names[label] if label < len(view.spec.class_names) else ""
        rows.append((view.path, str(label), name, str(score), *map(str, box), *_anchor(view, anchors, int(row))))
    return rows


def _anchor(view: TraceView, anchors: AnchorField, row: int) -> tuple[str, ...]:
    if row < 0:
        return "", "", "", ""
    table = anchors.candidates
    level = int(table.level[row])
    return view.levels[level].name, str(table.y[row]), str(table.x[row]), anchors.shapes[level][table.shape[row]]


def write_detections(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Writes rows of `detection_rows` under their headings."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(DETECTION_COLUMNS)
        writer.writerows(rows)


def describe_trace(result: TraceResult, maps: Mapping[str, Plane]) -> dict[str, Any]:
    """A trace as plain data: sizes, neck, times, settings and where each came from, versions.

    Args:
        result: the trace and its planes.
        maps: the planes by file name.
    """
    view, planes = result.view, result.planes
    return {
        "picture": view.path,
        "detector": _detector(view),
        "settings": _settings(view),
        "geometry": {**asdict(view.geometry), "scale": view.geometry.scale},
        "levels": [asdict(level) for level in view.levels],
        "graph": {"kind": view.graph.kind, "nodes": [_node(view, node) for node in view.graph.nodes]},
        "shown": {"reduction": planes.reduction, "channel": planes.channel, "scale": planes.scale},
        "maps": {name: _map(plane) for name, plane in maps.items()},
        "counts": {"anchors": view.anchors_count, "proposals": view.proposals_count, "detections": len(view.detections)},
        "follows": None if view.follows is None else asdict(view.follows),
        "warnings": view.warnings,
        "seconds": {stage.name: round(stage.seconds, 6) for stage in view.times},
        "device": view.device,
        "versions": versions(),
    }


def _detector(view: TraceView) -> dict[str, Any]:
    spec = view.spec
    plain = {f.name: getattr(spec, f.name) for f in fields(spec) if f.name not in ("settings", "origins")}
    return {**plain, "conventions": asdict(spec.conventions), "origins": dict(spec.origins)}


def _settings(view: TraceView) -> dict[str, dict[str, Any]]:
    origins = view.spec.origins
    general = origins.get("settings", "from the checkpoint")
    has = view.spec.kind.settings
    values = {name: value for name, value in asdict(view.settings).items() if name in has}
    return {name: {"value": value, "origin": origins.get(name, general)} for name, value in values.items()}


def _node(view: TraceView, node: Node) -> dict[str, Any]:
    terms = [{"name": t.name, "source": t.source, "operation": t.op.label or t.op.kind, "weight": t.weight} for t in node.terms]
    return {"name": node.name, "role": node.role, "level": node.level, "channels": view.channels[node.name], "terms": terms}


def _map(plane: Plane) -> dict[str, Any]:
    numbers = {} if plane.values.ndim == 3 else {"low": plane.low, "high": plane.high}
    return {"title": plane.title, "unit": plane.unit, **numbers, "box_img": plane.box_img, "broken": plane.broken}


def versions() -> dict[str, str]:
    """The program and what it stands on."""
    from fpn_viewer.version import __version__

    return {"fpn_viewer": __version__, "python": platform.python_version(), **{name: metadata.version(name) for name in _LIBRARIES}}
