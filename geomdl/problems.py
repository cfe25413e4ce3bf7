"""A training problem: a network, its data and a cost; the cost as a function of theta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geomdl.arithmetic import Arithmetic, Array
from geomdl.costs import LEAST_SQUARES, Cost
from geomdl.data import Dataset
from geomdl.jacobians import Linearization, check_inputs, linearize, outputs
from geomdl.networks import Network


@dataclass(frozen=True, eq=False)
class Problem:
    """A network that is trained on data for a cost.

    Parameters
    ----------
    network : Network
    data : Dataset
    cost : Cost, optional
        The cost |x - y|^2 / (2N) by default.

    Raises
    ------
    ValueError
        When inputs or targets do not fit the widths of the network.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset.regression(np.array([[3.0]]), np.array([[9.0]]))
    >>> problem = Problem(Network([1, 1], "tanh"), data)
    >>> float(problem.value(np.array([2.0, 1.0])))
    2.0
    """

    network: Network
    data: Dataset
    cost: Cost = LEAST_SQUARES

    def __post_init__(self) -> None:
        check_inputs(self.network, self.data.inputs)
        if self.data.targets.shape[1] != self.network.outputs:
            raise ValueError(
                f"got targets of dimension {self.data.targets.shape[1]}; expected "
                f"{self.network.outputs}, the last of the widths {list(self.network.widths)}"
            )

    @property
    def equations(self) -> int:
        """The dimension QN of output space."""
        return self.data.size * self.network.outputs

    @property
    def regime(self) -> str:
        """``overparametrized`` (K > QN), ``borderline`` (K = QN) or ``underparametrized``."""
        excess = self.network.parameter_count - self.equations
        return "borderline" if excess == 0 else ("over" if excess > 0 else "under") + "parametrized"

    def linearize(self, theta: Array) -> Linearization:
        """Evaluate the network on the inputs, ready for products with the Jacobian D[theta]."""
        return linearize(self.network, theta, self.data.inputs)

    def stacked(self, theta: Array) -> Array:
        """Return the stacked outputs x[theta], shape (QN,)."""
        return outputs(self.network, theta, self.data.inputs).reshape(-1)

    def value(self, theta: Array) -> Any:
        """Return the cost C[x[theta]]."""
        return self.cost.value(self.data, self.stacked(theta))

    def gradient(self, theta: Array) -> Array:
        """Return the gradient of the cost in theta, D^T grad_x C, shape (K,)."""
        at = self.linearize(theta)
        return at.pull(self.cost.gradient(self.data, at.stacked))

    def to(self, arithmetic: Arithmetic) -> Problem:
        """Convert the data to another arithmetic."""
        return Problem(self.network, self.data.to(arithmetic), self.cost)
