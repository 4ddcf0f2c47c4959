# SPDX-License-Identifier: EUPL-1.2
"""One GET to one address: plain, or over TLS by the standard library on a connection of the wire."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from nis2check.evidence.net.http.message import Answer, Stream, read_answer
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import ANSWER_SECONDS, Connection, Deadline, Endpoint, Wire
from nis2check.model import Why

EXCHANGE_SECONDS = 7.0  # connect, handshake, headers and body together
LONGEST_LOCATION = 2048

# Reasons of OpenSSL that say that what came was no TLS record at all.
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
}


class PortClosed(Unseen):
    """The port is proved closed: the address answered the connection with a TCP reset."""


class Untrusted(Unseen):
    """The certificate shown is not one that the caller accepts."""


@dataclass(frozen=True, slots=True)
class Page:
    """What to GET. ``host`` is the declared one, whatever address is connected to."""

    scheme: str  # http or https
    host: str
    port: int
    path: str = "/"

    @property
    def authority(self) -> str:
        """The Host header: the port only when it is not the scheme's own, brackets around an IPv6 literal."""
        host = f"[{self.host}]" if ":" in self.host else _ascii(self.host)
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    def to(self, location: str) -> Page | None:
        """The page that a Location of this page leads to, None when it is no http or https URL."""
        parts = split_location(location)
        if parts is None:
            return None
        scheme = parts.scheme or self.scheme
        if scheme not in {"http", "https"} or (parts.scheme and not parts.hostname):
            return None
        port = parts.port or ({"http": 80, "https": 443}[scheme] if parts.netloc else self.port)
        path = parts.path or "/"
        if not parts.netloc and not path.startswith("/"):
            path = self.path.rpartition("/")[0] + "/" + path
        query = f"?{parts.query}" if parts.query else ""
        return Page(scheme, parts.hostname or self.host, port, path + query)

    def same_place(self, other: Page) -> bool:
        """Whether two pages are of one scheme, host and port."""
        return (self.scheme, self.port) == (other.scheme, other.port) and self.same_host(other)

    def same_host(self, other: Page) -> bool:
        return _ascii(self.host) == _ascii(other.host)


def _ascii(host: str) -> str:
    host = host.rstrip(".").lower()
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise Unseen(Why.MALFORMED, f"not a host name: {host[:80]!r}") from None


def split_location(location: str) -> SplitResult | None:
    """The parts of a Location header, or None when it is no URL reference that may be asked for."""
    if len(location) > LONGEST_LOCATION or any(not "!" <= character <= "~" for character in location):
        return None
    try:
        parts = urlsplit(location)
        _port = parts.port  # raises ValueError beyond 65535
    except ValueError:
        return None
    return None if parts.username is not None else parts


async def get(
    wire: Wire, endpoint: Endpoint, page: Page, deadline: Deadline, context: ssl.SSLContext | None = None
) -> Answer:
    """GET one page from one address. Raises Unseen; `PortClosed` when the port is proved closed, `Untrusted` when
    ``context`` (of `verifying`) refuses the certificate."""
    connected = False
    try:
        async with wire.connect(endpoint, deadline.sooner(EXCHANGE_SECONDS)) as connection:
            connected = True
            stream: Stream = connection
            if page.scheme == "https":
                stream = await TlsStream.over(connection, page.host, context)
            stream.write(_request(wire, page))
            answer = await read_answer(stream)
    except Unseen as error:
        if error.why is Why.REFUSED and not connected:
            raise PortClosed(error.why, error.detail) from None
        raise _ours(error, deadline) from None
    return answer if answer.cut is None else replace(answer, cut=_ours(answer.cut, deadline))


def _ours(error: Unseen, deadline: Deadline) -> Unseen:
    """The end of an exchange is not the end of the target's time."""
    if error.why is Why.DEADLINE and deadline.left() > 0:
        return Unseen(Why.TIMEOUT, f"no whole answer within {EXCHANGE_SECONDS:.0f} s")
    return error


def _request(wire: Wire, page: Page) -> bytes:
    if any(not "!" <= character <= "~" for character in page.authority + page.path):
        raise Unseen(Why.MALFORMED, "a host or path that no request line may hold")
    agent = "".join(character for character in wire.settings.agent if character.isprintable())
    lines = [
        f"GET {page.path} HTTP/1.1",
        f"Host: {page.authority}",
        f"User-Agent: {agent}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return _tolerant()


def _tolerant() -> ssl.SSLContext:
    """TLS as tolerant as the library can be: what is offered and whom to trust is the tls probe's question, not ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= 0x4  # SSL_OP_LEGACY_SERVER_CONNECT; named in the ssl module from Python 3.12
    context.set_alpn_protocols(["http/1.1"])
    return context


def verifying(roots: bytes) -> ssl.SSLContext:
    """As tolerant, but for the certificate: it must lead to one of these roots (DER, one after the other), be in force, and
    name the host by its subjectAltName."""
    context = _tolerant()
    context.load_verify_locations(cadata=roots)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a root given by --ca-file need not be self-signed
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.hostname_checks_common_name = False
    return context


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class TlsStream:
    """TLS over a connection of the wire: the library encrypts in memory, the wire alone touches the socket."""

    def __init__(self, connection: Connection, host: str, context: ssl.SSLContext | None = None) -> None:
        self._connection = connection
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        name = None if _is_literal(host) else _ascii(host)  # SNI holds no address, RFC 6066 section 3
        try:
            self._tls = (context or _context()).wrap_bio(self._from_peer, self._to_peer, server_hostname=name)
        except ValueError:
            raise Unseen(Why.MALFORMED, f"not a host name: {host[:80]!r}") from None

    @classmethod
    async def over(cls, connection: Connection, host: str, context: ssl.SSLContext | None = None) -> TlsStream:
        """Shake hands. Raises Unseen: not_tls, refused (an alert), closed, reset, timeout…"""
        stream = cls(connection, host, context)
        while True:
            try:
                stream._tls.do_handshake()
            except ssl.SSLWantReadError:
                stream._flush()
                await stream._feed(ANSWER_SECONDS)
            except ssl.SSLError as error:
                raise _tls_error(error) from None
            else:
                stream._flush()
                return stream

    def _flush(self) -> None:
        if data := self._to_peer.read():
            self._connection.write(data)

    async def _feed(self, seconds: float) -> None:
        data = await self._connection.read(seconds)
        if data:
            self._from_peer.write(data)
        else:
            self._from_peer.write_eof()

    async def read(self, seconds: float = ANSWER_SECONDS) -> bytes:
        """Decrypted bytes; b"" at the end, with or without close_notify (many servers forget it)."""
        while True:
            try:
                data = self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._flush()
                await self._feed(seconds)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise _tls_error(error) from None
            else:
                return data

    def write(self, data: bytes) -> None:
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise _tls_error(error) from None
        self._flush()


def _tls_error(error: ssl.SSLError) -> Unseen:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(Why.MALFORMED, f"certificate: {error.verify_message}"[:200])
    reason = str(error.reason or "").upper()
    if reason in _NOT_TLS:
        return Unseen(Why.NOT_TLS, "what answers is not TLS")
    if "ALERT" in reason:
        return Unseen(Why.REFUSED, f"TLS alert: {reason.lower()}")
    if isinstance(error, ssl.SSLEOFError):
        return Unseen(Why.CLOSED, "closed during the TLS handshake")
    return Unseen(Why.MALFORMED, f"TLS: {reason.lower() or type(error).__name__}")
