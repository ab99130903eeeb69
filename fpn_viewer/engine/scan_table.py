"""The objects of a scan as a table: their keys sorted once into one array, rows by key, and crops of their pictures.

A table of a million rows then costs what is in sight: a page of rows is some look-ups by primary key.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.engine.scan.filters import LOST, SIDE, Filter, joined, where

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.cache import ByteCache
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.scan.reading import Scan

    Keys = NDArray[np.int64]
    #: keys with their lowest bit, and what they are sorted by
    Found = tuple[Keys, NDArray[np.float64]]
    Memory = ByteCache[Hashable, Found]

#: a key is picture · 2^KEY_BITS + object
KEY_BITS = 24
#: bytes of what is remembered of earlier questions: the answers to some four about a million objects
MEMORY = 64 << 20


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: its heading.
        tip: one sentence.
        order: SQL expression that it is sorted by, over `filters.FROM`; NULL comes last both ways.
        down: whether the first click puts the largest first.
        is_name: that is a text and no number.
    """

    title: str
    tip: str
    order: str
    down: bool = False
    is_name: bool = False


def _stage_order() -> str:
    """A killer's place in the order of the stages, so that losses are sorted from the first to the last."""
    from fpn_viewer.core.structures import DENSE_STAGES, STAGES

    places = {name: place for place, name in enumerate(dict.fromkeys((*STAGES, *DENSE_STAGES)))}
    cases = " ".join(f"WHEN '{name}' THEN {place}" for name, place in places.items())
    return f"CASE fates.killer {cases} END"


_LISTED = ", ".join(f"'{name}'" for name in LOST)
#: by key, in the order of the table
COLUMNS: dict[str, Column] = {
    "object": Column("Object", "What is annotated, cut out of its picture; sorted by its place in the annotations", "fates.object"),
    "class": Column("Class", "As annotated", "objects.class", is_name=True),
    "outcome": Column("Outcome", "What became of it in the chosen detector", "fates.outcome", is_name=True),
    "killer": Column("Lost at", "The stage at which its last candidate was lost", _stage_order()),
    "margin": Column(
        "Margin",
        "How far the deciding number was on the right side of its limit, in its own unit; negative when it failed",
        "fates.margin",
    ),
    "image": Column("Picture px", "Width × height as annotated", "(objects.x2 - objects.x1) * (objects.y2 - objects.y1)", True),
    "net": Column("Network px", "Width × height after the detector's resize", SIDE, True),
    "cells": Column("Cells", "Its longer side in cells of the level that it is read from", "fates.cells", True),
    "anchor": Column("Anchor IoU", "Overlap with the best anchor; training wants 0.5 to 0.7", "fates.anchor_iou"),
    "score": Column("Score", "Of the detection that decides the outcome", "fates.score", True),
    "detectors": Column(
        "Detectors",
        "Which of the scan's detectors found it; sorted by how many lost it",
        "(SELECT COUNT(*) FROM fates AS all_of WHERE all_of.picture = fates.picture AND all_of.object = fates.object"
        f" AND all_of.outcome IN ({_LISTED}))",
        True,
    ),
    "picture": Column("Picture", "File that it is in", "fates.picture"),
}


@dataclass(frozen=True)
class FoundKeys:
    """All objects that a filter leaves, in order.

    Attributes:
        request: what was asked.
        keys: one for each (N,).
        lost: of each whether it counts as lost (N,).
    """

    request: FindKeys
    keys: Keys = field(repr=False)
    lost: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True)
class FindKeys:
    """Sorts the objects that a filter leaves.

    Attributes:
        path: the scan's SQLite file.
        filter: which objects.
        column: a key of `COLUMNS`.
        descending: the largest first.
        revision: of the scan's content, to tell answers apart.
        memory: what was read for earlier questions, so that a table is turned round at once; None to remember nothing.
    """

    path: str
    filter: Filter
    column: str = "net"
    descending: bool = True
    revision: int = 0
    memory: Memory | None = field(default=None, repr=False, compare=False)

    def __call__(self, token: Token) -> FoundKeys:
        """Their keys.

        Raises:
            Cancelled: the token says so.
            ScanError: the file cannot be read.
        """
        asked = (self.path, self.revision, self.filter, self.column)
        held = None if self.memory is None else self.memory.get(asked)
        found, by = self._read(token) if held is None else held
        if self.memory is not None:
            self.memory.put(asked, (found, by))
        found = found[_sorted(by, found, self.descending)]
        keys, lost = found >> 1, (found & 1).astype(bool)
        for array in (keys, lost):
            array.flags.writeable = False
        return FoundKeys(self, keys, lost)

    def _read(self, token: Token) -> Found:
        from fpn_viewer.engine.scan.reading import Scan

        scan, chosen = Scan(Path(self.path), token.check), self.filter
        found, by = _strung(scan, replace(chosen, flow=None, other_killers=()), COLUMNS[self.column])
        token.check()
        if chosen.flow is not None:
            other, outcomes = chosen.flow
            theirs = Filter(other, outcomes, chosen.other_killers, picture=chosen.picture)
            wanted = np.isin(found >> 1, _strung(scan, theirs, COLUMNS["object"])[0] >> 1, assume_unique=True)
            found, by = found[wanted], by[wanted]
            token.check()
        return found, by


def _strung(scan: Scan, chosen: Filter, column: Column) -> Found:
    """Packed keys, and what each is sorted by: numbers, NaN for nothing; names as their place in the alphabet.

    SQLite strings them together: a million rows one by one through sqlite3 take several times as long, and hold up the window.
    """
    condition, values = where(chosen)
    order = column.order
    source, condition = joined(condition, order)
    # lost or not rides along in the lowest bit
    packed = f"group_concat(((fates.picture << {KEY_BITS}) | fates.object) * 2 + (fates.outcome IN ({_LISTED})))"
    if column.is_name:
        query = f"SELECT {packed}, '' FROM {source} WHERE {condition} GROUP BY {order} ORDER BY {order}"
    else:
        query = f"SELECT {packed}, group_concat(ifnull({order}, 'nan')) FROM {source} WHERE {condition}"
    rows = [(text, numbers) for text, numbers in scan.rows(query, values) if text]
    keys = [np.fromstring(text, np.int64, sep=",") for text, _ in rows]
    if column.is_name:
        by = [np.full(len(some), place, np.float64) for place, some in enumerate(keys)]
    else:
        by = [np.fromstring(numbers, np.float64, sep=",") for _, numbers in rows]
    return np.concatenate([np.empty(0, np.int64), *keys]), np.concatenate([np.empty(0), *by])


def _sorted(by: NDArray[np.float64], keys: Keys, descending: bool) -> NDArray[np.intp]:
    """The order; what has no value comes last both ways, and equals are in the order of the scan."""
    return np.lexsort((keys, -by if descending else by))


@dataclass(frozen=True)
class ScanRow:
    """One object of the table.

    Attributes:
        key: see `KEY_BITS`.
        picture: its number in the scan.
        object: its place in the picture's annotations.
        path: of the picture.
        size: (H, W) image px.
        name: its class as annotated.
        box_img: xyxy image px.
        flaw: what is wrong with its box, "" when nothing.
        outcome: a key of `matching.OUTCOMES`.
        killer: stage that lost it; "" when a detection matches it.
        value: the deciding number at the killer.
        limit: what it was held against.
        margin: how far on the right side of it.
        unit: of these three.
        score: of the detection that decides the outcome; None without one.
        iou: of that detection with the object.
        net: (height, width) net px; None where it was not run.
        cells: its longer side in cells of `level`.
        level: that it is read from.
        anchor_iou: of the best anchor.
        verdict: one sentence, "" where it could not be followed.
        outcomes: one for each detector of the scan; "" where it was not run.
    """

    key: int
    picture: int
    object: int
    path: str
    size: tuple[int, int]
    name: str
    box_img: Box
    flaw: str
    outcome: str
    killer: str
    value: float | None
    limit: float | None
    margin: float | None
    unit: str
    score: float | None
    iou: float
    net: tuple[float, float] | None
    cells: float | None
    level: str
    anchor_iou: float | None
    verdict: str
    outcomes: tuple[str, ...]

    @property
    def side_net(self) -> float | None:
        """Root of its area, net px."""
        return None if self.net is None else float(np.sqrt(self.net[0] * self.net[1]))


@dataclass(frozen=True)
class ScanRows:
    """Rows of the table.

    Attributes:
        path: the scan's SQLite file.
        detector: whose outcomes they tell.
        revision: as asked.
        rows: in the order of the keys; without those that the file does not have.
    """

    path: str
    detector: int
    revision: int
    rows: tuple[ScanRow, ...] = field(repr=False)


_ROW = (
    "fates.picture, fates.object, pictures.path, done.height, done.width, objects.class, objects.x1, objects.y1, objects.x2,"
    " objects.y2, objects.flaw, fates.outcome, fates.killer, fates.value, fates.limit_value, fates.margin, fates.unit,"
    " fates.score, fates.iou, fates.net_h, fates.net_w, fates.cells, fates.level, fates.anchor_iou, fates.verdict"
)


@dataclass(frozen=True)
class ReadRows:
    """Reads rows by key.

    Attributes:
        path: the scan's SQLite file.
        detector: whose outcomes.
        keys: of the objects, some hundred at most.
        revision: handed on.
    """

    path: str
    detector: int
    keys: tuple[int, ...]
    revision: int = 0

    def __call__(self, token: Token) -> ScanRows:
        """The rows.

        Raises:
            ScanError: the file cannot be read.
        """
        from fpn_viewer.engine.scan.reading import Scan

        scan, places = Scan(Path(self.path)), tuple((key >> KEY_BITS, key & ((1 << KEY_BITS) - 1)) for key in self.keys)
        wanted = f"WITH wanted(picture, object) AS (VALUES {', '.join('(?, ?)' for _ in places)})"
        flat = tuple(number for place in places for number in place)
        if not places:
            return ScanRows(self.path, self.detector, self.revision, ())
        found = scan.rows(
            f"{wanted} SELECT {_ROW} FROM wanted JOIN fates USING (picture, object) JOIN objects USING (picture, object)"
            " JOIN pictures USING (picture) JOIN done USING (picture) WHERE fates.detector = ?",
            (*flat, self.detector),
        )
        token.check()
        others: dict[tuple[int, int], list[str]] = {}
        query = f"{wanted} SELECT picture, object, outcome FROM wanted JOIN fates USING (picture, object) ORDER BY detector"
        for picture, number, outcome in scan.rows(query, flat):
            others.setdefault((picture, number), []).append(outcome)
        by_place = {row[:2]: row for row in found}
        rows = tuple(_row(by_place[place], tuple(others[place])) for place in places if place in by_place)
        return ScanRows(self.path, self.detector, self.revision, rows)


def _row(row: tuple[Any, ...], outcomes: tuple[str, ...]) -> ScanRow:
    picture, number, path, height, width, name, x1, y1, x2, y2, flaw, *fate = row
    outcome, killer, value, limit, margin, unit, score, iou, net_h, net_w, cells, level, anchor_iou, verdict = fate
    return ScanRow(
        (picture << KEY_BITS) | number,
        picture,
        number,
        path,
        (height, width),
        name,
        _box(x1, y1, x2, y2),
        flaw,
        *(outcome, killer, value, limit, margin, unit, score, iou),
        None if net_h is None or net_w is None else (net_h, net_w),
        *(cells, level, anchor_iou, verdict),
        outcomes,
    )


def _box(*ends: float | None) -> Box:
    """A box as annotated; SQLite knows no NaN."""
    x1, y1, x2, y2 = (float("nan") if end is None else end for end in ends)
    return x1, y1, x2, y2


def remembering() -> Memory:
    """A memory for `FindKeys`."""
    from fpn_viewer.engine.cache import ByteCache

    return ByteCache(MEMORY, lambda found: found[0].nbytes + found[1].nbytes)
