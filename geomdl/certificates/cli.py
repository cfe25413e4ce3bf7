"""The command `certify`: prove a statement about one network on one data set.

Exit codes: 0 proved, 1 refuted, 3 unknown (neither could be proved), 2 usage or bad input,
130 interrupted (nothing is proved then).
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geomdl.certificates import files
from geomdl.certificates.enclosures import require_flint
from geomdl.certificates.result import Certificate
from geomdl.networks import Network
from geomdl.problems import Problem

EXIT_CODES = {"proved": 0, "refuted": 1, "unknown": 3}

KINDS = {
    "rank": "rank, smallest singular value and condition number of D[theta] at one theta",
    "generic": "rank QN for almost every theta",
    "interpolation": "a network of zero cost exists near theta",
    "orbit": "the adapted flow from theta exists for all times and converges",
}


class Progress:
    """Lines of progress on standard error: one that changes on a terminal, none elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self.shown = sys.stderr.isatty() and not quiet
        self.begin = time.perf_counter()
        self.last = "the start"

    def __call__(self, line: str) -> None:
        """Show a line, and keep it for the message of an interrupted run."""
        self.last = line
        if self.shown:
            seconds = time.perf_counter() - self.begin
            print(f"\r\033[K{seconds:7.1f} s  {line}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave an empty line behind."""
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove or fail to, print the report and return the exit code."""
    args = _parser().parse_args(arguments)
    progress = Progress(args.quiet)
    try:
        if args.kind == "table":
            from geomdl.certificates import table

            return table.main(args.out, args.full, progress)
        problem, theta = _problem(args)
        found = _certify(args, problem, theta, progress)
        progress.clear()
        if args.json is not None:
            args.json.write_text(found.to_json() + "\n", encoding="utf-8")
        print(found.report(), flush=True)
        return EXIT_CODES[found.status]
    except KeyboardInterrupt:
        progress.clear()
        print(
            f"geomdl: interrupted after {time.perf_counter() - progress.begin:.1f} s, at: "
            f"{progress.last}; nothing is proved",
            file=sys.stderr,
        )
        return 130
    except (ValueError, TypeError, MemoryError, OSError, ModuleNotFoundError) as error:
        progress.clear()
        print(f"geomdl: {error}", file=sys.stderr)
        return 2
    except Exception:
        # exit code 1 says that the statement is false, which a crash must not borrow
        progress.clear()
        traceback.print_exc()
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m geomdl certify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(required=True, metavar="STATEMENT", dest="kind")
    for kind, text in KINDS.items():
        one = kinds.add_parser(kind, help=text, description=f"Prove: {text}.")
        one.add_argument(
            "data", metavar="DATA",
            help=f"{', '.join(files.REAL_DATA)}, xor, or an .npz file with inputs and labels or targets",
        )  # fmt: skip
        one.add_argument("--samples", type=int, metavar="N", help="draw N samples of named data (all)")
        one.add_argument(
            "--hidden", type=_widths, metavar="H[,H]", default=None, help="hidden widths, such as 1024"
        )
        one.add_argument("--activation", default="tanh", help="of the network (%(default)s)")
        one.add_argument(
            "--weights", type=Path, metavar="FILE",
            help=".npz with W1, b1, W2, b2, ... or theta and widths; random weights without",
        )  # fmt: skip
        one.add_argument("--seed", type=int, default=0, metavar="S", help="of samples and weights (0)")
        one.add_argument("--json", type=Path, metavar="PATH", help="write the certificate there")
        one.add_argument("--quiet", action="store_true", help="no progress")
        if kind == "rank":
            one.add_argument(
                "--exact", action="store_true",
                help="exact rank of a rational activation, or of tanh and sigmoid at random logarithms",
            )  # fmt: skip
    table = kinds.add_parser("table", help="the rank conjecture on real data: theorem, false or open")
    table.add_argument("--out", type=Path, metavar="DIR", help="folder (reports/certificates)")
    table.add_argument("--full", action="store_true", help="all of digits too (minutes, 4 GB)")
    table.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def _widths(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace("-", ",").split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected widths such as 64 or 64,32") from error


def _problem(args: argparse.Namespace) -> tuple[Problem, np.ndarray | None]:
    """Return the problem, and the weights of the file if there is one."""
    data = files.load_data(args.data, args.samples, args.seed)
    if args.weights is not None:
        if args.hidden is not None:
            raise ValueError("got --hidden and --weights; the file of weights tells the widths")
        return files.load_weights(args.weights, data, args.activation)
    if args.hidden is None:
        raise ValueError("expected --hidden with the hidden widths, or --weights with a file")
    widths = [data.inputs.shape[1], *args.hidden, data.targets.shape[1]]
    return Problem(Network(widths, args.activation), data), None


def _certify(
    args: argparse.Namespace, problem: Problem, theta: np.ndarray | None, progress: Progress
) -> Certificate:
    drawn = problem.network.random_theta(args.seed) if theta is None else theta
    match args.kind:
        case "rank" if args.exact:
            from geomdl.certificates.exact import LOGARITHMIC, SPREAD, certify_exact_rank

            logarithmic = theta is None and problem.network.activation.name in LOGARITHMIC
            at = np.exp(SPREAD * drawn) if logarithmic else drawn
            return certify_exact_rank(problem, at, logarithmic=logarithmic, progress=progress)
        case "rank":
            from geomdl.certificates.rank import certify_rank

            return certify_rank(problem, drawn, progress=progress)
        case "generic":
            from geomdl.certificates.generic import certify_generic

            return certify_generic(problem, theta, seed=args.seed, progress=progress)
        case "interpolation":
            from geomdl.certificates.interpolation import certify_interpolation, polish, spread_theta

            if theta is None:
                drawn = polish(problem, spread_theta(problem.network, args.seed), progress=progress)
            return certify_interpolation(problem, drawn, progress=progress)
        case _:
            require_flint()  # every module of orbits needs it
            from geomdl.certificates.orbits import certify_orbit

            return certify_orbit(problem, drawn, progress=progress)


if __name__ == "__main__":
    sys.exit(main())
