"""What the states of objects and the detectors of a scan look like, in the window and in reports. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpn_viewer.engine.scan.numbers.choices import FOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

#: what is left of the colour of found objects: they are most of a bar, and the losses are what is looked for
QUIET = 0.45


@dataclass(frozen=True)
class StateLook:
    """How the objects of a state are drawn.

    Attributes:
        colour: "#rrggbb"; data colours do not follow the theme.
        hatch: 0 for plain, 1 for lines that rise, −1 for lines that fall: what is alike in colour differs in this.
        quiet: drawn faintly, towards the ground.
    """

    colour: str
    hatch: int = 0
    quiet: bool = False


#: the RPN in blues, the heads in warm colours, what cuts lists hatched
STATE_LOOKS: Mapping[str, StateLook] = {
    FOUND: StateLook("#009E73", quiet=True),
    "resize": StateLook("#7A5195"),
    "anchors": StateLook("#7A5195", 1),
    "rpn_regression": StateLook("#0B4F94"),
    "rpn_top_k": StateLook("#2C7FC4", 1),
    "rpn_min_size": StateLook("#8AA7C4"),
    "rpn_score": StateLook("#8AA7C4", 1),
    "rpn_nms": StateLook("#56B4E9"),
    "rpn_cap": StateLook("#56B4E9", -1),
    "box_regression": StateLook("#E69F00"),
    "class_score": StateLook("#D55E00"),
    "top_k": StateLook("#D55E00", 1),
    "min_size": StateLook("#B58A5A"),
    "nms": StateLook("#CC79A7"),
    "cap": StateLook("#CC79A7", -1),
    # outcomes that no stage is to blame for
    "taken": StateLook("#8A8F98"),
    "wrong class": StateLook("#8A8F98", 1),
    "badly placed": StateLook("#8A8F98", -1),
    "missed": StateLook("#5B6068", 1),
}
_OTHER = StateLook("#8A8F98")
#: (colour, sign) of detectors, in their order; colours are Okabe and Ito's
DETECTORS: tuple[tuple[str, str], ...] = (
    ("#0072B2", "disc"),
    ("#D55E00", "square"),
    ("#009E73", "triangle"),
    ("#CC79A7", "diamond"),
)


def state_look(state: str) -> StateLook:
    """The look of a state of a funnel; grey for a stage that nobody has described."""
    return STATE_LOOKS.get(state, _OTHER)
