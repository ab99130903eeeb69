"""Every backbone in the table: told from its tensors, and built with the stages that the table says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchvision import models

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.detectors.backbones import BACKBONES, Body, backbone_of, levels_of, stages_read
from fpn_viewer.core.detectors.bodies import body_of
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.detectors.describe import describe
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.spec import title
from fpn_viewer.core.errors import DetectorError
from tests.unit.core.checkpoints.torchvision_nets import lively

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from fpn_viewer.core.detectors.spec import DetectorSpec

NORM = {"swin": "layer", "convnext": "layer"}
#: of those that differ in nothing but their numbers of blocks and channels, one is enough for a forward
_LARGER = ("_s", "_b", "t_small", "t_base", "t_large", "101", "152", "101_32x8d", "101_64x4d", "101_2")
FORWARDED = tuple(name for name in BACKBONES if not name.endswith(_LARGER))
TORCHVISIONS = tuple(name for name, backbone in BACKBONES.items() if backbone.style != "slim")


def spec_of(name: str, **more: Any) -> DetectorSpec:
    backbone = BACKBONES[name]
    norm = "" if backbone.style == "vgg" and not name.endswith("bn") else NORM.get(backbone.style, "batch")
    width = 16 if backbone.style == "slim" else 64
    return replace(SPEC, backbone=name, backbone_width=width, norm=norm, norm_eps=backbone.norm_eps, **more)


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_torchvisions_own_networks_are_told_by_their_tensors(name: str) -> None:
    with torch.device("meta"):
        network = getattr(models, name)()
    found = backbone_of(shapes_of(getattr(network, "features", network)))
    assert found is not None
    assert (found.backbone.name, found.width, found.stage_norms) == (name, 64, False)
    assert found.norm == spec_of(name).norm


@pytest.mark.parametrize("name", FORWARDED)
def test_stages_have_the_channels_and_strides_of_the_table(name: str) -> None:
    spec = spec_of(name)
    for way in BACKBONES[name].stages(spec.backbone_width):
        with torch.device("meta"):
            body = body_of(spec, way).eval()
            maps = body(torch.zeros(1, 3, 256, 256))
        found = backbone_of(shapes_of(body))
        assert found is not None
        assert (found.backbone.name, found.width) == (name, spec.backbone_width)
        assert [(x.shape[1], 256 // x.shape[2]) for x in maps.values()] == [(s.channels, s.stride) for s in way]


def test_titles_are_those_of_the_papers() -> None:
    titles = ("resnet18", "wide_resnet50_2", "vgg16_bn", "swin_v2_t", "convnext_base", "mobilenet_v3_small", "slim_resnet50")
    assert [title(name) for name in titles] == [
        *("ResNet-18", "Wide ResNet-50-2", "VGG-16 with BatchNorm", "Swin-V2-T", "ConvNeXt-Base", "MobileNetV3-Small"),
        "slim ResNet-50",
    ]


@pytest.mark.parametrize(
    ("channels", "first", "places", "levels"),
    [
        ((256, 512, 512, 512), 4, "15 22 29 30", "P2 P3 P4 P5 P6"),
        ((128, 256, 512, 512), 4, "9 16 23 30", "P2 P3 P4 P5 P6"),
        ((256, 512, 512), 4, "15 22 29", "P2 P3 P4 P5"),
        ((256, 512, 512), 8, "16 23 30", "P3 P4 P5 P6"),
        ((256, 100), 8, "", ""),
    ],
)
def test_laterals_say_which_maps_they_read(channels: tuple[int, ...], first: int, places: str, levels: str) -> None:
    stages, only = stages_read(Body(BACKBONES["vgg16"], 64, ""), channels, first, 28)
    assert [stage.place for stage in stages] == places.split()
    assert not stages or levels_of(stages, "pool") == tuple(levels.split())
    assert only == (places in ("15 22 29 30", ""))


@pytest.mark.parametrize("name", ["slim_resnet34", "slim_resnet50"])
@pytest.mark.parametrize("norm", ["batch", "frozen"])
def test_slim_resnets_of_any_depth_open(name: str, norm: str, tmp_path: Path) -> None:
    spec = spec_of(name, neck_channels=16, box_features=16)
    module: Any = lively(build_module(replace(spec, norm=norm)))
    torch.save(module.state_dict(), tmp_path / "slim.pth")
    again = open_detector(tmp_path / "slim.pth", device="cpu", anchor_sizes=spec.settings.anchor_sizes)
    assert (again.spec.backbone, again.spec.backbone_width, again.spec.norm) == (name, 16, norm)
    assert again.spec.summary == f"slim ({title(name)} · FPN · 5 classes)"
    assert describe(module, "own", spec.levels, "").backbone == name


def test_weights_that_are_loaded_are_not_drawn_first() -> None:
    spec = spec_of("swin_t")
    before = torch.random.get_rng_state()
    bare = build_module(spec, initialised=False)
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.device("meta"):
        assert shapes_of(bare) == shapes_of(build_module(spec))
    index = bare.get_buffer("backbone.body.1.0.attn.relative_position_index")
    assert sorted(set(index.tolist())) == list(range(13 * 13))
    drawn = build_module(spec_of("slim_resnet18", neck_channels=16, box_features=16))
    assert not torch.equal(torch.random.get_rng_state(), before)
    weight = drawn.get_parameter("backbone.body.layer4.1.conv2.weight").detach()
    assert float(weight.std()) == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.05)


def test_stages_and_norms_that_a_backbone_has_not_are_refused() -> None:
    with pytest.raises(DetectorError, match="VGG-11 has no stage '7' for a lateral; its stages are 1, 2, 4, 5"):
        build_module(spec_of("vgg11", stages=("7", "10", "15", "20")))
    with pytest.raises(DetectorError, match="ResNet-18 cannot be built with norm 'layer'"):
        build_module(replace(spec_of("resnet18"), norm="layer"))
    with pytest.raises(DetectorError, match="a box head 'convs' cannot be built"):
        build_module(spec_of("resnet18", box_head="convs"))
