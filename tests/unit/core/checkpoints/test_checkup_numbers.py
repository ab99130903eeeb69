"""Sums over tensors, and telling first weights from trained ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.models.detection import fcos_resnet50_fpn, retinanet_resnet50_fpn
from torchvision.models.detection.faster_rcnn import fasterrcnn_mobilenet_v3_large_fpn, fasterrcnn_resnet50_fpn_v2
from torchvision.ops import FeaturePyramidNetwork

from fpn_viewer.core.checkpoints.checkup import initial, statistics
from fpn_viewer.core.checkpoints.checkup.parts import layers
from fpn_viewer.core.checkpoints.checkup.statistics import difference, measure
from fpn_viewer.core.resources import bundled_checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.checkup.parts import Layer

REAL = sorted((Path(__file__).parents[4] / ".." / "shared" / "checkpoints").glob("*.pth"))


def layers_of(tensors: Mapping[str, Tensor]) -> tuple[Layer, ...]:
    return layers({name: measure(tensor) for name, tensor in tensors.items()}, {})


# -- sums -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (7,), (5, 3), (4, 3, 3, 3), (1, 100), (50, 1), (0, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("piece", [1, 10, 1 << 20])
def test_sums_do_not_depend_on_the_pieces(
    shape: tuple[int, ...], dtype: torch.dtype, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    tensor = (torch.randn(shape) * 5).to(dtype)
    monkeypatch.setattr(statistics, "PIECE", piece)
    told: list[int] = []
    numbers = measure(tensor, told.append)
    exact = tensor.double()
    assert (numbers.shape, numbers.count, sum(told)) == (shape, tensor.numel(), tensor.numel())
    assert numbers.total == pytest.approx(float(exact.sum()), rel=1e-5, abs=1e-5)
    assert numbers.squares == pytest.approx(float((exact**2).sum()), rel=1e-5)
    assert numbers.fourths == pytest.approx(float((exact**4).sum()), rel=1e-5)
    if tensor.numel():
        assert (numbers.low, numbers.high) == (float(exact.min()), float(exact.max()))
    if len(shape) > 1:
        torch.testing.assert_close(numbers.rows, (exact**2).flatten(1).sum(1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("piece", [3, 1 << 20])
def test_what_is_no_number_is_counted_and_left_out(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "PIECE", piece)
    tensor = torch.tensor([[1.0, math.nan, 2.0], [math.inf, -math.inf, -3.0], [math.nan] * 3])
    numbers = measure(tensor)
    assert (numbers.nan, numbers.infinite, numbers.finite) == (4, 2, 3)
    assert (numbers.total, numbers.squares, numbers.low, numbers.high) == (0, 14, -3, 2)
    assert not numbers.zero
    assert not measure(torch.full((3,), math.nan)).zero


def test_very_large_numbers_stay_finite() -> None:
    numbers = measure(torch.full((4, 4), 1e25))
    assert numbers.squares == pytest.approx(16e50)
    assert measure(torch.full((2, 2), 1e200, dtype=torch.float64)).squares == math.inf
    # and none of them is taken for an initialisation, nor does it raise
    assert initial.as_initialised({"weight": measure(torch.full((20, 20), 1e200, dtype=torch.float64))}, initial.ANY) == ""


def test_quantised_and_complex_tensors_have_numbers() -> None:
    assert measure(torch.complex(torch.ones(3), 2 * torch.ones(3))).squares == 15
    assert measure(torch.tensor([True, False])).total == 1


def test_dead_output_channels() -> None:
    weight = torch.ones(5, 4, 3, 3)
    weight[1] = 0
    weight[3] = 1e-9
    assert measure(weight).dead_rows() == (1, 3)
    assert measure(torch.ones(5)).dead_rows() == ()
    # one that is zero as a whole is another finding
    assert measure(torch.zeros(5, 4)).dead_rows() == ()


def test_difference() -> None:
    a, b = torch.randn(40, 7), torch.randn(40, 7)
    assert difference(a, b) == pytest.approx((float(((a - b) ** 2).sum()), float((b**2).sum())), rel=1e-5)
    assert difference(a, a)[0] == 0


# -- first weights --------------------------------------------------------------------------------------------------------


def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    weight = torch.empty(shape)
    draw: dict[str, Any] = {
        "kaiming_normal(fan_out)": lambda: nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu"),
        "kaiming_uniform(a=1)": lambda: nn.init.kaiming_uniform_(weight, a=1),
        "xavier_uniform": lambda: nn.init.xavier_uniform_(weight),
        "torch's default": lambda: nn.init.kaiming_uniform_(weight, a=math.sqrt(5)),
        "normal(std=0.01)": lambda: nn.init.normal_(weight, std=0.01),
        "normal(std=0.001)": lambda: nn.init.normal_(weight, std=0.001),
        "normal(std=0.02)": lambda: nn.init.trunc_normal_(weight, std=0.02),
    }
    draw[name]()
    return weight


NAMES = [*dict.fromkeys(one.name for one in initial.ANY)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("shape", [(24, 12), (64, 32, 3, 3), (256, 1000), (96, 1, 3, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_every_initialisation_is_known_again(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    found = [initial.as_initialised({"weight": measure(drawn(name, shape).to(dtype))}, initial.ANY) for _ in range(20)]
    assert found.count(name) == 20


@pytest.mark.parametrize("name", NAMES)
def test_small_steps_of_training_are_seen(name: str) -> None:
    torch.manual_seed(2)
    weight = drawn(name, (64, 32, 3, 3))
    std = weight.std()
    moved = {
        "wider": weight * 1.04,
        "shifted": weight + 0.05 * std,
        "one strong channel": torch.cat([weight[:1] * 6, weight[1:]]),
        "heavy tails": torch.where(torch.rand_like(weight) < 0.01, 6 * weight, weight),
    }
    for what, tensor in moved.items():
        assert initial.as_initialised({"weight": measure(tensor)}, initial.ANY) == "", what


def test_channels_of_uneven_strength_are_seen_though_all_together_spread_as_at_first() -> None:
    torch.manual_seed(6)
    weight = drawn("normal(std=0.01)", (64, 32, 3, 3))
    uneven = weight * torch.tensor([1.1, 0.9]).repeat(32).view(-1, 1, 1, 1)
    assert initial.as_initialised({"weight": measure(weight)}, initial.DENSE) == "normal(std=0.01)"
    assert float(uneven.std()) == pytest.approx(0.01, rel=0.02)
    assert initial.as_initialised({"weight": measure(uneven)}, initial.DENSE) == ""


def test_a_bias_or_a_norm_that_has_moved_speaks_for_training() -> None:
    torch.manual_seed(3)
    weight = measure(drawn("normal(std=0.01)", (32, 32, 3, 3)))
    zero, prior = measure(torch.zeros(32)), measure(torch.full((32,), -math.log(99)))
    norm = {"norm.weight": torch.ones(32), "norm.bias": torch.zeros(32)}
    first = {name: measure(tensor) for name, tensor in norm.items()}
    for bias in (zero, prior):
        assert initial.as_initialised({"weight": weight, "bias": bias}, initial.DENSE)
    assert initial.as_initialised({"weight": weight, **first}, initial.DENSE)
    assert not initial.as_initialised({"weight": weight, "bias": measure(torch.full((32,), 0.1))}, initial.DENSE)
    assert not initial.as_initialised({"weight": weight, **first, "norm.bias": measure(torch.full((32,), 0.1))}, initial.DENSE)


@pytest.mark.parametrize(
    "build", [fasterrcnn_resnet50_fpn_v2, fasterrcnn_mobilenet_v3_large_fpn, retinanet_resnet50_fpn, fcos_resnet50_fpn]
)
def test_every_layer_of_a_new_network_looks_new(build: Any) -> None:
    torch.manual_seed(4)
    module = build(weights=None, weights_backbone=None, num_classes=7)
    weighty = [layer for layer in layers_of(module.state_dict()) if layer.tells]
    assert len(weighty) > 60
    old = [layer.path for layer in weighty if not layer.initial]
    # a test that grants chance its due is wrong about one in thousands
    assert len(old) <= 1, old


@pytest.mark.parametrize("path", [*bundled_checkpoints().values(), *REAL], ids=lambda path: path.name)
def test_no_layer_of_a_trained_network_looks_new(path: Path) -> None:
    if path.suffix == ".safetensors":
        tensors = load_file(path)
    else:
        import argparse

        with torch.serialization.safe_globals([argparse.Namespace]):
            tensors = torch.load(path, weights_only=True)["model"]
    assert [layer.path for layer in layers_of(tensors) if layer.initial] == []


def test_parts_come_in_the_order_of_the_forward() -> None:
    module = retinanet_resnet50_fpn(weights=None, weights_backbone=None, num_classes=7)
    tensors = dict(sorted(module.state_dict().items()))
    parts = list(dict.fromkeys(layer.part for layer in layers_of(tensors)))
    stages = [f"stage {number}" for number in (1, 2, 3, 4)]
    assert parts == [
        *("stem", *stages, "neck laterals", "neck smoothing", "extra levels"),
        *("class tower", "box tower", "outputs"),
    ]


def test_an_fpn_of_its_own_is_tested_by_its_own_initialisation() -> None:
    torch.manual_seed(5)
    fpn = FeaturePyramidNetwork([16, 32], 24)
    found = layers_of({f"backbone.fpn.{name}": tensor for name, tensor in fpn.state_dict().items()})
    assert {layer.initial for layer in found} == {"kaiming_uniform(a=1)"}
