"""fpn_viewer: what a Feature-Pyramid detector saw in a picture, and where each level's signal came from.

Importing this package imports neither Qt nor torch; both are loaded by the first call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.lifeline import explain
    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.detectors.detector import Detector, open_detector
    from fpn_viewer.core.tracing.trace import Trace

__all__ = ["Detector", "LifeLine", "Trace", "__version__", "explain", "open_detector", "show"]

#: public name to the module that defines it
_HOMES = {
    "Detector": "fpn_viewer.core.detectors.detector",
    "open_detector": "fpn_viewer.core.detectors.detector",
    "LifeLine": "fpn_viewer.core.analysis.line",
    "Trace": "fpn_viewer.core.tracing.trace",
    "explain": "fpn_viewer.core.analysis.lifeline",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'fpn_viewer' has no attribute {name!r}")


def show(detector_or_module: Any = None, images: Any = None, annotations: Any = None) -> int:
    """Opens the window and blocks until it is closed; usable from a training script.

    Args:
        detector_or_module: a `Detector`, or anything `open_detector` takes; the bundled detector when None.
        images: a path, an array, a PIL image, or a list of them; the samples when None.
        annotations: a file or folder of annotations (COCO, Pascal VOC, YOLO, LabelMe); looked for beside the pictures when None.

    Returns:
        The exit code of the window's event loop.
    """
    from fpn_viewer.app import show_window

    return show_window(detector_or_module, images, annotations)
