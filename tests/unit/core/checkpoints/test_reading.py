"""What kind of file something is, by its bytes; what is no checkpoint gets one sentence."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.checkpoints.native import is_native, read_native, save_native
from fpn_viewer.core.errors import CheckpointError
from tests.tiny import TINY, tiny_module

WEIGHTS = {"conv.weight": torch.arange(12.0).reshape(3, 4), "conv.bias": torch.ones(3)}


def write_torch(path: Path) -> None:
    torch.save(WEIGHTS, path)


def write_legacy(path: Path) -> None:
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False)


def write_safetensors(path: Path) -> None:
    save_file(WEIGHTS, path, metadata={"made by": "me"})


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({key: value.numpy() for key, value in WEIGHTS.items()}))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pkl", ".jpg", ""])
@pytest.mark.parametrize(
    ("write", "container"),
    [
        (write_torch, "torch"),
        (write_legacy, "torch (before 1.6)"),
        (write_safetensors, "safetensors"),
        (write_pickle, "pickle"),
    ],
)
def test_the_bytes_tell_the_kind_and_the_name_does_not(tmp_path: Path, write: object, container: str, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    write(path)  # type: ignore[operator]
    contents = read_contents(path)
    assert contents.container == container
    assert set(contents.tensors) == set(WEIGHTS)
    for name, value in WEIGHTS.items():
        assert torch.equal(contents.tensors[name], value)


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, kind)
    return stream.getvalue()


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO(b""))
    return stream.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 167502836\n"
REFUSED = {
    "lfs": (LFS, r"Git LFS pointer.*git lfs pull"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "web page.*download"),
    "html with a space first": (b"\n  <html lang=en>", "web page"),
    "xml": (b"<?xml version='1.0'?><net/>", "XML"),
    "json": (json.dumps({"images": []}).encode(), "JSON"),
    "long json": (json.dumps({"images": list(range(5000))}).encode(), "JSON"),
    "text": (b"epoch 1 loss 3.2\n", "text file"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x051.9", "ONNX"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5.*Keras"),
    "gguf": (b"GGUF\x03\x00\x00\x00" + bytes(20), "GGUF"),
    "tensorflow": (b"anything" * 9 + struct.pack("<Q", 0xDB4775248B80FB57), "TensorFlow"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(20), "TensorFlow Lite"),
    "npy": (b"\x93NUMPY\x01\x00v\x00", "NumPy array"),
    "npz": (zipped(**{"weights.npy": b"x"}), "archive of NumPy"),
    "keras": (zipped(**{"config.json": b"{}", "model.weights.h5": b"x"}), "Keras"),
    "zip": (zipped(**{"report.docx": b"x"}), r"zip file that torch did not save \(it holds report.docx\)"),
    "empty zip": (zipped(), "empty zip"),
    "tar": (tarred(), "tar archive.*unpack"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "compressed archive.*unpack"),
    "png": (picture("PNG"), "a picture"),
    "jpeg": (picture("JPEG"), "a picture"),
    "webp": (picture("WEBP"), "a picture"),
    "pdf": (b"%PDF-1.7", "PDF"),
    "zeros": (bytes(5000), "full of zeros"),
    "noise": (np.random.default_rng(0).integers(128, 255, 500, np.uint8).tobytes(), "no kind of checkpoint"),
    "empty": (b"", "is empty"),
    "torchscript": (
        zipped(**{"net/data.pkl": b"x", "net/code/net.py": b"", "net/constants.pkl": b""}),
        r"TorchScript.*state_dict\(\)",
    ),
    "export": (zipped(**{"net/archive_format": b"pt2"}), "torch.export"),
    "distributed": (zipped(**{"net/__0_0.distcp": b"pt2"}), "distributed"),
    "half a zip": (b"PK\x03\x04" + bytes(600), "end is missing.*complete"),
    "half a safetensors": (struct.pack("<Q", 9999) + b'{"a":{"dtype":"F32"', "cut off.*complete"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_checkpoint_is_named_in_one_sentence(tmp_path: Path, kind: str) -> None:
    data, sentence = REFUSED[kind]
    path = tmp_path / "model.pth"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=sentence) as refused:
        read_contents(path)
    assert "model.pth" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_safetensors_whose_length_spells_another_format_is_read(tmp_path: Path) -> None:
    # a list of 19778 bytes starts the file with the letters of a bitmap
    plain = b'{"a.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 0x4D42) + plain.ljust(0x4D42) + struct.pack("<f", 7.0))
    assert read_contents(path).tensors["a.weight"].item() == 7.0


def test_places_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        read_contents(tmp_path / "nothing.pth")
    with pytest.raises(CheckpointError, match="folder"):
        read_contents(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be opened"):
        read_contents(tmp_path / ("x" * 5000))


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="links and pipes of POSIX")
def test_links_are_followed_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    write_torch(tmp_path / "there.pth")
    (tmp_path / "here.pth").symlink_to(tmp_path / "there.pth")
    assert read_contents(tmp_path / "here.pth").container == "torch"
    (tmp_path / "round.pth").symlink_to(tmp_path / "round.pth")
    with pytest.raises(CheckpointError, match="leads back to itself"):
        read_contents(tmp_path / "round.pth")
    os.mkfifo(tmp_path / "pipe.pth")
    for path in (tmp_path / "pipe.pth", Path("/dev/zero")):
        with pytest.raises(CheckpointError, match="device or pipe"):
            read_contents(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever may read everything is refused nothing")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    write_torch(path)
    path.chmod(0)
    with pytest.raises(CheckpointError, match="permission"):
        read_contents(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin"])
def test_our_own_form_is_known_by_its_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tiny{suffix}"
    save_native(TINY, tiny_module(), path)
    assert is_native(path)
    assert read_native(path)[0].settings == TINY.settings
    write_safetensors(path)
    assert not is_native(path)
    assert read_contents(path).metadata == {"made by": "me"}
    path.write_bytes(b"{}")
    assert not is_native(path)


SAFETENSORS = {
    "a name twice": (
        b'{"a.w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a.w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        "JSON",
    ),
    "no JSON": (b"{nothing}", "JSON"),
    "a list": (b'{"a.w":[]}', "not described"),
    "a shape that does not fit": (b'{"a.w":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}', "not described"),
    "a huge shape": (b'{"a.w":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}', "not described"),
    "negative places": (b'{"a.w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', "not described"),
    "too little data": (b'{"a.w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', "need 8 bytes where there are 4"),
    "another type": (b'{"a.w":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}', "type F4"),
    "numbers beside": (b'{"__metadata__":{"a":1},"a.w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "not text"),
    "deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "JSON"),
}


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_a_safetensors_that_contradicts_itself(tmp_path: Path, kind: str) -> None:
    header, sentence = SAFETENSORS[kind]
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(CheckpointError, match=sentence):
        read_contents(path)
