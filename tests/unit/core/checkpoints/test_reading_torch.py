"""Everything that training scripts put beside the tensors: each row of the table of what torch refuses to load by itself."""

from __future__ import annotations

import argparse
import collections
import datetime
import enum
import pathlib
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.errors import CheckpointError
from tests.unit.core.checkpoints.raw_files import FOUR, foreign, legacy_of, name, number, storage, tensor, text, zip_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEIGHTS = {"conv.weight": torch.arange(12.0).reshape(3, 4), "conv.bias": torch.ones(3)}


def written(path: Path, legacy: bool = False, **beside: Any) -> Path:
    torch.save({"model": WEIGHTS, **beside}, path, _use_new_zipfile_serialization=not legacy)
    return path


def assert_read(path: Path, **beside: Any) -> None:
    contents = read_contents(path)
    assert contents.chosen == "model"
    assert all(torch.equal(contents.tensors[name], value) for name, value in WEIGHTS.items())
    for key, value in beside.items():
        assert contents.metadata[key] == value


PLAIN = {
    "numbers and texts": (
        {"epoch": 3, "best": 0.5, "name": "run", "none": None},
        {"epoch": 3, "best": 0.5, "name": "run", "none": None},
    ),
    "a schedule": (collections.Counter({8: 1, 11: 1}), {"8": 1, "11": 1}),
    "a set": ({3}, [3]),
    "bytes": (b"abc", "abc"),
    "empty bytes": (b"", ""),
    "a bytearray": (bytearray(b"abc"), "abc"),
    "a complex number": (1 + 2j, "(1+2j)"),
    "torch's own values": ((torch.Size([2, 3]), torch.float16, torch.device("cpu")), [[2, 3], "torch.float16", "cpu"]),
    "a namespace": (argparse.Namespace(data="coco", lr=0.02), {"data": "coco", "lr": 0.02}),
    "paths": (argparse.Namespace(out=pathlib.PurePosixPath("/data/coco")), {"out": "/data/coco"}),
    "a path": (pathlib.Path("runs") / "1", "runs/1"),
    "a numpy number": (np.float64(0.37), 0.37),
    "a numpy truth value": (np.bool_(True), True),
    "a numpy array": (np.array([[1, 2], [3, 4]], np.int32), [[1, 2], [3, 4]]),
    "a big-endian array": (np.array([1.5, 2.5], ">f4"), [1.5, 2.5]),
    "an array by columns": (np.asfortranarray([[1, 2, 3], [4, 5, 6]]), [[1, 2, 3], [4, 5, 6]]),
    "an array of texts": (np.array(["a", "b"], object), ["a", "b"]),
    "a time": (datetime.datetime(2024, 5, 1, 12, 30), "2024-05-01T12:30:00"),
    "a day": (datetime.date(2024, 5, 1), "2024-05-01"),
    "a dict with a default": (collections.defaultdict(list, a=[1]), {"a": [1]}),
    "a deque": (collections.deque([1, 2], maxlen=5), [1, 2]),
    "a slice": (slice(1, 2), [1, 2, None]),
    "a frozen set": (frozenset([1]), [1]),
    "an ordered dict": (collections.OrderedDict(a=1), {"a": 1}),
    "a small tensor": (torch.tensor([1.0, 2.0]), [1.0, 2.0]),
    "a large tensor": (torch.zeros(100, 100), "tensor 100×100 float32"),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind", PLAIN)
def test_what_lies_beside_the_tensors_becomes_plain_values(tmp_path: Path, kind: str, legacy: bool) -> None:
    value, plain = PLAIN[kind]
    path = written(tmp_path / "a.pth", legacy, value=value)
    assert_read(path, value=plain)
    assert read_contents(path).notes == ()


@pytest.mark.parametrize("value", [np.float32(1.5), np.array([1.5, 2.5], np.float32)])
def test_names_of_numpy_before_2_are_known(tmp_path: Path, value: Any) -> None:
    beside = pickle.dumps(value, 2)[2:-1].replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core" in beside
    weights = text("conv.weight") + tensor((2, 2), (2, 1), storage(4))
    zip_of(tmp_path / "a.pth", b"\x80\x02}(" + text("model") + b"}" + weights + b"s" + text("best") + beside + b"u.", s0=FOUR)
    assert read_contents(tmp_path / "a.pth").metadata["best"] == value.tolist()


DICTS = (
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "addict.addict.Dict",
    "mmcv.utils.config.ConfigDict",
    "mmengine.config.config.ConfigDict",
    "yacs.config.CfgNode",
    "fvcore.common.config.CfgNode",
    "detectron2.config.config.CfgNode",
    "easydict.EasyDict",
    "box.box.Box",
    "munch.Munch",
)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("path", DICTS)
def test_dicts_of_other_packages_are_read_without_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, legacy: bool
) -> None:
    kind = foreign(monkeypatch, path, dict)
    options = kind(lr=0.02, model=kind(depth=50))
    options.__dict__["frozen"] = True
    file = written(tmp_path / "a.pth", legacy, hyper_parameters=options)
    monkeypatch.undo()
    assert_read(file, hyper_parameters={"lr": 0.02, "model": {"depth": 50}})
    assert read_contents(file).notes == ()


def test_omegaconf_is_unwrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = foreign(monkeypatch, "omegaconf.dictconfig.DictConfig")
    node = foreign(monkeypatch, "omegaconf.nodes.AnyNode")
    value, options = node(), config()
    value.__dict__.update(_val=0.02, _metadata=None)
    options.__dict__.update(_content={"lr": value}, _metadata={"ref_type": int})
    file = written(tmp_path / "a.pth", hyper_parameters=options)
    monkeypatch.undo()
    assert_read(file, hyper_parameters={"lr": 0.02})


def test_histories_of_mmengine_are_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = foreign(monkeypatch, "mmengine.logging.history_buffer.HistoryBuffer")()
    history.__dict__.update(_log_history=np.arange(3.0), _count_history=np.ones(3), _statistics_methods=collections.OrderedDict())
    file = written(tmp_path / "a.pth", message_hub={"log_scalars": {"loss": history}}, meta={"epoch": 12})
    monkeypatch.undo()
    assert_read(file, meta={"epoch": 12})
    assert "message_hub" not in read_contents(file).metadata
    assert read_contents(file).notes == ()


class Interpolation(enum.Enum):
    BILINEAR = "bilinear"


def test_classes_nobody_knows_are_empty_stand_ins_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thing = foreign(monkeypatch, "my_project.train.Options")()
    thing.__dict__.update(lr=0.5, api_key="sk-123", mode=Interpolation.BILINEAR)
    file = written(tmp_path / "a.pth", options=thing)
    monkeypatch.undo()
    contents = read_contents(file)
    assert contents.metadata["options"] == {"lr": 0.5, "api_key": "…", "mode": "bilinear"}
    assert "my_project.train.Options" in contents.notes[0]


def test_a_class_with_slots_and_one_with_any_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = foreign(monkeypatch, "my_project.Slots", __slots__=("a",))()
    slots.a = 1
    odd = foreign(monkeypatch, "my_project.Odd", __getstate__=lambda self: [1, 2], __setstate__=lambda self, state: None)()
    file = written(tmp_path / "a.pth", slots=slots, odd=odd)
    monkeypatch.undo()
    assert_read(file, slots={"a": 1}, odd={"state": [1, 2]})


def network() -> nn.Module:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU())
    block.register_buffer("grid", torch.zeros(2), persistent=False)
    block.register_buffer("stride", torch.ones(2))
    block.register_parameter("nothing", None)
    return nn.ModuleDict({"model": block, "again": block[0]})


@pytest.mark.parametrize("half", [False, True])
def test_a_pickled_network_gives_its_state_dict(tmp_path: Path, half: bool) -> None:
    module = network().half() if half else network()
    torch.save({"epoch": 3, "ema": module, "model": None}, tmp_path / "yolo.pt")
    contents = read_contents(tmp_path / "yolo.pt")
    expected = module.state_dict()
    assert (contents.chosen, contents.entries[0].averaged) == ("ema", True)
    assert set(contents.tensors) == set(expected)
    assert all(torch.equal(contents.tensors[name], value) for name, value in expected.items())
    assert any("pickled network" in note for note in contents.notes)
    assert any("half precision (float16)" in note for note in contents.notes) == half


def test_a_pickled_network_of_before_1_6_is_to_be_saved_again(tmp_path: Path) -> None:
    torch.save({"model": network()}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match=r"old.pt .*network.*state_dict\(\)"):
        read_contents(tmp_path / "old.pt")


def test_a_traced_network_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # TorchScript is on its way out, and files of it are not
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=r"net.pt is a TorchScript archive.*state_dict\(\)"):
        read_contents(tmp_path / "net.pt")


def test_detectron2s_pickles_become_tensors(tmp_path: Path) -> None:
    model = {name: value.numpy() for name, value in WEIGHTS.items()}
    whole = {"model": model, "__author__": "Detectron2 Model Zoo", "matching_heuristics": True}
    for protocol in range(1, 6):
        data = pickle.dumps(whole, protocol)
        for old in (data, data.replace(b"numpy._core", b"numpy.core") if protocol < 4 else data):
            (tmp_path / "R-50.pkl").write_bytes(old)
            contents = read_contents(tmp_path / "R-50.pkl")
            assert contents.metadata == {"__author__": "Detectron2 Model Zoo", "matching_heuristics": True}
            assert all(torch.equal(contents.tensors[name], value) for name, value in WEIGHTS.items())
            assert contents.tensors["conv.weight"].clone().zero_().sum() == 0


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    raw = WEIGHTS["conv.weight"].numpy().tobytes()
    dtype = name("numpy.dtype") + b"U\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = name("numpy.core.multiarray._reconstruct") + name("numpy.ndarray") + b"K\x00\x85U\x01b\x87R"
    state = b"(K\x01K\x03K\x04\x86" + dtype + b"\x89U" + bytes([len(raw)]) + raw + b"tb"
    (tmp_path / "old.pkl").write_bytes(b"\x80\x02}U\x0bconv.weight" + array + state + b"s.")
    assert torch.equal(read_contents(tmp_path / "old.pkl").tensors["conv.weight"], WEIGHTS["conv.weight"])


def refused_pickles() -> dict[str, tuple[Any, str]]:
    blob = np.zeros(3, np.float32)
    return {
        "blobs": ({"blobs": {"conv1_w": blob}}, "Caffe2"),
        "caffe2 at the root": ({"res2_0_branch2a_w": blob, "conv1_w": blob}, "Caffe2"),
        "a torch tensor": ({"a.weight": torch.ones(2)}, "written with pickle.*torch.save"),
        "a namespace": ({"a.weight": blob, "args": argparse.Namespace()}, "argparse.Namespace"),
        "a list": ([1, 2], "no state_dict"),
        "a number": (3, "no state_dict"),
    }


@pytest.mark.parametrize("kind", refused_pickles())
def test_other_pickles_are_refused(tmp_path: Path, kind: str) -> None:
    value, sentence = refused_pickles()[kind]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(CheckpointError, match=sentence):
        read_contents(tmp_path / "a.pkl")


UNUSABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "sparse tensors.*to_dense"),
    "complex": (lambda: torch.ones(2, 2, dtype=torch.complex64), "complex"),
    "without data": (lambda: torch.ones(2, 2, device="meta"), "without data"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_tensors_that_cannot_be_used_are_named(tmp_path: Path, kind: str) -> None:
    make, sentence = UNUSABLE[kind]
    torch.save({"model": {"conv.weight": make()}}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=sentence):
        read_contents(tmp_path / "odd.pth")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("torch._utils._rebuild_qtensor", "quantised"),
        ("torch.distributed.tensor.DTensor", "several processes"),
        ("torch.distributed._tensor.api.DTensor", "several processes"),
        ("torch._utils._rebuild_nested_tensor", "nested"),
        ("torch._utils._rebuild_wrapper_subclass", "class of their own"),
        ("torch._utils._rebuild_device_tensor_from_numpy", "special device"),
    ],
)
def test_more_tensors_that_cannot_be_used(tmp_path: Path, path: str, sentence: str) -> None:
    zip_of(tmp_path / "odd.pth", b"\x80\x02}" + text("a.weight") + name(path) + b"s.")
    with pytest.raises(CheckpointError, match=sentence):
        read_contents(tmp_path / "odd.pth")


def test_half_precision_is_kept_and_said(tmp_path: Path) -> None:
    torch.save({name: value.bfloat16() for name, value in WEIGHTS.items()}, tmp_path / "half.pth")
    contents = read_contents(tmp_path / "half.pth")
    assert contents.tensors["conv.bias"].dtype == torch.bfloat16
    assert contents.notes == ("Its weights are in half precision (bfloat16); they are computed with in float32.",)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.uint16, torch.int64, torch.bool, torch.float64])
def test_every_kind_of_number_is_read(tmp_path: Path, kind: torch.dtype) -> None:
    torch.save({"a.weight": torch.ones(3).to(kind)}, tmp_path / "a.pth")
    assert read_contents(tmp_path / "a.pth").tensors["a.weight"].dtype == kind


def test_parameters_views_and_shared_tensors(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    given = {
        "a.weight": nn.Parameter(base),
        "b.weight": base.t(),
        "c.weight": base[1:, 2],
        "d.weight": base,
        "e.weight": torch.ones(2).expand(3, 2),
    }
    for legacy in (False, True):
        torch.save(given, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
        contents = read_contents(tmp_path / "a.pth")
        assert all(torch.equal(contents.tensors[name], value) for name, value in given.items())
        assert not contents.tensors["a.weight"].requires_grad


def test_a_parameter_with_attributes(tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.ones(2))
    parameter.tensor_model_parallel = False  # type: ignore[attr-defined]
    torch.save({"a.weight": parameter}, tmp_path / "a.pth")
    assert read_contents(tmp_path / "a.pth").tensors["a.weight"].sum() == 2


def test_another_protocol_is_to_be_saved_again(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "a.pth", pickle_protocol=4)
    with pytest.raises(CheckpointError, match="pickle_protocol"):
        read_contents(tmp_path / "a.pth")


def test_data_shorter_than_said_in_an_old_file(tmp_path: Path) -> None:
    def parts(size: int) -> bytes:
        weight = tensor((size,), (1,), storage(size, more=b"N"))
        return b"\x80\x02}" + text("a.weight") + weight + b"s."

    good = legacy_of(tmp_path / "a.pth", parts(4), ["0"], (4).to_bytes(8, "little"), FOUR)
    assert read_contents(good).tensors["a.weight"].tolist() == [0, 1, 2, 3]
    for size, count, sentence in ((10**9, 10**9, "shorter"), (4, 10**12, "shorter"), (10**9, 4, "shorter")):
        legacy_of(tmp_path / "a.pth", parts(size), ["0"], count.to_bytes(8, "little"), FOUR)
        with pytest.raises(CheckpointError, match=sentence):
            read_contents(tmp_path / "a.pth")
    legacy_of(tmp_path / "a.pth", parts(4), ["1"], (4).to_bytes(8, "little"), FOUR)
    with pytest.raises(CheckpointError, match="list of data"):
        read_contents(tmp_path / "a.pth")
    assert number(10**12) != number(10**9)


def test_tensors_stay_on_disk(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.ones(1000)}, tmp_path / "a.pth")
    contents = read_contents(tmp_path / "a.pth")
    # a view into the whole file, which is what memory-mapping gives
    assert contents.tensors["a.weight"].untyped_storage().nbytes() == 4000
    assert contents.tensors["a.weight"].sum() == 1000


class Stop(Exception):
    """What a watcher stops with."""


class Watcher:
    def check(self) -> None:
        raise Stop

    def report(self, stage: str, fraction: float) -> None: ...

    def pause(self) -> None: ...


@pytest.mark.parametrize("legacy", [False, True])
def test_reading_can_be_stopped(tmp_path: Path, legacy: bool) -> None:
    with pytest.raises(Stop):
        read_contents(written(tmp_path / "a.pth", legacy), watcher=Watcher())
