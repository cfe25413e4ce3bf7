"""The commands `verify`, `claims`, `report` and `env`, usually reached as `python -m geomdl COMMAND`.

Exit codes: 0 all as recorded, 1 a claim behaves otherwise than its recorded verdict (or, for
`claims check`, register and checks do not fit together), 2 usage or crash, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import webbrowser
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from geomdl.__main__ import run_to_its_end
from verification.machinery import environment, results, standings
from verification.machinery.coverage import coverage_problems
from verification.machinery.listing import aligned, claims_table, counts_table, page_lines
from verification.machinery.register import (
    VERDICTS,
    Claim,
    Register,
    RegisterError,
    UnknownClaimError,
    load_register,
    register_problems,
    resolve,
    verdict_counts,
)
from verification.machinery.standings import entry, page_entry, standings_of

ROOT = standings.ROOT

# Where a module is not named like the distribution that brings it.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "xdist": "pytest-xdist", "flint": "python-flint"}

_PYTEST_ENDINGS: Mapping[int, tuple[int, str]] = {
    0: (0, ""),
    1: (1, ""),
    2: (2, "pytest stopped before the end: see its message above"),
    3: (2, "pytest met an internal error: see its message above"),
    4: (2, "pytest refused its arguments: see its message above"),
}


class UsageError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = _parser().parse_args(arguments)
    try:
        code: int = args.run(args)
        sys.stdout.flush()  # a reader that has gone (`| head`) is noticed here, not at exit
    except (UsageError, RegisterError, UnknownClaimError, results.ResultsError) as error:
        print(f"geomdl: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # exit code 1 has a meaning of its own, which a crash must not borrow
        if isinstance(error, ModuleNotFoundError) and (line := _absent([error.name or ""])):
            print(f"geomdl: {line}", file=sys.stderr)
        else:
            traceback.print_exc()
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m geomdl", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    verify = commands.add_parser("verify", help="run the checks of the claims")
    verify.set_defaults(run=_verify, profile="default")
    verify.add_argument("ids", nargs="*", metavar="ID", help="claims, statements or sources (all)")
    profile = verify.add_mutually_exclusive_group()
    for name, text in (("quick", "the smallest scenes only"), ("deep", "more scenes and digits")):
        profile.add_argument(f"--{name}", dest="profile", action="store_const", const=name, help=text)
    verify.add_argument("--arithmetic", metavar="A[,B]", help="only these columns")
    verify.add_argument("--seed", type=_at_least(0), metavar="S", help="seed of all scenes")
    verify.add_argument("--jobs", type=_at_least(1), metavar="N", default=1, help="processes")
    verify.add_argument("--json", metavar="PATH", help="write the results of this run there")

    claims = commands.add_parser("claims", help="list, show and check the register")
    claims.set_defaults(run=_list)
    _add_list_options(claims, False, None)
    actions = claims.add_subparsers(metavar="ACTION")
    listing = actions.add_parser("list", help="a line a claim, and the counts (the default)")
    listing.set_defaults(run=_list)
    # suppressed defaults leave what was given before the word `list`
    _add_list_options(listing, argparse.SUPPRESS, argparse.SUPPRESS)
    show = actions.add_parser("show", help="everything about a claim or statement")
    show.set_defaults(run=_show)
    show.add_argument("id", metavar="ID")
    check = actions.add_parser("check", help="is the register sound, and has every claim a check?")
    check.set_defaults(run=_check)

    report = commands.add_parser("report", help="build the pages that people look at")
    report.set_defaults(run=_report)
    report.add_argument("--open", action="store_true", help="open the front page in a browser")
    report.add_argument(
        "--keep",
        action="store_true",
        help="write the numbers of the last run to reports/data, which is committed",
    )

    env = commands.add_parser("env", help="versions, BLAS, threads, devices")
    env.set_defaults(run=_env)
    env.add_argument("--json", action="store_true", help="as JSON")
    for command in (show, check):
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    return parser


def _add_list_options(parser: argparse.ArgumentParser, off: object, nothing: object) -> None:
    parser.add_argument("--json", action="store_true", default=off, help="as JSON")
    parser.add_argument("--source", metavar="S", default=nothing, help="only this source")
    parser.add_argument("--verdict", choices=VERDICTS, default=nothing, help="only this verdict")


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number >= {least}")
        return int(text)

    return read


# ---- verify -----------------------------------------------------------------------------------


def _verify(args: argparse.Namespace) -> int:
    register = load_register()
    claims = resolve(register, args.ids) if args.ids else list(register.claims)
    needed = ["pytest", "hypothesis", "sklearn", *(["xdist"] if args.jobs > 1 else [])]
    if line := _absent([name for name in needed if find_spec(name) is None]):
        raise UsageError(line)
    counts = verdict_counts(register, claims)
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    print(f"{len(claims)} claims selected: {words}", flush=True)
    code, message = _ending(*run_to_its_end(_pytest_command(args, register, claims), cwd=ROOT))
    if message:
        print(f"geomdl: {message}", file=sys.stderr)
    return code


def _pytest_command(args: argparse.Namespace, register: Register, claims: Iterable[Claim]) -> list[str]:
    command = [sys.executable, "-m", "pytest", "verification", "-m", "claim"]
    command += ["--profile", args.profile]
    if args.ids:
        # a copy is decided by the checks of its original
        names = [(claim.full_id, register.original(claim).full_id) for claim in claims]
        for name in dict.fromkeys(name for pair in names for name in pair):
            command += ["--claim", name]
    if args.arithmetic:
        command += ["--arithmetic", args.arithmetic]
    if args.seed is not None:
        command += ["--seed", str(args.seed)]
    if args.json:
        command += ["--claims-json", str(_writable(args.json))]
    if args.jobs > 1:
        command += ["-n", str(args.jobs)]
    return command


def _writable(path: str) -> Path:
    """Return the absolute path of a file to be written, refused now rather than after the run."""
    file = Path(path).absolute()
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise UsageError(f"--json {path}: expected a file in an existing folder open to writing")
    return file


def _ending(code: int, interrupted: bool) -> tuple[int, str]:
    """Translate an exit code of pytest into ours and a message."""
    if interrupted and code in (2, -2):
        return 130, f"interrupted; the results so far are kept in {results.LAST_RUN}"
    if code == 5:
        return 2, "no check was run: the selected claims are open, or have no check in this column"
    return _PYTEST_ENDINGS.get(code, (2, f"pytest ended with code {code}"))


def _absent(modules: Iterable[str]) -> str:
    """Say what to install for absent modules; nothing when no extra brings them."""
    names = [_DISTRIBUTIONS.get(module, module) for module in modules]
    extras = sorted({extra for name in names if (extra := environment.PACKAGES.get(name))})
    if not extras:
        return ""
    wanted = ",".join(extras)
    return (
        f"{', '.join(names)} not installed, brought by the extra {wanted}:\n"
        f'    pip install "geomdl-verify[{wanted}]"    (in the source tree: -e ".[{wanted}]")'
    )


# ---- claims -----------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    register = load_register()
    claims = list(register.claims)
    if args.source:
        claims = resolve(register, [register.source(args.source).key])
    if args.verdict:
        claims = [claim for claim in claims if register.effective_verdict(claim) == args.verdict]
    found = standings_of(register, claims)
    if args.json:
        _print_json([entry(standing) for standing in found])
        return 0
    print("\n".join([*claims_table(found), "", *counts_table(register, claims)]))
    print(
        "by arithmetic: worst ratio over threshold in the last run, at most 1 when the claim stands\n"
        "open: not decided yet; a copy has the verdict of the claim that it repeats\n"
        "proved: certificates decide instances of the claim, besides the measurements"
    )
    return 0


def _show(args: argparse.Namespace) -> int:
    register = load_register()
    found = standings_of(register, resolve(register, [args.id]))
    pages = [page_entry(register, standing) for standing in found]
    if args.json:
        _print_json(pages)
    else:
        print("\n\n".join("\n".join(page_lines(page)) for page in pages))
    return 0


def _check(args: argparse.Namespace) -> int:
    register = load_register()
    problems = [*register_problems(register), *coverage_problems(register, standings.collected_checks())]
    counts = verdict_counts(register, register.claims)
    if args.json:
        sizes = {"statements": len(register.statements), "claims": len(register.claims)}
        _print_json({**sizes, "verdicts": counts, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print("\n".join(counts_table(register, register.claims)))
        print(
            f"{len(register.statements)} statements, {len(register.claims)} claims, of which"
            f" {counts['open']} open (checked by nobody yet); {len(problems)} problems"
        )
    return 1 if problems else 0


# ---- report -----------------------------------------------------------------------------------


def _report(args: argparse.Namespace) -> int:
    if line := _absent([name for name in ("jinja2", "matplotlib") if find_spec(name) is None]):
        raise UsageError(line)
    # these need Jinja2, and matplotlib takes a second
    from verification.report import build
    from verification.report.gather import ReportError

    try:
        made = build.report(ROOT, keep=args.keep)
    except ReportError as error:
        raise UsageError(f"{error}\nthe previous report, if any, is as it was") from error
    for problem in made.problems:
        print(f"geomdl: a formula is shown as its source: {problem}", file=sys.stderr)
    for each in made.missing:
        print(f"missing: {each.what}\n    {each.command}")
    print(f"{made.pages} pages: {made.front}")
    if args.open:
        webbrowser.open(made.front.as_uri())
    return 0


# ---- env --------------------------------------------------------------------------------------


def _env(args: argparse.Namespace) -> int:
    found = environment.environment()
    if args.json:
        _print_json(found)
        return 0
    rows = [[name, str(found[name])] for name in ("python", "platform", "cpus")]
    for name, version in found["packages"].items():
        extra = environment.PACKAGES[name]
        absent = f'absent; brought by pip install "geomdl-verify[{extra}]"' if extra else "absent"
        rows.append([name, version or absent])
    for blas in found["blas"]:
        threads = "unknown" if blas["threads"] is None else blas["threads"]
        rows.append(["BLAS", f"{blas['library']} {blas['version']}, threads: {threads}"])
    loops = "yes" if found["compiled_loops"] else "no: install again where there is a C compiler"
    rows.append(["compiled loops", loops])
    rows += [["CUDA device", name] for name in found["devices"] or ["none"]]
    print("\n".join(line.rstrip() for line in aligned(rows, left=(0, 1))))
    return 0


# ---- output -----------------------------------------------------------------------------------


def _print_json(value: object) -> None:
    print(json.dumps(results.with_inf_as_text(value), indent=1, allow_nan=False))


if __name__ == "__main__":
    sys.exit(main())
