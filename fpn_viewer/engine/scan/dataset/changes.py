"""The single changes that are tried for a data set: of every setting a few values around the one in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.scan.dataset.values import KINDS, DataChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fpn_viewer.core.detectors.detector import Detector


def changes_for(detector: Detector, kinds: Sequence[str]) -> list[DataChange]:
    """What is tried with a detector, one thing at a time.

    Args:
        detector: its settings are those in force.
        kinds: of `KINDS`.

    Raises:
        QuestionError: there is no such kind.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise QuestionError(f"There is no kind of change {unknown[0]!r}; choose of: {', '.join(KINDS)}.")
    return [change for kind in KINDS if kind in kinds for change in _MAKERS[kind](detector)]


def _times(*factors: int) -> Callable[[Any], list[Any]]:
    return lambda value: [value * factor for factor in factors]


def _shares(*factors: float) -> Callable[[Any], list[Any]]:
    return lambda value: [float(f"{value * factor:.2g}") for factor in factors]


def _around(*values: float) -> Callable[[Any], list[Any]]:
    return lambda _: list(values)


#: setting to the values that are tried, from the one in force; in the order of the stages
_VALUES: dict[str, Callable[[Any], list[Any]]] = {
    "rpn_pre_nms_top_n": _times(2, 4),
    "rpn_score_thresh": _shares(0.5, 0.0),
    "rpn_nms_thresh": _around(0.6, 0.8, 0.9),
    "rpn_post_nms_top_n": _times(2, 4),
    "box_score_thresh": _shares(0.5, 0.2, 0.1),
    "topk_candidates": _times(2, 4),
    "box_nms_thresh": _around(0.4, 0.6, 0.7),
    "box_detections_per_img": _times(2, 5),
}


def _selection(detector: Detector) -> Iterator[DataChange]:
    settings = detector.spec.settings
    for name, values in _VALUES.items():
        if name in detector.spec.kind.settings:
            before = getattr(settings, name)
            for value in values(before):
                if value != before:
                    yield DataChange("selection", name, _text(before), _text(value), settings={name: value})


def _gains(detector: Detector) -> Iterator[DataChange]:
    from fpn_viewer.core.analysis.remedies import GAINS

    graph = detector.graph
    if graph.unknown or graph.fixed:
        return
    for node in graph.nodes:
        for term in node.terms if node.role == "merged" else ():
            for factor in GAINS:
                if factor != 1:
                    key = (node.name, term.name)
                    yield DataChange("gains", f"{term.name} into {node.name}", "1", _text(factor), gains={key: factor})


def _input(detector: Detector) -> Iterator[DataChange]:
    from fpn_viewer.core.analysis.remedies import ENLARGED

    now = detector.spec.settings
    before = f"{now.min_size}/{now.max_size}"
    for factor in ENLARGED:
        values = {"min_size": round(now.min_size * factor), "max_size": round(now.max_size * factor)}
        yield DataChange("input", "min_size/max_size", before, "/".join(str(v) for v in values.values()), settings=values)


_MAKERS: dict[str, Callable[[Detector], Iterator[DataChange]]] = {"selection": _selection, "gains": _gains, "input": _input}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
