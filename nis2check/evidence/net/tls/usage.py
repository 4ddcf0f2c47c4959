# SPDX-License-Identifier: EUPL-1.2
"""What a certificate says of its own use, and where its revocation is told: the extensions of ANSSI's R27, R28, R32 and R33."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why

MOST_URLS = 20

# RFC 5280 4.2.1.3, in the order of the bits.
_BITS = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}


def key_usage(leaf: x509.Certificate) -> Json:
    """The usages allowed, [] without the extension."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [word for word, attribute in _BITS.items() if getattr(usage, attribute)]


def key_usage_critical(leaf: x509.Certificate) -> Json:
    try:
        return leaf.extensions.get_extension_for_class(x509.KeyUsage).critical
    except x509.ExtensionNotFound:
        return False


def extended_key_usage(leaf: x509.Certificate) -> Json:
    """The purposes allowed, an OID for one without a name, [] without the extension."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [_PURPOSES.get(purpose, purpose.dotted_string) for purpose in usage]


def authority_key_identifier(leaf: x509.Certificate) -> Json:
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return False
    return found.key_identifier is not None


def _urls(names: Sequence[x509.GeneralName] | None) -> list[str]:
    return [name.value for name in names or () if isinstance(name, x509.UniformResourceIdentifier)]


def crl_urls(leaf: x509.Certificate) -> Json:
    try:
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    return [url for point in points for url in _urls(point.full_name)][:MOST_URLS]


def ocsp_urls(leaf: x509.Certificate) -> Json:
    return _access(leaf, AuthorityInformationAccessOID.OCSP)


def issuer_urls(leaf: x509.Certificate) -> Json:
    return _access(leaf, AuthorityInformationAccessOID.CA_ISSUERS)


def _access(leaf: x509.Certificate, method: x509.ObjectIdentifier) -> Json:
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    return [url for one in found if one.access_method == method for url in _urls([one.access_location])][:MOST_URLS]


def revocation_source(leaf: x509.Certificate) -> Json:
    """R33: at least one of the extensions CRLDP and AIA."""
    kinds = {type(one.value) for one in leaf.extensions}
    return x509.CRLDistributionPoints in kinds or x509.AuthorityInformationAccess in kinds


def exponent(leaf: x509.Certificate) -> Json:
    """The public exponent of an RSA key. Raises Unseen(not_asked) for another key."""
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unseen(Why.NOT_ASKED, "not an RSA key")
    return key.public_numbers().e
