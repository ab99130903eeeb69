"""One thing is broken, and the verdict names it: objects that the bundled detector finds, lost at every stage that can lose one.

What lost an object is worked out a second time here, with torchvision's operations on the raw answers, so that an object is only
counted where the broken thing itself lost it and not something that followed from it.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchvision.ops import boxes as box_ops

from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.analysis.remedies import find_remedies
from fpn_viewer.core.analysis.what_if import what_if
from fpn_viewer.core.detectors.detector import open_detector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.core.analysis.line import LifeLine, Remedy
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.tracing.trace import Trace

SAMPLES = Path(__file__).parents[3] / "resources" / "samples"
NEAR = 0.5
#: stage to the one setting that makes it lose objects
SETTINGS: dict[str, dict[str, Any]] = {
    "rpn_top_k": {"rpn_pre_nms_top_n": 1},
    "rpn_score": {"rpn_score_thresh": 0.999},
    "rpn_nms": {"rpn_nms_thresh": 0.01},
    "rpn_cap": {"rpn_post_nms_top_n": 1},
    "class_score": {"box_score_thresh": 0.999},
    "nms": {"box_nms_thresh": 0.0},
    "cap": {"box_detections_per_img": 1},
}
#: of one stage and picture, so many objects are asked about; each takes some 20 ms
PER_PICTURE = 5
#: pictures that broken modules and inputs run over, each a whole forward
PICTURES = (1, 4, 8)


@dataclass(frozen=True)
class Target:
    """An annotated object: xyxy image px and label."""

    box: tuple[float, float, float, float]
    label: int


@dataclass(frozen=True)
class Case:
    """An object that a planted failure lost at `stage`."""

    stage: str
    target: Target
    trace: Trace
    line: LifeLine


# -- ground facts -------------------------------------------------------------------------------------------------------


def iou(boxes: torch.Tensor, box: Any) -> torch.Tensor:
    return box_ops.box_iou(boxes.double().reshape(-1, 4), torch.as_tensor(box, dtype=torch.float64)[None])[:, 0]


def is_found(output: Any, target: Target) -> bool:
    return bool(((iou(output["boxes"], target.box) >= NEAR) & (output["labels"] == target.label)).any())


class Facts:
    """Both selections of one trace, step by step: the boxes left after each stage, for all objects of the picture."""

    def __init__(self, trace: Trace) -> None:
        self.scale = trace.geometry.scale
        raw, s, size = trace.raw, trace.settings, trace.net_size
        boxes = box_ops.clip_boxes_to_image(raw.boxes, size)
        self.boxes, self.rpn = boxes, {"rpn_regression": torch.arange(len(boxes))}
        logits = torch.cat([x.permute(1, 2, 0).flatten() for x in raw.logits])
        level = torch.cat([torch.full((n,), i) for i, n in enumerate(raw.counts)])
        starts = [sum(raw.counts[:i]) for i in range(len(raw.counts))]
        tops = [
            x.topk(min(s.rpn_pre_nms_top_n, len(x)))[1] + a for x, a in zip(logits.split(list(raw.counts)), starts, strict=True)
        ]
        rows = torch.cat(tops)
        for stage, keep in (
            ("rpn_top_k", lambda r: torch.arange(len(r))),
            ("rpn_min_size", lambda r: box_ops.remove_small_boxes(boxes[r], 1e-3)),
            ("rpn_score", lambda r: torch.where(torch.sigmoid(logits[r]) >= s.rpn_score_thresh)[0]),
            ("rpn_nms", lambda r: box_ops.batched_nms(boxes[r], torch.sigmoid(logits[r]), level[r], s.rpn_nms_thresh)),
            ("rpn_cap", lambda r: torch.arange(min(len(r), s.rpn_post_nms_top_n))),
        ):
            rows = rows[keep(rows)]
            self.rpn[stage] = rows
        self._heads(raw, s, size)

    def _heads(self, raw: Any, s: Any, size: Any) -> None:
        classes = raw.class_logits.shape[1] - 1
        boxes = box_ops.clip_boxes_to_image(raw.class_boxes[:, 1:].reshape(-1, 4), size)
        scores, labels = (
            torch.softmax(raw.class_logits, 1)[:, 1:].flatten(),
            torch.arange(1, classes + 1).repeat(len(raw.class_logits)),
        )
        rows = torch.arange(len(boxes))
        self.heads = {"box_regression": (boxes, None)}
        for stage, keep in (
            ("class_score", lambda r: torch.where(scores[r] > s.box_score_thresh)[0]),
            ("min_size", lambda r: box_ops.remove_small_boxes(boxes[r], 1e-2)),
            ("nms", lambda r: box_ops.batched_nms(boxes[r], scores[r], labels[r], s.box_nms_thresh)),
            ("cap", lambda r: torch.arange(min(len(r), s.box_detections_per_img))),
        ):
            rows = rows[keep(rows)]
            self.heads[stage] = (boxes[rows], labels[rows])

    def lost_at(self, target: Target) -> str:
        """The first stage that leaves nothing near the object; what the box head placed well makes up for the RPN."""
        box = [v * self.scale[(i + 1) % 2] for i, v in enumerate(target.box)]
        left = {}
        for stage, (boxes, labels) in self.heads.items():
            near = iou(boxes, box) >= NEAR
            left[stage] = bool((near if labels is None else near & (labels == target.label)).any())
        if not left["box_regression"]:
            near = iou(self.boxes, box) >= NEAR
            left = {stage: bool(near[rows].any()) for stage, rows in self.rpn.items()} | {"box_regression": False}
        return next((stage for stage, has in left.items() if not has), "none")


# -- planting -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector("demo", device="cpu")


@pytest.fixture(scope="module")
def scenes(detector: Detector) -> dict[int, tuple[Trace, list[Target]]]:
    """Every sample with the objects that the detector finds in it."""
    plain = json.loads((SAMPLES / "samples.json").read_text())
    out = {}
    for image in plain["images"]:
        trace = detector.trace(SAMPLES / image["file_name"])
        targets = [
            Target((x, y, x + w, y + h), a["category_id"])
            for a in plain["annotations"]
            if a["image_id"] == image["id"]
            for x, y, w, h in [a["bbox"]]
        ]
        out[image["id"]] = trace, [target for target in targets if is_found(trace.raw.output, target)]
    return out


def lost(broken: Trace, targets: list[Target]) -> Iterator[tuple[Target, str]]:
    """Objects that a broken detector does not find, with the stage that lost each."""
    facts = Facts(broken)
    for target in targets:
        if not is_found(broken.raw.output, target):
            yield target, facts.lost_at(target)


@pytest.fixture(scope="module")
def cases(scenes: dict[int, tuple[Trace, list[Target]]]) -> list[Case]:
    """Every setting broken on every sample."""
    out = []
    for trace, targets in scenes.values():
        for stage, settings in SETTINGS.items():
            broken = what_if(trace, settings=settings)
            here = islice((target for target, at in lost(broken, targets) if at == stage), PER_PICTURE)
            out += [Case(stage, t, broken, explain(broken, t.box, t.label)) for t in here]
    return out


def test_the_verdict_names_the_planted_stage_every_time(cases: list[Case]) -> None:
    wrong = [(c.stage, c.line.killer, c.target, c.line.verdict) for c in cases if c.line.killer != c.stage]
    assert wrong == []
    assert all(f"({c.stage})" in c.line.verdict for c in cases)
    counts = {stage: sum(c.stage == stage for c in cases) for stage in SETTINGS}
    assert min(counts.values()) >= 5, counts
    assert len(cases) >= 200, counts


def test_the_deciding_number_is_on_the_wrong_side(cases: list[Case]) -> None:
    for case in cases:
        stage = case.line.stage(case.stage)
        assert stage.state == "killer"
        assert stage.survivors == 0
        assert stage.value is not None
        # the limit of NMS is passed from below, as a list is cut
        assert stage.margin is not None
        assert stage.margin <= 0
        (setting,) = SETTINGS[case.stage].items()
        assert stage.limit == setting[1]
        assert case.line.detection is None
        assert case.line.tide
        assert case.line.mechanism


def test_suppressions_name_the_suppressor(cases: list[Case]) -> None:
    for case in cases:
        if case.stage in ("rpn_nms", "nms"):
            (limit,) = SETTINGS[case.stage].values()
            assert case.line.suppressor is not None
            assert case.line.suppressor.iou > limit
            assert case.line.suppressor.stage == case.stage
        else:
            assert case.line.suppressor is None


def one_each(cases: list[Case], per_stage: int) -> list[Case]:
    """So many cases of every stage, from as many pictures as there are."""
    out = []
    for stage in SETTINGS:
        mine = [case for case in cases if case.stage == stage]
        out += mine[:: max(1, len(mine) // per_stage)][:per_stage]
    return out


def with_remedy(detector: Detector, trace: Trace, remedy: Remedy) -> Trace:
    """A whole forward under the settings of a trace and one remedy."""
    spec, now = detector.spec.settings, trace.settings
    settings = {name: getattr(now, name) for name in detector.spec.kind.settings if getattr(now, name) != getattr(spec, name)}
    gains: dict[tuple[str, str], float] = dict(trace.gains)
    if remedy.setting == "gain":
        node, term, factor = remedy.value  # type: ignore[misc]
        gains[node, term] = factor
    else:
        settings[remedy.setting] = remedy.value
    return detector.trace(trace.picture, gains=gains, settings=settings)


def test_undoing_what_was_planted_is_offered_and_a_smaller_change_too(detector: Detector, cases: list[Case]) -> None:
    for case in one_each(cases, 5):
        remedies = find_remedies(case.trace, case.line, kinds=("selection", "restored"))
        ((name, planted),) = SETTINGS[case.stage].items()
        own = getattr(detector.spec.settings, name)
        values = [remedy.value for remedy in remedies if remedy.setting == name]
        assert own in values, (case.stage, case.target)
        # the smallest change comes first, and is never larger than undoing all
        assert abs(values[0] - planted) <= abs(own - planted)
        assert values == sorted(values, key=lambda v: abs(v - planted))


def test_every_offered_remedy_brings_the_object_back(detector: Detector, cases: list[Case]) -> None:
    for case in one_each(cases, 1):
        for remedy in find_remedies(case.trace, case.line, kinds=("selection", "restored")):
            again = with_remedy(detector, case.trace, remedy)
            assert is_found(again.raw.output, case.target), (case.stage, case.target, remedy)
            assert explain(again, case.target.box, case.target.label).killer is None


# -- broken weights and inputs ------------------------------------------------------------------------------------------


def narrow_rpn(module: Any) -> None:
    module.rpn.head.bbox_pred.bias[2::4] -= 3


def shifted_heads(module: Any) -> None:
    # the box head's deltas are divided by 10
    module.roi_heads.box_predictor.bbox_pred.bias[0::4] += 30


def biased_to_cars(module: Any) -> None:
    module.roi_heads.box_predictor.cls_score.bias[1] += 30


BROKEN = {"rpn_regression": narrow_rpn, "box_regression": shifted_heads, "class_score": biased_to_cars}


@pytest.mark.parametrize("stage", BROKEN)
def test_broken_weights_are_named(detector: Detector, scenes: dict[int, tuple[Trace, list[Target]]], stage: str) -> None:
    module = deepcopy(detector.module)
    with torch.no_grad():
        BROKEN[stage](module)
    broken = open_detector(module, device="cpu", name="broken", class_names=detector.spec.class_names)
    count = 0
    for number in PICTURES:
        base, targets = scenes[number]
        trace = broken.trace(base.picture)
        for target, at in islice(lost(trace, [t for t in targets if t.label != 1]), PER_PICTURE):
            if at == stage:
                count += 1
                line = explain(trace, target.box, target.label)
                assert line.killer == stage, (target, line.verdict)
                assert line.outcome == {"rpn_regression": "never proposed", "box_regression": "badly placed"}.get(
                    stage, "other class"
                )
                if stage == "class_score" and is_found(trace.raw.output, Target(target.box, 1)):
                    assert line.rival is not None
                    assert (line.rival.label, line.rival.why) == (1, "other class")
    assert count >= 5


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "shrunk 8 times": ({"settings": {"min_size": 72}}, "the resize was changed (min_size is 72 instead of 576)"),
    "no top-down": ({"gains": {(f"M{k}", "top-down"): 0.0 for k in (2, 3, 4)}}, "top-down gain into M3 is 0"),
    "no lateral into M2": ({"gains": {("M2", "lateral"): 0.0}}, "lateral gain into M2 is 0"),
    "no top-down into M2": ({"gains": {("M2", "top-down"): 0.0}}, "top-down gain into M2 is 0"),
    "no lateral into M3": ({"gains": {("M3", "lateral"): 0.0}}, "lateral gain into M3 is 0"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_input_or_neck_is_named_and_can_be_undone(scenes: dict[int, tuple[Trace, list[Target]]], name: str) -> None:
    change, words = CHANGED[name]
    undone = 0
    for number in PICTURES:
        base, targets = scenes[number]
        trace = what_if(base, **change)
        for target, at in islice(lost(trace, targets), PER_PICTURE):
            line = explain(trace, target.box, target.label)
            assert line.killer == at, (target, line.verdict)
            assert words in line.factors
            assert words in line.verdict
            undone += number == PICTURES[0] and undone < 1 and restores(trace, line, target)
    assert undone == 1 or name == "no top-down"


def restores(trace: Trace, line: LifeLine, target: Target) -> bool:
    """Whether one change undoes what was planted; of three gains none need do so alone."""
    remedies = find_remedies(trace, line, kinds=("restored",))
    for remedy in remedies:
        assert trace.detector is not None
        assert is_found(with_remedy(trace.detector, trace, remedy).raw.output, target)
    return bool(remedies)
