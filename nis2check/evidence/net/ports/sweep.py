# SPDX-License-Identifier: EUPL-1.2
"""Tries the ports of one address by TCP connect, and knows when not to believe what answers.

Rules for this file: open is an accepted connection, confirmed by a second; closed is a reset of the connection attempt while
the host still accepts elsewhere; filtered is two silences of a host that answers elsewhere. A host that accepts everywhere,
or that began to refuse us, is said as such: its answers are no facts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Why

TRY_SECONDS = 1.5  # holds one retransmission of our SYN
GLANCE_SECONDS = 0.4  # for a reset right after the accept
LISTEN_SECONDS = 2.0  # for a server that speaks first
MOST_FIRST_BYTES = 256
SAMPLE = 24  # accepted everywhere among so many: not trustworthy
MOST_SILENT = 40  # silent on so many and answering on none: not worth asking further
FEW = 12  # below so many declared ports, all of them open is no oddity
AT_ONCE = 32


class Outcome(StrEnum):
    """What one connection attempt met."""

    OPEN = "open"
    RESET = "reset"  # accepted, then reset
    CLOSED = "closed"  # the attempt itself was reset
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Found:
    """What is said of a port: a state with how it was seen, or why not."""

    state: str = ""  # open, closed, filtered, or "" with ``missed``
    first: bytes = b""
    where: str = "connect"
    missed: Unseen | None = None


@dataclass(slots=True)
class Sweep:
    """The ports of one address; ``places`` maps a declared port to where it really is."""

    wire: Wire
    deadline: Deadline
    places: Mapping[int, Endpoint]
    tries: dict[int, list[Outcome]] = field(default_factory=dict)
    course: list[tuple[int, Outcome]] = field(default_factory=list)  # in the order in which the answers came
    first: dict[int, bytes] = field(default_factory=dict)
    stop: Unseen | None = None

    async def run(self) -> dict[int, Found]:
        """What is found of every port. Never raises Unseen: what was not asked says why."""
        ports = list(self.places)
        random.shuffle(ports)
        await self._all(ports, GLANCE_SECONDS)
        if self._alive():
            await self._all(self._last(Outcome.SILENT, Outcome.RESET), GLANCE_SECONDS)
        before = len(self.course)
        await self._confirm()
        return self._verdicts(before)

    # ------------------------------------------------------------------------------------------------------ trying

    async def _all(self, ports: Iterable[int], listen: float) -> None:
        """Try the ports, a few at once, until done or stopped."""
        queue = list(reversed(list(ports)))

        async def work() -> None:
            while queue and self.stop is None:
                await self._try(queue.pop(), listen)
                await self._watch()

        pace = self.wire.pace(next(iter(self.places.values())).address)
        await asyncio.gather(*(work() for _worker in range(min(AT_ONCE, pace.in_flight))))

    async def _try(self, port: int, listen: float) -> Outcome | None:
        try:
            outcome, first = await self._attempt(self.places[port], listen)
        except Unseen as error:
            self.stop = self.stop or error
            return None
        self.tries.setdefault(port, []).append(outcome)
        self.course.append((port, outcome))
        if first:
            self.first.setdefault(port, first)
        if outcome is Outcome.OPEN:
            self.wire.answered_us(self.places[port].address)
        return outcome

    async def _attempt(self, place: Endpoint, listen: float) -> tuple[Outcome, bytes]:
        """One connection. Raises Unseen for what is not the port's doing: our limits, our pace, the end of our time."""
        try:
            async with self.wire.connect(place, self.deadline, seconds=TRY_SECONDS) as connection:
                try:
                    return Outcome.OPEN, (await connection.read(listen))[:MOST_FIRST_BYTES]
                except Unseen as error:
                    if error.why in {Why.TIMEOUT, Why.DEADLINE}:
                        return Outcome.OPEN, b""
                    return Outcome.RESET, b""
        except Unseen as error:
            outcome = {Why.REFUSED: Outcome.CLOSED, Why.TIMEOUT: Outcome.SILENT, Why.RESET: Outcome.RESET}.get(
                error.why
            )
            if outcome is None:
                raise
            return outcome, b""

    async def _watch(self) -> None:
        """Stop early when the answers so far show that more would teach nothing."""
        if self.stop is not None:
            return
        outcomes = [outcome for _port, outcome in self.course]
        if len(outcomes) >= MOST_SILENT and set(outcomes) == {Outcome.SILENT}:
            self.stop = Unseen(Why.TIMEOUT, f"no answer on any of {len(outcomes)} ports")
        elif self._turned(outcomes):
            await self._ask_again(outcomes)
        elif self._accepts_all(outcomes):
            self.stop = everywhere(len(outcomes))

    @staticmethod
    def _turned(outcomes: list[Outcome]) -> bool:
        """Accepted at first, then reset again and again: a guard may have noticed us. Resets from the start are chance."""
        resets = [index for index, outcome in enumerate(outcomes) if outcome is Outcome.RESET]
        return len(resets) >= 4 and outcomes[-4:] == [Outcome.RESET] * 4 and 0 < len(outcomes) - 8 <= resets[0]

    @staticmethod
    def _accepts_all(outcomes: list[Outcome]) -> bool:
        if len(outcomes) < SAMPLE or not set(outcomes) <= {Outcome.OPEN, Outcome.RESET}:
            return False
        return Outcome.RESET in outcomes[: SAMPLE // 2] or Outcome.RESET not in outcomes[-4:]

    async def _ask_again(self, outcomes: list[Outcome]) -> None:
        """A port that accepted is the canary: reset there too, the host refuses us and not the ports."""
        canary = next(port for port, outcome in self.course if outcome is Outcome.OPEN)
        count = len(outcomes)
        self.stop = Unseen(Why.RATE_LIMITED, f"the host began to refuse after {count} connections")
        for _again in range(2):
            outcome, _first = await self._attempt(self.places[canary], GLANCE_SECONDS)
            if outcome is Outcome.OPEN:
                self.stop = None
                return
        for _refusal in range(3):
            self.wire.refused_us(self.places[canary].address)

    async def _confirm(self) -> None:
        """A second connection to each open port, listening for a server that speaks first; a third when they differ."""
        opened = [port for port, outcomes in self.tries.items() if Outcome.OPEN in outcomes]
        if not opened or self._why(Why.BLOCKED) or self._why(Why.RATE_LIMITED):
            return
        earlier, self.stop = self.stop, None
        await self._all(opened, LISTEN_SECONDS)
        await self._all([port for port in opened if self.tries[port][-1] is not Outcome.OPEN], LISTEN_SECONDS)
        self.stop = earlier or self.stop

    # ----------------------------------------------------------------------------------------------------- judging

    def _alive(self) -> bool:
        return any(outcome in {Outcome.OPEN, Outcome.CLOSED} for _port, outcome in self.course)

    def _last(self, *wanted: Outcome) -> list[int]:
        return [port for port, outcomes in self.tries.items() if outcomes[-1] in wanted]

    def _verdicts(self, before: int) -> dict[int, Found]:
        opened = [port for port, outcomes in self.tries.items() if Outcome.OPEN in outcomes]
        if answers_everywhere(len(opened), len(self.tries)) and self._why(Why.RATE_LIMITED) is None:
            self.stop = everywhere(len(self.tries))
        if untrusted := self._why(Why.BLOCKED):
            return {port: Found(missed=untrusted) for port in self.places}
        trusted = self._trusted(before)
        return {port: self._verdict(port, trusted) for port in self.places}

    def _why(self, wanted: Why) -> Unseen | None:
        return self.stop if self.stop is not None and self.stop.why is wanted else None

    def _trusted(self, before: int) -> int:
        """Up to which answer of the course a refusal or a silence is the port's own: all of them, unless no port that was
        open is so any more; then those before the last acceptance."""
        accepted = [index for index, (_port, outcome) in enumerate(self.course) if outcome is Outcome.OPEN]
        confirming = len(self.course) > before
        refused = self._why(Why.RATE_LIMITED) is not None
        if not accepted or not (refused or (confirming and accepted[-1] < before)):
            return len(self.course)
        if not refused:
            self.stop = Unseen(Why.RATE_LIMITED, f"the host began to refuse after {accepted[-1] + 1} connections")
        return accepted[-1]

    def _verdict(self, port: int, trusted: int) -> Found:
        outcomes = self.tries.get(port, [])
        if not outcomes:
            return Found(missed=self.stop or Unseen(Why.NOT_ASKED, "not tried"))
        if Outcome.OPEN in outcomes:
            return Found("open", self.first.get(port, b""), self._how(outcomes))
        before = [outcome for at, outcome in self.course[:trusted] if at == port]
        if Outcome.RESET in outcomes:
            stop = self._why(Why.RATE_LIMITED)
            return Found(missed=stop or Unseen(Why.RESET, "accepted, then reset: neither open nor closed"))
        if Outcome.CLOSED in before:
            return Found("closed")
        if len(before) >= 2 and self._alive():
            return Found("filtered", where=f"connect: {len(before)} silences, the host answers on other ports")
        if stop := self._why(Why.RATE_LIMITED):
            return Found(missed=stop)
        return Found(missed=Unseen(Why.TIMEOUT, "no answer" if self._alive() else "no answer on any port"))

    @staticmethod
    def _how(outcomes: list[Outcome]) -> str:
        accepted = outcomes.count(Outcome.OPEN)
        if len(outcomes) == 1:
            return "connect: accepted once, not confirmed"
        return "connect" if accepted == len(outcomes) else f"connect: unstable, accepted {accepted} of {len(outcomes)}"


def answers_everywhere(opened: int, tried: int) -> bool:
    """Whether so many ports accept that none of them is believed: a tarpit, a honeypot or a guard answers for all."""
    return opened >= FEW and opened * 10 >= tried * 9


def everywhere(count: int) -> Unseen:
    return Unseen(Why.BLOCKED, f"answers on every port ({count} tried): not trustworthy")
