"""What each format's reader makes of good files and of flawed ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fpn_viewer.core.annotations.find import open_annotations
from fpn_viewer.core.annotations.flaws import BEYOND
from fpn_viewer.core.annotations.yolo_names import read_yaml
from fpn_viewer.core.errors import AnnotationError
from tests.unit.core.annotation_files import SIZE, coco, labelme, shape, voc, voc_object, write

SHARED = Path(__file__).resolve().parents[4] / "shared"


def opened(path: Path, picture: str, size: tuple[int, int] | None = SIZE) -> Any:
    """Ground truth of a picture in a data set."""
    return open_annotations(path).of(picture, size)


def only(problems: tuple[str, ...]) -> str:
    assert len(problems) == 1, problems
    return problems[0]


# -- COCO ---------------------------------------------------------------------------------------------------------------


def test_coco(tmp_path: Path) -> None:
    found = open_annotations(write(tmp_path / "a.json", coco()))
    assert (found.format, found.count, found.names, found.problems) == ("COCO", 3, ("car", "traffic light"), ())
    truth = found.of("/moved/elsewhere/b.jpg", SIZE)
    assert truth is not None
    assert truth.boxes_img.tolist() == [[1.5, 2, 31.5, 42], [5, 5, 15, 15]]
    assert truth.names == ("traffic light", "car")
    assert truth.areas.tolist() == [700.5, 100]
    assert truth.crowd.tolist() == [False, False]
    assert found.of("a.jpg", SIZE).crowd.tolist() == [True]  # type: ignore[union-attr]
    assert found.of("c.jpg", SIZE) is None


def test_a_listed_picture_without_objects_has_none(tmp_path: Path) -> None:
    truth = opened(write(tmp_path / "a.json", coco(annotations=[])), "a.jpg")
    assert len(truth) == 0


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_coco_lists_may_come_in_any_order(tmp_path: Path, key: str) -> None:
    entries = coco()
    moved = {key: entries.pop(key), **entries}
    assert opened(write(tmp_path / "a.json", moved), "b.jpg").names == ("traffic light", "car")


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 9, "image_id": 10, "category_id": 3, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0, **changes}


@pytest.mark.parametrize(
    ("entry", "flaw"),
    [
        (annotation(bbox=[5, 5, 0, 4]), "no width"),
        (annotation(bbox=[5, 5, 4, 0]), "no height"),
        (annotation(bbox=[5, 5, 0, 0]), "no area"),
        (annotation(bbox=[5, 5, -4, 4]), "inside out"),
        (annotation(bbox=[700, 5, 4, 4]), "outside the picture"),
        (annotation(bbox=[5, -50, 4, 4]), "outside the picture"),
        (annotation(bbox=[5, 5, 4]), "no box"),
        (annotation(bbox=None), "no box"),
        (annotation(bbox=["a", 5, 4, 4]), "no box"),
        (annotation(bbox=[float("nan"), 5, 4, 4]), "no box"),
        (annotation(bbox=[10**400, 5, 4, 4]), "no box"),
        (annotation(bbox=["5", "5", "4", "4"]), ""),
        (annotation(bbox=None, segmentation=[[10, 10, 20, 10, 20, 30]]), ""),
    ],
)
def test_coco_flaws_are_kept_marked_and_counted(tmp_path: Path, entry: Any, flaw: str) -> None:
    found = open_annotations(write(tmp_path / "a.json", coco(annotations=[entry])))
    assert found.count == 1
    assert dict(found.flaws) == ({flaw: 1} if flaw else {})
    assert found.of("a.jpg", SIZE).flaws == (flaw,)  # type: ignore[union-attr]


def test_a_box_that_leaves_the_picture_in_part_is_used_and_counted(tmp_path: Path) -> None:
    boxes = [annotation(bbox=[600, 5, 60, 4]), annotation(id=8, bbox=[-0.5, 0, 40, 480.6])]
    found = open_annotations(write(tmp_path / "a.json", coco(annotations=boxes)))
    truth = found.of("a.jpg", SIZE)
    assert truth is not None
    assert truth.flaws == ("", "")
    assert truth.beyond.tolist() == [True, False]
    assert dict(found.flaws) == {BEYOND: 1}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"annotations": [annotation(image_id=11)]}, r"1 annotation of an image .* left out \(annotations\[0\], image_id 11\)"),
        (
            {"annotations": [annotation(), annotation()]},
            r"1 annotation with an id that another has, kept \(annotations\[1\]",
        ),
        ({"annotations": [annotation(category_id=4)]}, r"1 annotation of a category .* \(annotations\[0\], category_id 4\)"),
        ({"annotations": [annotation(area=2600)]}, r"whose area exceeds .* \(annotations\[0\], area 2600\)"),
        ({"annotations": [annotation(), 5]}, r"1 entry .* \(annotations\[1\]\)"),
        ({"annotations": {"a": 1}}, r"1 member in another form than a list, left out \(annotations\)"),
        ({"categories": [{"id": 3, "name": "car"}, {"id": 3, "name": "dog"}]}, r"1 category .* \(categories\[1\], id 3\)"),
    ],
)
def test_coco_problems_name_file_and_place(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    found = open_annotations(write(tmp_path / "a.json", coco(**{"annotations": [], **changes})))
    problem = only(found.problems)
    assert problem.startswith(str(tmp_path / "a.json"))
    assert re.search(sentence, problem), problem


def test_coco_duplicate_images(tmp_path: Path) -> None:
    images = [
        {"id": 10, "file_name": "a.jpg"},
        {"id": 10, "file_name": "b.jpg"},
        {"id": 30, "file_name": "a.jpg"},
        {"file_name": "c.jpg"},
        {"id": 40},
    ]
    objects = [annotation(), annotation(id=10, image_id=30)]
    found = open_annotations(write(tmp_path / "a.json", coco(images=images, annotations=objects)))
    assert len(found.of("a.jpg", SIZE)) == 2  # type: ignore[arg-type]
    assert found.of("b.jpg", SIZE) is None
    text = "\n".join(found.problems)
    assert "1 image with an id that another has, left out (images[1], id 10)" in text
    assert "1 image listed twice, its objects put together (images[2], a.jpg)" in text
    assert "2 images without id or file_name, left out (first at images[3])" in text


def test_ten_thousand_faults_of_a_kind_are_one_sentence(tmp_path: Path) -> None:
    objects = [annotation(id=n, image_id=99) for n in range(10_000)]
    found = open_annotations(write(tmp_path / "a.json", coco(annotations=objects)))
    assert "10000 annotations" in only(found.problems)


def test_a_coco_file_cut_short_shows_what_is_there(tmp_path: Path) -> None:
    text = json.dumps(coco(), indent=1)
    cut = text.index('"image_id": 10') + 4
    found = open_annotations(write(tmp_path / "a.json", text[:cut]))
    assert found.count == 1
    broken, unknown = found.problems
    assert f"line {text[:cut].count(chr(10)) + 1}, column" in broken
    assert "in annotations[1]" in broken
    # the categories come last in this file
    assert "category_id 90" in unknown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1, column 1"),
        ('{"images": [{"id": 1,}', "line 1, column"),
        ('{\n "images": 5 "a"', "line 2"),
        ("[1, 2]", "'{' expected at line 1, column 1"),
        ('{"a": 1}', "neither COCO"),
        ('{"images"' + ":" + "[" * 100_000, "cannot be read at line 1"),
        ('{"images": [' + "1" * 5000 + "]}", "cannot be read"),
    ],
)
def test_broken_json_gives_one_sentence_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(AnnotationError, match=r"a\.json") as error:
        open_annotations(write(tmp_path / "a.json", text))
    assert sentence in str(error.value)


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{folder}/1.jpg"} for n, folder in enumerate(("x/train", "x\\val", "y/val"))]
    objects = [annotation(id=n, image_id=n, bbox=[n, 0, 5, 5]) for n in range(3)]
    found = open_annotations(write(tmp_path / "a.json", coco(images=images, annotations=objects)))
    for picture, n in (("/d/train/1.jpg", 0), ("/d/x/val/1.jpg", 1), ("/d/y/val/1.jpg", 2)):
        assert found.of(picture).boxes_img[0, 0] == n  # type: ignore[union-attr]
    with pytest.raises(AnnotationError, match=r"may be x/val/1\.jpg and y/val/1\.jpg"):
        found.of("/d/val/1.jpg")


def test_a_picture_of_another_size_has_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", coco())
    assert opened(path, "a.jpg").notes == ()
    assert "640×480 px, and this one has 320×240 px" in only(opened(path, "a.jpg", (240, 320)).notes)


def test_pictures_that_are_not_on_the_disk_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "annotations" / "a.json", coco())
    assert open_annotations(path).problems == ()
    write(tmp_path / "images" / "train" / "a.jpg", b"")
    assert "1 picture listed and not among the others on the disk (train/b.jpg)" in only(open_annotations(path).problems)


# -- Pascal VOC -----------------------------------------------------------------------------------------------------------


def test_voc(tmp_path: Path) -> None:
    objects = voc_object("cat", 10, 20, 30.5, 40), voc_object("dog", 1, 1, 9, 9, difficult=1)
    write(tmp_path / "a.xml", voc(*objects))
    write(tmp_path / "b.xml", voc(filename="a.jpg"))
    found = open_annotations(tmp_path)
    assert (found.format, found.count, found.names, found.problems) == ("Pascal VOC", 2, ("cat", "dog"), ())
    truth = found.of("elsewhere/a.png", SIZE)
    assert truth is not None
    assert truth.boxes_img.tolist() == [[10, 20, 30.5, 40], [1, 1, 9, 9]]
    assert truth.ignored.tolist() == [False, True]
    assert len(found.of("b.jpg", SIZE)) == 0  # type: ignore[arg-type]
    assert found.of("c.jpg", SIZE) is None


def test_voc_goes_by_filename_where_no_file_has_the_pictures_name(tmp_path: Path) -> None:
    write(tmp_path / "0001.xml", voc(voc_object("cat", 1, 1, 9, 9), filename="photo.jpg"))
    assert len(opened(tmp_path, "/x/photo.jpg")) == 1


def test_a_voc_file_stands_for_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", voc(voc_object("cat", 1, 1, 9, 9)))
    found = open_annotations(write(tmp_path / "b.xml", voc(voc_object("dog", 1, 1, 9, 9))))
    assert (found.names, found.path) == (("cat", "dog"), str(tmp_path))


def test_a_broken_voc_file_is_named_with_its_place_and_the_rest_opens(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", voc(voc_object("cat", 1, 1, 9, 9)))
    bad = write(tmp_path / "bad.xml", "<annotation>\n<object></annotation>")
    other = write(tmp_path / "other.xml", "<html/>")
    found = open_annotations(tmp_path)
    assert found.count == 1
    assert f"{bad} is not readable XML: mismatched tag: line 2, column 10" in found.problems[0]
    assert str(other) in found.problems[1]
    with pytest.raises(AnnotationError, match="mismatched tag"):
        found.of("bad.jpg", SIZE)
    bad.unlink()
    (tmp_path / "a.xml").unlink()
    with pytest.raises(AnnotationError, match="<html> at its top"):
        open_annotations(other)


def test_voc_objects_without_parts_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", voc("<object><name>cat</name></object>", voc_object("", 1, 1, 9, 9), "<object/>"))
    found = open_annotations(tmp_path)
    truth = found.of("a.jpg", SIZE)
    assert truth is not None
    assert truth.names == ("cat", "unnamed", "unnamed")
    assert truth.flaws == ("no box", "", "no box")
    assert "2 objects without a name" in only(found.problems)
    assert "a.xml, object 2" in only(found.problems)


@pytest.mark.skipif(not (SHARED / "data/bccd").is_dir(), reason="the blood cells are not beside the checkout")
def test_the_blood_cells_have_their_two_degenerate_boxes() -> None:
    found = open_annotations(SHARED / "data/bccd/annotations")
    assert set(found.names) == {"RBC", "WBC", "Platelets"}
    assert dict(found.flaws) == {"no area": 2}
    for number in ("00338", "00343"):
        truth = found.of(str(SHARED / f"data/bccd/images/BloodImage_{number}.jpg"), SIZE)
        assert truth is not None
        assert truth.flaws.count("no area") == 1
    assert found.problems == ()


# -- YOLO -----------------------------------------------------------------------------------------------------------------


def test_yolo(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "train: images\nnames:\n  0: cat\n  1: dog\n")
    write(tmp_path / "labels/a.txt", "1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.3 0.1 0.2 0.4\n\n0 0.5 0.5 0.1 0.1 0.93\n")
    write(tmp_path / "labels/b.txt", "")
    for path in (tmp_path, tmp_path / "labels", tmp_path / "data.yaml", tmp_path / "labels/a.txt"):
        found = open_annotations(path)
        assert (found.format, found.count, found.names, found.problems) == ("YOLO", 3, ("cat", "dog"), ())
        truth = found.of("x/a.jpg", (100, 200))
        assert truth is not None
        assert np.allclose(truth.boxes_img, [[75, 25, 125, 75], [20, 10, 60, 40], [90, 45, 110, 55]])
        assert truth.names == ("dog", "cat", "cat")
        assert len(found.of("b.jpg", (100, 200))) == 0  # type: ignore[arg-type]


def test_yolo_reads_the_size_from_the_picture(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "cat\n")
    write(tmp_path / "a.txt", "0 0.5 0.5 0.5 0.5\n")
    Image.new("RGB", (80, 40)).save(tmp_path / "a.png")
    found = open_annotations(tmp_path)
    assert found.of(str(tmp_path / "a.png")).boxes_img.tolist() == [[20, 10, 60, 30]]  # type: ignore[union-attr]
    with pytest.raises(AnnotationError, match="size is not known"):
        found.of(str(tmp_path / "a.jpg"))


def test_yolo_lines_that_are_no_objects_are_told(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "0 0.5 0.5 0.5 0.5\n0 0.5 0.5\nx y z w v\n7 .5 .5 .1 .1\n")
    write(tmp_path / "classes.txt", "cat\n")
    found = open_annotations(tmp_path)
    assert (found.count, found.names) == (2, ("cat", "class 7"))
    first, second = found.problems
    assert "2 lines" in first
    assert "a.txt, line 2" in first
    assert "a.txt, line 4: 7" in second


def test_yolo_without_names(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "2 0.5 0.5 0.5 0.5\n")
    found = open_annotations(tmp_path)
    assert found.names == ("class 2",)
    assert "no data.yaml or classes.txt" in only(found.problems)


def test_yolo_key_points_follow_the_box(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [person]\nkpt_shape: [2, 3]\n")
    write(tmp_path / "labels/a.txt", "0 0.5 0.5 0.2 0.2 0.1 0.1 2 0.9 0.9 2\n")
    assert np.allclose(opened(tmp_path, "a.jpg", (100, 100)).boxes_img, [[40, 40, 60, 60]])


def test_yolo_flaws(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "cat\n")
    write(tmp_path / "a.txt", "0 0.5 0.5 0 0.2\n0 1.5 0.5 0.2 0.2\n0 0.95 0.5 0.2 0.2\n")
    found = open_annotations(tmp_path)
    assert dict(found.flaws) == {"no width": 1, "outside the picture": 1, BEYOND: 1}
    assert found.of("a.jpg", (100, 100)).flaws == ("no width", "outside the picture", "")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [a, 'b, c', \"d\"]\nnc: 3", {0: "a", 1: "b, c", 2: "d"}),
        ("names: ['a', # first\n  'b',\n\n  c d ]", {0: "a", 1: "b", 2: "c d"}),
        ("names:\n- a\n- b # note\nnc: 2", {0: "a", 1: "b"}),
        ("nc: 2\nnames:\n  # note\n  0: person\n  5: 'it''s: \\n'\n\nother: 1", {0: "person", 5: "it's: \\n"}),
        ("names: {0: a, 3: 'b'}", {0: "a", 3: "b"}),
        ("names: []", {}),
        ("names: coco.names\nnc: 80", {}),
        ("names: [" + " " * 300_000, {}),
        ("names: ['" + "a" * 300_000, {}),
    ],
)
def test_yaml_names(tmp_path: Path, text: str, names: dict[int, str]) -> None:
    found = read_yaml(write(tmp_path / "data.yaml", text))
    assert found.names == names
    assert bool(found.problem) == (not names)


# -- LabelMe --------------------------------------------------------------------------------------------------------------


def test_labelme(tmp_path: Path) -> None:
    shapes = (
        shape("cat", [[30, 40], [10, 20]]),
        shape("dog", [[1, 1], [5, 1], [3, 9]], "polygon"),
        shape("sun", [[100, 100], [103, 104]], "circle"),
        shape("dot", [[7, 8]], "point"),
    )
    write(tmp_path / "a.json", labelme(*shapes))
    found = open_annotations(tmp_path)
    assert (found.format, found.names, found.problems) == ("LabelMe", ("cat", "dog", "sun", "dot"), ())
    truth = found.of("a.jpg", SIZE)
    assert truth is not None
    assert truth.boxes_img.tolist() == [[10, 20, 30, 40], [1, 1, 5, 9], [95, 95, 105, 105], [7, 8, 7, 8]]
    assert truth.flaws == ("", "", "", "no area")


def test_labelme_faults(tmp_path: Path) -> None:
    write(tmp_path / "a.json", labelme(shape("cat", [[1, 2, 3]]), 5, {"points": [[1, 1], [2, 2]]}))
    write(tmp_path / "b.json", json.dumps(labelme(shape("dog", [[1, 1], [2, 2]])))[:-40])
    found = open_annotations(tmp_path)
    assert (found.count, found.names) == (3, ("cat", "unnamed", "dog"))
    assert found.of("a.jpg", SIZE).flaws == ("no box", "")  # type: ignore[union-attr]
    text = "\n".join(found.problems)
    for part in ("a.json, shapes[1]", "a.json, shapes[2]", "b.json: the file ends too early at line 1"):
        assert part in text


# -- what is opened -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p / "absent.json", "does not exist"),
        (lambda p: p, "holds no annotations that the program knows"),
        (lambda p: write(p / "a.png", b"x"), "of no known kind"),
        (lambda p: write(p / "a.xml", ""), "no element found"),
        (lambda p: write(p / "data.yaml", "names: [a]"), "no label files"),
        (lambda p: (write(p / "a.json", coco()), write(p / "b.json", coco()), p)[-1], "holds 2 COCO files"),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path, make: Any, sentence: str) -> None:
    with pytest.raises(AnnotationError, match=sentence) as error:
        open_annotations(make(tmp_path))
    assert str(tmp_path) in str(error.value)


def test_a_folder_stands_for_the_annotations_folder_in_it(tmp_path: Path) -> None:
    write(tmp_path / "Annotations" / "a.xml", voc(voc_object("cat", 1, 1, 9, 9)))
    write(tmp_path / "JPEGImages" / "a.jpg", b"")
    assert open_annotations(tmp_path).path == str(tmp_path / "Annotations")


def test_a_watcher_may_stop_the_reading_and_hears_how_far_it_is(tmp_path: Path) -> None:
    class Watcher:
        said: list[float]

        def check(self) -> None:
            if self.said:
                raise KeyboardInterrupt

        def report(self, stage: str, fraction: float) -> None:
            self.said.append(fraction)

    watcher = Watcher()
    watcher.said = []
    objects = [annotation(id=n) for n in range(10_000)]
    with pytest.raises(KeyboardInterrupt):
        open_annotations(write(tmp_path / "a.json", coco(annotations=objects)), watcher)
    assert 0 <= watcher.said[0] <= 1
