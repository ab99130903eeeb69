"""Scans of small data sets: what is in the file is what the life lines say, and one bad input costs its own rows."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
import torch

import fpn_viewer as fv
from fpn_viewer.core.analysis.lifeline import explain
from fpn_viewer.core.analysis.matching import match
from fpn_viewer.core.annotations.formats import open_annotations
from fpn_viewer.core.errors import AnnotationError, PictureError, QuestionError
from fpn_viewer.engine.jobs import Cancelled
from fpn_viewer.engine.scan import run
from fpn_viewer.engine.scan.plan import _told_apart
from fpn_viewer.engine.scan.store import ScanError
from fpn_viewer.engine.scan.values import PictureRow
from tests.scan_set import SIZE, annotated, content, detector, pictures, rows
from tests.tiny import noise, tiny_module
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.engine.scan.run import Pace

NAMES = detector().spec.class_names
COUNT = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return annotated(tmp_path_factory.mktemp("data"), COUNT)


@pytest.fixture(scope="module")
def whole(data: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """A scan through two detectors that nobody disturbed."""
    return fv.scan([detector(), detector(box_score_thresh=0.3)], *data, tmp_path_factory.mktemp("scan") / "whole.sqlite")


def counted(found: Scan, table: str) -> int:
    return int(found.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


# -- what is found ------------------------------------------------------------------------------------------------------


def test_every_object_is_what_its_life_line_says(data: tuple[Path, Path], whole: Scan) -> None:
    truth = open_annotations(data[1])
    columns = (
        "picture, object, detector, label, outcome, killer, stage_outcome, value, limit_value, margin, unit, detection, score, iou"
    )
    more = "net_h, net_w, cells, level, anchor_iou, positives, verdict"
    found = {row[:3]: row[3:] for row in whole.rows(f"SELECT {columns}, {more} FROM fates")}
    for picture, (path,) in enumerate(whole.rows("SELECT path FROM pictures ORDER BY picture")):
        objects = truth.of(path, SIZE)
        assert objects is not None
        labels = [NAMES.index(name) if name in NAMES else None for name in objects.names]
        for place in (0, 1):
            trace = detector(**({"box_score_thresh": 0.3} if place else {})).trace(path)
            out = trace.detections
            matching = match(objects, labels, out.boxes_img, out.scores, out.labels)
            for number, label in enumerate(labels):
                expected = _slow(trace, objects, matching, number, label)
                assert found.pop((picture, number, place)) == expected
    assert not found
    assert {"found", "missed", "badly placed", "crowd", "flawed", "unknown class"} <= set(whole.outcomes())


def _slow(trace: fv.Trace, objects: Any, matching: Any, number: int, label: int | None) -> tuple[Any, ...]:
    """A row of `fates` by the life line of that one object."""
    row, overlap = int(matching.detection[number]), float(matching.iou[number])
    if label is None or objects.flaws[number]:
        nothing = (None,) * 3
        return (label, matching.outcomes[number], "", "", *nothing, "", None, None, overlap, *nothing, "", None, None, "")
    others = [i for i in range(len(objects)) if i != number and not objects.flaws[i]]
    line = explain(trace, objects.boxes_img[number].tolist(), label, others=objects.boxes_img[others])
    killer = line.stage(line.killer) if line.killer else None
    numbers = (killer.value, killer.limit, killer.margin, killer.unit) if killer else (None, None, None, "")
    level = line.sizes.roi_level
    assert line.training is not None
    return (
        *(label, matching.outcomes[number], line.killer or "", line.outcome, *numbers),
        *(row if row >= 0 else None, float(trace.detections.scores[row]) if row >= 0 else None, overlap),
        *(*line.sizes.net, max(line.sizes.cells[level]), level, line.training.best_iou, line.training.positives, line.verdict),
    )


def test_detections_are_the_models_own(whole: Scan) -> None:
    columns = "picture, detection, label, class, score, x1, y1, x2, y2"
    found = whole.rows(f"SELECT {columns} FROM detections WHERE detector = 0 ORDER BY 1, 2")
    expected = []
    for picture, (path,) in enumerate(whole.rows("SELECT path FROM pictures ORDER BY picture")):
        out = detector().trace(path).detections
        columns_of = zip(out.labels.tolist(), out.scores.tolist(), out.boxes_img.tolist(), strict=True)
        expected += [(picture, k, label, NAMES[label], score, *box) for k, (label, score, box) in enumerate(columns_of)]
    assert found == expected
    matched = whole.rows("SELECT COUNT(*) FROM detections WHERE detector = 0 AND kind = 'match' AND object IS NOT NULL")
    assert matched == [(whole.outcomes()["found"],)]


def test_objects_sizes_and_settings(data: tuple[Path, Path], whole: Scan) -> None:
    entries = json.loads(data[1].read_text())["annotations"]
    assert counted(whole, "objects") == len(entries)
    assert counted(whole, "fates") == 2 * len(entries)
    assert whole.rows("SELECT x1, y1, x2 - x1 FROM objects WHERE picture = 0 AND object = 0")[0] == pytest.approx(
        entries[0]["bbox"][:3]
    )
    assert set(rows(whole, "height, width, annotated", "done")) == {(*SIZE, 1)}
    assert set(rows(whole, "net_h, net_w, follows", "runs")) == {(96, 144, "")}
    assert whole.unmatched == (("cow",), ("cow",))
    fingerprints = {text for (text,) in whole.rows("SELECT fingerprint FROM detectors")}
    assert len(fingerprints) == 2, "another setting is another detector"
    assert [one.options.get("box_score_thresh") for one in whole.origins] == [None, 0.3]


def test_a_scan_does_not_depend_on_how_many_pictures_are_followed_at_once(
    data: tuple[Path, Path], whole: Scan, tmp_path: Path
) -> None:
    both = [detector(), detector(box_score_thresh=0.3)]
    threads = torch.get_num_threads()
    # two is what `whole` has on a machine of two cores
    for count in (1, 3):
        assert content(fv.scan(both, *data, tmp_path / f"{count}.sqlite", at_once=count)) == content(whole)
    assert torch.get_num_threads() == threads


def test_one_stage_detectors(data: tuple[Path, Path], tmp_path: Path) -> None:
    known = {name: "car" if name == "truck" else None for name in ("tank", "plane")} | {"truck": "car", "cow": "tree"}
    found = fv.scan([dense_detector("RetinaNet"), dense_detector("FCOS")], *data, tmp_path / "a.sqlite", classes=known)
    assert found.unmatched == ((), ())
    stages = {killer for place in (0, 1) for killer in found.killers(place)}
    assert stages <= {"box_regression", "class_score", "top_k", "nms", "cap", "detected"}
    assert found.rows("SELECT COUNT(*) FROM fates WHERE detector = 0 AND anchor_iou IS NULL AND killer != ''") == [(0,)]
    assert found.rows("SELECT COUNT(*) FROM fates WHERE detector = 1 AND anchor_iou IS NOT NULL") == [(0,)]


def test_without_annotations_there_are_detections_only(data: tuple[Path, Path], whole: Scan, tmp_path: Path) -> None:
    found = fv.scan(detector(), data[0], None, tmp_path / "a.sqlite")
    assert (counted(found, "objects"), counted(found, "fates")) == (0, 0)
    assert set(rows(found, "kind, object", "detections")) == {("", None)}
    assert counted(found, "detections") == whole.rows("SELECT COUNT(*) FROM detections WHERE detector = 0")[0][0]


def test_detectors_of_one_name_are_told_apart(whole: Scan) -> None:
    name = detector().spec.name
    assert whole.detectors == (name, f"{name} (2)")
    assert _told_apart(["best", "best (2)", "best", "best"]) == ["best", "best (2)", "best (3)", "best (4)"]


def test_classes_of_other_names(data: tuple[Path, Path], tmp_path: Path) -> None:
    first = NAMES[1]
    found = fv.scan(detector(), *data, tmp_path / "a.sqlite", classes={"cow": first, first: None})
    assert found.unmatched == ((),)
    labels = dict(found.rows("SELECT DISTINCT class, label FROM fates JOIN objects USING (picture, object)"))
    assert (labels["cow"], labels[first]) == (1, None)


# -- one bad input ------------------------------------------------------------------------------------------------------


def test_pictures_of_equal_names_keep_their_own_objects(tmp_path: Path) -> None:
    entries, boxes = [], {}
    for row, folder in enumerate(("a", "b")):
        pictures(tmp_path / folder / "deep", 1)
        entries.append({"id": row, "file_name": f"{folder}/deep/0000.png", "height": SIZE[0], "width": SIZE[1]})
        boxes[folder] = [10 + 20 * row, 10, 20, 20]
    truth = tmp_path / "truth.json"
    objects = [{"id": k, "image_id": k, "category_id": 1, "bbox": box} for k, box in enumerate(boxes.values())]
    truth.write_text(json.dumps({"images": entries, "annotations": objects, "categories": [{"id": 1, "name": NAMES[1]}]}))
    found = fv.scan(detector(), [tmp_path / "a", tmp_path / "b"], truth, tmp_path / "a.sqlite", recursive=True)
    assert found.rows("SELECT path, x1 FROM objects JOIN pictures USING (picture)") == [
        (str(tmp_path / folder / "deep" / "0000.png"), float(box[0])) for folder, box in boxes.items()
    ]
    with pytest.raises(PictureError, match="holds no picture"):
        fv.scan(detector(), tmp_path / "a", truth, tmp_path / "b.sqlite")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"detectors": []}, ScanError, "one to 4 detectors, not 0"),
        ({"detectors": [None] * 5}, ScanError, "not 5; leave some out"),
        ({"images": []}, PictureError, "No picture was named"),
        ({"images": "/nowhere"}, PictureError, "/nowhere"),
        ({"annotations": "/nowhere.json"}, AnnotationError, "/nowhere.json"),
        ({"iou": 0.0}, QuestionError, "above 0 and up to 1"),
        ({"runner": "abacus"}, ScanError, "no runner 'abacus'; choose one of: local, ray"),
    ],
    ids=str,
)
def test_what_cannot_be_scanned_is_one_sentence(
    change: dict[str, Any], kind: type[Exception], words: str, data: tuple[Path, Path], tmp_path: Path
) -> None:
    given = {"detectors": detector(), "images": data[0], "annotations": data[1], "out": tmp_path / "a.sqlite"} | change
    with pytest.raises(kind, match=words):
        fv.scan(**given)
    assert not (tmp_path / "a.sqlite").exists()


# -- going on -----------------------------------------------------------------------------------------------------------


class Stop:
    """A watcher that stops after some layers, as a person who cancels."""

    def __init__(self, layers: int) -> None:
        self.layers, self.paused = layers, 0

    def check(self) -> None:
        """Raises when it is time."""
        self.layers -= 1
        if self.layers < 0:
            raise Cancelled

    def report(self, stage: str, fraction: float) -> None:
        """A scan is counted in pictures, not in layers."""
        assert stage.startswith("reading")

    def pause(self) -> None:
        """Counts."""
        self.paused += 1


def test_a_cancelled_scan_goes_on_and_ends_with_the_same_content(data: tuple[Path, Path], whole: Scan, tmp_path: Path) -> None:
    both = [detector(), detector(box_score_thresh=0.3)]
    out, turns = tmp_path / "a.sqlite", 0
    done = [0]
    while done[-1] < COUNT:
        turns += 1
        try:
            fv.scan(both, *data, out, watcher=Stop(400 if turns < 5 else 10**9))
        except Cancelled:
            assert turns < 5
        done.append(counted(fv.Scan(out), "done"))
    assert done == sorted(done)
    assert turns > 1
    assert content(fv.Scan(out)) == content(whole)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fpn-viewer")]


def test_a_module_is_given_back_as_it_was(data: tuple[Path, Path], tmp_path: Path) -> None:
    module = tiny_module().train()
    hooks = module.register_forward_hook(lambda *_: None)
    before = {name: id(tensor) for name, tensor in module.state_dict(keep_vars=True).items()}
    fv.scan(module, *data, tmp_path / "a.sqlite", classes=dict.fromkeys(NAMES))
    assert module.training
    assert list(module._forward_hooks) == [hooks.id]
    assert {name: id(tensor) for name, tensor in module.state_dict(keep_vars=True).items()} == before


def test_progress_is_told_and_a_finished_scan_has_nothing_left(data: tuple[Path, Path], tmp_path: Path) -> None:
    told: list[Pace] = []
    watcher = Stop(10**9)
    fv.scan(detector(), *data, tmp_path / "a.sqlite", told=told.append, watcher=watcher)
    assert [pace.done for pace in told] == list(range(COUNT + 1))
    assert {pace.total for pace in told} == {COUNT}
    assert (told[0].picture, told[0].seconds_left) == ("", None)
    assert [Path(pace.picture).name for pace in told[1:]] == [f"{k:04}.png" for k in range(COUNT)]
    assert told[-1].rate > 0
    assert told[-1].seconds_left == 0
    assert watcher.paused == COUNT
    before = (tmp_path / "a.sqlite").read_bytes()
    again: list[Pace] = []
    fv.scan(detector(), *data, tmp_path / "a.sqlite", told=again.append)
    assert [pace.done for pace in again] == [COUNT]
    assert (tmp_path / "a.sqlite").read_bytes() == before
    with pytest.raises(ScanError, match="is there already"):
        fv.scan(detector(), *data, tmp_path / "a.sqlite", resume=False)


def test_a_pause_does_not_slow_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(run, "perf_counter", lambda: now[0])

    class Sleepy(Stop):
        def pause(self) -> None:
            now[0] += 3600

    told: list[Pace] = []
    count = run.Count(0, ["a.png"] * 200, told.append, Sleepy(0))
    for number in range(100):
        # twice as fast from the middle on
        now[0] += 2 if number < 50 else 1
        count(PictureRow(number))
        count.pause()
    assert (told[50].rate, told[-1].rate) == (0.5, 1.0)
    assert told[-1].seconds_left == 100


def _heavier() -> fv.Detector:
    module = tiny_module()
    with torch.no_grad():
        module.roi_heads.box_predictor.cls_score.bias[1] += 1e-3
    return fv.open_detector(module, device="cpu", name="tiny", class_names=NAMES)


def _moved(folder: Path) -> None:
    """A box that lies elsewhere; the file keeps its length."""
    path = folder / "truth.json"
    found = json.loads(path.read_text())
    x = found["annotations"][0]["bbox"][1]
    text = path.read_text().replace(str(x), str(x)[:-1] + ("1" if str(x)[-1] != "1" else "2"), 1)
    assert len(text) == len(path.read_text())
    path.write_text(text)


@pytest.mark.parametrize("what", ["weights", "settings", "classes", "annotation", "pictures", "overlap"])
def test_what_has_changed_is_not_gone_on_with(what: str, data: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(data[0].parent, tmp_path / "data")
    images, truth, out = tmp_path / "data" / "images", tmp_path / "data" / "truth.json", tmp_path / "a.sqlite"
    fv.scan(detector(), images, truth, out)
    detectors: dict[str, Any] = {"weights": _heavier, "settings": lambda: detector(box_nms_thresh=0.4)}
    if what == "annotation":
        _moved(tmp_path / "data")
    if what == "pictures":
        os.rename(images / "0003.png", images / "0009.png")
    options: dict[str, Any] = {"classes": {"classes": {"cow": NAMES[1]}}, "overlap": {"iou": 0.6}}
    words = {"weights": "weights or settings", "settings": "weights or settings", "annotation": "other annotations"}
    with pytest.raises(ScanError, match=words.get(what, what)):
        fv.scan(detectors.get(what, detector)(), images, truth, out, **options.get(what, {}))


def test_a_label_of_yolo_that_has_changed_is_noticed(tmp_path: Path) -> None:
    pictures(tmp_path / "images", 2)
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text(f"names: {list(NAMES[1:])}\n")
    for name in ("0000", "0001"):
        (tmp_path / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    fv.scan(detector(), tmp_path / "images", tmp_path / "data.yaml", tmp_path / "a.sqlite")
    (tmp_path / "labels" / "0001.txt").write_text("0 0.5 0.5 0.3 0.2\n")
    with pytest.raises(ScanError, match="other annotations"):
        fv.scan(detector(), tmp_path / "images", tmp_path / "data.yaml", tmp_path / "a.sqlite")


# -- memory -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say how much memory is held")
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    paths = pictures(tmp_path / "some", 4)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(160):
        shutil.copy(paths[number % 4], many / f"{number:04}.png")
    held: list[float] = []

    def look(pace: Pace) -> None:
        held.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)

    fv.scan(detector(), many, None, tmp_path / "a.sqlite", told=look)
    # traces of 80 pictures that stayed would be more, even without their maps
    assert median(held[-20:]) - median(held[60:80]) < 8


def test_noise_is_annotated_with_what_is_found() -> None:
    # the data set of these tests would say nothing if the detector found nothing in it
    assert len(detector().trace(noise(*SIZE)).detections) >= 5
