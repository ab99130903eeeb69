"""The window: puts bar, list, tabs, panels and status line around one document, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QStyle, QVBoxLayout, QWidget

from fpn_viewer.ui.actions import MENUS, colour_icons, fill_menu, hand_on, make_actions
from fpn_viewer.ui.asking import Asking
from fpn_viewer.ui.checking import Checking
from fpn_viewer.ui.comparing import Comparing
from fpn_viewer.ui.docks import Docks, life_line_later, what_if_later
from fpn_viewer.ui.icons import window_icon
from fpn_viewer.ui.opening import Opening, dropped_paths
from fpn_viewer.ui.panels.channels import ChannelsPanel
from fpn_viewer.ui.panels.messages import MessageBar, MessagesPanel, notice_of
from fpn_viewer.ui.panels.objects import ObjectsPanel
from fpn_viewer.ui.panels.pictures import PicturesPanel
from fpn_viewer.ui.panels.probe import ProbePanel
from fpn_viewer.ui.panels.status import StatusLine
from fpn_viewer.ui.panels.top_bar import TopBar
from fpn_viewer.ui.panels.welcome import Welcome
from fpn_viewer.ui.resuming import Resuming
from fpn_viewer.ui.saving import Saving
from fpn_viewer.ui.scanning import Scanning
from fpn_viewer.ui.settings_store import LAYOUT_VERSION
from fpn_viewer.ui.tabs import Tabs
from fpn_viewer.ui.theme import Theme
from fpn_viewer.ui.theme_menu import ThemeMenu
from fpn_viewer.ui.widgets.strip import Strip

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QPaintEvent, QShowEvent

    from fpn_viewer.ui.settings_store import SettingsStore
    from fpn_viewer.viewmodels.models import Models
    from fpn_viewer.viewmodels.states import Problem, RunState

TITLE = "fpn_viewer"
SIZE = QSize(1440, 900)


class MainWindow(QMainWindow):
    """The program's one window.

    Signals:
        painted(): The window is on the screen for the first time.
        closing(): The window was closed.
    """

    painted = Signal()
    closing = Signal()

    def __init__(self, models: Models, store: SettingsStore) -> None:
        """Builds the window, hidden, over view-models that outlive it.

        Args:
            models: What it shows.
            store: What is remembered.
        """
        super().__init__()
        self.models, self._store = models, store
        document = self.document = models.document
        self.what_if = models.what_if
        self._was_painted = self._was_shown = False
        self._handing_on = False
        self.theme = Theme(store.theme, self)
        self.opening = Opening(document, store, self)
        self.tabs = Tabs(models)
        self.saving = Saving(document, self.tabs, store, self)
        self.asking = Asking(models, store, self.tabs.current_title, self)
        self.checking = Checking(models, self.opening, self)
        self.comparing = Comparing(models, self.opening, self.tabs, store, self)
        self.scanning = Scanning(models, self.opening, self.tabs, store, self)
        self.resuming = Resuming(models, store, self)
        self.actions_by_id = make_actions(self)
        for part in (self.comparing, self.scanning):
            part.follow(self.actions_by_id)
        self.setWindowTitle(TITLE)
        self.setWindowIcon(window_icon())
        self.setAcceptDrops(True)
        self._build_centre()
        self._build_frame()
        self._build_docks()
        self._build_menus()
        self._connect()
        self._restore()

    # -- building ---------------------------------------------------------------------------------------------------

    def _build_centre(self) -> None:
        self.tabs.made.connect(self._connect_tab)
        self.tabs.start()
        self.welcome = Welcome(self._store)
        self.message_bar = MessageBar()
        self.notice = Strip("notice")
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        of_scans = (self.resuming.strip, self.scanning.strip, self.scanning.likeness)
        for widget in (self.welcome, self.message_bar, self.checking.download, *of_scans, self.checking.notice, self.notice):
            layout.addWidget(widget)
        layout.addWidget(self.tabs, 1)
        self.setCentralWidget(column)

    def _build_frame(self) -> None:
        self._recent = self.opening.recent_menu()
        self._detectors = self.opening.detector_menu(self.actions_by_id["open_checkpoint"])
        self.top_bar = TopBar(self.document, self.actions_by_id, self._detectors)
        self.addToolBar(self.top_bar)
        self.status = StatusLine(self.document, self.actions_by_id["cancel"])
        self.setStatusBar(self.status)

    def _build_docks(self) -> None:
        document, display, selection = self.document, self.models.display, self.models.selection
        objects, question = self.models.objects, self.models.question
        buttons = (self.actions_by_id["open_pictures"], self.actions_by_id["open_folder"])
        self.pictures = PicturesPanel(document, buttons, self._recent)
        self.messages = MessagesPanel()
        self.objects = ObjectsPanel(document, objects, question)
        panels: dict[str, QWidget] = {
            "pictures": self.pictures,
            "objects": self.objects,
            "probe": ProbePanel(document, display, selection),
            "life_line": life_line_later(self.models),
            "channels": ChannelsPanel(document, display, selection),
            "what_if": what_if_later(self.models),
            "misses": self.scanning.place,
            "messages": self.messages,
        }
        self._docks = Docks(self, panels, question)
        self.docks = self._docks.by_name
        self.scanning.use_dock(self.docks["misses"])

    def _build_menus(self) -> None:
        menus = {}
        for title, text in MENUS.items():
            menus[title] = self.menuBar().addMenu(text)
            menus[title].setToolTipsVisible(True)
            fill_menu(menus[title], title, self.actions_by_id)
        menus["File"].insertMenu(self.actions_by_id["save_picture"], self._recent)
        menus["Detector"].insertMenu(self.actions_by_id["open_checkpoint"], self._detectors)
        menus["Detector"].insertMenu(self.actions_by_id["open_checkpoint"], self.checking.published)
        view = menus["View"]
        first_of_end = self.actions_by_id["full_screen"]
        for dock in self.docks.values():
            view.insertAction(first_of_end, dock.toggleViewAction())
        view.insertSeparator(first_of_end)
        view.insertMenu(first_of_end, ThemeMenu(self.theme, self._store, view))

    def _connect(self) -> None:
        document = self.document
        document.pictures_changed.connect(self._show_actions)
        document.trace_changed.connect(self._show_notice)
        self.tabs.currentChanged.connect(self._show_notice)
        self.tabs.currentChanged.connect(self._show_actions)
        document.state_changed.connect(self._show_state)
        document.current_changed.connect(self._show_title)
        models = self.models
        parts = (self.opening, self.saving, self.asking, self.checking, self.comparing, self.scanning)
        shown = (models.objects, models.question, models.what_if, models.cases, models.checkpoints, models.comparison, models.scans)
        for source in (document, *parts, *shown):
            source.problem.connect(self.report)
        self._connect_objects()
        self.saving.saved.connect(self._say_saved)
        self.message_bar.details_wanted.connect(self._show_messages)
        self.message_bar.check_up_wanted.connect(self.checking.check_file)
        self.messages.count_changed.connect(self._hide_empty_messages)
        self.top_bar.device_chosen.connect(self.opening.set_device)
        self._show_actions()
        self._draw_icons()

    def _connect_objects(self) -> None:
        cases = self.models.cases
        cases.detector_wanted.connect(self._open_for_case)
        cases.tab_wanted.connect(self.tabs.show_title)
        cases.saved.connect(self._say_saved)
        self.asking.said.connect(self.status.say)
        self.checking.said.connect(self.status.say)
        self.scanning.said.connect(self.status.say)
        self.scanning.closer_wanted.connect(self._look_closer)
        self.scanning.settings_wanted.connect(self.checking.propose)
        self.objects.open_requested.connect(self.asking.choose_annotations)
        self.objects.labels_requested.connect(self.asking.show_classes)
        self.objects.zoom_requested.connect(self._look_closer)
        self.models.objects.labels_wanted.connect(self.asking.say_unmatched)

    def _connect_tab(self, key: str, tab: Any) -> None:
        if key == "scan":
            self.scanning.connect_tab(tab)
        else:
            tab.open_requested.connect(self.opening.choose_pictures)

    # -- layout -----------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        # the frame that the desktop puts around it is not known yet
        title = self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight, None, self)
        self.resize(SIZE.boundedTo(self.screen().availableSize() - QSize(0, round(1.5 * title))))
        self._docks.arrange()
        if self._store.geometry is not None:
            self.restoreGeometry(self._store.geometry)

    def reset_layout(self) -> None:
        """Puts all docks back where they were at first."""
        self._docks.arrange()
        self._docks.hide_forgotten_bars()
        self.docks["messages"].setVisible(bool(self.messages.list.count()))
        self.docks["misses"].setVisible(bool(self.models.scans.state.path))

    def toggle_full_screen(self) -> None:
        """Fills the screen, or goes back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # -- slots of the table of actions ------------------------------------------------------------------------------

    def quit(self) -> None:
        """Closes the window."""
        self.close()

    def show_previous(self) -> None:
        """Shows the previous picture."""
        self.document.step(-1)

    def show_next(self) -> None:
        """Shows the next picture."""
        self.document.step(1)

    def show_pyramid(self) -> None:
        """Shows the tab of maps."""
        self.tabs.show_tab("pyramid")

    def show_anchors(self) -> None:
        """Shows the tab of anchors."""
        self.tabs.show_tab("anchors")

    def show_object(self) -> None:
        """Shows the tab of one object."""
        self.tabs.show_tab("object")

    def show_preferences(self) -> None:
        """Opens the preferences."""
        from fpn_viewer.ui.dialogs.preferences import PreferencesDialog

        PreferencesDialog(self._store, self.theme, self).open()

    def show_shortcuts(self) -> None:
        """Opens the sheet of keys."""
        from fpn_viewer.ui.dialogs.shortcuts import ShortcutsDialog

        ShortcutsDialog(self).open()

    def show_about(self) -> None:
        """Says what this is."""
        from fpn_viewer.ui.dialogs.about import AboutDialog

        AboutDialog(self.document.detector, self).open()

    def show_welcome(self) -> None:
        """Says again what to press first."""
        self.welcome.bring_back()

    # -- what the document says -------------------------------------------------------------------------------------

    def report(self, problem: Problem) -> None:
        """Says what went wrong, in one line above the centre and in the messages."""
        self.message_bar.show_problem(problem)
        self.messages.add(problem)

    def _show_actions(self) -> None:
        several = len(self.document.pictures) > 1
        for name in ("previous", "next"):
            self.actions_by_id[name].setEnabled(several)
        for name in ("save_picture", "copy_picture"):
            self.actions_by_id[name].setEnabled(bool(self.document.pictures) or self.tabs.current_key == "scan")
        self._show_title()

    def _show_title(self) -> None:
        self.setWindowFilePath(self.document.path or "")
        self.setWindowTitle(f"{self.document.path} — {TITLE}" if self.document.path else TITLE)

    def _show_notice(self) -> None:
        trace = self.document.trace
        # The anchors say it themselves, beside the stages they draw.
        text = "" if trace is None or self.tabs.current_key == "anchors" else notice_of(trace)
        self.notice.label.setText(text)
        self.notice.setVisible(bool(text))

    def _show_state(self, state: RunState) -> None:
        self.message_bar.follow(state)

    def _show_messages(self) -> None:
        self.docks["messages"].show()
        self.docks["messages"].raise_()

    def _hide_empty_messages(self, count: int) -> None:
        if not count:
            self.docks["messages"].hide()
            self.message_bar.hide()

    def _say_saved(self, path: str) -> None:
        self.status.say(f"Saved {path}")

    # -- objects ----------------------------------------------------------------------------------------------------

    def _look_closer(self) -> None:
        """Shows the current object in its tab, with its surroundings."""
        state = self.models.objects.state
        self.show_object()
        if state.current is not None:
            self.tabs.tab("object").view.zoom_to(state.rows[state.current].box_img)

    def _open_for_case(self, source: object, settings: dict[str, Any]) -> None:
        self.opening.open_detector(source, **settings)

    # -- theme ------------------------------------------------------------------------------------------------------

    def _draw_icons(self) -> None:
        colour_icons(self.actions_by_id, self.palette())

    # -- events -----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Puts the panels where they were, or shares the room out, once it is known how much there is."""
        super().showEvent(event)
        if self._was_shown:
            return
        self._was_shown = True
        # Docks that were never laid out can neither be resized nor get back the sizes they had.
        layout = self.layout()
        assert layout is not None
        layout.activate()
        if self._store.layout is None or not self.restoreState(self._store.layout, LAYOUT_VERSION):
            self._docks.share_room()
        # What an earlier run had to say, and to show, is gone.
        for name in ("messages", "misses"):
            self.docks[name].hide()
        self._docks.hide_forgotten_bars()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and hasattr(self, "actions_by_id"):
            self._draw_icons()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Says when the window is on the screen."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            # After this paint has reached the screen.
            QTimer.singleShot(0, self.painted.emit)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Hands keys that nobody wanted to the maps, wherever the focus is."""
        if self._handing_on:
            # The maps had no use for it either, and it came back through their parents.
            event.ignore()
            return
        target = self.tabs.key_target()
        if target is not None:
            self._handing_on = True
            hand_on(event, *target)
            self._handing_on = False

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Tells the maps that a key they were handed is up again."""
        target = self.tabs.key_target()
        if target is not None and not self._handing_on:
            self._handing_on = True
            hand_on(event, target[0], ())
            self._handing_on = False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes local files."""
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens what was dropped."""
        event.acceptProposedAction()
        self.opening.open_dropped(dropped_paths(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remembers the layout; the worker is ended by `app`, when the window is gone from the screen."""
        self._store.keep_window(self.saveGeometry(), self.saveState(LAYOUT_VERSION))
        self._store.sync()
        super().closeEvent(event)
        self.closing.emit()
