# SPDX-License-Identifier: EUPL-1.2
"""What else the answers show: extensions of the flight, the server's order, downgrade protection, the prime of DHE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nis2check.evidence.net.tls import plan, primes, records, suites
from nis2check.evidence.net.tls.answer import Answer
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.groups import reason
from nis2check.evidence.net.tls.hello import ALPN, EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO, STATUS_REQUEST, Wanted
from nis2check.evidence.net.tls.tables import INAPPROPRIATE_FALLBACK, TLS13, version_name
from nis2check.evidence.net.tls.versions import Versions, certificate_answer
from nis2check.evidence.net.tls.weak import Weak
from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why

Told = tuple[str, Json | Unseen, str]  # fact, value or reason, what was asked


def chain(answer: Answer) -> tuple[bytes, ...]:
    """The certificates of an answer. Raises Unseen."""
    body, server = answer.first(records.CERTIFICATE), answer.server
    if body is None or server is None:
        raise Unseen(Why.CLOSED, "no certificate was shown")
    return records.certificates(body, server.version)


def _encrypted_extensions(answer: Answer) -> dict[int, bytes]:
    body = answer.first(records.ENCRYPTED_EXTENSIONS)
    return (
        records.extensions(records.Fields(body, "EncryptedExtensions").vector(2), "EncryptedExtensions") if body else {}
    )


def of_flight(answers: Sequence[Answer], versions: Versions) -> Iterator[Told]:
    """What the flight that showed the certificate says besides."""
    answer = certificate_answer(answers)
    if answer is None or answer.server is None:
        return
    where = f"hello {answer.hello.name}"
    modern = answer.server.version == TLS13
    try:
        found = _encrypted_extensions(answer) if modern else answer.server.extensions
    except Unseen:
        return
    if not modern:
        yield "tls.secure_renegotiation", RENEGOTIATION_INFO in found, where
        yield "tls.extended_master_secret", EXTENDED_MASTER_SECRET in found, where
        if len(answer.hello.compression) > 1:
            yield "tls.compression", answer.server.compression != 0, where
    elif not versions.newest_classic and not [code for code in versions.unknown if code < TLS13]:
        yield "tls.secure_renegotiation", True, "TLS 1.3 has no renegotiation"
        yield "tls.extended_master_secret", True, "TLS 1.3 has it by construction"
        yield "tls.compression", False, "TLS 1.3 has no compression"
    if answer.hello.alpn:
        yield "tls.alpn", _alpn(found), where
    if answer.broken is None:
        yield "tls.client_certificate_requested", answer.first(records.CERTIFICATE_REQUEST) is not None, where
        yield "tls.ocsp_stapled", _stapled(answer), where


def _alpn(found: dict[int, bytes]) -> list[str] | Unseen:
    if ALPN not in found:
        return []
    try:
        names = records.Fields(records.Fields(found[ALPN], "ALPN").vector(2), "ALPN").vector(1)
    except Unseen as error:
        return error
    return [names.decode("ascii", "backslashreplace")]


def _stapled(answer: Answer) -> bool | Unseen:
    if answer.server is None or answer.server.version != TLS13:
        return answer.first(records.CERTIFICATE_STATUS) is not None
    try:
        return STATUS_REQUEST in records.certificate_extensions(answer.first(records.CERTIFICATE) or b"")
    except Unseen as error:
        return error


def of_suites(answers: Sequence[Answer], weak: Weak) -> Iterator[Told]:
    """The smallest prime seen in a Diffie-Hellman exchange."""
    seen = [answer.key_exchange for answer in answers if answer.key_exchange and answer.key_exchange.prime]
    smallest = min(seen, key=lambda one: one.prime_bits, default=None)
    if smallest is not None:
        yield "tls.dh_bits", smallest.prime_bits, "hello of DHE suites"
        yield "tls.dh_prime", primes.name(smallest.prime), "hello of DHE suites"
    elif "DHE" in weak.refused:
        for fact in ("tls.dh_bits", "tls.dh_prime"):
            yield fact, Unseen(Why.NOT_ASKED, "no DHE suite is accepted"), ""


async def find(talk: Conversation, versions: Versions) -> list[Told]:
    """Two more hellos: the same suites in another order, and a downgrade."""
    return [await _preference(talk, versions), await _fallback(talk, versions)]


async def _preference(talk: Conversation, versions: Versions) -> Told:
    """The suite that was chosen is put last: a server that still takes it follows its own order, if it has another."""
    fact = "tls.server_preference"
    version = versions.newest_classic or TLS13
    first = next(
        (one for one in talk.answers if one.server and one.server.version == version and not one.hello.bare), None
    )
    if first is None or first.server is None:
        return fact, Unseen(Why.NOT_ASKED, "no suite was chosen"), ""
    chosen = first.server.suite
    others = tuple(code for code in first.hello.suites if code != chosen)
    where = f"hello {first.hello.name}, {suites.name(chosen)} put last"
    hello = replace(first.hello, name=f"{first.hello.name}, chosen suite last", wanted=Wanted.SERVER_HELLO, refuses=())
    second = await talk.ask(replace(hello, suites=(*others, chosen)))
    if second.server is None or second.server.version != version:
        return fact, reason(second), where
    if second.server.suite != chosen:
        return fact, False, where
    if not any(_other(one, version, chosen, others) for one in talk.answers):
        third = await talk.ask(replace(hello, name=f"{first.hello.name}, without it", suites=others))
        if third.refuses_the_offer:
            return fact, True, "one suite only: no order but the server's"
        if third.server is None:
            return fact, reason(third), where
    return fact, True, where


def _other(answer: Answer, version: int, chosen: int, offered: tuple[int, ...]) -> bool:
    """Another suite of that version was accepted, and it had been offered."""
    server = answer.server
    return server is not None and server.version == version and server.suite != chosen and server.suite in offered


async def _fallback(talk: Conversation, versions: Versions) -> Told:
    """RFC 7507: a hello below the server's best, marked as a fallback."""
    fact = "tls.fallback_scsv"
    below = [code for code in versions.accepted if code < max(versions.accepted)]
    if not below:
        return fact, Unseen(Why.NOT_ASKED, "one version only: nothing to fall back to"), ""
    version = max(below)
    most = plan.BY_MAXIMUM[version]
    offered = (*most.suites[: plan.MOST_SUITES - 1], suites.FALLBACK_SCSV)
    answer = await talk.ask(plan.narrowed(version, offered, "TLS_FALLBACK_SCSV"))
    where = f"hello {version_name(version)} with TLS_FALLBACK_SCSV"
    if answer.alert == INAPPROPRIATE_FALLBACK:
        return fact, True, where
    if answer.accepted:
        return fact, False, where
    return fact, reason(answer), where
