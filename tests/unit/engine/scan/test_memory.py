"""Blocks of memory that stay at hand while many pictures go by, and go back to the system behind them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from fpn_viewer.engine.memory import c_library
from fpn_viewer.engine.scan import memory
from fpn_viewer.engine.scan.memory import kept_memory

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other libraries")
resource = pytest.importorskip("resource")
TIMES, BYTES = 8, 40 << 20


def faults(step: Callable[[], None]) -> int:
    """Pages that the system had to give this thread."""
    before = _given()
    step()
    return _given() - before


def _given() -> int:
    pages: int = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    return pages


def fill() -> None:
    for _ in range(TIMES):
        torch.full((BYTES,), 7, dtype=torch.uint8)


@pytest.fixture
def _glibc() -> None:
    if c_library() is None:
        pytest.skip("another C library than glibc")


@pytest.mark.usefixtures("_glibc")
def test_a_block_is_filled_with_zeros_once() -> None:
    with kept_memory():
        # the first blocks of a heap lie between others that are smaller
        fill()
        fill()
        kept = faults(fill)
    assert kept * 3 < faults(fill)


def held() -> int:
    """Bytes that this process holds."""
    size: int = resource.getpagesize()
    return size * int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.usefixtures("_glibc")
def test_what_was_kept_is_given_back_behind_it() -> None:
    with kept_memory():
        # what others let go of before is given back at its end
        pass
    before = held()
    with kept_memory():
        fill()
        assert held() > before + BYTES // 2
    assert held() < before + BYTES // 2


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "c_library", lambda: None)
    monkeypatch.setattr(memory, "_set", lambda *_: pytest.fail("nothing can be set"))
    with kept_memory():
        fill()
