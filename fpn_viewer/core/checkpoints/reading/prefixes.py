"""What wrappers put around the names of tensors, and how it is taken off without taking a network's own structure for a wrapper."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: what torch.compile, FSDP, activation checkpointing and Lightning's Fabric put anywhere into a name
_ANYWHERE = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.")
#: first parts of names that detectors and their backbones have themselves
STRUCTURE = frozenset(
    {
        "backbone", "neck", "fpn", "body", "bottom_up", "top_block", "rpn", "rpn_head", "roi_heads", "roi_head", "bbox_head",
        "head", "heads", "mask_head", "proposal_generator", "transform", "anchor_generator", "stem", "layer1", "layer2", "layer3",
        "layer4", "res2", "res3", "res4", "res5", "conv1", "bn1", "fc", "features", "stages", "layers", "patch_embed",
        "classifier", "blocks", "transformer", "encoder", "decoder", "class_embed", "bbox_embed", "module_list", "img_backbone",
        "img_neck",
    }
)  # fmt: skip
#: attributes under which training code keeps the network
_WRAPPERS = frozenset(
    {
        "module", "model", "net", "network", "detector", "_model", "_module", "wrapped_model", "model_ema", "ema", "ema_model",
        "student", "teacher", "modelstudent", "modelteacher", "online", "target", "generator", "nn",
    }
)  # fmt: skip
#: of those, the ones that follow the others as a moving average
AVERAGES = re.compile(r"(?<![a-z])(ema|averaged?|swa)(?![a-z])|teacher", re.IGNORECASE)
#: counters of averaging
_COUNTERS = frozenset({"n_averaged", "steps", "num_updates", "decay", "updates"})


@dataclass(frozen=True)
class Unwrapped:
    """The names of one network.

    Attributes:
        names: new name to the name in the file.
        prefix: what was taken off the front of all of them.
        inside: what was taken out of the middle of some.
        dropped: counters of averaging.
        shadows: buffers in which mmdetection 2 keeps the weights that it does not use.
        strangers: names that did not have the prefix.
    """

    names: dict[str, str]
    prefix: str = ""
    inside: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    shadows: tuple[str, ...] = ()
    strangers: tuple[str, ...] = field(default=())


def unwrap(names: Iterable[str]) -> Unwrapped:
    """Names without what wrappers put around them. Two names that become the same are both left as they are."""
    given = list(names)
    dropped = tuple(name for name in given if name in _COUNTERS) if len(given) > 1 else ()
    current = {name: name for name in given if name not in dropped}
    current, inside = _without_inside(current)
    prefix, strangers = "", []
    while part := common_wrapper(current):
        taken = {name.removeprefix(part): old for name, old in current.items() if name.startswith(part)}
        strangers += [old for name, old in current.items() if not name.startswith(part)]
        current, prefix = taken, prefix + part
    # a prefix may have hidden a counter
    hidden = [name for name in current if name in _COUNTERS and len(current) > 1]
    dropped += tuple(current.pop(name) for name in hidden)
    shadows = _shadows(current)
    return Unwrapped(
        {name: old for name, old in current.items() if name not in shadows},
        prefix,
        inside,
        dropped,
        tuple(current[name] for name in shadows),
        tuple(strangers),
    )


def _without_inside(names: dict[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    shorter = {_ANYWHERE.sub("", name): old for name, old in names.items()}
    if len(shorter) < len(names):
        return names, ()
    found = {part for name in names for part in _ANYWHERE.findall(name)}
    return shorter, tuple(sorted(found))


def common_wrapper(names: Collection[str]) -> str:
    """The first part, with its dot, that wraps a network; "" where there is none.

    It is one that all names have (or nearly all, beside a loss's own weights), that is no part of a network itself, and that leaves
    names of which some start as those of networks do; a known wrapper may leave any names but bare numbers.
    """
    counts: dict[str, int] = {}
    for name in names:
        part, dot, _ = name.partition(".")
        counts[part] = counts.get(part, 0) + (1 if dot else 0)
    if not counts:
        return ""
    part = max(counts, key=lambda p: counts[p])
    inside = [name.removeprefix(f"{part}.") for name in names if name.startswith(f"{part}.")]
    outside = [name for name in names if not name.startswith(f"{part}.")]
    if not inside or (outside and not _only_beside(inside, outside)):
        return ""
    return f"{part}." if _wraps(part, inside) else ""


def _wraps(part: str, inside: Collection[str]) -> bool:
    if part == "module":
        return True
    if part in STRUCTURE or any("." not in name or name[0].isdigit() for name in inside):
        return False
    return part.lower() in _WRAPPERS or bool(_firsts(inside) & (STRUCTURE | _WRAPPERS))


def _only_beside(inside: Collection[str], outside: Collection[str]) -> bool:
    """Whether names without the prefix are a few weights of a loss or metric beside a network."""
    return len(outside) * 10 <= len(inside) and bool(_firsts(inside) & STRUCTURE) and not _firsts(outside) & STRUCTURE


def _firsts(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def networks_within(names: Collection[str]) -> tuple[str, ...]:
    """First parts that each have a whole network behind them, such as "student" and "teacher"; nothing where there is but one."""
    if _firsts(names) & STRUCTURE:
        return ()
    behind: dict[str, list[str]] = {}
    for name in names:
        part, _, rest = name.partition(".")
        behind.setdefault(part, []).append(rest)
    whole = [part for part, rests in behind.items() if _firsts(rests) & {"backbone", "body", "bottom_up", "features", "layer1"}]
    return tuple(whole) if len(whole) > 1 else ()


def _shadows(names: Collection[str]) -> list[str]:
    """Buffers of mmdetection 2's averaging: "ema_" and a name with its dots as underscores."""
    candidates = [name for name in names if name.startswith("ema_") and "." not in name]
    if not candidates:
        return []
    flat = {name.replace(".", "_") for name in names}
    return [name for name in candidates if name.removeprefix("ema_") in flat]
