"""`python -m verification.precision [study ...]`: run precision studies and write what they found.

Exit codes: 0 written, 2 an unknown study or a folder that cannot be written, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from verification.precision.tables import Settings, Study, write

STUDIES = ("condition", "ranks", "integrators", "decay", "single", "explicit", "ladder")
REPORTS = Path(__file__).resolve().parents[2] / "reports"


class Collection(NamedTuple):
    """Studies of one command, which is also the name of their package and of their folder of reports."""

    command: str
    studies: Sequence[str]
    about: str

    @property
    def folder(self) -> Path:
        """Where data files and tables are written."""
        return REPORTS / self.command

    def study(self, name: str) -> Study:
        """Import the module of a study."""
        module = importlib.import_module(f"verification.{self.command}.{name}")
        assert module.__doc__ is not None
        return Study(name, module.__doc__, module.run)


PRECISION = Collection("precision", STUDIES, __doc__ or "")


def main(arguments: Sequence[str] | None = None, collection: Collection = PRECISION) -> int:
    """Run the studies that are named, all without names, and return the exit code."""
    args, known = _parser(collection).parse_args(arguments), collection.studies
    if args.list:
        for name in known:
            print(f"{name:12} {collection.study(name).title}")
        return 0
    for name in args.studies:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            print(
                f"geomdl: unknown study {name!r}{hint} (there are {', '.join(known)})", file=sys.stderr
            )
            return 2
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name in dict.fromkeys(args.studies or known):
            _run(collection.study(name), args.out, args.seed, args.quick)
    except OSError as error:
        print(f"geomdl: --out {args.out}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _run(one: Study, directory: Path, seed: int, quick: bool) -> None:
    def progress(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    begin = time.perf_counter()
    settings = Settings(seed, quick, progress)
    result = one.run(settings)
    data, text = write(one, result, settings, directory)
    progress("")
    print(text.read_text(encoding="utf-8"))
    seconds = time.perf_counter() - begin
    print(f"{one.name}: {len(result.rows)} rows in {data} ({seconds:.1f} s)\n", flush=True)


def _parser(collection: Collection) -> argparse.ArgumentParser:
    command, listed = collection.command, ", ".join(collection.studies)
    parser = argparse.ArgumentParser(prog=f"python -m geomdl {command}", description=collection.about)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {listed} (all)")
    parser.add_argument("--list", action="store_true", help="list the studies and do nothing")
    parser.add_argument(
        "--out",
        type=Path,
        default=collection.folder,
        metavar="DIR",
        help=f"reports/{command} by default",
    )
    parser.add_argument("--quick", action="store_true", help="fewer cases, for a look in seconds")
    parser.add_argument("--seed", type=int, default=2311, metavar="S", help="seed (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
