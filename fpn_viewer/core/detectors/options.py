"""What is said of a detector besides its weights, put into its DetectorSpec: settings, conventions, names of classes."""

from __future__ import annotations

from dataclasses import replace
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


def check_names(options: Mapping[str, Any]) -> None:
    """Refuses what is none of the options.

    Raises:
        SettingError: a name is unknown.
    """
    known = (*SETTING_NAMES, *CONVENTION_NAMES, *OTHERS, *OF_FILES, *OF_BUILDERS)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise SettingError(f"{unknown[0]!r} is not a setting; use one of: {', '.join(known)}.")


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
    names = fitted_class_names(spec.family, options.get("class_names", ()), spec.num_classes) or spec.class_names
    said = [name for name in (*SETTING_NAMES, *CONVENTION_NAMES, "class_names", "norm_eps", "stages") if name in options]
    return replace(
        spec,
        **(_stages(spec, options["stages"]) if "stages" in options else {}),
        name=str(options.get("name", spec.name)),
        settings=spec.settings_with(settings),
        conventions=spec.conventions.changed(**conventions),
        norm_eps=_eps(options.get("norm_eps", spec.norm_eps)),
        class_names=names,
        origins={**spec.origins, **dict.fromkeys(said, origin)},
    )


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
