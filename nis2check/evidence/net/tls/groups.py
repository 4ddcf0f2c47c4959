# SPDX-License-Identifier: EUPL-1.2
"""Which key exchange groups an address accepts: the one it names is taken out of the offer until it refuses.

TLS 1.3 names groups by HelloRetryRequest to an empty key share: no asymmetric work on either side, and no post-quantum code of
ours is needed to see X25519MLKEM768. TLS 1.2 names them in ServerKeyExchange, which costs the server a signature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nis2check.evidence.net.tls import plan, suites
from nis2check.evidence.net.tls.answer import Answer, Kind
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.hello import Wanted
from nis2check.evidence.net.tls.tables import CURVES_TLS12, POST_QUANTUM, TLS13
from nis2check.evidence.net.tls.versions import Versions
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST = 40


@dataclass(frozen=True, slots=True)
class Groups:
    """In the order in which the server named them. ``unknown`` says why the list may be short."""

    accepted: tuple[int, ...]
    unknown: Unseen | None
    no_post_quantum: bool = False  # a hello of post-quantum groups only was refused

    def post_quantum(self, versions: Versions) -> bool | Unseen:
        """A hybrid or ML-KEM group is accepted: only TLS 1.3 has them, and a hello of nothing else settles it."""
        if any(group in POST_QUANTUM for group in self.accepted):
            return True
        if TLS13 in versions.refused or self.no_post_quantum:
            return False
        return self.unknown or (False if TLS13 in versions.accepted else Unseen(Why.NOT_ASKED, "TLS 1.3 not known"))


async def find(talk: Conversation, versions: Versions) -> Groups:
    """TLS 1.3 first; of TLS 1.2 and older only with ``full``, for it costs the server."""
    accepted: tuple[int, ...] = ()
    unknown: Unseen | None = None
    if TLS13 in versions.accepted and talk.sparing and not talk.wire.settings.full:
        return await _sparing(talk)
    if TLS13 in versions.accepted:
        accepted, unknown = await _modern(talk)
    if versions.newest_classic and talk.wire.settings.full:
        more, why = await _classic(talk, versions.newest_classic)
        accepted += tuple(group for group in more if group not in accepted)
        unknown = unknown or why
    elif not accepted and unknown is None:
        unknown = Unseen(Why.NOT_ASKED, "groups of TLS 1.2 are asked with --full")
    return Groups(accepted, unknown)


async def _sparing(talk: Conversation) -> Groups:
    """One session more instead of one per group, for a server that counts them."""
    found = tuple(answer.server.group for answer in talk.answers if answer.server and answer.server.retry)[:1]
    why = Unseen(Why.NOT_ASKED, f"groups behind {talk.starttls} STARTTLS are asked with --full")
    if any(group in POST_QUANTUM for group in found):
        return Groups(found, why)
    answer = await talk.ask(plan.POST_QUANTUM_ONLY)
    if answer.server is not None:
        return Groups((*found, answer.server.group), why)
    return Groups(found, why if answer.refuses_the_offer else reason(answer), answer.refuses_the_offer)


async def _modern(talk: Conversation) -> tuple[tuple[int, ...], Unseen | None]:
    hello = plan.TLS13_EMPTY
    named = [answer for answer in talk.answers if answer.hello == hello and answer.server and answer.server.retry]
    found = [answer.server.group for answer in named[:1] if answer.server]
    while len(found) < MOST:
        left = tuple(group for group in hello.groups if group not in found)
        if not left:
            return tuple(found), None
        answer = await talk.ask(replace(hello, name=f"TLS 1.3, {len(left)} groups left", groups=left, refuses=()))
        if answer.server is None:
            return tuple(found), None if answer.refuses_the_offer else reason(answer)
        found.append(answer.server.group)
    return tuple(found), Unseen(Why.LIMIT, f"more than {MOST} groups")


async def _classic(talk: Conversation, version: int) -> tuple[tuple[int, ...], Unseen | None]:
    offered = tuple(code for code in plan.public_suites(version) if suites.name(code).startswith("TLS_ECDHE_"))
    hello = plan.narrowed(version, offered[: plan.MOST_SUITES], "groups", Wanted.KEY_EXCHANGE)
    found: list[int] = []
    while left := tuple(group for group in CURVES_TLS12 if group not in found):
        answer = await talk.ask(replace(hello, name=f"{hello.name}, {len(left)} left", groups=left))
        exchange = answer.key_exchange
        if answer.kind is not Kind.ACCEPTED or exchange is None:
            return tuple(found), None if answer.refuses_the_offer else reason(answer)
        if exchange.group not in left:
            return tuple(found), Unseen(Why.MALFORMED, "a group that was not offered")
        found.append(exchange.group)
    return tuple(found), None


def reason(answer: Answer) -> Unseen:
    """Why an answer proves nothing."""
    return answer.unseen or answer.broken or Unseen(Why.REFUSED, answer.words())
