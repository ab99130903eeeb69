"""Questions about one object as the worker answers them: the bundled detector on a sample scene."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpn_viewer.core.errors import QuestionError, SettingError, UserError
from fpn_viewer.core.resources import sample_pictures
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.object_requests import (
    Explain,
    ExplainAll,
    LookAtStage,
    LookForTraps,
    ReadSignal,
    SearchRemedies,
    Sweep,
    TryWhatIf,
    ZoomIn,
)
from fpn_viewer.engine.object_values import Asked, Change
from fpn_viewer.engine.requests import OpenDetector, RunTrace
from fpn_viewer.engine.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = Token()


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session()
    # one detection only, so that everything else is lost at the cap
    OpenDetector(made, "demo", "cpu", settings={"box_detections_per_img": 1})(TOKEN)
    return made


@pytest.fixture(scope="module")
def key(session: Session) -> str:
    return RunTrace(session, str(sample_pictures()[0]), "mean_abs", 0, "cell")(TOKEN).view.key


@pytest.fixture(scope="module")
def objects(session: Session) -> list[Asked]:
    picture = sample_pictures()[0]
    truth = json.loads((picture.parent / "samples.json").read_text())
    (image,) = (one["id"] for one in truth["images"] if one["file_name"] == picture.name)
    rows = [one for one in truth["annotations"] if one["image_id"] == image]
    boxes = [(x, y, x + w, y + h) for x, y, w, h in (row["bbox"] for row in rows)]
    return [Asked(box, row["category_id"], 0.5, (), n) for n, (box, row) in enumerate(zip(boxes, rows, strict=True))]


@pytest.fixture(scope="module")
def capped(session: Session, key: str, objects: list[Asked]) -> Asked:
    verdicts = ExplainAll(session, key, tuple(objects))(TOKEN).rows
    return next(asked for asked, (killer, _, _) in zip(objects, verdicts, strict=True) if killer == "cap")


def test_every_object_gets_its_verdict(session: Session, key: str, objects: list[Asked]) -> None:
    asked = (*objects[:3], None, replace(objects[3], label=None))
    rows = ExplainAll(session, key, asked)(TOKEN).rows
    assert rows[3] == ("", "", "")
    for one, row in zip(asked, rows, strict=True):
        if one is not None:
            line = Explain(session, key, one)(TOKEN).line
            assert row == (line.killer or "", line.outcome, line.verdict)


def test_a_line_carries_nothing_of_the_trace(session: Session, key: str, capped: Asked) -> None:
    line = Explain(session, key, capped)(TOKEN).line
    assert line.killer == "cap"
    assert line.ask is None
    assert line.remedies == ()


def test_a_stage_lists_what_came_to_it(session: Session, key: str, capped: Asked) -> None:
    view = LookAtStage(session, key, capped, "cap")(TOKEN)
    assert view.stage == "cap"
    assert len(view.boxes)
    assert not view.boxes.alive.any()
    assert LookAtStage(session, key, capped, "rpn_regression")(TOKEN).boxes.alive.any()


def test_the_signal_covers_every_node(session: Session, key: str, capped: Asked) -> None:
    signal = ReadSignal(session, key, capped)(TOKEN).signal
    assert [node.node for node in signal.nodes] == [node.name for node in session.trace(key).graph.nodes]
    channel = ReadSignal(session, key, capped, channel=3)(TOKEN).signal
    assert not np.array_equal(channel.nodes[0].crop, signal.nodes[0].crop)


def test_a_change_is_tried_from_where_it_begins(session: Session, key: str, capped: Asked) -> None:
    answer = TryWhatIf(session, key, capped, Change({"box_detections_per_img": 100}))(TOKEN)
    assert answer.began == "heads"
    assert answer.line.killer is None
    assert len(answer.detections) > 1
    gains = TryWhatIf(session, key, capped, Change({"box_detections_per_img": 100}, {("M2", "lateral"): 0.0}))(TOKEN)
    assert gains.began == "neck"
    assert not np.array_equal(gains.detections.scores, answer.detections.scores)


def test_rounds_of_remedies_try_different_things(session: Session, key: str, capped: Asked) -> None:
    first = SearchRemedies(session, key, capped)(TOKEN)
    assert [remedy.setting for remedy in first.remedies] == ["box_detections_per_img"]
    assert first.remedies[0].false_positives == first.remedies[0].gained
    # of a drawn box in a picture without ground truth nothing is known of the others, so nothing is called a false positive
    drawn = SearchRemedies(session, key, replace(capped, index=-1))(TOKEN)
    assert drawn.remedies[0].false_positives is None


def test_zooming_in_runs_the_surroundings(session: Session, key: str, objects: list[Asked]) -> None:
    asked = next(one for one in objects if max(one.box_img[2] - one.box_img[0], one.box_img[3] - one.box_img[1]) < 26)
    zoomed = ZoomIn(session, key, asked)(TOKEN)
    x0, y0, x1, y1 = zoomed.region_img
    assert x0 <= asked.box_img[0] < asked.box_img[2] <= x1
    assert y0 <= asked.box_img[1] < asked.box_img[3] <= y1
    assert zoomed.larger > 2
    plain = Explain(session, key, asked)(TOKEN).line
    assert zoomed.side == pytest.approx(zoomed.larger * max(plain.sizes.net), rel=0.02)
    assert (zoomed.score > 0) == (zoomed.line.killer is None)


def test_a_sweep_over_a_gain(session: Session, key: str, capped: Asked) -> None:
    found = Sweep(session, key, capped, ("M2", "top-down"))(TOKEN)
    assert found.term == ("M2", "top-down")
    assert found.curve.points.x[0] == 0
    assert found.curve.here == 1


def test_traps_are_looked_for(session: Session, key: str) -> None:
    assert "cap" in {trap.name for trap in LookForTraps(session, key)(TOKEN).traps}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (Asked((-50.0, -50.0, -10.0, -10.0)), QuestionError),
        (Asked((10.0, 10.0, 10.0, 20.0)), QuestionError),
        (Asked((float("nan"), 0.0, 5.0, 5.0)), QuestionError),
        (Asked((10.0, 10.0, 20.0, 20.0), 99), QuestionError),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(session: Session, key: str, asked: Asked, error: type[UserError]) -> None:
    with pytest.raises(error) as told:
        Explain(session, key, asked)(TOKEN)
    assert str(told.value).endswith(".")


def test_a_change_that_does_not_exist_is_a_sentence(session: Session, key: str, capped: Asked) -> None:
    with pytest.raises(SettingError):
        TryWhatIf(session, key, capped, Change({"rpn_nms_thresh": 7.0}))(TOKEN)


@pytest.mark.parametrize(
    "make",
    [
        lambda *at: Explain(*at),
        lambda *at: LookAtStage(*at, "nms"),
        lambda *at: ReadSignal(*at),
        lambda *at: TryWhatIf(*at, Change()),
        lambda *at: SearchRemedies(*at),
        lambda *at: ZoomIn(*at),
        lambda *at: Sweep(*at),
    ],
)
def test_a_trace_that_is_gone_is_a_sentence(session: Session, capped: Asked, make: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match="no longer in memory"):
        make(session, "gone", capped)(TOKEN)


def test_a_search_is_cancelled_between_two_tries(session: Session, key: str, capped: Asked) -> None:
    class Stopped(Token):
        def pause(self) -> None:
            self.cancel()
            self.check()

    with pytest.raises(Cancelled):
        SearchRemedies(session, key, capped, 1)(Stopped())
