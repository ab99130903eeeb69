"""A backbone that is the same runs once: when that may be, and that the answer is the detector's own bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchvision.models.detection import FasterRCNN

import fpn_viewer as fv
from fpn_viewer.core.comparison.shared_backbone import can_begin_from, trace_from
from fpn_viewer.core.errors import QuestionError, SettingError
from tests.adapters import NanoDetAdapter, network
from tests.tiny import TINY, noise, subclassed, tiny_detector, tiny_module
from tests.tiny_dense import dense_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

PICTURE = noise(70, 101)


def opened(module: nn.Module, **settings: Any) -> Detector:
    return fv.open_detector(module, device="cpu", name="other", class_names=TINY.class_names, **settings)


def with_other_heads(seed: int = 4) -> Any:
    module = tiny_module(seed=seed)
    module.backbone.body = tiny_module().backbone.body
    return module


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tiny_detector().trace(PICTURE)


def assert_equal(one: Trace, other: Trace) -> None:
    assert one.maps.keys() == other.maps.keys()
    assert all(torch.equal(one.maps[name], other.maps[name]) for name in other.maps)
    assert all(torch.equal(x, y) for x, y in zip(one.raw.tensors, other.raw.tensors, strict=True))
    assert all(torch.equal(one.raw.output[name], other.raw.output[name]) for name in other.raw.output)
    assert (one.geometry, one.levels, one.settings, dict(one.gains)) == (
        other.geometry,
        other.levels,
        other.settings,
        dict(other.gains),
    )
    assert (one.follows, one.digest, one.spec) == (other.follows, other.digest, other.spec)


def test_another_neck_and_heads_on_one_backbone(trace: Trace) -> None:
    detector = opened(with_other_heads())
    assert can_begin_from(trace, detector)
    settings, gains = {"box_score_thresh": 0.1, "rpn_pre_nms_top_n": 30}, {("M3", "top-down"): 0.25}
    shared = trace_from(trace, detector, gains=gains, settings=settings)
    assert_equal(shared, detector.trace(PICTURE, gains=gains, settings=settings))
    assert shared.began == "neck"
    assert "backbone" not in [time.name for time in shared.times]
    both = fv.compare(trace, shared)
    assert "The backbone is the same and ran once." in both.notes
    assert both.parting == "L5"
    # and what it left behind serves for the next
    assert_equal(detector.trace(PICTURE), opened(with_other_heads()).trace(PICTURE))


def test_the_top_down_path_cut_runs_from_the_same_maps(trace: Trace) -> None:
    detector = trace.detector
    assert detector is not None
    gains = {(f"M{k}", "top-down"): 0.0 for k in (2, 3, 4)}
    assert can_begin_from(trace, detector)
    assert_equal(trace_from(trace, detector, gains=gains), detector.trace(PICTURE, gains=gains))


@pytest.mark.parametrize("family", ["RetinaNet", "FCOS"])
def test_one_stage_detectors(family: str) -> None:
    first = fv.open_detector(dense_module(family), device="cpu", name="a")
    module: Any = dense_module(family, seed=3)
    module.backbone.body = dense_module(family).backbone.body
    second = fv.open_detector(module, device="cpu", name="b")
    trace = first.trace(PICTURE)
    assert can_begin_from(trace, second)
    assert_equal(trace_from(trace, second), second.trace(PICTURE))


class Turning(FasterRCNN):
    """Turns the picture before it looks at it."""

    def forward(self, images: Any, targets: Any = None) -> Any:
        """The answer about the picture upside down."""
        return super().forward([image.flip(1) for image in images], targets)


def _one_weight(module: Any) -> None:
    next(module.backbone.body.parameters()).data.view(-1)[0] += 1e-6


def _one_mean(module: Any) -> None:
    module.backbone.body.bn1.running_mean[0] += 1e-6


def _stride(module: Any) -> None:
    module.backbone.body.layer4[0].conv1.stride = (1, 1)
    module.backbone.body.layer4[0].downsample[0].stride = (1, 1)


def _epsilon(module: Any) -> None:
    module.backbone.body.bn1.eps = 1e-2


def _divisor(module: Any) -> None:
    module.transform.size_divisible = 64


@pytest.mark.parametrize("change", [_one_weight, _one_mean, _stride, _epsilon, _divisor])
def test_the_least_difference_in_front_of_the_neck_runs_it_anew(trace: Trace, change: Callable[[Any], None]) -> None:
    module = with_other_heads()
    change(module)
    detector = opened(module)
    assert not can_begin_from(trace, detector)
    with pytest.raises(QuestionError, match=r"other does not see <array> as tiny does: .* run it over the whole picture"):
        trace_from(trace, detector)


def test_other_input_preprocessing_or_code_runs_it_anew(trace: Trace) -> None:
    same = trace.detector
    assert same is not None
    assert not can_begin_from(trace, same, {"min_size": 120})
    assert not can_begin_from(trace, opened(with_other_heads(), image_mean=(0.1, 0.2, 0.3)))
    assert can_begin_from(trace, same, {"min_size": trace.settings.min_size})
    # what a foreign forward does in front of the backbone is not known
    plain, turning = subclassed(), subclassed(Turning)
    turning.load_state_dict(plain.state_dict())
    assert can_begin_from(opened(plain).trace(PICTURE), opened(plain))
    assert not can_begin_from(opened(plain).trace(PICTURE), opened(turning))
    nano = fv.open_detector(network("NanoDet"), adapter=NanoDetAdapter)
    assert not can_begin_from(nano.trace(PICTURE), nano)
    with pytest.raises(SettingError, match="no term"):
        trace_from(trace, same, gains={("X", "y"): 0.0})
