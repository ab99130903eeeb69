"""Files of a real training: they open without a question, and everything that was assumed is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import sureness
from fpn_viewer.core.detectors.detector import open_detector

SHARED = Path(__file__).resolve().parents[5] / "shared"
FILES = tuple(sorted((SHARED / "checkpoints").glob("*.pth")))
#: what a state_dict cannot hold, and a person would be asked for
UNSAID = ("anchor_sizes", "aspect_ratios", "min_size", "max_size", "image_mean", "image_std", "box_score_thresh", "norm_eps")

pytestmark = pytest.mark.skipif(not FILES, reason="the shared checkpoints are not here")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_recognised_and_what_is_assumed_is_said(path: Path) -> None:
    recognised = read_checkpoint(path)
    spec = recognised.spec
    assert (spec.family, spec.backbone, spec.norm, spec.neck, spec.neck_channels) == (
        "Faster R-CNN",
        "resnet18",
        "batch",
        "fpn",
        64,
    )
    assert (spec.levels, spec.num_classes, spec.box_features) == (("P2", "P3", "P4", "P5", "P6"), 4, 256)
    assert (spec.dialect, recognised.anchors_per_cell) == ("torchvision", 3)
    assert {sureness(spec.origins[name]) for name in UNSAID} == {"assumed"}
    assert sureness(spec.origins["backbone"]) == "certain"
    assert "made up" in spec.origins["class_names"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_finds_cells_without_anything_being_said(path: Path) -> None:
    detector = open_detector(path, device="cpu")
    assert not detector.spec.untrained
    picture = sorted((SHARED / "data" / "bccd" / "images").glob("*.jpg"))[0]
    # trained on 320 px: what is assumed is another size, and still most cells are seen
    trace = detector.trace(picture, settings={"min_size": 320, "max_size": 640})
    assert trace.follows is None
    assert trace.detections.scores[0] > 0.9
