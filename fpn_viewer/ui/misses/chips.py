"""The line above the table: whose outcomes, what the filter says as chips, and a menu of what it may say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QToolButton, QWidget

from fpn_viewer.core.analysis.matching import OUTCOMES
from fpn_viewer.core.analysis.words import STAGE_WORDS, stage_title
from fpn_viewer.engine.scan.filters import LOST
from fpn_viewer.ui.canvas.flow import FlowLayout
from fpn_viewer.ui.misses.texts import bucket_text, buckets, chips
from fpn_viewer.ui.widgets.naming import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpn_viewer.viewmodels.scans import Scans, ScansState

#: ms after the last letter until the text is looked for
_TYPING_MS = 250
#: anchor IoUs below which training has little to start from, and ranges of them
_ANCHOR_RANGES: tuple[tuple[float | None, float | None], ...] = ((None, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, None))
#: classes that the menu lists
_CLASSES = 40


class FilterBar(QWidget):
    """Shows and changes the filter of the table."""

    def __init__(self, scans: Scans, parent: QWidget | None = None) -> None:
        """Makes the line.

        Args:
            scans: the open scan.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._scans = scans
        self.detector = named(QComboBox(self), "Detector", "Whose outcomes the table tells")
        self.add = named(
            QToolButton(self), "Add a filter", "List only objects of some outcome, stage, class, size or anchor overlap"
        )
        self.add.setText("Filter")
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.add.setMenu(self.menu)
        self.text = QLineEdit(self, placeholderText="Picture or class", clearButtonEnabled=True)
        self.text.setMaximumWidth(160)
        named(self.text, "Filter by text", "List only objects whose picture's path or class has this in it")
        self.everything = named(QToolButton(self), "All objects", "Take all filters away")
        self.everything.setText("All objects")
        self._chips: list[QToolButton] = []
        self._flow = FlowLayout(self, across=6, down=4)
        self._flow.setContentsMargins(8, 4, 8, 4)
        for widget in (self.detector, self.add, self.text):
            self._flow.addWidget(widget)
        self._typed = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._connect()
        self._follow(scans.state, frozenset({"about", "filter"}))

    def _connect(self) -> None:
        self._scans.changed.connect(self._follow)
        self.detector.activated.connect(self._scans.set_detector)
        self.everything.clicked.connect(self._clear)
        self.text.textEdited.connect(self._typed.start)
        self.text.returnPressed.connect(self._look)
        self._typed.timeout.connect(self._look)

    def _look(self) -> None:
        self._typed.stop()
        self._scans.set_filter(text=self.text.text().strip())

    def _clear(self) -> None:
        self._typed.stop()
        self._scans.clear_filter()

    # -- showing ----------------------------------------------------------------------------------------------------

    def _follow(self, state: ScansState, names: frozenset[str]) -> None:
        if "about" in names:
            detectors = () if state.about is None else state.about.detectors
            self.detector.clear()
            self.detector.addItems(detectors)
            self.detector.setVisible(len(detectors) > 1)
        if names & {"about", "filter"}:
            self.detector.setCurrentIndex(state.filter.detector)
            if not self._typed.isActive() and self.text.text().strip() != state.filter.text:
                self.text.setText(state.filter.text)
            self._show_chips(state)

    def _show_chips(self, state: ScansState) -> None:
        self._flow.removeWidget(self.everything)
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        said = [] if state.about is None else chips(state.filter, state.about)
        self._chips = [self._chip(*one) for one in said]
        self._flow.addWidget(self.everything)
        self.everything.setVisible(bool(said) or bool(state.filter.text))
        self._flow.invalidate()

    def _chip(self, text: str, tip: str, without: dict[str, object]) -> QToolButton:
        chip = named(QToolButton(self), f"Filter: {text}", f"{tip}. Click to take this filter away.")
        chip.setText(f"{text.replace('&', '&&')} ✕")
        chip.clicked.connect(partial(self._take_away, without))
        self._flow.addWidget(chip)
        chip.show()
        return chip

    def _take_away(self, without: dict[str, object]) -> None:
        self._scans.set_filter(**without)

    # -- menu -------------------------------------------------------------------------------------------------------

    def _fill_menu(self) -> None:
        self.menu.clear()
        state = self._scans.state
        if state.about is None:
            return
        chosen, about = state.filter, state.about
        outcomes = about.outcomes[chosen.detector]
        lost = self.menu.addAction("Lost objects", partial(self._scans.set_filter, outcomes=LOST, killers=()))
        lost.setToolTip("Missed, badly placed, of a wrong class, or taken by a neighbour's detection")
        self._submenu(
            "Outcome", "outcomes", chosen.outcomes, ((name, name, count, OUTCOMES.get(name, "")) for name, count in outcomes)
        )
        stages = ((name, stage_title(name), count, _stage_tip(name)) for name, count in about.killers[chosen.detector])
        self._submenu("Lost at", "killers", chosen.killers, stages)
        classes = list(zip(about.classes, about.class_counts, strict=True))[:_CLASSES]
        self._submenu("Class", "classes", chosen.classes, ((name, name, count, "") for name, count in classes))
        self._ranges("Side in the network", "sides", chosen.sides, buckets(), " px")
        self._ranges("Best anchor's IoU", "anchor_ious", chosen.anchor_ious, _ANCHOR_RANGES, "")
        if len(about.detectors) > 1:
            self._flows(about.detectors, chosen.detector)

    def _submenu(self, title: str, field: str, chosen: tuple[str, ...], entries: Iterable[tuple[str, str, int, str]]) -> None:
        menu = self.menu.addMenu(title)
        menu.setToolTipsVisible(True)
        for name, text, count, tip in entries:
            action = menu.addAction(f"{text.replace('&', '&&')}\t{count:,}")
            action.setCheckable(True)
            action.setChecked(name in chosen)
            action.setToolTip(tip)
            # not `triggered`, whose argument a partial is not given
            action.toggled.connect(partial(self._toggle, field, name))
        menu.setEnabled(bool(menu.actions()))

    def _toggle(self, field: str, name: str, on: bool) -> None:
        before: tuple[str, ...] = getattr(self._scans.state.filter, field)
        self._scans.set_filter(**{field: (*(one for one in before if one != name), *([name] if on else []))})

    def _ranges(
        self,
        title: str,
        field: str,
        chosen: tuple[float | None, float | None],
        ranges: Iterable[tuple[float | None, float | None]],
        unit: str,
    ) -> None:
        menu = self.menu.addMenu(title)
        for one in ranges:
            action = menu.addAction(bucket_text(*one, unit))
            action.setCheckable(True)
            action.setChecked(one == chosen)
            action.toggled.connect(partial(self._set_range, field, one))

    def _set_range(self, field: str, wanted: tuple[float | None, float | None], on: bool) -> None:
        self._scans.set_filter(**{field: wanted if on else (None, None)})

    def _flows(self, detectors: tuple[str, ...], own: int) -> None:
        """Objects that one detector found and another lost, and the other way round."""
        menu = self.menu.addMenu("Against another detector")
        for other, name in enumerate(detectors):
            if other != own:
                for ours, theirs in ((("found",), LOST), (LOST, ("found",)), (LOST, LOST)):
                    words = [
                        f"{who.replace('&', '&&')} {'found' if what == ('found',) else 'lost'}"
                        for who, what in ((detectors[own], ours), (name, theirs))
                    ]
                    fields = {"outcomes": ours, "killers": (), "flow": (other, theirs), "other_killers": ()}
                    menu.addAction(", ".join(words), partial(self._scans.set_filter, **fields))


def _stage_tip(name: str) -> str:
    return STAGE_WORDS[name].tip if name in STAGE_WORDS else ""
