"""Plain pickles, as detectron2's zoo has them: a dict of arrays by name. Only numbers, texts and containers are let in."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.reading import values
from fpn_viewer.core.checkpoints.reading.limits import WHOLE_PICKLE_BYTES, damaged, too_much
from fpn_viewer.core.checkpoints.reading.machine import BROKEN, Machine, Named, Window
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fpn_viewer.core.tracing.record import Watcher


def _encoded(text: Any = "", codec: Any = "latin1") -> bytes:
    """Bytes, as protocol 2 writes them; other codecs could make a text grow."""
    if codec not in ("latin1", "latin-1") or not isinstance(text, str):
        raise ValueError("bytes are not written as pickles write them")
    return text.encode("latin1")


_NUMPY = ("numpy.core", "numpy._core")
#: every name that a plain pickle may have, with what takes its place
ALLOWED: dict[str, Callable[..., Any]] = {
    **{f"{numpy}.multiarray._reconstruct": values.Array for numpy in _NUMPY},
    **{f"{numpy}.multiarray.scalar": values.number for numpy in _NUMPY},
    **{f"{numpy}.numeric._frombuffer": values.array_of for numpy in _NUMPY},
    "numpy.ndarray": values.Array,
    "numpy.dtype": values.NumberType,
    "_codecs.encode": _encoded,
    "builtins.bytes": _encoded,
    "collections.OrderedDict": values.AsDict,
    "collections.defaultdict": values.AsDict,
}


class PlainPickle(Machine):
    """A pickle that holds everything itself."""

    def named(self, path: str) -> Named:
        """Only what holds numbers."""
        if path.startswith("torch."):
            raise CheckpointError(f"{self.file} was written with pickle; save the state_dict() again with torch.save.", [path])
        if path not in ALLOWED:
            raise CheckpointError(
                f"{self.file} is a pickle with {path} in it, where only arrays, numbers and texts are read; "
                "save the state_dict() with torch.save.",
                [path],
            )
        return Named(path)

    def made(self, callee: Named, args: tuple[Any, ...]) -> Any:
        """The stand-in, made."""
        return ALLOWED[callee.path](*args)

    def built(self, target: Any, state: Any) -> None:
        """Shape, kind and bytes of an array."""
        if not isinstance(target, (values.Array, values.NumberType)) or not isinstance(state, tuple):
            raise damaged(self.file, "something in it is changed that cannot be")
        target.__setstate__(state)

    def filled(self, target: Any, values: list[Any], pairs: bool) -> None:
        """All that is filled is a dict or list already."""
        raise damaged(self.file, "values in it are put where none can be")


def load_pickle(path: Path, stream: IO[bytes], watcher: Watcher | None) -> Any:
    """What a plain pickle holds, arrays as `Array`.

    Raises:
        CheckpointError: it is damaged, too large, of Caffe2, or holds anything else than numbers and texts.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size > WHOLE_PICKLE_BYTES:
        raise too_much(path.name, "bytes")
    try:
        loaded = PlainPickle(path.name, watcher).run(Window(stream, size, path.name))
    except (MemoryError, *BROKEN) as error:
        raise damaged(path.name, "its pickle is damaged") from error
    _refuse_caffe2(path, loaded)
    return loaded


def _refuse_caffe2(path: Path, loaded: Any) -> None:
    """Raises CheckpointError for Caffe2's names, whose rows and blocks are in another order."""
    if not isinstance(loaded, dict):
        return
    blobs = loaded.get("blobs", loaded.get("model", loaded))
    if not isinstance(blobs, dict):
        return
    names = [name for name in blobs if isinstance(name, str)]
    if "blobs" in loaded or any(name.endswith(("_branch2a_w", "_branch2a_bn_s")) for name in names):
        raise CheckpointError(
            f"{path.name} has the names of Caffe2 (Detectron 1, or a backbone for training); "
            "load it in detectron2 and save its model's state_dict() with torch.save.",
            names[:20],
        )
