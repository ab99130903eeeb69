"""The file of a scan: one transaction for a picture, refusals in one sentence, readable while it is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer.core.detectors.origin import Origin
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.scan import store
from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.schema import EARLIER, FORMAT
from fpn_viewer.engine.scan.store import DetectorPlan, Plan, ScanError, Store
from fpn_viewer.engine.scan.values import DetectionRow, FateRow, ObjectRow, PictureRow, RunRow
from tests.scan_files import write_scan

if TYPE_CHECKING:
    from pathlib import Path

ONE = DetectorPlan("one", "one.pth", "f1", "{}", {"car": 1, "cow": None}, ("cow",))
PLAN = Plan(("/a.png", "/b.png", "/c.png"), (ONE,), "truth.json", "t1", 0.5)
BOX = (1.0, 2.0, 3.0, 4.5)


def row(number: int = 0, problem: str = "") -> PictureRow:
    objects = tuple(ObjectRow(k, "car", BOX, 5.0, False, False, "") for k in range(2))
    fates = FateRow(0, 1, "found", detection=0, score=0.5, iou=1.0), FateRow(1, 1, "missed", killer="nms", verdict="Gone.")
    found = (DetectionRow(0, 1, "car", 0.5, BOX, "match", 0),)
    return PictureRow(number, 8, 9, "d", problem, True, objects, (RunRow(0, "", 16, 18, "", fates, found, (0.1, 0.2)),), 0.3)


def opened(path: Path, plan: Plan = PLAN, resume: bool = True) -> Any:
    return closing(Store(path, plan, resume=resume))


def refused(path: Path, plan: Plan = PLAN, resume: bool = True) -> str:
    """The one sentence with which a file is not taken."""
    with pytest.raises(ScanError) as error:
        Store(path, plan, resume=resume).close()
    sentence = str(error.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a?b%20#.sqlite"
    with opened(path) as file:
        assert file.done() == frozenset()
        file.write(row(0))
        file.write(PictureRow(2, problem="c.png is broken."))
        assert file.done() == {0, 2}
    found = Scan(path)
    assert found.about == {"format": FORMAT, "iou": 0.5, "annotations": ["truth.json", "t1"], "detectors": 1, "count": 3}
    assert (found.detectors, found.unmatched) == (("one",), (("cow",),))
    assert found.outcomes() == {"found": 1, "missed": 1}
    assert found.killers() == {"nms": 1}
    assert found.problems == (("/c.png", "c.png is broken."),)
    assert found.rows("SELECT object, x1, y1, x2, y2 FROM objects") == [(0, *BOX), (1, *BOX)]
    assert found.rows("SELECT verdict FROM fates WHERE killer = 'nms'") == [("Gone.",)]
    assert found.rows("SELECT part, seconds FROM times WHERE picture = 0") == [("explain 0", 0.2), ("read", 0.3), ("run 0", 0.1)]
    assert not (tmp_path / f"{path.name}.lock").exists()


def test_it_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        file.write(row(0))
        assert Scan(path).rows("PRAGMA journal_mode") == [("wal",)]
        assert Scan(path).rows("SELECT picture FROM done") == [(0,)]
        file.write(row(1))
        assert Scan(path).rows("SELECT picture FROM done") == [(0,), (1,)]


def test_a_finished_file_is_all_that_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        file.write(row(0))
    assert Scan(path).outcomes() == {"found": 1, "missed": 1}
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_reader_does_not_keep_a_scan_from_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as reader:
        with opened(path) as file:
            file.write(row(0))
            reader.execute("BEGIN")
            assert reader.execute("SELECT COUNT(*) FROM done").fetchone() == (1,)
            file.write(row(1))
        assert reader.execute("SELECT COUNT(*) FROM done").fetchone() == (1,)
    assert Scan(path).rows("SELECT COUNT(*) FROM done") == [(2,)]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, twice = tmp_path / "a.sqlite", row(1)
    with opened(path) as file:
        file.write(row(0))
        with pytest.raises(ScanError, match="UNIQUE"):
            file.write(replace(twice, objects=(*twice.objects, twice.objects[0])))
        assert file.done() == {0}
        assert Scan(path).rows("SELECT COUNT(*) FROM objects") == [(2,)]
        # and the file is as good as before
        file.write(twice)
    assert Scan(path).rows("SELECT COUNT(*) FROM objects") == [(4,)]


CHANGES = {
    "another overlap": replace(PLAN, iou=0.6),
    "other annotations": replace(PLAN, truth="t2"),
    "another number of detectors": replace(PLAN, detectors=(ONE, ONE)),
    "another number of pictures": replace(PLAN, pictures=PLAN.pictures[:2]),
    "of other pictures": replace(PLAN, pictures=("/a.png", "/c.png", "/b.png")),
    "with one when its weights or settings were others": replace(PLAN, detectors=(replace(ONE, fingerprint="f2"),)),
    "when the classes of one were matched": replace(PLAN, detectors=(replace(ONE, labels={"car": 1, "cow": 2}),)),
}


@pytest.mark.parametrize("words", CHANGES)
def test_what_was_made_of_something_else_is_not_gone_on_with(words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        file.write(row(0))
    before = path.read_bytes()
    sentence = refused(path, CHANGES[words])
    assert words in sentence
    assert "--out" in sentence
    assert path.read_bytes() == before
    with opened(path) as file:
        assert file.done() == {0}


def test_annotations_may_be_named_otherwise(tmp_path: Path) -> None:
    with opened(tmp_path / "a.sqlite"):
        pass
    with opened(tmp_path / "a.sqlite", replace(PLAN, annotations="../truth.json")) as file:
        assert file.done() == frozenset()


def test_what_the_detectors_were_opened_from(tmp_path: Path) -> None:
    path, places = (
        tmp_path / "a.sqlite",
        [Origin("checkpoint", f"/{place}/one.pth", "", {"anchor_sizes": ((8,),)}) for place in "xy"],
    )
    there, moved = (replace(PLAN, detectors=(replace(ONE, origin=place),)) for place in places)
    with opened(path, there) as file:
        file.write(row(0))
    assert (Scan(path).origins, Scan(path).fingerprints) == ((places[0],), ("f1",))
    with opened(path, moved):
        # nothing was left to be done
        assert Scan(path).origins == (places[0],)
    with opened(path, moved) as file:
        file.write(row(1))
    assert Scan(path).origins == (places[1],)


def test_a_file_of_an_earlier_version_is_read_and_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        file.write(row(0))
    change = "UPDATE about SET value = ? WHERE name = 'format'"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("ALTER TABLE detectors DROP COLUMN origin")
        file.execute(change, EARLIER)
    assert "earlier version of this program and can be read, but not gone on with" in refused(path)
    found = Scan(path)
    assert (found.about["format"], found.detectors, found.fingerprints) == (EARLIER[0], ("one",), ("f1",))
    assert (found.origins, found.outcomes()) == ((Origin(),), {"found": 1, "missed": 1})
    assert found.rows("SELECT * FROM detectors")[0][-1] == "{}"


def test_a_file_that_is_there_is_only_taken_to_go_on(tmp_path: Path) -> None:
    with opened(tmp_path / "a.sqlite", resume=False):
        pass
    assert "go on with it by --resume" in refused(tmp_path / "a.sqlite", resume=False)


def test_an_empty_file_is_begun(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").touch()
    with opened(tmp_path / "a.sqlite") as file:
        file.write(row(0))
        assert file.done() == {0}


def foreign(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement)
    return path


def test_files_of_other_programs_are_left_as_they_are(tmp_path: Path) -> None:
    other = foreign(tmp_path / "b.sqlite", "CREATE TABLE songs (title TEXT)")
    old = foreign(
        tmp_path / "c.sqlite",
        *(f"CREATE TABLE {name} (name TEXT, value TEXT)" for name in ("about", "detectors", "pictures", "done")),
        "INSERT INTO about VALUES ('format', 'fpn_viewer scan 0')",
    )
    text = tmp_path / "d.sqlite"
    text.write_text("no file of SQLite's, and long enough for its header to be looked at " * 40)
    before = [path.read_bytes() for path in (other, old, text)]
    assert "another program's file" in refused(other)
    assert "no scan of this version (fpn_viewer scan 0)" in refused(old)
    assert "no SQLite file" in refused(text)
    assert [path.read_bytes() for path in (other, old, text)] == before


def test_places_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "nowhere" / "a.sqlite")
    (tmp_path / "folder").mkdir()
    assert "cannot be opened" in refused(tmp_path / "folder")


def test_two_scans_into_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        assert "being written by another scan" in refused(path)
        file.write(row(0))
    with opened(path) as file:
        assert file.done() == {0}


def test_a_file_that_another_program_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.01)
    path = tmp_path / "a.sqlite"
    with opened(path) as file:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ScanError, match=r"locked by another program; close that and go on with --resume\.$"):
                file.write(row(0))
            other.execute("ROLLBACK")
        file.write(row(0))


def test_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "a.sqlite") as file:
        file.write(row(0))
        pages = file._file.execute("PRAGMA page_count").fetchone()[0]
        file._file.execute(f"PRAGMA max_page_count = {pages}")
        large = replace(row(1), objects=tuple(replace(row().objects[0], number=k, name="x" * 50) for k in range(4000)))
        with pytest.raises(ScanError, match=r"because the disk is full; make room and go on with --resume\.$"):
            file.write(large)
        assert file.done() == {0}
        file._file.execute("PRAGMA max_page_count = 1000000")
        file.write(large)
    assert Scan(tmp_path / "a.sqlite").rows("PRAGMA integrity_check") == [("ok",)]


def test_what_is_no_scan_cannot_be_read(tmp_path: Path) -> None:
    other = foreign(tmp_path / "b.sqlite", "CREATE TABLE about (name TEXT, value TEXT)")
    for path in (other, tmp_path / "nowhere.sqlite"):
        with pytest.raises(ScanError, match=path.name):
            _ = Scan(path).about
        with pytest.raises(ScanError, match="cannot be read as a scan"):
            Scan(path).outcomes()


def test_a_question_ends_in_the_middle_of_a_statement(tmp_path: Path) -> None:
    path, asked = tmp_path / "a.sqlite", []
    write_scan(path, pictures=1, objects=1)
    token = Token()

    def check() -> None:
        asked.append(token.cancelled)
        token.cancel()
        token.check()

    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT COUNT(*) FROM n"
    with pytest.raises(Cancelled):
        Scan(path, check).rows(long)
    assert asked == [False], "it is not asked again"
    assert Scan(path, lambda: None).rows(long) == [(3_000_000,)]
    with pytest.raises(ScanError, match="cannot be read"):
        Scan(path, lambda: None).rows("SELECT nothing FROM nowhere")
