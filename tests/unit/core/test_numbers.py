from __future__ import annotations

import pytest

from fpn_viewer.core.numbers import percent, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.4, "0.400"),
        (-12.34, "−12.3"),
        (9.996, "10.0"),
        (0.09996, "0.100"),
        (0.00123, "0.00123"),
        (0.000042, "4.20e−5"),
        (1234.4, "1234"),
        (99999.0, "99999"),
        (123456.0, "1.23e5"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.444, "44 %"), (-0.03, "−3 %"), (1.0, "100 %"), (0.001, "<1 %"), (-0.001, ">−1 %")]
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text
