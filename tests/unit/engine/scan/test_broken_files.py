"""A broken picture, annotation or run in the middle of a scan costs its own rows and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

import fpn_viewer as fv
from fpn_viewer.core.errors import PictureError
from fpn_viewer.core.images import list_pictures
from tests.scan_set import SIZE, detector, pictures, rows
from tests.tiny import TINY, noise, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

NAMES = TINY.class_names
VOC = f"""<annotation><size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></size>
<object><name>{NAMES[1]}</name><bndbox><xmin>20</xmin><ymin>20</ymin><xmax>50</xmax><ymax>40</ymax></bndbox></object>
<object><name>{NAMES[2]}</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>15</xmax><ymax>17</ymax></bndbox></object>
</annotation>"""


class Fragile(torch.nn.Module):
    """Breaks over dark pictures."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same, or an error."""
        if float(x.mean()) < -1.5:
            raise RuntimeError("too dark")
        return x


def test_a_broken_picture_annotation_or_run_costs_its_own_rows(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "annotations"
    paths = pictures(images, 5)
    labels.mkdir()
    for path in paths:
        (labels / f"{path.stem}.xml").write_text(VOC)
    good = fv.scan(detector(), images, labels, tmp_path / "good.sqlite")
    paths[1].write_bytes(b"no picture")
    (labels / "0002.xml").write_text(VOC[:-30])
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(paths[3])
    module = tiny_module()
    module.backbone.body.conv1 = torch.nn.Sequential(Fragile(), module.backbone.body.conv1)
    fragile = fv.open_detector(module, device="cpu", name="fragile", class_names=NAMES)
    found = fv.scan([detector(), fragile], images, labels, tmp_path / "bad.sqlite")
    problems = dict(found.problems)
    assert set(problems) == {str(paths[k]) for k in (1, 2, 3)}
    assert "0001.png" in problems[str(paths[1])]
    assert "0002.xml" in problems[str(paths[2])]
    assert "too dark" in problems[str(paths[3])]
    assert rows(found, "picture, detector, problem != ''", "runs") == [
        (picture, place, int(picture == 3 and place == 1)) for picture in (0, 2, 3, 4) for place in (0, 1)
    ]
    assert found.rows("SELECT annotated FROM done WHERE picture IN (1, 2) ORDER BY picture") == [(0,), (0,)]
    columns = "SELECT picture, object, outcome, verdict FROM fates WHERE detector = 0 AND picture IN (0, 4) ORDER BY 1, 2"
    assert found.rows(columns) == good.rows(columns)


def test_files_of_a_folder_that_cannot_even_be_looked_at_cost_their_own_rows(tmp_path: Path) -> None:
    images = tmp_path / "images"
    good = pictures(images, 2)
    (images / "0001a.png").symlink_to("gone.png")
    (images / "0001b.png").symlink_to("0001b.png")
    (images / "0001c.jpg").mkdir()
    (images / "0001d.jpg").write_bytes(b"")
    Image.fromarray(noise(*SIZE)).save(images / "whole.jpg")
    (images / "0001e.jpg").write_bytes((images / "whole.jpg").read_bytes()[:400])
    broken = [images / f"0001{end}" for end in ("a.png", "b.png", "d.jpg", "e.jpg")]
    # the folder itself, and as a command lists it
    for asked in (images, list_pictures(images)):
        found = fv.scan(detector(), asked, out=tmp_path / "a.sqlite")
        assert dict(found.problems).keys() == set(map(str, broken))
        assert all(sentence.count(". ") == 0 and path in sentence for path, sentence in found.problems)
    (listed,) = zip(*found.rows("SELECT path FROM pictures ORDER BY picture"), strict=True)
    assert listed == tuple(map(str, (*good, *broken, images / "whole.jpg")))
    with pytest.raises(PictureError, match="elsewhere"):
        fv.scan(detector(), [images, tmp_path / "elsewhere"], out=tmp_path / "b.sqlite")
