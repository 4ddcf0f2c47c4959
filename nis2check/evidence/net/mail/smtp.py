# SPDX-License-Identifier: EUPL-1.2
"""One polite SMTP session per mail server: banner, EHLO, STARTTLS and half a TLS hello, or QUIT. No mail is ever named.

Rules for this file: one connection at a time and one session an address and run, whatever the number of domains that the server
serves; a server that says "later" (4xx) is not asked again and proves nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from nis2check.evidence.net.tls import extras, sealed
from nis2check.evidence.net.tls.answer import Exchange
from nis2check.evidence.net.tls.hello import Hello, Wanted, encode
from nis2check.evidence.net.tls.plan import public_suites
from nis2check.evidence.net.tls.tables import TLS10, TLS11, TLS12, TLS13, X25519, version_name
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Connection, Deadline, Endpoint, Wire
from nis2check.model import Why

BANNER_SECONDS = 10.0  # postscreen makes clients wait six
REPLY_SECONDS = 8.0
SESSION_SECONDS = 25.0
MOST_LINE = 2048
MOST_LINES = 100
AGAIN_SECONDS = 20.0  # a failure is believed this long by the other domains of the same server
BLOCKED_AFTER = 4  # addresses that time out, none reached: it is our own network

# With a key share, so that a server of TLS 1.3 shows its certificate too: DANE is about that one.
_HELLO = Hello(
    "any version after STARTTLS",
    (TLS13, TLS12, TLS11, TLS10),
    (*sealed.SUITES, *public_suites(TLS12)[:40]),
    sealed.GROUPS,
    wanted=Wanted.WHOLE,
    shares=(X25519,),
    proves="the TLS version that the mail server chooses, and its certificate",
)
_LINE = re.compile(rb"([2-5][0-9]{2})([ \-]?)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its code, and the text of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def shown(self) -> str:
        return f"{self.code} {self.lines[0] if self.lines else ''}"[:120].strip()


@dataclass(frozen=True, slots=True)
class Session:
    """What a server said: whether it offers STARTTLS, by which answer, the TLS version it chose, and its certificates (DER,
    its own first), or why they are not known."""

    starttls: bool
    where: str
    version: str = ""
    no_version: Unseen | None = None
    chain: tuple[bytes, ...] = ()
    no_chain: Unseen | None = None


@dataclass(slots=True)
class _Run:
    locks: dict[Endpoint, asyncio.Lock] = field(default_factory=dict)
    sessions: dict[Endpoint, Session] = field(default_factory=dict)
    problems: dict[Endpoint, tuple[float, Unseen]] = field(default_factory=dict)
    silent: set[Endpoint] = field(default_factory=set)
    reached: bool = False


_runs: WeakKeyDictionary[Wire, _Run] = WeakKeyDictionary()


async def session(wire: Wire, host: str, endpoint: Endpoint, deadline: Deadline) -> Session:
    """The session with one address of a host, shared by all who ask in this run. Raises Unseen."""
    run = _runs.setdefault(wire, _Run())
    lock = run.locks.setdefault(endpoint, asyncio.Lock())
    try:
        async with asyncio.timeout(deadline.left()), lock:
            if endpoint in run.sessions:
                return run.sessions[endpoint]
            until, problem = run.problems.get(endpoint, (0.0, None))
            if problem is not None and time.monotonic() < until:
                raise Unseen(problem.why, problem.detail)
            return await _first(wire, run, host, endpoint, deadline.sooner(SESSION_SECONDS))
    except TimeoutError:
        raise Unseen(Why.DEADLINE, "no time left for SMTP") from None


async def _first(wire: Wire, run: _Run, host: str, endpoint: Endpoint, deadline: Deadline) -> Session:
    if not run.reached and len(run.silent) >= BLOCKED_AFTER:
        raise Unseen(Why.TIMEOUT, _blocked(run))
    try:
        async with wire.connect(endpoint, deadline) as connection:
            run.reached = True
            run.sessions[endpoint] = await _talk(wire, host, connection)
            wire.answered_us(endpoint.address)
            return run.sessions[endpoint]
    except Unseen as problem:
        if problem.why is Why.RATE_LIMITED:
            wire.refused_us(endpoint.address)
        if problem.why in {Why.TIMEOUT, Why.DEADLINE}:  # the deadline is the session's: to the look it is a silence
            run.silent |= set() if run.reached else {endpoint}
            problem = Unseen(Why.TIMEOUT, problem.detail if run.reached else _blocked(run))
        run.problems[endpoint] = (time.monotonic() + AGAIN_SECONDS, problem)
        raise problem from None


def _blocked(run: _Run) -> str:
    return f"port 25 may be closed on our own network: no mail server of {len(run.silent)} tried answered"


async def _talk(wire: Wire, host: str, connection: Connection) -> Session:
    banner = await read_reply(connection, BANNER_SECONDS)
    if banner.code != 220:
        raise _declined(banner, "banner")
    greeting = await _say(connection, f"EHLO {_our_name(wire, connection)}")
    if greeting.code == 250 and any(line.split(" ")[0].upper() == "STARTTLS" for line in greeting.lines[1:]):
        return await _start_tls(host, connection)
    # RFC 5321 section 4.2.4: a server that answers 500 or 502 does not know EHLO, so it has no extension
    if greeting.code not in {250, 500, 502}:
        raise _declined(greeting, "EHLO")
    await _leave(connection)
    return Session(False, f"EHLO: {greeting.code}")


async def _start_tls(host: str, connection: Connection) -> Session:
    """The server's consent, and its ServerHello. What is offered but then refused (RFC 3207 section 4: 454) is not offered."""
    consent = await _say(connection, "STARTTLS")
    if consent.code != 220:
        raise _declined(consent, "STARTTLS is listed, then refused")
    connection.discard()  # plain text that came with the consent is no part of TLS
    shares = {group: sealed.Share(group) for group in _HELLO.shares}
    record = encode(_HELLO, host, {group: share.public() for group, share in shares.items()})
    exchange = Exchange(_HELLO, sealed.Opener(record[5:], shares))
    connection.write(record)
    trouble: Unseen | None = None
    try:
        while not exchange.feed(await _some(connection)):
            pass
    except Unseen as problem:
        trouble = problem
    if exchange.server is None:
        why = trouble or Unseen(Why.REFUSED, exchange.answer().words())
        return Session(True, "STARTTLS", no_version=why, no_chain=why)
    version = version_name(exchange.server.version)
    try:
        return Session(True, "STARTTLS", version, chain=extras.chain(exchange.answer(trouble)))
    except Unseen as problem:
        return Session(True, "STARTTLS", version, no_chain=trouble or problem)


async def _some(connection: Connection) -> bytes:
    data = await connection.read(REPLY_SECONDS)
    if not data:
        raise Unseen(Why.CLOSED, "closed after STARTTLS")
    return data


async def _leave(connection: Connection) -> None:
    """QUIT, and wait a little for the goodbye: a server that sees a reset counts it against us."""
    try:
        connection.write(b"QUIT\r\n")
        await read_reply(connection, 2.0)
    except Unseen:
        pass


async def _say(connection: Connection, command: str) -> Reply:
    connection.write(command.encode("ascii", "replace") + b"\r\n")
    return await read_reply(connection, REPLY_SECONDS)


def _our_name(wire: Wire, connection: Connection) -> str:
    """The domain of the contact, else our address: what a client without a name says (RFC 5321 section 4.1.4)."""
    domain = wire.settings.contact.rpartition("@")[2]
    if re.fullmatch(r"[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+", domain):
        return domain
    address = connection.local_address
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _declined(reply: Reply, when: str) -> Unseen:
    """4xx asks to come later (greylist, too many); 5xx does not want us (block list): neither tells of STARTTLS."""
    why = Why.RATE_LIMITED if 400 <= reply.code < 500 else Why.BLOCKED
    return Unseen(why, f"{when}: {reply.shown}")


async def read_reply(connection: Connection, seconds: float) -> Reply:
    """One reply of one or more lines (RFC 5321 section 4.2.1). Raises Unseen: malformed, limit, timeout, closed…"""
    code, lines = 0, []
    until = connection.deadline.sooner(seconds)
    for _line in range(MOST_LINES):
        line = await connection.read_until(b"\n", MOST_LINE, max(0.1, until.left()))
        found = _LINE.fullmatch(line.rstrip(b"\r\n"))
        if not found or (code and int(found[1]) != code):
            raise Unseen(Why.MALFORMED, f"not an SMTP reply: {line[:60].decode('ascii', 'replace').strip()!r}")
        code = int(found[1])
        lines.append(found[3].decode("utf-8", "replace"))
        if found[2] != b"-":
            return Reply(code, tuple(lines))
        if until.left() <= 0:
            raise Unseen(Why.TIMEOUT, "a reply without an end")
    raise Unseen(Why.LIMIT, f"a reply of more than {MOST_LINES} lines")
