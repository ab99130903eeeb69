"""Ground truth is found where people keep it, cheaply; classes go by their names; big and broken files do no harm."""

from __future__ import annotations

import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpn_viewer.core.annotations import find as finding
from fpn_viewer.core.annotations.find import find_annotations, locate_annotations, open_annotations
from fpn_viewer.core.annotations.labels import classes_of, dataset_key, match_labels, suggest
from fpn_viewer.core.annotations.structures import GroundTruth
from fpn_viewer.core.errors import AnnotationError
from fpn_viewer.core.resources import sample_pictures
from tests.unit.core.annotation_files import SIZE, coco, labelme, shape, voc, voc_object, write

if TYPE_CHECKING:
    from pathlib import Path

    from fpn_viewer.core.annotations.structures import Annotations

YOLO_LINES = "1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.3 0.1 0.2 0.4\n"
VOC_FILE = voc(voc_object("cat", 10, 20, 30, 40), voc_object("dog", 1, 1, 9, 9))
LABELME_FILE = labelme(shape("cat", [[30, 40], [10, 20]]), shape("sun", [[100, 100], [103, 104]], "circle"))


@pytest.mark.parametrize(
    ("picture", "file", "content", "found"),
    [
        ("p/a.jpg", "p/a.xml", VOC_FILE, "p"),
        ("p/a.jpg", "p/a.json", LABELME_FILE, "p"),
        ("p/a.jpg", "p/a.txt", YOLO_LINES, "p"),
        ("p/a.jpg", "p/samples.json", coco(), "p/samples.json"),
        ("p/a.jpg", "p/whatever.json", coco(), "p/whatever.json"),
        ("p/a.jpg", "p/annotations/instances_val.json", coco(), "p/annotations/instances_val.json"),
        ("p/images/a.jpg", "p/annotations/a.xml", VOC_FILE, "p/annotations"),
        ("p/JPEGImages/a.jpg", "p/Annotations/a.xml", VOC_FILE, "p/Annotations"),
        ("p/images/a.jpg", "p/labels/a.txt", YOLO_LINES, "p/labels"),
        ("p/images/a.jpg", "p/labels/a.txt", "", "p/labels"),
        ("p/images/train/a.jpg", "p/labels/train/a.txt", YOLO_LINES, "p/labels/train"),
        ("p/train/images/a.jpg", "p/train/labels/a.txt", YOLO_LINES, "p/train/labels"),
        ("p/images/val/a.jpg", "p/annotations/instances_val.json", coco(), "p/annotations/instances_val.json"),
        ("p/val2017/a.jpg", "p/annotations/instances_val2017.json", coco(), "p/annotations/instances_val2017.json"),
        ("p/train/a.jpg", "p/_annotations.coco.json", coco(), "p/_annotations.coco.json"),
        # what looks alike and is not
        ("p/a.jpg", "p/a.txt", "a car on a road\n", None),
        ("p/a.jpg", "p/a.txt", "", None),
        ("p/a.jpg", "p/a.json", {"caption": "a car"}, None),
        ("p/a.jpg", "p/a.xml", "<svg/>", None),
        ("p/other.jpg", "p/samples.json", coco(), None),
        ("p/jpg", "p/samples.json", coco(), None),
    ],
)
def test_where_ground_truth_is_found(tmp_path: Path, picture: str, file: str, content: Any, found: str | None) -> None:
    write(tmp_path / picture, b"")
    write(tmp_path / file, content)
    assert locate_annotations(tmp_path / picture) == (tmp_path / found if found else None)
    annotations = find_annotations(tmp_path / picture)
    assert (annotations is None) == (found is None)
    if annotations is not None:
        assert annotations.of(str(tmp_path / picture), SIZE) is not None


def test_the_file_that_lists_the_picture_is_taken(tmp_path: Path) -> None:
    for name in ("a", "b"):
        images = [{"id": 1, "file_name": f"{name}.jpg"}]
        write(tmp_path / f"annotations/instances_{name}.json", coco(images=images))
    assert locate_annotations(tmp_path / "images/b.jpg") == tmp_path / "annotations/instances_b.json"
    # a name that only ends alike is another picture
    assert locate_annotations(tmp_path / "images/xb.jpg") is None
    assert locate_annotations(tmp_path / "images/.jpg") is None


def test_names_beyond_ascii_are_found_however_json_writes_them(tmp_path: Path) -> None:
    for number, plain in enumerate((True, False)):
        images = [{"id": 1, "file_name": "tür/größe 1.jpg"}]
        folder = tmp_path / str(number)
        write(folder / "x_coco.json", json.dumps(coco(images=images), ensure_ascii=plain))
        assert locate_annotations(folder / "größe 1.jpg") == folder / "x_coco.json"


def test_a_large_json_file_is_left_alone_unless_it_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_LARGE", 100)
    write(tmp_path / "data.json", coco())
    assert locate_annotations(tmp_path / "a.jpg") == tmp_path / "data.json", "it is alone"
    write(tmp_path / "z.json", "{}")
    assert locate_annotations(tmp_path / "a.jpg") is None
    write(tmp_path / "my_coco.json", coco())
    assert locate_annotations(tmp_path / "a.jpg") == tmp_path / "my_coco.json"


def test_the_name_is_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_BLOCK", 7)
    write(tmp_path / "x_coco.json", coco(images=[{"id": 1, "file_name": "a/b/long-name-of-a-picture.jpg"}]))
    assert locate_annotations(tmp_path / "long-name-of-a-picture.jpg") == tmp_path / "x_coco.json"


def test_looking_costs_the_same_beside_ten_thousand_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(200):
        write(tmp_path / f"{n}.json", {"n": n})
    opened = []
    original = finding._COCO.fits
    monkeypatch.setattr(type(finding._COCO), "fits", lambda self, path: opened.append(path) or original(path))
    assert locate_annotations(tmp_path / "a.jpg") is None
    assert len(opened) < 60


def test_what_was_found_stays_open_until_its_file_changes(tmp_path: Path) -> None:
    path = write(tmp_path / "a_coco.json", coco())
    first = find_annotations(tmp_path / "a.jpg")
    assert find_annotations(tmp_path / "b.jpg") is first
    write(path, coco(annotations=[]))
    os.utime(path, (1, 1))
    again = find_annotations(tmp_path / "b.jpg")
    assert again is not None
    assert again.count == 0


def test_a_broken_file_is_told_once(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", "<annotation><object></annotation>")
    with pytest.raises(AnnotationError, match=r"a\.xml"):
        find_annotations(tmp_path / "a.jpg")
    assert find_annotations(tmp_path / "a.jpg") is None


def test_the_samples_have_their_ground_truth() -> None:
    for picture in sample_pictures():
        found = find_annotations(picture)
        assert found is not None
        assert len(found.of(str(picture), (576, 768)) or ()) > 0
    assert found.count == 350
    assert found.problems == ()


# -- classes --------------------------------------------------------------------------------------------------------------

CLASSES = ("__background__", "car", "traffic light", "N/A", "Bus", "person", "boxes", "T-shirt")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("car", 1),
        ("CAR", 1),
        ("cars", 1),
        ("traffic_light", 2),
        ("Traffic-Lights", 2),
        ("buses", 4),
        ("box", 6),
        ("tshirt", 7),
        ("N/A", None),
        ("background", None),
        ("human", None),
        ("ca", None),
        ("", None),
    ],
)
def test_classes_go_by_their_names(name: str, label: int | None) -> None:
    found = match_labels([name], CLASSES)
    assert found.labels == {name: label}
    assert found.unmatched == (() if label else (name,))


def test_a_name_that_fits_two_classes_fits_none_unless_it_is_one_of_them() -> None:
    classes = ("Car", "CAR", "car")
    assert match_labels(["car", "c a r"], classes).labels == {"car": 2, "c a r": None}


def test_label_0_is_a_class_where_it_is_called_one() -> None:
    assert match_labels(["car"], ("car", "dog")).labels == {"car": 0}
    assert classes_of(CLASSES) == {1: "car", 2: "traffic light", 4: "Bus", 5: "person", 6: "boxes", 7: "T-shirt"}


def test_what_was_said_before_wins_as_long_as_the_class_is_there() -> None:
    said = {"car": None, "van": "car", "man": "woman", "cat": "person"}
    found = match_labels(["car", "van", "man", "cat", "bus"], CLASSES, said)
    assert found.labels == {"car": None, "van": 1, "man": None, "cat": 5, "bus": 4}
    assert found.unmatched == ("man",)


def test_suggestions() -> None:
    assert suggest("small car", CLASSES) == 1
    assert suggest("trafic lihgt", CLASSES) == 2
    assert suggest("zebra", CLASSES) is None


def test_a_data_set_has_the_same_key_wherever_it_lies(tmp_path: Path) -> None:
    keys = {dataset_key(open_annotations(write(tmp_path / str(n) / "a.json", coco()))) for n in range(2)}
    other = open_annotations(write(tmp_path / "c" / "a.json", coco(categories=[{"id": 3, "name": "x"}])))
    assert len(keys) == 1
    assert dataset_key(other) not in keys
    assert all(key.isalnum() for key in keys)


# -- size and damage ------------------------------------------------------------------------------------------------------


def test_a_hundred_thousand_annotations_cost_little_more_than_their_json(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = np.round(rng.random((100_000, 4)) * 200, 2).tolist()
    outline = [round(float(x), 1) for x in rng.random(6) * 200]
    images = [{"id": n, "file_name": f"{n:06}.jpg", "width": 640, "height": 480} for n in range(1000)]
    objects = [
        {"id": n, "image_id": n % 1000, "category_id": 3, "bbox": box, "area": 1.0, "iscrowd": 0, "segmentation": [outline]}
        for n, box in enumerate(numbers)
    ]
    path = write(tmp_path / "big.json", coco(images=images, annotations=objects))
    start = time.process_time()
    json.loads(path.read_text())
    middle = time.process_time()
    found = open_annotations(path)
    assert time.process_time() - middle < 6 * (middle - start) + 1
    assert found.count == 100_000
    assert len(found.of("000007.jpg", SIZE) or ()) == 100


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file cut short, garbled, doubled or with a piece missing."""
    place, length = chance.randrange(len(data)), chance.randrange(1, 30)
    kinds = (
        data[:place],
        data[:place] + bytes(chance.randrange(256) for _ in range(length)) + data[place + length :],
        data[:place] + data[place + length :],
        data[:place] + data[max(0, place - length) :],
        data[:place] + chance.choice([b"[", b"{", b'"', b"<", b"null", b"-1e999", b"\x00", b"\xff\xfe"]) + data[place + 1 :],
    )
    return chance.choice(kinds)


GOOD: dict[str, bytes] = {
    "coco.json": json.dumps(coco()).encode(),
    "a.json": json.dumps(LABELME_FILE).encode(),
    "a.xml": VOC_FILE.encode(),
    "a.txt": YOLO_LINES.encode(),
    "data.yaml": b"path: x\nnames:\n  0: cat\n  1: 'dog'\nkpt_shape: [2, 3]\n",
    "flow.yaml": b"names: [cat, 'dog', \"bird\"] # all\nnc: 3\n",
}


def attempt(path: Path) -> tuple[Annotations | None, str]:
    """The annotations, or the sentence in their place."""
    try:
        return open_annotations(path), ""
    except AnnotationError as error:
        return None, str(error)


@pytest.mark.parametrize("name", GOOD)
def test_damaged_files_give_sentences_and_nothing_else(tmp_path: Path, name: str) -> None:
    chance = random.Random(name)
    if name.endswith(".yaml"):
        write(tmp_path / "labels/a.txt", YOLO_LINES)
    for _ in range(100):
        path = write(tmp_path / name, damaged(GOOD[name], chance))
        found, sentence = attempt(path)
        if found is None:
            assert str(tmp_path) in sentence
            continue
        assert all(str(tmp_path) in problem for problem in found.problems)
        for picture in ("a.jpg", "b.jpg"):
            try:
                truth = found.of(picture, SIZE)
            except AnnotationError:
                continue
            assert truth is None or isinstance(truth, GroundTruth)


scraps = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 30) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "bbox", "name", "x"]), inner, max_size=3),
    max_leaves=4,
)
KEYS = ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "file_name", "height", "width", "name", "segmentation")
entries = st.dictionaries(st.sampled_from(KEYS), scraps | st.just([1, 2, 3, 4]) | st.just(10), max_size=8)
lists = st.lists(entries | scraps, max_size=3) | scraps


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(("images", "annotations", "categories"), lists)))
def test_any_json_in_the_shape_of_coco_is_survived(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a_coco.json", content)
    found, _ = attempt(path)
    if found is None:
        return
    assert sum(n for flaw, n in found.flaws.items()) <= (found.count or 0)
    for image in content["images"] if isinstance(content["images"], list) else ():
        name = image.get("file_name") if isinstance(image, dict) else None
        if isinstance(name, str) and name:
            found.of(name, SIZE)
