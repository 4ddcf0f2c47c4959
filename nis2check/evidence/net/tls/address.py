# SPDX-License-Identifier: EUPL-1.2
"""One address: what its answers prove, as facts, and a gap with its reason for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from nis2check.evidence.net.tls import certificate, enumeration, extras, groups, leaves, ssl2, versions, weak
from nis2check.evidence.net.tls.answer import Answer, Kind
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.facts import FACTS
from nis2check.evidence.net.tls.hostname import a_label, literal
from nis2check.evidence.net.tls.tables import INTERNAL_ERROR, group_name, version_name
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import Json, Target, Why

RELAY_PORT = 25
RAW_BYTES = 100  # kept per answer: a ServerHello, an alert, a line of another protocol


class _Ledger:
    """What was told of one address, so that everything else becomes a gap in the end."""

    def __init__(self, address: str, not_due: set[str]) -> None:
        self.address = address
        self.told: set[str] = set()
        self._not_due = not_due

    def tell(self, name: str, value: Json | Unseen, where: str = "") -> Observation:
        """A fact, or a gap when the value is the reason why there is none."""
        self.told.add(name)
        if isinstance(value, Unseen):
            return Missed(name, value.why, value.detail, self.address)
        return Seen(name, value, self.address, where)

    def rest(self, prefix: str, error: Unseen) -> Iterator[Observation]:
        """A gap for every fact of a prefix that was not told: one for all when none was."""
        if f"{prefix}.*" in self.told:
            return
        if not any(name.startswith(f"{prefix}.") for name in self.told):
            yield self.tell(f"{prefix}.*", error)
            return
        for spec in FACTS:
            if spec.name.startswith(f"{prefix}.") and spec.name not in self.told | self._not_due:
                yield self.tell(spec.name, error)


async def look_at(
    wire: Wire, endpoint: Endpoint, deadline: Deadline, target: Target, starttls: str
) -> AsyncIterator[Observation]:
    """Facts and gaps of one address."""
    host = target.host
    name = "" if literal(host) else a_label(host)
    talk = Conversation(wire, endpoint, deadline, name, starttls)
    other = "tls.alpn" if starttls else "tls.plaintext_before_tls"
    book = _Ledger(endpoint.address, {"tls.cipher_suites_seen", "tls.opportunistic", other})
    found = await versions.find(talk)
    if not found.accepted:
        for observation in _not_accepted(talk, book):
            yield observation
        return
    # Port 25 is where servers relay (RFC 5321 4.5.4.2); 587 and others are for known users, and nothing else has this.
    relays = starttls == "smtp" and target.port == RELAY_PORT
    yield book.tell("tls.opportunistic", relays, f"{starttls.upper()} STARTTLS, port {target.port}" if starttls else "")
    oldest = await ssl2.find(talk)
    for observation in _opening(talk, found, oldest, host, book):
        yield observation
    why = "versions and certificate only"
    if not wire.settings.brief:
        why = "no answer of this server shows it"
        async for observation in _beyond(talk, found, host, book):
            yield observation
    for observation in _closing(talk, book, why):
        yield observation


async def _beyond(talk: Conversation, found: versions.Versions, host: str, book: _Ledger) -> AsyncIterator[Observation]:
    """What more hellos show than those that told the versions."""
    others, nameless, (offered, more, every, weaknesses) = await asyncio.gather(
        leaves.find(talk), leaves.without_name(talk), _deeper(talk, found)
    )
    for observation in (*_leaves(talk, others, host, book), *_weak(weaknesses, book)):
        yield observation
    for observation in (*_groups(offered, found, book), *_suites(every, book)):
        yield observation
    for told in (*nameless, *more, *extras.of_suites(talk.answers, weaknesses)):
        yield book.tell(*told)


async def _deeper(
    talk: Conversation, found: versions.Versions
) -> tuple[groups.Groups, list[extras.Told], enumeration.Suites, weak.Weak]:
    """With ``full``, what takes many connections comes last: a limit must not cost what is cheap to know."""
    if not talk.wire.settings.full:
        offered, more, weaknesses = await asyncio.gather(
            groups.find(talk, found), extras.find(talk, found), weak.find(talk, found, enumerated=False)
        )
        return offered, more, await enumeration.find(talk, found), weaknesses
    offered, more = await asyncio.gather(groups.find(talk, found), extras.find(talk, found))
    every = await enumeration.find(talk, found)
    return offered, more, every, await weak.find(talk, found, enumerated=every.unknown is None)


def _opening(
    talk: Conversation, found: versions.Versions, oldest: bool | Unseen, host: str, book: _Ledger
) -> Iterator[Observation]:
    yield book.tell("tls.accepted", True, "any hello")
    yield book.tell("tls.ssl2", oldest, "SSL 2 hello")
    yield from _versions(talk, found, ["SSLv2"] if oldest is True else [], book)
    yield from _certificate(talk, host, book)
    for told in extras.of_flight(talk.answers, found):
        yield book.tell(*told)


def _not_accepted(talk: Conversation, book: _Ledger) -> Iterator[Observation]:
    """Nothing was accepted: that is a fact when the peer said so, a gap when it said nothing."""
    answers = talk.answers
    said = [answer for answer in answers if answer.kind in {Kind.NOT_TLS, Kind.REFUSED}]
    if said and len(said) == len(answers) and all(_speaks_otherwise(answer) for answer in said):
        why = said[0].words() if said[0].kind is Kind.REFUSED else str(said[0].unseen and said[0].unseen.detail)
        yield book.tell("tls.accepted", False, why[:200])
        yield book.tell("tls.hellos", _hellos(answers))
        error = Unseen(Why.NOT_TLS, why)
    else:
        error = versions.why_unknown(answers, ())
    yield from book.rest("tls", error)
    yield from book.rest("certificate", error)


def _speaks_otherwise(answer: Answer) -> bool:
    return answer.kind is Kind.NOT_TLS or (answer.refuses_the_offer and answer.alert != INTERNAL_ERROR)


def _versions(talk: Conversation, found: versions.Versions, older: list[str], book: _Ledger) -> Iterator[Observation]:
    seen = older + [version_name(code) for code in found.accepted]
    yield book.tell("tls.versions_seen", seen, "hellos of each version")
    if found.unknown:
        error = versions.why_unknown(talk.answers, found.unknown)
        unknown = ", ".join(version_name(code) for code in found.unknown)
        yield book.tell("tls.versions", Unseen(error.why, f"{unknown} could not be told: {error.detail}"))
    else:
        yield book.tell("tls.versions", seen, "hellos of each version")


def _leaves(talk: Conversation, found: leaves.Leaves, host: str, book: _Ledger) -> Iterator[Observation]:
    """The facts of a second certificate have the names of the first: a rule fails when any of the two fails it, and ``where``
    says whose a fact is. What cannot be read of it is a gap of that name, so that no rule passes on the first alone."""
    yield book.tell("tls.authentication", found.unknown or list(found.kinds), "hellos of each kind of certificate")
    if found.other is not None:
        yield from _leaf(talk, found.other, host, book)


def _certificate(talk: Conversation, host: str, book: _Ledger) -> Iterator[Observation]:
    answer = versions.certificate_answer(talk.answers)
    if answer is None:
        broken = next((one.broken for one in talk.answers if one.broken is not None), None)
        yield from book.rest("certificate", broken or Unseen(Why.NOT_ASKED, "the suites accepted show no certificate"))
        return
    yield from _leaf(talk, answer, host, book)


def _leaf(talk: Conversation, answer: Answer, host: str, book: _Ledger) -> Iterator[Observation]:
    try:
        chain = extras.chain(answer)
    except Unseen as error:
        yield from book.rest("certificate", error)
        return
    if not chain:
        yield from book.rest("certificate", Unseen(Why.MALFORMED, "an empty certificate message"))
        return
    reason = Unseen(Why.MALFORMED, "the certificate cannot be decoded")
    for name, value in certificate.fields(chain, host, datetime.now(UTC), talk.wire.settings.ca_file):
        if name.endswith(".*") and isinstance(value, Unseen):
            reason = value
            continue
        yield book.tell(name, value, f"hello {answer.hello.name}")
    yield from book.rest("certificate", reason)


def _weak(found: weak.Weak, book: _Ledger) -> Iterator[Observation]:
    where = "hellos of each weak class"
    yield book.tell("tls.weak_suites_seen", list(found.accepted), where)
    yield book.tell("tls.weak_suites", found.unknown or list(found.accepted), where)


def _groups(found: groups.Groups, known: versions.Versions, book: _Ledger) -> Iterator[Observation]:
    where = "hellos of each group"
    yield book.tell("tls.groups", found.unknown or [group_name(code) for code in found.accepted], where)
    yield book.tell("tls.post_quantum", found.post_quantum(known), where)


def _suites(found: enumeration.Suites, book: _Ledger) -> Iterator[Observation]:
    where = "hellos of 64 suites, those accepted taken out"
    if found.accepted:
        yield book.tell("tls.cipher_suites_seen", found.accepted, where)
    yield book.tell("tls.cipher_suites", found.unknown or found.accepted, where)


def _closing(talk: Conversation, book: _Ledger, why: str) -> Iterator[Observation]:
    yield book.tell("tls.resets", sorted(set(talk.refuses_by_reset)))
    yield book.tell("tls.unstable", talk.unstable)
    if talk.starttls:
        yield book.tell("tls.plaintext_before_tls", any(answer.injected for answer in talk.answers), talk.starttls)
    yield book.tell("tls.hellos", _hellos(talk.answers + talk.nameless))
    broken = next((answer.broken for answer in talk.answers if answer.broken is not None), None)
    yield from book.rest("tls", talk.stopped or broken or Unseen(Why.NOT_ASKED, why))


def _hellos(answers: list[Answer]) -> list[dict[str, str]]:
    return [
        {"hello": answer.hello.name, "answer": answer.words(), "raw": answer.raw[:RAW_BYTES].hex()}
        for answer in answers
    ]
