"""What a scan costs: against a plain evaluation loop over the same pictures, and what it holds in memory as they go by.

`python -m tests.benchmarks.scans PICTURE…` runs that loop with the demo detector and writes how many milliseconds it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from fpn_viewer.core.demo.coco import coco_dict
from fpn_viewer.core.demo.scenes import generate
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.engine.scan.run import scan
from tests.benchmarks.measure import at_least, at_most, milliseconds, resident_mib
from tests.scan_set import detector as tiny
from tests.scan_set import pictures

if TYPE_CHECKING:
    from tests.benchmarks.measure import Row

ROUNDS, SCENES = 3, 8
SMALL = 400


def scans(folder: Path) -> list[Row]:
    """The demo detector over generated scenes, and a tiny one over many small pictures."""
    return [throughput(folder / "scenes"), flatness(folder / "small")]


def throughput(folder: Path) -> Row:
    """Rounds of both ways in turn, so that what else the machine does meets both; each when it has run before."""
    paths, truth = _scenes(folder)
    detector = open_detector("demo", device="cpu")
    ratios = []
    scan(detector, paths[:2], truth, folder / "first.sqlite")
    for number in range(ROUNDS):
        plain = _plain(paths)
        ours = milliseconds(lambda out=folder / f"{number}.sqlite": scan(detector, paths, truth, out, resume=False))
        ratios.append(plain / ours)
    name = f"scan with life lines, speed against a plain evaluation loop, {SCENES} scenes"
    return at_least(name, median(ratios), 1.0, "×")


def _scenes(folder: Path) -> tuple[list[Path], Path]:
    folder.mkdir()
    found = [generate(seed) for seed in range(SCENES)]
    paths = [folder / f"{seed}.png" for seed in range(SCENES)]
    for scene, path in zip(found, paths, strict=True):
        Image.fromarray(scene.image).save(path)
    truth = folder / "truth.json"
    truth.write_text(json.dumps(coco_dict(found, [path.name for path in paths])))
    return paths, truth


def _plain(paths: list[Path]) -> float:
    """ms of the plain loop, in a process of its own: a scan also sets how memory is kept."""
    command = [sys.executable, "-m", "tests.benchmarks.scans", *map(str, paths)]
    return float(subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True).stdout)


def main(paths: list[Path]) -> None:
    """The plain loop over these pictures, after two to warm up."""
    module = open_detector("demo", device="cpu").module
    _evaluated(module, paths[:2])
    print(milliseconds(lambda: _evaluated(module, paths)))


def _evaluated(module: Any, paths: list[Path]) -> list[dict[str, torch.Tensor]]:
    """As in torchvision's references: read, run, keep the detections; torch has all cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    module.eval()
    try:
        with torch.inference_mode():
            return [module([decode_image(str(path), ImageReadMode.RGB).float() / 255])[0] for path in paths]
    finally:
        torch.set_num_threads(threads)


def flatness(folder: Path) -> Row:
    """What is held more after many pictures than after a quarter of them."""
    images, held = folder / "images", []
    paths = pictures(images, 4)
    for number in range(4, SMALL):
        (images / f"{number:04}.png").symlink_to(paths[number % 4])
    scan(tiny(), images, None, folder / "a.sqlite", told=lambda _: held.append(resident_mib()))
    # medians: what one picture needs for a moment is no growth
    grown = median(held[-SMALL // 8 :]) - median(held[SMALL // 4 : SMALL * 3 // 8])
    return at_most(f"memory that a scan of {SMALL} pictures holds more at its end than after a quarter", grown, 10, "MiB")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
