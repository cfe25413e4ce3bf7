"""`python -m geomdl bench`: the kernels against their floors and against whichever peers are installed.

Exit codes: 0 done, 1 this project's own result was wrong or failed, 2 usage or crash, 130 interrupted
(the records so far are kept).
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison import records, supervisor
from benchmarks.comparison.contenders import PEERS
from benchmarks.comparison.table import table
from benchmarks.kernels import KERNELS
from benchmarks.problems import BACKENDS, DTYPES, SIZES

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "speed"

# Sizes of a full run in float64, and what else is run beside them.
FULL: dict[str, tuple[str, ...]] = {
    "jacobian": ("small", "medium", "deep", "one-output", "digits", "wide"),
    "gram": ("small", "medium", "deep", "one-output", "wide"),
    "push": ("medium",),
    "pull": ("medium",),
    "gram-product": ("small", "medium", "digits"),
    "solve": ("small", "medium", "deep", "one-output", "underparametrized", "wide", "digits"),
    "pseudoinverse": ("small", "medium"),
    "field": ("small", "medium"),
    "orbit": ("small", "medium"),
}
FULL_FLOAT32 = {"gram": ("digits",)}
QUICK = ("small",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit code."""
    args = _parser().parse_args(arguments)
    try:
        jobs = _jobs(args)
        if args.list:
            print("\n".join(" ".join(job.values()) for job in jobs))
            return 0
        return _run(args, jobs)
    except (UsageError, records.RecordsError) as error:
        print(f"geomdl: {error}", file=sys.stderr)
        return 2


class UsageError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


def _run(args: argparse.Namespace, jobs: Sequence[dict[str, str]]) -> int:
    path, begin = _path(args), time.perf_counter()
    old = records.read(path) if path.exists() else None
    clock = "cpu" if args.threads == 1 and args.backend != "torch:cuda" else "wall"
    run = records.describe_run(args.threads, clock, args.backend)
    settings = supervisor.Settings(
        threads=args.threads, clock=clock, quick=args.quick, limit=args.limit,
        budget=0.3 if args.quick else args.budget, peers=tuple(_known(args.peer, _peers(), "peer")),
    )  # fmt: skip
    found: list[dict[str, Any]] = []
    code = 0
    try:
        for record in supervisor.play(jobs, settings, _progress):
            found.append(record)
            if not args.quick:  # a long run keeps what it has
                records.write(path, records.as_json(records.merged(old, run, found)))
    except KeyboardInterrupt:
        code = 130
    _progress("")
    if not found:
        return code
    document = records.merged(old, run, found)
    records.write(path, records.as_json(document))
    text = table(records.joined(document))
    records.write(path.with_suffix(".txt"), text)
    print(table([{**record, **run} for record in found]), end="")
    seconds = time.perf_counter() - begin
    print(f"\n{len(found)} records in {path}, as a table beside it ({seconds:.0f} s)")
    ours = [record for record in found if record["contender"] == "geomdl"]
    wrong = [record for record in ours if record["status"] in ("disagrees", "failed")]
    return code or (1 if wrong else 0)


def _jobs(args: argparse.Namespace) -> list[dict[str, str]]:
    chosen = _known(args.kernels, KERNELS, "kernel") or list(KERNELS)
    sizes = _known(args.size, SIZES, "size")
    jobs = []
    for kernel in chosen:
        for dtype in DTYPES:
            default = FULL[kernel] if dtype == "float64" else FULL_FLOAT32.get(kernel, ())
            names: Iterable[str] = QUICK if args.quick and dtype == "float64" else default
            if args.quick and dtype == "float32":
                names = ()
            if args.dtype:
                names = (QUICK if args.quick else FULL[kernel]) if dtype == args.dtype else ()
            if sizes:
                names = sizes if dtype == (args.dtype or "float64") else ()
            jobs += [
                {"kernel": kernel, "size": size, "dtype": dtype, "backend": args.backend}
                for size in names
            ]
    return jobs


def _known(names: Sequence[str], known: Iterable[str], what: str) -> list[str]:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UsageError(f"unknown {what} {name!r}{hint} (there are {', '.join(known)})")
    return list(dict.fromkeys(names))


def _peers() -> list[str]:
    return list(dict.fromkeys(peer.name for peers in PEERS.values() for peer in peers))


def _path(args: argparse.Namespace) -> Path:
    if args.json is None:
        REPORTS.mkdir(parents=True, exist_ok=True)
        return REPORTS / ("quick.json" if args.quick else "peers.json")
    path: Path = args.json.absolute()
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {args.json}: expected a file in an existing folder open to writing")
    return path


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line[:100]}", end="", file=sys.stderr, flush=True)


def _number(kind: Callable[[str], Any], above: float) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = above
        if not above < value < 1e6:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a number above {above:g}")
        return value

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m geomdl bench", description=__doc__)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"of {', '.join(KERNELS)} (all)")
    parser.add_argument("--quick", action="store_true", help="the small size, for a look in a minute")
    parser.add_argument(
        "--size", action="append", default=[], metavar="SIZE", help=f"of {', '.join(SIZES)}; repeatable"
    )
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME",
        help=f"of {', '.join(_peers())} (all); repeatable",
    )  # fmt: skip
    parser.add_argument("--dtype", choices=DTYPES, help="float64, and what is worth it in float32")
    parser.add_argument("--backend", choices=BACKENDS, default="numpy", help="where geomdl computes")
    parser.add_argument(
        "--threads", type=_number(int, 0), default=1, metavar="N", help="threads of everybody (1)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE",
        help="add the records to this file instead of reports/speed/peers.json (or quick.json)",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=_number(float, 0), default=6.0, metavar="S", help="seconds a pair (%(default)g)"
    )
    parser.add_argument(
        "--limit", type=_number(float, 0), default=180.0, metavar="S",
        help="seconds after which a contender is given up (%(default)g)",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list what would run and do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
