# SPDX-License-Identifier: EUPL-1.2
"""DNS questions over the wire: dnspython builds and parses, the query loop and its honesty are ours.

Rules for this file: an empty answer is returned only when a server proved it (NOERROR without the type, or NXDOMAIN, complete);
time-outs, SERVFAIL, REFUSED, truncation that TCP does not mend and unfinished CNAME chains raise `Unseen`. A name is resolved
once a run: one that changes its address between two looks (rebinding) cannot move us.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from functools import lru_cache, partial
from itertools import chain, zip_longest

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from nis2check.evidence.iterate import from_the_root
from nis2check.evidence.observe import Unseen
from nis2check.evidence.question import Budget, Question, all_tries, from_resolver, run_of, shared
from nis2check.evidence.reply import Reply
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

QUESTION_SECONDS = 8.0  # all tries of one question, from our turn to ask
MOST_ALIASES = 8  # CNAMEs followed, as resolvers do
MOST_ADDRESSES = 4  # of one name


@lru_cache(maxsize=1)
def _system() -> tuple[Endpoint, ...]:
    import dns.resolver

    try:
        configured = dns.resolver.Resolver()
    except dns.exception.DNSException:
        return ()
    return tuple(
        Endpoint(str(server), configured.port) for server in configured.nameservers if "://" not in str(server)
    )


def resolvers(wire: Wire) -> tuple[Endpoint, ...]:
    """The resolver of the command line, else the system's. It is ours, not a target: the guard does not apply to it."""
    return (wire.settings.resolver,) if wire.settings.resolver else _system()


def name_of(text: str) -> dns.name.Name:
    """The DNS name of a text, absolute. Raises Unseen(malformed): empty or too long labels, not IDNA, the root."""
    try:
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError):
        name = dns.name.root
    if name == dns.name.root:
        raise Unseen(Why.MALFORMED, f"not a DNS name: {text[:80]!r}")
    return name


async def ask(
    wire: Wire,
    name: str | dns.name.Name,
    kind: str,
    deadline: Deadline,
    *,
    servers: tuple[Endpoint, ...] = (),
    recurse: bool = True,
    dnssec: bool = False,
    tcp: bool = False,
    unchecked: bool = False,
    budget: Budget | None = None,
) -> dns.message.Message:
    """The answer to one question, whole (NOERROR or NXDOMAIN), from the first server that gives one. Raises Unseen.

    ``servers`` are name servers of a target, under the guard; without them our resolver is asked, once a run, and with
    ``unchecked`` it is asked not to validate (RFC 4035 section 3.2.2).
    """
    question = Question(
        _digestable(name),
        _kind(kind),
        recurse=recurse,
        dnssec=dnssec,
        tcp=tcp,
        ours=not servers,
        unchecked=unchecked and not servers,
    )
    return (await _reply(wire, question, servers, deadline, budget)).message


_PLAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE | re.ASCII)
_kind = lru_cache(maxsize=64)(dns.rdatatype.from_text)


def _digestable(name: str | dns.name.Name) -> bytes:
    """A name in wire form, lower case; a plain one without dnspython, which takes ten times as long. Raises Unseen."""
    if isinstance(name, str):
        if len(name) <= 253 and _PLAIN.fullmatch(name):
            labels = name.lower().rstrip(".").encode("ascii").split(b".")
            return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"
        name = name_of(name)
    return name.to_digestable()


async def _reply(
    wire: Wire, question: Question, servers: tuple[Endpoint, ...], deadline: Deadline, budget: Budget | None
) -> Reply:
    until = deadline.sooner(QUESTION_SECONDS)
    try:
        if servers:
            return await all_tries(wire, question, servers, until, budget)
        if wire.settings.root_hints:
            find = partial(_server, wire, deadline=until)
            return await shared(wire, question, until, partial(from_the_root, wire, question, until, budget, find))
        if not (ours := resolvers(wire)):
            raise Unseen(Why.UNRESOLVED, "no resolver is configured on this machine")
        ask_ours = partial(from_resolver, wire, question, ours, deadline, budget, QUESTION_SECONDS)
        return await shared(wire, question, deadline, ask_ours)
    except Unseen as error:
        if error.why is Why.DEADLINE and deadline.left() > 0:
            name = dns.name.from_wire(question.name, 0)[0].to_text(omit_final_dot=True)
            what = f"{dns.rdatatype.to_text(question.kind)} {name}"
            raise Unseen(Why.TIMEOUT, f"{what}: no answer within {QUESTION_SECONDS:.0f} s") from None
        raise


async def _server(wire: Wire, host: str, *, deadline: Deadline) -> tuple[Endpoint, ...]:
    return await endpoints(wire, host, 53, deadline)


async def records(
    wire: Wire, name: str, kind: str, deadline: Deadline, *, budget: Budget | None = None
) -> tuple[dns.rdata.Rdata, ...]:
    """The records of a name, CNAMEs followed; () only when their absence is proved. Raises Unseen."""
    reply = await _reply(wire, Question(_digestable(name), _kind(kind)), (), deadline, budget)
    if reply.found is not None:
        if reply.refers:
            raise Unseen(Why.UNRESOLVED, f"{kind} {name}: the resolver refers to other servers instead of answering")
        return reply.found
    return await _behind_aliases(wire, name, name_of(name), kind, reply.message, deadline, budget)


async def _behind_aliases(
    wire: Wire,
    name: str,
    owner: dns.name.Name,
    kind: str,
    answer: dns.message.Message,
    deadline: Deadline,
    budget: Budget | None,
) -> tuple[dns.rdata.Rdata, ...]:
    seen = {owner}
    while True:
        aliases = {rrset.name: rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.CNAME}
        found = [
            rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind) and rrset.name == owner
        ]
        if found:
            return tuple(found[0])
        if owner not in aliases:
            break
        while owner in aliases:
            owner = _next_alias(aliases[owner], seen)
        if not any(rrset.name == owner for rrset in answer.answer) and answer.rcode() != dns.rcode.NXDOMAIN:
            answer = await ask(wire, owner.to_text(), kind, deadline, budget=budget)
    if _is_referral(answer):
        raise Unseen(Why.UNRESOLVED, f"{kind} {name}: the resolver refers to other servers instead of answering")
    return ()


def _next_alias(alias: dns.rrset.RRset, seen: set[dns.name.Name]) -> dns.name.Name:
    target: dns.name.Name = alias[0].target
    if target in seen:
        raise Unseen(Why.MALFORMED, f"CNAME loop at {target.to_text(omit_final_dot=True)[:100]}")
    seen.add(target)
    if len(seen) > MOST_ALIASES + 1:
        raise Unseen(Why.MALFORMED, f"CNAME chain too long: more than {MOST_ALIASES}")
    return target


def _is_referral(answer: dns.message.Message) -> bool:
    """Whether an empty answer only points elsewhere (RFC 2308 section 2.2): that proves nothing of the name."""
    kinds = {rrset.rdtype for rrset in answer.authority}
    return not answer.flags & dns.flags.AA and dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds


async def addresses(wire: Wire, host: str, deadline: Deadline, *, budget: Budget | None = None) -> tuple[str, ...]:
    """The A and AAAA of a name, sorted, families alternating, 4 at most; one family may fail without hiding the other.

    Raises Unseen(unresolved) when it is proved that there are none.
    """
    asked = (records(wire, host, kind, deadline, budget=budget) for kind in ("A", "AAAA"))
    families = await asyncio.gather(*asked, return_exceptions=True)
    found: list[list[str]] = []
    problems: list[BaseException] = []
    for family in families:
        if isinstance(family, BaseException):
            problems.append(family)
        else:
            found.append([str(a) for a in sorted(ipaddress.ip_address(record.to_text()) for record in family)])
    every = [address for address in chain.from_iterable(zip_longest(*found)) if address is not None]
    if not every:
        raise problems[0] if problems else Unseen(Why.UNRESOLVED, f"{host} has no address")
    run_of(wire).left_out[host.lower()] = max(0, len(every) - MOST_ADDRESSES)
    return tuple(every[:MOST_ADDRESSES])


def left_out(wire: Wire, host: str) -> int:
    """How many addresses of a name were left out of this run, beyond the first 4."""
    return run_of(wire).left_out.get(host.lower(), 0)


async def endpoints(
    wire: Wire, host: str, port: int, deadline: Deadline, *, budget: Budget | None = None
) -> tuple[Endpoint, ...]:
    """Where to connect for ``host:port``: ``--connect-to``, ``--resolve``, a literal, or every A and AAAA (4 at most),
    each checked by the guard. Raises Unseen: unresolved, out_of_scope, timeout…"""
    host = host.rstrip(".").lower()
    to_host, port = wire.settings.connect_to.get((host, port), ("", port))
    host = to_host.strip("[]") or host
    pinned = wire.settings.resolve.get((host, port), ())
    found = pinned or ((host,) if _is_literal(host) else await addresses(wire, host, deadline, budget=budget))
    allowed, refused = [], []
    for address in found:
        try:
            wire.check(address)
            allowed.append(Endpoint(address, port))
        except Unseen as error:
            refused.append(error)
    if not allowed:
        raise refused[0]
    return tuple(allowed)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
