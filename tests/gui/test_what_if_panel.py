"""The What-if panel: what the light says, sliders by mouse, wheel and keys, remedies, and what is in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QMouseEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea

from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.detectors.families import FAMILIES
from fpn_viewer.core.imaging.colours import level_colour
from fpn_viewer.core.structures import Detections
from fpn_viewer.engine.object_values import Change, ZoomFound
from fpn_viewer.ui.objects.outcomes import OUTCOME_LOOKS
from fpn_viewer.ui.panels.light import FOUND, MISSED, UNKNOWN
from fpn_viewer.ui.panels.remedies import IS_DETECTED, NOT_LOOKED, NOTHING_ASKED, NOTHING_HELPS
from fpn_viewer.ui.panels.what_if import GAINS, NO_DETECTOR, NOTHING_CHANGED, NOTHING_MOVED, REMEDIES, WhatIfPanel
from fpn_viewer.ui.panels.what_if_settings import INPUT, SCALES, SELECTION, SETTINGS, gain_terms, nearest, settings_of
from fpn_viewer.ui.panels.what_if_words import change_words, duration, gained_and_lost, others_words, remedy_effect, remedy_title
from fpn_viewer.ui.theme import palette, strip_colour
from tests.gui.panel_fakes import graph
from tests.gui.what_if_fakes import ASKED, CUT, NMS, TERM, TRAIN, Desk, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from fpn_viewer.ui.panels.what_if_rows import ValueRow

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
GREEN, VERMILION = (QColor(OUTCOME_LOOKS[name].colour).rgb() for name in ("found", "missed"))


class Bench(Desk):
    """The panel over the real view-model."""

    def __init__(self, bot: QtBot) -> None:
        super().__init__()
        self.bot = bot
        self.panel = WhatIfPanel(self.document, self.question, self.what_if)  # type: ignore[arg-type]
        bot.addWidget(self.panel)
        self.panel.resize(324, 1400)
        self.panel.show()
        bot.waitExposed(self.panel)

    def press(self, button: QWidget) -> None:
        self.bot.mouseClick(button, LEFT)

    def changes(self) -> list[Change]:
        """What was asked of the worker."""
        return [request.change for lane, request in self.document.asked if lane == "what_if"]


@pytest.fixture
def bench(qtbot: QtBot, qapp: QApplication) -> Iterator[Bench]:
    before = qapp.palette()
    qapp.setStyle("Fusion")
    qapp.setPalette(palette(False))
    made = Bench(qtbot)
    yield made
    qapp.setPalette(before)


@pytest.fixture
def asked(bench: Bench) -> Bench:
    """A missed object whose line is known."""
    bench.open()
    bench.explain()
    return bench


def pixels(widget: QWidget) -> np.ndarray:
    """(h, w) 0xAARRGGBB."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    # a copy, because the image goes
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy()


def count(widget: QWidget, colour: int) -> int:
    return int((pixels(widget) == colour).sum())


def drag(row: ValueRow, share: float, release: bool = True) -> None:
    """Drags the handle to a share of the way, in four steps."""
    slider = row.slider
    middle = slider.height() / 2
    start = QPointF(slider.mark_x(), middle)
    ends = np.linspace(start.x(), 8 + share * (slider.width() - 16), 5)[1:]
    events = [(QEvent.Type.MouseButtonPress, start), *((QEvent.Type.MouseMove, QPointF(x, middle)) for x in ends)]
    if release:
        events.append((QEvent.Type.MouseButtonRelease, events[-1][1]))
    for kind, place in events:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        QApplication.sendEvent(
            slider, QMouseEvent(kind, place, slider.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)
        )


def wheel(widget: QWidget) -> bool:
    """Turns the wheel over a widget; whether it took it."""
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place,
        QPointF(widget.mapToGlobal(place)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


# -- the light ------------------------------------------------------------------------------------------------------


def test_empty_states_say_what_to_do(bench: Bench) -> None:
    light = bench.panel.light
    assert (light.reading.kind, light.reading.title) == (UNKNOWN, "Nothing was run yet")
    bench.open()
    assert light.reading.title == "No object is asked about"
    assert "press B" in light.reading.detail
    bench.question.update(trouble="This annotation cannot be asked about: no width.")
    assert light.reading.detail == "This annotation cannot be asked about: no width."


def test_the_object_as_it_is(asked: Bench) -> None:
    light = asked.panel.light
    assert (light.reading.kind, light.reading.title) == (MISSED, "Is missed at rpn_nms")
    assert light.reading.tip == "A neighbour removed it."
    asked.explain(found=True, detection=1, box_img=(40.0, 30.0, 90.0, 50.0))
    assert (light.reading.kind, light.reading.title) == (FOUND, "Is detected")
    # the box of the second detection is (40, 30, 90, 60)
    assert light.reading.detail == "score 0.600 · IoU 0.667"


def test_the_light_has_a_shape_and_a_colour(asked: Bench) -> None:
    light = asked.panel.light
    green, vermilion = count(light, GREEN), count(light, VERMILION)
    assert green == 0
    assert vermilion > 60
    asked.what_if.set_setting("rpn_nms_thresh", 0.78)
    asked.answer()
    assert count(light, VERMILION) == 0
    # a full disc of 32 px, less its tick
    assert count(light, GREEN) > 400


def test_the_light_answers_sliders(asked: Bench) -> None:
    asked.what_if.set_setting("rpn_nms_thresh", 0.78)
    asked.answer()
    reading = asked.panel.light.reading
    assert (reading.kind, reading.title) == (FOUND, "Would be detected")
    # own box (62, 10, 80, 30) in (60, 10, 80, 30); one more elsewhere and the trace's third is gone
    assert reading.detail == "score 0.500 · IoU 0.900\n+1 other detection, −1"
    assert reading.note == "re-ran: heads in 12 ms"
    asked.what_if.set_setting("rpn_nms_thresh", 0.72)
    asked.answer(found=False, began="neck", seconds=1.25)
    reading = asked.panel.light.reading
    assert (reading.kind, reading.title) == (MISSED, "Would still be missed at rpn_nms")
    assert reading.note == "re-ran: neck, RPN and heads in 1.25 s"


def test_a_found_object_can_be_lost_by_a_change(bench: Bench) -> None:
    bench.open()
    bench.explain(found=True)
    bench.what_if.set_setting("rpn_nms_thresh", 0.1)
    bench.answer(found=False)
    assert bench.panel.light.reading.title == "Would be missed at rpn_nms"
    bench.what_if.set_setting("rpn_nms_thresh", 0.2)
    bench.answer(found=True)
    assert bench.panel.light.reading.title == "Would still be detected"


def test_the_old_answer_dims_while_a_newer_one_is_awaited(asked: Bench, qtbot: QtBot) -> None:
    light = asked.panel.light
    asked.what_if.set_setting("rpn_nms_thresh", 0.78)
    asked.answer()
    asked.what_if.set_setting("rpn_nms_thresh", 0.8)
    # an answer within a blink leaves the light alone
    assert not light.dimmed
    qtbot.waitUntil(lambda: light.dimmed)
    assert light.reading.title == "Would be detected"
    assert count(light, GREEN) == 0
    assert not light.findChild(QLabel).isEnabled()
    asked.answer()
    assert not light.dimmed
    assert count(light, GREEN) > 400


def test_a_failure_is_said(asked: Bench) -> None:
    asked.what_if.set_setting("rpn_nms_thresh", 0.78)
    asked.fail("what_if", "The trace is gone.")
    assert asked.panel.light.reading.title == "No answer"
    assert asked.panel.light.reading.detail == "The trace is gone."


# -- sliders --------------------------------------------------------------------------------------------------------


def test_sliders_stand_at_the_opened_detectors_values(asked: Bench) -> None:
    own = SPEC.settings
    for name, row in asked.panel.settings.items():
        assert row.spin.value() == getattr(own, name), name
        assert row.slider.value() == row.slider.mark, name
        assert not row.dot.isVisible(), name
    assert list(asked.panel.gains) == [
        ("M2", "lateral"),
        ("M2", "top-down"),
        ("M3", "lateral"),
        ("M3", "top-down"),
        ("M4", "lateral"),
    ]
    assert {row.spin.value() for row in asked.panel.gains.values()} == {1.0}
    assert asked.changes() == []


def test_dragging_asks_all_the_way(asked: Bench) -> None:
    drag(asked.panel.settings["rpn_nms_thresh"], 0.2)
    asked_values = [change.settings["rpn_nms_thresh"] for change in asked.changes()]
    assert len(asked_values) == 4
    assert asked_values == sorted(asked_values, reverse=True)
    assert asked_values[-1] == pytest.approx(0.2, abs=0.03)
    assert asked.panel.settings["rpn_nms_thresh"].spin.value() == asked_values[-1]
    assert asked.panel.settings["rpn_nms_thresh"].dot.isVisible()
    assert asked.panel.folds[SELECTION].note == "1 moved"


def test_gains_snap_at_one(asked: Bench) -> None:
    row = asked.panel.gains[TERM]
    drag(row, 0.1)
    low = asked.what_if.state.change.gains[TERM]
    assert low == pytest.approx(0.2, abs=0.06)
    # from there by hand to just beside the middle
    row.slider.setSliderDown(True)
    row.slider.setSliderPosition(row.slider.mark + 2)
    assert not asked.what_if.state.change
    assert row.slider.value() == row.slider.mark
    row.slider.setSliderPosition(row.slider.mark + 4)
    assert asked.what_if.state.change.gains == {TERM: 1.08}
    row.slider.setSliderDown(False)
    # keys step through what a drag falls into
    asked.bot.keyClick(row.slider, Qt.Key.Key_Left)
    asked.bot.keyClick(row.slider, Qt.Key.Key_Left)
    assert asked.what_if.state.change.gains == {TERM: 1.04}


def test_the_wheel_scrolls_the_panel_until_a_slider_was_chosen(asked: Bench) -> None:
    row = asked.panel.settings["box_score_thresh"]
    asked.panel.activateWindow()
    for control in (row.slider, row.spin):
        control.clearFocus()
        assert not wheel(control)
        assert asked.changes() == []
    row.slider.setFocus()
    asked.bot.waitUntil(row.slider.hasFocus)
    assert wheel(row.slider)
    assert len(asked.changes()) == 1


def test_numbers_can_be_typed(asked: Bench) -> None:
    row = asked.panel.settings["rpn_post_nms_top_n"]
    row.spin.selectAll()
    asked.bot.keyClicks(row.spin, "12345")
    # half typed is not meant
    assert asked.changes() == []
    asked.bot.keyClick(row.spin, Qt.Key.Key_Return)
    assert asked.changes() == [Change({"rpn_post_nms_top_n": 12345})]
    assert row.slider.value() == nearest(SCALES["count"].stops(SPEC.settings.rpn_post_nms_top_n), 12345)
    assert row.spin.value() == 12345


def test_a_dot_takes_one_change_back(asked: Bench) -> None:
    asked.what_if.set_setting("rpn_nms_thresh", 0.9)
    asked.what_if.set_gain(TERM, 0.5)
    row = asked.panel.settings["rpn_nms_thresh"]
    accent = row.palette().color(QPalette.ColorRole.Link).rgb()
    assert count(row.dot, accent) > 20
    asked.press(row.dot)
    assert asked.what_if.state.change == Change({}, {TERM: 0.5})
    assert row.spin.value() == SPEC.settings.rpn_nms_thresh


def test_the_opened_value_is_marked(asked: Bench) -> None:
    row = asked.panel.gains[TERM]
    row.show_value(0.0)
    slider = row.slider
    grey = slider.palette().color(QPalette.ColorRole.PlaceholderText).rgb()
    columns = np.flatnonzero((pixels(slider) == grey).sum(0) >= 6)
    assert len(columns)
    assert abs(columns.mean() + 0.5 - slider.mark_x()) <= 1
    assert abs(slider.mark_x() - slider.width() / 2) <= 1


def test_levels_have_their_colours(asked: Bench) -> None:
    for (node, _), row in asked.panel.gains.items():
        assert count(row, QColor(level_colour(node)).rgb()) >= 100, node


def test_tooltips_teach_torchvisions_names(asked: Bench) -> None:
    for name, row in asked.panel.settings.items():
        assert row.toolTip().startswith(f"{name}: "), name
        assert "opened detector has" in row.toolTip()


def test_a_one_stage_detector_has_its_own_sliders(bench: Bench) -> None:
    bench.open(replace(SPEC, family="RetinaNet"))
    assert [name for name in bench.panel.settings if name.startswith("rpn_")] == []
    assert "topk_candidates" in bench.panel.settings
    assert bench.panel.settings["box_score_thresh"].toolTip().startswith("score_thresh: ")
    bench.open(replace(SPEC, name="two stages"))
    assert "topk_candidates" not in bench.panel.settings
    assert "rpn_nms_thresh" in bench.panel.settings


def test_without_a_detector_the_parts_say_so(bench: Bench) -> None:
    texts = [label.text() for label in bench.panel.findChildren(QLabel)]
    assert texts.count(f"{NO_DETECTOR}.") == 3
    assert not bench.panel.apply.isEnabled()
    assert bench.panel.apply.toolTip() == NO_DETECTOR


def test_every_setting_fits_its_scale_and_a_family() -> None:
    known = {name for family in FAMILIES.values() for name in family.settings}
    assert set(SETTINGS) <= known
    assert {SETTINGS[name].section for name in SETTINGS} == {SELECTION, INPUT}
    for name, row in SETTINGS.items():
        opened = getattr(SPEC.settings, name)
        stops = SCALES[row.scale].stops(opened)
        assert opened in stops, name
        assert all(type(stop) is type(opened) for stop in stops), name
        assert list(stops) == sorted(set(stops)), name
        SPEC.settings.changed(**{name: stops[0]})
        SPEC.settings.changed(**{name: stops[-1]})
    assert settings_of(FAMILIES["RetinaNet"], INPUT) == ("min_size", "max_size")
    assert gain_terms(graph())[0] == ("M2", "lateral")


def test_a_threshold_has_fine_steps_near_zero() -> None:
    stops = np.array(SCALES["score"].values)
    assert stops[0] == 0
    assert stops[-1] == 1
    assert ((stops > 0) & (stops < 0.05)).sum() > 40


# -- remedies -------------------------------------------------------------------------------------------------------


def test_remedies_are_listed_tried_and_applied(asked: Bench) -> None:
    asked.find(NMS, CUT, TRAIN)
    first, second, train = asked.panel.remedies.rows
    words = [label.text().replace("\xa0", " ") for label in first.findChildren(QLabel)]
    assert words[0] == "rpn_nms_thresh 0.7 → 0.78"
    assert words[1] == (
        "found with score 0.620, IoU 0.710; 2 other boxes more; 1 other box less; 1 of the new ones matches no annotation"
    )
    assert asked.panel.folds[REMEDIES].note == "3"
    assert first.try_it is not None
    asked.press(first.try_it)
    assert asked.what_if.state.change == Change({"rpn_nms_thresh": 0.78})
    assert asked.panel.settings["rpn_nms_thresh"].spin.value() == 0.78
    assert asked.document.applied == []
    assert second.apply is not None
    assert (train.try_it, train.apply) == (None, None)
    assert first.apply is not None
    # by key
    first.apply.setFocus()
    asked.bot.keyClick(first.apply, Qt.Key.Key_Space)
    assert asked.document.applied == [Change({"rpn_nms_thresh": 0.78})]


def test_a_remedy_that_needs_training_is_marked(asked: Bench) -> None:
    asked.find(TRAIN)
    (row,) = asked.panel.remedies.rows
    asked.bot.waitUntil(lambda: row.width() > 200)
    assert count(row, QColor("#f2c230").rgb()) > 200


def test_the_search_shows_how_far_it_is_and_stops(asked: Bench, qtbot: QtBot) -> None:
    remedies = asked.panel.remedies
    assert remedies.sentence.text() == NOT_LOOKED
    asked.what_if.search()
    assert remedies.progress.isVisible()
    asked.document.asked_progress.emit("remedies", "trying box_nms_thresh", 0.25)
    assert remedies.sentence.text() == "Trying box_nms_thresh …"
    assert remedies.progress.value() == remedies.progress.maximum() // 4
    asked.document.withdrawn.clear()
    assert remedies.button.text() == "Stop"
    asked.press(remedies.button)
    assert asked.document.withdrawn == ["remedies"]
    asked.document.unanswered.emit("remedies", None)
    assert not remedies.progress.isVisible()
    assert remedies.button.text() == "Look"
    asked.press(remedies.button)
    assert asked.what_if.state.searching


def test_sentences_where_there_is_no_remedy(bench: Bench) -> None:
    sentence = bench.panel.remedies.sentence
    assert sentence.text() == NOTHING_ASKED
    bench.open()
    bench.explain()
    bench.find()
    assert sentence.text() == NOTHING_HELPS
    assert not bench.panel.remedies.button.isVisible()
    bench.run("trace 1")
    bench.fail("remedies", "The trace came from a file.")
    assert sentence.text() == "The trace came from a file."
    bench.explain(found=True)
    assert sentence.text() == IS_DETECTED
    assert not bench.panel.remedies.button.isVisible()


# -- in force -------------------------------------------------------------------------------------------------------


def test_what_is_in_force_is_said_and_taken_back(asked: Bench) -> None:
    strip = asked.panel.in_force
    assert not strip.isVisible()
    asked.what_if.set_gain(TERM, 0.0)
    asked.what_if.set_setting("rpn_nms_thresh", 0.78)
    assert not strip.isVisible()
    asked.press(asked.panel.apply)
    assert strip.isVisible()
    assert strip.label.text().replace("\xa0", " ") == "Runs with: rpn_nms_thresh 0.7 → 0.78 · top-down into M3 × 0"
    assert count(strip, strip_colour("notice", strip.palette()).rgb()) > 1000
    asked.press(strip.reset)
    assert not strip.isVisible()
    assert asked.document.applied[-1] == Change()
    assert asked.panel.gains[TERM].spin.value() == 1.0


def test_buttons_say_why_they_cannot_be_pressed(asked: Bench) -> None:
    panel = asked.panel
    assert (panel.apply.isEnabled(), panel.apply.toolTip()) == (False, NOTHING_MOVED)
    assert (panel.reset.isEnabled(), panel.reset.toolTip()) == (False, NOTHING_CHANGED)
    asked.what_if.set_gain(TERM, 0.5)
    assert panel.apply.isEnabled()
    asked.press(panel.apply)
    assert asked.document.applied == [Change({}, {TERM: 0.5})]
    assert not panel.apply.isEnabled()
    assert panel.reset.isEnabled()
    asked.press(panel.reset)
    assert asked.document.applied[-1] == Change()


# -- the panel ------------------------------------------------------------------------------------------------------


def test_parts_fold_away(asked: Bench) -> None:
    fold = asked.panel.folds[GAINS]
    row = asked.panel.gains[TERM]
    assert row.isVisible()
    asked.press(fold.heading)
    assert not row.isVisible()
    asked.what_if.set_gain(TERM, 0.5)
    assert fold.note == "1 moved"
    asked.bot.keyClick(fold.heading, Qt.Key.Key_Space)
    assert row.isVisible()


@pytest.mark.parametrize("size", [(260, 300), (324, 450), (420, 450)])
def test_nothing_is_cut_off_at_the_side(asked: Bench, size: tuple[int, int]) -> None:
    asked.find(NMS, CUT, TRAIN)
    asked.panel.resize(*size)
    area = asked.panel.findChild(QScrollArea)
    labels = [label for row in asked.panel.remedies.rows for label in row.findChildren(QLabel)]
    labels += [label for label in asked.panel.light.findChildren(QLabel) if label.isVisible()]
    # layouts are made by and by
    asked.bot.waitUntil(lambda: all(label.height() >= label.heightForWidth(label.width()) for label in labels))
    assert area.widget().width() <= area.viewport().width()
    assert area.viewport().height() > 100


def test_everything_can_be_copied(asked: Bench) -> None:
    asked.find(NMS)
    asked.what_if.set_gain(TERM, 0.5)
    asked.answer()
    asked.panel.copy()
    text = QGuiApplication.clipboard().text().replace("\xa0", " ")
    assert text.startswith("Would be detected\nscore 0.500 · IoU 0.900\n")
    assert "Tried: top-down into M3 × 0.5" in text
    assert "rpn_nms_thresh 0.7 → 0.78: found with score 0.620" in text


# -- words ----------------------------------------------------------------------------------------------------------


def boxes(*rows: tuple[float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    count = len(table)
    return Detections(table[:, :4], np.linspace(1, 0.5, count), table[:, 4].astype(np.int64), np.full(count, -1, np.int32))


A, B, C = (0, 0, 10, 10, 1), (20, 0, 30, 10, 1), (40, 0, 50, 10, 1)


def test_detections_are_paired_one_to_one_by_overlap_and_class() -> None:
    assert gained_and_lost(boxes(A, B), boxes(A, B), None, None) == (0, 0)
    assert gained_and_lost(boxes(A, B), boxes(B, C), None, None) == (1, 1)
    # another class is another detection; a box twice is one more
    assert gained_and_lost(boxes(A), boxes((*A[:4], 2)), None, None) == (1, 1)
    assert gained_and_lost(boxes(A), boxes(A, A), None, None) == (1, 0)
    # moved by one px each it is the same; by 4 of 10 px it is not
    assert gained_and_lost(boxes(A, B), boxes((1, 0, 11, 10, 1), (21, 0, 31, 10, 1)), None, None) == (0, 0)
    assert gained_and_lost(boxes(A), boxes((4, 0, 14, 10, 1)), None, None) == (1, 1)
    # two over one: only the better one is it
    assert gained_and_lost(boxes(A), boxes((1, 0, 11, 10, 1), (2, 0, 12, 10, 1)), None, None) == (1, 0)
    assert gained_and_lost(boxes(), boxes(A, B), None, None) == (2, 0)


def test_the_objects_own_detection_is_not_counted() -> None:
    assert gained_and_lost(boxes(A), boxes(A, B), None, 1) == (0, 0)
    assert gained_and_lost(boxes(A, B), boxes(A), 1, None) == (0, 0)


def test_words() -> None:
    assert others_words(0, 0) == "no other detection changes"
    assert others_words(3, 1) == "+3 other detections, −1"
    assert others_words(0, 1) == "−1 other detection"
    assert duration(0.0123) == "12 ms"
    assert duration(1.5) == "1.50 s"
    assert remedy_title(CUT).replace("\xa0", " ") == "top-down into M3 × 0 → × 1"
    assert remedy_effect(CUT) == "found with score 0.800, IoU 0.900; no other box changes"
    assert remedy_title(TRAIN).replace("\xa0", " ") == "anchor_sizes 16, 32, 64 → 8, 16, 32"
    assert remedy_effect(TRAIN) == TRAIN.outcome
    assert change_words(Change(), SPEC.settings) == []


# -- zooming in ---------------------------------------------------------------------------------------------------------


def test_zooming_in_says_what_becomes_of_the_object(asked: Bench) -> None:
    asked.panel.zoom.button.click()
    lane, request = asked.document.asked[-1]
    assert (lane, request.asked) == ("zoom", ASKED)
    assert not asked.panel.zoom.button.isEnabled()
    asked.document.answered.emit("zoom", ZoomFound("trace 1", ASKED, (10, 0, 60, 40), 4.2, 75.6, line(True), 0.91, 0.8))
    assert "50×40 px" in asked.panel.zoom.sentence.text()
    assert "4.2 times as large" in asked.panel.zoom.sentence.text()
    assert "found with score 0.910" in asked.panel.zoom.sentence.text()
    asked.document.answered.emit("zoom", ZoomFound("trace 1", ASKED, (10, 0, 60, 40), 4.2, 75.6, line(False)))
    assert f"still missed at {line(False).killer}" in asked.panel.zoom.sentence.text()
    asked.fail("zoom")
    assert asked.panel.zoom.sentence.text().startswith("The trace is gone")
    assert asked.panel.zoom.button.isEnabled()
