"""How much memory a certificate will take, said before it starts."""

from __future__ import annotations

import os
from pathlib import Path

GIB = 2.0**30


def available_bytes() -> float:
    """Return the memory that can be had without swapping, or infinity where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return float("inf")


def check_memory(needed: float, what: str) -> None:
    """Raise MemoryError, with the numbers, when more memory is needed than there is.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What needs them, for the message.
    """
    available = available_bytes()
    if needed > available:
        raise MemoryError(
            f"{what} needs about {needed / GIB:.1f} GiB of memory and {available / GIB:.1f} GiB are "
            "available; take fewer samples, or a machine with more memory"
        )
