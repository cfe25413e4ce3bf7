"""Scenes and points: reproducible, the same numbers in every column, ranks inside their window."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from geomdl import Problem
from verification import scenes
from verification.machinery.columns import (
    ALGEBRAIC,
    FLOAT32,
    FLOAT64,
    MP50,
    ORBITS,
    POINTWISE,
    PROFILES,
    RATIONAL,
    seeds_of,
)
from verification.machinery.plugin import DEFAULT_SEED
from verification.machinery.points import RANK_CUT, Scene
from verification.scenes.matrices import matrix_scene
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, network_scene

LARGEST = 40_000
"""Entries of D up to which a scene is looked at here."""


def scene_modules() -> Iterator[str]:
    """Names of the modules that define scenes."""
    yield from (f"verification.scenes.{module.name}" for module in pkgutil.iter_modules(scenes.__path__))


def all_scenes() -> list[Scene]:
    """Every distinct scene object that a module of scenes names, alone or in a tuple."""
    found: dict[int, Scene] = {}
    for name in scene_modules():
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        for value in vars(module).values():
            for entry in value if isinstance(value, tuple | list) else [value]:
                if isinstance(entry, Scene):
                    found[id(entry)] = entry
    return list(found.values())


SCENES = all_scenes()
SMALL = [
    scene
    for scene in SCENES
    # drawing these takes seconds (a minimization, large data); their own checks draw them anyway
    if scene.profile == "quick"
    and not scene.facts & {"large", "real data"}
    and not scene.name.startswith(("polished", "clusters-32"))
]
PROMISES = frozenset({"full rank", "rank lost", "injective", "constant rank"})


def test_the_names_of_scenes_are_unique_over_all_modules() -> None:
    repeated = [name for name, count in Counter(scene.name for scene in SCENES).items() if count > 1]
    assert not repeated
    assert len(SCENES) > 20


def test_scenes_run_in_a_known_profile_and_have_readable_names() -> None:
    for scene in SCENES:
        assert scene.profile in PROFILES
        assert scene.name.isascii()
        assert not set(scene.name) & set(" '\"[]:\\")


RANKED = [scene for scene in SMALL if scene.facts & PROMISES]


@pytest.mark.parametrize("scene", RANKED, ids=lambda scene: scene.name)
def test_a_scene_that_promises_a_rank_keeps_its_window_and_its_word(scene: Scene) -> None:
    for seed in range(DEFAULT_SEED, DEFAULT_SEED + 3):
        at = scene.at(FLOAT64, seed)
        jacobian = np.asarray(at.D, dtype=np.float64)
        if jacobian.size > LARGEST:
            pytest.skip("a large scene")
        sigma = np.linalg.svd(jacobian, compute_uv=False)
        relative = sigma / sigma[0] if sigma[0] else sigma
        assert not np.any((relative > 1e-12) & (relative < 1e-3)), "a singular value inside the window"
        assert at.rank == int(np.sum(relative >= 1e-3))
        rows, columns = jacobian.shape
        promises = {
            "full rank": at.rank == rows,
            "rank lost": at.rank < min(rows, columns),
            "over": columns > rows,
            "under": columns < rows,
            "borderline": columns == rows,
            "injective": at.rank == columns,
        }
        for fact in scene.facts & promises.keys():
            assert promises[fact], fact


@pytest.mark.parametrize("scene", SMALL, ids=lambda scene: scene.name)
def test_a_seed_reproduces_a_scene(scene: Scene) -> None:
    first, again = (scene.draw(np.random.default_rng(5)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        if isinstance(one, Problem):
            assert np.array_equal(one.data.inputs, other.data.inputs)
            assert np.array_equal(one.data.targets, other.data.targets)
        else:
            assert np.array_equal(one, other)


def test_seeds_and_names_give_different_numbers() -> None:
    scene = FULL_RANK[0]
    twin = Scene("twin", scene.draw)
    thetas = [place.at(FLOAT64, seed).theta for place, seed in ((scene, 1), (scene, 2), (twin, 1))]
    assert not np.array_equal(thetas[0], thetas[1])
    assert not np.array_equal(thetas[0], thetas[2])


@pytest.mark.parametrize(
    "scene", [FULL_RANK[0], FULL_RANK_EXACT[0], RANK_LOST[1]], ids=lambda scene: scene.name
)
@pytest.mark.parametrize("column", [*ALGEBRAIC, *ORBITS], ids=lambda column: column.name)
def test_a_scene_is_the_same_in_every_column_up_to_rounding(scene: Scene, column: object) -> None:
    if not scene.runs_in(column):  # type: ignore[arg-type]
        pytest.skip("the scene is not exact")
    reference, at = scene.at(FLOAT64, 3), scene.at(column, 3)  # type: ignore[arg-type]
    for wanted, found in (
        (reference.theta, at.theta),
        (reference.problem.data.inputs, at.problem.data.inputs),
        (reference.problem.data.targets, at.problem.data.targets),
        (reference.random(7), at.random(7)),
        (reference.random(2, 3), at.random(2, 3)),
    ):
        rounded = at.arithmetic.to_float64(at.arithmetic.array(wanted))
        assert np.array_equal(at.arithmetic.to_float64(found), rounded)
    assert np.allclose(at.arithmetic.to_float64(at.D), reference.D, rtol=1e-5, atol=1e-5)
    assert at.rank == reference.rank
    assert (at.N, at.size) == (reference.N, reference.size)


def test_random_numbers_of_a_point_are_exact_in_single_precision() -> None:
    numbers = FULL_RANK[0].at(FLOAT64, 1).random(100)
    assert np.array_equal(numbers, numbers.astype(np.float32))
    assert len(np.unique(numbers)) > 50


def test_only_exact_scenes_run_in_exact_columns() -> None:
    assert FULL_RANK_EXACT[0].runs_in(RATIONAL)
    assert not FULL_RANK[0].runs_in(RATIONAL)
    assert all(FULL_RANK[0].runs_in(column) for column in POINTWISE)


def test_a_scene_that_cannot_keep_its_promise_says_so() -> None:
    impossible = network_scene([2, 1], "tanh", 5, rank=5)
    with pytest.raises(RuntimeError, match=f"scene {impossible.name}: no draw of .* has rank 5"):
        impossible.at(FLOAT64, 0).theta  # noqa: B018


def test_a_plain_matrix_has_no_network_and_columns_without_tolerance_no_orbit() -> None:
    at = matrix_scene(2, 3, 1).at(MP50, 0)
    assert at.is_matrix
    assert at.rank == 1
    with pytest.raises(TypeError, match="scene matrix-2x3-rank1 is a plain matrix and has no network"):
        at.problem  # noqa: B018
    with pytest.raises(TypeError, match="column float64 has no tolerance; use the columns ORBITS"):
        FULL_RANK[0].at(FLOAT64, 0).orbit(end=1)


def test_orbits_are_shared_and_end_in_units_of_the_number_of_samples() -> None:
    scene, column = FULL_RANK[0], ORBITS[1]
    first, again = (scene.at(column, 1).orbit(end=0.5) for _ in range(2))
    assert first is again
    assert first.times[-1] == 0.5 * first.problem.data.size
    assert scene.at(column, 2).orbit(end=0.5) is not first
    assert scene.at(ORBITS[2], 1).orbit(end=0.5) is not first


def test_the_cut_of_ranks_is_clear_of_the_window_and_of_single_precision_noise() -> None:
    assert 1e-12 < FLOAT32.arithmetic.unit_roundoff * 100 < RANK_CUT < 1e-3


@pytest.mark.parametrize("column", [*ALGEBRAIC, *ORBITS], ids=lambda column: column.name)
def test_deeper_profiles_run_more_seeds(column: object) -> None:
    counts = [seeds_of(column, profile) for profile in PROFILES]  # type: ignore[arg-type]
    assert counts == sorted(counts)
    assert counts[1] > 0
