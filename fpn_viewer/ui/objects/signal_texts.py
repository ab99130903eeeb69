"""Numbers and words of the signal strip."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from fpn_viewer.core.numbers import percent, significant

if TYPE_CHECKING:
    from fpn_viewer.core.analysis.signals import NodeSignal, Signal

#: contrast under which an object does not stand out from its ring
DROWNS_BELOW = 1.0
MEAN = "mean |x|"
#: channels offered in the menu
_OFFERED = 8


def drowns(node: NodeSignal) -> bool:
    """Whether the object does not stand out in a map."""
    return isfinite(node.contrast) and abs(node.contrast) < DROWNS_BELOW


def contrast(node: NodeSignal) -> str:
    """The contrast: "3.2 σ", "0.43 σ ↓" where the object drowns; a dash where the ring is even and there is no σ."""
    return f"{significant(node.contrast, 2)} σ{' ↓' * drowns(node)}" if isfinite(node.contrast) else "–"


def share(node: NodeSignal) -> str:
    """What came from above, of a merged node: "T 62 %"; else what of it is largest, "" where there are no terms."""
    if not node.shares:
        return ""
    name = "top-down" if "top-down" in node.shares else max(node.shares, key=lambda term: node.shares[term])
    return f"{'T' if name == 'top-down' else name} {percent(node.shares[name])}"


def tip(node: NodeSignal) -> str:
    """A node's numbers in full."""
    lines = [f"{node.node}: contrast {contrast(node)}" + (", the object drowns in its surroundings" if drowns(node) else "")]
    cells = f"{node.cells} cell{'s' * (node.cells != 1)}"
    lines.append(f"mean |x| inside {significant(node.inside)}, around {significant(node.ring)}, {cells}")
    if node.shares:
        lines.append("shares by norm: " + ", ".join(f"{name} {percent(value)}" for name, value in node.shares.items()))
    if node.channels:
        best = ", ".join(f"{index} ({significant(value, 2)} σ)" for index, value in node.channels[:3])
        lines.append(f"best channels: {best}")
    return "\n".join(lines)


def channel_items(signal: Signal, node: NodeSignal | None) -> list[tuple[str, int | None]]:
    """What the crops may show: the mean of all channels, and the node's best ones with their contrast."""
    items: list[tuple[str, int | None]] = [(MEAN, None)]
    if node is not None:
        items += [(f"channel {index}  {significant(value, 2)} σ", index) for index, value in node.channels[:_OFFERED]]
    if signal.channel is not None and signal.channel not in [index for _, index in items]:
        items.append((f"channel {signal.channel}", signal.channel))
    return items
