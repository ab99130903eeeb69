"""Class names of a YOLO data set, from its yaml (`names:` only) or from a plain list of names.

A parser of its own, for one key in the three forms that are in use: a list below, a list or mapping in brackets, a mapping below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.texts import read_text
from fpn_viewer.core.errors import AnnotationError

if TYPE_CHECKING:
    from pathlib import Path

#: plain lists, one name on a line
LISTS = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt", "labels.txt")
YAML_SUFFIXES = (".yaml", ".yml")
#: folders above the labels that are looked into
_UP = 2
#: bytes; a longer yaml is none of a data set
_LARGEST = 4 << 20
#: a larger class number is a mistake
_HIGHEST = 100_000
_NAMES = re.compile(r"^(?:names|'names'|\"names\")\s*:", re.MULTILINE)
_KEYPOINTS = re.compile(r"^kpt_shape\s*:\s*\S", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\""
#: an entry of a list or mapping in brackets, or its end
_GAP = r"\s*+(?:#[^\n]*+\n\s*+)*+"
_FLOW = re.compile(
    rf"{_GAP}(?:(?P<key>\d++)\s*+:\s*+)?(?P<name>{_QUOTED}|[^,\]}}\s'\"][^,\]}}\n]*+)?{_GAP}(?P<sign>[,\]}}])",
)
_LISTED = re.compile(r"\s*-\s+(?P<name>.+)")
_MAPPED = re.compile(r"\s+['\"]?(?P<key>\d+)['\"]?\s*:\s*(?P<name>.+)")


@dataclass(frozen=True)
class ClassNames:
    """Names by class number.

    Attributes:
        names: empty when none were found.
        keypoints: lines hold key points behind the box.
        problem: a sentence when there are no names; empty otherwise.
    """

    names: dict[int, str]
    keypoints: bool = False
    problem: str = ""


def find_names(home: Path) -> ClassNames:
    """The names that belong to a yaml file, or to the labels in a folder: there or up to two folders above.

    Raises:
        AnnotationError: the yaml file that was named cannot be read.
    """
    if home.is_file():
        return read_yaml(home)
    for folder in (home, *home.absolute().parents[:_UP]):
        for name in LISTS:
            if (folder / name).is_file():
                return ClassNames(_plain(folder / name))
        for path in yaml_files(folder):
            return read_yaml(path)
    return ClassNames({}, problem=f"{home}: no data.yaml or classes.txt is near, so classes are called by their numbers.")


def yaml_files(folder: Path) -> list[Path]:
    """The yaml files of a folder that name classes, in order; few are looked at."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in YAML_SUFFIXES and path.is_file())
        return [path for path in found[:16] if path.stat().st_size <= _LARGEST and has_names(path)]
    except (OSError, AnnotationError):  # nobody asked for what may not be read here
        return []


def has_names(path: Path) -> bool:
    """Whether a yaml file names classes."""
    return bool(_NAMES.search(read_text(path, _LARGEST)))


def read_yaml(path: Path) -> ClassNames:
    """Names from a yaml file.

    Raises:
        AnnotationError: it cannot be read, or has no `names`.
    """
    text = read_text(path, _LARGEST)
    start = _NAMES.search(text)
    if start is None:
        raise AnnotationError(f"{path} has no names, which the yaml of a YOLO data set has; choose another file.")
    rest = text[start.end() :]
    opening = _skip_comments(rest)
    names = _in_brackets(opening[1:]) if opening[:1] in ("[", "{") else _below(rest)
    line = text.count("\n", 0, start.start()) + 1
    problem = (
        "" if names else f"{path}, line {line}: names is neither a list nor a mapping, so classes are called by their numbers."
    )
    return ClassNames(names, _KEYPOINTS.search(text) is not None, problem)


def _plain(path: Path) -> dict[int, str]:
    lines = [line.strip() for line in read_text(path, _LARGEST).splitlines()]
    return dict(enumerate(line for line in lines if line))


def _skip_comments(text: str) -> str:
    """The text from its first sign on that is neither space nor comment."""
    return re.sub(r"\A(?:\s+|#[^\n]*)*", "", text)


def _in_brackets(text: str) -> dict[int, str]:
    names: dict[int, str] = {}
    position, sign = 0, ","
    while sign == "," and (entry := _FLOW.match(text, position)):
        if entry["name"]:
            _put(names, entry["key"], entry["name"])
        position, sign = entry.end(), entry["sign"]
    return names


def _below(text: str) -> dict[int, str]:
    names: dict[int, str] = {}
    for line in text.splitlines()[1:]:
        bare = _COMMENT.sub("", line) if "'" not in line and '"' not in line else line
        if not bare.strip():
            continue
        entry = _LISTED.match(bare) or _MAPPED.match(bare)
        if entry is None:
            break
        _put(names, entry.groupdict().get("key"), entry["name"])
    return names


def _put(names: dict[int, str], key: str | None, name: str) -> None:
    label = len(names) if key is None else int(key[:9])
    if label <= _HIGHEST:
        names[label] = _unquoted(name.strip())


def _unquoted(name: str) -> str:
    quoted = re.match(_QUOTED, name)
    if quoted is None:
        return name
    inner = quoted[0][1:-1]
    return inner.replace("''", "'") if name[0] == "'" else re.sub(r"\\(.)", r"\1", inner)
