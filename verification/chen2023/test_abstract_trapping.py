"""Introduction: the metric that the standard flow induces in the output layer, as what traps orbits.

In output space the cost is |x - y|^2 / (2N), without any critical point but y. The standard flow is its
gradient flow in the metric G = (D D^T)^-1, and with q the share that G gives to the cost gradient g,

    d/ds log C = -(2/N) |D^T g|^2 / |g|^2,       |g|^2 / |D^T g|^2  <=  q = (g, G g) / |g|^2,

so that an orbit is slow only where G stretches g: in the scenes "least", by 1e4 to 1e6. Test of cause:
from the same theta, for the same targets, the flow with the Euclidean metric in the place of G takes
the cost to zero at the rate 2/N, while the standard orbit keeps more than half of it; and from theta
drawn in the same way, with targets at the same distance in the direction in which G is least, the
standard orbit is not slow.

So the metric is the reason where D has rank QN. Where rank is lost it is not the reason alone: G does
not exist, both flows have the same equilibria, and the adapted orbit is trapped at them as well.
"""

from collections.abc import Callable

import numpy as np

from geomdl import standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, MP30, MP50, MP100, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound
from verification.scenes.critical_points import BUILT, DEAD_UNITS
from verification.scenes.networks import FULL_RANK
from verification.scenes.rank_condition import LARGEST, LEAST

END = 3.0
KEPT = 0.5
"""Share of the cost that a trapped orbit keeps until 3 N; without a trap e^-6 = 0.0025 is left."""


@claim(
    "chen2023/abstract/e",
    scenes=LEAST,
    columns=ORBITS,
    controls=[
        variant("the gradient where the metric is least", scenes=LARGEST),
        variant("the standard metric kept", freed=standard_field),
    ],
    refuted=[variant("rank lost", scenes=(DEAD_UNITS, BUILT[0]))],
)
def test_orbits_that_the_standard_flow_traps_are_free_in_the_euclidean_metric(
    at: Point, freed: Field | None = None
) -> list[Ratio]:
    times = (1.0, 2.0)
    trapped = at.orbit(standard_field, end=END).costs()
    orbit = at.orbit(freed, end=END, times=times)
    costs = orbit.costs()
    expected = costs[0] * np.exp(-2 * orbit.times / at.N)
    return [
        bound(KEPT, trapped[-1] / trapped[0], note=f"kept {trapped[-1] / trapped[0]:.3g}"),
        along_orbit(costs, expected, rtol=at.rtol, scale=costs[0], note=orbit.status),
    ]


def induced(at: Point, vector: Array) -> Array:
    """Apply the metric (D D^T)^-1."""
    inverse = at.pinv.matrix()
    return inverse.T @ (inverse @ vector)


@claim(
    "chen2023/abstract/e",
    scenes=(*LEAST, *LARGEST, *FULL_RANK),
    columns=(FLOAT64, MP30, MP50, MP100),
    controls=[
        variant("the Euclidean metric", scenes=LEAST, metric=lambda at, vector: vector),
        variant("the inverse of the metric", scenes=LEAST, metric=lambda at, v: at.D @ (at.D.T @ v)),
    ],
)
def test_standard_flow_is_slow_only_where_the_metric_is_large_along_the_gradient(
    at: Point, metric: Callable[[Point, Array], Array] = induced
) -> Ratio:
    square, pulled = (at.g * at.g).sum(), at.grad_theta
    stretched = (at.g * metric(at, at.g)).sum() / square
    slack = 30 * at.size * at.arithmetic.unit_roundoff * at.kappa**2
    note = f"metric {float(stretched):.2g} along g"
    return bound(square / (pulled * pulled).sum(), stretched, slack=slack, note=note)
