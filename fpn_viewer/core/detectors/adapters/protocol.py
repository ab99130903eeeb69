"""What a user says of a network of their own: where its maps pass, how pictures go in, and what its head answers.

A network is adapted by a subclass of `Adapter`. `taps` alone makes the pyramid visible; with `answers` the life line, the anchors
and the what-ifs work as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.errors import DetectorError
from fpn_viewer.core.tracing.taps import Tap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


@dataclass(frozen=True)
class Taps:
    """Where the maps of a pyramid pass, fine to coarse, each written as `tracing/taps.py` has it.

    Where laterals, merged maps and outputs are named and the fusion is that of the FPN (lateral convolution, plus the
    nearest-upsampled coarser merged map, then smoothing), the terms, exact sources and gains of every node are known; that is
    checked on a forward.

    Attributes:
        outputs: the pyramid's maps P: those that the head reads, in its order.
        strides: net px per cell of each output.
        backbone: the backbone's maps C of the first levels.
        laterals: what the lateral convolutions give, L; () where there are none or they are of no interest.
        merged: the sums, M; () likewise. Usually what goes into the smoothing: "smooth.0:in".
    """

    outputs: Sequence[str]
    strides: Sequence[int]
    backbone: Sequence[str] = ()
    laterals: Sequence[str] = ()
    merged: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.outputs, str) or not self.outputs or len(self.outputs) != len(self.strides):
            raise DetectorError(
                f"taps name {len(self.outputs)} outputs and {len(self.strides)} strides; give one stride for each output."
            )
        if any(int(s) != s or s < 1 for s in self.strides) or list(self.strides) != sorted(self.strides):
            raise DetectorError(f"the strides {tuple(self.strides)} are not whole net px per cell from fine to coarse.")
        if len(self.backbone) > len(self.outputs):
            raise DetectorError("taps name more backbone maps than outputs; leave out those that have no level of the pyramid.")
        for name in ("laterals", "merged"):
            if getattr(self, name) and len(getattr(self, name)) != len(self.backbone):
                raise DetectorError(
                    f"taps name {len(getattr(self, name))} {name} and {len(self.backbone)} backbone maps; give one for each."
                )

    @classmethod
    def of_neck(cls, path: str, strides: Sequence[int], inputs: int | None = None) -> Taps:
        """A neck of one module that is given a list (or dict) of maps and gives one back.

        Args:
            path: of the module.
            strides: of its outputs, fine to coarse.
            inputs: how many maps it is given; as many as it gives when None.
        """
        taken = len(strides) if inputs is None else inputs
        return cls([f"{path}[{i}]" for i in range(len(strides))], strides, [f"{path}:in[{i}]" for i in range(taken)])

    def read(self, role: str) -> tuple[Tap, ...]:
        """The taps of "outputs", "backbone", "laterals" or "merged".

        Raises:
            DetectorError: one is not written like a tap.
        """
        return tuple(Tap.read(text) for text in getattr(self, role))


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the network's input. The defaults are torchvision's.

    The picture keeps its shape. Padding lies to the right and below, also where a network's own code centres the picture.

    Attributes:
        min_size: net px that the shorter side is resized to.
        max_size: net px that the longer side may not pass; with min_size = max_size the longer side gets that size.
        image_mean: subtracted per channel, in the network's own channel order and range.
        image_std: divides per channel afterwards.
        channel_order: "RGB" or "BGR".
        pixel_range: what a white pixel is: 1 or 255.
        antialias: whether the resize averages over all pixels below a net px, as Pillow does.
        square: the input is padded to max_size × max_size; else to multiples of `divisor`.
        divisor: see there; no less than the coarsest stride is best.
        pad_value: of the padding, in the same range, before mean and std; None for zeros behind them.
    """

    min_size: int = 800
    max_size: int = 1333
    image_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    image_std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channel_order: str = "RGB"
    pixel_range: float = 1.0
    antialias: bool = False
    square: bool = False
    divisor: int = 32
    pad_value: float | None = None


@dataclass(frozen=True)
class Selection:
    """How detections are chosen among the answers: score > threshold, the best of each level, NMS within each class, cap.

    Attributes:
        score_threshold: what the score of a class must exceed.
        nms_threshold: IoU above which the weaker of two boxes of one class goes.
        detections: how many are kept, over all classes together.
        per_level: how many boxes and classes of each level go on to NMS, by score.
    """

    score_threshold: float = 0.05
    nms_threshold: float = 0.5
    detections: int = 100
    per_level: int = 10_000


@dataclass(frozen=True)
class Answer:
    """What the head answers on one level, cell by cell: row, column, anchor of the cell. N = rows × columns × anchors per cell.

    Attributes:
        anchors: (N, 4) xyxy net px, or (N, 2) points x, y; a point is shown as a box of one cell around it.
        scores: (N, K) final scores of every class, 0..1; 0 for a class that the network itself does not let through.
        boxes: (N, 4) xyxy net px, decoded, not clipped.
    """

    anchors: Tensor
    scores: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class Grid:
    """The cells of one level, for laying points and anchors.

    Attributes:
        stride: net px per cell.
        size: cells (h, w).
        device: where tensors are made.
    """

    stride: int
    size: tuple[int, int]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def points(self, offset: float = 0.5) -> Tensor:
        """(h·w, 2) x, y net px of the cells' points, row by row; `offset` is where in its cell a point lies, 0.5 for the middle."""
        y, x = (torch.arange(n, device=self.device, dtype=torch.float32) for n in self.size)
        grid = torch.meshgrid((y + offset) * self.stride, (x + offset) * self.stride, indexing="ij")
        return torch.stack(grid[::-1], -1).view(-1, 2)

    def anchors(self, sizes: Sequence[tuple[float, float]], offset: float = 0.5) -> Tensor:
        """(h·w·A, 4) xyxy net px: around each point one anchor for each (width, height) net px."""
        half = torch.tensor(sizes, device=self.device, dtype=torch.float32) / 2
        points = self.points(offset)[:, None]
        return torch.cat((points - half, points + half), -1).view(-1, 4)


class Adapter:
    """Everything the program is told of one network. A subclass sets `taps`, and what else differs from the defaults.

    Attributes:
        name: what the network is called; the name of its class when empty.
        class_names: by label; made up when empty.
        taps: where its maps pass.
        preprocessing: how pictures go in.
        selection: how detections are chosen.
    """

    name: str = ""
    class_names: Sequence[str] = ()
    taps: Taps
    preprocessing: Preprocessing = Preprocessing()
    selection: Selection = Selection()

    def forward(self, network: nn.Module, batch: Tensor) -> Any:
        """Runs the network.

        Args:
            network: in eval mode.
            batch: (1, 3, H, W) as `preprocessing` says.

        Returns:
            Whatever `answers` and `detections` are to read.
        """
        return network(batch)

    def answers(self, output: Any, grids: Sequence[Grid]) -> Sequence[Answer]:
        """What the head answered. An adapter without this method shows the pyramid alone.

        Args:
            output: of `forward`.
            grids: the cells of each output, fine to coarse.

        Returns:
            One answer for each output.
        """
        raise NotImplementedError

    def detections(self, output: Any) -> tuple[Tensor, Tensor, Tensor] | None:
        """The network's own final detections, to compare the selection with.

        Returns:
            Boxes (D, 4) xyxy net px, scores (D,), labels (D,); None where the network has none.
        """
        return None

    def build(self) -> nn.Module:
        """The network, for `--model package.module:ADAPTER`.

        Raises:
            DetectorError: the adapter does not say how it is built.
        """
        raise DetectorError(
            f"{type(self).__name__} has no method build() that makes the network; name a function that does instead."
        )

    def claims(self, module: nn.Module) -> bool:
        """Whether this is the adapter of a network, for adapters that packages bring."""
        return False

    def adapt(self, module: nn.Module) -> Adapter:
        """The adapter of a network that it claims."""
        return self
