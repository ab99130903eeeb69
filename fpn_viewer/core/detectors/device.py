"""Devices and precisions by the names a person uses."""

from __future__ import annotations

import torch

from fpn_viewer.core.errors import DeviceError, SettingError

_HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def available_devices() -> tuple[str, ...]:
    """Names of the devices of this machine, best first: ("cuda:0", "cpu")."""
    cuda = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cuda, *mps, "cpu")


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: it is not there.
    """
    there = available_devices()
    if name == "auto":
        return torch.device(there[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise DeviceError(f"there is no device {name!r} on this machine; it has {', '.join(there)}.")
    return torch.device(wanted)


def device_memory(device: torch.device) -> tuple[int, int] | None:
    """(used, total) bytes of a GPU, or None on the CPU."""
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return int(total - free), int(total)


def half_type(precision: str, device: torch.device) -> torch.dtype | None:
    """The autocast type for a precision, None for float32.

    Raises:
        SettingError: no such precision, or half precision away from a GPU, where it is another detector.
    """
    if precision == "float32":
        return None
    if precision not in _HALF:
        raise SettingError(f"precision {precision!r} is not one of float32, {', '.join(_HALF)}.")
    if device.type != "cuda":
        raise SettingError(f"precision {precision} runs on a GPU only; on {device.type} use float32.")
    return _HALF[precision]
