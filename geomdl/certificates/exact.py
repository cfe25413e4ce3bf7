r"""Exact rank of D[theta] for networks with rational values.

A float is a rational number, so a network with a rational activation (ReLU, leaky ReLU, square,
serpentine, identity) has a rational Jacobian at every theta, and its rank modulo a prime is a certified
lower bound. Forward and backward pass run modulo the prime too; only on which side of a kink a
pre-activation lies needs real numbers: enclosures tell, exact rationals where these do not.

The hyperbolic tangent and the sigmoid become rational with logarithms for weights. With one hidden
layer, inputs that are integer multiples x = k / s of one 1/s, and positive rationals r for the first
layer, R = r_0 prod r_i^(k_i),

    W_1 = (s/2) log r,  b_1 = (1/2) log r_0:    tanh(W_1 x + b_1) = (R - 1)/(R + 1),

and W_1 = s log r, b_1 = log r_0 give the sigmoid R/(R + 1). Floats are integer multiples of a power of
two; the exponents may be huge, but modulo a prime only their residues modulo p - 1 count.

Upper bounds come from structure, and where that is not enough from exact relations: with rows I and
columns J of a nonsingular submatrix, rank D is |I| if and only if every other row is the combination
Y D_I of these, Y D_(I,J) = D_(.,J); Y is solved for and the identity checked over the rationals.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from geomdl.arithmetic import RATIONAL, Array, arithmetic_of
from geomdl.certificates.enclosures import ENCLOSED, enclose
from geomdl.certificates.modular import (
    PRIMES,
    BadPrimeError,
    ModularRank,
    balanced,
    inverses,
    modular_rank,
    power,
    product,
    residues,
    times,
)
from geomdl.certificates.result import Certificate
from geomdl.certificates.structure import distinct_inputs, rank_upper_bound, why_deficient
from geomdl.jacobians import linearize
from geomdl.memory import require_bytes
from geomdl.networks import Layers, Network
from geomdl.problems import Problem

Progress = Callable[[str], None]

RELATIONS_LIMIT = 4e5
"""Entries of D beyond which exact relations are not looked for (minutes, with long fractions)."""

ELIMINATIONS = 2

LOGARITHMIC = ("tanh", "sigmoid")
SPREAD = 0.1
"""Random bases of logarithmic weights are exp(SPREAD w), with w as in Network.random_theta."""

ASSUMPTION = "integers below 2^53 are added and multiplied exactly by IEEE 754 float64 operations"


def certify_exact_rank(
    problem: Problem,
    theta: Array,
    *,
    logarithmic: bool = False,
    relations: bool = True,
    primes: tuple[int, ...] = PRIMES,
    progress: Progress | None = None,
) -> Certificate:
    """Prove the rank of D[theta] by exact arithmetic.

    Parameters
    ----------
    problem : Problem
        With a rational activation, or tanh or sigmoid with ``logarithmic``; data in float64 or
        rationals, taken as exact.
    theta : array, shape (K,), float64 or rational
        With ``logarithmic``, the entries of the first layer are the positive rationals r, r_0 of the
        module's text, and the network has their logarithms for weights.
    logarithmic : bool
    relations : bool
        Whether to look for exact relations between rows when the bounds differ; they hold at this
        theta only, and may take minutes.
    primes : tuple of int
        Tried in turn until the lower bound meets the upper one, or :data:`ELIMINATIONS` are done: many
        values make it likely that a denominator vanishes modulo one of them.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    Certificate
        ``lower`` and ``upper`` enclose the rank; the statement is that it is min(K, QN).

    Raises
    ------
    ValueError
        For an activation whose values are not rational, or logarithmic weights with another than one
        hidden layer or with entries <= 0.

    Examples
    --------
    A repeated input makes D exactly deficient, whatever the number of parameters:

    >>> from geomdl import Dataset
    >>> inputs = np.array([[1.0, 2.0], [0.5, -1.0], [1.0, 2.0]])
    >>> problem = Problem(Network([2, 8, 2], "relu"), Dataset.regression(inputs, np.zeros((3, 2))))
    >>> found = certify_exact_rank(problem, problem.network.random_theta(0))
    >>> found.status, found.lower, found.upper
    ('refuted', 4.0, 4.0)
    """
    network, begin = problem.network, time.perf_counter()
    _check(network, theta, problem.data.inputs, logarithmic)
    distinct = distinct_inputs(problem.data.inputs).inputs
    upper = rank_upper_bound(network, problem.data.inputs)
    rows = network.outputs * len(distinct)
    require_bytes(
        8.0 * rows * (rows + 3.0 * sum(network.widths[1:-1])),
        what=f"elimination of order {rows}",
        instead="take fewer samples",
    )
    best, used = ModularRank(0, (), ()), []
    signs = None if logarithmic else _signs(network, theta, distinct)
    for prime in primes:
        try:
            layers = _residues_of_layers(network, theta, prime)
            passed = (
                _logarithmic_pass(network, layers, distinct, prime)
                if logarithmic
                else _rational_pass(network, layers, distinct, signs, prime)
            )
            found = modular_rank(_blocks(layers, *passed, prime), prime, rows=rows, progress=progress)
        except BadPrimeError:
            continue
        used.append(prime)
        best = max(best, found, key=lambda each: each.rank)
        if best.rank == upper or len(used) == ELIMINATIONS:
            break
    how = f"Gaussian elimination modulo {' and '.join(map(str, used))}"
    small = rows * network.parameter_count <= RELATIONS_LIMIT
    if relations and used and best.rank < upper and not logarithmic and small:
        if progress is not None:
            progress("relations between the rows, over the rationals")
        if _relations_hold(network, theta, distinct, best):
            upper, how = best.rank, how + ", and exact relations between the rows"
    full = min(problem.equations, network.parameter_count)
    return Certificate(
        statement=(
            f"the Jacobian D[theta] of {network} on {problem.data.size} inputs, QN x K = "
            f"{problem.equations} x {network.parameter_count}, has rank min(K, QN) = {full} at this "
            "theta" + (", whose first layer holds logarithms of rationals" if logarithmic else "")
        ),
        status="proved" if best.rank == full else "refuted" if upper < full else "unknown",
        lower=best.rank,
        upper=upper,
        method=how if used else "none: a denominator vanishes modulo every prime",
        assumptions=(ASSUMPTION,),
        details={
            "equations": problem.equations,
            "parameters": network.parameter_count,
            "distinct_inputs": len(distinct),
            "structure": why_deficient(network, problem.data.inputs) if upper < full else [],
            "seconds": round(time.perf_counter() - begin, 3),
        },
    )


def _check(network: Network, theta: Array, inputs: Array, logarithmic: bool) -> None:
    layers = network.layers(theta)
    for name, array in (("theta", theta), ("inputs", inputs)):
        if arithmetic_of(array).name not in ("float64", "float32", "rational"):
            raise TypeError(f"got {name} of another kind; expected float64 or rational numbers")
    if logarithmic:
        if network.activation.name not in LOGARITHMIC or len(layers) != 2:
            raise ValueError(
                f"got {network}; logarithmic weights expect one hidden layer of "
                f"{' or '.join(LOGARITHMIC)}"
            )
        if not all(np.all(part > 0) for part in layers[0]):
            raise ValueError("got entries <= 0 in the first layer; expected the positive rationals r")
    elif not network.activation.rational:
        raise ValueError(
            f"got the activation {network.activation.name}, whose values are not rational; expected "
            "relu, leaky_relu, square, serpentine or identity, or logarithmic=True for tanh and sigmoid"
        )


def _residues_of_layers(network: Network, theta: Array, prime: int) -> Layers:
    """Split the residues of theta; Network.layers expects an arithmetic, and float64 serves."""
    return network.layers(residues(np.asarray(theta), prime))


def _signs(network: Network, theta: Array, inputs: Array) -> list[np.ndarray]:
    """Tell for every pre-activation of a piecewise linear network whether it is positive."""
    if not network.activation.piecewise_linear:
        return []
    kind = arithmetic_of(theta)
    if kind is arithmetic_of(inputs) and kind.name == "float64" and network.activation.name in ENCLOSED:
        layers, signs = network.layers(theta), []
        at = enclose(network, theta, inputs)
        for (weight, bias), below in zip(layers[:-1], at.activations, strict=False):
            z = below @ type(below)(weight).T + type(below)(bias)
            if np.any(np.abs(z.mid) <= z.radius):
                break
            signs.append(z.mid > 0)
        else:
            return signs
    exact = linearize(network, RATIONAL.array(theta), RATIONAL.array(inputs))
    right = RATIONAL.number(1)
    return [np.asarray(slope) == right for slope in exact.slopes]


def _rational_pass(
    network: Network, layers: Layers, inputs: Array, signs: list[np.ndarray] | None, prime: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return activations and slopes modulo a prime."""
    activations, slopes = [residues(np.asarray(inputs), prime)], []
    hundredth = residues(np.array([Fraction(1, 100)], dtype=object), prime)[0]
    for index, (weight, bias) in enumerate(layers[:-1]):
        z = balanced(product(activations[-1], weight.T, prime) + bias, prime)
        match network.activation.name:
            case "identity":
                value, slope = z, np.ones_like(z)
            case "square":
                value, slope = times(z, z, prime), balanced(2 * z, prime)
            case "serpentine":
                r = inverses(balanced(1 + times(z, z, prime), prime), prime)
                value, slope = times(z, r, prime), times(r, balanced(2 * r - 1, prime), prime)
            case "relu" | "leaky_relu" as name:
                assert signs is not None
                slope = np.where(signs[index], 1.0, 0.0 if name == "relu" else hundredth)
                value = times(slope, z, prime)
            case other:
                raise ValueError(f"got the activation {other}, which has no form modulo a prime")
        activations.append(value)
        slopes.append(slope)
    return activations, slopes


def _logarithmic_pass(
    network: Network, layers: Layers, inputs: Array, prime: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return activations and slopes modulo a prime for weights that are logarithms of the bases."""
    bases, start = layers[0]
    if not (np.all(bases) and np.all(start)):
        raise BadPrimeError(f"a base vanishes modulo {prime}")
    exponents = _integer_multiples(inputs) % (prime - 1)
    products = np.broadcast_to(start, (len(inputs), len(bases))).copy()
    for column in range(exponents.shape[1]):
        powers = np.asarray(exponents[:, column], dtype=np.int64)
        distinct, places = np.unique(powers, return_inverse=True)
        table = power(bases[:, column][None, :], distinct[:, None], prime)
        products = times(products, table[places], prime)
    r = inverses(balanced(products + 1, prime), prime)
    p = times(products, r, prime)  # the sigmoid R/(R + 1); tanh is 2p - 1
    steep = times(p, balanced(1 - p, prime), prime)
    tanh = network.activation.name == "tanh"
    value = balanced(2 * p - 1, prime) if tanh else p
    slope = balanced(4 * steep, prime) if tanh else steep
    return [residues(np.asarray(inputs), prime), value], [slope]


def _integer_multiples(inputs: Array) -> np.ndarray:
    """Return k for the smallest s with inputs = k / s, as Python integers in an object array."""
    fractions = [Fraction(value) for value in np.asarray(inputs).ravel().tolist()]
    scale = math.lcm(*(fraction.denominator for fraction in set(fractions)))
    whole = np.empty(len(fractions), dtype=object)
    whole[:] = [int(fraction * scale) for fraction in fractions]
    return whole.reshape(np.shape(inputs))


def _blocks(
    layers: Layers, activations: list[np.ndarray], slopes: list[np.ndarray], prime: int
) -> Iterator[np.ndarray]:
    """Yield blocks of columns of D modulo a prime: the output layer, then hidden units, last first.

    Never all of D: the elimination stops asking once the rank is full.
    """
    samples, outputs = len(activations[0]), len(layers[-1][1])
    identity = np.eye(outputs)
    for below in (np.ones((samples, 1)), activations[-1]):
        block = below[:, None, None, :] * identity[None, :, :, None]
        yield block.reshape(samples * outputs, -1)
    delta: np.ndarray | None = None
    for index in range(len(slopes) - 1, -1, -1):
        weight = layers[index + 1][0]
        if delta is None:
            delta = times(weight[None, :, :], slopes[index][:, None, :], prime)
        else:
            flat = product(delta.reshape(samples * outputs, -1), weight, prime)
            delta = times(flat.reshape(samples, outputs, -1), slopes[index][:, None, :], prime)
        below = np.concatenate([activations[index], np.ones((samples, 1))], axis=1)
        for unit in range(delta.shape[2]):
            block = times(delta[:, :, unit, None], below[:, None, :], prime)
            yield block.reshape(samples * outputs, -1)


def _relations_hold(network: Network, theta: Array, inputs: Array, found: ModularRank) -> bool:
    """Check over the rationals that rank D is that of its nonsingular submatrix.

    Its rows span all rows, or, what is less work for fewer columns, its columns all columns.
    """
    exact = linearize(network, RATIONAL.array(theta), RATIONAL.array(inputs)).jacobian()
    # relations among few rows are found without knowing the order in which columns were eliminated
    rows = np.array(found.rows, dtype=np.int64)
    others = np.setdiff1d(np.arange(exact.shape[0]), rows)
    if not found.rank:
        return not np.any(np.asarray(exact) != 0)
    basis = exact[rows]
    columns = np.array(modular_rank(residues(np.asarray(basis), PRIMES[-1]), PRIMES[-1]).columns)
    if len(columns) < found.rank:
        return False
    square, right = basis[:, columns], exact[others][:, columns]
    factors = RATIONAL.solve(RATIONAL.array(square.T), RATIONAL.array(right.T)).T
    return bool(np.all(np.asarray(factors @ basis) == np.asarray(exact[others])))
