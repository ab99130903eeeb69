"""A view-model of checkpoints without workers, and made-up answers of the doctor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from fpn_viewer.core.checkpoints.values import (
    FROM_KEYS,
    FROM_SHAPES,
    CheckUp,
    Entry,
    Fact,
    Finding,
    Part,
    assumed,
    likely,
)
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.weights import Published
from fpn_viewer.engine.checkpoint_requests import CheckedFile, Offer
from fpn_viewer.viewmodels.checkpoints import Fetching

if TYPE_CHECKING:
    from fpn_viewer.core.checkpoints.values import Look

PATH = "/data/own.pth"
ENTRIES = (Entry("model_ema", 295, True), Entry("model", 295))
MISSING = tuple(f"roi_heads.box_head.fc{n}.weight" for n in range(3))
_SAID = ("anchor_sizes", "aspect_ratios", "min_size", "max_size", "image_mean", "image_std", "channel_order")
SPEC_ASSUMED = replace(SPEC, name="own", origins=dict.fromkeys(_SAID, assumed("torchvision")))


def published(name: str = "COCO_V1", quality: float | None = 37.0) -> Published:
    """Weights that are nowhere."""
    url = "https://example.org/fasterrcnn-258fb6c6.pth"
    return Published("fasterrcnn_resnet50_fpn", name, url, 167_502_836, quality, ("__background__", "a"))


def check_up(opens: bool = True, **values: Any) -> CheckUp:
    """What the doctor says of a file that opens, or of one that does not."""
    good = CheckUp(
        PATH,
        168_000_000,
        "torch",
        "own is a detector.",
        True,
        spec=SPEC_ASSUMED,
        facts=(
            Fact("family", "Faster R-CNN", FROM_KEYS),
            Fact("backbone", "ResNet-50", FROM_SHAPES),
            Fact("norm", "FrozenBatchNorm", likely("old files have no counters")),
            Fact("min_size", "800", assumed("torchvision"), "min_size"),
        ),
        entries=ENTRIES,
        chosen="model_ema",
        findings=(Finding("note", "The averaged weights were taken."),),
        parts=(
            Part("stem", 6, 9408, ("float32",), 0.00123456, 0.0257, 0.1),
            Part("stage 4", 30, 14_964_736, ("float32",), 0, 1, 2),
        ),
        left_out={"roi_heads.mask_head.weight": "only the box part is used"},
        seconds=0.5,
    )
    bad = replace(
        good,
        summary="own does not fit: 3 tensors are missing.",
        opens=False,
        spec=None,
        findings=(Finding("error", "3 tensors are missing.", MISSING), Finding("warning", "Half precision."), Finding("note", "n")),
        parts=(Part("box predictor", 4, 466_000, ("float16",), float("nan"), 1, float("inf"), nan=3, infinite=1, dead_channels=1),),
        missing=MISSING,
        unexpected=("extra.weight",),
    )
    return replace(good if opens else bad, **values)


class FakeCheckpoints(QObject):
    """The part of `Checkpoints` that the panels use.

    Attributes:
        asked: (what, arguments) of every question.
    """

    checked = Signal(object)
    check_progress = Signal(object, object)
    check_stopped = Signal(object)
    looked = Signal(object)
    saved = Signal(object)
    offers_changed = Signal(object)
    fetching_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, ...]] = []
        self.open_file = ""
        self.open_look: Look | None = None
        self.fetching: Fetching | None = None

    def check_up(self, path: str, options: Any = None) -> None:
        self.asked.append(("check_up", path, dict(options or {})))

    def stop_check_up(self) -> None:
        self.asked.append(("stop",))

    def look(self, path: str, options: Any = None) -> None:
        self.asked.append(("look", path, dict(options or {})))

    def save_beside(self, path: str, spec: Any, names: tuple[str, ...]) -> None:
        self.asked.append(("save", path, spec, names))

    def need_offers(self) -> None:
        self.asked.append(("offers",))

    def fetch(self, weights: Published) -> None:
        self.asked.append(("fetch", weights))
        self.show(Fetching(weights))

    def stop_fetch(self) -> None:
        self.asked.append(("stop fetch",))

    def answer(self, found: CheckUp) -> None:
        """Brings what the doctor says."""
        self.checked.emit(CheckedFile(found.path, found, f"REPORT {found.summary}"))

    def show(self, fetching: Fetching) -> None:
        """Brings how far a download is."""
        self.fetching = fetching
        self.fetching_changed.emit(fetching)

    def offer(self, *here: bool) -> None:
        """Brings the list of weights."""
        self.offers_changed.emit(tuple(Offer(published(f"COCO_V{n}"), one) for n, one in enumerate(here, 1)))
