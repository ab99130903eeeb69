"""Cut-outs of the objects in sight, asked for one picture at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fpn_viewer.engine.crops import CutOut
from fpn_viewer.ui.canvas.rasters import as_image, packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QImage

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.crops import Crops
    from fpn_viewer.engine.jobs import Failure
    from fpn_viewer.engine.scan_table import ScanRow
    from fpn_viewer.viewmodels.document import Document

#: px of a cut-out, for screens of twice the resolution too
SIDE = 64
#: cut-outs that are remembered
_KEPT = 2_000


class CropStore(QObject):
    """Remembers cut-outs and has those made that are wanted.

    Signals:
        ready(): some more are there.
    """

    ready = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        """Empty.

        Args:
            document: has them made beside everything else.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._document = document
        self._made: dict[tuple[str, int], tuple[QImage | None, Box, str]] = {}
        self._wanted: list[ScanRow] = []
        self._asked = ""
        document.answered.connect(self._answered)
        document.unanswered.connect(self._failed)

    def of(self, row: ScanRow) -> tuple[QImage | None, Box, str] | None:
        """(image or None, the object in it as shares of its side, why there is no image); None while it is not made."""
        return self._made.get((row.path, row.object))

    def want(self, rows: Iterable[ScanRow]) -> None:
        """Says which are in sight; what was wanted before and is not made yet is let go."""
        self._wanted = [row for row in rows if (row.path, row.object) not in self._made]
        if not self._asked:
            self._ask()

    def _ask(self) -> None:
        if self._wanted:
            self._asked = path = self._wanted[0].path
            boxes = tuple((row.object, row.box_img) for row in self._wanted if row.path == path)
            self._document.ask_files("crops", CutOut(path, boxes, SIDE))

    def _answered(self, lane: str, crops: Crops) -> None:
        if lane != "crops":
            return
        for crop in crops.crops:
            # a copy, because an image over an array does not keep it alive
            image = None if crop.pixels is None else as_image(packed(crop.pixels)).copy()
            self._made[(crops.path, crop.key)] = image, crop.box, crop.problem
        for key in list(self._made)[: max(0, len(self._made) - _KEPT)]:
            del self._made[key]
        self._go_on()
        self.ready.emit()

    def _failed(self, lane: str, _: Failure | None) -> None:
        if lane == "crops":
            broken = self._asked
            self._wanted = [row for row in self._wanted if row.path != broken]
            self._go_on()

    def _go_on(self) -> None:
        self._asked = ""
        self._wanted = [row for row in self._wanted if (row.path, row.object) not in self._made]
        self._ask()
