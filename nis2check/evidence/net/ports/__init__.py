# SPDX-License-Identifier: EUPL-1.2
"""The exposure probe: which of the declared or audit-relevant TCP ports of a host accept connections.

Only with an authorisation that covers the host: the commands see to that before they call us.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from nis2check.evidence import names, nmap
from nis2check.evidence.net.ports.sweep import Found, Sweep, answers_everywhere, everywhere
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.port_numbers import CLASSES, DEFAULT_PORTS, class_of, service
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import FactSpec, Kind, Target, Why

NAME = "ports"
KIND = Kind.PORTS

FACTS = (
    FactSpec("ports.number", "integer", "", "The TCP port."),
    FactSpec("ports.state", "string", "", "open, closed, or filtered (silent while the host answers on other ports)."),
    FactSpec("ports.class", "string", "", f"What usually listens there: {', '.join(CLASSES)}."),
    FactSpec(
        "ports.service", "string", "", "The service that the first bytes of an open port show, empty when none do."
    ),
)

MOST_PORTS = 1000


def ports_of(target: Target) -> tuple[int, ...]:
    """The ports to try: those declared, else the audit-relevant ones; sorted, each once."""
    declared = target.options.get("ports") or DEFAULT_PORTS
    return tuple(sorted({port for port in declared if isinstance(port, int) and 0 < port < 65536}))[:MOST_PORTS]


def cost(target: Target) -> list[str]:
    """What would be asked, per address."""
    ports = ports_of(target)
    listed = ", ".join(str(port) for port in ports)
    if target.options.get("engine") == "nmap":
        return [f"nmap -sT -Pn -n -p {listed} {_host(target)}"]
    return [f"TCP connect to {_host(target)} on {len(ports)} ports ({listed}), 2 or 3 times where open or silent"]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """State, class and service of every port, per address."""
    deadline = Deadline.after(wire.seconds())
    try:
        places = await _places(target, wire, deadline)
    except Unseen as error:
        yield Missed("ports.*", error.why, error.detail)
        return
    engine, note = _scan_by_nmap, ""
    if target.options.get("engine") != "nmap" or not nmap.present():
        engine, note = _scan_by_connect, " (nmap absent)" if target.options.get("engine") == "nmap" else ""
    scans = {asyncio.ensure_future(engine(wire, deadline, group)): address for address, group in places.items()}
    try:
        for scan, address in scans.items():
            for port, found in sorted((await scan).items()):
                for observation in _say(f"{_bracketed(_host(target))}:{port}", port, address, found, note):
                    yield observation
    finally:
        for scan in scans:
            scan.cancel()


def _host(target: Target) -> str:
    return target.name.strip("[]")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _places(target: Target, wire: Wire, deadline: Deadline) -> dict[str, dict[int, Endpoint]]:
    """Where each declared port really is, grouped by address."""
    groups: dict[str, dict[int, Endpoint]] = {}
    for port in ports_of(target):
        for endpoint in await names.endpoints(wire, _host(target), port, deadline):
            groups.setdefault(endpoint.address, {})[port] = endpoint
    return groups


async def _scan_by_connect(wire: Wire, deadline: Deadline, places: dict[int, Endpoint]) -> dict[int, Found]:
    return await Sweep(wire, deadline, places).run()


async def _scan_by_nmap(wire: Wire, deadline: Deadline, places: dict[int, Endpoint]) -> dict[int, Found]:
    """Reported under the declared ports, whatever the ports that they are mapped to."""
    address = next(iter(places.values())).address
    asked = sorted({place.port for place in places.values()})
    try:
        states = await nmap.scan(wire, address, asked, deadline)
    except Unseen as error:
        return {port: Found(missed=error) for port in places}
    return {port: _of_nmap(states, place.port) for port, place in places.items()}


def _of_nmap(states: dict[int, str], port: int) -> Found:
    """nmap's word under our rules: filtered only of a host that answers elsewhere, and no trust in one that answers all."""
    where = "nmap -sT"
    state = states.get(port, "")
    answered = [other for other in states.values() if other in {"open", "closed"}]
    if answers_everywhere(answered.count("open"), len(states)):
        return Found(missed=everywhere(len(states)))
    if state in {"open", "closed"} or (state == "filtered" and answered):
        return Found(state, where=where)
    return Found(missed=Unseen(Why.TIMEOUT, "no answer" if answered else "no answer on any port"))


def _say(subject: str, port: int, address: str, found: Found, note: str) -> Iterator[Observation]:
    if found.missed is not None:
        for name in ("ports.state", "ports.service"):
            yield Missed(name, found.missed.why, found.missed.detail, address, subject)
    where = found.where + note
    yield Seen("ports.number", port, address, where, subject)
    yield Seen("ports.class", class_of(port), address, where, subject)
    if found.missed is None:
        yield Seen("ports.state", found.state, address, where, subject)
    if found.state == "open":
        yield Seen("ports.service", service(found.first), address, where, subject)
