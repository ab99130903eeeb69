"""Networks that are not made like torchvision's: followed with an adapter, checked, and never taken apart wrongly."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import KeypointRCNN, MaskRCNN
from torchvision.ops import MultiScaleRoIAlign, batched_nms

import fpn_viewer as fv
from fpn_viewer.core.analysis.what_if import what_if
from fpn_viewer.core.detectors.adapters.found import GROUP
from fpn_viewer.core.detectors.lending import lent
from fpn_viewer.core.errors import DetectorError, QuestionError, SettingError
from fpn_viewer.core.necks.fpn import FeaturePyramidNetwork
from fpn_viewer.core.structures import DENSE_STAGE
from fpn_viewer.core.tracing.taps import Tap
from fpn_viewer.core.tracing.trace import Trace
from tests.adapters import (
    FPN_TAPS,
    NAMES,
    SMALL,
    STYLES,
    NanoDetAdapter,
    OwnNanoDetAdapter,
    PyramidAdapter,
    SelfishNanoDetAdapter,
    YoloAdapter,
    network,
)
from tests.tiny import noise, subclassed

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.detectors.detector import Detector

PICTURE = noise(70, 101)


@pytest.fixture(scope="module", params=STYLES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return fv.open_detector(network(request.param), adapter=STYLES[request.param][1])


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(PICTURE)


@pytest.fixture(scope="module")
def nano() -> Trace:
    return fv.open_detector(network("NanoDet"), adapter=NanoDetAdapter).trace(PICTURE)


def state(module: nn.Module) -> dict[str, Any]:
    """Everything that a training loop could notice."""
    parts = {name: (part.training, len(part._forward_hooks), len(part._forward_pre_hooks)) for name, part in module.named_modules()}
    weights = {name: (w.data_ptr(), w.requires_grad, w.device, id(w.grad)) for name, w in module.named_parameters()}
    return {"parts": parts, "weights": weights, "buffers": {name: (id(b), b.sum().item()) for name, b in module.named_buffers()}}


# -- detections ---------------------------------------------------------------------------------------------------------


def expected(style: str, module: nn.Module, batch: Tensor, net: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, scores and labels, worked out from the network's raw output without any of the program's code, net px."""
    with torch.inference_mode():
        boxes, scores = _DECODED[style](module(batch))
    chosen = STYLES[style][1].selection
    anchor, label = torch.where(scores > chosen.score_threshold)
    limits = torch.tensor([net[1], net[0], net[1], net[0]], dtype=torch.float32)
    boxes = torch.minimum(boxes.clamp(min=0), limits)[anchor]
    keep = batched_nms(boxes, scores[anchor, label], label, chosen.nms_threshold)[: chosen.detections]
    return boxes[keep], scores[anchor, label][keep], label[keep]


def _cells(x: Tensor, stride: int, offset: float) -> tuple[Tensor, Tensor]:
    h, w = x.shape[-2:]
    y, x = torch.meshgrid((torch.arange(h) + offset) * stride, (torch.arange(w) + offset) * stride, indexing="ij")
    return x.flatten(), y.flatten()


def _retinaface(output: Any) -> tuple[Tensor, Tensor]:
    (deltas,), (logits,) = output
    sides, centres = [], []
    for stride, (h, w) in zip((8, 16, 32), ((12, 20), (6, 10), (3, 5)), strict=True):
        for row in range(h):
            for column in range(w):
                for factor in (2, 4):
                    centres.append(((column + 0.5) * stride, (row + 0.5) * stride))
                    sides.append(float(factor * stride))
    centre, side = torch.tensor(centres), torch.tensor(sides)[:, None]
    centre = centre + deltas[:, :2] * 0.1 * side
    size = side * torch.exp(deltas[:, 2:] * 0.2)
    return torch.cat((centre - size / 2, centre + size / 2), 1), logits.softmax(1)[:, 1:]


def _nanodet(output: Any) -> tuple[Tensor, Tensor]:
    boxes, scores = [], []
    for (logits, sides), stride in zip(output, (8, 16, 32), strict=True):
        x, y = _cells(logits, stride, 0.0)
        left, top, right, bottom = (sides[0].view(4, 8, -1).softmax(1) * torch.arange(8.0)[None, :, None]).sum(1) * stride
        boxes.append(torch.stack((x - left, y - top, x + right, y + bottom), 1))
        scores.append(logits[0].flatten(1).t().sigmoid())
    return torch.cat(boxes), torch.cat(scores)


def _yolo(output: Any) -> tuple[Tensor, Tensor]:
    boxes, scores = [], []
    for level, stride in zip(output, (8, 16, 32), strict=True):
        x, y = _cells(level, stride, 0.0)
        tx, ty, tw, th, objectness, *classes = level[0].flatten(1)
        cx, cy, w, h = x + tx * stride, y + ty * stride, tw.clamp(max=3).exp() * stride, th.clamp(max=3).exp() * stride
        boxes.append(torch.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), 1))
        scores.append(torch.stack([objectness.sigmoid() * c.sigmoid() for c in classes], 1))
    return torch.cat(boxes), torch.cat(scores)


_DECODED = {"RetinaFace": _retinaface, "NanoDet": _nanodet, "YOLO": _yolo}


@pytest.mark.parametrize("style", STYLES)
def test_detections_are_those_of_the_networks_own_maths(style: str) -> None:
    module = network(style)
    trace = fv.open_detector(module, adapter=STYLES[style][1]).trace(PICTURE)
    how = STYLES[style][1].preprocessing
    net = trace.net_size
    assert net == ((88, 128) if style == "YOLO" else (96, 138))
    x = torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float() / 255
    x = torch.nn.functional.interpolate(x, size=net, mode="bilinear", align_corners=False)
    x = (x[:, [2, 1, 0]] if how.channel_order == "BGR" else x) * how.pixel_range
    mean, std = (torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1) for v in (how.image_mean, how.image_std))
    batch = torch.full((1, 3, *trace.padded_size), 114.0) if style == "YOLO" else torch.zeros(1, 3, *trace.padded_size)
    batch[..., : net[0], : net[1]] = (x - mean) / std
    boxes, scores, labels = expected(style, module, batch, net)
    found = trace.detections
    assert len(found) > 10
    assert np.allclose(trace.geometry.to_net(found.boxes_img), boxes.numpy(), atol=1e-3)
    assert np.allclose(found.scores, scores.numpy(), atol=1e-5)
    assert np.array_equal(found.labels, labels.numpy())


def test_every_detection_has_its_anchor(trace: Trace) -> None:
    assert trace.follows is None
    assert trace.spec.family == "one-stage"
    found, table = trace.detections, trace.candidates
    assert (found.candidate >= 0).all()
    assert np.allclose(trace.geometry.to_img(table.box_net[found.candidate]), found.boxes_img, atol=1e-3)
    assert (table.alive_after[found.candidate] == DENSE_STAGE["detected"]).all()
    rank = table.rank[found.candidate]
    assert rank.min() == 1


def test_anchors_lie_where_the_adapter_says(trace: Trace) -> None:
    style = trace.spec.name
    for level, stride in zip(trace.levels, (8, 16, 32), strict=True):
        assert level.stride == (stride, stride)
        first = trace.anchors(level.name)[0, 0]
        middle = stride / 2 if style == "RetinaFace" else 0.0
        sides = (2 * stride, 4 * stride) if style == "RetinaFace" else (stride,)
        assert first.tolist() == [[middle - s / 2, middle - s / 2, middle + s / 2, middle + s / 2] for s in sides]
        logits = trace.objectness(level.name)
        assert logits.shape == (len(sides), *level.size)


# -- life lines and what-ifs --------------------------------------------------------------------------------------------


def test_a_lost_box_has_a_life_line_and_comes_back(nano: Trace) -> None:
    fate = nano.class_boxes
    cut = np.flatnonzero(fate.alive_after == DENSE_STAGE["nms"])
    assert len(cut), "the cap must have cut something off"
    row = int(cut[0])
    line = fv.explain(nano, nano.geometry.to_img(fate.box_net[row]).tolist(), int(fate.label[row]), iou=0.95)
    assert line.killer == "cap"
    assert [stage.name for stage in line.stages] == list(nano.stages)
    found = {remedy.setting for remedy in line.remedies}
    assert "box_detections_per_img" in found


@pytest.mark.parametrize(
    "settings", [{"box_score_thresh": 0.7}, {"box_nms_thresh": 0.1}, {"box_detections_per_img": 3}, {"topk_candidates": 2}], ids=str
)
def test_settings_of_the_selection_are_replayed_from_the_recorded_head(trace: Trace, settings: dict[str, Any]) -> None:
    after, run = what_if(trace, settings=settings), trace.detector.trace(PICTURE, settings=settings)  # type: ignore[union-attr]
    assert after.began == "heads"
    assert after.follows is None
    assert after.maps["P3"] is trace.maps["P3"]
    for name in ("candidates", "class_boxes", "detections"):
        ours, theirs = vars(getattr(after, name)), vars(getattr(run, name))
        assert all(np.array_equal(ours[column], theirs[column]) for column in ours), name


def test_another_size_runs_the_whole_network(nano: Trace) -> None:
    after = what_if(nano, settings={"min_size": 64})
    assert (after.began, after.net_size) == ("forward", (64, 92))
    assert nano.detector is not None
    assert nano.detector.module.transform.min_size == (96,)
    with pytest.raises(SettingError, match="one-stage has no anchor_sizes"):
        what_if(nano, settings={"anchor_sizes": ((8,), (16,), (32,))})


# -- the pyramid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["RetinaFace", "NanoDet"])
def test_terms_and_sources_of_an_fpn_sum_to_its_maps(style: str) -> None:
    trace = fv.open_detector(network(style), adapter=STYLES[style][1]).trace(PICTURE)
    assert (trace.graph.kind, trace.graph.unknown, trace.graph.fixed) == ("FPN", "", "")
    for level in ("3", "4", "5"):
        terms = trace.terms(f"M{level}")
        assert set(terms) == ({"lateral"} if level == "5" else {"lateral", "top-down"})
        assert torch.equal(sum(terms.values(), torch.zeros(())), trace.node(f"M{level}"))
        parts = sum(trace.sources(f"P{level}").values(), torch.zeros(()))
        assert torch.allclose(parts, trace.node(f"P{level}"), atol=1e-4)


@pytest.mark.parametrize("style", ["RetinaFace", "NanoDet"])
def test_a_gain_reaches_the_head(style: str) -> None:
    module = network(style)
    detector = fv.open_detector(module, adapter=STYLES[style][1])
    before, after = detector.trace(PICTURE), detector.trace(PICTURE, gains={("M3", "top-down"): 0.0})
    with torch.inference_mode():
        cut = module.neck.smooth[0](before.node("L3")[None])[0]
    assert torch.allclose(after.node("P3"), cut, atol=1e-5)
    assert torch.equal(after.node("M3"), after.terms("M3")["lateral"] + after.terms("M3")["top-down"])
    assert torch.equal(after.node("P4"), before.node("P4"))
    with torch.inference_mode():
        if style == "NanoDet":
            expected = module.cls(cut[None])[0].flatten(1).t().sigmoid()
            assert after.raw.dense is not None
            assert torch.allclose(after.raw.dense.class_logits[: len(expected)], expected, atol=1e-5)
    kept = what_if(after, gains={("M3", "top-down"): 0.0}, settings={"box_detections_per_img": 5})
    assert kept.began == "heads"
    assert torch.equal(kept.maps["P3"], after.maps["P3"])


def test_gain_one_changes_nothing(nano: Trace) -> None:
    assert nano.detector is not None
    again = nano.detector.trace(PICTURE, gains={("M3", "top-down"): 1.0})
    assert torch.allclose(again.node("P3"), nano.node("P3"), atol=1e-6)
    assert np.array_equal(again.detections.candidate, nano.detections.candidate)


def opened(module: nn.Module, taps: fv.Taps = FPN_TAPS, base: type[fv.Adapter] = NanoDetAdapter) -> Trace:
    return fv.open_detector(module, adapter=type("Told", (base,), {"taps": taps})).trace(PICTURE)


def test_a_neck_that_is_no_fpn_is_shown_and_not_taken_apart() -> None:
    trace = fv.open_detector(network("YOLO"), adapter=YoloAdapter).trace(PICTURE)
    assert trace.graph.kind == "pyramid"
    assert trace.node("P3").shape == (16, 16, 16)
    for ask in (trace.terms, trace.sources):
        with pytest.raises(DetectorError, match=r"How P3 is made is not known\. P3 is not made from the other named maps alone"):
            ask("P3")
    assert trace.detector is not None
    with pytest.raises(SettingError, match="No gains can be tried on this network"):
        trace.detector.trace(PICTURE, gains={("P3", "smoothing"): 0.0})


def test_a_sum_with_another_upsampling_is_found_out() -> None:
    module = network("NanoDet")
    module.neck.mode = "bilinear"
    trace = opened(module)
    assert "M3 is not the sum of L3 and the nearest-upsampled M4" in trace.graph.unknown
    with pytest.raises(DetectorError, match="this neck fuses in another way"):
        trace.terms("M3")
    with pytest.raises(DetectorError, match="How M3 is made is not known"):
        trace.sources("P3")
    # a lateral is still what its convolution makes of one map
    assert torch.allclose(sum(trace.sources("L3").values(), torch.zeros(())), trace.node("L3"), atol=1e-5)


def test_wrongly_named_laterals_are_found_out() -> None:
    names = {"strides": FPN_TAPS.strides, "backbone": FPN_TAPS.backbone, "merged": FPN_TAPS.merged, "outputs": FPN_TAPS.outputs}
    swapped = fv.Taps(**names, laterals=("neck.lateral.0", "neck.lateral.1", "neck.smooth.2"))
    assert "L5 is not what its module makes of C5 alone" in opened(network("NanoDet"), swapped).graph.unknown
    assert "No laterals are named" in opened(network("NanoDet"), fv.Taps(**names)).graph.unknown


def test_a_head_that_reads_more_than_the_outputs_refuses_gains() -> None:
    class Sly(type(network("NanoDet"))):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Any:
            maps = self.backbone(x)
            return [(self.cls(p) + maps["c3"].mean(), self.reg(p)) for p in self.neck(list(maps.values()))]

    module = network("NanoDet")
    module.__class__ = Sly
    trace = opened(module)
    assert trace.graph.kind == "FPN"
    assert set(trace.terms("M3")) == {"lateral", "top-down"}
    with pytest.raises(SettingError, match="The head reads other maps beside the named outputs"):
        what_if(trace, gains={("M3", "top-down"): 0.0})


class Extra(nn.Module):
    """torchvision's FPN with two extra levels, in a network of another make."""

    def __init__(self) -> None:
        super().__init__()
        inner = network("NanoDet")
        self.backbone, self.p6, self.p7 = inner.backbone, nn.Conv2d(16, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1)
        self.fpn = FeaturePyramidNetwork([12, 16, 24], 16)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out = self.fpn(self.backbone(x))
        out["p6"] = self.p6(out["c5"])
        out["p7"] = self.p7(out["p6"].relu())
        return out


class ExtraAdapter(fv.Adapter):
    taps = fv.Taps(
        strides=(8, 16, 32, 64, 128),
        backbone=("fpn:in[c3]", "fpn:in[1]", "fpn:in[c5]"),
        laterals=("fpn.inner_blocks.0", "fpn.inner_blocks.1", "fpn.inner_blocks.2"),
        merged=("fpn.layer_blocks.0:in", "fpn.layer_blocks.1:in", "fpn.layer_blocks.2:in"),
        outputs=("fpn[c3]", "fpn[c4]", "fpn[c5]", "p6", "p7"),
    )
    preprocessing = SMALL


def test_extra_levels_are_known_where_they_are_convolved() -> None:
    graph = fv.open_detector(Extra().eval(), adapter=ExtraAdapter).graph
    assert graph.unknown == ""
    made = {name: (graph[name].terms[0].source, graph[name].terms[0].op.activation) for name in ("P6", "P7")}
    assert made == {"P6": ("P5", ""), "P7": ("P6", "relu")}
    assert graph["P6"].terms[0].op.factor == 2


# -- a pyramid without a head -------------------------------------------------------------------------------------------


def test_a_pyramid_without_a_head_is_traced(tmp_path: Path) -> None:
    detector = fv.open_detector(network("NanoDet"), adapter=PyramidAdapter)
    trace = detector.trace(PICTURE)
    assert detector.spec.summary == "NanoDet (NanoDet · FPN · no head)"
    assert [len(table) for table in (trace.candidates, trace.detections, trace.class_boxes, trace.proposals)] == [0, 0, 0, 0]
    assert trace.follows is None
    assert set(trace.sources("P4")) == {"C4", "C5", "bias"}
    with pytest.raises(QuestionError, match="a pyramid without a head: it detects nothing"):
        fv.explain(trace, (10, 10, 40, 40))
    cut = what_if(trace, gains={("M3", "top-down"): 0.0})
    assert not torch.equal(cut.node("P3"), trace.node("P3"))
    trace.save(tmp_path / "one.trace")
    again = Trace.load(tmp_path / "one.trace")
    assert again.spec == trace.spec
    assert len(again.candidates) == 0


# -- the network's own detections ---------------------------------------------------------------------------------------


def test_own_detections_that_agree_are_followed() -> None:
    trace = fv.open_detector(network("NanoDet"), adapter=OwnNanoDetAdapter).trace(PICTURE)
    assert trace.follows is None
    assert len(trace.detections) > 10
    assert what_if(trace, settings={"box_nms_thresh": 0.2}).began == "heads"


def test_own_detections_that_differ_are_the_ones_shown() -> None:
    module = network("NanoDet")
    trace = fv.open_detector(module, adapter=SelfishNanoDetAdapter).trace(PICTURE)
    assert trace.follows is not None
    assert 0 < len(trace.detections) < 10
    assert (trace.detections.candidate >= 0).all(), "each is one of the answers all the same"
    with pytest.raises(SettingError, match="selects in a way of its own"):
        what_if(trace, settings={"box_detections_per_img": 3})
    line = fv.explain(trace, (10, 10, 40, 40), "car")
    assert all(remedy.setting not in ("box_nms_thresh", "box_detections_per_img") for remedy in line.remedies)


# -- what does not fit --------------------------------------------------------------------------------------------------


def answering(**changes: Any) -> type[fv.Adapter]:
    class Answering(NanoDetAdapter):
        def answers(self, output: Any, grids: Any) -> list[fv.Answer]:
            good = super().answers(output, grids)
            return [fv.Answer(**{**vars(one), **{name: change(one) for name, change in changes.items()}}) for one in good]

    return Answering


def raising() -> type[fv.Adapter]:
    class Raising(NanoDetAdapter):
        def answers(self, output: Any, grids: Any) -> list[fv.Answer]:
            return [output.nothing]

    return Raising


@pytest.mark.parametrize(
    ("adapter", "sentence"),
    [
        (type("A", (fv.Adapter,), {}), "names no taps"),
        (
            type("A", (fv.Adapter,), {"taps": fv.Taps(("neck.nothing",), (8,))}),
            "no module 'neck.nothing': neck has ",
        ),
        (type("A", (fv.Adapter,), {"taps": fv.Taps(("neck",), (8,))}), "is a list, not a map"),
        (type("A", (fv.Adapter,), {"taps": fv.Taps(("neck[7]",), (8,))}), r"has no part \[7\]"),
        (type("A", (fv.Adapter,), {"taps": fv.Taps(("neck[0]",), (16,))}), "is not stride 16"),
        (type("A", (fv.Adapter,), {"taps": fv.Taps(("neck.smooth.0@4",), (8,))}), "nothing passed at 'neck.smooth.0@4'"),
        (answering(scores=lambda one: one.scores * 3 - 1), "not 0 to 1; apply the sigmoid"),
        (answering(scores=lambda one: one.scores * float("nan")), "scores hold NaN"),
        (answering(scores=lambda one: one.scores[1:]), "not \\(cells × anchors per cell, classes\\)"),
        (answering(boxes=lambda one: one.boxes[:, :3]), "scores need boxes of"),
        (type("A", (NanoDetAdapter,), {"class_names": ("one",)}), "1 class names for scores of 3 classes"),
        (type("A", (NanoDetAdapter,), {"answers": lambda *_: []}), "gives 0 answers for 3 outputs"),
        (raising(), r"failed with AttributeError: .*'nothing' \(.*test_adapters\.py, line \d+, in answers\)"),
        (nn.ReLU(), "a ReLU is no adapter"),
    ],
    ids=str,
)
def test_adapters_that_do_not_fit_give_a_sentence(adapter: Any, sentence: str) -> None:
    module = network("NanoDet").train()
    before = state(module)
    with pytest.raises(DetectorError, match=sentence):
        fv.open_detector(module, adapter=adapter)
    assert state(module) == before


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"outputs": ("a", "b"), "strides": (8,)}, "2 outputs and 1 strides"),
        ({"outputs": ("a", "b"), "strides": (16, 8)}, "from fine to coarse"),
        ({"outputs": ("a",), "strides": (8,), "backbone": ("b",), "laterals": ("c", "d")}, "2 laterals and 1 backbone maps"),
        ({"outputs": ("a",), "strides": (8,), "backbone": ("b", "c")}, "more backbone maps than outputs"),
    ],
)
def test_taps_that_cannot_be_give_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DetectorError, match=sentence):
        fv.Taps(**values)


def test_taps_are_read_as_they_are_written() -> None:
    for text in ("", "a.b.0", "a@2:in[1][p3]", ":in", "neck[0]"):
        assert str(Tap.read(text)) == text
    assert Tap.read("a@2:in[1][p3]") == Tap("a", 2, True, (1, "p3"))
    for text in ("a b", "a[", "a:out", ".a"):
        with pytest.raises(DetectorError, match="does not name a place"):
            Tap.read(text)


# -- entry points -------------------------------------------------------------------------------------------------------


class Brought(NanoDetAdapter):
    def claims(self, module: nn.Module) -> bool:
        return type(module).__name__ == "NanoDet"


class Broken:
    def claims(self, module: nn.Module) -> bool:
        raise KeyError("no such key")


def test_packages_bring_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"a-missing": "nowhere.at.all:Adapter", "b-broken": f"{__name__}:Broken", "c-nano": f"{__name__}:Brought"}
    points = [importlib.metadata.EntryPoint(name, value, GROUP) for name, value in names.items()]
    asked: list[str] = []

    def listed(group: str) -> list[importlib.metadata.EntryPoint]:
        asked.append(group)
        return points

    monkeypatch.setattr("fpn_viewer.core.detectors.adapters.found.entry_points", listed)
    fv.open_detector(subclassed(), device="cpu")
    assert not asked, "nothing is looked for where nothing is needed"
    spec = fv.open_detector(network("NanoDet")).spec
    assert spec.class_names == NAMES
    assert spec.origins["adapter"].startswith("c-nano of")
    assert "a-missing" in spec.origins["adapter"]
    assert "KeyError: 'no such key'" in spec.origins["adapter"]
    with pytest.raises(DetectorError) as refused:
        fv.open_detector(network("YOLO"))
    assert "cannot be followed yet" in str(refused.value)
    assert "fv.open_detector(module, adapter=…)" in str(refused.value)
    assert "(a-missing, b-broken, c-nano) takes it. the adapter a-missing" in str(refused.value)


# -- a module in the middle of its training -----------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["torchvision", *STYLES])
def test_a_module_in_training_is_left_as_it_was(style: str) -> None:
    module: nn.Module = subclassed() if style == "torchvision" else network(style)
    module.train()
    next(iter(module.backbone.children())).eval()  # type: ignore[union-attr, operator]
    weights = list(module.parameters())
    weights[0].requires_grad_(False)
    weights[-1].grad = torch.ones_like(weights[-1])
    module.register_forward_hook(lambda *_: None)
    before = state(module)
    adapter = None if style == "torchvision" else STYLES[style][1]
    trace = fv.open_detector(nn.DataParallel(module) if style == "YOLO" else module, adapter=adapter).trace(PICTURE)
    assert state(module) == before
    line = fv.explain(trace, (10, 10, 40, 40))
    assert line.remedies is not None
    assert state(module) == before


def test_what_was_lent_is_put_back_after_a_failure() -> None:
    module = network("NanoDet")
    before = state(module)

    def spoil() -> None:
        module.train().half()
        module.cls = nn.Conv2d(16, 3, 1)
        module.backbone.stem[0][1].running_mean = torch.ones(8)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), lent(module):
        spoil()
    assert state(module) == before


# -- torchvision's relatives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MaskRCNN, KeypointRCNN])
def test_mask_and_keypoint_networks_work_without_their_masks(kind: type[Any]) -> None:
    plain = subclassed()
    name = "mask" if kind is MaskRCNN else "keypoint"
    pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2)
    classes = {"num_classes": 6} if kind is MaskRCNN else {"num_classes": 6, "num_keypoints": 3}
    module = kind(plain.backbone, **classes, **{f"{name}_roi_pool": pool}, min_size=96, max_size=192)
    module.rpn = plain.rpn
    module.roi_heads.box_head, module.roi_heads.box_predictor = plain.roi_heads.box_head, plain.roi_heads.box_predictor
    module.roi_heads.score_thresh, module.roi_heads.detections_per_img = 0.0, 5
    called: list[str] = []
    module.eval().roi_heads.get_submodule(f"{name}_head").register_forward_hook(lambda *_: called.append(name))
    trace = fv.open_detector(module, device="cpu").trace(PICTURE)
    assert not called
    with torch.inference_mode():
        (out,) = module([torch.from_numpy(PICTURE).permute(2, 0, 1).float() / 255])
    assert called
    assert f"{name}s" in out
    assert trace.follows is None
    assert len(trace.detections) > 3
    assert np.array_equal(trace.detections.boxes_img, out["boxes"].numpy())
    assert fv.explain(trace, out["boxes"][0].tolist(), int(out["labels"][0])).killer is None
