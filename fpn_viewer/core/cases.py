"""A case: one object of one picture in one detector, with its verdict, in a small file that a colleague can open.

The file holds no pixels and no weights: it names picture and checkpoint and carries their hashes, so that whoever opens it is told
when what lies there is not what the verdict was made of.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
from fpn_viewer.core.errors import SettingError, UserError
from fpn_viewer.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.analysis.line import LifeLine
    from fpn_viewer.core.geometry import Box

FORMAT = "fpn_viewer case 1"
SUFFIX = ".fpncase"
#: a case is some kilobytes; anything much larger is another file
_LARGEST = 4 << 20


class CaseError(UserError):
    """A case cannot be read or written."""


@dataclass(frozen=True)
class Case:
    """One object of one picture in one detector.

    Attributes:
        picture: path of the picture.
        picture_digest: of its pixels, as `Picture.digest`.
        checkpoint: what the detector was opened from: a file, a bundled name or a builder's name.
        checkpoint_hash: SHA-256 of that file, "" when it is not a file.
        spec: the detector as it was opened.
        box_img: the object, xyxy image px.
        label_name: its class, "" for any.
        iou: overlap from which a box counts as near.
        settings: of the what-if in force, by name.
        gains: of the what-if in force, as (node, term, factor).
        verdict: one sentence.
        killer: the stage, "" when it was detected.
        stages: one (name, survivors, value, limit, sentence) for each stage.
        view: centre (x, y) image px and zoom, view px per image px.
        tab: which tab was in front.
    """

    picture: str
    picture_digest: str
    checkpoint: str
    checkpoint_hash: str
    spec: DetectorSpec
    box_img: Box
    label_name: str
    iou: float
    settings: Mapping[str, object]
    gains: tuple[tuple[str, str, float], ...]
    verdict: str
    killer: str
    stages: tuple[tuple[str, int, float | None, float | None, str], ...]
    view: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tab: str = ""
    version: str = field(default=__version__)

    def text(self) -> str:
        """The case as Markdown, for an issue tracker."""
        x1, y1, x2, y2 = (f"{side:g}" for side in self.box_img)
        lines = [
            f"**{self.verdict}**",
            "",
            f"- picture: `{Path(self.picture).name}` (pixels {self.picture_digest[:12]})",
            f"- detector: {self.spec.summary}, `{Path(self.checkpoint).name}`{_short_hash(self.checkpoint_hash)}",
            f"- object: {self.label_name or 'any class'}, box {x1}, {y1}, {x2}, {y2} px, near from IoU {self.iou:g}",
            *(f"- what-if: {line}" for line in self.changes()),
            "",
            "| stage | survivors | value | limit | |",
            "|---|---:|---:|---:|---|",
            *(
                f"| {name} | {count:,} | {_cell(value)} | {_cell(limit)} | {text} |"
                for name, count, value, limit, text in self.stages
            ),
            "",
            f"fpn_viewer {self.version}",
        ]
        return "\n".join(lines)

    def changes(self) -> tuple[str, ...]:
        """The what-if in force, one phrase for each change."""
        settings = (f"{name} = {value}" for name, value in self.settings.items())
        gains = (f"{term} into {node} × {factor:g}" for node, term, factor in self.gains)
        return (*settings, *gains)


def stage_rows(line: LifeLine) -> tuple[tuple[str, int, float | None, float | None, str], ...]:
    """What a case keeps of the stages of a life line."""
    return tuple((s.name, s.survivors, s.value, s.limit, s.sentence) for s in line.stages)


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal; "" when there is no such file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def save_case(case: Case, path: str | Path) -> None:
    """Writes a case.

    Raises:
        CaseError: the file cannot be written.
    """
    plain = {f.name: getattr(case, f.name) for f in dataclasses.fields(case)}
    plain |= {"format": FORMAT, "spec": json.loads(case.spec.to_json()), "settings": dict(case.settings)}
    try:
        Path(path).write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise CaseError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error


def load_case(path: str | Path) -> Case:
    """Reads a case that `save_case` wrote.

    A picture or checkpoint that is no longer where it was is looked for beside the case.

    Raises:
        CaseError: the file cannot be read or is not a case.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise CaseError(f"{path} is too large to be a case; open a file that ends in {SUFFIX}.")
        plain = json.loads(path.read_text("utf-8"))
        if not isinstance(plain, dict) or plain.pop("format", "") != FORMAT:
            raise CaseError(f"{path} is not a case of this version; it should hold the format {FORMAT!r}.")
        case = _case(plain)
    except OSError as error:
        raise CaseError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, SettingError) as error:
        raise CaseError(f"{path} is not a readable case ({error}); was it written by fpn_viewer, and completely?") from error
    return dataclasses.replace(case, picture=_beside(case.picture, path), checkpoint=_beside(case.checkpoint, path))


def _case(plain: dict[str, Any]) -> Case:
    x1, y1, x2, y2 = (float(side) for side in plain.pop("box_img"))
    cx, cy, zoom = (float(number) for number in plain.pop("view"))
    settings = plain.pop("settings")
    in_force = Settings().changed(**settings)
    gains = tuple((str(node), str(term), float(factor)) for node, term, factor in plain.pop("gains"))
    stages = tuple((str(n), int(s), _number(v), _number(limit), str(t)) for n, s, v, limit, t in plain.pop("stages"))
    return Case(
        spec=DetectorSpec.from_json(json.dumps(plain.pop("spec"))),
        box_img=(x1, y1, x2, y2),
        view=(cx, cy, zoom),
        settings={name: getattr(in_force, name) for name in settings},
        gains=gains,
        stages=stages,
        iou=float(plain.pop("iou")),
        **{name: str(value) for name, value in plain.items()},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _beside(name: str, case: Path) -> str:
    there = case.parent / Path(name).name
    return str(there) if not Path(name).exists() and there.is_file() else name


def _short_hash(digest: str) -> str:
    return f" (SHA-256 {digest[:12]})" if digest else ""


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 2 else f"{value:.3g}"
