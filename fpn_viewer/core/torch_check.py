"""torch and torchvision as a pair: loaded, or one sentence that says what to install."""

from __future__ import annotations

from importlib import import_module, metadata

from fpn_viewer.core.errors import UserError

#: what pip is asked for; each torchvision release names its torch exactly, so that both together make a pair
PAIR = 'pip install --upgrade --force-reinstall "torch>=2.6" "torchvision>=0.21,!=0.28.*"'


class TorchError(UserError):
    """torch or torchvision is missing, or they were not built for each other."""


def import_torch() -> None:
    """Imports torch and torchvision; the first call takes seconds.

    Raises:
        TorchError: one of them is missing or broken, or they do not fit each other.
    """
    try:
        torch = import_module("torch")
        import_module("torchvision")
        # an older torchvision only warns when its library does not load, and fails at the first NMS
        _ = torch.ops.torchvision.nms
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise TorchError(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    versions = {name: _version(name) for name in ("torch", "torchvision")}
    missing = [name for name, version in versions.items() if not version]
    if missing:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed; run: {PAIR}"
    installed = f"torch {versions['torch']} and torchvision {versions['torchvision']}"
    if _mismatched(error):
        return f"{installed} were not built for each other, so that NMS is missing; install a matching pair: {PAIR}"
    first = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"{installed} are installed but cannot be loaded ({first}); install a matching pair: {PAIR}"


def _mismatched(error: Exception) -> bool:
    return "torchvision::" in str(error) or (isinstance(error, AttributeError) and "nms" in str(error)) or "symbol" in str(error)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
