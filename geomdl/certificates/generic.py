r"""From one theta to almost every theta: genericity of full rank, as a theorem.

Theorem (zero-one law). Let the activation be real-analytic on the line. Then every minor of D[theta] is
a real-analytic function on the connected set R^K, hence vanishes identically or on a closed set of
measure zero. If D has rank QN at ONE theta, it has rank QN at almost every theta: with probability 1 for
every law of theta with a density. For a piecewise linear activation this is true within one activation
region only, so that it is refused here.

Theorem (one certificate, many architectures). Let D of the network M - h - Q, with one hidden layer and
a real-analytic activation s that is not constant, have rank QN somewhere on given inputs. Then D has
rank QN almost everywhere, on the same inputs, for every network with a hidden layer of width >= h,
before which all hidden layers have width >= min(M, h) and after which all have width >= min(h, Q).

Proof. (Wider.) New neurons with zero outgoing weights change neither the outputs nor the derivatives in
the old parameters: the old D is a block of columns of the new one. (Deeper.) Between activations a and
pre-activations z = W a + c insert s(beta + eps U a), with s'(beta) != 0, followed by V/(eps s'(beta))
and the bias c - V s(beta)/(eps s'(beta)), where V U = W. As eps -> 0 the new network converges to the
old one, with its derivatives, on compact sets of (U, V, c) and the other parameters. If the new layer is
as wide as a, take U = 1 (padded with zeros), V = W; if it is as wide as z, take V = 1, U = W: either way
moving V or U moves W in every direction. So rank D of the new network is at least QN for small eps,
somewhere, and by the zero-one law almost everywhere. Repeat, layer by layer, with widths min(M, h) below
and min(h, Q) above, and widen in the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from geomdl.certificates.enclosures import check_enclosed
from geomdl.certificates.exact import LOGARITHMIC, SPREAD, certify_exact_rank
from geomdl.certificates.rank import certify_rank
from geomdl.certificates.result import Certificate
from geomdl.certificates.structure import count, rank_upper_bound, why_deficient
from geomdl.networks import Network
from geomdl.problems import Problem

Progress = Callable[[str], None]

DRAWS = 3
ZERO_ONE = "a real-analytic function on R^K that is not zero vanishes on a set of measure zero only"


def certify_generic(
    problem: Problem,
    theta: np.ndarray | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Certificate:
    """Prove that D[theta] has rank QN for almost every theta, or that it has it nowhere.

    Parameters
    ----------
    problem : Problem
        In float64, with a real-analytic activation.
    theta : ndarray, shape (K,), optional
        Where to look for full rank. By default parameters are drawn: rational ones with an exact rank
        where the activation allows it, floats otherwise; and a deep network is reduced to the network
        with one hidden layer of the module's second theorem where it can be.
    seed : int
        Of the draw.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    Certificate
        ``proved``, with ``lower`` = ``upper`` = QN the rank almost everywhere; ``refuted`` when
        structure keeps the rank below QN at every theta (``upper`` is that bound), else ``unknown``.

    Raises
    ------
    ValueError
        For an activation that is not real-analytic.

    Examples
    --------
    >>> from geomdl import Dataset
    >>> data = Dataset.regression(np.array([[-1.0], [0.5], [2.0]]), np.zeros((3, 1)))
    >>> certify_generic(Problem(Network([1, 3, 1], "tanh"), data)).status
    'proved'
    >>> certify_generic(Problem(Network([1, 3, 1], "relu"), data))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: got the activation relu, which is not real-analytic: full rank at one theta says ...
    """
    network = problem.network
    if not network.activation.analytic:
        raise ValueError(
            f"got the activation {network.activation.name}, which is not real-analytic: full rank at "
            "one theta says nothing beyond its activation region; certify_rank proves it at a theta"
        )
    check_enclosed(network.activation)
    begin, equations = time.perf_counter(), problem.equations
    statement = (
        f"the Jacobian D[theta] of {network} on {problem.data.size} inputs has rank QN = {equations} "
        f"for almost every theta in R^{network.parameter_count}"
    )
    upper = rank_upper_bound(network, problem.data.inputs)
    if upper < equations:
        return Certificate(
            statement, "refuted", 0, upper, method="structure bounds the rank at every theta",
            details={"structure": why_deficient(network, problem.data.inputs)},
        )  # fmt: skip
    core = problem if theta is not None else one_hidden_layer(problem)
    found = _somewhere(core, theta, seed, progress)
    words = found.method
    if core is not problem:
        words = f"{found.method}, for {core.network}; wider and deeper networks inherit it"
    return Certificate(
        statement,
        "proved" if found.proved else "unknown",
        found.lower if found.proved else 0,
        equations,
        bounds=found.bounds if core is problem else {},
        method=f"zero-one law from one theta: {words}",
        assumptions=(*found.assumptions, ZERO_ONE),
        details={
            "at_one_theta": found.statement,
            "extends_to": extension(core.network) if found.proved else "",
            "seconds": round(time.perf_counter() - begin, 3),
        },
    )


def _somewhere(
    problem: Problem, theta: np.ndarray | None, seed: int, progress: Progress | None
) -> Certificate:
    """Certify the rank at the given theta, or at the first of a few where that succeeds."""
    if theta is not None:
        return certify_rank(problem, theta, progress=progress)
    network = problem.network
    logarithmic = network.activation.name in LOGARITHMIC and len(network.widths) == 3
    found = Certificate("", "unknown")
    for draw in range(DRAWS):
        point = network.random_theta(seed + draw)
        if network.activation.rational or logarithmic:
            at = np.exp(SPREAD * point) if logarithmic else point
            found = certify_exact_rank(
                problem, at, logarithmic=logarithmic, relations=False, progress=progress
            )
        else:
            found = certify_rank(problem, point, progress=progress)
        if found.proved:
            break
    return found


def one_hidden_layer(problem: Problem) -> Problem:
    """Return a problem M - h - Q whose full rank implies that of a deep one, or the problem itself.

    The widest hidden layer that the layers before and after it allow (second theorem of the module).
    """
    inputs, *hidden, outputs = problem.network.widths
    fit = [
        wide
        for index, wide in enumerate(hidden)
        if all(other >= min(inputs, wide) for other in hidden[:index])
        and all(other >= min(wide, outputs) for other in hidden[index + 1 :])
    ]
    if len(hidden) < 2 or not fit:
        return problem
    core = Network([inputs, max(fit), outputs], problem.network.activation)
    if rank_upper_bound(core, problem.data.inputs) < problem.equations:
        return problem
    return replace(problem, network=core)


def extension(network: Network) -> str:
    """Say which other architectures inherit full rank from a network; empty if none is known."""
    if len(network.widths) < 3:
        return ""
    if len(network.widths) > 3:
        return "every network of the same depth with hidden layers at least as wide"
    inputs, hidden, outputs = network.widths
    return (
        f"every network with a hidden layer of width >= {hidden}, hidden layers of width >= "
        f"{min(inputs, hidden)} before and of width >= {min(hidden, outputs)} after it"
    )


def smallest_width(inputs: np.ndarray, outputs: int, activation: str) -> int | None:
    """Return the smallest h for which structure allows rank QN to M - h - Q; None if none does.

    Parameters
    ----------
    inputs : ndarray, shape (N, M)
        Without repetitions.
    outputs : int
        Q.
    activation : str
    """

    def allowed(hidden: int) -> bool:
        network = Network([inputs.shape[1], hidden, outputs], activation)
        return counts.bound(network) >= equations

    equations = outputs * len(inputs)
    counts = count(inputs)
    low, high = 0, equations + 1
    if not allowed(high):
        return None
    while high - low > 1:  # the bound grows with the width
        middle = (low + high) // 2
        low, high = (low, middle) if allowed(middle) else (middle, high)
    return high
