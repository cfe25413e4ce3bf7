"""Section 4.2, (4.15)-(4.17): a restart beside an equilibrium, along a normal direction.

With H the Hessian of the cost, grad g_alpha is the row H e_k that belongs to the column V_alpha of D.
Where the rank r of D is constant, the fibre of x through an equilibrium theta_* consists of equilibria,
and its normal space is the range of D^T. The r rows span it exactly when 0 is a regular value of
(g_alpha): so for almost all targets, but not in the scene ``DEGENERATE``, where M_crit is a manifold of
dimension K - r all the same.

The cost is stationary at theta_*: the first order of kappa -> C[theta_* + kappa V] vanishes, and

    C[theta_* + kappa V] - C[theta_*] = kappa^2 / 2 (V, H V) + O(kappa^3),     (V, H V) = (H^3)_kk,

is even to leading order. Not the sign of kappa decides, but that of (V, H V): both signs lower the cost,
or none. At a local minimum none does, whatever V; in the scene ``LOCAL_MINIMUM``, which is not global,
and at the simplest saddle, no kappa of R whatever lowers the cost along any grad g_alpha (over the
rationals, by Sturm chains). At saddles, V with (V, H V) < 0 exist, combinations of the grad g_alpha; of
the saddles looked at, the grad g_alpha themselves serve at those with far targets only.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from geomdl import FLOAT64, cost_hessian, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns, normal_directions
from geomdl.rank_deficiency import negative_curvature, normal_curvatures, restart
from verification.chen2023.equilibria import ON_THE_SIMPLEX, cut
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64 as IN_FLOAT64
from verification.machinery.columns import MP30, MP50, MP100, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import (
    BUILT,
    BUILT_EXACT,
    CLOSED_FORM,
    DEAD_UNITS,
    NOT_GLOBAL,
    RANK_NOT_CONSTANT,
)
from verification.scenes.pieces import squared
from verification.scenes.rank_loss import (
    BELOW_THE_TRAP,
    DEGENERATE,
    FAR_SADDLES,
    LINEAR_SADDLE,
    LOCAL_MINIMUM,
    QUARTIC_SADDLE,
)

COLUMNS = (IN_FLOAT64, MP30, MP50, RATIONAL)
SADDLES = (*NOT_GLOBAL, LINEAR_SADDLE, QUARTIC_SADDLE)
MINIMA = (LOCAL_MINIMUM, DEAD_UNITS)
SMALL_STEPS = (2.0**-10, 2.0**-12, 2.0**-14)

Directions = Callable[[Point], list[Array]]


@claim(
    "chen2023/perturbation/a",
    scenes=(
        *CLOSED_FORM[:3],
        *BUILT[:3],
        *BUILT_EXACT[:1],
        LINEAR_SADDLE,
        LOCAL_MINIMUM,
        QUARTIC_SADDLE,
    ),
    columns=COLUMNS,
    controls=[
        variant("a gradient too few", fewer=1),
        variant("rank not constant", scenes=RANK_NOT_CONSTANT[1:]),
    ],
    refuted=[variant("0 is no regular value", scenes=[DEGENERATE])],
)
def test_gradients_of_the_functions_span_the_normal_space(at: Point, fewer: int = 0) -> Ratio:
    columns = independent_columns(at.D, at.rank)[fewer:]
    normals = normal_directions(at.problem, at.theta, columns)
    condition = 1.0
    if at.arithmetic.exact:
        spanned = pseudoinverse(normals)
    else:
        sigma = at.arithmetic.singular_values(normals)
        found = int(sum(bool(value > cut(at) * sigma[0]) for value in sigma))
        spanned = pseudoinverse(normals, rank=found)
        condition = at.kappa * float(sigma[0] / sigma[found - 1])
    fibre = pseudoinverse(at.D, rank=at.rank)
    return identity(spanned.row_projector(), fibre.row_projector(), size=at.size, condition=condition)


def flattest_normal(at: Point) -> Array:
    """Return the unit vector of the range of D^T on which the Hessian is smallest."""
    basis = at.arithmetic.svd(at.D)[2][: at.rank].T
    reduced = basis.T @ (cost_hessian(at.problem, at.theta) @ basis)
    return basis @ at.arithmetic.svd(reduced)[2][-1]


@claim(
    "chen2023/perturbation/a",
    scenes=[DEGENERATE],
    columns=(MP50, MP100),
    controls=[variant("a regular value", scenes=(LOCAL_MINIMUM, QUARTIC_SADDLE))],
    evidence=True,
)
def test_degenerate_equilibria_are_a_manifold_of_dimension_K_minus_r(at: Point) -> list[Ratio]:
    # Across the fibre the cost is a cubic in one direction n, regular in the others: no equilibria
    # but those of the fibre.
    n, digits = flattest_normal(at), -np.log10(at.arithmetic.unit_roundoff)
    step = at.arithmetic.array([10.0 ** -int(digits / 6)])[0]
    minus2, minus1, plus1, plus2 = (
        at.problem.value(at.theta + k * step * n) - at.problem.value(at.theta) for k in (-2, -1, 1, 2)
    )
    second = float((plus1 + minus1) / (step * step))
    third = float((plus2 - 2 * plus1 + 2 * minus1 - minus2) / (2 * step * step * step))
    return [
        bound(abs(second), 1e-6, note="second derivative"),
        bound(0.01, abs(third), note="third derivative"),
    ]


def gradients(at: Point) -> list[Array]:
    """Return grad g_alpha for all columns of D that can be among the V_alpha."""
    rows = normal_directions(at.problem, at.theta, range(at.D.shape[1]))
    return [unit_vector(at, row) for row in rows if float(at.arithmetic.largest(row)) > 1e-9]


def unit_vector(at: Point, vector: Array) -> Array:
    """Return a vector of length about 1, in exact arithmetic as well."""
    length = np.linalg.norm(at.arithmetic.to_float64(vector))
    return vector / at.arithmetic.array([2.0 ** round(np.log2(length))])[0]


def downhill(at: Point) -> list[Array]:
    """Return a normal direction of negative curvature, none where there is none."""
    problem, theta = at.problem, at.theta
    if at.arithmetic.exact:
        problem, theta = problem.to(FLOAT64), FLOAT64.array(theta)
    found = negative_curvature(problem, theta)
    if found is None:
        return []
    v = at.arithmetic.to_float64(found.direction) if at.arithmetic.exact else found.direction
    if not at.arithmetic.exact:
        return [v]
    # Any direction close to an eigenvector serves; the projection makes it normal again.
    rounded = at.arithmetic.array(np.round(v * 2.0**12) / 2.0**12)
    return [pseudoinverse(at.D).row_projector() @ rounded]


def steepest(at: Point) -> list[Array]:
    """Return the grad g_alpha along which the cost bends up most."""
    curvatures = normal_curvatures(at.problem, at.theta, range(at.D.shape[1]))
    k = int(np.argmax(at.arithmetic.to_float64(curvatures)))
    return [unit_vector(at, normal_directions(at.problem, at.theta, [k])[0])]


@claim(
    "chen2023/perturbation/b",
    scenes=FAR_SADDLES,
    columns=(IN_FLOAT64, MP30, RATIONAL),
    controls=[variant("the steepest of them", directions=steepest)],
    refuted=[
        variant("a local minimum", scenes=MINIMA),
        variant("a saddle at which (H^3)_kk >= 0", scenes=SADDLES),
    ],
)
def test_some_gradient_leads_to_new_initial_parameters_of_lower_cost(
    at: Point, directions: Directions = gradients
) -> Ratio:
    length = 0.25 if directions is steepest else 8.0
    found = [restart(at.problem, at.theta, v, length=length, halvings=20) for v in directions(at)]
    count = sum(each is not None for each in found)
    return property_(count > 0, f"{count} of {len(found)} directions lead downhill")


@claim(
    "chen2023/perturbation/b",
    scenes=(*SADDLES, *FAR_SADDLES),
    columns=COLUMNS,
    controls=[variant("a local minimum", scenes=MINIMA), variant("uphill", directions=steepest)],
)
def test_normal_direction_of_negative_curvature_leads_to_new_initial_parameters(
    at: Point, directions: Directions = downhill
) -> list[Ratio]:
    found = directions(at)
    if not found:
        return [property_(False, "the Hessian has no negative eigenvalue")]
    v, fibre = found[0], pseudoinverse(at.D, rank=at.rank)
    hessian = cost_hessian(at.problem, at.theta)
    spread = float(at.arithmetic.largest(hessian)) / abs(float(v @ (hessian @ v)))
    begun = restart(at.problem, at.theta, v, length=0.25, halvings=12)
    return [
        identity(
            fibre.row_basis @ (fibre.row_dual @ v), v, size=at.size, condition=at.kappa * spread,
            note="normal",
        ),
        property_(begun is not None, "the cost is lower at theta_0'"),
    ]  # fmt: skip


def signs_that_lower(at: Point, direction: Array) -> int:
    """Count the signs of kappa for which small steps lower the cost."""
    here = at.problem.value(at.theta)
    count = 0
    for sign in (1, -1):
        steps = [at.arithmetic.array([sign * step])[0] for step in SMALL_STEPS]
        count += all(bool(at.problem.value(at.theta + step * direction) < here) for step in steps)
    return count


@claim(
    "chen2023/perturbation/c",
    scenes=(*SADDLES, *FAR_SADDLES),
    columns=COLUMNS,
    controls=[variant("(V, H V) > 0", directions=steepest)],
    refuted=[variant("V = grad g_alpha, the sign chosen", scenes=(*MINIMA, *SADDLES))],
    corrected=[variant("V with (V, H V) < 0, either sign", directions=downhill, signs=2)],
)
def test_cost_is_lower_beside_the_equilibrium(
    at: Point, directions: Directions = gradients, signs: int = 1
) -> Ratio:
    counts = [signs_that_lower(at, v) for v in directions(at)]
    return property_(max(counts, default=0) >= signs, f"signs that lower the cost: {counts}")


def coefficients(at: Point, direction: Array) -> list[Fraction]:
    """Return those of the polynomial kappa -> C[theta + kappa V] - C[theta], lowest first."""
    factor = 2 if at.problem.network.activation.name == "square" else 1
    degree = 0
    for _ in at.problem.network.widths[1:-1]:
        degree = (degree + 1) * factor
    degree = 2 * (degree + 1)
    here = at.problem.value(at.theta)
    nodes = [Fraction(k - degree // 2, 4) for k in range(degree + 1)]
    values = [at.problem.value(at.theta + node * direction) - here for node in nodes]
    powers = [[node**k for k in range(degree + 1)] for node in nodes]
    return list(at.arithmetic.solve(at.arithmetic.array(powers), at.arithmetic.array(values)))


def real_roots(polynomial: list[Fraction]) -> int:
    """Count the distinct real roots by a Sturm chain; coefficients come lowest first."""

    def trimmed(p: list[Fraction]) -> list[Fraction]:
        while p and p[-1] == 0:
            p = p[:-1]
        return p

    def negative_remainder(p: list[Fraction], q: list[Fraction]) -> list[Fraction]:
        while len(p) >= len(q):
            lead, shift = p[-1] / q[-1], len(p) - len(q)
            p = [a - lead * (q[k - shift] if k >= shift else 0) for k, a in enumerate(p)][:-1]
        return trimmed([-a for a in p])

    def changes(signs: Iterable[bool]) -> int:
        listed = list(signs)
        return sum(a != b for a, b in pairwise(listed))

    chain = [trimmed(polynomial), trimmed([k * a for k, a in enumerate(polynomial)][1:])]
    while chain[-1]:
        chain.append(negative_remainder(chain[-2], chain[-1]))
    chain = chain[:-1]
    at_plus = changes(p[-1] > 0 for p in chain)
    at_minus = changes((p[-1] > 0) == (len(p) % 2 == 1) for p in chain)
    return at_minus - at_plus


@claim(
    "chen2023/perturbation/b",
    "chen2023/perturbation/c",
    scenes=(LINEAR_SADDLE, LOCAL_MINIMUM),
    columns=(RATIONAL,),
    controls=[variant("a saddle with far targets", scenes=FAR_SADDLES[1:])],
    evidence=True,
)
def test_no_step_of_any_size_along_any_gradient_lowers_the_cost(at: Point) -> list[Ratio]:
    ratios = []
    for v in gradients(at):
        # C - C_* = kappa^2 q(kappa), q(0) > 0 and no real root: positive for all kappa != 0.
        zeroth, first, *quotient = coefficients(at, v)
        positive = quotient[0] > 0 and real_roots(quotient) == 0
        ratios.append(property_(zeroth == first == 0 and positive, "the cost is higher everywhere"))
    return ratios


@claim(
    "chen2023/perturbation/b",
    "chen2023/perturbation/c",
    scenes=[LOCAL_MINIMUM],
    columns=(IN_FLOAT64, MP50, RATIONAL),
    controls=[
        variant("a saddle", scenes=[QUARTIC_SADDLE]),
        variant("theta_* itself", elsewhere=lambda at: at.theta),
    ],
    evidence=True,
)
def test_trap_is_a_local_minimum_that_is_not_global(
    at: Point, elsewhere: Callable[[Point], Array] = lambda at: at.arithmetic.array(BELOW_THE_TRAP)
) -> list[Ratio]:
    # Where the rank is constant, a Hessian that is positive on the range of D^T makes a minimum.
    basis = at.D.T[:, independent_columns(at.D.T, at.rank)]
    reduced = at.arithmetic.to_float64(basis.T @ (cost_hessian(at.problem, at.theta) @ basis))
    lowest = float(np.linalg.eigvalsh(reduced)[0] / np.abs(reduced).max())
    here, there = at.problem.value(at.theta), at.problem.value(elsewhere(at))
    return [
        property_(lowest > 1e-9, f"lowest eigenvalue {lowest:.2g}"),
        property_(there < here, f"cost {float(here):.3g}, elsewhere {float(there):.3g}"),
    ]


@claim(
    "chen2023/perturbation/c",
    scenes=(LINEAR_SADDLE, LOCAL_MINIMUM, QUARTIC_SADDLE, FAR_SADDLES[1]),
    columns=(RATIONAL,),
    controls=[
        variant("no equilibrium", scenes=[ON_THE_SIMPLEX]),
        variant("a factor 1/2 lost", factor=1),
    ],
    evidence=True,
)
def test_cost_beside_an_equilibrium_is_even_to_leading_order(at: Point, factor: int = 2) -> list[Ratio]:
    columns = independent_columns(at.D, at.rank)[:3]
    normals = normal_directions(at.problem, at.theta, columns)
    expected = normal_curvatures(at.problem, at.theta, columns)
    ratios = []
    for v, curvature in zip(normals, expected, strict=True):
        # Shorter vectors keep the fractions short; coefficients scale with the powers.
        length = at.number(2) ** int(np.log2(float(squared(v))) / 2)
        _, first, second, *_ = coefficients(at, v / length)
        ratios += [
            identity([first], [at.number(0)], scale=1, note="first order"),
            identity([factor * second * length**2], [curvature], note="second order"),
        ]
    return ratios
