# SPDX-License-Identifier: EUPL-1.2
"""DANE for SMTP: the TLSA records of the mail servers, whether DNSSEC vouches for them, and whether the certificates that
the servers show are those that they name (RFC 7672). The session with a server is the one that told of STARTTLS.
"""

from __future__ import annotations

import hashlib

import dns.message
import dns.rdatatype
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.TLSA import TLSA

from nis2check.evidence import names
from nis2check.evidence.net.dns.chain import vouched_for
from nis2check.evidence.net.dns.server import Look as DnsLook
from nis2check.evidence.net.dns.server import rrset_of
from nis2check.evidence.net.dns.signatures import Bogus, Meter
from nis2check.evidence.net.mail import smtp
from nis2check.evidence.net.mail.lookup import MOST_SERVERS, Look
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.model import Json, Why

MOST_RECORDS = 16  # in the fact
FACTS = ("mail.dane.present", "mail.dane.records")  # those of every domain that takes mail
_DIGEST_BYTES = {1: 32, 2: 64}
_DIGESTS = {1: "sha256", 2: "sha512"}  # RFC 6698 section 2.1.3


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
    if bare:
        return seen
    seen += await _vouched(this, hosts, answers)
    for host, answer in zip(hosts, answers, strict=True):
        seen += await _compared(this, host, [record for record in _of(host, answer) if _usable(record)])
    return seen


async def _answer(this: Look, name: str, kind: str) -> dns.message.Message:
    return await names.ask(this.wire, name, kind, this.deadline, dnssec=True, unchecked=True, budget=this.budget)


def _of(host: str, answer: dns.message.Message) -> list[TLSA]:
    found = rrset_of(answer, names.name_of(f"_25._tcp.{host}"), dns.rdatatype.TLSA) or ()
    return [record for record in found if isinstance(record, TLSA)]


def _records(host: str, answer: dns.message.Message) -> list[dict[str, Json]]:
    return [
        {
            "host": host,
            "usage": int(record.usage),
            "selector": int(record.selector),
            "matching": int(record.mtype),
            "usable": _usable(record),
        }
        for record in _of(host, answer)
    ]


async def _compared(this: Look, host: str, records: list[TLSA]) -> list[Observation]:
    """One fact for each address of a mail server: whether the certificate that it shows is one that the records name."""
    fact = "mail.dane.matches"
    try:
        endpoints = await names.endpoints(this.wire, host, 25, this.deadline, budget=this.budget)
    except Unseen as problem:
        return [Missed(fact, problem.why, f"{host}: {problem.detail}")]
    seen: list[Observation] = []
    for endpoint in endpoints:
        try:
            session = await smtp.session(this.wire, host, endpoint, this.deadline)
            if not session.chain:
                raise session.no_chain or Unseen(Why.CLOSED, "no STARTTLS, so no certificate")
            value = any(matches(record, session.chain) for record in records)
            seen.append(Seen(fact, value, endpoint.address, f"certificate of {host} after STARTTLS"))
        except Unseen as problem:
            seen.append(Missed(fact, problem.why, f"{host}: {problem.detail}", endpoint.address))
    return seen


def matches(record: TLSA, chain: tuple[bytes, ...]) -> bool:
    """Whether a usable record names a certificate of the chain: the server's own for DANE-EE(3), any for DANE-TA(2), which
    the server must send along (RFC 7672 section 3.1). Raises Unseen(malformed)."""
    for der in chain[:1] if record.usage == 3 else chain:
        try:
            data = der if record.selector == 0 else _public_key(der)
        except ValueError as error:
            raise Unseen(Why.MALFORMED, f"a certificate that cannot be read: {error}") from None
        if record.cert == (hashlib.new(_DIGESTS[record.mtype], data).digest() if record.mtype else data):
            return True
    return False


def _public_key(der: bytes) -> bytes:
    return (
        x509.load_der_x509_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )


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
