"""The menu "Scan"."""

from __future__ import annotations

from fpn_viewer.ui.action_row import ActionRow

_MENU = "Scan"
_NO_SCAN = "Open a scan first (Ctrl+Alt+O), or start one (Ctrl+Alt+S)"
_NONE_RUNS = "No scan runs in this window"

#: rows of the table of actions, in the order of the menu
SCAN_ACTIONS: tuple[ActionRow, ...] = (
    ActionRow(
        "scan_start",
        "&Start a scan…",
        _MENU,
        "scanning.start",
        ("Ctrl+Alt+S",),
        "Follow all annotated objects of many pictures through one to four detectors",
        "run",
        needs="A scan runs; wait for its end, or cancel it",
    ),
    ActionRow(
        "scan_open", "&Open a scan…", _MENU, "scanning.choose_scan", ("Ctrl+Alt+O",), "Open the file that a scan wrote", "folder"
    ),
    ActionRow(
        "scan_close",
        "C&lose the scan",
        _MENU,
        "models.scans.close",
        (),
        "Show no scan; its file stays",
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_pause",
        "&Pause",
        _MENU,
        "models.scans.pause",
        (),
        "Stop the scan behind the pictures in work",
        "",
        1,
        needs=_NONE_RUNS,
    ),
    ActionRow(
        "scan_go_on",
        "&Go on",
        _MENU,
        "models.scans.go_on",
        (),
        "Go on with the scan where it stopped",
        "",
        1,
        needs="No scan was stopped in this window; start it again with the same file to go on with it",
    ),
    ActionRow(
        "scan_cancel",
        "&Cancel the scan",
        _MENU,
        "models.scans.cancel",
        (),
        "End it; what is in its file stays",
        "cancel",
        1,
        needs=_NONE_RUNS,
    ),
    ActionRow(
        "scan_next",
        "&Next miss of the scan",
        _MENU,
        "scanning.next_missed",
        ("J",),
        "Go to the next lost object of the table",
        "",
        2,
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_previous",
        "Previo&us miss of the scan",
        _MENU,
        "scanning.previous_missed",
        ("K",),
        "Go to the lost object of the table before",
        "",
        2,
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_report",
        "Write a &report…",
        _MENU,
        "scanning.export_report",
        (),
        "One page with charts, numbers and the worst losses, for any browser",
        "",
        3,
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_csv",
        "Export as CS&V…",
        _MENU,
        "scanning.export_csv",
        (),
        "All tables, and all objects in one",
        "",
        3,
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_parquet",
        "Export as Par&quet…",
        _MENU,
        "scanning.export_parquet",
        (),
        "The same tables for pandas and DuckDB",
        "",
        3,
        needs=_NO_SCAN,
    ),
    ActionRow(
        "scan_coco",
        "Export COCO resul&ts…",
        _MENU,
        "scanning.export_coco",
        (),
        "Detections of each detector for pycocotools",
        "",
        3,
        needs=_NO_SCAN,
    ),
)
