"""Boxes from what heads regress; all xyxy, net px."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def from_distances(points: Tensor, distances: Tensor) -> Tensor:
    """Boxes from points (N, 2) x, y and distances (N, 4) to the left, top, right and bottom side, net px."""
    return torch.cat((points - distances[:, :2], points + distances[:, 2:]), -1)


def from_centres(centres: Tensor, sizes: Tensor) -> Tensor:
    """Boxes from centres (N, 2) x, y and sizes (N, 2) w, h, net px."""
    return torch.cat((centres - sizes / 2, centres + sizes / 2), -1)


def from_deltas(anchors: Tensor, deltas: Tensor, variances: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Boxes from anchors (N, 4) and deltas (N, 4): centres moved by shares of the size, sizes scaled by exponentials.

    Args:
        anchors: xyxy net px.
        deltas: dx, dy, dw, dh.
        variances: factors on the first two and the last two; (0.1, 0.2) in SSD and RetinaFace.
    """
    sizes = anchors[:, 2:] - anchors[:, :2]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * variances[0] * sizes
    return from_centres(centres, sizes * torch.exp(deltas[:, 2:] * variances[1]))


def from_distribution(logits: Tensor) -> Tensor:
    """Distances (N, 4), in cells, from the distribution that a head gives for each side: (N, 4·B) logits over 0 … B − 1 cells."""
    bins = logits.view(len(logits), 4, -1)
    steps = torch.arange(bins.shape[-1], device=logits.device, dtype=logits.dtype)
    return torch.softmax(bins, -1) @ steps
