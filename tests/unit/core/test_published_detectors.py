"""Detectors with published weights: opened as torchvision's own builders open them, from files that lie in torch hub's folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.models import detection
from torchvision.ops import FrozenBatchNorm2d

from fpn_viewer.cli import main
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.errors import CheckpointError, SettingError
from fpn_viewer.core.weights import Published, published
from tests.checkpoint_files import legacy_names, published_like
from tests.tiny import noise


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch hub's folder, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def publish(builder: str, content: object, home: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Makes a file the only published one. It lies where both programs look: under torchvision's name, and under its own hash."""
    real = next(one for one in published() if one.builder == builder)
    path = home / real.file_name
    torch.save(content, path)
    own = path.with_name(f"{builder}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth")
    os.link(path, own)
    # nobody listens at port 9 of this computer
    one = Published(builder, real.name, f"http://127.0.0.1:9/{own.name}", path.stat().st_size, None, real.categories, True)
    monkeypatch.setattr("fpn_viewer.core.weights.table.published", lambda: (one,))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return one


MOBILE = "fasterrcnn_mobilenet_v3_large_320_fpn"
#: one for each rule about norms, settings and names
_KINDS = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    MOBILE,
    "retinanet_resnet50_fpn",
    "fcos_resnet50_fpn",
)


@pytest.mark.parametrize("builder", _KINDS)
def test_published_weights_answer_as_in_torchvisions_builder(builder: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = publish(builder, published_like(builder), home, monkeypatch)
    # drawing weights that are overwritten next takes seconds for each network
    for name in ("kaiming_uniform_", "kaiming_normal_", "normal_", "uniform_"):
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    expected = getattr(detection, builder)(weights=one.name).eval()
    small: dict[str, Any] = {"min_size": 64, "max_size": 96, "box_score_thresh": 0.02}
    if hasattr(expected, "rpn"):
        small["rpn_post_nms_top_n"] = 40
    detector = open_detector(builder, device="cpu", weights=one.name, **small)
    changed = {**vars(read_settings(expected)), **small}
    assert vars(detector.spec.settings) == changed
    assert detector.spec.class_names == one.categories
    assert detector.spec.weights == "COCO_V1, published by torchvision"
    assert detector.spec.origins["min_size"] == "given by the user"
    assert detector.spec.origins["image_mean"] == f"set by torchvision's {builder}"
    without_eps = {module.eps for module in expected.modules() if isinstance(module, FrozenBatchNorm2d)} == {0.0}
    assert ("set by torchvision" in detector.spec.origins["norm_eps"]) == without_eps
    expected.transform.min_size, expected.transform.max_size = (64,), 96
    (expected.roi_heads if hasattr(expected, "rpn") else expected).score_thresh = 0.02
    if hasattr(expected, "rpn"):
        expected.rpn._post_nms_top_n["testing"] = 40
    image = torch.from_numpy(noise()).permute(2, 0, 1) / 255
    with torch.inference_mode():
        theirs, ours = expected([image])[0], detector.module([image])[0]
    assert len(theirs["boxes"]) > 0
    for key in ("boxes", "scores", "labels"):
        assert torch.equal(theirs[key], ours[key])


def test_what_the_user_says_goes_over_what_is_published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = publish(MOBILE, published_like(MOBILE), home, monkeypatch)
    spec = open_detector(one.builder, device="cpu", weights="DEFAULT", name="mine", box_nms_thresh=0.4, norm_eps=0.1).spec
    assert (spec.name, spec.settings.box_nms_thresh, spec.norm_eps) == ("mine", 0.4, 0.1)
    assert spec.settings.rpn_pre_nms_top_n == 150
    with pytest.raises(SettingError, match=r"num_classes cannot be 5: COCO_V1 of .* has 91"):
        open_detector(one.builder, device="cpu", weights="COCO_V1", num_classes=5)


def test_weights_are_for_builders_only() -> None:
    with pytest.raises(SettingError, match="weights=COCO_V1 is for torchvision's builders; demo has its own"):
        open_detector("demo", device="cpu", weights="COCO_V1")
    with pytest.raises(SettingError, match="weights cannot be 'COCO_V9'"):
        open_detector("fcos_resnet50_fpn", device="cpu", weights="COCO_V9")


class Evil:
    """Its unpickling would make a file."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def test_a_published_file_that_would_run_code_does_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    publish(MOBILE, {"model": Evil()}, home, monkeypatch)
    with pytest.raises(CheckpointError):
        open_detector(MOBILE, device="cpu", weights="COCO_V1")
    assert not Path("executed").exists()


def test_the_command_line_takes_published_weights(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = publish(MOBILE, published_like(MOBILE), home, monkeypatch)
    Image.fromarray(noise()).save(tmp_path / "a.png")
    words = [
        "explain",
        str(tmp_path / "a.png"),
        "--checkpoint",
        one.builder,
        "--device",
        "cpu",
        "--box",
        "1,1,20,20",
        "--no-remedies",
    ]
    assert main([*words, "--set", "weights=COCO_V1", "--set", "min_size=64"]) == 0
    assert not capsys.readouterr().err
    (home / one.file_name).unlink()
    assert main([*words, "--set", "weights=COCO_V1"]) == 3
    assert "cannot be downloaded" in capsys.readouterr().err


def test_legacy_names_are_those_of_the_published_files() -> None:
    """The writer's own names against torchvision's code that renames them when it loads."""
    module = detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=2)
    old = legacy_names(module.state_dict())
    assert set(old) != set(module.state_dict())
    module.load_state_dict(old)
