"""Numbers of few bits: exact in every arithmetic, and cheap over the rationals."""

from __future__ import annotations

import numpy as np


def few_bits(values: np.ndarray, bits: int | None = 3) -> np.ndarray:
    """Round to multiples of 2^-bits; without bits, leave the values as they are."""
    return values if bits is None else np.round(values * 2.0**bits) / 2.0**bits
