# SPDX-License-Identifier: EUPL-1.2
"""Opens the server's encrypted flight of TLS 1.3 (RFC 8446 7.1, 5.2): how a server that speaks nothing else shows its
certificate. One key exchange, no Finished sent: the connection is reset once the flight is read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from struct import pack
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nis2check.evidence.net.tls.records import FINISHED, HANDSHAKE, Flight, ServerHello, malformed
from nis2check.evidence.net.tls.tables import SECP256R1, SECP384R1, SECP521R1, X448, X25519

_CURVES: dict[int, Callable[[], ec.EllipticCurve]] = {
    SECP256R1: ec.SECP256R1,
    SECP384R1: ec.SECP384R1,
    SECP521R1: ec.SECP521R1,
}

GROUPS = (X25519, SECP256R1, SECP384R1, SECP521R1, X448)  # those whose share we can make


class _Aead(Protocol):
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


# suite → hash, key length, AEAD
_SUITES: dict[int, tuple[str, int, Callable[[bytes], _Aead]]] = {
    0x1301: ("sha256", 16, AESGCM),
    0x1302: ("sha384", 32, AESGCM),
    0x1303: ("sha256", 32, ChaCha20Poly1305),
    0x1304: ("sha256", 16, AESCCM),
    0x1305: ("sha256", 16, lambda key: AESCCM(key, tag_length=8)),
}
SUITES = tuple(_SUITES)


class Share:
    """Our half of a key exchange in one group."""

    def __init__(self, group: int) -> None:
        self.group = group
        self._key: x25519.X25519PrivateKey | x448.X448PrivateKey | ec.EllipticCurvePrivateKey
        if group == X25519:
            self._key = x25519.X25519PrivateKey.generate()
        elif group == X448:
            self._key = x448.X448PrivateKey.generate()
        else:
            self._key = ec.generate_private_key(_CURVES[group]())

    def public(self) -> bytes:
        key = self._key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return key.public_key().public_bytes_raw()

    def secret(self, theirs: bytes) -> bytes:
        """Raises Unseen(malformed) for a share that is no point of the group."""
        key = self._key
        try:
            if isinstance(key, x25519.X25519PrivateKey):
                return key.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
            if isinstance(key, x448.X448PrivateKey):
                return key.exchange(x448.X448PublicKey.from_public_bytes(theirs))
            return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, theirs))
        except ValueError as error:
            raise malformed(f"key share: {error}") from None


def _expand_label(word: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label. One or two blocks are enough for any key, so the loop of HKDF-Expand is short."""
    full = b"tls13 " + label
    info = pack("!H", length) + bytes([len(full)]) + full + bytes([len(context)]) + context
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), word)
        out += block
        counter += 1
    return out[:length]


def _server_secret(word: str, shared: bytes, transcript: bytes) -> bytes:
    """server_handshake_traffic_secret, without PSK (RFC 8446 7.1)."""
    size = hashlib.new(word).digest_size
    empty = hashlib.new(word).digest()
    early = hmac.digest(bytes(size), bytes(size), word)
    handshake = hmac.digest(_expand_label(word, early, b"derived", empty, size), shared, word)
    return _expand_label(word, handshake, b"s hs traffic", hashlib.new(word, transcript).digest(), size)


class Opener:
    """Decrypts records of the server's flight and cuts them into handshake messages, until Finished."""

    def __init__(self, client_hello: bytes, shares: dict[int, Share]) -> None:
        self._client_hello = client_hello  # the handshake message, without record header
        self._shares = shares
        self._aead: _Aead | None = None
        self._iv = b""
        self._sequence = 0
        self._inner = Flight()

    @property
    def messages(self) -> list[tuple[int, bytes]]:
        return self._inner.messages

    @property
    def done(self) -> bool:
        return self._inner.alert is not None or any(kind == FINISHED for kind, _body in self._inner.messages)

    def feed(self, server: ServerHello, body: bytes, sealed: list[bytes]) -> None:
        """Open what came. Raises Unseen(malformed) for a record that does not authenticate: nobody holds that share."""
        if self._aead is None:
            self._derive(server, body)
        for record in sealed:
            if self.done:
                return
            self._open(record)

    def _derive(self, server: ServerHello, body: bytes) -> None:
        if server.suite not in _SUITES:
            raise malformed(f"suite 0x{server.suite:04X} cannot be opened")
        word, length, aead = _SUITES[server.suite]
        transcript = self._client_hello + b"\x02" + len(body).to_bytes(3, "big") + body
        secret = _server_secret(word, self._shares[server.group].secret(server.share), transcript)
        self._aead = aead(_expand_label(word, secret, b"key", b"", length))
        self._iv = _expand_label(word, secret, b"iv", b"", 12)

    def _open(self, record: bytes) -> None:
        assert self._aead is not None  # _derive came first
        nonce = (int.from_bytes(self._iv, "big") ^ self._sequence).to_bytes(12, "big")
        self._sequence += 1
        try:
            plain = self._aead.decrypt(nonce, record[5:], record[:5]).rstrip(b"\x00")
        except (InvalidTag, ValueError):
            raise malformed("a record of the encrypted flight does not authenticate") from None
        if not plain:
            raise malformed("an encrypted record without content type")
        content, kind = plain[:-1], plain[-1]
        if kind != HANDSHAKE and kind != 21:
            raise malformed(f"encrypted record of type {kind} inside the handshake")
        self._inner.feed(bytes([kind]) + b"\x03\x03" + pack("!H", len(content)) + content)
