# SPDX-License-Identifier: EUPL-1.2
"""SSH signatures (OpenSSH ``PROTOCOL.sshsig``), made and read here, verified as well by stock ``ssh-keygen -Y verify``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from nis2check.language import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

NAMESPACE = "nis2check-bundle"
LARGEST = 64 << 10  # bytes of a signature file

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASH = b"sha512"
_HASHES: dict[bytes, Callable[[bytes], Any]] = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_SMALLEST_RSA = 2048  # bits


class Refused(ValueError):
    """A signature or key that cannot be taken; the text is a French sentence."""


class Signed(NamedTuple):
    """A signature that holds: by which key (``ssh-ed25519 AAAA…``), with its fingerprint as ssh-keygen shows it."""

    key: str
    fingerprint: str


# ---------------------------------------------------------------------------------------------------------- signing


def sign(message: bytes, key: PrivateKeyTypes) -> bytes:
    """The armored signature of a message under `NAMESPACE`. Raises Refused: a kind of key that SSH does not sign with."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, AttributeError):
        raise Refused(_("Type de clé que SSH ne connaît pas.")) from None
    blob = base64.b64decode(public.split()[1])
    signed = _signed(NAMESPACE.encode(), _HASH, message)
    body = _MAGIC + struct.pack(">I", _VERSION)
    body += b"".join(_string(part) for part in (blob, NAMESPACE.encode(), b"", _HASH, _raw(key, signed)))
    text = base64.b64encode(body).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def _raw(key: PrivateKeyTypes, signed: bytes) -> bytes:
    """The signature itself, as RFC 8709 (Ed25519), RFC 8332 (RSA) and RFC 5656 (ECDSA) write it."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _string(b"ssh-ed25519") + _string(key.sign(signed))
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _SMALLEST_RSA:
            raise Refused(_("Clé RSA trop courte : {n} bits.").format(n=key.key_size))
        return _string(b"rsa-sha2-512") + _string(key.sign(signed, padding.PKCS1v15(), hashes.SHA512()))
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        name, digest = _CURVES[key.curve.name]
        r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(getattr(hashes, digest)())))
        return _string(name) + _string(_mpint(r) + _mpint(s))
    raise Refused(_("Type de clé non pris en charge ; en prendre une ed25519."))


_CURVES = {
    "secp256r1": (b"ecdsa-sha2-nistp256", "SHA256"),
    "secp384r1": (b"ecdsa-sha2-nistp384", "SHA384"),
    "secp521r1": (b"ecdsa-sha2-nistp521", "SHA512"),
}


# -------------------------------------------------------------------------------------------------------- verifying


def verify(message: bytes, armored: bytes) -> Signed:
    """Who signed a message under `NAMESPACE`. Raises Refused: malformed, another namespace, another message."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    blob, digest, raw = _parts(armored)
    kind = _Reader(blob).string()
    line = f"{kind.decode('ascii', 'replace')} {base64.b64encode(blob).decode()}"
    try:
        _check(line, raw, _signed(NAMESPACE.encode(), digest, message))
    except InvalidSignature:
        raise Refused(_("La signature n'est pas celle de ce manifeste.")) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Refused(_("Clé ou signature d'un type non lu ici : employer ssh-keygen -Y verify.")) from None
    return Signed(line, fingerprint(blob))


def fingerprint(blob: bytes) -> str:
    """``SHA256:…`` of a public key, as ssh-keygen shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _parts(armored: bytes) -> tuple[bytes, bytes, bytes]:
    """The key, the hash and the raw signature of an armored one."""
    lines = armored.decode("ascii", "replace").split()
    begin, end = _BEGIN.split(), _END.split()
    if len(armored) > LARGEST or lines[:3] != begin or lines[-3:] != end:
        raise Refused(_("Ce n'est pas une signature SSH."))
    try:
        reader = _Reader(base64.b64decode("".join(lines[3:-3]), validate=True))
    except binascii.Error:
        raise Refused(_("Signature SSH abîmée.")) from None
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise Refused(_("Signature SSH d'une version inconnue."))
    blob, namespace, _reserved, digest, raw = (reader.string() for _field in range(5))
    if reader.rest or namespace != NAMESPACE.encode() or digest not in _HASHES:
        raise Refused(_("Signature SSH faite pour un autre usage que « {name} ».").format(name=NAMESPACE))
    return blob, digest, raw


def _check(line: str, raw: bytes, signed: bytes) -> None:
    """Raises InvalidSignature, or ValueError for what is not supported."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    reader = _Reader(raw)
    kind, signature = reader.string(), reader.string()
    key = load_ssh_public_key(line.encode("ascii", "replace"))
    if reader.rest:
        raise ValueError("bytes after the signature")
    if isinstance(key, ed25519.Ed25519PublicKey) and kind == b"ssh-ed25519":
        key.verify(signature, signed)
    elif isinstance(key, rsa.RSAPublicKey) and kind in _RSA and key.key_size >= _SMALLEST_RSA:
        key.verify(signature, signed, padding.PKCS1v15(), getattr(hashes, _RSA[kind])())
    elif isinstance(key, ec.EllipticCurvePublicKey) and _CURVES.get(key.curve.name, (b"", ""))[0] == kind:
        numbers = _Reader(signature)
        r, s = (int.from_bytes(numbers.string(), "big", signed=True) for _number in range(2))
        if numbers.rest or r <= 0 or s <= 0:
            raise ValueError("numbers out of range")
        digest = getattr(hashes, _CURVES[key.curve.name][1])()
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    else:
        raise ValueError("unsupported")


_RSA = {b"rsa-sha2-256": "SHA256", b"rsa-sha2-512": "SHA512"}  # never ssh-rsa, which is SHA-1


# ---------------------------------------------------------------------------------------------------------- the wire


def _signed(namespace: bytes, digest: bytes, message: bytes) -> bytes:
    """What is signed: never the message itself, so that a signature cannot serve elsewhere."""
    hashed = _HASHES[digest](message).digest()
    return _MAGIC + b"".join(_string(part) for part in (namespace, b"", digest, hashed))


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


class _Reader:
    """Reads the fields of SSH (RFC 4251 5). Raises Refused when the bytes end too soon."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        if size > len(self.rest):
            raise Refused(_("Signature SSH abîmée."))
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())
