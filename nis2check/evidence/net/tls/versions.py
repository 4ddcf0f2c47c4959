# SPDX-License-Identifier: EUPL-1.2
"""Which versions an address accepts, and which it refuses: three hellos for a modern server, more where answers ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nis2check.evidence.net.tls import plan
from nis2check.evidence.net.tls.answer import Answer, Kind
from nis2check.evidence.net.tls.conversation import PAUSE_SECONDS, Conversation
from nis2check.evidence.net.tls.hello import Hello
from nis2check.evidence.net.tls.records import CERTIFICATE
from nis2check.evidence.net.tls.tables import PROTOCOL_VERSION, SSL3, TLS10, TLS11, TLS12, TLS13, VERSIONS
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

_NO_COMMON_SUITE = frozenset({40, 71})  # handshake_failure, insufficient_security: perhaps other suites would do

OPENING = (plan.TLS13_EMPTY, plan.TLS12_FLIGHT, plan.TLS11_MOST)


@dataclass(frozen=True, slots=True)
class Versions:
    """``accepted`` and ``refused`` are proved; a version in neither is not known."""

    accepted: tuple[int, ...]
    refused: frozenset[int]

    @property
    def unknown(self) -> tuple[int, ...]:
        return tuple(code for code in VERSIONS if code not in self.accepted and code not in self.refused)

    @property
    def newest_classic(self) -> int:
        """The newest of TLS 1.2 and older, 0 for none."""
        return max((code for code in self.accepted if code <= TLS12), default=0)

    @property
    def oldest(self) -> int:
        return min(self.accepted, default=0)


def proved(answers: Sequence[Answer]) -> Versions:
    """What the answers prove. A ServerHello of an older version refuses the newer ones that were offered (RFC 5246 E.1)."""
    accepted: set[int] = set()
    refused: set[int] = set()
    for answer in answers:
        if answer.server is not None:
            accepted.add(answer.server.version)
            refused |= {code for code in answer.hello.versions if code > answer.server.version}
        elif answer.refuses_the_offer:
            by_reset = answer.alert < 0
            refused |= set(answer.hello.refuses[:1] if by_reset else answer.hello.refuses)
    return Versions(tuple(sorted(accepted)), frozenset(refused - accepted))


async def find(talk: Conversation) -> Versions:
    """Ask for the versions of one address. Look at ``talk.answers`` for all else that came with them."""
    first = await asyncio.gather(*(talk.once(hello) for hello in OPENING))
    if talk.control is None:
        await _wake(talk, first)
        if talk.control is None:
            return proved(talk.answers)
        first = await asyncio.gather(*(talk.once(hello) for hello in OPENING))
    answers = [await talk.confirm(answer) if answer.kind is Kind.ENDED else answer for answer in first]
    await _second_try(talk, answers)
    await _descend(talk, answers[2])
    return proved(talk.answers)


async def _wake(talk: Conversation, first: Sequence[Answer]) -> None:
    """Nothing spoke TLS: try the hellos that even odd servers take, after a pause. Not when the answer was clear."""
    if any(answer.kind in {Kind.NOT_TLS, Kind.FAILED} for answer in first):
        return
    silent = all(answer.kind is Kind.SILENT for answer in first)  # each further silence costs its whole time-out
    for hello in (plan.BROWSER,) if silent else (plan.BROWSER, plan.BARE):
        await asyncio.sleep(min(PAUSE_SECONDS, talk.deadline.left()))
        answer = await talk.once(hello)
        if answer.kind not in {Kind.ENDED, Kind.SILENT}:
            return


async def _second_try(talk: Conversation, answers: Sequence[Answer]) -> None:
    """What a hello left open is asked again with one that more servers take."""
    modern, classic, old = answers
    if _worth_it(modern):
        await talk.ask(plan.BROWSER)
    if not classic.accepted and not classic.refuses_the_offer and not _shown(talk):
        await talk.ask(plan.BARE)
    if classic.kind is Kind.REFUSED and classic.alert in _NO_COMMON_SUITE:
        for hello in plan.RARE:
            await talk.ask(hello)
    if old.kind is Kind.SILENT:
        await talk.ask(plan.TLS11_MOST)
    if TLS13 in proved(talk.answers).accepted and not _shown(talk):
        await talk.ask(_openable(modern))


def _shown(talk: Conversation) -> bool:
    return certificate_answer(talk.answers) is not None


def _worth_it(modern: Answer) -> bool:
    """Not after a plain refusal (alert 70, or alert 40 of a server that knows none of the suites), nor of a slow server."""
    slow = modern.kind is Kind.FAILED and modern.unseen is not None and modern.unseen.why is Why.TIMEOUT
    return not modern.accepted and modern.alert not in {40, PROTOCOL_VERSION} and not slow


def _openable(modern: Answer) -> Hello:
    """The hello for the certificate, with the share that the server asked for when we can make it."""
    hello = plan.TLS13_FLIGHT
    wanted = modern.server.group if modern.server is not None and modern.server.retry else 0
    return replace(hello, shares=(wanted,)) if wanted in hello.groups and wanted not in hello.shares else hello


async def _descend(talk: Conversation, old: Answer) -> None:
    """Each answer of an old version opens the question of the next; after a reset, or on demand, each is asked by itself."""
    one_by_one = talk.wire.settings.full or (old.kind is Kind.REFUSED and old.alert < 0)
    below = old.server.version if old.server is not None else TLS11 if one_by_one else SSL3
    for version in (TLS10, SSL3):
        if version < below:
            answer = await talk.ask(plan.BY_MAXIMUM[version])
            if answer.server is not None:
                below = answer.server.version
            elif not one_by_one:
                return


def why_unknown(answers: Sequence[Answer], versions: Sequence[int]) -> Unseen:
    """The reason why some versions are not known: what the hellos for them ended with."""
    unseen = [answer for answer in answers if answer.server is None and answer.unseen is not None]
    asked = [answer for answer in unseen if answer.hello.newest in versions]
    for answer in asked[::-1] + unseen:
        if answer.unseen is not None:
            return answer.unseen
    refused = next((answer for answer in answers if answer.kind is Kind.REFUSED), None)
    return Unseen(Why.REFUSED, refused.words()) if refused else Unseen(Why.NOT_ASKED, "nothing was asked")


def certificate_answer(answers: Sequence[Answer]) -> Answer | None:
    """The answer whose certificate is told: that of the newest version."""
    shown = [answer for answer in answers if answer.server is not None and answer.first(CERTIFICATE) is not None]
    return max(shown, key=lambda answer: answer.server.version if answer.server else 0, default=None)
