"""Annotations come through a queue like every other answer, without torch, and can be stopped."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.errors import AnnotationError
from fpn_viewer.core.resources import sample_pictures
from fpn_viewer.engine.annotation_requests import FindAnnotations, OpenAnnotations
from fpn_viewer.engine.jobs import Cancelled, Token
from tests.unit.core.annotation_files import coco, write

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_named_is_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", coco(images=[{"id": 10, "file_name": "a.jpg"}]))
    said: list[str] = []
    opened = OpenAnnotations(str(path))(Token(lambda progress: said.append(progress.stage)))
    assert opened.named
    assert opened.annotations is not None
    assert opened.annotations.count == 1
    assert opened.problems == opened.annotations.problems != ()
    assert said


def test_what_lies_beside_a_picture_is_found(tmp_path: Path) -> None:
    opened = FindAnnotations(str(sample_pictures()[0]))(Token())
    assert not opened.named
    assert opened.annotations is not None
    assert FindAnnotations(str(tmp_path / "a.jpg"))(Token()).annotations is None


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="does not exist"):
        OpenAnnotations(str(tmp_path / "a.json"))(Token())


@pytest.mark.parametrize("request_class", [OpenAnnotations, FindAnnotations])
def test_a_cancelled_request_ends(request_class: type[OpenAnnotations | FindAnnotations]) -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        request_class("x")(token)


def test_no_torch_is_loaded() -> None:
    picture = str(sample_pictures()[0])
    code = (
        "import sys; from fpn_viewer.engine.annotation_requests import FindAnnotations; from fpn_viewer.engine.jobs import Token; "
        f"import fpn_viewer.core.analysis.matching; assert FindAnnotations({picture!r})(Token()).annotations.count == 350; "
        "assert 'torch' not in sys.modules and 'PySide6' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
