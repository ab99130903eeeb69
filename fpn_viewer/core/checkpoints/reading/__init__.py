"""Checkpoint files to plain values and tensors, whatever is in them, without running anything from them."""
