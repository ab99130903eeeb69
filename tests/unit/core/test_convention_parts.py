"""The parts that conventions put into a detector: pictures, anchors, pooling, strides and fusion compute as they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import Bottleneck
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from fpn_viewer.core.analysis.sizes import erasure
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.detectors.conventions import CONVENTIONS, Conventions
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.parts.anchors import ConventionalAnchors, anchor_generator
from fpn_viewer.core.detectors.parts.pooling import ConventionalRoIAlign
from fpn_viewer.core.detectors.parts.transform import ConventionalTransform
from fpn_viewer.core.detectors.settings import read_settings, using
from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.geometry import net_size
from fpn_viewer.core.necks.fpn import AveragingPyramid, LinearP6P7
from fpn_viewer.core.necks.graph import level_strides
from tests.conventional import ALL, detector_of
from tests.tiny import TINY, noise, tiny_module

LEVELS = ("P2", "P3", "P4", "P5", "P6")


# -- pictures -----------------------------------------------------------------------------------------------------------


def prepared(conventions: Conventions, picture: np.ndarray, **sizes: int) -> tuple[torch.Tensor, tuple[int, int]]:
    own = {"min_size": 40, "max_size": 100, **sizes}
    plain = GeneralizedRCNNTransform(own["min_size"], own["max_size"], [10.0, 20.0, 30.0], [2.0, 4.0, 8.0])
    images, _ = ConventionalTransform(plain, conventions)([torch.from_numpy(picture).permute(2, 0, 1).float() / 255])
    return images.tensors[0], images.image_sizes[0]


def test_pictures_are_ordered_counted_and_padded_as_said() -> None:
    picture = noise(50, 50)
    x, size = prepared(replace(Conventions(), channel_order="BGR", pixel_range=255.0), picture, min_size=50)
    assert size == (50, 50)
    assert x.shape == (3, 64, 64)
    expected = (picture[:, :, ::-1].astype(np.float32) - [10, 20, 30]) / [2, 4, 8]
    assert np.allclose(x[:, :50, :50].numpy(), expected.transpose(2, 0, 1), atol=1e-4)
    assert not x[:, 50:].any()
    assert not x[:, :, 50:].any()


def test_antialiasing_is_pillows_to_the_grey_level() -> None:
    picture = noise(133, 117)
    x, (h, w) = prepared(replace(Conventions(), resize_filter="antialias", pixel_range=255.0), picture)
    levels = x[:, :h, :w] * torch.tensor([2.0, 4, 8])[:, None, None] + torch.tensor([10.0, 20, 30])[:, None, None]
    theirs = np.asarray(Image.fromarray(picture).resize((w, h), Image.Resampling.BILINEAR))
    assert np.array_equal(levels.round().numpy().astype(np.uint8).transpose(1, 2, 0), theirs)
    assert float((levels - levels.round()).abs().max()) < 1e-4


def test_plain_bilinear_resizes_as_torchvision_does() -> None:
    picture = noise(90, 61)
    plain = GeneralizedRCNNTransform(40, 100, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4])
    image = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    ours, theirs = ConventionalTransform(plain, Conventions())([image])[0], plain([image])[0]
    assert ours.image_sizes == theirs.image_sizes
    assert torch.allclose(ours.tensors, theirs.tensors, atol=1e-4)


def test_sides_are_rounded_as_said() -> None:
    size, found = (337, 777), {}
    for rounding in ("floor", "nearest"):
        _, found[rounding] = prepared(replace(Conventions(), size_rounding=rounding), noise(*size), min_size=50, max_size=99)
        assert found[rounding] == net_size(size, 50, 99, rounding)
    assert found == {"floor": (42, 99), "nearest": (43, 99)}
    assert net_size((333, 500), 50, 99, "nearest") == (50, 75)
    assert net_size((300, 449), 50, 99, "floor") == (50, 74)
    assert net_size((300, 449), 50, 99, "nearest") == (50, 75)
    with pytest.raises(DetectorError, match="would shrink to nothing"):
        net_size((1, 900), 50, 99, "nearest")


def test_boxes_go_along_and_come_back_by_the_ratio_of_the_sides() -> None:
    transform = ConventionalTransform(GeneralizedRCNNTransform(40, 100, [0.0] * 3, [1.0] * 3), ALL)
    given = {"boxes": torch.tensor([[0.0, 0.0, 61.0, 90.0]])}
    images, (target,) = transform([torch.rand(3, 90, 61)], [given])
    h, w = images.image_sizes[0]
    assert target["boxes"][0].tolist() == pytest.approx([0, 0, w, h])
    assert given["boxes"][0, 2] == 61
    (back,) = transform.eval().postprocess([{"boxes": target["boxes"]}], [(h, w)], [(90, 61)])
    assert back["boxes"][0].tolist() == pytest.approx([0, 0, 61, 90])


def test_nothing_is_erased_by_a_resize_that_skips_nothing() -> None:
    picture = noise(300, 400)
    plain, smooth = (detector_of("Faster R-CNN", conventions) for conventions in (Conventions(), CONVENTIONS["detectron2"]))
    assert erasure(plain.trace(picture), (40.0, 40.0, 60.0, 60.0)) is not None
    assert erasure(smooth.trace(picture), (40.0, 40.0, 60.0, 60.0)) is None


# -- anchors and pooling ------------------------------------------------------------------------------------------------


def generator(**values: Any) -> AnchorGenerator:
    sizes = ((32,), (64,), (128,), (256,), (512,))
    return anchor_generator(sizes, (0.5, 1.0, 2.0), replace(Conventions(), **values), LEVELS)


def laid(of: AnchorGenerator, side: int = 800) -> list[torch.Tensor]:
    maps = [torch.zeros(1, 1, -(-side // stride), -(-side // stride)) for stride in (4, 8, 16, 32, 64)]
    images = type("Images", (), {"tensors": torch.zeros(1, 3, side, side), "image_sizes": [(side, side)]})()
    (anchors,) = of(images, maps)
    return [
        part.view(x.shape[-2], x.shape[-1], -1, 4)
        for part, x in zip(anchors.split([x.numel() * 3 for x in maps]), maps, strict=True)
    ]


def test_torchvisions_conventions_are_torchvisions_own_generator() -> None:
    assert type(generator()) is AnchorGenerator


def test_anchors_are_rounded_or_not() -> None:
    assert laid(generator(anchor_offset=0.0, anchor_strides="level"))[0][0, 0, 0].tolist() == [-23, -11, 23, 11]
    half = 32 * 2**0.5 / 2
    assert laid(generator(anchor_rounding=False))[0][0, 0, 0].tolist() == pytest.approx([-half, -half / 2, half, half / 2])


def test_anchors_start_where_their_cell_says() -> None:
    first, middle = (laid(generator(anchor_offset=offset, anchor_strides="level")) for offset in (0.0, 0.5))
    for index, stride in enumerate((4, 8, 16, 32, 64)):
        assert torch.allclose(middle[index] - first[index], torch.tensor(stride / 2))


def test_anchors_step_by_the_level_or_by_the_picture() -> None:
    steps = {kind: laid(generator(anchor_strides=kind))[4][1, 0, 0, 1] for kind in ("grid", "level")}
    assert {kind: float(y) - float(laid(generator())[4][0, 0, 0, 1]) for kind, y in steps.items()} == {"grid": 61, "level": 64}


def test_the_strides_are_those_of_the_names() -> None:
    assert level_strides(("P2", "P3", "P5a", "P5b", "P10")) == (4, 8, 32, 32, 1024)


def test_settings_keep_the_kind_of_generator() -> None:
    module = tiny_module(replace(TINY, conventions=ALL))
    before = module.rpn.anchor_generator
    other = replace(read_settings(module), anchor_sizes=((9,), (18,), (36,), (72,), (144,)))
    with using(module, other):
        inside = module.rpn.anchor_generator
        assert isinstance(inside, ConventionalAnchors)
        assert (inside.offset, inside.strides, inside.rounded) == (0.5, (4, 8, 16, 32, 64), False)
        assert read_settings(module).anchor_sizes == other.anchor_sizes
    assert module.rpn.anchor_generator is before
    assert read_settings(module).anchor_sizes == TINY.settings.anchor_sizes


def test_a_generator_of_ones_own_keeps_its_class() -> None:
    class Shifted(AnchorGenerator):
        def generate_anchors(self, *args: Any, **named: Any) -> torch.Tensor:
            return super().generate_anchors(*args, **named) + 3  # type: ignore[no-any-return]

    module = tiny_module()
    module.rpn.anchor_generator = Shifted(module.rpn.anchor_generator.sizes, module.rpn.anchor_generator.aspect_ratios)
    detector = open_detector(module, device="cpu")
    assert type(module.rpn.anchor_generator) is Shifted
    trace = detector.trace(noise(), settings={"anchor_sizes": ((9,), (18,), (36,), (72,), (144,))})
    middle = trace.anchors("P2")[0, 0].mean(0)
    assert middle.tolist() == pytest.approx([3 - 5, 3 - 5, 3 + 5, 3 + 5], abs=1), "shifted by 3, with sides of about 10"


def pools(**values: Any) -> tuple[MultiScaleRoIAlign, ConventionalRoIAlign]:
    plain = MultiScaleRoIAlign(["0", "1"], 7, 2)
    own = {"sampling_ratio": 2, "aligned": False, "strides": None, **values}
    return plain, ConventionalRoIAlign(plain, **own)


MAPS = {"0": torch.randn(1, 3, 64, 96), "1": torch.randn(1, 3, 32, 48), "pool": torch.randn(1, 3, 16, 24)}
KINDS, LEVEL_STRIDES = (torch.float32, torch.float16), level_strides(LEVELS)
ROIS = [torch.tensor([[3.0, 4, 90, 70], [10, 10, 14, 13], [0, 0, 380, 250]])]


def test_pooling_by_torchvisions_conventions_is_torchvisions() -> None:
    plain, own = pools()
    assert torch.equal(own(MAPS, ROIS, [(256, 384)]), plain(MAPS, ROIS, [(256, 384)]))
    assert own.scales == plain.scales == [0.25, 0.125]
    assert (own.map_levels.k_min, own.map_levels.k_max) == (2, 3)


def test_scales_of_the_levels_do_not_depend_on_the_picture() -> None:
    """torchvision infers them from the height before padding, which may be a sliver of the maps'."""
    plain, own = pools(strides=(4, 8, 16))
    sizes = [(90, 384)]
    plain(MAPS, ROIS, sizes)
    own(MAPS, ROIS, sizes)
    assert plain.scales != [0.25, 0.125]
    assert own.scales == [0.25, 0.125]


def test_half_precision_moves_neither_anchors_nor_boxes() -> None:
    own = generator(anchor_rounding=False, anchor_strides="level")
    images = type("Images", (), {"tensors": torch.zeros(1, 3, 800, 800), "image_sizes": [(800, 800)]})()
    whole, half = (own(images, [torch.zeros(1, 1, 800 // s, 800 // s, dtype=kind) for s in LEVEL_STRIDES])[0] for kind in KINDS)
    assert torch.equal(whole, half)
    pool = pools(aligned=True)[1]
    pooled = [pool({n: x.to(kind) for n, x in MAPS.items()}, ROIS, [(256, 384)]) for kind in KINDS]
    assert pooled[1].dtype == torch.float16
    assert torch.allclose(pooled[0], pooled[1].float(), atol=5e-3)


def test_aligned_pooling_moves_by_half_a_cell() -> None:
    ramp = torch.arange(96.0).expand(1, 1, 64, 96).contiguous()
    rois = [torch.tensor([[40.0, 40, 96, 96]])]
    values = {}
    for aligned in (False, True):
        values[aligned] = pools(aligned=aligned)[1]({"0": ramp, "1": ramp[:, :, ::2, ::2]}, rois, [(256, 384)])
    assert torch.allclose(values[False] - values[True], torch.tensor(0.5))
    assert values[True][0, 0, 0].tolist() == pytest.approx([(40 + 8 * k + 4) / 4 - 0.5 for k in range(7)])


# -- backbone and neck --------------------------------------------------------------------------------------------------


def test_the_stride_moves_to_the_first_convolution() -> None:
    spec = replace(TINY, backbone="resnet50", backbone_width=64, neck_channels=8)
    bodies = [
        build_module(replace(spec, conventions=Conventions(stride_in_1x1=first)), False).backbone.body for first in (False, True)
    ]
    for first, body in enumerate(bodies):
        blocks = [block for block in body.modules() if isinstance(block, Bottleneck) and block.downsample is not None]
        strides = [(block.conv1.stride, block.conv2.stride) for block in blocks]
        assert strides == [((1, 1), (1, 1)), *[((2, 2), (1, 1)) if first else ((1, 1), (2, 2))] * 3]
    assert [name for name, _ in bodies[0].named_parameters()] == [name for name, _ in bodies[1].named_parameters()]


@pytest.mark.parametrize("norm", ["frozen", "batch"])
def test_the_norms_have_the_epsilon_that_was_said(norm: str) -> None:
    module = build_module(replace(TINY, backbone="resnet18", backbone_width=64, norm=norm, norm_eps=1e-3), False)
    assert {layer.eps for layer in module.backbone.body.modules() if hasattr(layer, "running_var")} == {1e-3}


def test_the_mean_of_two_maps_is_shared_out_by_halves() -> None:
    detector = detector_of("Faster R-CNN", replace(Conventions(), fusion="avg"))
    assert type(detector.module.backbone.fpn) is AveragingPyramid
    trace = detector.trace(noise())
    weights = {node.name: [term.weight for term in node.terms] for node in trace.graph.nodes if node.role == "merged"}
    assert weights == {"M2": [0.5, 0.5], "M3": [0.5, 0.5], "M4": [0.5, 0.5], "M5": [1.0]}
    laterals, above = (trace.node("L4"), trace.node("M5").repeat_interleave(2, 1).repeat_interleave(2, 2))
    assert torch.equal(trace.node("M4"), (laterals + above[:, : laterals.shape[1], : laterals.shape[2]]) / 2)
    same = detector.trace(noise(), gains={("M4", "lateral"): 1.0})
    assert torch.equal(same.node("P2"), trace.node("P2"))


def test_constants_stay_themselves_under_a_mean() -> None:
    fpn = FeaturePyramidNetwork([1, 1, 1], 1)
    with torch.no_grad():
        for parameter in fpn.parameters():
            parameter.zero_()
        for block in (*fpn.inner_blocks, *fpn.layer_blocks):
            side = block[0].weight.shape[-1]
            block[0].weight[0, 0, side // 2, side // 2] = 1
    maps = {str(k): torch.full((1, 1, 8 >> k, 8 >> k), 3.0) for k in range(3)}
    with torch.inference_mode():
        assert all(bool((x == 3).all()) for x in AveragingPyramid.sharing(fpn)(maps).values())
        assert bool((fpn(maps)["0"] == 9).all())


def test_a_linear_p7_has_sources() -> None:
    detector = detector_of("RetinaNet", replace(Conventions(), p7_relu=False))
    assert type(detector.module.backbone.fpn.extra_blocks) is LinearP6P7
    trace = detector.trace(noise())
    assert trace.graph["P7"].terms[0].op.activation == ""
    assert float(trace.node("P6").min()) < 0
    p7 = detector.module.backbone.fpn.extra_blocks.p7
    with torch.inference_mode():
        expected = torch.nn.functional.conv2d(trace.node("P6")[None], p7.weight, p7.bias, 2, 1)[0]
    assert torch.allclose(trace.node("P7"), expected, atol=1e-6)
    assert torch.allclose(sum(trace.sources("P7").values()), trace.node("P7"), atol=1e-5)
