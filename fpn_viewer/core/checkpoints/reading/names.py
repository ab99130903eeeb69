"""Which names a torch file may have in its pickle, and what stands in for each: nothing of it is looked up or imported."""

from __future__ import annotations

import argparse
import datetime
import re
from typing import Any

from fpn_viewer.core.checkpoints.reading import values
from fpn_viewer.core.checkpoints.reading.danger import PATHS

_NUMPY = ("numpy.core", "numpy._core")

#: full name to what takes its place under `weights_only=True`; the classes among them hold values and do nothing
CURATED: dict[str, Any] = {
    "argparse.Namespace": argparse.Namespace,
    "types.SimpleNamespace": argparse.Namespace,
    **{f"{module}.{name}": values.path_text for module in ("pathlib", "pathlib._local") for name in PATHS},
    **{f"datetime.{kind.__name__}": kind for kind in (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)},
    "datetime.timezone": datetime.timezone,
    **{f"{numpy}.multiarray.scalar": values.number for numpy in _NUMPY},
    **{f"{numpy}.multiarray._reconstruct": values.Array for numpy in _NUMPY},
    "numpy.ndarray": values.Array,
    "numpy.dtype": values.NumberType,
    "collections.defaultdict": values.AsDict,
    "collections.deque": values.AsList,
    "builtins.frozenset": values.AsList,
    "builtins.bytes": values.nothing,
    "copyreg._reconstructor": values.instance,
    "builtins.getattr": values.constant_name,
}

#: names that torch knows by itself and calls without asking: whether what they are given is harmless is checked beforehand
REBUILDS = frozenset(f"torch._utils._rebuild_tensor{version}" for version in ("", "_v2", "_v3"))
REBUILDS_OF_TENSORS = frozenset(
    ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2")
)
#: modules of which torch knows names by itself; what else of them a file calls is refused
_TORCHS_OWN = re.compile(
    r"(torch(\._utils|\._tensor|\.storage|\.serialization|\.cuda|\.sparse|\.nn\.parameter)?|_codecs|collections)\.\w+"
    r"|builtins\.(set|bytearray|complex)"
)

#: code bases of which classes beside the weights are expected: configurations, histories, options
_EXPECTED = re.compile(
    r"(mmengine|mmcv|mmdet|yacs|addict|omegaconf|pytorch_lightning|lightning|lightning_fabric|lightning_utilities|easydict|fvcore|detectron2"
    r"|ml_collections|box|munch|typing|builtins|collections|copyreg|functools|torch|torchvision|timm|numpy|enum|uuid)\..*"
)

#: what torch can rebuild and this program cannot use: the end of the name to what it is and what to do
UNUSABLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"torch\._utils\._rebuild_qtensor"),
        "quantised tensors, which cannot be followed; open the float network",
    ),
    (re.compile(r"torch\._utils\._rebuild_sparse_\w+"), "sparse tensors; save them with to_dense()"),
    (re.compile(r"torch\._utils\._rebuild_nested_\w+|torch\.nested\..*"), "nested tensors; save plain ones"),
    (
        re.compile(r"torch\._utils\._rebuild_meta_\w+"),
        "tensors without data (device meta); save the state_dict() after its weights were loaded",
    ),
    (
        re.compile(r"torch\.distributed\.(_?tensor|device_mesh|_shard|checkpoint).*"),
        "tensors that are spread over several processes (DTensor, sharded); save the full state_dict() of one process",
    ),
    (re.compile(r"torch\._utils\._rebuild_wrapper_subclass"), "tensors of a class of their own; save plain ones"),
    (re.compile(r"torch\._utils\._rebuild_(device|xla)_\w+"), "tensors of a special device; save them after .cpu()"),
)


def unusable(path: str) -> str:
    """What a file holds that names `path`, and what to do; "" for what can be used."""
    return next((words for pattern, words in UNUSABLE if pattern.fullmatch(path)), "")


def is_torchs_own(path: str) -> bool:
    """Whether torch may know the name by itself, so that no stand-in takes its place."""
    return bool(_TORCHS_OWN.fullmatch(path)) and path not in CURATED


def stand_in(path: str, mapping: bool, sequence: bool) -> Any:
    """What takes the place of a class that torch does not know, used like a dict, like a list, or neither."""
    if path in CURATED:
        return CURATED[path]
    return values.AsDict if mapping else values.AsList if sequence else values.stub_class(path)


def is_expected(path: str) -> bool:
    """Whether the class is one that training scripts leave beside the weights, not worth a word."""
    return bool(_EXPECTED.fullmatch(path))
