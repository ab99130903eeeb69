"""How maps are shown: the same for every picture until the user changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.engine.values import REDUCTIONS, SCALES
from fpn_viewer.viewmodels.observable import Observable

if TYPE_CHECKING:
    from PySide6.QtCore import QObject


@dataclass(frozen=True)
class DisplayState:
    """What the display bar shows.

    Attributes:
        reduction: a key of `REDUCTIONS`.
        channel: shown when the reduction is "channel".
        channels: number of channels of the pyramid; stepping wraps around it.
        scale: a key of `SCALES`.
        opacity: of the map over the picture, 0..1.
        smooth: True draws maps interpolated, False shows the cells.
        detections: boxes drawn over the maps.
        receptive: the receptive field of the cell under the cursor is drawn.
        overlays_hidden: everything over the picture is hidden while this is held.
    """

    reduction: str = "mean_abs"
    channel: int = 0
    channels: int = 1
    scale: str = "cell"
    opacity: float = 0.65
    smooth: bool = False
    detections: bool = False
    receptive: bool = True
    overlays_hidden: bool = False


class Display(Observable[DisplayState]):
    """The display settings; see `DisplayState`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(DisplayState(), parent)

    def step_channel(self, step: int) -> None:
        """Shows another channel, `step` further, around the end; switches to one channel first when another reduction is shown."""
        if self.state.reduction != "channel":
            self.update(reduction="channel")
            return
        self.update(channel=(self.state.channel + step) % max(1, self.state.channels))

    def step_reduction(self, step: int) -> None:
        """The next or previous way of making one plane of the channels."""
        self.update(reduction=_neighbour(tuple(REDUCTIONS), self.state.reduction, step))

    def step_scale(self, step: int) -> None:
        """The next or previous sharing of the colour scale."""
        self.update(scale=_neighbour(tuple(SCALES), self.state.scale, step))

    def step_opacity(self, step: float) -> None:
        """More or less of the map over the picture."""
        self.update(opacity=round(min(1.0, max(0.0, self.state.opacity + step)), 3))


def _neighbour(names: tuple[str, ...], current: str, step: int) -> str:
    return names[(names.index(current) + step) % len(names)]
