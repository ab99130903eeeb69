"""The document with its real workers: what is asked, in which order answers are shown, and what survives bad input."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.engine.session import Session
from fpn_viewer.viewmodels.display import Display
from fpn_viewer.viewmodels.document import Document
from fpn_viewer.viewmodels.selection import Selection
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.gui


class Desk:
    """A document, its display and what it said."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.display = qtbot, Display()
        self.document = Document(Session(), self.display)
        self.problems: list[str] = []
        self.kinds: list[str] = []
        self.document.problem.connect(lambda p: self.problems.append(p.title))
        self.document.state_changed.connect(lambda s: self.kinds.append(s.kind))

    def until(self, done: Callable[[], Any]) -> None:
        """Waits for a condition."""
        self.qtbot.waitUntil(lambda: bool(done()), timeout=60_000)

    def ready(self) -> None:
        """Waits for the trace of the current picture."""
        document = self.document
        self.until(lambda: document.trace is not None and document.trace.path == document.path and document.picture is not None)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    made.document.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for number in (1, 2, 10):
        Image.fromarray(noise(60 + number, 90, number)).save(place / f"{number}.png")
    return place


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    path = tmp_path / "tiny.safetensors"
    save_native(dataclasses.replace(TINY, weights="trained"), tiny_module(), path)
    return str(path)


def names(paths: tuple[str, ...]) -> list[str]:
    return [p.rsplit("/", 1)[1] for p in paths]


def test_a_folder_opens_in_natural_order_and_the_first_picture_runs(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    assert names(desk.document.pictures) == ["1.png", "2.png", "10.png"]
    trace, planes = desk.document.trace, desk.document.planes
    assert trace is not None
    assert planes is not None
    assert trace.geometry.image_size == (61, 90)
    assert planes.key == trace.key
    assert ("P3", "merged") in planes.planes
    assert desk.display.state.channels == 16


def test_next_and_previous_go_around(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.document.step(-1)
    desk.ready()
    assert desk.document.index == 2
    desk.document.step(1)
    desk.ready()
    assert desk.document.index == 0


def test_stepping_fast_shows_the_last_picture_only(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    shown: list[str] = []
    desk.document.trace_changed.connect(lambda t: shown.append(t.path) if t else None)
    for _ in range(20):
        desk.document.step(1)
    desk.ready()
    assert desk.document.index == 2
    assert shown[-1] == desk.document.path


def test_pictures_are_seen_without_a_detector(desk: Desk, folder: Path) -> None:
    desk.document.open_paths([str(folder / "2.png")])
    desk.until(lambda: desk.document.picture is not None)
    assert desk.document.picture is not None
    assert np.array_equal(desk.document.picture.picture.pixels, noise(62, 90, 2))
    assert desk.document.trace is None


def test_a_broken_picture_in_the_middle_costs_one_sentence(desk: Desk, folder: Path, checkpoint: str) -> None:
    (folder / "2.png").write_bytes(b"not a picture")
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.document.step(1)
    desk.until(lambda: desk.problems and desk.document.run_state.kind == "failed")
    assert len([p for p in desk.problems if "2.png" in p]) == 1
    assert desk.document.picture is None
    desk.document.step(1)
    desk.ready()
    assert len(desk.document.pictures) == 3


def test_a_detector_that_fails_leaves_the_one_before(desk: Desk, folder: Path, checkpoint: str, tmp_path: Path) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    (tmp_path / "bad.pth").write_bytes(b"bad")
    desk.document.open_detector(str(tmp_path / "bad.pth"))
    desk.until(lambda: desk.document.run_state.kind == "failed")
    assert "bad.pth" in desk.problems[0]
    assert desk.document.detector is not None
    assert desk.document.detector.spec.name == "tiny"
    desk.document.step(1)
    desk.ready()


def test_a_folder_without_pictures_says_so(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    desk.document.open_paths([str(tmp_path / "empty")])
    desk.until(lambda: desk.problems)
    assert "empty" in desk.problems[0]
    assert desk.document.pictures == ()


def test_display_changes_bring_new_planes(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.display.update(reduction="channel", channel=5, scale="locked")
    desk.until(lambda: desk.document.planes and desk.document.planes.reduction == "channel")
    planes = desk.document.planes
    assert planes is not None
    assert (planes.channel, planes.scale) == (5, "locked")
    ranges = {(p.low, p.high) for (_, role), p in planes.planes.items() if role != "share"}
    assert len(ranges) == 1


def test_the_enlarged_cell_is_answered_first(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.document.enlarge(("P3", "output"))
    got: list[Any] = []
    desk.document.plane_changed.connect(got.append)
    desk.display.update(reduction="channel", channel=3)
    desk.until(lambda: got)
    assert got[0].cell == ("P3", "output")


def test_probe_ranking_and_anchors_answer_for_the_current_trace(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    answers: dict[str, Any] = {}
    desk.document.probe_changed.connect(lambda v: answers.update(probe=v))
    desk.document.ranking_changed.connect(lambda v: answers.update(ranking=v))
    desk.document.objectness_changed.connect(lambda v: answers.update(objectness=v))
    desk.document.probe((30.0, 20.0))
    desk.document.rank_channels("P2", (20.0, 10.0, 40.0, 30.0))
    desk.document.need_anchors()
    desk.document.need_objectness("P2", None)
    desk.until(lambda: len(answers) == 3 and desk.document.anchors is not None)
    assert [row.level for row in answers["probe"].rows] == ["P2", "P3", "P4", "P5", "P6"]
    assert sorted(answers["ranking"].channel.tolist()) == list(range(16))
    assert len(desk.document.anchors.anchors_img) == desk.document.trace.anchors_count
    assert answers["objectness"].cell == ("P2", "objectness")


def test_running_again_brings_the_anchors_again(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.document.need_anchors()
    desk.until(lambda: desk.document.anchors is not None)
    desk.document.run()
    desk.until(lambda: desk.document.anchors is None)
    desk.document.need_anchors()
    desk.until(lambda: desk.document.anchors is not None)


def test_removing_the_current_picture_shows_its_neighbour(desk: Desk, folder: Path, checkpoint: str) -> None:
    desk.document.open_detector(checkpoint)
    desk.document.open_paths([str(folder)])
    desk.ready()
    desk.document.remove(0)
    desk.ready()
    assert names(desk.document.pictures) == ["2.png", "10.png"]
    assert desk.document.index == 0
    desk.document.remove(1)
    desk.document.remove(0)
    desk.until(lambda: desk.document.run_state.kind == "empty")
    assert desk.document.picture is None
    assert desk.document.trace is None


def test_opening_the_same_picture_twice_lists_it_once(desk: Desk, folder: Path) -> None:
    desk.document.open_paths([str(folder)])
    desk.until(lambda: desk.document.picture is not None)
    desk.document.open_paths([str(folder / "10.png")])
    desk.until(lambda: desk.document.index == 2)
    assert len(desk.document.pictures) == 3


def test_stepping_the_display() -> None:
    display = Display()
    seen: list[frozenset[str]] = []
    display.changed.connect(lambda _, changed: seen.append(changed))
    display.update(channels=4)
    display.step_channel(1)
    assert (display.state.reduction, display.state.channel) == ("channel", 0)
    display.step_channel(-1)
    assert display.state.channel == 3
    display.step_reduction(1)
    assert display.state.reduction == "pca"
    display.step_opacity(5)
    assert display.state.opacity == 1.0
    display.update(opacity=1.0)
    assert seen[-1] == {"opacity"}
    assert len(seen) == 5


def test_a_drawn_box_is_clipped_and_may_be_drawn_backwards() -> None:
    selection = Selection()
    selection.set_box((50, 40, -10, 10), (30, 60))
    assert selection.state.box_img == (0, 10, 50, 30)
    selection.set_box((5, 5, 5, 20), (30, 60))
    assert selection.state.box_img is None
