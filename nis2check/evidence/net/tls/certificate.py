# SPDX-License-Identifier: EUPL-1.2
"""A chain of DER certificates into facts, field by field: what one field hides, the others still show.

The bytes and their SHA-256 come first. Each field is decoded in its own try, because a certificate is written by a stranger:
a date of month 13 costs the date, not the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from nis2check.evidence.net.tls import trust, usage
from nis2check.evidence.net.tls.hostname import matches
from nis2check.evidence.net.tls.mend import FIELDS, mended
from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why

MOST_NAMES = 200  # of the 2000 that a certificate may hold; certificate.san_count tells how many there are

Field = tuple[str, Json | Unseen]

# EdDSA hashes by itself (RFC 8032): Ed25519 with SHA-512, Ed448 with SHAKE256.
_EDDSA = {SignatureAlgorithmOID.ED25519: "sha512", SignatureAlgorithmOID.ED448: "shake256"}


def fields(chain: Sequence[bytes], host: str, at: datetime, ca_file: str) -> Iterator[Field]:
    """Fact name → value, or the reason why it cannot be read. ``at`` is the time of the look, with a zone."""
    yield "certificate.sha256", hashlib.sha256(chain[0]).hexdigest()
    yield "certificate.chain_length", len(chain)
    try:
        leaf, faulty = _loaded(chain[0])
    except Exception as error:  # noqa: BLE001 - the boundary of the house: any fault of the decoder is the certificate's
        yield "certificate.*", _undecodable("certificate", error)
        return
    for name, read in _READERS.items():
        lost = sorted(faulty & _NEEDS.get(name, frozenset()))
        yield name, _lost(lost) if lost else _read(name, partial(read, leaf, at))
    yield from _names(leaf, host, faulty)
    yield from _trust(chain, at, ca_file)


def _loaded(der: bytes) -> tuple[x509.Certificate, frozenset[str]]:
    """The certificate, and which of its fields cannot be read."""
    with trust.quiet():
        try:
            return x509.load_der_x509_certificate(der), frozenset()
        except Exception:  # noqa: BLE001 - see fields()
            return mended(der)


def _lost(fields: Sequence[str]) -> Unseen:
    return Unseen(Why.MALFORMED, f"certificate: {', '.join(fields)} cannot be decoded")


def _undecodable(what: str, error: Exception) -> Unseen:
    return Unseen(Why.MALFORMED, f"{what} cannot be decoded: {type(error).__name__}: {str(error)[:120]}")


def _read(name: str, read: Callable[[], Json]) -> Json | Unseen:
    try:
        return read()
    except Unseen as error:
        return error
    except Exception as error:  # noqa: BLE001 - see fields()
        return _undecodable(name.removeprefix("certificate."), error)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _days_left(leaf: x509.Certificate, at: datetime) -> int:
    return (leaf.not_valid_after_utc - at).days  # timedelta.days floors, also below zero


def _lifetime(leaf: x509.Certificate, _at: datetime) -> int:
    return (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days


def _key(leaf: x509.Certificate, _at: datetime) -> str:
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC-{key.curve.name}"
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA-{key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _signature_hash(leaf: x509.Certificate, _at: datetime) -> str:
    digest = leaf.signature_hash_algorithm
    if digest is not None:
        return digest.name
    if leaf.signature_algorithm_oid in _EDDSA:
        return _EDDSA[leaf.signature_algorithm_oid]
    raise Unseen(Why.MALFORMED, f"signature algorithm {leaf.signature_algorithm_oid.dotted_string} has no known hash")


def _self_signed(leaf: x509.Certificate, _at: datetime) -> bool:
    if leaf.issuer.public_bytes() != leaf.subject.public_bytes():
        return False
    try:
        leaf.verify_directly_issued_by(leaf)
    except InvalidSignature:
        return False  # an issuer of the same name, with another key
    return True


def _timestamps(leaf: x509.Certificate, _at: datetime) -> int:
    try:
        found = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    except x509.ExtensionNotFound:
        return 0
    return len(list(found.value))


def _must_staple(leaf: x509.Certificate, _at: datetime) -> bool:
    try:
        feature = leaf.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
    return x509.TLSFeatureType.status_request in list(feature)


_READERS: dict[str, Callable[[x509.Certificate, datetime], Json]] = {
    "certificate.subject": lambda leaf, _at: leaf.subject.rfc4514_string(),
    "certificate.issuer": lambda leaf, _at: leaf.issuer.rfc4514_string(),
    "certificate.not_before": lambda leaf, _at: _instant(leaf.not_valid_before_utc),
    "certificate.not_after": lambda leaf, _at: _instant(leaf.not_valid_after_utc),
    "certificate.days_left": _days_left,
    "certificate.lifetime_days": _lifetime,
    "certificate.key": _key,
    "certificate.signature_hash": _signature_hash,
    "certificate.self_signed": _self_signed,
    "certificate.sct_count": _timestamps,
    "certificate.must_staple": _must_staple,
    "certificate.key_exponent": lambda leaf, _at: usage.exponent(leaf),
    "certificate.key_usage": lambda leaf, _at: usage.key_usage(leaf),
    "certificate.key_usage_critical": lambda leaf, _at: usage.key_usage_critical(leaf),
    "certificate.extended_key_usage": lambda leaf, _at: usage.extended_key_usage(leaf),
    "certificate.authority_key_identifier": lambda leaf, _at: usage.authority_key_identifier(leaf),
    "certificate.crl_urls": lambda leaf, _at: usage.crl_urls(leaf),
    "certificate.ocsp_urls": lambda leaf, _at: usage.ocsp_urls(leaf),
    "certificate.issuer_urls": lambda leaf, _at: usage.issuer_urls(leaf),
    "certificate.revocation_source": lambda leaf, _at: usage.revocation_source(leaf),
}


# Fact → the fields of the certificate without which it cannot be told.
_NEEDS: dict[str, frozenset[str]] = {
    "certificate.subject": frozenset({"subject"}),
    "certificate.issuer": frozenset({"issuer"}),
    "certificate.not_before": frozenset({"not_before"}),
    "certificate.not_after": frozenset({"not_after"}),
    "certificate.days_left": frozenset({"not_after"}),
    "certificate.lifetime_days": frozenset({"not_before", "not_after"}),
    "certificate.key": frozenset({"key"}),
    "certificate.signature_hash": frozenset({"algorithm"}),
    "certificate.self_signed": frozenset(FIELDS),
    "certificate.sct_count": frozenset({"extensions"}),
    "certificate.must_staple": frozenset({"extensions"}),
    "certificate.key_exponent": frozenset({"key"}),
    **{
        f"certificate.{name}": frozenset({"extensions"})
        for name in ("key_usage", "key_usage_critical", "extended_key_usage", "authority_key_identifier", "crl_urls",
                     "ocsp_urls", "issuer_urls", "revocation_source")
    },
}  # fmt: skip


def _names(leaf: x509.Certificate, host: str, faulty: frozenset[str]) -> Iterator[Field]:
    """subjectAltName: what it holds, and whether it holds the host."""
    names: list[str] = []
    addresses: list[str] = []

    def read() -> Json:
        try:
            found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return None
        for entry in found:
            if isinstance(entry, x509.DNSName):
                names.append(entry.value)
            elif isinstance(entry, x509.IPAddress):
                addresses.append(str(entry.value))
        return len(names) + len(addresses)

    count = _lost(["extensions"]) if "extensions" in faulty else _read("subject alternative names", read)
    if isinstance(count, Unseen):
        for name in ("has_san", "subject_alt_names", "san_count", "hostname_matches"):
            yield f"certificate.{name}", count
        return
    yield "certificate.has_san", count is not None
    yield "certificate.san_count", count or 0
    yield "certificate.subject_alt_names", (names + addresses)[:MOST_NAMES]
    yield "certificate.hostname_matches", matches(host, names, addresses)


def _trust(chain: Sequence[bytes], at: datetime, ca_file: str) -> Iterator[Field]:
    try:
        verdict = trust.judge(chain, at, ca_file)
    except Exception as error:  # noqa: BLE001 - see fields()
        error = error if isinstance(error, Unseen) else _undecodable("chain", error)
        for name in ("trusted", "chain_complete", "chain_ordered", "trust_error"):
            yield f"certificate.{name}", error
        return
    yield "certificate.trusted", verdict.trusted
    yield "certificate.chain_complete", verdict.complete
    yield "certificate.chain_ordered", verdict.ordered
    yield "certificate.trust_error", verdict.error
