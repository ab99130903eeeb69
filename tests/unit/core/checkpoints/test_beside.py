"""What is said in a file beside a checkpoint: read, checked, written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer.core.checkpoints.beside import left_aside, read_beside, save_beside, with_beside
from fpn_viewer.core.checkpoints.values import sureness
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.errors import CheckpointError, SettingError
from tests.tiny import TINY
from tests.tiny_dense import dense_spec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Where a checkpoint would lie."""
    path = tmp_path / "model.pth"
    path.write_bytes(b"")
    return path


def said(checkpoint: Path, text: str, suffix: str = ".json") -> Path:
    """Writes what is said beside it."""
    path = checkpoint.with_suffix(suffix)
    path.write_text(text, "utf-8")
    return path


def test_nothing_beside_says_nothing(checkpoint: Path) -> None:
    assert read_beside(checkpoint) == ({}, "")
    assert with_beside(TINY, checkpoint) == TINY


TEXT = '{"min_size": 640, "class_names": ["Katze", "犬"], "channel_order": "BGR", "entry": "ema", "preset": "detectron2"}'
TOML = 'min_size = 640\nclass_names = ["Katze", "犬"]\nchannel_order = "BGR"\nentry = "ema"\npreset = "detectron2"\n'


@pytest.mark.parametrize(
    ("suffix", "text"), [(".json", TEXT), (".toml", TOML), (".json", f"\ufeff{TEXT}")], ids=["json", "toml", "json with a mark"]
)
def test_what_is_said_is_read_with_its_origin(checkpoint: Path, suffix: str, text: str) -> None:
    said(checkpoint, text, suffix)
    options, origin = read_beside(checkpoint)
    assert options == {
        "min_size": 640,
        "class_names": ["Katze", "犬"],
        "channel_order": "BGR",
        "entry": "ema",
        "preset": "detectron2",
    }
    assert origin == f"from model{suffix}"


def test_it_goes_into_the_spec_as_certain(checkpoint: Path) -> None:
    said(checkpoint, '{"min_size": 640, "anchor_offset": 0.5}')
    spec = with_beside(TINY, checkpoint)
    assert (spec.settings.min_size, spec.conventions.anchor_offset) == (640, 0.5)
    assert spec.origins["min_size"] == "from model.json"
    assert sureness(spec.origins["anchor_offset"]) == "certain"


def test_two_files_are_one_too_many(checkpoint: Path) -> None:
    said(checkpoint, "{}")
    said(checkpoint, "", ".toml")
    with pytest.raises(CheckpointError, match=r"model\.json and model\.toml both lie beside model\.pth"):
        read_beside(checkpoint)


WRONG: dict[str, tuple[str, str]] = {
    "a list": ("[1, 2]", "a list where an object"),
    "a text": ('"min_size"', "a text where an object"),
    "nothing": ("null", "nothing where an object"),
    "not JSON": ("{min_size: 640}", "not readable JSON"),
    "cut": ('{"min_size": 6', "not readable JSON"),
    "empty": ("", "not readable JSON"),
    "twice": ('{"min_size": 640, "min_size": 800}', "'min_size' is there twice"),
    "not a number": ('{"box_score_thresh": NaN}', "NaN is not a number"),
    "infinite": ('{"min_size": 1e999}', "min_size: it must be a number"),
    "deep": ("[" * 100_000, "not readable JSON"),
    "unknown": ('{"min_sise": 640}', r"min_sise: 'min_sise' is not a setting; did you mean min_size\?"),
    "one too deep": ('{"settings": {"min_size": 640}}', "'settings' is not a setting"),
    "known and unknown": ('{"min_size": 640, "annotations": []}', "'annotations' is not a setting; use one of"),
    "of builders": ('{"weights": "COCO_V1"}', "weights is for a detector that is made by name"),
    "text for a number": ('{"min_size": "640"}', "min_size: it must be a number"),
    "text for numbers": ('{"image_mean": "123"}', "image_mean: it must be a number or a list"),
    "flag for a number": ('{"max_size": true}', "max_size: it must be a number"),
    "too large": ('{"box_nms_thresh": 1.5}', "box_nms_thresh cannot be 1.5"),
    "half": ('{"min_size": 640.5}', "min_size cannot be 640.5"),
    "two means": ('{"image_mean": [1, 2]}', "image_mean cannot be"),
    "negative anchors": ('{"anchor_sizes": [[-1]]}', "anchor_sizes cannot be"),
    "empty level": ('{"anchor_sizes": [[8], []]}', "anchor_sizes cannot be"),
    "convention": ('{"channel_order": "GBR"}', "channel_order cannot be 'GBR'"),
    "convention's type": ('{"roi_aligned": 1}', "roi_aligned cannot be 1"),
    "names as text": ('{"class_names": "cat, dog"}', "class_names: it must be a list of texts"),
    "names as numbers": ('{"class_names": [1, 2]}', "class_names: it must be a list of texts"),
    "number of classes": ('{"num_classes": "three"}', "num_classes: 'three' must be a whole number"),
    "entry": ('{"entry": 3}', "entry: 3 must be a text"),
    "preset": ('{"preset": "caffe2"}', "preset: 'caffe2' must be one of torchvision, detectron2"),
    "name": ('{"name": ["x"]}', "name: .* must be a text"),
    "eps": ('{"norm_eps": -1}', "norm_eps: -1 must be a number"),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_sentence_with_file_and_key(checkpoint: Path, text: str, sentence: str) -> None:
    said(checkpoint, text)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_beside(checkpoint)
    assert "model.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["min_size = ", "[settings]\nmin_size = 640\n", "box_nms_thresh = nan", "x = 2020-01-01"])
def test_wrong_toml_is_a_sentence_too(checkpoint: Path, text: str) -> None:
    said(checkpoint, text, ".toml")
    with pytest.raises(CheckpointError, match=r"model\.toml"):
        read_beside(checkpoint)


def test_bytes_that_are_no_text(checkpoint: Path) -> None:
    checkpoint.with_suffix(".json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CheckpointError, match="not readable JSON"):
        read_beside(checkpoint)


def test_a_large_file_of_that_name_is_something_else(checkpoint: Path) -> None:
    said(checkpoint, '{"class_names": ["' + "x" * (1 << 20) + '"]}')
    assert read_beside(checkpoint) == ({}, "")
    checkpoint.with_suffix(".json").rename(checkpoint.with_suffix(".toml"))
    with pytest.raises(CheckpointError, match="larger than 1 MiB"):
        read_beside(checkpoint)


def test_annotations_of_that_name_are_left_aside_and_not_written_into(checkpoint: Path) -> None:
    text = '{"info": {"year": 2017}, "licenses": [], "images": [], "annotations": [], "categories": []}'
    path = said(checkpoint, text)
    assert with_beside(TINY, checkpoint) == TINY
    assert left_aside(checkpoint).startswith("model.json beside it does not hold settings")
    with pytest.raises(CheckpointError, match="rename it and save again"):
        save_beside(checkpoint, TINY, ["min_size"])
    assert path.read_text() == text
    said(checkpoint, '{"min_size": 640}')
    assert left_aside(checkpoint) == ""


def test_what_does_not_fit_the_detector_names_the_file(checkpoint: Path) -> None:
    said(checkpoint, '{"rpn_nms_thresh": 0.5}')
    with pytest.raises(CheckpointError, match=r"model\.json beside the checkpoint: RetinaNet has no rpn_nms_thresh"):
        with_beside(dense_spec(), checkpoint)
    said(checkpoint, '{"class_names": ["one"]}')
    with pytest.raises(CheckpointError, match=r"model\.json beside the checkpoint: .*1 class name was given for 5 classes"):
        with_beside(TINY, checkpoint)


# -- saving -------------------------------------------------------------------------------------------------------------


def test_saved_values_come_back_the_same(checkpoint: Path) -> None:
    changes: dict[str, Any] = {
        "anchor_sizes": ((9.5,), (20,), (41.25,), (80,), (160,)),
        "image_mean": (1.5, 2.5, 3.5),
        "channel_order": "BGR",
        "roi_sampling_ratio": 0,
        "stride_in_1x1": True,
        "norm_eps": 0.0,
    }
    spec = with_options(TINY, changes, "said")
    written = save_beside(checkpoint, spec, (*changes, "class_names"))
    assert written == checkpoint.with_suffix(".json")
    again = with_beside(replace(TINY, class_names=tuple("abcdef"[: TINY.num_classes])), checkpoint)
    assert again.settings == spec.settings
    assert again.conventions == spec.conventions
    assert again.norm_eps == 0.0
    assert again.class_names == TINY.class_names


def test_only_the_named_values_are_written_and_others_stay(checkpoint: Path) -> None:
    path = said(checkpoint, '{"preset": "detectron2", "min_size": 1, "max_size": 640}')
    save_beside(checkpoint, TINY, ["min_size"])
    assert json.loads(path.read_text()) == {"preset": "detectron2", "min_size": 96, "max_size": 640}
    assert [p.name for p in sorted(path.parent.iterdir())] == ["model.json", "model.pth"]


def test_names_keep_their_letters(checkpoint: Path) -> None:
    names = (*TINY.class_names[:-1], "Fußgänger 歩")
    text = save_beside(checkpoint, replace(TINY, class_names=names), ["class_names"]).read_text("utf-8")
    assert "Fußgänger 歩" in text


def test_toml_is_not_written_over(checkpoint: Path) -> None:
    path = said(checkpoint, "min_size = 640\n", ".toml")
    with pytest.raises(CheckpointError, match=r"model\.toml lies beside model\.pth and is not written over"):
        save_beside(checkpoint, TINY, ["min_size"])
    assert path.read_text() == "min_size = 640\n"
    assert not checkpoint.with_suffix(".json").exists()


def test_what_cannot_be_read_is_not_written_over(checkpoint: Path) -> None:
    path = said(checkpoint, "[my notes]")
    with pytest.raises(CheckpointError, match="not readable"):
        save_beside(checkpoint, TINY, ["min_size"])
    assert path.read_text() == "[my notes]"


def test_unknown_names_are_refused_before_anything_is_written(checkpoint: Path) -> None:
    with pytest.raises(SettingError, match="'backbone' cannot be saved"):
        save_beside(checkpoint, TINY, ["min_size", "backbone"])
    assert not checkpoint.with_suffix(".json").exists()


def test_a_failed_write_leaves_the_old_file_whole(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = said(checkpoint, '{"min_size": 1}')

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\)"):
        save_beside(checkpoint, TINY, ["min_size"])
    assert path.read_text() == '{"min_size": 1}'
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.json", "model.pth"]
