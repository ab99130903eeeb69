"""The menu of a side: who else it may be, and what else the same detector can be run as."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QMenu

from fpn_viewer.core.resources import bundled_checkpoints
from fpn_viewer.engine.compare_values import LETTERS
from fpn_viewer.engine.object_values import Change
from fpn_viewer.ui.compare import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.compare_values import Subject
    from fpn_viewer.engine.values import DetectorInfo
    from fpn_viewer.viewmodels.comparison import Comparison
    from fpn_viewer.viewmodels.comparison_state import ComparisonState

    #: answers the checkpoints that were opened last
    Recent = Callable[[], Sequence[str]]

#: the shorter side as a multiple of the detector's own
_SIZES: Mapping[str, float] = {"half as large": 0.5, "1.5 times as large": 1.5, "twice as large": 2.0}
#: sides of tiles as a multiple of the shorter side that the network is given, so that a tile is about as large as it is used to
_TILES: Mapping[str, float] = {"Small tiles": 0.5, "Tiles": 0.75, "Large tiles": 1.0}
_TILE_STEP = 32


class SideMenu(QMenu):
    """Who is A or B; filled whenever it opens.

    Signals:
        file_wanted(index): a file of weights is to be chosen for that place of (A, B).
    """

    file_wanted = Signal(object)

    def __init__(self, place: int, comparison: Comparison, recent: Recent, parent: QWidget | None = None) -> None:
        """Makes the menu of one side.

        Args:
            place: 0 for A, 1 for B.
            comparison: read and changed.
            recent: the checkpoints that were opened last.
            parent: the Qt parent.
        """
        super().__init__(parent)
        self._place, self._comparison, self._recent = place, comparison, recent
        self.setToolTipsVisible(True)
        self._commands: list[Callable[[], None]] = []
        self._menus: list[QMenu] = []
        self.aboutToShow.connect(self.fill)
        # also emitted for what is chosen in a menu of this one
        self.triggered.connect(self._run)
        # a menu without entries would not open, and so never be filled
        self.fill()

    def fill(self) -> None:
        """Makes the entries anew."""
        self.clear()
        self._commands.clear()
        for menu in self._menus:
            menu.deleteLater()
        self._menus.clear()
        state = self._comparison.state
        if len(state.subjects) > 1:
            self._add_subjects(state)
        room = len(state.subjects) < len(LETTERS)
        self.addSection("Another checkpoint")
        self._entry("Open a checkpoint…", "Choose a file of weights", partial(self.file_wanted.emit, self._place), room)
        for source, text in self._known(state).items():
            self._entry(text, source, partial(self._comparison.add, source), room)
        self._add_settings(state)
        self._add_ways(state, room)
        if not room:
            self.addSection("Four are open at most; remove one first")
        self._add_remove(state)

    def _entry(self, text: str, tip: str, command: Callable[[], None], enabled: bool = True, menu: QMenu | None = None) -> QAction:
        action = (menu or self).addAction(text.replace("&", "&&"))
        action.setToolTip(tip)
        action.setEnabled(enabled)
        action.setData(len(self._commands))
        self._commands.append(command)
        return action

    @Slot(object)
    def _run(self, action: QAction) -> None:
        if action.data() is not None:
            self._commands[action.data()]()

    # -- who is open ------------------------------------------------------------------------------------------------

    def _add_subjects(self, state: ComparisonState) -> None:
        self.addSection(f"Show as {'AB'[self._place]}")
        for index, subject in enumerate(state.subjects):
            info = state.infos[index]
            name = texts.subject_name(subject, info, state.infos[0])
            action = self._entry(name, texts.what_it_is(subject, info, None), partial(self._choose, index))
            action.setCheckable(True)
            action.setChecked(index == state.shown[self._place])

    def _choose(self, index: int) -> None:
        a, b = self._comparison.state.shown
        chosen, other = index, (b, a)[self._place]
        if chosen == other:
            self._comparison.swap()
        else:
            self._comparison.choose(*((chosen, other) if self._place == 0 else (other, chosen)))

    def _known(self, state: ComparisonState) -> dict[str, str]:
        """Bundled and remembered checkpoints that are not open, by what opens them."""
        try:
            names = {name: f"{name} (bundled)" for name in bundled_checkpoints()}
        except FileNotFoundError:
            # said when the program starts; files can still be opened
            names = {}
        names.update({path: str(Path(*Path(path).parts[-2:])) for path in self._recent()})
        taken = [subject.source for subject in state.subjects if not subject.change and not subject.tile]
        taken += [state.infos[0].source] if state.infos[0] is not None else []
        return {source: text for source, text in names.items() if source not in taken}

    def _add_settings(self, state: ComparisonState) -> None:
        """What was said of the window's detector may hold for this one as well."""
        index = state.shown[self._place]
        options, own = texts.unshared(state, index) if index < len(state.subjects) else {}, state.infos[0]
        if options and own is not None:
            subject = state.subjects[index]
            changed = dataclasses.replace(subject, options={**subject.options, **options})
            name = texts.subject_name(subject, state.infos[index], own)
            self._entry(
                f"Open {name} with the settings of {own.spec.name}",
                f"Its file does not say: {texts.options_text(options)}",
                partial(self._comparison.set_subject, index, changed),
            )

    # -- the same in another way --------------------------------------------------------------------------------------

    def _add_ways(self, state: ComparisonState, room: bool) -> None:
        index = state.shown[0]
        info = state.infos[index] if index < len(state.infos) else None
        if info is None:
            return
        self.addSection(f"{info.spec.name} run in another way")
        for title, tip, ways in self._ways(state.subjects[index], info):
            menu = self._submenu(title) if len(ways) > 1 else self
            for text, subject in ways.items():
                self._entry(text, tip, partial(self._comparison.add_subject, subject), room, menu)

    def _submenu(self, title: str) -> QMenu:
        menu = self.addMenu(title)
        menu.setToolTipsVisible(True)
        self._menus.append(menu)
        return menu

    def _ways(self, subject: Subject, info: DetectorInfo) -> list[tuple[str, str, dict[str, Subject]]]:
        shorter, longer = info.spec.settings.min_size, info.spec.settings.max_size
        ways = [
            (
                "At another size",
                "The same picture, resized to another size for the network",
                {
                    f"{text} (min_size {round(shorter * factor)})": self._changed(
                        subject, settings={"min_size": round(shorter * factor), "max_size": round(longer * factor)}
                    )
                    for text, factor in _SIZES.items()
                },
            ),
            (
                "In tiles",
                "The picture is cut into overlapping squares that run one by one, so that small objects become larger",
                {
                    f"{text} of {side} px": dataclasses.replace(subject, tile=side)
                    for text, side in ((text, _tile(shorter * factor)) for text, factor in _TILES.items())
                },
            ),
        ]
        gains = texts.no_top_down(info.graph)
        if gains and not (info.graph.unknown or info.graph.fixed):
            cut = {"With the top-down path cut": self._changed(subject, gains=gains)}
            ways.append(("", "The same weights, but nothing comes down from coarser levels: a what-if, not a training", cut))
        return ways

    def _changed(
        self,
        subject: Subject,
        settings: Mapping[str, object] | None = None,
        gains: Mapping[tuple[str, str], float] | None = None,
    ) -> Subject:
        change = Change({**subject.change.settings, **(settings or {})}, {**subject.change.gains, **(gains or {})})
        return dataclasses.replace(subject, change=change)

    # -- removing -----------------------------------------------------------------------------------------------------

    def _add_remove(self, state: ComparisonState) -> None:
        index = state.shown[self._place]
        if index == 0 or len(state.subjects) < 2:
            return
        self.addSeparator()
        name = texts.subject_name(state.subjects[index], state.infos[index], state.infos[0])
        self._entry(f"Remove {name}", "Close it here; files stay", partial(self._comparison.remove, index))


def _tile(side: float) -> int:
    """A side rounded to what strides divide."""
    return max(_TILE_STEP, round(side / _TILE_STEP) * _TILE_STEP)
