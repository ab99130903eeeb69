"""What the statistics of a network's layers say about it: findings."""

from __future__ import annotations

import re
from itertools import combinations, groupby
from typing import TYPE_CHECKING

import torch

from fpn_viewer.core.checkpoints.checkup.initial import first_norm, first_statistics
from fpn_viewer.core.checkpoints.checkup.parts import BACKBONE_PARTS, STATISTICS, dead_channels, is_dead_when_zero
from fpn_viewer.core.checkpoints.values import Finding
from fpn_viewer.core.numbers import percent, significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from fpn_viewer.core.checkpoints.checkup.parts import Layer
    from fpn_viewer.core.checkpoints.checkup.statistics import Numbers

    Found = tuple[Finding, ...]

#: a running variance above it is none that pictures give rise to
HUGE_VARIANCE = 1e9
#: share of a network's output channels from which dead ones are worth a warning
_MANY_DEAD = 0.05
_HALF = ("float16", "bfloat16")
_WHOLE = ("float16", "bfloat16", "float32", "float64")


def weight_findings(layers: Sequence[Layer], frozen_eps: float | None) -> Found:
    """What is to be said of a network's weights.

    Args:
        layers: in the order of the forward.
        frozen_eps: epsilon of its frozen norms; None when its norms are not frozen or it is not known.
    """
    found = [finding for look in _LOOKS for finding in look(layers)]
    return (*found, *_variances(layers, frozen_eps))


def _own(layers: Sequence[Layer]) -> Iterator[tuple[Layer, str, Numbers]]:
    for layer in layers:
        yield from ((layer, kind, one) for kind, one in layer.tensors.items() if not kind.startswith("norm."))


def _keys(layers: Sequence[Layer], kinds: str = "") -> tuple[str, ...]:
    return tuple(key for layer in layers for kind, key in layer.keys.items() if not kinds or kind == kinds)


def _parts(layers: Sequence[Layer]) -> str:
    return ", ".join(dict.fromkeys(layer.part for layer in layers))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


# -- looks: each answers with findings ----------------------------------------------------------------------------------


def _not_finite(layers: Sequence[Layer]) -> Iterator[Finding]:
    bad = [(layer, kind, one) for layer, kind, one in _own(layers) if one.nan or one.infinite]
    if not bad:
        return
    nan, infinite = (sum(getattr(one, what) for _, _, one in bad) for what in ("nan", "infinite"))
    numbers = " and ".join(words for words in (nan and f"{nan:,} NaN", infinite and f"{infinite:,} infinite") if words)
    where = _parts([layer for layer, _, _ in bad])
    yield Finding(
        "warning",
        f"{_count(len(bad), 'tensor')} ({where}) {'holds' if len(bad) == 1 else 'hold'} {numbers} numbers, which spread to every "
        "answer: training diverged or the file is damaged; take an earlier checkpoint.",
        tuple(layer.keys[kind] for layer, kind, _ in bad),
    )


def _zeros(layers: Sequence[Layer]) -> Iterator[Finding]:
    bad = [(layer, kind) for layer, kind, one in _own(layers) if one.zero and is_dead_when_zero(layer, kind)]
    if bad:
        yield Finding(
            "warning",
            f"{_count(len(bad), 'tensor')} ({_parts([layer for layer, _ in bad])}) {_are(len(bad))} zero everywhere, so that "
            "nothing passes there; see whether the weights were written before they were loaded or trained.",
            tuple(layer.keys[kind] for layer, kind in bad),
        )


def _dead(layers: Sequence[Layer]) -> Iterator[Finding]:
    dead = [(layer, len(dead_channels(layer))) for layer in layers if dead_channels(layer)]
    if not dead:
        return
    number = sum(count for _, count in dead)
    share = number / sum(layer.tensors["weight"].shape[0] for layer in layers if layer.has_weights)
    yield Finding(
        "warning" if share >= _MANY_DEAD else "note",
        f"{_count(number, 'output channel')} of {_count(len(dead), 'layer')} ({_parts([layer for layer, _ in dead])}) "
        f"{_have(number)} no weights, {percent(share)} of all: pruned, or switched off in training; "
        "their maps are constant.",
        _keys([layer for layer, _ in dead], "weight"),
    )


def _untrained(layers: Sequence[Layer]) -> Iterator[Finding]:
    weighty = [layer for layer in layers if layer.tells]
    fresh = [layer for layer in weighty if layer.initial]
    if not fresh:
        return
    by_part = {name: list(its) for name, its in groupby(weighty, key=lambda layer: layer.part)}
    whole = [name for name, its in by_part.items() if all(layer.initial for layer in its)]
    backbone = [name for name in by_part if BACKBONE_PARTS.fullmatch(name)]
    others = [name for name in by_part if name not in backbone]
    yield Finding("warning", _untrained_sentence(fresh, whole, backbone, others), _keys(fresh, "weight"))


def _untrained_sentence(fresh: Sequence[Layer], whole: Sequence[str], backbone: Sequence[str], others: Sequence[str]) -> str:
    ways = " and ".join(dict.fromkeys(layer.initial for layer in fresh))
    if len(whole) == len(backbone) + len(others):
        return f"Every layer is as initialised ({ways}): this network was never trained, and what it finds is chance."
    if backbone and others and set(whole) == set(others):
        return (
            f"Only the backbone is trained: {_listed(others)} are as initialised ({ways}); what it finds is chance until the "
            "detector is trained, or its trained weights are loaded before it is saved."
        )
    single = [layer for layer in fresh if layer.part not in whole]
    parts = ["backbone", *(name for name in whole if name not in backbone)] if backbone and set(backbone) <= set(whole) else whole
    names = [*parts, *(layer.path for layer in single)]
    many = len(names) != 1 or names[0].endswith(("laterals", "levels", "blocks", "outputs"))
    return (
        f"{'The ' * bool(whole)}{_listed(names)} {'are' if many else 'is'} as initialised ({ways}), never trained; see "
        "whether the head was replaced, or part of the network frozen, before training."
    )


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:6], *([f"{len(names) - 6} more"] if len(names) > 6 else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _statistics_at_first(layers: Sequence[Layer]) -> Iterator[Finding]:
    norms = [layer for layer in layers if "running_var" in layer.tensors]
    bad = [layer for layer in norms if first_statistics(layer.tensors) and not first_norm(layer.tensors)]
    # a frozen norm can have any statistics: the scale and the shift were folded into one
    bad = [layer for layer in bad if "num_batches_tracked" in layer.tensors]
    if bad:
        yield Finding(
            "warning",
            f"{_count(len(bad), 'norm')} of {len(norms)} ({_parts(bad)}) {_are(len(bad))} trained but "
            f"{_have(len(bad))} mean 0 and variance 1 as at first: their statistics were never taken, and the "
            "network answers otherwise than in training; run pictures through it in train() before saving.",
            _keys(bad, "running_var"),
        )


def _counters(layers: Sequence[Layer]) -> Iterator[Finding]:
    counting = [layer for layer in layers if "num_batches_tracked" in layer.tensors]
    if not counting or not all(layer.tensors["num_batches_tracked"].zero for layer in counting):
        return
    fresh = all(first_statistics(layer.tensors) for layer in counting)
    counted = f"The counters of its {_count(len(counting), 'norm')} say that it was trained for 0 steps"
    yield Finding(
        "warning" if fresh else "note",
        f"{counted}, and their statistics are as at first: it was saved before training."
        if fresh
        else f"{counted}; their statistics come from elsewhere, as when norms are frozen or copied.",
        _keys(counting, "num_batches_tracked"),
    )


def _types(layers: Sequence[Layer]) -> Iterator[Finding]:
    of_type: dict[str, list[str]] = {}
    for layer, kind, one in _own(layers):
        if kind not in STATISTICS:
            of_type.setdefault(one.dtype, []).append(layer.keys[kind])
    total = sum(len(keys) for keys in of_type.values())
    for dtype, keys in of_type.items():
        # that most of them are is said by whoever read the file
        if dtype in _HALF and 2 * len(keys) <= total:
            some = f"Only {len(keys)} of {total} tensors {_are(len(keys))} in half precision ({dtype})"
            yield Finding("note", f"{some}; see whether two networks were mixed.", tuple(keys))
        if dtype not in _WHOLE:
            yield Finding(
                "warning",
                f"{_count(len(keys), 'tensor')} {'holds' if len(keys) == 1 else 'hold'} {dtype} where real numbers are expected: a "
                "quantised network must be turned back into float32 before it is saved.",
                tuple(keys),
            )


_LOOKS: tuple[Callable[[Sequence[Layer]], Iterator[Finding]], ...] = (
    _not_finite,
    _zeros,
    _untrained,
    _counters,
    _statistics_at_first,
    _dead,
    _types,
)


def _variances(layers: Sequence[Layer], frozen_eps: float | None) -> Iterator[Finding]:
    """Running variances that no statistics can have taken."""
    found = [(layer, layer.tensors["running_var"]) for layer in layers if "running_var" in layer.tensors]
    negative = [layer for layer, one in found if one.low < 0]
    huge = [layer for layer, one in found if one.high > HUGE_VARIANCE]
    zero = [layer for layer, one in found if one.low == 0 and one.count == one.finite and not one.zero]
    if negative:
        yield Finding(
            "warning",
            f"{_count(len(negative), 'norm')} ({_parts(negative)}) {_have(len(negative))} a negative running "
            "variance, whose root is NaN; the file is damaged or the tensors are in the wrong places.",
            _keys(negative, "running_var"),
        )
    if huge:
        most = significant(max(layer.tensors["running_var"].high for layer in huge))
        yield Finding(
            "warning",
            f"{_count(len(huge), 'norm')} ({_parts(huge)}) {_have(len(huge))} a running variance up to {most}, "
            "which no picture gives rise to: training diverged; take an earlier checkpoint.",
            _keys(huge, "running_var"),
        )
    if zero:
        yield _zero_variance(zero, frozen_eps)


def _zero_variance(zero: Sequence[Layer], frozen_eps: float | None) -> Finding:
    about = f"{_count(len(zero), 'norm')} ({_parts(zero)}) {_have(len(zero))} channels of variance 0, which were constant"
    if frozen_eps == 0:
        more = "with an epsilon of 0 they are divided by 0; give --set norm_eps=1e-5."
        return Finding("warning", f"{about} in training; {more}", _keys(zero, "running_var"))
    return Finding("note", f"{about} in training: dead before the norm.", _keys(zero, "running_var"))


_LEVEL = re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks)\.(\d+)\.")
_KINDS = {"backbone.fpn.inner_blocks": "laterals", "backbone.fpn.layer_blocks": "smoothing convolutions"}


def identical_levels(layers: Sequence[Layer], tensors: Mapping[str, Tensor], levels: Sequence[str]) -> Found:
    """Laterals or smoothing convolutions of two levels that have the very same weights.

    Args:
        layers: in the order of the forward.
        tensors: by name in the module.
        levels: names of the pyramid's levels, fine to coarse.
    """
    return tuple(_identical(layers, tensors, levels))


def _identical(layers: Sequence[Layer], tensors: Mapping[str, Tensor], levels: Sequence[str]) -> Iterator[Finding]:
    necks = [(match, layer) for layer in layers if layer.has_weights and (match := _LEVEL.match(f"{layer.path}."))]
    for (one, a), (other, b) in combinations(necks, 2):
        if one[1] == other[1] and _same(a, b, tensors):
            names = " and ".join(levels[int(match[2])] for match in (one, other))
            yield Finding(
                "warning",
                f"The {_KINDS[one[1]]} of {names} have the same weights, number for number: they were copied or share one module; "
                "see whether that is meant.",
                (a.keys["weight"], b.keys["weight"]),
            )


def _same(a: Layer, b: Layer, tensors: Mapping[str, Tensor]) -> bool:
    one, other = a.tensors["weight"], b.tensors["weight"]
    alike = (one.shape, one.dtype, one.low, one.high) == (other.shape, other.dtype, other.low, other.high) and not one.zero
    return alike and torch.equal(tensors[f"{a.path}.weight"], tensors[f"{b.path}.weight"])
