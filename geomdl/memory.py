"""What an array will take, before it is asked for: a refusal in words instead of a killed process."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from geomdl.arithmetic import Arithmetic

_NO_QUESTION_BELOW = 1 << 26
_KEPT_BELOW = 31 << 20


def require_memory(arithmetic: Arithmetic, *shapes: tuple[int, ...], what: str, instead: str) -> None:
    """Raise MemoryError when arrays of these shapes do not fit into the memory that is left.

    Below 64 MB, on a device (whose own allocator refuses in words), and on systems that do not tell
    what is left, nothing is asked.

    Parameters
    ----------
    arithmetic : Arithmetic
    *shapes : tuples of int
    what : str
        What is about to be formed, for the message.
    instead : str
        What to do instead, for the message.

    Raises
    ------
    MemoryError
        Names what is needed and what is available.
    """
    needed = arithmetic.bytes_per_number * sum(prod(shape) for shape in shapes)
    if needed < _NO_QUESTION_BELOW or "cuda" in arithmetic.name:
        return
    formed = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
    require_bytes(needed, what=f"{what} ({formed}, {arithmetic.name})", instead=instead)


def require_bytes(needed: float, *, what: str, instead: str) -> None:
    """Raise MemoryError, with the numbers, when more memory is needed than there is.

    Parameters
    ----------
    needed : float
        Bytes.
    what, instead : str
        What needs them, and what to do instead, for the message.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise MemoryError(
            f"{what} needs {needed / 1e9:.3g} GB of memory; {available / 1e9:.3g} GB are available: "
            f"{instead}"
        )


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks of up to 31 MB for the next array instead of unmapping them.

    A page that comes from the system costs several times what it costs to write to it, and an orbit
    asks for the same temporaries thousands of times. The GNU C library maps large blocks one by one,
    gives them back when they are freed, and then learns: blocks up to the size of one that was freed
    (32 MB at most) are kept from there on. So one is asked for and freed here; it is never written to,
    and takes no memory.
    Other C libraries take no notice.
    """
    try:
        np.empty(_KEPT_BELOW, dtype=np.uint8)
    except MemoryError:  # under a limit so tight that there is nothing to keep
        return


def available_memory() -> int | None:
    """Return the bytes that this process may still ask for; None where the system does not tell.

    The smaller of what Linux calls available and what is left to the control group (a container).
    """
    left = [_of_machine(), *_of_group()]
    known = [number for number in left if number is not None]
    return min(known) if known else None


def _of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)


def _of_group() -> list[int]:
    version2, version1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
    for folder, limit, used in (
        (version2, "memory.max", "memory.current"),
        (version1, "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            numbers = [int((folder / name).read_text()) for name in (limit, used)]
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group, or its limit is the word max
            continue
        cached = int(stat.get("inactive_file", 0))  # files that are dropped when memory is asked for
        return [max(0, numbers[0] - numbers[1] + cached)]
    return []
