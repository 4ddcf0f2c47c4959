# SPDX-License-Identifier: EUPL-1.2
"""Runs a local nmap through python-nmap: a connect scan of given ports of one checked address, no scripts, no names.

The only module that imports python-nmap or starts nmap.
"""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import threading
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
    if len(ports) > wire.settings.pace.per_address:
        raise Unseen(Why.LIMIT, f"our own limit: {wire.settings.pace.per_address} connections to {address}")
    arguments = [
        "-sT -Pn -n",
        f"--host-timeout {int(seconds * 1000)}ms",
        f"--max-parallelism {min(100, wire.settings.pace.in_flight)}",
        f"--max-rate {min(1000.0, wire.settings.pace.per_second):.0f}",
        "--max-retries 1",
        "-d3",  # else nmap sums up what it calls uninteresting, and python-nmap does not read the sum
    ]
    if literal.version == 6:
        arguments.append("-6")
    listed = ",".join(str(port) for port in ports)
    try:
        async with asyncio.timeout(deadline.left()):
            return await _in_thread(str(literal), listed, " ".join(arguments), int(seconds + GRACE_SECONDS))
    except TimeoutError:
        raise Unseen(Why.DEADLINE, "nmap was not done in time") from None


async def _in_thread(address: str, ports: str, arguments: str, seconds: int) -> dict[int, str]:
    """python-nmap waits for nmap; a daemon thread waits with it, so that Ctrl-C needs not."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dict[int, str]] = loop.create_future()

    def settle(states: dict[int, str] | None, error: Unseen | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        elif states is not None:
            answer.set_result(states)

    def work() -> None:
        states, error = None, None
        try:
            states = _run(address, ports, arguments, seconds)
        except Unseen as unseen:
            error = unseen
        except Exception as other:  # noqa: BLE001 - a thread that dies silently would leave the look waiting
            error = Unseen(Why.OUR_BUG, f"{type(other).__name__}: {str(other)[:200]}")
        try:
            loop.call_soon_threadsafe(settle, states, error)
        except RuntimeError:
            pass  # the run is over, nobody waits

    threading.Thread(target=work, name="nmap", daemon=True).start()
    return await answer


def _run(address: str, ports: str, arguments: str, seconds: int) -> dict[int, str]:
    import nmap

    try:
        scanner = nmap.PortScanner()
        result = scanner.scan(address, ports, arguments, timeout=seconds)
    except nmap.PortScannerTimeout:
        raise Unseen(Why.DEADLINE, "nmap was not done in time") from None
    except nmap.PortScannerError as error:
        raise Unseen(Why.UNREADABLE, f"nmap failed: {str(error)[:200]}") from None
    return _states(result)


def _states(result: dict[str, Any]) -> dict[int, str]:
    """Port → state, of the only host asked."""
    hosts = result.get("scan", {})
    if not hosts and "error" in result.get("nmap", {}).get("scaninfo", {}):
        raise Unseen(Why.UNREADABLE, f"nmap failed: {str(result['nmap']['scaninfo']['error'])[:200]}")
    return {
        int(port): str(entry.get("state", "")) for host in hosts.values() for port, entry in host.get("tcp", {}).items()
    }
