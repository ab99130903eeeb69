"""Requests about checkpoint files: what they answer, that they can be stopped, and that more urgent ones go first."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch

from fpn_viewer.core import weights
from fpn_viewer.core.checkpoints import checkup
from fpn_viewer.core.checkpoints.values import CheckUp
from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.engine.checkpoint_requests import (
    NETWORK_LANES,
    CheckedFile,
    CheckUpFile,
    FetchWeights,
    ListPublished,
    LookInto,
    SaveBeside,
)
from fpn_viewer.engine.jobs import Cancelled, Failure, JobQueue, Success, Token
from fpn_viewer.engine.requests import LANES, OpenDetector
from fpn_viewer.engine.session import Session
from tests.tiny import tiny_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fpn_viewer.engine.jobs import Job, Outcome


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return dict(tiny_module().state_dict())


@pytest.fixture
def two(state: dict[str, torch.Tensor], tmp_path: Path) -> str:
    path = tmp_path / "two.pth"
    torch.save({"model": state, "model_ema": {name: tensor.clone() for name, tensor in state.items()}}, path)
    return str(path)


class Answers:
    """What a queue delivered, by lane."""

    def __init__(self) -> None:
        self.lanes: list[str] = []
        self.outcomes: dict[str, Outcome] = {}

    def __call__(self, job: Job, outcome: Outcome) -> None:
        self.lanes.append(job.lane)
        self.outcomes[job.lane] = outcome


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def queue(answers: Answers) -> Iterator[JobQueue]:
    made = JobQueue(answers, LANES)
    yield made
    made.close()


def test_a_check_up_answers_for_good_and_bad_files(two: str, tmp_path: Path) -> None:
    reports: list[float] = []
    good = CheckUpFile(Session(), two)(Token(lambda progress: reports.append(progress.fraction)))
    assert isinstance(good, CheckedFile)
    assert (good.path, good.check_up.opens, good.check_up.chosen) == (two, True, "model_ema")
    assert good.text
    assert reports == sorted(reports)
    other = CheckUpFile(Session(), two, {"entry": "model"})(Token())
    assert other.check_up.chosen == "model"
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"nothing")
    assert not CheckUpFile(Session(), str(bad))(Token()).check_up.opens


def test_a_check_up_is_stopped(two: str) -> None:
    token = Token()
    request = CheckUpFile(Session(), two)
    token.cancel()
    with pytest.raises(Cancelled):
        request(token)


def test_what_is_waited_for_goes_before_a_check_up(queue: JobQueue, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients are there for whoever goes first, though statistics do without them."""
    begun, go = threading.Event(), threading.Event()
    seen: list[bool] = []

    def slow(path: str, options: Any, watcher: Any) -> CheckUp:
        begun.set()
        go.wait(10)
        with torch.inference_mode():
            watcher.check()
            watcher.report("statistics", 0.5)
        return CheckUp(path, 1, "torch", "fine", True)

    def urgent(token: Token) -> None:
        seen.append(torch.is_inference_mode_enabled())
        (torch.ones(1, requires_grad=True) * 2).backward()

    monkeypatch.setattr(checkup, "check_up", slow)
    monkeypatch.setattr(checkup, "report_text", lambda found: found.summary)
    queue.submit("check_up", CheckUpFile(Session(), "own.pth"))
    assert begun.wait(10)
    queue.submit("trace", urgent)
    go.set()
    assert queue.wait_idle(10)
    assert answers.lanes == ["trace", "check_up"]
    assert seen == [False]
    assert all(isinstance(outcome, Success) for outcome in answers.outcomes.values())


def test_a_file_says_what_it_is_before_anybody_says_more(two: str, tmp_path: Path) -> None:
    look = LookInto(Session(), two, {"entry": "model", "min_size": 5})(Token())
    assert [entry.name for entry in look.entries] == ["model_ema", "model"]
    assert look.chosen == "model"
    assert look.anchors_per_cell == 3
    assert look.spec.settings.min_size == 800, "only how the file is read counts here"
    (tmp_path / "two.json").write_text(json.dumps({"aspect_ratios": [1.0], "min_size": 300}))
    beside = LookInto(Session(), two)(Token())
    assert (beside.spec.settings.aspect_ratios, beside.spec.settings.min_size) == ((1.0,), 300), "anchors are no error here"
    assert beside.spec.origins["min_size"] == "from two.json"


def test_what_was_said_is_written_beside_and_read_again(two: str, tmp_path: Path) -> None:
    look = LookInto(Session(), two)(Token())
    (tmp_path / "two.json").write_text(json.dumps({"max_size": 999}))
    saved = SaveBeside(two, look.spec, ("min_size", "class_names"))(Token())
    assert saved.path == str(tmp_path / "two.json")
    assert set(json.loads((tmp_path / "two.json").read_text())) == {"min_size", "class_names", "max_size"}


def test_details_of_a_failure_begin_with_the_tensors(queue: JobQueue, answers: Answers, state: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    torch.save({name: tensor for name, tensor in state.items() if name != "rpn.head.bbox_pred.bias"}, path)
    queue.submit("detector", OpenDetector(Session(), str(path), "cpu"))
    assert queue.wait_idle(60)
    failure = answers.outcomes["detector"]
    assert isinstance(failure, Failure)
    assert failure.kind == "user"
    assert failure.details.splitlines()[0] == "rpn.head.bbox_pred.bias is missing"
    assert "Traceback" in failure.details


def test_an_opened_detector_tells_what_was_said_of_it(two: str) -> None:
    info = OpenDetector(Session(), two, "cpu", settings={"entry": "model", "min_size": 96})(Token())
    assert info.options == {"entry": "model", "min_size": 96}


def test_published_weights_are_listed_and_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    offers = ListPublished(Session())(Token())
    assert len(offers.rows) > 5
    assert not any(offer.here for offer in offers.rows)
    first = offers.rows[0].weights
    monkeypatch.setattr(weights, "fetch", lambda wanted, watcher: tmp_path / wanted.file_name)
    fetched = FetchWeights(first)(Token())
    assert (fetched.weights, fetched.path) == (first, str(tmp_path / first.file_name))


def test_a_download_that_fails_is_a_sentence(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    def fail(wanted: Any, watcher: Any) -> None:
        raise CheckpointError("there is no way to example.org; try again.")

    monkeypatch.setattr(weights, "fetch", fail)
    queue = JobQueue(answers, NETWORK_LANES)
    queue.submit("fetch", FetchWeights(weights.published()[0]))
    assert queue.wait_idle(10)
    queue.close()
    failure = answers.outcomes["fetch"]
    assert isinstance(failure, Failure)
    assert failure.title == "there is no way to example.org; try again."
