"""Whether the weights of a layer spread just as an initialisation leaves them: a statistical test.

Training moves weights out of the interval that a uniform initialisation draws from, changes their spread by more than chance
does, and makes some output channels stronger than others. A layer counts as untrained only when none of this has happened and
its bias and its norm are at their first values as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fpn_viewer.core.checkpoints.checkup.statistics import Numbers

#: standard errors that chance is granted; among the few hundred numbers compared in a file, it goes as far once in a hundred files
CHANCE = 4.5
#: a tensor of fewer weights says nothing
FEWEST = 96
#: fourth moment over the square of the second
_FLAT, _BELL = 1.8, 3.0
#: the bias of a RetinaNet's or FCOS's classes at first: sigmoid 0.01
PRIOR = -math.log(99)
_ROUNDING = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


@dataclass(frozen=True)
class Initialisation:
    """How weights are drawn at first.

    Attributes:
        name: as in torch.nn.init.
        uniform: from an interval, or else from a normal distribution.
        std: its standard deviation for a weight of that shape.
    """

    name: str
    uniform: bool
    std: Callable[[Numbers], float]


def _normal(std: float) -> Initialisation:
    return Initialisation(f"normal(std={std:g})", False, lambda _: std)


KAIMING_NORMAL = Initialisation("kaiming_normal(fan_out)", False, lambda n: math.sqrt(2 / n.fan_out))
KAIMING_UNIFORM = Initialisation("kaiming_uniform(a=1)", True, lambda n: math.sqrt(1 / n.fan_in))
XAVIER = Initialisation("xavier_uniform", True, lambda n: math.sqrt(2 / (n.fan_in + n.fan_out)))
DEFAULT = Initialisation("torch's default", True, lambda n: math.sqrt(1 / (3 * n.fan_in)))
#: part of a network to what torchvision, detectron2 and mmdetection start it with
BACKBONE = (KAIMING_NORMAL, DEFAULT, _normal(0.02), _normal(0.01))
NECK = (KAIMING_UNIFORM, XAVIER, DEFAULT)
DENSE = (_normal(0.01), DEFAULT)
BOX_HEAD = (DEFAULT, KAIMING_UNIFORM, XAVIER, KAIMING_NORMAL)
PREDICTOR = (DEFAULT, _normal(0.01), _normal(0.001))
ANY = (*BACKBONE, KAIMING_UNIFORM, XAVIER, _normal(0.001))


def as_initialised(tensors: Mapping[str, Numbers], known: tuple[Initialisation, ...]) -> str:
    """The name of the initialisation that a layer's weights are still at, or "".

    Args:
        tensors: of the layer: its "weight", its "bias" where it has one; "norm.weight", "norm.running_mean" and so on of the norm
            behind it.
        known: the initialisations that come into question.
    """
    weight = tensors["weight"]
    if len(weight.shape) < 2 or weight.count < FEWEST or weight.finite != weight.count or not weight.largest:
        return ""
    norm = {name.removeprefix("norm."): n for name, n in tensors.items() if name.startswith("norm.")}
    if not first_bias(tensors.get("bias"), weight) or (norm and not first_norm(norm)):
        return ""
    # few numbers of an interval pass for a normal distribution, but not the other way round
    intervals_first = sorted(known, key=lambda one: not one.uniform)
    return next((one.name for one in intervals_first if _spread_as(weight, one)), "")


def first_bias(bias: Numbers | None, weight: Numbers) -> bool:
    """Whether a bias is at a first value: zero, the prior of a sigmoid, or torch's default for its layer."""
    if bias is None or bias.zero or bias.all_are(PRIOR, 2e-3):
        return True
    bound = 1 / math.sqrt(weight.fan_in)
    return bias.finite == bias.count and 0 < bias.largest <= bound * (1 + _ROUNDING.get(bias.dtype, 1e-6))


_FIRST = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}


def first_norm(norm: Mapping[str, Numbers]) -> bool:
    """Whether a norm is as it was made: scale 1, shift 0, and where it has statistics mean 0 and variance 1."""
    return all(norm[name].all_are(value) for name, value in _FIRST.items() if name in norm)


def first_statistics(norm: Mapping[str, Numbers]) -> bool:
    """Whether a norm has statistics and they are as they were made."""
    return all(name in norm and norm[name].all_are(_FIRST[name]) for name in ("running_mean", "running_var"))


def _spread_as(weight: Numbers, kind: Initialisation) -> bool:
    """Whether mean, spread, shape of the distribution and evenness of the output channels are those of `kind`, but for chance."""
    std, n = kind.std(weight), weight.count
    tail = _FLAT if kind.uniform else _BELL
    variance = weight.squares / n
    return (
        abs(weight.total / n) <= CHANCE * std / math.sqrt(n)
        and abs(variance / std**2 - 1) <= CHANCE * math.sqrt((tail - 1) / n) + 2 * _ROUNDING.get(weight.dtype, 0.0) / math.sqrt(n)
        and abs(weight.fourths / n / (variance * variance) - tail) <= CHANCE * _tail_error(kind) / math.sqrt(n)
        and (not kind.uniform or weight.largest <= math.sqrt(3) * std * (1 + _ROUNDING.get(weight.dtype, 1e-6)))
        and _even(weight, variance, tail)
    )


def _tail_error(kind: Initialisation) -> float:
    """Standard error of the fourth moment over the squared second, times √n: √24 for a normal distribution."""
    # the uniform's, from its moments 1/3, 1/5, 1/7, 1/9 on ±1
    return 1.15 if kind.uniform else math.sqrt(24)


def _even(weight: Numbers, variance: float, tail: float) -> bool:
    """Whether the output channels are as strong as each other, but for chance."""
    rows, length = weight.shape[0], weight.fan_in
    if rows < 2:
        return True
    spread = float((weight.rows - length * variance).square().mean())
    expected = length * (tail - 1) * variance * variance
    return spread / expected <= 1 + CHANCE * math.sqrt((2 + 12 / length) / rows)
