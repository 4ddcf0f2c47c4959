# SPDX-License-Identifier: EUPL-1.2
"""One address, asked hello after hello: typed answers, second tries, and the test that tells a refusal from a rate limit.

A reset right after a hello is a refusal only if the peer still answers another hello afterwards; a peer that resets and then
answers the very same hello is unstable, and from then on no reset proves anything. Unless several were asked at once: then it
was one too many, the wire gives fewer from then on, and the hello is simply asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace

from nis2check.evidence.net.tls.answer import Answer, Exchange, Kind
from nis2check.evidence.net.tls.hello import Hello, Wanted, encode
from nis2check.evidence.net.tls.sealed import Opener, Share
from nis2check.evidence.net.tls.starttls import ONE_AT_A_TIME, OPENINGS, NotOffered
from nis2check.evidence.net.tls.tables import TLS13
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Connection, Deadline, Endpoint, Wire
from nis2check.model import Why

FLIGHT_SECONDS = 8.0  # one flight, whole; a server that drips is not waited for
OPENING_SECONDS = 15.0  # what is said in clear before STARTTLS
LONGEST_RAW = 1 << 16
PAUSE_SECONDS = 0.25  # before the same hello is tried again


class Conversation:
    """What is asked of one endpoint, and what is known of its manners. Used from one event loop."""

    def __init__(self, wire: Wire, endpoint: Endpoint, deadline: Deadline, host: str, starttls: str = "") -> None:
        self.wire = wire
        self.endpoint = endpoint
        self.deadline = deadline
        self.host = host
        self.starttls = starttls
        self.answers: list[Answer] = []
        self.nameless: list[
            Answer
        ] = []  # to hellos without a name: perhaps of another site, so they prove nothing here
        self.stopped: Unseen | None = None  # why nothing more is asked
        self.unstable = False
        self._was_crowded = False  # a hello that was reset among others was answered alone
        self.refuses_by_reset: list[str] = []
        self.sparing = starttls in ONE_AT_A_TIME  # each session counts: ask less, one after the other
        self._not_offered: NotOffered | None = None
        self._one_at_a_time: AbstractAsyncContextManager[None] = asyncio.Lock() if self.sparing else nullcontext()
        self._alone = asyncio.Lock()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def control(self) -> Hello | None:
        """A hello that this address answered: what tells a server that refuses from one that has had enough."""
        spoken = [answer.hello for answer in self.answers if answer.speaks_tls]
        accepted = [answer.hello for answer in self.answers if answer.accepted]
        hello = next(iter(accepted or spoken), None)
        return replace(hello, wanted=Wanted.SERVER_HELLO) if hello else None

    async def ask(self, hello: Hello) -> Answer:
        """The answer to a hello, an ending confirmed. Never raises Unseen."""
        answer = await self.once(hello)
        return await self.confirm(answer) if answer.kind is Kind.ENDED and self.control else answer

    async def once(self, hello: Hello) -> Answer:
        """One connection, one hello."""
        async with self._alone:
            self._in_flight += 1
            self._idle.clear()
        try:
            return await self._try(hello)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def confirm(self, ended: Answer) -> Answer:
        """A hello that was ended without an answer, asked again with nothing else in flight, then a control hello."""
        async with self._alone:
            await self._idle.wait()
            if self.stopped:
                return Answer(ended.hello, Kind.FAILED, unseen=self.stopped)
            for tries in range(3 if self.unstable else 2 if self._was_crowded else 1):
                await asyncio.sleep(min(PAUSE_SECONDS, self.deadline.left()))
                again = await self._try(ended.hello)
                if again.kind is not Kind.ENDED:
                    if again.speaks_tls:
                        self._was_crowded = self._was_crowded or ended.crowded
                        self.unstable = self.unstable or tries > 0 or not ended.crowded
                    return again
                self.wire.refused_us(self.endpoint.address)
            control = self.control
            assert control is not None  # the caller asked
            return await self._judged(again, await self._try(control))

    async def _judged(self, ended: Answer, control: Answer) -> Answer:
        """Ended twice; what the control hello got tells a refusal from a server that has had enough."""
        if control.kind is Kind.ENDED:
            self.wire.refused_us(self.endpoint.address)
            asked = self.wire.connections(self.endpoint.address)
            self.stopped = Unseen(Why.RATE_LIMITED, f"answers stopped after {asked} connections")
            return replace(ended, kind=Kind.FAILED, unseen=self.stopped)
        if not control.speaks_tls:
            return replace(ended, kind=Kind.FAILED, unseen=control.unseen or ended.unseen)
        if not self.refuses_by_reset and not self.unstable:  # the first of its kind: once more, now that it answers
            ended = await self._try(ended.hello)
            if ended.kind is not Kind.ENDED:
                self.unstable = ended.speaks_tls
                return ended
        if self.unstable:
            return replace(ended, kind=Kind.FAILED, unseen=Unseen(Why.RESET, "unstable: resets what it also answers"))
        self.refuses_by_reset.append(ended.hello.name)
        refused = replace(ended, kind=Kind.REFUSED)
        self.answers = [refused if answer is ended else answer for answer in self.answers]
        return refused

    async def _try(self, hello: Hello) -> Answer:
        async with self._one_at_a_time:
            if self.stopped:
                return Answer(hello, Kind.FAILED, unseen=self.stopped)
            if self._not_offered:
                return Answer(hello, Kind.NOT_TLS, unseen=self._not_offered)
            if self.answers and self.sparing:
                await asyncio.sleep(min(self.wire.pace(self.endpoint.address).apart, self.deadline.left()))
            width = self.wire.width(self.endpoint.address)
            answer = await self._exchange(hello)
        if answer.kind is Kind.ENDED and width > 1:
            answer = replace(answer, crowded=True)
        (self.nameless if hello.nameless else self.answers).append(answer)
        if answer.speaks_tls:
            self.wire.answered_us(self.endpoint.address)
        elif answer.unseen and answer.unseen.why in {Why.RATE_LIMITED, Why.OUT_OF_SCOPE, Why.DEADLINE, Why.BLOCKED}:
            self.stopped = answer.unseen
        return answer

    async def raw(self, record: bytes, enough: Callable[[bytes], bool]) -> bytes:
        """What comes back to bytes that are no TLS hello, until ``enough`` of it or its end. Raises Unseen."""
        got = b""
        try:
            async with self.wire.connect(self.endpoint, self.deadline, most=LONGEST_RAW) as conn:
                await self._open(conn)
                conn.write(record)
                while not enough(got) and (data := await conn.read()):
                    got += data
        except Unseen as error:
            if got and error.why in {Why.RESET, Why.CLOSED}:
                return got
            raise self._explained(error) from None
        return got

    async def _exchange(self, hello: Hello) -> Answer:
        if self.starttls and hello.alpn:
            hello = replace(hello, alpn=())  # h2 and http/1.1 mean nothing there
        shares = {group: Share(group) for group in hello.shares}
        record = encode(hello, self.host, {group: share.public() for group, share in shares.items()})
        opener = Opener(record[5:], shares) if hello.newest == TLS13 and hello.wanted is Wanted.WHOLE else None
        exchange = Exchange(hello, opener)
        connected = injected = False
        try:
            async with self.wire.connect(self.endpoint, self.deadline) as conn:
                await self._open(conn)
                injected, connected = bool(conn.discard()), True
                conn.write(record)
                while True:
                    data = await conn.read()
                    if not data:
                        raise Unseen(Why.CLOSED, f"closed after {exchange.flight.received} bytes")
                    if exchange.feed(data):
                        break
            answer = exchange.answer()
        except Unseen as error:
            answer = exchange.answer(self._explained(error), connected=connected)
        return replace(answer, injected=True) if injected else answer

    async def _open(self, conn: Connection) -> None:
        """What is said in clear before the hello. A peer that is too slow here is not asked again."""
        if self.starttls:
            conn.deadline = self.deadline.sooner(OPENING_SECONDS)
            try:
                await OPENINGS[self.starttls](conn)
            except NotOffered as error:
                self._not_offered = error
                raise
            except Unseen as error:
                if error.why in {Why.DEADLINE, Why.TIMEOUT}:
                    self.stopped = Unseen(Why.TIMEOUT, f"{self.starttls}: no consent within {OPENING_SECONDS:.0f} s")
                    raise self.stopped from None
                raise
        conn.deadline = self.deadline.sooner(FLIGHT_SECONDS)

    def _explained(self, error: Unseen) -> Unseen:
        """The deadline of one flight is a silence, not the end of the look."""
        if error.why is Why.DEADLINE and self.deadline.left() > 0:
            return Unseen(Why.TIMEOUT, f"no whole answer within {FLIGHT_SECONDS:.0f} s")
        return error
