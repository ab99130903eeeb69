"""Tensors that do not fit the network they were recognised as, and what that is usually a sign of. Importing it loads no torch."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fpn_viewer.core.detectors.spec import DetectorSpec

    Shape = tuple[int, ...]

#: inference does not use it, and checkpoints of our own and of old versions leave it out
COUNTER = "num_batches_tracked"
#: how alike two names must be for one to be the other renamed
_ALIKE = 0.6
#: more pairs of names than this are not compared
_PAIRS = 20_000


@dataclass(frozen=True)
class Misfits:
    """What does not fit; counters of norms are left aside.

    Attributes:
        missing: names that the module needs and the file has not.
        unexpected: names in the file that belong nowhere, to their shapes.
        shapes: name in the file to (its shape, the shape that is needed).
        wanted: the module's names to shapes.
        given: the file's tensors under the module's names.
    """

    missing: tuple[str, ...]
    unexpected: Mapping[str, Shape]
    shapes: Mapping[str, tuple[Shape, Shape]]
    wanted: Mapping[str, Shape] = field(repr=False)
    given: Mapping[str, Shape] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    @property
    def lines(self) -> list[str]:
        """A line for every one."""
        return [
            *(f"{name} is missing" for name in self.missing),
            *(f"{name} is left over" for name in self.unexpected),
            *self.shape_lines,
        ]

    @property
    def shape_lines(self) -> list[str]:
        """A line for every tensor of another shape."""
        return [f"{name} is {shape_words(has)} where {shape_words(needs)} is needed" for name, (has, needs) in self.shapes.items()]

    @property
    def keys(self) -> tuple[str, ...]:
        """The names that `lines` are about."""
        return (*self.missing, *self.unexpected, *self.shapes)


def find_misfits(wanted: Mapping[str, Shape], given: Mapping[str, Shape], keys: Mapping[str, str]) -> Misfits:
    """What of the given shapes does not fit the wanted ones.

    Args:
        wanted: the module's names to shapes.
        given: the file's tensors under the module's names.
        keys: name in the module to the name in the file, where they differ.
    """
    needed = {name: shape for name, shape in wanted.items() if not name.endswith(COUNTER)}
    return Misfits(
        missing=tuple(name for name in needed if name not in given),
        unexpected={
            keys.get(name, name): shape for name, shape in given.items() if name not in wanted and not name.endswith(COUNTER)
        },
        shapes={
            keys.get(name, name): (given[name], shape) for name, shape in needed.items() if name in given and given[name] != shape
        },
        wanted=needed,
        given=given,
    )


def shape_words(shape: Shape) -> str:
    """A shape as a person reads it: "256×64×1×1"."""
    return "×".join(str(side) for side in shape) or "a single number"


def misfit_sentence(spec: DetectorSpec, misfits: Misfits) -> str:
    """One sentence: what does not fit, and what to do."""
    parts = [
        _counted(misfits.missing, "missing"),
        _counted(misfits.unexpected, "left over"),
        _counted(misfits.shape_lines, "of another shape"),
    ]
    what = " and ".join(part for part in parts if part)
    head = f"{spec.name} does not fit the network it was recognised as ({spec.summary.removeprefix(spec.name).strip(' ()')})"
    return f"{head}, and nothing was loaded: {what}, {suggestion(misfits)}."


def _counted(names: Iterable[str], what: str) -> str:
    names = list(names)
    if not names:
        return ""
    return f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'} {what} ({names[0]}{', …' if len(names) > 1 else ''})"


def suggestion(misfits: Misfits) -> str:
    """What the misfits are usually a sign of, and what to do then; half a sentence."""
    return next(words for rule in _RULES if (words := rule(misfits)))


# -- rules: each answers with half a sentence, or "" where it does not apply ------------------------------------------------


def _prefixed(misfits: Misfits) -> str:
    """Some names have something in front that the others have not."""
    left, lost = set(misfits.unexpected), misfits.missing
    for name in lost[:1]:
        longer = next((one for one in misfits.unexpected if one.endswith(f".{name}")), "")
        front = longer.removesuffix(name)
        hits = sum(front + one in left for one in lost)
        if front and hits * 2 > len(lost):
            return f"because {hits} names have “{front}” in front of them; take it off and save the state_dict again"
    return ""


def _buffers(misfits: Misfits) -> str:
    """Parameters without buffers."""
    only = misfits.missing and not misfits.unexpected and not misfits.shapes
    if only and all(name.endswith(("running_mean", "running_var")) for name in misfits.missing):
        return "because the norms have no statistics: parameters were saved without buffers; save module.state_dict() instead"
    return ""


_CLASS_ROWS = re.compile(r"(?:cls_score|cls_logits)\.(?:weight|bias)$")
_BOX_ROWS = re.compile(r"(?:bbox_pred|bbox_reg)\.(?:weight|bias)$")


def _classes(misfits: Misfits) -> str:
    """Outputs for classes and for boxes that speak of different numbers."""
    rows = [(name, has[0], needs[0]) for name, (has, needs) in misfits.shapes.items() if has and needs and has[1:] == needs[1:]]
    if not rows or len(rows) != len(misfits.shapes) or misfits.missing or misfits.unexpected:
        return ""
    name, has, needs = rows[0]
    if _BOX_ROWS.search(name) and all(_BOX_ROWS.search(one) for one, _, _ in rows):
        counts = f"{has} outputs ({has // 4} boxes) where the class scores ask for {needs} ({needs // 4} boxes)"
        return f"because its box outputs have {counts}: one of the two was replaced for another number of classes; replace both"
    if all(_CLASS_ROWS.search(one) for one, _, _ in rows):
        return f"because weight and bias of the class scores are for different num_classes ({has} and {needs} rows); replace both"
    return ""


_NECK = re.compile(
    r"backbone\.fpn\.|rpn\.head\.conv|roi_heads\.box_head\.(?:fc6|0\.0)\.|head\.(?:classification|regression)_head\.conv"
)


def _width(misfits: Misfits) -> str:
    """Parts from networks whose FPNs have different widths."""
    wide = [(n, has, needs) for n, (has, needs) in misfits.shapes.items() if len(has) == len(needs) and _NECK.search(n)]
    if not wide:
        return ""
    name, has, needs = wide[0]
    if name.endswith("fc6.weight") and has[0] == needs[0]:
        return f"because {name} reads {_read_by(has[1], needs[1])}"
    side = 1 if len(has) > 1 and has[1] != needs[1] else 0
    return (
        f"because {name} is for an FPN of another width ({has[side]} channels where the others have {needs[side]}): "
        "parts of two networks were mixed; save one of them whole"
    )


def _read_by(has: int, needs: int) -> str:
    """What the first layer of the box head expects of RoI pooling; torchvision's pools 7×7 cells."""
    channels = needs // 49
    side = round((has / channels) ** 0.5) if channels else 0
    if channels and side * side * channels == has:
        return f"{side}×{side} cells of every RoI, and only RoI pooling to 7×7 can be built; open the network itself with --model"
    return f"{has} numbers of every RoI where the FPN gives {channels} channels × 7×7: it is from an FPN of another width"


def _absent(misfits: Misfits) -> str:
    """A whole part is not there."""
    lost = set(misfits.missing)
    for part in dict.fromkeys(_part(name) for name in misfits.missing):
        whole = [name for name in misfits.wanted if name.startswith(f"{part}.")]
        if lost.issuperset(whole) and len(whole) > 1:
            first = next(iter(misfits.unexpected), "")
            others = f", though {first} may be of it under another name" if first else ""
            return f"because it has nothing of {part}{others}; save the whole detector's state_dict()"
    return ""


def _part(name: str) -> str:
    """A name up to what is still a part of a detector: "roi_heads.box_head", "backbone.body.layer4"."""
    return ".".join(name.split(".")[: 3 if name.startswith("backbone.") else 2])


def _renamed(misfits: Misfits) -> str:
    """Missing and left-over names that are alike and of one shape."""
    pairs = likely_renames(misfits)
    if not pairs:
        return ""
    old, new = next(iter(pairs.items()))
    more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"perhaps because of other names: {old} looks like {new}{more}; rename and save the state_dict again"


def likely_renames(misfits: Misfits) -> dict[str, str]:
    """Left-over names to the missing ones that they probably are: of the same shape and alike."""
    shapes = misfits.unexpected
    if len(shapes) * len(misfits.missing) > _PAIRS:
        return {}
    found: dict[str, str] = {}
    for new in misfits.missing:
        same = [old for old, shape in shapes.items() if shape == misfits.wanted[new] and old not in found]
        best = max(same, key=lambda old: alike(old, new), default="")
        if best and alike(best, new) >= _ALIKE:
            found[best] = new
    return found


def alike(one: str, other: str) -> float:
    """How alike two names are, 0..1; the last word must be the same."""
    if one.rpartition(".")[2] != other.rpartition(".")[2]:
        return 0.0
    return SequenceMatcher(None, one, other).ratio()


def _extra(misfits: Misfits) -> str:
    """Nothing is missing, but there is more."""
    if misfits.missing or misfits.shapes or not misfits.unexpected:
        return ""
    part, number = Counter(_part(name) for name in misfits.unexpected).most_common(1)[0]
    tensors = f"{number} tensor{'s' * (number > 1)} of {part}"
    return (
        f"because the network in it has more than this one ({tensors}): it is of another kind, or has a layer of your own; "
        "open the network itself with --model or fv.open_detector(module)"
    )


def _cut(misfits: Misfits) -> str:
    """Only missing tensors, of several parts."""
    if misfits.missing and not misfits.unexpected and not misfits.shapes:
        there = len(misfits.wanted) - len(misfits.missing)
        return f"because the file holds only {there:,} of {len(misfits.wanted):,} tensors; save the whole state_dict() again"
    return ""


def _mixed(_: Misfits) -> str:
    return "because its tensors are from networks that differ; save the state_dict() of one network whole"


_RULES: tuple[Callable[[Misfits], str], ...] = (
    _prefixed,
    _buffers,
    _classes,
    _width,
    _renamed,
    _absent,
    _extra,
    _cut,
    _mixed,
)
