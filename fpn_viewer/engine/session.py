"""What the worker keeps between requests: the open detectors, their traces and what is derived from these."""

from __future__ import annotations

import hashlib
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.cache import ByteCache
from fpn_viewer.engine.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.imaging.quantise import Reduced
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.comparing import Pair
    from fpn_viewer.engine.object_values import Change

#: bytes of reduced planes: some fifty settings of the display for a large picture
_PLANES_BUDGET = 64 << 20


class Session:
    """The worker's memory. Used by the worker thread only.

    Attributes:
        detector: the window's own, None before the first.
        identity: tells detectors apart in the keys of traces; the same file with the same settings keeps it.
        traces: by key, of all detectors; those of earlier detectors stay as long as there is room.
        planes: reduced maps by (trace key, node, reduction, channel), so that another colour scale costs nothing.
    """

    def __init__(self, budget: int = 2 << 30) -> None:
        """Make an empty session; torch is not loaded yet.

        Args:
            budget: bytes that traces may take together.
        """
        self.detector: Detector | None = None
        self.identity = ""
        self.traces: ByteCache[str, Trace] = ByteCache(budget, _trace_bytes)
        self.planes: ByteCache[tuple[str, str, str, int], Reduced] = ByteCache(_PLANES_BUDGET, _plane_bytes)
        self._others: dict[str, tuple[str, Detector]] = {}
        self._pairs: dict[str, Pair] = {}
        self._loaded = False
        self._numbers = count(1)

    def remember(self, key: str, trace: Trace) -> None:
        """Keeps a trace; those that were not asked for the longest make room."""
        if self.traces.put(key, trace):
            give_back()

    def load(self) -> None:
        """Imports torch, once, and makes it leave a core to the window.

        Raises:
            UserError: torch or torchvision is missing, or they do not fit each other; the sentence says what to install.
        """
        if self._loaded:
            return
        from fpn_viewer.core.torch_check import import_torch

        import_torch()
        import torch
        import torchvision.models.detection  # noqa: F401  (the slow part, paid under the name "loading torch")

        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
        self._loaded = True

    def install(self, detector: Detector, identity: str) -> None:
        """Puts a detector in the place of the window's own; the others stay."""
        self.detector, self.identity = detector, identity

    def ready(self) -> Detector:
        """The window's own detector.

        Raises:
            UserError: none is open.
        """
        if self.detector is None:
            raise UserError("No detector is open yet; open a checkpoint or choose a bundled detector first.")
        return self.detector

    def known(self, identity: str) -> Detector | None:
        """A detector that is open under an identity, whoever opened it."""
        if self.detector is not None and identity == self.identity:
            return self.detector
        return next((detector for name, detector in self._others.values() if name == identity), None)

    @property
    def opened(self) -> tuple[Detector, ...]:
        """All detectors that are open, the window's own first."""
        own = () if self.detector is None else (self.detector,)
        return (*own, *(detector for _, detector in self._others.values()))

    def keep(self, handle: str, identity: str, detector: Detector) -> None:
        """Keeps a detector beside the window's own, until `retain` lets go of it.

        Args:
            handle: what it is asked for by; who asks makes it up.
            identity: as `identify` says.
            detector: the detector.
        """
        self._others[handle] = identity, detector

    def retain(self, handles: Collection[str]) -> None:
        """Lets go of all detectors but the window's own and these."""
        self._others = {handle: there for handle, there in self._others.items() if handle in handles}

    def beside(self, handle: str) -> tuple[str, Detector]:
        """A detector and its identity; "" asks for the window's own.

        Raises:
            UserError: it is not open.
        """
        if not handle:
            return self.identity, self.ready()
        if handle not in self._others:
            raise UserError("This detector is no longer open; add it to the comparison again.")
        return self._others[handle]

    def trace_key(self, identity: str, digest: str, change: Change, cut: tuple[float, ...] = ()) -> str:
        """Names a run.

        Args:
            identity: of the detector.
            digest: of the picture's pixels.
            change: settings and gains that it is run with.
            cut: how the picture is cut into tiles; empty where it is run whole.
        """
        parts = (identity, digest, sorted(change.settings.items()), sorted(change.gains.items()), *([cut] if cut else ()))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def trace(self, key: str) -> Trace:
        """A trace by its key.

        Raises:
            UserError: it had to make room for newer ones.
        """
        trace = self.traces.get(key)
        if trace is None:
            raise UserError("This run is no longer in memory, because newer ones took its room; run the picture again.")
        return trace

    def pair(self, key: str) -> Pair:
        """Two runs that were put together, by their key.

        Raises:
            UserError: others took their place.
        """
        if key not in self._pairs:
            raise UserError("This comparison is no longer in memory; run it again.")
        return self._pairs[key]

    def keep_pair(self, pair: Pair) -> None:
        """Keeps two runs in the place of those before, unless these are the same two the other way round."""
        self._pairs = {key: there for key, there in self._pairs.items() if set(there.runs) == set(pair.runs)}
        self._pairs.setdefault(pair.key, pair)

    def forget_pairs(self) -> None:
        """Lets go of all pairs; their runs stay as long as there is room."""
        self._pairs = {}

    def identify(self, source: object, device: str, precision: str, settings: Mapping[str, object]) -> str:
        """A name for a detector about to be opened.

        A file is known by its path, size and time, so that it may be opened again without losing its traces. Anything else gets
        a new name every time: random weights are new ones, and a module may have been trained on.
        """
        from fpn_viewer.core.resources import bundled_checkpoints

        path = bundled_checkpoints().get(str(source), Path(str(source))) if isinstance(source, (str, Path)) else None
        if path is None or not path.is_file():
            return f"#{next(self._numbers)}"
        status = path.stat()
        return repr((str(path.resolve()), status.st_size, status.st_mtime_ns, device, precision, sorted(settings.items())))


def _trace_bytes(trace: Trace) -> int:
    return trace.nbytes


def _plane_bytes(plane: Reduced) -> int:
    return plane.values.nbytes
