"""All numbers of a scan, computed once for a report."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpn_viewer.core.annotations.table import Unwatched
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.scan.dataset.coverage import coverage_of_scan
from fpn_viewer.engine.scan.filters import Filter
from fpn_viewer.engine.scan.numbers.coco import coco
from fpn_viewer.engine.scan.numbers.counts import funnel
from fpn_viewer.engine.scan.numbers.flow import flows
from fpn_viewer.engine.scan.numbers.recall import FINE, recall
from fpn_viewer.engine.scan.numbers.tide import tide

if TYPE_CHECKING:
    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.dataset.values import Coverage
    from fpn_viewer.engine.scan.numbers.values import CocoMetrics, Flows, Funnel, RecallCurve, TideErrors
    from fpn_viewer.engine.scan.reading import Scan

#: resamples for AP50, which costs more than recall
_RESAMPLES = 300


@dataclass(frozen=True)
class Findings:
    """What a report says in numbers; one value for each detector, but for the flows.

    Attributes:
        funnels: what became of the objects.
        sizes: recall and AP50 in the size buckets of tables.
        curves: recall in the finer buckets of charts.
        coco: COCO's numbers.
        tide: TIDE's error types.
        anchors: how they fit the objects, or a sentence on why that cannot be said.
        flows: from the first detector to each other one.
    """

    funnels: tuple[Funnel, ...]
    sizes: tuple[RecallCurve, ...]
    curves: tuple[RecallCurve, ...]
    coco: tuple[CocoMetrics, ...]
    tide: tuple[TideErrors, ...]
    anchors: tuple[Coverage | str, ...]
    flows: tuple[Flows, ...]


def findings(scan: Scan, watcher: Reading | None = None) -> Findings:
    """Computes all numbers of a scan.

    Args:
        scan: to count in.
        watcher: told how far it is, may stop it.

    Raises:
        ScanError: the file cannot be read.
    """
    watched, detectors = watcher or Unwatched(), range(len(scan.detectors))
    return Findings(
        tuple(funnel(scan, Filter(detector=one)) for one in detectors),
        tuple(recall(scan, one, ap=True, resamples=_RESAMPLES, watcher=watched) for one in detectors),
        tuple(recall(scan, one, bounds=FINE) for one in detectors),
        tuple(coco(scan, one, watched) for one in detectors),
        tuple(tide(scan, one, watched) for one in detectors),
        tuple(_anchors(scan, one) for one in detectors),
        tuple(flows(scan, 0, other) for other in detectors[1:]),
    )


def _anchors(scan: Scan, detector: int) -> Coverage | str:
    try:
        return coverage_of_scan(scan, Filter(detector=detector))
    except QuestionError as error:
        return str(error)


def as_json(found: Findings) -> dict[str, Any]:
    """The numbers as JSON knows them; what is not a number is null."""
    out: dict[str, Any] = _plain(found)
    return out


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
