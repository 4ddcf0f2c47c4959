# SPDX-License-Identifier: EUPL-1.2
"""How hard an address may be asked: the limits of DESIGN 6, and a window that narrows when the address minds us.

The window works as TCP's: two connections at first, one more for each clean answer up to the limit of the pace, half as many
when a connection is reset or left in silence. Above the width that was once too much it widens sixteen times slower.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

FIRST_WINDOW = 2
CAUTIOUS_STEP = 1 / 16
MOST_REFUSALS = 3  # in a row, of an address that answered before


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


class Manners:
    """What was done to one address in this run, and how many connections it is given at once."""

    __slots__ = ("_by_port", "_pace", "_ports", "_since", "_waiting", "connections", "open", "refusals", "successes",
                 "threshold", "window")  # fmt: skip

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.connections = 0
        self.open = 0
        self.refusals = 0  # in a row: resets, time-outs, 421/429/503
        self.successes = 0
        self.window = float(min(FIRST_WINDOW, pace.in_flight))
        self.threshold = float(pace.in_flight)
        self._since = 0  # connections of before the last narrowing say nothing of the width since
        self._by_port: dict[int, int] = {}
        self._ports: set[int] = set()  # those that answered
        self._waiting: deque[asyncio.Future[None]] = deque()

    def allow(self, endpoint: Endpoint) -> int:
        """Count one more connection and give its number. Raises Unseen: rate_limited, limit."""
        if self.refusals >= MOST_REFUSALS and self.successes:
            raise Unseen(Why.RATE_LIMITED, f"refused after {self.connections} connections")
        of_port = self._by_port.get(endpoint.port, 0)
        if self.connections >= self._pace.per_address or of_port >= self._pace.per_port:
            raise Unseen(Why.LIMIT, f"our own limit: {self.connections} connections to {endpoint.address}")
        self.connections += 1
        self._by_port[endpoint.port] = of_port + 1
        return self.connections

    def free(self) -> bool:
        return self.open < int(self.window)

    async def turn(self, deadline: Deadline) -> None:
        """Wait until one more connection may be opened. Raises Unseen(deadline)."""
        if not self._waiting and self.free():
            self.open += 1
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        timer = loop.call_later(deadline.left(), _expire, waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.leave()  # our turn came together with our end
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """A connection has ended: the next that wait get their turn."""
        self.open -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.free():
            waiter = self._waiting.popleft()
            if not waiter.done():
                self.open += 1
                waiter.set_result(None)

    def clean(self, port: int) -> None:
        """A connection was answered: one more may be open at once."""
        self._ports.add(port)
        step = 1.0 if self.window < self.threshold else CAUTIOUS_STEP
        self.window = min(self.window + step, float(self._pace.in_flight))
        self._admit()

    def minded(self, number: int) -> None:
        """Connection ``number`` was reset, or left without an answer: half as many from now on, once for a burst."""
        if number > self._since:
            self.window = self.threshold = max(1.0, self.window / 2)
            self._since = self.connections

    def answered_before(self, port: int) -> bool:
        return port in self._ports


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(Unseen(Why.DEADLINE, "no time left"))
