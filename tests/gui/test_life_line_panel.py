"""The life line panel over hand-made life lines: what is drawn and said, stepping with mouse and keys, copying, empty states."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QLabel, QScrollArea, QToolTip

from fpn_viewer.core.analysis.line import OUTCOMES
from fpn_viewer.core.analysis.words import STAGE_WORDS
from fpn_viewer.core.structures import DENSE_STAGES, STAGES
from fpn_viewer.ui.panels import life_line as panel_module
from fpn_viewer.ui.panels.life_copy import copied_line
from fpn_viewer.ui.panels.life_line import LifeLinePanel
from fpn_viewer.ui.panels.life_paint import AXIS, GREEN, OPEN_ROLE, VERMILION, columns, row_height
from fpn_viewer.ui.panels.life_parts import crop_region
from fpn_viewer.ui.panels.life_texts import full_number_text, margin_text, number_text, size_facts, stage_tip
from fpn_viewer.ui.theme import palette
from tests.gui.life_fakes import (
    ASKED,
    BOX,
    OUTCOME,
    SIZES,
    TRAINING,
    FakeDocument,
    FakeObjects,
    FakeQuestion,
    life_line,
    object_rows,
    trace,
    unknown_line,
)

if TYPE_CHECKING:
    from PySide6.QtCore import QRect
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from fpn_viewer.core.analysis.line import LifeLine

pytestmark = pytest.mark.gui

KILLERS = tuple(OUTCOME)


class Scene:
    """A panel over fakes."""

    def __init__(self, qtbot: QtBot, width: int = 324, height: int = 460) -> None:
        self.qtbot = qtbot
        self.document, self.objects, self.question = FakeDocument(), FakeObjects(), FakeQuestion()
        self.panel = LifeLinePanel(self.document, self.question, self.objects)  # type: ignore[arg-type]
        qtbot.addWidget(self.panel)
        self.panel.resize(width, height)
        with qtbot.waitExposed(self.panel):
            self.panel.show()

    def run(self) -> None:
        """A picture, a detector, a trace, two objects."""
        self.document.open_detector()
        self.document.show_picture()
        self.document.show_trace(trace())
        self.objects.update(rows=object_rows("missed", "found"), current=0)

    def ask(self, line: LifeLine | None) -> None:
        self.question.update(asked=ASKED)
        self.question.update(line=line)

    @property
    def hint(self) -> str:
        """The hint, or "" while a life line is shown."""
        label: QLabel = self.panel.findChild(QLabel, "hint")
        return label.text() if label.isVisible() else ""

    def rect(self, stage: str) -> QRect:
        """Where a stage's row lies in the list."""
        rows = self.panel.rows
        names = [s.name for s in rows.line.stages] if rows.line else []
        return rows.visualRect(rows.model().index(names.index(stage), 0))

    def bottom(self, stage: str) -> int:
        """Where a stage's row ends, px of the panel."""
        return self.panel.rows.mapTo(self.panel, self.rect(stage).bottomLeft()).y()

    def click(self, stage: str) -> None:
        place = QPoint(self.rect(stage).left() + 60, self.rect(stage).top() + 8)
        self.qtbot.mouseClick(self.panel.rows.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def key(self, key: Qt.Key) -> None:
        self.qtbot.keyClick(self.panel.rows, key)

    def opened(self) -> list[str]:
        model = self.panel.rows.model()
        assert self.panel.rows.line is not None
        return [s.name for n, s in enumerate(self.panel.rows.line.stages) if model.index(n, 0).data(OPEN_ROLE)]

    def dot(self, stage: str) -> np.ndarray:
        """(13, 13, 3) around a stage's dot."""
        image = self.panel.rows.viewport().grab().toImage()
        top = self.rect(stage).top() + row_height(self.panel.rows.font()) // 2
        return np.array([[image.pixelColor(AXIS + x, top + y).getRgb()[:3] for x in range(-6, 7)] for y in range(-6, 7)])


@pytest.fixture
def scene(qtbot: QtBot) -> Scene:
    made = Scene(qtbot)
    made.run()
    return made


def has(pixels: np.ndarray, colour: QColor) -> bool:
    return bool((pixels == colour.getRgb()[:3]).all(-1).any())


# -- states -------------------------------------------------------------------------------------------------------------


def test_each_empty_state_says_what_to_do(qtbot: QtBot) -> None:
    scene = Scene(qtbot)
    assert scene.hint == panel_module.NOTHING
    scene.question.update(asked=ASKED)
    assert scene.hint == panel_module.NO_TRACE
    scene.document.set_state("running")
    assert scene.hint == panel_module.RUNNING
    scene.run()
    assert scene.hint == panel_module.FOLLOWING
    scene.question.update(line=life_line())
    assert scene.hint == ""
    scene.question.update(line=None, trouble="The box lies outside the picture; draw it inside.")
    assert scene.hint == "The box lies outside the picture; draw it inside."
    assert not scene.panel.chip.isVisible()


def test_stepping_to_another_object_does_not_blink(scene: Scene) -> None:
    scene.ask(life_line("nms"))
    scene.question.update(asked=dataclasses.replace(ASKED, index=1), line=None)
    assert scene.hint == "", "the life line before is taken away at once"
    assert not scene.panel.copying.isEnabled()
    scene.question.update(line=life_line("cap"))
    assert scene.panel.copying.isEnabled()
    assert scene.panel.chip.outcome == "capped"
    scene.question.update(line=None)
    scene.qtbot.waitUntil(lambda: scene.hint == panel_module.FOLLOWING)


def test_nothing_asked_any_more_empties_it_at_once(scene: Scene) -> None:
    scene.ask(life_line())
    scene.question.update(asked=None, line=None)
    assert scene.hint == panel_module.NOTHING
    assert not scene.panel.title.isVisible()


# -- what is said -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("killer", [*KILLERS, None])
def test_header_and_numbers_of_every_killer(scene: Scene, killer: str | None) -> None:
    line = life_line(killer, dense=killer == "top_k")
    scene.ask(line)
    assert scene.panel.title.text() == "car · 14 × 12 px"
    verdict, _, reason = line.verdict.partition(": ")
    assert scene.panel.verdict.text() == verdict
    assert scene.panel.reason.text().casefold() == reason.casefold()
    assert scene.panel.chip.outcome == line.outcome
    assert scene.panel.chip.toolTip().casefold() == OUTCOMES[line.outcome].casefold()
    names = scene.panel.names
    assert names.text() == ("fn_mechanisms: proposal process · TIDE: Miss" if killer else "")
    assert "fn_mechanisms (csiro" in names.toolTip()
    assert "Bolya" in names.toolTip()
    assert scene.panel.rows.model().rowCount() == len(DENSE_STAGES if killer == "top_k" else STAGES)


@pytest.mark.parametrize(
    ("killer", "text", "margin"),
    [
        ("rpn_top_k", "1,342 / 1,000", "342 places too late"),
        ("rpn_nms", "0.710 > 0.700", "0.0100 over the limit"),
        ("class_score", "0.0470 < 0.05", "0.00300 short of the limit"),
        ("rpn_min_size", "5.00e−4 < 0.001 px", "5.00e−4 px short of the limit"),
    ],
)
def test_the_deciding_number_stands_beside_its_limit(killer: str, text: str, margin: str) -> None:
    stage = life_line(killer).stage(killer)
    assert number_text(stage) == text
    assert margin_text(stage) == margin
    assert margin in stage_tip(stage)
    setting = STAGE_WORDS[killer].setting
    assert setting in stage_tip(stage)


def test_numbers_that_differ_are_written_so_that_one_sees_it() -> None:
    stage = life_line("class_score").stage("class_score")
    assert number_text(dataclasses.replace(stage, value=0.04999)) == "0.04999 < 0.05"
    assert number_text(dataclasses.replace(stage, value=0.05)) == "0.0500 = 0.05"
    overlap = life_line("nms").stage("nms")
    assert number_text(dataclasses.replace(overlap, value=0.500021)) == "0.50002 > 0.50000"


def test_factors_that_the_verdict_names_are_not_said_twice(scene: Scene) -> None:
    scene.ask(life_line(verdict="Lost: it is tiny", factors=("it is tiny", "the resize")))
    assert scene.panel.factors.text() == "Harder by: the resize"
    scene.ask(life_line(verdict="Lost: it is tiny", factors=("it is tiny",)))
    assert not scene.panel.factors.isVisible()


def test_a_stage_nobody_described_keeps_its_name() -> None:
    line = life_line()
    other = dataclasses.replace(line.stages[0], name="box_fusion")
    assert stage_tip(other).startswith("box_fusion")


def test_the_drawn_box_can_be_given_a_class(scene: Scene) -> None:
    scene.ask(life_line())
    assert not scene.panel.classes.isVisible()
    scene.question.update(asked=dataclasses.replace(ASKED, index=-1, label=None), line=life_line())
    classes = scene.panel.classes
    assert classes.isVisible()
    assert [classes.itemText(n) for n in range(classes.count())][:2] == ["any class", "car"]
    scene.qtbot.keyClick(classes, Qt.Key.Key_Down)
    assert scene.question.labels == [1]
    assert classes.currentText() == "car"
    scene.qtbot.keyClick(classes, Qt.Key.Key_Up)
    assert scene.question.labels == [1, None]


def test_the_crop_shows_the_object(scene: Scene) -> None:
    scene.ask(life_line())
    crop = scene.panel.crop
    assert crop.isVisible()
    image = crop.grab().toImage()
    assert image.pixelColor(22, 22) == QColor("white")
    assert image.pixelColor(3, 3).blue() > 40
    assert image.pixelColor(3, 3).red() == 0
    scene.question.update(asked=dataclasses.replace(ASKED, box_img=(-4.0, -4.0, 4.0, 4.0)))
    image = crop.grab().toImage()
    assert image.pixelColor(2, 2) == QColor(128, 128, 128), "what lies outside the picture looks like picture"
    assert image.pixelColor(42, 42) != QColor(128, 128, 128)
    x0, y0, x1, y1 = crop_region(BOX)
    assert x1 - x0 == y1 - y0 >= 14


# -- the line of dots ---------------------------------------------------------------------------------------------------


def test_dots_differ_by_colour_and_by_shape(scene: Scene) -> None:
    scene.ask(life_line("rpn_top_k"))
    passed, killer, after, info = (scene.dot(n) for n in ("rpn_regression", "rpn_top_k", "nms", "resize"))
    assert tuple(passed[6, 6]) == GREEN.getRgb()[:3]
    assert tuple(killer[6, 6]) == (255, 255, 255), "the killer has no cross"
    assert has(killer, VERMILION)
    for hollow in (after, info):
        assert not has(hollow, GREEN)
        assert not has(hollow, VERMILION)
        assert tuple(hollow[6, 6]) == tuple(hollow[6, 6])
    assert (after[6, 6] == after[6, 12]).all(), "a stage behind the killer is filled"


def test_the_line_is_green_until_the_killer(scene: Scene) -> None:
    scene.ask(life_line("rpn_nms"))
    image = scene.panel.rows.viewport().grab().toImage()

    def above(stage: str) -> QColor:
        return image.pixelColor(AXIS, scene.rect(stage).top() + 1)

    assert above("rpn_score") == GREEN
    assert above("rpn_nms") == VERMILION
    assert above("cap") not in (GREEN, VERMILION)


def test_unknown_stages_have_a_question_mark(scene: Scene) -> None:
    scene.ask(unknown_line())
    assert scene.panel.chip.outcome == "unknown"
    dot = scene.dot("nms")
    assert not has(dot, GREEN)
    assert not has(dot, VERMILION)
    hollow = scene.dot("resize")
    assert len(np.unique(dot[3:10, 4:9].reshape(-1, 3), axis=0)) > len(np.unique(hollow[5:8, 5:8].reshape(-1, 3), axis=0))


@pytest.mark.parametrize("width", [246, 260, 300, 324, 420])
@pytest.mark.parametrize("killer", ["rpn_top_k", "class_score", None])
def test_columns_neither_overlap_nor_leave_the_panel(scene: Scene, width: int, killer: str | None) -> None:
    places = columns(life_line(killer), scene.panel.rows.font(), width)
    parts = [places.name, *(part for part in (places.ticks, places.count) if part[1]), places.number]
    for (left, wide), (following, _) in itertools.pairwise(parts):
        assert left + wide <= following
    assert places.number[0] + places.number[1] <= width
    assert places.name[1] > 60


def test_units_and_levels_appear_where_there_is_room(scene: Scene) -> None:
    font = scene.panel.rows.font()
    wide, narrow = (columns(life_line(), font, width) for width in (420, 220))
    assert wide.long
    assert wide.ticks[1]
    assert wide.count[1]
    assert not narrow.long
    assert not narrow.ticks[1]
    assert not narrow.count[1], "names give way before the survivors do"


def test_level_ticks_have_the_colours_of_their_levels(scene: Scene) -> None:
    scene.panel.resize(420, 460)
    scene.ask(life_line(None))
    places = columns(life_line(None), scene.panel.rows.font(), scene.panel.rows.viewport().width())
    image = scene.panel.rows.viewport().grab().toImage()
    row = scene.rect("nms")
    seen = {image.pixelColor(places.ticks[0] + x, row.top() + y).name() for x in range(12) for y in range(row.height())}
    assert {"#0072b2", "#009e73"} <= seen
    assert "#e69f00" not in seen, "P4 has a tick though nothing is left on it"


# -- stepping -----------------------------------------------------------------------------------------------------------


def test_a_click_opens_a_stage_and_a_second_one_closes_it(scene: Scene) -> None:
    scene.ask(life_line("nms"))
    closed = scene.rect("nms").height()
    scene.click("nms")
    assert scene.question.looked == ["nms"]
    assert scene.opened() == ["nms"]
    assert scene.rect("nms").height() > closed + 20
    assert scene.panel.rows.height() == sum(scene.rect(s.name).height() for s in life_line("nms").stages)
    scene.click("nms")
    assert scene.question.looked == ["nms", ""]
    assert scene.opened() == []
    assert scene.rect("nms").height() == closed


def test_keys_step_through_the_stages(scene: Scene) -> None:
    scene.ask(life_line("rpn_top_k"))
    scene.panel.rows.setFocus()
    scene.key(Qt.Key.Key_Down)
    assert scene.question.looked == ["rpn_top_k"], "the first step does not go where the object was lost"
    scene.key(Qt.Key.Key_Down)
    scene.key(Qt.Key.Key_Up)
    scene.key(Qt.Key.Key_Up)
    assert scene.question.looked[1:] == ["rpn_min_size", "rpn_top_k", "rpn_regression"]
    scene.key(Qt.Key.Key_Home)
    assert scene.opened() == ["resize"]
    scene.key(Qt.Key.Key_End)
    assert scene.question.state.stage == "detected"
    assert scene.opened() == ["detected"]
    scene.key(Qt.Key.Key_Return)
    assert scene.question.state.stage == ""
    assert scene.opened() == []
    scene.key(Qt.Key.Key_Return)
    assert scene.question.state.stage == "detected"


def test_other_keys_go_on_to_the_window(scene: Scene) -> None:
    scene.ask(life_line())
    passed_on = []
    scene.panel.keyPressEvent = lambda event: passed_on.append(event.key())  # type: ignore[method-assign]
    for key in (Qt.Key.Key_M, Qt.Key.Key_G, Qt.Key.Key_Space):
        scene.key(key)
    assert scene.question.looked == []


def test_a_stage_chosen_elsewhere_is_opened_and_scrolled_to(scene: Scene) -> None:
    scene.panel.resize(300, 260)
    scene.ask(life_line(None))
    scene.question.look_at("detected")
    assert scene.opened() == ["detected"]
    scene.qtbot.waitUntil(lambda: 0 < scene.bottom("detected") <= scene.panel.height())
    scene.question.look_at("")
    assert scene.opened() == []


def test_an_opened_row_that_is_too_high_shows_its_top(scene: Scene) -> None:
    scene.panel.resize(250, 150)
    long = dataclasses.replace(life_line("nms").stage("nms"), sentence="Much was to be said of it. " * 12)
    scene.ask(dataclasses.replace(life_line("nms"), stages=(*life_line("nms").stages[:-3], long)))
    scene.question.look_at("nms")
    assert scene.rect("nms").height() > 150
    bar = scene.panel.findChild(QScrollArea).verticalScrollBar()
    scene.qtbot.waitUntil(lambda: bar.value() > 0)
    assert 0 < scene.bottom("nms") - scene.rect("nms").height() < scene.panel.height()


def test_the_opened_stage_stays_for_the_next_object(scene: Scene) -> None:
    scene.ask(life_line("nms"))
    scene.question.look_at("rpn_nms")
    scene.question.update(asked=dataclasses.replace(ASKED, index=1), line=None)
    scene.question.update(line=life_line("cap"))
    assert scene.opened() == ["rpn_nms"]
    scene.question.update(line=life_line("top_k", dense=True))
    assert scene.opened() == [], "a stage that this family lacks is open"


def test_the_opened_row_names_the_suppressor(scene: Scene) -> None:
    scene.ask(life_line("nms"))
    scene.question.look_at("nms")
    scene.panel.copy_stage()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("nms: IoU 0.740 > 0.500")
    assert "Suppressed by car 0.912 from P3 (12, 40), IoU 0.740" in copied
    high = scene.rect("nms").height()
    scene.question.update(line=dataclasses.replace(life_line("nms"), suppressor=None))
    assert scene.rect("nms").height() < high


def test_a_narrower_panel_breaks_the_opened_sentence_again(scene: Scene) -> None:
    scene.ask(life_line("nms"))
    scene.question.look_at("nms")
    wide = scene.rect("nms").height()
    scene.panel.resize(250, 460)
    scene.qtbot.waitUntil(lambda: scene.rect("nms").height() > wide)
    assert scene.panel.rows.height() == sum(scene.rect(s.name).height() for s in life_line("nms").stages)


def test_rows_speak(scene: Scene) -> None:
    scene.ask(life_line("rpn_top_k"))
    index = scene.panel.rows.model().index(STAGES.index("rpn_top_k"), 0)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("RPN top-k. The object was lost here. rank 1,342 / 1,000. ")
    tip = index.data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("rpn_top_k  ·  rpn_pre_nms_top_n")
    assert scene.panel.rows.accessibleName()
    QToolTip.hideText()


# -- sizes and training -------------------------------------------------------------------------------------------------


def test_sizes_and_training_are_written(scene: Scene) -> None:
    scene.ask(life_line())
    sizes = {name: (value, note) for name, value, note in scene.panel.sizes.facts.texts()}
    assert sizes["Picture"] == ("14 × 12 px", "")
    assert sizes["Network"][1] == "× 0.667"
    assert sizes["P2 cells"] == ("2.3 × 2.0", "RoI")
    assert sizes["Contrast"][0] == "43 % lost"
    assert scene.panel.sizes.sentence.text() == SIZES.sentence
    training = {name: (value, note) for name, value, note in scene.panel.training.facts.texts()}
    assert training["Positives"] == ("12", "rescued")
    assert training["Share"] == ("3.21 of 128", "")
    assert scene.panel.training.sentence.text() == TRAINING.sentence


def test_a_changed_coco_size_is_marked() -> None:
    changed = dataclasses.replace(SIZES, bucket_img="medium", bucket_net="small")
    fact = next(fact for fact in size_facts(changed) if fact.name == "COCO size")
    assert (fact.value, fact.warn) == ("medium → small", True)
    assert not next(fact for fact in size_facts(SIZES) if fact.name == "COCO size").warn


def test_a_robbed_object_says_by_whom(scene: Scene) -> None:
    robbed = dataclasses.replace(TRAINING, robbed_by=3, positives=0)
    scene.ask(life_line(training=robbed))
    assert ("Positives", "0", "taken by object 4") in scene.panel.training.facts.texts()


def test_a_detector_without_anchors_has_no_training(scene: Scene) -> None:
    scene.ask(life_line(training=None))
    assert not scene.panel.training.isVisible()
    scene.ask(life_line())
    assert scene.panel.training.isVisible()


def test_sections_fold(scene: Scene) -> None:
    scene.ask(life_line())
    section = scene.panel.sizes
    high = section.sizeHint().height()
    scene.qtbot.mouseClick(section.head, Qt.MouseButton.LeftButton)
    assert not section.facts.isVisible()
    scene.qtbot.waitUntil(lambda: section.sizeHint().height() < high / 2)
    scene.ask(life_line("nms"))
    assert not section.facts.isVisible(), "another object unfolds what was folded"
    scene.qtbot.mouseClick(section.head, Qt.MouseButton.LeftButton)
    assert section.facts.isVisible()


# -- copying ------------------------------------------------------------------------------------------------------------


def test_ctrl_c_copies_the_whole_life_line(scene: Scene) -> None:
    scene.ask(life_line("rpn_nms", factors=("the resize",)))
    scene.panel.rows.setFocus()
    QGuiApplication.clipboard().setText("before")
    scene.qtbot.keyClick(scene.panel.rows, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    line = life_line("rpn_nms")
    assert copied.splitlines()[0] == f"**{line.verdict}**"
    for stage in line.stages:
        assert f"| {stage.name} | {stage.state} |" in copied
    for words in (
        "box 20, 12, 34, 24 px",
        "Suppressed by a proposal 0.912 from P3 (12, 40)",
        "fn_mechanisms: proposal process · TIDE: Miss",
        "made harder by: the resize",
        "scene.png",
        "P2 cells: 2.3 × 2.0",
        "Best anchor: IoU 0.312",
        "rpn_pre_nms_top_n = 50 (opened with ",
        "box_nms_thresh = 0.5",
    ):
        assert words in copied
    scene.qtbot.mouseClick(scene.panel.copying, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == copied


def test_the_copied_table_has_one_row_for_each_stage_and_seven_columns() -> None:
    line = life_line("cap", verdict="With a | in it\nand a break")
    text = copied_line(line, trace(gains={("M2", "top-down"): 0.5}))
    table = [row for row in text.splitlines() if row.startswith("|")]
    assert len(table) == len(line.stages) + 2
    assert {row.replace("\\|", "").count("|") for row in table} == {8}
    assert "- gain of top-down into M2 = 0.5" in text
    assert "With a \\| in it and a break" in text
    assert "Settings in force" not in copied_line(line, None)


def test_nothing_is_copied_while_nothing_is_known(scene: Scene) -> None:
    QGuiApplication.clipboard().setText("before")
    scene.panel.copy()
    scene.panel.copy_stage()
    assert QGuiApplication.clipboard().text() == "before"


# -- looks --------------------------------------------------------------------------------------------------------------


def test_it_follows_the_theme(scene: Scene, qapp: QApplication) -> None:
    before = qapp.palette()
    scene.ask(life_line())
    for dark in (True, False):
        qapp.setPalette(palette(dark))
        scene.question.update(line=life_line("nms"))
        base = palette(dark).color(QPalette.ColorRole.Base)

        def painted(base: QColor = base) -> bool:
            image = scene.panel.rows.viewport().grab().toImage()
            return image.pixelColor(2, scene.rect("resize").center().y()) == base

        scene.qtbot.waitUntil(painted)
        assert has(scene.dot("nms"), VERMILION)
        scene.question.update(line=life_line("cap"))
    qapp.setPalette(before)


def test_full_numbers_have_their_unit() -> None:
    line = life_line("rpn_top_k")
    assert full_number_text(line.stage("rpn_top_k")) == "rank 1,342 / 1,000"
    assert full_number_text(line.stage("resize")) == "8.01 px"
    assert full_number_text(line.stage("nms")) == ""
