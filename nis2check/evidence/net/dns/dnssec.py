# SPDX-License-Identifier: EUPL-1.2
"""DNSSEC of one zone: what is published at its name servers and its parent, and whether the whole chain validates."""

from __future__ import annotations

import time

import dns.dnssectypes
import dns.message
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.NSEC3 import NSEC3

from nis2check.evidence.net.dns.chain import Delegation, Insecure, delegation, keys_under
from nis2check.evidence.net.dns.server import Look, Server, has_authority, missed, nobody, rrset_of, tried
from nis2check.evidence.net.dns.signatures import SECURE_ENTRY_POINT, Bogus, Meter, signatures_over, verify
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Json, Why

_PUBLISHED = (
    "dns.dnssec.signed",
    "dns.dnssec.algorithms",
    "dns.dnssec.key_sizes",
    "dns.dnssec.signature_days_left",
    "dns.dnssec.denial",
)
_VALIDATED = ("dns.dnssec.valid", "dns.dnssec.chain")


async def dnssec_facts(this: Look, servers: list[Server], ds: dns.message.Message | Unseen) -> list[Observation]:
    seen = _ds_at_parent(this, ds)
    without_ds = any(isinstance(one, Seen) and one.value is False for one in seen)
    answering = [s for s in servers if s.serial(this.zone) is not None and not isinstance(s.endpoints, Unseen)]
    problem = nobody(servers)
    for server in answering[:2]:
        answer = await _keys_of(this, server)
        if isinstance(answer, Unseen):
            problem = answer
        else:
            seen += await _published(this, server, answer)
            break
    else:
        seen += missed(_PUBLISHED, problem)
    chain = await _validated(this, answering, problem)
    # no DS was given: that its absence cannot be proved too leaves no question open
    return seen + [one for one in chain if isinstance(one, Seen) or not without_ds]


async def _keys_of(this: Look, server: Server) -> dns.message.Message | Unseen:
    """The DNSKEY answer of a name server, asked once."""
    if server.keys is None:
        assert not isinstance(server.endpoints, Unseen)  # only servers that answered are asked
        server.keys = await tried(this.ask(this.zone, "DNSKEY", server.endpoints, dnssec=True))
        if not isinstance(server.keys, Unseen) and (not has_authority(server.keys) or server.keys.edns < 0):
            # without EDNS no signature can be sent
            server.keys = Unseen(Why.MALFORMED, f"{server.name} answers DNSKEY without authority or EDNS")
    return server.keys


# ---------------------------------------------------------------------------------------------------------- published


async def _published(this: Look, server: Server, answer: dns.message.Message) -> list[Observation]:
    where = f"DNSKEY {this.zone_text} at {server.name}"
    keys = [key for key in rrset_of(answer, this.zone, dns.rdatatype.DNSKEY) or () if isinstance(key, DNSKEY)]
    expiry = _expiry(this, answer, dns.rdatatype.DNSKEY)
    algorithms = sorted({_mnemonic(key.algorithm) for key in keys})
    seen: list[Observation] = [
        Seen("dns.dnssec.signed", bool(keys and expiry), where=where),
        Seen("dns.dnssec.algorithms", algorithms, where=where),
        Seen("dns.dnssec.key_sizes", _sizes(keys), where=where),
    ]
    if not (keys and expiry):
        return [*seen, Seen("dns.dnssec.denial", "", where=where)]
    first = min(expiry, _expiry(this, server.soa, dns.rdatatype.SOA) or expiry)
    seen.append(Seen("dns.dnssec.signature_days_left", int((first - time.time()) // 86400), where=f"SOA, {where}"))
    return seen + await _denial(this, server)


def _sizes(keys: list[DNSKEY]) -> list[Json]:
    """Each key once: its algorithm, role (KSK when it has the SEP flag of RFC 4034 section 2.1.1) and size in bits."""
    found = set()
    for key in keys[:64]:
        role = "KSK" if key.flags & SECURE_ENTRY_POINT else "ZSK"
        if (bits := _bits(key)) is not None:
            found.add((_mnemonic(key.algorithm), role, bits))
    return [{"algorithm": algorithm, "role": role, "bits": bits} for algorithm, role, bits in sorted(found)]


_FIXED = {13: 256, 14: 384, 15: 256, 16: 456}  # RFC 6605, RFC 8080


def _bits(key: DNSKEY) -> int | None:
    """The size of a key, None when it cannot be told. An RSA key holds its exponent, then its modulus (RFC 3110 section 2)."""
    if key.algorithm not in {5, 7, 8, 10}:
        return _FIXED.get(int(key.algorithm))
    data = key.key
    start = 1 + data[0] if data[:1] not in {b"", b"\0"} else 3 + int.from_bytes(data[1:3], "big")
    return int.from_bytes(data[start:], "big").bit_length() or None


async def _denial(this: Look, server: Server) -> list[Observation]:
    """How the zone proves that something is absent: asked for what no zone holds at its apex but one with NSEC3."""
    assert not isinstance(server.endpoints, Unseen)  # it answered DNSKEY
    where = f"NSEC3PARAM {this.zone_text} at {server.name}"
    answer = await tried(this.ask(this.zone, "NSEC3PARAM", server.endpoints, dnssec=True))
    if isinstance(answer, Unseen):
        return missed(["dns.dnssec.denial"], answer)
    parameters = rrset_of(answer, this.zone, dns.rdatatype.NSEC3PARAM)
    hashed = [r for rrset in answer.authority for r in rrset if isinstance(r, NSEC3)]
    iterations = [int(getattr(one, "iterations")) for one in [*(parameters or ()), *hashed]]  # noqa: B009 - see caa
    if iterations:
        return [
            Seen("dns.dnssec.denial", "NSEC3", where=where),
            Seen("dns.dnssec.nsec3_iterations", max(iterations), where=where),
        ]
    if any(rrset.rdtype == dns.rdatatype.NSEC for rrset in answer.authority):
        return [Seen("dns.dnssec.denial", "NSEC", where=where)]
    return missed(["dns.dnssec.denial"], Unseen(Why.MALFORMED, f"{server.name} proves no absence"))


def _expiry(this: Look, answer: dns.message.Message | Unseen | None, covered: dns.rdatatype.RdataType) -> int:
    """When the last of the signatures over a set at the apex expires (POSIX seconds): in a roll-over an old one may go first.
    0 without a signature."""
    if not isinstance(answer, dns.message.Message):
        return 0
    signatures = signatures_over(answer.answer, this.zone, covered)
    return max((int(signature.expiration) for signature in signatures), default=0)


def _mnemonic(algorithm: int) -> str:
    return dns.dnssectypes.Algorithm.to_text(dns.dnssectypes.Algorithm.make(algorithm))


def _ds_at_parent(this: Look, answer: dns.message.Message | Unseen) -> list[Observation]:
    names = ("dns.dnssec.ds_at_parent", "dns.dnssec.ds_digests")
    if isinstance(answer, Unseen):
        return missed(names, answer)
    where = f"DS {this.zone_text}"
    if any(rrset.rdtype == dns.rdatatype.SOA and rrset.name == this.zone for rrset in answer.authority):
        # the child's side of the cut (RFC 4035 section 3.1.4.1): an old resolver asked there
        return missed(names, Unseen(Why.MALFORMED, "our resolver asked the zone for its own DS, not its parent"))
    found = [ds for ds in rrset_of(answer, this.zone, dns.rdatatype.DS) or () if isinstance(ds, DS)]
    digests = sorted({_DIGESTS.get(int(ds.digest_type), str(int(ds.digest_type))) for ds in found})
    return [Seen(names[0], bool(found), where=where), Seen(names[1], digests, where=where)]


_DIGESTS = {1: "SHA-1", 2: "SHA-256", 4: "SHA-384"}

# ---------------------------------------------------------------------------------------------------------- validated


async def _validated(this: Look, answering: list[Server], problem: Unseen) -> list[Observation]:
    """Whether the chain from the anchor validates the keys and the SOA of the zone, at each server that answers."""
    meter = Meter()
    try:
        above = await delegation(this, this.zone, meter)
        if isinstance(above, Insecure):
            seen: list[Observation] = [Seen("dns.dnssec.chain", "insecure", where=f"no DS for {above.name}, proved")]
            island = Unseen(Why.NOT_ASKED, f"{above.name} is not signed: nothing below it can be validated")
            return seen + missed(["dns.dnssec.valid"], island)
        good = [server.name for server in answering if await _holds(this, server, above, meter)]
    except Unseen as unseen:
        return missed(_VALIDATED, unseen)
    except Bogus as error:
        return [
            Seen("dns.dnssec.valid", False, where=str(error)),
            Seen("dns.dnssec.chain", "bogus", where=str(error)),
            Seen("dns.dnssec.error", str(error), where=f"DS, DNSKEY and SOA {this.zone_text}"),
        ]
    if not good:
        return missed(_VALIDATED, problem)
    where = f"DS, DNSKEY and SOA {this.zone_text} at {', '.join(good)}"
    return [Seen("dns.dnssec.valid", True, where=where), Seen("dns.dnssec.chain", "secure", where=where)]


async def _holds(this: Look, server: Server, above: Delegation, meter: Meter) -> bool:
    """Whether the keys and the SOA of one server validate; False when it does not tell. Raises Bogus, Unseen(limit)."""
    keys = await _keys_of(this, server)
    if isinstance(keys, Unseen) or not isinstance(server.soa, dns.message.Message) or server.soa.edns < 0:
        return False
    try:
        validated = keys_under(keys, this.zone, above, meter)
        soa = rrset_of(server.soa, this.zone, dns.rdatatype.SOA)
        assert soa is not None  # it is a server that gave a serial
        verify(soa, signatures_over(server.soa.answer, this.zone, dns.rdatatype.SOA), validated, this.zone, meter)
    except Bogus as error:
        raise Bogus(f"{server.name}: {error}") from None
    return True
