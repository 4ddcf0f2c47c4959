# SPDX-License-Identifier: EUPL-1.2
"""Delegation: which servers hold the zone, where they are, and whether they agree.

A lower bound is enough when it is good news; bad news needs every server to have been seen. Silence is neither.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype

from nis2check.evidence import names
from nis2check.evidence.net.dns.active import Covers, active_tests
from nis2check.evidence.net.dns.dnssec import dnssec_facts
from nis2check.evidence.net.dns.review import dangling, wildcard
from nis2check.evidence.net.dns.server import Look, Server, has_authority, missed, nobody, rrset_of, server_of, tried
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.question import Declined
from nis2check.model import Json, Why

MOST_SERVERS = 4  # name servers asked directly
TRANSFER_SECONDS = 2.0  # before a second look at serials that differ


async def delegation_facts(
    this: Look, answer: dns.message.Message, authorised: Covers = ()
) -> AsyncIterator[Observation]:
    """Facts of the zone that holds the domain. ``authorised``: what active tests are allowed for."""
    try:
        listed = await _find_zone(this, answer)
    except Unseen as problem:
        for prefix in ("dns.zone", "dns.name_server*", "dns.soa*", "dns.tcp", "dns.dnssec.*"):
            yield Missed(prefix, problem.why, problem.detail)
        return
    where = f"NS {this.zone_text}"
    yield Seen("dns.zone", this.zone_text, where=where)
    yield Seen("dns.name_servers", listed, where=where)
    ds = asyncio.ensure_future(tried(this.ask(this.zone_text, "DS", dnssec=True)))
    try:
        servers = list(await asyncio.gather(*(server_of(this, name) for name in listed[:MOST_SERVERS])))
        left_out = len(listed) - len(servers)
        for part in (
            _addresses(servers, left_out),
            _answering(this, servers, left_out),
            await _soa(this, servers),
            _consistent(this, servers, listed),
            _tcp(this, servers),
            await dnssec_facts(this, servers, await ds),
            await dangling(this, listed[:MOST_SERVERS], answer),
            await wildcard(this),
            await active_tests(this, servers, authorised),
        ):
            for observation in part:
                yield observation
    finally:
        ds.cancel()


async def _find_zone(this: Look, answer: dns.message.Message) -> list[str]:
    """The NS of the closest zone at or above the domain; sets ``this.zone``. Raises Unseen."""
    name = names.name_of(this.domain)
    while True:
        found = rrset_of(answer, name, dns.rdatatype.NS)
        if found:
            this.zone = name
            return sorted({record.target.to_text(omit_final_dot=True).lower() for record in found})
        name = name.parent()
        if len(name) <= 2:  # a top-level domain: its servers are not the body's
            raise Unseen(Why.UNRESOLVED, f"no zone below the top-level domain holds {this.domain}")
        answer = await this.ask(name.to_text(omit_final_dot=True), "NS")


def _addresses(servers: list[Server], left_out: int) -> list[Observation]:
    """IPv6 and networks: a lower bound is enough when it is good news, else every server must be known."""
    known = [ipaddress.ip_address(a) for s in servers if not isinstance(s.addresses, Unseen) for a in s.addresses]
    problem = next((s.addresses for s in servers if isinstance(s.addresses, Unseen)), None)
    if problem is None and left_out:
        problem = Unseen(Why.LIMIT, f"{left_out} name servers beyond the first {MOST_SERVERS} were not looked at")
    nets = {ipaddress.ip_network(f"{a}/{24 if a.version == 4 else 48}", strict=False) for a in known}
    count = max(sum(1 for net in nets if net.version == version) for version in (4, 6))
    has_ipv6 = any(address.version == 6 for address in known)
    seen: list[Observation] = []
    for name, value, good in (
        ("dns.name_servers_ipv6", has_ipv6, has_ipv6),
        ("dns.name_server_networks", count, count >= 2),
    ):
        seen += [Seen(name, value, where="A, AAAA of name servers")] if good or not problem else missed([name], problem)
    return seen


def _answering(this: Look, servers: list[Server], left_out: int) -> list[Observation]:
    """Who answered with authority, who without. Silence is neither."""
    answering = [s.name for s in servers if s.serial(this.zone) is not None]
    lame = [s.name for s in servers if s.name not in answering and isinstance(s.soa, dns.message.Message | Declined)]
    silent = [s for s in servers if s.name not in answering + lame]
    problem = silent[0].soa if silent and isinstance(silent[0].soa, Unseen) else None
    if problem is not None:
        problem = Unseen(problem.why, f"{silent[0].name}: {problem.detail}")
    elif left_out:
        problem = Unseen(Why.LIMIT, f"{left_out} name servers beyond the first {MOST_SERVERS} were not asked")
    where = f"SOA {this.zone_text} at each name server"
    seen: list[Observation] = []
    for name, value, enough in (
        ("dns.name_servers_answering", answering, len(answering) >= 2),
        ("dns.name_servers_lame", lame, bool(lame)),
    ):
        seen += [Seen(name, value, where=where)] if enough or not problem else missed([name], problem)
    return seen


async def _soa(this: Look, servers: list[Server]) -> list[Observation]:
    answering = [s for s in servers if s.serial(this.zone) is not None]
    if not answering:
        return missed(("dns.soa", "dns.soa_consistent"), nobody(servers))
    found = rrset_of(answering[0].soa, this.zone, dns.rdatatype.SOA)
    assert found is not None  # serial() just read it
    seen: list[Observation] = [
        Seen("dns.soa", _soa_value(found[0]), where=f"SOA {this.zone_text} at {answering[0].name}")
    ]
    if len(answering) < 2:  # nothing to compare, which is not a gap
        return seen
    if len({s.serial(this.zone) for s in answering}) > 1:
        await asyncio.sleep(min(TRANSFER_SECONDS, this.deadline.left() / 4))  # a transfer may be under way: look again
        await asyncio.gather(*(_ask_soa_again(this, server) for server in answering))
        answering = [s for s in answering if s.serial(this.zone) is not None]
    serials = {s.serial(this.zone) for s in answering}
    return seen + [
        Seen("dns.soa_consistent", len(serials) == 1, where=f"SOA {this.zone_text} at {len(answering)} servers")
    ]


async def _ask_soa_again(this: Look, server: Server) -> None:
    if not isinstance(server.endpoints, Unseen):
        server.soa = await tried(this.ask(this.zone_text, "SOA", server.endpoints, dnssec=True))


def _soa_value(soa: dns.rdata.Rdata) -> Json:
    numbers = {name: int(getattr(soa, name)) for name in ("serial", "refresh", "retry", "expire", "minimum")}
    texts = {name: getattr(soa, name).to_text(omit_final_dot=True) for name in ("mname", "rname")}
    return texts | numbers


def _consistent(this: Look, servers: list[Server], listed: list[str]) -> list[Observation]:
    """The NS of each server against those of our resolver."""
    name = "dns.name_servers_consistent"
    said = [
        sorted({record.target.to_text(omit_final_dot=True).lower() for record in found})
        for server in servers
        if has_authority(server.ns) and (found := rrset_of(server.ns, this.zone, dns.rdatatype.NS))
    ]
    if not said:
        return missed([name], nobody(servers))
    return [Seen(name, all(one == listed for one in said), where=f"NS {this.zone_text} at {len(said)} servers")]


def _tcp(this: Look, servers: list[Server]) -> list[Observation]:
    """TCP of the servers that answered over UDP: refused is seen, silence is not."""
    answering = [s for s in servers if s.serial(this.zone) is not None]
    if not answering:
        return missed(["dns.tcp"], nobody(servers))
    problems = [(s.name, s.tcp) for s in answering if isinstance(s.tcp, Unseen)]
    proof = [name for name, problem in problems if problem.why in {Why.REFUSED, Why.CLOSED, Why.RESET}]
    if problems and not proof:
        name, problem = problems[0]
        return [Missed("dns.tcp", problem.why, f"{name}: {problem.detail}")]
    return [
        Seen("dns.tcp", not proof, where=f"SOA {this.zone_text} over TCP at {proof[0] if proof else 'each server'}")
    ]
