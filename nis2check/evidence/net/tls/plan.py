# SPDX-License-Identifier: EUPL-1.2
"""The probe plan as data: every hello that may be sent, and what its answer proves.

No hello offers more than 64 suites: some servers ignore those past the 64th, others reject longer hellos.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from nis2check.evidence.net.tls import sealed, suites
from nis2check.evidence.net.tls.hello import Hello, Wanted
from nis2check.evidence.net.tls.tables import (
    GROUPS_TLS13,
    POST_QUANTUM,
    SECP256R1,
    SSL3,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    X25519,
    version_name,
)

MOST_SUITES = 64

# Maximum version of a hello → the versions it offers.
OFFERS = {TLS12: (TLS12, TLS11, TLS10, SSL3), TLS11: (TLS11, TLS10, SSL3), TLS10: (TLS10, SSL3), SSL3: (SSL3,)}

_KEY_EXCHANGES = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA", "DHE_DSS", "DH_anon", "ECDH_anon")
_CIPHERS = ("AES_128_GCM", "AES_256_GCM", "CHACHA20", "AES_128_CBC", "AES_256_CBC", "3DES", "RC4", "CCM", "CAMELLIA",
            "SEED", "IDEA", "ARIA", "DES", "RC2", "NULL")  # fmt: skip


def _rank(code: int) -> tuple[int, int, int]:
    """What a careful client would put first."""
    word = suites.NAMES[code]
    exchange = next((at for at, name in enumerate(_KEY_EXCHANGES) if word.startswith(f"TLS_{name}_")), 99)
    cipher = next((at for at, name in enumerate(_CIPHERS) if name in word), 99)
    return (cipher, exchange, code)


# Suites that a public server may be asked for: no shared secret, no fixed Diffie-Hellman certificate (nobody has one).
_PUBLIC = tuple(
    sorted(
        (
            code
            for code, word in suites.NAMES.items()
            if code and code not in suites.TLS13 and not suites.needs_shared_secret(code)
            if not word.startswith(("TLS_DH_RSA_", "TLS_DH_DSS_", "TLS_ECDH_RSA_", "TLS_ECDH_ECDSA_", "TLS_GOST"))
        ),
        key=_rank,
    )
)
BROKEN = frozenset({"NULL", "ANON", "EXPORT", "RC4", "DES", "3DES"})
CLASSES = ("NULL", "ANON", "EXPORT", "RC4", "DES", "3DES", "RSA-KEX", "CBC", "DHE")


@lru_cache(maxsize=8)
def public_suites(version: int) -> tuple[int, ...]:
    """The suites that a version may negotiate, best first."""
    return tuple(code for code in _PUBLIC if version == TLS12 or not suites.since_tls12(code))


def _common(version: int) -> tuple[int, ...]:
    usable = public_suites(version)
    good = [code for code in usable if not suites.classes(code) & {"NULL", "ANON", "EXPORT", "DES"}]
    return tuple((good + [code for code in usable if code not in good])[:MOST_SUITES])


SUITES_TLS13 = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305, *sorted(suites.TLS13 - set(range(0x1301, 0x1306))))
_HTTP = ("h2", "http/1.1")

TLS13_EMPTY = Hello(
    "TLS 1.3, empty key share", (TLS13,), SUITES_TLS13, GROUPS_TLS13, refuses=(TLS13,),
    proves="TLS 1.3, and the group the server prefers, by HelloRetryRequest",
)  # fmt: skip
TLS12_FLIGHT = Hello(
    "TLS 1.2 at most", OFFERS[TLS12], _common(TLS12), wanted=Wanted.WHOLE, compression=b"\x01\x00", alpn=_HTTP,
    refuses=(TLS12,), proves="TLS 1.2, certificate and chain, OCSP staple, EMS, renegotiation, compression, ALPN",
)  # fmt: skip
TLS11_MOST = Hello(
    "TLS 1.1 at most", OFFERS[TLS11], _common(TLS11), wanted=Wanted.WHOLE, refuses=(TLS11, TLS10, SSL3),
    proves="TLS 1.1, TLS 1.0 and SSL 3, or that none is offered",
)  # fmt: skip
TLS10_MOST = Hello(
    "TLS 1.0 at most", OFFERS[TLS10], _common(TLS10), refuses=(TLS10, SSL3),
    proves="TLS 1.0 (only after an answer of TLS 1.1 or 1.0)",
)  # fmt: skip
SSL3_ONLY = Hello(
    "SSL 3", OFFERS[SSL3], _common(SSL3), bare=True, refuses=(SSL3,),
    proves="SSL 3 (only after an answer of TLS 1.0 or SSL 3)",
)  # fmt: skip
BROWSER = Hello(
    "TLS 1.3 or 1.2, as a browser", (TLS13, TLS12), (*sealed.SUITES, *_common(TLS12)[:12]),
    sealed.GROUPS, wanted=Wanted.WHOLE, shares=(X25519,), alpn=_HTTP, refuses=(TLS13,),
    proves="second try of a server that kept silent or reset",
)  # fmt: skip
TLS13_FLIGHT = Hello(
    "TLS 1.3, own key share", (TLS13,), sealed.SUITES, sealed.GROUPS, wanted=Wanted.WHOLE,
    shares=(X25519, SECP256R1), alpn=_HTTP, refuses=(TLS13,),
    proves="certificate of a server that speaks TLS 1.3 only",
)  # fmt: skip
BARE = Hello(
    "TLS 1.2 at most, few suites, no extension", OFFERS[TLS12], _common(TLS12)[:12], wanted=Wanted.WHOLE, bare=True,
    proves="third try of a server that kept silent",
)  # fmt: skip

_UNCOMMON = tuple(code for code in public_suites(TLS12) if code not in TLS12_FLIGHT.suites)
RARE = tuple(
    replace(
        TLS12_FLIGHT, name=f"TLS 1.2 at most, uncommon suites {at // MOST_SUITES + 1}",
        suites=_UNCOMMON[at : at + MOST_SUITES], compression=b"\x00", refuses=(),
        proves="a server that shares none of the common suites",
    )
    for at in range(0, len(_UNCOMMON), MOST_SUITES)
)  # fmt: skip

POST_QUANTUM_ONLY = replace(
    TLS13_EMPTY, name="TLS 1.3, post-quantum groups only", groups=POST_QUANTUM, refuses=(),
    proves="whether a post-quantum group is accepted",
)  # fmt: skip

BY_MAXIMUM = {TLS12: TLS12_FLIGHT, TLS11: TLS11_MOST, TLS10: TLS10_MOST, SSL3: SSL3_ONLY}


def narrowed(version: int, offered: tuple[int, ...], name: str, wanted: Wanted = Wanted.SERVER_HELLO) -> Hello:
    """A hello of a version for a few suites."""
    most = BY_MAXIMUM[version]
    return replace(
        most, name=f"{version_name(version)} at most, {name}", suites=offered, wanted=wanted, compression=b"\x00",
        alpn=(), refuses=(), proves="",
    )  # fmt: skip


@lru_cache(maxsize=256)
def of_classes(version: int, wanted: frozenset[str], without: frozenset[str] = frozenset()) -> tuple[int, ...]:
    """At most 64 suites of a version that belong to a class of ``wanted`` and to none of ``without``."""
    return tuple(
        code
        for code in public_suites(version)
        if (found := suites.classes(code)) & wanted and not found & without
    )[:MOST_SUITES]  # fmt: skip
