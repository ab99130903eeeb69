"""Published weights: which there are, and their files fetched from a server of our own that misbehaves."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from torchvision.models import detection, get_model_weights

from fpn_viewer.cli_progress import telling
from fpn_viewer.core.detectors.builders import BUILDERS
from fpn_viewer.core.errors import CheckpointError, SettingError
from fpn_viewer.core.weights import Published, chosen, fetch, fetched, lock, published, stream
from fpn_viewer.core.weights.lock import alone
from fpn_viewer.engine.jobs import Cancelled, Token
from tests.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web_server import Web

DATA = random.Random(0).randbytes(300_000)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with web_server() as running:
        yield running


def row(web: Web, data: bytes = DATA, **changes: Any) -> Published:
    """The published file of those bytes, on the server."""
    name = f"/models/tiny-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    web.files[name] = data
    return Published(**{**_FIELDS, "url": web.url + name, "size": len(data), **changes})


_FIELDS: dict[str, Any] = {
    "builder": BUILDERS[0],
    "name": "COCO_V1",
    "box_map": None,
    "categories": ("background", "car"),
    "default": True,
}


class Listening:
    """A watcher that keeps what it is told, and stops when told to."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.told: list[tuple[str, float]] = []
        self.stop_at = stop_at
        self.stopped, self.heard = threading.Event(), threading.Event()

    def check(self) -> None:
        if self.stopped.is_set():
            raise Cancelled

    def report(self, stage: str, fraction: float) -> None:
        self.told.append((stage, fraction))
        self.heard.set()
        if fraction >= self.stop_at:
            self.stopped.set()

    pause = check


def part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def test_the_table_is_torchvisions_own() -> None:
    rows = published()
    assert {one.builder for one in rows} == set(BUILDERS)
    for one in rows:
        weights = get_model_weights(one.builder)[one.name]
        assert (one.url, one.file_name) == (weights.url, Path(urlsplit(weights.url).path).name)
        assert len(one.categories) == 91
        assert one.box_map == weights.meta["_metrics"]["COCO-val2017"]["box_map"]
        assert one.sha256 == one.file_name[-12:-4]
        assert abs(one.size / 2**20 - weights.meta["_file_size"]) < 1e-3
    first = chosen("fasterrcnn_resnet50_fpn", "COCO_V1")
    enum = detection.FasterRCNN_ResNet50_FPN_Weights
    assert (
        first == chosen(first.builder, "DEFAULT") == chosen(first.builder, enum.COCO_V1) == chosen(first.builder, str(enum.COCO_V1))
    )
    with pytest.raises(SettingError, match=r"COCO_V7.*publishes COCO_V1, DEFAULT"):
        chosen("fasterrcnn_resnet50_fpn", "COCO_V7")


def test_the_table_loads_no_torch() -> None:
    code = "import sys, fpn_viewer.core.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_is_fetched_checked_and_told_of(web: Web, tmp_path: Path) -> None:
    one, watcher = row(web), Listening()
    assert not fetched(one, tmp_path / "new")
    path = fetch(one, watcher, tmp_path / "new")
    assert path.read_bytes() == DATA
    assert fetched(one, tmp_path / "new")
    assert [file.name for file in path.parent.iterdir()] == [one.file_name]
    loading = [(stage, share) for stage, share in watcher.told if stage.startswith("downloading")]
    assert re.fullmatch(rf"downloading {one.file_name}: [\d.]+ of 0\.3 MB, [\d.]+ MB/s", loading[0][0])
    shares = [share for _, share in loading]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert watcher.told[-1] == (f"checking {one.file_name}", 1.0)


def test_torch_hubs_folder_is_used_and_what_lies_there(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    one = row(web)
    path = fetch(one)
    assert path == tmp_path / "hub" / "checkpoints" / one.file_name
    assert fetch(one) == path
    assert len(web.asked) == 1
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(CheckpointError, match=r"is not the file that torchvision published.*remove it"):
        fetch(one)
    assert path.exists()


def test_cancelling_keeps_the_part_and_the_next_call_goes_on(web: Web, tmp_path: Path) -> None:
    one = row(web)
    with pytest.raises(Cancelled):
        fetch(one, Listening(stop_at=0.3), tmp_path)
    kept = part(tmp_path / one.file_name).stat().st_size
    assert 0.3 * len(DATA) <= kept < len(DATA)
    assert not fetched(one, tmp_path)
    assert fetch(one, None, tmp_path).read_bytes() == DATA
    assert web.starts() == [0, kept]
    assert web.asked[1][1]["If-Range"] == web.tag


def test_cancelling_works_while_the_server_says_nothing(web: Web, tmp_path: Path) -> None:
    one, watcher, ended = row(web), Listening(), threading.Event()
    web.hold = 1000

    def wait() -> None:
        with pytest.raises(Cancelled):
            fetch(one, watcher, tmp_path)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    # what came was told of; from here on nothing comes
    assert watcher.heard.wait(30)
    watcher.stopped.set()
    assert ended.wait(stream.TIMEOUT / 2)
    thread.join()


def test_the_engines_token_is_a_watcher(web: Web, tmp_path: Path) -> None:
    token = Token()
    fetch(row(web), token, tmp_path)
    assert token.progress is not None
    assert token.progress.fraction == 1.0
    token.cancel()
    with pytest.raises(Cancelled):
        fetch(row(web, DATA[::-1]), token, tmp_path)


def test_a_terminal_is_told_now_and_then(web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = DATA * 10
    fetch(row(web, large), telling(), tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 12
    assert all(line.startswith("downloading tiny-") for line in lines)
    assert " 3 of 3 MB, " in lines[-1]


@pytest.mark.parametrize("cuts", [[100_000], [100_000, 50_000]])
def test_a_connection_that_breaks_is_taken_up_again(web: Web, tmp_path: Path, cuts: list[int]) -> None:
    web.cut = list(cuts)
    assert fetch(row(web), None, tmp_path).read_bytes() == DATA
    assert web.starts() == [sum(cuts[:count]) for count in range(len(cuts) + 1)]


def test_a_connection_that_gives_nothing_any_more_is_given_up(web: Web, tmp_path: Path) -> None:
    one = row(web)
    web.cut = [100_000, 0]
    with pytest.raises(CheckpointError, match=r"the connection to 127\.0\.0\.1:\d+ broke off; the 0\.1 MB that arrived are kept"):
        fetch(one, None, tmp_path)
    assert fetch(one, None, tmp_path).read_bytes() == DATA
    assert web.starts() == [0, 100_000, 100_000]


def test_a_server_without_parts_begins_again(web: Web, tmp_path: Path) -> None:
    web.ranges, web.cut = False, [100_000]
    assert fetch(row(web), None, tmp_path).read_bytes() == DATA
    assert web.starts() == [0, 100_000]


def test_a_part_of_a_file_that_changed_since_is_not_used(web: Web, tmp_path: Path) -> None:
    one = row(web)
    with pytest.raises(Cancelled):
        fetch(one, Listening(stop_at=0.3), tmp_path)
    kept = part(tmp_path / one.file_name)
    # as if the first bytes had been those of a file that is gone
    kept.write_bytes(bytes(kept.stat().st_size))
    web.tag = '"two"'
    assert fetch(one, None, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_a_part_is_taken_up_where_the_server_has_no_sure_tag(web: Web, tmp_path: Path, tag: str) -> None:
    web.tag, web.cut = tag, [100_000]
    assert fetch(row(web), None, tmp_path).read_bytes() == DATA
    assert web.starts() == [0, 100_000]
    assert "If-Range" not in web.asked[1][1]


def test_another_part_than_was_asked_for_is_not_used(web: Web, tmp_path: Path) -> None:
    web.cut, web.shift = [100_000], 10
    assert fetch(row(web), None, tmp_path).read_bytes() == DATA
    assert web.starts() == [0, 100_000, 0]


def test_a_part_that_is_longer_than_the_file_is_dropped(web: Web, tmp_path: Path) -> None:
    one = row(web)
    part(tmp_path / one.file_name).write_bytes(bytes(len(DATA) + 5))
    assert fetch(one, None, tmp_path).read_bytes() == DATA


def test_a_part_that_is_whole_is_not_asked_for(web: Web, tmp_path: Path) -> None:
    one = row(web)
    kept = part(tmp_path / one.file_name)
    kept.write_bytes(DATA)
    kept.with_name(f"{kept.name}.json").write_text(f'{{"length": {len(DATA)}}}')
    assert fetch(one, None, tmp_path).read_bytes() == DATA
    assert not web.asked


@pytest.mark.parametrize("note", [b"", b"[1]", b"\xff", b'{"length": "x"}'])
def test_a_broken_note_beside_the_part_does_no_harm(web: Web, tmp_path: Path, note: bytes) -> None:
    one = row(web)
    kept = part(tmp_path / one.file_name)
    kept.write_bytes(DATA[:5])
    kept.with_name(f"{kept.name}.json").write_bytes(note)
    assert fetch(one, None, tmp_path).read_bytes() == DATA
    assert web.starts() == [5]


def test_a_length_that_is_not_announced(web: Web, tmp_path: Path) -> None:
    web.says_length = False
    assert fetch(row(web), None, tmp_path).read_bytes() == DATA


def test_more_than_was_published_is_not_taken(web: Web, tmp_path: Path) -> None:
    web.says_length = False
    with pytest.raises(CheckpointError, match="sends more than torchvision published"):
        fetch(row(web, size=1000), None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_length_that_is_announced_and_never_comes(web: Web, tmp_path: Path) -> None:
    web.longer = 7
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        fetch(row(web), None, tmp_path)


def test_other_bytes_than_were_published_are_removed(web: Web, tmp_path: Path) -> None:
    one = row(web)
    web.files[urlsplit(one.url).path] = b"<html>please log in to this network</html>"
    with pytest.raises(CheckpointError, match=f"is not what torchvision published.*{one.sha256}.*was removed"):
        fetch(one, None, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (500, "500 Internal"), (503, "503")])
def test_a_server_that_refuses_is_quoted(web: Web, tmp_path: Path, status: int, words: str) -> None:
    one, web.status = row(web), status
    with pytest.raises(CheckpointError, match=rf"answers {words}.*fetch {re.escape(one.url)} elsewhere and put it into"):
        fetch(one, None, tmp_path)
    assert len(web.asked) == 1


def test_without_a_network_there_is_a_sentence(tmp_path: Path, web: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(
        CheckpointError, match=r"tiny-\w+\.pth cannot be downloaded: 127\.0\.0\.1:\d+ cannot be reached \(.*\); try again"
    ):
        fetch(row(web, url=f"{nobody}{urlsplit(row(web).url).path}"), None, tmp_path)
    with pytest.raises(CheckpointError, match=r"no-such-host\.invalid cannot be reached"):
        fetch(row(web, url="http://no-such-host.invalid/tiny-00000000.pth"), None, tmp_path)


def test_a_server_that_falls_silent_is_given_up(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TIMEOUT", 0.2)
    web.hold, one = 0, row(web)
    with pytest.raises(CheckpointError, match=r"has been silent for 0\.2 s"):
        fetch(one, None, tmp_path)


def test_a_proxy_of_the_environment_is_asked(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = row(web)
    url = f"http://weights.invalid{urlsplit(one.url).path}"
    web.files[url] = DATA
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch(row(web, url=url), None, tmp_path).read_bytes() == DATA
    assert web.asked[-1][0] == url


def test_a_full_disk_is_named_before_and_while_it_fills(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = row(web)
    if Path("/dev/full").exists():
        part(tmp_path / one.file_name).symlink_to("/dev/full")
        with pytest.raises(CheckpointError, match=r"has no room for tiny-\w+\.pth \(0\.3 MB\).*TORCH_HOME"):
            fetch(one, None, tmp_path)
    usage = namedtuple("usage", "total used free")(10, 9, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CheckpointError, match="has no room for"):
        fetch(one, None, tmp_path / "other")
    assert not part(tmp_path / "other" / one.file_name).exists()


def test_a_folder_that_cannot_be_made_is_named(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=rf"cannot be kept in .*file \({os.strerror(errno.EEXIST)}\).*TORCH_HOME"):
        fetch(row(web), None, tmp_path / "file")


def test_two_at_once_fetch_it_once(web: Web, tmp_path: Path) -> None:
    one, waiting = row(web), threading.Event()
    web.hold = 1000

    class Second(Listening):
        def report(self, stage: str, fraction: float) -> None:
            super().report(stage, fraction)
            if stage.startswith("waiting"):
                waiting.set()

    second = Second()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fetch, one, None, tmp_path)
        assert web.held.wait(30)
        other = pool.submit(fetch, one, second, tmp_path)
        assert waiting.wait(30)
        web.gate.set()
        assert first.result() == other.result()
    assert len(web.asked) == 1
    assert [file.name for file in tmp_path.iterdir()] == [one.file_name]
    assert second.told[0][0] == f"waiting for another program that is downloading {one.file_name}"


def test_the_lock_of_a_process_that_died_holds_nobody_up(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from fpn_viewer.core.weights.lock import alone\n"
    code += "with alone(Path(sys.argv[1]), lambda: None): os._exit(7)"
    lock = tmp_path / "x.lock"
    assert subprocess.run([sys.executable, "-c", code, str(lock)], check=False).returncode == 7
    assert lock.exists()
    with alone(lock, lambda: pytest.fail("the lock is still held")):
        pass
    assert not lock.exists()


def test_a_lock_that_was_removed_meanwhile_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, locked, real = tmp_path / "x.lock", [], lock._lock

    def late(handle: int) -> None:
        # the one before lets go of it between its opening and its locking here
        if not locked:
            path.unlink()
        locked.append(handle)
        real(handle)

    monkeypatch.setattr(lock, "_lock", late)
    with alone(path, lambda: None):
        assert path.exists()
    assert len(locked) == 2
