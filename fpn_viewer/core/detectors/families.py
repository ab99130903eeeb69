"""The families of detectors that can be followed: what each has in stages and settings, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.structures import DENSE_STAGES, STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ALWAYS = ("anchor_sizes", "aspect_ratios", "min_size", "max_size", "image_mean", "image_std")
_RPN = ("rpn_pre_nms_top_n", "rpn_post_nms_top_n", "rpn_nms_thresh", "rpn_score_thresh")
_BOX = ("box_score_thresh", "box_nms_thresh", "box_detections_per_img")


@dataclass(frozen=True)
class Family:
    """One kind of detector.

    Attributes:
        name: as people write it, "RetinaNet".
        stages: every stage of its selection in order; `alive_after` of its tables counts in them.
        settings: names of `Settings` that mean something to it.
        score: what the score of a detection is.
    """

    name: str
    stages: tuple[str, ...]
    settings: tuple[str, ...]
    score: str

    @property
    def detects(self) -> bool:
        """False for a pyramid without a head: it has no anchors and no detections."""
        return self.name != HEADLESS

    @property
    def one_stage(self) -> bool:
        """True when every anchor is classified at once: there is no RPN and there are no proposals."""
        return "rpn_top_k" not in self.stages


TWO_STAGE = Family("Faster R-CNN", STAGES, (*_ALWAYS, *_RPN, *_BOX), "softmax over the classes")
_DENSE_SETTINGS = (*_ALWAYS, *_BOX, "topk_candidates")
_INPUT = tuple(name for name in _ALWAYS if name not in ("anchor_sizes", "aspect_ratios"))
#: networks with an adapter: with a head, and a pyramid without one
ADAPTED, HEADLESS = "one-stage", "pyramid"
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        TWO_STAGE,
        Family("RetinaNet", DENSE_STAGES, _DENSE_SETTINGS, "sigmoid of the class"),
        Family("FCOS", DENSE_STAGES, _DENSE_SETTINGS, "root of the class's sigmoid times the centerness's"),
        Family("YOLO", DENSE_STAGES, _DENSE_SETTINGS, "sigmoid of the objectness times the class's"),
        Family(ADAPTED, DENSE_STAGES, (*_INPUT, *_BOX, "topk_candidates"), "as its adapter gives it"),
        Family(HEADLESS, DENSE_STAGES, _INPUT, "none: it has no head"),
    )
}
_KNOWN = frozenset(name for family in FAMILIES.values() for name in family.settings)


def family_of(name: str) -> Family:
    """The family of that name; a name that is not in the table is taken for a two-stage detector's."""
    return FAMILIES.get(name, TWO_STAGE)


def check_settings(family: str, names: Iterable[str]) -> None:
    """Refuses settings that other families have and this one has not; names that no family has are left to `Settings`.

    Raises:
        SettingError: a setting means nothing to this family.
    """
    has = family_of(family).settings
    for name in names:
        if name in _KNOWN and name not in has:
            raise SettingError(f"{family} has no {name}; its settings are: {', '.join(has)}.")


def made_up_names(family: str, num_classes: int) -> tuple[str, ...]:
    """Names for a detector that has none: "class 1" …, with "background" in front where the family has such a class."""
    names = tuple(f"class {label}" for label in range(num_classes))
    return names if family_of(family).one_stage else ("background", *names[1:])


def fitted_class_names(family: str, names: Sequence[str], num_classes: int) -> tuple[str, ...]:
    """The names a user gave, with "background" in front where label 0 is background.

    A one-stage head has no background class: label 0 is a class like any other when as many names are given as there are labels.
    """
    given = tuple(str(name) for name in names)
    whole = family_of(family).one_stage and len(given) == num_classes
    if not given or whole or "background" in given[0].lower():
        return given
    return ("background", *given)
