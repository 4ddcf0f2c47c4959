# SPDX-License-Identifier: EUPL-1.2
"""Words that every web server hands to OpenSSL: lists of cipher suites and of groups (ciphers(1), SSL_CTX_set1_groups_list(3)).

A list that names suites settles which weak classes are offered. One that uses classes (HIGH, !aNULL, @STRENGTH) does not: what
they hold depends on the version and on the build.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.model import Json, Kind, Why

# Named suites that no supported OpenSSL accepts without being told to: which one is there, a file does not say.
BROKEN = frozenset({"NULL", "ANON", "EXPORT", "RC4", "DES", "3DES"})
LONGEST = 8192  # characters of a list

_SUITE = re.compile(
    r"(?:TLS_[A-Z0-9_]+"
    r"|(?:(?:ECDHE|EECDH|DHE|EDH|ECDH|DH)-(?:RSA|ECDSA|DSS|PSK)-|RSA-PSK-|PSK-|ADH-|AECDH-|EXP-(?:EDH-RSA-|ADH-)?|SRP-(?:RSA-)?)?"
    r"(?:AES(?:128|256)-(?:GCM-)?SHA(?:256|384)?|AES(?:128|256)-CCM8?|(?:AES-)?(?:128|256)-CBC-SHA(?:256|384)?"
    r"|CHACHA20-POLY1305(?:-SHA256)?|CAMELLIA(?:128|256)-SHA(?:256|384)?|ARIA(?:128|256)-GCM-SHA(?:256|384)"
    r"|(?:3DES-EDE|DES-CBC3?|IDEA-CBC|RC2-CBC)-(?:SHA|MD5)|RC4-(?:SHA|MD5)|SEED-SHA|NULL-(?:SHA(?:256|384)?|MD5)))"
)
_ORDER = ("NULL", "ANON", "EXPORT", "RC4", "DES", "3DES", "RSA-KEX", "CBC", "DHE")
_BROKEN_CLASSES = {
    "RC4", "DES", "3DES", "EXP", "EXPORT", "EXPORT40", "EXPORT56", "LOW", "MEDIUM", "NULL", "ENULL", "ANULL", "ADH", "AECDH",
    "COMPLEMENTOFALL",
}  # fmt: skip
_BESIDE_HIGH = _BROKEN_CLASSES | {
    "MD5",
    "PSK",
    "SRP",
    "DSS",
    "ADSS",
    "CAMELLIA",
    "SEED",
    "IDEA",
    "ARIA",
    "DH",
    "KDHE",
    "EDH",
}
# Combinations that are sound whatever OpenSSL is there: an ephemeral key exchange on curves and authenticated encryption.
_SOUND = re.compile(
    r"k?(?:EECDH|ECDHE)\+(?:AESGCM|CHACHA20|AESCCM|CHACHA20POLY1305)(?:\+(?:AES(?:128|256)|aRSA|aECDSA))*"
)
_GROUPS = {
    "p-256": "secp256r1", "prime256v1": "secp256r1", "secp256r1": "secp256r1",
    "p-384": "secp384r1", "secp384r1": "secp384r1", "p-521": "secp521r1", "secp521r1": "secp521r1",
    "x25519": "x25519", "x448": "x448", "x25519mlkem768": "X25519MLKEM768",
    "ffdhe2048": "ffdhe2048", "ffdhe3072": "ffdhe3072", "ffdhe4096": "ffdhe4096",
    "prime192v1": "secp192r1", "p-192": "secp192r1", "secp224r1": "secp224r1", "p-224": "secp224r1",
    "secp256k1": "secp256k1", "sect233r1": "sect233r1", "sect283r1": "sect283r1",
}  # fmt: skip


def named(text: str) -> list[str] | None:
    """The suites of a list, None when it does not name them one by one."""
    words = [word for word in re.split(r"[:, ]+", text[:LONGEST].strip()) if word]
    kept = [word for word in words if not word.startswith("!")]
    if len(text) > LONGEST or not kept or not all(_SUITE.fullmatch(word) or _SOUND.fullmatch(word) for word in kept):
        return None
    removed = {word[1:] for word in words if word.startswith("!")}
    if any(_SUITE.fullmatch(word) is None for word in removed):
        # A class that is taken away (!aNULL, !MD5) leaves a list of sound suites as it is.
        kept = kept if not any(classes(word) - {"DHE"} for word in kept) else []
    return [word for word in kept if word not in removed] or None


def classes(suite: str) -> set[str]:
    """The weak classes of a suite by its OpenSSL name, in the words of the TLS probe."""
    if suite.startswith("TLS_") or _SOUND.fullmatch(suite):
        return set()  # OpenSSL names the suites of TLS 1.3 alone in the first way
    found = set()
    aead = "GCM" in suite or "CCM" in suite or "CHACHA20" in suite
    for mark, word in (
        ("EXP-", "EXPORT"),
        ("NULL", "NULL"),
        ("RC4", "RC4"),
        ("DES-CBC-", "DES"),
        ("CBC3", "3DES"),
        ("3DES", "3DES"),
    ):
        if mark in suite:
            found.add(word)
    if suite.startswith(("ADH-", "AECDH-", "EXP-ADH-")):
        found.add("ANON")
    if not aead and not {"RC4", "NULL"} & found:
        found.add("CBC")
    if suite.startswith(("DHE-", "EDH-")):
        found.add("DHE")
    elif not suite.startswith(
        ("ECDHE-", "EECDH-", "ADH-", "AECDH-", "PSK-", "SRP-", "ECDH-", "DH-", "EXP-EDH-", "RSA-PSK-")
    ):
        found.add("RSA-KEX")
    return found


def _is_high(text: str) -> bool:
    """HIGH with no more than weak suites taken away: AES256-SHA is in it, from OpenSSL 1.0 to 3."""
    words = [word for word in re.split(r"[:, ]+", text[:LONGEST].strip()) if word]
    return words[:1] == ["HIGH"] and all(word[0] == "!" and word[1:].upper() in _BESIDE_HIGH for word in words[1:])


def in_order(weak: Collection[str]) -> list[Json]:
    """As the TLS probe orders them, so that what is the same compares as the same."""
    return [word for word in _ORDER if word in weak]


def broken(text: str) -> list[str]:
    """The words of a list that ask for suites without worth (NULL, anonymous, export, RC4, DES, 3DES), classes included."""
    asked = [word.lstrip("+") for word in re.split(r"[:, ]+", text[:LONGEST]) if word and word[0] not in "!-@"]
    refused = {word[1:].upper() for word in re.split(r"[:, ]+", text[:LONGEST]) if word[:1] == "!"}
    return [word for word in asked if word.upper() not in refused and _is_broken(word)]


def _is_broken(word: str) -> bool:
    if word.upper() in _BROKEN_CLASSES:
        return True
    return _SUITE.fullmatch(word) is not None and bool(classes(word) & BROKEN)


def suites(
    text: str, line: int, subject: str, kind: Kind = Kind.TLS, *, without: frozenset[str] = frozenset()
) -> Iterator[Read | Unread]:
    """``tls.weak_suites`` of a list, or why it does not settle them. ``without``: classes that this server cannot offer."""
    names = named(text)
    if names is None:
        if _is_high(text):
            yield Read("tls.weak_suites", ["RSA-KEX", "CBC"], line, subject, kind)
        detail = "the list uses classes of suites: what they hold depends on the OpenSSL that is there"
        yield Unread("tls.weak_suites", Why.UNREADABLE, detail, line, subject, kind)
        return
    weak = set[str]().union(*map(classes, names)) - without
    if doubtful := sorted(weak & BROKEN):
        detail = f"the list asks for {', '.join(doubtful)}, which the OpenSSL that is there may refuse"
        yield Unread("tls.weak_suites", Why.UNREADABLE, detail, line, subject, kind)
    else:
        yield Read("tls.weak_suites", in_order(weak), line, subject, kind)


def groups(text: str, line: int, subject: str, kind: Kind = Kind.TLS) -> Iterator[Read | Unread]:
    """``tls.groups`` of a list of groups; nothing when a word is none that we know."""
    words = [word.lstrip("?*") for word in re.split(r"[:/]", text[:LONGEST]) if word]
    found = [_GROUPS.get(word.lower()) for word in words]
    if found and all(found):
        yield Read("tls.groups", [str(one) for one in dict.fromkeys(found)], line, subject, kind)
    elif text.lower() != "auto":
        yield Unread("tls.groups", Why.UNREADABLE, "a group of the list is none that we know", line, subject, kind)
