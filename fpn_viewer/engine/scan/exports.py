"""A scan's tables as CSV or Parquet, and its detections as COCO results."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.annotations.table import Unwatched
from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.scan.coco_files import coco_files
from fpn_viewer.engine.scan.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.reading import Scan

    Rows = Iterator[list[tuple[Any, ...]]]

#: pictures whose rows are held at a time
_PICTURES = 500
#: every object with every detector's verdict in one row each, as people open it in a spreadsheet
_EVERYTHING = """
    SELECT pictures.path, objects.object, objects.class, detectors.name, outcome, killer, value, limit_value, margin, unit, verdict,
        score, iou, x1, y1, x2, y2, area, net_h, net_w, cells, level, anchor_iou, positives
    FROM objects JOIN fates USING (picture, object) JOIN pictures USING (picture) JOIN detectors USING (detector)
    WHERE objects.picture >= ? AND objects.picture < ? ORDER BY objects.picture, objects.object, detector
"""
_EVERYTHING_KINDS: tuple[tuple[str, str], ...] = (
    *((name, "TEXT") if name != "object" else (name, "INTEGER") for name in ("picture", "object", "class", "detector")),
    *(("outcome", "TEXT"), ("killer", "TEXT"), ("value", "REAL"), ("limit_value", "REAL"), ("margin", "REAL"), ("unit", "TEXT")),
    ("verdict", "TEXT"),
    *((name, "REAL") for name in ("score", "iou", "x1", "y1", "x2", "y2", "area", "net_h", "net_w", "cells")),
    *(("level", "TEXT"), ("anchor_iou", "REAL"), ("positives", "INTEGER")),
)


@dataclass(frozen=True)
class _Sheet:
    """What becomes one file.

    Attributes:
        name: of the file, without its ending.
        columns: (name, SQL type).
        query: gives its rows, of the pictures between two numbers where it has question marks.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    query: str


def _sheets() -> Iterator[_Sheet]:
    yield _Sheet("every_object", _EVERYTHING_KINDS, _EVERYTHING)
    for table in TABLES:
        portion = "WHERE picture >= ? AND picture < ?" if table.key[0] == "picture" else ""
        yield _Sheet(table.name, table.columns, f"SELECT * FROM {table.name} {portion} ORDER BY {', '.join(table.key)}")


def write_csv(scan: Scan, folder: Path, watcher: Reading | None = None) -> tuple[Path, ...]:
    """Writes each table as NAME.csv, and all objects with every detector's verdict as every_object.csv.

    Args:
        scan: to export.
        folder: that is there; files of the same names are written over.
        watcher: told how far it is, may stop it.

    Returns:
        The files.

    Raises:
        ScanError: the scan cannot be read.
        OSError: a file cannot be written.
    """
    return tuple(_write_sheets(scan, folder, "csv", _csv_file, watcher))


def write_parquet(scan: Scan, folder: Path, watcher: Reading | None = None) -> tuple[Path, ...]:
    """Writes the same tables as `write_csv` as NAME.parquet.

    Raises:
        UserError: pyarrow is not installed, or the scan cannot be read.
        OSError: a file cannot be written.
    """
    if find_spec("pyarrow") is None:
        raise UserError("Parquet is written by pyarrow, which is not installed; run: pip install pyarrow, or choose CSV.")
    return tuple(_write_sheets(scan, folder, "parquet", _parquet_file, watcher))


def write_coco(scan: Scan, folder: Path, watcher: Reading | None = None) -> tuple[Path, ...]:
    """Writes COCO results, results-NAME.json for each detector.

    Where the scan's annotations are a COCO file that is still there, pictures and classes have its ids, so that the results go with
    it. Else they are numbered, and ground_truth.json goes with them.

    Raises:
        ScanError: the scan cannot be read.
        OSError: a file cannot be written.
    """
    out = []
    for name, value in coco_files(scan, watcher):
        out.append(folder / f"{name}.json")
        with _finished(out[-1]) as part, part.open("w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
    return tuple(out)


def _write_sheets(
    scan: Scan,
    folder: Path,
    ending: str,
    write: Callable[[Path, _Sheet, Rows], None],
    watcher: Reading | None,
) -> Iterator[Path]:
    # asked at once: a file of another program is told from a scan by it
    pictures, sheets = int(scan.about["count"]), list(_sheets())
    for done, sheet in enumerate(sheets):
        (watcher or Unwatched()).report(f"writing {sheet.name}.{ending}", done / len(sheets))
        path = folder / f"{sheet.name}.{ending}"
        with _finished(path) as part:
            write(part, sheet, _portions(scan, sheet, pictures, watcher or Unwatched()))
        yield path


@contextmanager
def _finished(path: Path) -> Iterator[Path]:
    """A file to write to that becomes `path` when it is complete, so that none stops half-way."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _portions(scan: Scan, sheet: _Sheet, pictures: int, watcher: Reading) -> Rows:
    if "?" not in sheet.query:
        yield scan.rows(sheet.query)
        return
    for first in range(0, pictures, _PICTURES):
        watcher.check()
        yield scan.rows(sheet.query, (first, first + _PICTURES))


def _csv_file(path: Path, sheet: _Sheet, portions: Iterable[list[tuple[Any, ...]]]) -> None:
    # with a mark of the encoding, without which spreadsheets take names for another one
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(name for name, _ in sheet.columns)
        for rows in portions:
            writer.writerows(rows)


def _parquet_file(path: Path, sheet: _Sheet, portions: Iterable[list[tuple[Any, ...]]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"TEXT": pa.string(), "INTEGER": pa.int64(), "REAL": pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in sheet.columns])
    with pq.ParquetWriter(path, schema) as writer:
        for rows in portions:
            columns = list(zip(*rows, strict=True)) or [()] * len(schema)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
