"""What a person says of a detector, while it is being said: checked at once, and nothing is open yet. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.values import GIVEN, sureness
from fpn_viewer.core.detectors.conventions import CHOICES, CONVENTION_NAMES
from fpn_viewer.core.detectors.families import fitted_class_names, made_up_names
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: conventions that mean something to some detectors only
_ONLY_TWO_STAGE = frozenset({"roi_aligned", "roi_sampling_ratio"})
_ONLY_ONE_STAGE = frozenset({"clip_before_nms"})


#: what matters most for the results, in words, and the options it is made of
TOPICS: dict[str, tuple[str, ...]] = {
    "min/max size": ("min_size", "max_size"),
    "anchors": ("anchor_sizes", "aspect_ratios"),
    "colours": ("image_mean", "image_std", "channel_order", "pixel_range"),
    "class names": ("class_names",),
}


def made_up(spec: DetectorSpec) -> bool:
    """Whether the names of the classes are only their numbers."""
    return spec.class_names == made_up_names(spec.family, spec.num_classes)


def assumed_topics(spec: DetectorSpec) -> list[str]:
    """Those of `TOPICS` of which something was assumed."""
    unsure = {name for name, origin in spec.origins.items() if sureness(origin) == "assumed"}
    if made_up(spec):
        unsure.add("class_names")
    return [topic for topic, names in TOPICS.items() if unsure & set(names)]


def value_of(spec: DetectorSpec, name: str) -> Any:
    """The value of an option in a spec."""
    if name in SETTING_NAMES:
        return getattr(spec.settings, name)
    return getattr(spec.conventions if name in CONVENTION_NAMES else spec, name)


def editable(spec: DetectorSpec) -> tuple[str, ...]:
    """Options that mean something to a detector and that no tensor shows, class names aside."""
    useless = _ONLY_TWO_STAGE if spec.kind.one_stage else _ONLY_ONE_STAGE
    if spec.extra_levels == "pool":
        useless = useless | {"p7_relu"}
    conventions = (name for name in CONVENTION_NAMES if name not in useless)
    return (*spec.kind.settings, *conventions, *(("norm_eps",) if spec.norm == "frozen" else ()))


def needed_names(spec: DetectorSpec) -> int:
    """How many class names a person has to give; background is none of theirs."""
    return spec.num_classes - ("background" in spec.class_names[0].lower())


def anchors_problem(spec: DetectorSpec, head: int) -> str:
    """Why the anchors do not fit the network, in a sentence; "" when they do.

    Args:
        spec: with the anchors.
        head: anchors per cell that the head has outputs for; 0 when that is not known.
    """
    rows, counts = len(spec.settings.anchor_sizes), sorted(set(spec.settings.anchors_per_cell))
    if rows != len(spec.levels):
        return f"The anchors have sizes for {rows} levels, but the pyramid has {len(spec.levels)}: {', '.join(spec.levels)}."
    if head and counts != [head]:
        given = " or ".join(str(count) for count in counts)
        return f"The anchors are {given} per cell (sizes × ratios), but the head was trained for {head}."
    return ""


def as_text(value: Any) -> str:
    """A value as it is edited: "800", "0.5, 1, 2", "32; 64; 128" with a part for each level."""
    if isinstance(value, tuple):
        rows = value and isinstance(value[0], tuple)
        return ("; " if rows else ", ").join(as_text(one) for one in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def from_text(name: str, text: str) -> Any:
    """The value of an option from what was typed or chosen.

    Args:
        name: the option.
        text: as `as_text` writes it.

    Raises:
        SettingError: it is not made of numbers, or is none of the choices.
    """
    if name in CHOICES:
        chosen = [one for one in CHOICES[name] if as_text(one) == text]
        if not chosen:
            raise SettingError(f"{name} cannot be {text!r}: it is one of {', '.join(as_text(one) for one in CHOICES[name])}.")
        return chosen[0]
    try:
        if name == "anchor_sizes":
            return tuple(_numbers(row) for row in text.strip(" ;").split(";"))
        return _numbers(text) if name in _LISTS else float(text)
    except ValueError as error:
        raise SettingError(f"{name} cannot be “{text}”: {_SHAPES.get(name, 'it must be one number')}.") from error


_LISTS = frozenset({"aspect_ratios", "image_mean", "image_std"})
_SHAPES = {
    "anchor_sizes": "write the sizes of a level with commas between them, and “;” between levels",
    **dict.fromkeys(_LISTS, "write numbers with commas between them"),
}


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


class SettingsDraft:
    """Options over what a file, or a detector, says by itself.

    Attributes:
        head: anchors per cell that the head has outputs for; 0 when that is not known.
    """

    def __init__(self, base: DetectorSpec, given: Mapping[str, Any], head: int = 0) -> None:
        """Starts with what was said before.

        Args:
            base: what the file says.
            given: what was said when it was opened; what does not fit any more is dropped.
            head: see the attribute.
        """
        self.head = head
        self._base = base
        self._options: dict[str, Any] = {}
        self._take(given)

    @property
    def base(self) -> DetectorSpec:
        """What the file says."""
        return self._base

    @property
    def spec(self) -> DetectorSpec:
        """With everything that was said."""
        return with_options(self._base, self._options, GIVEN)

    @property
    def options(self) -> dict[str, Any]:
        """What was said and is not what the file says anyway, by name."""
        return dict(self._options)

    @property
    def problem(self) -> str:
        """Why a detector cannot be opened like this, in a sentence, or ""."""
        return anchors_problem(self.spec, self.head)

    def put(self, name: str, value: Any) -> None:
        """Says a value.

        Raises:
            SettingError: it does not fit; what was said before stays.
        """
        spec = with_options(self._base, {**self._options, name: value}, GIVEN)
        fitted = value_of(spec, name)
        if fitted == value_of(self._base, name):
            self._options.pop(name, None)
        else:
            self._options[name] = fitted

    def put_names(self, names: Sequence[str]) -> None:
        """Says the names of the classes.

        Raises:
            SettingError: they are too few or too many.
        """
        needed = needed_names(self._base)
        # "background" in front is allowed, and counted in only where the head has no such class
        given = fitted_class_names(self._base.family, names, self._base.num_classes)
        if not names or len(given) != self._base.num_classes:
            found = len(names) - (len(names) > 0 and "background" in names[0].lower() and needed < self._base.num_classes)
            lacking = f"{needed - found} missing" if found < needed else f"{found - needed} too many"
            raise SettingError(f"{found} of {needed} names: {lacking}.")
        self.put("class_names", given)

    def reset(self, name: str) -> None:
        """Goes back to what the file says."""
        self._options.pop(name, None)

    def reset_all(self) -> None:
        """Goes back to what the file says, in everything."""
        self._options.clear()

    def rebase(self, base: DetectorSpec, head: int) -> None:
        """Puts what was said over another reading of the file; what does not fit that is dropped."""
        said, self._options = self._options, {}
        self._base, self.head = base, head
        self._take(said)

    def _take(self, said: Mapping[str, Any]) -> None:
        for name in ("class_names", *editable(self._base)):
            if name in said:
                try:
                    self.put(name, said[name])
                except SettingError:
                    # it was about another reading of the file, and the dialog shows what is in force instead
                    continue
