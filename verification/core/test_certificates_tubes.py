"""Tubes around a piece of an orbit: bounds of its defect and of the growth of errors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flint", reason="extra `rigorous` is absent")

from geomdl.certificates import tubes
from geomdl.certificates.collocation import Piece, collocate
from verification.core.certified import EXCLUSIVE_OR


def a_piece(length: float = 2.0**-6) -> tuple[tubes.Lift, Piece]:
    theta = EXCLUSIVE_OR.network.random_theta(4)
    error = EXCLUSIVE_OR.stacked(theta) - EXCLUSIVE_OR.data.stacked_targets
    piece = collocate(EXCLUSIVE_OR, theta, error, length, 12)
    assert piece is not None
    return tubes.Lift(EXCLUSIVE_OR, tubes.point(error), 12), piece


def test_the_defect_bound_covers_errors_that_were_put_in() -> None:
    lift, piece = a_piece()
    bound = lift.bound(piece, 1e-9)
    assert bound is not None
    assert bound.defect < 1e-10
    for degree in (1, 5, 12):
        wrong = piece.theta.copy()
        wrong[degree, 3] += 1e-6
        found = lift.bound(replace(piece, theta=wrong), 1e-9)
        assert found is not None
        # the velocity is wrong by degree * 1e-6 u^(degree - 1), all of it normal or tangential
        assert found.defect > 0.9e-6


def test_the_growth_bound_covers_the_logarithmic_norms_in_the_tube() -> None:
    lift, piece = a_piece()
    generator = np.random.default_rng(0)
    for radius in (1e-9, 1e-3):
        bound = lift.bound(piece, radius)
        assert bound is not None
        norms = []
        for u in np.linspace(-1, 1, 9):
            theta = np.polynomial.polynomial.polyval(u, piece.theta)
            noise = generator.standard_normal(len(theta))
            norms.append(logarithmic_norm(theta + radius * noise / np.linalg.norm(noise), piece.half))
            jacobian = EXCLUSIVE_OR.linearize(theta).jacobian()
            assert bound.sigma_lower <= np.linalg.svd(jacobian, compute_uv=False)[-1]
        assert np.trapezoid(np.maximum(norms, 0), np.linspace(-1, 1, 9)) <= bound.growth


def logarithmic_norm(theta: np.ndarray, half: float) -> float:
    """Largest eigenvalue of the symmetric part of the field's derivative, by central differences."""
    start = EXCLUSIVE_OR.network.random_theta(4)
    error = half * (EXCLUSIVE_OR.stacked(start) - EXCLUSIVE_OR.data.stacked_targets)

    def field(at: np.ndarray) -> np.ndarray:
        return -np.linalg.pinv(EXCLUSIVE_OR.linearize(at).jacobian()) @ error

    step = 1e-6
    columns = [
        (field(theta + step * unit) - field(theta - step * unit)) / (2 * step)
        for unit in np.eye(len(theta))
    ]
    derivative = np.array(columns).T
    return float(np.linalg.eigvalsh((derivative + derivative.T) / 2)[-1])


def test_a_wider_tube_is_never_cheaper() -> None:
    lift, piece = a_piece()
    bounds = [lift.bound(piece, radius) for radius in (1e-12, 1e-6, 1e-3)]
    growths = [bound.growth for bound in bounds if bound is not None]
    assert len(growths) == 3
    assert growths == sorted(growths)


def a_long_piece(order: int) -> tuple[tubes.Lift, Piece, float]:
    """Return a cubic over a long interval, expanded to low order, with the largest defect measured."""
    lift, piece = a_piece(2.0**-4)
    lift = tubes.Lift(EXCLUSIVE_OR, lift.drive, order)
    piece = replace(piece, theta=piece.theta[:4].copy(), multiplier=piece.multiplier[:4].copy())
    return lift, piece, max(defect_at(piece, u) for u in np.linspace(-1, 1, 41))


@pytest.mark.parametrize("order", [1, 2, 4, 12])
def test_the_defect_bound_holds_at_every_order_of_expansion(order: int) -> None:
    lift, piece, worst = a_long_piece(order)
    bound = lift.bound(piece, 1e-12)
    assert bound is not None
    assert worst <= bound.defect <= (1e4 if order == 1 else 100) * worst


def test_a_dropped_remainder_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    lift, piece, worst = a_long_piece(1)
    expand = tubes.Lift._expand

    def without_remainder(self: tubes.Lift, longer: int, *parts: Any) -> dict[str, np.ndarray]:
        return {name: value * (1 - longer) for name, value in expand(self, longer, *parts).items()}

    monkeypatch.setattr(tubes.Lift, "_expand", without_remainder)
    bound = lift.bound(piece, 1e-12)
    assert bound is not None
    assert bound.defect < worst


def test_a_higher_order_gives_a_tighter_tube() -> None:
    theta = EXCLUSIVE_OR.network.random_theta(4)
    error = EXCLUSIVE_OR.stacked(theta) - EXCLUSIVE_OR.data.stacked_targets
    defects = []
    for order in (3, 6, 12):
        piece = collocate(EXCLUSIVE_OR, theta, error, 2.0**-6, order)
        assert piece is not None
        bound = tubes.Lift(EXCLUSIVE_OR, tubes.point(error), order).bound(piece, 1e-6)
        assert bound is not None
        defects.append(bound.defect)
    assert defects[1] < defects[0] / 100
    assert defects[2] < defects[1] / 100


def defect_at(piece: Piece, u: float) -> float:
    start = EXCLUSIVE_OR.network.random_theta(4)
    error = piece.half * (EXCLUSIVE_OR.stacked(start) - EXCLUSIVE_OR.data.stacked_targets)
    theta = np.polynomial.polynomial.polyval(u, piece.theta)
    slope = np.polynomial.polynomial.polyval(
        u, piece.theta[1:] * np.arange(1, len(piece.theta))[:, None]
    )
    field = -np.linalg.pinv(EXCLUSIVE_OR.linearize(theta).jacobian()) @ error
    return float(np.linalg.norm(slope - field))
