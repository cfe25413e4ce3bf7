"""The family of flows between the standard and the adapted one, as operators and rates at one theta.

With D = D[theta] of rank r, singular values sigma_1 >= ... >= sigma_r > 0, P the projector onto ran D,
g = grad_x C and alpha in [0, 1],

    theta' = -A_alpha grad_theta C,    A_alpha = alpha (D^T D)^+ + (1 - alpha) 1,
    x'     = -B_alpha g,               B_alpha = (alpha 1 + (1 - alpha) D D^T) P.

B_alpha has the range of D for every alpha, and there the eigenvalues alpha + (1 - alpha) sigma_i^2: the
condition number of the motion of the outputs goes from kappa^2 at alpha = 0 down to 1 at alpha = 1. The
vector field itself is :func:`geomdl.flows.homotopy_field`.
"""

from __future__ import annotations

from typing import Any

from geomdl.arithmetic import Arithmetic, Array, arithmetic_of
from geomdl.problems import Problem
from geomdl.pseudoinverses import Pseudoinverse, pseudoinverse


def _weight(arithmetic: Arithmetic, alpha: Any) -> Any:
    if not 0 <= alpha <= 1:
        raise ValueError(f"got alpha={alpha}; expected a number from 0 to 1")
    return arithmetic.array([alpha])[0]


def parameter_operator(jacobian: Array, alpha: Any, *, rank: int | None = None) -> Array:
    """Return A_alpha = alpha (D^T D)^+ + (1 - alpha) 1, which turns grad_theta C into -theta'.

    Symmetric, with the eigenvalues alpha / sigma_i^2 + 1 - alpha on ran D^T and 1 - alpha on ker D:
    positive definite for alpha < 1, and for alpha = 1 where D is injective.

    Parameters
    ----------
    jacobian : array, shape (QN, K)
        D, in any arithmetic.
    alpha : number from 0 to 1
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (K, K), in the arithmetic of D

    Raises
    ------
    ValueError
        When alpha is outside [0, 1].

    Notes
    -----
    Source: arXiv:2408.01517, (2.32), with (D^T D)^+ = D^+ (D^+)^T by (A.6)-(A.7).

    Examples
    --------
    >>> import numpy as np
    >>> parameter_operator(np.array([[2.0, 0.0]]), 0.5)
    array([[0.625, 0.   ],
           [0.   , 0.5  ]])
    """
    arithmetic = arithmetic_of(jacobian)
    weight, one = _weight(arithmetic, alpha), arithmetic.eye(jacobian.shape[1])
    inverse = pseudoinverse(jacobian, rank=rank).matrix()
    return weight * (inverse @ inverse.T) + (1 - weight) * one


def output_operator(jacobian: Array, alpha: Any, *, rank: int | None = None) -> Array:
    """Return B_alpha = alpha P + (1 - alpha) D D^T, which turns grad_x C into -x'.

    Symmetric and positive semidefinite; its range is that of D for every alpha. On this range its
    inverse is the metric for which x' is minus the gradient of the cost.

    Parameters
    ----------
    jacobian : array, shape (QN, K)
        D, in any arithmetic.
    alpha : number from 0 to 1
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (QN, QN), in the arithmetic of D

    Raises
    ------
    ValueError
        When alpha is outside [0, 1].

    Notes
    -----
    Source: arXiv:2408.01517, (2.39) and (2.41).

    Examples
    --------
    >>> import numpy as np
    >>> output_operator(np.array([[2.0], [0.0]]), 0.5)
    array([[2.5, 0. ],
           [0. , 0. ]])
    """
    weight = _weight(arithmetic_of(jacobian), alpha)
    projector = pseudoinverse(jacobian, rank=rank).range_projector()
    return weight * projector + (1 - weight) * (jacobian @ jacobian.T)


def output_velocity(problem: Problem, theta: Array, alpha: Any, *, rank: int | None = None) -> Array:
    """Return x' = -(alpha P + (1 - alpha) D D^T) grad_x C, what the flow of alpha does to the outputs.

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)
    alpha : number from 0 to 1
        0 for the standard flow seen in output space, 1 for the constrained Euclidean flow.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (QN,)

    Raises
    ------
    ValueError
        When alpha is outside [0, 1].

    Notes
    -----
    Source: arXiv:2408.01517, (2.40)-(2.41). It depends on theta, not on x alone.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Dataset, Network, homotopy_field
    >>> problem = Problem(Network([1, 1], "tanh"), Dataset.regression(np.eye(1), np.array([[6.0]])))
    >>> output_velocity(problem, np.zeros(2), 0.5)
    array([9.])
    >>> problem.linearize(np.zeros(2)).push(homotopy_field(0.5)(problem, np.zeros(2)))
    array([9.])
    """
    at = problem.linearize(theta)
    gradient = problem.cost.gradient(problem.data, at.stacked)
    weight = _weight(at.arithmetic, alpha)
    inverse = pseudoinverse(at.jacobian(), rank=rank)
    projected = inverse.range_basis @ (inverse.range_dual @ gradient)
    return -(weight * projected + (1 - weight) * at.push(at.pull(gradient)))


def relaxation_rates(inverse: Pseudoinverse, alpha: Any) -> Array:
    """Return alpha + (1 - alpha) sigma_i^2, the eigenvalues of B_alpha on the range of D.

    Along the left singular vectors of D the outputs follow their gradient at these rates. Their ratio
    is the stiffness of the flow; for the cost |x - y|^2 / (2N), Euler steps at this theta are stable up
    to 2N over the largest.

    Parameters
    ----------
    inverse : Pseudoinverse
        Of D.
    alpha : number from 0 to 1

    Returns
    -------
    array, shape (r,)
        In the order of the singular values.

    Raises
    ------
    ValueError
        When alpha is outside [0, 1], or the arithmetic knows no singular values.

    Notes
    -----
    Source: arXiv:2408.01517, (2.41) and (2.44).

    Examples
    --------
    >>> import numpy as np
    >>> inverse = pseudoinverse(np.diag([100.0, 1.0, 0.0]))
    >>> [float(np.divide(*relaxation_rates(inverse, alpha))) for alpha in (0, 0.5, 1)]
    [10000.0, 5000.5, 1.0]
    """
    if inverse.singular_values is None:
        raise ValueError(
            f"got a pseudoinverse in {inverse.arithmetic.name} arithmetic, which has no singular "
            "values; expected float32, float64 or multiprecision"
        )
    squares = inverse.singular_values[: inverse.rank] ** 2
    weight = _weight(inverse.arithmetic, alpha)
    return weight + (1 - weight) * squares
