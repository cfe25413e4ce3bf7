"""What a certificate is asked about: named data, or files of data and of weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from geomdl.data import Dataset, load_real_data
from geomdl.networks import Network
from geomdl.problems import Problem

REAL_DATA = ("iris", "wine", "breast_cancer", "digits")
XOR = Dataset.regression(
    np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
    np.array([[0.0], [1.0], [1.0], [0.0]]),
)


class FileError(ValueError):
    """A file cannot be used; the message says which one, why and what is expected."""


def load_data(name: str, samples: int | None = None, seed: int = 0) -> Dataset:
    """Load data by name or from a file.

    Parameters
    ----------
    name : str
        ``iris``, ``wine``, ``breast_cancer``, ``digits``, ``xor``, or the path of an .npz file with
        ``inputs`` of shape (N, M) and either ``labels`` (N,) or ``targets`` (N, Q).
    samples : int, optional
        For named real data: how many samples to draw.
    seed : int
        Of that draw.

    Raises
    ------
    FileError
        For a file that does not hold such arrays.
    """
    if name in REAL_DATA:
        return load_real_data(name, samples, seed)
    if samples is not None:
        raise ValueError(
            f"got samples={samples} for {name!r}; expected it for {', '.join(REAL_DATA)} only"
        )
    if name == "xor":
        return XOR
    if not name.endswith(".npz"):
        raise ValueError(
            f"got data {name!r}; expected {', '.join(REAL_DATA)}, xor, or the path of an .npz file"
        )
    arrays = read_arrays(Path(name))
    if "inputs" not in arrays or ("labels" in arrays) == ("targets" in arrays):
        raise FileError(
            f"{name} holds {_listed(arrays)}; expected `inputs`, and either `labels` or `targets`"
        )
    inputs = as_floats(name, "inputs", arrays["inputs"])
    if "labels" in arrays:
        return Dataset.classification(inputs, arrays["labels"])
    return Dataset.regression(inputs, as_floats(name, "targets", arrays["targets"]))


def load_weights(path: Path, data: Dataset, activation: str) -> tuple[Problem, np.ndarray]:
    """Read a network from a file and pair it with data.

    Parameters
    ----------
    path : Path
        An .npz file with ``W1``, ``b1``, ``W2``, ``b2``, ... (W_l of shape (M_l, M_(l-1))), or with
        ``theta`` and ``widths``; optionally ``activation``.
    data : Dataset
    activation : str
        Where the file names none.

    Returns
    -------
    problem : Problem
    theta : ndarray, shape (K,), float64

    Raises
    ------
    FileError
        For arrays that are missing, not finite, or do not fit each other or the data.
    """
    arrays = read_arrays(path)
    if "activation" in arrays:
        activation = str(arrays["activation"])
    depth = sum(name.startswith("W") for name in arrays)
    if "theta" in arrays and "widths" in arrays:
        network = Network([int(width) for width in arrays["widths"]], activation)
        theta = as_floats(str(path), "theta", arrays["theta"])
        if theta.shape != (network.parameter_count,):
            raise FileError(
                f"{path}: theta has shape {theta.shape}; expected ({network.parameter_count},) for "
                f"widths {list(network.widths)}"
            )
    elif depth and all(f"W{n}" in arrays and f"b{n}" in arrays for n in range(1, depth + 1)):
        network, theta = _from_layers(path, arrays, depth, activation)
    else:
        raise FileError(
            f"{path} holds {_listed(arrays)}; expected W1, b1, W2, b2, ..., or theta and widths"
        )
    features, outputs = data.inputs.shape[1], data.targets.shape[1]
    if (network.inputs, network.outputs) != (features, outputs):
        raise FileError(
            f"{path} holds a network with {network.inputs} inputs and {network.outputs} outputs; the "
            f"data have {features} features and targets of dimension {outputs}"
        )
    return Problem(network, data), theta


def _from_layers(
    path: Path, arrays: dict[str, np.ndarray], depth: int, activation: str
) -> tuple[Network, np.ndarray]:
    weights = [as_floats(str(path), f"W{n}", arrays[f"W{n}"]) for n in range(1, depth + 1)]
    biases = [as_floats(str(path), f"b{n}", arrays[f"b{n}"]) for n in range(1, depth + 1)]
    for n, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        below = weights[n - 2].shape[0] if n > 1 and weights[n - 2].ndim == 2 else None
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or below not in (None, weight.shape[1]):
            raise FileError(
                f"{path}: W{n} has shape {weight.shape} and b{n} {bias.shape}; expected "
                f"(M_{n}, M_{n - 1}) and (M_{n},)" + (f" with M_{n - 1} = {below}" if below else "")
            )
    network = Network([weights[0].shape[1], *(len(weight) for weight in weights)], activation)
    return network, network.flatten(list(zip(weights, biases, strict=True)))


def as_floats(path: str, name: str, array: np.ndarray) -> np.ndarray:
    """Return an array of a file as float64 without changing a value.

    Raises
    ------
    FileError
        For another kind of numbers, values that float64 does not hold, NaN or infinity.
    """
    if array.dtype.kind not in "fiu":
        raise FileError(f"{path}: {name} has dtype {array.dtype}; expected real numbers")
    floats = array.astype(np.float64)
    if not np.all(np.isfinite(floats)):
        count = int(np.sum(~np.isfinite(floats)))
        raise FileError(f"{path}: {name} has {count} entries that are NaN or infinite")
    if not np.array_equal(floats.astype(array.dtype), array):
        raise FileError(
            f"{path}: {name} has entries of {array.dtype} that float64 does not hold exactly"
        )
    return floats


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file.

    Raises
    ------
    FileError
        When there is no such file, or it is none.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise FileError(f"{path} is a single array; expected an .npz file of named arrays")
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise FileError(f"there is no file {path}") from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be read as an .npz file: {error}") from error


def _listed(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(sorted(arrays)) or "nothing"
