from __future__ import annotations

import pytest

from fpn_viewer.core import torch_check


@pytest.mark.parametrize(
    ("error", "versions", "says"),
    [
        (
            RuntimeError("operator torchvision::nms does not exist"),
            {"torch": "2.13", "torchvision": "0.28"},
            "built for each other",
        ),
        (
            AttributeError("'_OpNamespace' object has no attribute 'nms'"),
            {"torch": "2.13", "torchvision": "0.28"},
            "built for each",
        ),
        (ModuleNotFoundError("No module named 'torch'"), {"torchvision": "0.28"}, "torch is not installed"),
        (ModuleNotFoundError("No module named 'torch'"), {}, "torch and torchvision are not installed"),
        (OSError("[WinError 1114] c10.dll\nmore"), {"torch": "2.13", "torchvision": "0.28"}, "(\\[WinError 1114] c10.dll)"),
    ],
)
def test_a_broken_torch_is_one_sentence_with_a_cure(
    error: Exception, versions: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise error

    def version(name: str) -> str:
        if name not in versions:
            raise torch_check.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(torch_check, "import_module", broken)
    monkeypatch.setattr(torch_check.metadata, "version", version)
    with pytest.raises(torch_check.TorchError, match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        torch_check.import_torch()
    assert "pip install" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_good_torch_passes() -> None:
    torch_check.import_torch()
