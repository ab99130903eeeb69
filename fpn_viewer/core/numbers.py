"""Numbers as people read them."""

from __future__ import annotations

import math

#: below and above these, powers of ten are shorter than zeros
_SMALLEST, _LARGEST = 1e-3, 1e5


def significant(value: float, digits: int = 3) -> str:
    """A number with that many significant digits: "0.400", "−12.3", "4.20e−5".

    Zeros are kept, so that numbers under each other compare; whole digits are never dropped: 12345.6 is "12346".
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if not _SMALLEST <= abs(value) < _LARGEST:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    # rounding may add a digit: 9.996 is "10.0"
    exponent = math.floor(math.log10(float(f"{abs(value):.{digits - 1}e}")))
    return f"{value:.{max(0, digits - 1 - exponent)}f}".replace("-", "−")


def percent(share: float) -> str:
    """A share as whole per cent: "44 %", "−3 %"; less than half a per cent is "<1 %"."""
    whole = round(100 * share)
    if whole == 0 and share != 0:
        return "<1 %" if share > 0 else ">−1 %"
    return f"{whole} %".replace("-", "−")
