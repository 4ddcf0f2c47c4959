# SPDX-License-Identifier: EUPL-1.2
"""One signature over one set of records, within limits: a zone may hold keys and signatures made to cost us time (KeyTrap).

dnspython and cryptography compute; which keys may be tried, how many, and for how long is decided here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_KEYS = 8  # tried for one set of records
MOST_SIGNATURES = 8
MOST_CPU = 0.5  # seconds, a domain

# What validators must or should still check (RFC 8624 and RFC 9904, "validation"): RSASHA1 (5, 7), RSASHA256, RSASHA512,
# ECDSA P-256 and P-384, Ed25519, Ed448. A zone known by others only is as good as unsigned (RFC 4035 section 5.2).
ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
ZONE_KEY, SECURE_ENTRY_POINT, REVOKED = 0x0100, 0x0001, 0x0080  # flags of DNSKEY: RFC 4034 2.1.1, RFC 5011 7
_DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}


class Bogus(Exception):
    """A proof that records are not what their zone signed; the text says which and how, in English."""


@dataclass(slots=True)
class Meter:
    """Processor time that the signatures of one domain may still cost."""

    left: float = MOST_CPU

    def check(self) -> None:
        if self.left <= 0:
            raise Unseen(Why.LIMIT, f"our own limit of {MOST_CPU} s of processor for the signatures of one domain")


def signatures_over(
    sections: Iterable[dns.rrset.RRset], owner: dns.name.Name, kind: dns.rdatatype.RdataType
) -> list[RRSIG]:
    """The signatures over a set of records, in a section of an answer."""
    return [
        signature
        for rrset in sections
        if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == kind and rrset.name == owner
        for signature in rrset
        if isinstance(signature, RRSIG)
    ]


def verify(
    rrset: dns.rrset.RRset, signatures: list[RRSIG], keys: Iterable[DNSKEY], zone: dns.name.Name, meter: Meter
) -> None:
    """Return when one signature of the zone over the set is good. Raises Bogus when none is, Unseen(limit, unreadable)."""
    what = f"{dns.rdatatype.to_text(rrset.rdtype)} {rrset.name.to_text(omit_final_dot=True) or '.'}"
    labels = len(rrset.name) - 1 - rrset.name.is_wild()
    # RFC 4035 section 5.3.1; what a wildcard made is never an apex, a delegation or a denial
    ours = [signature for signature in signatures if signature.signer == zone and signature.labels == labels]
    known = [signature for signature in ours if signature.algorithm in ALGORITHMS]
    if not known:
        if ours:
            raise Unseen(Why.UNREADABLE, f"{what}: signed by algorithms that we do not know")
        raise Bogus(f"{what}: no signature of the zone")
    problems: list[str] = []
    left_out = len(known) > MOST_SIGNATURES
    for signature in known[:MOST_SIGNATURES]:
        candidates = [key for key in keys if _may_have_made(key, signature)]
        left_out |= len(candidates) > MOST_KEYS
        if not candidates:
            problems.append(f"no key {signature.key_tag}")
        for key in candidates[:MOST_KEYS]:
            problem = _one(rrset, signature, key, zone, meter)
            if not problem:
                return
            problems.append(problem)
    if left_out:
        raise Unseen(Why.LIMIT, f"{what}: more than {MOST_KEYS} keys or {MOST_SIGNATURES} signatures")
    raise Bogus(f"{what}: {', '.join(dict.fromkeys(problems))}"[:300])


def _may_have_made(key: DNSKEY, signature: RRSIG) -> bool:
    """RFC 4034 section 2.1 (zone key, protocol 3), RFC 5011 section 2.1 (a revoked key vouches for nothing else)."""
    flags = int(key.flags)
    usable = bool(flags & ZONE_KEY) and not flags & REVOKED and key.protocol == 3
    return usable and key.algorithm == signature.algorithm and dns.dnssec.key_id(key) == signature.key_tag


def _one(rrset: dns.rrset.RRset, signature: RRSIG, key: DNSKEY, zone: dns.name.Name, meter: Meter) -> str:
    """ "" when the signature is good, else what is wrong with it."""
    meter.check()
    started = time.thread_time()
    try:
        # a policy of dnspython that refuses an algorithm would look like a bad signature: ours is applied before
        dns.dnssec.validate_rrsig(
            rrset,
            signature,
            {zone: dns.rdataset.from_rdata(0, key)},
            now=time.time(),
            policy=dns.dnssec.allow_all_policy,
        )
    except dns.exception.UnsupportedAlgorithm:
        raise Unseen(Why.UNREADABLE, f"algorithm {int(signature.algorithm)} is not built in on this machine") from None
    except (dns.exception.DNSException, ValueError) as error:
        return _problem(signature, str(error))
    finally:
        meter.left -= time.thread_time() - started
    return ""


def _problem(signature: RRSIG, message: str) -> str:
    if message in {"expired", "not yet valid"}:
        instant = signature.expiration if message == "expired" else signature.inception
        return f"signature of key {signature.key_tag} {message} ({time.strftime('%Y-%m-%d', time.gmtime(instant))})"
    return f"signature of key {signature.key_tag} does not verify"


def announced(keys: Iterable[DNSKEY], delegation: Iterable[DS], zone: dns.name.Name) -> list[DNSKEY]:
    """The keys that the DS records announce. Raises Bogus when none is there, Unseen when no DS can be read.

    A SHA-1 digest counts only when there is no better one (RFC 4509 section 3).
    """
    readable = [ds for ds in delegation if ds.digest_type in _DIGESTS and ds.algorithm in ALGORITHMS]
    if not readable:
        raise Unseen(Why.UNREADABLE, "DS records of algorithms that we do not know: as good as none")
    better = [ds for ds in readable if ds.digest_type != 1] or readable
    found = [key for key in keys if any(_announces(ds, key, zone) for ds in better[: MOST_KEYS * 2])]
    if not found:
        tags = ", ".join(str(ds.key_tag) for ds in better[:MOST_KEYS])
        raise Bogus(f"no DNSKEY answers to the DS of the parent ({tags})")
    return found


def _announces(ds: DS, key: DNSKEY, zone: dns.name.Name) -> bool:
    """RFC 4034 section 5.1.4."""
    if ds.algorithm != key.algorithm or ds.key_tag != dns.dnssec.key_id(key):
        return False
    digest = _DIGESTS[ds.digest_type](zone.to_digestable() + key.to_digestable())
    return digest.digest() == ds.digest
