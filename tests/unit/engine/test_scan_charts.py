"""Questions about several detectors say how far they are as one, and let quicker ones go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fpn_viewer.engine.jobs import Token
from fpn_viewer.engine.scan.numbers.coco import coco
from fpn_viewer.engine.scan_charts import AskCoco, AskRecall, AskTide
from tests.scan_files import write_scan

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.engine.jobs import Progress


@pytest.mark.parametrize("ask", [AskCoco, AskTide, AskRecall])
def test_progress_rises_over_all_detectors(tmp_path: Path, ask: type[AskCoco | AskTide | AskRecall]) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=4, objects=60, detectors=2)
    told: list[Progress] = []
    answers = ask(str(scan.path), (0, 1))(Token(told.append))
    assert [one.name for one in answers] == ["demo", "demo-early"]
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], 0.5 in fractions, len({one.stage for one in told})) == (0.0, True, 1)


def test_answers_are_those_of_each_detector(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "a.sqlite", pictures=4, objects=60, detectors=2)
    assert AskCoco(str(scan.path), (1, 0))(Token()) == (coco(scan, 1), coco(scan, 0))
