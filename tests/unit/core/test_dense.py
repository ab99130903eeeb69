"""One-stage detectors: what a trace says is what the model did, bit for bit, and every anchor's fate is told."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.analysis.what_if import what_if
from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.checkpoints.presets import SETTINGS
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.settings import read_settings
from fpn_viewer.core.detectors.spec import DetectorSpec
from fpn_viewer.core.errors import CheckpointError, DetectorError, SettingError
from fpn_viewer.core.structures import DENSE_STAGE, DENSE_STAGES, STAGES
from fpn_viewer.core.tracing.probe import cell_sources, is_linear
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, tiny_detector
from tests.tiny_dense import FAMILIES, NAMES, dense_detector, dense_module, dense_spec

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector

SIZES = [(70, 101), (31, 517), (96, 96), (97, 193), (1, 1)]


@pytest.fixture(scope="module", params=FAMILIES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return dense_detector(request.param)


@pytest.fixture(scope="module")
def trace(detector: Detector) -> Trace:
    return detector.trace(noise())


def plain_forward(module: nn.Module, image: np.ndarray) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        (out,) = module([torch.from_numpy(image).permute(2, 0, 1).float() / 255])
    return out


def assert_model_output(trace: Trace, out: dict[str, torch.Tensor]) -> None:
    found = trace.detections
    assert np.array_equal(found.boxes_img, out["boxes"].numpy())
    assert np.array_equal(found.scores, out["scores"].numpy())
    assert np.array_equal(found.labels, out["labels"].numpy())


# -- the model's own output ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_is_traced_as_the_model_runs_it(detector: Detector, size: tuple[int, int]) -> None:
    image = noise(*size)
    trace = detector.trace(image)
    assert trace.follows is None
    assert_model_output(trace, plain_forward(detector.module, image))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in detector.module.modules())
    assert "postprocess_detections" not in vars(detector.module)


@pytest.mark.parametrize(
    "settings",
    [
        {"box_score_thresh": 0.0},
        {"box_score_thresh": 0.999},
        {"topk_candidates": 1},
        {"topk_candidates": 100_000, "box_score_thresh": 0.01},
        {"box_nms_thresh": 0.0},
        {"box_nms_thresh": 1.0},
        {"box_detections_per_img": 1},
    ],
    ids=str,
)
def test_every_setting_is_followed(detector: Detector, settings: dict[str, Any]) -> None:
    image = noise(seed=2)
    trace = detector.trace(image, settings=settings)
    assert trace.follows is None
    own = type(trace.settings)().changed(**{**vars(trace.spec.settings), **settings})
    given = dense_detector(trace.spec.family, **{name: getattr(own, name) for name in trace.spec.kind.settings})
    assert_model_output(trace, plain_forward(given.module, image))


# -- the pyramid --------------------------------------------------------------------------------------------------------


def test_extra_levels_are_nodes_with_strides_of_their_own(trace: Trace) -> None:
    assert [level.stride for level in trace.levels] == [(s, s) for s in (8.0, 16.0, 32.0, 64.0, 128.0)]
    assert trace.graph["P7"].terms[0].op.activation == "relu"
    p6, p7 = trace.node("P6"), trace.detector.module.backbone.fpn.extra_blocks.p7
    with torch.inference_mode():
        assert torch.equal(trace.node("P7"), p7(p6.clamp(min=0)[None])[0])
    assert float(p6.min()) < 0, "P6 is kept as it was before the ReLU"


def test_sources_end_at_the_relu(trace: Trace) -> None:
    for name in ("P3", "P5", "P6"):
        sources = trace.sources(name)
        assert torch.allclose(sum(sources.values()), trace.node(name), atol=1e-4), name
    with pytest.raises(DetectorError, match=r"P7 goes through extra_blocks.p7, which is not linear"):
        trace.sources("P7")
    assert is_linear(trace, "P6")
    assert not is_linear(trace, "P7")
    assert cell_sources(trace, "P7", 0, 0) == {}
    cell = cell_sources(trace, "P6", 1, 0)
    assert torch.allclose(sum(cell.values()), trace.node("P6")[:, 1, 0], atol=1e-4)


def test_gains_reach_the_extra_levels(detector: Detector, trace: Trace) -> None:
    same = detector.trace(noise(), gains={("P6", "downsample"): 1.0})
    assert torch.equal(same.node("P7"), trace.node("P7"))
    assert same.follows is None
    half = detector.trace(noise(), gains={("P6", "downsample"): 0.5})
    assert torch.equal(half.node("P6"), trace.node("P6") * 0.5)
    assert torch.equal(half.node("P5"), trace.node("P5"))
    assert not torch.equal(half.node("P7"), trace.node("P7"))
    assert half.follows is None


# -- fates --------------------------------------------------------------------------------------------------------------


def scores_of(trace: Trace) -> torch.Tensor:
    head = trace.raw.dense
    scores = torch.sigmoid(head.class_logits)
    return scores if trace.spec.family == "RetinaNet" else torch.sqrt(scores * torch.sigmoid(head.quality))


def test_fates_agree_with_a_selection_written_out(trace: Trace) -> None:
    scores, settings = scores_of(trace).numpy(), trace.settings
    alive = np.full(len(scores), DENSE_STAGE["box_regression"])
    pairs, start = [], 0
    for count in trace.raw.counts:
        of_level = [(-scores[row, k], row, k) for row in range(start, start + count) for k in range(scores.shape[1])]
        passed = [pair for pair in of_level if -pair[0] > settings.box_score_thresh]
        for _, row, _k in passed:
            alive[row] = DENSE_STAGE["class_score"]
        pairs += sorted(passed)[: settings.topk_candidates]
        start += count
    boxes, kept = trace.candidates.box_net, []
    for _, row, _k in pairs:
        alive[row] = max(alive[row], DENSE_STAGE["top_k"])
    for _, row, k in sorted(pairs):
        rivals = torch.tensor(np.array([boxes[r] for r, label in kept if label == k]).reshape(-1, 4))
        if not (box_ops.box_iou(torch.tensor(boxes[row : row + 1]), rivals) > settings.box_nms_thresh).any():
            kept.append((row, k))
            alive[row] = max(alive[row], DENSE_STAGE["nms"])
    for row, _k in kept[: settings.box_detections_per_img]:
        alive[row] = DENSE_STAGE["detected"]
    assert np.array_equal(trace.candidates.alive_after, alive)
    assert [(int(r), int(k)) for r, k in zip(trace.detections.candidate, trace.detections.labels, strict=True)] == [
        (int(r), int(k)) for r, k in kept[: settings.box_detections_per_img]
    ]
    assert len(np.unique(alive)) > 3, "the test needs anchors that ended at several stages"


def test_class_boxes_are_the_pairs_behind_the_top_k(trace: Trace) -> None:
    pairs, scores = trace.class_boxes, scores_of(trace).numpy()
    assert len(pairs) < scores.size
    assert np.allclose(pairs.score, scores[pairs.proposal, pairs.label], atol=1e-6)
    assert np.allclose(pairs.box_net, trace.candidates.box_net[pairs.proposal], atol=1e-3)
    assert (pairs.alive_after >= DENSE_STAGE["top_k"]).all()
    rows = trace.detection_rows
    assert np.array_equal(pairs.label[rows], trace.detections.labels)
    assert np.array_equal(pairs.proposal[rows], trace.detections.candidate)
    assert len(trace.proposals) == 0


def test_who_suppressed_whom(trace: Trace) -> None:
    pairs, limit = trace.class_boxes, trace.settings.box_nms_thresh
    gone = np.flatnonzero(pairs.alive_after == DENSE_STAGE["top_k"])
    assert len(gone) > 3
    by = pairs.suppressed_by[gone]
    assert (pairs.alive_after[by] >= DENSE_STAGE["nms"]).all()
    assert np.array_equal(pairs.label[by], pairs.label[gone])
    assert (pairs.score[by] >= pairs.score[gone]).all()
    overlap = box_ops.box_iou(torch.tensor(pairs.box_net[gone]), torch.tensor(pairs.box_net[by])).diagonal()
    assert (overlap > limit - 1e-4).all()
    anchors = trace.candidates
    lost = anchors.alive_after == DENSE_STAGE["top_k"]
    assert (anchors.suppressed_by[lost] >= 0).all()
    assert (anchors.suppressed_by[~lost] == -1).all()


def test_an_anchor_names_who_suppressed_the_best_of_its_classes(detector: Detector) -> None:
    trace = detector.trace(noise(), settings={"box_score_thresh": 0.001, "topk_candidates": 100_000, "box_nms_thresh": 0.2})
    pairs, anchors = trace.class_boxes, trace.candidates
    lost = np.flatnonzero(anchors.alive_after == DENSE_STAGE["top_k"])
    several = 0
    for row in lost[:60]:
        own = np.flatnonzero(pairs.proposal == row)
        by = pairs.proposal[pairs.suppressed_by[own]]
        assert anchors.suppressed_by[row] == by[pairs.score[own].argmax()]
        several += len(set(by.tolist())) > 1
    assert several > 3, "the test needs anchors whose classes were suppressed by different anchors"


def test_objectness_is_the_score_of_the_best_class(trace: Trace) -> None:
    best = scores_of(trace).amax(-1)
    assert torch.allclose(torch.sigmoid(torch.tensor(trace.candidates.objectness)), best, atol=1e-5)
    level = trace.levels[1]
    assert trace.objectness(level.name).shape == (level.anchor_shapes, *level.size)
    start = trace.raw.counts[0]
    row = np.ravel_multi_index((2, 3, level.anchor_shapes - 1), (*level.size, level.anchor_shapes)) + start
    assert float(trace.objectness(level.name)[-1, 2, 3]) == trace.candidates.objectness[row]
    assert np.array_equal(trace.anchors(level.name)[2, 3, -1], trace.raw.anchors[row])


def test_stages_are_those_that_the_family_has(trace: Trace) -> None:
    assert trace.stages == DENSE_STAGES
    assert set(DENSE_STAGES) - set(STAGES) == {"top_k"}
    assert trace.stages[int(trace.candidates.alive_after.max())] == "detected"
    assert tiny_detector().trace(noise()).stages == STAGES


def test_nothing_detected_is_a_trace_like_any_other(detector: Detector) -> None:
    trace = detector.trace(noise(), settings={"box_score_thresh": 1.0})
    assert len(trace.detections) == len(trace.class_boxes) == 0
    assert trace.follows is None
    assert (trace.candidates.alive_after == DENSE_STAGE["box_regression"]).all()


# -- other selections ---------------------------------------------------------------------------------------------------


def selecting(family: str, stage: str) -> nn.Module:
    """A tiny detector of a subclass that selects in its own way."""
    module = dense_module(family)
    kind = {"RetinaNet": RetinaNet, "FCOS": FCOS}[family]

    class Own(kind):  # type: ignore[misc, valid-type]
        def postprocess_detections(self, outputs: Any, anchors: Any, sizes: Any) -> Any:
            out = super().postprocess_detections(outputs, anchors, sizes)
            if stage == "cap":
                return [{name: x[:3] for name, x in one.items()} for one in out]
            return [{**one, "boxes": one["boxes"] + 1} for one in out]

    module.__class__ = Own
    return module


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stage", ["cap", "class_score"])
def test_a_subclass_that_selects_otherwise_is_named(family: str, stage: str) -> None:
    trace = open_detector(selecting(family, stage), device="cpu").trace(noise())
    assert trace.follows is not None
    assert trace.follows.stage == stage
    assert "selects in its own way" in trace.follows.why
    assert (trace.detections.candidate >= 0).all() == (stage == "cap")


class Yolo(RetinaNet):
    """A head of another make: objectness × class, boxes given as they are."""

    family = "YOLO"

    def postprocess_detections(self, outputs: Any, anchors: Any, sizes: Any) -> Any:
        boxes, scores, labels = [], [], []
        for logits, objectness, box in zip(*(outputs[n] for n in ("cls_logits", "objectness", "bbox_regression")), strict=True):
            score = (objectness[0].sigmoid() * logits[0].sigmoid()).flatten()
            over = torch.where(score > self.score_thresh)[0]
            best, order = score[over].topk(min(self.topk_candidates, len(over)))
            boxes.append(box_ops.clip_boxes_to_image(box[0][over[order] // logits.shape[-1]], sizes[0]))
            scores.append(best)
            labels.append(over[order] % logits.shape[-1])
        box, score, label = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
        keep = box_ops.batched_nms(box, score, label, self.nms_thresh)[: self.detections_per_img]
        return [{"boxes": box[keep], "scores": score[keep], "labels": label[keep]}]


class YoloHead(nn.Module):
    """Objectness, classes and boxes around the centre of every anchor."""

    def __init__(self, width: int, anchors: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes, self.anchors = num_classes, anchors
        self.out = nn.Conv2d(width, anchors * (num_classes + 5), 1)

    def forward(self, maps: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        parts = [self.out(x).view(1, self.anchors, -1, *x.shape[-2:]).permute(0, 3, 4, 1, 2).flatten(1, 3) for x in maps]
        objectness, logits, box = torch.cat(parts, 1).split((1, self.num_classes, 4), -1)
        corner = box[..., :2] * 40 + 48
        return {"objectness": objectness, "cls_logits": logits, "bbox_regression": torch.cat((corner, corner + 20), -1)}


def yolo() -> nn.Module:
    module = dense_module()
    module.head = YoloHead(96, 6, len(NAMES)).eval()
    module.box_coder = None
    module.__class__ = Yolo
    return module


def test_a_yolo_style_head_is_followed_when_it_says_what_it_is() -> None:
    module = yolo()
    with pytest.raises(DetectorError, match=r"this Yolo has no box_coder: it is not made like torchvision's RetinaNet"):
        open_detector(module, device="cpu")
    module.box_coder = "none: the head's boxes are in net px"
    trace = open_detector(module, device="cpu", class_names=NAMES).trace(noise())
    assert trace.spec.family == "YOLO"
    assert trace.follows is None
    assert len(trace.detections) > 3
    assert_model_output(trace, plain_forward(module, noise()))
    assert (trace.class_boxes.alive_after == DENSE_STAGE["top_k"]).any()
    again = what_if(trace, settings={"box_nms_thresh": 0.2})
    assert again.began == "heads"
    assert again.follows is None
    assert not np.array_equal(again.detections.candidate, trace.detections.candidate)
    with pytest.raises(DetectorError, match="YOLO cannot be built from a description"):
        build_module(trace.spec)


# -- settings -----------------------------------------------------------------------------------------------------------


def test_a_family_has_the_settings_that_it_has(detector: Detector) -> None:
    family = detector.spec.family
    with pytest.raises(SettingError, match=f"{family} has no rpn_nms_thresh; its settings are: .*topk_candidates"):
        detector.trace(noise(), settings={"rpn_nms_thresh": 0.3})
    with pytest.raises(SettingError, match=f"{family} has no rpn_post_nms_top_n"):
        dense_detector(family, rpn_post_nms_top_n=3)
    with pytest.raises(SettingError, match=r"Faster R-CNN has no topk_candidates"):
        tiny_detector(topk_candidates=3)
    with pytest.raises(SettingError, match="'nms' is not a setting"):
        detector.trace(noise(), settings={"nms": 0.3})


def test_settings_hold_for_one_trace_only(detector: Detector) -> None:
    changed = {"topk_candidates": 3, "box_score_thresh": 0.4, "box_nms_thresh": 0.1, "box_detections_per_img": 2, "min_size": 64}
    sizes = tuple(tuple(side + 1 for side in row) for row in detector.spec.settings.anchor_sizes)
    trace = detector.trace(noise(), settings={**changed, "anchor_sizes": sizes})
    assert trace.settings.anchor_sizes == sizes
    module = detector.module
    own = detector.spec.settings
    assert (module.topk_candidates, module.score_thresh, module.nms_thresh) == (60, own.box_score_thresh, own.box_nms_thresh)
    assert (module.detections_per_img, module.transform.min_size) == (40, (96,))
    assert module.anchor_generator.sizes == own.anchor_sizes


def test_class_names_with_and_without_background() -> None:
    module = dense_module()
    assert open_detector(module, device="cpu", class_names=NAMES[1:]).spec.class_names == NAMES
    own = ("sea", *NAMES[1:])
    spec = open_detector(module, device="cpu", class_names=own).spec
    assert spec.class_names == own
    assert "4 classes" in spec.summary
    assert open_detector(module, device="cpu").spec.class_names[0] == "class 0"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", ["P5", "C5"])
def test_a_description_builds_the_detector_it_was_read_from(family: str, source: str) -> None:
    spec = dense_spec(family, extra_levels=source)
    again = open_detector(dense_module(family, extra_levels=source), device="cpu", name=spec.name, class_names=NAMES).spec
    assert again == dense_spec(family, extra_levels=source, weights=again.weights)
    assert DetectorSpec.from_json(again.to_json()) == again


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", ["P5", "C5"])
def test_state_dicts_are_recognised(family: str, source: str, tmp_path: Path) -> None:
    module = dense_module(family, extra_levels=source, settings=SETTINGS["torchvision", family])
    torch.save({"model": module.state_dict(), "epoch": 3}, tmp_path / "own.pth")
    again = open_detector(str(tmp_path / "own.pth"), device="cpu")
    own = dense_spec(family, extra_levels=source, settings=SETTINGS["torchvision", family], name="own", weights="from own")
    assert again.spec == replace(own, class_names=tuple(f"class {label}" for label in range(4)))
    assert "assumed" in again.spec.origins["topk_candidates"]
    for key, tensor in module.state_dict().items():
        assert torch.equal(again.module.state_dict()[key], tensor), key


@pytest.mark.parametrize(("kind", "family"), [(RetinaNet, "RetinaNet"), (FCOS, "FCOS")])
def test_assumed_settings_are_torchvisions(kind: type[nn.Module], family: str) -> None:
    backbone = dense_module(family).backbone
    assert read_settings(kind(backbone, 3)) == SETTINGS["torchvision", family]


def test_legacy_retinanet_keys_load(tmp_path: Path) -> None:
    module = dense_module(settings=SETTINGS["torchvision", "RetinaNet"])
    old = {
        re.sub(r"(_head\.conv)\.(\d)\.0\.", lambda m: f"{m[1]}.{2 * int(m[2])}.", key): tensor
        for key, tensor in dict(module.state_dict()).items()
    }
    assert "head.classification_head.conv.6.weight" in old
    torch.save(old, tmp_path / "old.pth")
    again = open_detector(str(tmp_path / "old.pth"), device="cpu")
    assert again.spec.head_depth == 4
    key = "head.regression_head.conv.3.0.weight"
    assert torch.equal(again.module.state_dict()[key], module.state_dict()[key])


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("backbone.fpn.inner_blocks.0.0.weight", "without an FPN"),
        ("head.regression_head.bbox_reg.weight", "anchors per cell where 9 were assumed"),
    ],
)
def test_state_dicts_that_do_not_fit_give_a_sentence(key: str, sentence: str, tmp_path: Path) -> None:
    tensors = dict(dense_module(settings=SETTINGS["torchvision", "RetinaNet"]).state_dict())
    tensors[key] = tensors[key][:8]
    if "fpn" in key:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("backbone.fpn.")}
    torch.save(tensors, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=sentence):
        open_detector(str(tmp_path / "odd.pth"), device="cpu")


def test_native_files_hold_one_stage_detectors(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_native(detector.spec, detector.module, path)
    again = open_detector(str(path), device="cpu")
    assert again.spec == detector.spec
    assert again.trace(noise()).follows is None


# -- files and what-ifs -------------------------------------------------------------------------------------------------


def test_saved_and_loaded_trace_answers_alike(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "one.trace")
    again = Trace.load(tmp_path / "one.trace")
    assert again.follows is None
    assert again.stages == trace.stages
    assert again.graph == trace.graph
    for name in ("candidates", "class_boxes", "detections"):
        ours, theirs = vars(getattr(trace, name)), vars(getattr(again, name))
        assert all(np.array_equal(ours[column], theirs[column]) for column in ours), name
    with pytest.raises(DetectorError, match="not linear"):
        again.sources("P7")


@pytest.mark.parametrize(
    ("changes", "began"),
    [
        ({"settings": {"topk_candidates": 5}}, "heads"),
        ({"settings": {"box_score_thresh": 0.3, "box_nms_thresh": 0.2}}, "heads"),
        ({"settings": {"box_detections_per_img": 2}}, "heads"),
        ({"gains": {("M3", "top-down"): 0.0}}, "neck"),
        ({"gains": {("P6", "downsample"): 2.0}}, "neck"),
    ],
    ids=str,
)
def test_what_ifs_are_a_new_forward_bit_for_bit(detector: Detector, trace: Trace, changes: dict[str, Any], began: str) -> None:
    replayed, run = what_if(trace, **changes), detector.trace(noise(), **changes)
    assert replayed.began == began
    assert replayed.follows is None
    for name in ("candidates", "class_boxes", "detections"):
        ours, theirs = vars(getattr(replayed, name)), vars(getattr(run, name))
        assert all(np.array_equal(ours[column], theirs[column]) for column in ours), name
