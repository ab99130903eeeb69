"""What differs in how two sides ran, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.what_if import changed_settings
from fpn_viewer.core.annotations.labels import classes_of
from fpn_viewer.core.comparison.pairing import labels_between
from fpn_viewer.core.comparison.sides import first_trace
from fpn_viewer.core.comparison.tiles import TiledTrace
from fpn_viewer.core.necks.graph import TOP_DOWN
from fpn_viewer.core.numbers import significant

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.comparison.sides import Side

#: settings whose difference is said in another way
_SAID = ("min_size", "max_size")
#: names that are listed before the rest is only counted
_LISTED = 5


def notes_on(a: Side, b: Side) -> tuple[str, ...]:
    """One sentence for everything that the two sides differ in before any weight is looked at."""
    return tuple(sentence for told in _TOLD if (sentence := told(a, b)))


def _tiles(a: Side, b: Side) -> str:
    parts = []
    for letter, side in (("A", a), ("B", b)):
        if isinstance(side, TiledTrace):
            x0, y0, x1, y1 = side.boxes_img[0]
            parts.append(f"{letter} runs the picture in {len(side.boxes_img)} tiles of {x1 - x0}×{y1 - y0} px")
    return f"{'; '.join(parts)}." if parts else ""


def _sizes(a: Side, b: Side) -> str:
    if a.geometry.scale == b.geometry.scale:
        return ""
    (h, w), (height, width) = a.geometry.net_size, b.geometry.net_size
    return f"A sees {w}×{h} px, B {width}×{height} px: their maps are read at the same places of the picture."


def _families(a: Side, b: Side) -> str:
    kinds = [side.spec.family for side in (a, b)]
    return "" if kinds[0] == kinds[1] else f"A is of the family {kinds[0]}, B of {kinds[1]}: their stages differ."


def _nodes(a: Side, b: Side) -> str:
    names = [[node.name for node in side.graph.nodes] for side in (a, b)]
    only = [[name for name in own if name not in other] for own, other in ((names[0], names[1]), (names[1], names[0]))]
    parts = [f"{letter} only has {_listed(left)}" for letter, left in zip("AB", only, strict=True) if left]
    return f"{'; '.join(parts)}." if parts else ""


def _classes(a: Side, b: Side) -> str:
    parts = []
    for letter, own, other in (("A", a, b), ("B", b, a)):
        known = labels_between(own.spec, other.spec)
        names = classes_of(own.spec.class_names)
        left = [names[label] for label, found in known.items() if found is None]
        if left and own.spec.kind.detects:
            parts.append(f"{letter} only knows {_listed(left)}")
    return f"{'; '.join(parts)}." if parts else ""


def _settings(a: Side, b: Side) -> str:
    both = set(a.spec.kind.settings) & set(b.spec.kind.settings)
    changed = [name for name in changed_settings(a.settings, b.settings) if name in both and name not in _SAID]
    words = [f"{name} ({_shown(getattr(a.settings, name))} in A, {_shown(getattr(b.settings, name))} in B)" for name in changed]
    return f"Settings differ: {_listed(words)}." if words else ""


def _gains(a: Side, b: Side) -> str:
    cut = [letter for letter, own, other in (("A", a, b), ("B", b, a)) if _is_cut(own) and not other.gains]
    if cut:
        return f"The top-down path is cut in {cut[0]}."
    terms = dict.fromkeys(term for side in (a, b) for term in side.gains)
    words = []
    for term in terms:
        factors = [side.gains.get(term, 1.0) for side in (a, b)]
        if factors[0] != factors[1]:
            first, second = (significant(factor) for factor in factors)
            words.append(f"{term[1]} into {term[0]} ({first} in A, {second} in B)")
    return f"Gains differ: {_listed(words)}." if words else ""


def _is_cut(side: Side) -> bool:
    """Whether nothing comes down from coarser levels, and nothing else is changed."""
    coming_down = {(node.name, term.name): node.role for node in side.graph.nodes for term in node.terms if term.name == TOP_DOWN}
    merged = {term for term, role in coming_down.items() if role == "merged"}
    return bool(merged) and merged <= set(side.gains) <= set(coming_down) and not any(side.gains.values())


def _shared(a: Side, b: Side) -> str:
    """Said where the very same tensors are held."""
    one, other = first_trace(a), first_trace(b)
    names = [node.name for node in one.graph.inputs]
    held = (
        one is not other and names and all(name in other.maps and other.maps[name].shape == one.maps[name].shape for name in names)
    )
    same = held and all(other.maps[name].data_ptr() == one.maps[name].data_ptr() for name in names)
    return "The backbone is the same and ran once." if same else ""


def _follows(a: Side, b: Side) -> str:
    parts = [f"{letter} is not followed from {side.follows.stage} on" for letter, side in (("A", a), ("B", b)) if side.follows]
    return f"{'; '.join(parts)}." if parts else ""


_TOLD: tuple[Callable[[Side, Side], str], ...] = (
    _tiles,
    _sizes,
    _families,
    _nodes,
    _classes,
    _settings,
    _gains,
    _shared,
    _follows,
)


def _listed(names: list[str]) -> str:
    left = len(names) - _LISTED
    return ", ".join(names) if left <= 1 else f"{', '.join(names[:_LISTED])} and {left} more"


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        # the sizes of one level go with a slash
        return " ".join("/".join(map(_shown, one)) if isinstance(one, (list, tuple)) else _shown(one) for one in value)
    return significant(value) if isinstance(value, float) else str(value)
