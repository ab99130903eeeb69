"""Who may be compared, and which two are: the list behind the head row of the Compare tab. No Qt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from fpn_viewer.engine.compare_values import LETTERS, Subject, source_name

if TYPE_CHECKING:
    from fpn_viewer.engine.object_values import Change
    from fpn_viewer.engine.values import DetectorInfo


@dataclass(eq=False)
class Slot:
    """One side that may be shown.

    Attributes:
        subject: what it is.
        handle: what the worker knows its detector by, "" for the window's own.
        info: its detector; None until it is open, and for those that run the window's own.
        before: what stands here again when it does not open; None when it was added.
        beside: what was B when it was added.
        moved_to: the device that it was opened anew for; "" when it was not.
    """

    subject: Subject
    handle: str
    info: DetectorInfo | None = None
    before: Slot | None = field(default=None, repr=False)
    beside: Slot | None = field(default=None, repr=False)
    moved_to: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing has to be opened for it any more."""
        return not self.handle or self.info is not None

    @property
    def source(self) -> str:
        """What it is opened from, in short."""
        return source_name(self.subject)


class Subjects:
    """Up to four slots, the first of which is the window's own detector.

    Attributes:
        slots: in the order of their letters.
        a: the one shown as A.
        b: the one shown as B.
    """

    def __init__(self) -> None:
        """Only the window's own."""
        self.slots = [Slot(Subject(), "")]
        self.a = self.b = self.slots[0]
        self._opening: deque[Slot | None] = deque()
        self._numbers = count(1)

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def own(self) -> Slot:
        """The window's own detector."""
        return self.slots[0]

    @property
    def shown(self) -> tuple[int, int]:
        """The places of A and B."""
        return self.slots.index(self.a), self.slots.index(self.b)

    @property
    def full(self) -> bool:
        """Whether no other fits."""
        return len(self.slots) == len(LETTERS)

    @property
    def opening(self) -> Slot | None:
        """The one that the worker opens, or will open next."""
        return next((slot for slot in self._opening if slot is not None), None)

    @property
    def handles(self) -> tuple[str, ...]:
        """Of the detectors that are needed beside the window's own; those that may be put back are as well."""
        needed = (*self.slots, *(slot.before for slot in self.slots if slot.before is not None))
        return tuple({slot.handle: None for slot in needed if slot.handle})

    def info(self, slot: Slot) -> DetectorInfo | None:
        """The detector of a slot, once it is open."""
        return slot.info if slot.handle else self.own.info

    # -- changing ---------------------------------------------------------------------------------------------------

    def follow(self, info: DetectorInfo | None) -> None:
        """The window has another detector."""
        self.own.info = info

    def change(self, change: Change) -> None:
        """The window runs its detector in another way."""
        self.own.subject = Subject(change=change)

    def add(self, subject: Subject) -> Slot:
        """A slot behind the others, shown as B; there must be room."""
        slot = self._made(subject)
        slot.beside = self.b
        self.slots.append(slot)
        self.b = slot
        return slot

    def replace(self, index: int, subject: Subject) -> Slot:
        """Another in the place of a slot; not the first."""
        before = self.slots[index]
        slot = self._made(subject)
        if not slot.settled:
            # of two that were put here one after the other neither may open
            slot.before = before if before.settled else before.before
        self._put(index, slot)
        return slot

    def remove(self, index: int) -> None:
        """Takes a slot away; not the first. Where it was shown, another takes its place."""
        slot = self.slots.pop(index)
        if self.b is slot:
            self.b = slot.beside if slot.beside in self.slots else self.slots[-1]
        if self.a is slot:
            self.a = next((one for one in self.slots if one is not self.b), self.own)

    @property
    def elsewhere(self) -> list[int]:
        """The slots whose detector does not run where the window's own does, though nobody said where it should."""
        own = self.own.info
        return [
            index
            for index, slot in enumerate(self.slots)
            if own is not None
            and slot.handle
            and slot.info is not None
            and own.device not in (slot.info.device, slot.moved_to)
            and "device" not in slot.subject.options
        ]

    def move(self, index: int) -> Slot:
        """The same detector in the place of a slot, to be opened anew where the window's own is; if it fails it stays."""
        before = self.slots[index]
        device = "" if self.own.info is None else self.own.info.device
        slot = Slot(before.subject, f"subject {next(self._numbers)}", before=before, beside=before.beside, moved_to=device)
        self._put(index, slot)
        return slot

    def choose(self, a: int, b: int) -> None:
        """Shows two of them."""
        self.a, self.b = self.slots[a], self.slots[b]

    # -- opening ----------------------------------------------------------------------------------------------------

    def begin(self, slot: Slot | None) -> None:
        """The worker was asked to open its detector, or with None to let go of others; it answers in the order of asking."""
        self._opening.append(slot)

    def opened(self, info: DetectorInfo | None) -> None:
        """The worker has answered.

        Args:
            info: the detector; None where the worker let go of others.
        """
        slot = self._opening.popleft()
        if slot is not None:
            slot.info, slot.before = info, None

    def failed(self) -> Slot | None:
        """The worker could not open the next one, which is returned: what was there before is there again."""
        slot = self._opening.popleft()
        if slot is not None and slot in self.slots:
            index = self.slots.index(slot)
            if slot.before is None:
                self.remove(index)
            else:
                self._put(index, slot.before)
        return slot

    def _put(self, index: int, slot: Slot) -> None:
        before, self.slots[index] = self.slots[index], slot
        self.a = slot if self.a is before else self.a
        self.b = slot if self.b is before else self.b

    def _made(self, subject: Subject) -> Slot:
        """A slot; it is settled at once when another runs the same detector."""
        if subject.source is None:
            return Slot(subject, "")
        settled = (slot for slot in self.slots if slot.handle and slot.settled)
        same = next((slot for slot in settled if _same_detector(slot.subject, subject)), None)
        return Slot(subject, f"subject {next(self._numbers)}") if same is None else Slot(subject, same.handle, same.info)


def _same_detector(one: Subject, other: Subject) -> bool:
    return one.source == other.source and dict(one.options) == dict(other.options)
