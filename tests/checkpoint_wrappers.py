"""How training scripts and libraries wrap the tensors of a detector into a file."""

from __future__ import annotations

import argparse
import datetime
import pickle
import re
import sys
import types
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from tests.checkpoint_files import halved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

    from tests.checkpoint_files import State

CLASSES = ("car", "boat", "tree")


def _prefixed(state: Mapping[str, Tensor], prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def _inside(state: Mapping[str, Tensor], word: str) -> State:
    """A wrapper around a part of the network: its word comes behind the part's name."""
    return {re.sub(r"^(backbone|roi_heads|neck|head)\.", rf"\1.{word}.", name): tensor for name, tensor in state.items()}


def _worse(state: Mapping[str, Tensor]) -> State:
    """Other weights, which must not be the ones that are taken."""
    return {name: tensor * 3 + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def _training(state: Mapping[str, Tensor], key: str, **more: Any) -> dict[str, Any]:
    """What nearly every script saves beside the weights."""
    first = next(iter(state.values()))
    optimizer = {"state": {0: {"momentum_buffer": first.clone()}}, "param_groups": [{"lr": 0.02, "params": [0]}]}
    return {key: dict(state), "optimizer": optimizer, "lr_scheduler": {"last_epoch": 12, "milestones": {8: 1, 11: 1}}, **more}


def _references(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """torchvision's reference scripts."""
    args = argparse.Namespace(
        data_path=Path("/data/coco"), dataset="coco", epochs=26, lr_steps=[16, 22], aspect_ratio_group_factor=3
    )
    return _training(state, "model", args=args, epoch=25, scaler={"scale": 65536.0, "growth_factor": 2.0})


def _averaged(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The references with --model-ema: the average is what counts."""
    return {**_references(_worse(state)), "model_ema": {"n_averaged": torch.tensor(812), **_prefixed(state, "module.")}}


def _lightning(prefix: str) -> Callable[[Mapping[str, Tensor]], dict[str, Any]]:
    def wrap(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "epoch": 3,
            "global_step": 4000,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": OrderedDict(_prefixed(state, prefix)),
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
            "callbacks": {
                "ModelCheckpoint{'monitor': 'map'}": {"best_model_score": torch.tensor(0.4), "best_model_path": "x.ckpt"}
            },
            "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
            "lr_schedulers": [],
            "hyper_parameters": {"lr": 0.1, "batch": 4},
        }

    return wrap


def _mm2(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """mmdetection 2.x."""
    meta = {"epoch": 12, "iter": 8000, "mmdet_version": "2.28.2", "CLASSES": CLASSES, "config": "total_epochs = 12\n", "seed": None}
    return {"meta": meta, "state_dict": OrderedDict(state), "optimizer": {"state": {}, "param_groups": []}}


def _mm2_ema(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Its EMA hook keeps the average as buffers with names of their own; what is under the plain names is swapped in already."""
    average = {f"ema_{name.replace('.', '_')}": tensor.clone() for name, tensor in _worse(state).items()}
    return {**_mm2(state), "state_dict": OrderedDict({**state, **average})}


def _mm3(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """mmdetection 3.x without its history."""
    meta = {
        "epoch": 12,
        "iter": 8000,
        "cfg": "total_epochs = 12\n",
        "dataset_meta": {"classes": CLASSES, "palette": [(1, 2, 3)] * 3},
        "mmengine_version": "0.10.4",
        "time": "20240101_000000",
    }
    return {"meta": meta, "state_dict": OrderedDict(state), "message_hub": {"log_scalars": {}, "runtime_info": {"epoch": 11}}}


@contextmanager
def _history_class() -> Iterator[type[Any]]:
    """A class that pickles as mmengine's own, which is not installed."""
    names = ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    history = type("HistoryBuffer", (), {"__module__": names[-1]})
    modules = {name: types.ModuleType(name) for name in names}
    modules[names[-1]].HistoryBuffer = history  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield history
    finally:
        for name in names:
            del sys.modules[name]


def _save_mmengine(state: State, path: Path) -> None:
    """mmengine's training checkpoints: losses in objects of its own around numpy arrays."""
    with _history_class() as history:
        buffer = history()
        vars(buffer).update(_log_history=np.array([1.0, 0.5]), _count_history=np.array([1, 1]), _max_length=1_000_000)
        whole = {**_mm3(state), "param_schedulers": [{"last_step": 3}], "optimizer": {"state": {}, "param_groups": []}}
        torch.save({**whole, "message_hub": {"log_scalars": OrderedDict({"train/loss": buffer})}}, path)


def _mm3_ema(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """mmdetection 3.x with its EMA hook, which saves the average as `state_dict` and what was trained as `ema_state_dict`."""
    trained = {"steps": torch.tensor(400), **_prefixed(_worse(state), "module.")}
    return {**_mm3(state), "ema_state_dict": trained}


def _numpy(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """A script of one's own, with numpy numbers and a date."""
    return {
        "model_state_dict": dict(state),
        "best_map": np.float64(0.371),
        "saved": datetime.datetime(2024, 1, 2),
        "tags": {"a", "b"},
    }


def _pickled_arrays(state: State, path: Path, **more: Any) -> None:
    """detectron2's model zoo: numpy arrays in a plain pickle."""
    arrays = {name: tensor.float().numpy() for name, tensor in state.items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "Detectron2 Model Zoo", **more}))


def _saving(wrap: Callable[[Mapping[str, Tensor]], Any], zipped: bool = True) -> Callable[[State, Path], None]:
    return lambda state, path: torch.save(wrap(state), path, _use_new_zipfile_serialization=zipped)


def _safetensors(state: State, path: Path, prefix: str = "") -> None:
    save_file({prefix + name: tensor.contiguous() for name, tensor in state.items()}, path, metadata={"format": "pt"})


#: who wraps; called with the tensors and the file's path
WRAPPERS: dict[str, Callable[[State, Path], None]] = {
    "bare": _saving(dict),
    "ordered": _saving(OrderedDict),
    "model": _saving(lambda state: _training(state, "model", iteration=89999)),
    "references": _saving(_references),
    "averaged": _saving(_averaged),
    "lightning": _saving(_lightning("model.")),
    "lightning net": _saving(_lightning("net.")),
    "lightning detector": _saving(_lightning("detector.")),
    "lightning ddp": _saving(_lightning("model.module.")),
    "ddp": _saving(lambda state: _prefixed(state, "module.")),
    "ddp model": _saving(lambda state: _training(_prefixed(state, "module."), "model")),
    "ddp twice": _saving(lambda state: _prefixed(state, "module.module.")),
    "compiled": _saving(lambda state: _prefixed(state, "_orig_mod.")),
    "compiled ddp": _saving(lambda state: {"model": _prefixed(state, "module._orig_mod.")}),
    "compiled part": _saving(lambda state: _inside(state, "_orig_mod")),
    "fsdp": _saving(lambda state: _prefixed(_inside(state, "_fsdp_wrapped_module"), "_fsdp_wrapped_module.")),
    "fsdp part": _saving(lambda state: {"state_dict": _inside(state, "_fsdp_wrapped_module")}),
    "timm": _saving(lambda state: {"arch": "x", "state_dict": _worse(state), "state_dict_ema": _prefixed(state, "module.")}),
    "numpy": _saving(_numpy),
    "half": _saving(lambda state: halved(state, torch.float16)),
    "bfloat16": _saving(lambda state: {"model": halved(state)}),
    "safetensors": _safetensors,
    "safetensors ddp": lambda state, path: _safetensors(state, path, "module."),
    "safetensors half": lambda state, path: _safetensors(halved(state, torch.float16), path),
    "legacy file": _saving(dict, zipped=False),
    "legacy file references": _saving(_references, zipped=False),
    "legacy file half": _saving(lambda state: {"state_dict": halved(state, torch.float16)}, zipped=False),
    "pkl": _pickled_arrays,
    "pkl heuristics": lambda state, path: _pickled_arrays(state, path, matching_heuristics=True),
    "mmdetection 2.x": _saving(_mm2),
    "mmdetection 2.x ema": _saving(_mm2_ema),
    "mmdetection 3.x": _saving(_mm3),
    "mmdetection 3.x ema": _saving(_mm3_ema),
    "mmengine": _save_mmengine,
}
#: what those keep of a number
ROUNDED: dict[str, torch.dtype] = {
    "half": torch.float16,
    "bfloat16": torch.bfloat16,
    "safetensors half": torch.float16,
    "legacy file half": torch.float16,
}
#: those that name the classes
NAMING = frozenset({"mmdetection 2.x", "mmdetection 2.x ema", "mmdetection 3.x", "mmdetection 3.x ema", "mmengine"})
ENDINGS: dict[str, str] = {"safetensors": ".safetensors", "pkl": ".pkl", "lightning": ".ckpt"}


def ending(wrapper: str) -> str:
    """What such a file's name usually ends with."""
    return ENDINGS.get(wrapper.split()[0], ".pth")


def save_module(module: nn.Module, path: Path) -> None:
    """The whole module, as `torch.save(model)` pickles it."""
    torch.save({"model": module, "epoch": 3}, path)
