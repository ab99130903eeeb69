"""Rows of figures, and the few ways of taking them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Row:
    """One figure beside its target."""

    name: str
    value: str
    target: str
    met: bool


def at_most(name: str, value: float, limit: float, unit: str, detail: str = "") -> Row:
    """A row that is met when the value is at or under the limit."""
    return Row(name, f"{value:.3g} {unit}{detail}", f"≤ {limit:g} {unit}", value <= limit)


def at_least(name: str, value: float, limit: float, unit: str) -> Row:
    """A row that is met when the value is at or over the limit."""
    return Row(name, f"{value:.3g} {unit}", f"≥ {limit:g} {unit}", value >= limit)


def milliseconds(step: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long one call takes."""
    started = clock()
    step()
    return (clock() - started) * 1e3


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return float(np.median(values)), float(np.percentile(values, 95))


def resident_mib() -> float:
    """Memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait(done: Callable[[], bool], limit_ms: int = 300_000) -> None:
    """Lets the event loop run until `done()`.

    Raises:
        TimeoutError: it never was.
    """
    loop, clock, limit = QEventLoop(), QTimer(), QTimer()
    clock.timeout.connect(lambda: loop.quit() if done() else None)
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    clock.start(1)
    limit.start(limit_ms)
    loop.exec()
    if not done():
        raise TimeoutError("the program did not come to rest")


def settle(pause_ms: int) -> None:
    """Lets the event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(pause_ms, loop.quit)
    loop.exec()
