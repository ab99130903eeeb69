"""The menu of weights that torchvision publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from fpn_viewer.ui.opening import UNTRAINED

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from fpn_viewer.engine.checkpoint_requests import Offer
    from fpn_viewer.viewmodels.checkpoints import Checkpoints

WAITING = "Asking torchvision…"


def offer_text(offer: Offer) -> str:
    """An entry: what it is, and behind a tab its size, how good it is, and whether it is here already."""
    weights = offer.weights
    quality = "" if weights.box_map is None else f"box mAP {weights.box_map:.1f}"
    known = filter(None, ("✓ here" if offer.here else "", f"{weights.size / 1e6:.0f} MB", quality))
    return f"{UNTRAINED.get(weights.builder, weights.builder)}\t{' · '.join(known)}"


class PublishedMenu(QMenu):
    """Asks when it is opened, and downloads what is chosen."""

    def __init__(self, checkpoints: Checkpoints, parent: QWidget) -> None:
        """Makes the menu; it is filled when it is first opened.

        Args:
            checkpoints: lists and fetches.
            parent: the window.
        """
        super().__init__("Published &weights", parent)
        self._checkpoints = checkpoints
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(checkpoints.need_offers)
        self.triggered.connect(self._fetch)
        checkpoints.offers_changed.connect(self._fill)
        # An empty menu would not open at all, and so never ask.
        self._fill(())

    def _fill(self, offers: tuple[Offer, ...]) -> None:
        self.clear()
        for offer in offers:
            action = self.addAction(offer_text(offer))
            action.setData(offer.weights)
            action.setToolTip(f"{offer.weights.builder}, {offer.weights.name}\n{offer.weights.url}")
        if not offers:
            self.addAction(WAITING).setEnabled(False)

    def _fetch(self, action: QAction) -> None:
        if action.data() is not None:
            self._checkpoints.fetch(action.data())
