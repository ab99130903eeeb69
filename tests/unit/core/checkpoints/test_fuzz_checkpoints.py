"""Thousands of damaged files of every kind: each opens, or is refused in one sentence; nothing else happens."""

from __future__ import annotations

import argparse
import collections
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.errors import CheckpointError
from tests.unit.core.checkpoints.raw_files import foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: damaged files of each kind; there are 8 kinds
FILES = 280
SEED = 4

#: megabytes that all of them together may add to the process
ROOM = 250


def training_run() -> dict[str, Any]:
    return {
        "model": {"backbone.conv1.weight": torch.ones(2, 3), "rpn.head.bias": torch.zeros(2)},
        "model_ema": {"module.backbone.conv1.weight": torch.ones(2, 3), "n_averaged": torch.tensor(1)},
        "args": argparse.Namespace(lr=0.1, names=["a", "b"]),
        "best": np.float64(0.3),
        "history": np.arange(3.0),
        "schedule": collections.Counter({8: 1}),
        "epoch": 3,
    }


def as_zip(path: Path) -> None:
    torch.save(training_run(), path)


def as_legacy(path: Path) -> None:
    torch.save(training_run(), path, _use_new_zipfile_serialization=False)


def as_network(path: Path) -> None:
    torch.save({"ema": nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))}, path)


def as_strangers(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        config = foreign(patch, "yacs.config.CfgNode", dict)(lr=0.1)
        thing = foreign(patch, "my_project.Thing")()
        thing.__dict__["a"] = config
        torch.save({"state_dict": {"model.conv.weight": torch.ones(2)}, "hyper_parameters": thing}, path)


def as_safetensors(path: Path) -> None:
    path.write_bytes(save({"a.weight": torch.ones(2, 3), "b.bias": torch.zeros(2).half()}, {"spec": "{}"}))


def as_pickle(protocol: int) -> Callable[[Path], None]:
    model = {"backbone.conv1.weight": np.ones((2, 3), np.float32), "backbone.conv1.bias": np.zeros(2, np.float32)}

    def write(path: Path) -> None:
        path.write_bytes(pickle.dumps({"model": model, "__author__": "me", "best": np.float64(1)}, protocol))

    return write


KINDS: dict[str, Callable[[Path], None]] = {
    "zip": as_zip,
    "legacy": as_legacy,
    "network": as_network,
    "strangers": as_strangers,
    "safetensors": as_safetensors,
    "pickle 2": as_pickle(2),
    "pickle 4": as_pickle(4),
    "pickle 5": as_pickle(5),
}


def cut(data: bytearray, random: np.random.Generator) -> bytes:
    return bytes(data[: random.integers(1, len(data))])


def flipped(data: bytearray, random: np.random.Generator) -> bytes:
    for _ in range(random.integers(1, 6)):
        data[random.integers(len(data))] ^= 1 << int(random.integers(8))
    return bytes(data)


def replaced(data: bytearray, random: np.random.Generator) -> bytes:
    """Bytes that mean something to a pickle, in places of others."""
    steps = b"\x80\x81\x82\x85\x86\x88\x8a\x8c\x8e\x93\x94\x95.()]}[]0NKJXcRbsuaetQhjqr"
    for _ in range(random.integers(1, 8)):
        data[random.integers(len(data))] = steps[random.integers(len(steps))]
    return bytes(data)


def wrong_length(data: bytearray, random: np.random.Generator) -> bytes:
    """A number of 2, 4 or 8 bytes somewhere, as lengths are, that is far too large or 0."""
    size = int(random.choice([2, 4, 8]))
    at = int(random.integers(max(len(data) - size, 1)))
    value = random.choice(LENGTHS) & (2 ** (8 * size) - 1)
    data[at : at + size] = int(value).to_bytes(size, "little")
    return bytes(data)


def left_out(data: bytearray, random: np.random.Generator) -> bytes:
    start = int(random.integers(len(data)))
    return bytes(data[:start] + data[start + int(random.integers(1, 40)) :])


def doubled(data: bytearray, random: np.random.Generator) -> bytes:
    start, end = sorted(int(n) for n in random.integers(len(data), size=2))
    return bytes(data[:end] + data[start:])


#: lengths that no part of a small file has, and two that some have
LENGTHS = np.array([0, 1, 2**31 - 1, 2**32 - 1, 2**62, 2**64 - 1], dtype=object)
DAMAGES = (cut, flipped, replaced, wrong_length, left_out, doubled)


def damaged(good: bytes, random: np.random.Generator) -> Iterator[bytes]:
    for index in range(FILES):
        yield DAMAGES[index % len(DAMAGES)](bytearray(good), random)


def refusal(path: Path) -> str:
    """Why a file does not open; "" when it does. Anything else that happens is an error of the test."""
    try:
        read_contents(path)
    except CheckpointError as error:
        sentence = str(error)
    else:
        return ""
    assert 20 < len(sentence) < 600, sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_there_are_enough() -> None:
    assert FILES * len(KINDS) >= 2_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_opens_or_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    good, path = tmp_path / "good.pth", tmp_path / "damaged.pth"
    KINDS[kind](good)
    assert read_contents(good).tensors
    random = np.random.default_rng([SEED, list(KINDS).index(kind)])
    refused = 0
    for data in damaged(good.read_bytes(), random):
        # a new file each time: a mapping of the last one may still be in use
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        refused += bool(refusal(path))
    assert refused > FILES // 4


@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes are counted so on Linux")
def test_lengths_that_are_far_too_large_take_no_memory(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a.pth"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for write in KINDS.values():
        write(path)
        good = path.read_bytes()
        for at in range(0, len(good) - 4, max(len(good) // 40, 1)):
            path.unlink()
            path.write_bytes(good[:at] + b"\xff\xff\xff\x7f" + good[at + 4 :])
            refusal(path)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < ROOM
