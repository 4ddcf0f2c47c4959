# SPDX-License-Identifier: EUPL-1.2
"""What one hello was answered with: a closed list of kinds, and only the first three prove something.

`Exchange` gathers the bytes of one connection until what the hello wanted is there; `Answer` is what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nis2check.evidence.net.tls import records
from nis2check.evidence.net.tls.hello import Hello, Wanted
from nis2check.evidence.net.tls.records import Flight, KeyExchange, ServerHello, malformed
from nis2check.evidence.net.tls.sealed import Opener
from nis2check.evidence.net.tls.suites import name as suite_name
from nis2check.evidence.net.tls.tables import (
    ALERTS,
    NOT_ABOUT_THE_OFFER,
    TLS13,
    VERSIONS,
    alert_name,
    group_name,
    version_name,
)
from nis2check.evidence.observe import Unseen
from nis2check.model import Why


class Kind(StrEnum):
    ACCEPTED = "accepted"  # a legal ServerHello, or a HelloRetryRequest that names a group
    REFUSED = "refused"  # a fatal alert
    ENDED = "ended"  # RST or FIN before any byte: a refusal only if the peer answers other hellos
    SILENT = "silent"
    NOT_TLS = "not_tls"
    FAILED = "failed"  # everything else that could not be had: its reason is in ``unseen``


@dataclass(frozen=True, slots=True)
class Answer:
    """``server`` is there when accepted. ``broken`` says why the rest of an accepted flight could not be read."""

    hello: Hello
    kind: Kind
    server: ServerHello | None = None
    alert: int = -1
    unseen: Unseen | None = None
    messages: tuple[tuple[int, bytes], ...] = ()
    broken: Unseen | None = None
    raw: bytes = b""
    crowded: bool = False  # ended while this address was given several connections at once: perhaps one too many
    injected: bool = False  # plaintext came between the STARTTLS reply and our hello

    @property
    def accepted(self) -> bool:
        return self.kind is Kind.ACCEPTED

    @property
    def speaks_tls(self) -> bool:
        return self.kind in {Kind.ACCEPTED, Kind.REFUSED}

    @property
    def refuses_the_offer(self) -> bool:
        """A fatal alert that is about versions, suites or groups, not about the name or the moment."""
        return self.kind is Kind.REFUSED and self.alert not in NOT_ABOUT_THE_OFFER

    def first(self, kind: int) -> bytes | None:
        return next((body for seen, body in self.messages if seen == kind), None)

    @property
    def key_exchange(self) -> KeyExchange | None:
        """The group or prime of a TLS 1.2 or older answer; None without a (readable) ServerKeyExchange."""
        body = self.first(records.KEY_EXCHANGE)
        if body is None or self.server is None:
            return None
        word = suite_name(self.server.suite)
        if not word.startswith(("TLS_ECDHE_", "TLS_ECDH_anon_", "TLS_DHE_", "TLS_DH_anon_")) or "_PSK_" in word:
            return None
        try:
            return records.key_exchange(body, elliptic=word.startswith("TLS_ECDH"))
        except Unseen:
            return None

    def words(self) -> str:
        """The answer in a few words, for evidence."""
        if self.server is not None:
            parts = [version_name(self.server.version), suite_name(self.server.suite)]
            if self.server.group:
                parts.append(group_name(self.server.group))
            return " ".join((["retry"] if self.server.retry else []) + parts)
        if self.kind is Kind.REFUSED:
            return f"alert {alert_name(self.alert)}"
        return str(self.unseen) if self.unseen else self.kind.value


def legal(hello: Hello, server: ServerHello) -> None:
    """Raise Unseen(malformed) for a ServerHello that answers what was not offered: it proves nothing."""
    if server.version not in VERSIONS or not hello.oldest <= server.version <= hello.newest:
        raise malformed(f"illegal ServerHello: version {version_name(server.version)} not offered")
    if hello.newest == TLS13 and server.version not in hello.versions:
        raise malformed(f"illegal ServerHello: version {version_name(server.version)} not offered")
    if server.suite not in hello.suites:
        raise malformed(f"illegal ServerHello: suite {suite_name(server.suite)} not offered")
    if server.compression not in hello.compression:
        raise malformed(f"illegal ServerHello: compression {server.compression} not offered")
    if server.version == TLS13:
        _legal_group(hello, server)


def _legal_group(hello: Hello, server: ServerHello) -> None:
    """RFC 8446 4.2.8: a retry names a group that was offered without share; an acceptance one whose share was sent."""
    allowed = tuple(group for group in hello.groups if group not in hello.shares) if server.retry else hello.shares
    if server.group not in allowed:
        word = "HelloRetryRequest" if server.retry else "ServerHello"
        raise malformed(f"illegal {word}: group {group_name(server.group) if server.group else 'absent'}")


class Exchange:
    """One connection's bytes, read until the wanted part of the first flight is there."""

    def __init__(self, hello: Hello, opener: Opener | None) -> None:
        self.hello = hello
        self.flight = Flight()
        self.server: ServerHello | None = None
        self.opener = opener

    def feed(self, data: bytes) -> bool:
        """True when nothing more is needed. Raises Unseen."""
        try:
            self.flight.feed(data)
        finally:
            self._greet()  # a legal ServerHello is kept whatever comes behind it
        return self.flight.alert is not None or self._has_all()

    def _greet(self) -> None:
        if self.server is None and self.flight.messages:
            kind, body = self.flight.messages[0]
            if kind != records.SERVER_HELLO:
                raise malformed(f"handshake message {kind} where a ServerHello was due")
            server = records.server_hello(body)
            legal(self.hello, server)
            self.server = server

    def _has_all(self) -> bool:
        server = self.server
        if server is None:
            return False
        if server.retry or self.hello.wanted is Wanted.SERVER_HELLO:
            return True
        if server.version == TLS13:
            return self._opened(server)
        seen = {kind for kind, _body in self.flight.messages}
        if records.HELLO_DONE in seen:
            return True
        return self.hello.wanted is Wanted.KEY_EXCHANGE and records.KEY_EXCHANGE in seen

    def _opened(self, server: ServerHello) -> bool:
        if self.opener is None:
            return True
        if len(self.flight.messages) != 1:
            raise malformed("handshake message in clear after a ServerHello of TLS 1.3")
        self.opener.feed(server, self.flight.messages[0][1], self.flight.sealed)
        self.flight.sealed.clear()
        return self.opener.done

    def messages(self) -> tuple[tuple[int, bytes], ...]:
        opened = tuple(self.opener.messages) if self.opener else ()
        return tuple(self.flight.messages) + opened

    def answer(self, error: Unseen | None = None, *, connected: bool = True) -> Answer:
        """The typed answer, after the wanted part came or ``error`` ended it (``connected``: after the hello was sent)."""
        flight, hello = self.flight, self.hello
        if self.server is not None:
            if error is None and flight.alert is not None and not self._has_all():
                error = Unseen(Why.CLOSED, f"alert {alert_name(flight.alert[1])} inside the flight")
            return Answer(
                hello, Kind.ACCEPTED, self.server, messages=self.messages(), broken=error, raw=flight.raw
            )  # fmt: skip
        if error is None and flight.alert is not None:
            number = flight.alert[1]
            if number in ALERTS:
                return Answer(hello, Kind.REFUSED, alert=number, raw=flight.raw)
            error = malformed(f"alert {number} is not assigned")
        assert error is not None  # the caller ends with a complete flight or with an error
        return Answer(hello, _kind(error, flight.received, connected), unseen=error, raw=flight.raw)


def _kind(error: Unseen, received: int, connected: bool) -> Kind:
    if error.why is Why.NOT_TLS:
        return Kind.NOT_TLS
    if received == 0 and error.why in {Why.RESET, Why.CLOSED}:
        return Kind.ENDED
    if received == 0 and connected and error.why is Why.TIMEOUT:
        return Kind.SILENT
    return Kind.FAILED
