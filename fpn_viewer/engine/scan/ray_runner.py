"""A scan over a Ray cluster: the same function for each picture on every processor or graphics card of it; only the caller writes.

Pictures are opened where they are followed, so every machine must see them under the same path. Detectors and annotations are sent.
"""

from __future__ import annotations

import copy
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpn_viewer.engine.scan.examine import examine, read_picture
from fpn_viewer.engine.scan.memory import kept_memory
from fpn_viewer.engine.scan.store import ScanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fpn_viewer.core.annotations.structures import Annotations
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.engine.scan.plan import Work
    from fpn_viewer.engine.scan.run import Count
    from fpn_viewer.engine.scan.store import Store
    from fpn_viewer.engine.scan.values import PictureRow

#: pictures that each worker has been given: the next one is there when it has finished
_GIVEN = 2
#: s between two looks at whether the scan is to stop
_PATIENCE = 0.5


@dataclass(frozen=True)
class Sent:
    """A detector on its way to another machine.

    Attributes:
        spec: what it is.
        module: on the CPU.
        precision: that it runs in.
        labels: its label for each class name of the annotations.
    """

    spec: DetectorSpec
    module: Any
    precision: str
    labels: Mapping[str, int | None]


class Examiner:
    """Follows pictures in a process of its own."""

    def __init__(self, sent: Sequence[Sent], annotations: Annotations | None, iou: float, device: str) -> None:
        """Puts the detectors together again, on "cpu" or "cuda"."""
        import torch

        from fpn_viewer.core.detectors.detector import Detector

        torch.set_num_threads(1)
        # for as long as this process lives, which does nothing else
        self._memory = ExitStack()
        self._memory.enter_context(kept_memory())
        self._annotations, self._iou = annotations, iou
        place = torch.device(device)
        self._detectors = tuple((Detector(one.spec, one.module, place, one.precision), dict(one.labels)) for one in sent)

    def examine(self, number: int, path: str) -> PictureRow:
        """All of one picture."""
        return examine(read_picture(number, path), self._annotations, self._detectors, self._iou)


def run_on_ray(work: Work, left: Sequence[int], store: Store, count: Count) -> None:
    """Examines pictures on a cluster and writes them as they come.

    A cluster that the process is connected to is used; else the one that RAY_ADDRESS or the machine names; else one of this
    machine's processors is started for the time of the scan.

    Args:
        work: what is to be done.
        left: numbers of the pictures that are not in the file.
        store: the file.
        count: told of every picture that is in the file; may pause or stop between two.

    Raises:
        ScanError: Ray is not installed, or the cluster lost a worker.
    """
    ray = _ray()
    with _cluster(ray):
        try:
            _spread(ray, work, left, store, count)
        except ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()[0]
            raise ScanError(f"The Ray cluster lost a worker of the scan ({first}); go on with --resume.") from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ScanError("The runner ray needs Ray, which is not installed; run: pip install 'fpn-viewer[ray]'") from error
    return ray


@contextmanager
def _cluster(ray: Any) -> Iterator[None]:
    """Connected to a cluster; it is left again unless the caller was connected before."""
    before = ray.is_initialized()
    if not before:
        ray.init(log_to_driver=False, configure_logging=False)
    try:
        yield
    finally:
        if not before:
            ray.shutdown()


def _spread(ray: Any, work: Work, left: Sequence[int], store: Store, count: Count) -> None:
    workers = _workers(ray, work, len(left))
    numbers, tasks = iter(left), {}

    def give(worker: Any) -> None:
        number = next(numbers, None)
        if number is not None:
            tasks[worker.examine.remote(number, work.plan.pictures[number])] = worker

    for worker in workers * _GIVEN:
        give(worker)
    while tasks:
        ready, _ = ray.wait(list(tasks), num_returns=1, timeout=_PATIENCE)
        for task in ready:
            give(tasks.pop(task))
            row = ray.get(task)
            store.write(row)
            count(row)
        count.pause()


def _workers(ray: Any, work: Work, most: int) -> list[Any]:
    """As many as the cluster has processors or graphics cards free, at least one."""
    on_card = any(detector.device.type == "cuda" for detector, _ in work.detectors)
    needs = {"num_cpus": 1, "num_gpus": 1} if on_card else {"num_cpus": 1}
    free = int(ray.available_resources().get("GPU" if on_card else "CPU", 1))
    sent = ray.put([_sent(detector, labels) for detector, labels in work.detectors])
    annotations, device = ray.put(work.annotations), "cuda" if on_card else "cpu"
    kind = ray.remote(**needs)(Examiner)
    return [kind.remote(sent, annotations, work.plan.iou, device) for _ in range(max(1, min(free, most)))]


def _sent(detector: Any, labels: Mapping[str, int | None]) -> Sent:
    # a copy: moving the module itself would move it under whoever lent it
    return Sent(detector.spec, copy.deepcopy(detector.module).cpu(), detector.precision, dict(labels))
