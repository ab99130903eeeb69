"""What became of the objects of a detector, as arrays.

A million rows one by one through sqlite3 take many seconds, and a query that joins and groups them no less. Here SQLite itself
strings the keys of the objects together, group by group and from its indexes alone; NumPy puts the pieces side by side. They are
kept as long as the file stays as it is, so that another class or another detector costs milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fpn_viewer.core.geometry import frozen
from fpn_viewer.engine.cache import ByteCache
from fpn_viewer.engine.scan.filters import BUCKETS, LEFT_OUT, SIDE, Filter, joined, where

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.reading import Scan

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]

#: a key is picture · 2^KEY_BITS + object
KEY_BITS = 24
#: bytes that are kept of scans: some four detectors of a million objects each
MEMORY = 96 << 20
_KEY = f"fates.picture << {KEY_BITS} | fates.object"


@dataclass(frozen=True)
class Fates:
    """The objects that a detector is expected to find, by key.

    Attributes:
        keys: rising (N,).
        fate: place in `kinds` (N,).
        name: place in `names` (N,).
        bucket: size bucket, from 0 (N,).
        kinds: (outcome, killer) that occur.
        names: classes as annotated, in their order in the alphabet.
        buckets: how many.
    """

    keys: Ints
    fate: Codes
    name: Codes
    bucket: Codes
    kinds: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    buckets: int

    @property
    def pictures(self) -> Ints:
        """Number of each one's picture (N,)."""
        return self.keys >> KEY_BITS

    def grid(self) -> Ints:
        """How many objects (kinds, buckets, names)."""
        shape = (len(self.kinds), self.buckets, len(self.names))
        flat = (self.fate.astype(np.int64) * shape[1] + self.bucket) * shape[2] + self.name
        out: Ints = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
        return out

    def kept(self, wanted: Flags | Ints) -> Fates:
        """Those that are wanted, or those at some places."""
        keys, fate, name, bucket = (frozen(array[wanted]) for array in self.arrays)
        return replace(self, keys=keys, fate=fate, name=name, bucket=bucket)

    @property
    def arrays(self) -> tuple[Ints, Codes, Codes, Codes]:
        """What there is of each object."""
        return self.keys, self.fate, self.name, self.bucket


_MEMORY: ByteCache[Hashable, Fates] = ByteCache(MEMORY, lambda held: sum(array.nbytes for array in held.arrays))


def fates(scan: Scan, chosen: Filter, bounds: Sequence[float] = BUCKETS) -> Fates:
    """What became of the objects of a choice; those that nobody is to find are left out.

    Args:
        scan: to read.
        chosen: which objects, and of which detector.
        bounds: sides, net px, from which each size bucket goes, rising from 0; the last has no end.

    Raises:
        ScanError: the file cannot be read.
    """
    held = _held(scan, chosen.detector, tuple(map(float, bounds)))
    wanted = _of_kinds(held, chosen)[held.fate]
    if chosen.classes:
        wanted &= np.isin(held.names, chosen.classes)[held.name]
    rest = replace(chosen, outcomes=(), killers=(), classes=(), counted=False)
    if rest != Filter(detector=chosen.detector):
        wanted &= np.isin(held.keys, _keys(scan, rest), assume_unique=True)
    return held if wanted.all() else held.kept(wanted)


def _of_kinds(held: Fates, chosen: Filter) -> Flags:
    """Of each kind of fate whether it is chosen."""
    return np.array(
        [
            (not chosen.outcomes or outcome in chosen.outcomes) and (not chosen.killers or killer in chosen.killers)
            for outcome, killer in held.kinds
        ],
        np.bool_,
    )


def _keys(scan: Scan, chosen: Filter) -> Ints:
    """Keys of the objects of any choice."""
    condition, values = where(chosen)
    source, condition = joined(condition)
    ((text,),) = scan.rows(f"SELECT group_concat({_KEY}) FROM {source} WHERE {condition}", values)
    return _numbers(text)


def _held(scan: Scan, detector: int, bounds: tuple[float, ...]) -> Fates:
    """All counted objects of a detector, read unless they are still known."""
    asked = (_state(scan), detector, bounds)
    held = _MEMORY.get(asked)
    if held is None:
        held = _read(scan, detector, bounds)
        _MEMORY.put(asked, held)
    return held


def _state(scan: Scan) -> tuple[object, ...]:
    """What differs when the file holds anything else: its name, when its parts were written, how many pictures are in it."""
    parts = [scan.path.absolute(), scan.path.with_name(f"{scan.path.name}-wal")]
    stats = [part.stat() for part in parts if part.exists()]
    (done,) = scan.rows("SELECT COUNT(*) FROM done")
    return (parts[0], *((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats), *done)


def _read(scan: Scan, detector: int, bounds: tuple[float, ...]) -> Fates:
    # one statement sees the file at one moment, also while it is written
    rows: dict[str, list[tuple[Any, ...]]] = {"fate": [], "class": [], "ignored": [], "bucket": []}
    for part, *row in scan.rows(_sweep(bounds), (detector, detector)):
        rows[part].append(tuple(row))
    keys, fate, kinds = _grouped([((outcome, killer), text) for outcome, killer, text in rows["fate"] if outcome not in LEFT_OUT])
    every, name, names = _grouped([(name, text) for name, _, text in rows["class"]])
    ((*_, packed),) = rows["bucket"]
    sized = np.sort(_numbers(packed))
    bucket = sized[np.searchsorted(sized // len(bounds), keys)] % len(bounds) if len(keys) else keys
    found = Fates(keys, fate, name[np.searchsorted(every, keys)], bucket.astype(np.int32), kinds, names, len(bounds))
    ((*_, ignored),) = rows["ignored"]
    return found.kept(~np.isin(keys, _numbers(ignored), assume_unique=True))


def _sweep(bounds: Sequence[float]) -> str:
    """Everything about one detector: (part, name, second name, keys as text); asked with its number twice."""
    every = _KEY.replace("fates.", "")
    cases = " ".join(f"WHEN side < {bound!r} THEN {place}" for place, bound in enumerate(bounds[1:]))
    size = f"CASE {cases} ELSE {len(bounds) - 1} END" if cases else "0"
    # without the LIMIT the side would be computed anew for each bound
    sides = f"(SELECT {every} AS key, {SIDE} AS side FROM fates WHERE detector = ? LIMIT -1)"
    return f"""
        SELECT 'fate', outcome, killer, group_concat({every}) FROM fates WHERE detector = ? GROUP BY outcome, killer
        UNION ALL SELECT 'class', class, '', group_concat({every}) FROM objects GROUP BY class
        UNION ALL SELECT 'ignored', '', '', group_concat({every}) FROM objects WHERE ignored
        UNION ALL SELECT 'bucket', '', '', group_concat(key * {len(bounds)} + {size}) FROM {sides}
    """


def _grouped(rows: list[tuple[Any, str]]) -> tuple[Ints, Codes, tuple[Any, ...]]:
    """Keys of all groups in order, the group of each, and what the groups are called."""
    pieces = [_numbers(text) for _, text in rows]
    keys = np.concatenate([*pieces, np.zeros(0, np.int64)])
    group = np.repeat(np.arange(len(rows), dtype=np.int32), [len(piece) for piece in pieces])
    order = np.argsort(keys, kind="stable")
    return keys[order], group[order], tuple(name for name, _ in rows)


def _numbers(text: str | None) -> Ints:
    """Whole numbers with commas between them."""
    return np.fromstring(text, np.int64, sep=",") if text else np.zeros(0, np.int64)
