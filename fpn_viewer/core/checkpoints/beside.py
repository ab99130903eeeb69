"""What a person says of a checkpoint in a file beside it: `NAME.json` or `NAME.toml`, one value for each name of an option."""

from __future__ import annotations

import json
import os
import tomllib
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.plain import are_numbers
from fpn_viewer.core.checkpoints.presets import PRESETS
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES, Conventions
from fpn_viewer.core.detectors.options import ALL_NAMES, OF_BUILDERS, check_names, nearest_name, with_options
from fpn_viewer.core.detectors.spec import SETTING_NAMES, Settings
from fpn_viewer.core.errors import CheckpointError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: what is said of one detector is some kilobytes; a larger file of that name is something else
_LARGEST = 1 << 20
_MOST_WORDS = 200
_ORIGIN = "from "
#: what is said of a detector that is neither a setting nor a convention, and can be saved
_SAVED_OTHERS = ("class_names", "norm_eps", "stages")


def read_beside(path: Path) -> tuple[dict[str, Any], str]:
    """Options by name from the file beside a checkpoint, and their origin in words; nothing when there is none.

    A JSON file of that name that is about something else, as a data set's annotations are, counts as none.

    Raises:
        CheckpointError: the file cannot be read, or says something that no detector has, or there are two such files.
    """
    there = _files(path)
    if not there:
        return {}, ""
    if len(there) > 1:
        raise CheckpointError(f"{there[0].name} and {there[1].name} both lie beside {path.name}; keep one of them.")
    if _is_foreign(there[0]):
        return {}, ""
    options = _read(there[0])
    _check(options, there[0].name)
    return options, f"{_ORIGIN}{there[0].name}"


def left_aside(path: Path) -> str:
    """A sentence about a file that is named like what is said of a checkpoint and is about something else; "" without one.

    Raises:
        CheckpointError: such a file cannot be read.
    """
    names = [file.name for file in _files(path) if _is_foreign(file)]
    return f"{names[0]} beside it does not hold settings of a detector and was left aside." if names else ""


def with_beside(spec: DetectorSpec, path: Path) -> DetectorSpec:
    """The spec with what the file beside its checkpoint says.

    Raises:
        CheckpointError: that file cannot be read, or says what does not fit this detector.
    """
    options, origin = read_beside(path)
    try:
        return with_options(spec, options, origin)
    except SettingError as error:
        raise CheckpointError(f"{origin.removeprefix(_ORIGIN)} beside the checkpoint: {error}") from error


def save_beside(path: Path, spec: DetectorSpec, names: Iterable[str]) -> Path:
    """Writes what is known of a detector into `NAME.json` beside its checkpoint; what else that file says stays.

    Args:
        path: the checkpoint.
        spec: where the values are taken from.
        names: which: fields of `Settings` and `Conventions`, "class_names", "norm_eps", "stages".

    Returns:
        The file that was written.

    Raises:
        CheckpointError: there is a TOML file already, what is there cannot be read, or the folder cannot be written to.
        SettingError: a name is none of these.
    """
    values = {name: _value(spec, name) for name in names}
    target = path.with_suffix(".json")
    before = _files(path)
    others = [file for file in before if file != target]
    if others:
        raise CheckpointError(
            f"{others[0].name} lies beside {path.name} and is not written over; put the values there, or remove it and save again."
        )
    if before and _is_foreign(target):
        raise CheckpointError(f"{target.name} beside {path.name} does not hold settings of a detector; rename it and save again.")
    text = json.dumps((_read(target) if before else {}) | values, indent=1, ensure_ascii=False)
    _write(target, text + "\n")
    return target


def _files(path: Path) -> list[Path]:
    return [file for file in (path.with_suffix(suffix) for suffix in _READERS) if file.is_file() and file != path]


def _is_foreign(file: Path) -> bool:
    """Whether a JSON file is about something else than a detector: it is large, or nothing in it is even like an option."""
    if file.suffix != ".json":
        return False
    if file.stat().st_size > _LARGEST:
        return True
    values = _read(file)
    # somebody may have put the options one level too deep, and is to be told
    words = [*values, *(word for one in values.values() if isinstance(one, dict) for word in one)]
    # names that were mistyped are looked for where a person can have written all of them
    alike = len(words) <= _MOST_WORDS and any(nearest_name(word) for word in words)
    return bool(words) and not alike and not set(words) & set(ALL_NAMES)


def _read(file: Path) -> dict[str, Any]:
    """Raises CheckpointError where the file is not an object in its language."""
    form = file.suffix[1:].upper()
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
        values = _READERS[file.suffix](raw.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{file} beside the checkpoint is not readable {form} ({reason}); mend or remove it.") from error
    if not isinstance(values, dict):
        kind = _KINDS.get(type(values), "something else")
        raise CheckpointError(f"{file.name} beside the checkpoint holds {kind} where an object of names and values is expected.")
    return values


def _json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique, parse_constant=_no_number)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


_READERS: dict[str, Callable[[str], Any]] = {".json": _json, ".toml": tomllib.loads}
_KINDS = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}


def _check(options: Mapping[str, Any], name: str) -> None:
    """Raises CheckpointError for what no detector has, naming file and key."""
    for key, value in options.items():
        try:
            check_names({key: value})
            if key in OF_BUILDERS:
                raise SettingError(f"{key} is for a detector that is made by name and not for a file.")
            _FITTERS[key](key, value)
        except SettingError as error:
            raise CheckpointError(f"{name} beside the checkpoint, {key}: {error}") from error


def _setting(name: str, value: Any) -> None:
    if not are_numbers(value):
        raise SettingError("it must be a number or a list of numbers.")
    Settings().changed(**{name: value})


def _convention(name: str, value: Any) -> None:
    Conventions().changed(**{name: value})


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise SettingError(f"{value!r} must be a text.")


def _preset(name: str, value: Any) -> None:
    if value not in PRESETS:
        raise SettingError(f"{value!r} must be one of {', '.join(PRESETS)}.")


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(f"{value!r} must be a whole number from 1.")


def _small(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise SettingError(f"{value!r} must be a number from 0 to 1.")


def _texts(name: str, value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise SettingError(f"it must be a list of texts, one for each {_OF_TEXTS[name]}.")


_OF_TEXTS = {"class_names": "class", "stages": "lateral"}


_FITTERS: dict[str, Callable[[str, Any], None]] = {
    **dict.fromkeys(SETTING_NAMES, _setting),
    **dict.fromkeys(CONVENTION_NAMES, _convention),
    **dict.fromkeys(_OF_TEXTS, _texts),
    "num_classes": _whole,
    "name": _text,
    "norm_eps": _small,
    "entry": _text,
    "preset": _preset,
}


def _value(spec: DetectorSpec, name: str) -> Any:
    plain = asdict(spec.settings) | asdict(spec.conventions) | {other: getattr(spec, other) for other in _SAVED_OTHERS}
    if name not in plain:
        raise SettingError(f"{name!r} cannot be saved beside a checkpoint; what can be is {', '.join(plain)}.")
    return plain[name]


def _write(target: Path, text: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        CheckpointError: the folder cannot be written to.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise CheckpointError(f"{target} cannot be written ({error.strerror or error}); choose a folder of your own.") from error
