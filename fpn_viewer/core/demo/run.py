"""`fpn-viewer train-demo`: follows the recipe from nothing to checkpoints, samples and a table of what they are worth."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from PIL import Image

from fpn_viewer.core.demo.coco import coco_dict
from fpn_viewer.core.demo.evaluate import SIZE_EDGES, measure
from fpn_viewer.core.demo.recipe import (
    BUNDLED,
    HELD_OUT_FIRST_SEED,
    HELD_OUT_SCENES,
    SAMPLE_FIRST_SEED,
    SAMPLE_SCENES,
    WITH_TOP_DOWN,
    WITHOUT_TOP_DOWN,
)
from fpn_viewer.core.demo.scenes import generate
from fpn_viewer.core.demo.train import train
from fpn_viewer.core.detectors.detector import open_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fpn_viewer.core.demo.evaluate import Quality

JPEG_QUALITY = 92


def run(out: Path, say: Callable[[str], None] = print) -> None:
    """Trains both networks, measures all three checkpoints and writes everything to `out`; goes on where it was cut off.

    Args:
        out: gets `checkpoints/*.safetensors`, `samples/*.jpg`, `samples/samples.json` and `quality.md`.
        say: told a line at a time how far it is.
    """
    checkpoints = out / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    for recipe in (WITH_TOP_DOWN, WITHOUT_TOP_DOWN):
        for _, path in train(recipe, out / "work", say):
            if path.stem in BUNDLED:
                path.replace(checkpoints / path.name)
    write_samples(out / "samples")
    (out / "quality.md").write_text(quality_table(evaluate(checkpoints, say)))
    say(f"done: {out}")


def write_samples(folder: Path) -> None:
    """The sample scenes as JPEG with their ground truth as COCO JSON beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [generate(SAMPLE_FIRST_SEED + i) for i in range(SAMPLE_SCENES)]
    names = [f"scene-{i + 1:02d}.jpg" for i in range(len(scenes))]
    for name, scene in zip(names, scenes, strict=True):
        Image.fromarray(scene.image).save(folder / name, quality=JPEG_QUALITY)
    (folder / "samples.json").write_text(json.dumps(coco_dict(scenes, names)))


def evaluate(checkpoints: Path, say: Callable[[str], None] = print) -> dict[str, Quality]:
    """The quality of every bundled detector on the held-out scenes."""
    scenes = [generate(HELD_OUT_FIRST_SEED + i) for i in range(HELD_OUT_SCENES)]
    out = {}
    for name in BUNDLED:
        with torch.inference_mode():
            out[name] = measure(open_detector(checkpoints / f"{name}.safetensors").module, scenes)
        say(f"{name}: {asdict(out[name])}")
    return out


def _bucket(low: float, high: float) -> str:
    if high == float("inf"):
        return f"{low:g} px and more"
    return f"{low:g} to {high:g} px" if low else f"under {high:g} px"


def quality_table(qualities: Mapping[str, Quality]) -> str:
    """A Markdown table, one row per checkpoint."""
    edges = itertools.pairwise(SIZE_EDGES)
    buckets = [_bucket(low, high) for low, high in edges]
    head = ["checkpoint", "AP50", "AP", "AP small", *(f"recall, {b}" for b in buckets)]
    rows = [[f"`{name}`", *(f"{v:.3f}" for v in (q.ap50, q.ap, q.ap_small, *q.recall))] for name, q in qualities.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"
