"""The adapter of a network: given with it, or brought by an installed package (entry points of the group `fpn_viewer.adapters`).

An entry point names an object with `claims(module) -> bool` and `adapt(module) -> Adapter`, or a class of such objects. They are
listed and loaded only when a network needs one.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from torch import nn

from fpn_viewer.core.detectors.adapters.adapted import Adapted
from fpn_viewer.core.detectors.adapters.blame import blamed
from fpn_viewer.core.detectors.adapters.protocol import Adapter
from fpn_viewer.core.errors import DetectorError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint

GROUP = "fpn_viewer.adapters"
#: how a sentence about a network without an adapter ends
ADVICE = "give it an adapter (README, Your own network): fv.open_detector(module, adapter=…)"


def adapted(module: nn.Module, adapter: Any = None) -> Adapted:
    """A network with an adapter, ready to be opened like one of torchvision's detectors; its own module stays as it was.

    Args:
        module: the network.
        adapter: an `Adapter`, or a class of them; looked for among those of installed packages when None.

    Raises:
        DetectorError: the adapter does not fit the network, or nobody has one for it.
    """
    if not isinstance(module, nn.Module):
        raise DetectorError(f"an adapter is for a torch.nn.Module, not for a {type(module).__name__}.")
    if adapter is None:
        return brought(module)[0]
    made = adapter() if isinstance(adapter, type) else adapter
    if not isinstance(made, Adapter):
        raise DetectorError(f"a {type(made).__name__} is no adapter; make it a subclass of fpn_viewer.Adapter.")
    return Adapted(module, made)


def brought(module: nn.Module, problem: str = "") -> tuple[Adapted, str]:
    """A network with the adapter that an installed package has for it.

    Args:
        module: the network.
        problem: why it needs one, in a sentence.

    Returns:
        The network, and where the adapter came from, in words; entry points that are broken are named and passed over.

    Raises:
        DetectorError: no package has one; the sentence is the problem, with what was looked at.
    """
    broken: list[str] = []
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    for point in points:
        try:
            with blamed(f"the adapter {point.name} of {_package(point)}"):
                made = _asked(point, module)
        except UserError as error:
            broken.append(str(error).rstrip("."))
            continue
        if made is not None:
            skipped = f"; passed over: {'; '.join(broken)}" if broken else ""
            return made, f"{point.name} of {_package(point)}{skipped}"
    raise DetectorError(_nobody(module, problem, points, broken))


def _asked(point: EntryPoint, module: nn.Module) -> Adapted | None:
    found: Any = point.load()
    found = found() if isinstance(found, type) else found
    if not found.claims(module):
        return None
    made = found.adapt(module)
    return made if isinstance(made, Adapted) else adapted(module, made)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _nobody(module: nn.Module, problem: str, points: Sequence[EntryPoint], broken: Sequence[str]) -> str:
    start = problem or f"a network of class {type(module).__name__} is not one of torchvision's detectors."
    looked = f" None of the installed adapters ({', '.join(point.name for point in points)}) takes it." if points else ""
    return f"{start.rstrip('.')}; {ADVICE}.{looked}{''.join(f' {line}.' for line in broken)}"
