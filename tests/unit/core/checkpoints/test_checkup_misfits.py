"""What tensors that do not fit are a sign of, and what anchors so many outputs are for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from fpn_viewer.core.checkpoints.anchor_words import anchor_suggestion
from fpn_viewer.core.checkpoints.load import load_module
from fpn_viewer.core.checkpoints.misfits import find_misfits, likely_renames, misfit_sentence, suggestion
from fpn_viewer.core.checkpoints.values import Recognised
from fpn_viewer.core.detectors.spec import Settings
from fpn_viewer.core.errors import CheckpointError
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpn_viewer.core.checkpoints.misfits import Misfits

Shapes = dict[str, tuple[int, ...]]
PREDICTOR, LATERAL = "roi_heads.box_predictor.", "backbone.fpn.inner_blocks."


def wanted() -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tiny_module().state_dict().items()}


def misfits(change: Callable[[Shapes], Any]) -> Misfits:
    """After a change of the file's names and shapes."""
    given = wanted()
    change(given)
    return find_misfits(wanted(), given, {})


def _drop(*starts: str) -> Callable[[Shapes], None]:
    def change(given: Shapes) -> None:
        for name in [name for name in given if name.startswith(starts)]:
            del given[name]

    return change


def _rename(old: str, new: str) -> Callable[[Shapes], None]:
    def change(given: Shapes) -> None:
        renamed = {name.replace(old, new): shape for name, shape in given.items()}
        given.clear()
        given.update(renamed)

    return change


def _without_statistics(given: Shapes) -> None:
    for name in [name for name in given if "running_" in name]:
        del given[name]


def _boxes(given: Shapes) -> None:
    given.update({f"{PREDICTOR}bbox_pred.weight": (40, 16), f"{PREDICTOR}bbox_pred.bias": (40,)})


def _wide(given: Shapes) -> None:
    given.update({f"backbone.fpn.layer_blocks.{level}.0.weight": (32, 32, 3, 3) for level in range(4)})


CASES: dict[str, tuple[Callable[[Shapes], Any], str]] = {
    "prefix": (_rename("backbone.", "net.backbone."), "have “net.” in front of them; take it off"),
    "buffers": (_without_statistics, "parameters were saved without buffers; save module.state_dict()"),
    "classes": (_boxes, "40 outputs (10 boxes) where the class scores ask for 24 (6 boxes)"),
    "classes and bias": (lambda g: g.update({f"{PREDICTOR}cls_score.bias": (9,)}), "different num_classes (9 and 6 rows)"),
    "width": (_wide, "an FPN of another width (32 channels where the others have 16)"),
    "pooling": (lambda g: g.update({"roi_heads.box_head.fc6.weight": (16, 16 * 14 * 14)}), "14×14 cells of every RoI"),
    "width of RoIs": (lambda g: g.update({"roi_heads.box_head.fc6.weight": (16, 999)}), "where the FPN gives 16 channels × 7×7"),
    "renamed": (
        _rename("box_head.fc6", "box_head.fc6_new"),
        "roi_heads.box_head.fc6_new.weight looks like roi_heads.box_head.fc6.weight",
    ),
    "no part": (_drop("roi_heads.box_head."), "it has nothing of roi_heads.box_head; save the whole detector's state_dict()"),
    "more": (lambda g: g.update({"roi_heads.mask_head.conv.weight": (1, 2)}), "it is of another kind"),
    "cut": (_drop(f"{PREDICTOR}bbox_pred.bias", "backbone.body.layer4.1.bn2.bias"), "the file holds only"),
    "mixed": (
        lambda g: g.update({"backbone.body.layer2.0.conv1.weight": (1, 2, 3, 4)}),
        "of networks that differ|of one network whole",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_misfits_are_a_sign_of(name: str) -> None:
    change, words = CASES[name]
    found = misfits(change)
    assert found
    assert any(one in suggestion(found) for one in words.split("|")), suggestion(found)
    sentence = misfit_sentence(TINY, found)
    assert sentence.startswith("tiny does not fit the network it was recognised as (slim ResNet-18 · FPN · 5 classes)")
    assert sentence.count(". ") == 0
    assert sentence.endswith(".")


def test_what_fits() -> None:
    assert not misfits(lambda given: None)
    # counters are of no use to anybody here
    assert not misfits(lambda given: [given.pop(name) for name in list(given) if name.endswith("num_batches_tracked")])
    assert not misfits(lambda given: given.update({"backbone.body.some.num_batches_tracked": ()}))


def test_lines_and_counts() -> None:
    def change(given: Shapes) -> None:
        _boxes(given)
        given.pop("rpn.head.conv.0.0.bias")
        given["rpn.extra"] = ()

    found = misfits(change)
    assert found.lines == [
        "rpn.head.conv.0.0.bias is missing",
        "rpn.extra is left over",
        f"{PREDICTOR}bbox_pred.weight is 40×16 where 24×16 is needed",
        f"{PREDICTOR}bbox_pred.bias is 40 where 24 is needed",
    ]
    assert found.keys == ("rpn.head.conv.0.0.bias", "rpn.extra", f"{PREDICTOR}bbox_pred.weight", f"{PREDICTOR}bbox_pred.bias")
    sentence = misfit_sentence(TINY, found)
    assert "1 tensor is missing (rpn.head.conv.0.0.bias) and 1 tensor is left over (rpn.extra) and 2 tensors are of" in sentence


def test_names_are_those_of_the_file() -> None:
    given = wanted()
    given[f"{LATERAL}0.0.weight"] = (1, 1, 1, 1)
    given["not.of.it"] = (3,)
    keys = {f"{LATERAL}0.0.weight": "neck.lateral_convs.0.conv.weight", "not.of.it": "neck.other"}
    found = find_misfits(wanted(), given, keys)
    assert list(found.shapes) == ["neck.lateral_convs.0.conv.weight"]
    assert list(found.unexpected) == ["neck.other"]


def test_renames_need_the_same_shape_and_a_like_name() -> None:
    found = misfits(_rename("inner_blocks", "lateral_blocks"))
    pairs = likely_renames(found)
    assert pairs[f"{LATERAL}2.0.weight".replace("inner", "lateral")] == f"{LATERAL}2.0.weight"
    assert len(pairs) == 8

    def other(given: Shapes) -> None:
        given.pop(f"{LATERAL}2.0.weight")
        given["something.else.entirely"] = wanted()[f"{LATERAL}2.0.weight"]
        given["backbone.fpn.inner_block.2.0.weight"] = (5, 5)

    assert likely_renames(misfits(other)) == {}


def test_loading_says_it_and_leaves_the_lines() -> None:
    tensors = dict(tiny_module().state_dict())
    del tensors["rpn.head.conv.0.0.bias"]
    with pytest.raises(
        CheckpointError, match=r"tiny does not fit .* 1 tensor is missing .*nothing was loaded|nothing was loaded"
    ) as caught:
        load_module(Recognised(TINY, tensors))
    assert caught.value.details == ("rpn.head.conv.0.0.bias is missing",)
    tensors["rpn.head.conv.0.0.bias"] = torch.zeros(16)
    load_module(Recognised(TINY, tensors))


# -- anchors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [3, 5])
@pytest.mark.parametrize("per_cell", range(1, 26))
def test_every_number_of_anchors_has_a_suggestion_that_fits(per_cell: int, levels: int) -> None:
    words = anchor_suggestion(per_cell, levels)
    said = dict(one.split(" ")[0].split("=") for one in words.split("--set ")[1:])
    options = {name: json.loads(value) for name, value in said.items()}
    settings = Settings().changed(**options)
    assert settings.anchors_per_cell == (per_cell,) * levels
    assert all(list(row) == sorted(row) for row in settings.anchor_sizes)


@pytest.mark.parametrize(
    ("per_cell", "words"),
    [
        (3, "1 size × 3 ratios, as Faster R-CNN has"),
        (9, "3 sizes × 3 ratios, as RetinaNet has"),
        (15, "MobileNetV3"),
        (1, "as FCOS"),
        (6, "perhaps 2 sizes × 3"),
    ],
)
def test_usual_anchors_are_named(per_cell: int, words: str) -> None:
    assert words in anchor_suggestion(per_cell, 5)


def test_the_sizes_of_a_retinanet_are_its_own() -> None:
    assert "anchor_sizes=[[32,40,50],[64,80,101],[128,161,203],[256,322,406],[512,645,812]]" in anchor_suggestion(9, 5)
    assert replace(TINY.settings, anchor_sizes=((32, 40, 50),) * 5).anchors_per_cell == (9,) * 5
