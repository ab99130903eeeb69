"""A ready detector: a module on a device, its spec, its neck as a graph; makes traces."""

from __future__ import annotations

import copy
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.detectors.anatomy import dissect
from fpn_viewer.core.detectors.device import choose_device, half_type
from fpn_viewer.core.detectors.lending import as_it_was, twin, unwrapped
from fpn_viewer.core.detectors.origin import Origin, origin_of
from fpn_viewer.core.detectors.settings import using
from fpn_viewer.core.errors import DetectorError, DeviceError
from fpn_viewer.core.geometry import Geometry, Level, net_size
from fpn_viewer.core.images import Picture, open_picture
from fpn_viewer.core.necks.evaluate import fold
from fpn_viewer.core.structures import StageTime
from fpn_viewer.core.tracing import resume
from fpn_viewer.core.tracing.raw import RawSelection
from fpn_viewer.core.tracing.receptive import receptive_fields
from fpn_viewer.core.tracing.record import hooked, record
from fpn_viewer.core.tracing.scaling import scaled
from fpn_viewer.core.tracing.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.tracing.record import Recording, Watcher


class Detector:
    """A detector that can be traced.

    Attributes:
        spec: what it is.
        module: the torch module itself, on `device`; of a network with an adapter, `module.network` is the network. A trace runs it
            in eval mode and leaves it as it was: flags, hooks, settings.
        graph: its neck.
        anatomy: where things are in the module.
        device: where it runs.
        precision: "float32", or on a GPU "float16" or "bfloat16".
        origin: what it was opened from.
    """

    def __init__(
        self, spec: DetectorSpec, module: Any, device: torch.device, precision: str = "float32", *, lent: bool = True
    ) -> None:
        """Looks at a forward over a small blank picture.

        Args:
            spec: what the module is.
            module: comes to the device.
            device: where it runs.
            precision: "float32", or on a GPU "float16" or "bfloat16".
            lent: it is somebody's, who wants it back as it was after every run; one that was made here is ours.

        Raises:
            DetectorError: it cannot be followed.
        """
        self.precision = precision
        self.origin = Origin(precision=precision)
        # what remains of a run in a module of ours is what RoI pooling keeps (vision#3747)
        self._lent = lent
        self._kept = module if lent else _pooling(module)
        self._half = half_type(precision, device)
        self.spec = spec
        self.module = module.to(device)
        self.device = device
        self.graph: Graph
        self.graph, self.anatomy = dissect(module)
        with as_it_was(module):
            module.eval()
            self._affines = _affines(self.graph, module.get_submodule(self.anatomy.neck))
            self._receptive = receptive_fields(module, self.anatomy, self.graph)

    def twin(self) -> Detector:
        """The same detector once more, with the same weights in memory, to be run in another thread at the same time.

        Raises:
            DetectorError: something in its module cannot be copied.
        """
        other = copy.copy(self)
        other.module = twin(self.module)
        # what is put back behind a run is its own, and not the other's in the middle of one
        other._kept = other.module if self._lent else _pooling(other.module)
        return other

    def trace(
        self,
        image: Any,
        *,
        gains: Gains | None = None,
        settings: Mapping[str, object] | None = None,
        watcher: Watcher | None = None,
    ) -> Trace:
        """Runs the model's own forward over one picture and keeps what happened.

        Args:
            image: a path, a PIL image, a uint8 array (H, W, 3) or an opened `Picture`.
            gains: a what-if: factor on a term by (node, term), as {("M3", "top-down"): 0.0}.
            settings: other values of `Settings` for this trace only, by name.
            watcher: told of progress between layers, and may stop the forward.

        Raises:
            PictureError: the picture cannot be opened.
            SettingError: a gain or a setting does not exist or does not fit.
            DetectorError: the picture cannot go through this network.
            DeviceError: the device ran out of memory.
        """
        picture = image if isinstance(image, Picture) else open_picture(image)
        in_force = self.spec.settings_with(dict(settings or {}))
        gains = dict(gains or {})
        self.graph.check_gains(gains)
        net_size(picture.size, in_force.min_size, in_force.max_size, self.spec.conventions.size_rounding)
        with self._running(in_force, gains) as scaling:
            seen = self._run(picture, watcher)
            seen.maps.update({name: x[0] for name, x in scaling.items() if name in seen.maps})
            return self._value(picture, in_force, gains, seen)

    def resume(self, trace: Trace, part: str, gains: Gains, settings: Settings, watcher: Watcher | None = None) -> Trace:
        """Runs the forward of a trace again from a later part on; what lies before is answered from the trace.

        Args:
            trace: of this detector, with its picture.
            part: one of `Anatomy.parts`: the first part that the changes touch.
            gains: factor on a term by (node, term).
            settings: all that are to be in force.
            watcher: told of progress between layers, and may stop the forward.

        Raises:
            SettingError: the anchors do not fit the head's outputs.
            DeviceError: the device ran out of memory.
        """
        assert trace.picture is not None
        with self._running(settings, gains), resume.answered(self.module, self.anatomy, trace, part):
            seen = self._run(trace.picture, watcher, resume.begun(trace, part))
            if part == "neck":
                value = self._value(trace.picture, settings, gains, seen)
            else:
                value = replace(trace, settings=settings, gains=gains, raw=resume.selected(trace.raw, seen))
        times = tuple(StageTime(name, seen.seconds[name]) for name in resume.COMPUTED[part] if name in seen.seconds)
        return replace(value, times=times, began=part)

    def _run(self, picture: Picture, watcher: Watcher | None, seen: Recording | None = None) -> Recording:
        try:
            # a forward that begins later never looks at the pixels, only at how many there are
            image = self._pixels(picture) if seen is None else torch.zeros((), device=self.device).expand(3, *picture.size)
            return record(self.module, self.anatomy, image, watcher, seen)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            height, width = picture.size
            raise DeviceError(
                f"{self.device} has too little memory for a picture of {width}×{height} px in {self.spec.name}; "
                "lower min_size and max_size, choose a smaller picture, or run on the CPU."
            ) from error

    @contextmanager
    def _running(self, settings: Settings, gains: Gains) -> Iterator[dict[str, Tensor]]:
        """The module ready to run, and as it was after the block: a network in training goes on training."""
        kept = nullcontext() if self._kept is None else as_it_was(self._kept)
        with kept, torch.inference_mode(), using(self.module, settings), self._precision():
            if self.module.training or self._kept is self.module:
                self.module.eval()
            with scaled(self.module, self.anatomy, self.graph, gains) as values:
                yield values

    def _pixels(self, picture: Picture) -> Tensor:
        pixels = torch.from_numpy(picture.pixels.copy()).to(self.device)
        return pixels.permute(2, 0, 1).float() / 255

    @contextmanager
    def _precision(self) -> Iterator[None]:
        if self._half is None:
            yield
            return
        heads = [self.module.get_submodule(path) for path in self.anatomy.scored_by]
        # boxes are decoded and compared in float32: in half precision NMS gives other boxes (vision#3371)
        with hooked([head.register_forward_hook(_to_float32) for head in heads]), torch.autocast(self.device.type, self._half):
            yield

    def _value(self, picture: Picture, settings: Settings, gains: Gains, seen: Recording) -> Trace:
        geometry = Geometry(picture.size, seen.net_size, seen.padded_size)
        levels = pyramid_levels(self.graph, seen, self.anatomy.strides)
        return Trace(
            spec=self.spec,
            settings=settings,
            gains=gains,
            geometry=geometry,
            levels=levels,
            graph=self.graph,
            maps=seen.maps,
            affines=self._affines,
            raw=_raw(seen, self.module),
            times=tuple(StageTime(name, seen.seconds[name]) for name in self.anatomy.stages if name in seen.seconds),
            device=str(self.device),
            source=picture.source,
            digest=picture.digest,
            warnings=_warnings(seen),
            receptive=self._receptive,
            picture=picture,
            detector=self,
            stale_scales=seen.stale_scales,
        )


def pyramid_levels(graph: Graph, seen: Recording, strides: Sequence[int] = ()) -> tuple[Level, ...]:
    """The levels of one trace; `strides` are those of all levels, where they are known.

    A backbone level's stride is the padded size over its own (exact: the padding makes it so); a level made from every so many
    cells of another one has the other's stride times that, also where its size was rounded up.
    """
    levels: dict[str, Level] = {}
    for index, node in enumerate(graph.outputs):
        name = node.level
        h, w = (int(s) for s in seen.maps[node.name].shape[-2:])
        shapes = int(seen.logits[index].shape[0]) if index < len(seen.logits) else 0
        if strides:
            side = strides[index]
            levels[name] = Level(name, (float(side), float(side)), (h, w), (side, side), shapes)
            continue
        factor = node.terms[0].op.factor
        parent = levels.get(graph[node.terms[0].source].level) if factor > 1 else None
        stride = (seen.padded_size[0] / h, seen.padded_size[1] / w)
        if parent is not None:
            stride = (parent.stride[0] * factor, parent.stride[1] * factor)
        levels[name] = Level(name, stride, (h, w), (seen.padded_size[0] // h, seen.padded_size[1] // w), shapes)
    return tuple(levels.values())


def _affines(graph: Graph, neck: nn.Module) -> dict[str, Affine]:
    paths = {t.op.module for n in graph.nodes for t in n.terms if t.op.kind == "module" and not t.op.activation}
    folded = {path: fold(neck.get_submodule(path)) for path in sorted(paths)}
    return {path: affine for path, affine in folded.items() if affine is not None}


def _to_float32(_: nn.Module, __: tuple[Any, ...], out: Any) -> Any:
    if isinstance(out, torch.Tensor):
        return out.float()
    if isinstance(out, dict):
        return {name: part.float() for name, part in out.items()}
    return type(out)(_to_float32(_, __, part) for part in out)


def _roi_levels(module: Any) -> tuple[int, int]:
    pool = getattr(getattr(module, "roi_heads", None), "box_roi_pool", None)
    mapper = getattr(pool, "map_levels", None)
    return (int(mapper.k_min), int(mapper.k_max)) if mapper is not None and hasattr(mapper, "k_min") else (0, 0)


def _raw(seen: Recording, module: Any) -> RawSelection:
    return RawSelection(
        logits=tuple(seen.logits),
        anchors=seen.anchors,
        boxes=seen.boxes,
        counts=tuple(seen.counts),
        proposals=seen.proposals,
        proposal_scores=seen.proposal_scores,
        class_logits=seen.class_logits,
        class_boxes=seen.class_boxes,
        found=seen.found,
        output=seen.output,
        roi_levels=_roi_levels(module),
        dense=seen.dense,
        regression=seen.regression,
        inputs=seen.inputs,
    )


def _warnings(seen: Recording) -> tuple[str, ...]:
    # one sum per map: NaN and infinity survive it, and it costs a pass over the maps only
    bad = [name for name, x in seen.maps.items() if not bool(torch.isfinite(x.sum(dtype=torch.float32)))]
    if bad:
        order = sorted(bad, key=lambda n: (n[0] != "C", n))
        return (f"{order[0]} holds NaN or infinity (and so do {len(bad) - 1} later maps): the weights or the picture are broken.",)
    return ()


def _tell(watcher: Watcher | None, stage: str, fraction: float) -> None:
    if watcher is not None:
        watcher.check()
        watcher.report(stage, fraction)


def _device_for(source: Any, name: str) -> torch.device:
    if name == "auto" and isinstance(source, torch.nn.Module):
        return next((weight.device for weight in source.parameters()), torch.device("cpu"))
    return choose_device(name)


def _fitted(spec: DetectorSpec, module: Any, target: torch.device, precision: str, lent: bool) -> Detector:
    try:
        return Detector(spec, module, target, precision, lent=lent)
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise
        raise DetectorError(f"{spec.name} does not fit into the memory of {target}; run it on the CPU.") from error


def _pooling(module: nn.Module) -> nn.Module | None:
    return getattr(getattr(module, "roi_heads", None), "box_roi_pool", None)


def open_detector(
    source: Any,
    *,
    adapter: Any = None,
    device: str = "auto",
    precision: str = "float32",
    watcher: Watcher | None = None,
    **settings: Any,
) -> Detector:
    """A ready detector.

    Args:
        source: a checkpoint file, a bundled name ("demo", "demo-early", "demo-no-top-down"), a torchvision builder's name
            ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn", "fcos_resnet50_fpn": random weights, or with `weights="COCO_V1"`
            those that torchvision publishes, fetched unless they are here), a `torch.nn.Module`, or a `NamedModel`. A module is
            left in the state it was in, but for the device and settings that are given here.
        adapter: of a module that is not made like torchvision's: an `Adapter`, or a class of them.
        device: "auto" (CUDA, else MPS, else CPU; a module stays where it is), "cpu", "cuda", "cuda:0", "mps".
        precision: "float32", or on a GPU "float16" or "bfloat16".
        watcher: told what is being done, and may stop between two steps.
        settings: fields of `Settings`, and class_names (with or without the background in front).

    Raises:
        CheckpointError: the file cannot be read or does not fit.
        DetectorError: the source is not a detector that can be followed, or the adapter does not fit it.
        SettingError: a setting has a wrong name or value.
        DeviceError: the device is not there.
    """
    from fpn_viewer.core.detectors.adapters.found import adapted
    from fpn_viewer.core.detectors.sources import resolve

    if adapter is not None:
        source = adapted(unwrapped(source), adapter)
    target = _device_for(source, device)
    _tell(watcher, "reading weights", 0.0)
    spec, module = resolve(source, settings, watcher)
    _tell(watcher, "building", 1.0)
    detector = _fitted(spec, module, target, precision, lent=not isinstance(source, (str, PathLike)))
    detector.origin = origin_of(source, settings, spec, precision)
    return detector
