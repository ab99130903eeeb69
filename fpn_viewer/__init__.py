"""fpn_viewer: what a Feature-Pyramid detector saw in a picture, and where each level's signal came from.

Importing this package imports neither Qt nor torch; both are loaded by the first call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.lifeline import explain
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.comparison.comparison import Comparison, compare
    from fpn_viewer.core.comparison.tiles import TiledTrace, trace_tiles
    from fpn_viewer.core.detectors.adapters import boxes
    from fpn_viewer.core.detectors.adapters.found import adapted
    from fpn_viewer.core.detectors.adapters.protocol import Adapter, Answer, Grid, Preprocessing, Selection, Taps
    from fpn_viewer.core.detectors.detector import Detector, open_detector
    from fpn_viewer.core.tracing.trace import Trace
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.engine.scan.run import scan

__all__ = [
    "Adapter",
    "Answer",
    "Comparison",
    "Detector",
    "Grid",
    "LifeLine",
    "Preprocessing",
    "Scan",
    "Selection",
    "Taps",
    "TiledTrace",
    "Trace",
    "__version__",
    "adapted",
    "boxes",
    "compare",
    "explain",
    "open_detector",
    "scan",
    "show",
    "trace_tiles",
]

#: public name to the module that defines it
_HOMES = {
    "Detector": "fpn_viewer.core.detectors.detector",
    "open_detector": "fpn_viewer.core.detectors.detector",
    "LifeLine": "fpn_viewer.core.analysis.line",
    "Trace": "fpn_viewer.core.tracing.trace",
    "explain": "fpn_viewer.core.analysis.lifeline",
    "Comparison": "fpn_viewer.core.comparison.comparison",
    "compare": "fpn_viewer.core.comparison.comparison",
    "TiledTrace": "fpn_viewer.core.comparison.tiles",
    "trace_tiles": "fpn_viewer.core.comparison.tiles",
    "Scan": "fpn_viewer.engine.scan.reading",
    "scan": "fpn_viewer.engine.scan.run",
    "adapted": "fpn_viewer.core.detectors.adapters.found",
    **dict.fromkeys(
        ("Adapter", "Answer", "Grid", "Preprocessing", "Selection", "Taps"), "fpn_viewer.core.detectors.adapters.protocol"
    ),
}
_MODULES = {"boxes": "fpn_viewer.core.detectors.adapters.boxes"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'fpn_viewer' has no attribute {name!r}")


def show(detector_or_module: Any = None, images: Any = None, annotations: Any = None) -> int:
    """Opens the window and blocks until it is closed; usable from a training script or a notebook.

    A module comes back in the state it was in: training flags, gradients, hooks, and the device that its weights are on.

    Args:
        detector_or_module: a `Detector`, or anything `open_detector` takes; the bundled detector when None. A network that is not
            made like torchvision's is given as `adapted(module, adapter)`.
        images: a path, an array, a PIL image, or a list of them; the samples when None.
        annotations: a file or folder of annotations (COCO, Pascal VOC, YOLO, LabelMe); looked for beside the pictures when None.

    Returns:
        The exit code of the window's event loop.
    """
    from fpn_viewer.app import show_window

    return show_window(detector_or_module, images, annotations)
