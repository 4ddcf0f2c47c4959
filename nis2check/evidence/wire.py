# SPDX-License-Identifier: EUPL-1.2
"""The one door to targets: every socket to a target is opened here, with its guard, pace, deadline and byte cap.

Rules for this file: it takes addresses, never names (a name is resolved once, by ``names``, and the address that was checked
is the address connected to); every wait has a deadline on the monotonic clock; every read is capped; what goes wrong comes
out as `Unseen` with a word of the closed list, never as an OSError.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import cast

from nis2check.evidence.connection import ANSWER_SECONDS, MOST_BYTES, Connection, unseen
from nis2check.evidence.guard import forbidden, is_loopback
from nis2check.evidence.observe import Unseen
from nis2check.evidence.pace import PACES, Deadline, Endpoint, Manners, Pace
from nis2check.model import Why

__all__ = ["ANSWER_SECONDS", "PACES", "Connection", "Deadline", "Endpoint", "Pace", "Settings", "Wire", "unseen"]

CONNECT_SECONDS = 5.0
BURST_SECONDS = 0.05  # of the whole run's rate that may be used at once


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run may look. ``resolve`` and ``connect_to`` are curl's options; ``resolver`` an endpoint or None (system)."""

    pace: Pace = PACES["normal"]
    internal: bool = False
    full: bool = False
    brief: bool = False  # of TLS, versions and certificate only: about three connections
    contact: str = ""
    version: str = ""
    resolve: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    resolver: Endpoint | None = None
    root_hints: tuple[
        tuple[str, tuple[str, ...]], ...
    ] = ()  # root servers and their addresses: names are asked from there
    trust_anchor: str = ""
    ca_file: str = ""
    seconds_per_target: float = 60.0

    @property
    def agent(self) -> str:
        """How we identify ourselves. No URL scheme: some CDNs refuse agents that hold one."""
        return f"nis2check/{self.version}" + (f" (+{self.contact})" if self.contact else "")


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


class _Line(asyncio.DatagramProtocol):
    """One socket to our own resolver that questions share while some wait: a socket for each costs more than its question.

    The first two bytes of a datagram tell whose it is. It is given up after some use and when nobody waits, so that the port
    that a forger must guess does not stay the same (RFC 5452 section 9.2).
    """

    MOST_SENT = 1024

    def __init__(self) -> None:
        self.waiting: dict[bytes, tuple[Callable[[bytes], bool], asyncio.Future[bytes]]] = {}
        self.sent = 0
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # until Python 3.12 asyncio's own class for UDP is no DatagramTransport
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _source: tuple[str | None, int]) -> None:
        accept, answer = self.waiting.get(data[:2], (None, None))
        if accept is not None and answer is not None and not answer.done() and accept(data):
            answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        for _accept, answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(unseen(error))

    def has_room(self, mark: bytes) -> bool:
        """Whether a question of this id may go out here."""
        return self.sent < self.MOST_SENT and mark not in self.waiting

    def leave(self, mark: bytes) -> None:
        """A question is over; the last one closes the line."""
        _accept, answer = self.waiting.pop(mark)
        answer.cancel()
        if not self.waiting and self.transport is not None:
            self.sent = self.MOST_SENT
            self.transport.close()


# Set by the collector for a second look, which has only the time that the first one left.
LOOK_SECONDS: ContextVar[float | None] = ContextVar("LOOK_SECONDS", default=None)


class Wire:
    """All that a run may send to targets. One a run; used from one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queries = 0
        self._manners: dict[str, Manners] = {}
        self._next = 0.0
        self._lines: dict[Endpoint, _Line] = {}
        self._opening: dict[Endpoint, asyncio.Lock] = {}

    def now(self) -> str:
        """The time of a look, RFC 3339 with offset."""
        return datetime.now(UTC).isoformat(timespec="seconds")

    def seconds(self) -> float:
        """The time that this look may take: the target's whole, less what an earlier look at it has spent."""
        return LOOK_SECONDS.get() or self.settings.seconds_per_target

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

    def _of(self, address: str) -> Manners:
        manners = self._manners.get(address)
        if manners is None:
            manners = self._manners[address] = Manners(self.pace(address))
        return manners

    def connections(self, address: str) -> int:
        """Connections opened to an address so far."""
        return self._manners[address].connections if address in self._manners else 0

    def width(self, address: str) -> int:
        """How many connections an address is given at once, now."""
        return int(self._of(address).window)

    def refused_us(self, address: str) -> None:
        """A probe saw a sign that we are too many: 421, 429, 503, silence after answers. Three in a row stop the address."""
        manners = self._of(address)
        manners.refusals += 1
        manners.minded(manners.connections)

    def answered_us(self, address: str) -> None:
        """A clean answer: the address does not mind us."""
        manners = self._of(address)
        manners.refusals = 0
        manners.successes += 1

    async def _turn(self, address: str) -> None:
        """Wait for a turn of the whole run's rate."""
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / self.pace(address).per_second
        wait = self._next - now - BURST_SECONDS
        if wait > 0:
            await asyncio.sleep(wait)

    def connect(
        self,
        endpoint: Endpoint,
        deadline: Deadline,
        *,
        most: int = MOST_BYTES,
        seconds: float = CONNECT_SECONDS,
        ours: bool = False,
    ) -> _Visit:
        """``async with``: a TCP connection, aborted on leaving. Raises Unseen: refused, timeout, deadline, out_of_scope,
        rate_limited, limit.

        ``seconds`` is for the TCP handshake alone, the wait for our turn not counted.
        ``ours``: to our own resolver, which is no target: neither the guard nor the count per address applies.
        """
        return _Visit(self, endpoint, deadline, most, seconds, ours)

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
        if ours:
            return await self._on_a_line(endpoint, payload, accept, seconds, left)
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

    async def _on_a_line(
        self, endpoint: Endpoint, payload: bytes, accept: Callable[[bytes], bool], seconds: float, left: float
    ) -> bytes:
        line = await self._line(endpoint, payload[:2])
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        line.waiting[payload[:2]] = (accept, answer)
        line.sent += 1
        assert line.transport is not None  # _line() connected it
        try:
            line.transport.sendto(payload)
            async with asyncio.timeout(min(seconds, left)):
                return await answer
        except TimeoutError:
            why = Why.DEADLINE if left <= seconds else Why.TIMEOUT
            raise Unseen(why, f"no answer from {endpoint.address} within {min(seconds, left):.0f} s") from None
        finally:
            line.leave(payload[:2])

    async def _line(self, endpoint: Endpoint, mark: bytes) -> _Line:
        """The line in use if it has room for an id, else a new one. Who asks while one is being opened waits for it:
        a burst of questions would open a socket each."""
        async with self._opening.setdefault(endpoint, asyncio.Lock()):
            line = self._lines.get(endpoint)
            if line is None or not line.has_room(mark):
                try:
                    _transport, line = await asyncio.get_running_loop().create_datagram_endpoint(
                        _Line, remote_addr=(endpoint.address, endpoint.port)
                    )
                except OSError as error:
                    raise unseen(error) from None
                self._lines[endpoint] = line
            return line


class _Visit:
    """One connection from the wait for its turn to its end, and what its end says of the address's patience."""

    __slots__ = ("_connection", "_deadline", "_endpoint", "_manners", "_most", "_number", "_ours", "_seconds", "_wire")

    def __init__(
        self, wire: Wire, endpoint: Endpoint, deadline: Deadline, most: int, seconds: float, ours: bool
    ) -> None:
        self._wire = wire
        self._endpoint = endpoint
        self._deadline = deadline
        self._most = most
        self._seconds = seconds
        self._ours = ours
        self._number = 0

    async def __aenter__(self) -> Connection:
        wire, endpoint = self._wire, self._endpoint
        if not self._ours:
            wire.check(endpoint.address)
        manners = self._manners = wire._of(endpoint.address)
        await manners.turn(self._deadline)
        connection = None
        try:
            if not self._ours:
                self._number = manners.allow(endpoint)
            await wire._turn(endpoint.address)
            connection = self._connection = Connection(endpoint, self._deadline, self._most)
            await connection.open(self._seconds)
        except BaseException as error:
            if connection is not None:
                connection.abort()
            if manners.answered_before(endpoint.port):  # a port that never answered may simply be filtered or closed
                self._judge(error)
            manners.leave()
            if isinstance(error, OSError):  # no socket left
                raise unseen(error) from None
            raise
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, manners = self._connection, self._manners
        connection.abort()
        if error is not None and _impatient(error):
            self._judge(error)
        elif connection.received:
            manners.clean(self._endpoint.port)
        manners.leave()

    def _judge(self, error: BaseException) -> None:
        if _impatient(error) and not self._ours:
            self._manners.minded(self._number)


_IMPATIENCE = frozenset({Why.RESET, Why.CLOSED, Why.TIMEOUT, Why.RATE_LIMITED, Why.REFUSED})


def _impatient(error: BaseException) -> bool:
    """A connection that ended so may have been one too many."""
    return isinstance(error, Unseen) and error.why in _IMPATIENCE
