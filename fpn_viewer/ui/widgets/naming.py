"""Names for those who do not see a widget, and tooltips for those who do."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

Widget = TypeVar("Widget", bound="QWidget")


def named(widget: Widget, name: str, tip: str = "") -> Widget:
    """The widget, with its name for screen readers and its tooltip.

    Args:
        widget: a new one.
        name: what it is.
        tip: one sentence, or "".
    """
    widget.setAccessibleName(name)
    widget.setToolTip(tip)
    return widget
