"""What a detector was opened from: enough to open the very same one again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.detectors.adapters.named import NamedModel
from fpn_viewer.core.detectors.detector import open_detector
from fpn_viewer.core.detectors.origin import KINDS, Origin, origin_of
from fpn_viewer.core.errors import SettingError
from fpn_viewer.engine.scan.fingerprints import of_detector
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from pathlib import Path

#: each of another kind, and none as it would be without being said
SAID: dict[str, Any] = {
    "box_score_thresh": "0.25",
    "min_size": 90,
    "anchor_sizes": [8, 16, [32], 64, 128],
    "class_names": ["car", "lorry", *TINY.class_names[3:]],
    "name": "mine",
    "norm_eps": 0.001,
}


def again(origin: Origin) -> Any:
    """The detector that its text names."""
    read = Origin.from_json(origin.to_json())
    assert read == origin
    return open_detector(read.source, device="cpu", precision=read.precision, **read.options)


def test_a_file_is_opened_again_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_native(replace(TINY, weights="trained"), tiny_module(), tmp_path / "tiny.safetensors")
    monkeypatch.chdir(tmp_path)
    first = open_detector("tiny.safetensors", device="cpu", **SAID)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (first.origin.kind, first.origin.file) == ("checkpoint", str(tmp_path / "tiny.safetensors"))
    assert set(first.origin.options) == set(SAID)
    second = again(first.origin)
    assert second.spec == first.spec
    assert of_detector(second) == of_detector(first)
    assert second.origin == first.origin == first.twin().origin
    plain = open_detector(first.origin.file, device="cpu")
    assert plain.origin.options == {}
    assert of_detector(plain) != of_detector(first)


@pytest.mark.parametrize(("name", "value"), [("norm_eps", 0.002), ("box_nms_thresh", 0.4), ("pixel_range", 255)])
def test_whatever_changes_what_is_found_changes_the_fingerprint(name: str, value: object) -> None:
    assert of_detector(open_detector("demo", device="cpu")) != of_detector(open_detector("demo", device="cpu", **{name: value}))


def test_a_bundled_name_needs_no_file() -> None:
    origin = open_detector("demo", device="cpu", box_nms_thresh=0.4).origin
    assert (origin.kind, origin.source, origin.file) == ("bundled", "demo", "")
    assert again(origin).spec.settings.box_nms_thresh == 0.4


def test_what_only_a_program_has_cannot_be_opened_again() -> None:
    lent = open_detector(tiny_module(), device="cpu", min_size=90).origin
    assert (lent.kind, lent.source, lent.file, dict(lent.options)) == ("", None, "", {"min_size": 90})
    # random weights would be others
    assert origin_of("fcos_resnet50_fpn", {}, replace(TINY, weights="random"), "float32").source is None


def test_published_weights_and_networks_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    published = origin_of("fcos_resnet50_fpn", {"weights": "DEFAULT"}, replace(TINY, weights="COCO_V1"), "float16")
    assert (published.kind, published.source, dict(published.options)) == ("builder", "fcos_resnet50_fpn", {"weights": "DEFAULT"})
    own = origin_of(NamedModel("nets.mine:build", "w.pth"), {"entry": "ema"}, TINY, "float32")
    assert (own.source, own.file) == (NamedModel("nets.mine:build", str(tmp_path / "w.pth")), str(tmp_path / "w.pth"))
    assert origin_of(NamedModel("nets.mine:build"), {}, TINY, "float32").file == ""
    for one in (published, own):
        assert Origin.from_json(one.to_json()) == one
        assert one.kind in KINDS


@pytest.mark.parametrize("text", ["", "[]", '{"colour": 1}', '{"kind": "dream"}', '{"options": 3}'])
def test_another_text_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingError, match=r"^what a detector was opened from cannot be read: .*\.$"):
        Origin.from_json(text)
