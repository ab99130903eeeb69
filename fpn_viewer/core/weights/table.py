"""Which weights torchvision publishes for its detectors: asked of torchvision itself, so that a newer one brings its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.builders import BUILDERS
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: torchvision states sizes in MiB, with three decimals
_MIB = 2**20
#: how it puts the first digits of a file's SHA-256 into the file's name
_HASH = re.compile(r"-([0-9a-f]{8,})\.\w+$")


@dataclass(frozen=True)
class Published:
    """One file of weights.

    Attributes:
        builder: torchvision's function that makes the detector, "fasterrcnn_resnet50_fpn"; `open_detector` takes it as its source.
        name: "COCO_V1"; `open_detector` takes it as its option `weights`.
        url: where the file is.
        size: bytes, as torchvision states it: right to about a thousand bytes.
        box_map: average precision of its boxes on COCO val2017, 0 to 100; None where torchvision states none.
        categories: names of the classes by label, background first.
        default: whether it is the one that torchvision means by "DEFAULT".
    """

    builder: str
    name: str
    url: str
    size: int
    box_map: float | None
    categories: tuple[str, ...] = field(repr=False)
    default: bool = False

    @property
    def file_name(self) -> str:
        """What the file is called, there and in torch hub's folder."""
        return self.url.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """How the SHA-256 of the file begins; "" when its name does not say."""
        found = _HASH.search(self.file_name)
        return found.group(1) if found else ""


def published() -> tuple[Published, ...]:
    """Every file of weights there is for a builder's name. Imports torchvision, which takes seconds: not for the GUI's thread."""
    from torchvision.models import get_model_weights

    return tuple(
        _row(builder, one, kinds.DEFAULT) for builder in BUILDERS for kinds in [get_model_weights(builder)] for one in kinds
    )


def _row(builder: str, weights: Any, default: Any) -> Published:
    meta = weights.meta
    return Published(
        builder=builder,
        name=weights.name,
        url=weights.url,
        size=round(meta["_file_size"] * _MIB),
        box_map=_box_map(meta.get("_metrics", {})),
        categories=tuple(meta["categories"]),
        default=weights is default,
    )


def _box_map(metrics: Mapping[str, Mapping[str, float]]) -> float | None:
    return next((float(found["box_map"]) for found in metrics.values() if "box_map" in found), None)


def chosen(builder: str, weights: object) -> Published:
    """The file that a user means.

    Args:
        builder: torchvision's name of the detector.
        weights: "COCO_V1", "DEFAULT", "FasterRCNN_ResNet50_FPN_Weights.COCO_V1", or torchvision's own value of that name.

    Raises:
        SettingError: there are no such weights for this builder.
    """
    name = str(weights).rpartition(".")[2]
    rows = [row for row in published() if row.builder == builder]
    for row in rows:
        if row.name == name or (row.default and name == "DEFAULT"):
            return row
    known = ", ".join((*(row.name for row in rows), "DEFAULT"))
    raise SettingError(f"weights cannot be {str(weights)!r}: for {builder} torchvision publishes {known}.")
