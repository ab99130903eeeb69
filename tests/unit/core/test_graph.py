"""The fusion graph computes what the module computes, and its shape carries other pyramids than FPN."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock, LastLevelMaxPool, LastLevelP6P7

from fpn_viewer.core.errors import DetectorError, SettingError
from fpn_viewer.core.necks.evaluate import GraphNeck, fold
from fpn_viewer.core.necks.fpn import LateralPyramid, fpn_graph
from fpn_viewer.core.necks.graph import Graph, Node, Op, Term, level_names

CHANNELS = [8, 16, 32, 64]


def maps(height: int, width: int) -> list[torch.Tensor]:
    torch.manual_seed(3)
    return [torch.randn(1, c, -(-height // s), -(-width // s)) for c, s in zip(CHANNELS, (4, 8, 16, 32), strict=True)]


def network(**kwargs: object) -> FeaturePyramidNetwork:
    torch.manual_seed(2)
    return FeaturePyramidNetwork(CHANNELS, 12, extra_blocks=LastLevelMaxPool(), **kwargs).eval()


@pytest.mark.parametrize("size", [(800, 1088), (31, 517), (32, 32), (97, 193)])
@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
@torch.inference_mode()
def test_the_adopted_fpn_is_bit_equal(size: tuple[int, int], norm: type[nn.Module] | None) -> None:
    fpn = network(norm_layer=norm)
    inputs = maps(*size)
    own = fpn(dict(zip("0123", inputs, strict=True)))
    values = GraphNeck(fpn_graph(fpn, (4, 8, 16, 32)), fpn)(inputs)
    for node, x in zip(("P2", "P3", "P4", "P5", "P6"), own.values(), strict=True):
        assert torch.equal(values[node], x), node


def test_weights_are_shared_not_copied() -> None:
    fpn = network()
    neck = GraphNeck(fpn_graph(fpn, (4, 8, 16, 32)), fpn)
    assert {p.data_ptr() for p in neck.parameters()} == {p.data_ptr() for p in fpn.parameters()}


@torch.inference_mode()
def test_the_cut_pyramid_is_the_fpn_without_its_top_down_terms() -> None:
    fpn = network()
    inputs = maps(64, 96)
    cut = LateralPyramid.sharing(fpn)(dict(zip("0123", inputs, strict=True)))
    gains = {(f"M{n}", "top-down"): 0.0 for n in (2, 3, 4)}
    values = GraphNeck(fpn_graph(fpn, (4, 8, 16, 32)), fpn)(inputs, gains)
    for node, x in zip(("P2", "P3", "P4", "P5", "P6"), cut.values(), strict=True):
        assert torch.allclose(values[node], x)


@torch.inference_mode()
def test_a_pyramid_that_also_goes_up_is_carried_by_the_same_graph() -> None:
    """PAFPN in mmdet's form: S3 = P3 + D(S2), N3 = K(S3), with weights on the terms."""
    modules = nn.ModuleDict({"down": nn.Conv2d(4, 4, 3, 2, 1), "smooth": nn.Conv2d(4, 4, 3, 1, 1)})
    nodes = (
        Node("C2", "backbone", "P2"),
        Node("C3", "backbone", "P3"),
        Node("S3", "merged", "P3", (Term("same level", "C3", weight=0.5), Term("bottom-up", "C2", Op("module", "down"), 0.5))),
        Node("N3", "output", "P3", (Term("smoothing", "S3", Op("module", "smooth")),)),
    )
    neck = GraphNeck(Graph("PAFPN", ("P2", "P3"), nodes), modules)
    c2, c3 = torch.randn(1, 4, 25, 34), torch.randn(1, 4, 13, 17)
    expected = modules["smooth"](0.5 * c3 + 0.5 * modules["down"](c2))
    assert torch.allclose(neck([c2, c3])["N3"], expected, atol=1e-6)
    without = neck([c2, c3], {("S3", "bottom-up"): 0.0})["N3"]
    assert torch.allclose(without, modules["smooth"](0.5 * c3), atol=1e-6)


def test_a_graph_must_be_in_the_order_of_computation() -> None:
    late = Node("M2", "merged", "P2", (Term("lateral", "L2"),))
    with pytest.raises(ValueError, match="L2"):
        Graph("bad", ("P2",), (late,))
    with pytest.raises(ValueError, match="repeats"):
        Graph("bad", ("P2",), (Node("C2", "backbone", "P2"), Node("C2", "backbone", "P2")))


def test_questions_to_the_graph() -> None:
    graph = fpn_graph(network(), (4, 8, 16, 32))
    assert graph.levels == ("P2", "P3", "P4", "P5", "P6")
    assert graph.roles == ("backbone", "lateral", "top-down", "merged", "output")
    assert graph.at("P5", "top-down") is None
    assert graph.at("P3", "top-down") == graph["T3"]
    assert "T5" not in graph
    with pytest.raises(KeyError, match="M2"):
        graph["M7"]
    with pytest.raises(SettingError, match="M4/lateral"):
        graph.check_gains({("M4", "sideways"): 1.0})


def test_equal_strides_are_told_apart() -> None:
    assert level_names((4, 8, 16, 32)) == ("2", "3", "4", "5")
    assert level_names((32, 32)) == ("5a", "5b")


def test_unknown_necks_are_named_in_the_refusal() -> None:
    class Other(FeaturePyramidNetwork):
        pass

    with pytest.raises(DetectorError, match="Other"):
        fpn_graph(Other(CHANNELS, 8), (4, 8, 16, 32))

    class More(ExtraFPNBlock):
        pass

    with pytest.raises(DetectorError, match="More cannot be followed; LastLevelMaxPool and LastLevelP6P7 can"):
        fpn_graph(FeaturePyramidNetwork(CHANNELS, 8, More()), (4, 8, 16, 32))


@pytest.mark.parametrize("size", [(800, 1088), (31, 517), (97, 193)])
@pytest.mark.parametrize("source", ["P5", "C5"])
@torch.inference_mode()
def test_convolved_extra_levels_are_bit_equal(size: tuple[int, int], source: str) -> None:
    torch.manual_seed(4)
    width = 12 if source == "P5" else 64
    fpn = FeaturePyramidNetwork(CHANNELS, 12, extra_blocks=LastLevelP6P7(width, 12)).eval()
    inputs = maps(*size)
    own = fpn(dict(zip("0123", inputs, strict=True)))
    graph = fpn_graph(fpn, (4, 8, 16, 32))
    values = GraphNeck(graph, fpn)(inputs)
    assert graph.levels == ("P2", "P3", "P4", "P5", "P6", "P7")
    assert (graph["P6"].terms[0].source, graph["P7"].terms[0].source) == (source, "P6")
    for node, x in zip(graph.outputs, own.values(), strict=True):
        assert torch.equal(values[node.name], x), node.name


@torch.inference_mode()
def test_folding_a_convolution_with_its_norm() -> None:
    block = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5)).eval()
    block[1].running_mean.normal_()
    block[1].running_var.uniform_(0.5, 2)
    affine = fold(block)
    assert affine is not None
    x = torch.randn(3, 9, 7)
    assert torch.allclose(affine.linear(x) + affine.bias[:, None, None], block(x[None])[0], atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.GroupNorm(1, 3)),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)).train(),
        nn.MaxPool2d(2),
    ],
    ids=["relu", "group norm", "training", "no convolution"],
)
def test_what_is_not_affine_is_not_folded(module: nn.Module) -> None:
    assert fold(module) is None
