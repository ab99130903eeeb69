"""The backbones that can be built: which modules are their stages, how to tell each from shapes. Importing it loads no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from fpn_viewer.core.necks.graph import level_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Stage:
    """A map that laterals may read.

    Attributes:
        place: name of the module that gives it, below the body: "layer1", "15".
        channels: of the map.
        stride: net px per cell.
    """

    place: str
    channels: int
    stride: int


@dataclass(frozen=True)
class Backbone:
    """One backbone.

    Attributes:
        name: torchvision's, or "slim_resnet18" and so on for narrower ones.
        title: as papers write it.
        style: what builds it: a key of `bodies.TRUNKS`.
        ways: the sets of stages that pyramids are put on, the usual one first.
        norm_eps: epsilon of its norms when nobody says otherwise.
    """

    name: str
    title: str
    style: str
    ways: tuple[tuple[Stage, ...], ...]
    norm_eps: float = 1e-5

    def stages(self, width: int = 64) -> tuple[tuple[Stage, ...], ...]:
        """`ways` of one whose stem has that many channels; only a slim ResNet has others than 64."""
        if self.style != "slim":
            return self.ways
        return tuple(tuple(Stage(s.place, s.channels * width // 64, s.stride) for s in way) for way in self.ways)


@dataclass(frozen=True)
class Body:
    """What the tensors of a backbone are.

    Attributes:
        backbone: a row of `BACKBONES`.
        width: channels of its stem where it is a slim ResNet, else 64.
        norm: "batch", "frozen", "group", "layer" or "" (none).
        stage_norms: whether every stage has a LayerNorm of its own behind it.
    """

    backbone: Backbone
    width: int
    norm: str
    stage_norms: bool = False


# -- the table ----------------------------------------------------------------------------------------------------------

_FOUR = (4, 8, 16, 32)
#: name to (kind of block, blocks per stage, inner channels of the first block, channels per group)
_RESNETS: dict[str, tuple[str, tuple[int, ...], int, int]] = {
    "resnet18": ("basic", (2, 2, 2, 2), 64, 64),
    "resnet34": ("basic", (3, 4, 6, 3), 64, 64),
    "resnet50": ("bottleneck", (3, 4, 6, 3), 64, 64),
    "resnet101": ("bottleneck", (3, 4, 23, 3), 64, 64),
    "resnet152": ("bottleneck", (3, 8, 36, 3), 64, 64),
    "resnext50_32x4d": ("bottleneck", (3, 4, 6, 3), 128, 4),
    "resnext101_32x8d": ("bottleneck", (3, 4, 23, 3), 256, 8),
    "resnext101_64x4d": ("bottleneck", (3, 4, 23, 3), 256, 4),
    "wide_resnet50_2": ("bottleneck", (3, 4, 6, 3), 128, 128),
    "wide_resnet101_2": ("bottleneck", (3, 4, 23, 3), 128, 128),
}
_PLAIN = tuple(name for name, row in _RESNETS.items() if row[2:] == (64, 64))
_TITLES = {
    "resnext50_32x4d": "ResNeXt-50 32×4d",
    "resnext101_32x8d": "ResNeXt-101 32×8d",
    "resnext101_64x4d": "ResNeXt-101 64×4d",
    "wide_resnet50_2": "Wide ResNet-50-2",
    "wide_resnet101_2": "Wide ResNet-101-2",
}
#: name to convolutions per stage
_VGGS: dict[str, tuple[int, ...]] = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_VGG_CHANNELS = (64, 128, 256, 512, 512)
#: name to (version, channels of the first stage, blocks per stage)
_SWINS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "swin_t": (1, 96, (2, 2, 6, 2)),
    "swin_s": (1, 96, (2, 2, 18, 2)),
    "swin_b": (1, 128, (2, 2, 18, 2)),
    "swin_v2_t": (2, 96, (2, 2, 6, 2)),
    "swin_v2_s": (2, 96, (2, 2, 18, 2)),
    "swin_v2_b": (2, 128, (2, 2, 18, 2)),
}
_CONVNEXTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "convnext_tiny": (96, (3, 3, 9, 3)),
    "convnext_small": (96, (3, 3, 27, 3)),
    "convnext_base": (128, (3, 3, 27, 3)),
    "convnext_large": (192, (3, 3, 27, 3)),
}
#: where torchvision's extractor takes maps (the first block of each stride), and where the last block of each stride is
_MOBILENETS: dict[str, tuple[tuple[tuple[str, int, int], ...], ...]] = {
    "mobilenet_v3_large": (
        (("0", 16, 2), ("2", 24, 4), ("4", 40, 8), ("7", 80, 16), ("13", 160, 32), ("16", 960, 32)),
        (("1", 16, 2), ("3", 24, 4), ("6", 40, 8), ("10", 80, 16), ("12", 112, 16), ("15", 160, 32), ("16", 960, 32)),
    ),
    "mobilenet_v3_small": (
        (("0", 16, 2), ("1", 16, 4), ("2", 24, 8), ("4", 40, 16), ("9", 96, 32), ("12", 576, 32)),
        (("0", 16, 2), ("1", 16, 4), ("3", 24, 8), ("6", 40, 16), ("8", 48, 16), ("11", 96, 32), ("12", 576, 32)),
    ),
}


def _resnet(name: str, style: str) -> Backbone:
    first = 256 if _RESNETS[name][0] == "bottleneck" else 64
    way = tuple(Stage(f"layer{k + 1}", first << k, stride) for k, stride in enumerate(_FOUR))
    title = _TITLES.get(name) or name.replace("resnet", "ResNet-")
    return Backbone(f"slim_{name}", f"slim {title}", style, (way,)) if style == "slim" else Backbone(name, title, style, (way,))


def vgg_layers(counts: Sequence[int], normed: bool) -> tuple[dict[int, int], tuple[int, ...], tuple[int, ...]]:
    """Where things are in torchvision's `features` of a VGG.

    Args:
        counts: convolutions per stage.
        normed: with a BatchNorm behind each.

    Returns:
        Index of each convolution to its channels, index of the last ReLU of each stage, index of each pooling.
    """
    convs, relus, pools, index = {}, [], [], 0
    for channels, count in zip(_VGG_CHANNELS, counts, strict=True):
        for _ in range(count):
            convs[index] = channels
            index += 3 if normed else 2
        relus.append(index - 1)
        pools.append(index)
        index += 1
    return convs, tuple(relus), tuple(pools)


def _vgg(name: str, normed: bool) -> Backbone:
    _, relus, pools = vgg_layers(_VGGS[name], normed)
    by_relu = tuple(Stage(str(i), c, 1 << k) for k, (i, c) in enumerate(zip(relus, _VGG_CHANNELS, strict=True)))
    by_pool = tuple(Stage(str(i), c, 2 << k) for k, (i, c) in enumerate(zip(pools, _VGG_CHANNELS, strict=True)))
    title = name.replace("vgg", "VGG-")
    # the maps before each pooling from stride 4 on, and the last one pooled
    usual = (*by_relu[2:], by_pool[-1])
    ways = (usual, by_pool, by_relu)
    return Backbone(f"{name}_bn", f"{title} with BatchNorm", "vgg", ways) if normed else Backbone(name, title, "vgg", ways)


def _in_fours(first: int) -> tuple[tuple[Stage, ...], ...]:
    return (tuple(Stage(str(2 * k + 1), first << k, stride) for k, stride in enumerate(_FOUR)),)


def _swin(name: str) -> Backbone:
    version, first, _ = _SWINS[name]
    return Backbone(name, f"Swin{'-V2' * (version == 2)}-{name[-1].upper()}", "swin", _in_fours(first))


def _convnext(name: str) -> Backbone:
    title = name.replace("convnext_", "ConvNeXt-").replace("-t", "-T").replace("-s", "-S").replace("-b", "-B").replace("-l", "-L")
    return Backbone(name, title, "convnext", _in_fours(_CONVNEXTS[name][0]), norm_eps=1e-6)


def _mobilenet(name: str) -> Backbone:
    ways = tuple(tuple(Stage(*row) for row in way) for way in _MOBILENETS[name])
    return Backbone(name, f"MobileNetV3-{name.rpartition('_')[2].title()}", "mobilenet", ways)


BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        *(_resnet(name, "resnet") for name in _RESNETS),
        *(_resnet(name, "slim") for name in _PLAIN),
        *(_mobilenet(name) for name in _MOBILENETS),
        *(_vgg(name, normed) for name in _VGGS for normed in (False, True)),
        *(_swin(name) for name in _SWINS),
        *(_convnext(name) for name in _CONVNEXTS),
    )
}


def blocks_of(name: str) -> tuple[str, tuple[int, ...]]:
    """Kind of block and blocks per stage of a ResNet, "resnet50" or "slim_resnet50"."""
    return _RESNETS[name.removeprefix("slim_")][:2]


# -- which of its maps the laterals read --------------------------------------------------------------------------------


def stages_read(body: Body, channels: Sequence[int], first_stride: int, last: int | None = None) -> tuple[tuple[Stage, ...], bool]:
    """The stages that laterals read, from the channels that they take.

    Args:
        body: the backbone.
        channels: that each lateral takes, fine to coarse.
        first_stride: net px per cell that the finest level usually has: 4 in a two-stage detector, 8 in a one-stage one.
        last: index of the last module that has tensors, in a body whose modules have numbers; what lies behind the last stage is
            cut off by torchvision, so the last stage is the first that has all of them in front of it.

    Returns:
        The stages, none where there are no such ones, and whether there was no other choice.
    """
    found = [
        chosen
        for way in body.backbone.stages(body.width)
        for chosen in combinations(way, len(channels))
        if [stage.channels for stage in chosen] == list(channels) and (last is None or int(chosen[-1].place) >= last)
    ]
    if not found:
        return (), True
    best = min(found, key=lambda chosen: (not _doubling(chosen), chosen[0].stride != first_stride))
    return best, len(set(found)) == 1


def _doubling(stages: Sequence[Stage]) -> bool:
    return all(b.stride == 2 * a.stride for a, b in pairwise(stages))


def stages_named(backbone: Backbone, width: int, places: Sequence[str], number: int) -> tuple[Stage, ...]:
    """The stages at some places, or the last of the usual ones.

    Args:
        backbone: a row of the table.
        width: of its stem.
        places: names of modules; empty for the usual ones.
        number: how many of the usual ones.

    Raises:
        KeyError: it has no stage at one of the places.
    """
    ways = backbone.stages(width)
    if not places:
        return ways[0][-number:]
    known = {stage.place: stage for way in ways for stage in way}
    return tuple(known[place] for place in places)


def places_of(backbone: Backbone) -> tuple[str, ...]:
    """Every place that a lateral may read, fine to coarse."""
    stages = {stage for way in backbone.ways for stage in way}
    return tuple(stage.place for stage in sorted(stages, key=lambda s: (s.stride, s.channels, s.place)))


#: levels that are made above the last backbone map, by what makes them
EXTRA_LEVELS: dict[str, int] = {"pool": 1, "P5": 2, "C5": 2}


def levels_of(stages: Sequence[Stage], extra: str) -> tuple[str, ...]:
    """Names of a pyramid's levels, by their strides.

    Args:
        stages: that its laterals read.
        extra: a key of `EXTRA_LEVELS`.
    """
    strides = [stage.stride for stage in stages]
    above = [strides[-1] << (k + 1) for k in range(EXTRA_LEVELS[extra])]
    return tuple(f"P{name}" for name in (*level_names(strides), *level_names(above)))


# -- which backbone it is -----------------------------------------------------------------------------------------------


def backbone_of(shapes: Shapes) -> Body | None:
    """The backbone whose tensors have these names (below the body) and shapes, or None."""
    name = next((name for read in _READERS if (name := read(shapes))), "")
    if not name:
        return None
    width = shapes["conv1.weight"][0] if name.startswith("slim_") else 64
    return Body(BACKBONES[name], width, norm_kind(shapes), stage_norms="norm0.weight" in shapes or "norm3.weight" in shapes)


def norm_kind(shapes: Shapes) -> str:
    """The kind of norm that tensors are of: "batch", "frozen", "group", "layer" or "" (none)."""
    kinds = (
        ("batch", lambda name: name.endswith("num_batches_tracked")),
        ("frozen", lambda name: name.endswith("running_mean")),
        ("group", re.compile(r"bn\d\.weight$").search),
        ("layer", lambda name: name.endswith(".weight") and len(shapes[name]) == 1),
    )
    return next((kind for kind, is_sign in kinds if any(is_sign(name) for name in shapes)), "")


def _count(shapes: Shapes, front: str) -> int:
    return len({name[len(front) :].partition(".")[0] for name in shapes if name.startswith(front)})


def _is_resnet(shapes: Shapes) -> str:
    needed = [shapes.get(name, (0,) * 4) for name in ("conv1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight")]
    if not all(map(all, needed)):
        return ""
    stem, inner, group = needed[0][0], needed[1][0], needed[2][1]
    kind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
    blocks = tuple(_count(shapes, f"layer{k}.") for k in (1, 2, 3, 4))
    if stem != 64 and stem == inner == group:
        return next((f"slim_{name}" for name in _PLAIN if _RESNETS[name][:2] == (kind, blocks)), "")
    row = (kind, blocks, inner, group)
    return next((name for name in _RESNETS if stem == 64 and _RESNETS[name] == row), "")


def _depths(shapes: Shapes) -> tuple[int, ...]:
    depths = [_count(shapes, f"{index}.") for index in (1, 3, 5, 7)]
    return tuple(depths[: depths.index(0)] if 0 in depths else depths)


def _is_swin(shapes: Shapes) -> str:
    if "1.0.attn.qkv.weight" not in shapes or "0.0.weight" not in shapes:
        return ""
    version, depths = (2 if "1.0.attn.logit_scale" in shapes else 1), _depths(shapes)
    row = version, shapes["0.0.weight"][0]
    return next((n for n, (v, c, blocks) in _SWINS.items() if (v, c) == row and blocks[: len(depths)] == depths), "")


def _is_convnext(shapes: Shapes) -> str:
    if "1.0.layer_scale" not in shapes or "0.0.weight" not in shapes:
        return ""
    first, depths = shapes["0.0.weight"][0], _depths(shapes)
    return next((n for n, (c, blocks) in _CONVNEXTS.items() if c == first and blocks[: len(depths)] == depths), "")


def _is_mobilenet(shapes: Shapes) -> str:
    if shapes.get("0.0.weight") != (16, 3, 3, 3) or "1.block.0.0.weight" not in shapes:
        return ""
    # the first block of the small one has squeeze and excitation, the large one's has not
    return "mobilenet_v3_small" if "1.block.1.fc1.weight" in shapes else "mobilenet_v3_large"


def _is_vgg(shapes: Shapes) -> str:
    has = {int(n[:-7]): s[0] for n, s in shapes.items() if re.fullmatch(r"\d+\.weight", n) and len(s) == 4}
    if shapes.get("0.weight", ()) != (64, 3, 3, 3):
        return ""
    normed = "1.running_mean" in shapes
    for name, counts in _VGGS.items():
        convs, _, _ = vgg_layers(counts, normed)
        if has == {index: channels for index, channels in convs.items() if index <= max(has)}:
            return f"{name}_bn" if normed else name
    return ""


_READERS: tuple[Callable[[Shapes], str], ...] = (_is_resnet, _is_swin, _is_convnext, _is_mobilenet, _is_vgg)
