"""One row of the table of everything a menu, a key or a button can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionRow:
    """One thing the user can do.

    Attributes:
        id: unique name.
        text: as in the menu, with the mnemonic's "&".
        menu: title of its menu; a key of `actions.MENUS`.
        slot: dotted path of the called method, from the window; it takes no argument.
        keys: shortcuts, the one shown first; no two actions share one.
        tip: one sentence for the tooltip and the sheet of keys.
        icon: name of its drawing, or "".
        group: actions of one menu with different groups are kept apart by a line.
        needs: what the tooltip says while there is nothing to do it to: what is missing, and how to get it.
    """

    id: str
    text: str
    menu: str
    slot: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    group: int = 0
    needs: str = ""
