# SPDX-License-Identifier: EUPL-1.2
"""DNS questions of nis2check and of dnspython's asynchronous resolver, in turn, against one stub server on loopback.

python tools/bench_dns.py                        500 domains, 30 questions each, three turns
python tools/bench_dns.py --domains 50 --turns 1

Each engine runs in a process of its own; wall and processor seconds are the client's, medians over the turns. Every answer is
compared with what the server must have said, so that a lost or mixed-up answer ends the run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ADDRESS = b"\xc0\x00\x02\x07"  # 192.0.2.7
GOAL = 5.0
IN_FLIGHT = 200  # of dnspython, where it was fastest; nis2check keeps its own 64


def serve() -> None:
    """Answer every question with one A record, as cheaply as Python can; the port goes to stdout."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        query, peer = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        head = query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
        server.sendto(head + query[12:end] + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + ADDRESS, peer)


def names_of(domains: int, questions: int) -> list[list[str]]:
    return [[f"q{n}.domaine-{d}.test" for n in range(questions)] for d in range(domains)]


async def ours(port: int, wanted: list[list[str]]) -> int:
    from nis2check.evidence import names
    from nis2check.evidence.wire import PACES, Deadline, Endpoint, Settings, Wire

    wire = Wire(Settings(pace=PACES["lab"], resolver=Endpoint("127.0.0.1", port), internal=True))

    async def one(domain: list[str]) -> int:
        deadline = Deadline.after(600)
        answers = await asyncio.gather(*(names.records(wire, name, "A", deadline) for name in domain))
        return sum(answer[0].to_text() == "192.0.2.7" for answer in answers)

    return sum(await asyncio.gather(*(one(domain) for domain in wanted)))


async def dnspython(port: int, wanted: list[list[str]]) -> int:
    import dns.asyncresolver

    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def ask(name: str) -> bool:
        async with gate:
            answer = await resolver.resolve(name, "A", lifetime=60)
        return bool(answer[0].to_text() == "192.0.2.7")

    async def one(domain: list[str]) -> int:
        return sum(await asyncio.gather(*(ask(name) for name in domain)))

    return sum(await asyncio.gather(*(one(domain) for domain in wanted)))


ENGINES = {"nis2check": ours, "dnspython": dnspython}


def run(engine: str, port: int, domains: int, questions: int) -> None:
    """One turn of one engine in this process; its figures go to stdout."""
    wanted = names_of(domains, questions)
    cpu, start = time.process_time(), time.perf_counter()
    right = asyncio.run(ENGINES[engine](port, wanted))
    figures = {
        "wall": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "right": right,
    }
    print(json.dumps(figures))


def compare(domains: int, questions: int, turns: int) -> int:
    me = [sys.executable, str(Path(__file__).resolve())]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    with subprocess.Popen([*me, "--serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        figures: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
        try:
            for _turn in range(turns):
                for engine in ENGINES:
                    command = [*me, "--engine", engine, "--port", port]
                    command += ["--domains", str(domains), "--questions", str(questions)]
                    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
                    figures[engine].append(json.loads(done.stdout))
        finally:
            server.terminate()
    total = domains * questions
    medians = {e: {k: statistics.median(f[k] for f in rows) for k in rows[0]} for e, rows in figures.items()}
    for engine, one in medians.items():
        rate = f"{total / one['wall']:7.0f}/s"
        print(
            f"{engine:10} {total} questions  wall {one['wall']:6.2f} s {rate}  cpu {one['cpu']:6.2f} s  {one['mb']:4.0f} MB"
        )
        if one["right"] != total:
            print(f"{engine}: {total - one['right']:.0f} answers lost or wrong")
            return 1
    wall = medians["dnspython"]["wall"] / medians["nis2check"]["wall"]
    cpu = medians["dnspython"]["cpu"] / medians["nis2check"]["cpu"]
    print(f"nis2check is {wall:.1f} × faster on the clock, {cpu:.1f} × cheaper in processor time (goal {GOAL:.0f} ×)")
    return 0 if min(wall, cpu) >= GOAL else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=500)
    parser.add_argument("--questions", type=int, default=30)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--engine", choices=sorted(ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    if given.engine:
        run(given.engine, given.port, given.domains, given.questions)
        return 0
    return compare(given.domains, given.questions, given.turns)


if __name__ == "__main__":
    sys.exit(main())
