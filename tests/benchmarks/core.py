"""What tracing costs beside the plain forward, and whether memory stays flat."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.engine.jobs import Token
from fpn_viewer.engine.requests import OpenDetector, RunTrace
from fpn_viewer.engine.session import Session
from tests.benchmarks.measure import Row, at_most, milliseconds, resident_mib

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = 7
PICTURES = 200


def tracing() -> list[Row]:
    """Plain forward and trace in turn, ResNet-50 FPN, 800×1067."""
    torch.manual_seed(0)
    detector = open_detector("fasterrcnn_resnet50_fpn", device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (800, 1067, 3), np.uint8)
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255

    def plain() -> object:
        with torch.inference_mode():
            return detector.module([image])

    plain()
    detector.trace(pixels)
    ratios, replays = [], []
    for _ in range(PAIRS):
        forward = milliseconds(plain)
        ratios.append(milliseconds(partial(detector.trace, pixels)) / forward)
        replays.append(milliseconds(partial(getattr, detector.trace(pixels), "candidates")))
    return [
        at_most("trace beside the plain forward, R50-FPN 800×1067", median(ratios), 1.05, "×"),
        Row("table of all candidates, both replays included, 217,413 anchors", f"{median(replays):.3g} ms", "–", True),
    ]


def memory(folder: Path) -> list[Row]:
    """Resident memory over many different pictures through one session."""
    session = Session(64 << 20)
    OpenDetector(session, "demo", device="cpu")(Token())
    rng, held = np.random.default_rng(1), []
    from PIL import Image

    for _ in range(PICTURES):
        path = folder / "picture.png"
        Image.fromarray(rng.integers(0, 256, (144, 192, 3), np.uint8)).save(path)
        RunTrace(session, str(path), "mean_abs", 0, "cell", settings={"min_size": 144})(Token())
        held.append(resident_mib())
    growth = median(held[-40:]) - median(held[40:80])
    return [at_most(f"growth of memory over {PICTURES} pictures, 41st to 80th against the last 40", growth, 30, "MiB")]
