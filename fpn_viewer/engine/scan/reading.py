"""A finished or running scan, read from its SQLite file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.origin import Origin
from fpn_viewer.engine.scan.schema import EARLIER, FORMAT
from fpn_viewer.engine.scan.store import ScanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


#: bytes of a file that are read as memory
_MAPPED = 2 << 30
#: of SQLite's machine between two checks: some milliseconds
_STEPS = 50_000
#: stands before the table of a file that an earlier version wrote, for as long as it is open
_AS_NOW = "CREATE TEMP VIEW detectors AS SELECT *, '{}' AS origin FROM main.detectors"


@dataclass(frozen=True)
class Scan:
    """The results of a scan; it is read afresh with every question, also while it is still written.

    Attributes:
        path: the SQLite file; its tables are those of `schema.TABLES`.
        check: called again and again while a question is answered; what it raises ends that.
    """

    path: Path
    check: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What a SELECT gives.

        Raises:
            ScanError: the file is not a scan, or the query does not fit it.
        """
        with self._open(query) as file:
            return file.execute(query, values).fetchall()

    def chunks(self, query: str, values: tuple[Any, ...] = (), size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """The same, some rows at a time.

        Raises:
            ScanError: as above.
        """
        with self._open(query) as file:
            cursor = file.execute(query, values)
            while rows := cursor.fetchmany(size):
                yield rows

    @contextmanager
    def _open(self, query: str) -> Iterator[sqlite3.Connection]:
        halt = _Halt(self.check)
        try:
            # as a URI of its own: a path may hold a question mark or a percent sign
            file = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                # a large scan is read in one sweep by whoever counts or sorts it
                file.execute(f"PRAGMA mmap_size={_MAPPED}")
                if "detectors" in query:
                    _as_now(file)
                if self.check is not None:
                    file.set_progress_handler(halt, _STEPS)
                yield file
            finally:
                file.close()
        except sqlite3.Error as error:
            if halt.reason is not None:
                raise halt.reason from None
            raise ScanError(f"{self.path} cannot be read as a scan ({error}); is it the file that a scan wrote?") from error

    @cached_property
    def about(self) -> dict[str, Any]:
        """What was scanned: format, iou, annotations, number of detectors and pictures."""
        found = dict(self.rows("SELECT name, value FROM about"))
        if found.get("format") not in (FORMAT, *EARLIER):
            raise ScanError(f"{self.path} is no scan of this version of the program; scan again.")
        return {name: value if name == "format" else json.loads(value) for name, value in found.items()}

    @property
    def detectors(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(name for (name,) in self.rows("SELECT name FROM detectors ORDER BY detector"))

    @property
    def unmatched(self) -> tuple[tuple[str, ...], ...]:
        """For each detector the class names of the annotations that it has no label for, though nobody left them out."""
        found = self.rows("SELECT unmatched FROM detectors ORDER BY detector")
        return tuple(tuple(json.loads(names)) for (names,) in found)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """For each detector what `fingerprints.of_detector` says of it: another one finds other things."""
        return tuple(text for (text,) in self.rows("SELECT fingerprint FROM detectors ORDER BY detector"))

    @property
    def origins(self) -> tuple[Origin, ...]:
        """For each detector what it was opened from; of no kind in files of earlier versions, which did not write it down.

        Raises:
            SettingError: the file says it in another way.
        """
        return tuple(Origin.from_json(text) for (text,) in self.rows("SELECT origin FROM detectors ORDER BY detector"))

    @property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """(picture, sentence) for every picture that could not be read, or not run by a detector."""
        query = """
            SELECT path, problem FROM done JOIN pictures USING (picture) WHERE problem != ''
            UNION ALL
            SELECT path, runs.problem FROM runs JOIN pictures USING (picture) WHERE runs.problem != ''
            ORDER BY 1
        """
        return tuple((path, problem) for path, problem in self.rows(query))

    def outcomes(self, detector: int = 0) -> dict[str, int]:
        """How many objects had each outcome, by name."""
        query = "SELECT outcome, COUNT(*) FROM fates WHERE detector = ? GROUP BY outcome ORDER BY COUNT(*) DESC"
        return dict(self.rows(query, (detector,)))

    def killers(self, detector: int = 0) -> dict[str, int]:
        """How many objects were lost at each stage, by name."""
        query = "SELECT killer, COUNT(*) FROM fates WHERE detector = ? AND killer != '' GROUP BY killer ORDER BY COUNT(*) DESC"
        return dict(self.rows(query, (detector,)))


class _Halt:
    """Ends a statement when a check raises, and keeps what it raised: SQLite says only that it was interrupted."""

    def __init__(self, check: Callable[[], None] | None) -> None:
        self.reason: BaseException | None = None
        self._check = check

    def __call__(self) -> bool:
        """Whether the statement is to end."""
        if self._check is not None and self.reason is None:
            try:
                self._check()
            except BaseException as error:  # raised again as soon as SQLite has stopped
                self.reason = error
        return self.reason is not None


def _as_now(file: sqlite3.Connection) -> None:
    """Makes the tables of an earlier version look like those of this one."""
    columns = [name for _, name, *_ in file.execute("PRAGMA main.table_info(detectors)")]
    if columns and "origin" not in columns:
        file.execute(_AS_NOW)
