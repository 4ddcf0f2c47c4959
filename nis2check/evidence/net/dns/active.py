# SPDX-License-Identifier: EUPL-1.2
"""What name servers do for strangers: hand over the zone, resolve foreign names. Asked only of those that somebody authorised.

Rules for this file: a server is asked when an authorisation of today covers its name or all its addresses; one question of each
kind, no second try; a transfer is cut after its second record, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from secrets import randbits
from struct import pack

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from nis2check.bodyfile import covers
from nis2check.evidence.net.dns.server import Look, Server, missed, tried
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.evidence.question import Question, one_try
from nis2check.evidence.wire import Deadline, Endpoint
from nis2check.model import Target, Why

FOREIGN = "nis2check.invalid"  # no zone holds it (RFC 6761 section 6.4), so that no third party is asked for much
TRANSFER_SECONDS = 8.0
MOST_MESSAGES = 2

Covers = Sequence[str]


def covers_today(target: Target, now: str) -> Covers:
    """What the authorisations of a target cover on the day of ``now`` (RFC 3339)."""
    given = target.options.get("authorised") or []
    return [cover for one in given if str(one["until"]) >= now[:10] for cover in one["covers"]]


async def active_tests(this: Look, servers: list[Server], authorised: Covers) -> list[Observation]:
    covered = [server for server in servers if _is_covered(server, authorised)]
    where = f"authorisation for {', '.join(server.name for server in covered)}" if covered else "no authorisation"
    seen: list[Observation] = [Seen("dns.active_tests", bool(covered), where=where)]
    if not covered:
        return seen
    transfers = [(server.name, await tried(_hands_over(this, server))) for server in covered]
    foreign = [(server.name, await tried(_resolves(this, server))) for server in covered]
    return [
        *seen,
        *_worst("dns.zone_transfer", f"AXFR {this.zone_text}", transfers),
        *_worst("dns.open_resolver", f"A {FOREIGN}", foreign),
    ]


def _is_covered(server: Server, authorised: Covers) -> bool:
    if isinstance(server.endpoints, Unseen) or isinstance(server.addresses, Unseen):
        return False
    hosts = [[server.name], [*server.addresses, *(endpoint.address for endpoint in server.endpoints)]]
    return any(all(any(covers(cover, one) for cover in authorised) for one in every) for every in hosts)


def _worst(fact: str, where: str, answers: Iterable[tuple[str, bool | Unseen]]) -> list[Observation]:
    """One server that does it is enough; that none does needs them all."""
    answers = list(answers)
    for name, answer in answers:
        if answer is True:
            return [Seen(fact, True, where=f"{where} at {name}")]
    for name, answer in answers:
        if isinstance(answer, Unseen):
            return missed([fact], Unseen(answer.why, f"{name}: {answer.detail}"))
    return [Seen(fact, False, where=f"{where} at {', '.join(name for name, _answer in answers)}")]


async def _resolves(this: Look, server: Server) -> bool:
    """RFC 5358: whether a stranger's question about a foreign name is answered by recursion."""
    assert not isinstance(server.endpoints, Unseen)  # _is_covered()
    question = Question(_wire_name(FOREIGN), dns.rdatatype.A, ours=False)
    try:
        answer = await one_try(this.wire, question, server.endpoints[0], this.deadline, this.budget)
    except Unseen as problem:
        if problem.why is Why.REFUSED:
            return False
        raise
    return bool(answer.flags & dns.flags.RA)


def _wire_name(text: str) -> bytes:
    return dns.name.from_text(text).to_digestable()


async def _hands_over(this: Look, server: Server) -> bool:
    """Whether a transfer starts (RFC 5936 section 2.2): the SOA, then any other record. An error code is a refusal."""
    assert not isinstance(server.endpoints, Unseen)  # _is_covered()
    head = pack("!HHHHHH", number := randbits(16), 0, 1, 0, 0, 0)
    query = head + this.zone.to_digestable() + pack("!HH", dns.rdatatype.AXFR, dns.rdataclass.IN)
    kinds: list[int] = []
    until = this.deadline.sooner(TRANSFER_SECONDS)
    try:
        async with aclosing(_messages(this, server.endpoints[0], query, until)) as messages:
            async for message in messages:
                if message.id != number or not message.flags & dns.flags.QR:
                    raise Unseen(Why.MALFORMED, "an answer to another question")
                kinds += [int(rrset.rdtype) for rrset in message.answer]
                if message.rcode() != dns.rcode.NOERROR or kinds[:1] != [dns.rdatatype.SOA]:
                    return False
                if len(kinds) > 1:
                    return True
    except Unseen as problem:
        if problem.why is Why.REFUSED:  # no TCP, no transfer
            return False
        raise
    raise Unseen(Why.MALFORMED, "a transfer of a SOA alone")


async def _messages(
    this: Look, endpoint: Endpoint, query: bytes, until: Deadline
) -> AsyncGenerator[dns.message.Message]:
    """The first messages of a transfer, one after the other; the connection ends with them."""
    async with this.wire.connect(endpoint, until) as connection:
        connection.write(len(query).to_bytes(2, "big") + query)
        for _message in range(MOST_MESSAGES):
            size = int.from_bytes(await connection.read_exactly(2), "big")
            data = await connection.read_exactly(size)
            try:
                yield dns.message.from_wire(data, ignore_trailing=True)
            except (dns.exception.DNSException, ValueError) as error:
                raise Unseen(Why.MALFORMED, f"the transfer cannot be read: {error}") from None
