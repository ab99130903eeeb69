"""Names of classes as training scripts write them beside the weights: lists, label to name, name to label, COCO's categories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: a data set of more classes than this is none of objects
_MOST = 100_000


def class_list(value: Any) -> list[str] | None:
    """Names by label, gaps between the labels filled with "N/A"; None where the value is no list of classes.

    Args:
        value: a list of texts; a dict of label to name or of name to label; a list of dicts with "name" and perhaps "id"; or any of
            these as JSON text. Where the labels of a dict start above 0, label 0 is the background.
    """
    if isinstance(value, str):
        return class_list(_parsed(value)) if value.lstrip().startswith(("[", "{")) else None
    for reader in (_of_texts, _of_categories, _of_dict):
        names = reader(value)
        if names:
            return names
    return None


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if isinstance(value, str) else value


def _of_texts(value: Any) -> list[str] | None:
    rows = isinstance(value, Sequence) and not isinstance(value, str)
    return list(value) if rows and all(isinstance(one, str) for one in value) else None


def _of_categories(value: Any) -> list[str] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [one.get("name") for one in value]
    labels = [one.get("id") for one in value]
    if all(label is None for label in labels):
        return _of_texts(names)
    return _placed(dict(zip(labels, names, strict=True))) if all(map(_label_like, labels)) else None


def _of_dict(value: Any) -> list[str] | None:
    if not isinstance(value, Mapping) or not value:
        return None
    if all(_label_like(key) for key in value):
        return _placed({int(key): name for key, name in value.items()})
    if all(_label_like(one) for one in value.values()):
        return _placed({int(label): name for name, label in value.items()})
    return None


def _label_like(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdecimal() and len(value) < 10
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _placed(names: Mapping[int, Any]) -> list[str] | None:
    if not names or max(names) > _MOST or not all(isinstance(name, str) for name in names.values()):
        return None
    return [names.get(label, "N/A" if label else "background") for label in range(max(names) + 1)]
