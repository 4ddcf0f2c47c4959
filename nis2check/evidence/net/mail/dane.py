# SPDX-License-Identifier: EUPL-1.2
"""DANE for SMTP: the TLSA records of the mail servers, and whether DNSSEC vouches for them (RFC 7672).

The records are read and validated; they are not compared with the certificate that the server shows.
"""

from __future__ import annotations

import dns.message
import dns.rdatatype
from dns.rdtypes.ANY.TLSA import TLSA

from nis2check.evidence import names
from nis2check.evidence.net.dns.chain import vouched_for
from nis2check.evidence.net.dns.server import Look as DnsLook
from nis2check.evidence.net.dns.server import rrset_of
from nis2check.evidence.net.dns.signatures import Bogus, Meter
from nis2check.evidence.net.mail.lookup import MOST_SERVERS, Look
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.model import Json

MOST_RECORDS = 16  # in the fact
FACTS = ("mail.dane.present", "mail.dane.records")
_DIGEST_BYTES = {1: 32, 2: 64}


async def tlsa(this: Look) -> list[Observation]:
    """Facts of the first mail servers; none for a domain without any."""
    hosts, _null = await this.mail_servers()
    hosts = hosts[:MOST_SERVERS]
    if not hosts:
        return []
    answers = [await _answer(this, f"_25._tcp.{host}", "TLSA") for host in hosts]
    records = [record for host, answer in zip(hosts, answers, strict=True) for record in _records(host, answer)]
    bare = [host for host in hosts if not any(one["host"] == host and one["usable"] for one in records)]
    where = f"TLSA _25._tcp of {', '.join(hosts)}"
    seen: list[Observation] = [
        Seen("mail.dane.present", not bare, where=where),
        Seen("mail.dane.records", records[:MOST_RECORDS], where=where),
    ]
    return seen if bare else seen + await _vouched(this, hosts, answers)


async def _answer(this: Look, name: str, kind: str) -> dns.message.Message:
    return await names.ask(this.wire, name, kind, this.deadline, dnssec=True, unchecked=True, budget=this.budget)


def _records(host: str, answer: dns.message.Message) -> list[dict[str, Json]]:
    owner = names.name_of(f"_25._tcp.{host}")
    found = rrset_of(answer, owner, dns.rdatatype.TLSA) or ()
    return [
        {
            "host": host,
            "usage": int(record.usage),
            "selector": int(record.selector),
            "matching": int(record.mtype),
            "usable": _usable(record),
        }
        for record in found
        if isinstance(record, TLSA)
    ]


def _usable(record: TLSA) -> bool:
    """RFC 7672 section 3.1: DANE-TA(2) and DANE-EE(3) alone, with a known selector and a digest of its length."""
    if record.usage not in {2, 3} or record.selector not in {0, 1}:
        return False
    return bool(record.cert) if record.mtype == 0 else _DIGEST_BYTES.get(int(record.mtype)) == len(record.cert)


async def _vouched(this: Look, hosts: list[str], answers: list[dns.message.Message]) -> list[Observation]:
    """Whether the chain of DNSSEC holds for the MX set and every TLSA set; without it senders ignore them."""
    where = f"DNSSEC of MX {this.domain} and TLSA of {', '.join(hosts)}"
    meter = Meter()
    try:
        sets = [(names.name_of(this.domain), dns.rdatatype.MX, await _answer(this, this.domain, "MX"))]
        sets += [
            (names.name_of(f"_25._tcp.{host}"), dns.rdatatype.TLSA, answer)
            for host, answer in zip(hosts, answers, strict=True)
        ]
        look = DnsLook(this.wire, this.domain, this.deadline)
        for owner, kind, answer in sets:
            if not await vouched_for(look, answer, owner, kind, meter):
                return [Seen("mail.dane.valid", False, where=f"{owner} is not signed, proved")]
    except Bogus as problem:
        return [Seen("mail.dane.valid", False, where=str(problem))]
    except Unseen as problem:
        return [Missed("mail.dane.valid", problem.why, problem.detail)]
    return [Seen("mail.dane.valid", True, where=where)]
