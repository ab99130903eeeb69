"""What a training script wrote into the file beside the weights (args, meta, hyper_parameters), as options of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.buffers import settings_in
from fpn_viewer.core.checkpoints.class_lists import class_list
from fpn_viewer.core.checkpoints.coco_names import COCO_BY_COUNT
from fpn_viewer.core.checkpoints.mmdetection.config import config_of, dig
from fpn_viewer.core.checkpoints.mmdetection.options import said as said_by_mmdetection
from fpn_viewer.core.checkpoints.plain import are_numbers
from fpn_viewer.core.checkpoints.values import MODULE, likely
from fpn_viewer.core.detectors.conventions import CONVENTION_NAMES
from fpn_viewer.core.detectors.options import with_options
from fpn_viewer.core.detectors.spec import SETTING_NAMES
from fpn_viewer.core.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpn_viewer.core.checkpoints.values import Contents, Recognised
    from fpn_viewer.core.detectors.spec import DetectorSpec

_Saying = tuple[str, Any, str]
#: where training scripts keep what they were called with; "" is the file itself
_PLACES: tuple[tuple[str, ...], ...] = (
    (),
    ("args",),
    ("hyper_parameters",),
    ("hparams",),
    ("hyperparameters",),
    ("config",),
    ("cfg",),
    ("model_args",),
    ("settings",),
    ("meta",),
    ("meta", "dataset_meta"),
    ("dataset_meta",),
    ("metadata",),
)
#: words for the classes' names, best first
_CLASSES = (
    *("class_names", "CLASSES", "classes", "labels", "label_names", "names", "categories"),
    *("id2label", "idx_to_class", "label2id", "class_to_idx"),
)
#: other words for settings
_WORDS = {
    "score_thresh": "box_score_thresh",
    "nms_thresh": "box_nms_thresh",
    "detections_per_img": "box_detections_per_img",
    "rpn_pre_nms_top_n_test": "rpn_pre_nms_top_n",
    "rpn_post_nms_top_n_test": "rpn_post_nms_top_n",
}
#: where torchvision's detectors keep their settings, first in two stages, then in one
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "min_size": ("transform.min_size",),
    "max_size": ("transform.max_size",),
    "image_mean": ("transform.image_mean",),
    "image_std": ("transform.image_std",),
    "anchor_sizes": ("rpn.anchor_generator.sizes", "anchor_generator.sizes"),
    "aspect_ratios": ("rpn.anchor_generator.aspect_ratios", "anchor_generator.aspect_ratios"),
    "rpn_pre_nms_top_n": ("rpn._pre_nms_top_n",),
    "rpn_post_nms_top_n": ("rpn._post_nms_top_n",),
    "rpn_nms_thresh": ("rpn.nms_thresh",),
    "rpn_score_thresh": ("rpn.score_thresh",),
    "box_score_thresh": ("roi_heads.score_thresh", "score_thresh"),
    "box_nms_thresh": ("roi_heads.nms_thresh", "nms_thresh"),
    "box_detections_per_img": ("roi_heads.detections_per_img", "detections_per_img"),
    "topk_candidates": ("topk_candidates",),
    "norm_eps": ("backbone.body.bn1.eps",),
}
_ANCHORS = ("anchor_sizes", "aspect_ratios")
_MADE_UP = "made up"
#: what torchvision's builder of that name sets otherwise than the others of its family
_BUILDERS: dict[str, dict[str, Any]] = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": {
        "min_size": 320,
        "max_size": 640,
        "rpn_pre_nms_top_n": 150,
        "rpn_post_nms_top_n": 150,
        "rpn_score_thresh": 0.05,
    },
}
#: names of the data sets that torchvision's reference scripts know, by number of classes
_DATA_SETS: dict[tuple[str, int], tuple[str, ...]] = {
    ("coco", 91): COCO_BY_COUNT[False, 91],
    ("coco_kp", 2): ("background", "person"),
}


def options_inside(contents: Contents, recognised: Recognised) -> dict[str, tuple[Any, str]]:
    """Options by name, each with its origin in words; what does not fit the network is left aside.

    Where several places say something of one option, the first that fits counts: mmdetection's configuration, buffers among the
    tensors, what the script was called with, and last what the number of classes makes likely.
    """
    out: dict[str, tuple[Any, str]] = {}
    for source in _SOURCES:
        sayings = [saying for saying in source(contents, recognised) if saying[0] not in out]
        anchors = _fitting_anchors([saying for saying in sayings if saying[0] in _ANCHORS], recognised)
        for name, value, origin in (*anchors, *(saying for saying in sayings if saying[0] not in _ANCHORS)):
            if name not in out and _fits(recognised.spec, {name: value}):
                out[name] = value, origin
    return out


def _fits(spec: DetectorSpec, options: Mapping[str, Any]) -> bool:
    if not all(are_numbers(value) for name, value in options.items() if name in SETTING_NAMES):
        return False
    try:
        with_options(spec, options, "")
    except SettingError:
        return False
    return True


def _fitting_anchors(sayings: list[_Saying], recognised: Recognised) -> list[_Saying]:
    """Sizes and ratios of one source, when together they give what the head has outputs for, on as many levels as there are."""
    options = {name: value for name, value, _ in sayings}
    if not options or not _fits(recognised.spec, options):
        return []
    settings = recognised.spec.settings_with(options)
    fitting = len(settings.anchor_sizes) == len(recognised.spec.levels) and (
        not recognised.anchors_per_cell or set(settings.anchors_per_cell) == {recognised.anchors_per_cell}
    )
    return sayings if fitting else []


# -- sources ------------------------------------------------------------------------------------------------------------


def _mmdetection(contents: Contents, recognised: Recognised) -> Iterator[_Saying]:
    config = config_of(contents.metadata)
    if config:
        for name, value, path in said_by_mmdetection(config, recognised.spec.kind.one_stage):
            yield name, value, _origin(config.place, path)


def _buffers(contents: Contents, _: Recognised) -> Iterator[_Saying]:
    for name, value, place in settings_in(contents.tensors):
        yield name, value, _origin(place)


def _pickled_network(contents: Contents, _: Recognised) -> Iterator[_Saying]:
    """What a network that was pickled whole keeps in its attributes."""
    attributes = contents.metadata.get(MODULE) or {}
    for name, places in _ATTRIBUTES.items():
        for place in places:
            value = attributes.get(place)
            if value is not None:
                yield name, _of_attribute(name, value), f"from the pickled network's own {place}"
                break


def _of_attribute(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("testing")
    if name == "aspect_ratios" and isinstance(value, list) and value:
        # one row for each level; they are the same in everything that can be built
        return value[0]
    return _last_size(name, value)


def _classes(contents: Contents, _: Recognised) -> Iterator[_Saying]:
    for names, origin in class_names_said(contents):
        yield "class_names", names, origin


def class_names_said(contents: Contents) -> Iterator[tuple[list[str], str]]:
    """Every list of class names in a file and its origin in words, whether or not it fits the head."""
    for place in _PLACES:
        for word in _CLASSES:
            names = class_list(dig(contents.metadata, *place, word))
            if names is not None:
                yield names, _origin(*place, word)


def _called_with(contents: Contents, _: Recognised) -> Iterator[_Saying]:
    for place in _PLACES:
        values = dig(contents.metadata, *place)
        for word, value in values.items() if isinstance(values, Mapping) else ():
            name = _WORDS.get(word, word) if isinstance(word, str) else ""
            if name in _SETTABLE and value is not None:
                yield name, _last_size(name, value), _origin(*place, word)


def _last_size(name: str, value: Any) -> Any:
    """A list of sizes to train with is tested with the last."""
    return value[-1] if name == "min_size" and isinstance(value, (list, tuple)) and value else value


def _references(contents: Contents, recognised: Recognised) -> Iterator[_Saying]:
    """What follows from the builder and the data set that torchvision's reference scripts were called with."""
    builder, data = (dig(contents.metadata, "args", word) for word in ("model", "dataset"))
    for name, value in (_BUILDERS.get(builder, {}) if isinstance(builder, str) else {}).items():
        yield name, value, likely(f"args.model in the file is {builder}")
    names = _DATA_SETS.get((data, recognised.spec.num_classes)) if isinstance(data, str) else None
    if names:
        yield "class_names", names, likely(f"args.dataset in the file is {data}")


def _coco(_: Contents, recognised: Recognised) -> Iterator[_Saying]:
    """COCO's names for as many classes as COCO has, where nobody gave any."""
    spec = recognised.spec
    names = COCO_BY_COUNT.get((spec.kind.one_stage, spec.num_classes))
    if names and spec.origins.get("class_names") == _MADE_UP:
        yield "class_names", names, likely(f"{spec.num_classes} classes are as many as COCO gives")


def _origin(*path: str) -> str:
    return f"from the file's own {'.'.join(path)}"


_SETTABLE = frozenset((*SETTING_NAMES, *CONVENTION_NAMES, "norm_eps"))
#: best first
_SOURCES: tuple[Callable[[Contents, Recognised], Iterator[_Saying]], ...] = (
    _mmdetection,
    _buffers,
    _pickled_network,
    _classes,
    _called_with,
    _references,
    _coco,
)
