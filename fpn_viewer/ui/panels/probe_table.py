"""The probe as a table: what is drawn, what a tooltip says and what is copied. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.core.necks.graph import ROLES
from fpn_viewer.core.numbers import percent, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.engine.values import Probe, ProbeRow

#: role to the letter papers write
LETTERS: dict[str, str] = {"backbone": "C", "lateral": "L", "top-down": "T", "merged": "M", "output": "P"}

SHARE_KIND = (
    "Share of norms: ‖T‖ / (‖L‖ + ‖T‖) in this cell of {merged}, over all channels. It says how strong the two terms are, "
    "not where they point; where they cancel, both are strong and {merged} is weak."
)
SOURCES_KIND = (
    "LINEAR-EXACT, sums to 100 %: {output} is a sum of what each backbone map and the biases gave; a share is the projection "
    "of that part on the cell's vector. A negative share works against the sum and is drawn left of zero; the dotted line is 100 %."
)


@dataclass(frozen=True)
class ProbeTable:
    """Every level under one point, with the scales its bars share.

    Attributes:
        probe: the numbers.
        roles: columns, in order.
    """

    probe: Probe
    roles: tuple[str, ...]

    @property
    def rows(self) -> tuple[ProbeRow, ...]:
        """One for each level, fine to coarse."""
        return self.probe.rows

    def scale(self, role: str) -> float:
        """The magnitude that fills a bar of this column."""
        return max((abs(v) for row in self.rows if (v := row.values.get(role)) is not None), default=0.0) or 1.0

    @property
    def source_range(self) -> tuple[float, float]:
        """(low, high) of the axis all source bars share; it holds 0..1 and every stack of signed shares."""
        stacks = [list(row.sources.values()) for row in self.rows]
        low = min((sum(s for s in stack if s < 0) for stack in stacks), default=0.0)
        high = max((sum(s for s in stack if s > 0) for stack in stacks), default=1.0)
        return min(0.0, low), max(1.0, high)

    def sentence(self, row: ProbeRow) -> str:
        """A row in words, for a screen reader."""
        values = ", ".join(f"{role} {significant(v)}" for role in self.roles if (v := row.values.get(role)) is not None)
        return f"{row.level}, cell {row.cell[0]}, {row.cell[1]}: {values}"

    def tsv(self) -> str:
        """The table with all digits, one line for each level."""
        sources = list(dict.fromkeys(name for row in self.rows for name in row.sources))
        head = [
            *("x", "y", "level", "row", "column"),
            *(LETTERS[role] for role in self.roles),
            "top-down share",
            *(f"from {name}" for name in sources),
            *(f"field {edge}" for edge in ("x0", "y0", "x1", "y1")),
        ]
        return "\n".join("\t".join(line) for line in [head, *(self._line(row, sources) for row in self.rows)])

    def _line(self, row: ProbeRow, sources: Sequence[str]) -> list[str]:
        values = [*(row.values.get(role) for role in self.roles), row.top_down_share, *(row.sources.get(name) for name in sources)]
        numbers = ["" if v is None else f"{v:.7g}" for v in (*values, *row.receptive_img)]
        return [*(f"{v:.7g}" for v in self.probe.point_img), row.level, *map(str, row.cell), *numbers]


def field_size(row: ProbeRow) -> tuple[int, int]:
    """Width and height of a row's receptive field, image px."""
    x0, y0, x1, y1 = row.receptive_img
    return round(x1 - x0), round(y1 - y0)


def value_tip(table: ProbeTable, row: ProbeRow, role: str, unit: str) -> str:
    """What a number is: "M3: 0.412, mean |x| over channels, of 1.20 at most in this column"."""
    value = row.values.get(role)
    name = f"{LETTERS[role]}{row.level[1:]}"
    if value is None:
        return f"{row.level} has no {ROLES[role]} map"
    return f"{name} = {value:.6g}\n{unit}\nThe bars of this column share one scale; a full bar is {significant(table.scale(role))}."


def share_tip(row: ProbeRow) -> str:
    """The share of the top-down term and what kind of share it is."""
    if row.top_down_share is None:
        return f"Nothing comes from above into {row.level}: it has no top-down term."
    down = row.top_down_share
    kind = SHARE_KIND.format(merged=f"M{row.level[1:]}")
    return f"lateral {percent(1 - down)} · top-down {percent(down)}\n{kind}"


def sources_tip(row: ProbeRow) -> str:
    """The exact sources and what kind of shares they are."""
    if not row.sources:
        return f"The sources of {row.level} cannot be told apart exactly: a step of this neck is not linear."
    parts = " · ".join(f"{name} {100 * share:.1f} %".replace("-", "−") for name, share in row.sources.items())
    return f"{parts}\n{SOURCES_KIND.format(output=row.level)}"


def field_tip(row: ProbeRow) -> str:
    """The receptive field and the cell."""
    width, height = field_size(row)
    x0, y0, x1, y1 = row.cell_box_img
    return (
        f"Cell (row {row.cell[0]}, column {row.cell[1]}) covers x {x0:.1f}–{x1:.1f}, y {y0:.1f}–{y1:.1f} px.\n"
        f"Theoretical receptive field {width}×{height} px, cut at the picture's edge: nothing outside it reaches the cell.\n"
        "Point at the row to see it on the picture."
    )
