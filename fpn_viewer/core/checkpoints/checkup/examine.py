"""The check-up itself: reads, recognises and measures a file step by step, and goes on after a step that fails."""

from __future__ import annotations

import re
import stat
import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from fpn_viewer.core.checkpoints.beside import left_aside, read_beside
from fpn_viewer.core.checkpoints.checkup import facts, history, weights
from fpn_viewer.core.checkpoints.checkup.parts import layers, part
from fpn_viewer.core.checkpoints.checkup.statistics import measure
from fpn_viewer.core.checkpoints.contents import check_kind, read_contents
from fpn_viewer.core.checkpoints.dialects import recognise
from fpn_viewer.core.checkpoints.load import misfits_of
from fpn_viewer.core.checkpoints.metadata import options_inside
from fpn_viewer.core.checkpoints.misfits import likely_renames, misfit_sentence
from fpn_viewer.core.checkpoints.native import is_native, read_native
from fpn_viewer.core.checkpoints.read import completed
from fpn_viewer.core.checkpoints.values import SEVERITIES, CheckUp, Finding, Recognised
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.errors import CheckpointError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from fpn_viewer.core.checkpoints.checkup.parts import Layer
    from fpn_viewer.core.checkpoints.misfits import Misfits
    from fpn_viewer.core.checkpoints.values import Contents, Fact
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.tracing.record import Watcher

    Answer = TypeVar("Answer")


#: what code raises that expects tensors of other shapes or values of other kinds
_CONTRADICTIONS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError, OSError)


@dataclass
class _Chart:
    """What is known so far.

    Attributes:
        path: the file.
        options: what a person said of it.
        watcher: told of progress, and may stop.
        contents: None while the file could not be read.
        recognised: None while no detector was recognised; its spec has what was said of it, where that fits.
        misfits: None while they were not looked for.
        layers: in the order of the forward.
        findings: in the order in which they came up.
    """

    path: Path
    options: dict[str, Any]
    watcher: Watcher | None
    contents: Contents | None = None
    recognised: Recognised | None = None
    misfits: Misfits | None = None
    layers: tuple[Layer, ...] = ()
    findings: list[Finding] = field(default_factory=list)

    def tried(self, step: Callable[[], Answer]) -> Answer | None:
        """What a step answers; None where it fails, and then a finding says why."""
        try:
            return step()
        except UserError as error:
            details = tuple(getattr(error, "details", ()))
            self.findings.append(Finding("error", str(error), details=details))
        except _CONTRADICTIONS as error:
            # a file can be wrong in ways that nobody thought of, and this is where a person asks what is wrong with it
            text = " ".join(str(error).split()) or "no more is known"
            sentence = f"{self.path.name} cannot be followed: its tensors contradict each other ({type(error).__name__}: {text})."
            self.findings.append(Finding("error", sentence))
        return None


def examine(path: str | Path, options: Mapping[str, Any] | None = None, watcher: Watcher | None = None) -> CheckUp:
    """All that can be said of a checkpoint file; see `check_up`."""
    started = time.perf_counter()
    chart = _Chart(Path(path), dict(options or {}), watcher)
    if chart.tried(lambda: _look_at_file(chart.path, str(path))):
        _report(chart, "reading", 0.0)
        _read(chart)
        _recognise(chart)
        _measure(chart)
        _judge(chart)
    return _check_up(chart, time.perf_counter() - started)


def _report(chart: _Chart, stage: str, fraction: float) -> None:
    if chart.watcher is not None:
        chart.watcher.check()
        chart.watcher.report(stage, fraction)


def _look_at_file(path: Path, name: str) -> bool:
    if not name:
        raise CheckpointError("No file is named; give the path of a checkpoint.")
    check_kind(path)
    return True


# -- steps --------------------------------------------------------------------------------------------------------------


def _read(chart: _Chart) -> None:
    beside = chart.tried(lambda: read_beside(chart.path)) or ({}, "")
    aside = "" if beside[1] else chart.tried(lambda: left_aside(chart.path))
    if aside:
        chart.findings.append(Finding("note", aside))
    first = {**beside[0], **chart.options}
    chart.contents = chart.tried(lambda: read_contents(chart.path, first.get("entry"), chart.watcher))
    if chart.contents is None:
        return
    chart.findings += [Finding("note", sentence) for sentence in chart.contents.notes]
    raw = chart.tried(lambda: _recognised(chart, first.get("preset")))
    chart.recognised = raw


def _recognised(chart: _Chart, preset: str | None) -> Recognised:
    assert chart.contents is not None
    return Recognised(*read_native(chart.path)) if is_native(chart.path) else recognise(chart.contents, preset)


def _recognise(chart: _Chart) -> None:
    """Adds what was said of the detector, and sees whether its tensors fit."""
    raw, contents = chart.recognised, chart.contents
    if raw is None or contents is None:
        return

    def with_options() -> Recognised:
        inside = {} if is_native(chart.path) else options_inside(contents, raw)
        return completed(raw, chart.path, inside, chart.options)

    chart.recognised = chart.tried(with_options) or raw
    chart.misfits = chart.tried(lambda: _fit(chart.recognised or raw))
    if chart.misfits:
        chart.findings.append(_misfit_finding(chart.misfits, raw.spec, contents))


def _fit(recognised: Recognised) -> Misfits:
    # on the meta device there are shapes and no numbers: no time, no memory
    with torch.device("meta"):
        module = build_module(_with_fitting_anchors(recognised))
    return misfits_of(module.state_dict(), recognised)


def _with_fitting_anchors(recognised: Recognised) -> DetectorSpec:
    """The spec with as many anchors per cell as the head has outputs for: those that were said are judged by themselves."""
    spec, per_cell = recognised.spec, recognised.anchors_per_cell
    if not per_cell:
        return spec
    sizes = (tuple(range(1, per_cell + 1)),) * len(spec.levels)
    return replace(spec, settings=replace(spec.settings, anchor_sizes=sizes, aspect_ratios=(1.0,)))


def _misfit_finding(misfits: Misfits, spec: DetectorSpec, contents: Contents) -> Finding:
    renames = [f"{old} is perhaps {new}" for old, new in likely_renames(misfits).items()]
    others = [entry.name for entry in contents.entries if entry.name != contents.chosen]
    entries = [f"--set entry={name} looks at another entry of the file" for name in others]
    return Finding("error", misfit_sentence(spec, misfits), misfits.keys, details=(*renames, *entries))


def _measure(chart: _Chart) -> None:
    if chart.contents is None:
        return
    tensors, keys = in_the_file(chart.contents, chart.recognised)
    total, done = sum(tensor.numel() for tensor in tensors.values()) or 1, 0

    def between(numbers: int) -> None:
        nonlocal done
        done += numbers
        _report(chart, "measuring weights", done / total)

    with torch.inference_mode():
        numbers = {name: measure(tensor, between) for name, tensor in tensors.items()}
        chart.layers = layers(numbers, keys)
        if chart.recognised is not None:
            chart.findings += weights.identical_levels(chart.layers, tensors, chart.recognised.spec.levels)


def in_the_file(contents: Contents, recognised: Recognised | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors that are used, by name in the module but as they are in the file, and the names that these have there.

    Rows that a dialect puts in or moves would be in the way of statistics.

    Args:
        contents: what was read.
        recognised: None when no detector was recognised; then all tensors, under their own names.
    """
    if recognised is None:
        return dict(contents.tensors), {name: name for name in contents.tensors}
    keys = {name: recognised.keys.get(name, name) for name in recognised.tensors}
    return {name: contents.tensors.get(keys[name], tensor) for name, tensor in recognised.tensors.items()}, keys


def _judge(chart: _Chart) -> None:
    spec = chart.recognised.spec if chart.recognised is not None else None
    eps = spec.norm_eps if spec is not None and spec.norm == "frozen" else None
    chart.findings += weights.weight_findings(chart.layers, eps)
    if chart.contents is None:
        return
    chart.findings += history.no_steps(chart.contents.metadata)
    if spec is not None:
        chart.findings += _same_strides(spec.levels)
        chart.findings += history.other_class_names(chart.contents, spec)
    with torch.inference_mode():
        chart.findings += chart.tried(lambda: _entries(chart)) or ()


def _entries(chart: _Chart) -> tuple[Finding, ...]:
    assert chart.contents is not None

    def between(_: int) -> None:
        if chart.watcher is not None:
            chart.watcher.check()

    return tuple(history.other_entries(chart.contents, lambda name: read_contents(chart.path, name, chart.watcher), between))


_NUMBER = re.compile(r"\D*(\d+)")


def _same_strides(levels: Iterable[str]) -> Iterable[Finding]:
    """Pyramid levels of one stride: their names have the same number."""
    numbered = [(match[1], name) for name in levels if (match := _NUMBER.match(name))]
    for _, group in groupby(numbered, key=lambda pair: pair[0]):
        names = [name for _, name in group]
        if len(names) > 1:
            yield Finding(
                "note",
                f"The levels {' and '.join(names)} have the same stride, as in torchvision's MobileNetV3 pyramid: the cells of the "
                "upper one are not larger.",
            )


# -- the answer ---------------------------------------------------------------------------------------------------------


def _check_up(chart: _Chart, seconds: float) -> CheckUp:
    contents, recognised, misfits = chart.contents, chart.recognised, chart.misfits
    findings = tuple(sorted(chart.findings, key=lambda finding: SEVERITIES.index(finding.severity)))
    errors = [finding.sentence for finding in findings if finding.severity == "error"]
    return CheckUp(
        path=str(chart.path),
        size=_size(chart.path),
        container=contents.container if contents is not None else "",
        summary=errors[0] if errors else _summary(recognised),
        opens=not errors,
        spec=recognised.spec if recognised is not None else None,
        facts=_facts(recognised, chart.options),
        entries=contents.entries if contents is not None else (),
        chosen=contents.chosen if contents is not None else "",
        findings=findings,
        parts=tuple(part(name, tuple(its)) for name, its in groupby(chart.layers, key=lambda layer: layer.part)),
        missing=misfits.missing if misfits is not None else (),
        unexpected=tuple(misfits.unexpected) if misfits is not None else (),
        other_shapes=tuple(misfits.shape_lines) if misfits is not None else (),
        left_out=dict(recognised.left_out) if recognised is not None else {},
        seconds=seconds,
    )


def _size(path: Path) -> int:
    """Bytes of a file; 0 of what is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _facts(recognised: Recognised | None, options: Mapping[str, Any]) -> tuple[Fact, ...]:
    if recognised is None:
        return ()
    return facts.merged(recognised.facts, recognised.spec, recognised.anchors_per_cell, options)


def _summary(recognised: Recognised | None) -> str:
    assert recognised is not None
    spec = recognised.spec
    family = "" if spec.kind.one_stage else f"{spec.family} · "
    inside = spec.summary.removeprefix(spec.name).strip(" ()")
    return f"{spec.name} is a detector: {family}{inside}, levels {spec.levels[0]} to {spec.levels[-1]}."
