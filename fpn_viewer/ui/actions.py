"""One table of everything a menu, a key or a button can do; menus, tooltips and the sheet of keys are made from it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence

from fpn_viewer.ui.action_row import ActionRow
from fpn_viewer.ui.compare_actions import COMPARE_ACTIONS
from fpn_viewer.ui.icons import icon
from fpn_viewer.ui.scan_actions import SCAN_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PySide6.QtGui import QPalette
    from PySide6.QtWidgets import QMainWindow, QMenu, QWidget


#: menu titles in the order of the menu bar, with their mnemonics
MENUS: dict[str, str] = {
    "File": "&File",
    "View": "&View",
    "Detector": "&Detector",
    "Object": "&Object",
    "Compare": "&Compare",
    "Scan": "&Scan",
    "Help": "&Help",
}

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow(
        "open_pictures", "&Open pictures…", "File", "opening.choose_pictures", ("Ctrl+O",), "Add pictures to the list", "pictures"
    ),
    ActionRow(
        "open_folder",
        "Open &folder…",
        "File",
        "opening.choose_folder",
        ("Ctrl+Shift+O",),
        "Add all pictures of a folder to the list",
        "folder",
    ),
    ActionRow(
        "save_picture",
        "&Save picture…",
        "File",
        "saving.choose_file",
        ("Ctrl+S",),
        "Save the view in the centre as PNG or SVG",
        "save",
        1,
        needs="There is no picture; open one (Ctrl+O)",
    ),
    ActionRow(
        "copy_picture",
        "&Copy picture",
        "File",
        "saving.copy",
        ("Ctrl+Shift+C",),
        "Copy the view in the centre to the clipboard",
        "copy",
        1,
        needs="There is no picture; open one (Ctrl+O)",
    ),
    ActionRow(
        "preferences",
        "&Preferences…",
        "File",
        "show_preferences",
        ("Ctrl+,",),
        "Theme and memory for earlier pictures",
        "preferences",
        2,
    ),
    ActionRow("quit", "&Quit", "File", "quit", ("Ctrl+Q",), "Close the window; what runs is stopped", "", 2),
    ActionRow(
        "previous",
        "&Previous picture",
        "View",
        "show_previous",
        ("P",),
        "Show the picture before in the list",
        "previous",
        needs="There is no other picture in the list",
    ),
    ActionRow(
        "next",
        "&Next picture",
        "View",
        "show_next",
        ("N",),
        "Show the next picture of the list",
        "next",
        needs="There is no other picture in the list",
    ),
    ActionRow("tab_pyramid", "P&yramid", "View", "show_pyramid", ("Ctrl+1",), "All maps of the pyramid, level by level", "", 1),
    ActionRow("tab_anchors", "&Anchors && RPN", "View", "show_anchors", ("Ctrl+2",), "The fate of every anchor in the RPN", "", 1),
    ActionRow("tab_object", "&Object", "View", "show_object", ("Ctrl+3",), "One object: why it was found or missed", "", 1),
    ActionRow("tab_compare", "&Compare", "View", "comparing.show", ("Ctrl+4",), "Two detectors on this picture", "", 1),
    ActionRow("tab_scan", "&Scan", "View", "scanning.show_tab", ("Ctrl+5",), "What a whole folder of pictures says", "", 1),
    ActionRow("full_screen", "&Full screen", "View", "toggle_full_screen", ("F11",), "Fill the screen, or go back", "", 3),
    ActionRow("reset_layout", "&Reset layout", "View", "reset_layout", (), "Put all panels back where they were at first", "", 3),
    ActionRow(
        "run",
        "&Run",
        "Detector",
        "document.run",
        ("F5",),
        "Run the detector over the current picture again",
        "run",
        needs="Running needs a picture (Ctrl+O) and a detector (Ctrl+K), and one run at a time",
    ),
    ActionRow(
        "cancel",
        "&Cancel",
        "Detector",
        "document.cancel",
        ("Esc",),
        "Stop what runs; what is shown stays",
        "cancel",
        needs="Nothing runs",
    ),
    ActionRow(
        "open_checkpoint",
        "Open chec&kpoint…",
        "Detector",
        "opening.choose_checkpoint",
        ("Ctrl+K",),
        "Open a detector from a file of weights (.pth, .pt, .ckpt, .pkl, .safetensors)",
        "checkpoint",
        1,
    ),
    ActionRow(
        "check_up",
        "Check-&up…",
        "Detector",
        "checking.show_check_up",
        ("Ctrl+U",),
        "What the checkpoint holds, how surely that is known, and what is wrong with it",
        "check-up",
        2,
    ),
    ActionRow(
        "check_file", "Check-up of a &file…", "Detector", "checking.choose_file", (), "Look at a file without opening it", "", 2
    ),
    ActionRow(
        "detector_settings",
        "&Settings of the detector…",
        "Detector",
        "checking.show_settings",
        ("Ctrl+Shift+K",),
        "Class names, anchors, sizes and all else that a checkpoint cannot say",
        "",
        2,
    ),
    ActionRow("next_missed", "&Next missed object", "Object", "asking.next_missed", ("M",), "Look at the next missed object"),
    ActionRow(
        "previous_missed",
        "&Previous missed object",
        "Object",
        "asking.previous_missed",
        ("Shift+M",),
        "Look at the missed object before",
    ),
    ActionRow("draw_box", "&Draw a box", "Object", "asking.draw_box", (), "Drag a box and ask about it (B on the picture)", "", 1),
    ActionRow("clear_object", "Ask about noth&ing", "Object", "asking.clear", (), "Forget the object or the drawn box", "", 1),
    ActionRow("truth", "&Ground truth", "Object", "asking.toggle_truth", ("G",), "Annotated objects on or off", "", 1),
    ActionRow(
        "open_annotations",
        "Open &annotations…",
        "Object",
        "asking.choose_annotations",
        ("Ctrl+Shift+A",),
        "Open COCO, Pascal VOC, YOLO or LabelMe annotations",
        "",
        2,
    ),
    ActionRow(
        "open_annotation_folder",
        "Open a &folder of annotations…",
        "Object",
        "asking.choose_annotation_folder",
        (),
        "Open a folder with one file of annotations for each picture",
        "",
        2,
    ),
    ActionRow("classes", "Match &classes…", "Object", "asking.show_classes", (), "Say which class is which", "", 2),
    ActionRow("open_case", "&Open a case…", "Object", "asking.choose_case", (), "Open what a colleague saved", "", 3),
    ActionRow(
        "save_case",
        "&Save the case…",
        "Object",
        "asking.choose_case_file",
        ("Ctrl+Shift+S",),
        "Save picture, detector, object and verdict in one small file",
        "",
        3,
    ),
    ActionRow("copy_case", "Copy the case as &text", "Object", "asking.copy_case", (), "For an issue tracker", "", 3),
    ActionRow("reset_what_if", "&Reset what-ifs", "Object", "what_if.reset", (), "Run the detector as it was opened", "", 4),
    *COMPARE_ACTIONS,
    *SCAN_ACTIONS,
    ActionRow("shortcuts", "&Keys and gestures", "Help", "show_shortcuts", ("?", "F1"), "List all keys", "keyboard"),
    ActionRow("samples", "Open &sample pictures", "Help", "opening.open_samples", (), "Add the bundled scenes to the list"),
    ActionRow("welcome", "Show the &welcome", "Help", "show_welcome", (), "Say again what to press first"),
    ActionRow("about", "&About fpn_viewer", "Help", "show_about", (), "Versions of the program and its libraries", "", 1),
)

#: what the mouse does over the maps, and the keys of the list: where, and (what to do, what happens)
GESTURES: dict[str, tuple[tuple[str, str], ...]] = {
    "Mouse over the maps": (
        ("Wheel", "Zoom at the cursor, in all maps together"),
        ("Drag", "Move the picture, in all maps together"),
        ("Double-click", "Enlarge a map, or go back"),
        ("Ctrl+Wheel", "More or less of the map over the picture"),
        ("Move", "Read all levels under the cursor in the Probe panel"),
        ("B, then drag", "Draw a box: its life line, its channels, what would bring it back"),
    ),
    "Panels": (("Alt+1 … Alt+8", "Show or close Pictures, Objects, Probe, Life line, Channels, What-if, Misses, Messages"),),
    "Tab Object": (
        ("Click", "Ask about an annotated object; beside all of them, about nothing"),
        ("D", "Detections on or off"),
        ("Del", "Ask about nothing"),
    ),
    "Tab Compare": (
        ("Tab", "Swap A and B; Shift+Tab moves the focus"),
        ("W", "Wiper over one picture, or both beside each other again"),
        ("← →", "Another channel; with the wiper, move it (, and . change the channel)"),
        ("↑ ↓", "Another level of both"),
        ("Ctrl+← →", "Another kind of map of both"),
        ("Page Up, Page Down", "The map before or after in computing order"),
        ("O, Shift+O", "Next or previous object, with both life lines"),
        ("Double-click", "One picture alone, or all again"),
        ("Ctrl+C", "Copy all maps' values of both under the mouse"),
    ),
    "Misses": (
        ("↑ ↓", "Another object of the scan"),
        ("Enter, double-click", "Open its picture, close to the object, with its life line"),
        ("Click on a heading", "Sort by it; again, the other way round"),
        ("Ctrl+C", "Copy the chosen rows"),
    ),
    "Life line": (
        ("↑ ↓", "Step through the stages; their boxes are drawn in the tab Object"),
        ("Ctrl+C", "Copy the life line as text"),
    ),
    "Check-up": (
        ("Ctrl+F", "Search in facts, parts and names"),
        ("Ctrl+C", "Copy the chosen rows"),
        ("Double-click", "Change what a fact says, where it can be changed"),
    ),
    "List of pictures": (
        ("↑ ↓", "Previous or next picture"),
        ("Del", "Take the picture out of the list; the file stays"),
    ),
}


class RowAction(QAction):
    """What a row of the table says, as an action; while it is disabled its tooltip says why."""

    def __init__(self, row: ActionRow, window: QMainWindow) -> None:
        """Makes the action.

        Args:
            row: what it is.
            window: owns it.
        """
        super().__init__(row.text, window)
        self.row = row
        self.setObjectName(row.id)
        self.setShortcuts([QKeySequence(key) for key in row.keys])
        self.enabledChanged.connect(self._tell)
        self._tell(self.isEnabled())

    def _tell(self, enabled: bool) -> None:
        self.setToolTip(tooltip(self.row) if enabled or not self.row.needs else f"{tooltip(self.row)}\n{self.row.needs}")


def make_actions(window: QMainWindow) -> dict[str, QAction]:
    """Makes the actions of the table and gives them to the window, so that their keys work everywhere in it.

    Args:
        window: Owns the actions and has the methods that `ActionRow.slot` names.

    Returns:
        The actions by `ActionRow.id`.
    """
    made: dict[str, QAction] = {}
    for row in ACTIONS:
        action = RowAction(row, window)
        action.setMenuRole(_ROLES.get(row.id, QAction.MenuRole.NoRole))
        # A bound method: a lambda that holds the window would keep it alive for ever.
        action.triggered.connect(attrgetter(row.slot)(window))
        window.addAction(action)
        made[row.id] = action
    return made


_ROLES = {
    "quit": QAction.MenuRole.QuitRole,
    "about": QAction.MenuRole.AboutRole,
    "preferences": QAction.MenuRole.PreferencesRole,
}


def tooltip(row: ActionRow) -> str:
    """What a button of the action says: the sentence and the key."""
    keys = shown_keys(row)
    return f"{row.tip} ({keys})" if keys else row.tip


def shown_keys(row: ActionRow) -> str:
    """The action's keys as this platform writes them."""
    return " or ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in row.keys)


def plain_text(row: ActionRow) -> str:
    """The action's name without mnemonic and dots."""
    return row.text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")


def fill_menu(menu: QMenu, title: str, actions: Mapping[str, QAction]) -> None:
    """Puts the actions of one menu into it, with a line between groups.

    Args:
        menu: The menu.
        title: A key of `MENUS`.
        actions: What `make_actions` returned.
    """
    group = 0
    for row in ACTIONS:
        if row.menu != title:
            continue
        if row.group != group:
            menu.addSeparator()
            group = row.group
        menu.addAction(actions[row.id])


def colour_icons(actions: Mapping[str, QAction], palette: QPalette) -> None:
    """Draws the actions' icons in a palette's text colour; again whenever the theme changes."""
    for row in ACTIONS:
        if row.icon:
            actions[row.id].setIcon(icon(row.icon, palette))


def hand_on(event: QKeyEvent, target: QWidget, actions: Iterable[QAction]) -> None:
    """Gives a key to a widget that has not the focus: triggers its action for it, or sends it the event.

    Args:
        event: The key; accepted when it found a use.
        target: The widget.
        actions: Actions that only hear keys while the focus is near the widget.
    """
    keys = QKeySequence(event.keyCombination())
    action = next((one for one in actions if one.isEnabled() and keys in one.shortcuts()), None)
    if action is not None:
        action.trigger()
        event.accept()
    else:
        # A copy: Qt takes an event that is sent a second time while it is delivered for a dead one.
        copy = QKeyEvent(event.type(), event.key(), event.modifiers(), event.text(), event.isAutoRepeat())
        QCoreApplication.sendEvent(target, copy)
        event.setAccepted(copy.isAccepted())
