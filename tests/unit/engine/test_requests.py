"""Requests as the worker runs them: planes against the trace, caching, cancelling, failures in sentences."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from fpn_viewer.core.errors import DetectorError, PictureError, SettingError, UserError
from fpn_viewer.core.imaging.quantise import value_range
from fpn_viewer.engine.files import FILE_LANES, ListPictures, LoadPicture, LoadThumbnail
from fpn_viewer.engine.jobs import Cancelled, Failure, JobQueue, Success, Token
from fpn_viewer.engine.requests import (
    LANES,
    GetAnchors,
    OpenDetector,
    ProbeAt,
    RankChannels,
    RenderCell,
    RenderObjectness,
    RenderPlanes,
    RunTrace,
)
from fpn_viewer.engine.session import Session
from fpn_viewer.engine.values import REDUCTIONS, SCALES, SHARE, SIGNED, Plane
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.jobs import Job, Outcome, Progress
    from fpn_viewer.engine.requests import TraceResult

SECONDS = 20.0
SIZE = (97, 171)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A picture of odd size whose pyramid is padded on both axes."""
    file = tmp_path_factory.mktemp("pictures") / "a.png"
    Image.fromarray(noise(*SIZE)).save(file)
    return str(file)


def opened(module: torch.nn.Module | None = None, **settings: Any) -> Session:
    session = Session()
    OpenDetector(session, module or tiny_module(), "cpu", settings={"name": "tiny", "class_names": TINY.class_names, **settings})(
        Token()
    )
    return session


def run(session: Session, path: str, **changes: Any) -> TraceResult:
    return RunTrace(session, path, **{"reduction": "mean_abs", "channel": 0, "scale": "cell", **changes})(Token())


@pytest.fixture(scope="module")
def session() -> Session:
    return opened()


@pytest.fixture(scope="module")
def result(session: Session, path: str) -> TraceResult:
    return run(session, path)


@pytest.fixture(scope="module")
def trace(session: Session, result: TraceResult) -> Trace:
    return session.trace(result.view.key)


def visible(trace: Trace, name: str) -> NDArray[np.float64]:
    """A node (C, h, w) without its padding."""
    level = trace.level(trace.graph[name].level)
    rows, columns = trace.geometry.visible_cells(level)
    whole: NDArray[np.float64] = trace.node(name).double().numpy()[:, :rows, :columns]
    return whole


NAIVE: dict[str, Any] = {
    "mean_abs": lambda x, _: np.abs(x).mean(0),
    "l2": lambda x, _: np.sqrt((x**2).sum(0)),
    "max": lambda x, _: x.max(0),
    "mean": lambda x, _: x.mean(0),
    "channel": lambda x, k: x[k],
}


def assert_shows(plane: Plane, values: NDArray[np.float64]) -> None:
    """The bytes are `values` under the plane's own two numbers, right to half a step."""
    assert plane.values.shape == values.shape
    step = (plane.high - plane.low) / 255
    back = plane.low + plane.values * step
    assert np.abs(back - np.clip(values, plane.low, plane.high)).max() <= step * 0.51
    assert not plane.values.flags.writeable


# The detector


def test_opening_tells_its_stages_and_what_was_opened() -> None:
    told: list[Progress] = []
    session = Session()
    info = OpenDetector(session, tiny_module(), "cpu")(Token(told.append))
    assert [p.stage for p in told] == ["loading torch", "reading weights", "building"]
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    assert (info.source, info.device, info.devices[-1]) == ("FasterRCNN", "cpu", "cpu")
    assert info.parameters == sum(p.numel() for p in tiny_module().parameters())
    assert session.detector is not None
    assert info.spec is session.detector.spec
    assert info.graph.levels == ("P2", "P3", "P4", "P5", "P6")


def test_a_detector_that_cannot_be_opened_leaves_the_one_before(path: str) -> None:
    session = opened()
    before = session.detector
    for source in ("no such file.pth", torch.nn.Linear(2, 2)):
        with pytest.raises(UserError):
            OpenDetector(session, source, "cpu")(Token())
    assert session.detector is before
    assert run(session, path).view.spec.name == "tiny"


@pytest.mark.parametrize("stage", ["loading torch", "reading weights", "building"])
def test_opening_stops_at_every_stage(stage: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == stage:
            token.cancel()

    session, token = Session(), Token(stop)
    with pytest.raises(Cancelled):
        OpenDetector(session, tiny_module(), "cpu")(token)
    assert session.detector is None


def test_files_keep_their_identity_and_modules_never_do(tmp_path: Path) -> None:
    session, file = Session(), tmp_path / "a.safetensors"
    file.write_bytes(b"x")

    def identity(source: object, device: str = "cpu", **settings: object) -> str:
        return session.identify(source, device, "float32", settings)

    assert identity(str(file)) == identity(file) == identity(str(tmp_path / "." / "a.safetensors"))
    assert identity(str(file)) != identity(str(file), min_size=99)
    assert identity(str(file)) != identity(str(file), device="cuda:0")
    before = identity(file)
    file.write_bytes(b"longer")
    assert identity(file) != before
    module = tiny_module()
    assert identity(module) != identity(module)
    assert identity("fasterrcnn_resnet50_fpn") != identity("fasterrcnn_resnet50_fpn")


def test_the_window_can_import_requests_without_torch_or_qt() -> None:
    code = (
        "import sys, fpn_viewer.engine.requests, fpn_viewer.engine.files, fpn_viewer.engine.session, "
        "fpn_viewer.core.imaging.colours; sys.exit(bool({'torch', 'PySide6', 'PIL.ImageQt'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The trace


def test_the_view_says_what_the_trace_says(result: TraceResult, trace: Trace, path: str) -> None:
    view = result.view
    assert (view.path, view.device, view.memory) == (path, "cpu", None)
    assert view.geometry.image_size == SIZE
    assert view.channels == {node.name: trace.node(node.name).shape[0] for node in trace.graph.nodes}
    assert view.anchors_count == len(trace.candidates)
    assert view.proposals_count == len(trace.proposals)
    assert np.array_equal(view.detections.boxes_img, trace.detections.boxes_img)
    assert (view.follows, view.levels, view.graph, view.settings) == (trace.follows, trace.levels, trace.graph, trace.settings)
    assert result.planes.key == view.key


def test_what_was_run_before_is_answered_from_memory(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened()
    assert session.detector is not None
    calls: list[object] = []
    forward = session.detector.trace
    monkeypatch.setattr(session.detector, "trace", lambda *a, **k: calls.append(1) or forward(*a, **k))
    first = run(session, path)
    assert run(session, path, reduction="max", scale="locked").view.key == first.view.key
    assert len(calls) == 1
    others = [
        run(session, path, gains={("M3", "top-down"): 0.5}),
        run(session, path, settings={"box_score_thresh": 0.3}),
        run(session, path, picture=LoadPicture(path)(Token()).picture),
    ]
    assert len(calls) == 3
    assert len({first.view.key, *(other.view.key for other in others)}) == 3
    assert others[2].view.key == first.view.key
    OpenDetector(session, tiny_module(seed=1), "cpu")(Token())
    assert run(session, path).view.key != first.view.key
    # of the detector before, still there to be drawn
    assert RenderPlanes(session, first.view.key, "l2", 0, "row")(Token()).planes


def test_a_picture_in_memory_needs_no_file(session: Session, path: str, result: TraceResult) -> None:
    picture = LoadPicture(path)(Token()).picture
    assert run(session, "<array>", picture=picture).view.key == result.view.key


def test_memory_goes_back_when_a_trace_makes_room(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr("fpn_viewer.engine.session.give_back", lambda: given.append("once"))
    session = opened()
    run(session, path)
    run(session, path, settings={"min_size": 80})
    assert not given
    session.traces.budget = 1
    run(session, path, settings={"min_size": 88})
    assert given == ["once"]


def test_a_trace_that_made_room_is_named_as_gone(path: str) -> None:
    session = opened()
    session.traces.budget = 1
    first = run(session, path).view.key
    session.planes.clear()
    run(session, path, settings={"min_size": 80})
    for request in (
        RenderPlanes(session, first, "mean_abs", 0, "cell"),
        RenderCell(session, first, ("P3", "output"), "mean_abs", 0, "cell"),
        ProbeAt(session, first, (5, 5), "mean_abs", 0),
        RankChannels(session, first, "P3", (0, 0, 9, 9)),
        GetAnchors(session, first),
        RenderObjectness(session, first, "P3"),
    ):
        with pytest.raises(UserError, match="no longer in memory"):
            request(Token())


def test_failures_are_sentences(path: str) -> None:
    with pytest.raises(UserError, match="No detector is open"):
        run(Session(), path)
    session = opened()
    with pytest.raises(PictureError, match="does not exist"):
        run(session, "nowhere.png")
    with pytest.raises(SettingError, match="no term"):
        run(session, path, gains={("M9", "top-down"): 0.0})
    with pytest.raises(SettingError, match="not a setting"):
        run(session, path, settings={"nonsense": 1})
    with pytest.raises(DetectorError, match="shrink to nothing"):
        run(session, path, picture=LoadPicture(path)(Token()).picture, settings={"min_size": 1, "max_size": 1})
    with pytest.raises(SettingError, match="cannot be drawn"):
        run(session, path, reduction="median")
    with pytest.raises(SettingError, match="cannot be drawn"):
        run(session, path, scale="log")


@pytest.mark.parametrize("stage", ["reading the picture", "backbone", "RPN", "RoI heads", "drawing"])
def test_a_run_stops_in_the_middle_and_the_next_one_is_whole(path: str, stage: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == stage:
            token.cancel()

    session, token = opened(), Token(stop)
    with pytest.raises(Cancelled):
        RunTrace(session, path, "mean_abs", 0, "cell")(token)
    assert session.detector is not None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in session.detector.module.modules())
    assert len(session.traces) == (stage == "drawing")
    assert run(session, path).planes.planes


# Planes


@pytest.mark.parametrize("reduction", NAIVE)
def test_every_cell_is_the_node_written_out(session: Session, result: TraceResult, trace: Trace, reduction: str) -> None:
    planes = RenderPlanes(session, result.view.key, reduction, 3, "cell")(Token())
    nodes = {(node.level, node.role): node for node in trace.graph.nodes}
    assert set(planes.planes) == set(nodes) | {(level, SHARE) for level in ("P2", "P3", "P4")}
    for cell, node in nodes.items():
        plane = planes.planes[cell]
        values = NAIVE[reduction](visible(trace, node.name), 3)
        assert_shows(plane, values)
        assert (plane.low, plane.high) == pytest.approx(value_range(values.astype(np.float32), reduction in SIGNED), rel=1e-4)
        assert (plane.cell, plane.title, plane.broken, plane.broken_at) == (cell, node.name, 0, None)
        assert plane.signed == (reduction in SIGNED)
        assert plane.unit == ("channel 3" if reduction == "channel" else REDUCTIONS[reduction])


def test_shares_are_norms_or_one_channel(session: Session, path: str) -> None:
    for gains in ({}, {("M3", "top-down"): -2.0, ("M3", "lateral"): 0.3}):
        key = run(session, path, gains=gains).view.key
        trace = session.trace(key)
        rows, columns = trace.geometry.visible_cells(trace.level("P3"))
        terms = {name: t.double().numpy()[:, :rows, :columns] for name, t in trace.terms("M3").items()}
        for reduction, of in (("mean_abs", lambda x: np.sqrt((x**2).sum(0))), ("channel", lambda x: np.abs(x[5]))):
            down, side = of(terms["top-down"]), of(terms["lateral"])
            plane = RenderCell(session, key, ("P3", SHARE), reduction, 5, "locked")(Token())
            assert_shows(plane, down / (down + side))
            assert (plane.low, plane.high, plane.signed) == (0, 1, True)
            assert "channel 5" in plane.unit if reduction == "channel" else "norms" in plane.unit


def test_a_share_of_nothing_is_half(session: Session, path: str) -> None:
    key = run(session, path, gains={("M3", "top-down"): 0.0, ("M3", "lateral"): 0.0}).view.key
    plane = RenderCell(session, key, ("P3", SHARE), "mean_abs", 0, "cell")(Token())
    assert set(plane.values.ravel().tolist()) == {128}


def test_scales_share_their_range(session: Session, result: TraceResult) -> None:
    for reduction in ("mean_abs", "mean"):
        own, row, locked = (RenderPlanes(session, result.view.key, reduction, 0, scale)(Token()).planes for scale in SCALES)
        cells = [cell for cell in own if cell[1] != SHARE]
        assert len({own[cell].high for cell in cells}) > 5
        assert {(locked[cell].low, locked[cell].high) for cell in cells} == {
            (min(own[c].low for c in cells), max(own[c].high for c in cells))
        }
        for level in ("P2", "P3", "P6"):
            peers = [cell for cell in cells if cell[0] == level]
            expected = min(own[c].low for c in peers), max(own[c].high for c in peers)
            assert {(row[cell].low, row[cell].high) for cell in peers} == {expected}
        for cell in cells:
            other = RenderCell(session, result.view.key, cell, reduction, 0, "locked")(Token())
            assert np.array_equal(other.values, locked[cell].values)


def test_components_are_colours_with_a_range_of_their_own(session: Session, result: TraceResult) -> None:
    planes = RenderPlanes(session, result.view.key, "pca", 0, "locked")(Token()).planes
    for (level, role), plane in planes.items():
        assert plane.values.shape[2:] == (() if role == SHARE else (3,)), (level, role)
    assert len({plane.high for cell, plane in planes.items() if cell[1] != SHARE}) > 5


def test_a_node_too_narrow_for_the_channel_has_no_plane(session: Session, result: TraceResult) -> None:
    planes = RenderPlanes(session, result.view.key, "channel", 12, "row")(Token()).planes
    # C2 has 8 channels, the pyramid 16
    assert ("P2", "backbone") not in planes
    assert ("P3", "backbone") in planes
    assert ("P2", "lateral") in planes
    with pytest.raises(SettingError, match="channel 12"):
        RenderCell(session, result.view.key, ("P2", "backbone"), "channel", 12, "cell")(Token())
    with pytest.raises(SettingError, match="no top-down map on P6"):
        RenderCell(session, result.view.key, ("P6", "top-down"), "max", 0, "cell")(Token())


def test_planes_lie_where_the_cells_lie(session: Session, result: TraceResult, trace: Trace) -> None:
    for (level, _), plane in result.planes.planes.items():
        h, w = plane.values.shape
        assert plane.box_img == (0, 0, *trace.geometry.cell_box_img(trace.level(level), h - 1, w - 1)[2:])
        # the last row and column begin on the picture: nothing but padding was cut off
        x0, y0, x1, y1 = trace.geometry.cell_box_img(trace.level(level), h - 1, w - 1)
        assert x0 < SIZE[1] <= x1 + 1e-9
        assert y0 < SIZE[0] <= y1 + 1e-9
    assert result.planes.planes["P2", "output"].values.shape < trace.level("P2").size


def test_broken_cells_are_counted_placed_and_zero(path: str) -> None:
    session = opened()
    key = run(session, path).view.key
    trace = session.trace(key)
    maps = dict(trace.maps)
    maps["P3"] = maps["P3"].clone()
    maps["P3"][4, 2, 5], maps["P3"][4, -1, -1] = torch.nan, torch.inf
    session.traces.put(key, replace(trace, maps=maps))
    session.planes.clear()
    for reduction in REDUCTIONS:
        plane = RenderCell(session, key, ("P3", "output"), reduction, 4, "cell")(Token())
        assert plane.broken == 1
        assert plane.broken_at is not None
        assert np.argwhere(plane.broken_at).tolist() == [[2, 5]]
        assert not plane.values[2, 5].any()
        assert np.isfinite([plane.low, plane.high]).all()
        assert plane.values.any()
    probe = ProbeAt(session, key, (5.5 * 8 / trace.scale[1], 2.5 * 8 / trace.scale[0]), "mean_abs", 0)(Token())
    row = next(row for row in probe.rows if row.level == "P3")
    assert row.cell == (2, 5)
    assert np.isnan(row.values["output"] or 0.0)
    assert row.sources == {}


def test_another_scale_or_channel_reduces_nothing_twice(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpn_viewer.engine import rendering

    session = opened()
    key = run(session, path).view.key
    monkeypatch.setattr(rendering, "reduce_map", lambda *_: pytest.fail("reduced again"))
    for scale in SCALES:
        RenderPlanes(session, key, "mean_abs", 0, scale)(Token())
    # channel and component are no part of a sum
    RenderPlanes(session, key, "mean_abs", 7, "cell")(Token())


def test_objectness_is_a_probability(session: Session, result: TraceResult, trace: Trace) -> None:
    rows, columns = trace.geometry.visible_cells(trace.level("P3"))
    expected = torch.sigmoid(trace.objectness("P3")).double().numpy()[:, :rows, :columns]
    for shape, values in ((None, expected.max(0)), (2, expected[2])):
        plane = RenderObjectness(session, result.view.key, "P3", shape)(Token())
        assert_shows(plane, values)
        assert (plane.cell, plane.low, plane.high, plane.signed) == (("P3", "objectness"), 0, 1, False)
    for level, wrong in (("P9", None), ("P3", 3), ("P3", -1)):
        with pytest.raises(SettingError, match="no anchor"):
            RenderObjectness(session, result.view.key, level, wrong)(Token())


# Questions


def test_the_probe_reads_what_the_display_shows(session: Session, result: TraceResult, trace: Trace) -> None:
    for reduction, of in NAIVE.items():
        probe = ProbeAt(session, result.view.key, (100.5, 60.2), reduction, 9)(Token())
        assert [row.level for row in probe.rows] == ["P2", "P3", "P4", "P5", "P6"]
        for row in probe.rows:
            assert row.cell == trace.geometry.cell_at(trace.level(row.level), 100.5, 60.2)
            x0, y0, x1, y1 = row.cell_box_img
            assert x0 <= 100.5 < x1
            assert y0 <= 60.2 < y1
            for role, value in row.values.items():
                node = trace.graph.at(row.level, role)
                if node is None or (reduction == "channel" and trace.width(node.name) <= 9):
                    assert value is None
                else:
                    expected = of(trace.node(node.name)[:, row.cell[0] : row.cell[0] + 1, row.cell[1]].double().numpy(), 9)[0]
                    assert value == pytest.approx(expected, rel=1e-4, abs=1e-6)
            assert sum(row.sources.values()) == pytest.approx(1, abs=1e-4)
            assert (row.top_down_share is None) == (row.level in ("P5", "P6"))


def test_the_probe_of_components_gives_the_first(session: Session, result: TraceResult) -> None:
    probe = ProbeAt(session, result.view.key, (100.5, 60.2), "pca", 0)(Token())
    assert all(isinstance(row.values["output"], float) for row in probe.rows)


@pytest.mark.parametrize("point", [(-0.1, 5), (5, -1), (SIZE[1], 5), (5, SIZE[0])], ids=str)
def test_outside_the_picture_there_is_nothing_to_probe(session: Session, result: TraceResult, point: tuple[float, float]) -> None:
    assert ProbeAt(session, result.view.key, point, "mean_abs", 0)(Token()).rows == ()


def test_ranking_names_its_node_and_box(session: Session, result: TraceResult) -> None:
    ranking = RankChannels(session, result.view.key, "P3", (20, 20, 90, 70))(Token())
    assert (ranking.key, ranking.node, ranking.box_img) == (result.view.key, "P3", (20, 20, 90, 70))
    assert sorted(ranking.channel.tolist()) == list(range(16))
    with pytest.raises(SettingError, match="no map 'Q3'"):
        RankChannels(session, result.view.key, "Q3", (20, 20, 90, 70))(Token())


def test_anchors_come_with_their_fate_and_labels(session: Session, result: TraceResult, trace: Trace) -> None:
    field = GetAnchors(session, result.view.key)(Token())
    assert len(field.anchors_img) == len(field.candidates) == len(field.regressed_img) == result.view.anchors_count
    np.testing.assert_allclose(trace.geometry.to_net(field.anchors_img), trace.raw.anchors.numpy(), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(trace.geometry.to_net(field.proposals_img), field.proposals.box_net, rtol=1e-5, atol=1e-3)
    assert not field.anchors_img.flags.writeable
    # labels are sizes and height:width as the anchors themselves have them
    for index, labels in enumerate(field.shapes):
        first = int(np.flatnonzero(field.candidates.level == index)[0])
        for label, (x0, y0, x1, y1) in zip(labels, trace.raw.anchors[first : first + 3].tolist(), strict=True):
            size, ratio = label.split(" px ")
            height, width = (float(v) for v in ratio.split(":"))
            assert (y1 - y0) / (x1 - x0) == pytest.approx(height / width, rel=0.25)
            assert ((y1 - y0) * (x1 - x0)) ** 0.5 == pytest.approx(float(size), rel=0.15)


def test_labels_follow_several_sizes_and_other_ratios(path: str) -> None:
    sizes = tuple((float(s), s * 2.0) for s in (8, 16, 32, 64, 128))
    settings = replace(TINY.settings, anchor_sizes=sizes, aspect_ratios=(0.4, 1.0))
    session = opened(tiny_module(replace(TINY, settings=settings)))
    field = GetAnchors(session, run(session, path).view.key)(Token())
    assert field.shapes[0] == ("8 px 1:2.5", "16 px 1:2.5", "8 px 1:1", "16 px 1:1")


# On the worker


class Desk:
    """A queue with the real lanes, and what came out of it."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        self.queue = JobQueue(self._done, (*LANES, *FILE_LANES))

    def _done(self, job: Job, outcome: Outcome) -> None:
        self.outcomes.append((job.lane, outcome))

    def settle(self) -> list[tuple[str, Outcome]]:
        assert self.queue.wait_idle(SECONDS)
        assert self.queue.close(SECONDS)
        return self.outcomes


class Blocker:
    """A request that holds the worker until it is let go."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, _: Token) -> None:
        self.entered.set()
        assert self.opened.wait(SECONDS)


def test_only_the_newest_channel_is_drawn_and_before_heavier_questions(session: Session, result: TraceResult) -> None:
    desk, blocker = Desk(), Blocker()
    desk.queue.submit("picture", blocker)
    assert blocker.entered.wait(SECONDS)
    desk.queue.submit("anchors", GetAnchors(session, result.view.key))
    for channel in range(8):
        desk.queue.submit("cell", RenderCell(session, result.view.key, ("P3", "output"), "channel", channel, "cell"))
    blocker.opened.set()
    lanes = [lane for lane, _ in desk.settle()]
    assert lanes == ["picture", "cell", "anchors"]
    drawn = desk.outcomes[1][1]
    assert isinstance(drawn, Success)
    assert isinstance(drawn.value, Plane)
    assert drawn.value.unit == "channel 7"


def test_a_run_that_is_cancelled_on_the_worker_says_so(path: str) -> None:
    session, desk = opened(), Desk()
    entered, opened_gate = threading.Event(), threading.Event()
    assert session.detector is not None

    def hold(*_: object) -> None:
        entered.set()
        assert opened_gate.wait(SECONDS)

    handle = session.detector.module.get_submodule("backbone.body.layer2").register_forward_pre_hook(hold)
    desk.queue.submit("trace", RunTrace(session, path, "mean_abs", 0, "cell"))
    assert entered.wait(SECONDS)
    desk.queue.cancel("trace")
    opened_gate.set()
    ((_, outcome),) = desk.settle()
    handle.remove()
    assert isinstance(outcome, Cancelled)
    assert len(session.traces) == 0


def test_failures_of_a_request_reach_the_window_as_a_sentence(path: str) -> None:
    desk = Desk()
    desk.queue.submit("trace", RunTrace(Session(), path, "mean_abs", 0, "cell"))
    ((_, outcome),) = desk.settle()
    assert isinstance(outcome, Failure)
    assert outcome.kind == "user"
    assert outcome.title.startswith("No detector is open")


# Files


def test_a_picture_comes_with_its_halves(tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.fromarray(noise(30, 4500)).save(file)
    view = LoadPicture(str(file))(Token())
    assert [level.shape[:2] for level in view.reduced] == [(30, 4500), (15, 2250), (8, 1125)]
    assert not any(level.flags.writeable for level in view.reduced)
    with pytest.raises(PictureError):
        LoadPicture(str(tmp_path / "none.png"))(Token())


def test_a_broken_picture_has_a_thumbnail_that_says_so(tmp_path: Path, path: str) -> None:
    good = LoadThumbnail(path, 32)(Token())
    assert good.pixels is not None
    assert max(good.pixels.shape[:2]) == 32
    assert not good.problem
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    bad = LoadThumbnail(str(broken), 32)(Token())
    assert bad.pixels is None
    assert "broken.png" in bad.problem


def test_listing_keeps_order_drops_doubles_and_names_problems(tmp_path: Path) -> None:
    for name in ("img10.png", "img2.png"):
        Image.fromarray(noise(4, 4)).save(tmp_path / name)
    empty = tmp_path / "empty"
    empty.mkdir()
    second = str(tmp_path / "img2.png")
    listed = ListPictures((str(tmp_path), second, str(empty), str(tmp_path / "gone")))(Token())
    assert listed.paths == (second, str(tmp_path / "img10.png"))
    assert len(listed.problems) == 2
    assert "holds no picture" in listed.problems[0]
    assert "does not exist" in listed.problems[1]


@pytest.mark.parametrize("request_", [LoadPicture("x.png"), LoadThumbnail("x.png", 8), ListPictures(("x",))], ids=type)
def test_files_are_not_read_for_a_cancelled_job(request_: Any, path: str) -> None:
    token = Token()
    token.cancel()
    if isinstance(request_, LoadPicture):
        request_ = LoadPicture(path)
    with pytest.raises(Cancelled):
        request_(token)
