"""`python -m geomdl COMMAND ...`: start the tool of a command in a process of its own.

The mathematics imports neither the verification tree nor any other tool; this module only knows
where they stand. A tool runs in the caller's folder, so that paths mean what the caller meant.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Command(NamedTuple):
    """A folder beside `geomdl`, the module in it that is run, and one line of help.

    A module with subcommands is given the name of the command as its first argument.
    """

    folder: str
    module: str
    help: str
    has_subcommands: bool = True


COMMANDS: dict[str, Command] = {
    "verify": Command("verification", "verification.cli", "run the checks of the claims"),
    "claims": Command("verification", "verification.cli", "list, show and check the register"),
    "precision": Command("verification", "verification.precision", "run the precision studies", False),
    "flows": Command("verification", "verification.flows", "run the studies of flows", False),
    "report": Command("verification", "verification.cli", "build the pages that people look at"),
    "certify": Command("geomdl", "geomdl.certificates.cli", "prove a statement about a network", False),
    "bench": Command("benchmarks", "benchmarks.comparison", "kernels against floors and peers", False),
    "env": Command("verification", "verification.cli", "versions, BLAS, threads, devices"),
}


def main(arguments: Sequence[str]) -> int:
    """Run the command that the first argument names and return its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0
    name = arguments[0]
    if name == "--version":
        print(f"geomdl-verify {_version()}")
        return 0
    if name not in COMMANDS:
        print(f"geomdl: unknown command {name!r}\n\n{_usage()}", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    if not (ROOT / command.folder).is_dir():
        print(
            f"geomdl: `{name}` needs the folder {command.folder!r} of the source tree, and there is"
            f" none in {ROOT}: a wheel brings the mathematics only.\n"
            f"Get the source tree and, inside it, run: python -m pip install -e '.[verify]'",
            file=sys.stderr,
        )
        return 2
    return _run(command.module, arguments if command.has_subcommands else arguments[1:])


def _run(module: str, arguments: Sequence[str]) -> int:
    """Run a module of the source tree where the caller stands."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # -P: a folder of the same name where the caller stands must not be taken for ours
    code, interrupted = run_to_its_end(
        [sys.executable, "-P", "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    if code < 0 and not interrupted:
        print(f"geomdl: `{module}` was ended by signal {-code}", file=sys.stderr)
        return 2
    return 130 if code < 0 else code


def run_to_its_end(command: Sequence[str], **options: Any) -> tuple[int, bool]:
    """Run a child; return its exit code, and whether Ctrl-C was pressed meanwhile.

    Ctrl-C reaches the child too; it is left to finish writing what it has. Options are those of Popen.
    """
    pressed: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        # Before the child starts, so that no moment is left in which Ctrl-C would end us and not it.
        signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        return subprocess.Popen(command, **options).wait(), bool(pressed)
    finally:
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, usual)


def _usage() -> str:
    lines = "\n".join(f"  {name:10}{command.help}" for name, command in COMMANDS.items())
    return (
        "usage: python -m geomdl COMMAND [ARGUMENTS]\n"
        "       python -m geomdl --version\n\n"
        f"commands (each has its own --help):\n{lines}\n\n"
        "exit codes: 0 all as recorded (certify: proved), 1 a claim behaves otherwise than recorded"
        " (refuted; 3 unknown), 2 usage or crash, 130 interrupted"
    )


def _version() -> str:
    try:
        return metadata.version("geomdl-verify")
    except metadata.PackageNotFoundError:
        return "(not installed; run from the source tree)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
