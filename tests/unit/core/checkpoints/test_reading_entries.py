"""Which state_dicts a file holds, which one is taken, and what is taken off the front of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.checkpoints.reading.envelopes import module_tensors
from fpn_viewer.core.checkpoints.reading.limits import DEPTH
from fpn_viewer.core.checkpoints.reading.plain import plain
from fpn_viewer.core.checkpoints.reading.prefixes import unwrap
from fpn_viewer.core.checkpoints.reading.values import Stub
from fpn_viewer.core.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.checkpoints.values import Contents

NAMES = ("backbone.body.conv1.weight", "backbone.fpn.inner_blocks.0.0.weight", "rpn.head.conv.0.0.bias")


def weights(value: float = 1.0, prefix: str = "", names: tuple[str, ...] = NAMES) -> dict[str, torch.Tensor]:
    return {prefix + name: torch.full((2,), value) for name in names}


def read(tmp_path: Path, value: Any, entry: str | None = None) -> Contents:
    torch.save(value, tmp_path / "a.pth")
    return read_contents(tmp_path / "a.pth", entry)


OPTIMIZER = {"state": {0: {"exp_avg.weight": torch.ones(3), "step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]}
ENVELOPES: dict[str, tuple[Any, str]] = {
    "bare": (weights(), ""),
    "torchvision": (
        {"model": weights(), "optimizer": OPTIMIZER, "lr_scheduler": {"last_epoch": 3}, "epoch": 3, "scaler": {}},
        "model",
    ),
    "detectron2": ({"model": weights(), "optimizer": OPTIMIZER, "scheduler": {}, "iteration": 90000}, "model"),
    "mmdetection": ({"state_dict": weights(), "meta": {"CLASSES": ("a",)}, "optimizer": OPTIMIZER}, "state_dict"),
    "lightning": ({"state_dict": weights(1.0, "model."), "optimizer_states": [OPTIMIZER], "callbacks": {}}, "state_dict"),
    "yolox": ({"model": weights(), "start_epoch": 3, "best_ap": 0.1}, "model"),
    "model_state_dict": ({"model_state_dict": weights(), "optimizer_state_dict": OPTIMIZER}, "model_state_dict"),
    "nested": ({"checkpoint": {"model": weights()}, "epoch": 1}, "checkpoint.model"),
    "deeper": ({"a": {"b": {"state_dict": weights()}}}, "a.b.state_dict"),
    "a list": ({"models": [weights()]}, "models.0"),
    "another name": ({"faster_rcnn": weights(), "epoch": 3}, "faster_rcnn"),
}


@pytest.mark.parametrize("kind", ENVELOPES)
def test_the_weights_are_found_wherever_they_are(tmp_path: Path, kind: str) -> None:
    value, name = ENVELOPES[kind]
    contents = read(tmp_path, value)
    assert (contents.chosen, [entry.name for entry in contents.entries]) == (name, [name])
    assert tuple(contents.tensors) == NAMES
    assert contents.entries[0].tensors == len(NAMES)
    assert not any("entry=" in note for note in contents.notes)


def test_metadata_has_everything_but_weights_and_training_state(tmp_path: Path) -> None:
    contents = read(
        tmp_path, {"model": weights(), "optimizer": OPTIMIZER, "epoch": 3, "args": {"lr": 0.1}, "meta": {"CLASSES": ("a",)}}
    )
    assert contents.metadata == {"epoch": 3, "args": {"lr": 0.1}, "meta": {"CLASSES": ["a"]}}
    among = read(tmp_path, {**weights(), "epoch": 3})
    assert (dict(among.metadata), tuple(among.tensors)) == ({"epoch": 3}, NAMES)


AVERAGES: dict[str, tuple[Any, str, str]] = {
    "torchvision": (
        {"model": weights(1.0), "model_ema": {"n_averaged": torch.tensor(3), **weights(2.0, "module.")}},
        "model_ema",
        "model",
    ),
    "timm": ({"state_dict": weights(1.0), "state_dict_ema": weights(2.0, "module.")}, "state_dict_ema", "state_dict"),
    "yolo": ({"model": weights(1.0), "ema": weights(2.0)}, "ema", "model"),
    "mmengine": (
        {"state_dict": weights(2.0), "ema_state_dict": {"steps": torch.tensor(3), **weights(1.0, "module.")}, "meta": {}},
        "state_dict",
        "ema_state_dict",
    ),
    "within lightning": (
        {"state_dict": {**weights(1.0, "model."), **weights(2.0, "ema_model.")}},
        "state_dict.ema_model",
        "state_dict.model",
    ),
    "teacher and student": (
        {"model": {**weights(1.0, "modelStudent."), **weights(2.0, "modelTeacher.")}},
        "model.modelTeacher",
        "model.modelStudent",
    ),
}


@pytest.mark.parametrize("kind", AVERAGES)
def test_averaged_weights_go_first_and_the_others_can_be_had(tmp_path: Path, kind: str) -> None:
    value, averaged, raw = AVERAGES[kind]
    contents = read(tmp_path, value)
    assert contents.chosen == averaged
    assert [(entry.name, entry.averaged) for entry in contents.entries] == [(averaged, True), (raw, False)]
    assert tuple(contents.tensors) == NAMES
    assert all(tensor[0] == 2.0 for tensor in contents.tensors.values())
    assert any("averaged" in note and "entry=" in note and raw in note for note in contents.notes)
    other = read(tmp_path, value, entry=raw)
    assert (other.chosen, other.tensors[NAMES[0]][0]) == (raw, 1.0)
    assert tuple(other.tensors) == NAMES


def test_a_small_average_is_not_the_network(tmp_path: Path) -> None:
    contents = read(tmp_path, {"model": weights(), "ema": {"loss.weight": torch.ones(1)}})
    assert contents.chosen == "model"


def test_an_entry_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no entry 'ema'; it has 'model'"):
        read(tmp_path, {"model": weights()}, entry="ema")


@pytest.mark.parametrize("value", [{"epoch": 3}, [], {}, 3, {"optimizer": OPTIMIZER}, {"a": "b"}])
def test_no_state_dict(tmp_path: Path, value: Any) -> None:
    with pytest.raises(CheckpointError, match=r"a.pth holds no state_dict"):
        read(tmp_path, value)


D2 = ("backbone.bottom_up.stem.conv1.weight", "backbone.fpn_lateral2.weight", "proposal_generator.rpn_head.conv.weight")
ONLY_BACKBONE = ("backbone.conv1.weight", "backbone.layer1.0.conv1.weight")
RESNET = ("conv1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.weight")
VGG = ("features.0.weight", "features.2.weight")
YOLO = ("model.0.conv.weight", "model.1.conv.weight")
MM = ("backbone.conv1.weight", "neck.lateral_convs.0.conv.weight", "rpn_head.rpn_conv.weight")


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        *((names, prefix) for names in (NAMES, D2, MM, ONLY_BACKBONE, RESNET, VGG) for prefix in ("", "module.", "module.module.")),
        *((names, prefix) for names in (NAMES, D2, MM, ONLY_BACKBONE, RESNET) for prefix in ("model.", "net.", "detector.")),
        *((names, prefix) for names in (NAMES, MM) for prefix in ("my_own.", "model.module.", "lit.model.", "detector.my_net.")),
        (YOLO, ""),
        (YOLO, "module."),
        (("backbone.fpn.inner_blocks.0.weight", "backbone.fpn.layer_blocks.0.weight"), ""),
        (("fc.weight", "fc.bias"), ""),
        (("model.weight", "model.bias"), ""),
        (("weight", "bias"), ""),
    ],
)
def test_wrappers_come_off_and_structure_stays(names: tuple[str, ...], prefix: str) -> None:
    unwrapped = unwrap([prefix + name for name in names])
    assert unwrapped.prefix == prefix
    assert unwrapped.names == {name: prefix + name for name in names}


@pytest.mark.parametrize("part", ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."])
def test_what_compiling_and_sharding_put_into_names_comes_out(tmp_path: Path, part: str) -> None:
    for given in (
        weights(1.0, part),
        weights(1.0, f"module.{part}"),
        weights(1.0, f"{part}module."),
        {name.replace(".body.", f".{part}body."): value for name, value in weights().items()},
        {f"model.{part}" + name.replace(".", f".{part}", 1): value for name, value in weights().items()},
    ):
        contents = read(tmp_path, {"model": given})
        assert tuple(contents.tensors) == NAMES
        assert any(part in note for note in contents.notes)


def test_names_that_would_meet_are_left_alone() -> None:
    names = ["a._orig_mod.weight", "a.weight"]
    assert list(unwrap(names).names) == names


def test_prefix_and_what_was_done_is_said(tmp_path: Path) -> None:
    contents = read(tmp_path, {"state_dict": weights(1.0, "model.module.")})
    assert contents.prefix == "model.module."
    assert contents.notes == ("'model.module.' was taken off the front of the names.",)


def test_a_few_weights_of_a_loss_beside_the_network_are_left_aside_and_named(tmp_path: Path) -> None:
    many = tuple(f"backbone.layer1.{i}.weight" for i in range(20))
    contents = read(tmp_path, {"state_dict": {**weights(1.0, "model.", many), "loss.weight": torch.ones(1)}})
    assert tuple(contents.tensors) == many
    assert any("1 tensors beside the network were left aside: loss.weight" in note for note in contents.notes)


def test_shadow_buffers_of_mmdetection_2_are_left_aside(tmp_path: Path) -> None:
    shadows = {f"ema_{name.replace('.', '_')}": torch.zeros(2) for name in MM}
    contents = read(tmp_path, {"state_dict": {**weights(1.0, "", MM), **shadows, "ema_other": torch.zeros(1)}, "meta": {}})
    assert tuple(contents.tensors) == (*MM, "ema_other")
    assert any("3 buffers of mmdetection's averaging" in note for note in contents.notes)


def test_counters_of_averaging_are_dropped(tmp_path: Path) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    contents = read(tmp_path, averaged.state_dict())
    assert set(contents.tensors) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert contents.entries[0].averaged


def test_safetensors_have_prefixes_as_well(tmp_path: Path) -> None:
    save_file(weights(1.0, "module."), tmp_path / "a.safetensors")
    assert set(read_contents(tmp_path / "a.safetensors").tensors) == set(NAMES)


def test_walks_over_what_a_file_holds_end() -> None:
    ring: dict[str, Any] = {"a": 1}
    ring["self"] = ring
    doubled: Any = [0]
    for _ in range(60):
        doubled = [doubled, doubled]
    deep: Any = 0
    for _ in range(10 * DEPTH):
        deep = {"in": deep}
    for value in (ring, doubled, deep, {str(i): i for i in range(100_000)}, ["x" * 600_000] * 3):
        assert len(str(plain(value))) < 5_000_000
    module = Stub()
    module.__dict__.update(_parameters={"weight": torch.ones(1)}, _buffers={}, _modules={"again": module})
    assert len(module_tensors(module)) <= 101


def test_secrets_are_not_kept() -> None:
    assert plain({"wandb_api_key": "abc", "Password": "x", "token": None, "lr": 1}) == {
        "wandb_api_key": "…",
        "Password": "…",
        "token": None,
        "lr": 1,
    }
