# SPDX-License-Identifier: EUPL-1.2
"""One DNS question: the query loop, its three tries, its budget, and what is remembered of our own resolver in a run.

Rules for this file: an answer is ours only with the id and the question we sent; every try has its time and is counted; what
a resolver answered once is the answer of the whole run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from secrets import randbits
from struct import pack
from weakref import WeakKeyDictionary

import dns.edns
import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from nis2check.evidence.observe import Unseen
from nis2check.evidence.reply import Reply, read
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

TRIES = 3
PAYLOAD = 1232  # EDNS buffer of DNS flag day 2020
TRY_SECONDS = 2.0
MOST_IN_FLIGHT = 64  # questions to our resolver at a time: larger bursts lose datagrams
DEAD_SECONDS = 30.0  # how long a resolver that does not answer is left alone

Servers = tuple[Endpoint, ...]

# ------------------------------------------------------------------------------------------------------ what we keep


@dataclass(slots=True)
class Budget:
    """Queries that a look may still send: each try counts, over UDP or TCP."""

    left: int

    def spend(self) -> None:
        if self.left <= 0:
            raise Unseen(Why.LIMIT, "our own limit of DNS queries for one domain is reached")
        self.left -= 1


class Declined(Unseen):
    """A server did answer, but with an rcode that says nothing of the name: that much was seen."""


@dataclass(frozen=True, slots=True)
class Question:
    name: bytes  # in wire form, lower case
    kind: dns.rdatatype.RdataType
    recurse: bool = True
    dnssec: bool = False
    tcp: bool = False
    ours: bool = True  # goes to our own resolver, which is no target
    unchecked: bool = False  # a resolver that validates is asked not to: bogus zones are what we came to see

    @property
    def section(self) -> bytes:
        """The question section (RFC 1035 section 4.1.2)."""
        return self.name + pack("!HH", self.kind, dns.rdataclass.IN)

    def query(self, edns: bool) -> bytes:
        """The message to send, with a random id; ten times cheaper to build here than from dnspython's objects."""
        flags = (dns.flags.RD if self.recurse else 0) | (dns.flags.CD if self.unchecked else 0)
        head = pack("!HHHHHH", randbits(16), flags, 1, 0, 0, int(edns))
        # the OPT record of RFC 6891 section 6.1.2: root, type, our buffer as class, flags as TTL, no option
        option = pack("!BHHIH", 0, dns.rdatatype.OPT, PAYLOAD, dns.flags.DO if self.dnssec else 0, 0)
        return head + self.section + (option if edns else b"")


@dataclass(slots=True)
class Run:
    """What is known of our resolver, and what it said, in one run."""

    answers: dict[Question, Reply] = field(default_factory=dict)
    pending: dict[Question, asyncio.Future[Reply]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    cuts: dict[dns.name.Name, Servers] = field(
        default_factory=dict
    )  # servers of the zones met on the way from the root
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IN_FLIGHT))
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    heard: bool = False
    silent: int = 0  # questions in a row that nobody answered
    dead_until: float = 0.0


_runs: WeakKeyDictionary[Wire, Run] = WeakKeyDictionary()


def run_of(wire: Wire) -> Run:
    if wire not in _runs:
        _runs[wire] = Run()
    return _runs[wire]


# ---------------------------------------------------------------------------------------------------- one question


class _Ear:
    """Waits for the answer to one query: same id, same question, QR set.

    Junk that bears our id is remembered but not believed, so that a forger who is faster than the server gains nothing
    (TuDoor, CVE-2023-29483).
    """

    def __init__(self, query: bytes, question: Question) -> None:
        self.answer: Reply | None = None
        self.junk = False
        self._id = query[:2]
        self._section = question.section
        self._kind = question.kind

    def __call__(self, data: bytes) -> bool:
        if data[:2] != self._id:
            return False
        if len(data) < 12:
            self.junk = True
            return False
        if not data[2] & 0x80 or data[2] & 0x78:  # no answer, or to another opcode than QUERY
            return False
        try:
            if self._ours(data):
                self.answer = read(data, self._section, self._kind)
        except (dns.exception.DNSException, ValueError, IndexError, OverflowError):
            self.junk = True
        return self.answer is not None

    def _ours(self, data: bytes) -> bool:
        count = int.from_bytes(data[4:6], "big")
        if count == 0:  # some servers that know no EDNS send back a bare header
            return data[3] & 0x0F in {dns.rcode.FORMERR, dns.rcode.NOTIMP}
        # length octets are below 64, so that lower() changes letters only
        asked = data[12 : 12 + len(self._section)]
        return count == 1 and (asked == self._section or asked.lower() == self._section.lower())


async def _by_udp(wire: Wire, question: Question, server: Endpoint, deadline: Deadline, edns: bool) -> Reply:
    query = question.query(edns)
    ear = _Ear(query, question)
    try:
        await wire.datagram(server, query, ear, deadline, TRY_SECONDS, ours=question.ours)
    except Unseen:
        if ear.junk:
            raise Unseen(Why.MALFORMED, f"the answer of {server.address} cannot be read") from None
        raise
    assert ear.answer is not None  # datagram() returns only what the ear took
    return ear.answer


async def _by_tcp(wire: Wire, question: Question, server: Endpoint, deadline: Deadline, edns: bool) -> Reply:
    query = question.query(edns)
    ear = _Ear(query, question)
    # a deadline and not a time-out per read: a server that drips one byte a second ends too
    async with wire.connect(server, deadline.sooner(2 * TRY_SECONDS), ours=question.ours) as connection:
        connection.write(len(query).to_bytes(2, "big") + query)
        size = int.from_bytes(await connection.read_exactly(2), "big")
        data = await connection.read_exactly(size)
    if not ear(data) or ear.answer is None:
        raise Unseen(Why.MALFORMED, f"the answer of {server.address} over TCP cannot be read")
    return ear.answer


async def one_try(
    wire: Wire,
    question: Question,
    server: Endpoint,
    deadline: Deadline,
    budget: Budget | None,
    edns: bool = True,
) -> Reply:
    """One server's answer, TCP and plain DNS tried where the answer asks for them. Raises Unseen."""
    if budget:
        budget.spend()
    ask_by = _by_tcp if question.tcp else _by_udp
    answer = await ask_by(wire, question, server, deadline, edns)
    if question.ours:
        run = run_of(wire)
        run.heard, run.silent, run.dead_until = True, 0, 0.0
    if edns and answer.rcode in {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}:
        return await one_try(wire, question, server, deadline, budget, False)
    if answer.flags & dns.flags.TC:
        if question.tcp:
            raise Unseen(Why.MALFORMED, f"{server.address} truncates over TCP too")
        return await one_try(wire, replace(question, tcp=True), server, deadline, budget, edns)
    return _told(answer, server)


def _told(answer: Reply, server: Endpoint) -> Reply:
    """The answer itself if it says something of the name. Raises Unseen for every rcode that does not."""
    if answer.rcode in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return answer
    rcode = dns.rcode.Rcode.make(answer.rcode)
    why = {
        dns.rcode.SERVFAIL: Why.SERVFAIL,
        dns.rcode.REFUSED: Why.REFUSED,
        dns.rcode.NOTAUTH: Why.REFUSED,
        dns.rcode.NOTIMP: Why.REFUSED,
    }.get(rcode, Why.MALFORMED)
    # RFC 8914: says for instance that a SERVFAIL comes from a bogus signature (6)
    extra = [
        f", extended error {int(option.code)}"
        for option in answer.message.options
        if isinstance(option, dns.edns.EDEOption)
    ]
    raise Declined(why, f"{dns.rcode.to_text(rcode)} from {server.address}" + "".join(extra[:1]))


_SILENCE = {Why.TIMEOUT, Why.DEADLINE}


async def all_tries(
    wire: Wire, question: Question, servers: Servers, deadline: Deadline, budget: Budget | None
) -> Reply:
    """Three tries spread over the servers; the last one without EDNS if all was silent (some firewalls drop EDNS)."""
    silent, problem = True, Unseen(Why.TIMEOUT, "no answer")
    for turn in range(TRIES):
        server = servers[turn % len(servers)]
        edns = not (silent and turn == TRIES - 1)
        try:
            return await one_try(wire, question, server, deadline, budget, edns)
        except Unseen as error:
            if error.why is Why.LIMIT:  # no further try: what the earlier ones met is the better reason
                raise (problem if turn else error) from None
            # what a server said tells more than the silence of another
            if error.why not in _SILENCE or silent:
                problem = error
            silent = silent and error.why in _SILENCE
        if question.ours and not run_of(wire).heard:
            await _require_resolver(wire, servers)
        if deadline.left() <= 0:
            break
    raise problem


# -------------------------------------------------------------------------------------------------- our own resolver


async def _require_resolver(wire: Wire, servers: Servers) -> None:
    """Raise Unseen(unresolved) when no resolver answers even for the root: then the fault is ours, not the name's.

    Asked once for all the looks that wait, and believed for `DEAD_SECONDS`, so that a fleet does not wait target by target.
    """
    run = run_of(wire)
    async with run.checking:
        if not run.heard and time.monotonic() >= run.dead_until:
            root = Question(b"\0", dns.rdatatype.NS)
            # a time of its own: an asker who has none left must not condemn the resolver
            soon = Deadline.after(TRY_SECONDS)
            tries = (_by_udp(wire, root, server, soon, True) for server in servers[:TRIES])
            for answer in await asyncio.gather(*tries, return_exceptions=True):
                run.heard |= isinstance(answer, Reply) or getattr(answer, "why", None) is Why.MALFORMED
            if not run.heard:
                run.dead_until = time.monotonic() + DEAD_SECONDS
    if not run.heard:
        raise _dead(servers)


def _dead(servers: Servers) -> Unseen:
    return Unseen(Why.UNRESOLVED, f"our resolver does not answer: {', '.join(s.address for s in servers[:TRIES])}")


async def from_resolver(
    wire: Wire, question: Question, servers: Servers, deadline: Deadline, budget: Budget | None, seconds: float
) -> Reply:
    """The answer of our own resolver, within ``seconds`` of our turn to ask: waiting for it is not its silence. Raises Unseen."""
    run = run_of(wire)
    async with run.gate:
        if deadline.left() <= 0:
            raise Unseen(Why.DEADLINE, "no time left")
        if time.monotonic() < run.dead_until:
            raise _dead(servers)
        try:
            return await all_tries(wire, question, servers, deadline.sooner(seconds), budget)
        except Unseen as error:
            if error.why in _SILENCE:
                run.silent += 1
                run.heard = run.heard and run.silent < TRIES  # it may have died since: ask it about the root again
            raise


async def shared(wire: Wire, question: Question, deadline: Deadline, ask: Callable[[], Awaitable[Reply]]) -> Reply:
    """The one answer of this run to a question; those who ask at the same time wait for the first, who does ``ask``."""
    run = run_of(wire)
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
    outcome: Reply | Unseen = Unseen(Why.DEADLINE, "the first asker was cancelled")
    try:
        outcome = run.answers[question] = await ask()
        return outcome
    except Unseen as error:
        outcome = error
        raise
    finally:
        _settle(run.pending.pop(question), outcome)


def _settle(future: asyncio.Future[Reply], outcome: Reply | Unseen) -> None:
    if isinstance(outcome, Unseen):
        future.set_exception(outcome)
        future.exception()  # nobody may be waiting: then there is nothing to complain about
    else:
        future.set_result(outcome)
