"""Checks the procedural scenes: reproducibility, honest ground truth and the promised mix of classes and sizes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.core.demo import scenes
from fpn_viewer.core.demo.coco import coco_dict
from fpn_viewer.core.demo.objects import KINDS, Pose, render
from fpn_viewer.core.demo.scenes import CLASSES, generate

if TYPE_CHECKING:
    from fpn_viewer.core.demo.scenes import Scene, SceneObject

pytestmark = pytest.mark.filterwarnings("error")

SMALL = (288, 384)
FULL = (576, 768)


@pytest.fixture(scope="module")
def views() -> list[Scene]:
    return [generate(seed, FULL) for seed in range(500, 512)]


def longest_side(item: SceneObject) -> float:
    x0, y0, x1, y1 = item.box
    return max(x1 - x0, y1 - y0)


def test_same_seed_gives_the_same_scene() -> None:
    first, second = generate(7, SMALL), generate(7, SMALL)
    np.testing.assert_array_equal(first.image, second.image)
    assert first.objects == second.objects
    assert first.seed == 7


def test_other_seed_gives_another_scene() -> None:
    first, second = generate(7, SMALL), generate(8, SMALL)
    assert not np.array_equal(first.image, second.image)
    assert first.objects != second.objects


@pytest.mark.parametrize("size", [SMALL, (200, 520)])
def test_image_has_the_asked_size(size: tuple[int, int]) -> None:
    image = generate(3, size).image
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8


def test_boxes_lie_in_the_picture_and_are_neither_tiny_nor_huge(views: list[Scene]) -> None:
    for item in (item for view in views for item in view.objects):
        x0, y0, x1, y1 = item.box
        assert 0 <= x0 < x1 <= FULL[1]
        assert 0 <= y0 < y1 <= FULL[0]
        assert 5 <= longest_side(item) <= 200
        assert 1 <= item.label <= len(CLASSES)
        assert 0.25 <= item.visible <= 1


def test_mix_of_classes_and_sizes(views: list[Scene]) -> None:
    everything = [item for view in views for item in view.objects]
    shares = Counter(CLASSES[item.label - 1] for item in everything)
    assert set(shares) == set(CLASSES)
    assert max(shares.values()) < 0.6 * len(everything)
    sides = np.array([longest_side(item) for item in everything])
    assert 0.4 < np.mean(sides < 24) < 0.85
    assert np.mean(sides < 10) > 0.03
    assert np.mean(sides > 48) > 0.02
    assert np.mean([item.visible > 0.9 for item in everything]) > 0.8


def test_objects_are_where_the_boxes_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without shadows, wakes and occluders only what the boxes enclose differs from the bare ground."""
    monkeypatch.setattr(scenes, "_occlude", lambda *_: None)
    monkeypatch.setattr(scenes, "_paint_wake", lambda *_: None)
    monkeypatch.setattr(scenes.Canvas, "sprite_shadow", lambda *_, **__: None)
    monkeypatch.setattr(scenes, "photograph", lambda pixels, _: pixels.copy())
    full, bare = (scenes._generate(11, SMALL, with_objects=with_objects) for with_objects in (True, False))
    changed = np.abs(full.image - bare.image).max(axis=0) > 0.5
    boxed = np.zeros(SMALL, bool)
    for item in full.objects:
        x0, y0, x1, y1 = item.box
        columns, rows = slice(int(x0), int(np.ceil(x1))), slice(int(y0), int(np.ceil(y1)))
        boxed[rows, columns] = True
        assert changed[rows, columns].any(axis=0).mean() > 0.8
        assert changed[rows, columns].any(axis=1).mean() > 0.8
    assert len(full.objects) > 3
    assert not (changed & ~boxed).any()


@pytest.mark.parametrize("label", KINDS)
@pytest.mark.parametrize("scale", [1.5, 5.0])
def test_box_is_tight_around_the_rendered_shape(label: int, scale: float) -> None:
    pose = Pose(100.3, 80.7, 0.6, KINDS[label].lengths[0] * 1.5, scale)
    sprite = render(label, pose, (0.7, 0.4), np.random.default_rng(label))
    rows, columns = np.nonzero(sprite.patch.alpha > 0.02)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    offset = np.array([sprite.patch.x, sprite.patch.y] * 2)
    assert np.abs(np.array(sprite.box) - offset - seen).max() <= 1.0


def test_tank_box_matches_its_diameter() -> None:
    sprite = render(5, Pose(50, 40, 1.0, 10.0, 3.0), (0.7, 0.4), np.random.default_rng(0))
    assert sprite.box == pytest.approx((35, 25, 65, 55), abs=0.5)


def test_box_of_a_cut_object_encloses_only_what_the_picture_holds() -> None:
    sprite = render(2, Pose(0.0, 50.0, 0.7, 12.0, 4.0), (0.7, 0.4), np.random.default_rng(0))
    canvas = scenes.Canvas(np.random.default_rng(0), (100, 100), (0.7, 0.4))
    where, alpha = canvas.window(sprite.patch)
    x0, y0, x1, y1 = scenes._cut_box(sprite, where, alpha)
    assert (x0, x1, y1) == pytest.approx((0, sprite.box[2], sprite.box[3]))
    assert y0 > sprite.box[1] + 5


def test_coco_document_describes_the_scenes() -> None:
    made = [generate(seed, SMALL) for seed in (21, 22)]
    document = coco_dict(made, ["a.jpg", "b.jpg"])
    assert [image["file_name"] for image in document["images"]] == ["a.jpg", "b.jpg"]
    assert [category["name"] for category in document["categories"]] == list(CLASSES)
    assert [annotation["id"] for annotation in document["annotations"]] == list(range(1, len(document["annotations"]) + 1))
    for image_id, scene in enumerate(made, start=1):
        found = [annotation for annotation in document["annotations"] if annotation["image_id"] == image_id]
        assert len(found) == len(scene.objects)
        for annotation, item in zip(found, scene.objects, strict=True):
            x, y, width, height = annotation["bbox"]
            assert (x, y, x + width, y + height) == pytest.approx(item.box)
            assert annotation["area"] == pytest.approx(width * height)
            assert annotation["category_id"] == item.label


def test_coco_document_needs_a_name_for_each_scene() -> None:
    with pytest.raises(ValueError, match="zip"):
        coco_dict([generate(1, SMALL)], [])
