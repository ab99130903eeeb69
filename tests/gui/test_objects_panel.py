"""The objects panel over fakes: what is listed and counted, filters, selection both ways, badges, empty states, copying."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QLabel

from fpn_viewer.core.analysis.trap_values import Trap
from fpn_viewer.core.annotations.structures import GroundTruth, LabelMap
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels import object_texts as texts
from fpn_viewer.ui.panels.object_list import FILTERS, ObjectModel, count_rows
from fpn_viewer.ui.panels.object_parts import CHOICES
from fpn_viewer.ui.panels.object_row import OBJECT_ROLE, STATUS_ROLE, sample_rect
from fpn_viewer.ui.panels.objects import ObjectsPanel
from tests.gui.life_fakes import ASKED, FakeDocument, FakeObjects, FakeQuestion, life_line, object_rows

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from fpn_viewer.viewmodels.objects import ObjectRow

pytestmark = pytest.mark.gui

OUTCOMES = ("missed", "found", "badly placed", "wrong class", "taken", "crowd", "flawed", "unknown class", "found")
ANNOTATIONS: Any = SimpleNamespace(
    format="COCO", path="/data/set.json", names=("car", "boat"), count=74, flaws={"no width": 2}, problems=("One line is odd.",)
)
TRUTH = GroundTruth(np.zeros((0, 4)), (), np.zeros(0), np.zeros(0, bool), ())
TRAPS = (Trap("cap", "Cap reached", "All 100 places are taken.", 100), Trap("shrunk", "Shrunk", "The picture is shrunk to 0.31."))


class Scene:
    """A panel over fakes."""

    def __init__(self, qtbot: QtBot, width: int = 240, height: int = 560) -> None:
        self.qtbot = qtbot
        self.document, self.objects, self.question = FakeDocument(), FakeObjects(), FakeQuestion()
        self.panel = ObjectsPanel(self.document, self.objects, self.question)  # type: ignore[arg-type]
        qtbot.addWidget(self.panel)
        self.panel.resize(width, height)
        with qtbot.waitExposed(self.panel):
            self.panel.show()

    def annotate(self, rows: tuple[ObjectRow, ...]) -> None:
        self.document.show_picture()
        self.objects.update(annotations=ANNOTATIONS, ground_truth=TRUTH, rows=rows)

    @property
    def hint(self) -> str:
        label: QLabel = self.panel.findChild(QLabel, "hint")
        return label.text() if label.isVisible() else ""

    def listed(self) -> list[int]:
        return [row.index for row in self.panel.view.rows.shown]

    def status(self, place: int) -> str:
        status: str = self.panel.view.rows.index(place).data(STATUS_ROLE)
        return status

    def click(self, place: int, twice: bool = False) -> None:
        view = self.panel.view
        press = self.qtbot.mouseDClick if twice else self.qtbot.mouseClick
        press(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.rows.index(place)).center())

    def choose(self, kind: str) -> None:
        self.qtbot.mouseClick(self.panel.counts.buttons[kind], Qt.MouseButton.LeftButton)


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    made = Scene(qtbot)
    made.annotate(object_rows(*OUTCOMES))
    return made


# -- states -------------------------------------------------------------------------------------------------------------


def test_each_empty_state_says_what_to_do(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    assert scene.hint == texts.NO_PICTURE
    assert not scene.panel.open_button.isVisible()
    scene.document.show_picture()
    assert scene.hint == texts.NO_ANNOTATIONS
    asked = []
    scene.panel.open_requested.connect(lambda: asked.append(True))
    scene.qtbot.mouseClick(scene.panel.open_button, Qt.MouseButton.LeftButton)
    scene.qtbot.mouseClick(scene.panel.opening, Qt.MouseButton.LeftButton)
    assert asked == [True, True]
    scene.objects.update(annotations=ANNOTATIONS)
    assert "scene.png is not annotated in set.json" in scene.hint
    scene.objects.update(ground_truth=TRUTH)
    assert scene.hint == "set.json has no objects in scene.png."
    scene.objects.update(rows=object_rows("", ""))
    assert scene.hint == ""
    assert scene.panel.footer.text() == texts.NOT_RUN
    assert [scene.status(n) for n in (0, 1)] == ["not run", "not run"]


def test_a_large_file_says_how_far_it_is(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.document.show_picture()
    scene.document.asked_progress.emit("sweep", "annotations", 0.1)
    assert scene.hint == texts.NO_ANNOTATIONS
    scene.document.asked_progress.emit("annotations", "reading", 0.42)
    assert scene.hint == scene.panel.source.text() == "Reading annotations … 42 %"
    scene.document.answered.emit("annotations", None)
    assert scene.hint == texts.NO_ANNOTATIONS
    scene.annotate(object_rows("missed"))
    scene.document.asked_progress.emit("annotations", "reading", 0.5)
    assert scene.panel.source.text() == "Reading annotations … 50 %"
    scene.document.unanswered.emit("annotations", None)
    assert scene.panel.source.text() == "COCO · set.json"


def test_the_source_says_where_the_objects_come_from(scene: Scene) -> None:
    assert scene.panel.source.text() == "COCO · set.json"
    for words in ("/data/set.json", "74 objects of 2 classes", "2 × no width", "One line is odd."):
        assert words in scene.panel.source.toolTip()


# -- rows ---------------------------------------------------------------------------------------------------------------


def test_each_row_says_what_became_of_the_object(scene: Scene) -> None:
    rows = scene.objects.state.rows
    killed = dataclasses.replace(rows[0], killer="rpn_top_k", verdict="Lost in the top-k.")
    wrong = dataclasses.replace(rows[3], killer="class_score")
    scene.objects.update(rows=(killed, *rows[1:3], wrong, *rows[4:]))
    assert [scene.status(n) for n in range(len(rows))] == [
        "missed at RPN top-k",
        "0.912 · IoU 0.744",
        "badly placed",
        "wrong class, lost at Class score",
        "taken",
        "crowd",
        "flawed: no width",
        "unknown class",
        "0.912 · IoU 0.744",
    ]
    tip = scene.panel.view.rows.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Lost in the top-k." in tip
    assert "x 0 to 6, y 4 to 16 px" in tip
    assert "broken: no width" in scene.panel.view.rows.index(6).data(Qt.ItemDataRole.ToolTipRole)
    spoken = scene.panel.view.rows.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "6 × 12 px, found, 0.912" in spoken


def test_the_life_line_of_the_current_object_is_told_before_all_verdicts(scene: Scene) -> None:
    scene.question.update(asked=dataclasses.replace(ASKED, index=2))
    scene.question.update(line=life_line("nms"))
    assert scene.status(2) == "badly placed, lost at NMS"
    assert life_line("nms").verdict in scene.panel.view.rows.index(2).data(Qt.ItemDataRole.ToolTipRole)
    scene.question.update(asked=dataclasses.replace(ASKED, index=-1))
    assert scene.status(2) == "badly placed"


@pytest.mark.parametrize(("place", "outcome"), [(0, "missed"), (1, "found"), (2, "badly placed"), (3, "wrong class"), (4, "taken")])
def test_the_outcome_is_drawn_with_its_own_line(scene: Scene, place: int, outcome: str) -> None:
    view = scene.panel.view
    rect = sample_rect(view.visualRect(view.rows.index(place)))
    image = view.viewport().grab(rect).toImage()
    colour = QColor(OUTCOME_LOOKS[outcome].colour)
    hits = np.array([[_close(image.pixelColor(x, y), colour) for x in range(image.width())] for y in range(image.height())])
    assert hits.any()
    top = hits[:3].any(0)[4:-4]
    whole = outcome in ("found", "wrong class")
    assert top.all() == whole, "the line's pattern does not say the outcome"
    # the double line has a second one inside
    assert hits[4:7, 6:-6].any() == (outcome == "wrong class")


def _close(one: QColor, other: QColor) -> bool:
    return all(abs(a - b) < 60 for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True))


def test_the_sample_reads_on_the_selection_too(scene: Scene) -> None:
    scene.objects.select(1)
    view = scene.panel.view
    rect = sample_rect(view.visualRect(view.rows.index(1)))
    image = view.viewport().grab(rect).toImage()
    assert image.pixelColor(image.width() // 2, image.height() // 2) == view.palette().base().color()


# -- counts and filters -------------------------------------------------------------------------------------------------


def test_counts_and_filters(scene: Scene) -> None:
    numbers = {kind: button.number for kind, button in scene.panel.counts.buttons.items()}
    assert numbers == {"all": 9, "missed": 4, "found": 2, "flawed": 1}
    assert set(FILTERS) == set(CHOICES)
    rows = scene.objects.state.rows
    assert count_rows(rows) == {kind: sum(map(takes, rows)) for kind, takes in FILTERS.items()}
    for kind, expected in {"missed": [0, 2, 3, 4], "found": [1, 8], "flawed": [6], "all": list(range(9))}.items():
        scene.choose(kind)
        assert scene.listed() == expected
    assert scene.panel.counts.toolTip() == "9 objects · 2 found · 4 missed · 1 flawed annotation"
    assert texts.counts_text(count_rows(object_rows("", "flawed"))) == "2 objects · 1 flawed annotation"


def test_the_class_filter_narrows_the_list(scene: Scene) -> None:
    names = [row.name for row in scene.objects.state.rows]
    scene.qtbot.keyClicks(scene.panel.name, names[1][:3].upper())
    assert scene.listed() == [n for n, name in enumerate(names) if name.startswith(names[1][:3])]
    scene.choose("flawed")
    scene.panel.name.setText("zebra")
    assert scene.listed() == []
    image = scene.panel.view.viewport().grab().toImage()
    middle = image.height() // 2
    drawn = {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in range(middle - 8, middle + 8)}
    assert len(drawn) > 1, "an empty list says nothing"


def test_the_overlap_is_set_once_and_follows(scene: Scene) -> None:
    scene.panel.iou.setFocus()
    scene.qtbot.keyClick(scene.panel.iou, Qt.Key.Key_Up)
    assert scene.objects.overlaps == [0.55]
    scene.objects.update(iou=0.75)
    assert scene.panel.iou.value() == 0.75
    assert scene.objects.overlaps == [0.55], "what was set elsewhere is set once more"
    assert (scene.panel.iou.minimum(), scene.panel.iou.maximum()) == (0.05, 0.95)


def test_detections_are_counted_by_what_they_are(scene: Scene) -> None:
    scene.objects.update(kinds=("match", "match", "background", "duplicate"))
    assert scene.panel.footer.text() == "Detections: 2 match · 1 duplicate · 1 background"
    scene.objects.update(kinds=())
    assert not scene.panel.footer.isVisible()


# -- selection ----------------------------------------------------------------------------------------------------------


def test_selection_goes_both_ways(scene: Scene) -> None:
    scene.click(3)
    assert scene.objects.state.current == 3
    scene.qtbot.keyClick(scene.panel.view, Qt.Key.Key_Down)
    assert scene.objects.state.current == 4
    scene.objects.select(1)
    assert scene.panel.view.currentIndex().data(OBJECT_ROLE).index == 1
    scene.objects.select(None)
    assert not scene.panel.view.currentIndex().isValid()
    assert not scene.panel.view.selectionModel().hasSelection()


def test_an_answer_keeps_the_selection_and_asks_nothing(scene: Scene) -> None:
    scene.objects.select(3)
    chosen = []
    scene.panel.view.chosen.connect(chosen.append)
    rows = scene.objects.state.rows
    scene.objects.update(rows=tuple(dataclasses.replace(row, killer="nms") for row in rows))
    scene.objects.update(kinds=("match",))
    assert scene.panel.view.currentIndex().data(OBJECT_ROLE).index == 3
    scene.choose("missed")
    assert scene.panel.view.currentIndex().data(OBJECT_ROLE).index == 3
    scene.choose("found")
    assert not scene.panel.view.currentIndex().isValid()
    assert scene.objects.state.current == 3
    scene.choose("all")
    assert scene.panel.view.currentIndex().data(OBJECT_ROLE).index == 3
    assert chosen == []


def test_enter_and_a_double_click_zoom(scene: Scene) -> None:
    zoomed = []
    scene.panel.zoom_requested.connect(lambda: zoomed.append(scene.objects.state.current))
    scene.qtbot.keyClick(scene.panel.view, Qt.Key.Key_Return)
    assert zoomed == [], "there is nothing to zoom to"
    scene.click(2)
    scene.qtbot.keyClick(scene.panel.view, Qt.Key.Key_Return)
    scene.click(5)
    scene.click(5, twice=True)
    assert zoomed == [2, 5]


def test_the_current_object_stays_in_sight_when_its_list_gets_lower(scene: Scene) -> None:
    """The words below the list come last and take some of its room."""
    view = scene.panel.view
    view.setFixedHeight(5 * view.sizeHintForRow(0))
    scene.annotate(object_rows(*("missed",) * 12))
    scene.objects.select(4)
    last = view.visualRect(view.currentIndex())
    assert last.bottom() <= view.viewport().height()
    view.setFixedHeight(3 * view.sizeHintForRow(0))
    QCoreApplication.processEvents()
    assert view.viewport().rect().contains(view.visualRect(view.currentIndex()))
    view.verticalScrollBar().setValue(0)
    view.setFixedHeight(2 * view.sizeHintForRow(0))
    QCoreApplication.processEvents()
    assert view.verticalScrollBar().value() == 0  # scrolled away on purpose


def test_letters_are_left_to_the_window(scene: Scene) -> None:
    scene.click(0)
    scene.qtbot.keyClick(scene.panel.view, Qt.Key.Key_B)
    assert scene.objects.state.current == 0


# -- badges and menu ----------------------------------------------------------------------------------------------------


def test_traps_have_badges_that_explain_themselves(scene: Scene) -> None:
    bar = scene.panel.traps
    assert not bar.isVisible()
    scene.objects.update(traps=TRAPS)
    assert [badge.text() for badge in bar.badges if badge.isVisible()] == ["Cap reached", "Shrunk"]
    assert bar.badges[1].toolTip() == TRAPS[1].sentence
    scene.qtbot.mouseClick(bar.badges[1], Qt.MouseButton.LeftButton)
    assert bar.sentence.isVisible()
    assert bar.sentence.text() == TRAPS[1].sentence
    scene.qtbot.keyClick(bar.badges[0], Qt.Key.Key_Space)
    assert bar.sentence.text() == TRAPS[0].sentence
    assert [badge.isChecked() for badge in bar.badges] == [True, False]
    scene.qtbot.mouseClick(bar.badges[0], Qt.MouseButton.LeftButton)
    assert not bar.sentence.isVisible()
    assert not bar.badges[0].isChecked()
    scene.qtbot.mouseClick(bar.badges[0], Qt.MouseButton.LeftButton)
    scene.objects.update(traps=TRAPS[1:])
    assert not bar.sentence.isVisible(), "the sentence of a trap that is gone"
    assert [badge.text() for badge in bar.badges if badge.isVisible()] == ["Shrunk"]
    scene.objects.update(traps=())
    assert not bar.isVisible()


def test_traps_are_shown_without_annotations(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    scene.document.show_picture()
    scene.objects.update(traps=TRAPS)
    assert scene.hint == texts.NO_ANNOTATIONS
    assert scene.panel.traps.badges[0].isVisible()


def test_unmatched_classes_are_pointed_out(scene: Scene) -> None:
    assert not scene.panel.unmatched.isVisible()
    scene.objects.update(labels=LabelMap({"boat": None}, ("boat",)))
    assert scene.panel.unmatched.text() == "1 class to match…"
    with scene.qtbot.waitSignal(scene.panel.labels_requested, timeout=1000):
        scene.qtbot.mouseClick(scene.panel.unmatched, Qt.MouseButton.LeftButton)


def test_the_menu(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    actions = {action.text().replace("&", ""): action for action in scene.panel.menu.actions() if action.text()}
    assert list(actions) == ["Open annotations…", "Classes…", "Copy list", "Close annotations"]
    assert [actions[name].isEnabled() for name in actions] == [True, False, False, False]
    scene.annotate(object_rows("missed"))
    assert all(action.isEnabled() for action in actions.values())
    for name, signal in (("Open annotations…", scene.panel.open_requested), ("Classes…", scene.panel.labels_requested)):
        with qtbot.waitSignal(signal, timeout=1000):
            actions[name].trigger()
    actions["Close annotations"].trigger()
    assert scene.objects.closed == 1


def test_ctrl_c_copies_what_is_listed(scene: Scene) -> None:
    scene.choose("found")
    scene.click(0)
    scene.qtbot.keyClick(scene.panel.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert len(lines) == 3
    assert {len(line) for line in lines} == {12}
    first = dict(zip(*lines[:2], strict=True))
    assert (first["object"], first["outcome"], first["score"], first["IoU"], first["x1"]) == ("2", "found", "0.912", "0.744", "14")


# -- size ---------------------------------------------------------------------------------------------------------------


def test_ten_thousand_objects_cost_what_is_in_sight(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are read do not depend on the length of the list, neither at first nor when the verdicts arrive."""
    read: list[int] = []
    data = ObjectModel.data

    def counting(self: ObjectModel, index: Any, role: int = 0) -> Any:
        read.append(index.row())
        return data(self, index, role)

    monkeypatch.setattr(ObjectModel, "data", counting)
    reads = {}
    for count in (100, 10_000):
        scene = Scene(qtbot)
        read.clear()
        rows = object_rows(*("missed", "found") * (count // 2))
        scene.annotate(rows)
        scene.panel.view.viewport().grab()
        scene.objects.update(rows=tuple(dataclasses.replace(row, killer="nms") for row in rows))
        scene.panel.view.viewport().grab()
        reads[count] = len(read)
        assert max(read) < 40
    assert reads[10_000] <= 2 * reads[100]


def test_it_stays_inside_a_narrow_dock(qtbot: QtBot) -> None:
    scene = Scene(qtbot, width=232)
    scene.annotate(object_rows(*("missed", "found") * 5_000))
    scene.objects.update(traps=TRAPS, labels=LabelMap({}, ("a", "b")))
    assert scene.panel.minimumSizeHint().width() <= 232
    for button in scene.panel.counts.buttons.values():
        corner = button.mapTo(scene.panel, QPoint(button.width(), 0))
        assert button.sizeHint().width() <= button.width()
        assert corner.x() <= 232
