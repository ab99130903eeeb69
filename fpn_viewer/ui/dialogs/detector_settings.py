"""What a checkpoint cannot say, to be said here: every value with where it came from; opened again, or kept beside the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QTabWidget, QWidget

from fpn_viewer.core.checkpoints.presets import PRESETS, SETTINGS
from fpn_viewer.core.errors import SettingError
from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.dialogs.class_names import ClassNames
from fpn_viewer.ui.dialogs.setting_rows import EDITOR, LABEL, ORIGIN, SECTIONS, Choice, SettingRow, words_of
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.strip import Strip
from fpn_viewer.ui.widgets.texts import ElidedLabel
from fpn_viewer.viewmodels.checkpoints import how_read
from fpn_viewer.viewmodels.detector_settings import SettingsDraft, editable, from_text, made_up, needed_names, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.checkpoints.values import Look
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.viewmodels.checkpoints import Checkpoints

SIZE = QSize(940, 720)
NAMES = "class_names"
UNSAID = "assumed: not said by the file; the usual value"


class DetectorSettingsDialog(SmallDialog):
    """Edits the options of one detector; nothing changes until it is opened again.

    Signals:
        open_wanted(path, options): the detector is to be opened with these options; the open one again when the path is empty.
    """

    open_wanted = Signal(object, object)

    def __init__(
        self,
        checkpoints: Checkpoints,
        path: str,
        spec: DetectorSpec | None,
        given: Mapping[str, Any],
        parent: QWidget,
    ) -> None:
        """Shows what is in force; of a file, as soon as it is known what that says by itself.

        Args:
            checkpoints: asks and saves.
            path: the detector's file; "" when it is not made from one.
            spec: the open detector that is not made from a file; None otherwise.
            given: what was said when it was opened.
            parent: the window.
        """
        super().__init__("Settings of the detector", parent)
        self._checkpoints, self._path = checkpoints, path
        self._given, self._reading = dict(given), how_read(given)
        self._draft: SettingsDraft | None = None
        self._rows: dict[str, SettingRow] = {}
        self._errors: dict[str, str] = {}
        self._wanted = ""
        self._make_page()
        self._make_buttons()
        checkpoints.looked.connect(self._take_look)
        checkpoints.saved.connect(self._say_saved)
        look = checkpoints.open_look
        if spec is not None:
            self._start(SettingsDraft(spec, {}, spec.settings.anchors_per_cell[0]))
        elif look is not None and look.path == path and how_read(given).get("entry", look.chosen) == look.chosen:
            self._take_look(look)
        else:
            self._ask()

    @property
    def path(self) -> str:
        """The file; "" for a detector that is not made from one."""
        return self._path

    @property
    def draft(self) -> SettingsDraft | None:
        """What was said so far; None until the file has answered."""
        return self._draft

    @property
    def rows(self) -> dict[str, SettingRow]:
        """The lines by option."""
        return self._rows

    def go_to(self, name: str) -> None:
        """Puts the cursor into the editor of an option, as soon as it is there.

        Args:
            name: of the option, or "class_names"; anything else does nothing.
        """
        self._wanted = name
        if name == NAMES:
            self.tabs.setCurrentWidget(self.names)
            self.names.editor.setFocus()
        elif name in self._rows:
            self.tabs.setCurrentIndex(0)
            self._rows[name].editor.setFocus()
            self._area.ensureWidgetVisible(self._rows[name].editor)

    def offer(self, annotations: Annotations | None) -> None:
        """Offers the class names of annotations."""
        self.names.offer(annotations)

    # -- building ---------------------------------------------------------------------------------------------------

    def _make_page(self) -> None:
        what = QLabel(
            "A checkpoint holds weights and not how they are used. Compare with your training; what is wrong here "
            "gives wrong or no detections."
        )
        what.setWordWrap(True)
        self.preset = named(Choice(), "Preset", "Whose usual values stand in for what the file does not say")
        self.preset.activated.connect(self._choose_preset)
        self._preset_label = QLabel("&Usual values of")
        self._preset_label.setBuddy(self.preset)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(what, 1)
        head.addWidget(self._preset_label)
        head.addWidget(self.preset)
        self.problem = Strip("error")
        self.tabs = QTabWidget(documentMode=True)
        self._area = QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        # Its own ground would end at the last row.
        self._area.viewport().setAutoFillBackground(False)
        self.names = ClassNames()
        self.names.edited.connect(self._edit_names)
        self.names.reset.connect(self._reset_names)
        self.tabs.addTab(self._area, "&Values")
        self.tabs.addTab(self.names, "Class &names")
        self.column.addLayout(head)
        self.column.addWidget(self.problem)
        self.said = ElidedLabel()
        self.said.hide()
        self.column.addWidget(self.tabs, 1)
        self.column.addWidget(self.said)

    def _make_buttons(self) -> None:
        self.reset_button = self.add_button("Reset &all")
        self.reset_button.setToolTip("Go back to what the file says, in everything")
        self.reset_button.clicked.connect(self._reset_all)
        self.save_button = self.add_button("&Save beside the checkpoint")
        self.save_button.clicked.connect(self._save)
        self.save_button.setVisible(bool(self._path))
        again = "again " if self._path == self._checkpoints.open_file else ""
        self.open_button = self.add_button(f"&Open {again}with these")
        self.open_button.setToolTip("The pictures stay; the detector is opened with these values")
        self.open_button.clicked.connect(self._open)
        for button in self.buttons.findChildren(QPushButton):
            # Return in an editor must not press a button.
            button.setAutoDefault(False)
        self.finish()
        self.resize(self.sizeHint())
        self._enable_buttons()

    def sizeHint(self) -> QSize:
        """Room for the rows, but not more than the window has."""
        window = self.parentWidget()
        return SIZE.boundedTo(window.size() - QSize(40, 60)) if window is not None else SIZE

    def _make_rows(self, spec: DetectorSpec) -> None:
        page = QWidget()
        page.setAutoFillBackground(False)
        grid = QGridLayout(page)
        grid.setContentsMargins(8, 4, 8, 8)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(ORIGIN, 1)
        by_section: dict[str, list[str]] = {section: [] for section in SECTIONS}
        for name in editable(spec):
            by_section[words_of(name).section].append(name)
        self._rows = {}
        for section, names in by_section.items():
            if names:
                grid.addWidget(_heading(section), grid.rowCount(), LABEL, 1, EDITOR + 1)
            for name in names:
                row = self._rows[name] = SettingRow(name, grid, page)
                row.edited.connect(self._edit)
                row.reset.connect(self._reset)
        grid.setRowStretch(grid.rowCount(), 1)
        self._area.setWidget(page)

    # -- what the file says -----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._checkpoints.look(self._path, self._reading)

    def _take_look(self, look: Look) -> None:
        if look.path != self._path:
            return
        if self._draft is None:
            self._start(SettingsDraft(look.spec, self._given, look.anchors_per_cell))
        else:
            self._draft.rebase(look.spec, look.anchors_per_cell)
            self._start(self._draft)

    def _start(self, draft: SettingsDraft) -> None:
        self._draft = draft
        if set(self._rows) != set(editable(draft.base)):
            self._make_rows(draft.base)
        self._show_all()
        self.go_to(self._wanted)

    def _show_all(self) -> None:
        assert self._draft is not None
        spec = self._draft.spec
        self.setWindowTitle(f"Settings of {spec.name}")
        self._errors.clear()
        for name in self._rows:
            self._show(name, spec)
        self._show_names(spec)
        self._show_presets(spec)
        self._show_verdict()

    def _show(self, name: str, spec: DetectorSpec, typed: bool = False) -> None:
        assert self._draft is not None
        origin = spec.origins.get(name) or spec.origins.get("settings") or UNSAID
        self._rows[name].show_value(value_of(spec, name), origin, name in self._draft.options, typed)

    def _show_names(self, spec: DetectorSpec) -> None:
        needed = needed_names(spec)
        self.names.show_names(spec.class_names[spec.num_classes - needed :])
        self._count_names(spec)

    def _count_names(self, spec: DetectorSpec) -> None:
        assert self._draft is not None
        needed = needed_names(spec)
        origin = spec.origins.get(NAMES, "")
        said = "They are made up, because the file has none." if made_up(spec) else f"They are {origin}." if origin else ""
        error = self._errors.get(NAMES, "")
        self.names.show_count(error or f"{needed} of {needed} names", bool(error), said, NAMES in self._draft.options)
        self.tabs.setTabText(1, f"Class &names ({'✕' if error else needed})")

    def _show_presets(self, spec: DetectorSpec) -> None:
        names = [name for name in PRESETS if name.startswith(spec.dialect) and (name, spec.family) in SETTINGS]
        several = bool(self._path) and len(names) > 1
        self.preset.setVisible(several)
        self._preset_label.setVisible(several)
        if several and [self.preset.itemText(row) for row in range(self.preset.count())] != names:
            self.preset.clear()
            self.preset.addItems(names)
        self.preset.setCurrentText(str(self._reading.get("preset", spec.dialect)))

    def _show_verdict(self) -> None:
        problem = "" if self._draft is None else self._draft.problem
        self.problem.label.setText(problem)
        self.problem.setVisible(bool(problem))
        self.said.setVisible(self.said.isVisible() and not (self._draft is not None and self._draft.options))
        self._enable_buttons()

    def _enable_buttons(self) -> None:
        draft = self._draft
        fits = draft is not None and not self._errors and not draft.problem
        changed = draft is not None and bool(draft.options)
        self.open_button.setEnabled(fits)
        self.save_button.setEnabled(fits and changed)
        differs = "Write what differs from the file into a JSON file beside it; it is read whenever the checkpoint is opened"
        self.save_button.setToolTip(differs if changed else "Nothing differs from what the file says")
        self.reset_button.setEnabled(changed or bool(self._errors))

    # -- what the user does -----------------------------------------------------------------------------------------

    def _edit(self, name: str, text: str) -> None:
        assert self._draft is not None
        try:
            self._draft.put(name, from_text(name, text))
        except SettingError as error:
            self._errors[name] = str(error)
            self._rows[name].show_error(str(error))
        else:
            self._errors.pop(name, None)
            self._show(name, self._draft.spec, typed=True)
        self._show_verdict()

    def _reset(self, name: str) -> None:
        assert self._draft is not None
        self._draft.reset(name)
        self._errors.pop(name, None)
        self._show(name, self._draft.spec)
        self._show_verdict()

    def _edit_names(self, names: tuple[str, ...]) -> None:
        assert self._draft is not None
        try:
            self._draft.put_names(names)
            self._errors.pop(NAMES, None)
        except SettingError as error:
            self._errors[NAMES] = str(error)
        self._count_names(self._draft.spec)
        self._show_verdict()

    def _reset_names(self) -> None:
        assert self._draft is not None
        self._draft.reset(NAMES)
        self._errors.pop(NAMES, None)
        self._show_names(self._draft.spec)
        self._show_verdict()

    def _reset_all(self) -> None:
        if self._draft is not None:
            self._draft.reset_all()
            self._show_all()

    def _choose_preset(self) -> None:
        self._reading["preset"] = self.preset.currentText()
        self._ask()

    def _open(self) -> None:
        if self._draft is not None:
            # what a module or a builder was given is part of what it says here, and must be given again
            before = self._reading if self._path else self._given
            self.open_wanted.emit(self._path, {**before, **self._draft.options})

    def _save(self) -> None:
        if self._draft is not None:
            self._checkpoints.save_beside(self._path, self._draft.spec, tuple(self._draft.options))

    def _say_saved(self, path: str) -> None:
        if self._path and Path(path).parent == Path(self._path).parent:
            self.said.set_text(f"Saved {path}; it is read whenever the checkpoint is opened.")
            self.said.show()
            self._ask()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._draft is not None:
            for name, row in self._rows.items():
                row.show_origin(name in self._draft.options)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, 12, 0, 2)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return label
