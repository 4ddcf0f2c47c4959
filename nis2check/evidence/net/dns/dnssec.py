# SPDX-License-Identifier: EUPL-1.2
"""DNSSEC as published: keys and their signature at a name server, DS at the parent. Nothing here validates a signature."""

from __future__ import annotations

import time

import dns.dnssectypes
import dns.message
import dns.rdatatype

from nis2check.evidence.net.dns.server import Look, Server, has_authority, missed, nobody, rrset_of, tried
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Why


async def signed(this: Look, servers: list[Server]) -> list[Observation]:
    answering = [s for s in servers if s.serial(this.zone) is not None and not isinstance(s.endpoints, Unseen)]
    facts = ("dns.dnssec.signed", "dns.dnssec.algorithms", "dns.dnssec.signature_days_left")
    problem = nobody(servers)
    for server in answering[:2]:
        assert not isinstance(server.endpoints, Unseen)  # noqa: S101 - filtered above
        answer = await tried(this.ask(this.zone_text, "DNSKEY", server.endpoints, dnssec=True))
        if isinstance(answer, Unseen):
            problem = answer
        elif not has_authority(answer) or answer.edns < 0:  # without EDNS no signature can be sent
            problem = Unseen(Why.MALFORMED, f"{server.name} answers DNSKEY without authority or EDNS")
        else:
            return _keys(this, server, answer)
    return missed(facts, problem)


def _keys(this: Look, server: Server, answer: dns.message.Message) -> list[Observation]:
    where = f"DNSKEY {this.zone_text} at {server.name}"
    keys = rrset_of(answer, this.zone, dns.rdatatype.DNSKEY)
    expiry = _expiry(this, answer, dns.rdatatype.DNSKEY)
    algorithms = sorted({_mnemonic(key.algorithm) for key in keys or ()})
    seen: list[Observation] = [
        Seen("dns.dnssec.signed", bool(keys and expiry), where=where),
        Seen("dns.dnssec.algorithms", algorithms, where=where),
    ]
    if keys and expiry:
        first = min(expiry, _expiry(this, server.soa, dns.rdatatype.SOA) or expiry)
        seen.append(Seen("dns.dnssec.signature_days_left", int((first - time.time()) // 86400), where=f"SOA, {where}"))
    return seen


def _expiry(this: Look, answer: dns.message.Message | Unseen | None, covered: dns.rdatatype.RdataType) -> int:
    """When the last of the signatures over a set at the apex expires (POSIX seconds): in a roll-over an old one may go first.
    0 without a signature."""
    if not isinstance(answer, dns.message.Message):
        return 0
    signatures = [
        signature
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == covered and rrset.name == this.zone
        for signature in rrset
    ]
    return max((int(signature.expiration) for signature in signatures), default=0)


def _mnemonic(algorithm: int) -> str:
    return dns.dnssectypes.Algorithm.to_text(dns.dnssectypes.Algorithm.make(algorithm))


def ds_at_parent(this: Look, answer: dns.message.Message | Unseen) -> list[Observation]:
    name = "dns.dnssec.ds_at_parent"
    if isinstance(answer, Unseen):
        return missed([name], answer)
    return [Seen(name, rrset_of(answer, this.zone, dns.rdatatype.DS) is not None, where=f"DS {this.zone_text}")]
