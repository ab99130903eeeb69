"""What a detector was opened from, as a small value that is kept with its results, so that the same one can be opened again.

Importing it loads no torch.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.detectors.builders import BUILDERS
from fpn_viewer.core.errors import SettingError
from fpn_viewer.core.resources import is_bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.detectors.spec import DetectorSpec

#: what a detector may have been opened from, in words
KINDS: dict[str, str] = {
    "": "a module of a program, or random weights: nothing that can be opened once more",
    "bundled": "a detector that comes with the program",
    "builder": "weights that torchvision publishes",
    "checkpoint": "a file",
    "model": "a network of the user's own, which is code to be imported",
}


@dataclass(frozen=True)
class Origin:
    """What a detector was opened from.

    Attributes:
        kind: a key of `KINDS`.
        name: the bundled name, the builder's name, the file's absolute path, or "package.module:attribute".
        checkpoint: of a network of the user's own: absolute path of the file with its weights; "" without one.
        options: what was said of it besides, by name: settings, conventions and names of classes.
        precision: "float32", "float16" or "bfloat16".
    """

    kind: str = ""
    name: str = ""
    checkpoint: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"

    @property
    def source(self) -> str | NamedModel | None:
        """What `open_detector` takes, with `options`; None for what cannot be opened once more."""
        if self.kind == "model":
            return NamedModel(self.name, self.checkpoint)
        return self.name or None

    @property
    def file(self) -> str:
        """The file that must be there to open it, "" where none must."""
        return self.name if self.kind == "checkpoint" else self.checkpoint

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, default=str)

    @classmethod
    def from_json(cls, text: str) -> Origin:
        """What `to_json` wrote.

        Raises:
            SettingError: the text says something else.
        """
        try:
            said = cls(**json.loads(text))
            options = {name: _tuples(value) for name, value in said.options.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise SettingError(f"what a detector was opened from cannot be read: {error}.") from error
        if said.kind not in KINDS:
            raise SettingError(f"what a detector was opened from cannot be read: {said.kind!r} is not known.")
        return cls(said.kind, said.name, said.checkpoint, options, said.precision)


def origin_of(source: object, options: Mapping[str, Any], spec: DetectorSpec, precision: str) -> Origin:
    """The origin of a detector that was just opened.

    Args:
        source: what `open_detector` was given.
        options: what it was given besides; of a value the one is kept that was understood.
        spec: what came of it.
        precision: that it runs in.
    """
    understood = {
        **asdict(spec.settings),
        **asdict(spec.conventions),
        **{name: getattr(spec, name) for name in ("class_names", "name", "norm_eps", "stages")},
    }
    said = {name: understood.get(name, value) for name, value in options.items()}
    return Origin(*_named(source, spec), said, precision)


def _named(source: object, spec: DetectorSpec) -> tuple[str, str, str]:
    """Kind, name and checkpoint."""
    if isinstance(source, NamedModel):
        return "model", source.name, os.path.abspath(source.checkpoint) if source.checkpoint else ""
    if source in BUILDERS:
        return ("", "", "") if spec.untrained else ("builder", str(source), "")
    if is_bundled(source):
        return "bundled", str(source), ""
    return ("checkpoint", os.path.abspath(source), "") if isinstance(source, (str, os.PathLike)) else ("", "", "")


def _tuples(value: Any) -> Any:
    """JSON knows lists only, and settings are compared as tuples."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
