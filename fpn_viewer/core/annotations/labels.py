"""Classes of a data set to labels of a detector, by name."""

from __future__ import annotations

import difflib
import hashlib
import json
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.structures import LabelMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fpn_viewer.core.annotations.structures import Annotations

#: names that stand in lists of classes and are none, lower case
_NO_CLASS = ("background", "__background__", "n/a", "")
#: likeness, 0..1, from which a name is worth suggesting
_ALIKE = 0.7


def classes_of(class_names: Sequence[str]) -> dict[int, str]:
    """A detector's classes by label, without the background and without the gaps of COCO's numbering."""
    return {label: name for label, name in enumerate(class_names) if name.strip().lower() not in _NO_CLASS}


def match_labels(names: Iterable[str], class_names: Sequence[str], remembered: Mapping[str, str | None] | None = None) -> LabelMap:
    """Finds the detector's class for each class of a data set.

    What the user once said comes first; then the same name, then the same but for case, spaces, hyphens and underscores, then but
    for a plural. A name that fits two classes equally well fits none.

    Args:
        names: of the data set.
        class_names: of the detector, by label; the background and "N/A" are no classes.
        remembered: the detector's class by name, None for one that is left out. A class that this detector has not is passed over.
    """
    remembered = remembered or {}
    index = _index(tuple(class_names))
    labels: dict[str, int | None] = {}
    unmatched = []
    for name in names:
        said = remembered.get(name, "")
        labels[name] = index.find(said) if said else None
        if labels[name] is None and said is not None:
            labels[name] = index.find(name)
            if labels[name] is None:
                unmatched.append(name)
    return LabelMap(labels, tuple(unmatched))


def suggest(name: str, class_names: Sequence[str]) -> int | None:
    """A class whose name is like another or shares a word with it, for the user to confirm; None when none is."""
    index = _index(tuple(class_names))
    shared = {label for word in _words(name) for label in index.words.get(word, ())}
    if len(shared) == 1:
        return shared.pop()
    close = difflib.get_close_matches(_plain(name), index.plain, n=1, cutoff=_ALIKE)
    return min(index.plain[close[0]]) if close else None


def dataset_key(annotations: Annotations) -> str:
    """What decisions about a data set's classes are remembered under: the same wherever its files lie."""
    identity = json.dumps([annotations.format, sorted(annotations.names)])
    return hashlib.sha256(identity.encode()).hexdigest()[:20]


class _Index:
    """Labels by what their classes are called, from strict to loose."""

    def __init__(self, classes: Mapping[int, str]) -> None:
        """Prepares the look-ups."""
        self.exact = _grouped((name, label) for label, name in classes.items())
        self.plain = _grouped((_plain(name), label) for label, name in classes.items())
        self.plural = _grouped((form, label) for label, name in classes.items() for form in _plurals(_plain(name)))
        self.words = _grouped((word, label) for label, name in classes.items() for word in _words(name))

    def find(self, name: str) -> int | None:
        """The one class of that name, or None when none or several fit."""
        plain = _plain(name)
        singular = {label for form in _plurals(plain) for label in self.plain.get(form, ())}
        for found in (self.exact.get(name), self.plain.get(plain), self.plural.get(plain, set()) | singular):
            if found:
                return min(found) if len(found) == 1 else None
        return None


@lru_cache(maxsize=8)
def _index(class_names: tuple[str, ...]) -> _Index:
    return _Index(classes_of(class_names))


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for key, label in pairs:
        if key:
            found.setdefault(key, set()).add(label)
    return found


def _words(name: str) -> set[str]:
    """The words of a name, each also without what may be the ending of a plural."""
    words = [_plain(word) for word in name.replace("_", " ").replace("-", " ").split()]
    return {form for word in words if len(word) > 2 for form in (word, word.removesuffix("s"), word.removesuffix("es"))}


def _plurals(plain: str) -> tuple[str, ...]:
    return (f"{plain}s", f"{plain}es", f"{plain.removesuffix('y')}ies") if plain else ()


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in folded if not sign.isspace() and sign not in "_-")
