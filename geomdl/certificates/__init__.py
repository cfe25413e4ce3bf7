"""Certificates: statements about one network on one data set that the computer proves.

A check measures; a certificate is a theorem about the numbers it was given, with every rounding error
accounted for. Each function returns one :class:`~geomdl.certificates.result.Certificate`, whose status
is ``proved``, ``refuted`` or ``unknown``: what could not be proved is unknown, never false.

===================  =========================================================================
module               what it proves or holds
===================  =========================================================================
``result``           the result type: words, status, bounds, assumptions, JSON, readable report
``rounding``         a-priori rounding bounds, enclosures of matrices, positive definiteness
``enclosures``       forward and backward pass with radii; norms and Lipschitz bound of D
===================  =========================================================================

Nothing heavy is imported before a certificate is asked for.
"""

from geomdl.certificates.result import Certificate

__all__ = ["Certificate"]
