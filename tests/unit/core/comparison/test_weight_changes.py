"""Weights of two detectors module by module, and what was trained in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import fpn_viewer as fv
from fpn_viewer.core.comparison.weights import weight_changes, what_was_trained
from tests.tiny import TINY, tiny_detector, tiny_module
from tests.tiny_dense import dense_detector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpn_viewer.core.detectors.detector import Detector


@pytest.fixture(scope="module")
def first() -> Detector:
    return tiny_detector()


def changed(*prefixes: str, factor: float = 1.25) -> Detector:
    """The tiny detector with the weights below some paths made larger."""
    module = tiny_module()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.startswith(prefixes):
                parameter.mul_(factor)
    return fv.open_detector(module, device="cpu", class_names=TINY.class_names)


@pytest.mark.parametrize(
    ("prefixes", "sentence"),
    [
        ((), "All weights are the same, bit for bit."),
        (("roi_heads",), "Only the RoI heads differ; backbone, neck and RPN are the same, bit for bit."),
        (("backbone.body",), "Only the backbone differs; neck, RPN and RoI heads are the same, bit for bit."),
        (("backbone.fpn", "rpn"), "Only the neck and RPN differ; backbone and RoI heads are the same, bit for bit."),
        (
            ("backbone", "rpn", "roi_heads"),
            "All parts differ (backbone, neck, RPN and RoI heads); a module changed by up to 25 % of its own size.",
        ),
    ],
)
def test_what_was_trained_is_said(first: Detector, prefixes: Sequence[str], sentence: str) -> None:
    assert what_was_trained(weight_changes(first, changed(*(prefixes or ("none",)))), first) == sentence


def test_relative_change_is_that_of_a_modules_own_weights(first: Detector) -> None:
    rows = {row.module: row for row in weight_changes(first, changed("roi_heads.box_head"))}
    fc = first.module.roi_heads.box_head.fc6
    assert rows["roi_heads.box_head.fc6"].relative == pytest.approx(0.25, rel=1e-6)
    assert rows["roi_heads.box_head.fc6"].parameters == sum(p.numel() for p in fc.parameters())
    assert rows["roi_heads.box_predictor.cls_score"].relative == 0
    # every number is in one row
    counted = sum(t.numel() for t in first.module.state_dict().values() if t.is_floating_point())
    assert sum(row.parameters for row in rows.values()) == counted


def test_running_numbers_of_a_norm_count(first: Detector) -> None:
    module: Any = tiny_module()
    module.backbone.body.bn1.running_mean += 0.5
    second = fv.open_detector(module, device="cpu", class_names=TINY.class_names)
    assert [row.module for row in weight_changes(first, second) if row.relative] == ["backbone.body.bn1"]


def test_what_cannot_be_subtracted_says_why(first: Detector) -> None:
    module: Any = tiny_module()
    module.roi_heads.box_predictor.cls_score = nn.Linear(16, 6, bias=False)
    module.rpn.head.extra = nn.Linear(2, 2)
    second = fv.open_detector(module, device="cpu", class_names=TINY.class_names)
    rows = {row.module: row for row in weight_changes(first, second)}
    assert (rows["rpn.head.extra"].note, rows["rpn.head.extra"].relative) == ("only in B", None)
    assert rows["roi_heads.box_predictor.cls_score"].note == "other shape"
    assert {row.module: row.note for row in weight_changes(second, first)}["rpn.head.extra"] == "only in A"
    with torch.no_grad():
        for parameter in module.rpn.head.cls_logits.parameters():
            parameter.zero_()
    zeroed = fv.open_detector(module, device="cpu", class_names=TINY.class_names)
    row = {row.module: row for row in weight_changes(zeroed, first)}["rpn.head.cls_logits"]
    assert (row.relative, row.note) == (None, "all zero in A")


def test_two_families(first: Detector) -> None:
    rows = weight_changes(first, dense_detector())
    notes = {row.module: row.note for row in rows}
    assert notes["roi_heads.box_head.fc6"] == "only in A"
    assert notes["head.classification_head.cls_logits"] == "only in B"
    sentence = what_was_trained(rows, first)
    assert sentence.startswith("All parts differ (") or sentence.startswith("Only the ")
