"""Geometry of gradient flows in deep learning: Jacobians, pseudoinverses, flows.

Where to begin:

============================================  ===========================================================
``Network``, ``Dataset``, ``Problem``         a fully connected network, its data, both with a cost
``linearize``                                 D[theta], formed or not: Jacobian, Gram matrix, products
``pseudoinverse``, ``solve``                  D^+ by one rule for the rank; D^+ r without forming D
``integrate``, ``adapted_field``, ...         orbits of gradient flows, with events and a status
``cost_hessian``, ``jacobian_derivative``     exact second derivatives
``get_arithmetic``, ``Problem.to``            the same formulas in float32, with 50 digits, in balls,
                                              over the rationals, in torch
:mod:`geomdl.sequential`                      networks of zero cost from data alone
:mod:`geomdl.certificates`                    statements about one network that are proved
============================================  ===========================================================

theta is one flat vector: layer by layer, the weight matrix row by row, then the bias. Outputs, and so
the rows of D, are stacked sample by sample.

The distribution is called ``geomdl-verify``. On PyPI the name ``geomdl`` belongs to an unrelated
library for B-splines (NURBS-Python), with the same import name; both cannot be installed together.
"""

from pathlib import Path as _Path

if (_Path(__file__).parent / "NURBS.py").exists():
    raise ImportError(
        "the folder of geomdl holds files of another project: the B-spline library that is called "
        "geomdl on PyPI was installed into the same place. Uninstall both and install this one again: "
        "pip uninstall geomdl geomdl-verify"
    )

from geomdl.activations import ACTIVATIONS, Activation, get_activation
from geomdl.arithmetic import FLOAT32, FLOAT64, RATIONAL, arithmetic_of, get_arithmetic
from geomdl.costs import CLASS_WEIGHTED, LEAST_SQUARES, MEAN_SQUARE, Cost
from geomdl.data import Dataset, load_real_data
from geomdl.flows import (
    Event,
    Orbit,
    adapted_field,
    blow_up,
    cost_reaches,
    homotopy_field,
    integrate,
    rank_loss,
    standard_field,
)
from geomdl.inverses import FormedPseudoinverse, form_pseudoinverse
from geomdl.jacobians import Linearization, linearize, outputs
from geomdl.networks import Network
from geomdl.problems import Problem
from geomdl.pseudoinverses import GramSolution, Pseudoinverse, pseudoinverse, solve_by_gram
from geomdl.second_derivatives import cost_hessian, jacobian_derivative, range_bundle_brackets
from geomdl.solves import Solution, solve

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "CLASS_WEIGHTED",
    "FLOAT32",
    "FLOAT64",
    "LEAST_SQUARES",
    "MEAN_SQUARE",
    "RATIONAL",
    "Activation",
    "Cost",
    "Dataset",
    "Event",
    "FormedPseudoinverse",
    "GramSolution",
    "Linearization",
    "Network",
    "Orbit",
    "Problem",
    "Pseudoinverse",
    "Solution",
    "adapted_field",
    "arithmetic_of",
    "blow_up",
    "cost_hessian",
    "cost_reaches",
    "form_pseudoinverse",
    "get_activation",
    "get_arithmetic",
    "homotopy_field",
    "integrate",
    "jacobian_derivative",
    "linearize",
    "load_real_data",
    "outputs",
    "pseudoinverse",
    "range_bundle_brackets",
    "rank_loss",
    "solve",
    "solve_by_gram",
    "standard_field",
]
