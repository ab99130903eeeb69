"""What is known of a checkpoint file: what was read, what was recognised, what a check-up found. Importing it loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: how surely a fact is known, best first
SURENESS: tuple[str, ...] = ("certain", "likely", "assumed")
FROM_SHAPES = "read from the tensors' shapes"
FROM_KEYS = "read from the tensors' names"
GIVEN = "given by the user"
#: key of a file's metadata under which the attributes of its pickled network are, by path
MODULE = "pickled network"


def assumed(preset: str) -> str:
    """The origin of a value that nobody gave and no tensor shows."""
    return f"assumed: {preset}'s default; a state_dict cannot hold it"


def likely(reason: str) -> str:
    """The origin of a value that something speaks for."""
    return f"likely: {reason}"


def sureness(origin: str) -> str:
    """How surely a value of that origin is known, one of `SURENESS`."""
    return next((word for word in SURENESS if origin.startswith(word)), "certain")


@dataclass(frozen=True)
class Fact:
    """One thing that is known of a checkpoint.

    Attributes:
        name: "backbone", "classes", "anchors per cell", "min_size".
        value: as a person reads it.
        origin: where it comes from, in words; `sureness` reads how surely from it.
        setting: the name under which a user may give another value; "" when it cannot be changed.
    """

    name: str
    value: str
    origin: str
    setting: str = ""


@dataclass(frozen=True)
class Entry:
    """One of the state_dicts in a file.

    Attributes:
        name: the path of keys that leads to it, "model", "model_ema", "" for the file itself.
        tensors: how many it has.
        averaged: whether it is a moving average of the weights.
    """

    name: str
    tensors: int
    averaged: bool = False


@dataclass(frozen=True, eq=False)
class Contents:
    """A checkpoint file, read without running anything from it.

    Attributes:
        path: the file.
        container: what kind of file it is: "torch", "torch (before 1.6)", "safetensors", "pickle".
        tensors: of the chosen entry, by name without wrappers' prefixes; in the file's own number types, possibly still on disk.
        metadata: what lies beside the tensors (args, meta, hyper_parameters, epoch …) as dicts, lists, numbers and texts only; an
            instance of a class is a dict of its attributes.
        entries: every state_dict in the file, the one that is taken by default first.
        chosen: name of the entry that `tensors` are from.
        notes: sentences about what was done to read it (a prefix taken off, half precision, stand-ins for unknown classes …).
        prefix: what was taken off the front of every name.
    """

    path: Path
    container: str
    tensors: Mapping[str, Tensor] = field(repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    entries: tuple[Entry, ...] = ()
    chosen: str = ""
    notes: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, eq=False)
class Recognised:
    """What tensors belong to.

    Attributes:
        spec: the detector; `origins` says of every value where it came from.
        tensors: under the names that torchvision's module has for them, rows in its order.
        facts: what was read from names and shapes.
        left_out: name in the file to why it is not used (a mask head, a counter, a buffer that is computed anew).
        keys: name in the module to the name in the file, where they differ.
        anchors_per_cell: what the head has outputs for; 0 where it does not matter.
        size_by_size: tensors whose rows are for all ratios of the first anchor size, then of the next. torchvision has it the other
            way round; they are turned when it is known how many sizes and ratios there are.
    """

    spec: DetectorSpec
    tensors: Mapping[str, Tensor] = field(repr=False)
    facts: tuple[Fact, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    anchors_per_cell: int = 0
    size_by_size: tuple[str, ...] = ()


#: how grave a finding is, worst first
SEVERITIES: tuple[str, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something about a checkpoint that a person should know.

    Attributes:
        severity: one of `SEVERITIES`; with an "error" the file does not open.
        sentence: what, and what to do.
        keys: the tensors it is about.
        details: lines for whoever wants to know more.
    """

    severity: str
    sentence: str
    keys: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Statistics of the weights of one part of a network.

    Attributes:
        name: "backbone", "neck laterals", "RPN head", "box predictor".
        tensors: how many.
        parameters: numbers in them.
        dtypes: their number types, "float32".
        mean: over all weights (not biases or statistics).
        std: the same.
        largest: largest magnitude.
        nan: numbers that are NaN.
        infinite: numbers that are infinite.
        zero_tensors: tensors that are zero everywhere, biases left aside.
        dead_channels: output channels whose weights are all zero.
        looks_untrained: its weights spread just as their initialisation does, in words; "" when they do not.
    """

    name: str
    tensors: int
    parameters: int
    dtypes: tuple[str, ...]
    mean: float
    std: float
    largest: float
    nan: int = 0
    infinite: int = 0
    zero_tensors: int = 0
    dead_channels: int = 0
    looks_untrained: str = ""


@dataclass(frozen=True)
class CheckUp:
    """All that the doctor says of one file.

    Attributes:
        path: the file.
        size: bytes.
        container: see `Contents`.
        summary: one sentence: what it is, or why it does not open.
        opens: whether a detector can be made of it as it is.
        spec: the detector; None when none was recognised.
        facts: everything known, with where from: structure first, then settings.
        entries: the state_dicts in it.
        chosen: the one looked at.
        findings: worst first.
        parts: statistics, in the order of the forward.
        missing: names the module needs and the file has not.
        unexpected: names in the file that belong nowhere.
        other_shapes: a line for every tensor whose shape is not the one that the module needs.
        left_out: name to why it is not used.
        seconds: what the check-up took.
    """

    path: str
    size: int
    container: str
    summary: str
    opens: bool
    spec: DetectorSpec | None = None
    facts: tuple[Fact, ...] = ()
    entries: tuple[Entry, ...] = ()
    chosen: str = ""
    findings: tuple[Finding, ...] = ()
    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    other_shapes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Look:
    """What a file says before anybody says more: where settings that are edited start from, and go back to.

    Attributes:
        path: the file.
        spec: the detector with the preset's settings and with what is said in and beside the file; `origins` tells them apart.
        anchors_per_cell: what the head has outputs for; 0 where it does not matter.
        entries: the state_dicts in the file, the one that is taken by default first.
        chosen: the one looked at.
        notes: sentences about how it was read.
    """

    path: str
    spec: DetectorSpec
    anchors_per_cell: int = 0
    entries: tuple[Entry, ...] = ()
    chosen: str = ""
    notes: tuple[str, ...] = ()
