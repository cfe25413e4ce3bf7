r"""The theorem behind both certificates of existence: Newton and Kantorovich, by the adapted flow.

Let F(theta) = x[theta] - y in R^n, n = QN, D = F' its Jacobian, e0 = F(theta0), and let D0 = D[theta0]
have full row rank with smallest singular value at least sigma > 0. Let

    eta >= |D0^+ e0|,
    |D[theta] - D[theta']| <= L |theta - theta'| on the ball |theta - theta0| <= rho,
    omega = L / sigma,    h = omega eta,    r = 2 eta / (1 + (1 - 2h)^(1/2)).

**Theorem.** If 2h < 1 and r <= rho, the adapted flow theta' = -D^+ grad_x C from theta0, for C = |x -
y|^2 / (2N) or any other positive multiple of |x - y|^2, exists for all s >= 0, stays in the ball of
radius r, keeps full rank, and converges to a theta* with x[theta*] = y exactly. Along it, and at
theta*,

    sigma_min(D) >= sigma (1 - 2h)^(1/2),         path length <= r.

In particular there is a zero of F within r of theta0, which is the theorem of Newton and Kantorovich for
underdetermined systems. With eta = |e0| / sigma the condition reads 2 L |e0| < sigma^2.

**Proof.** At full rank D D^+ = 1, so x - y obeys (x - y)' = -c (x - y) with a constant c > 0 (1/N for
the first cost): x - y = (1 - t) e0 with t = 1 - exp(-c s), which runs through [0, 1). In this time

    d theta / dt = -D^+ e0,

so neither N nor the factor of the cost has a role in the path: they only set the clock. D is Lipschitz
and has full rank near theta0, so the right side is Lipschitz there and the solution exists and is
unique up to some maximal time. Multiply by R = D0^+, which is injective: A[theta] = R D[theta] maps
onto V = range(D0^T), and D^+ = A^+ R (by A^+ = D^+ R^+, the reverse order law for R of full column rank
and D of full row rank, and R^+ R = 1). At theta0, A A^T is the identity on V. On the ball

    |A[theta] - A[theta']| <= |R| L |theta - theta'| <= omega |theta - theta'|,

so on V the smallest singular value of A is at least 1 - omega l after a path of length l, and

    dl/dt = |A^+ R e0| <= eta / (1 - omega l),       l - omega l^2 / 2 <= eta t.

Since 2 omega eta < 1, l(t) <= (1 - (1 - 2 omega eta t)^(1/2)) / omega, at most r < 1/omega: the path
stays in the ball, in the compact part of it where A has smallest singular value at least (1 - 2h)^(1/2)
> 0. So the solution does not end before t = 1, and has a limit theta* there because its length is
finite; there x - y = 0. Finally D = D0 A on R^K, since D0 R = 1, and so sigma_min(D) >= sigma (1 -
omega l).

**Sharpness.** F(theta) = theta - L theta^2 / 2 - y at theta0 = 0 has sigma = 1 and the largest value
1/(2L) - y: with y = 1/(2L), 2h = 1, the flow runs into a point of rank loss in infinite time s; any
larger y has no solution. No constant below 2 could replace the 2 in 2h < 1.

**Other weights.** Where the divisors of the cost differ from class to class, e = x - y is sum over
groups g of exp(-c_g s) e_g, with the same divisor in each group; the path of R e is not longer than eta
= sum over g of |R e_g|, and the proof goes through with this eta.

**Repeated inputs** with the same target repeat an equation. If E repeats rows, D = E D' and e = E e'
with D' of full row rank, then D^+ e = D'^+ E^+ E e' = D'^+ e': the flow is that of the distinct
equations, to which the theorem applies. With different targets there is no theta with x[theta] = y at
all.

**A ball of starting points.** If theta0 is only known to lie within r0 of a centre at which sigma, L,
eta belong to the centre's D0 while e0 is that of the start, the same proof with l(0) = r0 gives: 2h <
(1 - omega r0)^2 and r = (1 - ((1 - omega r0)^2 - 2h)^(1/2)) / omega around the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from geomdl.certificates.rounding import down, up

TRIED_RADII = (2.1, 1.5, 1.2, 1.05)
"""Balls on which the Lipschitz constant is taken, in units of eta: r is between eta and 2 eta."""


@dataclass(frozen=True)
class Attraction:
    """What the theorem gives; all numbers are rounded to the safe side.

    Attributes
    ----------
    radius : float
        Upper bound of r, from the centre.
    sigma_lower : float
        Lower bound of the smallest singular value of D along the path and at its limit.
    quotient : float
        Upper bound of 2h / (1 - omega r0)^2, below 1.
    lipschitz : float
        The L that was used.
    """

    radius: float
    sigma_lower: float
    quotient: float
    lipschitz: float


def attraction(
    sigma: float, step: float, lipschitz: Callable[[float], float], start: float = 0.0
) -> Attraction | None:
    """Apply the theorem of this module.

    Parameters
    ----------
    sigma : float
        A lower bound of the smallest singular value of D0.
    step : float
        An upper bound eta of |D0^+ e0|.
    lipschitz : callable
        rho -> a Lipschitz constant of D on the ball of radius rho around the centre.
    start : float
        r0: how far the start of the flow may be from the centre.

    Returns
    -------
    Attraction or None
        None where no ball in :data:`TRIED_RADII` satisfies the hypotheses, which proves nothing.

    Examples
    --------
    >>> found = attraction(1.0, 0.125, lambda radius: 3.0)  # 2h = 3/4
    >>> round(found.radius, 12), round(found.sigma_lower, 12)
    (0.166666666667, 0.5)
    >>> attraction(1.0, 0.17, lambda radius: 3.0) is None  # 2h > 1
    True
    """
    if not (sigma > 0 and 0 <= step < math.inf and 0 <= start < math.inf):
        return None
    for multiple in TRIED_RADII:
        radius = multiple * up(step + start, 2)
        constant = lipschitz(radius)
        found = _on_ball(sigma, step, constant, start)
        if found is not None and found.radius <= radius:
            return found
    return None


def _on_ball(sigma: float, step: float, lipschitz: float, start: float) -> Attraction | None:
    if not lipschitz < math.inf:
        return None
    omega = up(lipschitz / sigma, 2)
    left = down(1 - up(omega * start, 2), 2) if omega * start < 1 else 0.0
    room, used = down(left * left, 2), up(2 * omega * step, 3)
    if not used < room:
        return None
    root = down(math.sqrt(down(room - used, 2)), 2)
    # r = r0 + (left - root) / omega = r0 + 2 eta / (left + root), without cancellation
    radius = up(start + 2 * step / (left + root), 6)
    return Attraction(radius, down(sigma * root, 2), up(used / room, 4), lipschitz)
