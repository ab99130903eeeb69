"""What the user points at, the same in every tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from fpn_viewer.core.geometry import Box


@dataclass(frozen=True)
class SelectionState:
    """What is pointed at.

    Attributes:
        cursor_img: (x, y) image px under the mouse, or None outside the picture.
        box_img: the box the user drew, xyxy image px.
        current: (level, role) of the cell that keys act on.
        enlarged: True when the current cell fills the centre.
        anchor_cell: (level, row, column) whose anchors are pinned.
        probe_level: the level whose receptive field is drawn, or None for that of the current cell.
        tool: "pan" or "box": what dragging does.
    """

    cursor_img: tuple[float, float] | None = None
    box_img: Box | None = None
    current: tuple[str, str] = ("P2", "output")
    enlarged: bool = False
    anchor_cell: tuple[str, int, int] | None = None
    probe_level: str | None = None
    tool: str = "pan"


class Selection(Observable[SelectionState]):
    """The selection; see `SelectionState`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(SelectionState(), parent)

    def set_box(self, corners: tuple[float, float, float, float] | None, image_size: tuple[int, int]) -> None:
        """Remembers a drawn box in either direction, clipped to the picture; a box without area clears it.

        Args:
            corners: (x, y) of one corner and (x, y) of the opposite one, image px.
            image_size: (H, W), image px.
        """
        if corners is None:
            self.update(box_img=None)
            return
        height, width = image_size
        xs = sorted(min(max(x, 0.0), float(width)) for x in corners[0::2])
        ys = sorted(min(max(y, 0.0), float(height)) for y in corners[1::2])
        box = (xs[0], ys[0], xs[1], ys[1])
        self.update(box_img=box if xs[0] < xs[1] and ys[0] < ys[1] else None, tool="pan")
