# SPDX-License-Identifier: EUPL-1.2
"""DNSSEC as published: keys and their signature at a name server, DS at the parent. Nothing here validates a signature."""

from __future__ import annotations

import dns.dnssectypes
import dns.message
import dns.rdatatype

from nis2check.evidence.net.dns.server import Look, Server, has_authority, missed, nobody, rrset_of, tried
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Why


async def signed(this: Look, servers: list[Server]) -> list[Observation]:
    answering = [s for s in servers if s.serial(this.zone) is not None and not isinstance(s.endpoints, Unseen)]
    facts = ("dns.dnssec.signed", "dns.dnssec.algorithms")
    problem = nobody(servers)
    for server in answering[:2]:
        assert not isinstance(server.endpoints, Unseen)  # noqa: S101 - filtered above
        answer = await tried(this.ask(this.zone_text, "DNSKEY", server.endpoints, dnssec=True))
        if isinstance(answer, Unseen):
            problem = answer
        elif not has_authority(answer) or answer.edns < 0:  # without EDNS no signature can be sent
            problem = Unseen(Why.MALFORMED, f"{server.name} answers DNSKEY without authority or EDNS")
        else:
            return _keys(this, server.name, answer)
    return missed(facts, problem)


def _keys(this: Look, server: str, answer: dns.message.Message) -> list[Observation]:
    where = f"DNSKEY {this.zone_text} at {server}"
    keys = rrset_of(answer, this.zone, dns.rdatatype.DNSKEY)
    signatures = [
        rrset
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.DNSKEY and rrset.name == this.zone
    ]
    algorithms = sorted({_mnemonic(key.algorithm) for key in keys or ()})
    return [
        Seen("dns.dnssec.signed", bool(keys and signatures), where=where),
        Seen("dns.dnssec.algorithms", algorithms, where=where),
    ]


def _mnemonic(algorithm: int) -> str:
    return dns.dnssectypes.Algorithm.to_text(dns.dnssectypes.Algorithm.make(algorithm))


def ds_at_parent(this: Look, answer: dns.message.Message | Unseen) -> list[Observation]:
    name = "dns.dnssec.ds_at_parent"
    if isinstance(answer, Unseen):
        return missed([name], answer)
    return [Seen(name, rrset_of(answer, this.zone, dns.rdatatype.DS) is not None, where=f"DS {this.zone_text}")]
