"""A reader of pickles that makes nothing but plain values: it has no way to import, call or change anything.

Names stay names (`Named`), what a pickle would call stays a note of it (`Made`), so that a pickle can be judged before anything
else looks at it. Subclasses say which names are welcome and what becomes of what is made.
"""

from __future__ import annotations

import _compat_pickle
import pickletools
import re
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from fpn_viewer.core.checkpoints.reading.danger import runs_code, would_run
from fpn_viewer.core.checkpoints.reading.limits import DEPTH, NAME_LENGTH, NAMES, NUMBER_BYTES, STEPS, Budget, damaged, too_much
from fpn_viewer.core.checkpoints.reading.steps import ACTIONS
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from fpn_viewer.core.tracing.record import Watcher

#: what pickletools and the steps raise on bytes that are no pickle; a warning of a bad escape is raised where warnings are errors
BROKEN = (ValueError, LookupError, TypeError, EOFError, OverflowError, AttributeError, DeprecationWarning)
_NAME = re.compile(r"[A-Za-z_][\w.]*(?:<(?:locals|lambda)>[\w.]*)*")
#: bytes of the longest line of a pickle of protocol 0
_LINE = 2**20
_SCALARS = (str, int, float, bytes, bool, type(None))


@dataclass(frozen=True)
class Named:
    """A class or function that a pickle names; only its name."""

    path: str


@dataclass(eq=False, slots=True)
class Made:
    """What calling something would have made.

    Attributes:
        callee: full name of the class or function.
        args: what it would have been given.
        state: what it would have been filled with, or None.
        fills: values put into it afterwards.
    """

    callee: str
    args: tuple[Any, ...]
    state: Any = None
    fills: int = 0


class Window:
    """The next bytes of a file, no more than a number of them. What asks for more gets a refusal before anything is allocated."""

    def __init__(self, stream: IO[bytes], size: int, file: str) -> None:
        self._stream, self._left, self.size, self._file = stream, size, size, file

    def read(self, count: int) -> bytes:
        """So many bytes, or none at the end."""
        if count > self._left:
            raise damaged(self._file, f"it says that {count} bytes follow where {self._left} are left")
        self._left -= count
        return self._stream.read(count)

    def readline(self) -> bytes:
        """A line, with its end."""
        line = self._stream.readline(min(self._left, _LINE))
        self._left -= len(line)
        return line


@dataclass
class Machine:
    """Runs the steps of one pickle on values that can do nothing.

    Attributes:
        file: its name, for sentences.
        watcher: asked now and then whether to stop.
        budget: what it may still ask for.
        names: every name it has named.
    """

    file: str
    watcher: Watcher | None = None
    budget: Budget = field(init=False)
    names: dict[str, Named] = field(default_factory=dict, init=False)

    #: steps that are known; None for all
    steps_allowed: ClassVar[frozenset[str] | None] = None

    def __post_init__(self) -> None:
        self.budget = Budget(self.file)

    def run(self, stream: Window) -> Any:
        """The value that a pickle describes.

        Raises:
            CheckpointError: it is damaged, asks for too much, or names what would run code.
        """
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.budget.characters += 4 * stream.size
        try:
            for count, (step, arg, _position) in enumerate(pickletools.genops(cast("IO[bytes]", stream))):
                if count % 4096 == 0:
                    self._look_up(count)
                if step.name == "STOP":
                    return self.stack.pop()
                self._step(step.name, arg)
        except BROKEN as error:
            raise damaged(self.file, "its pickle is damaged") from error
        raise damaged(self.file, "its pickle has no end")

    def _look_up(self, count: int) -> None:
        if self.watcher is not None:
            self.watcher.check()
        if count > STEPS:
            raise too_much(self.file, "steps")

    def _step(self, name: str, arg: Any) -> None:
        act = ACTIONS.get(name)
        if act is None or (self.steps_allowed is not None and name not in self.steps_allowed):
            raise self.other_protocol(name.lower())
        act(self, arg)

    def other_protocol(self, what: str) -> CheckpointError:
        """The refusal of a pickle that is none of torch's."""
        return CheckpointError(
            f"{self.file} is pickled in a way that torch.save does not use by default ({what}); "
            "save it again with torch.save and no pickle_protocol."
        )

    # -- what subclasses decide

    def named(self, path: str) -> Any:
        """What stands for a name. Raises CheckpointError for one that wants code to be run."""
        return Named(path)

    def made(self, callee: Any, args: Any) -> Any:
        """What stands for the result of a call."""
        return Made(callee.path, args)

    def protocol(self, version: int) -> None:
        """The version that a pickle says it has."""

    def built(self, target: Any, state: Any) -> None:
        """The state of something that was made."""
        target.state = state

    def filled(self, target: Any, values: list[Any], pairs: bool) -> None:
        """Values, or keys and values in turn, put into something that was made."""
        target.fills += len(values)

    def held(self, pid: Any) -> Any:
        """What stands for a place outside the pickle."""
        raise damaged(self.file, "it refers to data outside of it")

    # -- the steps' common parts

    def look_up_name(self, module: str, name: str) -> Any:
        """`named`, once for each name, after the names that everything refuses."""
        # Python 2 called modules otherwise, and pickles of protocol 2 still do
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name))
        path = f"{module}.{name}"
        if path not in self.names:
            if len(self.names) >= NAMES:
                raise too_much(self.file, "classes")
            if len(path) > NAME_LENGTH or not _NAME.fullmatch(path):
                raise damaged(self.file, "a class in it has no proper name")
            if runs_code(path):
                raise would_run(self.file, path)
            self.names[path] = self.named(path)
        return self.names[path]

    def pop_mark(self) -> list[Any]:
        """What was pushed since the last mark."""
        values, self.stack = self.stack, self.marks.pop()
        return values

    def call(self, callee: Any, args: Any) -> Any:
        """`made`, where it is a name that is called, with what it may be given."""
        if not isinstance(callee, Named):
            raise would_run(self.file, getattr(callee, "callee", type(callee).__name__))
        if not isinstance(args, tuple):
            raise damaged(self.file, "a call in it has no arguments")
        self.budget.take("calls")
        self.budget.take("objects")
        self.budget.take("handed", sum(len(a) for a in args if isinstance(a, (list, dict, tuple, set, frozenset))))
        self.budget.take("characters", sum(len(a) for a in args if isinstance(a, (str, bytes, bytearray))))
        return self.made(callee, args)

    def build(self, state: Any) -> None:
        """`built` of what is on top of the stack."""
        target = self.stack[-1]
        if isinstance(target, (Named, list, dict, tuple, set, *_SCALARS)):
            raise would_run(self.file, getattr(target, "path", "a change of built-in values"))
        self.budget.take("handed", len(state) if isinstance(state, (dict, list, tuple)) else 1)
        self.built(target, state)

    def extend(self, values: list[Any]) -> None:
        """Values into the list, or whatever is filled like one, on top of the stack."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        else:
            self._fill(target, values, pairs=False)

    def update(self, values: list[Any]) -> None:
        """Keys and values in turn into the dict, or whatever is filled like one, on top of the stack."""
        target, keys = self.stack[-1], values[::2]
        for key in keys:
            self.check_key(key)
        if len(values) % 2:
            raise damaged(self.file, "a key in it has no value")
        if isinstance(target, dict):
            target.update(zip(keys, values[1::2], strict=True))
        else:
            self._fill(target, values, pairs=True)

    def _fill(self, target: Any, values: list[Any], pairs: bool) -> None:
        if isinstance(target, (Named, dict, tuple, set, *_SCALARS)):
            raise damaged(self.file, "values in it are put where none can be")
        self.filled(target, values, pairs)

    def check_key(self, key: Any) -> None:
        """Refuses what would take long or overflow the stack to be looked up: nested tuples, and many tuples or long numbers."""
        if isinstance(key, tuple):
            self.budget.take("odd_keys")
            if len(key) > DEPTH or not all(isinstance(part, _SCALARS) for part in key):
                raise damaged(self.file, "a key in it is nested")
        elif isinstance(key, (list, dict, set)):
            raise damaged(self.file, "a key in it is a list")

    def number(self, value: int) -> int:
        """A whole number, unless it is a very long one."""
        if value.bit_length() > 64:
            self.budget.take("long_numbers")
            if value.bit_length() > 8 * NUMBER_BYTES:
                raise too_much(self.file, "digits in a number")
        return value
