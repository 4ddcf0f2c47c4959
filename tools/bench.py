# SPDX-License-Identifier: EUPL-1.2
"""Figures of nis2check, measured here and now: medians over runs of whole processes, in turn with ``python -c pass``.

python tools/bench.py               start-up, scope, the whole register, the demo
python tools/bench.py --install     a fresh core install: distributions and size on disk
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
NIS2CHECK = [PYTHON, "-m", "nis2check"]
SIREN = "243400819"

# what is measured, its command, and the most it may take, as a multiple of `python -c pass`
RATIOS = (
    ("--version", [*NIS2CHECK, "--version"], {}, 6.0),
    (
        "shell completion",
        NIS2CHECK,
        {"_NIS2CHECK_COMPLETE": "bash_complete", "COMP_WORDS": "nis2check sc", "COMP_CWORD": "1"},
        6.0,
    ),
    ("--help", [*NIS2CHECK, "--help"], {}, 8.0),
    ("scope SIREN", [*NIS2CHECK, "scope", SIREN], {}, 12.0),
)


def seconds(command: list[str], environment: dict[str, str], folder: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - start


def ratios(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, command, environment, limit in RATIOS:
            pairs = [
                (seconds([PYTHON, "-c", "pass"], {}, folder), seconds(command, environment, folder))
                for _run in range(runs + 2)
            ][2:]  # two to warm up
            floor = statistics.median(one for one, _two in pairs)
            ours = statistics.median(two for _one, two in pairs)
            times = f"{ours * 1000:6.0f} ms   python -c pass {floor * 1000:4.0f} ms"
            print(f"{name:18} {times}   {ours / floor:5.1f} x (at most {limit:.0f} x)")


def once(name: str, command: list[str], limit: str) -> None:
    """One whole process: wall, CPU and peak memory as the system counts them for the child."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = seconds(command, {}, folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1024  # of the largest child so far
    print(f"{name:18} {wall:6.2f} s wall   {cpu:5.2f} s CPU   {peak:4.0f} MB peak   {limit}")


def install() -> None:
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PYTHON, "-m", "venv", folder], check=True)
        pip = [str(Path(folder) / "bin" / "pip")]
        subprocess.run([*pip, "install", "-q", "--no-compile", str(root)], check=True)
        names = subprocess.run(
            [*pip, "list", "--format=freeze"], capture_output=True, text=True, check=True
        ).stdout.split()
        ours = [name for name in names if not name.startswith(("pip==", "setuptools==", "wheel=="))]
        packages = next((Path(folder) / "lib").glob("python3*")) / "site-packages"
        size = sum(
            path.stat().st_size
            for path in packages.rglob("*")
            if path.is_file()
            and path.relative_to(packages).parts[0].split("-")[0] not in {"pip", "setuptools", "_distutils_hack"}
        )
        print(f"core install       {len(ours)} distributions (at most 20)   {size / 1e6:.1f} MB (at most 45 MB)")
        print("  " + " ".join(sorted(ours)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--install", action="store_true")
    given = parser.parse_args()
    if given.install:
        install()
        return
    once("scope --all", [*NIS2CHECK, "scope", "--all", "--json-lines"], "(at most 3 s, 200 MB)")
    once("demo", [*NIS2CHECK, "demo"], "(at most 20 s, 150 MB)")
    ratios(given.runs)


if __name__ == "__main__":
    main()
