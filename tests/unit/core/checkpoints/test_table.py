"""Every kind of file there is: written, opened, recognised, and its trace compared with that of the network it was written from.

A row is a network, whose names its tensors have, and how the file wraps them. Rows without a trace are of networks so big that
building and running them would take longer than all others together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.detectors.conventions_fit import fit_conventions
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.parts.late_clipping import LateRetinaNet
from tests.checkpoint_files import NAMES, Network, blank_state_of, halved, module_of, state_of
from tests.checkpoint_wrappers import CLASSES, NAMING, ROUNDED, WRAPPERS, ending, save_module
from tests.tiny import noise

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec

SMALL: dict[str, Any] = {"min_size": 64, "max_size": 96}
#: detectron2 divides pixels by 1, which random weights are not trained for
TAMED: dict[str, Any] = {**SMALL, "image_std": (57.375, 57.12, 58.395)}


@dataclass(frozen=True)
class Row:
    """One file.

    Attributes:
        network: what it holds.
        names: a key of `NAMES`.
        wrapper: a key of `WRAPPERS`.
        traced: whether it is run, or only recognised.
    """

    network: Network
    names: str
    wrapper: str
    traced: bool = True

    def __str__(self) -> str:
        one = self.network
        kind = f"{one.family}{' v2' * (one.version == 2)} {one.backbone}{' frozen' * (one.norm == 'frozen')} {one.extra}"
        return f"{self.names}-{kind}-{self.wrapper}".replace(" ", "_")


FASTER, FROZEN = Network(), Network(norm="frozen")
MASK, KEYPOINT = Network("Mask R-CNN"), Network("Keypoint R-CNN", classes=2)
RETINANET, FCOS = Network("RetinaNet", extra="P5", classes=3), Network("FCOS", extra="P5", classes=3, channels=64)
C5 = replace(RETINANET, extra="C5")


def rows(network: Network, names: str, *wrappers: str, traced: bool = True) -> list[Row]:
    """One row for each wrapper."""
    return [Row(network, names, wrapper, traced) for wrapper in wrappers]


def on(network: Network, names: str, wrapper: str, *backbones: str, traced: bool = True) -> list[Row]:
    """One row for each backbone."""
    return [Row(replace(network, backbone=backbone), names, wrapper, traced) for backbone in backbones]


ANYWHERE = (
    *("bare", "ordered", "model", "references", "averaged", "lightning", "lightning net", "lightning detector", "lightning ddp"),
    *("ddp", "ddp model", "ddp twice", "compiled", "compiled ddp", "compiled part", "fsdp", "fsdp part", "timm", "numpy"),
    *("half", "bfloat16", "safetensors", "safetensors ddp", "safetensors half"),
    *("legacy file", "legacy file references", "legacy file half"),
)
SOME = ("bare", "references", "averaged", "lightning", "compiled ddp", "half", "safetensors", "legacy file")
FEW = ("bare", "references", "safetensors")
TABLE: tuple[Row, ...] = (
    *rows(FASTER, "torchvision", *ANYWHERE),
    *rows(FROZEN, "torchvision", *FEW, "ddp"),
    *rows(MASK, "torchvision", *FEW, "averaged"),
    *rows(KEYPOINT, "torchvision", *FEW),
    *rows(RETINANET, "torchvision", *SOME),
    *rows(FCOS, "torchvision", *SOME),
    *rows(FASTER, "torchvision legacy", *SOME, "ddp", "fsdp"),
    *rows(FROZEN, "torchvision legacy", *FEW),
    *rows(MASK, "torchvision legacy", *FEW),
    *rows(RETINANET, "torchvision legacy", *FEW, "half"),
    *rows(replace(FASTER, version=2), "torchvision", *FEW),
    *rows(replace(C5, version=2, norm="frozen", channels=64), "torchvision", *FEW),
    *on(FASTER, "torchvision", "bare", "resnet18", "mobilenet_v3_large", "mobilenet_v3_small", "vgg11", "swin_t"),
    *on(FASTER, "torchvision", "bare", "convnext_tiny", "resnet50"),
    *on(FASTER, "torchvision", "bare", "resnet34", "resnext50_32x4d", "swin_v2_t", traced=False),
    *on(replace(FROZEN, backbone="mobilenet_v3_large"), "torchvision legacy", "references", "mobilenet_v3_large"),
    *on(FROZEN, "torchvision legacy", "model", "resnet18"),
    *on(FROZEN, "torchvision legacy", "model", "resnet50", traced=False),
    *on(RETINANET, "torchvision", "bare", "resnet18"),
    *on(RETINANET, "torchvision", "bare", "convnext_tiny", traced=False),
    *on(FCOS, "torchvision", "half", "resnet18"),
    *on(FCOS, "torchvision", "half", "swin_t", traced=False),
    *on(FASTER, "torchvision", "bare", "resnet101", "resnet152", "resnext101_32x8d", "wide_resnet50_2", traced=False),
    *on(FASTER, "torchvision", "bare", "wide_resnet101_2", "vgg16_bn", "vgg19", traced=False),
    *on(FASTER, "torchvision", "bare", "swin_s", "swin_b", "convnext_small", "convnext_base", traced=False),
    *rows(FROZEN, "detectron2", "model", "pkl", "pkl heuristics", *SOME, "ddp", "numpy", "bfloat16", "legacy file half"),
    *rows(replace(MASK, norm="frozen"), "detectron2", "model", "pkl", "half"),
    *rows(replace(C5, norm="frozen"), "detectron2", "model", "pkl", *SOME),
    *rows(replace(RETINANET, norm="frozen"), "detectron2", "model"),
    *on(FROZEN, "detectron2", "pkl", "resnet18", "resnet50"),
    *on(replace(C5, norm="frozen"), "detectron2", "model", "resnet18"),
    *on(replace(C5, norm="frozen"), "detectron2", "model", "resnet50", traced=False),
    *on(FROZEN, "detectron2", "bare", "resnet101", "resnext101_32x8d", traced=False),
    *rows(
        FASTER, "mmdetection", "mmdetection 2.x", "mmdetection 2.x ema", "mmdetection 3.x", "mmdetection 3.x ema", "mmengine", *SOME
    ),
    *rows(FASTER, "mmdetection", "ddp", "numpy"),
    *rows(MASK, "mmdetection", "mmdetection 2.x", "mmdetection 3.x", "mmengine"),
    *rows(C5, "mmdetection", "mmdetection 2.x", "mmdetection 3.x", "mmdetection 3.x ema", "mmengine", *SOME),
    *rows(RETINANET, "mmdetection", "mmdetection 2.x", "bare"),
    *on(FASTER, "mmdetection", "mmdetection 3.x", "resnet18"),
    *on(FASTER, "mmdetection", "mmdetection 3.x", "resnet50", traced=False),
    *on(C5, "mmdetection", "mmdetection 3.x", "resnet18"),
    *on(C5, "mmdetection", "mmdetection 3.x", "resnet50", traced=False),
    *on(FASTER, "mmdetection", "bare", "resnet101", "resnext101_64x4d", traced=False),
    *rows(FASTER, "mmdetection 1.x", "mmdetection 2.x", "bare", "model"),
)


def write(row: Row, folder: Path) -> Path:
    """The row's file."""
    state = state_of(row.network) if row.traced else blank_state_of(row.network)
    path = folder / f"network{ending(row.wrapper)}"
    WRAPPERS[row.wrapper](NAMES[row.names](row.network, state), path)
    return path


def check_recognised(row: Row, spec: DetectorSpec) -> None:
    """Every part is what was written."""
    network = row.network
    found = (spec.family, spec.backbone, spec.neck, spec.neck_channels, spec.levels, spec.extra_levels, spec.num_classes)
    parts = (network.box_part.family, network.backbone, "fpn", network.channels, network.levels, network.extra, network.classes)
    assert found == parts
    assert spec.dialect == row.names.split()[0]
    assert set(spec.settings.anchors_per_cell) == {network.per_cell}
    assert spec.backbone_width == (16 if network.backbone.startswith("slim") else 64)
    if "res" in network.backbone or network.backbone.startswith("mobilenet"):
        assert spec.norm == network.norm
    assert spec.neck_norm == (network.version == 2 and not network.one_stage)
    if row.wrapper in NAMING:
        assert spec.class_names[-3:] == CLASSES
    head = (spec.head_depth, spec.head_norm) if network.one_stage else (spec.rpn_depth, spec.box_head, spec.box_features)
    assert head == _head(network)


def _head(network: Network) -> tuple[Any, ...]:
    second = network.version == 2
    if network.one_stage:
        return 4, "group" if second or network.family == "FCOS" else ""
    return 2 if second else 1, "conv4" if second else "mlp", 64


def expected(row: Row, opened: DetectorSpec) -> Detector:
    """The network that was written, as torchvision's own module; with another code base's conventions as they were recognised."""
    module = module_of(row.network)
    if row.wrapper in ROUNDED:
        module.load_state_dict(halved(module.state_dict(), ROUNDED[row.wrapper]))
    if row.names.startswith("torchvision"):
        return open_detector(module, device="cpu", **SMALL)
    fit_conventions(module, opened)
    if row.names == "detectron2" and row.network.one_stage:
        # that boxes are clipped last is a matter of the class
        module.__class__ = LateRetinaNet
    settings = {name: getattr(opened.settings, name) for name in opened.kind.settings}
    return open_detector(module, device="cpu", **settings)


@lru_cache(maxsize=4)
def expected_answers(row: Row, opened: DetectorSpec) -> dict[str, Any]:
    """Of the network that was written; rows of one network that keep its numbers share them."""
    return answers(expected(row, opened))


def answers(detector: Detector) -> dict[str, Any]:
    """The finest and the coarsest level, and what was found."""
    trace = detector.trace(noise())
    found = trace.detections
    ends = {name: trace.node(name) for name in (trace.levels[0].name, trace.levels[-1].name)}
    return {**ends, "boxes": found.boxes_img, "scores": found.scores, "labels": found.labels}


def check_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Bit by bit."""
    assert len(theirs["boxes"]) > 0
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert np.array_equal(np.asarray(ours[name]), np.asarray(value)), name


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_written_opened_recognised_and_traced(row: Row, tmp_path: Path) -> None:
    path = write(row, tmp_path)
    options = TAMED if row.names == "detectron2" else SMALL
    try:
        if not row.traced:
            return check_recognised(row, read_checkpoint(path, options).spec)
        detector = open_detector(path, device="cpu", **options)
        check_recognised(row, detector.spec)
        # the same but for the wrapper: compared with one and the same trace
        alike = replace(row, wrapper=row.wrapper if row.wrapper in ROUNDED else "bare")
        spec = replace(detector.spec, name="", weights="", class_names=tuple("x" * detector.spec.num_classes))
        check_same(answers(detector), expected_answers(alike, spec))
    finally:
        path.unlink()


def test_the_table_is_long_and_broad() -> None:
    assert len(TABLE) == len(set(TABLE)) >= 150
    assert {row.names for row in TABLE} == set(NAMES)
    assert {row.wrapper for row in TABLE} == set(WRAPPERS)


def test_a_pickled_module_opens_without_running_it(tmp_path: Path) -> None:
    module = module_of(FASTER)
    save_module(module, tmp_path / "whole.pth")
    detector = open_detector(tmp_path / "whole.pth", device="cpu", **SMALL)
    check_same(answers(detector), answers(open_detector(module, device="cpu", **SMALL)))


def test_other_weights_give_other_answers() -> None:
    """What the comparison would say if a row opened with the wrong weights."""
    other = replace(FASTER, channels=48)
    one, two = (answers(open_detector(module_of(network), device="cpu", **SMALL)) for network in (FASTER, other))
    with pytest.raises(AssertionError):
        check_same(one, two)
