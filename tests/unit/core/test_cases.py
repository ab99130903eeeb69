"""Cases: what is written is read again, what is broken is said."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.cases import Case, CaseError, file_hash, load_case, save_case
from fpn_viewer.engine.case_requests import OpenCase, SaveCase
from fpn_viewer.engine.jobs import Token
from tests.tiny import TINY

if TYPE_CHECKING:
    from pathlib import Path


def case(**changes: object) -> Case:
    made = Case(
        picture="/nowhere/street.jpg",
        picture_digest="a" * 64,
        checkpoint="/nowhere/net.pth",
        checkpoint_hash="",
        spec=TINY,
        box_img=(1.5, 2.0, 10.25, 20.0),
        label_name=TINY.class_names[1],
        iou=0.5,
        settings={"rpn_nms_thresh": 0.3},
        gains=(("M3", "top-down", 0.0),),
        verdict="It was lost at rpn_top_k.",
        killer="rpn_top_k",
        stages=(("rpn_top_k", 0, 1342.0, 1000.0, "Rank 1,342 of 1,000."), ("nms", 0, None, None, "Nothing came.")),
        view=(100.0, 50.0, 4.0),
        tab="Object",
    )
    return dataclasses.replace(made, **changes)


def test_what_is_saved_is_what_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "one.fpncase"
    save_case(case(), path)
    assert load_case(path) == case()


def test_the_text_names_object_verdict_and_numbers() -> None:
    text = case().text()
    for part in (
        "lost at rpn_top_k",
        "street.jpg",
        "1.5, 2, 10.2",
        "1,342",
        "1,000",
        "top-down into M3 × 0",
        "rpn_nms_thresh = 0.3",
    ):
        assert part in text, part


def test_moved_files_are_found_beside_the_case(tmp_path: Path) -> None:
    save_case(case(), tmp_path / "one.fpncase")
    (tmp_path / "street.jpg").write_bytes(b"x")
    opened = load_case(tmp_path / "one.fpncase")
    assert opened.picture == str(tmp_path / "street.jpg")
    assert opened.checkpoint == "/nowhere/net.pth"


def test_another_checkpoint_under_the_same_name_is_said(tmp_path: Path) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"first")
    path = str(tmp_path / "one.fpncase")
    saved = SaveCase(case(checkpoint=str(weights)), path)(Token())
    assert saved.case.checkpoint_hash == file_hash(weights) != ""
    assert OpenCase(path)(Token()).changed == ()
    weights.write_bytes(b"second")
    (sentence,) = OpenCase(path)(Token()).changed
    assert "net.pth" in sentence


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": "other"}', '{"format": "fpn_viewer case 1"}'])
def test_what_is_no_case_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.fpncase"
    path.write_text(text)
    with pytest.raises(CaseError, match=r"broken\.fpncase"):
        load_case(path)


def test_damaged_cases_are_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "one.fpncase"
    save_case(case(), path)
    good, dice = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(200):
        broken = bytearray(good)
        broken[dice.randrange(len(broken))] = dice.randrange(256)
        path.write_bytes(bytes(broken[: dice.randrange(len(broken)) if dice.random() < 0.3 else None]))
        try:
            assert isinstance(load_case(path), Case)
        except CaseError:
            refused += 1
    assert refused > 100


def test_values_of_a_wrong_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.fpncase"
    save_case(case(), path)
    plain = json.loads(path.read_text())
    for name, value in (
        ("box_img", [1, 2]),
        ("settings", {"rpn_nms_thresh": 7}),
        ("gains", [["M3", "x"]]),
        ("spec", {}),
        ("extra", 1),
    ):
        path.write_text(json.dumps({**plain, name: value}))
        with pytest.raises(CaseError):
            load_case(path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be written"):
        save_case(case(), tmp_path / "no" / "one.fpncase")
    with pytest.raises(CaseError, match="cannot be read"):
        load_case(tmp_path / "none.fpncase")
