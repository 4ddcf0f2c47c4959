# SPDX-License-Identifier: EUPL-1.2
"""The parser eats the bytes of strangers: whatever they are, it answers or raises Unseen, and stays inside its bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nis2check.evidence.net.tls import certificate, mend, plan, records
from nis2check.evidence.net.tls.answer import Exchange, Kind
from nis2check.evidence.net.tls.records import Flight
from nis2check.evidence.net.tls.tables import TLS12, TLS13
from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return pack("!BHH", kind, version, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def hello_body(version: int = TLS12, suite: int = 0xC02F, extensions: bytes = b"", random: bytes = bytes(32)) -> bytes:
    body = pack("!H", version) + random + b"\x00" + pack("!HB", suite, 0)
    return body + (pack("!H", len(extensions)) + extensions if extensions else b"")


def extension(number: int, body: bytes) -> bytes:
    return pack("!HH", number, len(body)) + body


PARSERS: dict[str, Callable[[bytes], object]] = {
    "server_hello": records.server_hello,
    "certificates 1.2": lambda data: records.certificates(data, TLS12),
    "certificates 1.3": lambda data: records.certificates(data, TLS13),
    "certificate_extensions": records.certificate_extensions,
    "key_exchange curve": lambda data: records.key_exchange(data, elliptic=True),
    "key_exchange prime": lambda data: records.key_exchange(data, elliptic=False),
    "extensions": lambda data: records.extensions(data, "test"),
    "mended": mend.mended,
}


@pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS.keys())
@given(data=st.binary(max_size=600))
def test_any_bytes_are_parsed_or_refused(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except Unseen as error:
        assert error.why in {Why.MALFORMED, Why.LIMIT}


@given(chunks=st.lists(st.binary(max_size=300), max_size=8), started=st.booleans())
@example(chunks=[record(22, message(2, hello_body()))[:7], record(22, message(2, hello_body()))[7:]], started=False)
def test_any_stream_is_cut_or_refused(chunks: list[bytes], started: bool) -> None:
    exchange = Exchange(plan.TLS12_FLIGHT, None)
    stream = [record(22, message(2, hello_body()))] if started else []
    try:
        for chunk in stream + chunks:
            if exchange.feed(chunk):
                break
    except Unseen as error:
        answer = exchange.answer(error)
        assert answer.kind is not Kind.REFUSED
        assert answer.server is not None or not started  # a legal ServerHello outlives what follows it


@given(data=st.binary(max_size=400))
def test_any_certificate_yields_a_fingerprint_and_typed_fields(data: bytes) -> None:
    fields: dict[str, Json] = dict(certificate.fields([data], "a.test", datetime(2026, 1, 1, tzinfo=UTC), ""))
    assert len(fields["certificate.sha256"]) == 64


@pytest.mark.parametrize(
    ("data", "why", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", Why.NOT_TLS, "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Why.NOT_TLS, "SSH"),
        (b"220 mail.test ESMTP\r\n", Why.NOT_TLS, "SMTP"),
        (b"\x16\x02\x00\x00\x00", Why.NOT_TLS, "not TLS"),
        (b"\x16\x03\x03\xff\xff", Why.MALFORMED, "65535"),
        (record(22, b"\x0b\xff\xff\xff"), Why.LIMIT, "16777215"),
        (record(21, b"\x01\x70") * 20, Why.MALFORMED, "warning"),
        (record(20, b"\x01") * 20, Why.MALFORMED, "bring nothing"),
        (record(22, b"") * 20, Why.MALFORMED, "bring nothing"),
        (record(24, b"x"), Why.MALFORMED, "out of place"),
        (record(22, message(2, b"")) + b"GARBAGE", Why.MALFORMED, "between records"),
    ],
)
def test_what_is_no_tls_is_named(data: bytes, why: Why, said: str) -> None:
    with pytest.raises(Unseen) as caught:
        Flight().feed(data)
    assert caught.value.why is why
    assert said in caught.value.detail


def test_a_flight_is_the_same_byte_by_byte() -> None:
    flight = record(22, message(2, hello_body()) + message(11, b"\x00\x00\x00")[:3]) + record(22, b"\x03\x00\x00\x00")
    whole, dripped = Flight(), Flight()
    whole.feed(flight)
    for at in range(len(flight)):
        dripped.feed(flight[at : at + 1])
    assert whole.messages == dripped.messages == [(2, hello_body()), (11, b"\x00\x00\x00")]


def test_a_fatal_alert_ends_the_flight() -> None:
    flight = Flight()
    flight.feed(record(21, b"\x02\x28") + b"not read any more")
    assert flight.alert == (2, 40)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (hello_body(suite=0x0A0A), "suite"),
        (hello_body(version=0x0399), "version"),
        (hello_body(extensions=extension(43, b"\x7a\x7a")), "version 0x7A7A"),
        (hello_body(extensions=extension(43, b"\x03\x04")), "TLSv1.3 not offered"),
        (hello_body(extensions=extension(0, b"") * 2), "repeated"),
        (hello_body() + b"x", "ServerHello"),
        (hello_body()[:-1] + b"\x40", "compression"),
    ],
)
def test_an_illegal_server_hello_proves_nothing(body: bytes, said: str) -> None:
    exchange = Exchange(plan.TLS12_FLIGHT, None)
    with pytest.raises(Unseen) as caught:
        exchange.feed(record(22, message(2, body)))
    assert said in caught.value.detail
    assert exchange.answer(caught.value).kind is Kind.FAILED


@pytest.mark.parametrize(
    "extensions",
    [
        extension(43, b"\x03\x04"),  # names no group
        extension(43, b"\x03\x04") + extension(51, b"\x0a\x0a"),  # a group that was not offered
    ],
)
def test_a_retry_must_name_a_group_that_was_offered(extensions: bytes) -> None:
    body = hello_body(TLS12, 0x1301, extensions, records.RETRY_RANDOM)
    with pytest.raises(Unseen, match="HelloRetryRequest"):
        Exchange(plan.TLS13_EMPTY, None).feed(record(22, message(2, body)))


def test_a_share_for_an_empty_offer_is_illegal() -> None:
    share = extension(43, b"\x03\x04") + extension(51, pack("!HH", 29, 32) + bytes(32))
    with pytest.raises(Unseen, match="illegal ServerHello: group"):
        Exchange(plan.TLS13_EMPTY, None).feed(record(22, message(2, hello_body(TLS12, 0x1301, share))))


def test_an_unassigned_alert_is_no_refusal() -> None:
    exchange = Exchange(plan.TLS12_FLIGHT, None)
    assert exchange.feed(record(21, b"\x02\xff"))
    answer = exchange.answer()
    assert answer.kind is Kind.FAILED
    assert answer.unseen is not None
    assert "255" in answer.unseen.detail
