"""Pyramids on other backbones than ResNets: opened from a file, and followed through the whole pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchvision import models
from torchvision.models.detection.backbone_utils import BackboneWithFPN

import fpn_viewer as fv
from fpn_viewer.core.detectors.detector import open_detector
from tests.tiny import noise
from tests.unit.core.checkpoints.torchvision_nets import TWO_STAGE, WIDTH, ChannelsLastBody, Pyramid, two_stage

if TYPE_CHECKING:
    from pathlib import Path


def vgg(name: str, places: tuple[str, ...]) -> Any:
    # without the classifier's hundred million weights
    features = models.vgg.make_layers(models.vgg.cfgs["A"], batch_norm=name.endswith("bn"))
    return BackboneWithFPN(features, {place: str(index) for index, place in enumerate(places)}, [256, 512, 512, 512], WIDTH)


def convnext() -> Any:
    places = {"1": "0", "3": "1", "5": "2", "7": "3"}
    return BackboneWithFPN(models.convnext_tiny().features, places, [96, 192, 384, 768], WIDTH)


def swin(norms: bool) -> Any:
    channels = (96, 192, 384, 768)
    return Pyramid(ChannelsLastBody(models.swin_t().features, channels if norms else ()), channels)


def mobile() -> Any:
    places = {"2": "0", "4": "1", "9": "2", "12": "3"}
    return BackboneWithFPN(models.mobilenet_v3_small().features, places, [24, 40, 96, 576], WIDTH)


PYRAMIDS: dict[str, Any] = {
    "vgg11": lambda: vgg("vgg11", ("9", "14", "19", "20")),
    "vgg11_bn": lambda: vgg("vgg11_bn", ("13", "20", "27", "28")),
    "convnext_tiny": convnext,
    "swin_t": lambda: swin(norms=True),
    "mobilenet_v3_small": mobile,
}


@pytest.mark.parametrize("name", PYRAMIDS)
def test_a_pyramid_on_it_opens_and_is_followed(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = two_stage(backbone=PYRAMIDS[name]())
    torch.save(module.state_dict(), tmp_path / "mine.pth")
    opened, own = open_detector(tmp_path / "mine.pth", device="cpu", **TWO_STAGE), open_detector(module, device="cpu")
    assert (opened.spec.backbone, own.spec.backbone) == (name, name)
    assert opened.spec.norm_eps == own.spec.norm_eps
    assert opened.spec.levels == opened.graph.levels
    trace, expected = opened.trace(noise()), own.trace(noise())
    assert all(torch.equal(trace.maps[node], expected.maps[node]) for node in expected.maps)
    assert (trace.detections.scores == expected.detections.scores).all()
    finest, top = opened.graph.outputs[0].name, opened.graph.inputs[-1].name.removeprefix("C")
    sources = trace.sources(finest)
    difference = sum(sources.values()) - trace.node(finest)
    assert float(difference.abs().max()) <= 1e-5 * float(trace.node(finest).abs().max())
    cut = opened.trace(noise(), gains={(f"L{top}", "lateral"): 0.0})
    assert not torch.equal(cut.maps[finest], trace.maps[finest])
    line = fv.explain(trace, trace.detections.boxes_img[0])
    assert line.killer is None
    sizes = [trace.receptive[node.name].size for node in opened.graph.inputs]
    assert sizes == sorted(sizes)
    assert sizes[0] >= trace.receptive[opened.graph.inputs[0].name].step


def test_a_body_that_kept_its_features_and_classifier_opens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = two_stage(backbone=mobile())
    tensors = {name.replace("backbone.body.", "backbone.body.features."): x for name, x in module.state_dict().items()}
    tensors["backbone.body.classifier.0.weight"] = torch.zeros(3, 576)
    torch.save(tensors, tmp_path / "whole.pth")
    again = open_detector(tmp_path / "whole.pth", device="cpu", **TWO_STAGE)
    assert torch.equal(again.module.state_dict()["backbone.body.0.0.weight"], tensors["backbone.body.features.0.0.weight"])
