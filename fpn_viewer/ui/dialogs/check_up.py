"""The check-up of a checkpoint file: what it is, how surely, what is wrong with it; all of it can be searched and copied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
)

from fpn_viewer.core.checkpoints.values import SURENESS
from fpn_viewer.ui.dialogs import check_up_parts as parts
from fpn_viewer.ui.dialogs.base import SmallDialog
from fpn_viewer.ui.dialogs.findings import FindingsList
from fpn_viewer.ui.icons import pixmap
from fpn_viewer.ui.widgets.naming import named
from fpn_viewer.ui.widgets.sureness import MEANINGS, mark
from fpn_viewer.ui.widgets.text_table import TextTable
from fpn_viewer.ui.widgets.texts import ElidedLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QModelIndex
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.core.checkpoints.values import CheckUp, Entry
    from fpn_viewer.engine.checkpoint_requests import CheckedFile
    from fpn_viewer.viewmodels.checkpoints import Checkpoints

SIZE = QSize(980, 720)
_SYMBOL = 28


class CheckUpDialog(SmallDialog):
    """The doctor's panel for one file at a time; the window behind it stays in use.

    Signals:
        open_wanted(path, options): the file is to be opened with the weights that are shown.
        settings_wanted(path, options, name): settings of the file are to be edited, first of all `name` when it is not empty.
        file_wanted(): another file is to be chosen.
    """

    open_wanted = Signal(object, object)
    settings_wanted = Signal(object, object, object)
    file_wanted = Signal()

    def __init__(self, checkpoints: Checkpoints, parent: QWidget) -> None:
        """Makes an empty panel.

        Args:
            checkpoints: asks the doctor.
            parent: the window.
        """
        super().__init__("Check-up", parent)
        self._checkpoints = checkpoints
        self._path, self._options = "", dict[str, Any]()
        self._checked: CheckedFile | None = None
        self._make_head()
        self._make_findings()
        self._make_tabs()
        self._make_buttons()
        self.finished.connect(self._stop)
        checkpoints.checked.connect(self._show)
        checkpoints.check_progress.connect(self._show_progress)
        checkpoints.check_stopped.connect(self._show_stopped)
        self._draw_icons()

    # -- asking -----------------------------------------------------------------------------------------------------

    def check(self, path: str, options: Mapping[str, Any] | None = None) -> None:
        """Has a file looked at; what was shown of another one goes.

        Args:
            path: the file.
            options: what was said of it.
        """
        if path != self._path:
            self._checked = None
        self._path, self._options = path, dict(options or {})
        self.setWindowTitle(f"Check-up — {Path(path).name}")
        self._say("check-up", f"Looking at {Path(path).name}…", path)
        self._set_running(True)
        self._checkpoints.check_up(path, self._options)

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @property
    def checked(self) -> CheckedFile | None:
        """What is shown; None until the answer is there."""
        return self._checked

    # -- building ---------------------------------------------------------------------------------------------------

    def _make_head(self) -> None:
        self._symbol_name = "check-up"
        self._symbol = QLabel(alignment=Qt.AlignmentFlag.AlignTop)
        self.summary = _reading_label()
        font = self.summary.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.summary.setFont(font)
        self.file = ElidedLabel()
        self.file.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        tip = "A file can hold the weights of the last step and their moving average; choose which to look at"
        self.entries = named(QComboBox(), "Weights in the file", tip)
        self.entries.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.entries.activated.connect(self._choose_entry)
        self._entries_label = QLabel("&Weights")
        self._entries_label.setBuddy(self.entries)
        self.progress = named(QProgressBar(textVisible=False), "Progress of the check-up")
        self.progress.setMaximumHeight(10)
        self.stop = named(QToolButton(), "Cancel", "Stop the check-up")
        self.stop.setText("Cancel")
        self.stop.clicked.connect(self._checkpoints.stop_check_up)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.summary)
        words.addLayout(_row(self.file, self._entries_label, self.entries, self.progress, self.stop))
        head = _row(self._symbol)
        head.setSpacing(12)
        head.addLayout(words, 1)
        self.column.addLayout(head)

    def _make_findings(self) -> None:
        self.findings = FindingsList()
        self.findings.hide()
        self.column.addWidget(self.findings)

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget(documentMode=True)
        self.facts = TextTable("What is known", parts.FACT_HEADINGS, 3)
        self.facts.activated.connect(self._change_fact)
        self.parts = TextTable("Weights by part", parts.PART_HEADINGS, 7)
        self.keys = TextTable("Names without a partner", parts.KEY_HEADINGS, 1)
        self.search = named(QLineEdit(placeholderText="Search", clearButtonEnabled=True), "Search in the tables")
        self.search.setMaximumWidth(260)
        self.search.textChanged.connect(self._search)
        find = QAction("Find", self)
        find.setShortcut(QKeySequence(QKeySequence.StandardKey.Find))
        find.triggered.connect(self._focus_search)
        self.addAction(find)
        for table in self.tables:
            self.tabs.addTab(table, table.accessibleName())
        legend = QHBoxLayout()
        legend.setSpacing(6)
        self._marks = {word: named(QLabel(), word, MEANINGS[word]) for word in SURENESS}
        for word, label in self._marks.items():
            legend.addWidget(label)
            legend.addWidget(named(QLabel(word), word, MEANINGS[word]))
            legend.addSpacing(8)
        legend.addStretch()
        legend.addWidget(self.search)
        self.column.addWidget(self.tabs, 1)
        self.column.addLayout(legend)

    @property
    def tables(self) -> tuple[TextTable, ...]:
        """Facts, parts, names, in the order of the tabs."""
        return self.facts, self.parts, self.keys

    def _make_buttons(self) -> None:
        self.copy_button = self.add_button("Copy as &text")
        self.copy_button.clicked.connect(self._copy_report)
        self.settings_button = self.add_button("&Settings…")
        self.settings_button.setToolTip("What the file cannot say: class names, anchors, sizes; change and save it")
        self.settings_button.clicked.connect(self._change_settings)
        self.other_button = self.add_button("Another &file…")
        self.other_button.clicked.connect(self.file_wanted)
        self.open_button = self.add_button("&Open")
        self.open_button.clicked.connect(self._open)
        for button in self.buttons.findChildren(QPushButton):
            # Return in a table or in the search must not press a button.
            button.setAutoDefault(False)
        self.finish()
        self.resize(self.sizeHint())
        self.facts.setFocus()

    def sizeHint(self) -> QSize:
        """Room for the tables, but not more than the window has."""
        window = self.parentWidget()
        return SIZE.boundedTo(window.size() - QSize(40, 60)) if window is not None else SIZE

    # -- answers ----------------------------------------------------------------------------------------------------

    def _show(self, checked: CheckedFile) -> None:
        if checked.path != self._path:
            return
        self._checked = checked
        found = checked.check_up
        self._set_running(False)
        self._say("good" if found.opens else "stop", found.summary, f"{found.path} · {parts.file_line(found)}")
        self._fill_entries(found)
        self.findings.fill(found.findings)
        self.facts.fill([parts.fact_row(fact) for fact in found.facts])
        self.parts.fill([parts.part_row(part) for part in found.parts])
        self.keys.fill(parts.key_rows(found))
        bad = sum(bool(parts.wrongs(part)) for part in found.parts)
        titles = (
            f"&Known ({len(found.facts)})",
            f"W&eights ({f'{bad} of ' if bad else ''}{len(found.parts)} {'parts to look at' if bad else 'parts'})",
            f"&Names ({len(found.missing)} missing, {len(found.unexpected)} left over, {len(found.left_out)} not used)",
        )
        for number, title in enumerate(titles):
            self.tabs.setTabText(number, title)
        if found.missing or found.unexpected:
            self.tabs.setCurrentWidget(self.keys)
        if not self.search.text():
            self.tables[self.tabs.currentIndex()].setFocus()

    def _show_progress(self, stage: str, fraction: float) -> None:
        if not self.progress.isHidden():
            self.progress.setRange(0, 1000 if fraction > 0 else 0)
            self.progress.setValue(round(1000 * fraction))
            self.file.set_text(f"{stage} · {self._path}")

    def _show_stopped(self, sentence: str) -> None:
        self._set_running(False)
        if sentence:
            self._say("stop", sentence, self._path)
        elif self._checked is None:
            self._say("cancel", f"The check-up of {Path(self._path).name} was cancelled.", self._path)
        else:
            self._show(self._checked)

    def _fill_entries(self, found: CheckUp) -> None:
        self.entries.clear()
        for entry in found.entries:
            self.entries.addItem(parts.entry_text(entry), entry)
        names = [entry.name for entry in found.entries]
        if found.chosen in names:
            self.entries.setCurrentIndex(names.index(found.chosen))

    def _set_running(self, running: bool) -> None:
        several = self._checked is not None and len(self._checked.check_up.entries) > 1
        self.progress.setVisible(running)
        self.stop.setVisible(running)
        self.progress.setRange(0, 0 if running else 1)
        self.entries.setVisible(several and not running)
        self._entries_label.setVisible(several and not running)
        found = self._checked is not None
        self.findings.setVisible(self._checked is not None and bool(self._checked.check_up.findings))
        # the old answer stays, dimmed, until the new one is there
        self.tabs.setEnabled(found and not running)
        self.findings.setEnabled(found and not running)
        self._enable_buttons(running)

    def _enable_buttons(self, running: bool) -> None:
        found = self._checked.check_up if self._checked is not None and not running else None
        is_open = bool(self._path) and self._path == self._checkpoints.open_file
        self.copy_button.setEnabled(found is not None)
        self.settings_button.setEnabled(found is not None and found.spec is not None)
        self.open_button.setEnabled(found is not None and found.opens)
        self.open_button.setText("&Open again" if is_open else "&Open")
        self.open_button.setToolTip("Open this file, with the weights chosen here, as the detector of the window")

    def _say(self, symbol: str, sentence: str, line: str) -> None:
        self._symbol_name = symbol
        self.summary.setText(sentence)
        self.file.set_text(line)
        self._draw_icons()

    # -- what the user does -----------------------------------------------------------------------------------------

    def _choose_entry(self, row: int) -> None:
        entry: Entry = self.entries.itemData(row)
        if self._checked is None or entry.name == self._checked.check_up.chosen:
            return
        options = {**self._options, "entry": entry.name}
        if self._path == self._checkpoints.open_file:
            self.open_wanted.emit(self._path, options)
        self.check(self._path, options)

    def _open(self) -> None:
        self.open_wanted.emit(self._path, self._options)

    def _change_settings(self) -> None:
        self.settings_wanted.emit(self._path, self._options, "")

    def _change_fact(self, index: QModelIndex) -> None:
        if self._checked is not None and self.settings_button.isEnabled():
            name = self._checked.check_up.facts[self.facts.row_at(index)].setting
            if name:
                self.settings_wanted.emit(self._path, self._options, name)

    def _search(self, text: str) -> None:
        for table in self.tables:
            table.search(text)

    def _focus_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _copy_report(self) -> None:
        if self._checked is not None:
            QGuiApplication.clipboard().setText(self._checked.text)

    # -- looks ------------------------------------------------------------------------------------------------------

    def _draw_icons(self) -> None:
        palette, ratio = self.palette(), self.devicePixelRatioF()
        self._symbol.setPixmap(pixmap(self._symbol_name, _SYMBOL, ratio, palette))
        for word, label in self._marks.items():
            label.setPixmap(mark(word, palette, ratio))

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_marks"):
            self._draw_icons()

    def _stop(self) -> None:
        """Stops a check-up that nobody will see."""
        if not self.progress.isHidden():
            self._checkpoints.stop_check_up()


def _reading_label() -> QLabel:
    label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
    # it grows with its lines, and leaves the rest of the height to the tables
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    flag = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flag.TextSelectableByMouse | flag.TextSelectableByKeyboard)
    return label


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, ElidedLabel) else 0)
    return row
