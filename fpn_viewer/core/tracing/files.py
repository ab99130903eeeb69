"""A trace as one safetensors file: the tensors under their names, everything else as JSON in the metadata. No code in it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
from fpn_viewer.core.errors import SettingError, UserError
from fpn_viewer.core.geometry import Geometry, Level
from fpn_viewer.core.necks.evaluate import Affine
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term
from fpn_viewer.core.structures import StageTime
from fpn_viewer.core.tracing.dense import DenseHead
from fpn_viewer.core.tracing.raw import RawSelection
from fpn_viewer.core.tracing.receptive import Window
from fpn_viewer.core.tracing.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "fpn_viewer trace 1"
_SINGLE = ("anchors", "boxes", "proposals", "proposal_scores", "class_logits", "class_boxes")
_GROUPS = ("found", "output")
#: tensors and names of a one-stage head's answers
_DENSE = ("class_logits", "quality", "regression")
_DENSE_RULES = ("score", "coder")


def save_trace(trace: Trace, path: str | Path) -> None:
    """Writes a trace.

    Raises:
        UserError: the file cannot be written.
    """
    raw = trace.raw
    tensors: dict[str, Tensor] = {f"map/{n}": t for n, t in trace.maps.items()}
    tensors |= {f"affine/{n}/{part}": getattr(a, part) for n, a in trace.affines.items() for part in ("weight", "bias")}
    tensors |= {f"logits/{i}": t for i, t in enumerate(raw.logits)}
    tensors |= {f"raw/{name}": getattr(raw, name) for name in _SINGLE}
    tensors |= {f"{group}/{n}": t for group in _GROUPS for n, t in getattr(raw, group).items()}
    tensors |= {f"dense/{name}": getattr(raw.dense, name) for name in _DENSE if raw.dense is not None}
    try:
        # clones, because safetensors refuses tensors that share memory (the neck's weights may be views)
        save_file(
            {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}, path, {"trace": json.dumps(_plain(trace))}
        )
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be written ({error}); choose another place.") from error


def _plain(trace: Trace) -> dict[str, Any]:
    as_is = {name: getattr(trace, name) for name in ("device", "source", "digest", "warnings", "stale_scales")}
    return as_is | {
        "format": FORMAT,
        "spec": trace.spec.to_json(),
        "settings": dataclasses.asdict(trace.settings),
        "gains": [[node, term, gain] for (node, term), gain in trace.gains.items()],
        "geometry": dataclasses.asdict(trace.geometry),
        "levels": [dataclasses.asdict(level) for level in trace.levels],
        "graph": dataclasses.asdict(trace.graph),
        "times": [dataclasses.asdict(t) for t in trace.times],
        "affines": {name: [a.stride, a.padding] for name, a in trace.affines.items()},
        "receptive": dict(trace.receptive),
        "counts": trace.raw.counts,
        "roi_levels": trace.raw.roi_levels,
        "dense": {name: getattr(trace.raw.dense, name) for name in _DENSE_RULES if trace.raw.dense is not None},
    }


def load_trace(path: str | Path) -> Trace:
    """Opens a trace that `save_trace` wrote; its tensors are on the CPU.

    Raises:
        UserError: the file cannot be read or is not a trace.
    """
    try:
        with safe_open(path, framework="pt") as file:
            plain = json.loads((file.metadata() or {})["trace"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if plain["format"] != FORMAT:
            raise UserError(f"{Path(path).name} was written by another version ({plain['format']}); make the trace again.")
        return _rebuilt(plain, tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, SettingError) as error:
        raise UserError(f"{path} is not a readable trace ({error}); was it written by fpn_viewer, and completely?") from error


def _rebuilt(plain: dict[str, Any], tensors: dict[str, Tensor]) -> Trace:
    def group(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(f"{prefix}/"): t for n, t in tensors.items() if n.startswith(f"{prefix}/")}

    logits = group("logits")
    parts: dict[str, Any] = {name: tensors[f"raw/{name}"] for name in _SINGLE} | {name: group(name) for name in _GROUPS}
    raw = RawSelection(
        logits=tuple(logits[str(i)] for i in range(len(logits))),
        counts=tuple(plain["counts"]),
        roi_levels=tuple(plain["roi_levels"]),
        # a trace of an earlier version has no such entry
        dense=_dense(plain.get("dense", {}), group("dense")),
        **parts,
    )
    return Trace(
        spec=DetectorSpec.from_json(plain["spec"]),
        settings=Settings().changed(**plain["settings"]),
        gains={(node, term): gain for node, term, gain in plain["gains"]},
        geometry=Geometry(**{name: tuple(size) for name, size in plain["geometry"].items()}),
        levels=tuple(_level(level) for level in plain["levels"]),
        graph=_graph(plain["graph"]),
        maps=group("map"),
        affines=_affines(plain["affines"], group("affine")),
        raw=raw,
        times=tuple(StageTime(**t) for t in plain["times"]),
        device=plain["device"],
        source=plain["source"],
        digest=plain["digest"],
        warnings=tuple(plain["warnings"]),
        stale_scales=tuple(plain.get("stale_scales", ())),
        receptive={name: Window(*sides) for name, sides in plain["receptive"].items()},
    )


def _dense(rules: dict[str, Any], tensors: dict[str, Any]) -> DenseHead | None:
    return DenseHead(**tensors, **rules) if rules else None


def _level(plain: dict[str, Any]) -> Level:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    return Level(**values)


def _graph(plain: dict[str, Any]) -> Graph:
    def term(values: dict[str, Any]) -> Term:
        return Term(**{**values, "op": Op(**values["op"])})

    nodes = tuple(Node(**{**node, "terms": tuple(term(t) for t in node["terms"])}) for node in plain["nodes"])
    return Graph(plain["kind"], tuple(plain["levels"]), nodes, plain.get("unknown", ""), plain.get("fixed", ""))


def _affines(steps: dict[str, list[int]], tensors: dict[str, Tensor]) -> dict[str, Affine]:
    return {name: Affine(tensors[f"{name}/weight"], tensors[f"{name}/bias"], *step) for name, step in steps.items()}
