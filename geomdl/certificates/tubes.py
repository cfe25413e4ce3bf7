r"""A rigorous tube around a polynomial piece of an adapted orbit.

In u in [-1, 1] the orbit solves theta' = f(theta) = -D^+ e with the constant e = half * e0. For
polynomials p(u) for theta and m(u) for (D D^T)^-1 e, D taken at p(u), let

    delta = p' + D^T m,    rho = D p' + e.

**Defect.** At full row rank, with P = D^+ D,    p' - f(p) = (1 - P) delta + D^+ rho,    hence
|p' - f(p)|^2 <= |delta|^2 + |rho|^2 / sigma^2: no pseudoinverse has to be known precisely.
(Insert e = rho - D p', then p' = delta - D^T m and P D^T = D^T into f(p) = -D^+ e.)

**Growth.** The derivative of the field is f'(theta) v = D^+ dD[v] w - (1 - P) dD[v]^T l, w = D^+ e,
l = (D D^T)^-1 e. In terms of M = dD[w], whose row i is w^T Hess x_i, and H = sum over i of l_i Hess x_i,

    f' = D^+ M - (1 - P) H,      mu = sup of the largest eigenvalue of (f' + f'^T)/2 over the tube.

The difference z of orbit and p obeys |z|' <= mu |z| + |p' - f(p)| as long as |z| stays below the radius
for which mu was computed (the segment between both is in the tube); so at the end of the piece

    |z| <= exp(integral of max(mu, 0)) (|z at the beginning| + 2 sup |p' - f(p)|),

and if that is below the radius, the orbit exists on the whole piece and stays in the tube, at full rank.

**Suprema over u and over the tube.** D, delta, rho, M(p') = dD[p'] and H(m) are expanded in powers of u
by :mod:`geomdl.certificates.series`; the constant coefficients of theta are balls of the tube's radius,
the last coefficient is enclosed over all of [-1, 1]. At a few centres in u, f' is enclosed by balls,
and between them by perturbation: with |D - D_c| <= eps sigma_c (Wedin)

    |D^+ - D_c^+| <= 2^(1/2) eps / sigma,      |P - P_c| <= eps,      sigma = (1 - eps) sigma_c.

M(-p') and H(m) differ from M and H by at most L |w + p'| and L |l - m|, L the Lipschitz constant of D,
where |l - m| <= |e - D D^T m| / sigma^2,  e - D D^T m = rho - D delta,  w + p' = D^T (l - m) + delta.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from flint import arb, arb_mat, arb_poly

from geomdl.certificates.collocation import Piece
from geomdl.certificates.curvature import jacobian_lipschitz_bound
from geomdl.certificates.rounding import down, up
from geomdl.certificates.series import PowerSeries
from geomdl.problems import Problem
from geomdl.second_derivatives import jacobian_derivative, paired_hessian

Ball = Any

BITS = 106
CENTRES = (-0.75, -0.25, 0.25, 0.75)
HALF_WIDTH = 0.25


@dataclass(frozen=True)
class TubeBound:
    """What is proved on one piece, for all theta within the tube's radius of the polynomial.

    Attributes
    ----------
    defect : float
        sup |p' - f(p)|, per unit of u.
    growth : float
        Integral of max(mu, 0) over u from -1 to 1.
    excess : float
        The part of the growth that is due to the enclosure, not to the orbit; an estimate.
    sigma_lower : float
        Of the smallest singular value of D.
    """

    defect: float
    growth: float
    excess: float
    sigma_lower: float

    def radius_at_end(self, radius: float) -> float:
        """Bound |z| on the whole piece when it is at most ``radius`` at the beginning."""
        if not self.growth < 100:
            return float("inf")
        # exp is computed by balls: the library's need not be correctly rounded
        factor = upper(arb(self.growth).exp())
        return up(factor * (radius + 2 * self.defect), 4)


@contextmanager
def working() -> Iterator[None]:
    """Set FLINT's precision and restore it."""
    with flint.ctx.workprec(BITS):
        yield


def upper(ball: Ball) -> float:
    """Round the absolute value of a ball up to a float."""
    return up(float(ball.abs_upper()), 1)


def norm(vector: Any) -> Ball:
    """Return an upper bound of the Euclidean norm of balls."""
    total = arb(0)
    for entry in np.asarray(vector).ravel():
        total += entry.abs_upper() ** 2
    return total.sqrt().abs_upper()


def _matrix(entries: np.ndarray) -> Any:
    return arb_mat(entries.shape[0], entries.shape[1], entries.ravel().tolist())


def _spectral_norm(matrix: Any) -> Ball:
    """Bound |A| by |A A^T|_F^(1/2), within a factor rank^(1/4)."""
    wide = matrix if matrix.nrows() <= matrix.ncols() else matrix.transpose()
    return norm((wide * wide.transpose()).entries()).sqrt().abs_upper()


class Lift:
    """The orbit's equation theta' = -D^+ e0 for one problem, one e0 and one order of expansion.

    Parameters
    ----------
    problem : Problem
        In float64, with distinct inputs.
    drive : ndarray of balls, shape (QN,)
        e0.
    order : int
        Of the polynomials, see :func:`geomdl.certificates.collocation.collocate`.
    """

    def __init__(self, problem: Problem, drive: np.ndarray, order: int) -> None:
        self.problem = problem
        self.drive = drive
        self.terms = order + 2
        arithmetics = PowerSeries(self.terms, BITS), PowerSeries(self.terms + 1, BITS)
        self._problems = [(series, problem.to(series)) for series in arithmetics]

    def bound(self, piece: Piece, radius: float) -> TubeBound | None:
        """Bound defect and growth in the tube of a radius around a piece; None where that fails."""
        with working():
            theta, multiplier = point(piece.theta), point(piece.multiplier)
            spread = arb(0, 1) * arb(radius)
            widened = [_with_radius(each, spread) for each in (theta, _at_every_base(theta))]
            thin = self._expand(0, theta, _derivative(theta), multiplier, piece.half)
            tube = self._expand(0, widened[0], _derivative(theta), multiplier, piece.half, True)
            wide = self._expand(
                1, widened[1], _derivative(widened[1]), _at_every_base(multiplier), piece.half, True
            )
            defects = [sum(map(norm, thin[name]), norm(wide[name][-1])) for name in ("delta", "rho")]
            reach = up(float(norm(sum(abs(each) for each in theta[1:]))) + radius, 4)
            lipschitz = jacobian_lipschitz_bound(
                self.problem.network, piece.theta[0], self.problem.data.inputs, reach
            )
            growth, excess, sigmas = 0.0, 0.0, []
            for centre in CENTRES:
                found = _growth_near(centre, tube, wide, arb(lipschitz))
                if found is None:
                    return None
                mu, natural, sigma = found
                growth = up(growth + 2 * HALF_WIDTH * mu, 3)
                excess += 2 * HALF_WIDTH * (mu - natural)
                sigmas.append(sigma)
            sigma = min(sigmas)
            defect = (defects[0] ** 2 + (defects[1] / arb(sigma)) ** 2).sqrt()
            return TubeBound(upper(defect), growth, excess, sigma)

    def _expand(
        self,
        longer: int,
        theta: np.ndarray,
        slope: np.ndarray,
        multiplier: np.ndarray,
        half: float,
        second: bool = False,
    ) -> dict[str, np.ndarray]:
        """Expand D, delta, rho and, if asked for, M(p') and H(m) in powers of u."""
        series, problem = self._problems[longer]
        p, v, m = (series.from_coefficients(each) for each in (theta, slope, multiplier))
        at = problem.linearize(p)
        jacobian = at.jacobian()
        coefficients = {
            "jacobian": series.coefficients(jacobian),
            "delta": series.coefficients(v + jacobian.T @ m),
            "rho": series.coefficients(jacobian @ v),
        }
        coefficients["rho"][0] += self.drive * arb(half)
        if second:
            coefficients["moved"] = series.coefficients(jacobian_derivative(at, v))
            coefficients["hessian"] = series.coefficients(paired_hessian(at, m))
        return coefficients

    def ends(self, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of theta's polynomial at u = -1 and u = 1, as balls."""
        with working():
            theta = point(piece.theta)
            signs = point((-1.0) ** np.arange(len(theta)))
            return (theta * signs[:, None]).sum(axis=0), theta.sum(axis=0)


def _growth_near(
    centre: float, tube: dict[str, np.ndarray], wide: dict[str, np.ndarray], lipschitz: Ball
) -> tuple[float, float, float] | None:
    """Bound mu and sigma_min(D) for |u - centre| <= HALF_WIDTH: mu, an estimate of it, sigma."""
    values, moves, sizes = {}, {}, {}
    for name in ("jacobian", "moved", "hessian"):
        coefficients = [_matrix(each) for each in tube[name]]
        rest = _spectral_norm(_matrix(wide[name][-1]))
        value, move = coefficients[0], rest
        for power, each in enumerate(coefficients[1:], 1):
            value = value + each * arb(centre) ** power
            move = move + arb(HALF_WIDTH) * power * _spectral_norm(each)
        values[name], moves[name] = value, move
        sizes[name] = _spectral_norm(value) + move
    d, m, h = values["jacobian"], values["moved"], values["hessian"]
    try:
        identity = arb_mat(np.eye(d.nrows()).tolist())
        inverse = (d * d.transpose()).solve(identity, algorithm="precond")
    except ZeroDivisionError:
        return None
    at_centre = (1 / _spectral_norm(inverse).sqrt()).abs_lower()
    eps = (moves["jacobian"] / at_centre).abs_upper()
    if not eps < 0.9:
        return None
    sigma = (at_centre * (1 - eps)).abs_lower()
    delta = sum(map(norm, tube["delta"]), norm(wide["delta"][-1]))
    rho = sum(map(norm, tube["rho"]), norm(wide["rho"][-1]))
    off_multiplier = (rho + sizes["jacobian"] * delta) / sigma**2
    off_velocity = sizes["jacobian"] * off_multiplier + delta
    perturbation = (
        arb(2).sqrt() * eps / sigma * sizes["moved"]
        + moves["moved"] / at_centre
        + eps * sizes["hessian"]
        + moves["hessian"]
        + lipschitz * (off_multiplier + off_velocity / sigma)
    )
    # -p' stands for w in M, which is linear in it
    field = d.transpose() * inverse * (d * h - m) - h
    mu, natural = _largest_eigenvalue(field + field.transpose())
    mu = mu / 2 + perturbation
    if not mu.is_finite():
        return None
    return max(upper(mu), 0.0), max(natural / 2, 0.0), down(float(sigma), 2)


def _largest_eigenvalue(matrix: Any) -> tuple[Ball, float]:
    """Bound max(lambda, 0) for the largest eigenvalue of a symmetric matrix of balls; and estimate it.

    For computed eigenvectors V, |1 - V^T V| <= a < 1 and T = V^T A V: lambda_max(A) is at most
    lambda_max(T)/(1 - a) if positive, and Gershgorin's discs bound lambda_max(T). The radii of A
    count by their Frobenius norm.
    """
    size = matrix.nrows()
    entries = matrix.entries()
    mid = np.array([float(entry) for entry in entries]).reshape(size, size)
    mid = (mid + mid.T) / 2
    if not np.all(np.isfinite(mid)):
        return arb("nan"), 0.0
    radius = norm([entry - arb(m) for entry, m in zip(entries, mid.ravel().tolist(), strict=True)])
    values, vectors = np.linalg.eigh(mid)
    v = arb_mat(vectors.tolist())
    turned = (v.transpose() * arb_mat(mid.tolist()) * v).tolist()
    gram = (v.transpose() * v).tolist()
    discs = [
        row[i] + sum((abs(each) for j, each in enumerate(row) if j != i), arb(0))
        for i, row in enumerate(turned)
    ]
    largest = max([_positive_part(disc) for disc in discs])
    defect = max(
        sum((abs(each - int(i == j)) for j, each in enumerate(row)), arb(0)).abs_upper()
        for i, row in enumerate(gram)
    )
    return largest / (1 - defect) + radius, float(values[-1])


def _positive_part(ball: Ball) -> Ball:
    return ball.abs_upper() if not ball < 0 else arb(0)


def point(numbers: np.ndarray) -> np.ndarray:
    """Return floats as balls without radius."""
    result = np.empty(numbers.shape, dtype=object)
    result.ravel()[:] = [arb(number) for number in numbers.ravel().tolist()]
    return result


def _derivative(coefficients: np.ndarray) -> np.ndarray:
    return coefficients[1:] * np.arange(1, len(coefficients))[:, None].astype(object)


def _with_radius(coefficients: np.ndarray, spread: Ball) -> np.ndarray:
    widened = coefficients.copy()
    widened[0] = widened[0] + spread
    return widened


def _at_every_base(coefficients: np.ndarray) -> np.ndarray:
    """Enclose the coefficients of p(u0 + u) by powers of u for every u0 in [-1, 1]."""
    shift = arb_poly([arb(0, 1), 1])
    result = np.empty_like(coefficients)
    for column in range(coefficients.shape[1]):
        moved = arb_poly(coefficients[:, column].tolist())(shift)
        result[:, column] = [moved[power] for power in range(len(coefficients))]
    return result
