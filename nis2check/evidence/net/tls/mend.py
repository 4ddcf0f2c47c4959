# SPDX-License-Identifier: EUPL-1.2
"""A certificate that the parser refuses, read all the same: the fields at fault are found one by one and replaced by blanks.

Each field of the certificate is put alone into a sound one; if that cannot be loaded, the field is at fault. The certificate
with those blanked shows everything else: a subject that is no string costs the subject, not the dates and the key.
"""

from __future__ import annotations

from cryptography import x509

from nis2check.evidence.net.tls.records import Fields, malformed

_SEQUENCE = 0x30
_VERSION_TAG, _EXTENSIONS_TAG = 0xA0, 0xA3
_BLANK_NAME = bytes.fromhex("3000")
_NOT_BEFORE, _NOT_AFTER = b"\x17\x0d700101000000Z", b"\x17\x0d700102000000Z"
# An Ed25519 key of zeros: only its shape counts.
_BLANK_KEY = bytes.fromhex("302a300506032b6570032100") + bytes(32)
_BLANK_ALGORITHM = bytes.fromhex("300506032b6570")

_BLANKS: dict[str, bytes] = {
    "version": b"\xa0\x03\x02\x01\x02",
    "serial": b"\x02\x01\x01",
    "algorithm": _BLANK_ALGORITHM,
    "issuer": _BLANK_NAME,
    "not_before": _NOT_BEFORE,
    "not_after": _NOT_AFTER,
    "subject": _BLANK_NAME,
    "key": _BLANK_KEY,
    "extensions": b"",
}

FIELDS = tuple(_BLANKS)


def _element(fields: Fields) -> tuple[int, bytes, bytes]:
    """Tag, the element whole, its content. Raises Unseen(malformed)."""
    tag, first = fields.number(1), fields.number(1)
    head = bytes([tag, first])
    length = first
    if first & 0x80:
        size = first & 0x7F
        if not 1 <= size <= 3:
            raise malformed("DER: length of a length")
        digits = fields.take(size)
        head += digits
        length = int.from_bytes(digits, "big")
    content = fields.take(length)
    return tag, head + content, content


def _sequence(content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([_SEQUENCE, length]) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_SEQUENCE, 0x80 | len(digits)]) + digits + content


def _split(der: bytes) -> dict[str, bytes]:
    """The fields of the TBSCertificate (RFC 5280 4.1) by name."""
    _tag, _whole, outer = _element(Fields(der, "certificate"))
    _tag, _whole, tbs = _element(Fields(outer, "certificate"))
    fields = Fields(tbs, "certificate")
    found = dict(_BLANKS)
    tag, whole, _content = _element(fields)
    found["version"] = whole if tag == _VERSION_TAG else b""
    found["serial"] = _element(fields)[1] if tag == _VERSION_TAG else whole
    found["algorithm"] = _element(fields)[1]
    found["issuer"] = _element(fields)[1]
    validity = Fields(_element(fields)[2], "validity")
    found["not_before"], found["not_after"] = _element(validity)[1], _element(validity)[1]
    found["subject"] = _element(fields)[1]
    found["key"] = _element(fields)[1]
    while fields.left:
        tag, whole, _content = _element(fields)
        if tag == _EXTENSIONS_TAG:
            found["extensions"] = whole
    return found


def _joined(parts: dict[str, bytes]) -> bytes:
    validity = _sequence(parts["not_before"] + parts["not_after"])
    head = parts["version"] + parts["serial"] + parts["algorithm"] + parts["issuer"]
    tbs = _sequence(head + validity + parts["subject"] + parts["key"] + parts["extensions"])
    return _sequence(tbs + parts["algorithm"] + b"\x03\x02\x00\x00")


def _loads(parts: dict[str, bytes]) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(_joined(parts))
    except Exception:  # noqa: BLE001 - any fault of the decoder says the same: this field is at fault
        return None


def mended(der: bytes) -> tuple[x509.Certificate, frozenset[str]]:
    """The certificate with its faulty fields blanked, and their names. Raises Unseen(malformed) when nothing can be saved."""
    parts = _split(der)
    faulty = frozenset(name for name, part in parts.items() if _loads(_BLANKS | {name: part}) is None)
    certificate = _loads(parts | {name: _BLANKS[name] for name in faulty})
    if certificate is None:
        raise malformed("certificate: more than its fields is at fault")
    return certificate, faulty
