"""Files made to do harm: none is run, none takes long or much memory. Each is refused in one sentence, or opens without it."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from fpn_viewer.core.checkpoints.contents import read_contents
from fpn_viewer.core.errors import CheckpointError
from tests.unit.core.checkpoints.raw_files import FOUR, PREFACE, name, number, state_dict, storage, tensor, text, zip_of

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary"
TOUCH = f"open({CANARY!r}, 'w').close()"
SHELL = f"touch {CANARY}"


def called(path: str, *args: bytes) -> bytes:
    """The steps that call what is named."""
    return name(path) + b"(" + b"".join(args) + b"tR"


#: what would leave a file behind if it were called
CALLS: dict[str, bytes] = {
    "os.system": called("os.system", text(SHELL)),
    "posix.system": called("posix.system", text(SHELL)),
    "nt.system": called("nt.system", text(SHELL)),
    "eval": called("builtins.eval", text(TOUCH)),
    "eval by its old name": called("__builtin__.eval", text(TOUCH)),
    "exec": called("builtins.exec", text(TOUCH)),
    "compile": called("builtins.compile", text(TOUCH), text("x"), text("exec")),
    "import": called("builtins.__import__", text("antigravity")),
    "open": called("builtins.open", text(CANARY), text("w")),
    "io.open": called("io.open", text(CANARY), text("w")),
    "subprocess": called("subprocess.Popen", text(SHELL)),
    "importlib": called("importlib.import_module", text("antigravity")),
    "runpy": called("runpy.run_path", text(CANARY)),
    "pty": called("pty.spawn", text(SHELL)),
    "pickle within": called("pickle.loads", text(SHELL)),
    "torch.load within": called("torch.load", text(CANARY)),
    "torch.hub": called("torch.hub.load", text("someone/something"), text("x")),
    "a storage from bytes": called("torch.storage._load_from_bytes", text("x")),
    "numpy.load": called("numpy.load", text(CANARY)),
    "socket": called("socket.create_connection", text("example.org")),
    "shutil": called("shutil.rmtree", text(".")),
    "ctypes": called("ctypes.CDLL", text("libc.so.6")),
    "extension registry": called("copyreg.add_extension", text("os"), text("system"), number(240)),
    "operator": called("operator.attrgetter", text("system")),
    "a method of a class": called("pathlib.Path.touch", text(CANARY)),
    "getattr of a module": called("builtins.getattr", name("os.path"), text("system")) + b"(" + text(SHELL) + b"tR",
    "getattr and call": called("builtins.getattr", name("pathlib.PosixPath"), text("touch")) + b"(" + text(CANARY) + b"tR",
    "subclasses": called("builtins.object.__subclasses__"),
    "state as code": name("my_project.Thing")
    + b")\x81"
    + b"}"
    + text("__setstate__")
    + name("os.system")
    + b"sb"
    + text(SHELL)
    + b"b",
    "state of a class": name("my_project.Thing") + b"}" + text("__setstate__") + name("builtins.list") + b"sb",
    "state of a function": name("_codecs.encode") + b"}" + text("__code__") + b"Nsb",
    "a call of a call": called("my_project.make") + b"(" + text(SHELL) + b"tR",
    "an object of old": b"(i" + name("os.system")[1:],
    "a buffer of that size": called("builtins.bytearray", number(2**40)),
    "a tensor of that size": called("torch.FloatTensor", number(2**40)),
    "a storage of that size": called("torch.storage.UntypedStorage", number(2**40)),
    "a codec that grows": called("_codecs.encode", text("x"), text("zip")),
    "a hook": called("torch._utils._rebuild_parameter", text("x"), b"\x88", name("os.system")),
    "a rebuild of anything": called("torch._tensor._rebuild_from_type_v2", name("os.system"), name("torch.Tensor"), b")", b"}"),
    "a text as a place": b"P" + b"0\n",
    "a place of another kind": b"(" + text("file") + text("/etc/passwd") + b"tQ",
    "a function with state": called("functools.reduce", name("os.system"), b"]"),
    "an extension code": b"\x82\x01",
}
#: what pickles of later protocols can do besides
LATER: dict[str, bytes] = {
    "a name from the stack": text("os") + text("system") + b"\x93(" + text(SHELL) + b"tR",
    "a name with dots": text("builtins") + text("object.__subclasses__") + b"\x93)R",
    "a name put together": name("collections.OrderedDict") + text("system") + b"\x93)R",
    "a new object with keywords": name("subprocess.Popen") + b")}\x92",
    "a huge frame": b"\x95" + struct.pack("<Q", 2**62),
    "huge bytes": b"\x8e" + struct.pack("<Q", 2**62),
    "a huge bytearray": b"\x96" + struct.pack("<Q", 2**62),
    "a buffer from outside": b"\x97\x98",
}


def as_zip(path: Path, steps: bytes) -> Path:
    return zip_of(path, state_dict(x=steps), s0=FOUR)


def as_legacy(path: Path, steps: bytes) -> Path:
    path.write_bytes(PREFACE + b"\x80\x02}" + text("x") + steps + b"s.")
    return path


def as_pickle(path: Path, steps: bytes) -> Path:
    path.write_bytes(b"\x80\x05}" + text("x") + steps + b"s.")
    return path


def assert_refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        read_contents(path)
    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)
    assert not Path(CANARY).exists()
    return str(refused.value)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, where a canary would be seen."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("write", [as_zip, as_legacy, as_pickle])
@pytest.mark.parametrize("kind", CALLS)
def test_nothing_is_called(place: Path, kind: str, write: Callable[[Path, bytes], Path]) -> None:
    assert_refused(write(place / "evil.pth", CALLS[kind]))


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize("write", [as_zip, as_legacy, as_pickle])
def test_nothing_of_later_protocols_is_called(place: Path, kind: str, write: Callable[[Path, bytes], Path]) -> None:
    assert_refused(write(place / "evil.pth", LATER[kind]))


def test_the_calls_would_have_been_seen(place: Path) -> None:
    with pytest.raises(pickle.UnpicklingError):
        torch.load(as_zip(place / "evil.pth", CALLS["eval"]), weights_only=True)
    pickle.loads(b"\x80\x02" + CALLS["eval"] + b".")
    assert Path(CANARY).exists()


@pytest.mark.parametrize("kind", ["os.system", "eval", "subprocess", "getattr and call"])
def test_the_refusal_says_what_was_to_be_called(place: Path, kind: str) -> None:
    assert "could run code" in assert_refused(as_zip(place / "evil.pth", CALLS[kind]))


class Evil:
    """Its unpickling would write a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(CANARY),)


@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_saves_of_an_evil_object(place: Path, legacy: bool) -> None:
    torch.save({"model": {"a.weight": torch.ones(2)}, "x": Evil()}, "evil.pth", _use_new_zipfile_serialization=not legacy)
    assert "run code" in assert_refused(place / "evil.pth")


def test_a_class_of_the_file_never_becomes_a_real_one(place: Path) -> None:
    """An object whose class would do something on being filled is an empty stand-in, and the rest opens."""
    thing = name("fpn_viewer.core.checkpoints.values.Entry") + b")\x81}" + text("__class__") + text("x") + b"sb"
    before = set(torch.serialization.get_safe_globals())
    contents = read_contents(zip_of(place / "a.pth", state_dict(x=thing), s0=FOUR))
    assert contents.metadata["x"] == {"__class__": "x"}
    assert set(torch.serialization.get_safe_globals()) == before


def members(*names: str, data: bytes = b"") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        zip_of(path, state_dict(), s0=FOUR)
        with zipfile.ZipFile(path, "a") as archive:
            for one in names:
                archive.writestr(one, data)

    return write


def test_paths_that_lead_out_of_an_archive_lead_nowhere(place: Path) -> None:
    path = place / "inner" / "a.pth"
    path.parent.mkdir()
    members("archive/../../canary", "archive/../..\\canary", data=b"x")(path)
    assert read_contents(path).tensors["conv.weight"].shape == (2, 2)
    assert sorted(p.name for p in place.rglob("*")) == ["a.pth", "inner"]
    members("../canary", str(place / "canary"), data=b"x")(path)
    assert_refused(path)
    assert sorted(p.name for p in place.rglob("*")) == ["a.pth", "inner"]


def test_an_archive_in_an_archive_is_not_opened(place: Path) -> None:
    zip_of(place / "inner.pth", state_dict(x=CALLS["eval"]), s0=FOUR)
    with zipfile.ZipFile(place / "outer.zip", "w") as archive:
        archive.write(place / "inner.pth", "inner.pth")
    assert "zip file that torch did not save" in assert_refused(place / "outer.zip")


def test_two_records_of_the_same_name(place: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        members("archive/data.pkl", data=state_dict(x=CALLS["eval"]))(place / "a.pth")
    assert "same name" in assert_refused(place / "a.pth")


def patched(path: Path, *changes: tuple[int, bytes]) -> Path:
    """The file with bytes changed, counted from the end of its list of contents."""
    data = bytearray(zip_of(path, state_dict(), s0=FOUR).read_bytes())
    for offset, value in changes:
        at = offset if offset >= 0 else len(data) + offset
        data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def directory(path: Path) -> int:
    """Where the list of contents of a zip starts."""
    return struct.unpack_from("<I", path.read_bytes(), path.stat().st_size - 6)[0]


def test_overlapping_records(place: Path) -> None:
    path = zip_of(place / "a.pth", state_dict(), s0=FOUR, s1=FOUR)
    data = bytearray(path.read_bytes())
    first = directory(path)
    # the first record claims to reach over the second one
    data[first + 20 : first + 28] = struct.pack("<2I", 5000, 5000)
    path.write_bytes(data)
    assert "overlap" in assert_refused(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((-12, b"\xff\xff"), "list of contents"),
        ((-10, b"\xff\xff\xff\x7f"), "list of contents"),
        ((-6, b"\xff\xff\xff\x7f"), "list of contents"),
        ((-2, b"\x09\x00"), "end is missing"),
        ((-18, b"\x01\x00"), "list of contents"),
    ],
)
def test_a_list_of_contents_that_lies(place: Path, change: tuple[int, bytes], sentence: str) -> None:
    assert sentence in assert_refused(patched(place / "a.pth", change))


def test_a_record_under_two_names(place: Path) -> None:
    path = zip_of(place / "a.pth", state_dict(), s0=FOUR)
    data = path.read_bytes()
    start = directory(path)
    path.write_bytes(data[:start] + data[start:].replace(b"archive/data/0", b"archive/data/9"))
    assert "another name" in assert_refused(path)


#: pickles that are small and want much, with a word of the refusal; made in the process with limited memory
BOMBS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "declared size": lambda: (state_dict(x=tensor((10**12,), (1,), storage(10**12))), "differ about the size"),
    "declared size of other data": lambda: (state_dict(x=tensor((10**12,), (1,), storage(10**12, "1"))), "bytes where there are"),
    "negative size": lambda: (state_dict(x=tensor((4,), (1,), storage(-4, "1"))), "refers to no data"),
    "a view beyond its data": lambda: (state_dict(x=tensor((4,), (10**9,), storage(4))), "larger than its data"),
    "a view from beyond": lambda: (state_dict(x=tensor((1,), (1,), storage(4), start=10**9)), "larger than its data"),
    "negative steps": lambda: (state_dict(x=tensor((4,), (-1,), storage(4), start=3)), "no proper shape"),
    "one number spread far": lambda: (state_dict(x=tensor((10**12,), (0,), storage(4))), "times as many numbers as it holds"),
    "many views": lambda: (many_views(), "times as many numbers as it holds"),
    "a huge array": lambda: (state_dict(x=called("numpy.ndarray", number(2**40))), "opens"),
    "lists of lists": lambda: (b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b".", "lists and objects"),
    "nones": lambda: (b"\x80\x02(" + b"N" * 2_000_000 + b"t.", "steps"),
    "nested tuples as a key": lambda: (b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"Ns.", "nested"),
    "nested tuples in a set": lambda: (
        b"\x80\x02" + name("__builtin__.set") + b"](" + b")" + b"\x85" * 200_000 + b"e\x85R.",
        "nested",
    ),
    "long keys that meet": lambda: (colliding_keys(), "more than 64 bits"),
    "a long list copied often": lambda: (copied(), "values to be copied"),
    "a text that doubles": lambda: (doubling(), "not written as pickles write them"),
    "a huge number": lambda: (b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b".", "bytes follow"),
    "a long text": lambda: (b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"x.", "bytes follow"),
    "many classes": lambda: (b"\x80\x02(" + b"".join(name(f"a.B{i}") for i in range(5_000)) + b"t.", "classes"),
    "a long name": lambda: (b"\x80\x02ca\n" + b"x" * 100_000 + b"\n.", "no proper name"),
    "a place in the memo": lambda: (b"\x80\x02Nr\xff\xff\xff\xffj\xfe\xff\xff\xff.", "damaged"),
    "a list in itself": lambda: (state_dict(x=b"]q\x01h\x01a"), "opens"),
    "a dict in itself": lambda: (state_dict(x=b"}q\x01" + text("y") + b"h\x01s"), "opens"),
    "as much as may be": lambda: (state_dict(x=as_much_as_may_be()), "opens"),
    "too many strangers": lambda: (state_dict(x=as_much_as_may_be() * 2 + b"\x86"), "not known here"),
    "lists that double": lambda: (state_dict(x=doubled_lists()), "opens"),
}


#: those that take a second to be refused, wherever they are
ONLY_ZIPPED = frozenset(
    {
        "lists of lists", "nones", "nested tuples in a set", "nested tuples as a key", "as much as may be",
        "too many strangers", "a long list copied often",
    }
)  # fmt: skip


def as_much_as_may_be() -> bytes:
    """Nothing of it is refused, so that torch has to read it: objects of unknown classes, filled, as many as are let in."""
    filled = b"".join(name(f"a.B{i % 30}") + b")\x81}" + text("k") + b"Nsb" for i in range(6_600))
    return b"(" + filled + b"t"


def doubled_lists() -> bytes:
    twice = (b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(60))
    return b"(]q\x00" + b"".join(twice) + b"t"


def many_views() -> bytes:
    view = name("torch._utils._rebuild_tensor_v2") + b"q\x01"
    spread = b"(" + storage(4) + b"K\x00(" + number(2**26) + b"t(K\x00t\x89NtR"
    return b"\x80\x02}(" + b"".join(text(f"a.{i}") + (view if not i else b"h\x01") + spread for i in range(50)) + b"u."


def colliding_keys() -> bytes:
    # Python's hash of all of them is 0
    numbers = ((2**61 - 1) * (2**64 + i) for i in range(5_000))
    return b"\x80\x02}(" + b"".join(pickle.dumps(value, 2)[2:-1] + b"N" for value in numbers) + b"u."


def copied() -> bytes:
    long = name("__builtin__.set") + b"q\x03](" + b"K\x01" * 100_000 + b"eq\x01"
    return b"\x80\x02(" + long + b"h\x03h\x01\x85R" * 20_000 + b"t."


def doubling() -> bytes:
    again = name("_codecs.encode") + b"(h\x01" + text("hex") + b"tRq\x01"
    return b"\x80\x02(" + name("_codecs.encode") + b"(" + text("ab") + text("utf-8") + b"tRq\x01" + again * 60 + b"t."


LIMITED = """
import resource, sys, threading
from pathlib import Path
import torch
import fpn_viewer.core.checkpoints.contents as contents
from fpn_viewer.core.errors import CheckpointError
here = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (here + 1_000_000_000,) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    try:
        contents.read_contents(path)
        said = "opens"
    except CheckpointError as error:
        said = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(path.name, round(after.ru_utime - start, 1), (after.ru_maxrss - before) // 1024, said, sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are those of Linux")
def test_bombs_take_neither_time_nor_memory(place: Path) -> None:
    """Every kind in every container that can hold it, in a process that may take a gigabyte more than torch itself."""
    folder = place / "bombs"
    folder.mkdir()
    wanted = {}
    for index, (kind, make) in enumerate(BOMBS.items()):
        data, wanted[kind] = make()
        zip_of(folder / f"{index:02} {kind}.zip", data, s0=FOUR)
        if kind not in ONLY_ZIPPED:
            (folder / f"{index:02} {kind}.legacy").write_bytes(PREFACE + data)
            (folder / f"{index:02} {kind}.pickle").write_bytes(data)
    zip_of(folder / "90 packed description.zip", b"\x80\x02" + bytes(200_000_000), zipfile.ZIP_DEFLATED)
    (folder / "91 packed numbers.zip").write_bytes(packed_numbers(place))
    (folder / "92 names.safetensors").write_bytes(struct.pack("<Q", 2**40) + b'{"a":{"dtype":"F32"')
    (folder / "93 many records.zip").write_bytes(many_records())
    wanted |= {"packed description": "compressed", "packed numbers": "compressed", "names": "cut off", "many records": "records"}
    root = Path(__file__).resolve().parents[4]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LIMITED, str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=place, timeout=200, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    lines = [line.split("|", 3) for line in answer.stdout.splitlines()]
    assert len(lines) == len(list(folder.iterdir()))
    for file, seconds, megabytes, said in lines:
        kind = Path(file).stem[3:]
        assert float(seconds) < 20, (file, seconds, said)
        assert int(megabytes) < 600, (file, megabytes, said)
        if file.endswith(".zip"):
            assert wanted[kind] in said, (file, said)
    assert not Path(CANARY).exists()


def packed_numbers(place: Path) -> bytes:
    path = place / "packed.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", state_dict())
        archive.writestr("archive/data/0", bytes(100_000_000), zipfile.ZIP_DEFLATED)
    return path.read_bytes()


def many_records() -> bytes:
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    body = struct.pack("<4s5H3I2H", b"PK\x03\x04", *[0] * 5, 0, 0, 0, 1, 0) + b"a"
    listed = entry * 60_000
    return body + listed + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 60_000, 60_000, len(listed), len(body), 0)
