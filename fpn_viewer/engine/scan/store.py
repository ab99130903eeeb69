"""The SQLite file of a scan: written by one, one transaction for each picture, readable by anyone meanwhile."""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from fpn_viewer.core.detectors.origin import Origin
from fpn_viewer.core.errors import UserError
from fpn_viewer.core.weights.lock import alone
from fpn_viewer.engine.scan.schema import BY_NAME, EARLIER, FORMAT, INDEXES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fpn_viewer.engine.scan.values import PictureRow

#: s that another program's transaction is waited for
PATIENCE = 30.0


class ScanError(UserError):
    """A scan's file cannot be written, read or gone on with."""


@dataclass(frozen=True)
class DetectorPlan:
    """One detector of a scan, as far as it decides what is found.

    Attributes:
        name: what it is called.
        source: what it was opened from.
        fingerprint: of its weights and settings; a scan is only gone on with while it stays the same.
        spec: its description, JSON.
        labels: its label for each class name of the annotations.
        unmatched: class names for which it has no label though nobody left them out.
        origin: how it is opened once more.
    """

    name: str
    source: str
    fingerprint: str
    spec: str
    labels: Mapping[str, int | None]
    unmatched: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True)
class Plan:
    """What is to be scanned.

    Attributes:
        pictures: their paths, in order.
        detectors: one to four.
        annotations: where the objects come from; "" without any.
        truth: fingerprint of the annotations.
        iou: overlap from which a detection matches an object.
    """

    pictures: tuple[str, ...]
    detectors: tuple[DetectorPlan, ...]
    annotations: str
    truth: str
    iou: float


class Store:
    """A scan's file, opened for writing; no other scan writes into it meanwhile.

    One thread at a time may use it, whichever.

    Attributes:
        path: the file.
        plan: what is scanned into it.
    """

    def __init__(self, path: Path, plan: Plan, *, resume: bool) -> None:
        """Makes the file, or goes on with one of the same plan.

        Args:
            path: the file.
            plan: what is to be scanned.
            resume: whether a file that is there is gone on with.

        Raises:
            ScanError: it is there and may not be gone on with, holds something else, is written to by another scan, or cannot be
                written.
        """
        self.path, self.plan = path, plan
        # not before something is written: another program's file, and a scan that is finished, are left as they are
        self._is_ahead = False
        if path.exists() and not resume:
            raise ScanError(f"{path} is there already; go on with it by --resume, or choose another file with --out.")
        with ExitStack() as stack:
            stack.enter_context(_locked(path))
            with plain_errors(path):
                self._file = _connected(path)
                stack.callback(self._file.close)
                self._open()
            self._held = stack.pop_all()

    def _open(self) -> None:
        is_new = not self._file.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        if not is_new:
            self._check()
        self._file.execute("PRAGMA synchronous=NORMAL")
        if is_new:
            self._write_ahead()
            self._begin()

    def _write_ahead(self) -> None:
        """Lets readers never wait for the writer; a process that is killed loses at most the transaction in work."""
        self._file.execute("PRAGMA journal_mode=WAL")
        self._is_ahead = True

    def _begin(self) -> None:
        with self._transaction():
            for table in TABLES:
                self._file.execute(table.create)
            for statement in INDEXES:
                self._file.execute(statement)
            self._add("about", _about(self.plan).items())
            self._add("detectors", (_detector(number, one) for number, one in enumerate(self.plan.detectors)))
            self._add("pictures", enumerate(self.plan.pictures))

    def _check(self) -> None:
        """Raises ScanError where the file was made of something else."""
        about = self._said()
        for name, value in _about(self.plan).items():
            if _compared(name, about.get(name, "null")) != _compared(name, value):
                raise ScanError(f"{self.path} was made with {_DIFFERS[name]}; choose another file with --out to scan anew.")
        before = self._file.execute("SELECT name, fingerprint, labels FROM detectors ORDER BY detector").fetchall()
        for (name, fingerprint, labels), now in zip(before, self.plan.detectors, strict=True):
            if fingerprint != now.fingerprint:
                self._refuse(f"with {name} when its weights or settings were others")
            if labels != _json(now.labels):
                self._refuse(f"when the classes of {name} were matched with other ones of the annotations")
        pictures = tuple(path for (path,) in self._file.execute("SELECT path FROM pictures ORDER BY picture"))
        if pictures != self.plan.pictures:
            self._refuse("of other pictures")

    def _said(self) -> dict[str, str]:
        tables = {name for (name,) in self._file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"about", "detectors", "pictures", "done"} <= tables:
            raise ScanError(f"{self.path} is another program's file and no scan; choose another file with --out.")
        about = dict(self._file.execute("SELECT name, value FROM about").fetchall())
        if about.get("format") in EARLIER:
            self._refuse("by an earlier version of this program and can be read, but not gone on with")
        if about.get("format") != FORMAT:
            raise ScanError(
                f"{self.path} is no scan of this version ({about.get('format', 'unknown')}); choose another file with --out."
            )
        return about

    def _refuse(self, made: str) -> NoReturn:
        raise ScanError(f"{self.path} was made {made}; choose another file with --out to scan anew.")

    def done(self) -> frozenset[int]:
        """Numbers of the pictures that were examined."""
        with plain_errors(self.path):
            return frozenset(number for (number,) in self._file.execute("SELECT picture FROM done"))

    def write(self, row: PictureRow) -> None:
        """Writes all of one picture, or nothing.

        Raises:
            ScanError: the file cannot be written.
        """
        with plain_errors(self.path):
            if not self._is_ahead:
                self._write_ahead()
                self._say_origins()
            with self._transaction():
                self._write(row)

    def _say_origins(self) -> None:
        """A checkpoint may have been moved since the scan was begun: it is opened again where it was last."""
        origins = ((one.origin.to_json(), number) for number, one in enumerate(self.plan.detectors))
        self._file.executemany("UPDATE detectors SET origin = ? WHERE detector = ?", origins)

    def _write(self, row: PictureRow) -> None:
        number = row.number
        self._add("done", [(number, row.height, row.width, row.digest, row.problem, row.annotated)])
        self._add("objects", ((number, o.number, o.name, *o.box_img, o.area, o.crowd, o.ignored, o.flaw) for o in row.objects))
        for run in row.runs:
            self._add("runs", [(number, run.detector, run.problem, run.net_h, run.net_w, run.follows)])
            self._add("fates", ((number, fate.number, run.detector, *astuple(fate)[1:]) for fate in run.fates))
            self._add(
                "detections",
                ((number, run.detector, d.number, d.label, d.name, d.score, *d.box_img, d.kind, d.object) for d in run.detections),
            )
        self._add("times", ((number, part, seconds) for part, seconds in _times(row)))

    def _add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        self._file.executemany(BY_NAME[table].insert, rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # by hand: the module's own transactions leave out statements that make tables
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            # a full disk has ended it already
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Closes the file; what was written is in it, and where nobody reads it just now, it is all that lies there."""
        with self._held, plain_errors(self.path):
            # who reads it just now is not waited for: it then stays as it is while it is written
            self._file.execute("PRAGMA busy_timeout=0")
            self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with suppress(sqlite3.OperationalError):
                # without the two files beside it, it can be read also where nothing may be written
                self._file.execute("PRAGMA journal_mode=DELETE")


#: what a scan cannot be gone on with when it has changed, in words
_DIFFERS = {
    "format": "another version of this program",
    "iou": "another overlap",
    "annotations": "other annotations",
    "detectors": "another number of detectors",
    "count": "another number of pictures",
}


def _about(plan: Plan) -> dict[str, str]:
    return {
        "format": FORMAT,
        "iou": _json(plan.iou),
        "annotations": _json([plan.annotations, plan.truth]),
        "detectors": _json(len(plan.detectors)),
        "count": _json(len(plan.pictures)),
    }


def _compared(name: str, text: str) -> Any:
    """What must stay the same: of annotations what they say, not by which path they were named."""
    return json.loads(text)[1] if name == "annotations" else text


def _detector(number: int, one: DetectorPlan) -> tuple[Any, ...]:
    said = (one.name, one.source, one.fingerprint, one.spec, _json(one.labels), _json(list(one.unmatched)), one.origin.to_json())
    return number, *said


def _json(value: Any) -> str:
    return json.dumps(dict(value) if hasattr(value, "items") else value, ensure_ascii=False, sort_keys=True)


def _times(row: PictureRow) -> Iterator[tuple[str, float]]:
    yield "read", row.seconds
    for run in row.runs:
        yield f"run {run.detector}", run.seconds[0]
        yield f"explain {run.detector}", run.seconds[1]


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps other scans out; the system lets them in again when this process ends, however it does."""

    def busy() -> None:
        raise ScanError(f"{path} is being written by another scan; wait for it, or choose another file with --out.")

    lock = path.with_name(f"{path.name}.lock")
    try:
        with alone(lock, busy):
            yield
    except OSError as error:
        raise ScanError(f"{path} cannot be made ({error.strerror or error}); choose another file with --out.") from error


#: what is wrong with a file and what to do, by the beginning of SQLite's name of the error
_ERRORS = {
    "SQLITE_FULL": "cannot grow, because the disk is full; make room and go on with --resume",
    "SQLITE_NOTADB": "is no SQLite file; choose another file with --out",
    "SQLITE_CORRUPT": "is damaged; choose another file with --out to scan anew",
    "SQLITE_BUSY": "is locked by another program; close that and go on with --resume",
    "SQLITE_READONLY": "may not be written to; change its permissions, or choose another file with --out",
    "SQLITE_CANTOPEN": "cannot be opened; check that its folder is there and may be written to, or choose another file with --out",
    "SQLITE_IOERR": "cannot be read or written, because the disk reports an error; check it and go on with --resume",
}


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Puts an error of SQLite into a sentence.

    Raises:
        ScanError: in its place.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or ""
        known = next((words for name, words in _ERRORS.items() if code.startswith(name)), "")
        raise ScanError(f"{path} {known or f'cannot be used as a scan ({error}); choose another file with --out'}.") from error
