"""The menu "Compare"."""

from __future__ import annotations

from fpn_viewer.ui.action_row import ActionRow

_MENU = "Compare"
_NEEDS_TWO = "Open a second detector first: Compare with a checkpoint (Ctrl+Alt+K), or the tab Compare (Ctrl+4)"

#: rows of the table of actions, in the order of the menu
COMPARE_ACTIONS: tuple[ActionRow, ...] = (
    ActionRow(
        "compare_add",
        "Compare with a &checkpoint…",
        _MENU,
        "comparing.choose_checkpoint",
        ("Ctrl+Alt+K",),
        "Open a second checkpoint; it runs over the same picture as the first",
        "checkpoint",
    ),
    ActionRow(
        "compare_swap",
        "&Swap A and B",
        _MENU,
        "comparing.swap",
        (),
        "A becomes B (Tab over the maps)",
        "swap",
        needs=_NEEDS_TWO,
    ),
    ActionRow("compare_remove", "&Remove B", _MENU, "comparing.remove", (), "Close B here; its file stays", needs=_NEEDS_TWO),
    ActionRow(
        "compare_side",
        "&A | B | B − A",
        _MENU,
        "comparing.show_side",
        (),
        "Both maps beside each other, and their difference",
        "",
        1,
        needs=_NEEDS_TWO,
    ),
    ActionRow(
        "compare_wiper",
        "&Wiper",
        _MENU,
        "comparing.show_wiper",
        (),
        "A left of a wiper and B right of it (W over the maps)",
        "",
        1,
        needs=_NEEDS_TWO,
    ),
    ActionRow(
        "compare_difference", "&B − A", _MENU, "comparing.show_difference", (), "The difference alone", "", 1, needs=_NEEDS_TWO
    ),
    ActionRow(
        "compare_next",
        "&Next object",
        _MENU,
        "comparing.next_object",
        (),
        "Its life lines in A and B (O over the maps)",
        "",
        2,
        needs=_NEEDS_TWO,
    ),
    ActionRow(
        "compare_previous",
        "&Previous object",
        _MENU,
        "comparing.previous_object",
        (),
        "The one before (Shift+O over the maps)",
        "",
        2,
        needs=_NEEDS_TWO,
    ),
)
