"""The pictures of the tab as a vector file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator

if TYPE_CHECKING:
    from fpn_viewer.ui.compare.board import Board


def write_svg(board: Board, path: str) -> None:
    """Writes panels with titles, boxes and colour bars.

    Args:
        board: what is drawn, as it is shown.
        path: the file.
    """
    # SVG 1.2 Tiny, the default, has no clipping: boxes would run over the neighbouring panels
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setFileName(path)
    generator.setSize(board.size())
    generator.setViewBox(board.rect())
    generator.setTitle("Comparison")
    painter = QPainter(generator)
    painter.fillRect(board.rect(), board.palette().window())
    board.paint_panels(painter, 1.0, vector=True)
    painter.end()
