# SPDX-License-Identifier: EUPL-1.2
"""`nis2check check` and checkov on the same repositories, side by side in one run: CPU, peak memory, findings.

    python tools/bench_check.py REPO… [--nis2check PROGRAM] [--checkov PROGRAM] [--rounds 3]

checkov is no dependency: without ``--checkov`` it is installed in a folder of its own, thrown away after. CPU is user and
system time of the process and all its children; memory the largest of them. Medians of the rounds, checkov once (it takes
minutes). Measure a wheel rather than a checkout: ``--nis2check .venv/bin/nis2check``, installed with ``pip install .``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# Goals of the project: few files; and against checkov.
MOST_CPU = 0.6
MOST_MEMORY = 70
LEAST_RATIO = 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    cpu: float  # seconds
    memory: float  # MiB
    code: int


def cost(command: list[str], folder: Path) -> Cost:
    """What one run costs. The command is a leader: its children are waited for by itself and counted with it."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment()
        )
        _pid, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, child.returncode)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1"}


def median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(one.cpu for one in costs), statistics.median(one.memory for one in costs), costs[-1].code
    )


def files(repository: Path) -> int:
    return sum(len(names) for folder, _folders, names in os.walk(repository) if ".git" not in Path(folder).parts)


def installed(folder: Path) -> str:
    """checkov in a virtual environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", "checkov"], check=True)
    return str(folder / "bin" / "checkov")


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def measure(repository: Path, ours: str, theirs: str, rounds: int) -> str:
    own = [ours, "check", ".", "--quiet", "--exit-zero"]
    mine = median([cost(own, repository) for _round in range(rounds + 1)][1:])
    other = cost([theirs, "-d", ".", "--quiet", "--compact", "--soft-fail", "--skip-download"], repository)
    few = files(repository)
    return row(
        [
            repository.name,
            str(few),
            f"{mine.cpu:.2f}",
            f"{mine.memory:.0f}",
            f"{other.cpu:.1f}",
            f"{other.memory:.0f}",
            f"{other.cpu / mine.cpu:.0f} ×",
            "yes" if other.cpu / mine.cpu >= LEAST_RATIO and mine.memory <= other.memory / 2 else "NO",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", metavar="REPO", nargs="+", type=Path)
    parser.add_argument("--nis2check", default=shutil.which("nis2check") or "nis2check")
    parser.add_argument("--checkov")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        theirs = given.checkov or installed(Path(folder) / "checkov")
        bare = median([cost([sys.executable, "-c", "pass"], Path(folder)) for _round in range(given.rounds)])
        print(
            f"python -c pass: {bare.cpu:.3f} CPU s, {bare.memory:.0f} MB. Goals: {MOST_CPU} s and {MOST_MEMORY} MB on few"
        )
        print(f"files, {LEAST_RATIO:.0f} times less CPU and half of the memory of checkov.\n")
        heads = ["repository", "files", "CPU s", "MB", "checkov CPU s", "checkov MB", "ratio", "goal"]
        print(row(heads))
        print(row(["---" for _head in heads]))
        for repository in given.repositories:
            print(measure(repository.resolve(), given.nis2check, theirs, given.rounds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
