"""The lanes on which a scan's file is asked beside the window, and the first question: what was scanned."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.engine.jobs import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fpn_viewer.core.detectors.origin import Origin
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan.reading import Scan

#: lane table of the queue that fills the table: always quick
TABLE_LANES: tuple[Lane, ...] = (Lane("page"), Lane("keys"), Lane("about"))
#: lane table of the queue for numbers and drawings of a scan, the quick ones first; what is new here gets a row of its own
NUMBER_LANES: tuple[Lane, ...] = (
    Lane("glance"),
    Lane("funnel"),
    Lane("flows"),
    Lane("recall"),
    Lane("coverage"),
    Lane("coco"),
    Lane("tide"),
    Lane("proposal"),
    Lane("export", latest_only=False),
    Lane("report", latest_only=False),
)
#: lane table of the queue that runs detectors over many pictures; remedies go first where a scan pauses
RUN_LANES: tuple[Lane, ...] = (Lane("remedies"), Lane("scan"))


@dataclass(frozen=True)
class ScanAbout:
    """What was scanned, and how far.

    Attributes:
        path: the SQLite file.
        detectors: names, in order.
        sources: what each was opened from.
        specs: description of each, JSON.
        origins: how each is opened once more.
        fingerprints: of each what `fingerprints.of_detector` said: another detector finds other things.
        labels: for each its label by class name of the annotations; None where a class was left out or is unknown to it.
        unmatched: for each the class names of the annotations that it has no label for.
        annotations: file or folder of the objects; "" without any.
        classes: names as annotated, of objects in the file, the most frequent first.
        class_counts: how many objects of each.
        iou: overlap from which a detection matches an object.
        pictures: how many were planned.
        done: how many are in the file.
        objects: how many are in the file.
        outcomes: for each detector (outcome, how many objects), most first.
        killers: for each detector (stage that lost it, how many objects), most first.
        problems: how many pictures could not be read, or not run by a detector.
    """

    path: str
    detectors: tuple[str, ...]
    sources: tuple[str, ...]
    specs: tuple[str, ...] = field(repr=False)
    origins: tuple[Origin, ...] = field(repr=False)
    fingerprints: tuple[str, ...] = field(repr=False)
    labels: tuple[Mapping[str, int | None], ...] = field(repr=False)
    unmatched: tuple[tuple[str, ...], ...]
    annotations: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    iou: float
    pictures: int
    done: int
    objects: int
    outcomes: tuple[tuple[tuple[str, int], ...], ...]
    killers: tuple[tuple[tuple[str, int], ...], ...]
    problems: int


@dataclass(frozen=True)
class ReadAbout:
    """Asks a scan's file what was scanned, and how far.

    Attributes:
        path: the SQLite file.
    """

    path: str

    def __call__(self, token: Token) -> ScanAbout:
        """What it says.

        Raises:
            ScanError: it cannot be read as a scan.
        """
        from fpn_viewer.engine.scan.reading import Scan
        from fpn_viewer.engine.scan.store import ScanError

        if not Path(self.path).is_file():
            raise ScanError(f"{self.path} is not there; open the file that a scan wrote.")
        scan = Scan(Path(self.path), token.check)
        about = scan.about
        token.check()
        planned = scan.rows("SELECT name, source, spec, labels FROM detectors ORDER BY detector")
        classes = scan.rows("SELECT class, COUNT(*) FROM objects GROUP BY class ORDER BY 2 DESC, 1")
        token.check()
        # one sweep over an index for all detectors
        fates = scan.rows("SELECT detector, outcome, killer, COUNT(*) FROM fates GROUP BY 1, 2, 3")
        token.check()
        return ScanAbout(
            path=self.path,
            detectors=tuple(name for name, *_ in planned),
            sources=tuple(source for _, source, *_ in planned),
            specs=tuple(spec for _, _, spec, _ in planned),
            origins=scan.origins,
            fingerprints=scan.fingerprints,
            labels=tuple(json.loads(labels) for *_, labels in planned),
            unmatched=scan.unmatched,
            annotations=about["annotations"][0],
            classes=tuple(name for name, _ in classes),
            class_counts=tuple(count for _, count in classes),
            iou=about["iou"],
            pictures=about["count"],
            done=_count(scan, "done"),
            objects=sum(count for _, count in classes),
            outcomes=tuple(_counts(fates, number, _OUTCOME) for number in range(len(planned))),
            killers=tuple(_counts(fates, number, _KILLER) for number in range(len(planned))),
            problems=len(scan.problems),
        )


#: places in a row of (detector, outcome, killer, how many)
_OUTCOME, _KILLER = 1, 2


def _counts(fates: list[tuple[Any, ...]], detector: int, column: int) -> tuple[tuple[str, int], ...]:
    """(name, how many) of one detector by a column, most first; "" is no stage."""
    counts: Counter[str] = Counter()
    for row in fates:
        if row[0] == detector and row[column]:
            counts[row[column]] += row[-1]
    return tuple(counts.most_common())


def _count(scan: Scan, table: str) -> int:
    return int(scan.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


@dataclass(frozen=True)
class Exported:
    """Files were written.

    Attributes:
        folder: where.
        files: their names.
    """

    folder: str
    files: tuple[str, ...]


#: kinds of files that a scan is exported to, and what they are
EXPORTS: dict[str, str] = {
    "csv": "CSV: one file for each table, and all objects with every detector's verdict",
    "parquet": "Parquet: the same tables, for pandas, polars and DuckDB",
    "coco": "COCO results: detections of each detector as JSON, for pycocotools",
    "html": "A page with charts, numbers and the worst losses, which needs nothing else",
}


@dataclass(frozen=True)
class ExportScan:
    """Writes a scan into other files.

    Attributes:
        path: the SQLite file.
        folder: made where it is not there; files of the same names are written over.
        kinds: keys of `EXPORTS`.
    """

    path: str
    folder: str
    kinds: tuple[str, ...]

    def __call__(self, token: Token) -> Exported:
        """What was written.

        Raises:
            ScanError: the scan cannot be read, or a file not be written.
            UserError: a library for that kind of file is missing.
        """
        from fpn_viewer.engine.scan import exports
        from fpn_viewer.engine.scan.reading import Scan
        from fpn_viewer.engine.scan.store import ScanError

        writers: dict[str, Callable[[Scan, Path, Token], Iterable[Path]]]
        writers = {"csv": exports.write_csv, "parquet": exports.write_parquet, "coco": exports.write_coco, "html": _write_report}
        scan, folder = Scan(Path(self.path)), Path(self.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = [file.name for kind in self.kinds for file in writers[kind](scan, folder, token)]
        except OSError as error:
            raise ScanError(f"{folder} cannot be written to ({error.strerror or error}); choose another folder.") from error
        return Exported(self.folder, tuple(files))


def _write_report(scan: Scan, folder: Path, token: Token) -> list[Path]:
    from fpn_viewer.engine.scan.report.findings import findings
    from fpn_viewer.engine.scan.report.page import write_page

    path = folder / "report.html"
    write_page(scan, findings(scan, token), path, token)
    return [path]
