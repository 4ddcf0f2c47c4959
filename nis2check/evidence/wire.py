# SPDX-License-Identifier: EUPL-1.2
"""The one door to targets: every socket to a target is opened here, with its guard, pace, deadline and byte cap.

Rules for this file: it takes addresses, never names (a name is resolved once, by ``names``, and the address that was checked
is the address connected to); every wait has a deadline on the monotonic clock; every read is capped; what goes wrong comes
out as `Unseen` with a word of the closed list, never as an OSError.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nis2check.evidence.guard import forbidden, is_loopback
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_BYTES = 1 << 20  # read from one connection
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0

# -------------------------------------------------------------------------------------------------------------- pace


@dataclass(frozen=True, slots=True)
class Pace:
    """Manners (DESIGN 6): connections in flight per address, per address and port, per address and run, per second."""

    in_flight: int
    per_port: int
    per_address: int
    per_second: float
    apart: float  # seconds between two mail sessions with one server


PACES: Mapping[str, Pace] = {
    "gentle": Pace(in_flight=2, per_port=60, per_address=300, per_second=50, apart=2.0),
    "normal": Pace(in_flight=4, per_port=120, per_address=600, per_second=200, apart=1.0),
    "lab": Pace(in_flight=256, per_port=1 << 30, per_address=1 << 30, per_second=1e9, apart=0.0),  # loopback only
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """One instant of the monotonic clock, handed down to every wait of a look."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that remain, never negative."""
        return max(0.0, self.at - time.monotonic())

    def sooner(self, seconds: float) -> Deadline:
        """The earlier of this deadline and one ``seconds`` from now."""
        return Deadline(min(self.at, time.monotonic() + seconds))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a connection really goes: a literal address, checked, and a port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run may look. ``resolve`` and ``connect_to`` are curl's options; ``resolver`` an endpoint or None (system)."""

    pace: Pace = PACES["normal"]
    internal: bool = False
    full: bool = False
    contact: str = ""
    version: str = ""
    resolve: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    resolver: Endpoint | None = None
    root_hints: tuple[str, ...] = ()
    trust_anchor: str = ""
    ca_file: str = ""
    seconds_per_target: float = 60.0

    @property
    def agent(self) -> str:
        """How we identify ourselves. No URL scheme: some CDNs refuse agents that hold one."""
        return f"nis2check/{self.version}" + (f" (+{self.contact})" if self.contact else "")


@dataclass(slots=True)
class _Manners:
    """What was done to one address in this run."""

    gate: asyncio.Semaphore
    connections: int = 0
    by_port: dict[int, int] = field(default_factory=dict)
    refusals: int = 0  # in a row: resets, time-outs, 421/429/503
    successes: int = 0


# -------------------------------------------------------------------------------------------------------- connection


class Connection(asyncio.Protocol):
    """A TCP connection that a probe reads and writes. Ended with RST (`abort`) unless closed politely."""

    def __init__(self, endpoint: Endpoint, deadline: Deadline, most: int = MOST_BYTES) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self.received = 0
        self._most = most
        self._buffer = bytearray()
        self._over = False
        self._error: Unseen | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's own promise for TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        if self.received > self._most:
            self._error = Unseen(Why.LIMIT, f"more than {self._most} bytes")
            self.abort()
        self._wake()

    def eof_received(self) -> bool:
        self._over = True
        self._wake()
        return True  # half-closed: what we still write may be answered by nobody, but the probe decides

    def connection_lost(self, error: Exception | None) -> None:
        self._over = True
        if error is not None and self._error is None:
            self._error = unseen(error)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self, seconds: float) -> None:
        """Wait for bytes or the end, at most ``seconds`` and never past the deadline."""
        left = self.deadline.left()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(min(seconds, left)):
                await self._waiter
        except TimeoutError:
            why = Why.DEADLINE if left <= seconds else Why.TIMEOUT
            raise Unseen(why, f"no answer within {min(seconds, left):.0f} s") from None
        finally:
            self._waiter = None

    async def read(self, seconds: float = ANSWER_SECONDS) -> bytes:
        """What has come, at least one byte; b"" when the peer closed. Raises Unseen: timeout, deadline, reset, limit."""
        while not self._buffer and not self._over and self._error is None:
            await self._more(seconds)
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        if self._error is not None:
            raise self._error
        return b""

    async def read_until(self, mark: bytes, most: int, seconds: float = ANSWER_SECONDS) -> bytes:
        """Bytes up to and with ``mark``. Raises Unseen: closed before it, more than ``most`` bytes, timeout…"""
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > most:
                raise Unseen(Why.LIMIT, f"more than {most} bytes without an end")
            await self._need(seconds)
        end = at + len(mark)
        if end > most:
            raise Unseen(Why.LIMIT, f"more than {most} bytes without an end")
        return self._take(end)

    async def read_exactly(self, count: int, seconds: float = ANSWER_SECONDS) -> bytes:
        """Exactly ``count`` bytes. Raises Unseen: closed before, timeout…"""
        while len(self._buffer) < count:
            await self._need(seconds)
        return self._take(count)

    async def _need(self, seconds: float) -> None:
        if self._error is not None:
            raise self._error
        if self._over:
            raise Unseen(Why.CLOSED, f"closed after {self.received} bytes")
        await self._more(seconds)

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def discard(self) -> bytes:
        """Take what has come and was not read, without waiting."""
        return self._take(len(self._buffer))

    @property
    def local_address(self) -> str:
        """Our own address on this connection, "" when the connection is over."""
        name = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return str(name[0]).partition("%")[0] if name else ""

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """End with RST: no TIME_WAIT, no close round trip, and the server frees its side at once."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        self._transport.abort()

    def close(self) -> None:
        """End politely, after what was written is sent."""
        if self._transport is not None:
            self._transport.close()


def unseen(error: BaseException) -> Unseen:
    """The closed word for an error of the operating system."""
    if isinstance(error, Unseen):
        return error
    if isinstance(error, TimeoutError):
        return Unseen(Why.TIMEOUT, "no answer")
    number = getattr(error, "errno", None)
    if isinstance(error, ConnectionRefusedError):
        return Unseen(Why.REFUSED, "connection refused")
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return Unseen(Why.RESET, "connection reset")
    if number in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL}:
        return Unseen(Why.TIMEOUT, f"unreachable: {errno.errorcode[number]}")
    if number in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
        return Unseen(Why.LIMIT, f"our own machine: {errno.errorcode[number]}")
    return Unseen(Why.RESET, f"{type(error).__name__}: {error}")


class _Datagram(asyncio.DatagramProtocol):
    def __init__(self, accept: Callable[[bytes], bool]) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._accept = accept
        self._seen = 0

    def datagram_received(self, data: bytes, _source: tuple[str | None, int]) -> None:
        self._seen += 1
        if self._seen <= 64 and not self.answer.done() and self._accept(data):
            self.answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(unseen(error))


class Wire:
    """All that a run may send to targets. One a run; used from one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queries = 0
        self._manners: dict[str, _Manners] = {}
        self._next = 0.0

    def now(self) -> str:
        """The time of a look, RFC 3339 with offset."""
        return datetime.now(UTC).isoformat(timespec="seconds")

    def seconds(self) -> float:
        """The whole time one look may take."""
        return self.settings.seconds_per_target

    def check(self, address: str) -> None:
        """Raise Unseen(out_of_scope) for an address that may not be contacted."""
        why = forbidden(address, internal=self.settings.internal)
        if why:
            raise Unseen(Why.OUT_OF_SCOPE, why)

    def pace(self, address: str) -> Pace:
        """The pace that an address is looked at with: ``lab`` lifts the limits for loopback, and for nothing else."""
        return (
            PACES["normal"] if self.settings.pace is PACES["lab"] and not is_loopback(address) else self.settings.pace
        )

    def _of(self, address: str) -> _Manners:
        if address not in self._manners:
            self._manners[address] = _Manners(asyncio.Semaphore(self.pace(address).in_flight))
        return self._manners[address]

    def connections(self, address: str) -> int:
        """Connections opened to an address so far."""
        return self._manners[address].connections if address in self._manners else 0

    def refused_us(self, address: str) -> None:
        """A probe saw a sign that we are too many: 421, 429, 503, silence after answers. Three in a row stop the address."""
        self._of(address).refusals += 1

    def answered_us(self, address: str) -> None:
        """A clean answer: the address does not mind us."""
        manners = self._of(address)
        manners.refusals = 0
        manners.successes += 1

    def _allow(self, endpoint: Endpoint, manners: _Manners) -> None:
        pace = self.pace(endpoint.address)
        if manners.refusals >= 3 and manners.successes:
            raise Unseen(Why.RATE_LIMITED, f"refused after {manners.connections} connections")
        if manners.connections >= pace.per_address or manners.by_port.get(endpoint.port, 0) >= pace.per_port:
            raise Unseen(Why.LIMIT, f"our own limit: {manners.connections} connections to {endpoint.address}")
        manners.connections += 1
        manners.by_port[endpoint.port] = manners.by_port.get(endpoint.port, 0) + 1

    async def _turn(self, address: str) -> None:
        """Wait for a turn of the whole run's rate."""
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / self.pace(address).per_second
        wait = self._next - now - 0.05  # a burst of 50 ms
        if wait > 0:
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def connect(
        self,
        endpoint: Endpoint,
        deadline: Deadline,
        *,
        most: int = MOST_BYTES,
        seconds: float = CONNECT_SECONDS,
        ours: bool = False,
    ) -> AsyncIterator[Connection]:
        """A TCP connection, aborted on leaving. Raises Unseen: refused, timeout, deadline, out_of_scope, rate_limited, limit.

        ``seconds`` is for the TCP handshake alone, the wait for our turn not counted.
        ``ours``: to our own resolver, which is no target: neither the guard nor the count per address applies.
        """
        if not ours:
            self.check(endpoint.address)
        manners = self._of(endpoint.address)
        try:
            async with asyncio.timeout(deadline.left()):
                await manners.gate.acquire()
        except TimeoutError:
            raise Unseen(Why.DEADLINE, "no time left") from None
        try:
            if not ours:
                self._allow(endpoint, manners)
            await self._turn(endpoint.address)
            connection = await self._open(endpoint, deadline, most, seconds)
            try:
                yield connection
            finally:
                connection.abort()
        finally:
            manners.gate.release()

    async def _open(self, endpoint: Endpoint, deadline: Deadline, most: int, seconds: float) -> Connection:
        left = deadline.left()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(seconds, left)):
                _transport, connection = await loop.create_connection(
                    lambda: Connection(endpoint, deadline, most), endpoint.address, endpoint.port
                )
        except TimeoutError:
            why = Why.DEADLINE if left <= seconds else Why.TIMEOUT
            raise Unseen(why, f"no TCP answer within {min(seconds, left):.0f} s") from None
        except OSError as error:
            raise unseen(error) from None
        return connection

    async def datagram(
        self,
        endpoint: Endpoint,
        payload: bytes,
        accept: Callable[[bytes], bool],
        deadline: Deadline,
        seconds: float = 2.0,
        *,
        ours: bool = False,
    ) -> bytes:
        """Send one UDP datagram and return the first answer that ``accept`` takes. Raises Unseen. ``ours``: as `connect`."""
        if not ours:
            self.check(endpoint.address)
        await self._turn(endpoint.address)
        self.queries += 1
        left = deadline.left()
        loop = asyncio.get_running_loop()
        try:
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: _Datagram(accept), remote_addr=(endpoint.address, endpoint.port)
            )
        except OSError as error:
            raise unseen(error) from None
        try:
            transport.sendto(payload)
            async with asyncio.timeout(min(seconds, left)):
                return await protocol.answer
        except TimeoutError:
            why = Why.DEADLINE if left <= seconds else Why.TIMEOUT
            raise Unseen(why, f"no answer from {endpoint.address} within {min(seconds, left):.0f} s") from None
        finally:
            protocol.answer.cancel()
            transport.close()
