"""Files of torch.save, of every age: judged first, then read by torch with `weights_only=True`, tensors left on disk."""

from __future__ import annotations

import io
import pickle
import threading
from typing import IO, TYPE_CHECKING, Any

import torch

from fpn_viewer.core.checkpoints.reading.archive import read_records
from fpn_viewer.core.checkpoints.reading.audit import Audit
from fpn_viewer.core.checkpoints.reading.limits import PICKLE_BYTES, damaged, too_much
from fpn_viewer.core.checkpoints.reading.machine import Window
from fpn_viewer.core.checkpoints.reading.names import CURATED, is_expected, stand_in
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fpn_viewer.core.checkpoints.reading.archive import Record
    from fpn_viewer.core.tracing.record import Watcher

#: torch's list of stand-ins is one for the whole process, so that only one file is read with it at a time
_READING = threading.Lock()
#: what torch's reader and unpickler raise on bytes that are not what they expect
_DAMAGED = (
    OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, AssertionError,
    MemoryError, pickle.UnpicklingError,
)  # fmt: skip
#: pickles before the one with the tensors in files from before torch 1.6: a magic number, a version, facts about the machine
_PREFACES = 3
#: what a zip holds that torch did not save as a checkpoint: end of a name, what it is, what to do
_OTHERS = (
    ("constants.pkl", "a TorchScript archive, which is a program; save the state_dict() of the module it was made from"),
    ("serialized_exported_program.json", "a program of torch.export; save the state_dict() of the module it was made from"),
    ("archive_format", "a program of torch.export; save the state_dict() of the module it was made from"),
    ("model.weights.h5", "a Keras model; save a PyTorch model's state_dict() with torch.save"),
    (".npy", "an archive of NumPy arrays; save them as tensors with torch.save"),
    (".distcp", "a distributed checkpoint; join it with torch.distributed.checkpoint.format_utils and open the result"),
)


def load_zip(path: Path, stream: IO[bytes], watcher: Watcher | None) -> tuple[Any, list[str]]:
    """What torch saved, and notes on how it was read.

    Raises:
        CheckpointError: it is another kind of zip file, damaged, asks for too much, or wants code to be run.
    """
    records = read_records(stream, path.name)
    top = _top(path, records)
    for record in records.values():
        if record.name.startswith(top) and not record.is_plain:
            raise CheckpointError(f"{path.name} is a compressed zip, which torch.save never writes; unpack it, or save it again.")
    data = records[f"{top}data.pkl"]
    if data.size > PICKLE_BYTES:
        raise too_much(path.name, "description")
    places = f"{top}data/"
    sizes = {name.removeprefix(places): record.size for name, record in records.items() if name.startswith(places)}
    audit = Audit(path.name, watcher, sizes=sizes)
    stream.seek(data.start)
    audit.run(Window(io.BytesIO(stream.read(data.size)), data.size, path.name))
    return _load(path, stream, audit, is_zip=True), _notes(audit)


def _top(path: Path, records: Mapping[str, Record]) -> str:
    """The folder in the zip that torch put everything into, with its slash."""
    for name in records:
        for ending, words in _OTHERS:
            if name.endswith(ending):
                raise CheckpointError(f"{path.name} is {words}.")
    top = next(iter(records), "").partition("/")[0] + "/"
    if f"{top}data.pkl" not in records or not all(name.startswith(top) for name in records):
        inside = ", ".join(list(records)[:3]) or "nothing"
        raise CheckpointError(
            f"{path.name} is a zip file that torch did not save (it holds {inside}); unpack it and open the checkpoint inside."
        )
    return top


def load_legacy(path: Path, stream: IO[bytes], watcher: Watcher | None) -> tuple[Any, list[str]]:
    """The same for a file from before torch 1.6.

    Raises:
        CheckpointError: it is damaged, asks for too much, or wants code to be run.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    audit = Audit(path.name, watcher)
    for _ in range(_PREFACES + 1):
        audit.run(_rest(stream, size, path.name))
    keys = audit.run(_rest(stream, size, path.name))
    _check_storages(audit, keys, stream, size)
    return _load(path, stream, audit, is_zip=False), _notes(audit)


def _rest(stream: IO[bytes], size: int, file: str) -> Window:
    return Window(stream, min(size - stream.tell(), PICKLE_BYTES), file)


def _check_storages(audit: Audit, keys: Any, stream: IO[bytes], size: int) -> None:
    """The numbers follow the pickles, each with how many it is: what was said before must be so, before torch makes room for it."""
    named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not named or len(keys) != len(audit.storages) or set(keys) != set(audit.storages):
        raise damaged(audit.file, "its list of data is not the one its tensors name")
    for key in keys:
        storage = audit.storages[key]
        count = int.from_bytes(stream.read(8), "little")
        if count != storage.size or stream.tell() + count * storage.itemsize > size:
            raise damaged(audit.file, f"data {key} is shorter than it says")
        stream.seek(count * storage.itemsize, io.SEEK_CUR)


def _load(path: Path, stream: IO[bytes], audit: Audit, is_zip: bool) -> Any:
    """What torch makes of a file that was found harmless."""
    stand_ins: list[Any] = [(stand_in(name, use.mapping, use.sequence), name) for name, use in audit.uses.items()]
    # torch takes the suffix for the kind of file
    on_disk = is_zip and path.suffix != ".safetensors"
    stream.seek(0)
    try:
        with _READING, torch.serialization.safe_globals(stand_ins):
            return torch.load(path if on_disk else stream, map_location="cpu", weights_only=True, mmap=on_disk)
    except _DAMAGED as error:
        first = str(error).partition("\n")[0][:200] or type(error).__name__
        raise damaged(path.name, first) from error


def _notes(audit: Audit) -> list[str]:
    unknown = sorted(name for name in audit.uses if not is_expected(name) and name not in CURATED)
    networks = [name for name in audit.uses if name.startswith("torch.nn.modules.")]
    notes = []
    if networks:
        notes.append("It holds a whole pickled network; its weights were taken by name, none of its code was used.")
    if unknown:
        names = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        notes.append(f"Empty stand-ins took the place of classes that are not known here: {names}.")
    return notes
