"""What single changes would bring back, in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.scan.dataset.remedies import data_remedies, remedies_table, reopened
from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.report.tables import table
from fpn_viewer.engine.scan.report.words import html
from fpn_viewer.engine.scan.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.engine.scan.dataset.values import DataRemedies
    from fpn_viewer.engine.scan.reading import Scan

_ABOUT = "Each setting is changed alone, and every picture of a sample is computed again with it."


def remedies_of(scan: Scan, pictures: int, watcher: Watcher | None = None) -> tuple[DataRemedies | str, ...]:
    """What single changes bring back for each detector, or a sentence on why that cannot be said. It runs the detectors.

    Args:
        scan: finished or running.
        pictures: of the sample.
        watcher: told how far it is, may stop it.

    Raises:
        ScanError: the scan cannot be read.
    """
    return tuple(_remedies(scan, detector, pictures, watcher) for detector in range(len(scan.detectors)))


def _remedies(scan: Scan, detector: int, pictures: int, watcher: Watcher | None) -> DataRemedies | str:
    try:
        opened = reopened(scan, detector)
        if opened is None:
            return "It is no longer where it was when it was scanned, so that it cannot be run again."
        return data_remedies(scan, (opened,), Filter(detector=detector), pictures=pictures, watcher=watcher)
    except UserError as error:
        return str(error)


def remedies_section(names: Sequence[str], found: Sequence[DataRemedies | str]) -> Iterator[str]:
    """What a report says of remedies.

    Args:
        names: of the detectors.
        found: for each what was tried, or why nothing was.
    """
    yield f'<h2 id="remedies">Remedies</h2><p>{_ABOUT}</p>'
    for name, one in zip(names, found, strict=True):
        yield f"<h3>{html(name)}</h3><p>{html(one if isinstance(one, str) else one.sentence)}</p>"
        if not isinstance(one, str):
            head, *rows = ([_signed(cell) for cell in row] for row in remedies_table(one))
            sample = f"{counted(sum(one.done), 'picture')} of the scan, with {counted(one.tried, 'lost object')}"
            yield table(head, rows, f"Tried on {sample}; now {one.wrong:.1f} false positives a picture.")
            untried = [row for row in one.rows if row.problem]
            yield "".join(f"<p>{html(row.change.name)} at {html(row.change.after)}: {html(row.problem)}</p>" for row in untried)


def _signed(cell: str) -> str:
    """With the sign that is as wide as a plus."""
    return f"−{cell[1:]}" if cell.startswith("-") else cell
