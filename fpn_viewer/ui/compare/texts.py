"""What the tab "Compare" says: names of the sides, what each is, sentences about states. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.analysis.words import stage_title
from fpn_viewer.core.numbers import significant
from fpn_viewer.engine.compare_values import source_name, title_of
from fpn_viewer.engine.values import REDUCTIONS
from fpn_viewer.ui.canvas import texts as canvas_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpn_viewer.core.comparison.values import ObjectPair, ObjectRow
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.necks.graph import Graph
    from fpn_viewer.engine.compare_values import ComparedObjects, ComparedPoint, CompareView, SideView, Subject
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

EMPTY_TITLE = "Two detectors on one picture"
EMPTY_BUTTON = "Open a second checkpoint"
EMPTY_TEXT = (
    "A second checkpoint runs over the same picture. You see both maps on one colour scale and their difference, "
    "what each found and lost, at which stage they part, and which weights were trained."
)
NO_PICTURE = "Open a picture to compare on (Ctrl+O)."
NO_DETECTOR = "Open a detector first (Ctrl+K); it will be A."
WAITING = "Both sides run as soon as the picture is there."
CHOOSE = "Choose another detector …"


def subject_name(subject: Subject, info: DetectorInfo | None, own: DetectorInfo | None) -> str:
    """How a side is called: "demo", "demo · min_size 1333", "demo · 512 px tiles".

    Args:
        subject: the side.
        info: its detector; None until it is open.
        own: the window's detector, which a side without source is.
    """
    known = info or (own if subject.source is None else None)
    return title_of(subject, known.spec.name if known is not None else source_name(subject))


def what_it_is(subject: Subject, info: DetectorInfo | None, side: SideView | None) -> str:
    """The tooltip of a side: which network, of how many classes, from where, and how it ran."""
    if info is None:
        return "It is not open yet."
    spec = info.spec
    classes = [name for name in spec.class_names if not name.startswith("__background")]
    named = f"{len(classes)} classes: {', '.join(classes[:8])}{' …' if len(classes) > 8 else ''}"
    lines = [spec.name, f"{info.graph.kind}, levels {', '.join(info.graph.levels)}; {info.parameters:,} weights", named]
    lines.append(f"opened from {info.source} on {info.device}")
    if subject.change or subject.tile:
        lines.append(f"run as {title_of(subject, spec.name)}")
    if spec.untrained:
        lines.append("The weights are random.")
    if side is not None:
        lines.append(_as_it_ran(side))
    return "\n".join(lines)


def _as_it_ran(side: SideView) -> str:
    height, width = side.geometry.net_size
    took = sum(time.seconds for time in side.times)
    tiles = f"{len(side.tiles)} tiles of " if side.tiles else ""
    return f"ran on {tiles}{width} × {height} net px in {1000 * took:.0f} ms: {len(side.detections)} detections"


def running_line(state: ComparisonState) -> str:
    """What is being done: "Running A and B over car.jpg … B: backbone"; "" when nothing is."""
    return f"{state.running} … {state.stage}".rstrip() if state.running else ""


ALONE = "One side did not run; there is nothing to compare."


def waiting(state: ComparisonState, text: str) -> str:
    """What is said where an answer is missing: that it is being worked out, or why it will not come; "" before there is a view."""
    if state.view is None:
        return text if state.running else ""
    return text if state.view.a is not None and state.view.b is not None else ALONE


def share_done(state: ComparisonState) -> float:
    """How much of what is being done is done, 0..1."""
    if state.running or not state.following or state.objects is None:
        return state.fraction
    return state.objects.followed / max(1, len(state.objects.rows))


# -- the line about the map -------------------------------------------------------------------------------------------


def map_line(state: ComparisonState) -> str:
    """What is shown of the node: "channel 17 of A with 23 of B, by correlation"."""
    planes = state.planes
    if planes is None:
        return ""
    if planes.reduction != "channel":
        return REDUCTIONS[planes.reduction]
    if planes.channel_a == planes.channel_b or planes.b is None:
        return f"channel {planes.channel_a}{f', matched {planes.matched}' if planes.matched else ''}"
    return f"channel {planes.channel_a} of A with {planes.channel_b} of B, matched {planes.matched}"


def unshared(state: ComparisonState, index: int) -> dict[str, object]:
    """What was said of the window's detector when it was opened, not of another one, and is otherwise in that one.

    A detector of another number of classes is one of other data, with settings of its own.
    """
    own, subject, info = state.infos[0], state.subjects[index], state.infos[index]
    if own is None or info is None or subject.source is None or len(own.spec.class_names) != len(info.spec.class_names):
        return {}
    both = [
        {"class_names": one.spec.class_names, **{name: getattr(one.spec.settings, name) for name in one.spec.kind.settings}}
        for one in (own, info)
    ]
    return {
        name: value
        for name, value in own.options.items()
        if name not in subject.options and name in both[0] and name in both[1] and both[0][name] != both[1][name]
    }


def options_text(options: Mapping[str, object]) -> str:
    """What was said of a detector: "min_size 320, class_names RBC WBC Platelets"."""
    shown = {name: " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value for name, value in options.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def notes(state: ComparisonState) -> list[str]:
    """Sentences about how both ran and how the map was made."""
    said = [state.planes.sentence] if state.planes is not None and state.planes.sentence else []
    if state.view is None:
        return said
    sides = [(letter, side) for letter, side in (("A", state.view.a), ("B", state.view.b)) if side is not None]
    follows = [
        f"The replay of {letter} differs from its model from {side.follows.stage} on; life lines end there."
        for letter, side in sides
        if side.follows is not None
    ]
    warnings = [f"{letter}: {sentence}" for letter, side in sides for sentence in side.warnings]
    return [*said, *state.view.notes, *follows, *warnings]


def in_short(sentences: Sequence[str]) -> str:
    """The first sentence, and how many there are besides."""
    return "" if not sentences else " · ".join([sentences[0], *([f"{len(sentences) - 1} more"] if len(sentences) > 1 else [])])


def found_text(side: SideView) -> str:
    """ "31 detections"."""
    count = len(side.detections)
    return f"{count} detection{'s' * (count != 1)}"


def found_box(view: CompareView, letter: str, row: int) -> Box:
    """The box of a detection of one side, xyxy image px."""
    side = view.a if letter == "A" else view.b
    assert side is not None, "a side that did not run has no detections"
    x0, y0, x1, y1 = side.detections.boxes_img[row].tolist()
    return x0, y0, x1, y1


def class_name(view: CompareView, letter: str, row: int) -> str:
    """The class of a detection of one side."""
    side = view.a if letter == "A" else view.b
    assert side is not None, "a side that did not run has no detections"
    label, names = int(side.detections.labels[row]), side.spec.class_names
    return names[label] if 0 <= label < len(names) else f"class {label}"


# -- the point --------------------------------------------------------------------------------------------------------


def point_line(point: ComparedPoint | None, node: str) -> str:
    """The values of the shown node under the mouse: "P3 at 120, 84 · A 0.412 · B 0.388 · B − A −0.0240"."""
    row = None if point is None else next((row for row in point.rows if row[0] == node), None)
    if point is None or row is None:
        return ""
    _, a, b = row
    parts = [f"{node} at {point.point_img[0]:.0f}, {point.point_img[1]:.0f}", f"A {_value(a)}", f"B {_value(b)}"]
    if a is not None and b is not None:
        parts.append(f"B − A {significant(b - a)}")
    return " · ".join(parts)


def point_table(point: ComparedPoint) -> str:
    """All nodes under the mouse, for a spreadsheet."""
    x, y = point.point_img
    lines = [f"node\tA\tB\tB − A\tat {x:.1f}, {y:.1f} px of the picture"]
    for node, a, b in point.rows:
        less = "" if a is None or b is None else repr(b - a)
        lines.append("\t".join([node, "" if a is None else repr(a), "" if b is None else repr(b), less]))
    return "\n".join(lines)


def _value(value: float | None) -> str:
    return "–" if value is None else significant(value)


# -- objects ----------------------------------------------------------------------------------------------------------


def objects_line(rows: Sequence[ObjectRow], annotated: bool) -> str:
    """What changed from A to B, in a sentence."""
    counts = count_by_status(rows)
    if not rows:
        return "No object is annotated in this picture." if annotated else "Neither found anything in this picture."
    plural = "s" * (len(rows) != 1)
    what = f"{len(rows)} annotated object{plural}" if annotated else f"{len(rows)} thing{plural} found (no ground truth)"
    unknown = counts.get("unknown", 0)
    if unknown == len(rows):
        return f"{what}, which cannot be compared. {rows[0].sentence}".rstrip()
    gained, lost = counts.get("only B", 0), counts.get("only A", 0)
    left = f" {unknown} cannot be compared." if unknown else ""
    if not gained and not lost:
        return f"{what}: B finds what A finds, and nothing else.{left}"
    return f"{what}: B finds {gained} that A loses, and loses {lost} that A finds.{left}"


def count_by_status(rows: Sequence[ObjectRow]) -> dict[str, int]:
    """Number of objects by status."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    return counts


def following_line(objects: ComparedObjects | None, following: bool) -> str:
    """How far the stages that lost them are known: "120 of 166 followed …"; "" once all are."""
    if objects is None or objects.followed == len(objects.rows):
        return ""
    so_far = f"{objects.followed:,} of {len(objects.rows):,} followed"
    return f"{so_far}\N{NO-BREAK SPACE}…" if following else f"{so_far}, then stopped; choose one to follow it."


def killer_text(row: ObjectRow, letter: str) -> str:
    """Where one side lost an object: "RPN top-k", "found"; "…" until that is known, and "" where it cannot be asked."""
    end = row.a if letter == "A" else row.b
    if end is None:
        return "" if row.followed else "…"
    return stage_title(end.killer) if end.killer else "found" if end.outcome == "detected" else end.outcome


def parts_at(row: ObjectRow | ObjectPair) -> str:
    """Where the two life lines part, in words; "" where they do not."""
    return f"They part at {stage_title(row.differs_at)}." if row.differs_at else ""


# -- nodes ------------------------------------------------------------------------------------------------------------


def neighbour(graph: Graph, node: str, rows: int, columns: int) -> str:
    """The node so many levels coarser and so many kinds further, as the grid shows them; "" where there is none."""
    if node not in graph:
        return ""
    here, levels, roles = graph[node], graph.levels, graph.roles
    row, column = levels.index(here.level) + rows, roles.index(here.role) + columns
    if not (0 <= row < len(levels) and 0 <= column < len(roles)):
        return ""
    found = graph.at(levels[row], roles[column])
    return found.name if found is not None else ""


def node_lesson(graph: Graph | None, node: str) -> str:
    """What a node is and how it is computed; "" while no detector is open."""
    if graph is None or node not in graph:
        return ""
    found = graph[node]
    return f"{canvas_texts.formula(graph, (found.level, found.role))}\n{canvas_texts.LESSONS[found.role]}"


def no_top_down(graph: Graph) -> Mapping[tuple[str, str], float]:
    """The gains that cut the top-down path."""
    return {(node.name, term.name): 0.0 for node in graph.nodes for term in node.terms if term.name == "top-down"}
