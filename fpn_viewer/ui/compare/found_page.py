"""The page "Detections": every detection of one and what it is in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from fpn_viewer.core.numbers import significant
from fpn_viewer.ui.compare import texts
from fpn_viewer.ui.compare.looks import PAIR_LOOKS
from fpn_viewer.ui.compare.table import Column, CompareTable, Entry, Row

if TYPE_CHECKING:
    from fpn_viewer.core.comparison.values import DetectionPair
    from fpn_viewer.core.geometry import Box
    from fpn_viewer.engine.compare_values import CompareView
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

COLUMNS = (
    Column("Class", "As A has it, or B where A has none", most=160),
    Column("In the other", "Paired by overlap, not by size"),
    Column("Score of A", "0 to 1", number=True),
    Column("Score of B", "0 to 1", number=True),
    Column("B − A", "How much more sure B is", number=True),
    Column("IoU", "Overlap of the two boxes", number=True),
    Column("", "What changed"),
)


class FoundPage(QWidget):
    """Counts by kind, and the table.

    Signals:
        chosen(box_img): a row was chosen; its box, xyxy image px.

    Attributes:
        sentence: counts by kind.
        table: the detections.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty page."""
        super().__init__(parent)
        self._view: CompareView | None = None
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = CompareTable("Detections of A and B", COLUMNS, len(COLUMNS) - 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.sentence)
        column.addWidget(self.table, 1)
        self.table.chosen.connect(self._choose)

    def show_state(self, state: ComparisonState) -> None:
        """Shows what is known."""
        if state.view is self._view:
            return
        self._view = state.view
        self.table.fill([] if state.view is None else found_rows(state.view))
        self.sentence.setText("" if state.view is None else found_line(state.view))

    @Slot(object)
    def _choose(self, number: int) -> None:
        if self._view is not None:
            self.chosen.emit(box_of(self._view, self._view.detections[number]))


def found_line(view: CompareView) -> str:
    """Counts by kind: "24 same, 3 rescored, 2 only A"."""
    counts = {kind: sum(pair.kind == kind for pair in view.detections) for kind in PAIR_LOOKS}
    said = ", ".join(f"{count} {PAIR_LOOKS[kind].text}" for kind, count in reversed(counts.items()) if count)
    if view.a is None or view.b is None:
        return texts.ALONE
    sides = f"A has {texts.found_text(view.a)}, B {len(view.b.detections)}"
    return f"{sides}: {said}." if said else f"{sides}."


def box_of(view: CompareView, pair: DetectionPair) -> Box:
    """The box of a pair, A's where it has one, xyxy image px."""
    letter, row = ("A", pair.a) if pair.a is not None else ("B", pair.b)
    assert row is not None, "a pair is of one detection at least"
    return texts.found_box(view, letter, row)


def found_rows(view: CompareView) -> list[Row]:
    """Rows of the table, what differs first."""
    order = list(PAIR_LOOKS)
    pairs = sorted(enumerate(view.detections), key=lambda item: (order.index(item[1].kind), -_best(item[1])))
    return [_row(view, number, pair, order) for number, pair in pairs]


def _best(pair: DetectionPair) -> float:
    return max(score for score in (pair.score_a, pair.score_b, 0.0) if score is not None)


def _row(view: CompareView, number: int, pair: DetectionPair, order: list[str]) -> Row:
    names = [texts.class_name(view, letter, row) for letter, row in (("A", pair.a), ("B", pair.b)) if row is not None]
    look = PAIR_LOOKS[pair.kind]
    both = pair.score_a is not None and pair.score_b is not None
    more = (pair.score_b or 0.0) - (pair.score_a or 0.0)
    return Row(
        number,
        (
            Entry(names[0], look=look),
            Entry(look.text, look.tip, value=float(order.index(pair.kind))),
            _score(pair.score_a),
            _score(pair.score_b),
            Entry(significant(more) if both else "–", value=more, muted=not both),
            Entry(significant(pair.iou) if pair.iou else "–", value=pair.iou, muted=not pair.iou),
            Entry(" → ".join(names) if len(set(names)) > 1 else "", muted=True),
        ),
    )


def _score(score: float | None) -> Entry:
    if score is None:
        return Entry("–", "It has none here", value=-1.0, muted=True)
    return Entry(significant(score), value=score, bar=score)
