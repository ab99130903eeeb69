"""The parts of a network in the order of the forward, its layers, and the statistics of each."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpn_viewer.core.checkpoints.checkup import initial
from fpn_viewer.core.checkpoints.values import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fpn_viewer.core.checkpoints.checkup.initial import Initialisation
    from fpn_viewer.core.checkpoints.checkup.statistics import Numbers


@dataclass(frozen=True)
class Row:
    """A row of the table of parts.

    Attributes:
        name: of the part; \\1 stands for what the pattern's group caught.
        pattern: what torchvision's names of its tensors begin with.
        initial: what such layers are started with.
    """

    name: str
    pattern: re.Pattern[str]
    initial: tuple[Initialisation, ...]


def _row(name: str, pattern: str, start: tuple[Initialisation, ...]) -> Row:
    return Row(name, re.compile(pattern), start)


_FPN, _ROI = r"backbone\.fpn\.", r"roi_heads\."
ROWS: tuple[Row, ...] = (
    _row("stem", r"backbone\.body\.(?:conv1|bn1|stem|features\.0|0)\.", initial.BACKBONE),
    _row(r"stage \1", r"backbone\.body\.layer(\d+)\.", initial.BACKBONE),
    _row("backbone blocks", r"backbone\.body\.", initial.BACKBONE),
    _row("neck laterals", _FPN + r"inner_blocks\.", initial.NECK),
    _row("neck smoothing", _FPN + r"layer_blocks\.", initial.NECK),
    _row("extra levels", _FPN + r"extra_blocks\.", initial.NECK),
    _row("RPN head", r"rpn\.", initial.DENSE),
    _row("box head", _ROI + r"box_head\.", initial.BOX_HEAD),
    _row("box predictor", _ROI + r"box_predictor\.", initial.PREDICTOR),
    _row("class tower", r"head\.classification_head\.conv\.", initial.DENSE),
    _row("box tower", r"head\.regression_head\.conv\.", initial.DENSE),
    _row("outputs", r"head\.(?:classification|regression)_head\.", initial.DENSE),
)
BACKBONE_PARTS = re.compile(r"stem|stage \d+|backbone blocks")
#: statistics and counters of norms: not weights
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_FIELDS = ("weight", "bias", *STATISTICS)


@dataclass(frozen=True)
class Layer:
    """One convolution, linear layer or norm.

    Attributes:
        path: its name in the module.
        tensors: "weight", "bias", "running_mean" … to their numbers; with "norm." in front, those of the norm behind it.
        keys: the same to the names in the file, without the norm's.
        part: name of its part.
        initial: name of the initialisation that its weights are still at, or "".
    """

    path: str
    tensors: Mapping[str, Numbers] = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    part: str
    initial: str = ""

    @property
    def is_norm(self) -> bool:
        """Whether it scales and shifts channels."""
        return "running_mean" in self.tensors or ("weight" in self.tensors and len(self.tensors["weight"].shape) == 1)

    @property
    def tells(self) -> bool:
        """Whether it has enough weights for their spread to say something."""
        return self.has_weights and self.tensors["weight"].count >= initial.FEWEST

    @property
    def has_weights(self) -> bool:
        """Whether it has a weight of two or more dimensions."""
        return "weight" in self.tensors and len(self.tensors["weight"].shape) > 1


def layers(numbers: Mapping[str, Numbers], keys: Mapping[str, str]) -> tuple[Layer, ...]:
    """The layers of a network in the order of the forward.

    Args:
        numbers: by name in the module.
        keys: name in the module to the name in the file, where they differ.
    """
    grouped: dict[str, dict[str, Numbers]] = {}
    for name, one in numbers.items():
        path, _, last = name.rpartition(".")
        # a lone parameter (a scale, a table of positions) is a layer of its own
        place, kind = (path, last) if last in _FIELDS else (name, "value")
        grouped.setdefault(place, {})[kind] = one
    found = [_layer(path, tensors, grouped, keys) for path, tensors in grouped.items()]
    order = {name: index for index, name in enumerate(_order(layer.part for layer in found))}
    return tuple(sorted(found, key=lambda layer: (order[layer.part], _natural(layer.path))))


def _layer(path: str, tensors: dict[str, Numbers], all_layers: Mapping[str, dict[str, Numbers]], keys: Mapping[str, str]) -> Layer:
    row, part = _part_of(path + ".")
    names = {kind: path if kind == "value" else f"{path}.{kind}" for kind in tensors}
    files = {kind: keys.get(name, name) for kind, name in names.items()}
    behind = next((all_layers[place] for place in _norms_behind(path) if place in all_layers), {}) if "bias" not in tensors else {}
    mine = {**tensors, **{f"norm.{kind}": one for kind, one in behind.items() if "weight" in tensors}}
    start = initial.as_initialised(mine, row.initial if row else initial.ANY) if "weight" in tensors else ""
    return Layer(path, mine, files, part, start)


def _part_of(path: str) -> tuple[Row | None, str]:
    for row in ROWS:
        if match := row.pattern.match(path):
            return row, match.expand(row.name)
    return None, path.partition(".")[0]


def _norms_behind(path: str) -> tuple[str, ...]:
    """Where networks have the norm of a convolution: conv1 and bn1, 0 and 1 of a Sequential; detectron2's conv1 and conv1.norm."""
    before, _, last = path.rpartition(".")
    behind = str(int(last) + 1) if last.isdecimal() else last.replace("conv", "bn")
    return f"{path}.norm", *([f"{before}.{behind}"] if behind != last else [])


def _order(names: Iterable[str]) -> list[str]:
    """Parts of the table in its order, stages by number, and then all others as they come."""
    table = [row.name.split("\\")[0] for row in ROWS]
    seen = list(dict.fromkeys(names))

    def place(name: str) -> tuple[int, str]:
        known = [index for index, start in enumerate(table) if name.startswith(start)]
        return (known[0], name) if known else (len(table), "")

    return sorted(seen, key=place)


def _natural(path: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in names by their value."""
    return [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in path.split(".")]


def part(name: str, its: Sequence[Layer]) -> Part:
    """Statistics of the layers of one part."""
    own = [(kind, one) for layer in its for kind, one in layer.tensors.items() if not kind.startswith("norm.")]
    learned = [(kind, one) for kind, one in own if kind not in STATISTICS]
    weights = [one for layer in its if layer.has_weights for one in (layer.tensors["weight"],)]
    weights = weights or [one for kind, one in learned if kind != "bias"]
    finite = sum(one.finite for one in weights)
    mean = sum(one.total for one in weights) / finite if finite else 0.0
    square = sum(one.squares for one in weights) / finite if finite else 0.0
    return Part(
        name=name,
        tensors=len(own),
        parameters=sum(one.count for _, one in learned),
        dtypes=tuple(sorted({one.dtype for kind, one in own if kind != "num_batches_tracked"})),
        mean=mean,
        std=math.sqrt(max(square - mean**2, 0.0)),
        largest=max((one.largest for one in weights), default=0.0),
        nan=sum(one.nan for _, one in own),
        infinite=sum(one.infinite for _, one in own),
        zero_tensors=sum(one.zero for layer in its for kind, one in layer.tensors.items() if is_dead_when_zero(layer, kind)),
        dead_channels=sum(len(dead_channels(layer)) for layer in its),
        looks_untrained=untrained_words(its),
    )


def is_dead_when_zero(layer: Layer, kind: str) -> bool:
    """Whether a tensor that is zero everywhere switches something off: a weight, and neither a bias, a mean nor a counter."""
    return kind in ("weight", "value", "running_var") and not (kind == "weight" and layer.is_norm and _starts_at_zero(layer.path))


def _starts_at_zero(path: str) -> bool:
    """The last norm of a residual block, which some recipes start with scale 0 so that the block begins as an identity."""
    return path.endswith((".bn2", ".bn3"))


def dead_channels(layer: Layer) -> tuple[int, ...]:
    """Output channels of a layer whose weights are all zero."""
    if not layer.has_weights:
        return ()
    # the four numbers of the background's box are never trained, and weight decay takes them to zero
    untrained = 4 if layer.path.endswith("roi_heads.box_predictor.bbox_pred") else 0
    return tuple(row for row in layer.tensors["weight"].dead_rows() if row >= untrained)


def untrained_words(its: Sequence[Layer]) -> str:
    """Which of a part's layers are as they were initialised, in words; "" when none is."""
    weighty = [layer for layer in its if layer.tells]
    fresh = [layer for layer in weighty if layer.initial]
    if not fresh:
        return ""
    names = " and ".join(dict.fromkeys(layer.initial for layer in fresh))
    if len(fresh) == len(weighty):
        return f"as initialised by {names}"
    return f"{len(fresh)} of {len(weighty)} layers as initialised by {names}"
