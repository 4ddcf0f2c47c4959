# SPDX-License-Identifier: EUPL-1.2
"""Answers read without dnspython's whole message: the same records, and never more than it would believe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nis2check.evidence import names
from nis2check.evidence.question import Question
from nis2check.evidence.reply import Reply, read
from nis2check.evidence.wire import PACES, Deadline, Endpoint, Settings, Wire

OWNER = "www.ville.test."


def answer_of(
    kind: str, *rdatas: str, authority: str = "", rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(OWNER, kind, use_edns=0))
    message.set_rcode(rcode)
    if rdatas:
        message.answer = [dns.rrset.from_text(OWNER, 60, "IN", kind, *rdatas)]
    if authority:
        word, rdata = authority.split(" ", 1)
        message.authority = [dns.rrset.from_text("ville.test.", 60, "IN", word, rdata)]
    return message


def reply_to(data: bytes, kind: str) -> Reply:
    question = Question(dns.name.from_text(OWNER).to_digestable(), dns.rdatatype.from_text(kind))
    return read(data, question.section, question.kind)


@pytest.mark.parametrize(
    ("kind", "rdatas"),
    [
        ("A", ("192.0.2.1", "192.0.2.2")),
        ("AAAA", ("2001:db8::1",)),
        ("MX", ("10 mx.ville.test.", "20 mx2.ville.test.")),
        ("TXT", ('"v=spf1" " -all"',)),
        ("NS", ("ns.ville.test.",)),
        ("CAA", ('0 issue "ca.test"',)),
    ],
)
def test_simple_answers_hold_what_dnspython_reads(kind: str, rdatas: tuple[str, ...]) -> None:
    message = answer_of(kind, *rdatas)
    reply = reply_to(message.to_wire(), kind)
    assert reply.found is not None
    assert set(reply.found) == set(message.answer[0])
    assert reply.message.answer == message.answer


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_a_proved_absence(rcode: dns.rcode.Rcode) -> None:
    reply = reply_to(answer_of("A", authority="SOA ns. admin. 1 2 3 4 5", rcode=rcode).to_wire(), "A")
    assert (reply.found, reply.refers, reply.rcode) == ((), False, rcode)


def test_a_referral_is_no_absence() -> None:
    assert reply_to(answer_of("A", authority="NS ns.other.test.").to_wire(), "A").refers


def test_what_is_not_simple_is_left_to_dnspython() -> None:
    alias = answer_of("A", "192.0.2.1")
    alias.answer.insert(0, dns.rrset.from_text(OWNER, 60, "IN", "CNAME", "a.test."))
    late = answer_of("A", "192.0.2.1")
    late.set_rcode(dns.rcode.BADVERS)  # an rcode that stands half in the OPT record
    declined = answer_of("A", rcode=dns.rcode.SERVFAIL)
    for message in (alias, late, declined):
        reply = reply_to(message.to_wire(), "A")
        assert reply.found is None
        assert reply.rcode == message.rcode()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 80), st.binary(max_size=6), st.booleans())
@example(59, b"\x02", False)  # the damage is after the answer section, which stands
def test_a_damaged_answer_is_read_as_dnspython_reads_it_or_not_at_all(at: int, junk: bytes, cut: bool) -> None:
    good = answer_of("MX", "10 mx.ville.test.", "20 b.test.").to_wire()
    at = 12 + at % (len(good) - 12)
    data = good[:at] + junk + (b"" if cut else good[at + len(junk) :])
    question = Question(dns.name.from_text(OWNER).to_digestable(), dns.rdatatype.MX)
    if data[12 : 12 + len(question.section)] != question.section:
        return
    try:
        reply = read(data, question.section, question.kind)
    except (dns.exception.DNSException, ValueError, IndexError, OverflowError):
        return
    if reply.found:
        whole = dns.message.from_wire(data, ignore_trailing=True, continue_on_error=True)
        assert set(reply.found) <= {record for rrset in whole.answer for record in rrset}


def test_questions_that_wait_together_share_a_socket(
    name_server: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = name_server("".join(f"n{n}.test. A 192.0.2.{n}\n" for n in range(1, 40)))
    opened = 0

    async def ask_all() -> list[str]:
        nonlocal opened
        loop = asyncio.get_running_loop()
        create = loop.create_datagram_endpoint

        async def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal opened
            opened += 1
            return await create(*arguments, **named)

        monkeypatch.setattr(loop, "create_datagram_endpoint", counted)
        resolver = Endpoint("127.0.0.1", server.port)
        # without the pace of a visit, which lets one question end before the next
        wire = Wire(Settings(resolver=resolver, internal=True, pace=PACES["lab"]))
        await names.records(wire, "n1.test", "A", Deadline.after(5))
        asked = (names.records(wire, f"n{n}.test", "A", Deadline.after(5)) for n in range(2, 40))
        return [found[0].to_text() for found in await asyncio.gather(*asked)]

    assert asyncio.run(ask_all()) == [f"192.0.2.{n}" for n in range(2, 40)]
    assert opened <= 4  # one for the first question, and for the burst one or little more


@pytest.mark.parametrize(
    "name", ["ville.test", "WWW.Ville.test.", "_dmarc.ville.test", "été.fr", "a\\.b.test", "x" * 63 + ".fr"]
)
def test_names_in_wire_form(name: str) -> None:
    assert names._digestable(name) == dns.name.from_text(name).to_digestable()
