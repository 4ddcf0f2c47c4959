# SPDX-License-Identifier: EUPL-1.2
"""The parser: bytes of a server into records, messages and their fields. Every length is checked, every count is capped.

Rules for this file: it opens nothing and waits for nothing; whatever the bytes are, the only exception is `Unseen`
(malformed, not_tls, limit). A field that is not read is not trusted; a field that is read is inside its bounds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from struct import Struct

from nis2check.evidence.net.tls.tables import TLS13
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
SERVER_HELLO, ENCRYPTED_EXTENSIONS, CERTIFICATE, KEY_EXCHANGE, CERTIFICATE_REQUEST = 2, 8, 11, 12, 13
HELLO_DONE, CERTIFICATE_VERIFY, FINISHED, CERTIFICATE_STATUS = 14, 15, 20, 22

LONGEST_RECORD = (1 << 14) + 2048  # RFC 5246 6.2.3; TLS 1.3 allows less
LONGEST_MESSAGE = 384 << 10  # a chain of 400 certificates; real ones stay under 10 KiB
MOST_RECORDS = 8192  # a record a byte is legal for a small flight
MOST_IDLE = 16  # warning alerts, ChangeCipherSpec and empty records, which bring nothing forward
MOST_EXTENSIONS = 64
MOST_CERTIFICATES = 1024

RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()  # RFC 8446 4.1.3


_EXTENSION = Struct("!HH")
_HELLO_HEAD, _HELLO_CHOICE = Struct("!H32sB"), Struct("!HB")


def malformed(detail: str) -> Unseen:
    return Unseen(Why.MALFORMED, detail)


class Fields:
    """A cursor over bytes that never leaves them."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise malformed(f"{self._what}: {count} bytes announced, {len(self._data) - self._at} there")
        part = self._data[self._at : end]
        self._at = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Bytes preceded by their length in ``size`` bytes."""
        return self.take(self.number(size))

    @property
    def left(self) -> int:
        return len(self._data) - self._at


@dataclass(frozen=True, slots=True)
class ServerHello:
    """``group`` is the one named by key_share, 0 for none; ``retry`` marks a HelloRetryRequest."""

    version: int
    suite: int
    compression: int
    session: bytes
    random: bytes
    extensions: dict[int, bytes]
    retry: bool = False
    group: int = 0
    share: bytes = b""


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """What a ServerKeyExchange shows before its signature: a named group, or the bits of a Diffie-Hellman prime."""

    group: int = 0
    prime: bytes = b""

    @property
    def prime_bits(self) -> int:
        return int.from_bytes(self.prime, "big").bit_length()


def extensions(data: bytes, what: str) -> dict[int, bytes]:
    """Extension number → body. A repeated extension is malformed (RFC 8446 4.2)."""
    found: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        start = at + 4
        if start > end:
            raise malformed(f"{what}: {end - at} bytes where an extension was due")
        number, size = _EXTENSION.unpack_from(data, at)
        at = start + size
        if at > end:
            raise malformed(f"{what}: {size} bytes announced, {end - start} there")
        if number in found or len(found) >= MOST_EXTENSIONS:
            raise malformed(f"{what}: extension {number} repeated or too many")
        found[number] = data[start:at]
    return found


def server_hello(body: bytes) -> ServerHello:
    """RFC 5246 7.4.1.3 and RFC 8446 4.1.3, the HelloRetryRequest included."""
    fields = Fields(body, "ServerHello")
    version, random, length = _HELLO_HEAD.unpack(fields.take(_HELLO_HEAD.size))
    session = fields.take(length)
    suite, compression = _HELLO_CHOICE.unpack(fields.take(_HELLO_CHOICE.size))
    found = extensions(fields.vector(2), "ServerHello") if fields.left else {}
    if fields.left:
        raise malformed("ServerHello: bytes after its end")
    if len(session) > 32:
        raise malformed("ServerHello: session id longer than 32 bytes")
    group, share, retry = 0, b"", False
    if 43 in found:
        version = Fields(found[43], "supported_versions").number(2)
        retry = random == RETRY_RANDOM
        if version == TLS13 and 51 in found:
            entry = Fields(found[51], "key_share")
            group = entry.number(2)
            share = b"" if retry else entry.vector(2)
            if entry.left:
                raise malformed("key_share: bytes after its end")
    return ServerHello(version, suite, compression, session, random, found, retry, group, share)


def certificates(body: bytes, version: int) -> tuple[bytes, ...]:
    """The DER certificates of a Certificate message, leaf first. () when the server sent none."""
    fields = Fields(body, "Certificate")
    if version == TLS13:
        fields.vector(1)  # certificate_request_context
    entries = Fields(fields.vector(3), "Certificate")
    found: list[bytes] = []
    while entries.left:
        if len(found) >= MOST_CERTIFICATES:
            raise Unseen(Why.LIMIT, f"more than {MOST_CERTIFICATES} certificates")
        found.append(entries.vector(3))
        if version == TLS13:
            entries.vector(2)  # extensions of this certificate
    return tuple(found)


def certificate_extensions(body: bytes) -> dict[int, bytes]:
    """TLS 1.3: the extensions of the first certificate entry (OCSP staple, SCTs)."""
    fields = Fields(body, "Certificate")
    fields.vector(1)
    entries = Fields(fields.vector(3), "Certificate")
    if not entries.left:
        return {}
    entries.vector(3)
    return extensions(entries.vector(2), "CertificateEntry")


def key_exchange(body: bytes, elliptic: bool) -> KeyExchange:
    """RFC 8422 5.4 (named curve) or RFC 5246 7.4.3 (prime). ``elliptic`` follows from the suite."""
    fields = Fields(body, "ServerKeyExchange")
    if elliptic:
        if fields.number(1) != 3:
            return KeyExchange()  # explicit curves: nobody should, and nothing to name
        return KeyExchange(group=fields.number(2))
    prime = fields.vector(2)
    fields.vector(2)
    fields.vector(2)
    return KeyExchange(prime=prime)


def protocol_of(data: bytes) -> str:
    """What a peer that does not speak TLS seems to speak, from its first bytes; "" unknown."""
    marks = {
        b"HTTP/": "HTTP", b"SSH-": "SSH", b"220": "SMTP or FTP", b"+OK": "POP3", b"* OK": "IMAP", b"* BYE": "IMAP",
        b"RFB ": "VNC", b"<?xml": "XML", b"<html": "HTML", b"<!DOC": "HTML", b"421": "SMTP or FTP", b"554": "SMTP",
        b"@RSYNCD": "rsync", b"-ERR": "POP3 or Redis",
    }  # fmt: skip
    return next((name for mark, name in marks.items() if data.startswith(mark)), "")


@dataclass(slots=True)
class Flight:
    """The server's bytes as they come, cut into handshake messages.

    ``feed`` raises Unseen at the first byte that cannot be TLS; what was cut before stays in ``messages``.
    """

    messages: list[tuple[int, bytes]] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)  # records of application data: header and body
    alert: tuple[int, int] | None = None  # (level, description) of a fatal alert or close_notify
    raw: bytes = b""  # the first bytes, kept as evidence
    received: int = 0
    pending: int = 0  # length of a message announced and not yet there
    _buffer: bytearray = field(default_factory=bytearray)
    _message: bytearray = field(default_factory=bytearray)
    _records: int = 0
    _idle: int = 0

    def feed(self, data: bytes) -> None:
        if len(self.raw) < 300:
            self.raw += data[: 300 - len(self.raw)]
        self.received += len(data)
        self._buffer += data
        at = 0
        try:
            while self.alert is None and (size := self._record_at(at)):
                record = bytes(self._buffer[at : at + size])
                at += size
                self._take(record[0], record)
        finally:
            del self._buffer[:at]

    def _record_at(self, at: int) -> int:
        """Bytes of the complete record at ``at``, 0 when more must come."""
        buffer = self._buffer
        if len(buffer) > at and not CHANGE_CIPHER_SPEC <= buffer[at] <= HEARTBEAT:
            self._not_tls(bytes(buffer[at:]))
        if len(buffer) > at + 1 and buffer[at + 1] != 3:
            self._not_tls(bytes(buffer[at:]))
        if len(buffer) < at + 5:
            return 0
        length = int.from_bytes(buffer[at + 3 : at + 5], "big")
        if length > LONGEST_RECORD:
            raise malformed(f"record of {length} bytes")
        return 5 + length if len(buffer) >= at + 5 + length else 0

    def _not_tls(self, data: bytes) -> None:
        if self._records:
            raise malformed("bytes between records that are no record")
        name = protocol_of(self.raw)
        start = data[:24].decode("ascii", "backslashreplace")
        raise Unseen(Why.NOT_TLS, f"the peer speaks {name}" if name else f"not TLS: {start!r}")

    def _take(self, kind: int, record: bytes) -> None:
        body = record[5:]
        self._records += 1
        if self._records > MOST_RECORDS:
            raise Unseen(Why.LIMIT, f"more than {MOST_RECORDS} records")
        if kind == HANDSHAKE and body:
            self._handshake(body)
        elif kind == APPLICATION_DATA and body:
            self.sealed.append(record)
        elif kind == ALERT and len(body) == 2 and not self._message:
            self._alert(body[0], body[1])
        else:
            self._idle_record(kind, body)

    def _idle_record(self, kind: int, body: bytes) -> None:
        if kind in {ALERT, HEARTBEAT} or (kind == CHANGE_CIPHER_SPEC and body != b"\x01"):
            raise malformed(f"record of type {kind} out of place")
        self._idle += 1
        if self._idle > MOST_IDLE:
            raise malformed("too many records that bring nothing")

    def _alert(self, level: int, description: int) -> None:
        if level not in {1, 2}:
            raise malformed(f"alert of level {level}")
        if level == 1 and description != 0:
            self._idle += 1
            if self._idle > MOST_IDLE:
                raise malformed("too many warning alerts")
            return
        self.alert = (level, description)

    def _handshake(self, body: bytes) -> None:
        self._message += body
        while len(self._message) >= 4:
            length = int.from_bytes(self._message[1:4], "big")
            self.pending = length
            if length > LONGEST_MESSAGE:
                raise Unseen(Why.LIMIT, f"handshake message of {length} bytes")
            if len(self._message) < 4 + length:
                return
            self.messages.append((self._message[0], bytes(self._message[4 : 4 + length])))
            del self._message[: 4 + length]
            self.pending = 0

    def first(self, kind: int) -> bytes | None:
        """The body of the first message of a kind."""
        return next((body for seen, body in self.messages if seen == kind), None)
