# SPDX-License-Identifier: EUPL-1.2
"""Runs a local nmap: a connect scan of given ports of one checked address, no scripts, no names. python-nmap reads its answer.

The only module that imports python-nmap or starts nmap. We start it ourselves: python-nmap keeps its child to itself, so that
a scan that is cancelled or late could not be ended and nmap would go on asking the target.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import shutil
from collections.abc import Sequence
from typing import Any

from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Wire
from nis2check.model import Why

GRACE_SECONDS = 2.0  # for nmap to start and to write its answer


def present() -> bool:
    """Whether nmap is on the path."""
    return shutil.which("nmap") is not None


async def scan(wire: Wire, address: str, ports: Sequence[int], deadline: Deadline) -> dict[int, str]:
    """The state that nmap gives each port: open, closed or filtered; ports without an answer in time are absent.

    Raises Unseen: out_of_scope, deadline, limit (our own), unreadable (nmap failed).
    """
    wire.check(address)
    literal = ipaddress.ip_address(
        address
    )  # the guard let it through, so it is one; nothing else reaches a command line
    seconds = deadline.left() - GRACE_SECONDS
    if seconds < 1:
        raise Unseen(Why.DEADLINE, "no time left")
    pace = wire.pace(address)
    if len(ports) > pace.per_address:
        raise Unseen(Why.LIMIT, f"our own limit: {pace.per_address} connections to {address}")
    arguments = [
        *("-oX", "-", "-sT", "-Pn", "-n"),
        *("-p", ",".join(str(port) for port in ports)),
        *("--host-timeout", f"{int(seconds * 1000)}ms"),
        *("--max-parallelism", f"{min(100, pace.in_flight)}"),
        *("--max-rate", f"{min(1000.0, pace.per_second):.0f}"),
        *("--max-retries", "1"),
        "-d3",  # else nmap sums up what it calls uninteresting, and python-nmap does not read the sum
        *(["-6"] if literal.version == 6 else []),
        str(literal),
    ]
    try:
        async with asyncio.timeout(deadline.left()):
            return await asyncio.to_thread(_states, *await _run(arguments))  # python-nmap asks nmap its version first
    except TimeoutError:
        raise Unseen(Why.DEADLINE, "nmap was not done in time") from None


async def _run(arguments: Sequence[str]) -> tuple[bytes, bytes]:
    """What nmap wrote on its two outputs. However this ends, by Ctrl-C or by its time, no nmap is left behind."""
    program = shutil.which("nmap") or "nmap"
    quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(program, *arguments, stdin=quiet, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise Unseen(Why.UNREADABLE, f"nmap did not start: {error}") from None
    try:
        return await child.communicate()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def _states(written: bytes, complaints: bytes) -> dict[int, str]:
    """Port → state, of the only host asked. Raises Unseen(unreadable) when nmap failed."""
    import nmap

    said = complaints.decode("utf-8", "replace").strip()
    errors = [line for line in said.splitlines() if line and not line.lower().startswith("warning: ")]
    try:
        result = nmap.PortScanner().analyse_nmap_xml_scan(written.decode("utf-8", "replace"), said, errors, "")
    except nmap.PortScannerError as error:
        raise Unseen(Why.UNREADABLE, f"nmap failed: {str(error)[:200]}") from None
    hosts: dict[str, Any] = result.get("scan", {})
    if not hosts and errors:
        raise Unseen(Why.UNREADABLE, f"nmap failed: {errors[0][:200]}")
    return {
        int(port): str(entry.get("state", "")) for host in hosts.values() for port, entry in host.get("tcp", {}).items()
    }
