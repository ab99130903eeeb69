"""Which objects of a scan are asked about, as one value that everything that counts, lists or draws them understands."""

from __future__ import annotations

from dataclasses import dataclass

#: an object's side, net px: root of its area after the resize
SIDE = "sqrt(fates.net_h * fates.net_w)"
#: sides, net px, from which each size bucket goes; the last has no end
BUCKETS: tuple[int, ...] = (0, 8, 16, 32, 64, 128)
#: outcomes of objects that no detector is expected to find; they are counted nowhere
LEFT_OUT: tuple[str, ...] = ("crowd", "ignored", "flawed", "unknown class")
#: outcomes that count as lost
LOST: tuple[str, ...] = ("missed", "badly placed", "wrong class", "taken")


_PATHS = "SELECT picture FROM pictures WHERE instr(lower(path), lower(?))"
_CLASSES = "SELECT DISTINCT class FROM objects WHERE instr(lower(class), lower(?))"


@dataclass(frozen=True)
class Filter:
    """A choice of objects; an empty field leaves everything in. All that is said holds together.

    Attributes:
        detector: whose outcomes are meant, by its place in the scan.
        outcomes: keys of `matching.OUTCOMES`.
        killers: stages that lost it.
        classes: names as annotated.
        sides: from and below, net px, of the root of its area; None is open.
        margins: from and below, in the unit of the killer; None is open.
        anchor_ious: from and below, of the best anchor; None is open.
        flow: (other detector, its outcomes): objects whose outcome there is one of these.
        other_killers: stages that lost it in that other detector.
        picture: only this picture's, by its number; None for all.
        text: a part of the picture's path or of the class name, whatever the case.
        counted: leave out difficult objects also where a detection matches them, as metrics do.
    """

    detector: int = 0
    outcomes: tuple[str, ...] = ()
    killers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    sides: tuple[float | None, float | None] = (None, None)
    margins: tuple[float | None, float | None] = (None, None)
    anchor_ious: tuple[float | None, float | None] = (None, None)
    flow: tuple[int, tuple[str, ...]] | None = None
    other_killers: tuple[str, ...] = ()
    picture: int | None = None
    text: str = ""
    counted: bool = False


def where(chosen: Filter) -> tuple[str, tuple[object, ...]]:
    """The WHERE clause of a choice, over `FROM`, and the values for its question marks."""
    parts: list[str] = ["fates.detector = ?"]
    values: list[object] = [chosen.detector]
    for column, names in (("fates.outcome", chosen.outcomes), ("fates.killer", chosen.killers), ("objects.class", chosen.classes)):
        if names:
            parts.append(f"{column} IN ({', '.join('?' * len(names))})")
            values.extend(names)
    for column, (low, high) in ((SIDE, chosen.sides), ("fates.margin", chosen.margins), ("fates.anchor_iou", chosen.anchor_ious)):
        for sign, bound in ((">=", low), ("<", high)):
            if bound is not None:
                parts.append(f"{column} {sign} ?")
                values.append(bound)
    if chosen.picture is not None:
        parts.append("fates.picture = ?")
        values.append(chosen.picture)
    if chosen.text:
        # asked once of each path and class, and not of each object
        parts.append(f"(fates.picture IN ({_PATHS}) OR objects.class IN ({_CLASSES}))")
        values.extend((chosen.text, chosen.text))
    if chosen.counted:
        parts.append("NOT objects.ignored")
    _add_flow(chosen, parts, values)
    return " AND ".join(parts), tuple(values)


def _add_flow(chosen: Filter, parts: list[str], values: list[object]) -> None:
    if chosen.flow is None:
        return
    other, outcomes = chosen.flow
    wanted = [("outcome", outcomes), ("killer", chosen.other_killers)]
    inner = "".join(f" AND other.{column} IN ({', '.join('?' * len(names))})" for column, names in wanted if names)
    parts.append(
        "EXISTS (SELECT 1 FROM fates AS other WHERE other.picture = fates.picture AND other.object = fates.object"
        f" AND other.detector = ?{inner})"
    )
    values.extend((other, *outcomes, *chosen.other_killers))


#: what `where` speaks of
FROM = "fates JOIN objects USING (picture, object) JOIN pictures USING (picture)"


def joined(condition: str, *expressions: str) -> tuple[str, str]:
    """FROM and WHERE for expressions, made for a million rows: tables that nobody asks of are left out, and where no outcome
    narrows the choice all rows are read in the order of the file instead of one by one through an index.

    Args:
        condition: what `where` gave.
        expressions: what is asked for.
    """
    text = " ".join((condition, *expressions))
    objects, pictures = ("objects." in text), ("pictures." in text)
    narrow = "fates.outcome IN" in condition or "fates.killer IN" in condition
    if narrow:
        source = "fates" + " JOIN objects USING (picture, object)" * objects
    else:
        source = "objects CROSS JOIN fates USING (picture, object)" if objects else "fates"
        condition = condition if objects else f"+{condition}"
    return source + " JOIN pictures USING (picture)" * pictures, condition
