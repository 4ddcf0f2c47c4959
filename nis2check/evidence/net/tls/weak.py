# SPDX-License-Identifier: EUPL-1.2
"""Which weak classes of suites an address accepts, at a cost that does not depend on how many suites it has.

One hello offers everything broken at once; a modern server refuses it and five questions are answered. What is accepted is
taken out and the rest asked again. RSA key exchange, CBC and DHE have a hello each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nis2check.evidence.net.tls import plan, suites
from nis2check.evidence.net.tls.answer import Answer
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.hello import Wanted
from nis2check.evidence.net.tls.tables import TLS12
from nis2check.evidence.net.tls.versions import Versions
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

ALL = frozenset(plan.CLASSES)


@dataclass(frozen=True, slots=True)
class Weak:
    """``unknown`` says why the classes that are in neither list could not be told."""

    accepted: tuple[str, ...]
    refused: frozenset[str]
    unknown: Unseen | None


def accepted_classes(answers: Sequence[Answer]) -> frozenset[str]:
    """The weak classes of every suite that was accepted."""
    found = [suites.classes(answer.server.suite) for answer in answers if answer.server is not None]
    return frozenset().union(*found)


async def find(talk: Conversation, versions: Versions, *, enumerated: bool) -> Weak:
    """Ask for each weak class at the newest version that can have it, and again at the oldest when that is another.

    ``enumerated``: every suite of every version was asked already, so nothing is left to ask.
    """
    newest, oldest = versions.newest_classic, versions.oldest
    if not newest:
        if [code for code in versions.unknown if code <= TLS12]:
            return Weak((), frozenset(), Unseen(Why.NOT_ASKED, "no version older than TLS 1.3 was answered"))
        return Weak((), ALL, None)  # no version is offered that has such suites
    if enumerated or talk.stopped:
        return _weak(talk, talk.stopped)
    parts = (plan.BROKEN, frozenset({"RSA-KEX"}), frozenset({"CBC"}), frozenset({"DHE"}))
    reasons = await asyncio.gather(*(_chain(talk, newest, part) for part in parts))
    if oldest < newest:
        left = ALL - accepted_classes(talk.answers)
        reasons += [await _chain(talk, oldest, left)] if left else []
    return _weak(talk, next((reason for reason in reasons if reason is not None), None))


def _weak(talk: Conversation, why: Unseen | None) -> Weak:
    accepted = accepted_classes(talk.answers)
    refused = frozenset() if why else ALL - accepted
    return Weak(tuple(word for word in plan.CLASSES if word in accepted), refused, why)


async def _chain(talk: Conversation, version: int, wanted: frozenset[str]) -> Unseen | None:
    """Offer what is left of ``wanted`` until it is refused. The reason when an answer proves neither."""
    left = wanted
    while left:
        known = accepted_classes(talk.answers)
        if left <= known - {"DHE"}:
            return None
        offered = plan.of_classes(version, left - known if left - known else left)
        if not offered:
            return None  # a version that has no such suite
        name = "+".join(word for word in plan.CLASSES if word in left)
        exchange = Wanted.KEY_EXCHANGE if "DHE" in left else Wanted.SERVER_HELLO
        answer = await talk.ask(plan.narrowed(version, offered, name, exchange))
        if answer.server is None:
            return None if answer.refuses_the_offer else _reason(answer)
        left -= suites.classes(answer.server.suite)
    return None


def _reason(answer: Answer) -> Unseen:
    return answer.unseen or Unseen(Why.REFUSED, answer.words())
