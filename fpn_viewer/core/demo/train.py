"""Trains one run of the recipe, resumable: generated scenes → random crops → AdamW → averaged weights in safetensors."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from fpn_viewer.core.checkpoints.native import save_native
from fpn_viewer.core.demo.scenes import generate
from fpn_viewer.core.detectors.build import build_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor
    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.demo.recipe import Recipe

SAVE_EVERY = 100
MIN_VISIBLE_SIDE = 3.0
MIN_VISIBLE_SHARE = 0.4


@dataclass(frozen=True)
class TrainingScene:
    """A scene as training wants it: image (H, W, 3) uint8, boxes (N, 4) float32 xyxy px, labels (N,) int64."""

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


def training_scene(seed: int) -> TrainingScene:
    """The scene of one seed."""
    scene = generate(seed)
    boxes = np.array([o.box for o in scene.objects], np.float32).reshape(-1, 4)
    return TrainingScene(scene.image, boxes, np.array([o.label for o in scene.objects], np.int64))


def load_scenes(count: int, folder: Path, say: Callable[[str], None]) -> list[TrainingScene]:
    """Scenes 0 … count - 1, generated once and kept in `folder`."""
    path = folder / f"scenes-{count}.npz"
    if not path.exists():
        say(f"generating {count} scenes")
        # spawn, because a forked child of a process that has used torch's threads can hang
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            scenes = list(pool.map(training_scene, range(count), chunksize=16))
        ends = np.cumsum([len(s.labels) for s in scenes])
        images = np.stack([s.image for s in scenes])
        boxes, labels = np.concatenate([s.boxes for s in scenes]), np.concatenate([s.labels for s in scenes])
        np.savez(path, images=images, boxes=boxes, labels=labels, ends=ends)
    with np.load(path) as data:
        cuts = data["ends"][:-1]
        columns = data["images"], np.split(data["boxes"], cuts), np.split(data["labels"], cuts)
    return [TrainingScene(*parts) for parts in zip(*columns, strict=True)]


def crop(scene: TrainingScene, side: int, rng: np.random.Generator) -> TrainingScene:
    """A random square crop, turned by a random multiple of 90° and perhaps mirrored, with the objects still visible in it.

    Objects cut to under `MIN_VISIBLE_SHARE` of their area, or to under `MIN_VISIBLE_SIDE` px, are left out.
    """
    height, width = scene.image.shape[:2]
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    image = scene.image[y : y + side, x : x + side]
    shifted = scene.boxes - np.array([x, y, x, y], np.float32)
    boxes = shifted.clip(0, side)
    sides = boxes[:, 2:] - boxes[:, :2]
    share = sides.prod(1) / np.maximum((shifted[:, 2:] - shifted[:, :2]).prod(1), 1e-6)
    keep = (share >= MIN_VISIBLE_SHARE) & (sides.min(1, initial=side) >= MIN_VISIBLE_SIDE)
    boxes = boxes[keep]
    for _ in range(int(rng.integers(4))):
        image, boxes = np.rot90(image), _turned(boxes, side)
    if rng.random() < 0.5:
        image, boxes = image[:, ::-1], np.stack([side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]], 1)
    return TrainingScene(np.ascontiguousarray(image), boxes, scene.labels[keep])


def _turned(boxes: np.ndarray, side: int) -> np.ndarray:
    return np.stack([boxes[:, 1], side - boxes[:, 2], boxes[:, 3], side - boxes[:, 0]], 1)


def _batch(scenes: list[TrainingScene], recipe: Recipe, step: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    rng = np.random.default_rng((recipe.seed, step))
    images: list[Tensor] = []
    targets: list[dict[str, Tensor]] = []
    while len(images) < recipe.batch:
        part = crop(scenes[int(rng.integers(len(scenes)))], recipe.crop, rng)
        if len(part.labels):
            images.append(torch.from_numpy(part.image).permute(2, 0, 1).float() / 255)
            targets.append({"boxes": torch.from_numpy(part.boxes), "labels": torch.from_numpy(part.labels)})
    return images, targets


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    share = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def _training_module(recipe: Recipe) -> FasterRCNN:
    torch.manual_seed(recipe.seed)
    module: FasterRCNN = build_module(recipe.spec).train()
    # crops go in at their own size: what is learned is the scale of the scenes
    module.transform._skip_resize = True
    module.rpn._pre_nms_top_n["training"] = 500
    module.rpn._post_nms_top_n["training"] = 300
    # half of torchvision's usual RoIs, half of them objects: a fifth less time a step on a CPU
    module.roi_heads.fg_bg_sampler.batch_size_per_image = 64
    module.roi_heads.fg_bg_sampler.positive_fraction = 0.5
    return module


def _average(averaged: nn.Module, module: nn.Module, decay: float) -> None:
    for slow, fast in zip(averaged.state_dict().values(), module.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - decay)
        else:
            slow.copy_(fast)


def train(recipe: Recipe, folder: Path, say: Callable[[str], None] = print) -> Iterator[tuple[int, Path]]:
    """Runs one recipe; goes on from `folder` where an earlier call was cut off.

    Yields:
        (step, checkpoint) for the early and the final checkpoint, as they are written.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    scenes = load_scenes(recipe.scenes, folder, say)
    module = _training_module(recipe).to(device)
    averaged = copy.deepcopy(module)
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    state_file = folder / f"{recipe.spec.name}.state.pt"
    done = _resume(state_file, module, averaged, optimiser)
    started, losses = time.monotonic(), 0.0
    for step in range(done, recipe.steps):
        losses += _step(module, averaged, optimiser, recipe, scenes, step, device)
        if (step + 1) % SAVE_EVERY == 0:
            torch.save(_state(step + 1, module, averaged, optimiser), state_file)
            pace = (time.monotonic() - started) / (step + 1 - done)
            say(f"{recipe.spec.name}: step {step + 1}/{recipe.steps}, loss {losses / SAVE_EVERY:.3f}, {pace:.2f} s a step")
            losses = 0.0
        if step + 1 in (recipe.early_step, recipe.steps):
            yield step + 1, _write(recipe, averaged, folder, step + 1)


def _step(
    module: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    scenes: list[TrainingScene],
    step: int,
    device: torch.device,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(recipe, step)
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    images, targets = _batch(scenes, recipe, step)
    losses = module([i.to(device) for i in images], [{k: v.to(device) for k, v in t.items()} for t in targets])
    loss = sum(losses.values())
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 10.0)
    optimiser.step()
    with torch.no_grad():
        _average(averaged, module, min(recipe.ema, (step + 1) / (step + 10)))
    return float(loss.detach())


def _state(step: int, module: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, object]:
    parts = {"module": module.state_dict(), "averaged": averaged.state_dict(), "optimiser": optimiser.state_dict()}
    return {"step": step, **parts}


def _resume(path: Path, module: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    module.load_state_dict(state["module"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _write(recipe: Recipe, averaged: nn.Module, folder: Path, step: int) -> Path:
    early = step != recipe.steps
    spec = dataclasses.replace(recipe.spec, name=recipe.spec.name + ("-early" if early else ""))
    path = folder / f"{spec.name}.safetensors"
    save_native(spec, averaged, path, notes={"step": str(step), "steps": str(recipe.steps)})
    return path
