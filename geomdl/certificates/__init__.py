"""Certificates: statements about one network on one data set that the computer proves.

A check measures; a certificate is a theorem about the numbers it was given, with every rounding error
accounted for. Each function returns one :class:`~geomdl.certificates.result.Certificate`, whose status
is ``proved``, ``refuted`` or ``unknown``: what could not be proved is unknown, never false.

==================  ===========================================================================
module              what it proves or holds
==================  ===========================================================================
``result``          the result type: words, status, bounds, assumptions, JSON, readable report
``rounding``        a-priori rounding bounds, enclosures of matrices
``enclosures``      forward and backward pass with radii
``definite``        positive definiteness by Cholesky with a rounding bound; spectral norms
``curvature``       Lipschitz constant of D on a ball
``gram``            D D^T in place, with what its floats are worth
``spectra``         Gram and Cholesky, singular values and Weyl, balls
``structure``       ranks that no theta can exceed
``rank``            ``certify_rank``: rank, smallest singular value, condition at one theta
``modular``         rank modulo a prime at the speed of the BLAS
``exact``           ``certify_exact_rank``: networks with rational values
``generic``         ``certify_generic``: from one theta to almost every theta, and to more networks
``equations``       the equations x[theta] = y of distinct inputs
``kantorovich``     the theorem of Newton and Kantorovich by way of the adapted flow
``interpolation``   ``certify_interpolation``: a zero-cost network near a computed one
``series``, ``collocation``, ``tubes``, ``orbits``
                    ``certify_orbit``: the adapted flow exists for all times
``files``, ``cli``, ``table``
                    the command `python -m geomdl certify`
==================  ===========================================================================

Nothing heavy is imported before a certificate is asked for.
"""

from geomdl.certificates.result import Certificate

__all__ = ["Certificate"]
