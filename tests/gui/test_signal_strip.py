from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt

from fpn_viewer.core.imaging.colours import lut
from fpn_viewer.ui.objects.strip_layout import PICTURE
from tests.gui import object_bench as fakes
from tests.gui.anchor_bench import argb
from tests.gui.object_bench import open_bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.gui.object_bench import Bench

pytestmark = pytest.mark.gui


@pytest.fixture
def bench(qapp: QApplication, qtbot: QtBot) -> Iterator[Bench]:
    qapp.setStyle("Fusion")
    yield from open_bench(qtbot)


def test_every_crop_is_at_one_scale_with_the_object_in_the_same_place(bench: Bench) -> None:
    bench.give()
    bench.ask()
    grid = bench.tab.signal.strip.grid()
    assert grid is not None
    assert (grid.rows, grid.columns) == (("P2", "P3"), (PICTURE, "backbone", "lateral", "top-down", "merged", "output"))
    assert ("P3", "top-down") not in grid.nodes
    places = [grid.place(grid.signal.box_img, cell).translated(-grid.crop_rect(cell).topLeft()) for cell in grid.nodes]
    for place in places:
        assert place.getRect() == pytest.approx(places[0].getRect())
    scales = {round(grid.place(node.crop_box_img, cell).width(), 3) for cell, node in grid.nodes.items()}
    assert len(scales) == 1


def test_cells_of_a_crop_are_drawn_where_they_lie(bench: Bench) -> None:
    bench.give()
    bench.ask()
    strip = bench.tab.signal.strip
    grid, pixels = strip.grid(), argb(strip.grab().toImage())
    assert grid is not None
    low, high = strip.ranges()["P3"]
    for row, column in ((1, 1), (2, 4)):
        node = grid.nodes["P3", "output"]
        x0, y0, x1, y1 = node.crop_box_img
        cell = (x0 + (column + 0.15) * (x1 - x0) / 6, y0 + (row + 0.5) * (y1 - y0) / 4)
        spot = grid.place((*cell, cell[0] + 0.1, cell[1] + 0.1), ("P3", "output")).topLeft()
        expected = lut("viridis")[round((float(node.crop[row, column]) - low) / (high - low) * 255)]
        assert int(pixels[int(spot.y()), int(spot.x())]) == int.from_bytes(bytes(expected), "big") | 0xFF000000


def test_the_colour_scale_is_shared_by_a_row_or_by_all(bench: Bench) -> None:
    bench.give()
    bench.ask()
    page = bench.tab.signal
    by_row = page.strip.ranges()
    assert by_row["P2"] != by_row["P3"]
    page.locked.setChecked(True)
    locked = page.strip.ranges()
    assert locked["P2"] == locked["P3"] == (min(r[0] for r in by_row.values()), max(r[1] for r in by_row.values()))
    bench.question.update(signal=fakes.signal(channel=17))
    low, high = page.strip.ranges()["P2"]
    assert low == -high, "a channel has a sign"


def test_an_object_that_drowns_is_marked_and_explained(bench: Bench) -> None:
    bench.give()
    bench.ask()
    page = bench.tab.signal
    assert page.sentence.text() == fakes.signal().sentence
    grid = page.strip.grid()
    assert grid is not None
    drowned = page.strip.tip(grid.crop_rect(("P3", "output")).center())
    assert "contrast 0.40 σ ↓, the object drowns" in drowned
    assert "best channels: 17 (4.2 σ), 3 (2.1 σ)" in drowned
    assert "top-down 62 %" in page.strip.tip(grid.text_rect(("P2", "merged")).center())
    pixels = argb(page.strip.grab().toImage())

    def reds(cell: tuple[str, str]) -> int:
        rect = grid.text_rect(cell).toRect()
        part = pixels[rect.top() : rect.bottom(), rect.left() : rect.right()].astype(np.int64)
        return int((((part >> 16 & 0xFF) - (part & 0xFF)) > 60).sum())

    assert reds(("P3", "output")) > 0
    assert reds(("P3", "merged")) == 0


def test_a_click_and_arrows_choose_a_node_and_its_channels_are_offered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # a menu takes the keyboard, which a screen that is not there has not
    monkeypatch.setattr(bench.tab.signal.menu, "popup", lambda _: None)
    bench.give()
    bench.ask()
    page, strip = bench.tab.signal, bench.tab.signal.strip
    grid = strip.grid()
    assert grid is not None
    bench.bot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=grid.crop_rect(("P3", "lateral")).center().toPoint())
    assert bench.selection.state.current == ("P3", "lateral")
    strip.setFocus()
    bench.bot.keyClick(strip, Qt.Key.Key_Right)
    assert bench.selection.state.current == ("P3", "merged"), "an empty place is passed over"
    bench.bot.keyClick(strip, Qt.Key.Key_Up)
    assert bench.selection.state.current == ("P2", "merged")
    assert [page.channel.itemText(i) for i in range(page.channel.count())] == ["mean |x|", "channel 17  4.2 σ", "channel 3  2.1 σ"]
    page.channel.activated.emit(1)
    bench.bot.keyClick(strip, Qt.Key.Key_Return)
    page.menu.actions()[0].trigger()
    assert bench.question.channels == [17, None]


@pytest.mark.parametrize("size", [(460, 520), (880, 780), (1600, 1000)])
def test_the_strip_fits_its_width_at_any_size(bench: Bench, size: tuple[int, int]) -> None:
    bench.give()
    bench.ask()
    bench.tab.resize(*size)
    bench.bot.waitUntil(lambda: bench.tab.size().toTuple() == size)
    grid = bench.tab.signal.strip.grid()
    assert grid is not None
    for cell in grid.nodes:
        assert grid.cell_rect(cell).right() <= bench.tab.signal.strip.width() + 1
        assert grid.crop_rect(cell).height() >= 24
    tops = [grid.crop_rect((level, PICTURE)).top() for level in grid.rows]
    assert np.diff(tops).min() >= grid.crop[1]
