"""What a person says of a detector while it is being said: checked at once, kept apart from what the file says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fpn_viewer.core.checkpoints.presets import SETTINGS
from fpn_viewer.core.checkpoints.values import assumed, sureness
from fpn_viewer.core.demo.recipe import SPEC
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES
from fpn_viewer.core.errors import SettingError
from fpn_viewer.viewmodels.detector_settings import (
    SettingsDraft,
    as_text,
    assumed_topics,
    editable,
    from_text,
    needed_names,
    value_of,
)

NAMES = ("car", "truck", "boat", "plane", "tank")
RETINANET = replace(
    SPEC, family="RetinaNet", extra_levels="P5", num_classes=5, class_names=NAMES, settings=SETTINGS["torchvision", "RetinaNet"]
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("min_size", "640", 640),
        ("box_score_thresh", " 0.05", 0.05),
        ("image_mean", "103.53, 116.28,123.675", (103.53, 116.28, 123.675)),
        ("anchor_sizes", "32; 64,80; 128;", ((32,), (64, 80), (128,))),
        ("anchor_rounding", "False", False),
        ("roi_sampling_ratio", "0", 0),
        ("pixel_range", "255", 255.0),
    ],
)
def test_texts_are_read(name: str, text: str, value: object) -> None:
    assert from_text(name, text) == value


@pytest.mark.parametrize("spec", [SPEC, RETINANET])
def test_every_value_survives_its_own_text(spec: Any) -> None:
    for name in editable(spec):
        assert from_text(name, as_text(value_of(spec, name))) == value_of(spec, name), name


@pytest.mark.parametrize(
    ("name", "text"), [("min_size", ""), ("min_size", "ten"), ("anchor_sizes", "32;;64"), ("image_std", "1 1 1"), ("fusion", "max")]
)
def test_texts_that_are_no_values_are_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=name):
        from_text(name, text)


def test_only_what_means_something_is_offered() -> None:
    assert "rpn_nms_thresh" in editable(SPEC)
    assert "rpn_nms_thresh" not in editable(RETINANET)
    assert "roi_aligned" in editable(SPEC)
    assert "clip_before_nms" in editable(RETINANET)
    assert "clip_before_nms" not in editable(SPEC)
    assert "p7_relu" not in editable(SPEC)
    assert set(editable(SPEC)) - set(SPEC.kind.settings) <= {*CONVENTION_NAMES, "norm_eps"}


def test_a_value_is_given_and_taken_back() -> None:
    draft = SettingsDraft(SPEC, {"min_size": 300})
    assert draft.options == {"min_size": 300}
    draft.put("channel_order", "BGR")
    assert draft.spec.conventions.channel_order == "BGR"
    assert draft.spec.origins["channel_order"] == "given by the user"
    draft.put("min_size", SPEC.settings.min_size)
    assert draft.options == {"channel_order": "BGR"}, "what the file says anyway was not said"
    draft.reset("channel_order")
    assert draft.spec == SPEC


def test_what_does_not_fit_changes_nothing() -> None:
    draft = SettingsDraft(SPEC, {})
    for name, value in (("min_size", 0), ("rpn_nms_thresh", 1.5), ("image_mean", (1.0,)), ("norm_eps", -1.0)):
        with pytest.raises(SettingError, match=name):
            draft.put(name, value)
    assert draft.options == {}


def test_anchors_that_do_not_fit_the_head_are_said_at_once() -> None:
    draft = SettingsDraft(SPEC, {}, head=3)
    assert draft.problem == ""
    draft.put("aspect_ratios", (0.5, 1.0))
    assert draft.problem == "The anchors are 2 per cell (sizes × ratios), but the head was trained for 3."
    draft.put("aspect_ratios", (0.5, 1.0, 2.0))
    draft.put("anchor_sizes", ((8,), (16,)))
    assert "sizes for 2 levels" in draft.problem
    assert "P2, P3, P4, P5, P6" in draft.problem


def test_class_names_are_counted_without_background() -> None:
    draft = SettingsDraft(SPEC, {})
    needed = needed_names(SPEC)
    assert needed == SPEC.num_classes - 1
    with pytest.raises(SettingError, match=f"2 of {needed} names: {needed - 2} missing"):
        draft.put_names(("a", "b"))
    with pytest.raises(SettingError, match="1 too many"):
        draft.put_names(tuple(f"n{n}" for n in range(needed + 1)))
    with pytest.raises(SettingError, match=f"0 of {needed}"):
        draft.put_names(())
    new = tuple(f"n{n}" for n in range(needed))
    for given in (new, ("background", *new)):
        draft.put_names(given)
        assert draft.spec.class_names == ("background", *new)


def test_a_head_without_background_needs_a_name_for_every_label() -> None:
    draft = SettingsDraft(RETINANET, {})
    assert needed_names(RETINANET) == 5
    draft.put_names(("a", "b", "c", "d", "e"))
    assert draft.spec.class_names == ("a", "b", "c", "d", "e")


def test_another_reading_keeps_what_was_said_where_it_fits() -> None:
    draft = SettingsDraft(SPEC, {"min_size": 300, "rpn_nms_thresh": 0.6})
    draft.put_names(("1", "2", "3", "4", "5"))
    draft.rebase(RETINANET, 9)
    assert draft.options == {"min_size": 300}
    assert draft.head == 9


def test_what_was_assumed_is_named_in_words() -> None:
    assert assumed_topics(replace(SPEC, origins={})) == []
    origins = {"max_size": assumed("torchvision"), "anchor_sizes": "from own.json", "image_std": assumed("mmdetection")}
    assert assumed_topics(replace(SPEC, origins=origins)) == ["min/max size", "colours"]
    nameless = replace(SPEC, origins={}, class_names=("background", *(f"class {n}" for n in range(1, SPEC.num_classes))))
    assert assumed_topics(nameless) == ["class names"]
    assert sureness(origins["max_size"]) == "assumed"
