# SPDX-License-Identifier: EUPL-1.2
"""The other certificates of an address: that of the other kind of key, and that of a client which names no host.

A server may hold an RSA and an ECDSA certificate and show the one that the client's suites (TLS 1.2) or signature algorithms
(TLS 1.3) allow: one of the two may be expired without a browser ever telling. Each is asked for alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nis2check.evidence.net.tls import extras, plan, records, suites
from nis2check.evidence.net.tls.answer import Answer
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.groups import reason
from nis2check.evidence.net.tls.hello import Hello, Wanted
from nis2check.evidence.net.tls.tables import SIGNATURE_SCHEMES, TLS13
from nis2check.evidence.net.tls.versions import certificate_answer
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

KINDS = ("RSA", "ECDSA")
# Ed25519, Ed448 (RFC 8446 4.2.3), ecdsa_brainpool (RFC 8734)
_ELLIPTIC = frozenset({0x0807, 0x0808, 0x081A, 0x081B, 0x081C})


@dataclass(frozen=True, slots=True)
class Leaves:
    """``other`` shows the certificate of the other kind, None when there is none; ``unknown`` says why that is not known."""

    kinds: tuple[str, ...]
    other: Answer | None
    unknown: Unseen | None


def _is_ecdsa(scheme: int) -> bool:
    return scheme in _ELLIPTIC or scheme & 0xFF == 0x03  # the low byte of every other ECDSA scheme


def kind_of(answer: Answer) -> str:
    """RSA or ECDSA (EdDSA included), from the suite or, in TLS 1.3, from the signature; "" when neither tells."""
    assert answer.server is not None  # asked of accepted answers
    if answer.server.version == TLS13:
        body = answer.first(records.CERTIFICATE_VERIFY)
        if body is None or len(body) < 2:
            return ""
        return "ECDSA" if _is_ecdsa(int.from_bytes(body[:2], "big")) else "RSA"
    word = suites.name(answer.server.suite)
    return "ECDSA" if "_ECDSA_" in word else "RSA" if "_RSA_" in word else ""


def _asking(kind: str, version: int) -> Hello:
    """A hello that only a certificate of that kind can answer."""
    schemes = tuple(code for code in SIGNATURE_SCHEMES if _is_ecdsa(code) is (kind == "ECDSA"))
    if version == TLS13:
        return replace(plan.TLS13_FLIGHT, name=f"TLS 1.3, {kind} signatures", signatures=schemes, alpn=(), refuses=())
    mark = f"_{kind}_"
    offered = tuple(code for code in plan.public_suites(version) if mark in suites.name(code))[: plan.MOST_SUITES]
    return replace(plan.narrowed(version, offered, f"{kind} suites", Wanted.WHOLE), signatures=schemes)


async def find(talk: Conversation) -> Leaves:
    """One more hello: for the kind of certificate that was not shown."""
    shown = certificate_answer(talk.answers)
    kind = kind_of(shown) if shown else ""
    if shown is None or shown.server is None or not kind:
        return Leaves((), None, Unseen(Why.NOT_ASKED, "no certificate that says its kind was shown"))
    if talk.sparing and not talk.wire.settings.full:
        return Leaves((kind,), None, Unseen(Why.NOT_ASKED, f"asked behind {talk.starttls} STARTTLS with --full"))
    other = KINDS[1 - KINDS.index(kind)]
    answer = await talk.ask(_asking(other, shown.server.version))
    if answer.server is not None and answer.first(records.CERTIFICATE) is not None:
        return Leaves(tuple(word for word in KINDS if word in {kind, other}), answer, None)
    return Leaves((kind,), None, None if answer.refuses_the_offer else reason(answer))


async def without_name(talk: Conversation) -> list[extras.Told]:
    """What a client that sends no server_name gets. It may be another site: only these two facts come from it."""
    facts = ("tls.sni_required", "tls.default_certificate_same")
    shown = certificate_answer(talk.answers)
    why: Unseen | None = None
    if not talk.host:
        why = Unseen(Why.NOT_ASKED, "an address has no name to send")
    elif shown is None or shown.server is None:
        why = Unseen(Why.NOT_ASKED, "no certificate was shown with the name")
    elif talk.sparing and not talk.wire.settings.full:
        why = Unseen(Why.NOT_ASKED, f"asked behind {talk.starttls} STARTTLS with --full")
    if why or shown is None:
        return [(fact, why or "", "") for fact in facts]
    hello = replace(shown.hello, name=f"{shown.hello.name}, no server_name", nameless=True, refuses=())
    answer = await talk.ask(hello)
    where = f"hello {hello.name}"
    if answer.server is None:
        refused = answer.speaks_tls
        told = True if refused else reason(answer)
        same = Unseen(Why.NOT_ASKED, "refused without server_name") if refused else reason(answer)
        return [(facts[0], told, where), (facts[1], same, where)]
    return [(facts[0], False, where), (facts[1], _same(shown, answer), where)]


def _same(one: Answer, other: Answer) -> bool | Unseen:
    try:
        return extras.chain(one)[:1] == extras.chain(other)[:1]
    except Unseen as error:
        return error
