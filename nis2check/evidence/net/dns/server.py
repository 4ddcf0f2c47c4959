# SPDX-License-Identifier: EUPL-1.2
"""One look at one domain: what it may ask, the zone it found, and what each of its name servers said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

from nis2check.evidence import names
from nis2check.evidence.observe import Missed, Observation, Unseen
from nis2check.evidence.question import Budget
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

MOST_QUERIES = 34  # tries counted; with the share of the mail probe, 60 for one domain

T = TypeVar("T")


@dataclass(slots=True)
class Look:
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
        self,
        name: str | dns.name.Name,
        kind: str,
        servers: tuple[Endpoint, ...] = (),
        *,
        dnssec: bool = False,
        tcp: bool = False,
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
            unchecked=True,  # a zone whose signatures are wrong is looked at like any other
            budget=self.budget,
        )


@dataclass(slots=True)
class Server:
    """A name server, where it is, and what it said of the zone's SOA and NS."""

    name: str
    endpoints: tuple[Endpoint, ...] | Unseen
    addresses: tuple[str, ...] | Unseen
    soa: dns.message.Message | Unseen | None = None
    ns: dns.message.Message | Unseen | None = None
    tcp: dns.message.Message | Unseen | None = None
    keys: dns.message.Message | Unseen | None = None  # its DNSKEY, once asked

    def serial(self, zone: dns.name.Name) -> int | None:
        """The serial it gives with authority, or None."""
        found = rrset_of(self.soa, zone, dns.rdatatype.SOA) if has_authority(self.soa) else None
        return int(found[0].serial) if found else None


async def tried(awaited: Awaitable[T]) -> T | Unseen:
    """The value, or why there is none: for questions asked side by side."""
    try:
        return await awaited
    except Unseen as problem:
        return problem


def rrset_of(
    answer: dns.message.Message | Unseen | None, owner: dns.name.Name, kind: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    if not isinstance(answer, dns.message.Message):
        return None
    return next((rrset for rrset in answer.answer if rrset.name == owner and rrset.rdtype == kind), None)


def has_authority(answer: dns.message.Message | Unseen | None) -> bool:
    return isinstance(answer, dns.message.Message) and bool(answer.flags & dns.flags.AA)


def missed(names_of_facts: Iterable[str], problem: Unseen) -> list[Observation]:
    return [Missed(name, problem.why, problem.detail) for name in names_of_facts]


async def server_of(this: Look, name: str) -> Server:
    """A name server with its addresses and its SOA and NS of the zone, over UDP, and its SOA over TCP."""
    endpoints, addresses = await asyncio.gather(
        tried(names.endpoints(this.wire, name, 53, this.deadline, budget=this.budget)),
        tried(names.addresses(this.wire, name, this.deadline, budget=this.budget)),
    )
    server = Server(name, endpoints, addresses)
    if isinstance(endpoints, Unseen):
        server.soa = endpoints
        return server
    if isinstance(addresses, Unseen):  # pinned on the command line
        server.addresses = tuple(endpoint.address for endpoint in endpoints)
    server.soa = await tried(this.ask(this.zone_text, "SOA", endpoints, dnssec=True))
    if isinstance(server.soa, dns.message.Message):
        server.ns, server.tcp = await asyncio.gather(
            tried(this.ask(this.zone_text, "NS", endpoints)),
            tried(this.ask(this.zone_text, "SOA", endpoints, tcp=True)),
        )
    return server


def nobody(servers: list[Server]) -> Unseen:
    """Why nothing is known of a zone of which no server answers with authority."""
    problem = next((s.soa for s in servers if isinstance(s.soa, Unseen)), None)
    return problem or Unseen(Why.REFUSED, "no name server answers with authority")
