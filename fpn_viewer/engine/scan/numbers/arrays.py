"""Columns of a scan as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpn_viewer.engine.scan.reading import Scan

#: pictures that are annotated and that a detector ran on: its number is the value of the question mark
COUNTED_PICTURES = "SELECT picture FROM runs JOIN done USING (picture) WHERE detector = ? AND runs.problem = '' AND annotated"


def columns(scan: Scan, query: str, values: tuple[Any, ...], kinds: str) -> list[NDArray[Any]]:
    """What a SELECT gives, one array for each column.

    Args:
        scan: to ask.
        query: the SELECT.
        values: for its question marks.
        kinds: NumPy's letter for each column: "l" whole number, "d" float (NULL becomes NaN), "?" yes or no, "O" as it is.
    """
    rows = scan.rows(query, values)
    return [np.array(column, kind) for column, kind in zip(list(zip(*rows, strict=True)) or [()] * len(kinds), kinds, strict=True)]


def pictures_of(scan: Scan, detector: int) -> NDArray[np.int64]:
    """Numbers of the pictures that are annotated and that a detector ran on, in order."""
    rows = scan.rows(f"{COUNTED_PICTURES} ORDER BY picture", (detector,))
    return np.array([picture for (picture,) in rows], np.int64)


def name_of(scan: Scan, detector: int) -> str:
    """What a detector is called.

    Raises:
        IndexError: the scan has no such detector.
    """
    return scan.detectors[detector]
