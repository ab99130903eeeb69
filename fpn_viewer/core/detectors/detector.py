"""A ready detector: a module on a device, its spec, its neck as a graph; makes traces."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from fpn_viewer.core.detectors.describe import check_supported
from fpn_viewer.core.detectors.device import choose_device, half_type
from fpn_viewer.core.detectors.settings import using
from fpn_viewer.core.errors import DetectorError, DeviceError
from fpn_viewer.core.geometry import Geometry, Level, net_size
from fpn_viewer.core.images import Picture, open_picture
from fpn_viewer.core.necks.evaluate import GraphNeck, fold
from fpn_viewer.core.necks.fpn import fpn_graph, map_names
from fpn_viewer.core.structures import StageTime
from fpn_viewer.core.tracing import resume
from fpn_viewer.core.tracing.raw import RawSelection
from fpn_viewer.core.tracing.receptive import receptive_fields
from fpn_viewer.core.tracing.record import hooked, record, stage_modules, wrapped
from fpn_viewer.core.tracing.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn
    from torchvision.models.detection import FasterRCNN

    from fpn_viewer.core.detectors.spec import DetectorSpec, Settings
    from fpn_viewer.core.necks.evaluate import Affine
    from fpn_viewer.core.necks.graph import Gains, Graph
    from fpn_viewer.core.tracing.record import Recording, Watcher


class Detector:
    """A detector that can be traced.

    Attributes:
        spec: what it is.
        module: the torch module itself, in eval mode on `device`.
        graph: its neck.
        device: where it runs.
    """

    def __init__(self, spec: DetectorSpec, module: FasterRCNN, device: torch.device, precision: str = "float32") -> None:
        check_supported(module)
        self.spec = spec
        self.module = module.to(device).eval()
        self.device = device
        self.graph: Graph = neck_graph(module)
        self._half = half_type(precision, device)
        self._affines = _affines(self.graph, module.backbone.fpn)
        self._receptive = receptive_fields(module, self.graph)

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
        net_size(picture.size, in_force.min_size, in_force.max_size)
        with _own_pool(self.module):
            with torch.inference_mode(), using(self.module, in_force), self._precision(), _scaled_neck(self, gains):
                seen = self._run(picture, watcher)
            return self._value(picture, in_force, gains, seen)

    def resume(self, trace: Trace, part: str, gains: Gains, settings: Settings, watcher: Watcher | None = None) -> Trace:
        """Runs the forward of a trace again from a later part on; what lies before is answered from the trace.

        Args:
            trace: of this detector, with its picture.
            part: one of `resume.PARTS` but "forward": the first part that the changes touch.
            gains: factor on a term by (node, term).
            settings: all that are to be in force.
            watcher: told of progress between layers, and may stop the forward.

        Raises:
            SettingError: the anchors do not fit the head's outputs.
            DeviceError: the device ran out of memory.
        """
        assert trace.picture is not None
        standing_in = resume.answered(self.module, trace, part)
        with _own_pool(self.module):
            with torch.inference_mode(), using(self.module, settings), self._precision(), _scaled_neck(self, gains), standing_in:
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
            return record(self.module, self.graph, image, watcher, seen)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            height, width = picture.size
            raise DeviceError(
                f"{self.device} has too little memory for a picture of {width}×{height} px in {self.spec.name}; "
                "lower min_size and max_size, choose a smaller picture, or run on the CPU."
            ) from error

    def _pixels(self, picture: Picture) -> Tensor:
        pixels = torch.from_numpy(picture.pixels.copy()).to(self.device)
        return pixels.permute(2, 0, 1).float() / 255

    @contextmanager
    def _precision(self) -> Iterator[None]:
        if self._half is None:
            yield
            return
        heads = score_heads(self.module)
        # boxes are decoded and compared in float32: in half precision NMS gives other boxes (vision#3371)
        with hooked([head.register_forward_hook(_to_float32) for head in heads]), torch.autocast(self.device.type, self._half):
            yield

    def _value(self, picture: Picture, settings: Settings, gains: Gains, seen: Recording) -> Trace:
        geometry = Geometry(picture.size, seen.net_size, seen.padded_size)
        levels = pyramid_levels(self.graph, seen)
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
            times=tuple(StageTime(name, seen.seconds[name]) for name in stage_modules(self.module)),
            device=str(self.device),
            source=picture.source,
            digest=picture.digest,
            warnings=_warnings(seen),
            receptive=self._receptive,
            picture=picture,
            detector=self,
            stale_scales=seen.stale_scales,
        )


def neck_graph(module: FasterRCNN) -> Graph:
    """The graph of a detector's neck, strides measured by a forward over a small blank picture.

    Raises:
        DetectorError: the neck cannot be followed.
    """
    sizes: list[int] = []
    side = 256

    def entered(_: nn.Module, args: tuple[Any, ...]) -> None:
        sizes.extend(int(x.shape[-1]) for x in args[0].values())

    device = next(module.parameters()).device
    with torch.inference_mode(), hooked([module.backbone.fpn.register_forward_pre_hook(entered)]):
        was_training = module.training
        module.eval().backbone(torch.zeros(1, 3, side, side, device=device))
        module.train(was_training)
    return fpn_graph(module.backbone.fpn, [side // size for size in sizes])


def pyramid_levels(graph: Graph, seen: Recording) -> tuple[Level, ...]:
    """The levels of one trace.

    A backbone level's stride is the padded size over its own (exact: the padding makes it so); a level made from every so many
    cells of another one has the other's stride times that, also where its size was rounded up.
    """
    levels: dict[str, Level] = {}
    for index, node in enumerate(graph.outputs):
        name = node.level
        h, w = (int(s) for s in seen.maps[node.name].shape[-2:])
        factor = node.terms[0].op.factor
        parent = levels.get(graph[node.terms[0].source].level) if factor > 1 else None
        stride = (seen.padded_size[0] / h, seen.padded_size[1] / w)
        if parent is not None:
            stride = (parent.stride[0] * factor, parent.stride[1] * factor)
        shapes = int(seen.logits[index].shape[0]) if index < len(seen.logits) else 0
        levels[name] = Level(name, stride, (h, w), (seen.padded_size[0] // h, seen.padded_size[1] // w), shapes)
    return tuple(levels.values())


def _affines(graph: Graph, neck: nn.Module) -> dict[str, Affine]:
    paths = {t.op.module for n in graph.nodes for t in n.terms if t.op.kind == "module" and not t.op.activation}
    folded = {path: fold(neck.get_submodule(path)) for path in sorted(paths)}
    return {path: affine for path, affine in folded.items() if affine is not None}


def _scaled_neck(detector: Detector, gains: Gains) -> Any:
    """The neck computed by its graph with gains; without gains the model's own forward is left alone."""
    if not gains:
        return nullcontext()
    neck = detector.module.backbone.fpn
    graph_neck = GraphNeck(detector.graph, neck)
    outputs = [node.name for node in detector.graph.outputs]

    def scaling(_: Callable[..., Any]) -> Callable[..., Any]:
        def forward(maps: dict[str, Tensor]) -> dict[str, Tensor]:
            values = graph_neck(list(maps.values()), gains)
            return dict(zip(map_names(neck, tuple(maps)), (values[name] for name in outputs), strict=True))

        return forward

    return wrapped(neck, "forward", scaling)


@contextmanager
def _own_pool(module: nn.Module) -> Iterator[None]:
    """Leaves the module's RoI pooling as it came: the scales it holds decide what the owner's next forward does."""
    pool = getattr(getattr(module, "roi_heads", None), "box_roi_pool", None)
    if pool is None:
        yield
        return
    before = pool.scales, pool.map_levels
    try:
        yield
    finally:
        pool.scales, pool.map_levels = before


def _to_float32(_: nn.Module, __: tuple[Any, ...], out: Any) -> Any:
    if isinstance(out, torch.Tensor):
        return out.float()
    if isinstance(out, dict):
        return {name: part.float() for name, part in out.items()}
    return type(out)(_to_float32(_, __, part) for part in out)


def score_heads(module: Any) -> list[nn.Module]:
    """The modules whose answers boxes and scores are read from."""
    return [module.head] if hasattr(module, "head") else [module.rpn.head, module.roi_heads.box_predictor]


def _roi_levels(module: Any) -> tuple[int, int]:
    pool = getattr(getattr(module, "roi_heads", None), "box_roi_pool", None)
    mapper = getattr(pool, "map_levels", None)
    return (int(mapper.k_min), int(mapper.k_max)) if mapper is not None and hasattr(mapper, "k_min") else (0, 0)


def _raw(seen: Recording, module: FasterRCNN) -> RawSelection:
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


def open_detector(
    source: Any, *, device: str = "auto", precision: str = "float32", watcher: Watcher | None = None, **settings: Any
) -> Detector:
    """A ready detector.

    Args:
        source: a checkpoint file, a bundled name ("demo", "demo-early", "demo-no-top-down"), a torchvision builder's name
            ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn", "fcos_resnet50_fpn": random weights) or a `torch.nn.Module`.
        device: "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:0", "mps".
        precision: "float32", or on a GPU "float16" or "bfloat16".
        watcher: told what is being done, and may stop between two steps.
        settings: fields of `Settings`, and class_names (with or without the background in front).

    Raises:
        CheckpointError: the file cannot be read or does not fit.
        DetectorError: the source is not a detector that can be followed.
        SettingError: a setting has a wrong name or value.
        DeviceError: the device is not there.
    """
    from fpn_viewer.core.detectors.sources import resolve

    target = choose_device(device)
    _tell(watcher, "reading weights", 0.0)
    spec, module = resolve(source, settings, watcher)
    _tell(watcher, "building", 1.0)
    try:
        return Detector(spec, module, target, precision)
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise
        raise DetectorError(f"{spec.name} does not fit into the memory of {target}; run it on the CPU.") from error
