# SPDX-License-Identifier: EUPL-1.2
"""Code points of TLS: versions, groups, alerts, signature schemes (IANA, TLS Parameters and TLS ExtensionType Values)."""

from __future__ import annotations

SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

VERSIONS: dict[int, str] = {SSL3: "SSLv3", TLS10: "TLSv1", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3"}

_FROM_1 = """
sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 sect409k1 sect409r1
sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1 secp192r1 secp224k1 secp224r1 secp256k1 secp256r1 secp384r1
secp521r1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 x25519 x448 brainpoolP256r1tls13 brainpoolP384r1tls13
brainpoolP512r1tls13 GC256A GC256B GC256C GC256D GC512A GC512B GC512C curveSM2
"""

GROUPS: dict[int, str] = {
    **dict(enumerate(_FROM_1.split(), 1)),
    **dict(enumerate(("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"), 0x100)),
    **dict(enumerate(("MLKEM512", "MLKEM768", "MLKEM1024"), 0x200)),
    **dict(enumerate(("SecP256r1MLKEM768", "X25519MLKEM768", "SecP384r1MLKEM1024", "curveSM2MLKEM768"), 0x11EB)),
    0x6399: "X25519Kyber768Draft00",
    0x639A: "SecP256r1Kyber768Draft00",
}

X25519, X448, SECP256R1, SECP384R1, SECP521R1 = 29, 30, 23, 24, 25
FFDHE = tuple(range(0x100, 0x105))
POST_QUANTUM = (0x11EC, 0x11EB, 0x11ED, 0x11EE, 0x6399, 0x639A, 0x201, 0x202, 0x200)  # hybrids first, then plain ML-KEM
CURVES_TLS13 = (X25519, SECP256R1, X448, SECP384R1, SECP521R1, 31, 32, 33, *range(34, 42))
CURVES_TLS12 = (X25519, SECP256R1, X448, SECP521R1, SECP384R1, 28, 27, 26, 22, *range(21, 0, -1))

GROUPS_TLS13 = (*CURVES_TLS13, *POST_QUANTUM, *FFDHE)

ALERTS: dict[int, str] = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    52: "too_many_cids_requested",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    117: "general_error",
    120: "no_application_protocol",
    121: "ech_required",
}
PROTOCOL_VERSION, INTERNAL_ERROR, INAPPROPRIATE_FALLBACK = 70, 80, 86

# An answer about the client or the moment, not about what was offered: no proof that a version or suite is refused.
NOT_ABOUT_THE_OFFER = frozenset({0, 49, 90, 112, 120, 121})

# SHA-1 last: a server that holds nothing better still shows its certificate.
SIGNATURE_SCHEMES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081A, 0x081B, 0x081C, 0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806,
    0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0402, 0x0502, 0x0602, 0x0203, 0x0201, 0x0202,
)  # fmt: skip


def version_name(code: int) -> str:
    """``TLSv1.2``, or ``0x7A7A`` for a code that is none."""
    return VERSIONS.get(code, f"0x{code:04X}")


def group_name(code: int) -> str:
    """The IANA name, or ``0xABCD``."""
    return GROUPS.get(code, f"0x{code:04X}")


def alert_name(code: int) -> str:
    """``40 handshake_failure``; an unassigned code says so."""
    return f"{code} {ALERTS.get(code, '(not assigned)')}"
