"""Files that ship with the program: bundled checkpoints, sample pictures, icons."""

from __future__ import annotations

from functools import cache
from pathlib import Path

#: beside the package in a checkout; inside it in an installed wheel
_PLACES = (Path(__file__).parents[1] / "resources", Path(__file__).parents[2] / "resources")


@cache
def resources() -> Path:
    """The folder of the shipped files.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for place in _PLACES:
        if (place / "checkpoints").is_dir():
            return place
    raise FileNotFoundError(f"the program's resources are in neither {_PLACES[0]} nor {_PLACES[1]}; install it again")


def bundled_checkpoints() -> dict[str, Path]:
    """Bundled detectors by name, "demo" first."""
    return {path.stem: path for path in sorted((resources() / "checkpoints").glob("*.safetensors"), key=lambda p: p.stem)}


def sample_pictures() -> tuple[Path, ...]:
    """The sample scenes, in order."""
    return tuple(sorted((resources() / "samples").glob("*.jpg")))


def is_bundled(source: object) -> bool:
    """Whether that is the name of a bundled detector."""
    return isinstance(source, str) and source in _bundled_or_none()


def checkpoint_file(source: object) -> str:
    """The file that a detector is named by: a bundled name's, or the path itself; "" for what is not a file."""
    if not isinstance(source, (str, Path)):
        return ""
    path = _bundled_or_none().get(str(source), Path(source))
    return str(path) if path.is_file() else ""


def _bundled_or_none() -> dict[str, Path]:
    try:
        return bundled_checkpoints()
    except FileNotFoundError:
        # an installation without its files still opens the user's own
        return {}
