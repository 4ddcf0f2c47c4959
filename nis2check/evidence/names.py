# SPDX-License-Identifier: EUPL-1.2
"""DNS questions over the wire: dnspython builds and parses, the query loop and its honesty are ours.

Rules for this file: an empty answer is returned only when a server proved it (NOERROR without the type, or NXDOMAIN, complete);
time-outs, SERVFAIL, REFUSED, truncation that TCP does not mend and unfinished CNAME chains raise `Unseen`. What a resolver
answered once is the answer of the whole run: a name that changes its address between two looks (rebinding) cannot move us.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, zip_longest
from weakref import WeakKeyDictionary

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

TRIES = 3
PAYLOAD = 1232  # EDNS buffer of DNS flag day 2020
TRY_SECONDS = 2.0
QUESTION_SECONDS = 8.0  # all tries of one question
MOST_ALIASES = 8  # CNAMEs followed, as resolvers do
MOST_ADDRESSES = 4  # of one name
MOST_IN_FLIGHT = 64  # questions to our resolver at a time: larger bursts lose datagrams
DEAD_SECONDS = 30.0  # how long a resolver that does not answer is left alone

# ------------------------------------------------------------------------------------------------------ what we keep


@dataclass(slots=True)
class Budget:
    """Queries that a look may still send: each try counts, over UDP or TCP."""

    left: int

    def spend(self) -> None:
        if self.left <= 0:
            raise Unseen(Why.LIMIT, "our own limit of DNS queries for one domain is reached")
        self.left -= 1


@dataclass(frozen=True, slots=True)
class _Question:
    name: dns.name.Name
    kind: dns.rdatatype.RdataType
    recurse: bool = True
    dnssec: bool = False
    tcp: bool = False
    ours: bool = True  # goes to our own resolver, which is no target

    def message(self, edns: bool) -> dns.message.QueryMessage:
        query = dns.message.make_query(self.name, self.kind, use_edns=0 if edns else False, payload=PAYLOAD)
        if edns and self.dnssec:
            query.want_dnssec()
        if not self.recurse:
            query.flags &= ~dns.flags.RD
        return query


@dataclass(slots=True)
class _Run:
    """What is known of our resolver, and what it said, in one run."""

    answers: dict[_Question, dns.message.Message] = field(default_factory=dict)
    pending: dict[_Question, asyncio.Future[dns.message.Message]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IN_FLIGHT))
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    heard: bool = False
    silent: int = 0  # questions in a row that nobody answered
    dead_until: float = 0.0


_runs: WeakKeyDictionary[Wire, _Run] = WeakKeyDictionary()


def _run(wire: Wire) -> _Run:
    if wire not in _runs:
        _runs[wire] = _Run()
    return _runs[wire]


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
    """The DNS name of a text, absolute. Raises Unseen(malformed): empty or too long labels, not IDNA."""
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise Unseen(Why.MALFORMED, f"not a DNS name: {text[:80]!r}") from None


# ---------------------------------------------------------------------------------------------------- one question


class _Ear:
    """Waits for the answer to one query: same id, same question, QR set.

    Junk that bears our id is remembered but not believed, so that a forger who is faster than the server gains nothing
    (TuDoor, CVE-2023-29483).
    """

    def __init__(self, query: dns.message.Message) -> None:
        self.answer: dns.message.Message | None = None
        self.junk = False
        self._query = query

    def __call__(self, data: bytes) -> bool:
        if data[:2] != self._query.id.to_bytes(2, "big"):
            return False
        if len(data) < 12:
            self.junk = True
            return False
        if not data[2] & 0x80:
            return False
        try:
            answer = _parse(data)
        except (dns.exception.DNSException, ValueError, IndexError, OverflowError):
            self.junk = True
            return False
        if self._ours(answer):
            self.answer = answer
        return self.answer is not None

    def _ours(self, answer: dns.message.Message) -> bool:
        if answer.opcode() != dns.opcode.QUERY:
            return False
        if not answer.question:  # some servers that know no EDNS send back a bare header
            return answer.rcode() in {dns.rcode.FORMERR, dns.rcode.NOTIMP}
        asked, told = self._query.question[0], answer.question[0]
        return (
            len(answer.question) == 1
            and told.name == asked.name
            and told.rdtype == asked.rdtype
            and told.rdclass == asked.rdclass
        )


def _parse(data: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        if not data[2] & 0x02:
            raise
        # truncated in the middle of a record: header and question are enough to go on with TCP
        return dns.message.from_wire(data, question_only=True, ignore_trailing=True)


async def _by_udp(
    wire: Wire, question: _Question, server: Endpoint, deadline: Deadline, edns: bool
) -> dns.message.Message:
    query = question.message(edns)
    ear = _Ear(query)
    try:
        await wire.datagram(server, query.to_wire(), ear, deadline, TRY_SECONDS, ours=question.ours)
    except Unseen:
        if ear.junk:
            raise Unseen(Why.MALFORMED, f"the answer of {server.address} cannot be read") from None
        raise
    assert ear.answer is not None  # noqa: S101 - datagram() returns only what the ear took
    return ear.answer


async def _by_tcp(
    wire: Wire, question: _Question, server: Endpoint, deadline: Deadline, edns: bool
) -> dns.message.Message:
    query = question.message(edns)
    ear = _Ear(query)
    payload = query.to_wire()
    # a deadline and not a time-out per read: a server that drips one byte a second ends too
    async with wire.connect(server, deadline.sooner(2 * TRY_SECONDS), ours=question.ours) as connection:
        connection.write(len(payload).to_bytes(2, "big") + payload)
        size = int.from_bytes(await connection.read_exactly(2), "big")
        data = await connection.read_exactly(size)
    if not ear(data) or ear.answer is None:
        raise Unseen(Why.MALFORMED, f"the answer of {server.address} over TCP cannot be read")
    return ear.answer


async def _one_try(
    wire: Wire, question: _Question, server: Endpoint, deadline: Deadline, budget: Budget | None, edns: bool
) -> dns.message.Message:
    """One server's answer, TCP and plain DNS tried where the answer asks for them. Raises Unseen."""
    if budget:
        budget.spend()
    ask_by = _by_tcp if question.tcp else _by_udp
    answer = await ask_by(wire, question, server, deadline, edns)
    if question.ours:
        run = _run(wire)
        run.heard, run.silent, run.dead_until = True, 0, 0.0
    if edns and answer.rcode() in {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}:
        return await _one_try(wire, question, server, deadline, budget, False)
    if answer.flags & dns.flags.TC:
        if question.tcp:
            raise Unseen(Why.MALFORMED, f"{server.address} truncates over TCP too")
        return await _one_try(wire, replace(question, tcp=True), server, deadline, budget, edns)
    return _told(answer, server)


def _told(answer: dns.message.Message, server: Endpoint) -> dns.message.Message:
    """The answer itself if it says something of the name. Raises Unseen for every rcode that does not."""
    rcode = answer.rcode()
    if rcode in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return answer
    why = {
        dns.rcode.SERVFAIL: Why.SERVFAIL,
        dns.rcode.REFUSED: Why.REFUSED,
        dns.rcode.NOTAUTH: Why.REFUSED,
        dns.rcode.NOTIMP: Why.REFUSED,
    }.get(rcode, Why.MALFORMED)
    extra = [f", {option.code.name}" for option in answer.options if isinstance(option, dns.edns.EDEOption)]
    raise Unseen(why, f"{dns.rcode.to_text(rcode)} from {server.address}" + "".join(extra[:1]))


_SILENCE = {Why.TIMEOUT, Why.DEADLINE}


async def _all_tries(
    wire: Wire, question: _Question, servers: tuple[Endpoint, ...], deadline: Deadline, budget: Budget | None
) -> dns.message.Message:
    """Three tries spread over the servers; the last one without EDNS if all was silent (some firewalls drop EDNS)."""
    silent, problem = True, Unseen(Why.TIMEOUT, "no answer")
    for turn in range(TRIES):
        server = servers[turn % len(servers)]
        edns = not (silent and turn == TRIES - 1)
        try:
            return await _one_try(wire, question, server, deadline, budget, edns)
        except Unseen as error:
            if error.why is Why.LIMIT:
                raise
            # what a server said tells more than the silence of another
            if error.why not in _SILENCE or silent:
                problem = error
            silent = silent and error.why in _SILENCE
        if question.ours and not _run(wire).heard:
            await _require_resolver(wire, servers, deadline)
        if deadline.left() <= 0:
            break
    raise problem


# -------------------------------------------------------------------------------------------------- our own resolver


async def _require_resolver(wire: Wire, servers: tuple[Endpoint, ...], deadline: Deadline) -> None:
    """Raise Unseen(unresolved) when no resolver answers even for the root: then the fault is ours, not the name's.

    Asked once for all the looks that wait, and believed for `DEAD_SECONDS`, so that a fleet does not wait target by target.
    """
    run = _run(wire)
    async with run.checking:
        if not run.heard and time.monotonic() >= run.dead_until:
            root = _Question(dns.name.root, dns.rdatatype.NS)
            tries = (_by_udp(wire, root, server, deadline.sooner(TRY_SECONDS), True) for server in servers[:TRIES])
            answers = await asyncio.gather(*tries, return_exceptions=True)
            run.heard = any(isinstance(answer, dns.message.Message) for answer in answers)
            if not run.heard:
                run.dead_until = time.monotonic() + DEAD_SECONDS
    if not run.heard:
        raise _dead(servers)


def _dead(servers: tuple[Endpoint, ...]) -> Unseen:
    return Unseen(Why.UNRESOLVED, f"our resolver does not answer: {', '.join(s.address for s in servers[:TRIES])}")


async def _from_resolver(
    wire: Wire, question: _Question, deadline: Deadline, budget: Budget | None
) -> dns.message.Message:
    run = _run(wire)
    servers = resolvers(wire)
    if not servers:
        raise Unseen(Why.UNRESOLVED, "no resolver is configured on this machine")
    async with run.gate:
        if time.monotonic() < run.dead_until:
            raise _dead(servers)
        try:
            return await _all_tries(wire, question, servers, deadline, budget)
        except Unseen as error:
            if error.why in _SILENCE:
                run.silent += 1
                run.heard = run.heard and run.silent < TRIES  # it may have died since: ask it about the root again
            raise


async def _shared(wire: Wire, question: _Question, deadline: Deadline, budget: Budget | None) -> dns.message.Message:
    """The resolver's answer, the same for all who ask in this run; those who ask at the same time wait for one question."""
    run = _run(wire)
    while (known := run.answers.get(question)) is None and (pending := run.pending.get(question)) is not None:
        try:
            async with asyncio.timeout(deadline.left()):
                return await asyncio.shield(pending)
        except TimeoutError:
            raise Unseen(Why.DEADLINE, "no time left") from None
        except Unseen as error:
            if error.why not in {Why.DEADLINE, Why.LIMIT}:  # those are the other asker's, not the name's
                raise Unseen(error.why, error.detail) from None
    if known is not None:
        return known
    run.pending[question] = asyncio.get_running_loop().create_future()
    outcome: dns.message.Message | Unseen = Unseen(Why.DEADLINE, "the first asker was cancelled")
    try:
        outcome = run.answers[question] = await _from_resolver(wire, question, deadline, budget)
        return outcome
    except Unseen as error:
        outcome = error
        raise
    finally:
        _settle(run.pending.pop(question), outcome)


def _settle(future: asyncio.Future[dns.message.Message], outcome: dns.message.Message | Unseen) -> None:
    if isinstance(outcome, Unseen):
        future.set_exception(outcome)
        future.exception()  # nobody may be waiting: then there is nothing to complain about
    else:
        future.set_result(outcome)


# ------------------------------------------------------------------------------------------------ what others may ask


async def ask(
    wire: Wire,
    name: str,
    kind: str,
    deadline: Deadline,
    *,
    servers: tuple[Endpoint, ...] = (),
    recurse: bool = True,
    dnssec: bool = False,
    tcp: bool = False,
    budget: Budget | None = None,
) -> dns.message.Message:
    """The answer to one question, whole (NOERROR or NXDOMAIN), from the first server that gives one. Raises Unseen.

    ``servers`` are name servers of a target, under the guard; without them our resolver is asked, once a run.
    """
    question = _Question(
        name_of(name), dns.rdatatype.from_text(kind), recurse=recurse, dnssec=dnssec, tcp=tcp, ours=not servers
    )
    until = deadline.sooner(QUESTION_SECONDS)
    try:
        if servers:
            return await _all_tries(wire, question, servers, until, budget)
        return await _shared(wire, question, until, budget)
    except Unseen as error:
        if error.why is Why.DEADLINE and deadline.left() > 0:
            raise Unseen(Why.TIMEOUT, f"{kind} {name}: no answer within {QUESTION_SECONDS:.0f} s") from None
        raise


async def records(
    wire: Wire, name: str, kind: str, deadline: Deadline, *, budget: Budget | None = None
) -> tuple[dns.rdata.Rdata, ...]:
    """The records of a name, CNAMEs followed; () only when their absence is proved. Raises Unseen."""
    seen = {owner := name_of(name)}
    answer = await ask(wire, name, kind, deadline, budget=budget)
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
    _run(wire).left_out[host.lower()] = max(0, len(every) - MOST_ADDRESSES)
    return tuple(every[:MOST_ADDRESSES])


def left_out(wire: Wire, host: str) -> int:
    """How many addresses of a name were left out of this run, beyond the first 4."""
    return _run(wire).left_out.get(host.lower(), 0)


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
