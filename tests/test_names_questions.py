# SPDX-License-Identifier: EUPL-1.2
"""One DNS question: whose answer is believed, what is tried again, and when absence is proved."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.evidence import names, question
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Why

Start = Callable[[Any], Any]
Message = dns.message.Message


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is waited for in tenths of a second, so that the tests of it are quick."""
    monkeypatch.setattr(question, "TRY_SECONDS", 0.2)


def wire_to(server: Any) -> Wire:
    return Wire(Settings(resolver=Endpoint("127.0.0.1", server.port)))


def records(wire: Wire, name: str, kind: str, seconds: float = 5) -> list[str]:
    found = asyncio.run(names.records(wire, name, kind, Deadline.after(seconds)))
    return sorted(record.to_text() for record in found)


def why(wire: Wire, name: str = "a.test", kind: str = "A") -> tuple[Why, str]:
    with pytest.raises(Unseen) as caught:
        records(wire, name, kind)
    return caught.value.why, caught.value.detail


def good(query: Message, address: str = "192.0.2.1") -> Message:
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return response


def coded(rcode: dns.rcode.Rcode) -> Callable[[Message, bool], Message]:
    def answer(query: Message, _tcp: bool) -> Message:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return response

    return answer


def silent_below(name: str) -> Callable[[Message, bool], Message | None]:
    """Answers everything but one name: the resolver lives, the name's servers do not."""

    def answer(query: Message, _tcp: bool) -> Message | None:
        return None if query.question[0].name.is_subdomain(dns.name.from_text(name)) else good(query)

    return answer


def test_a_record_is_read(name_server: Start) -> None:
    assert records(wire_to(name_server("a.test. A 192.0.2.1\na.test. A 192.0.2.2")), "a.test", "A") == [
        "192.0.2.1",
        "192.0.2.2",
    ]


@pytest.mark.parametrize("name", ["a.test", "nothing.test"])
def test_absence_is_proved_by_noerror_and_by_nxdomain(name_server: Start, name: str) -> None:
    assert records(wire_to(name_server("a.test. A 192.0.2.1")), name, "AAAA") == []


@pytest.mark.parametrize(
    ("rcode", "expected"),
    [
        (dns.rcode.SERVFAIL, Why.SERVFAIL),
        (dns.rcode.REFUSED, Why.REFUSED),
        (dns.rcode.NOTIMP, Why.REFUSED),
        (dns.rcode.FORMERR, Why.MALFORMED),
        (dns.rcode.YXDOMAIN, Why.MALFORMED),
    ],
)
def test_other_codes_never_mean_absence(name_server: Start, rcode: dns.rcode.Rcode, expected: Why) -> None:
    server = name_server(coded(rcode))
    assert why(wire_to(server))[0] is expected
    assert len(server.asked) <= 2 * question.TRIES  # each try once more without EDNS at most


def test_silence_is_a_timeout_after_three_tries(name_server: Start) -> None:
    server = name_server(silent_below("a.test"))
    wire = wire_to(server)
    assert records(wire, "b.test", "A") == ["192.0.2.1"]
    assert why(wire)[0] is Why.TIMEOUT
    assert len([one for one in server.asked if one[0] == "a.test"]) == question.TRIES


def test_junk_and_forgeries_before_the_answer_are_not_believed(name_server: Start) -> None:
    def answer(query: Message, _tcp: bool) -> list[bytes]:
        right = good(query).to_wire()
        other = dns.message.make_query("b.test", "A", id=query.id)
        clear = bytearray(good(query, "192.0.2.66").to_wire())
        clear[2] &= 0x7F
        wrong_id = struct.pack("!H", query.id ^ 1) + good(query, "192.0.2.67").to_wire()[2:]
        junk = struct.pack("!H", query.id) + b"\x85\x80\xff\xff\xff\xff\0\0\0\0" + bytes(30)
        return [wrong_id, right[:5], junk, good(other, "192.0.2.68").to_wire(), bytes(clear), right]

    assert records(wire_to(name_server(answer)), "a.test", "A") == ["192.0.2.1"]


def test_junk_alone_is_malformed(name_server: Start) -> None:
    def answer(query: Message, _tcp: bool) -> list[bytes]:
        return [good(query).to_wire()[:-2]]

    assert why(wire_to(name_server(answer)))[0] is Why.MALFORMED


def test_the_case_of_the_question_does_not_matter(name_server: Start) -> None:
    def answer(query: Message, _tcp: bool) -> list[bytes]:
        return [good(query).to_wire().replace(b"\x01a\x04test", b"\x01A\x04TesT", 1)]

    assert records(wire_to(name_server(answer)), "a.test", "A") == ["192.0.2.1"]


@pytest.mark.parametrize("refusal", ["formerr", "bare formerr", "silence"])
def test_servers_without_edns_are_asked_without_it(name_server: Start, refusal: str) -> None:
    def answer(query: Message, _tcp: bool) -> Message | list[bytes] | None:
        if query.edns < 0:
            return good(query)
        if refusal == "silence":
            return None if query.question[0].name != dns.name.root else good(query)
        if refusal == "bare formerr":
            return [struct.pack("!HHHHHH", query.id, 0x8001, 0, 0, 0, 0)]
        return coded(dns.rcode.FORMERR)(query, False)

    assert records(wire_to(name_server(answer)), "a.test", "A") == ["192.0.2.1"]


def test_truncation_is_mended_by_tcp(name_server: Start) -> None:
    lines = "\n".join(f"a.test. TXT {'x' * 200}{number}" for number in range(50))
    server = name_server(lines)
    assert len(records(wire_to(server), "a.test", "TXT")) == 50
    assert [transport for _name, _kind, transport in server.asked] == ["udp", "tcp"]


@pytest.mark.parametrize("cut", [False, True])
def test_truncation_over_tcp_too_is_no_absence(name_server: Start, cut: bool) -> None:
    def answer(query: Message, _tcp: bool) -> Message | list[bytes]:
        response = good(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()[:-3]] if cut else response

    assert why(wire_to(name_server(answer)))[0] is Why.MALFORMED


def test_tcp_that_stays_silent_ends_within_the_deadline(name_server: Start) -> None:
    hold = threading.Event()

    def answer(query: Message, tcp: bool) -> Message | None:
        if tcp:
            hold.wait(3)
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response

    began = time.monotonic()
    assert why(wire_to(name_server(answer)))[0] in {Why.TIMEOUT, Why.CLOSED}
    hold.set()
    assert time.monotonic() - began < 2.5


def test_aliases_are_followed_to_the_eighth(name_server: Start) -> None:
    def chain(length: int) -> str:
        return "\n".join(f"c{n}.test. CNAME c{n + 1}.test." for n in range(length)) + f"\nc{length}.test. A 192.0.2.1"

    assert records(wire_to(name_server(chain(8))), "c0.test", "A") == ["192.0.2.1"]
    assert why(wire_to(name_server(chain(9))), "c0.test")[1] == "CNAME chain too long: more than 8"


def test_aliases_that_a_server_leaves_to_follow_are_followed(name_server: Start) -> None:
    def answer(query: Message, _tcp: bool) -> Message:
        if query.question[0].name == dns.name.from_text("b.test"):
            return good(query)
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", "b.test."))
        return response

    assert records(wire_to(name_server(answer)), "a.test", "A") == ["192.0.2.1"]


@pytest.mark.parametrize("zone", ["a.test. CNAME a.test.", "a.test. CNAME b.test.\nb.test. CNAME a.test."])
def test_alias_loops_are_malformed(name_server: Start, zone: str) -> None:
    reason, detail = why(wire_to(name_server(zone)))
    assert (reason, detail.startswith("CNAME loop")) == (Why.MALFORMED, True)


def test_an_alias_to_nothing_proves_absence(name_server: Start) -> None:
    assert records(wire_to(name_server("a.test. CNAME gone.test.")), "a.test", "A") == []


def test_a_referral_proves_nothing(name_server: Start) -> None:
    def answer(query: Message, _tcp: bool) -> Message:
        response = dns.message.make_response(query)
        response.authority.append(dns.rrset.from_text("test.", 60, "IN", "NS", "ns.test."))
        return response

    assert why(wire_to(name_server(answer)))[0] is Why.UNRESOLVED


@pytest.mark.parametrize("text", ["", ".", "b..test", "x" * 64 + ".test", ".".join(["abcdefgh"] * 40)])
def test_what_is_no_name_is_said(name_server: Start, text: str) -> None:
    server = name_server("a.test. A 192.0.2.1")
    assert why(wire_to(server), text)[0] is Why.MALFORMED
    assert server.asked == []


def test_the_budget_counts_every_try(name_server: Start) -> None:
    server = name_server(silent_below("a.test"))
    wire = wire_to(server)
    budget = question.Budget(4)

    async def ask() -> list[Why]:
        reasons = []
        for name in ("b.test", "x.a.test", "y.a.test", "c.test"):
            try:
                await names.records(wire, name, "A", Deadline.after(5), budget=budget)
            except Unseen as problem:
                reasons.append(problem.why)
        return reasons

    assert asyncio.run(ask()) == [Why.TIMEOUT, Why.LIMIT, Why.LIMIT]
    assert len(server.asked) == 4


def test_a_budget_that_ends_between_tries_leaves_the_reason_of_the_first(name_server: Start) -> None:
    wire = wire_to(name_server(coded(dns.rcode.SERVFAIL)))
    with pytest.raises(Unseen) as caught:
        asyncio.run(names.records(wire, "a.test", "A", Deadline.after(5), budget=question.Budget(2)))
    assert caught.value.why is Why.SERVFAIL


def test_a_dead_resolver_is_said_once_and_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        wire = Wire(Settings(resolver=Endpoint("127.0.0.1", mute.getsockname()[1])))

        async def ask() -> set[str]:
            hosts = (names.endpoints(wire, f"h{n}.test", 443, Deadline.after(9)) for n in range(500))
            return {str(problem) for problem in await asyncio.gather(*hosts, return_exceptions=True)}

        began = time.monotonic()
        assert asyncio.run(ask()) == {"unresolved: our resolver does not answer: 127.0.0.1"}
        assert time.monotonic() - began < 3
        assert wire.queries < 100


def test_no_resolver_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_system", lambda: ())
    assert why(Wire(Settings()))[0] is Why.UNRESOLVED


def test_those_who_ask_at_the_same_time_share_one_question(name_server: Start) -> None:
    server = name_server("a.test. A 192.0.2.1")
    wire = wire_to(server)

    async def ask() -> int:
        return len(await asyncio.gather(*(names.records(wire, "A.test.", "A", Deadline.after(5)) for _ in range(50))))

    assert asyncio.run(ask()) == 50
    assert len(server.asked) == 1


def test_a_cancelled_asker_does_not_harm_those_who_wait(name_server: Start) -> None:
    def slow(query: Message, _tcp: bool) -> Message:
        time.sleep(0.1)
        return good(query)

    wire = wire_to(name_server(slow))

    async def ask() -> int:
        first = asyncio.create_task(names.records(wire, "a.test", "A", Deadline.after(5)))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(names.records(wire, "a.test", "A", Deadline.after(5)))
        await asyncio.sleep(0.02)
        first.cancel()
        return len(await second)

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize("edns", [True, False])
def test_queries_are_what_dnspython_reads(edns: bool) -> None:
    asked = question.Question(b"\1a\4test\0", dns.rdatatype.DNSKEY, recurse=False, dnssec=True)
    query = dns.message.from_wire(asked.query(edns))
    assert query.question[0].to_text() == "a.test. IN DNSKEY"
    assert query.flags == 0
    assert (query.edns, query.payload, query.ednsflags) == ((0, question.PAYLOAD, dns.flags.DO) if edns else (-1, 0, 0))


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_datagram_is_taken_or_left(data: bytes, ours: bool) -> None:
    asked = question.Question(b"\1a\4test\0", dns.rdatatype.A)
    query = asked.query(True)
    ear = question._Ear(query, asked)
    taken = ear((query[:2] if ours else b"") + data)
    assert taken == (ear.answer is not None)


@given(st.integers(0, 60), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_any_damaged_answer_is_taken_or_left(at: int, value: int) -> None:
    asked = question.Question(b"\1a\4test\0", dns.rdatatype.A)
    query = asked.query(True)
    data = bytearray(good(dns.message.from_wire(query)).to_wire())
    data[at % len(data)] = value
    ear = question._Ear(query, asked)
    assert ear(bytes(data)) == (ear.answer is not None)


# ----------------------------------------------------------------------------------------------------------- many at once


def slowly(query: Message, _tcp: bool) -> Message:
    time.sleep(0.05)
    return good(query)


def all_of(wire: Wire, count: int, seconds: float) -> list[Any]:
    async def ask() -> list[Any]:
        deadline = Deadline.after(seconds)
        asked = (names.records(wire, f"n{number}.test", "A", deadline) for number in range(count))
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


def test_waiting_for_our_turn_is_no_silence_of_the_resolver(
    name_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "MOST_IN_FLIGHT", 1)
    monkeypatch.setattr(names, "QUESTION_SECONDS", 0.4)
    answers = all_of(wire_to(name_server(slowly)), 16, seconds=20)
    assert [one for one in answers if isinstance(one, Exception)] == []


def test_a_turn_that_does_not_come_in_time_is_our_deadline(name_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "MOST_IN_FLIGHT", 1)
    started = time.monotonic()
    answers = all_of(wire_to(name_server(slowly)), 40, seconds=0.5)
    assert time.monotonic() - started < 1.5
    assert {one.why for one in answers if isinstance(one, Unseen)} == {Why.DEADLINE}
    assert any(not isinstance(one, Exception) for one in answers)
