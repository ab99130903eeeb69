"""What became of objects and detections in two runs: pairs by overlap, statuses by ground truth, both life lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fpn_viewer as fv
from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.formats import open_annotations
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.comparison.object_lines import _ORDER, differs_at
from fpn_viewer.core.comparison.pairing import ABOUT_THE_SAME, SAME_PLACE, pair_detections
from fpn_viewer.core.comparison.values import PAIRS, STATUSES
from fpn_viewer.core.resources import resources
from fpn_viewer.core.structures import DENSE_STAGES, STAGES, Detections
from tests.adapters import PyramidAdapter, network
from tests.tiny import noise, tiny_detector
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.core.comparison.comparison import Comparison
    from fpn_viewer.core.tracing.trace import Trace

PICTURE = noise(70, 101)
SAMPLES = resources() / "samples"
SCENE = str(SAMPLES / "scene-01.jpg")


class Found:
    """A side of which only the detections are asked."""

    def __init__(self, rows: list[tuple[str, float, tuple[float, ...]]], names: tuple[str, ...]) -> None:
        labels = [names.index(name) for name, _, _ in rows]
        boxes = np.array([box for *_, box in rows], np.float32).reshape(-1, 4)
        scores = np.array([score for _, score, _ in rows], np.float32)
        self.detections = Detections(boxes, scores, np.array(labels, np.int64), np.full(len(rows), -1, np.int32))
        self.spec: Any = type("Spec", (), {"class_names": names})


def pairs(a: Found, b: Found) -> list[tuple[str, int | None, int | None]]:
    return [(pair.kind, pair.a, pair.b) for pair in pair_detections(a, b)]  # type: ignore[arg-type]


def test_pairs_are_told_apart_by_place_class_and_score() -> None:
    a = Found(
        [
            ("car", 0.9, (0, 0, 10, 10)),
            ("car", 0.8, (20, 0, 30, 10)),
            ("car", 0.7, (40, 0, 50, 10)),
            ("boat", 0.6, (60, 0, 70, 10)),
            ("car", 0.5, (80, 0, 90, 10)),
        ],
        ("background", "car", "boat"),
    )
    b = Found(
        [
            ("Boats", 0.4, (60, 0, 70, 10)),
            ("cars", 0.93, (0, 0, 10, 10)),
            ("cars", 0.3, (20, 0, 30, 10)),
            ("cars", 0.7, (42, 0, 52, 10)),
            ("Boats", 0.5, (80, 0, 90, 10)),
            ("cars", 0.2, (0, 60, 10, 70)),
        ],
        # another order, other spellings: classes go by name
        ("background", "Boats", "cars"),
    )
    assert pairs(a, b) == [
        ("same", 0, 1),
        ("rescored", 1, 2),
        ("moved", 2, 3),
        ("rescored", 3, 0),
        ("relabelled", 4, 4),
        ("only B", None, 5),
    ]
    assert pairs(b, a)[-1] == ("only A", 5, None)
    first = pair_detections(a, b)[2]  # type: ignore[arg-type]
    assert (first.iou, first.score_a, first.score_b) == (pytest.approx(8 / 12), pytest.approx(0.7), pytest.approx(0.7))
    assert ABOUT_THE_SAME <= first.iou < SAME_PLACE


def test_the_best_overlap_goes_first_and_one_class_before_another() -> None:
    a = Found([("car", 0.9, (0, 0, 10, 10)), ("car", 0.9, (2, 0, 12, 10))], ("background", "car", "boat"))
    b = Found([("car", 0.5, (2.2, 0, 12.2, 10)), ("boat", 0.9, (2, 0, 12, 10))], ("background", "car", "boat"))
    # B's boat lies exactly on A's second car, which has a car of its own
    assert pairs(a, b) == [("relabelled", 0, 1), ("rescored", 1, 0)]
    # of two cars the nearer one, whatever comes first
    c = Found([("car", 0.5, (1, 0, 11, 10)), ("car", 0.5, (0.2, 0, 10.2, 10))], ("background", "car", "boat"))
    assert [pair[1:] for pair in pairs(a, c)] == [(0, 1), (1, 0)]


def test_every_detection_stands_in_one_pair() -> None:
    rng = np.random.default_rng(0)

    def crowd(count: int) -> Found:
        corners = rng.uniform(0, 60, (count, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(5, 30, (count, 2))], 1)
        return Found([(("car", "boat")[k % 2], float(rng.random()), tuple(box)) for k, box in enumerate(boxes)], ("car", "boat"))

    a, b = crowd(60), crowd(80)
    rows = pair_detections(a, b)  # type: ignore[arg-type]
    assert sorted(pair.a for pair in rows if pair.a is not None) == list(range(60))
    assert sorted(pair.b for pair in rows if pair.b is not None) == list(range(80))
    assert {pair.kind for pair in rows} <= set(PAIRS)
    assert all(pair.iou >= ABOUT_THE_SAME for pair in rows if pair.a is not None and pair.b is not None)
    assert pair_detections(crowd(0), b)[0].kind == "only B"  # type: ignore[arg-type]


def test_boxes_without_area_are_equal_when_they_are() -> None:
    flat = Found([("car", 0.9, (5, 5, 5, 9))], ("car",))
    assert pairs(flat, flat) == [("same", 0, 0)]


# -- with ground truth --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene() -> Comparison:
    """The bundled detector and its early one, at half size to be quick."""
    sides = [fv.open_detector(name, device="cpu", min_size=288, max_size=400).trace(SCENE) for name in ("demo", "demo-early")]
    truth = open_annotations(str(SAMPLES / "samples.json")).of(SCENE, sides[0].image_size)
    assert truth is not None
    return fv.compare(*sides, truth)


def test_statuses_are_those_of_the_matching(scene: Comparison) -> None:
    truth = scene.ground_truth
    assert truth is not None
    names = [[side.spec.class_names.index(name) for name in truth.names] for side in (scene.trace_a, scene.trace_b)]
    outcomes = []
    for side, labels in zip((scene.trace_a, scene.trace_b), names, strict=True):
        found = side.detections
        outcomes.append(match(truth, labels, found.boxes_img, found.scores, found.labels).outcomes)
    wanted = {(True, True): "both", (True, False): "only A", (False, True): "only B", (False, False): "neither"}
    assert scene.statuses == tuple(wanted[a == "found", b == "found"] for a, b in zip(*outcomes, strict=True))
    assert len(set(scene.statuses)) >= 3


def test_both_life_lines_and_where_they_differ(scene: Comparison) -> None:
    truth = scene.ground_truth
    assert truth is not None
    for row in list(range(0, len(truth), 6)):
        pair = scene.object_pair(row)
        assert (pair.number, pair.name, pair.status) == (row, truth.names[row], scene.statuses[row])
        others = np.delete(truth.boxes_img, row, 0)
        for line, side in ((pair.line_a, scene.trace_a), (pair.line_b, scene.trace_b)):
            expected = fv.explain(side, truth.boxes_img[row], truth.names[row], others=others)
            assert line is not None
            assert (line.killer, line.verdict, line.training) == (expected.killer, expected.verdict, expected.training)
        assert pair.differs_at == differs_at(pair.line_a, pair.line_b)
        assert scene.object_pair(row) is pair


def short_is_whole(both: Comparison, numbers: Iterable[int]) -> None:
    """What is said in short is what the life lines say."""
    both.follow(list(numbers))
    for number in numbers:
        row, pair = both.object_row(number), both.object_pair(number)
        for name in ("number", "name", "box_img", "status", "differs_at", "sentence"):
            assert getattr(row, name) == getattr(pair, name)
        for end, line in ((row.a, pair.line_a), (row.b, pair.line_b)):
            assert (end is None) == (line is None)
            if end is not None and line is not None:
                assert (end.killer, end.outcome, end.verdict) == (line.killer, line.outcome, line.verdict)


def test_rows_say_in_short_what_the_life_lines_say(scene: Comparison) -> None:
    # a comparison that followed nothing yet
    both = fv.compare(scene.trace_a, scene.trace_b, scene.ground_truth)
    assert {both.object_row(n).followed for n in range(len(both.statuses))} == {False}
    assert [both.object_row(n).status for n in range(len(both.statuses))] == list(both.statuses)
    both.follow([3])
    assert [n for n in range(len(both.statuses)) if both.object_row(n).followed] == [3]
    short_is_whole(both, range(0, len(both.statuses), 6))
    bare = fv.compare(scene.trace_a, scene.trace_b)
    short_is_whole(bare, range(0, len(bare.statuses), 12))
    kinds = [pair.kind for pair in bare.detections]
    for number in (kinds.index("moved"), kinds.index("only B")):
        assert bare.object_row(number).detections == (bare.detections[number].a, bare.detections[number].b)
    assert bare.object_rows == tuple(map(bare.object_row, range(len(kinds))))
    assert all(row.followed for row in bare.object_rows)


def test_following_can_be_stopped(scene: Comparison) -> None:
    class Stop(Exception):
        pass

    class Watcher:
        def check(self) -> None:
            raise Stop

        def report(self, stage: str, fraction: float) -> None:
            pass

        def pause(self) -> None:
            pass

    for truth in (scene.ground_truth, None):
        both = fv.compare(scene.trace_a, scene.trace_b, truth)
        with pytest.raises(Stop):
            both.follow(range(4), Watcher())
        assert not both.object_row(0).followed


def test_a_sentence_says_what_became_of_it(scene: Comparison) -> None:
    for status, wanted in (("both", "A found it with score "), ("only A", "; B lost it at "), ("neither", "ost ")):
        row = scene.statuses.index(status)
        pair = scene.object_pair(row)
        assert wanted in pair.sentence
        assert pair.sentence.endswith(".")
        if status == "only A":
            assert pair.differs_at == pair.line_b.killer != ""


def test_stages_have_one_order_over_all_families() -> None:
    for stages in (STAGES, DENSE_STAGES):
        places = [_ORDER.index(stage) for stage in stages]
        assert all(first < second for first, second in pairwise(places))


@pytest.mark.parametrize(
    ("a", "b", "stage"),
    [
        (None, None, ""),
        ("nms", "nms", ""),
        ("nms", None, "nms"),
        ("cap", "rpn_top_k", "rpn_top_k"),
        ("rpn_nms", "class_score", "rpn_nms"),
        ("top_k", "nms", "top_k"),
        ("top_k", "class_score", "class_score"),
    ],
)
def test_they_differ_at_the_earlier_loss(a: str | None, b: str | None, stage: str) -> None:
    lines: list[Any] = [SimpleNamespace(killer=killer) for killer in (a, b)]
    assert differs_at(*lines) == differs_at(*reversed(lines)) == stage


def truth_of(*rows: tuple[str, tuple[float, ...]], crowd: int = -1, flawed: int = -1) -> GroundTruth:
    boxes = np.array([box for _, box in rows], np.float64)
    flags = np.arange(len(rows)) == crowd
    flaws = tuple("no width" if k == flawed else "" for k in range(len(rows)))
    return GroundTruth(boxes, tuple(name for name, _ in rows), (boxes[:, 2:] - boxes[:, :2]).prod(1), flags, flaws)


def test_one_and_two_stages_with_other_class_lists() -> None:
    two, one = tiny_detector().trace(PICTURE), dense_detector("FCOS").trace(PICTURE)
    box = (20, 20, 60, 50)
    truth = truth_of(("boat", box), ("tank", box), ("zebra", box), ("boat", box), ("boat", (9, 9, 9, 20)), crowd=3, flawed=4)
    both = fv.compare(two, one, truth)
    assert both.statuses[1:] == ("unknown",) * 4
    rows = both.objects
    assert [stage.name for stage in rows[0].line_a.stages] == list(STAGES)
    assert [stage.name for stage in rows[0].line_b.stages] == list(DENSE_STAGES)
    assert rows[0].line_b.label == one.spec.class_names.index("boat")
    assert (rows[1].line_a is None, rows[1].line_b) == (False, None)
    assert rows[1].sentence == "B has no class for 'tank', and cannot find it."
    assert rows[2].sentence == "A and B have no class for 'zebra', and cannot find it."
    assert rows[3].sentence == "A region of many objects, which is never missed."
    assert rows[4].sentence == "Its box is broken, so that nothing can match it."
    assert any(note.startswith("A is of the family Faster R-CNN, B of FCOS") for note in both.notes)
    assert any("only knows" in note for note in both.notes)
    short_is_whole(both, range(5))
    # what the user says of a name comes first
    said = fv.compare(two, one, truth, classes={"zebra": "boat", "boat": None})
    assert (said.statuses[0], said.statuses[2] != "unknown") == ("unknown", True)
    with pytest.raises(IndexError):
        both.object_pair(5)


def test_a_pyramid_without_a_head_is_a_side_that_finds_nothing() -> None:
    bare = fv.open_detector(network("NanoDet"), adapter=PyramidAdapter).trace(PICTURE)
    both = fv.compare(tiny_detector().trace(PICTURE), bare, truth_of(("boat", (20, 20, 60, 50))))
    assert both.statuses == ("unknown",)
    assert both.objects[0].line_a is not None
    assert {pair.kind for pair in both.detections} <= {"only A"}
    assert both.nodes


# -- without --------------------------------------------------------------------------------------------------------------


def test_without_ground_truth_objects_are_what_either_detected(scene: Comparison) -> None:
    both = fv.compare(scene.trace_a, scene.trace_b)
    assert len(both.statuses) == len(both.detections)
    assert set(both.statuses) <= set(STATUSES)
    by_kind = {pair.kind: number for number, pair in enumerate(both.detections)}
    assert {"moved", "only A", "only B"} <= set(by_kind)
    row = both.object_pair(by_kind["only B"])
    pair = both.detections[row.number]
    assert row.box_img == tuple(float(v) for v in scene.trace_b.detections.boxes_img[pair.b])
    assert (row.status, row.line_b.killer) == ("only B", None)
    assert both.object_pair(by_kind["moved"]).status == "both"


def test_what_the_two_give_other_classes() -> None:
    trace = tiny_detector().trace(PICTURE)
    found = trace.detections
    other = renamed(trace)
    both = fv.compare(trace, other)
    assert {pair.kind for pair in both.detections} <= {"relabelled", "same", "moved", "rescored", "only A", "only B"}
    number = next(k for k, pair in enumerate(both.detections) if pair.kind == "relabelled")
    row, pair = both.object_pair(number), both.detections[number]
    names = trace.spec.class_names[int(found.labels[pair.a])], other.spec.class_names[int(found.labels[pair.b])]
    assert row.status == "only A"
    assert row.sentence.startswith(f"A takes it for {names[0]} with score ")
    assert f", B for {names[1]} with score " in row.sentence
    short_is_whole(both, [number])
    assert both.object_row(number).detections == (pair.a, None)


def renamed(trace: Trace) -> Trace:
    """The same run by a detector that calls its classes in another order."""
    names = trace.spec.class_names
    return replace(trace, spec=replace(trace.spec, class_names=(names[0], *names[2:], names[1])))


def test_settings_that_differ_are_said_in_short() -> None:
    a, b = tiny_detector().trace(PICTURE), tiny_detector().trace(PICTURE)
    other = replace(b, settings=replace(b.settings, anchor_sizes=((8,), (16, 24), (32,)), box_score_thresh=0.2))
    note = next(note for note in fv.compare(a, other).notes if note.startswith("Settings differ"))
    assert "anchor_sizes (" in note
    assert "8 16/24 32 in B" in note
    assert "0.2 in B" in note or "0.200 in B" in note
