"""The camera of the procedural aerial views."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    import numpy.typing as npt

    from fpn_viewer.core.demo.terrain import Array


def photograph(pixels: Array, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Exposes a painted view: light, haze, blur, sensor noise and JPEG.

    Args:
        pixels: (3, H, W) colours; clipped in place.
        rng: Source of randomness.

    Returns:
        (H, W, 3) RGB picture.
    """
    gain = rng.normal(1, 0.035, 3) * rng.uniform(0.82, 1.15)
    haze = float(rng.choice([0.0, 0.0, 1.0])) * float(rng.uniform(0.05, 0.3))
    levels = np.arange(256) * gain[:, None] * (1 - haze) + haze * np.array([[186], [194], [204]])
    curves = np.clip(levels, 0, 255).astype(np.uint8)
    np.clip(pixels, 0, 255, out=pixels)
    exposed = [Image.fromarray(curve[plane.astype(np.uint8)]) for curve, plane in zip(curves, pixels, strict=True)]
    soft = Image.merge("RGB", exposed).filter(ImageFilter.BoxBlur(float(rng.uniform(0.0, 0.7))))
    grain = rng.standard_normal(pixels.shape[1:], dtype=np.float32) * np.float32(rng.uniform(0.8, 5.0))
    speckle = Image.fromarray((grain + np.float32(128.5)).astype(np.uint8))
    noisy = ImageChops.add(soft, Image.merge("RGB", [speckle] * 3), scale=1.0, offset=-128)
    stream = io.BytesIO()
    noisy.save(stream, "JPEG", quality=int(rng.integers(55, 96)))
    return np.array(Image.open(stream).convert("RGB"))
