# SPDX-License-Identifier: EUPL-1.2
"""The primes of the standards, worked out again from their formulas: a digest that was mistyped does not survive."""

from __future__ import annotations

from hashlib import sha256

import pytest

from nis2check.evidence.net.tls.primes import KNOWN, name


def _pi(bits: int) -> int:
    """The whole part of pi times 2**bits (Machin)."""

    def arctangent(inverse: int) -> int:
        term = total = (1 << (bits + 64)) // inverse
        odd, sign = 1, -1
        while term:
            term //= inverse * inverse
            odd += 2
            total += sign * (term // odd)
            sign = -sign
        return total

    return (4 * (4 * arctangent(5) - arctangent(239))) >> 64


def _e(bits: int) -> int:
    """The whole part of e times 2**bits."""
    term, total, at = 1 << (bits + 64), 0, 1
    while term:
        total += term
        term //= at
        at += 1
    return total >> 64


@pytest.mark.parametrize(
    ("title", "bits", "offset"),
    [
        ("RFC 2409 group 1", 768, 149686),
        ("RFC 2409 group 2", 1024, 129093),
        ("RFC 3526 group 5", 1536, 741804),
        ("RFC 3526 group 14", 2048, 124476),
        ("RFC 3526 group 15", 3072, 1690314),
        ("RFC 3526 group 16", 4096, 240904),
        ("RFC 3526 group 17", 6144, 929484),
        ("RFC 3526 group 18", 8192, 4743158),
        ("RFC 7919 ffdhe2048", 2048, 560316),
        ("RFC 7919 ffdhe3072", 3072, 2625351),
        ("RFC 7919 ffdhe4096", 4096, 5736041),
        ("RFC 7919 ffdhe6144", 6144, 15705020),
        ("RFC 7919 ffdhe8192", 8192, 10965728),
    ],
)
def test_a_prime_of_a_standard(title: str, bits: int, offset: int) -> None:
    digits = _e if "7919" in title else _pi
    prime = 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (digits(bits - 130) + offset)
    assert name(prime.to_bytes(bits // 8, "big")) == title
    assert name(b"\x00" + prime.to_bytes(bits // 8, "big")) == title, "a leading zero changes nothing"


def test_every_digest_is_one() -> None:
    assert all(len(bytes.fromhex(digest)) == sha256().digest_size for digest in KNOWN)
    assert name(b"\x17") == ""
