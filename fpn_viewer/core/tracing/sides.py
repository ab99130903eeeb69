"""A selection as arrays in main memory, laid out so that a look at the boxes near one object costs a few comparisons."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpn_viewer.core.geometry import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpn_viewer.core.tracing.replay import Fate

#: boxes of a block: neighbours in a list lie side by side in the picture, so most blocks are far from an object
BLOCK = 64


class Columns:
    """Boxes by column.

    Attributes:
        columns: (4, N) float32 x1, y1, x2, y2 in net px.
    """

    def __init__(self, boxes_net: Tensor) -> None:
        # shared with the tensor where that is laid out by column already: a copy of 217,413 boxes takes 3 ms
        self.columns = boxes_net.detach().float().t().contiguous().cpu().numpy()
        self.columns.flags.writeable = False

    def boxes(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some boxes (n, 4) xyxy net px."""
        return np.stack([column[rows] for column in self.columns]).T

    @cached_property
    def areas(self) -> NDArray[np.float32]:
        """Net px² (N,)."""
        x1, y1, x2, y2 = self.columns
        return (x2 - x1) * (y2 - y1)  # type: ignore[no-any-return]

    @cached_property
    def blocks(self) -> NDArray[np.float32]:
        """Of every `BLOCK` boxes least x1 and y1, greatest x2, y2 and area, and least area (6, blocks)."""
        starts = np.arange(0, len(self.areas), BLOCK)
        if not len(starts):
            return np.empty((6, 0), np.float32)
        x1, y1, x2, y2 = self.columns
        # boxes of NaN, from broken weights, are near nothing
        least = [np.fmin.reduceat(column, starts) for column in (x1, y1, self.areas)]
        greatest = [np.fmax.reduceat(column, starts) for column in (x2, y2, self.areas)]
        return np.stack([*least[:2], *greatest, least[2]])


class Side(Columns):
    """One selection.

    Attributes:
        fate: what it was made of.
        columns: (4, N) float32 x1, y1, x2, y2 in net px, clipped to the picture.
        alive: index into the detector's stages of the last stage survived (N,).
        scores: (N,) float32.
        winners: rows that NMS kept, best first (W,).
    """

    def __init__(self, fate: Fate) -> None:
        super().__init__(fate.boxes)
        self.fate = fate
        self.alive = frozen(fate.alive_after.cpu().numpy())
        self.scores = frozen(fate.scores.float().cpu().numpy())
        self.winners = frozen(fate.winners.cpu().numpy())

    @cached_property
    def compared(self) -> Columns:
        """The boxes that NMS compared: these, but for a code base that clips them only afterwards."""
        return self if self.fate.compared is self.fate.boxes else Columns(self.fate.compared)

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Place in the list that the cap cuts (N,), from 1; 0 for what NMS did not keep."""
        out = np.zeros(len(self.scores), np.int32)
        out[self.winners] = np.arange(1, len(self.winners) + 1)
        return frozen(out)

    def suppressors(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For candidates that NMS removed (n,), the rows of those that removed them (n,)."""
        with torch.inference_mode():
            found = self.fate.suppressors(torch.from_numpy(rows).to(self.fate.boxes.device))
        return found.cpu().numpy()

    def stronger(self, row: int) -> NDArray[np.int64]:
        """The winners with which NMS has compared a winner: those of its group that come before it."""
        before, groups = self.fate.winners[: int(self.place[row]) - 1], self.fate.groups
        return before[groups[before] == groups[row]].cpu().numpy()
