# SPDX-License-Identifier: EUPL-1.2
"""One DNS answer as it came: its header and, when it is simple, its records, at a fifth of what a whole message costs to parse.

Simple is an answer whose records all belong to the name and type that were asked, or that holds none. Every length is checked;
what is not simple goes to dnspython as a whole, at once, so that a broken message is never taken for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

_COUNTS = Struct("!HHHH")
_FIXED = Struct("!HHIH")  # type, class, TTL, length of a record (RFC 1035 section 4.1.3)
_MOST_SIMPLE = 32  # records


@dataclass(slots=True)
class Reply:
    """``found`` are the records asked for, () when there are none, None when only the whole message tells."""

    data: bytes
    flags: int
    rcode: int
    found: tuple[dns.rdata.Rdata, ...] | None
    refers: bool = False  # holds nothing, and only points to other servers
    _message: dns.message.Message | None = field(default=None, repr=False)

    @property
    def message(self) -> dns.message.Message:
        """The whole answer. Raises Unseen(malformed)."""
        if self._message is None:
            try:
                self._message = dns.message.from_wire(self.data, ignore_trailing=True)
            except (dns.exception.DNSException, ValueError) as error:
                raise Unseen(Why.MALFORMED, f"an answer that cannot be read: {error}") from None
        return self._message


def read(data: bytes, section: bytes, kind: dns.rdatatype.RdataType) -> Reply:
    """An answer to the question whose wire form is ``section``. Raises dnspython's exceptions, ValueError: malformed."""
    if not data[2] & 0x02 and (simple := _simple(data, section, kind)) is not None:
        return simple
    message = _whole(data)
    return Reply(data, int(message.flags), int(message.rcode()), None, _message=message)


def _whole(data: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        if not data[2] & 0x02:
            raise
        # truncated in the middle of a record: header and question are enough to go on with TCP
        return dns.message.from_wire(data, question_only=True, ignore_trailing=True)


def _simple(data: bytes, section: bytes, kind: dns.rdatatype.RdataType) -> Reply | None:
    """The reply when it is simple, None when dnspython must look."""
    questions, answers, authorities, additions = _COUNTS.unpack_from(data, 4)
    if questions != 1 or answers + authorities + additions > _MOST_SIMPLE or data[3] & 0x0F not in {0, 3}:
        return None
    at, size = 12 + len(section), len(data)
    found: list[dns.rdata.Rdata] = []
    kinds: set[int] = set()
    for number in range(answers + authorities + additions):
        owner = at
        at = _after_name(data, at, size)
        if at < 0 or at + 10 > size:
            return None
        what, of_class, lifetime, length = _FIXED.unpack_from(data, at)
        at += 10 + length
        if at > size:
            return None
        if number < answers:
            # the owner is the name asked: a pointer to the question, as every server writes it
            if data[owner : owner + 2] != b"\xc0\x0c" or what != kind or of_class != dns.rdataclass.IN:
                return None
            found.append(dns.rdata.from_wire(dns.rdataclass.IN, kind, data, at - length, length))
        elif number < answers + authorities:
            kinds.add(what)
        elif what == dns.rdatatype.OPT and lifetime >> 24:  # an extended rcode (RFC 6891 section 6.1.3)
            return None
    refers = not found and not data[2] & 0x04 and dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds
    unique = tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)
    return Reply(data, data[2] << 8 | data[3], data[3] & 0x0F, unique, refers)


def _after_name(data: bytes, at: int, size: int) -> int:
    """Where the name that starts here ends, -1 when it does not. Pointers are not followed."""
    while at < size:
        length = data[at]
        if length >= 0xC0:
            return at + 2
        if length == 0:
            return at + 1
        if length > 63:
            return -1
        at += length + 1
    return -1
