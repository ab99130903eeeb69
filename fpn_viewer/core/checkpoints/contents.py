"""A checkpoint file to its `Contents`: tensors by name and plain values, read without running any code from it."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.reading.envelopes import find_state_dicts, what_it_is
from fpn_viewer.core.checkpoints.reading.pickles import load_pickle
from fpn_viewer.core.checkpoints.reading.plain import beside_tensors
from fpn_viewer.core.checkpoints.reading.prefixes import unwrap
from fpn_viewer.core.checkpoints.reading.safetensors_files import load_safetensors
from fpn_viewer.core.checkpoints.reading.sniff import open_file, refusal, sniff
from fpn_viewer.core.checkpoints.reading.torch_files import load_legacy, load_zip
from fpn_viewer.core.checkpoints.values import MODULE, Contents
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from fpn_viewer.core.checkpoints.reading.envelopes import Found
    from fpn_viewer.core.checkpoints.reading.prefixes import Unwrapped
    from fpn_viewer.core.tracing.record import Watcher

    #: what was read, what lies beside it, and notes about the reading
    Loaded = tuple[Any, dict[str, Any] | None, list[str]]

_HALVES = {"torch.float16": "float16", "torch.bfloat16": "bfloat16"}


def read_contents(path: Path, entry: str | None = None, watcher: Watcher | None = None) -> Contents:
    """What a file holds. Nothing in it is run, and what it asks for is limited.

    Args:
        path: a file of torch, safetensors, or detectron2's pickles; what it is is told from its bytes.
        entry: which of its state_dicts; the averaged weights, else the model's, when None.
        watcher: told of progress, and may stop.

    Raises:
        CheckpointError: it cannot be read safely, is damaged, or has no such entry.
    """
    container, (root, metadata, notes) = _loaded(path, watcher)
    found = find_state_dicts(root)
    if not found:
        raise CheckpointError(
            f"{path.name} holds no state_dict but {what_it_is(root)}; save the model's state_dict() with torch.save and open that."
        )
    chosen = _chosen(path, found, entry)
    unwrapped = unwrap(chosen.tensors)
    tensors = _tensors(path, chosen, unwrapped)
    return Contents(
        path,
        container,
        tensors,
        {**(beside_tensors(root, {one.container for one in found}) if metadata is None else metadata), **_own(chosen, unwrapped)},
        tuple(one.entry for one in found),
        chosen.name,
        (*notes, *_said(found, chosen, entry), *_said_of_names(unwrapped), *_said_of_numbers(tensors)),
        unwrapped.prefix,
    )


def check_kind(path: Path) -> None:
    """Looks at what a file is, by its first bytes, before anything else is read.

    Raises:
        CheckpointError: it cannot be opened, or is of a kind that is not read.
    """
    with open_file(path) as stream:
        kind = sniff(stream)
    if kind.name not in _READERS:
        raise refusal(path, kind)


def _own(chosen: Found, unwrapped: Unwrapped) -> dict[str, Any]:
    """What the modules of a pickled network keep beside tensors, by the paths that its tensors have."""
    own = {name.removeprefix(unwrapped.prefix): value for name, value in chosen.attributes.items()}
    return {MODULE: own} if own else {}


def _loaded(path: Path, watcher: Watcher | None) -> tuple[str, Loaded]:
    """What a file is called, and what its reader makes of it."""
    if watcher is not None:
        watcher.check()
    with open_file(path) as stream:
        kind = sniff(stream)
        if kind.name not in _READERS:
            raise refusal(path, kind)
        container, reader = _READERS[kind.name]
        return container, reader(path, stream, watcher)


def _zip(path: Path, stream: IO[bytes], watcher: Watcher | None) -> Loaded:
    root, notes = load_zip(path, stream, watcher)
    return root, None, notes


def _legacy(path: Path, stream: IO[bytes], watcher: Watcher | None) -> Loaded:
    root, notes = load_legacy(path, stream, watcher)
    return root, None, notes


def _pickle(path: Path, stream: IO[bytes], watcher: Watcher | None) -> Loaded:
    return load_pickle(path, stream, watcher), None, []


def _safetensors(path: Path, stream: IO[bytes], _watcher: Watcher | None) -> Loaded:
    tensors, metadata = load_safetensors(path, stream)
    return tensors, dict(metadata), []


def _tar(path: Path, _stream: IO[bytes], _watcher: Watcher | None) -> Loaded:
    raise CheckpointError(
        f"{path.name} is a tar archive: unpack it and open the checkpoint inside, "
        "or, if torch before 0.2 saved it, load it there and save its state_dict() again."
    )


#: kind of file to what it is called and who reads it
_READERS: dict[str, tuple[str, Callable[[Path, IO[bytes], Watcher | None], Loaded]]] = {
    "zip": ("torch", _zip),
    "legacy": ("torch (before 1.6)", _legacy),
    "safetensors": ("safetensors", _safetensors),
    "pickle": ("pickle", _pickle),
    "tar": ("tar", _tar),
}


def _chosen(path: Path, found: list[Found], entry: str | None) -> Found:
    if entry is None:
        return found[0]
    for one in found:
        if one.name == entry:
            return one
    known = ", ".join(repr(one.name) for one in found)
    raise CheckpointError(f"{path.name} has no entry {entry!r}; it has {known}.")


def _tensors(path: Path, chosen: Found, unwrapped: Unwrapped) -> dict[str, Tensor]:
    """The tensors under their short names.

    Raises:
        CheckpointError: some are not plain numbers in memory.
    """
    tensors = {name: chosen.tensor(old) for name, old in unwrapped.names.items()}
    for name, tensor in tensors.items():
        if tensor.is_complex():
            raise CheckpointError(f"{name[:80]} in {path.name} has complex numbers, which no detector has; give another entry.")
    return tensors


def _said(found: list[Found], chosen: Found, entry: str | None) -> list[str]:
    """What there was to choose from."""
    notes = []
    if entry is None and chosen.averaged and len(found) > 1:
        others = ", ".join(repr(one.name) for one in found[1:4])
        notes.append(f"The averaged weights ({chosen.name!r}) were taken; entry= takes others: {others}.")
    elif entry is None and len(found) > 1:
        others = ", ".join(repr(one.name) for one in found[1:4])
        notes.append(f"The weights in {chosen.name!r} were taken; entry= takes others: {others}.")
    if chosen.name == "state_dict" and chosen.averaged and any(one.name == "ema_state_dict" for one in found):
        notes.append("mmengine swaps the two when it saves: 'state_dict' has the averaged weights, 'ema_state_dict' the others.")
    return notes


def _said_of_names(unwrapped: Unwrapped) -> list[str]:
    notes = []
    if unwrapped.prefix:
        notes.append(f"{unwrapped.prefix!r} was taken off the front of the names.")
    if unwrapped.inside:
        notes.append(f"{', '.join(map(repr, unwrapped.inside))} was taken out of the names.")
    if unwrapped.shadows:
        notes.append(f"{len(unwrapped.shadows)} buffers of mmdetection's averaging (ema_…) were left aside.")
    if unwrapped.strangers:
        first = ", ".join(name[:80] for name in unwrapped.strangers[:3])
        notes.append(f"{len(unwrapped.strangers)} tensors beside the network were left aside: {first}.")
    return notes


def _said_of_numbers(tensors: Mapping[str, Tensor]) -> list[str]:
    """That the weights are in half precision, where most are; running statistics are often kept in float32."""
    weights = [str(t.dtype) for name, t in tensors.items() if t.is_floating_point() and "running_" not in name]
    halves = [_HALVES[dtype] for dtype in weights if dtype in _HALVES]
    if 2 * len(halves) <= len(weights):
        return []
    which = "Its weights" if len(halves) == len(weights) else f"Most of its weights ({len(halves):,} of {len(weights):,})"
    return [f"{which} are in half precision ({' and '.join(sorted(set(halves)))}); they are computed with in float32."]
