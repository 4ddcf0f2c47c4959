# SPDX-License-Identifier: EUPL-1.2
"""Does a chain lead to a root that this machine trusts? Judged offline, at the time of the look, and with its reason.

The path is walked here, signature by signature (RFC 5280 6.1: dates, CA and path length, key usage, name constraints, EKU),
rather than by ``cryptography.x509.verification``: that one follows the public web's profile, refuses what private
authorities legitimately issue, ties trust to the host name, and does not say which certificate is at fault.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_INTERMEDIATES = 16
LARGEST_STORE = 16 << 20  # bytes of a bundle

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # BSD, macOS
)


@contextmanager
def quiet() -> Iterator[None]:
    """Old roots have serial numbers of zero: cryptography warns of each, and nobody can do anything about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


@dataclass(frozen=True, slots=True)
class Trust:
    """``trusted`` at the time of the look; ``complete``: the chain sent leads to a root of the store or to one it holds."""

    trusted: bool
    complete: bool
    error: str = ""  # why not trusted
    ordered: bool = True  # each certificate sent is the issuer of the one before it (RFC 5246 7.4.2)


class Store:
    """Roots by subject."""

    def __init__(self, roots: Sequence[x509.Certificate]) -> None:
        self.roots = tuple(roots)
        self.by_subject: dict[bytes, list[x509.Certificate]] = {}
        for root in self.roots:
            self.by_subject.setdefault(root.subject.public_bytes(), []).append(root)
        self.judged: dict[tuple[int, tuple[bytes, ...]], Trust] = {}


def _bundle(path: str) -> list[x509.Certificate]:
    """The certificates of a PEM file that can be read: one bad entry does not lose the others."""
    data = Path(path).read_bytes()[:LARGEST_STORE]
    try:
        with quiet():
            return x509.load_pem_x509_certificates(data)
    except ValueError:
        pass
    found = []
    mark = b"-----END CERTIFICATE-----"
    for part in data.split(mark)[:-1]:
        start = part.find(b"-----BEGIN CERTIFICATE-----")
        try:
            with quiet():
                found.append(x509.load_pem_x509_certificate(part[start:] + mark))
        except ValueError:
            continue
    return found


@lru_cache(maxsize=8)
def store(ca_file: str) -> Store:
    """The roots of this machine, and those of ``--ca-file``. Raises Unseen when there are none, or the file cannot be read."""
    roots: list[x509.Certificate] = []
    if ca_file:
        try:
            roots += _bundle(ca_file)
        except OSError as error:
            raise Unseen(Why.NOT_ASKED, f"--ca-file cannot be read: {error.strerror}") from None
        if not roots:
            raise Unseen(Why.NOT_ASKED, "--ca-file holds no certificate")
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if path and Path(path).is_file():
            try:
                roots += _bundle(path)
                break
            except OSError:
                continue
    if not roots:
        raise Unseen(Why.NOT_ASKED, "no trust store found on this machine (--ca-file names one)")
    return Store(roots)


def judge(chain: Sequence[bytes], at: datetime, ca_file: str) -> Trust:
    """The trust of a chain as sent, leaf first. Raises Unseen: no store, chain too long, certificate that cannot be parsed."""
    roots = store(ca_file)
    key = (int(at.timestamp() // 60), tuple(chain[: MOST_INTERMEDIATES + 2]))
    known = roots.judged.get(key)
    if known is None:
        known = _judge(chain, at, roots)
        if len(roots.judged) < 4096:
            roots.judged[key] = known
    return known


def _judge(chain: Sequence[bytes], at: datetime, roots: Store) -> Trust:
    if len(chain) > MOST_INTERMEDIATES + 1:
        raise Unseen(Why.LIMIT, f"{len(chain)} certificates in the chain")
    try:
        with quiet():
            sent = [x509.load_der_x509_certificate(der) for der in chain]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unseen(Why.MALFORMED, f"a certificate of the chain cannot be parsed: {error}") from None
    try:
        return replace(_walk(sent, at, roots), ordered=_ordered(sent))
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise Unseen(Why.MALFORMED, f"the chain cannot be followed: {error}") from None


def _same(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.public_bytes(Encoding.DER) == other.public_bytes(Encoding.DER)


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _name(certificate: x509.Certificate, which: str) -> str:
    try:
        name = certificate.subject if which == "subject" else certificate.issuer
        return name.rfc4514_string()[:120]
    except ValueError:
        return "(unreadable name)"


def _path(sent: list[x509.Certificate], roots: Store) -> tuple[list[x509.Certificate], bool]:
    """From the leaf upwards, among what was sent and the store: the path, and whether its end is in the store."""
    path = [sent[0]]
    while len(path) <= MOST_INTERMEDIATES + 1:
        last = path[-1]
        issuer = last.issuer.public_bytes()
        if any(_same(root, last) for root in roots.by_subject.get(last.subject.public_bytes(), [])):
            return path, True
        anchors = sorted(roots.by_subject.get(issuer, []), key=lambda root: root.not_valid_after_utc, reverse=True)
        anchor = next((root for root in anchors if _issued(last, root)), None)
        if anchor is not None:
            return path + [anchor], True
        step = next(
            (
                one
                for one in sent[1:]
                if one not in path and one.subject.public_bytes() == issuer and _issued(last, one)
            ),
            None,
        )
        if step is None:
            return path, False
        path.append(step)
    return path, False


def _ordered(sent: list[x509.Certificate]) -> bool:
    return all(child.issuer.public_bytes() == parent.subject.public_bytes() for child, parent in pairwise(sent))


def _walk(sent: list[x509.Certificate], at: datetime, roots: Store) -> Trust:
    path, anchored = _path(sent, roots)
    last = path[-1]
    self_signed = last.issuer == last.subject and _issued(last, last)
    complete = anchored or self_signed
    if not anchored:
        if self_signed:
            who = "self-signed certificate" if len(path) == 1 else "self-signed root that is not trusted here"
            return Trust(False, complete, f"{who}: {_name(last, 'subject')}")
        return Trust(False, complete, f"issuer not found: {_name(last, 'issuer')}")
    return Trust(*_verified(path, at, complete))


def _verified(path: list[x509.Certificate], at: datetime, complete: bool) -> tuple[bool, bool, str]:
    for certificate in path[:-1] if len(path) > 1 else path:
        if at > certificate.not_valid_after_utc:
            return False, complete, f"expired: {_name(certificate, 'subject')}"
        if at < certificate.not_valid_before_utc:
            return False, complete, f"not yet valid: {_name(certificate, 'subject')}"
    if at > path[-1].not_valid_after_utc:
        return False, complete, f"expired root: {_name(path[-1], 'subject')}"
    for depth, certificate in enumerate(path[1:]):
        if why := _not_an_authority(certificate, depth):
            return False, complete, f"{why}: {_name(certificate, 'subject')}"
    why = _weak_signature(path[:-1]) or _not_for_servers(path[0]) or _constrained(path)
    return not why, complete, why


def _not_an_authority(certificate: x509.Certificate, below: int) -> str:
    """Why a certificate may not issue others (RFC 5280 4.2.1.9, 4.2.1.3); ``below`` counts the authorities under it."""
    try:
        found = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        return f"extensions cannot be read ({error})"
    try:
        basic = found.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return (
            "" if certificate.version is x509.Version.v1 and certificate.issuer == certificate.subject else "not a CA"
        )
    if not basic.ca:
        return "not a CA"
    if basic.path_length is not None and below > basic.path_length:
        return f"path longer than {basic.path_length}"
    try:
        usage = found.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    return "" if usage.key_cert_sign else "may not sign certificates"


def _weak_signature(path: Sequence[x509.Certificate]) -> str:
    """Signatures that no trust store accepts any more. The root's own signature is not checked by anybody."""
    for certificate in path:
        digest = certificate.signature_hash_algorithm
        if digest is not None and digest.name in {"md2", "md4", "md5", "sha1"}:
            return f"signed with {digest.name}: {_name(certificate, 'subject')}"
    return ""


def _not_for_servers(leaf: x509.Certificate) -> str:
    """RFC 5280 4.2.1.12: an extended key usage that leaves out serverAuth."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    allowed = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return "" if allowed & set(usage) else "not a certificate for servers (extended key usage)"


def _constrained(path: Sequence[x509.Certificate]) -> str:
    """RFC 5280 4.2.1.10 on the names of the leaf: dNSName and iPAddress, which are what a server is known by."""
    try:
        names = path[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    for authority in path[1:]:
        try:
            limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            continue
        for name in names:
            if _outside(name, limits):
                return f"a name of the certificate is outside the name constraints of {_name(authority, 'subject')}"
    return ""


def _outside(name: x509.GeneralName, limits: x509.NameConstraints) -> bool:
    permitted = [entry for entry in limits.permitted_subtrees or () if isinstance(entry, type(name))]
    excluded = [entry for entry in limits.excluded_subtrees or () if isinstance(entry, type(name))]
    if any(_within(name, entry) for entry in excluded):
        return True
    return bool(permitted) and not any(_within(name, entry) for entry in permitted)


def _within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName):
        host, base = name.value.lower(), subtree.value.lower().lstrip(".")
        return not base or host == base or host.endswith("." + base)
    if isinstance(name, x509.IPAddress) and isinstance(subtree, x509.IPAddress):
        return ip_address(str(name.value)) in ip_network(str(subtree.value), strict=False)
    return False
