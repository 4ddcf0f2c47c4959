# SPDX-License-Identifier: EUPL-1.2
"""The DNS probe: delegation, name servers, DNSSEC records and CAA of one domain.

What name servers say is asked of themselves, without recursion; what the parent says comes through our resolver. A server that
stays silent proves nothing: facts that its silence leaves open become gaps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dns.rcode
import dns.rdatatype

from nis2check.evidence import names
from nis2check.evidence.net.dns.active import FOREIGN, covers_today
from nis2check.evidence.net.dns.caa import caa_in_force
from nis2check.evidence.net.dns.delegation import MOST_SERVERS, delegation_facts
from nis2check.evidence.net.dns.review import ABSENT
from nis2check.evidence.net.dns.server import Look, rrset_of
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.wire import Deadline, Wire
from nis2check.model import FactSpec, Kind, Target

NAME = "dns"
KIND = Kind.DNS
FACTS = (
    FactSpec("dns.exists", "boolean", "", "The name exists; false only when NXDOMAIN was answered."),
    FactSpec("dns.zone", "string", "", "The zone that holds the name: the closest name with NS records."),
    FactSpec("dns.name_servers", "array", "", "NS records of the zone, sorted, as our resolver gives them."),
    FactSpec(
        "dns.name_servers_consistent",
        "boolean",
        "",
        "Every answering name server gives the NS records that our resolver gives.",
    ),
    FactSpec("dns.name_servers_answering", "array", "", "Name servers that answered with authority for the zone."),
    FactSpec("dns.name_servers_lame", "array", "", "Name servers that answered, but without authority for the zone."),
    FactSpec("dns.name_servers_ipv6", "boolean", "", "At least one name server has an IPv6 address."),
    FactSpec(
        "dns.name_server_networks", "integer", "networks", "Distinct IPv4 /24 or IPv6 /48 of the servers, the larger."
    ),
    FactSpec("dns.soa", "object", "", "The SOA: mname, rname, serial, refresh, retry, expire, minimum (seconds)."),
    FactSpec("dns.soa_consistent", "boolean", "", "Every answering name server has the same serial number."),
    FactSpec("dns.tcp", "boolean", "", "Every answering name server answers over TCP too (RFC 7766)."),
    FactSpec("dns.dnssec.signed", "boolean", "", "A name server gives DNSKEY with their RRSIG."),
    FactSpec("dns.dnssec.algorithms", "array", "", "Mnemonics of the algorithms of the DNSKEY records, sorted."),
    FactSpec(
        "dns.dnssec.signature_days_left",
        "integer",
        "days",
        "Until the signature of the SOA or of the DNSKEY set expires.",
    ),
    FactSpec("dns.dnssec.key_sizes", "array", "bits", "Its keys, each once: algorithm, role (KSK, ZSK), bits."),
    FactSpec("dns.dnssec.denial", "string", "", "How the zone proves an absence: NSEC, NSEC3; empty: unsigned."),
    FactSpec("dns.dnssec.nsec3_iterations", "integer", "iterations", "Extra hash iterations of NSEC3."),
    FactSpec("dns.dnssec.ds_at_parent", "boolean", "", "The parent zone holds a DS record for the zone."),
    FactSpec("dns.dnssec.ds_digests", "array", "", "Digests of those DS records: SHA-1, SHA-256, SHA-384."),
    FactSpec(
        "dns.dnssec.valid",
        "boolean",
        "",
        "The chain from the root key to the SOA validates at every server that answers; false: proved wrong.",
    ),
    FactSpec("dns.dnssec.chain", "string", "", "secure, insecure (the parent proves that there is no DS) or bogus."),
    FactSpec("dns.dnssec.error", "string", "", "What makes the zone bogus, in English."),
    FactSpec(
        "dns.dangling", "array", "", "NS and alias of the domain that lead to names that do not exist: type, target."
    ),
    FactSpec("dns.wildcard", "boolean", "", "A name that nobody made has an address in the zone."),
    FactSpec("dns.active_tests", "boolean", "", "An authorisation covers a name server, which was asked more."),
    FactSpec("dns.zone_transfer", "boolean", "", "A covered name server hands the whole zone to anybody (AXFR)."),
    FactSpec("dns.open_resolver", "boolean", "", "A covered name server resolves foreign names for anybody."),
    FactSpec("dns.caa", "array", "", "CAA records in force, found by tree climbing (RFC 8659): flags, tag, value."),
    FactSpec("dns.caa_present", "boolean", "", "A CAA record is in force for the name."),
)


def cost(target: Target) -> list[str]:
    """What would be asked, one line each."""
    domain = target.host
    active = f"DNS AXFR {domain}, A {FOREIGN} with recursion (name servers that the authorisation covers)"
    return [*_passive(domain), *([active] if target.options.get("authorised") else [])]


def _passive(domain: str) -> list[str]:
    return [
        f"DNS NS, DS, CAA {domain} (resolver)",
        f"DNS A, AAAA of its name servers, {MOST_SERVERS} at most (resolver)",
        f"DNS SOA, NS over UDP and SOA over TCP, DNSKEY {domain} (each name server), NSEC3PARAM (one)",
        f"DNS A {ABSENT}.{domain} (resolver)",
        "DNS DNSKEY and DS of the zones above, once a run (resolver)",
    ]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """Facts of one domain, in the order they are learnt. At most `server.MOST_QUERIES` queries."""
    this = Look(wire, target.host.rstrip(".").lower(), Deadline.after(wire.seconds()))
    try:
        answer = await this.ask(this.domain, "NS")
    except Unseen as problem:
        yield Missed("dns.*", problem.why, problem.detail)
        return
    # an alias exists although what it leads to does not (RFC 6604 section 3)
    alias = rrset_of(answer, names.name_of(this.domain), dns.rdatatype.CNAME)
    exists = answer.rcode() != dns.rcode.NXDOMAIN or alias is not None
    yield Seen("dns.exists", exists, where=f"NS {this.domain}")
    if not exists:
        return
    caa = asyncio.ensure_future(caa_in_force(this))
    try:
        async for observation in delegation_facts(this, answer, covers_today(target, wire.now())):
            yield observation
        for observation in await caa:
            yield observation
    finally:
        caa.cancel()
