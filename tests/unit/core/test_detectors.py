"""Detectors by name, file and module; what a spec says, and how bad input is refused."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.detectors.build import RESNETS, build_module
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.device import available_devices, half_type
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
from fpn_viewer.core.errors import CheckpointError, DetectorError, DeviceError, SettingError, UserError
from tests.tiny import TINY, noise, tiny_detector, tiny_module

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_native(replace(TINY, weights="trained"), tiny_module(), path)
    return path


def test_spec_survives_json() -> None:
    assert DetectorSpec.from_json(SPEC.to_json()) == SPEC
    assert SPEC.summary == "demo (slim ResNet-18 · FPN · 5 classes)"


def test_native_file_opens_with_everything_it_was_saved_with(checkpoint: Path) -> None:
    detector = open_detector(checkpoint, device="cpu")
    assert detector.spec.settings == TINY.settings
    assert detector.spec.class_names == TINY.class_names
    assert not detector.spec.untrained
    half = tiny_module()
    with torch.no_grad():
        for name, t in half.state_dict().items():
            if t.dtype.is_floating_point and "running_" not in name:
                t.copy_(t.half().float())
    expected = open_detector(half, device="cpu").trace(noise())
    assert np.array_equal(detector.trace(noise()).detections.boxes_img, expected.detections.boxes_img)


def test_a_file_of_another_network_does_not_load_partially(tmp_path: Path) -> None:
    path = tmp_path / "wrong.safetensors"
    save_native(replace(TINY, rpn_depth=2), tiny_module(), path)
    with pytest.raises(CheckpointError, match="missing"):
        open_detector(path, device="cpu")


@pytest.mark.parametrize("content", [b"", b"abc", b"\x00" * 64])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_broken_files_give_a_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="broken"):
        open_detector(path, device="cpu")


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(CheckpointError, match="fasterrcnn_resnet50_fpn"):
        open_detector("no-such-thing")


class Evil:
    """Its unpickling would write a file."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": tiny_module().state_dict(), "x": Evil()}, "evil.pth")
    with pytest.raises(CheckpointError, match="run code"):
        open_detector("evil.pth", device="cpu")
    assert not Path("executed").exists()


def torchvision_file(path: Path, module: torch.nn.Module, prefix: str = "", **extra: Any) -> Path:
    tensors = {prefix + name: t for name, t in module.state_dict().items()}
    torch.save({"model": tensors, "epoch": 3, "args": argparse.Namespace(data="coco"), **extra}, path)
    return path


def test_references_checkpoint_is_recognised_from_its_shapes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None)
    module = detection.FasterRCNN(backbone, 3, min_size=100, max_size=200).eval()
    path = torchvision_file(tmp_path / "mine.pth", module, "module.")
    (tmp_path / "mine.json").write_text(json.dumps({"min_size": 100, "max_size": 200, "class_names": ["dot", "line"]}))
    detector = open_detector(path, device="cpu", box_score_thresh=0.01)
    assert (detector.spec.backbone, detector.spec.num_classes, detector.spec.class_names[1]) == ("resnet18", 3, "dot")
    assert detector.spec.origins["min_size"] == "from mine.json"
    assert detector.spec.origins["anchor_sizes"].startswith("assumed")
    assert detector.spec.origins["box_score_thresh"] == "given by the user"
    expected = open_detector(module, device="cpu", box_score_thresh=0.01).trace(noise())
    assert np.array_equal(detector.trace(noise()).detections.scores, expected.detections.scores)


def test_legacy_keys_and_v2_heads_are_recognised(tmp_path: Path) -> None:
    module = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=3)
    spec = open_detector(torchvision_file(tmp_path / "v2.pth", module), device="cpu").spec
    assert (spec.rpn_depth, spec.box_head, spec.neck_norm) == (2, "conv4", True)
    torch.manual_seed(0)
    old = detection.FasterRCNN(resnet_fpn_backbone(backbone_name="resnet18", weights=None), 3)
    unwrapped = r"(rpn\.head\.conv|fpn\.\w+_blocks\.\d)(\.0)+\.(weight|bias)$"
    legacy = {re.sub(unwrapped, r"\1.\3", name): t for name, t in old.state_dict().items()}
    assert "backbone.fpn.inner_blocks.3.weight" in legacy
    torch.save(legacy, tmp_path / "legacy.pth")
    assert open_detector(tmp_path / "legacy.pth", device="cpu").spec.backbone == "resnet18"


@pytest.mark.parametrize("name", ["bccd_r18_fpn64.pth", "bccd_r18_fpn64_early.pth"])
def test_real_checkpoints_open(name: str) -> None:
    path = SHARED / "checkpoints" / name
    if not path.exists():
        pytest.skip("the shared checkpoints are not here")
    detector = open_detector(path, device="cpu", min_size=320, max_size=640, class_names=("RBC", "WBC", "Platelets"))
    assert (detector.spec.backbone, detector.spec.neck_channels) == ("resnet18", 64)
    pictures = sorted((SHARED / "data" / "bccd" / "images").glob("*.jpg"))
    trace = detector.trace(pictures[0])
    assert trace.follows is None
    assert trace.detections.scores[0] > 0.9


@pytest.mark.parametrize("backbone", RESNETS)
def test_every_resnet_builds_and_describes_itself(backbone: str) -> None:
    spec = replace(SPEC, backbone=backbone, backbone_width=64, norm="frozen")
    again = open_detector(build_module(spec), device="cpu").spec
    assert (again.backbone, again.norm, again.neck_channels) == (backbone, "frozen", 64)
    assert again.settings == spec.settings


def test_settings_given_are_in_the_module() -> None:
    detector = tiny_detector(rpn_nms_thresh=0.5, box_detections_per_img=7, min_size=64)
    assert read_settings(detector.module) == replace(TINY.settings, rpn_nms_thresh=0.5, box_detections_per_img=7, min_size=64)
    assert detector.spec.origins["min_size"] == "given by the user"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"min_siz": 3}, "not a setting"),
        ({"min_size": 0}, "min_size cannot be 0"),
        ({"min_size": 3.5}, "whole number"),
        ({"box_nms_thresh": 2}, "from 0 to 1"),
        ({"min_size": "abc"}, "min_size cannot be 'abc': it must be a whole number from 1 to 20,000"),
        ({"min_size": True}, "whole number"),
        ({"topk_candidates": float("nan")}, "topk_candidates"),
        ({"rpn_pre_nms_top_n": 0}, "from 1 to 10,000,000"),
        ({"image_mean": ("1", "2")}, "image_mean cannot be 1, 2: it must be three numbers"),
        ({"image_mean": "abc"}, "three numbers"),
        ({"image_mean": (0, 0, float("inf"))}, "three numbers"),
        ({"image_std": (1, 0, 1)}, "above 0"),
        ({"image_std": (1, float("nan"), 1)}, "three numbers"),
        ({"anchor_sizes": ((float("inf"),),) * 5}, "sizes"),
        ({"anchor_sizes": 32}, "sizes"),
        ({"aspect_ratios": (float("inf"),)}, "positive"),
        ({"anchor_sizes": ((1,), ())}, "sizes"),
        ({"aspect_ratios": (0.5, -1)}, "positive"),
        ({"anchor_sizes": ((32, 64),) * 5}, "anchors per cell"),
        ({"class_names": ("a", "b")}, "2 class names were given for 5 classes"),
        ({"class_names": ("background", "b")}, "1 class name was given for 5 classes"),
        ({"class_names": ()}, "no class names were given"),
        ({"num_classes": 4}, "num_classes cannot be 4: .* has 5 classes and background"),
        ({"num_classes": [5]}, "num_classes cannot be"),
    ],
)
def test_wrong_settings_give_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        open_detector(tiny_module(), device="cpu", **values)


def test_settings_have_torchvisions_defaults() -> None:
    module = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    assert read_settings(module) == Settings()


def test_devices() -> None:
    assert available_devices()[-1] == "cpu"
    with pytest.raises(DeviceError, match="cuda:99"):
        open_detector(tiny_module(), device="cuda:99")
    with pytest.raises(SettingError, match="GPU only"):
        half_type("bfloat16", torch.device("cpu"))
    with pytest.raises(SettingError, match="float8"):
        half_type("float8", torch.device("cuda"))
    assert half_type("float16", torch.device("cuda")) is torch.float16


def test_other_networks_are_refused_by_name() -> None:
    with pytest.raises(DetectorError, match="Linear"):
        open_detector(torch.nn.Linear(1, 1), device="cpu")
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3))
    plain.out_channels = 8  # type: ignore[assignment]
    with pytest.raises(DetectorError, match="no feature pyramid"):
        open_detector(detection.FasterRCNN(plain, 2), device="cpu")


def test_every_error_of_the_program_is_a_user_error() -> None:
    assert issubclass(CheckpointError, UserError)
    assert issubclass(SettingError, UserError)
