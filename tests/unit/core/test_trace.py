"""What a trace says is what the model did: outputs, terms, sources and selection, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import FasterRCNN
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.sources import BUILDERS
from fpn_viewer.core.errors import DetectorError, SettingError, UserError
from fpn_viewer.core.structures import STAGE
from fpn_viewer.core.tracing.places import roi_levels
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, subclassed, tiny_detector, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.detector import Detector

SIZES = [(70, 101), (31, 517), (1, 1), (4000, 100), (96, 96), (97, 193)]


def plain_forward(module: FasterRCNN, image: np.ndarray) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        (out,) = module([torch.from_numpy(image).permute(2, 0, 1).float() / 255])
    return out


def assert_model_output(trace: Trace, out: dict[str, torch.Tensor]) -> None:
    found = trace.detections
    assert np.array_equal(found.boxes_img, out["boxes"].numpy())
    assert np.array_equal(found.scores, out["scores"].numpy())
    assert np.array_equal(found.labels, out["labels"].numpy())


def no_hooks(module: torch.nn.Module) -> bool:
    clean = not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    return clean and not any("filter_proposals" in vars(m) or "postprocess_detections" in vars(m) for m in module.modules())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_is_traced_as_the_model_runs_it(size: tuple[int, int]) -> None:
    detector = tiny_detector(box_score_thresh=0.0)
    image = noise(*size)
    trace = detector.trace(image)
    assert trace.follows is None
    # a module of its own: MultiScaleRoIAlign remembers the scales of its first picture
    assert_model_output(trace, plain_forward(tiny_detector(box_score_thresh=0.0).module, image))
    assert no_hooks(detector.module)


@pytest.mark.parametrize("name", [name for name in BUILDERS if name.startswith("faster")])
def test_builders_are_followed_to_the_last_box(name: str) -> None:
    torch.manual_seed(1)
    detector = open_detector(name, device="cpu", num_classes=4, min_size=160, max_size=256, box_score_thresh=0.0)
    image = noise(90, 131)
    out = plain_forward(detector.module, image)
    trace = detector.trace(image)
    assert_model_output(trace, out)
    assert trace.follows is None
    assert trace.spec.untrained
    assert len(trace.detections) > 0
    assert (trace.detections.candidate >= 0).all()
    for node in trace.graph.nodes:
        check_terms(trace, node.name)
    for node in trace.graph.outputs:
        check_sources(trace, node.name)


def check_terms(trace: Trace, name: str) -> None:
    terms = list(trace.terms(name).values())
    if terms:
        assert torch.equal(sum(terms[1:], terms[0]), trace.node(name)), name


def check_sources(trace: Trace, name: str) -> None:
    node = trace.node(name)
    total = sum(trace.sources(name).values())
    assert float((total - node).abs().max()) <= 1e-5 * float(node.abs().max()), name


def test_lateral_and_top_down_sum_to_merged_and_p6_is_a_subsample() -> None:
    trace = tiny_detector().trace(noise(67, 93))
    for level in ("2", "3", "4"):
        terms = trace.terms(f"M{level}")
        assert list(terms) == ["lateral", "top-down"]
        assert torch.equal(terms["lateral"], trace.node(f"L{level}"))
        assert torch.equal(terms["lateral"] + terms["top-down"], trace.node(f"M{level}"))
    assert torch.equal(trace.node("P6"), trace.node("P5")[:, ::2, ::2])
    assert list(trace.terms("M5")) == ["lateral"]


def test_sources_reach_only_finer_levels() -> None:
    trace = tiny_detector().trace(noise())
    assert set(trace.sources("P4")) == {"C4", "C5", "bias"}
    assert set(trace.sources("M3")) == {"C3", "C4", "C5", "bias"}
    check_sources(trace, "M3")


def test_geometry_of_800_by_1088() -> None:
    trace = tiny_detector(min_size=800, max_size=1333).trace(noise(400, 544))
    assert trace.padded_size == (800, 1088)
    sizes = {level.name: (level.size, level.stride, level.anchor_stride) for level in trace.levels}
    assert sizes["P2"] == ((200, 272), (4, 4), (4, 4))
    assert sizes["P6"] == ((13, 17), (64, 64), (61, 64))
    assert trace.anchors("P6").shape == (13, 17, 3, 4)
    # torchvision's drift: the last row of P6 is anchored at 12·61, not 12·64
    assert float(trace.anchors("P6")[12, 0, 1, 1::2].mean()) == 12 * 61


def test_candidates_are_the_anchors_in_order() -> None:
    trace = tiny_detector().trace(noise())
    table = trace.candidates
    assert len(table) == sum(trace.raw.counts)
    for index in (0, 100, len(table) - 1):
        level = trace.levels[table.level[index]]
        cell = trace.objectness(level.name)[table.shape[index], table.y[index], table.x[index]]
        assert float(cell) == table.objectness[index]
    with pytest.raises(ValueError, match="read-only"):
        table.objectness[0] = 1


def test_fates_agree_with_a_selection_written_out() -> None:
    trace = tiny_detector().trace(noise(120, 90))
    table, settings = trace.candidates, trace.settings
    start = 0
    for index, count in enumerate(trace.raw.counts):
        rows = np.arange(start, start + count)
        best = rows[np.argsort(-table.objectness[rows], kind="stable")][: settings.rpn_pre_nms_top_n]
        out = np.setdiff1d(rows, best)
        assert (table.alive_after[out] == STAGE["rpn_regression"]).all()
        assert (table.alive_after[best] >= STAGE["rpn_top_k"]).all()
        assert np.array_equal(np.sort(table.rank[best]), np.arange(1, len(best) + 1))
        assert (table.level[rows] == index).all()
        start += count


def test_who_suppressed_whom() -> None:
    trace = tiny_detector(rpn_nms_thresh=0.3).trace(noise(120, 90))
    table = trace.candidates
    gone = np.flatnonzero(table.suppressed_by >= 0)
    assert len(gone) > 0
    for row in gone[:200]:
        winner = table.suppressed_by[row]
        pair = torch.from_numpy(np.stack([table.box_net[row], table.box_net[winner]]))
        assert float(box_ops.box_iou(pair[:1], pair[1:])) > 0.3 - 1e-4
        assert table.objectness[winner] >= table.objectness[row]
        assert table.level[winner] == table.level[row]
        assert table.alive_after[winner] >= STAGE["rpn_nms"]


def test_class_boxes_know_their_proposal_and_fate() -> None:
    trace = tiny_detector(box_score_thresh=0.2, box_detections_per_img=5).trace(noise(120, 90))
    table = trace.class_boxes
    assert len(table) == len(trace.proposals) * 5
    found = np.flatnonzero(table.alive_after == STAGE["detected"])
    assert len(found) == len(trace.detections) == 5
    assert (table.score[table.alive_after >= STAGE["class_score"]] > 0.2).all()
    owners = trace.proposals.candidate[table.proposal[found]]
    assert set(owners) == set(trace.detections.candidate)
    assert (trace.candidates.alive_after[owners] == STAGE["detected"]).all()


def test_roi_levels_are_torchvisions() -> None:
    detector = tiny_detector()
    image = noise(120, 90)
    trace = detector.trace(image)
    # a trace leaves the pooling as it was: without the levels that a forward of one's own infers
    assert detector.module.roi_heads.box_roi_pool.map_levels is None
    detector.module([torch.from_numpy(image).permute(2, 0, 1).float() / 255])
    mapper = detector.module.roi_heads.box_roi_pool.map_levels
    assert np.array_equal(trace.proposals.roi_level, mapper([trace.raw.proposals]).numpy())
    sides = np.array([50, 111, 112, 223, 224, 447, 448, 900], np.float32)
    boxes = np.stack([np.zeros(8), np.zeros(8), sides, sides], 1).astype(np.float32)
    assert roi_levels(boxes, 2, 5).tolist() == mapper([torch.from_numpy(boxes)]).tolist()


def test_a_panorama_does_not_poison_the_next_picture() -> None:
    detector = tiny_detector()
    image = noise(90, 120)
    before = detector.trace(image)
    detector.trace(noise(400, 10))
    after = detector.trace(image)
    assert np.array_equal(before.detections.boxes_img, after.detections.boxes_img)
    assert np.array_equal(before.detections.scores, after.detections.scores)


class Unfiltered(FasterRCNN):
    """Its RPN keeps the strongest proposals and suppresses none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rpn.filter_proposals = self._strongest

    def _strongest(self, boxes: Any, logits: Any, sizes: Any, counts: Any) -> Any:
        scores = torch.sigmoid(logits.reshape(1, -1))
        rows = scores[0].topk(40).indices
        return [box_ops.clip_boxes_to_image(boxes[0][rows], sizes[0])], [scores[0][rows]]


class Silent(FasterRCNN):
    """Its heads report only the better half of what they found."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = self.roi_heads.postprocess_detections
        self.roi_heads.postprocess_detections = lambda *a: tuple([part[0][: len(part[0]) // 2]] for part in own(*a))


@pytest.mark.parametrize(("kind", "stages"), [(Unfiltered, ("rpn_top_k", "rpn_nms", "rpn_cap")), (Silent, ("cap",))])
def test_a_subclass_that_selects_otherwise_is_named(kind: type[FasterRCNN], stages: tuple[str, ...]) -> None:
    module = subclassed(kind)
    own = dict(vars(module.rpn)), dict(vars(module.roi_heads))
    trace = open_detector(module, device="cpu", box_score_thresh=0.0).trace(noise())
    assert trace.follows is not None
    assert trace.follows.stage in stages
    assert trace.follows.stage in trace.follows.why
    assert_model_output(trace, plain_forward(module, noise()))
    assert vars(module.rpn)["filter_proposals" if kind is Unfiltered else "training"] == own[0].get(
        "filter_proposals" if kind is Unfiltered else "training"
    )


def test_gains_scale_one_term_and_what_hangs_on_it() -> None:
    detector = tiny_detector()
    image = noise()
    plain, cut = detector.trace(image), detector.trace(image, gains={("M3", "top-down"): 0.0})
    assert torch.equal(cut.node("M4"), plain.node("M4"))
    assert torch.equal(cut.node("M3"), plain.node("L3") + plain.node("T3") * 0.0)
    assert not torch.equal(cut.node("P2"), plain.node("P2"))
    assert cut.follows is None
    check_terms(cut, "M3")
    check_sources(cut, "P2")
    assert float(cut.sources("P3")["C5"].abs().max()) == 0
    same = detector.trace(image, gains={("M3", "top-down"): 1.0})
    assert torch.equal(same.node("P2"), plain.node("P2"))
    assert_model_output(detector.trace(image), plain_forward(detector.module, image))


def test_a_gain_on_the_top_down_node_itself() -> None:
    trace = tiny_detector().trace(noise(), gains={("T2", "top-down"): 0.5})
    assert float(trace.node("T2").abs().max()) > 0
    assert torch.equal(trace.node("M2"), trace.node("L2") + trace.node("T2"))
    check_terms(trace, "M2")
    check_sources(trace, "P2")


def test_unknown_gain_is_refused_and_names_the_terms() -> None:
    with pytest.raises(SettingError, match="M3/top-down"):
        tiny_detector().trace(noise(), gains={("M9", "top-down"): 0.0})


def test_settings_hold_for_one_trace_only() -> None:
    detector = tiny_detector()
    before = detector.module.roi_heads.score_thresh, detector.module.transform.min_size
    other = detector.trace(noise(), settings={"box_score_thresh": 0.9, "min_size": 64})
    assert other.settings.box_score_thresh == 0.9
    assert min(other.net_size) == 64
    assert (detector.module.roi_heads.score_thresh, detector.module.transform.min_size) == before
    assert other.follows is None


class Stop(Exception):
    """Raised by a watcher."""


class StopAt:
    """A watcher that stops the forward at one stage."""

    def __init__(self, stage: str) -> None:
        self.stage, self.now = stage, ""

    def check(self) -> None:
        if self.now == self.stage:
            raise Stop

    def report(self, stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        self.now = stage


@pytest.mark.parametrize("stage", ["backbone", "neck", "RPN", "RoI heads"])
def test_hooks_are_gone_after_a_cancel_anywhere(stage: str) -> None:
    detector = tiny_detector()
    with pytest.raises(Stop):
        detector.trace(noise(), watcher=StopAt(stage), gains={("M3", "top-down"): 0.5}, settings={"min_size": 64})
    assert no_hooks(detector.module)
    assert "forward" not in vars(detector.module.backbone.fpn)
    assert detector.module.transform.min_size == (96,)
    assert detector.trace(noise()).follows is None


def test_hooks_are_gone_after_a_trace_and_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = tiny_detector()
    detector.trace(noise())
    assert no_hooks(detector.module)

    def broken(*_: object) -> None:
        raise RuntimeError("head is broken")

    monkeypatch.setattr(detector.module.roi_heads.box_head, "forward", broken)
    with pytest.raises(RuntimeError, match="head is broken"):
        detector.trace(noise())
    assert no_hooks(detector.module)


def test_nan_in_the_weights_is_said() -> None:
    module = tiny_module()
    with torch.no_grad():
        module.backbone.body.layer3[0].conv1.weight[0, 0, 0, 0] = float("nan")
    trace = open_detector(module, device="cpu").trace(noise())
    assert len(trace.warnings) == 1
    assert "C4" in trace.warnings[0]
    assert tiny_detector().trace(noise()).warnings == ()


def test_a_picture_that_would_shrink_to_nothing() -> None:
    with pytest.raises(DetectorError, match="shrink to nothing"):
        tiny_detector().trace(noise(1, 5000))


def test_nothing_detected_is_a_trace_like_any_other() -> None:
    trace = tiny_detector(box_score_thresh=1.0).trace(noise())
    assert len(trace.detections) == 0
    assert trace.follows is None
    assert trace.candidates.alive_after.max() == STAGE["box_regression"]


def test_no_top_down_network_has_no_top_down_nodes() -> None:
    from dataclasses import replace

    from tests.tiny import TINY

    module = tiny_module(replace(TINY, neck="fpn-no-top-down"))
    trace = open_detector(module, device="cpu").trace(noise())
    assert trace.graph.kind == "FPN without top-down"
    assert "T3" not in trace.graph
    assert torch.equal(trace.node("M3"), trace.node("L3"))
    assert set(trace.sources("P2")) == {"C2", "bias"}
    assert trace.follows is None


def test_saved_and_loaded_trace_answers_alike(tmp_path: Path) -> None:
    trace = tiny_detector().trace(noise(), gains={("M2", "top-down"): 0.5})
    trace.save(tmp_path / "t.trace")
    again = Trace.load(tmp_path / "t.trace")
    for node in trace.graph.nodes:
        assert torch.equal(again.node(node.name), trace.node(node.name))
    assert again.follows is None
    assert again.graph == trace.graph
    assert again.levels == trace.levels
    assert again.spec == trace.spec
    assert np.array_equal(again.candidates.alive_after, trace.candidates.alive_after)
    check_sources(again, "P2")


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.trace").write_bytes(b"no trace at all")
    with pytest.raises(UserError, match="not a readable trace"):
        Trace.load(tmp_path / "t.trace")
    with pytest.raises(UserError, match="cannot be written"):
        tiny_detector().trace(noise()).save(tmp_path / "nowhere" / "t.trace")


def test_maps_are_what_the_modules_gave() -> None:
    """Captured by reference, so nothing after a capture may work in place: compared with clones taken in a second run."""
    detector: Detector = tiny_detector()
    image = noise()
    trace = detector.trace(image)
    clones: dict[str, torch.Tensor] = {}
    body = detector.module.backbone.body
    handle = body.register_forward_hook(lambda _, __, out: clones.update({k: v.clone() for k, v in out.items()}))
    plain_forward(detector.module, image)
    handle.remove()
    for key, node in zip(clones, ("C2", "C3", "C4", "C5"), strict=True):
        assert torch.equal(clones[key][0], trace.node(node))
