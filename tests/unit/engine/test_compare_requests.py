"""Two sides as the worker runs them: what is run and what is not, what is kept, what is drawn, and failures of one side."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.comparison.values import WHAT_DIFFERS_FIRST
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.detectors.detector import Detector
from fpn_viewer.core.errors import DetectorError, QuestionError, UserError
from fpn_viewer.engine import comparing
from fpn_viewer.engine.compare_requests import (
    CompareAt,
    CompareLines,
    CompareNodes,
    CompareObjects,
    CompareWeights,
    Contender,
    OpenSubject,
    RenderCompare,
    RetainDetectors,
    RunCompare,
)
from fpn_viewer.engine.compare_values import Subject, source_name, title_of
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.object_values import Change
from fpn_viewer.engine.requests import OpenDetector, RunTrace
from fpn_viewer.engine.session import Session
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpn_viewer.engine.compare_values import ComparedObjects, CompareView

OPTIONS = {"name": "tiny", "class_names": TINY.class_names}
OWN = Contender("", Subject(), "A")
CUT = Change(gains={("M2", "top-down"): 0.0, ("M3", "top-down"): 0.0, ("M4", "top-down"): 0.0})


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("pictures") / "a.png"
    Image.fromarray(noise(97, 131)).save(file)
    return str(file)


@pytest.fixture
def session() -> Session:
    """The window's own detector is tiny; "one" is another with other weights throughout."""
    made = Session()
    OpenDetector(made, tiny_module(), "cpu", settings=OPTIONS)(Token())
    opened(made, "one", tiny_module(seed=1))
    return made


def opened(session: Session, handle: str, module: torch.nn.Module, *kept: str) -> Contender:
    subject = Subject(module, {**OPTIONS, "name": handle})
    answer = OpenSubject(session, handle, subject, (*kept, handle))(Token())
    assert (answer.handle, answer.info.spec.name) == (handle, handle)
    return Contender(handle, subject, "B")


def beside(handle: str, letter: str = "B") -> Contender:
    return Contender(handle, Subject(), letter)


def own(change: Change | None = None, tile: int = 0, letter: str = "B") -> Contender:
    return Contender("", Subject(change=change or Change(), tile=tile), letter)


def run(session: Session, path: str, a: Contender, b: Contender, token: Token | None = None) -> CompareView:
    return RunCompare(session, path, a, b)(token or Token())


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[list[str]]:
    """Names of the detectors of which a method was called."""
    called: list[str] = []
    before = getattr(Detector, name)

    def noted(self: Detector, *args: Any, **words: Any) -> Any:
        called.append(self.spec.name)
        return before(self, *args, **words)

    with monkeypatch.context() as patch:
        patch.setattr(Detector, name, noted)
        yield called


# -- running ------------------------------------------------------------------------------------------------------------


def test_what_the_window_ran_is_not_run_again(session: Session, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = RunTrace(session, path, "mean_abs", 0, "cell")(Token()).view
    with counted(monkeypatch, "trace") as called:
        view = run(session, path, OWN, beside("one"))
        assert called == ["one"]
        again = run(session, path, OWN, beside("one"))
        assert called == ["one"]
    assert again.key == view.key
    assert view.a is not None
    assert view.b is not None
    assert (view.path, view.image_size, view.troubles) == (path, (97, 131), ("", ""))
    assert (view.a.letter, view.a.name, view.b.letter, view.b.name) == ("A", "tiny", "B", "one")
    np.testing.assert_array_equal(view.a.detections.boxes_img, traced.detections.boxes_img)
    assert tuple(view.a.nodes) == tuple(node.name for node in traced.graph.nodes)


def test_one_against_itself_differs_nowhere(session: Session, path: str) -> None:
    view = run(session, path, OWN, own(letter="A"))
    assert {pair.kind for pair in view.detections} <= {"same"}
    for node in view.nodes:
        planes = RenderCompare(session, view.key, node, "mean_abs", 0)(Token())
        assert planes.a is not None
        assert planes.b is not None
        assert planes.difference is not None
        np.testing.assert_array_equal(planes.a.values, planes.b.values)
        assert len(np.unique(planes.difference.values)) == 1
        assert planes.difference.low == -planes.difference.high
    nodes = CompareNodes(session, view.key)(Token())
    assert {row.relative_l2 for row in nodes.rows} == {0.0}
    assert nodes.parting == ""
    assert {row.relative for row in CompareWeights(session, view.key)(Token()).rows} == {0.0}
    assert {row.status for row in CompareObjects(session, view.key)(Token()).rows} <= {"both"}


def test_one_backbone_runs_once_and_answers_the_same(session: Session, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = session.ready().trace(path, gains=dict(CUT.gains))
    with counted(monkeypatch, "trace") as called:
        view = run(session, path, OWN, own(CUT))
    assert called == ["tiny"]
    assert view.b is not None
    assert view.b.name == "tiny · top-down cut"
    assert view.notes == ("The top-down path is cut in B.", "The backbone is the same and ran once.")
    np.testing.assert_array_equal(view.b.detections.scores, alone.detections.scores)
    np.testing.assert_array_equal(view.b.detections.boxes_img, alone.detections.boxes_img)


def test_the_side_that_is_known_serves_the_other(session: Session, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(session, path, own(CUT, letter="A"), beside("one"))
    with counted(monkeypatch, "trace") as called:
        view = run(session, path, own(letter="A"), own(CUT, letter="B"))
    assert called == []
    assert view.a is not None
    assert view.a.name == "tiny"


def test_tiles_are_a_side(session: Session, path: str) -> None:
    view = run(session, path, OWN, own(tile=80))
    assert view.b is not None
    assert view.a is not None
    assert len(view.b.tiles) > 1
    assert view.a.tiles == ()
    assert view.b.name == "tiny · 80 px tiles"
    assert run(session, path, OWN, own(tile=90)).key != view.key
    planes = RenderCompare(session, run(session, path, OWN, own(tile=80)).key, "P2", "mean_abs", 0)(Token())
    assert planes.difference is not None
    assert planes.sentence


def test_one_side_that_fails_leaves_the_other(session: Session, path: str) -> None:
    view = run(session, path, OWN, own(Change({"min_size": -1})))
    assert view.a is not None
    assert view.b is None
    assert view.troubles[0] == ""
    assert "min_size cannot be -1" in view.troubles[1]
    planes = RenderCompare(session, view.key, "P3", "mean_abs", 0)(Token())
    assert planes.a is not None
    assert planes.b is None
    assert planes.difference is None
    assert planes.sentence == view.troubles[1]
    assert RenderCompare(session, view.key, "nothing", "mean_abs", 0)(Token()).a is None
    for request in (CompareNodes, CompareWeights, CompareObjects):
        with pytest.raises(QuestionError, match="min_size cannot be -1"):
            request(session, view.key)(Token())
    turned = run(session, path, own(Change({"min_size": -1}), letter="A"), own())
    assert turned.a is None
    assert turned.b is not None


def test_a_fault_of_the_program_is_not_taken_for_the_picture(session: Session, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Detector, "trace", broken)
    with pytest.raises(ZeroDivisionError):
        run(session, path, OWN, beside("one"))


def test_cancelling_keeps_nothing(session: Session, path: str) -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        run(session, path, OWN, beside("one"), token)
    assert len(session.traces) == 0


def test_a_detector_opened_during_a_pause_does_not_run_under_another_name(session: Session, path: str) -> None:
    other = tiny_module(seed=5)
    paused: list[int] = []

    def let_pass() -> None:
        if not paused:
            paused.append(1)
            OpenDetector(session, other, "cpu", settings={**OPTIONS, "name": "newer"})(Token())

    view = run(session, path, beside("one", "A"), own(), Token(on_pause=let_pass))
    assert paused
    assert session.ready().spec.name == "newer"
    assert view.b is not None
    assert view.b.name == "tiny"


# -- what is kept -------------------------------------------------------------------------------------------------------


def test_opening_one_never_loses_another(session: Session, path: str) -> None:
    opened(session, "two", tiny_module(seed=2), "one")
    opened(session, "three", tiny_module(seed=3), "one", "two")
    OpenDetector(session, tiny_module(seed=4), "cpu", settings={**OPTIONS, "name": "newer"})(Token())
    names = [session.beside(handle)[1].spec.name for handle in ("", "one", "two", "three")]
    assert names == ["newer", "one", "two", "three"]
    with pytest.raises(DetectorError):
        OpenSubject(session, "four", Subject(torch.nn.Linear(2, 2)), ("one", "two"))(Token())
    assert session.beside("one")[1].spec.name == "one"
    RetainDetectors(session, ("two",))(Token())
    with pytest.raises(UserError, match="no longer open"):
        run(session, path, OWN, beside("one"))
    assert session.beside("two")[1].spec.name == "two"


def test_a_file_that_is_open_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Session()
    OpenDetector(made, "demo", "cpu")(Token())
    from fpn_viewer.core.detectors import detector as module

    monkeypatch.setattr(module, "open_detector", None)
    OpenSubject(made, "one", Subject("demo"))(Token())
    assert made.beside("one")[1] is made.ready()


def test_nothing_is_kept_of_a_comparison_that_is_over(session: Session, path: str) -> None:
    view = run(session, path, OWN, beside("one"))
    RetainDetectors(session, ("one",))(Token())
    assert session.pair(view.key).a is not None
    RetainDetectors(session, (), alone=True)(Token())
    with pytest.raises(UserError, match="no longer in memory"):
        session.pair(view.key)


def test_the_pair_the_other_way_round_is_kept_and_others_go(session: Session, path: str) -> None:
    first = run(session, path, OWN, beside("one"))
    turned = run(session, path, beside("one", "B"), own(letter="A"))
    assert turned.key != first.key
    assert session.pair(first.key).both is not session.pair(turned.key).both
    third = run(session, path, OWN, own(CUT))
    assert session.pair(third.key).both.trace_a is not None
    with pytest.raises(UserError, match="no longer in memory"):
        RenderCompare(session, first.key, "P3", "mean_abs", 0)(Token())


def test_a_pair_outlives_a_small_memory(path: str) -> None:
    made = Session(budget=1)
    OpenDetector(made, tiny_module(), "cpu", settings=OPTIONS)(Token())
    opened(made, "one", tiny_module(seed=1))
    view = run(made, path, OWN, beside("one"))
    assert len(made.traces) == 1
    assert RenderCompare(made, view.key, "P3", "mean_abs", 0)(Token()).difference is not None


# -- what is drawn and asked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean_abs", "mean", "channel"])
def test_both_have_one_scale_and_the_difference_is_theirs(session: Session, path: str, reduction: str) -> None:
    view = run(session, path, OWN, beside("one"))
    planes = RenderCompare(session, view.key, "P3", reduction, 3)(Token())
    a, b, difference = planes.a, planes.b, planes.difference
    assert a is not None
    assert b is not None
    assert difference is not None
    assert (a.low, a.high) == (b.low, b.high)
    assert difference.low == -difference.high
    assert difference.signed
    assert a.cell == b.cell == difference.cell == ("P3", "output")
    step = (a.high - a.low) / 255
    shown = [plane.low + plane.values / 255.0 * (plane.high - plane.low) for plane in (a, b, difference)]
    inside = (np.abs(shown[2]) < difference.high * 0.99) & (b.values < 255) & (a.values < 255) & (a.values > 0) & (b.values > 0)
    assert inside.mean() > 0.5
    slack = step + 2 * difference.high / 255
    assert np.abs(shown[1] - shown[0] - shown[2])[inside].max() <= slack


def test_a_point_reads_what_the_maps_hold(session: Session, path: str) -> None:
    view = run(session, path, OWN, beside("one"))
    answer = CompareAt(session, view.key, (50.0, 40.0), "mean_abs", 0)(Token())
    assert tuple(name for name, _, _ in answer.rows) == view.nodes
    trace = session.pair(view.key).both.trace_a
    cell = trace.geometry.cell_at(trace.level("P3"), 50.0, 40.0)
    assert cell is not None
    wanted = float(trace.node("P3")[:, cell[0], cell[1]].abs().mean())
    assert {name: value for name, value, _ in answer.rows}["P3"] == pytest.approx(wanted, rel=1e-4)


def objects(session: Session, view: CompareView, truth: GroundTruth | None, token: Token | None = None) -> ComparedObjects:
    """Everything about all objects, as the window asks for it."""
    answer = CompareObjects(session, view.key, truth)(Token())
    while answer.followed < len(answer.rows):
        before, answer = answer, CompareObjects(session, view.key, truth, follow=True)(token or Token())
        assert answer.followed > before.followed
    return answer


def test_statuses_come_at_once_and_where_objects_were_lost_afterwards(session: Session, path: str) -> None:
    view = run(session, path, OWN, beside("one"))
    at_once = CompareObjects(session, view.key)(Token())
    assert not at_once.annotated
    assert len(at_once.rows) == len(view.detections) > 0
    assert (at_once.followed, {row.a for row in at_once.rows}) == (0, {None})
    paused: list[int] = []
    rows = objects(session, view, None, Token(on_pause=lambda: paused.append(1))).rows
    assert len(paused) >= len(rows), "a gesture waits for one object at most"
    assert [row.status for row in rows] == [row.status for row in at_once.rows]
    for number in {row.status: row.number for row in rows}.values():
        pair, row = CompareLines(session, view.key, number)(Token()).pair, rows[number]
        assert (row.differs_at, row.sentence) == (pair.differs_at, pair.sentence)
        for end, line in ((row.a, pair.line_a), (row.b, pair.line_b)):
            assert end is not None
            assert line is not None
            assert (end.killer, end.outcome, end.verdict) == (line.killer, line.outcome, line.verdict)


def test_what_was_followed_is_kept_when_the_rest_is_cancelled(session: Session, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_TOGETHER", 1)
    monkeypatch.setattr(comparing, "_A_MOMENT", 60.0)
    view = run(session, path, OWN, beside("one"))
    total = len(CompareObjects(session, view.key)(Token()).rows)
    token = Token(on_pause=lambda: counts.append(1) or (len(counts) > total and token.cancel()))  # type: ignore[func-returns-value]
    counts: list[int] = []
    with pytest.raises(Cancelled):
        CompareObjects(session, view.key, follow=True)(token)
    known = CompareObjects(session, view.key)(Token())
    assert 0 < known.followed < total
    order = [WHAT_DIFFERS_FIRST.index(row.status) for row in known.rows]
    followed = [place for place, row in zip(order, known.rows, strict=True) if row.followed]
    assert max(followed) <= min(place for place, row in zip(order, known.rows, strict=True) if not row.followed)


def test_objects_of_the_ground_truth_by_what_the_user_calls_them(session: Session, path: str) -> None:
    view = run(session, path, OWN, beside("one"))
    name = TINY.class_names[1]
    truth = GroundTruth(
        np.array([[5.0, 5, 40, 40], [60, 20, 90, 70]]), (name, "unheard of"), np.ones(2), np.zeros(2, bool), ("", "")
    )
    answer = objects(session, view, truth)
    assert answer.annotated
    assert [row.number for row in answer.rows] == [0, 1]
    assert answer.rows[0].a is not None
    assert (answer.rows[1].status, answer.rows[1].a) == ("unknown", None)
    known = {"unheard of": name}
    said = CompareObjects(session, view.key, truth, 0.5, known)(Token())
    assert said.rows[1].status != "unknown"
    assert CompareLines(session, view.key, 1, truth, 0.5, known)(Token()).pair.line_b is not None
    assert CompareObjects(session, view.key, truth)(Token()).followed == 1, "another question has other answers"
    strict = CompareLines(session, view.key, 0, truth, 0.7)(Token()).pair
    assert strict.line_a is not None
    assert strict.line_a.iou == 0.7


def test_nodes_let_others_pass(session: Session, path: str) -> None:
    view = run(session, path, OWN, beside("one"))
    paused: list[int] = []
    answer = CompareNodes(session, view.key)(Token(on_pause=lambda: paused.append(1)))
    assert len(paused) == len(answer.rows) == len(view.nodes)
    assert answer.parting == view.nodes[0]
    assert answer.parting in answer.sentence


def test_a_side_has_a_short_name_before_it_is_open() -> None:
    network = tiny_module()
    assert [source_name(Subject(source)) for source in (None, "runs/best.pth", NamedModel("nano:Nano"), network)] == [
        "the window's detector",
        "best.pth",
        str(NamedModel("nano:Nano")),
        type(network).__name__,
    ]
    assert source_name(Subject(network, {"name": "one"})) == "one"


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        (Subject(), "demo"),
        (Subject(change=Change({"min_size": 1333})), "demo · min_size 1333"),
        (Subject(change=CUT), "demo · top-down cut"),
        (Subject(change=Change(gains={("M3", "top-down"): 0.0})), "demo · top-down cut in M3"),
        (Subject(change=Change(gains={("M3", "lateral"): 0.5})), "demo · lateral in M3 × 0.5"),
        (Subject(tile=512), "demo · 512 px tiles"),
    ],
)
def test_a_side_says_how_it_is_run(subject: Subject, title: str) -> None:
    assert title_of(subject, "demo") == title
