"""The life line on pictures with ground truth: it agrees with the model's own output, and its numbers with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from fpn_viewer.core.analysis.lifeline import candidates_at, explain
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.resources import resources
from fpn_viewer.core.structures import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

SHARED = Path(__file__).parents[4] / "shared"
BCCD, CHECKPOINT = SHARED / "data" / "bccd", SHARED / "checkpoints" / "bccd_r18_fpn64.pth"
PICTURES = 12

Box = tuple[float, float, float, float]


def blood() -> Iterator[tuple[Path, list[tuple[Box, str]]]]:
    """Some pictures of BCCD with their objects; those without area are left out."""
    for path in sorted((BCCD / "annotations").glob("*.xml"))[::5][:PICTURES]:
        objects = []
        for one in ElementTree.parse(path).iter("object"):
            x1, y1, x2, y2 = (float(one.findtext(f"bndbox/{side}", "nan")) for side in ("xmin", "ymin", "xmax", "ymax"))
            if x2 > x1 and y2 > y1 and x1 < 640 and y1 < 480:
                objects.append(((x1, y1, x2, y2), one.findtext("name", "")))
        yield BCCD / "images" / f"{path.stem}.jpg", objects


def scenes() -> Iterator[tuple[Path, list[tuple[Box, str]]]]:
    """Four of the bundled scenes with their objects."""
    folder = resources() / "samples"
    table = json.loads((folder / "samples.json").read_text())
    names = {one["id"]: one["name"] for one in table["categories"]}
    for picture in table["images"][::3]:
        boxes = [(one["bbox"], names[one["category_id"]]) for one in table["annotations"] if one["image_id"] == picture["id"]]
        yield folder / picture["file_name"], [((x, y, x + w, y + h), name) for (x, y, w, h), name in boxes]


@pytest.fixture(scope="module")
def demo() -> Detector:
    return open_detector("demo", device="cpu")


@pytest.fixture(scope="module")
def cells() -> Detector:
    if not CHECKPOINT.exists() or not BCCD.exists():
        pytest.skip("the shared data and checkpoints are not here")
    return open_detector(CHECKPOINT, device="cpu", min_size=320, max_size=640, class_names=("RBC", "WBC", "Platelets"))


def matched(trace: Trace, box: Box, label: int | None, iou: float) -> bool:
    """Whether the model's own output has the object, worked out without the program."""
    found = trace.detections
    overlaps = box_iou(torch.tensor([box], dtype=torch.float64), torch.from_numpy(found.boxes_img.astype(np.float64)))[0].numpy()
    return bool(((overlaps >= iou) & ((found.labels == label) | (label is None))).any())


def check(trace: Trace, line: LifeLine) -> None:
    """What must hold of every life line of a trace that the replay follows."""
    survivors = [stage.survivors for stage in line.stages]
    second = STAGES.index("box_regression")
    for half in (survivors[2:second], survivors[second:]):
        assert half == sorted(half, reverse=True)
    assert survivors[-1] == survivors[-2]
    for stage in line.stages:
        assert sum(stage.by_level.values()) == stage.survivors
        if stage.margin is not None and stage.state in ("passed", "killer") and stage.name != "rpn_regression":
            revived = stage.state == "passed" and not stage.survivors
            assert revived or (stage.margin >= 0) == (stage.state == "passed"), stage
    by = line.suppressor
    if by is not None:
        victim = line.stage(by.stage).box_img
        pair = torch.tensor([victim, by.box_img], dtype=torch.float64)
        limit = trace.settings.rpn_nms_thresh if by.stage == "rpn_nms" else trace.settings.box_nms_thresh
        assert float(box_iou(pair[:1], pair[1:])) == pytest.approx(by.iou, abs=1e-4)
        assert by.iou > limit - 1e-4


def check_drawn(trace: Trace, line: LifeLine) -> None:
    """The boxes that are drawn at a stage are those that are counted at it."""
    for stage in line.stages[2:-1]:
        at = candidates_at(trace, line.box_img, stage.name, label=line.label, iou=line.iou)
        near = at.alive & (at.iou >= line.iou)
        any_class = line.label is None or stage.name == "box_regression"
        own = near if any_class else near & ((at.label == line.label) | (at.label == 0))
        assert own.sum() == min(stage.survivors, 400), stage


@pytest.mark.parametrize(("data", "opened"), [(blood, "cells"), (scenes, "demo")], ids=["BCCD", "scenes"])
def test_no_killer_exactly_where_the_model_has_the_object(data: object, opened: str, request: pytest.FixtureRequest) -> None:
    detector: Detector = request.getfixturevalue(opened)
    killers, objects = set(), 0
    for path, things in data():  # type: ignore[operator]
        trace = detector.trace(path)
        assert trace.follows is None
        others = np.array([box for box, _ in things])
        for place, (box, name) in enumerate(things):
            for iou in (0.5, 0.75):
                line = explain(trace, box, name, iou=iou, others=np.delete(others, place, 0))
                assert (line.killer is None) == matched(trace, box, line.label, iou), (path, box)
                assert (line.outcome == "detected") == (line.killer is None)
                check(trace, line)
                killers.add(line.killer)
                objects += 1
            if place % 5 == 0:
                check_drawn(trace, line)
                assert (explain(trace, box).killer is None) == matched(trace, box, None, 0.5)
    assert objects > 200
    assert {None, "nms", "box_regression"} < killers


def test_at_the_limit_the_output_decides(demo: Detector) -> None:
    """The IoU of each detection itself, as a threshold: on it the object is found, a hair above it is not by that box."""
    path, things = next(scenes())
    trace = demo.trace(path)
    for box, name in things:
        line = explain(trace, box, name)
        if line.detection is None:
            continue
        best = line.stage("detected").best_iou
        assert explain(trace, box, name, iou=best).killer is None
        above = float(np.nextafter(best, 1))
        lost = explain(trace, box, name, iou=above)
        assert lost.killer is not None
        assert not matched(trace, box, lost.label, above)


def test_a_box_far_larger_and_far_smaller_than_everything(demo: Detector) -> None:
    path, _ = next(scenes())
    trace = demo.trace(path)
    height, width = trace.image_size
    whole = explain(trace, (0, 0, width, height))
    dot = explain(trace, (100.0, 100.0, 100.01, 100.01))
    for line in (whole, dot):
        check(trace, line)
        assert line.killer is not None
    anchors = torch.from_numpy(trace.geometry.to_img(trace.raw.anchors.numpy()))
    best = float(box_iou(torch.tensor([[0, 0, width, height]], dtype=torch.float64), anchors).max())
    assert whole.stage("anchors").best_iou == pytest.approx(best, rel=1e-5)
