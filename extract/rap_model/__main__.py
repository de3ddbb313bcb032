"""Commands over the model: `python -m rap_model check PATH`, `python -m rap_model project`."""

import argparse
import sys
from pathlib import Path

from rap_model import projections
from rap_model.check import check_corpus


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 when all is well, 1 when something was found (2: wrong usage)."""
    parser = argparse.ArgumentParser(prog="python -m rap_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="hold authored rap files to the model")
    check.add_argument("path", type=Path, help="folder with artists/, lyrics/ and meetups/")
    project = commands.add_parser("project", help="write what is generated from the model")
    project.add_argument(
        "--check", action="store_true", help="only compare, and fail on any difference"
    )
    options = parser.parse_args(arguments)
    if options.command == "check":
        return _check(options.path)
    return _compare() if options.check else _write()


def _check(path: Path) -> int:
    problems = check_corpus(path)
    for problem in problems:
        _say(str(problem))
    _say(f"{path}: {len(problems)} to put right" if problems else f"{path}: all is well")
    return 1 if problems else 0


def _compare() -> int:
    differing = projections.drift()
    for path in differing:
        _say(f"{path}: differs from the model; run `python -m rap_model project`")
    return 1 if differing else 0


def _write() -> int:
    for path in projections.write():
        _say(f"{path}: written")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
