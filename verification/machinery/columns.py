"""The columns of the tables: in which arithmetic, or at which tolerance, a check is run."""

from __future__ import annotations

from dataclasses import dataclass

from geomdl.arithmetic import Arithmetic, get_arithmetic, missing_extra


@dataclass(frozen=True)
class Column:
    """One column: an arithmetic, and for checks along orbits the integrator's tolerance.

    Attributes
    ----------
    name : str
        ``"float64"``, or ``"float64@1e-10"`` with a tolerance.
    arithmetic_name : str
    rtol : float or None
        Relative tolerance of the integrator, which plays the role of the roundoff.
    large : bool
        The tolerance of scenes that are large, where a step costs much more.
    """

    name: str
    arithmetic_name: str
    rtol: float | None = None
    large: bool = False

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic object."""
        return get_arithmetic(self.arithmetic_name)

    @property
    def absent(self) -> str | None:
        """The extra of geomdl-verify that would bring this column, None when it is here."""
        return missing_extra(self.arithmetic_name)

    @property
    def decides_ranks(self) -> bool:
        """Whether a rank below both dimensions can be decided: balls only prove full rank."""
        return not self.arithmetic_name.startswith("arb")


def _orbit_column(arithmetic: str, rtol: str, large: bool = False) -> Column:
    return Column(f"{arithmetic}@{rtol}", arithmetic, float(rtol), large)


FLOAT32, FLOAT64, MP30, MP50, MP100, RATIONAL = (
    Column(name, name) for name in ("float32", "float64", "mp30", "mp50", "mp100", "rational")
)
ARB50, TORCH64 = (Column(name, name) for name in ("arb50", "torch:cpu:float64"))

POINTWISE = (FLOAT32, FLOAT64, MP30, MP50, MP100)
"""The ladder: a true identity follows the roundoff down over five rungs."""

OPTIONAL = (ARB50, TORCH64)
"""Rigorous balls and torch, which extras bring: for formulas of the core, on scenes of full rank."""

ALGEBRAIC = (*POINTWISE, RATIONAL)
"""The ladder and exact arithmetic, for identities of pure algebra."""

ORBITS = (
    _orbit_column("float32", "1e-4"),
    _orbit_column("float64", "1e-6"),
    _orbit_column("float64", "1e-10"),
)
"""Checks along orbits: the error must follow the tolerance down."""

LARGE_ORBITS = (_orbit_column("float64", "1e-4", True), _orbit_column("float64", "1e-7", True))
"""The same for the scenes with the fact "large", such as real data."""

ALL_ORBITS = (*ORBITS, *LARGE_ORBITS)
"""Both: every scene takes its own."""

FLOATS = (FLOAT32, FLOAT64)
"""Checks that need machine numbers, such as ranks of large matrices."""

ONLY_FLOAT64 = (FLOAT64,)
"""Checks on constructions whose exact counterpart runs in the rational column."""

ARITHMETICS = tuple(column.name for column in (*ALGEBRAIC, *OPTIONAL))

ABSENT = {column.name: column.absent for column in OPTIONAL if column.absent is not None}
"""Columns that cannot run here, with the extra that brings them."""

PROFILES = ("quick", "default", "deep")


def seeds_of(column: Column, profile: str) -> int:
    """How many seeds a profile runs in a column: fewer where a number costs more."""
    if column.rtol is not None:
        return {"quick": 1, "default": 1, "deep": 5}[profile]
    if column.arithmetic_name.startswith(("mp", "arb", "torch")):
        return {"quick": 0, "default": 1, "deep": 3}[profile]
    return {"quick": 1, "default": 3, "deep": 20}[profile]
