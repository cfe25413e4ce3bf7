"""`python -m geomdl certify` and the result type: exit codes, files, bad input, interrupted runs."""

import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from geomdl import Network, memory
from geomdl.arithmetic import missing_extra
from geomdl.certificates import Certificate, cli, rank, table
from geomdl.certificates.files import FileError, load_data, load_weights
from geomdl.certificates.result import _outward

pytestmark = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")

NETWORK = Network([4, 20, 3], "tanh")


def save_layers(path: Path, **changes: np.ndarray) -> Path:
    arrays: dict[str, np.ndarray] = {}
    for index, (weight, bias) in enumerate(NETWORK.layers(NETWORK.random_theta(0)), start=1):
        arrays |= {f"W{index}": weight, f"b{index}": bias}
    np.savez(path, **(arrays | changes))  # type: ignore[arg-type]
    return path


def test_exit_codes_tell_proved_refuted_and_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rank", "iris", "--samples", "12", "--hidden", "20"]) == 0
    assert capsys.readouterr().out.startswith(
        "PROVED: the Jacobian D[theta] of 4-20-3-tanh on 12 inputs"
    )
    assert cli.main(["generic", "iris", "--hidden", "90"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("REFUTED")
    assert "1 of 150 inputs repeat an earlier one" in out
    dead = ["rank", "iris", "--samples", "60", "--hidden", "2,60", "--activation", "relu", "--seed", "1"]
    assert cli.main(dead) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN")
    assert cli.main(["rank", "xor", "--hidden", "4", "--activation", "square", "--exact"]) == 0
    assert cli.main(["rank", "wine", "--hidden", "32", "--exact"]) == 0


def test_the_command_is_dispatched_and_writes_json(tmp_path: Path) -> None:
    target = tmp_path / "certificate.json"
    command = [sys.executable, "-m", "geomdl", "certify", "rank", "xor", "--hidden", "4"]
    done = subprocess.run([*command, "--json", str(target)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = Certificate.from_json(target.read_text(encoding="utf-8"))
    assert (found.status, found.lower, found.upper) == ("proved", 4, 4)
    assert found.bounds["sigma_min_lower"] > 0
    assert found.assumptions


def test_weights_come_from_files_of_layers_or_of_theta(tmp_path: Path) -> None:
    data = load_data("iris", 10)
    theta = NETWORK.random_theta(0)
    flat = tmp_path / "flat.npz"
    np.savez(flat, theta=theta, widths=np.array([4, 20, 3]), activation="sigmoid")
    problem, read = load_weights(flat, data, "tanh")
    assert str(problem.network) == "4-20-3-sigmoid"
    assert np.array_equal(read, theta)
    problem, read = load_weights(save_layers(tmp_path / "layers.npz"), data, "tanh")
    assert str(problem.network) == "4-20-3-tanh"
    assert np.array_equal(read, theta)
    single = theta.astype(np.float32)
    np.savez(flat, theta=single, widths=np.array([4, 20, 3]))
    assert np.array_equal(load_weights(flat, data, "tanh")[1], single)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"W1": np.ones((20, 5))}, "5 inputs and 3 outputs; the data have 4 features"),
        ({"W2": np.ones((3, 19))}, r"W2 has shape \(3, 19\).* expected .*M_1 = 20"),
        ({"b1": np.ones(7)}, r"b1 \(7,\); expected"),
        ({"W1": np.full((20, 4), np.nan)}, "W1 has 80 entries that are NaN or infinite"),
        ({"b2": np.array([1.0, np.inf, 0.0])}, "b2 has 1 entries that are NaN"),
        ({"b2": np.array([1j, 0, 0])}, "complex128; expected real numbers"),
        ({"b2": np.array([2**60 + 1, 0, 0])}, "float64 does not hold exactly"),
        ({"activation": np.array("swish")}, "got activation 'swish'"),
        ({"W3": np.ones((2, 3))}, "expected W1, b1, W2, b2"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, np.ndarray],
    message: str,
) -> None:
    path = save_layers(tmp_path / "weights.npz", **changes)
    with pytest.raises(ValueError, match=message):
        load_weights(path, load_data("iris", 10), "tanh")
    assert cli.main(["rank", "iris", "--weights", str(path)]) == 2
    assert capsys.readouterr().err.startswith("geomdl: ")


def test_files_that_are_no_archives_and_data_without_targets_are_named(tmp_path: Path) -> None:
    text = tmp_path / "text.npz"
    text.write_text("no archive", encoding="utf-8")
    with pytest.raises(FileError, match=r"cannot be read as an \.npz file"):
        load_weights(text, load_data("xor"), "tanh")
    with pytest.raises(FileError, match="there is no file"):
        load_data(str(tmp_path / "none.npz"))
    bare = tmp_path / "bare.npz"
    np.savez(bare, inputs=np.eye(3))
    with pytest.raises(FileError, match="either `labels` or `targets`"):
        load_data(str(bare))
    np.savez(bare, inputs=np.eye(3), labels=np.array([0, 1, 1]))
    assert load_data(str(bare)).targets.shape == (2, 2)
    with pytest.raises(ValueError, match="expected iris"):
        load_data("mnist")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "iris"], "--hidden"),
        (["rank", "iris", "--hidden", "20", "--activation", "swish"], "'swish'"),
        (["rank", "iris", "--hidden", "20", "--activation", "sin", "--exact"], "not rational"),
        (["generic", "iris", "--hidden", "20", "--activation", "relu"], "not real-analytic"),
        (["rank", "iris", "--hidden", "20", "--samples", "1000"], "samples=1000"),
    ],
)
def test_bad_usage_exits_with_2_and_says_what_to_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_memory_that_is_needed_is_said_before_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    assert cli.main(["rank", "digits", "--hidden", "1024"]) == 2
    said = capsys.readouterr().err
    assert "Gram matrix of 17970 equations needs" in said
    assert "1 GB are available: take fewer samples" in said


def test_an_interrupted_run_says_how_far_it_came_and_leaves_no_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rank.spectra, "factors_with_shift", interrupted)
    target = tmp_path / "certificate.json"
    assert cli.main(["rank", "iris", "--samples", "9", "--hidden", "9", "--json", str(target)]) == 130
    err = capsys.readouterr().err
    assert "at: Cholesky factorization of order 27" in err
    assert "nothing is proved" in err
    assert not target.exists()


def test_certificates_survive_json_and_refuse_nonsense() -> None:
    found = Certificate(
        "one third", "unknown", 1 / 3, math.inf, {"sigma_min_lower": 0.1, "condition_upper": math.inf},
        "none", ("nothing",), {"sizes": [1, 2]},
    )  # fmt: skip
    assert Certificate.from_json(found.to_json()) == found
    assert json.loads(found.to_json())["upper"] == "inf"
    with pytest.raises(ValueError, match="expected one of proved, refuted, unknown"):
        Certificate("", "true")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lower <= upper"):
        Certificate("", "proved", 2.0, 1.0)
    with pytest.raises(ValueError, match="NaN for sigma"):
        Certificate("", "proved", bounds={"sigma": math.nan})
    with pytest.raises(ValueError, match="no certificate"):
        Certificate.from_json('{"status": "proved"}')


def test_printed_numbers_are_rounded_outwards() -> None:
    generator = np.random.default_rng(0)
    for value in generator.standard_normal(300) * 10.0 ** generator.integers(-12, 12, 300):
        low, high = (Fraction(_outward(float(value), side)) for side in (-1, 1))
        assert low <= Fraction(float(value)) <= high
        assert high - low <= abs(Fraction(float(value))) * Fraction(3, 10**5)


def test_the_table_settles_every_width_of_one_hidden_layer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "REAL_DATA", ("digits",))
    monkeypatch.setattr(table, "SAMPLES", 20)
    assert cli.main(["table", "--out", str(tmp_path), "--quiet"]) == 0
    rows = json.loads((tmp_path / "rank_conjecture.json").read_text(encoding="utf-8"))["rows"]
    theorems = [row["network"].split("-") for row in rows if row["verdict"] == "theorem"]
    refuted = {row["network"] for row in rows if row["verdict"] == "false"}
    assert {name for *_, name in theorems} >= {"tanh", "sigmoid", "softplus", "gelu", "sin"}
    for inputs, hidden, outputs, name in theorems:
        assert "-".join([inputs, str(int(hidden) - 1), outputs, name]) in refuted
    text = (tmp_path / "rank_conjecture.md").read_text(encoding="utf-8")
    assert text.count("\n| digits") == len(rows) == capsys.readouterr().out.count("\n")
