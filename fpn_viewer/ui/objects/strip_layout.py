"""Where the parts of the signal strip go: a row for each level, the picture first, then the kinds of node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from fpn_viewer.core.necks.graph import ROLES

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from fpn_viewer.core.analysis.signals import NodeSignal, Signal
    from fpn_viewer.core.geometry import Box

    Cell = tuple[str, str]

#: role of the leading column
PICTURE = "picture"
#: px: width of the row headers, between cells, and the heights that crops may have
HEAD, GAP, LOWEST, HIGHEST = 64.0, 6.0, 46.0, 120.0


@dataclass(frozen=True)
class Grid:
    """Cells of the strip, in px of the widget.

    Attributes:
        signal: what is shown.
        levels: rows, fine to coarse.
        size: (width, height) of the room there is; the strip may become higher.
        line: height of a line of text.
        text: width of the widest text at a crop.
    """

    signal: Signal
    levels: tuple[str, ...]
    size: tuple[float, float]
    line: float
    text: float

    @cached_property
    def nodes(self) -> dict[Cell, NodeSignal]:
        """The nodes by (level, role)."""
        return {(node.level, node.role): node for node in self.signal.nodes}

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """The levels that have a node."""
        present = {level for level, _ in self.nodes}
        return tuple(level for level in self.levels if level in present)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The picture and the roles that have a node."""
        present = {role for _, role in self.nodes}
        return (PICTURE, *(role for role in ROLES if role in present))

    @cached_property
    def beside(self) -> bool:
        """Numbers stand beside the crops where that leaves these at least as large as above their numbers."""
        return self._crop(beside=True)[1] >= self._crop(beside=False)[1]

    @cached_property
    def column(self) -> float:
        """Width of a column."""
        return max(24.0, (self.size[0] - HEAD - GAP * len(self.columns)) / len(self.columns))

    @cached_property
    def _aspect(self) -> float:
        x0, y0, x1, y1 = self.signal.window_img
        return min(4.0, max(0.25, (x1 - x0) / max(y1 - y0, 1e-6)))

    @cached_property
    def _fitting(self) -> float:
        """The height of a crop with which all rows would be in view, within limits."""
        return min(HIGHEST, max(LOWEST, (self.size[1] - self.line - GAP) / max(1, len(self.rows)) - GAP))

    @cached_property
    def crop(self) -> tuple[float, float]:
        """(width, height) of every crop."""
        return self._crop(self.beside)

    def _crop(self, beside: bool) -> tuple[float, float]:
        room = self.column - (self.text + GAP if beside else 0.0)
        height = max(LOWEST, self._fitting - (0.0 if beside else 2 * self.line))
        width = max(1.0, min(room, height * self._aspect))
        return width, min(height, width / self._aspect)

    @cached_property
    def row_height(self) -> float:
        """From one row to the next."""
        return self.crop[1] + GAP + (0.0 if self.beside else 2 * self.line)

    @property
    def height(self) -> float:
        """What the whole strip needs."""
        return self.line + GAP + self.row_height * len(self.rows)

    def heading(self, role: str) -> QRectF:
        """Where a column's heading stands."""
        return QRectF(self._left(role), 0, self.column, self.line)

    def header(self, level: str) -> QRectF:
        """Where a row's header stands."""
        return QRectF(0, self._top(level), HEAD - GAP, self.row_height - GAP)

    def crop_rect(self, cell: Cell) -> QRectF:
        """Where a crop is drawn."""
        return QRectF(self._left(cell[1]), self._top(cell[0]), *self.crop)

    def text_rect(self, cell: Cell) -> QRectF:
        """Where the numbers of a cell stand."""
        crop = self.crop_rect(cell)
        if self.beside:
            return QRectF(crop.right() + GAP, crop.top(), self.column - crop.width() - GAP, crop.height())
        return QRectF(crop.left(), crop.bottom(), self.column, 2 * self.line)

    def cell_rect(self, cell: Cell) -> QRectF:
        """A crop with its numbers."""
        return self.crop_rect(cell).united(self.text_rect(cell))

    def cell_at(self, point: QPointF) -> Cell | None:
        """The cell at a point, the picture's among them, or None."""
        for level in self.rows:
            for role in self.columns:
                cell = (level, role)
                if (cell in self.nodes or role == PICTURE) and self.cell_rect(cell).contains(point):
                    return cell
        return None

    def place(self, box_img: Box, cell: Cell) -> QRectF:
        """A box of image px in a cell's crop, all crops at one scale."""
        (x0, y0, x1, y1), rect = self.signal.window_img, self.crop_rect(cell)
        sx, sy = rect.width() / (x1 - x0), rect.height() / (y1 - y0)
        return QRectF(
            rect.left() + (box_img[0] - x0) * sx,
            rect.top() + (box_img[1] - y0) * sy,
            (box_img[2] - box_img[0]) * sx,
            (box_img[3] - box_img[1]) * sy,
        )

    def _left(self, role: str) -> float:
        return HEAD + self.columns.index(role) * (self.column + GAP)

    def _top(self, level: str) -> float:
        return self.line + GAP + self.rows.index(level) * self.row_height
