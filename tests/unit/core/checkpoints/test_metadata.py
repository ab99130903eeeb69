"""What a file says of its detector beside the tensors: configurations, arguments, buffers, names of classes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from fpn_viewer.core.annotations.labels import classes_of, match_labels
from fpn_viewer.core.checkpoints.class_lists import class_list
from fpn_viewer.core.checkpoints.coco_names import COCO_80, COCO_91, COCO_BY_COUNT
from fpn_viewer.core.checkpoints.metadata import options_inside
from fpn_viewer.core.checkpoints.mmdetection.config import config_of, version_of
from fpn_viewer.core.checkpoints.mmdetection.options import said
from fpn_viewer.core.checkpoints.python_text import assignments
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import Recognised, sureness
from fpn_viewer.core.detectors.families import made_up_names
from tests.tiny import TINY, tiny_module
from tests.tiny_dense import dense_module, dense_spec
from tests.unit.core.checkpoints.mmdetection_files import contents_of

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.detectors.spec import DetectorSpec


def unnamed(spec: DetectorSpec, classes: int) -> DetectorSpec:
    """A detector that nobody gave names."""
    names = made_up_names(spec.family, classes)
    return replace(spec, num_classes=classes, class_names=names, origins={**spec.origins, "class_names": "made up"})


FOUR = unnamed(TINY, 4)


def inside(
    metadata: dict[str, Any], spec: DetectorSpec = FOUR, tensors: dict[str, torch.Tensor] | None = None, per_cell: int = 3
) -> dict[str, tuple[Any, str]]:
    """Options of a file."""
    return options_inside(contents_of(tensors or {}, metadata), Recognised(spec, {}, anchors_per_cell=per_cell))


# -- Python as data -----------------------------------------------------------------------------------------------------


def test_assignments_are_read_and_nothing_is_run(tmp_path: Any) -> None:
    text = f"""
import os
open({str(tmp_path / "ran")!r}, 'w')
os.system('touch {tmp_path / "ran"}')
a = 4 * 2 ** 3
b = 4 * (2 + 1) / 3 - 1
c = -b
size = (1333, 800)
d = dict(type='Resize', scale=size, f=lambda x: x, **other)
e = [d, Normalize(mean=[1, 2.5], to_rgb=True)]
f = dict(positional)
g = [x for x in range(3)]
h = __import__('os').system('touch {tmp_path / "ran"}')
i = {{'k': None, 3: 'three', (1, 2): 'no text'}}
j = k = 1
"""
    values = assignments(text)
    assert not (tmp_path / "ran").exists()
    assert values.keys() == {"b", "c", "size", "d", "e", "i"}
    assert (values["b"], values["c"], values["size"]) == (3.0, -3.0, [1333, 800])
    assert values["d"] == {"type": "Resize", "scale": [1333, 800]}
    assert values["e"][1] == {"type": "Normalize", "mean": [1, 2.5], "to_rgb": True}
    assert values["i"] == {"k": None, 3: "three"}


@pytest.mark.parametrize(
    "text",
    [
        "model = dict(",
        "\0",
        "(" * 5000,
        "a = " + "[" * 90 + "]" * 90 + "\nb = " + "-" * 20_000 + "1",
        "a = 99999999\n" + "a = a * a\n" * 60,
        "a = 1 / 0",
        "x = '" + "y" * (1 << 20) + "'",
        "a = 1" + "0" * 5000,
        "a = '\\d'\nwith a: pass",
        "a = b'\\xff' + 1\nc = 'x' * 999999999",
    ],
    ids=["cut", "zero byte", "brackets", "signs", "squares", "division", "large", "digits", "escape", "texts"],
)
def test_nothing_that_is_no_configuration_does_harm(text: str) -> None:
    values = assignments(text)
    assert "model" not in values
    assert not any(isinstance(value, int) and abs(value) > 1e31 for value in values.values())


# -- mmdetection's configuration ----------------------------------------------------------------------------------------

CONFIG_1 = """
model = dict(
    type='FasterRCNN',
    backbone=dict(type='ResNet', depth=50, style='caffe'),
    rpn_head=dict(anchor_scales=[8], anchor_ratios=[0.5, 1.0, 2.0], anchor_strides=[4, 8, 16, 32, 64]),
    bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', out_size=7, sample_num=2)))
test_cfg = dict(rpn=dict(nms_pre=900, nms_post=800, max_num=700, nms_thr=0.6),
    rcnn=dict(score_thr=0.1, nms=dict(type='nms', iou_thr=0.4), max_per_img=30))
img_norm_cfg = dict(mean=[1.0, 2.0, 3.0], std=[1.0, 1.0, 1.0], to_rgb=False)
test_pipeline = [dict(type='MultiScaleFlipAug', img_scale=(1000, 600), transforms=[dict(type='Normalize', **img_norm_cfg)])]
"""
CONFIG_3 = """
model = dict(
    type='RetinaNet',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[4.0, 5.0, 6.0], std=[7.0, 8.0, 9.0], bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=50, style='pytorch'),
    neck=dict(type='FPN', start_level=1, add_extra_convs='on_output', relu_before_extra_convs=True, num_outs=5),
    bbox_head=dict(type='RetinaHead', anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=2,
        ratios=[0.5, 1.0], strides=[8, 16, 32, 64, 128])),
    test_cfg=dict(nms_pre=500, score_thr=0.02, nms=dict(type='nms', iou_threshold=0.45), max_per_img=50))
test_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[
    dict(type='LoadImageFromFile'), dict(type='Resize', scale=(1024, 512), keep_ratio=True), dict(type='PackDetInputs')]))
"""
SAID_1 = {
    "min_size": 600,
    "max_size": 1000,
    "image_mean": [1.0, 2.0, 3.0],
    "image_std": [1.0, 1.0, 1.0],
    "channel_order": "BGR",
    "anchor_sizes": [[32], [64], [128], [256], [512]],
    "aspect_ratios": [0.5, 1.0, 2.0],
    "rpn_pre_nms_top_n": 900,
    "rpn_post_nms_top_n": 700,
    "rpn_nms_thresh": 0.6,
    "box_score_thresh": 0.1,
    "box_nms_thresh": 0.4,
    "box_detections_per_img": 30,
    "stride_in_1x1": True,
    "roi_sampling_ratio": 2,
}
SAID_3 = {
    "min_size": 512,
    "max_size": 1024,
    "image_mean": [4.0, 5.0, 6.0],
    "image_std": [7.0, 8.0, 9.0],
    "channel_order": "RGB",
    "anchor_sizes": [[s * 4.0, s * 4 * 2**0.5] for s in (8, 16, 32, 64, 128)],
    "aspect_ratios": [0.5, 1.0],
    "topk_candidates": 500,
    "box_score_thresh": 0.02,
    "box_nms_thresh": 0.45,
    "box_detections_per_img": 50,
    "stride_in_1x1": False,
    "p7_relu": True,
}


@pytest.mark.parametrize(("text", "one_stage", "wanted"), [(CONFIG_1, False, SAID_1), (CONFIG_3, True, SAID_3)], ids=["1.x", "3.x"])
def test_configurations_of_old_and_new_versions(text: str, one_stage: bool, wanted: dict[str, Any]) -> None:
    place = ("meta", "cfg") if one_stage else ("meta", "config")
    config = config_of({place[0]: {place[1]: text}})
    assert config.place == ".".join(place)
    # the same name may come with a value of its own only once
    found = {row.name: row.value for row in said(config, one_stage)}
    steps = found.pop("image_mean"), found.pop("image_std")
    assert (steps, found) == (
        (wanted["image_mean"], wanted["image_std"]),
        {name: value for name, value in wanted.items() if name not in ("image_mean", "image_std")},
    )
    assert all(row.path for row in said(config, one_stage))


def test_a_configuration_may_be_a_dict_and_may_be_odd() -> None:
    as_dict = {"cfg": {"model": {"backbone": {"style": "caffe"}, "rpn_head": 3, "test_cfg": [1]}}}
    assert inside(as_dict)["stride_in_1x1"] == (True, "from the file's own cfg.model.backbone.style")
    for odd in ({"model": 3}, {"model": {"rpn_head": {"anchor_generator": {"scales": "x", "strides": [[]]}}}}, "no config", 7):
        assert "min_size" not in inside({"cfg": odd})
    assert not config_of({"meta": {"config": "a = 1"}})


def test_versions() -> None:
    assert version_of({"meta": {"mmdet_version": "2.25.3+abc"}}) == (2, 25)
    assert version_of({"meta": {"mmengine_version": "0.8"}}) == (3, 0)
    assert version_of({"meta": {"mmdet_version": "unknown"}}) is None
    assert version_of({}) is None


# -- other scripts ------------------------------------------------------------------------------------------------------


def test_arguments_of_torchvisions_reference_script() -> None:
    args = {"dataset": "coco", "model": "fasterrcnn_mobilenet_v3_large_320_fpn", "rpn_score_thresh": None, "lr": 0.02, "epochs": 26}
    found = inside({"args": args}, unnamed(TINY, 91))
    assert found["min_size"] == (320, "likely: args.model in the file is fasterrcnn_mobilenet_v3_large_320_fpn")
    assert found["class_names"] == (COCO_91, "likely: args.dataset in the file is coco")
    assert found["rpn_score_thresh"][0] == 0.05
    assert inside({"args": {**args, "rpn_score_thresh": 0.2}})["rpn_score_thresh"] == (
        0.2,
        "from the file's own args.rpn_score_thresh",
    )
    assert inside({"args": {"dataset": "coco_kp"}}, unnamed(TINY, 2))["class_names"][0] == ("background", "person")


def test_hyper_parameters_of_lightning() -> None:
    parameters = {
        "min_size": [640, 672, 800],
        "score_thresh": 0.3,
        "classes": ["a", "b", "c"],
        "num_classes": 4,
        "lr": 1,
        "seed": None,
    }
    found = inside({"hyper_parameters": parameters})
    assert found == {
        "min_size": (800, "from the file's own hyper_parameters.min_size"),
        "box_score_thresh": (0.3, "from the file's own hyper_parameters.score_thresh"),
        "class_names": (["a", "b", "c"], "from the file's own hyper_parameters.classes"),
    }


def test_names_and_settings_beside_the_tensors() -> None:
    found = inside({"class_names": ["background", "a", "b", "c"], "anchor_offset": 0.5, "epoch": 3})
    assert found["class_names"] == (["background", "a", "b", "c"], "from the file's own class_names")
    assert found["anchor_offset"] == (0.5, "from the file's own anchor_offset")


@pytest.mark.parametrize(
    "metadata",
    [
        {"class_names": ["only", "two"]},
        {"class_names": "abc"},
        {"class_names": [1, 2, 3]},
        {"class_names": {"a": "b"}},
        {"min_size": "large"},
        {"min_size": float("inf")},
        {"min_size": True},
        {"min_size": []},
        {"image_mean": [1.0, float("nan"), 2.0]},
        {"anchor_sizes": [[8], [16]]},
        {"anchor_sizes": [[8, 9], [16, 18], [32, 36], [64, 72], [128, 144]]},
        {"aspect_ratios": [1.0]},
        {"topk_candidates": 100},
        {"channel_order": "XYZ"},
        {"args": "python train.py", "hyper_parameters": [1, 2], "meta": None, "cfg": 3},
        {3: 4, "": "", "args": {None: 1, 5: 6}},
        {"args": {"model": ["a"], "dataset": {}}},
    ],
    ids=str,
)
def test_what_does_not_fit_is_left_aside(metadata: dict[Any, Any]) -> None:
    assert inside(metadata) == {}


def test_sizes_and_ratios_fit_the_head_only_together() -> None:
    anchors = {"anchor_sizes": [[8, 12], [16, 24], [32, 48], [64, 96], [128, 192]], "aspect_ratios": [0.5, 2.0]}
    assert inside(anchors, per_cell=4).keys() == anchors.keys()
    assert inside(anchors, per_cell=3) == {}


def test_the_first_that_fits_counts() -> None:
    metadata = {"class_names": ["too", "few"], "hyper_parameters": {"labels": ["a", "b", "c"]}}
    assert inside(metadata)["class_names"] == (["a", "b", "c"], "from the file's own hyper_parameters.labels")


def test_buffers_among_the_tensors() -> None:
    half = torch.tensor(
        [[-w / 2, -h / 2, w / 2, h / 2] for s in (32.0, 40.3) for r in (0.5, 1, 2) for w, h in [(s / r**0.5, s * r**0.5)]]
    )
    tensors = {"pixel_mean": torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)}
    cells = {f"proposal_generator.anchor_generator.cell_anchors.{k}": half * 2.0**k for k in range(5)}
    found = inside({}, tensors={**tensors, **cells}, per_cell=6)
    assert found["image_std"] == ([1.0, 1.0, 1.0], "from the file's own pixel_std")
    assert found["image_mean"][0] == pytest.approx([103.53, 116.28, 123.675])
    assert found["aspect_ratios"][0] == pytest.approx([0.5, 1, 2])
    assert found["anchor_sizes"][1] == "from the file's own proposal_generator.anchor_generator.cell_anchors"
    for level, sizes in enumerate(found["anchor_sizes"][0]):
        assert sizes == pytest.approx([32.0 * 2**level, 40.3 * 2**level], rel=1e-6)


@pytest.mark.parametrize(
    "cell",
    [torch.ones(3, 4), torch.ones(4), torch.ones(0, 4), torch.full((3, 4), float("nan")), torch.ones(3, 5)],
    ids=lambda t: str(t.shape),
)
def test_buffers_that_are_no_anchors(cell: torch.Tensor) -> None:
    names = {"anchor_generator.cell_anchors.0": cell, "pixel_mean": torch.ones(4), "cell_anchors.x": cell}
    assert inside({}, tensors=names) == {}


# -- names of classes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        ({0: "a", 1: "b"}, ["a", "b"]),
        ({"1": "b", "0": "a"}, ["a", "b"]),
        ({1: "a", 3: "c"}, ["background", "a", "N/A", "c"]),
        ({"a": 0, "b": 1}, ["a", "b"]),
        ({"a": 1, "b": 2}, ["background", "a", "b"]),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], ["background", "a", "b"]),
        ([{"name": "a"}, {"name": "b"}], ["a", "b"]),
        (json.dumps({"0": "a", "1": "b"}), ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("a, b", None),
        ('["a", 1]', None),
        ("[[[", None),
        ([], None),
        ({}, None),
        ({10**9: "far"}, None),
        ({0: 1}, None),
        ([{"id": -1, "name": "a"}], None),
        ({True: "a"}, None),
        (None, None),
        (3, None),
    ],
    ids=str,
)
def test_lists_of_classes_in_all_their_forms(value: Any, names: list[str] | None) -> None:
    assert class_list(value) == names


def test_coco_has_80_classes_and_91_labels() -> None:
    assert (len(COCO_80), len(set(COCO_80)), len(COCO_91)) == (80, 80, 91)
    assert (COCO_91[0], COCO_91[1], COCO_91[12], COCO_91[13], COCO_91[90]) == (
        "background",
        "person",
        "N/A",
        "stop sign",
        "toothbrush",
    )
    assert tuple(name for name in COCO_91 if name not in ("background", "N/A")) == COCO_80


@pytest.mark.parametrize(("spec", "count"), [(TINY, 91), (TINY, 81), (dense_spec(), 91), (dense_spec(), 80), (dense_spec(), 81)])
def test_as_many_classes_as_coco_are_likely_its_own(spec: DetectorSpec, count: int) -> None:
    names, origin = inside({}, unnamed(spec, count))["class_names"]
    assert names == COCO_BY_COUNT[spec.kind.one_stage, count]
    assert sureness(origin) == "likely"


def test_other_counts_are_nobodys_and_given_names_win() -> None:
    assert inside({}, unnamed(TINY, 80)) == {}
    assert inside({}, unnamed(dense_spec(), 90)) == {}
    own = [f"thing {k}" for k in range(80)]
    assert inside({"class_names": own}, unnamed(TINY, 81))["class_names"] == (own, "from the file's own class_names")
    named = replace(unnamed(TINY, 91), origins={"class_names": "given by the user"})
    assert inside({}, named) == {}


@pytest.mark.parametrize("key", list(COCO_BY_COUNT), ids=str)
def test_annotations_find_their_classes_by_name_in_either_numbering(key: tuple[bool, int]) -> None:
    names = COCO_BY_COUNT[key]
    found = match_labels(COCO_80, names)
    assert found.unmatched == ()
    assert {name: names[label] for name, label in found.labels.items() if label is not None} == {name: name for name in COCO_80}
    assert len(classes_of(names)) == 80
    assert match_labels(["Person", "hot-dog", "cars", "N/A", "background"], names).unmatched == ("N/A", "background")


# -- networks that were pickled whole ------------------------------------------------------------------------------------

UNUSUAL: dict[str, Any] = {
    "min_size": 111,
    "max_size": 222,
    "image_std": (0.3, 0.4, 0.5),
    "aspect_ratios": (0.4, 1.0, 2.5),
    "box_score_thresh": 0.11,
    "box_nms_thresh": 0.33,
    "box_detections_per_img": 17,
}
UNUSUAL_RPN: dict[str, Any] = {
    "rpn_pre_nms_top_n": 123,
    "rpn_post_nms_top_n": 45,
    "rpn_nms_thresh": 0.6,
    "rpn_score_thresh": 0.01,
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "DataParallel"])
@pytest.mark.parametrize("family", ["Faster R-CNN", "RetinaNet"])
def test_a_pickled_network_says_its_settings(family: str, wrapped: bool, tmp_path: Path) -> None:
    changes = UNUSUAL | ({"topk_candidates": 77} if family == "RetinaNet" else UNUSUAL_RPN)
    if family == "RetinaNet":
        module: Any = dense_module(family, settings=dense_spec(family).settings.changed(**changes))
    else:
        module = tiny_module(replace(TINY, settings=TINY.settings.changed(**changes)))
    path = tmp_path / "whole.pth"
    torch.save({"model": torch.nn.DataParallel(module) if wrapped else module}, path)
    spec = read_checkpoint(path).spec
    assert {name: getattr(spec.settings, name) for name in changes} == changes
    assert all(spec.origins[name].startswith("from the pickled network's own ") for name in (*changes, "anchor_sizes"))
    assert read_checkpoint(path, {"min_size": 99}).spec.settings.min_size == 99
