"""Remembers the scan that runs, and offers to go on with it where the program ended before it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from fpn_viewer.engine.scan_running import DetectorOrder, ScanOrder
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.scans import ScansState

#: fields of `ScanOrder` that are kept as they are
_PLAIN = ("out", "annotations", "iou", "recursive")


def order_as_text(order: ScanOrder, own: DetectorInfo | None) -> str:
    """A scan's order as it is remembered; "" when a detector of it cannot be named, such as a module made in Python.

    Args:
        order: what was asked for.
        own: the window's detector; stands for the one without a source.
    """
    named = [own if one.source is None else one for one in order.detectors]
    if not all(one is not None and isinstance(one.source, str) and one.source for one in named):
        return ""
    kept = {**{name: getattr(order, name) for name in _PLAIN}, "out": _placed(order.out), "annotations": _placed(order.annotations)}
    pictures = [_placed(picture) for picture in order.pictures]
    detectors = [{"source": _source(str(one.source)), "options": dict(one.options)} for one in named if one is not None]
    try:
        return json.dumps({**kept, "pictures": pictures, "classes": dict(order.classes), "detectors": detectors})
    except TypeError:
        return ""


def _placed(text: str) -> str:
    """A path that holds wherever the program is started next; names that are no files stay."""
    return str(Path(text).absolute()) if text and Path(text).exists() else text


def _source(name: str) -> str:
    # a folder may be called like a bundled detector
    return _placed(name) if Path(name).is_file() else name


def order_of_text(text: str) -> ScanOrder | None:
    """What `order_as_text` made; None for anything else, and where the scan's file is not there any more."""
    from fpn_viewer.engine.scan_running import ScanOrder

    try:
        said: Any = json.loads(text or "null")
        plain = {name: said[name] for name in _PLAIN}
        order = ScanOrder(
            pictures=tuple(said["pictures"]),
            detectors=tuple(_detector(one) for one in said["detectors"]),
            classes=dict(said["classes"]),
            **plain,
        )
        return order if Path(order.out).is_file() else None
    except (ValueError, TypeError, KeyError):
        return None


def _detector(said: Any) -> DetectorOrder:
    from fpn_viewer.engine.scan_running import DetectorOrder

    return DetectorOrder(str(said["source"]), dict(said["options"]))


class Resuming(QObject):
    """Keeps the order of a scan from its first picture until it is done or cancelled.

    Attributes:
        strip: offers to go on; hidden when there is nothing to go on with.
    """

    def __init__(self, models: Models, store: SettingsStore, parent: QObject) -> None:
        """Looks for a scan that did not end.

        Args:
            models: scans, and the window's detector.
            store: remembers the order.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans, self._document, self._store = models.scans, models.document, store
        self._text = ""
        self.strip = Strip("download")
        self.go_on = self.strip.add_button("Go on", "Go on with the scan where it stopped")
        self.show_it = self.strip.add_button("Show", "Show what was found before it stopped")
        self.go_on.clicked.connect(self._go_on)
        self.show_it.clicked.connect(self._show)
        self.strip.closed.connect(self._forget)
        self._scans.changed.connect(self._follow)
        self._offer()

    def _offer(self) -> None:
        if not self._store.unfinished_scan:
            return
        order = order_of_text(self._store.unfinished_scan)
        if order is None:
            self._forget()
            return
        name = Path(order.out).name
        self.strip.label.setText(f"The scan into {name} had not ended when the program did; it can go on where it stopped.")
        self.strip.label.setToolTip(order.out)
        self.strip.show()

    def _go_on(self) -> None:
        order = order_of_text(self._store.unfinished_scan)
        self.strip.hide()
        if order is not None:
            self._scans.start(order)

    def _show(self) -> None:
        order = order_of_text(self._store.unfinished_scan)
        if order is not None:
            self._scans.open(order.out)

    def _forget(self) -> None:
        self._store.unfinished_scan = ""

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        running, order = state.running, self._scans.order
        if "running" not in names or running is None or order is None:
            return
        if running.kind == "opening":
            self.strip.hide()
            self._text = order_as_text(order, self._document.detector)
        elif running.kind == "running" and self._text:
            self._store.unfinished_scan, self._text = self._text, ""
        elif running.kind in ("done", "cancelled"):
            self._forget()
