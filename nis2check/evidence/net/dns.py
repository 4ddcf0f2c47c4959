# SPDX-License-Identifier: EUPL-1.2
"""The DNS probe: delegation, name servers, DNSSEC records and CAA of one domain.

What name servers say is asked of themselves, without recursion; what the parent says comes through our resolver. A server that
stays silent proves nothing: facts that its silence leaves open become gaps. Nothing here validates signatures.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import dns.dnssectypes
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from nis2check.evidence import names
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.question import Budget, Declined
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import FactSpec, Json, Kind, Target, Why

NAME = "dns"
KIND = Kind.DNS
MOST_SERVERS = 4  # name servers asked directly
MOST_QUERIES = 40  # for one domain; the mail probe has its own share
TRANSFER_SECONDS = 2.0  # before a second look at serials that differ
FACTS = (
    FactSpec("dns.exists", "boolean", "", "The name exists; false only when NXDOMAIN was answered."),
    FactSpec("dns.zone", "string", "", "The zone that holds the name: the closest name with NS records."),
    FactSpec("dns.name_servers", "array", "", "NS records of the zone, sorted, as our resolver gives them."),
    FactSpec(
        "dns.name_servers_consistent", "boolean", "", "Every name server gives the same NS records as our resolver."
    ),
    FactSpec("dns.name_servers_answering", "array", "", "Name servers that answered with authority for the zone."),
    FactSpec("dns.name_servers_lame", "array", "", "Name servers that answered, but without authority for the zone."),
    FactSpec("dns.name_servers_ipv6", "boolean", "", "At least one name server has an IPv6 address."),
    FactSpec(
        "dns.name_server_networks", "integer", "networks", "Distinct IPv4 /24 or IPv6 /48 of the servers, the larger."
    ),
    FactSpec("dns.soa", "object", "", "The SOA: mname, rname, serial, refresh, retry, expire, minimum (seconds)."),
    FactSpec("dns.soa_consistent", "boolean", "", "Every answering name server has the same serial number."),
    FactSpec("dns.tcp", "boolean", "", "Every answering name server answers over TCP too (RFC 7766)."),
    FactSpec("dns.dnssec.signed", "boolean", "", "A name server gives DNSKEY with its RRSIG; not validated."),
    FactSpec("dns.dnssec.algorithms", "array", "", "Mnemonics of the algorithms of the DNSKEY records, sorted."),
    FactSpec("dns.dnssec.ds_at_parent", "boolean", "", "The parent zone holds a DS record for the zone."),
    FactSpec("dns.caa", "array", "", "CAA records in force, found by tree climbing (RFC 8659): flags, tag, value."),
    FactSpec("dns.caa_present", "boolean", "", "A CAA record is in force for the name."),
)

T = TypeVar("T")
_SILENT = {Why.TIMEOUT, Why.DEADLINE}


@dataclass(slots=True)
class _Look:
    """One look at one domain: what it may spend, and the zone it found."""

    wire: Wire
    domain: str
    deadline: Deadline
    budget: Budget = field(default_factory=lambda: Budget(MOST_QUERIES))
    zone: dns.name.Name = dns.name.root

    @property
    def zone_text(self) -> str:
        return self.zone.to_text(omit_final_dot=True)

    async def ask(
        self, name: str, kind: str, servers: tuple[Endpoint, ...] = (), *, dnssec: bool = False, tcp: bool = False
    ) -> dns.message.Message:
        return await names.ask(
            self.wire,
            name,
            kind,
            self.deadline,
            servers=servers,
            recurse=not servers,
            dnssec=dnssec,
            tcp=tcp,
            budget=self.budget,
        )


@dataclass(slots=True)
class _Server:
    """A name server, where it is, and what it said of the zone's SOA and NS."""

    name: str
    endpoints: tuple[Endpoint, ...] | Unseen
    addresses: tuple[str, ...] | Unseen
    soa: dns.message.Message | Unseen | None = None
    ns: dns.message.Message | Unseen | None = None
    tcp: dns.message.Message | Unseen | None = None

    def serial(self, zone: dns.name.Name) -> int | None:
        """The serial it gives with authority, or None."""
        found = _rrset(self.soa, zone, dns.rdatatype.SOA) if _has_authority(self.soa) else None
        return int(found[0].serial) if found else None


async def _tried(awaited: Awaitable[T]) -> T | Unseen:
    """The value, or why there is none: for questions asked side by side."""
    try:
        return await awaited
    except Unseen as problem:
        return problem


def _rrset(
    answer: dns.message.Message | Unseen | None, owner: dns.name.Name, kind: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    if not isinstance(answer, dns.message.Message):
        return None
    return next((rrset for rrset in answer.answer if rrset.name == owner and rrset.rdtype == kind), None)


def _has_authority(answer: dns.message.Message | Unseen | None) -> bool:
    return isinstance(answer, dns.message.Message) and bool(answer.flags & dns.flags.AA)


def _missed(names_of_facts: Iterable[str], problem: Unseen) -> list[Observation]:
    return [Missed(name, problem.why, problem.detail) for name in names_of_facts]


def cost(target: Target) -> list[str]:
    """What would be asked, one line each."""
    domain = target.host
    return [
        f"DNS NS, DS, CAA {domain} (resolver)",
        f"DNS A, AAAA of its name servers, {MOST_SERVERS} at most (resolver)",
        f"DNS SOA, NS over UDP and SOA over TCP, DNSKEY {domain} (each name server)",
    ]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """Facts of one domain, in the order they are learnt. At most `MOST_QUERIES` queries."""
    this = _Look(wire, target.host.rstrip(".").lower(), Deadline.after(wire.seconds()))
    try:
        answer = await this.ask(this.domain, "NS")
    except Unseen as problem:
        yield Missed("dns.*", problem.why, problem.detail)
        return
    exists = answer.rcode() != dns.rcode.NXDOMAIN
    yield Seen("dns.exists", exists, where=f"NS {this.domain}")
    if not exists:
        return
    caa = asyncio.ensure_future(_caa(this))
    try:
        async for observation in _delegation(this, answer):
            yield observation
        for observation in await caa:
            yield observation
    finally:
        caa.cancel()


# -------------------------------------------------------------------------------------------------------- delegation


async def _delegation(this: _Look, answer: dns.message.Message) -> AsyncIterator[Observation]:
    try:
        listed = await _find_zone(this, answer)
    except Unseen as problem:
        for prefix in ("dns.zone", "dns.name_server*", "dns.soa*", "dns.tcp", "dns.dnssec.*"):
            yield Missed(prefix, problem.why, problem.detail)
        return
    where = f"NS {this.zone_text}"
    yield Seen("dns.zone", this.zone_text, where=where)
    yield Seen("dns.name_servers", listed, where=where)
    ds = asyncio.ensure_future(_tried(this.ask(this.zone_text, "DS")))
    try:
        servers = list(await asyncio.gather(*(_server(this, name) for name in listed[:MOST_SERVERS])))
        left_out = len(listed) - len(servers)
        for part in (
            _addresses(servers, left_out),
            _answering(this, servers, left_out),
            await _soa(this, servers),
            _consistent(this, servers, listed),
            _tcp(this, servers),
            await _signed(this, servers),
            _ds(this, await ds),
        ):
            for observation in part:
                yield observation
    finally:
        ds.cancel()


async def _find_zone(this: _Look, answer: dns.message.Message) -> list[str]:
    """The NS of the closest zone at or above the domain; sets ``this.zone``. Raises Unseen."""
    name = names.name_of(this.domain)
    while True:
        found = _rrset(answer, name, dns.rdatatype.NS)
        if found:
            this.zone = name
            return sorted({record.target.to_text(omit_final_dot=True).lower() for record in found})
        name = name.parent()
        if len(name) <= 2:  # a top-level domain: its servers are not the body's
            raise Unseen(Why.UNRESOLVED, f"no zone below the top-level domain holds {this.domain}")
        answer = await this.ask(name.to_text(omit_final_dot=True), "NS")


async def _server(this: _Look, name: str) -> _Server:
    """A name server with its addresses and its SOA and NS of the zone, over UDP, and its SOA over TCP."""
    endpoints, addresses = await asyncio.gather(
        _tried(names.endpoints(this.wire, name, 53, this.deadline, budget=this.budget)),
        _tried(names.addresses(this.wire, name, this.deadline, budget=this.budget)),
    )
    server = _Server(name, endpoints, addresses)
    if isinstance(endpoints, Unseen):
        server.soa = endpoints
        return server
    if isinstance(addresses, Unseen):  # pinned on the command line
        server.addresses = tuple(endpoint.address for endpoint in endpoints)
    server.soa = await _tried(this.ask(this.zone_text, "SOA", endpoints))
    if isinstance(server.soa, dns.message.Message):
        server.ns, server.tcp = await asyncio.gather(
            _tried(this.ask(this.zone_text, "NS", endpoints)),
            _tried(this.ask(this.zone_text, "SOA", endpoints, tcp=True)),
        )
    return server


def _addresses(servers: list[_Server], left_out: int) -> list[Observation]:
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
        seen += (
            [Seen(name, value, where="A, AAAA of name servers")] if good or not problem else _missed([name], problem)
        )
    return seen


def _answering(this: _Look, servers: list[_Server], left_out: int) -> list[Observation]:
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
        seen += [Seen(name, value, where=where)] if enough or not problem else _missed([name], problem)
    return seen


async def _soa(this: _Look, servers: list[_Server]) -> list[Observation]:
    answering = [s for s in servers if s.serial(this.zone) is not None]
    if not answering:
        return _missed(("dns.soa", "dns.soa_consistent"), _nobody(servers))
    found = _rrset(answering[0].soa, this.zone, dns.rdatatype.SOA)
    assert found is not None  # noqa: S101 - serial() just read it
    seen: list[Observation] = [
        Seen("dns.soa", _soa_value(found[0]), where=f"SOA {this.zone_text} at {answering[0].name}")
    ]
    if len(answering) < 2:
        return seen + [Missed("dns.soa_consistent", Why.NOT_ASKED, "one name server only answered: nothing to compare")]
    if len({s.serial(this.zone) for s in answering}) > 1:
        await asyncio.sleep(min(TRANSFER_SECONDS, this.deadline.left() / 4))  # a transfer may be under way: look again
        await asyncio.gather(*(_ask_soa_again(this, server) for server in answering))
        answering = [s for s in answering if s.serial(this.zone) is not None]
    serials = {s.serial(this.zone) for s in answering}
    return seen + [
        Seen("dns.soa_consistent", len(serials) == 1, where=f"SOA {this.zone_text} at {len(answering)} servers")
    ]


async def _ask_soa_again(this: _Look, server: _Server) -> None:
    if not isinstance(server.endpoints, Unseen):
        server.soa = await _tried(this.ask(this.zone_text, "SOA", server.endpoints))


def _soa_value(soa: dns.rdata.Rdata) -> Json:
    numbers = {name: int(getattr(soa, name)) for name in ("serial", "refresh", "retry", "expire", "minimum")}
    texts = {name: getattr(soa, name).to_text(omit_final_dot=True) for name in ("mname", "rname")}
    return texts | numbers


def _nobody(servers: list[_Server]) -> Unseen:
    problem = next((s.soa for s in servers if isinstance(s.soa, Unseen)), None)
    return problem or Unseen(Why.REFUSED, "no name server answers with authority")


def _consistent(this: _Look, servers: list[_Server], listed: list[str]) -> list[Observation]:
    """The NS of each server against those of our resolver."""
    name = "dns.name_servers_consistent"
    said = [
        sorted({record.target.to_text(omit_final_dot=True).lower() for record in found})
        for server in servers
        if _has_authority(server.ns) and (found := _rrset(server.ns, this.zone, dns.rdatatype.NS))
    ]
    if not said:
        return _missed([name], _nobody(servers))
    return [Seen(name, all(one == listed for one in said), where=f"NS {this.zone_text} at {len(said)} servers")]


def _tcp(this: _Look, servers: list[_Server]) -> list[Observation]:
    """TCP of the servers that answered over UDP: refused is seen, silence is not."""
    answering = [s for s in servers if s.serial(this.zone) is not None]
    if not answering:
        return _missed(["dns.tcp"], _nobody(servers))
    problems = [(s.name, s.tcp) for s in answering if isinstance(s.tcp, Unseen)]
    proof = [name for name, problem in problems if problem.why in {Why.REFUSED, Why.CLOSED, Why.RESET}]
    if problems and not proof:
        name, problem = problems[0]
        return [Missed("dns.tcp", problem.why, f"{name}: {problem.detail}")]
    return [
        Seen("dns.tcp", not proof, where=f"SOA {this.zone_text} over TCP at {proof[0] if proof else 'each server'}")
    ]


# ------------------------------------------------------------------------------------------------------------ DNSSEC


async def _signed(this: _Look, servers: list[_Server]) -> list[Observation]:
    answering = [s for s in servers if s.serial(this.zone) is not None and not isinstance(s.endpoints, Unseen)]
    facts = ("dns.dnssec.signed", "dns.dnssec.algorithms")
    problem = _nobody(servers)
    for server in answering[:2]:
        assert not isinstance(server.endpoints, Unseen)  # noqa: S101 - filtered above
        answer = await _tried(this.ask(this.zone_text, "DNSKEY", server.endpoints, dnssec=True))
        if isinstance(answer, Unseen):
            problem = answer
        elif not _has_authority(answer) or answer.edns < 0:  # without EDNS no signature can be sent
            problem = Unseen(Why.MALFORMED, f"{server.name} answers DNSKEY without authority or EDNS")
        else:
            return _keys(this, server.name, answer)
    return _missed(facts, problem)


def _keys(this: _Look, server: str, answer: dns.message.Message) -> list[Observation]:
    where = f"DNSKEY {this.zone_text} at {server}"
    keys = _rrset(answer, this.zone, dns.rdatatype.DNSKEY)
    signatures = [
        rrset
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.DNSKEY and rrset.name == this.zone
    ]
    algorithms = sorted({_mnemonic(key.algorithm) for key in keys or ()})
    return [
        Seen("dns.dnssec.signed", bool(keys and signatures), where=where),
        Seen("dns.dnssec.algorithms", algorithms, where=where),
    ]


def _mnemonic(algorithm: int) -> str:
    return dns.dnssectypes.Algorithm.to_text(dns.dnssectypes.Algorithm.make(algorithm))


def _ds(this: _Look, answer: dns.message.Message | Unseen) -> list[Observation]:
    name = "dns.dnssec.ds_at_parent"
    if isinstance(answer, Unseen):
        return _missed([name], answer)
    return [Seen(name, _rrset(answer, this.zone, dns.rdatatype.DS) is not None, where=f"DS {this.zone_text}")]


# --------------------------------------------------------------------------------------------------------------- CAA


async def _caa(this: _Look) -> list[Observation]:
    """The CAA set in force, by climbing from the name to the top-level domain (RFC 8659 section 3)."""
    name = names.name_of(this.domain)
    while len(name) > 1:
        text = name.to_text(omit_final_dot=True)
        try:
            found = await names.records(this.wire, text, "CAA", this.deadline, budget=this.budget)
        except Unseen as problem:
            if len(name) > 2:
                return _missed(("dns.caa", "dns.caa_present"), problem)
            break  # a top-level domain that cannot be asked (the resolver of a lab): the body's own names are all seen
        if found:
            records = sorted((_caa_value(record) for record in found), key=lambda value: (value["tag"], value["value"]))
            return [Seen("dns.caa", records, where=f"CAA {text}"), Seen("dns.caa_present", True, where=f"CAA {text}")]
        name = name.parent()
    where = f"CAA {this.domain} and its parents"
    return [Seen("dns.caa", [], where=where), Seen("dns.caa_present", False, where=where)]


def _caa_value(record: dns.rdata.Rdata) -> dict[str, Json]:
    texts = {name: getattr(record, name).decode("utf-8", "replace")[:255] for name in ("tag", "value")}
    return {"flags": int(getattr(record, "flags"))} | texts  # noqa: B009 - dnspython's rdata are typed as their base
