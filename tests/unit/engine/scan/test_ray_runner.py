"""The runner ray: the same content as in one process, by a stand-in for Ray's calls, and by a Ray of this machine where it is."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import fpn_viewer as fv
from fpn_viewer.engine.jobs import Cancelled
from fpn_viewer.engine.scan.store import ScanError
from tests.scan_set import annotated, content, detector

if TYPE_CHECKING:
    from collections.abc import Callable


class RayError(Exception):
    """As Ray's."""


class Ray:
    """Ray's calls, answered in this process; what goes to a worker and comes back is pickled as there."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, cpus: int = 3, lose: int = -1) -> None:
        self.cpus, self.lose = cpus, lose
        self.connected, self.made, self.needs, self.asked = False, 0, {}, 0

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, **_: Any) -> None:
        self.connected = True

    def shutdown(self) -> None:
        self.connected = False

    def available_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cpus), "memory": 1e9}

    def put(self, value: Any) -> Any:
        return SimpleNamespace(value=value)

    def remote(self, **needs: Any) -> Callable[[type], Any]:
        self.needs = needs
        return lambda kind: SimpleNamespace(remote=lambda *args: self._made(kind, args))

    def _made(self, kind: type, args: tuple[Any, ...]) -> Any:
        self.made += 1
        worker = kind(*(getattr(one, "value", one) for one in args))

        class Task:
            """A picture that was given to a worker."""

            def __init__(self, *given: Any) -> None:
                self.given = given

            def answer(self) -> Any:
                return pickle.loads(pickle.dumps(worker.examine(*self.given)))

        return SimpleNamespace(examine=SimpleNamespace(remote=Task))

    def wait(self, tasks: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert (num_returns, timeout > 0) == (1, True)
        # the last one is ready first: a cluster keeps no order
        return tasks[-1:], tasks[:-1]

    def get(self, task: Any) -> Any:
        self.asked += 1
        if self.asked == self.lose:
            raise RayError("The actor died unexpectedly.\nmore lines")
        return task.answer()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    stand_in = Ray()
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    return stand_in


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return annotated(tmp_path_factory.mktemp("data"), 5)


@pytest.fixture(scope="module")
def here(data: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a scan in this process writes."""
    return content(fv.scan(detector(), *data, tmp_path_factory.mktemp("here") / "a.sqlite"))


def test_a_cluster_gives_the_same_content(data: tuple[Path, Path], here: dict[str, Any], ray: Ray, tmp_path: Path) -> None:
    told: list[int] = []
    found = fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray", told=lambda pace: told.append(pace.done))
    assert content(found) == here
    assert told == list(range(6))
    assert (ray.made, ray.needs, ray.connected) == (3, {"num_cpus": 1}, False)
    # nothing is left to do, and no cluster is asked for
    fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray")
    assert ray.made == 3


def test_a_cluster_that_was_there_before_stays(data: tuple[Path, Path], ray: Ray, tmp_path: Path) -> None:
    ray.connected, ray.cpus = True, 0
    fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray")
    assert (ray.made, ray.connected) == (1, True)


def test_a_lost_worker_is_one_sentence_and_the_scan_goes_on_elsewhere(
    data: tuple[Path, Path], here: dict[str, Any], ray: Ray, tmp_path: Path
) -> None:
    ray.lose = 3
    with pytest.raises(ScanError) as error:
        fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray")
    assert str(error.value) == ("The Ray cluster lost a worker of the scan (The actor died unexpectedly.); go on with --resume.")
    assert not ray.connected
    assert fv.Scan(tmp_path / "a.sqlite").rows("SELECT COUNT(*) FROM done") == [(2,)]
    assert content(fv.scan(detector(), *data, tmp_path / "a.sqlite")) == here


def test_it_can_be_cancelled(data: tuple[Path, Path], ray: Ray, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    watcher: Any = SimpleNamespace(check=lambda: None, report=lambda *_: None, pause=stop)
    with pytest.raises(Cancelled):
        fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray", watcher=watcher)
    assert fv.Scan(tmp_path / "a.sqlite").rows("SELECT COUNT(*) FROM done") == [(1,)]
    assert not ray.connected


def test_without_ray_it_is_said_how_to_get_it(data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ScanError, match=r"which is not installed; run: pip install 'fpn-viewer\[ray\]'"):
        fv.scan(detector(), *data, tmp_path / "a.sqlite", runner="ray")


REAL = """
import sys
import ray
import fpn_viewer as fv
from tests.scan_set import content, detector

images, truth, out = sys.argv[1:]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
here = fv.scan(detector(), images, truth, out + ".here")
there = fv.scan(detector(), images, truth, out, runner="ray")
assert content(there) == content(here), "another content"
print("equal")
"""


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_of_this_machine_gives_the_same_content(data: tuple[Path, Path], tmp_path: Path) -> None:
    # in a process of its own, since Ray leaves threads and handlers behind
    command = [sys.executable, "-c", REAL, *map(str, data), str(tmp_path / "a.sqlite")]
    done = subprocess.run(command, cwd=Path(fv.__file__).parents[1], capture_output=True, text=True, check=False, timeout=240)
    assert done.stdout.endswith("equal\n"), done.stderr[-3000:]
