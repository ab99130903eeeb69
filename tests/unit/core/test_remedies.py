"""Remedies: what is offered was tried, is the smallest change that works, and says what else it does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.analysis import remedies as remedies_module
from fpn_viewer.core.analysis.breakpoints import _longer, _rounded_down, worth_trying
from fpn_viewer.core.analysis.effects import effect_on, pair_up
from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.analysis.remedies import KINDS, Change, _larger, _scaled, _Search, find_remedies
from fpn_viewer.core.analysis.retraining import anchors_of, finer_sizes
from fpn_viewer.core.analysis.stages import Question
from fpn_viewer.core.analysis.what_if import changed_settings, what_if
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.core.geometry import net_size
from fpn_viewer.core.tracing.trace import Trace
from tests.tiny import noise, tiny_detector

if TYPE_CHECKING:
    from fpn_viewer.core.geometry import Box

SAMPLES = Path(__file__).parents[3] / "resources" / "samples"
#: in scene 1 a truck that a stronger truck suppresses, and a tank that is found
SUPPRESSED: Box = (211.25, 66.25, 247.75, 99.25)
FOUND: tuple[Box, int] = ((222.75, 530.75, 246.5, 554.75), 5)


@pytest.fixture(scope="module")
def scene() -> Trace:
    return open_detector("demo", device="cpu").trace(SAMPLES / "scene-01.jpg")


def annotated(box: Box) -> tuple[int, np.ndarray]:
    """Label of an object of scene 1, and the boxes of all others."""
    plain = json.loads((SAMPLES / "samples.json").read_text())
    rows = [(a["bbox"], a["category_id"]) for a in plain["annotations"] if a["image_id"] == 1]
    boxes = [(x, y, x + w, y + h) for (x, y, w, h), _ in rows]
    index = boxes.index(box)
    return rows[index][1], np.delete(np.array(boxes), index, 0)


def matches(trace: Trace, box: Box, label: int) -> bool:
    out = trace.raw.output
    iou = box_ops.box_iou(out["boxes"].double(), torch.tensor([box], dtype=torch.float64))[:, 0]
    return bool(((iou >= 0.5) & (out["labels"] == label)).any())


# -- what is offered ----------------------------------------------------------------------------------------------------


def test_the_overlap_that_was_a_little_too_high(scene: Trace) -> None:
    label, others = annotated(SUPPRESSED)
    line = explain(scene, SUPPRESSED, label, others=others)
    assert line.killer == "nms"
    remedies = {r.setting: r for r in find_remedies(scene, line, others=others, kinds=("selection",))}
    remedy = remedies["box_nms_thresh"]
    assert line.suppressor is not None
    # the next three digits above the overlap that was too much, and nothing smaller
    assert remedy.value == np.ceil(line.suppressor.iou * 1000) / 1000
    assert matches(what_if(scene, settings={"box_nms_thresh": remedy.value}), SUPPRESSED, label)
    assert not matches(what_if(scene, settings={"box_nms_thresh": remedy.value - 0.001}), SUPPRESSED, label)
    assert (remedy.before, remedy.lost, remedy.gained, remedy.false_positives) == (0.5, 0, 0, 0)
    assert remedy.outcome.startswith("With box_nms_thresh at 0.506 instead of 0.5 it is detected with score 0.590 and IoU 0.506")
    assert remedy.outcome.endswith("; nothing else changes.")


def test_every_kind_is_tried_and_every_remedy_works(scene: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    # fewer of them, so that it does not take long
    monkeypatch.setattr(remedies_module, "GAINS", (0.5, 1.0))
    label, _ = annotated(SUPPRESSED)
    line = explain(scene, SUPPRESSED, label)
    steps = Steps()
    remedies = find_remedies(scene, line, watcher=steps)
    assert {"box_nms_thresh", "min_size", "gain"} <= {r.setting for r in remedies}
    for remedy in [remedies[0], *[r for r in remedies if r.setting in ("gain", "min_size")][:2]]:
        gains = {remedy.value[:2]: remedy.value[2]} if remedy.setting == "gain" else None
        settings = None if gains else {remedy.setting: remedy.value}
        assert scene.detector is not None
        assert matches(scene.detector.trace(scene.picture, gains=gains, settings=settings), SUPPRESSED, label)
    assert all(r.false_positives is None for r in remedies)
    assert all("annotated" not in r.outcome for r in remedies)
    shares = [share for _, share in steps.told]
    assert shares == sorted(shares)
    assert all(words.startswith("trying ") for words, _ in steps.told)
    assert steps.pauses > len(remedies)


class Steps:
    """Listens to a search."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []
        self.pauses = 0

    def check(self) -> None:
        """Lets it go on."""

    def pause(self) -> None:
        self.pauses += 1

    def report(self, stage: str, fraction: float) -> None:
        self.told.append((stage, fraction))


def test_scores_and_places_are_met_exactly(scene: Trace) -> None:
    box, label = FOUND
    for name, value, check in [
        ("box_score_thresh", 0.9999, lambda v, trace: v < best_score(trace, box, label) <= v * 1.01),
        ("box_detections_per_img", 1, lambda v, trace: v == place(trace, box, label)),
    ]:
        broken = what_if(scene, settings={name: value})
        line = explain(broken, box, label)
        assert line.killer is not None
        found = [r for r in find_remedies(broken, line, kinds=("selection", "restored")) if r.setting == name]
        assert check(found[0].value, scene), (name, found[0])
        # the detector's own value is offered too
        assert found[-1].value == getattr(scene.settings, name)


def best_score(trace: Trace, box: Box, label: int) -> float:
    near = near_classes(trace, box) & (trace.class_boxes.label == label)
    return float(trace.class_boxes.score[near].max())


def near_classes(trace: Trace, box: Box) -> np.ndarray:
    net = torch.from_numpy(trace.geometry.to_net(box))[None]
    return np.asarray(box_ops.box_iou(torch.from_numpy(trace.class_boxes.box_net.copy()).double(), net)[:, 0] >= 0.5)


def place(trace: Trace, box: Box, label: int) -> int:
    """Where the object comes in the model's own list, best first, from 1."""
    out = trace.raw.output
    iou = box_ops.box_iou(out["boxes"].double(), torch.tensor([box], dtype=torch.float64))[:, 0]
    return 1 + int(torch.where((iou >= 0.5) & (out["labels"] == label))[0][0])


def test_nothing_for_what_was_found(scene: Trace) -> None:
    assert find_remedies(scene, explain(scene, *FOUND)) == ()


def test_what_comes_behind_the_killer_is_not_tried(scene: Trace) -> None:
    broken = what_if(scene, settings={"rpn_pre_nms_top_n": 1})
    line = explain(broken, *FOUND)
    assert line.killer == "rpn_top_k"
    question = Question(broken, line.box_img, line.label, line.iou)
    assert set(worth_trying(question, "rpn_top_k")) == {"rpn_pre_nms_top_n"}
    ranks = worth_trying(question, "rpn_top_k")["rpn_pre_nms_top_n"]
    assert list(ranks) == sorted(ranks)
    assert ranks[0] == line.stage("rpn_top_k").value


def test_a_crowd_before_the_cap_can_be_thinned(scene: Trace) -> None:
    broken = what_if(scene, settings={"box_detections_per_img": 1})
    line = explain(broken, *FOUND)
    assert line.killer == "cap"
    assert worth_trying(Question(broken, line.box_img, line.label, 0.5), "cap")["box_nms_thresh"][-4:] == (0.4, 0.3, 0.2, 0.1)


@pytest.mark.parametrize(
    ("killer", "settings"),
    [
        ("class_score", {"box_score_thresh": 0.9}),
        ("top_k", {"topk_candidates": 1}),
        ("nms", {"box_nms_thresh": 0.0}),
        ("cap", {"box_detections_per_img": 1}),
    ],
)
def test_one_stage_detectors_have_remedies_too(dense: Trace, killer: str, settings: dict[str, Any]) -> None:
    broken, lost = what_if(dense, settings=settings), []
    for box, label in zip(dense.detections.boxes_img.astype(float), dense.detections.labels, strict=True):
        line = explain(broken, box, int(label))
        if line.killer == killer:
            lost.append((tuple(box), int(label), line))
        if len(lost) == 3:
            break
    assert len(lost) == 3
    ((name, planted),) = settings.items()
    for box, label, line in lost:
        remedies = find_remedies(broken, line, kinds=("selection", "restored"))
        mine = [remedy.value for remedy in remedies if remedy.setting == name]
        assert getattr(dense.settings, name) in mine
        assert abs(mine[0] - planted) <= abs(getattr(dense.settings, name) - planted)
        assert all(matches(what_if(broken, settings={**settings, r.setting: r.value}), box, label) for r in remedies)


@pytest.fixture(scope="module")
def dense() -> Trace:
    torch.manual_seed(1)
    detector = open_detector(
        "retinanet_resnet50_fpn", device="cpu", num_classes=3, min_size=96, max_size=160, box_score_thresh=0.001
    )
    return detector.trace(noise(60, 80))


def test_bad_questions(scene: Trace, tmp_path: Path) -> None:
    label, _ = annotated(SUPPRESSED)
    line = explain(scene, SUPPRESSED, label)
    scene.save(tmp_path / "saved")
    with pytest.raises(QuestionError, match="read from a file"):
        find_remedies(Trace.load(tmp_path / "saved"), line)


# -- the search ---------------------------------------------------------------------------------------------------------


@dataclass
class Ladder:
    """Stands for a search in which rungs from one on work."""

    works_from: int
    tried: list[int]

    def _tried(self, change: Change) -> Any:
        self.tried.append(change.value)
        return f"remedy {change.value}" if change.value >= self.works_from else None


@pytest.mark.parametrize("length", [1, 10, 11, 200])
@pytest.mark.parametrize("from_end", [0, 1, 5, 180, 199])
def test_the_smallest_rung_that_works_is_found(length: int, from_end: int) -> None:
    first = max(0, length - 1 - from_end)
    ladder = Ladder(first, [])
    changes = [Change("x", value, 0, value) for value in range(length)]
    assert _Search.first(ladder, changes) == (changes[first], f"remedy {first}")  # type: ignore[arg-type]
    assert len(ladder.tried) <= 17
    assert len(set(ladder.tried)) == len(ladder.tried)


def test_a_ladder_without_a_rung_that_works() -> None:
    ladder = Ladder(1000, [])
    changes = [Change("x", value, 0, value) for value in range(100)]
    assert _Search.first(ladder, changes) is None  # type: ignore[arg-type]
    # the largest change was among those tried
    assert ladder.tried[-1] == 99


def test_gains_nearest_first_and_towards_the_model_as_it_is() -> None:
    trace = tiny_detector().trace(noise(), gains={("M3", "top-down"): 0.0, ("M2", "lateral"): 1.25})
    line: Any = None
    ladders = {ladder[0].value[:2]: [c.value[2] for c in ladder] for ladder in _scaled(trace, line)}
    assert set(ladders) == {("M5", "lateral"), *((f"M{k}", name) for k in (2, 3, 4) for name in ("lateral", "top-down"))}
    assert ladders["M3", "top-down"] == [0.5, 1.0, 1.5, 2.0]
    assert ladders["M2", "lateral"] == [1.0, 1.5, 0.5, 2.0, 0.0]
    assert sorted(ladders["M4", "lateral"][:2]) == [0.5, 1.5]


@pytest.mark.parametrize(("size", "limits"), [((70, 101), (96, 192)), ((70, 101), (96, 120)), ((2000, 3000), (96, 192))], ids=str)
def test_a_larger_input_is_larger_and_not_much_larger(size: tuple[int, int], limits: tuple[int, int]) -> None:
    settings = dict(zip(("min_size", "max_size"), limits, strict=True))
    trace = tiny_detector(**settings).trace(noise(*size))
    before = trace.net_size[0] * trace.net_size[1]
    for name in settings:
        areas = []
        for value in _larger(trace, name):
            h, w = net_size(size, **{**settings, name: value})
            areas.append(h * w)
        assert areas == sorted(set(areas))
        assert all(before < area <= 4.1 * before for area in areas)
    # one of the two limits holds the picture down, and raising that one helps
    assert _larger(trace, "min_size") or _larger(trace, "max_size")


@pytest.mark.parametrize("score", [0.0473, 0.05, 0.99999, 1.0, 1e-7, 0.3333333, 0.1, 0.5, 5e-4])
def test_a_limit_just_under_a_score(score: float) -> None:
    limit = _rounded_down(score)
    assert torch.tensor([score]) > limit
    assert limit >= score * 0.98
    assert len(f"{limit:.10g}".strip("0.").replace(".", "")) <= 3 or limit < 1e-3


def test_lists_are_not_made_much_longer() -> None:
    assert _longer([5, 1999, 3, 900, 2001, 5], 4) == [5, 900, 1999]
    assert _longer([1500, 9000, 10001], 1000) == [1500, 9000]


# -- what else changes --------------------------------------------------------------------------------------------------


def with_output(trace: Trace, boxes: list[Box], labels: list[int]) -> Trace:
    output = {
        "boxes": torch.tensor(boxes).reshape(-1, 4).float(),
        "labels": torch.tensor(labels),
        "scores": torch.ones(len(labels)),
    }
    return replace(trace, raw=replace(trace.raw, output=output))


def test_detections_are_paired_one_to_one() -> None:
    trace = tiny_detector().trace(noise())
    before = with_output(trace, [(0, 0, 10, 10), (0, 0, 10, 12), (50, 50, 60, 60), (80, 0, 90, 10)], [1, 1, 2, 3])
    after = with_output(
        trace, [(0, 0, 10, 11.5), (50, 50, 60, 61), (0, 0, 10, 10.5), (50, 50, 60, 60), (20, 20, 30, 30)], [1, 1, 1, 2, 3]
    )
    kept, found = pair_up(before, after)
    assert dict(zip(kept.tolist(), found.tolist(), strict=True)) == {0: 2, 1: 0, 2: 3}
    others = np.array([[20.0, 20, 30, 31]])
    assert effect_on(before, after, 1, (0, 40, 10, 60), None, 0.5).__dict__ == {"gained": 1, "lost": 1, "false_positives": None}
    assert effect_on(before, after, 0, (0, 0, 10, 11), others, 0.5).__dict__ == {"gained": 2, "lost": 1, "false_positives": 1}


def test_nothing_before_or_nothing_after() -> None:
    trace = tiny_detector().trace(noise())
    none, one = with_output(trace, [], []), with_output(trace, [(0, 0, 9, 9)], [1])
    assert [len(rows) for rows in pair_up(none, one)] == [0, 0]
    assert effect_on(none, one, 0, (0, 0, 9, 9), np.empty((0, 4)), 0.5).__dict__ == {"gained": 0, "lost": 0, "false_positives": 0}
    assert [len(rows) for rows in pair_up(one, none)] == [0, 0]


# -- anchors ------------------------------------------------------------------------------------------------------------


def test_an_object_smaller_than_every_anchor_asks_for_finer_ones(scene: Trace) -> None:
    shrunk = what_if(scene, settings={"min_size": 144})
    box, label = FOUND
    line = explain(shrunk, box, label)
    assert line.training is not None
    assert line.training.best_iou < 0.5
    (remedy,) = find_remedies(shrunk, line, kinds=("anchors",))
    assert remedy.retrain
    assert remedy.setting == "anchor_sizes"
    assert remedy.value == ((6,), (12,), (24,), (48,), (96,))
    assert remedy.before == scene.settings.anchor_sizes
    assert "needs training" in remedy.outcome
    # what it promises is what the trace under those anchors would have
    assert shrunk.detector is not None
    settings = {**changed_settings(shrunk.spec.settings, shrunk.settings), "anchor_sizes": remedy.value}
    again = explain(shrunk.detector.trace(shrunk.picture, settings=settings), box, label).training
    assert again is not None
    assert again.best_iou >= 0.5
    assert f"gives it {again.positives}" not in remedy.outcome
    assert f"would give it {again.positives} instead of {line.training.positives}" in remedy.outcome


def test_anchors_are_laid_as_torchvision_lays_them(scene: Trace) -> None:
    assert torch.equal(anchors_of(scene, scene.settings.anchor_sizes), scene.raw.anchors)
    assert isinstance(scene.detector.module.rpn.anchor_generator, AnchorGenerator)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("side", "expected"), [(5, ((5,), (10, 20))), (10, None), (3.4, ((3,), (6, 12))), (0.2, ((1,), (2, 4)))], ids=str
)
def test_sizes_are_scaled_together(side: float, expected: Any) -> None:
    assert finer_sizes(((10,), (20, 40)), side) == expected


def test_kinds_are_known() -> None:
    assert KINDS == ("selection", "restored", "gains", "input", "anchors")
