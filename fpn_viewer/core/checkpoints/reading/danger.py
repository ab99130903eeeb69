"""Names that a pickle has for one reason only: that what they mean is called when it is opened."""

from __future__ import annotations

from fpn_viewer.core.errors import CheckpointError

#: classes of paths, which do nothing until something is done with them
PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path", "PurePath")
#: modules that a checkpoint has no business with: to name one of their functions is to want it called
_MODULES = frozenset(
  {
    "_io", "_pickle", "_posixsubprocess", "_thread", "asyncio", "atexit", "bdb", "cloudpickle", "code", "codecs", "codeop",
    "commands", "compileall", "concurrent", "copyreg", "ctypes", "dill", "distutils", "ensurepip", "ftplib", "functools",
    "gc", "glob", "http", "imp", "importlib", "inspect", "io", "joblib", "linecache", "marshal", "mmap", "multiprocessing",
    "nt", "ntpath", "operator", "os", "pathlib", "pdb", "pickle", "pip", "pkgutil", "platform", "popen2", "posix", "posixpath",
    "profile", "pty", "py_compile", "pydoc", "requests", "resource", "runpy", "setuptools", "shelve", "shutil", "signal",
    "site", "smtplib", "socket", "socketserver", "sqlite3", "subprocess", "sys", "sysconfig", "telnetlib", "tempfile",
    "threading", "timeit", "trace", "tracemalloc", "types", "unittest", "urllib", "venv", "webbrowser", "xmlrpc", "zipimport",
  }
)  # fmt: skip
#: values of those modules that do nothing by themselves
_HARMLESS_OF_THEM = frozenset(
    (
        *("copyreg._reconstructor", "functools.partial", "types.SimpleNamespace"),
        *(f"pathlib{part}.{name}" for part in ("", "._local") for name in PATHS),
    )
)
#: functions of other modules, by their full names
_FUNCTIONS = frozenset(
  {
    "numpy.f2py.compile", "numpy.fromfile", "numpy.load", "numpy.loadtxt", "numpy.memmap", "numpy.save",
    "numpy.testing._private.utils.runstring", "torch._inductor.codecache.compile_file", "torch.compile",
    "torch.fx.graph_module.reduce_graph_module", "torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.jit.load",
    "torch.load", "torch.ops.load_library", "torch.package.PackageImporter", "torch.save", "torch.serialization.load",
    "torch.storage._load_from_bytes", "torch.utils.cpp_extension.load",
  }
)  # fmt: skip
#: builtins that are kinds of values; every other one does something
_BUILTIN_VALUES = frozenset(
  {
    "Ellipsis", "NotImplemented", "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list",
    "object", "range", "set", "slice", "str", "tuple", "type",
  }
)  # fmt: skip
#: may be named where it looks up a constant of a class, as some Pythons write enumerations; what it gives is never called
_LOOKUP = "builtins.getattr"
#: attributes from which everything else can be reached
_DOORS = frozenset(
    ("__reduce__", "__reduce_ex__", "__globals__", "__code__", "__subclasses__", "__class__", "__builtins__", "__dict__")
)


def runs_code(path: str) -> bool:
    """Whether to call what has that full name is to run code of the file's choice."""
    module, _, name = path.rpartition(".")
    if path.startswith("builtins."):
        return path != _LOOKUP and path.removeprefix("builtins.") not in _BUILTIN_VALUES
    if path in _FUNCTIONS or name in _DOORS:
        return True
    return module.partition(".")[0] in _MODULES and path not in _HARMLESS_OF_THEM


def would_run(file: str, name: str) -> CheckpointError:
    """The refusal of a pickle that wants something called."""
    return CheckpointError(
        f"{file} asks for {name} to be called, which could run code, so it was not opened; "
        "ask its author for the state_dict() alone, saved with torch.save.",
        [name],
    )
