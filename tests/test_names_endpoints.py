# SPDX-License-Identifier: EUPL-1.2
"""Where a connection really goes: options, literals, both families, the guard, and one resolution a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from nis2check.evidence import names, question
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Why

Start = Callable[[Any], Any]

ZONE = """
two.test. A 93.184.216.34
two.test. AAAA 2606:2800:21f:cb07:6820:80da:af6b:8b2c
many.test. A 93.184.216.34
many.test. A 93.184.216.35
many.test. A 93.184.216.36
many.test. A 93.184.216.37
many.test. A 93.184.216.38
many.test. AAAA 2606:2800:21f::1
inside.test. A 10.0.0.1
mixed.test. A 10.0.0.1
mixed.test. A 93.184.216.34
six.test. AAAA 2606:2800:21f::1
alias.test. CNAME six.test.
text.test. TXT nothing
"""


def where(wire: Wire, host: str, port: int = 443) -> list[str]:
    found = asyncio.run(names.endpoints(wire, host, port, Deadline.after(5)))
    return [f"{one.address} {one.port}" for one in found]


def why_not(wire: Wire, host: str) -> Why:
    with pytest.raises(Unseen) as caught:
        where(wire, host)
    return caught.value.why


@pytest.fixture
def wire(name_server: Start) -> Wire:
    return Wire(Settings(resolver=Endpoint("127.0.0.1", name_server(ZONE).port)))


def with_options(
    resolve: Mapping[tuple[str, int], tuple[str, ...]] | None = None,
    connect_to: Mapping[tuple[str, int], tuple[str, int]] | None = None,
    internal: bool = True,
) -> Wire:
    """A wire whose resolver must not be needed."""
    return Wire(
        Settings(
            resolver=Endpoint("127.0.0.1", 1), resolve=resolve or {}, connect_to=connect_to or {}, internal=internal
        )
    )


def test_both_families_are_given(wire: Wire) -> None:
    assert where(wire, "two.test") == ["93.184.216.34 443", "2606:2800:21f:cb07:6820:80da:af6b:8b2c 443"]


def test_four_addresses_at_most_families_alternating_and_the_rest_counted(wire: Wire) -> None:
    expected = ["93.184.216.34 443", "2606:2800:21f::1 443", "93.184.216.35 443", "93.184.216.36 443"]
    assert where(wire, "many.test") == expected
    assert names.left_out(wire, "many.test") == 2


def test_aliases_lead_to_addresses(wire: Wire) -> None:
    assert where(wire, "Alias.TEST.") == ["2606:2800:21f::1 443"]


@pytest.mark.parametrize("host", ["gone.test", "text.test"])
def test_proved_absence_is_unresolved(wire: Wire, host: str) -> None:
    assert why_not(wire, host) is Why.UNRESOLVED


def test_the_guard_drops_an_address_or_says_why_none_is_left(wire: Wire) -> None:
    assert where(wire, "mixed.test") == ["93.184.216.34 443"]
    assert why_not(wire, "inside.test") is Why.OUT_OF_SCOPE


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1", "0.0.0.0"])
def test_the_guard_holds_for_literals(wire: Wire, host: str) -> None:
    assert why_not(wire, host) is Why.OUT_OF_SCOPE


def test_literals_need_no_resolver() -> None:
    assert where(with_options(), "127.0.0.1") == ["127.0.0.1 443"]
    assert where(with_options(), "::1", 25) == ["::1 25"]


def test_resolve_pins_the_addresses_of_one_host_and_port() -> None:
    wire = with_options(resolve={("www.test", 443): ("127.0.0.7", "::1")})
    assert where(wire, "WWW.test") == ["127.0.0.7 443", "::1 443"]
    assert why_not(wire, "other.test") is Why.UNRESOLVED


def test_connect_to_sends_elsewhere_on_another_port() -> None:
    wire = with_options(connect_to={("www.test", 443): ("127.0.0.1", 8443), ("ns.test", 53): ("[::1]", 5353)})
    assert where(wire, "www.test") == ["127.0.0.1 8443"]
    assert where(wire, "ns.test", 53) == ["::1 5353"]


def test_the_guard_holds_for_options() -> None:
    wire = with_options(resolve={("www.test", 443): ("127.0.0.7",)}, internal=False)
    assert why_not(wire, "www.test") is Why.OUT_OF_SCOPE


@pytest.mark.parametrize(("failing", "left"), [("A", "2606:2800:21f::1 443"), ("AAAA", "93.184.216.34 443")])
@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN])
def test_one_family_does_not_hide_the_other(
    name_server: Start, failing: str, left: str, rcode: dns.rcode.Rcode
) -> None:
    def answer(query: dns.message.Message, _tcp: bool) -> dns.message.Message:
        response = dns.message.make_response(query)
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        if kind == failing:
            response.set_rcode(rcode)
        else:
            address = {"A": "93.184.216.34", "AAAA": "2606:2800:21f::1"}[kind]
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, address))
        return response

    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", name_server(answer).port)))
    assert where(wire, "a.test") == [left]


def test_no_address_of_one_family_and_silence_of_the_other_is_no_proof(
    name_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "TRY_SECONDS", 0.1)

    def answer(query: dns.message.Message, _tcp: bool) -> dns.message.Message | None:
        return None if query.question[0].rdtype == dns.rdatatype.AAAA else dns.message.make_response(query)

    assert why_not(Wire(Settings(resolver=Endpoint("127.0.0.1", name_server(answer).port))), "a.test") is Why.TIMEOUT


def test_a_name_that_rebinds_stays_where_it_was_first(name_server: Start) -> None:
    addresses = iter(["93.184.216.34", "10.0.0.1", "10.0.0.2"])

    def answer(query: dns.message.Message, _tcp: bool) -> dns.message.Message:
        response = dns.message.make_response(query)
        if query.question[0].rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 0, "IN", "A", next(addresses)))
        return response

    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", name_server(answer).port), internal=True))
    assert [where(wire, "a.test") for _look in range(3)] == [["93.184.216.34 443"]] * 3
