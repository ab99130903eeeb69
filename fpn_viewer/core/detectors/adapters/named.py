"""A network that a user names as `package.module:attribute`. Only what is named is imported, and nothing before it is asked for."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.errors import DetectorError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class NamedModel:
    """What `--model` names, and the weights that go into it.

    Attributes:
        name: "package.module:attribute"; the attribute is a function that makes a module, a module, or an adapter with `build`.
        checkpoint: a file with the module's state_dict; "" to leave the weights as they are made.
    """

    name: str
    checkpoint: str = ""

    def __str__(self) -> str:
        return self.name


def make(named: NamedModel) -> nn.Module:
    """The network, made by the user's own code; one named by an adapter comes with it.

    Raises:
        DetectorError: nothing of that name can be imported, or it makes no module; the sentence names the line that failed.
    """
    from torch import nn

    from fpn_viewer.core.detectors.adapters.adapted import Adapted
    from fpn_viewer.core.detectors.adapters.blame import blamed
    from fpn_viewer.core.detectors.adapters.protocol import Adapter

    made = _attribute(named.name)
    with blamed(f"{named.name}"):
        if isinstance(made, type) and issubclass(made, Adapter):
            made = made()
        if isinstance(made, Adapter):
            return Adapted(_module(made.build(), named.name), made)
        return _module(made if isinstance(made, nn.Module) or not callable(made) else made(), named.name)


def _module(made: Any, name: str) -> nn.Module:
    from torch import nn

    if not isinstance(made, nn.Module):
        raise DetectorError(f"{name} gave a {type(made).__name__}, not a torch.nn.Module; let it return the network.")
    return made


def _attribute(name: str) -> Any:
    from fpn_viewer.core.detectors.adapters.blame import blamed

    home, colon, path = name.partition(":")
    if not colon or not home or not path:
        raise DetectorError(f"{name!r} does not name a network; write package.module:function, as nets.retina:build.")
    # as `python -m` has it: the user's own modules lie in the folder they are in
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    with blamed(f"importing {home}"):
        found: Any = import_module(home)
    for part in path.split("."):
        if not hasattr(found, part):
            where = getattr(found, "__file__", None) or home
            raise DetectorError(f"{home} has no {part!r}; look for the name in {where}.")
        found = getattr(found, part)
    return found
