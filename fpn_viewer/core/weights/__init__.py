"""Weights that torchvision publishes: which there are, and their files on this computer. Importing it loads no torch."""

from fpn_viewer.core.weights.download import fetch, fetched
from fpn_viewer.core.weights.table import Published, chosen, published

__all__ = ["Published", "chosen", "fetch", "fetched", "published"]
