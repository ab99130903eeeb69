"""Two tiny detectors in files, and annotated pictures that they make something of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.core.checkpoints.native import save_native
from tests.scan_set import annotated
from tests.tiny import TINY, tiny_module

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Desk:
    """Files to scan.

    Attributes:
        images: folder of the pictures.
        truth: their annotations.
        first: a checkpoint; the annotations are made of what it finds.
        second: other weights of the same network.
    """

    images: Path
    truth: Path
    first: Path
    second: Path


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("misses")
    images, truth = annotated(folder, 3)
    paths = [folder / "first.safetensors", folder / "second.safetensors"]
    for seed, path in enumerate(paths):
        save_native(replace(TINY, name=path.stem, weights="trained"), tiny_module(seed=seed), path)
    return Desk(images, truth, *paths)
