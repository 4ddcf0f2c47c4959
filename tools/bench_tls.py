# SPDX-License-Identifier: EUPL-1.2
"""What looking at TLS servers costs, side by side with the tools that are there: CPU, wall, memory, connections.

python tools/bench_tls.py                       our three depths, nmap and sslscan when installed
python tools/bench_tls.py --peers VENV          sslyze too, from that virtual environment

The servers are on loopback; every tool is a process of its own, its start-up included, and sees the same servers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tls_lab import HOST, Lab, find, lab

DEPTHS = ("brief", "default", "full")
VERSIONS = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3")


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    command: Sequence[str]


def look(depth: str, ports: Sequence[int], roots: str) -> None:
    """Our probe alone, as the child process that is measured."""
    from nis2check.evidence.net import tls
    from nis2check.evidence.observe import Seen
    from nis2check.evidence.wire import PACES, Settings, Wire
    from nis2check.model import Kind, Target

    settings = Settings(
        pace=PACES["lab"], internal=True, full=depth == "full", brief=depth == "brief", ca_file=roots,
        resolve={(HOST, port): ("127.0.0.1",) for port in ports},
    )  # fmt: skip
    wire = Wire(settings)
    gate = asyncio.Semaphore(64)  # as the collector

    async def one(port: int) -> bool:
        async with gate:
            told = [seen async for seen in tls.look(Target(Kind.TLS, f"{HOST}:{port}"), wire) if isinstance(seen, Seen)]
        names = {seen.name for seen in told}
        return {"tls.versions", "certificate.trusted"} <= names

    async def run() -> list[bool]:
        return await asyncio.gather(*(one(port) for port in ports))

    whole = sum(asyncio.run(run()))
    if whole < len(ports):
        print(f"only {whole} of {len(ports)} servers told versions and certificate", file=sys.stderr)


def tasks(place: Lab, targets: Path, peers: str) -> Iterator[Task]:
    ports = [str(server.port) for server in place.servers]
    for depth in DEPTHS:
        words = [sys.executable, __file__, "--look", depth, "--roots", str(place.roots), "--ports", ",".join(ports)]
        yield Task(f"nis2check {depth}", words)
    if nmap := find("nmap"):
        scripts = "+ssl-cert,+ssl-enum-ciphers"
        yield Task(
            "nmap ssl-cert, ssl-enum-ciphers",
            [nmap, "-Pn", "-n", "-p", ",".join(ports), "--script", scripts, "127.0.0.1"],
        )
    if sslscan := find("sslscan"):
        yield Task("sslscan", [sslscan, "--no-colour", f"--targets={targets}"])
        short = (
            "--no-ciphersuites",
            "--no-fallback",
            "--no-renegotiation",
            "--no-compression",
            "--no-heartbleed",
            "--no-groups",
        )
        yield Task("sslscan versions, certificate", [sslscan, "--no-colour", *short, f"--targets={targets}"])
    sslyze = Path(peers) / "bin" / "sslyze" if peers else Path("sslyze")
    if peers and sslyze.exists():
        words = [str(sslyze), *VERSIONS, "--certinfo", "--mozilla_config", "disable", "--targets_in", str(targets)]
        yield Task("sslyze 6 versions, certificate", words)


def measure(task: Task, place: Lab) -> str:
    """One line: wall, CPU of the child and its children, peak memory of the largest, connections per server."""
    before = place.connections()
    start = time.perf_counter()
    with subprocess.Popen(task.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        _pid, _status, used = os.wait4(child.pid, 0)
        child.returncode = 0
    wall = time.perf_counter() - start
    after = place.connections()
    count = len(place.servers)
    each = "     -" if before is None or after is None else f"{(after - before - 1) / count:6.1f}"
    cpu = used.ru_utime + used.ru_stime
    return f"{task.name:34} {wall:7.2f} s wall {cpu:7.2f} s CPU {used.ru_maxrss / 1024:5.0f} MB {each} connections a server"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--peers", default="", metavar="VENV")
    parser.add_argument("--look", choices=DEPTHS, help=argparse.SUPPRESS)
    parser.add_argument("--ports", default="", help=argparse.SUPPRESS)
    parser.add_argument("--roots", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.look:
        look(given.look, [int(port) for port in given.ports.split(",")], given.roots)
        return
    with lab(given.servers) as place, tempfile.TemporaryDirectory() as folder:
        targets = Path(folder) / "targets"
        targets.write_text("".join(f"127.0.0.1:{server.port}\n" for server in place.servers))
        print(f"{given.servers} servers, {len({server.profile for server in place.servers})} configurations")
        for _run in range(given.runs):
            for task in tasks(place, targets, given.peers):
                print(measure(task, place), flush=True)


if __name__ == "__main__":
    main()
