"""The configuration that mmdetection writes into its checkpoints as text: found, read as data, and looked into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.python_text import assignments

if TYPE_CHECKING:
    from collections.abc import Iterator

#: where the text, or the same as a dict, lies in the file
_PLACES = (("meta", "cfg"), ("meta", "config"), ("cfg",), ("config",))
#: where the test pictures' way into the network is said, best first
_PIPELINES = (
    ("test_dataloader", "dataset", "pipeline"),
    ("test_dataloader", "dataset", "dataset", "pipeline"),
    ("data", "test", "pipeline"),
    ("test_pipeline",),
    ("val_pipeline",),
)
_NESTED = ("transforms", "pipeline")


@dataclass(frozen=True, eq=False)
class Config:
    """What a configuration says.

    Attributes:
        place: where in the file it was, "meta.config"; "" when the file has none.
        values: its top-level names.
    """

    place: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.place)

    def get(self, *path: str | int) -> Any:
        """What lies under a path of names and places in lists; None where there is nothing."""
        return dig(self.values, *path)

    def first(self, *paths: tuple[str | int, ...]) -> tuple[Any, str]:
        """The first thing that is there under one of several paths, and the path as text; (None, "") when none is."""
        for path in paths:
            value = self.get(*path)
            if value is not None:
                return value, ".".join(str(part) for part in path)
        return None, ""

    def steps(self) -> Iterator[Mapping[str, Any]]:
        """The steps of a test picture's way into the network, in order, those inside others too."""
        pipeline, _ = self.first(*_PIPELINES)
        yield from _flat(pipeline, depth=3)

    def step(self, kind: str) -> Mapping[str, Any]:
        """The first step of a kind, "Resize"; empty when there is none."""
        return next((step for step in self.steps() if step.get("type") == kind), {})


def config_of(metadata: Mapping[str, Any]) -> Config:
    """The configuration in a file's metadata; an empty one when there is none that describes a model."""
    for place in _PLACES:
        found = dig(metadata, *place)
        values = _parsed(found) if isinstance(found, str) else found
        if isinstance(values, Mapping) and isinstance(values.get("model"), Mapping):
            return Config(".".join(place), values)
    return Config()


def version_of(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Major and minor version of the mmdetection that wrote the file, None where it does not say."""
    said = dig(metadata, "meta", "mmdet_version")
    parts = str(said).split(".")[:2] if isinstance(said, str) else []
    if len(parts) == 2 and all(part.isdecimal() and len(part) < 4 for part in parts):
        return int(parts[0]), int(parts[1])
    return (3, 0) if dig(metadata, "meta", "mmengine_version") is not None else None


def dig(value: Any, *path: str | int) -> Any:
    """What lies in nested dicts and lists under a path; None where there is nothing."""
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(part, int) and 0 <= part < len(value):
            value = value[part]
        else:
            return None
    return value


# the same text is asked for while tensors are recognised and again for its values
@lru_cache(maxsize=4)
def _parsed(text: str) -> Mapping[str, Any]:
    return assignments(text)


def _flat(steps: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    for step in steps if isinstance(steps, (list, tuple)) and depth else ():
        if isinstance(step, Mapping):
            yield step
            for name in _NESTED:
                yield from _flat(step.get(name), depth - 1)
