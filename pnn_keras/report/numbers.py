"""Numbers as tables and sentences show them: few decimals, a true minus sign."""

from __future__ import annotations

import math

#: What stands where there is no number.
NONE = "–"

#: What is smaller is zero, but for the rounding of sums.
_ZERO = 1e-9


def score(value: float | None) -> str:
    """A UAR, recall or effect size with the decimals that are worth reading.

    Example:

    >>> score(0.64251), score(float("nan"))
    ('0.643', '–')
    """
    return NONE if _unknown(value) else f"{value:.3f}".replace("-", "−")


def signed(value: float | None, decimals: int = 3) -> str:
    """A difference, with its sign: also of what is rounded to zero, but not of zero.

    Example:

    >>> signed(-0.0214), signed(0.0), signed(-0.00003), signed(0.00003)
    ('−0.021', '0.000', '−0.000', '+0.000')
    """
    if _unknown(value):
        return NONE
    text = f"{value:+.{decimals}f}"
    return text[1:] if abs(value) < _ZERO else text.replace("-", "−")


def interval(low: float, high: float, show=score) -> str:
    """The bounds of an interval, in brackets; nothing where there are none.

    Example:

    >>> interval(0.6, 0.7)
    '[0.600, 0.700]'
    """
    return "" if _unknown(low) or _unknown(high) else f"[{show(low)}, {show(high)}]"


def p_value(p: float | None) -> str:
    """A p value; those below .001 are only said to be.

    Example:

    >>> p_value(0.0312), p_value(0.00001), p_value(0.9999)
    ('0.031', '< 0.001', '> 0.999')
    """
    if _unknown(p):
        return NONE
    if p < 0.001:
        return "< 0.001"
    return "> 0.999" if 0.9995 <= p < 1 else f"{p:.3f}"


def count(value: float | None) -> str:
    """A number of things, thousands apart.

    Example:

    >>> count(418820), count(2.5)
    ('418,820', '2.5')
    """
    return NONE if _unknown(value) else f"{value:,.1f}".removesuffix(".0")


def significant(value: float | None) -> str:
    """A positive number of any size, with the three digits that are worth reading.

    Example:

    >>> significant(0.00123456), significant(1234.5), significant(0.0), significant(None)
    ('0.00123', '1.23e+03', '0', '–')
    """
    return NONE if _unknown(value) else f"{value:.3g}"


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)
