"""How far an object stands out of its surroundings in every map of the pyramid, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fpn_viewer.core.geometry import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fpn_viewer.core.geometry import Box


@dataclass(frozen=True)
class NodeSignal:
    """One map at the object.

    Attributes:
        node: "L3".
        level: "P3".
        role: "backbone", "lateral", "top-down", "merged", "output".
        contrast: (mean inside − mean of the ring) / deviation of the ring, of mean |x| over channels.
        inside: mean |x| inside.
        ring: mean |x| of the ring.
        cells: cells inside; 1 where the object lies between centres and the cell under its centre is read.
        channels: the channels that carry it, best first: (index, contrast).
        shares: of merged nodes: share of each term inside the box by norm, 0..1; empty elsewhere.
        crop: (h, w) mean |x| around the object, or one channel when that was asked.
        crop_box_img: what `crop` covers, xyxy image px.
    """

    node: str
    level: str
    role: str
    contrast: float
    inside: float
    ring: float
    cells: int
    channels: tuple[tuple[int, float], ...]
    shares: Mapping[str, float]
    crop: NDArray[np.float32] = field(repr=False)
    crop_box_img: Box

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", frozen(self.crop))
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))


@dataclass(frozen=True)
class Signal:
    """An object in every node of the pyramid.

    Attributes:
        box_img: the object, xyxy image px.
        window_img: what a picture of the object with its surroundings should show, xyxy image px.
        nodes: in the order of the graph.
        channel: the one whose values the crops show; None for mean |x|.
        drowns: the first node on its way where the contrast is between -1 and 1; "" when it stands out everywhere.
        sentence: what can be read from it.
    """

    box_img: Box
    window_img: Box
    nodes: tuple[NodeSignal, ...]
    channel: int | None
    drowns: str
    sentence: str
