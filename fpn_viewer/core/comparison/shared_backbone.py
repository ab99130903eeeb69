"""Two detectors with one backbone: it runs once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.analysis.what_if import TOUCHES
from fpn_viewer.core.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.necks.graph import Gains
    from fpn_viewer.core.tracing.record import Watcher
    from fpn_viewer.core.tracing.trace import Trace

#: settings that what comes before the neck depends on
_FRONT: tuple[str, ...] = tuple(name for name, part in TOUCHES.items() if part == "forward")
#: code whose forward is known: picture, backbone, neck and heads one after the other
_KNOWN = ("torchvision.", "fpn_viewer.")


def can_begin_from(trace: Trace, detector: Detector, settings: Mapping[str, object] | None = None) -> bool:
    """Whether a detector would compute the very backbone maps that a trace holds.

    True only where weights and structure of the backbone, the preprocessing, the input size, device and precision are equal bit
    for bit. It is asked again for every picture, because the weights of a network in training change.

    Args:
        trace: of one detector, with its picture.
        detector: the other, or the same one.
        settings: other values of `Settings` that it is to run with.

    Raises:
        SettingError: a setting does not exist or does not fit.
    """
    wanted = detector.spec.settings_with(dict(settings or {}))
    own = trace.detector
    if own is None or trace.picture is None or any(getattr(wanted, name) != getattr(trace.settings, name) for name in _FRONT):
        return False
    if own is detector:
        return _is_known(detector)
    where = [(one.precision, str(one.device), _names(one)) for one in (own, detector)]
    return where[0] == where[1] and _is_known(own) and _is_known(detector) and _same_front(own, detector)


def trace_from(
    trace: Trace,
    detector: Detector,
    *,
    gains: Gains | None = None,
    settings: Mapping[str, object] | None = None,
    watcher: Watcher | None = None,
) -> Trace:
    """The detector's trace of the same picture, from the backbone maps of another trace; equal to its own run bit for bit.

    Args:
        trace: one that `can_begin_from` says yes to.
        detector: that is to run.
        gains: factor on a term by (node, term).
        settings: other values of `Settings`.
        watcher: told of progress, and may stop.

    Returns:
        Its trace; `began` is "neck", and `times` are of what was run.

    Raises:
        QuestionError: the detector would compute other backbone maps.
        SettingError: a gain or a setting does not fit.
        DeviceError: the device ran out of memory.
    """
    if not can_begin_from(trace, detector, settings):
        raise QuestionError(
            f"{detector.spec.name} does not see {trace.source} as {trace.spec.name} does: backbone, preprocessing or input size "
            "differ; run it over the whole picture."
        )
    gains = dict(gains or {})
    detector.graph.check_gains(gains)
    return detector.resume(trace, "neck", gains, detector.spec.settings_with(dict(settings or {})), watcher)


def _is_known(detector: Detector) -> bool:
    """Whether its forward may be begun at the neck, and does nothing in front of it that nobody knows."""
    parts = [detector.module, getattr(detector.module, "backbone", None)]
    return "neck" in detector.anatomy.parts and all(
        part is not None and "forward" not in vars(part) and type(part).forward.__module__.startswith(_KNOWN) for part in parts
    )


def _names(detector: Detector) -> tuple[str, ...]:
    """The backbone maps that its neck reads."""
    return tuple(node.name for node in detector.graph.inputs)


def _same_front(a: Detector, b: Detector) -> bool:
    bodies = [one.module.get_submodule(one.anatomy.body) for one in (a, b)]
    transforms = [one.module.get_submodule(one.anatomy.stages["resize"]) for one in (a, b)]
    return _plain(transforms[0]) == _plain(transforms[1]) and _same_modules(*bodies)


def _plain(transform: Any) -> tuple[type, dict[str, object]]:
    """What a module that prepares pictures is, without the settings that a run puts into it."""
    kept = {name: value for name, value in vars(transform).items() if name[0] != "_" and name not in (*_FRONT, "training")}
    return type(transform), kept


def _same_modules(a: Any, b: Any) -> bool:
    """Whether two modules compute the same: the same parts, with the same numbers in them."""
    if a is b:
        return True
    # what a part shows of itself names its strides, paddings and constants
    if type(a) is not type(b) or repr(a) != repr(b) or getattr(a, "return_layers", None) != getattr(b, "return_layers", None):
        return False
    weights, others = a.state_dict(), b.state_dict()
    return weights.keys() == others.keys() and all(_equal(weights[name], others[name]) for name in weights if _counts(name))


def _counts(name: str) -> bool:
    """Whether a forward in eval mode looks at a tensor."""
    return not name.endswith("num_batches_tracked")


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a, b)
