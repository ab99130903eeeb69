"""The pages of the tab "Scan", in order; a page's module is imported when it is first chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from fpn_viewer.ui.scan.page import ScanPage
    from fpn_viewer.viewmodels.models import Models


class PageRow(NamedTuple):
    """One page.

    Attributes:
        title: on its button.
        tip: one sentence that teaches what it shows.
        factory: makes it, from all view-models and its parent.
    """

    title: str
    tip: str
    factory: Callable[[Models, QWidget], ScanPage]


def _funnel(models: Models, parent: QWidget) -> ScanPage:
    from fpn_viewer.ui.scan.funnel import FunnelPage

    return FunnelPage(models, parent)


def _recall(models: Models, parent: QWidget) -> ScanPage:
    from fpn_viewer.ui.scan.recall import RecallPage

    return RecallPage(models, parent)


def _numbers(models: Models, parent: QWidget) -> ScanPage:
    from fpn_viewer.ui.scan.numbers import NumbersPage

    return NumbersPage(models, parent)


def _coverage(models: Models, parent: QWidget) -> ScanPage:
    from fpn_viewer.ui.scan.coverage import CoveragePage

    return CoveragePage(models, parent)


def _remedies(models: Models, parent: QWidget) -> ScanPage:
    from fpn_viewer.ui.scan.data_remedies import DataRemediesPage

    return DataRemediesPage(models, parent)


PAGES: tuple[PageRow, ...] = (
    PageRow(
        "Funnel", "Through how many stages the objects come, where they are lost, and what two detectors make of them", _funnel
    ),
    PageRow("Recall by size", "Share of objects found against their size in the network, with 95 % confidence bands", _recall),
    PageRow("Numbers", "COCO's average precision and recall, and TIDE's error types, of each detector", _numbers),
    PageRow("Coverage", "How well the anchors fit the objects of the data set, and which anchors would fit better", _coverage),
    PageRow("Remedies", "Which single setting brings back how many of the filtered misses, and at what cost", _remedies),
)
