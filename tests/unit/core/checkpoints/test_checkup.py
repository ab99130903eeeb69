"""What the doctor says of a file: each finding planted, and absent where nothing is planted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.detection.faster_rcnn import fasterrcnn_mobilenet_v3_large_320_fpn

from fpn_viewer.core.checkpoints.checkup import check_up, report_text, statistics
from fpn_viewer.core.checkpoints.checkup.history import no_steps
from fpn_viewer.core.checkpoints.look import look_into
from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.checkpoints.read import read_checkpoint
from fpn_viewer.core.checkpoints.values import GIVEN, SEVERITIES, sureness
from fpn_viewer.core.detectors.build import build_module
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import CheckpointError
from fpn_viewer.core.resources import bundled_checkpoints
from tests.checkpoint_files import Network, detectron2_names, mmdetection_names, module_of
from tests.tiny import TINY, tiny_module
from tests.tiny_dense import dense_module
from tests.unit.core.checkpoints.worn import about, checked, worn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.core.checkpoints.worn import Tensors

PREDICTOR = "roi_heads.box_predictor."
SMOOTHING = "backbone.fpn.layer_blocks."


# -- a good file ----------------------------------------------------------------------------------------------------------


def test_a_good_file_has_no_findings(tmp_path: Path) -> None:
    found = checked(tmp_path, worn(), class_names=TINY.class_names)
    assert (found.opens, found.findings, found.missing, found.unexpected, found.other_shapes) == (True, (), (), (), ())
    assert found.summary == "some is a detector: Faster R-CNN · slim ResNet-18 · FPN · 5 classes, levels P2 to P6."
    assert found.size == (tmp_path / "some.pth").stat().st_size
    assert found.spec is not None
    assert found.spec.num_classes == 6


@pytest.mark.parametrize("name", bundled_checkpoints())
def test_the_bundled_files(name: str) -> None:
    found = check_up(bundled_checkpoints()[name])
    assert found.opens
    assert [one.severity for one in found.findings] == ["note"]
    assert about(found, "half precision")
    assert not any(part.looks_untrained for part in found.parts)
    said = [fact for fact in found.facts if fact.name in ("min_size", "class_names")]
    assert {sureness(fact.origin) for fact in said} == {"certain"}


def test_facts_are_structure_then_settings_each_with_its_origin(tmp_path: Path) -> None:
    found = checked(tmp_path, worn(), min_size=123)
    facts = {fact.name: fact for fact in found.facts}
    assert facts["backbone"].value.startswith("slim ResNet-18")
    expected = {"levels": "P2, P3, P4, P5, P6", "family": "Faster R-CNN", "anchors per cell": "3"}
    assert {name: facts[name].value for name in expected} == expected
    assert {sureness(facts[name].origin) for name in expected} == {"certain"}
    assert (facts["min_size"].value, facts["min_size"].setting, sureness(facts["min_size"].origin)) == (
        "123",
        "min_size",
        "certain",
    )
    for name in ("max_size", "anchor_sizes", "class_names", "channel_order"):
        assert facts[name].setting == name
        assert sureness(facts[name].origin) == "assumed"
    # a two-stage detector with a pooled P6 has no such things
    assert not {"topk_candidates", "clip_before_nms", "p7_relu"} & set(facts)
    names = [fact.name for fact in found.facts]
    assert max(names.index(name) for name in ("backbone", *expected)) < min(
        names.index(name) for name in SETTING_NAMES if name in names
    )
    assert len(set(names)) == len(names)


def test_one_stage_facts(tmp_path: Path) -> None:
    found = checked(tmp_path, worn(dense_module("FCOS")))
    assert found.opens, found.summary
    assert {"topk_candidates", "clip_before_nms", "p7_relu"} <= {fact.name for fact in found.facts}
    assert "roi_aligned" not in {fact.name for fact in found.facts}
    assert [part.name for part in found.parts][-5:] == ["neck smoothing", "extra levels", "class tower", "box tower", "outputs"]


def test_parts_are_counted_exactly(tmp_path: Path) -> None:
    tensors = worn()
    found = checked(tmp_path, tensors)
    names = ["stem", *(f"stage {number}" for number in (1, 2, 3, 4)), "neck laterals", "neck smoothing"]
    assert [part.name for part in found.parts] == [*names, "RPN head", "box head", "box predictor"]
    assert sum(part.tensors for part in found.parts) == len(tensors)
    parameters = sum(parameter.numel() for parameter in tiny_module().parameters())
    assert sum(part.parameters for part in found.parts) == parameters
    laterals = torch.cat([t.flatten() for name, t in tensors.items() if "inner_blocks" in name and t.dim() == 4])
    part = next(part for part in found.parts if part.name == "neck laterals")
    assert (part.mean, part.std) == (
        pytest.approx(float(laterals.mean()), rel=1e-4),
        pytest.approx(float(laterals.std(unbiased=False)), rel=1e-4),
    )
    assert part.largest == pytest.approx(float(laterals.abs().max()))
    assert part.dtypes == ("float32",)


# -- weights --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "words", "counts"), [(float("nan"), "1 NaN", (1, 0)), (float("inf"), "1 infinite", (0, 1))])
def test_numbers_that_are_none(tmp_path: Path, value: float, words: str, counts: tuple[int, int]) -> None:
    tensors = worn()
    key = f"{SMOOTHING}1.0.weight"
    tensors[key][0, 0, 0, 0] = value
    found = checked(tmp_path, tensors)
    (finding,) = about(found, f"1 tensor (neck smoothing) holds {words} numbers", "warning")
    assert (finding.keys, found.opens) == ((key,), True)
    part = next(part for part in found.parts if part.name == "neck smoothing")
    assert (part.nan, part.infinite) == counts
    assert torch.isfinite(torch.tensor([part.mean, part.std, part.largest])).all()


def test_tensors_that_are_zero(tmp_path: Path) -> None:
    tensors = worn()
    key = "rpn.head.conv.0.0.weight"
    tensors[key].zero_()
    # these may be
    tensors["rpn.head.conv.0.0.bias"].zero_()
    tensors["backbone.body.layer1.0.bn2.weight"].zero_()
    found = checked(tmp_path, tensors)
    (finding,) = about(found, "zero everywhere", "warning")
    assert finding.keys == (key,)
    assert {part.name: part.zero_tensors for part in found.parts if part.zero_tensors} == {"RPN head": 1}


def test_dead_channels(tmp_path: Path) -> None:
    tensors = worn()
    tensors["backbone.body.conv1.weight"][:2] = 0
    # the background's box is never trained
    tensors[f"{PREDICTOR}bbox_pred.weight"][:4] = 0
    found = checked(tmp_path, tensors)
    (finding,) = about(found, "2 output channels of 1 layer (stem) have no weights", "note")
    assert finding.keys == ("backbone.body.conv1.weight",)
    assert {part.name: part.dead_channels for part in found.parts if part.dead_channels} == {"stem": 2}
    for name, tensor in tensors.items():
        if name.startswith("backbone.body") and tensor.dim() == 4:
            tensor[: len(tensor) // 2] = 0
    assert about(checked(tmp_path, tensors), "no weights", "warning")


def test_a_network_that_was_never_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    found = checked(tmp_path, build_module(TINY).state_dict())
    assert about(found, "Every layer is as initialised", "warning")
    assert about(found, "trained for 0 steps, and their statistics are as at first", "warning")
    # what was never trained is not said to be trained with wrong statistics
    assert not about(found, "statistics were never taken")
    assert all(part.looks_untrained.startswith("as initialised by") for part in found.parts)
    laterals = next(part for part in found.parts if part.name == "neck laterals")
    assert laterals.looks_untrained == "as initialised by kaiming_uniform(a=1)"
    assert found.opens


def test_only_the_backbone_is_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    fresh = build_module(TINY).state_dict()
    tensors = {name: tensor if name.startswith("backbone.body") else fresh[name] for name, tensor in worn().items()}
    found = checked(tmp_path, tensors)
    (finding,) = about(found, "Only the backbone is trained", "warning")
    assert not any(key.startswith("backbone.body") for key in finding.keys)


@pytest.mark.parametrize("layer", [f"{PREDICTOR}cls_score", "rpn.head.conv.0.0"])
def test_one_layer_that_was_never_trained(tmp_path: Path, layer: str) -> None:
    torch.manual_seed(1)
    fresh = build_module(replace(TINY, box_features=64)).state_dict()
    tensors = worn(tiny_module(replace(TINY, box_features=64)))
    tensors |= {name: tensor for name, tensor in fresh.items() if name.startswith(layer)}
    (finding,) = about(checked(tmp_path, tensors), "as initialised", "warning")
    assert finding.keys == (f"{layer}.weight",)
    assert finding.sentence.startswith(layer)


def test_the_class_head_of_a_retinanet_that_was_never_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    tensors = worn(dense_module("FCOS"))
    head = "head.classification_head.cls_logits"
    nn.init.normal_(tensors[f"{head}.weight"], std=0.01)
    tensors[f"{head}.bias"].fill_(-4.59512)
    (finding,) = about(checked(tmp_path, tensors), "as initialised (normal(std=0.01))", "warning")
    assert finding.keys == (f"{head}.weight",)


@pytest.mark.parametrize("names", [detectron2_names, mmdetection_names])
def test_a_new_head_in_other_code_bases(tmp_path: Path, names: Callable[..., Tensors]) -> None:
    torch.manual_seed(1)
    network = Network()
    tensors = worn(module_of(network))
    # as detectron2 and mmdetection start them
    for layer, std in (("cls_score", 0.01), ("bbox_pred", 0.001)):
        nn.init.normal_(tensors[f"{PREDICTOR}{layer}.weight"], std=std)
        tensors[f"{PREDICTOR}{layer}.bias"].zero_()
    found = checked(tmp_path, names(network, tensors))
    (finding,) = about(found, "The box predictor is as initialised", "warning")
    # by the names that they have in the file
    assert set(finding.keys) <= set(names(network, tensors))
    assert len(finding.keys) == 2


@pytest.mark.parametrize(
    ("variance", "severity", "words"),
    [(-0.5, "warning", "negative running variance"), (1e12, "warning", "up to 1.00e12"), (0.0, "note", "channels of variance 0")],
)
def test_running_variances(tmp_path: Path, variance: float, severity: str, words: str) -> None:
    tensors = worn()
    key = "backbone.body.layer2.0.bn1.running_var"
    tensors[key][3] = variance
    (finding,) = checked(tmp_path, tensors).findings
    assert (finding.severity, finding.keys) == (severity, (key,))
    assert words in finding.sentence


def test_a_variance_of_zero_is_divided_by_where_epsilon_is_zero(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in worn().items() if not name.endswith("num_batches_tracked")}
    tensors["backbone.body.layer2.0.bn1.running_var"][3] = 0
    assert about(checked(tmp_path, tensors, norm_eps=0.0), "divided by 0", "warning")
    assert about(checked(tmp_path, tensors, norm_eps=1e-5), "dead before the norm", "note")


def test_statistics_that_were_never_taken(tmp_path: Path) -> None:
    tensors = worn()
    tensors["backbone.body.bn1.running_mean"].zero_()
    tensors["backbone.body.bn1.running_var"].fill_(1)
    (finding,) = checked(tmp_path, tensors).findings
    assert "1 norm of 20 (stem) is trained but has mean 0 and variance 1" in finding.sentence
    # frozen norms may have theirs folded into scale and shift
    frozen = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    assert checked(tmp_path, frozen).findings == ()


def test_counters_that_say_zero(tmp_path: Path) -> None:
    tensors = worn()
    for name in tensors:
        if name.endswith("num_batches_tracked"):
            tensors[name].zero_()
    assert about(checked(tmp_path, tensors), "come from elsewhere", "note")
    next(tensor for name, tensor in tensors.items() if name.endswith("num_batches_tracked")).fill_(1)
    assert checked(tmp_path, tensors).findings == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = worn()
    whole = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    (finding,) = checked(tmp_path, whole).findings
    assert finding.severity == "note"
    assert "half precision" in finding.sentence
    assert {part.dtypes for part in checked(tmp_path, whole).parts} == {(str(dtype).removeprefix("torch."),)}
    key = f"{SMOOTHING}0.0.weight"
    mixed = checked(tmp_path, {**tensors, key: tensors[key].to(dtype)})
    (finding,) = about(mixed, f"Only 1 of {_learned(tensors)} tensors is in half precision", "note")
    assert finding.keys == (key,)
    assert not about(mixed, "Its weights are in half precision")


def _learned(tensors: Tensors) -> int:
    return sum(name.endswith(("weight", "bias")) for name in tensors)


def test_whole_numbers_for_weights(tmp_path: Path) -> None:
    tensors = worn()
    key = f"{SMOOTHING}0.0.weight"
    (finding,) = about(checked(tmp_path, {**tensors, key: (tensors[key] * 100).to(torch.int8)}), "quantised", "warning")
    assert finding.keys == (key,)


def test_levels_with_the_same_weights(tmp_path: Path) -> None:
    tensors = worn()
    tensors[f"{SMOOTHING}2.0.weight"] = tensors[f"{SMOOTHING}1.0.weight"].clone()
    (finding,) = about(checked(tmp_path, tensors), "The smoothing convolutions of P3 and P4 have the same weights", "warning")
    assert finding.keys == (f"{SMOOTHING}1.0.weight", f"{SMOOTHING}2.0.weight")
    tensors[f"{SMOOTHING}2.0.weight"].view(-1)[7] += 1e-4
    assert checked(tmp_path, tensors).findings == ()


# -- structure ------------------------------------------------------------------------------------------------------------


def test_two_levels_of_one_stride(tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=3)
    found = checked(tmp_path, worn(module))
    assert found.opens, found.summary
    assert about(found, "have the same stride", "note")


def test_anchors_that_are_not_those_of_the_head(tmp_path: Path) -> None:
    nine = replace(TINY, settings=replace(TINY.settings, anchor_sizes=((10, 13, 16),) * 5))
    found = checked(tmp_path, worn(tiny_module(nine)))
    assert not found.opens
    for words in ("9 anchors per cell", "3 sizes × 3 ratios, as RetinaNet has", "--set anchor_sizes=[[32,40,50],[64,80,101]"):
        assert words in found.summary
    # nothing is wrong with the tensors, and all of them were looked at
    assert (found.missing, found.unexpected, found.other_shapes) == ((), (), ())
    assert found.spec is not None
    assert len(found.parts) == 10
    sizes = [[10, 13, 16]] * 5
    assert checked(tmp_path, worn(tiny_module(nine)), anchor_sizes=sizes).opens
    assert "for 4 levels where its pyramid has 5" in checked(tmp_path, worn(tiny_module(nine)), anchor_sizes=sizes[:4]).summary


def test_options_that_do_not_fit_are_said(tmp_path: Path) -> None:
    found = checked(tmp_path, worn(), class_names=["car", "boat"])
    assert not found.opens
    assert "2 class names were given for 5 classes" in found.summary
    assert found.spec is not None
    assert "'colour' is not a setting" in checked(tmp_path, worn(), colour="red").summary
    assert "num_classes cannot be 9: " in checked(tmp_path, worn(), num_classes=9).summary
    assert checked(tmp_path, worn(), num_classes=5).opens, "without the background"
    assert checked(tmp_path, worn(), num_classes=6).opens, "with it"


def test_what_lies_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text('{"min_size": 77}')
    facts = {fact.name: fact for fact in checked(tmp_path, worn()).facts}
    assert (facts["min_size"].value, facts["min_size"].origin) == ("77", "from some.json")
    (tmp_path / "some.json").write_text('{"min_size": ')
    found = checked(tmp_path, worn())
    assert not found.opens
    assert "some.json" in found.summary
    # the file itself is looked at all the same
    assert len(found.parts) == 10


def test_missing_and_left_over(tmp_path: Path) -> None:
    tensors = worn()
    del tensors["backbone.body.layer3.1.bn2.bias"]
    tensors["roi_heads.lone.weight"] = torch.ones(3, 4)
    tensors[f"{PREDICTOR}bbox_pred.bias"] = torch.ones(20)
    found = checked(tmp_path, tensors)
    assert not found.opens
    assert found.missing == ("backbone.body.layer3.1.bn2.bias",)
    assert found.unexpected == ("roi_heads.lone.weight",) or found.left_out
    assert found.other_shapes == (f"{PREDICTOR}bbox_pred.bias is 20 where 24 is needed",)
    assert "nothing was loaded" in found.summary


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (lambda: resnet18(weights=None).state_dict(), "ResNet-18 with its classifier and no detector"),
        (lambda: {k: t for k, t in worn().items() if ".fpn." not in k}, "without an FPN"),
        (lambda: {k: t for k, t in worn().items() if k.startswith("backbone")}, "no RPN"),
    ],
    ids=["backbone without a detector", "detector without an FPN", "neck without a head"],
)
def test_what_is_no_detector_with_an_fpn(tmp_path: Path, tensors: Any, words: str) -> None:
    found = checked(tmp_path, tensors())
    assert not found.opens
    assert found.spec is None or found.missing
    assert words in found.summary
    # and its numbers are looked at all the same
    assert sum(part.tensors for part in found.parts) >= 50


# -- what a file says of itself -----------------------------------------------------------------------------------------


def test_averaged_weights_beside_the_raw_ones(tmp_path: Path) -> None:
    raw = worn()
    averaged = {f"module.{name}": tensor * 1.01 if tensor.is_floating_point() else tensor for name, tensor in raw.items()}
    found = checked(tmp_path, {"model": raw, "model_ema": averaged})
    assert found.chosen == "model_ema"
    assert {entry.name for entry in found.entries} == {"model", "model_ema"}
    (finding,) = about(found, "differ by 1.0 % of their size", "note")
    assert "--set entry=model " in finding.sentence
    same = {f"module.{name}": tensor for name, tensor in raw.items()}
    assert about(checked(tmp_path, {"model": raw, "model_ema": same}), "the same, number for number", "note")
    assert about(checked(tmp_path, {"model": raw, "model_ema": averaged}, entry="model"), "--set entry=model_ema ")
    assert not about(checked(tmp_path, {"model": raw, "epoch": 3}), "averaged")


@pytest.mark.parametrize("metadata", [{"global_step": 0}, {"iteration": 0}, {"meta": {"iter": 0}}])
def test_zero_steps(metadata: dict[str, Any]) -> None:
    (finding,) = no_steps(metadata)
    assert finding.severity == "warning"
    assert "0 steps" in finding.sentence


def test_zero_steps_in_a_file(tmp_path: Path) -> None:
    assert about(checked(tmp_path, {"model": worn(), "iteration": 0}), "trained for 0 steps (iteration is 0)", "warning")
    # torchvision's scripts count epochs from 0
    assert not about(checked(tmp_path, {"model": worn(), "epoch": 0, "iteration": 90_000}), "0 steps")


def test_class_names_that_are_not_as_many_as_the_head_has(tmp_path: Path) -> None:
    found = checked(tmp_path, {"model": worn(), "classes": ["car", "boat"]})
    (finding,) = about(found, "2 class names", "warning")
    assert "where the head has 5 classes and background" in finding.sentence
    fitting = {"model": worn(), "classes": list(TINY.class_names[1:])}
    assert checked(tmp_path, fitting).findings == ()


# -- files that are none ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 175000000\n", "Git LFS"),
        (b"<!DOCTYPE html><html>not found</html>", "some.pth"),
        (b"PK\x03\x04 and then nothing", "some.pth"),
    ],
    ids=["empty", "pointer", "page", "cut"],
)
def test_files_that_hold_no_weights(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "some.pth"
    path.write_bytes(content)
    found = check_up(path)
    assert (found.opens, found.spec, found.parts) == (False, None, ())
    assert words in found.summary
    assert found.size == len(content)
    assert next(one.sentence for one in found.findings if one.severity == "error") == found.summary


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert "is a folder" in check_up(tmp_path).summary
    assert "does not exist" in check_up(tmp_path / "none.pth").summary
    assert "No file is named" in check_up("").summary
    (tmp_path / "loop.pth").symlink_to(tmp_path / "loop.pth")
    assert "leads back to itself" in check_up(tmp_path / "loop.pth").summary
    os.mkfifo(tmp_path / "pipe.pth")
    assert "is a device or pipe" in check_up(tmp_path / "pipe.pth").summary
    assert "bytes" not in report_text(check_up(tmp_path / "none.pth")).splitlines()[0]


def test_what_the_file_is_comes_before_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "x.json").write_text("{", "utf-8")
    assert "is a PDF document" in check_up(tmp_path / "x.pdf").summary
    for read in (look_into, lambda path: read_checkpoint(Path(path))):
        with pytest.raises(CheckpointError, match="is a PDF document"):
            read(str(tmp_path / "x.pdf"))


def test_what_is_given_shows_among_the_facts(tmp_path: Path) -> None:
    given = {"norm_eps": 0.001, "name": "mine"}
    torch.save(worn(), tmp_path / "some.pth")
    facts = {fact.name: fact for fact in check_up(tmp_path / "some.pth", given).facts}
    assert {name: facts[name].value for name in given} == {"norm_eps": "0.001", "name": "mine"}
    assert {facts[name].origin for name in given} == {GIVEN}


def test_a_cut_file_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_native(TINY, tiny_module(), path)
    assert check_up(path).opens
    path.write_bytes(path.read_bytes()[:-1000])
    found = check_up(path)
    assert not found.opens
    assert "own" in found.summary


def test_tensors_that_contradict_each_other_are_a_sentence(tmp_path: Path) -> None:
    tensors = worn()
    for name in (
        "backbone.body.conv1",
        f"{SMOOTHING}0.0",
        "rpn.head.cls_logits",
        "roi_heads.box_head.fc6",
        f"{PREDICTOR}cls_score",
    ):
        found = checked(tmp_path, {**tensors, f"{name}.weight": torch.tensor(1.0)})
        assert not found.opens, name
        assert "\n" not in found.summary
        assert len(found.parts) >= 10


# -- the watcher ------------------------------------------------------------------------------------------------------------


class Stopped(Exception):
    """What this watcher raises."""


class Watching:
    def __init__(self, stop_at: str = "") -> None:
        self.stop_at, self.stages = stop_at, dict[str, list[float]]()

    def check(self) -> None:
        if self.stop_at and self.stop_at in self.stages:
            raise Stopped

    pause = check

    def report(self, stage: str, fraction: float) -> None:
        self.stages.setdefault(stage, []).append(fraction)


def test_progress_is_told_and_ends_at_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "PIECE", 1000)
    torch.save(worn(), tmp_path / "some.pth")
    watching = Watching()
    check_up(tmp_path / "some.pth", watcher=watching)
    measured = watching.stages["measuring weights"]
    assert measured == sorted(measured)
    assert measured[-1] == pytest.approx(1)
    assert len(measured) > 200


def test_a_watcher_may_stop_it(tmp_path: Path) -> None:
    torch.save(worn(), tmp_path / "some.pth")
    with pytest.raises(Stopped):
        check_up(tmp_path / "some.pth", watcher=Watching("measuring weights"))


def test_findings_come_worst_first(tmp_path: Path) -> None:
    tensors = build_module(TINY).half().state_dict()
    del tensors[f"{PREDICTOR}bbox_pred.bias"]
    severities = [SEVERITIES.index(one.severity) for one in checked(tmp_path, tensors).findings]
    assert severities == sorted(severities)
    assert set(severities) == {0, 1, 2}


def test_opening_says_the_same_as_the_doctor(tmp_path: Path) -> None:
    from fpn_viewer.core.detectors.detector import open_detector

    tensors = worn()
    del tensors[f"{PREDICTOR}bbox_pred.bias"]
    found = checked(tmp_path, tensors)
    with pytest.raises(CheckpointError) as caught:
        open_detector(tmp_path / "some.pth", device="cpu")
    assert str(caught.value) == found.summary
    assert caught.value.details == (f"{PREDICTOR}bbox_pred.bias is missing",)
