# SPDX-License-Identifier: EUPL-1.2
"""Proofs of absence: whether signed NSEC or NSEC3 records show that a name holds no DS (RFC 4035 5.2, RFC 5155 8.6, 8.9)."""

from __future__ import annotations

from base64 import b32hexencode
from collections.abc import Iterable
from enum import Enum

import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from nis2check.evidence.net.dns.signatures import Meter, signatures_over, verify
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_ITERATIONS = 150  # RFC 9276 section 3.2: validators may refuse to go further
MOST_PROOFS = 8  # NSEC or NSEC3 records of one answer


class Shown(Enum):
    """What a proof says of a name without DS."""

    INSECURE = "an unsigned zone starts there"
    NO_CUT = "no zone starts there"


def no_ds(
    answer: dns.message.Message, name: dns.name.Name, zone: dns.name.Name, keys: Iterable[DNSKEY], meter: Meter
) -> Shown:
    """What the proofs of an answer without DS show. Raises Unseen when they show nothing, Bogus when a signature is wrong."""
    proofs = [r for r in answer.authority if r.rdtype in {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}]
    if not proofs:
        raise Unseen(Why.UNRESOLVED, f"no proof that {name} has no DS: our resolver may drop DNSSEC records")
    if len(proofs) > MOST_PROOFS:
        raise Unseen(Why.LIMIT, f"more than {MOST_PROOFS} NSEC records for {name}")
    keys = list(keys)
    proofs = [proof for proof in proofs if proof.name.is_subdomain(zone)]
    for proof in proofs:
        verify(proof, signatures_over(answer.authority, proof.name, proof.rdtype), keys, zone, meter)
    shown = _by_nsec(proofs, name) or _by_nsec3(proofs, name, zone)
    if shown is None:
        raise Unseen(Why.MALFORMED, f"the NSEC records given for {name} prove nothing of its DS")
    return shown


def _has(record: NSEC | NSEC3, kind: dns.rdatatype.RdataType) -> bool:
    """Whether a type stands in the bitmap (RFC 4034 section 4.1.2)."""
    window, offset = divmod(int(kind), 256)
    for number, bitmap in record.windows:
        if number == window and offset // 8 < len(bitmap):
            return bool(bitmap[offset // 8] & (0x80 >> offset % 8))
    return False


def _of(record: NSEC | NSEC3) -> Shown | None:
    """The record of the very name. One with SOA comes from the child's side of the cut and says nothing of the parent's DS."""
    if _has(record, dns.rdatatype.DS) or _has(record, dns.rdatatype.SOA) or _has(record, dns.rdatatype.CNAME):
        return None
    return Shown.INSECURE if _has(record, dns.rdatatype.NS) else Shown.NO_CUT


def _by_nsec(proofs: list[dns.rrset.RRset], name: dns.name.Name) -> Shown | None:
    for proof in proofs:
        record = proof[0]
        if not isinstance(record, NSEC):
            continue
        if proof.name == name:
            return _of(record)
        # an empty non-terminal: nothing at the name, but something below it
        if proof.name < name < record.next and record.next.is_subdomain(name):
            return Shown.NO_CUT
    return None


def _by_nsec3(proofs: list[dns.rrset.RRset], name: dns.name.Name, zone: dns.name.Name) -> Shown | None:
    records: dict[str, NSEC3] = {}
    for proof in proofs:
        record = proof[0]
        if isinstance(record, NSEC3) and proof.name.parent() == zone and record.algorithm == 1:
            if record.iterations > MOST_ITERATIONS:
                raise Unseen(Why.LIMIT, f"NSEC3 of {record.iterations} iterations: not computed (RFC 9276)")
            records[proof.name.labels[0].decode("ascii", "replace").upper()] = record
    if not records:
        return None
    if (own := records.get(_hash(name, records))) is not None:
        return _of(own)
    # RFC 5155 section 8.9: the next closer name lies in a gap that opted out, so it may be an unsigned delegation
    closer = name
    while closer.parent().is_subdomain(zone) and closer != zone:
        if _hash(closer.parent(), records) in records:
            hashed = _hash(closer, records)
            covering = [r for owner, r in records.items() if _covers(owner, _next(r), hashed)]
            return Shown.INSECURE if any(record.flags & 1 for record in covering) else None
        closer = closer.parent()
    return None


def _hash(name: dns.name.Name, records: dict[str, NSEC3]) -> str:
    one = next(iter(records.values()))
    return dns.dnssec.nsec3_hash(name, one.salt, one.iterations, one.algorithm).upper()


def _next(record: NSEC3) -> str:
    return b32hexencode(record.next).decode("ascii").rstrip("=")


def _covers(owner: str, following: str, hashed: str) -> bool:
    """Whether a hash lies between an owner and the next; the last record wraps to the first."""
    if owner < following:
        return owner < hashed < following
    return hashed > owner or hashed < following
