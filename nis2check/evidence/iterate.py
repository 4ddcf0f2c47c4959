# SPDX-License-Identifier: EUPL-1.2
"""DNS questions answered from the root down (RFC 1034 section 5.3.3), for ``--root-hints``: no resolver stands in between.

Rules for this file: a server is believed only for what lies under the zone it was asked as a server of; glue only for names
under the zone that gives it; zone cuts are remembered for the run. Every server met is a target like another: the guard applies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

from nis2check.evidence.observe import Unseen
from nis2check.evidence.question import Budget, Question, Servers, all_tries, run_of
from nis2check.evidence.reply import Reply
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

MOST_REFERRALS = 16  # from the root to an answer
MOST_SERVERS = 6  # of one zone

# Name servers whose address is being sought, from the first to the innermost: what leads back to one of them leads nowhere.
_SOUGHT: ContextVar[frozenset[str]] = ContextVar("_SOUGHT", default=frozenset())

Hints = tuple[tuple[str, tuple[str, ...]], ...]
Find = Callable[[str], Awaitable[Servers]]


def hints(text: str) -> Hints:
    """The root servers of a hints file (IANA's named.root): name and addresses. Raises ValueError: none, or malformed."""
    import dns.zone  # for this option alone

    try:
        zone = dns.zone.from_text(text, origin=".", relativize=False, check_origin=False)
    except dns.exception.DNSException as error:
        raise ValueError(str(error)) from None
    servers = zone.get_rdataset(".", "NS")
    found: list[tuple[str, tuple[str, ...]]] = []
    for server in servers or ():
        sets = (zone.get_rdataset(server.target, kind) for kind in ("A", "AAAA"))
        found.append((_text(server.target), tuple(record.address for rdataset in sets for record in rdataset or ())))
    if not found:
        raise ValueError("no NS record of the root")
    return tuple(sorted(found))


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


async def from_the_root(wire: Wire, question: Question, deadline: Deadline, budget: Budget | None, find: Find) -> Reply:
    """The answer of the servers that hold the name. ``find`` gives the endpoints of a server whose glue is not given.

    A question counts once in the budget, as one to a resolver does. Raises Unseen.
    """
    if budget:
        budget.spend()
    asked = replace(question, recurse=False, ours=False, unchecked=False)
    name = dns.name.from_wire(question.name, 0)[0]
    # a DS record lies above the cut (RFC 4035 section 3.1.4.1)
    above = name.parent() if question.kind == dns.rdatatype.DS and name != dns.name.root else name
    zone, servers = await _closest(wire, above, find)
    for _step in range(MOST_REFERRALS):
        reply = await all_tries(wire, asked, servers, deadline, None)
        cut = _referral(reply, name, zone)
        if cut is None:
            return reply
        servers = await _servers(wire, cut, reply.message, zone, find)
        zone = cut.name
        run_of(wire).cuts[zone] = servers
    raise Unseen(Why.LIMIT, f"more than {MOST_REFERRALS} referrals from the root to {_text(name)}")


async def _closest(wire: Wire, name: dns.name.Name, find: Find) -> tuple[dns.name.Name, Servers]:
    """The nearest zone above a name whose servers are known: at first the root's."""
    cuts = run_of(wire).cuts
    if dns.name.root not in cuts:
        named = wire.settings.root_hints
        glue = dict(named)
        cuts[dns.name.root] = await _endpoints(wire, [host for host, _addresses in named], glue, find)
    while name not in cuts:
        name = name.parent()
    return name, cuts[name]


def _referral(reply: Reply, name: dns.name.Name, zone: dns.name.Name) -> dns.rrset.RRset | None:
    """The NS records that a server points to, None when its answer is the end. Raises Unseen(unresolved): points nowhere."""
    if reply.found is not None and not reply.refers:
        return None
    message = reply.message
    given = [rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.NS]
    if message.answer or message.flags & dns.flags.AA or not given:
        return None
    cut = given[0]
    if cut.name != zone and cut.name.is_subdomain(zone) and name.is_subdomain(cut.name):
        return cut
    raise Unseen(Why.UNRESOLVED, f"a server of {zone.to_text()} refers to {cut.name.to_text()} for {_text(name)}")


async def _servers(
    wire: Wire, cut: dns.rrset.RRset, message: dns.message.Message, zone: dns.name.Name, find: Find
) -> Servers:
    glue: dict[str, tuple[str, ...]] = {}
    for rrset in message.additional:
        if rrset.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA} and rrset.name.is_subdomain(zone):
            host = _text(rrset.name)
            glue[host] = (*glue.get(host, ()), *(record.address for record in rrset))
    return await _endpoints(wire, sorted(_text(server.target) for server in cut), glue, find)


async def _endpoints(wire: Wire, hosts: list[str], glue: dict[str, tuple[str, ...]], find: Find) -> Servers:
    """Where to ask: what the command line pins, then glue, then the first server whose addresses can be found."""
    settings = wire.settings
    found: list[Endpoint] = []
    for host in hosts:
        if (host, 53) in settings.connect_to or (host, 53) in settings.resolve:
            found += await find(host)
        else:
            found += [Endpoint(address, 53) for address in glue.get(host, ())]
    if found:
        return tuple(_spread(found))
    problem = Unseen(Why.UNRESOLVED, "no name server has an address")
    sought = _SOUGHT.get()
    for host in hosts[:MOST_SERVERS]:
        if host in sought:
            problem = Unseen(Why.UNRESOLVED, f"to find {host} one must have found it: zones wait for one another")
            continue
        token = _SOUGHT.set(sought | {host})
        try:
            return (await find(host))[:MOST_SERVERS]
        except Unseen as error:
            problem = error
        finally:
            _SOUGHT.reset(token)
    raise problem


def _spread(found: list[Endpoint]) -> Iterator[Endpoint]:
    """IPv4 first: a machine without IPv6 must not spend its tries on addresses it cannot reach."""
    yield from sorted(found, key=lambda endpoint: ":" in endpoint.address)[:MOST_SERVERS]
