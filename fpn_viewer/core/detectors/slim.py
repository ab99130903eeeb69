"""ResNets of any width, from torchvision's own residual blocks: small enough for their weights to travel with the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Norm = Callable[[int], nn.Module]

_BLOCKS: dict[str, type[BasicBlock | Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class SlimResNet(nn.Module):
    """A ResNet whose stem has `width` channels (torchvision has only 64); its stages are as much wider or narrower.

    Module names are torchvision's, so that `layer1` … `layer4` are C2 … C5 at strides 4, 8, 16 and 32.

    Args:
        width: channels of the stem.
        kind: of block, "basic" or "bottleneck".
        blocks: per stage.
        norm: makes the norm of so many channels.
    """

    def __init__(self, width: int, kind: str, blocks: Sequence[int], norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        block = _BLOCKS[kind]
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        first = block.expansion * width
        self.layer1 = _stage(block, width, width, blocks[0], 1, norm)
        self.layer2 = _stage(block, first, 2 * width, blocks[1], 2, norm)
        self.layer3 = _stage(block, 2 * first, 4 * width, blocks[2], 2, norm)
        self.layer4 = _stage(block, 4 * first, 8 * width, blocks[3], 2, norm)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to C5, (N, 8·width, H/32, W/32), four times as many channels with bottlenecks."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        out: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return out


class SlimResNet18(SlimResNet):
    """ResNet-18's stem and four stages with `width`, 2·`width`, 4·`width` and 8·`width` channels."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(width, "basic", (2, 2, 2, 2))


def _stage(block: type[BasicBlock | Bottleneck], inputs: int, planes: int, count: int, stride: int, norm: Norm) -> nn.Sequential:
    outputs = planes * block.expansion
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))
    first = block(inputs, planes, stride, shortcut, norm_layer=norm)
    return nn.Sequential(first, *(block(outputs, planes, norm_layer=norm) for _ in range(count - 1)))
