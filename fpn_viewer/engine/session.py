"""What the worker keeps between requests: the open detector, its traces and their reduced planes."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import UserError
from fpn_viewer.engine.cache import ByteCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.imaging.quantise import Reduced
    from fpn_viewer.core.tracing.trace import Trace

#: bytes of reduced planes: some fifty settings of the display for a large picture
_PLANES_BUDGET = 64 << 20


class Session:
    """The worker's memory. Used by the worker thread only.

    Attributes:
        detector: the open one, None before the first.
        identity: tells detectors apart in the keys of traces; the same file with the same settings keeps it.
        traces: by key; traces of earlier detectors stay as long as there is room.
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
        self._loaded = False
        self._numbers = count(1)

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
        """Puts a detector in the place of the one before."""
        self.detector, self.identity = detector, identity

    def ready(self) -> Detector:
        """The open detector.

        Raises:
            UserError: none is open.
        """
        if self.detector is None:
            raise UserError("No detector is open yet; open a checkpoint or choose a bundled detector first.")
        return self.detector

    def trace(self, key: str) -> Trace:
        """A trace by its key.

        Raises:
            UserError: it had to make room for newer ones.
        """
        trace = self.traces.get(key)
        if trace is None:
            raise UserError("This run is no longer in memory, because newer ones took its room; run the picture again.")
        return trace

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
