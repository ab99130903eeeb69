"""What tells whether a scan may be gone on with: weights, settings and annotations as short texts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.yolo_names import LISTS, YAML_SUFFIXES
from fpn_viewer.core.cases import file_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.detectors.detector import Detector
    from fpn_viewer.core.detectors.spec import DetectorSpec

#: bytes of a tensor that are hashed at once
_CHUNK = 1 << 24
#: files of annotations, lower case; pictures may lie beside them
_SUFFIXES = (".json", ".xml", ".txt", *YAML_SUFFIXES)
#: fields of a description that change what the same weights find
_USUAL: dict[str, object] = {"norm_eps": 1e-5, "stages": (), "neck": "fpn"}


def of_detector(detector: Detector) -> str:
    """SHA-256 of the weights as they are in memory, of every setting, and of the precision they run in."""
    summary = hashlib.sha256()
    for name, tensor in sorted(detector.module.state_dict().items()):
        summary.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        data = memoryview(flat.view(dtype=_bytes()).numpy())
        for start in range(0, len(data), _CHUNK):
            summary.update(data[start : start + _CHUNK])
    spec = detector.spec
    said = {
        "family": spec.family,
        "settings": dataclasses.asdict(spec.settings),
        "conventions": dataclasses.asdict(spec.conventions),
        "classes": spec.class_names,
        "precision": detector.precision,
        **_unusual(spec),
    }
    summary.update(json.dumps(said, sort_keys=True).encode())
    return summary.hexdigest()


def _unusual(spec: DetectorSpec) -> dict[str, object]:
    """What works beside the weights and is nearly always the same; left out where it is, as in files of earlier versions."""
    return {name: getattr(spec, name) for name, usual in _USUAL.items() if getattr(spec, name) != usual}


def _bytes() -> object:
    import torch

    return torch.uint8


def of_annotations(annotations: Annotations | None, pictures: Iterable[str]) -> str:
    """SHA-256 of the annotations' files, of what they say where they came from no file; "" without annotations.

    Args:
        annotations: of the data set.
        pictures: those that are asked about.
    """
    if annotations is None:
        return ""
    path = Path(annotations.path)
    if path.suffix.lower() in YAML_SUFFIXES or path.name in LISTS:
        # what names the classes of a YOLO data set stands for all labels below its folder
        path = path.parent
    if path.is_file():
        return file_hash(path)
    summary = hashlib.sha256()
    for part in _files(path) if path.is_dir() else _said(annotations, pictures):
        summary.update(part.encode())
    return summary.hexdigest()


def _files(folder: Path) -> Iterator[str]:
    """Every file of annotations below a folder, by name and content."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(root) / name
            if name.lower().endswith(_SUFFIXES):
                yield f"{file.relative_to(folder).as_posix()}:{file_hash(file)}\n"


def _said(annotations: Annotations, pictures: Iterable[str]) -> Iterator[str]:
    """The objects of every picture, as text."""
    yield json.dumps([annotations.format, annotations.names])
    for picture in pictures:
        truth = annotations.of(picture)
        columns = () if truth is None else (truth.boxes_img, truth.areas, truth.crowd, truth.ignored)
        yield json.dumps([picture, *(column.tolist() for column in columns), truth and truth.names])
