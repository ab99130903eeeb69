"""The worst losses of a detector, each with a crop of its picture."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from fpn_viewer.core.errors import PictureError
from fpn_viewer.core.images import open_picture
from fpn_viewer.engine.scan.filters import LOST, SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.geometry import Box
    from fpn_viewer.core.images import Picture
    from fpn_viewer.engine.scan.reading import Scan

#: px of a crop's side in the report
_SIDE = 280
#: the crop shows so many times the object's longer side, and so many image px at least
_AROUND, _LEAST = 3.0, 48.0
_OBJECT, _DETECTION = "#FFD400", "#00E5FF"
#: `choices.state_of` of a lost object
_STATE = "CASE WHEN fates.killer = '' THEN fates.outcome ELSE fates.killer END"
#: the largest objects of each state; all that a card says of them
_QUERY = f"""
    WITH lost AS (
        SELECT *, {_STATE} AS state,
            ROW_NUMBER() OVER (PARTITION BY {_STATE} ORDER BY {SIDE} DESC, picture, object) AS place
        FROM fates WHERE detector = ? AND outcome IN ({", ".join(repr(one) for one in LOST)})
    )
    SELECT state, path, objects.class, outcome, verdict, lost.net_w, lost.net_h, objects.x1, objects.y1, objects.x2, objects.y2,
        height, width, near.x1, near.y1, near.x2, near.y2, near.class, near.score
    FROM lost JOIN objects USING (picture, object) JOIN pictures USING (picture) JOIN done USING (picture)
    LEFT JOIN detections AS near
        ON near.picture = lost.picture AND near.detector = lost.detector AND near.detection = lost.detection
    WHERE place <= ? ORDER BY state, place
"""


@dataclass(frozen=True)
class Case:
    """A lost object.

    Attributes:
        state: what lost it, as in `values.Funnel`.
        path: of its picture.
        name: its class.
        outcome: a key of `matching.OUTCOMES`.
        verdict: one sentence; "" where it could not be followed.
        net: width and height, net px.
        box_img: xyxy image px.
        size: height and width of the picture when it was scanned, image px.
        near_img: the detection that decides its outcome, xyxy image px; None without one.
        near: class and score of that detection; "" without one.
    """

    state: str
    path: str
    name: str
    outcome: str
    verdict: str
    net: tuple[float, float]
    box_img: Box
    size: tuple[int, int]
    near_img: Box | None
    near: str


def worst(scan: Scan, detector: int, most: int = 24) -> tuple[Case, ...]:
    """The largest lost objects of each state in turn: large objects are what a detector should find.

    Args:
        scan: to look in.
        detector: by its place in the scan.
        most: cases.

    Raises:
        ScanError: the file cannot be read.
    """
    found: dict[str, list[Case]] = defaultdict(list)
    for state, *rest in scan.rows(_QUERY, (detector, most)):
        found[state].append(_case(state, rest))
    ranks = [[cases[rank] for cases in found.values() if rank < len(cases)] for rank in range(most)]
    chosen = [case for rank in ranks for case in rank][:most]
    return tuple(sorted(chosen, key=lambda case: list(found).index(case.state)))


def _case(state: str, row: Sequence[Any]) -> Case:
    path, name, outcome, verdict, net_w, net_h, *numbers = row
    x1, y1, x2, y2, height, width, *near, seen, score = numbers
    told = "" if seen is None else f"{seen} {score:.2f}"
    where = None if seen is None else (near[0], near[1], near[2], near[3])
    return Case(state, path, name, outcome, verdict, (net_w, net_h), (x1, y1, x2, y2), (height, width), where, told)


def crop_uri(case: Case) -> tuple[str, str]:
    """A case's surroundings as a JPEG in a data URI, its box in yellow, the detection in blue dashes.

    Returns:
        The URI, "" where the picture cannot be shown; and why not, "" where it can.
    """
    try:
        picture = open_picture(case.path)
    except PictureError as error:
        return "", str(error)
    if picture.size != case.size:
        return "", f"{case.path} has another size than when it was scanned."
    file = io.BytesIO()
    _crop(picture, case).save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", ""


def _crop(picture: Picture, case: Case) -> Image.Image:
    x1, y1, x2, y2 = case.box_img
    side = max(_AROUND * max(x2 - x1, y2 - y1), _LEAST)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    image = Image.fromarray(picture.pixels)
    # outside the picture Pillow leaves black
    out = image.transform((_SIDE, _SIDE), Image.Transform.EXTENT, (left, top, left + side, top + side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(out)

    def placed(box: Box) -> list[float]:
        scaled = [(value - start) * _SIDE / side for value, start in zip(box, (left, top, left, top), strict=True)]
        return [max(-2.0, min(_SIDE + 2.0, value)) for value in scaled]

    if case.near_img is not None:
        _dashed(pen, placed(case.near_img))
    pen.rectangle(placed(case.box_img), outline=_OBJECT, width=2)
    return out


def _dashed(pen: ImageDraw.ImageDraw, box: Sequence[float]) -> None:
    x1, y1, x2, y2 = box
    for start in range(int(x1), int(x2), 10):
        for y in (y1, y2):
            pen.line((start, y, min(start + 6, x2), y), fill=_DETECTION, width=2)
    for start in range(int(y1), int(y2), 10):
        for x in (x1, x2):
            pen.line((x, start, x, min(start + 6, y2)), fill=_DETECTION, width=2)
