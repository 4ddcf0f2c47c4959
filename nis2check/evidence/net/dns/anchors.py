# SPDX-License-Identifier: EUPL-1.2
"""Trust anchors: the keys from which a chain of DNSSEC starts, IANA's for the root unless a lab gives its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.DS import DS

from nis2check.evidence.observe import Unseen
from nis2check.files import read_bytes, shipped
from nis2check.model import Why

# A line of a zone file, and one of BIND's trust-anchors clause (with the older initial-key form of managed-keys)
_RECORD = re.compile(r"^(\S+)\s+(?:\d+\s+)?(?:IN\s+)?(DS|DNSKEY)\s+(.+)$", re.IGNORECASE)
_CLAUSE = re.compile(
    r'"?([^\s"{};]+)"?\s+(?:static|initial)-(key|ds)\s+(\d+)\s+(\d+)\s+(\d+)\s+"([^"]+)"', re.IGNORECASE
)
_COMMENT = re.compile(r"(?m);.*$")  # "//" may stand in base64

Anchors = Mapping[dns.name.Name, tuple[DS, ...]]


@lru_cache(maxsize=4)
def anchors(path: str) -> Anchors:
    """The anchors of a file (DS or DNSKEY lines, or BIND's clause), by zone; IANA's when ``path`` is empty. Raises Unseen."""
    file = Path(path) if path else shipped("policies") / "dnssec" / "root-anchors.zone"
    found: dict[dns.name.Name, tuple[DS, ...]] = {}
    try:
        for owner, kind, rdata in _records(read_bytes(file).decode("utf-8", "replace")):
            name = dns.name.from_text(owner)
            record = dns.rdata.from_text(dns.rdataclass.IN, kind, rdata)
            if not isinstance(record, DS):
                record = dns.dnssec.make_ds(name, record, "SHA256", policy=dns.dnssec.allow_all_policy)
            found[name] = (*found.get(name, ()), record)
    except (dns.exception.DNSException, ValueError) as error:
        raise Unseen(Why.UNREADABLE, f"the trust anchor cannot be read: {error}") from None
    if not found:
        raise Unseen(Why.UNREADABLE, "the trust anchor file holds neither DS nor DNSKEY")
    return found


def _records(text: str) -> Iterator[tuple[str, str, str]]:
    if clauses := _CLAUSE.findall(text):
        for owner, kind, *numbers, data in clauses:
            yield owner, {"key": "DNSKEY", "ds": "DS"}[kind.lower()], " ".join([*numbers, *data.split()])
        return
    # parentheses join the lines of a record (RFC 1035 section 5.1)
    joined = re.sub(r"\(([^)]*)\)", lambda found: found[1].replace("\n", " "), _COMMENT.sub("", text))
    for line in joined.splitlines():
        if found := _RECORD.match(line.strip()):
            yield found[1], found[2].upper(), found[3]
