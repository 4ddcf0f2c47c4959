# SPDX-License-Identifier: EUPL-1.2
"""The hellos of the plan: what goes on the wire, and the tables behind it."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest

from nis2check.evidence.net.tls import plan, suites
from nis2check.evidence.net.tls.enumeration import candidates
from nis2check.evidence.net.tls.hello import PADDING, SERVER_NAME, Hello, encode
from nis2check.evidence.net.tls.records import Fields
from nis2check.evidence.net.tls.tables import GROUPS, SSL3, TLS10, TLS12, TLS13

HELLOS = [plan.TLS13_EMPTY, *plan.BY_MAXIMUM.values(), plan.BROWSER, plan.TLS13_FLIGHT, plan.BARE, *plan.RARE]


def parsed(record: bytes) -> tuple[int, list[int], dict[int, bytes]]:
    """Version, suites and extensions of a ClientHello record; every length must be right."""
    outer = Fields(record, "record")
    assert outer.number(1) == 22
    outer.number(2)
    message = Fields(outer.vector(2), "message")
    assert message.number(1) == 1
    body = Fields(message.vector(3), "hello")
    version = body.number(2)
    body.take(32)
    assert len(body.vector(1)) in {0, 32}
    words = Fields(body.vector(2), "suites")
    offered = []
    while words.left:
        offered.append(words.number(2))
    assert 0 in body.vector(1)
    found: dict[int, bytes] = {}
    if body.left:
        rest = Fields(body.vector(2), "extensions")
        while rest.left:
            number = rest.number(2)
            assert number not in found
            found[number] = rest.vector(2)
    assert not (body.left or message.left or outer.left)
    return version, offered, found


@pytest.mark.parametrize("hello", HELLOS, ids=lambda hello: hello.name)
@pytest.mark.parametrize("host", ["", "www.ville.example", "a" * 60 + "." + "b" * 60 + ".example"])
def test_every_hello_is_well_formed_and_short(hello: Hello, host: str) -> None:
    record = encode(hello, host, {group: bytes(32) for group in hello.shares})
    version, offered, found = parsed(record)
    assert version == min(hello.newest, TLS12)
    assert set(hello.suites) <= set(offered)
    assert len(hello.suites) <= plan.MOST_SUITES
    assert not 256 <= len(record) - 5 < 512, "some servers hang on these lengths"
    assert len(record) < 1400, "one segment"
    assert (SERVER_NAME in found) == (bool(host) and hello.newest > SSL3)


def test_a_hello_of_an_awkward_length_is_padded() -> None:
    for count in range(1, 64):
        hello = replace(plan.TLS12_FLIGHT, suites=plan.TLS12_FLIGHT.suites[:count])
        record = encode(hello, "www.ville.example")
        _version, _suites, found = parsed(record)
        length = len(record) - 5
        assert not 256 <= length < 512
        assert PADDING not in found or 512 <= length < 516


def test_old_hellos_offer_nothing_newer() -> None:
    for version in (SSL3, TLS10):
        assert not [code for code in plan.BY_MAXIMUM[version].suites if suites.since_tls12(code)]
        assert not [code for code in candidates(version) if suites.since_tls12(code)]
    assert not set(candidates(TLS12)) & suites.TLS13
    assert set(candidates(TLS13)) == suites.TLS13


def test_the_suite_table_agrees_with_openssl() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    for cipher in context.get_ciphers():
        name = suites.NAMES[cipher["id"] & 0xFFFF]
        description = cipher["description"]
        assert ("Au=None" in description) == ("ANON" in suites.classes(cipher["id"] & 0xFFFF)), name
        assert ("Enc=None" in description) == ("NULL" in suites.classes(cipher["id"] & 0xFFFF)), name
        assert ("PSK" in cipher["name"] or "SRP" in cipher["name"]) == suites.needs_shared_secret(
            cipher["id"] & 0xFFFF
        ), name


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("TLS_RSA_WITH_NULL_MD5", {"NULL", "RSA-KEX"}),
        ("TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", {"ANON", "EXPORT", "RC4"}),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", {"EXPORT", "DES", "CBC", "RSA-KEX"}),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", {"DES", "CBC", "DHE"}),
        ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", {"3DES", "CBC"}),
        ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", {"RC4"}),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", {"RSA-KEX"}),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", set()),
        ("TLS_AES_128_GCM_SHA256", set()),
        ("TLS_SHA256_SHA256", {"NULL"}),
    ],
)
def test_classes_of_suites(name: str, classes: set[str]) -> None:
    code = next(code for code, word in suites.NAMES.items() if word == name)
    assert suites.classes(code) == classes


def test_every_broken_suite_fits_one_hello() -> None:
    offered = plan.of_classes(TLS12, plan.BROKEN)
    everything = [code for code in plan.public_suites(TLS12) if suites.classes(code) & plan.BROKEN]
    assert set(offered) == set(everything)


def test_known_groups() -> None:
    assert (GROUPS[0x11EC], GROUPS[29], GROUPS[23], GROUPS[0x100]) == (
        "X25519MLKEM768",
        "x25519",
        "secp256r1",
        "ffdhe2048",
    )
