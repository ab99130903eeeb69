"""Taps: the places in a module's forward where a map passes, named by the path of a submodule.

As text: `path`, then `@N` for its N-th call, from 0, of one forward (any call without it), `:in` for what goes in instead of what
comes out, and `[key]` for each step into a list, tuple, dict or object. `neck.smooth.0`, `neck:in[1]`, `neck[p3]`, `share@2`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

_FORM = re.compile(r"(?P<path>(?:\w+(?:\.\w+)*)?)(?:@(?P<call>\d+))?(?P<entering>:in)?(?P<keys>(?:\[[^\[\]]+\])*)")


@dataclass(frozen=True)
class Tap:
    """One place in a forward.

    Attributes:
        path: of the submodule; "" for the module itself.
        call: which of its calls in one forward, from 0; None for any, where the last one counts.
        entering: what goes in (its one argument, or the tuple of all) instead of what comes out.
        keys: the steps into that; a number on a dict counts its values.
    """

    path: str
    call: int | None = None
    entering: bool = False
    keys: tuple[int | str, ...] = ()

    @staticmethod
    def read(text: str) -> Tap:
        """The tap of that text.

        Raises:
            DetectorError: it is not written like one.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise DetectorError(
                f"{text!r} does not name a place in a network; write the path of a module, with :in for what goes into it and "
                "[key] for a part, as 'neck.smooth.0', 'neck:in[1]' or 'neck[p3]'."
            )
        keys = tuple(int(key) if key.isdigit() else key for key in re.findall(r"\[([^\[\]]+)\]", found["keys"]))
        return Tap(found["path"], None if found["call"] is None else int(found["call"]), bool(found["entering"]), keys)

    def __str__(self) -> str:
        call = "" if self.call is None else f"@{self.call}"
        return f"{self.path}{call}{':in' if self.entering else ''}{''.join(f'[{key}]' for key in self.keys)}"

    @property
    def whole(self) -> bool:
        """Whether it is all that a module gives back."""
        return not self.entering and not self.keys

    def below(self, prefix: str) -> Tap:
        """The same place, seen from a module that has this tap's module at `prefix`."""
        return replace(self, path=f"{prefix}.{self.path}" if self.path else prefix)

    def map_in(self, passing: Any) -> Tensor:
        """The map (1, C, h, w) in what passes here.

        Raises:
            DetectorError: there is none.
        """
        for key in self.keys:
            passing = _step(passing, key, str(self))
        if not isinstance(passing, Tensor) or passing.dim() != 4:
            what = f"a tensor of {passing.dim()} dimensions" if isinstance(passing, Tensor) else f"a {type(passing).__name__}"
            raise DetectorError(f"what passes at {str(self)!r} is {what}, not a map (1, C, h, w); name the part of it with [key].")
        return passing

    def with_map(self, passing: Any, value: Tensor) -> Any:
        """What passes here with another map in the tap's place; containers are copied."""
        return _placed(passing, self.keys, value)


def _step(passing: Any, key: int | str, where: str) -> Any:
    try:
        if isinstance(passing, Mapping):
            return passing[key] if key in passing else list(passing.values())[int(key)]
        return passing[key] if isinstance(key, int) else getattr(passing, key)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DetectorError(f"what passes at {where!r} has no part [{key}]: it is a {type(passing).__name__}.") from error


def _placed(passing: Any, keys: Sequence[int | str], value: Tensor) -> Any:
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if isinstance(passing, Mapping):
        name = first if first in passing else list(passing)[int(first)]
        return type(passing)({**passing, name: _placed(passing[name], rest, value)})  # type: ignore[call-arg]
    if not isinstance(passing, (list, tuple)) or not isinstance(first, int) or hasattr(passing, "_fields"):
        raise DetectorError(f"a map inside a {type(passing).__name__} cannot be replaced, so that gains cannot be tried.")
    parts = list(passing)
    parts[first] = _placed(parts[first], rest, value)
    return type(passing)(parts)


@contextmanager
def watching(module: nn.Module, taps: Mapping[str, Tap], keep: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Hands on every map that passes at a tap while the block runs.

    Args:
        module: the one that the taps are seen from.
        taps: by the name that `keep` is given with the map.
        keep: told of a map (1, C, h, w) as it passes.

    Raises:
        DetectorError: there is no such submodule; in the forward, no map passes at a tap.
    """

    def look(name: str, tap: Tap, passing: Any) -> None:
        keep(name, tap.map_in(passing))

    with meeting(module, taps, look):
        yield


@contextmanager
def meeting(module: nn.Module, taps: Mapping[str, Tap], met: Callable[[str, Tap, Any], Any]) -> Iterator[None]:
    """Calls `met(name, tap, what passes)` at every tap; what it returns, unless None, goes on in its place.

    Raises:
        DetectorError: there is no such submodule.
    """
    by_place: dict[tuple[str, bool], dict[str, Tap]] = defaultdict(dict)
    for name, tap in taps.items():
        by_place[tap.path, tap.entering][name] = tap
    handles = [_hook(submodule(module, path), entering, here, met) for (path, entering), here in by_place.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def submodule(module: nn.Module, path: str) -> nn.Module:
    """The submodule of that path.

    Raises:
        DetectorError: there is none; the sentence says where the path ends.
    """
    owner, known = module, ""
    for part in path.split(".") if path else ():
        children = dict(owner.named_children())
        if part not in children:
            has = ", ".join(list(children)[:12]) or "nothing"
            raise DetectorError(f"the network has no module {path!r}: {known or type(module).__name__} has {has}.")
        owner, known = children[part], f"{known}.{part}".lstrip(".")
    return owner


def _hook(owner: nn.Module, entering: bool, taps: Mapping[str, Tap], met: Callable[[str, Tap, Any], Any]) -> Any:
    calls = -1

    def passes(passing: Any) -> Any:
        nonlocal calls
        calls += 1
        changed = None
        for name, tap in taps.items():
            if tap.call in (None, calls):
                put = met(name, tap, passing)
                passing, changed = (passing, changed) if put is None else (put, put)
        return changed

    def before(_: nn.Module, args: tuple[Any, ...]) -> Any:
        one = len(args) == 1
        changed = passes(args[0] if one else args)
        return changed if changed is None or not one else (changed,)

    def after(_: nn.Module, __: tuple[Any, ...], out: Any) -> Any:
        return passes(out)

    return owner.register_forward_pre_hook(before) if entering else owner.register_forward_hook(after)
