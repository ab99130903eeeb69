"""What is said of a detector besides its weights, put into its DetectorSpec: settings, conventions, names of classes."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fpn_viewer.core.detectors.backbones import BACKBONES, EXTRA_LEVELS, levels_of, places_of, stages_named
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES
from fpn_viewer.core.detectors.families import fitted_class_names
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: what a user may say of a detector beside settings and conventions
OTHERS: tuple[str, ...] = ("class_names", "num_classes", "name", "norm_eps", "stages")
#: what is about a file, and is used up while that is read
OF_FILES: tuple[str, ...] = ("entry", "preset")
#: what is about a builder by name
OF_BUILDERS: tuple[str, ...] = ("weights",)
#: everything that can be said of a detector
ALL_NAMES: tuple[str, ...] = (*SETTING_NAMES, *CONVENTION_NAMES, *OTHERS, *OF_FILES, *OF_BUILDERS)
#: of the letters that a mistyped name and the one that was meant have in common; "images" is not "image_std"
_ALIKE = 0.85


def nearest_name(word: str) -> str:
    """The option that a word is, or seems to be meant for; "" when there is none."""
    return next(iter(get_close_matches(word, ALL_NAMES, 1, _ALIKE)), "")


def check_names(options: Mapping[str, Any]) -> None:
    """Refuses what is none of the options.

    Raises:
        SettingError: a name is unknown.
    """
    unknown = sorted(set(options) - set(ALL_NAMES))
    if unknown:
        near = nearest_name(unknown[0])
        help_ = f"did you mean {near}?" if near else f"use one of: {', '.join(ALL_NAMES)}."
        raise SettingError(f"{unknown[0]!r} is not a setting; {help_}")


def with_options(spec: DetectorSpec, options: Mapping[str, Any], origin: str) -> DetectorSpec:
    """The spec with what was said, and where that came from.

    Args:
        spec: as it was recognised, or as the module is.
        options: by name: fields of `Settings` and `Conventions`, and `OTHERS`; what is of files or builders is left aside.
        origin: where they come from, in words.

    Raises:
        SettingError: an option has a wrong name or value.
    """
    check_names(options)
    settings = {name: value for name, value in options.items() if name in SETTING_NAMES}
    conventions = {name: value for name, value in options.items() if name in CONVENTION_NAMES}
    if "num_classes" in options:
        _check_count(spec, options["num_classes"])
    said = [name for name in (*SETTING_NAMES, *CONVENTION_NAMES, "class_names", "norm_eps", "stages") if name in options]
    return replace(
        spec,
        **(_stages(spec, options["stages"]) if "stages" in options else {}),
        name=str(options.get("name", spec.name)),
        settings=spec.settings_with(settings),
        conventions=spec.conventions.changed(**conventions),
        norm_eps=_eps(options.get("norm_eps", spec.norm_eps)),
        class_names=_names(spec, options["class_names"]) if "class_names" in options else spec.class_names,
        origins={**spec.origins, **dict.fromkeys(said, origin)},
    )


def _background(spec: DetectorSpec) -> bool:
    return not spec.kind.one_stage or (bool(spec.class_names) and "background" in spec.class_names[0].lower())


def _check_count(spec: DetectorSpec, value: Any) -> None:
    """Raises SettingError for a number of classes that the head does not have, with or without background."""
    fitting = (spec.num_classes, spec.num_classes - _background(spec))
    if isinstance(value, bool) or value not in fitting:
        counted = f"{spec.num_classes - 1} classes and background" if _background(spec) else f"{spec.num_classes} classes"
        raise SettingError(f"num_classes cannot be {value!r}: {spec.name} has {counted}; leave it out.")


def _names(spec: DetectorSpec, value: Any) -> tuple[str, ...]:
    """The names by label; raises SettingError for too few or too many, as the user counts them."""
    given = (value,) if isinstance(value, str) else tuple(value)
    names = fitted_class_names(spec.family, given, spec.num_classes)
    if len(names) != spec.num_classes:
        behind = _background(spec)
        found = len(given) - (behind and bool(given) and "background" in str(given[0]).lower())
        said = "1 class name was" if found == 1 else f"{found or 'no'} class names were"
        raise SettingError(f"{spec.name}: {said} given for {spec.num_classes - behind} classes; give one name for each.")
    return names


def _eps(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise SettingError(f"norm_eps cannot be {value!r}: it must be a number from 0 to 1.")
    return float(value)


def _stages(spec: DetectorSpec, value: Any) -> dict[str, Any]:
    """Which maps of the backbone the laterals read, and the levels that this makes.

    Raises:
        SettingError: the backbone has no such maps, or the detector another number of laterals.
    """
    backbone = BACKBONES.get(spec.backbone)
    if backbone is None:
        raise SettingError(f"stages cannot be set: which maps a backbone {spec.backbone} has is not known.")
    places = tuple(str(place) for place in (value if isinstance(value, (tuple, list)) else (value,)))
    known, laterals = places_of(backbone), len(spec.levels) - EXTRA_LEVELS[spec.extra_levels]
    if len(places) != laterals or not set(places) <= set(known):
        raise SettingError(
            f"stages cannot be {', '.join(places)}: this detector has {laterals} laterals, and the maps of a {backbone.title} are "
            f"{', '.join(known)}."
        )
    read = stages_named(backbone, spec.backbone_width, places, laterals)
    return {"stages": places, "levels": levels_of(read, spec.extra_levels)}
