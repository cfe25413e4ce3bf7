"""The kinds of number that every formula of this package runs in.

An :class:`Arithmetic` knows its unit roundoff, how to make arrays, the elementary functions and the
factorizations. Everything above it (forward pass, Jacobian, Gram matrix, flow fields) is written once
with ``@``, ``+``, ``*`` and broadcasting, and asks :func:`arithmetic_of` what its arrays are made of.

=============  ==================================================  ==========================
name           arrays                                              unit roundoff
=============  ==================================================  ==========================
``float32``    NumPy float32; factorizations by SciPy (not NumPy,  2^-24
               which computes them in float64)
``float64``    NumPy float64                                       2^-53
``mp50``       NumPy object arrays of mpmath numbers, 50 digits    about 10^-50
``arb50``      NumPy object arrays of python-flint's balls, which  2^-169, and every result
               enclose the true value (extra ``rigorous``)         carries its own bound
``rational``   NumPy object arrays of ``fractions.Fraction``       0, exact
=============  ==================================================  ==========================

``torch:cpu:float64``, ``torch:cuda:float32`` and their like are tensors of torch (extra ``torch``).
Neither torch nor python-flint is imported before an arithmetic on them is asked for.
"""

from geomdl.arithmetic.base import (
    Arithmetic,
    Array,
    NotFiniteError,
    SingularMatrixError,
    UnsupportedOperationError,
)
from geomdl.arithmetic.floating import FLOAT32, FLOAT64, Floating
from geomdl.arithmetic.lookup import arithmetic_of, get_arithmetic, missing_extra
from geomdl.arithmetic.multiprecision import Multiprecision
from geomdl.arithmetic.rationals import RATIONAL, Rationals

__all__ = [
    "FLOAT32",
    "FLOAT64",
    "RATIONAL",
    "Arithmetic",
    "Array",
    "Floating",
    "Multiprecision",
    "NotFiniteError",
    "Rationals",
    "SingularMatrixError",
    "UnsupportedOperationError",
    "arithmetic_of",
    "get_arithmetic",
    "missing_extra",
]
