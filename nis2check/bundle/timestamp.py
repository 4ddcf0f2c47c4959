# SPDX-License-Identifier: EUPL-1.2
"""A time-stamp token (RFC 3161) read as far as needed to say whether it is one of our manifest, and of when.

Whether its signature holds is for ``openssl ts -verify`` and the certificate of the authority, which we cannot know.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from nis2check.language import _

LARGEST = 64 << 10  # bytes
_SEQUENCE, _OCTETS, _OID, _TIME, _CONTEXT = 0x30, 0x04, 0x06, 0x18, 0xA0
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")  # 1.2.840.113549.1.9.16.1.4
_HASHES: dict[bytes, Callable[[bytes], Any]] = {
    bytes.fromhex("608648016503040201"): hashlib.sha256,
    bytes.fromhex("608648016503040202"): hashlib.sha384,
    bytes.fromhex("608648016503040203"): hashlib.sha512,
}


class Refused(ValueError):
    """What is no token, or a token of something else; the text is a French sentence."""


class Stamp(NamedTuple):
    """When the authority says that it saw the hash: ``2026-11-22T13:05:12Z``."""

    time: str


def read(message: bytes, token: bytes) -> Stamp:
    """The time of a token of this message, given as the answer of an authority (``.tsr``) or as the token alone.

    Raises Refused: malformed, refused by the authority, SHA-1, or the hash of something else.
    """
    if len(token) > LARGEST:
        raise Refused(_("Jeton d'horodatage trop grand."))
    try:
        algorithm, hashed, time = _info(token)
    except (IndexError, ValueError):
        raise Refused(_("Ce n'est pas un jeton d'horodatage (RFC 3161), ou il est abîmé.")) from None
    if algorithm not in _HASHES:
        raise Refused(_("Jeton d'horodatage fait avec une empreinte trop faible ou inconnue."))
    if _HASHES[algorithm](message).digest() != hashed:
        raise Refused(_("Le jeton d'horodatage est celui d'un autre fichier."))
    return Stamp(time)


def _info(token: bytes) -> tuple[bytes, bytes, str]:
    """Hash algorithm, hash and time of TSTInfo (RFC 3161 2.4.2)."""
    answer = _one(token, _SEQUENCE)
    first, *rest = _all(answer)
    content = _one(rest[0][2], _SEQUENCE) if first[0] == _SEQUENCE else answer  # TimeStampResp, else the token itself
    kind, (_tag, wrapped, _whole) = _all(content)[:2]
    if kind[:2] != (_OID, _SIGNED_DATA):
        raise ValueError("not signed data")
    signed = _all(_one(wrapped, _SEQUENCE))
    oid, (tag, octets, _whole) = _all(signed[2][1])[:2]
    if oid[:2] != (_OID, _TST_INFO) or tag != _CONTEXT:
        raise ValueError("not a time stamp")
    fields = _all(_one(_one(octets, _OCTETS), _SEQUENCE))
    algorithm, (hash_tag, hashed, _whole) = _all(fields[2][1])[:2]
    if hash_tag != _OCTETS or fields[4][0] != _TIME:
        raise ValueError("malformed")
    return _all(algorithm[1])[0][1], hashed, _moment(fields[4][1])


def _moment(text: bytes) -> str:
    """GeneralizedTime in UTC, fractions dropped (RFC 3161 2.4.2)."""
    moment = datetime.datetime.strptime(text[:14].decode("ascii"), "%Y%m%d%H%M%S")
    if not text.endswith(b"Z"):
        raise ValueError("not UTC")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Element = tuple[int, bytes, bytes]  # tag, content, and both as they were


def _one(data: bytes, tag: int) -> bytes:
    """The content of the only element of these bytes."""
    elements = _all(data)
    if len(elements) != 1 or elements[0][0] != tag:
        raise ValueError("unexpected element")
    return elements[0][1]


def _all(data: bytes) -> list[Element]:
    """The DER elements that lie side by side. Raises ValueError or IndexError on what is not DER."""
    out: list[Element] = []
    at = 0
    while at < len(data):
        start, tag, size = at, data[at], data[at + 1]
        at += 2
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 3:
                raise ValueError("length")
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        if at + size > len(data):
            raise ValueError("truncated")
        out.append((tag, data[at : at + size], data[start : at + size]))
        at += size
    return out
