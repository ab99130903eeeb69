"""What mmdetection's configuration says and this program computes in another way: said, so that nobody wonders at a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpn_viewer.core.checkpoints.values import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpn_viewer.core.checkpoints.mmdetection.config import Config

#: what sides of the network's picture are multiples of here
_DIVISOR = 32
_TESTS = ("model", "test_cfg"), ("test_cfg",)


def remarks(config: Config) -> Iterator[Fact]:
    """One fact for each thing that is computed otherwise than the configuration has it."""
    for name, read, plain, instead in _ROWS:
        value, place = read(config)
        if value is not None and value != plain:
            yield Fact(name, instead.format(value), f"assumed: {config.place} of the file says otherwise ({place})")


def _divisor(config: Config) -> tuple[Any, str]:
    padded = config.step("Pad").get("size_divisor")
    if padded is not None:
        return padded, "test pipeline Pad.size_divisor"
    return config.first(("model", "data_preprocessor", "pad_size_divisor"), ("data_preprocessor", "pad_size_divisor"))


def _keep_ratio(config: Config) -> tuple[Any, str]:
    return config.step("Resize").get("keep_ratio"), "test pipeline Resize.keep_ratio"


def _nms(*stage: str) -> Callable[[Config], tuple[Any, str]]:
    return lambda config: config.first(*((*test, *stage, "nms", "type") for test in _TESTS))


def _outputs(config: Config) -> tuple[Any, str]:
    return config.first(("model", "neck", "num_outs"))


#: name, what reads the value and its place, the value that is computed here, and how it is computed
_ROWS: tuple[tuple[str, Callable[[Config], tuple[Any, str]], Any, str], ...] = (
    ("padding", _divisor, _DIVISOR, f"to multiples of {_DIVISOR} net px, where {{}} is configured"),
    ("aspect of pictures", _keep_ratio, True, "kept, where pictures are stretched"),
    ("NMS of detections", _nms("rcnn"), "nms", "plain, where {} is configured"),
    ("NMS of proposals", _nms("rpn"), "nms", "plain, where {} is configured"),
    ("NMS", _nms(), "nms", "plain, where {} is configured"),
    ("outputs of the neck", _outputs, 5, "a level above the last or two, where {} in all are configured"),
)
