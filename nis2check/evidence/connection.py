# SPDX-License-Identifier: EUPL-1.2
"""One TCP connection of the wire: a non-blocking socket on the loop, without the layers of an asyncio transport.

A probe opens thousands of connections for one small answer each, so what a connection costs us is what a look costs: one
timer a wait, no address look-up, no option set that is not needed. Only ``wire`` makes one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct

from nis2check.evidence.observe import Unseen
from nis2check.evidence.pace import Deadline, Endpoint
from nis2check.model import Why

MOST_BYTES = 1 << 20  # read from one connection
ANSWER_SECONDS = 5.0
CHUNK = 1 << 16

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR})


class Connection:
    """A TCP connection that a probe reads and writes, ended with RST (`abort`)."""

    __slots__ = ("_buffer", "_error", "_loop", "_most", "_out", "_over", "_reading", "_socket", "_waiter", "_wrote",
                 "deadline", "endpoint", "received")  # fmt: skip

    def __init__(self, endpoint: Endpoint, deadline: Deadline, most: int = MOST_BYTES) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self.received = 0
        self._most = most
        self._buffer = bytearray()
        self._out = bytearray()  # what the kernel did not take yet
        self._over = False
        self._error: Unseen | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._reading = False
        self._wrote = False
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
        self._socket: socket.socket | None = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)

    async def open(self, seconds: float) -> None:
        """The TCP handshake. Raises Unseen: refused, timeout, deadline, reset, limit."""
        sock = self._socket
        assert sock is not None  # opened once, before anything can end it
        number = sock.connect_ex((self.endpoint.address, self.endpoint.port))
        if number in _UNDER_WAY:
            self._loop.add_writer(sock.fileno(), self._wake)
            try:
                await self._wait(seconds, "no TCP answer")
            finally:
                if self._socket is not None:
                    self._loop.remove_writer(sock.fileno())
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise unseen(OSError(number, os.strerror(number)))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expire(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    async def _wait(self, seconds: float, what: str) -> None:
        """Wait for a call of `_wake`, at most ``seconds`` and never past the deadline."""
        left = self.deadline.left()
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(min(seconds, left), self._expire)
        try:
            await self._waiter
        except TimeoutError:
            why = Why.DEADLINE if left <= seconds else Why.TIMEOUT
            raise Unseen(why, f"{what} within {min(seconds, left):.0f} s") from None
        finally:
            self._waiter = None
            timer.cancel()

    async def _more(self, seconds: float) -> None:
        if not self._reading and self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._readable)
            self._reading = True
        await self._wait(seconds, "no answer")

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(unseen(error))
            return
        if not data:
            self._over = True
            self._stop_reading()
        self.received += len(data)
        self._buffer += data
        if self.received > self._most:
            self._fail(Unseen(Why.LIMIT, f"more than {self._most} bytes"))
        self._wake()

    def _fail(self, error: Unseen) -> None:
        self._error = self._error or error
        self.abort()
        self._wake()

    def _stop_reading(self) -> None:
        if self._reading and self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._reading = False

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
        try:
            return str(self._socket.getsockname()[0]).partition("%")[0] if self._socket is not None else ""
        except OSError:
            return ""

    def write(self, data: bytes) -> None:
        """Send, or keep for when the peer takes more. What goes wrong is told by the next read."""
        if self._socket is None:
            return
        if self._wrote:  # one hello needs no such option; a second message must not wait for the first one's receipt
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wrote = True
        if self._out:
            self._out += data
            return
        self._out += data[self._send(data) :]
        if self._out and self._socket is not None:
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _send(self, data: bytes | bytearray) -> int:
        """How many bytes the kernel took."""
        if self._socket is None:
            return 0
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            if not isinstance(error, (ConnectionResetError, BrokenPipeError)):
                self._fail(unseen(error))
            return len(data)  # the peer is gone: what it said before is still to be read, and its end as well

    def _writable(self) -> None:
        del self._out[: self._send(self._out)]
        if not self._out and self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())

    def abort(self) -> None:
        """End with RST: no TIME_WAIT, no close round trip, and the server frees its side at once."""
        sock = self._socket
        if sock is None:
            return
        self._stop_reading()
        if self._out:
            self._loop.remove_writer(sock.fileno())
        self._socket = None
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        except OSError:
            pass
        sock.close()


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
