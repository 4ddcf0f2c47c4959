# SPDX-License-Identifier: EUPL-1.2
"""Active tests of name servers, only when an authorisation of today covers them; and names that lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from nis2check import bodyfile
from nis2check.evidence import question
from nis2check.evidence.net import dns as probe
from nis2check.evidence.net import mail
from nis2check.evidence.net.dns import active
from nis2check.evidence.observe import Missed, Seen
from nis2check.evidence.wire import Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why

Start = Callable[[Any], Any]
Message = dns.message.Message
ZONE = """
ville.test. SOA ns.ville.test. admin.ville.test. 7 3600 600 1209600 60
ville.test. NS ns.ville.test.
ns.ville.test. A 192.0.2.1
intranet.ville.test. A 192.0.2.9
"""
TODAY = [{"until": "2099-12-31", "covers": ["ville.test"]}]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "TRY_SECONDS", 0.2)
    monkeypatch.setattr(active, "TRANSFER_SECONDS", 1.0)


def look(resolver: Any, authorised: Any = None, server: Any = None) -> tuple[dict[str, Any], dict[str, Missed]]:
    connect_to = {("ns.ville.test", 53): ("127.0.0.1", (server or resolver).port)}
    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", resolver.port), internal=True, connect_to=connect_to))
    target = Target(Kind.DNS, "ville.test", options={"authorised": authorised} if authorised else {})

    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(target, wire)]

    seen = asyncio.run(collect())
    return (
        {one.name: one.value for one in seen if isinstance(one, Seen)},
        {one.name: one for one in seen if isinstance(one, Missed)},
    )


def server_that(zone: Any, transfer: str, recursion: bool) -> Callable[[Message, bool], Any]:
    """A name server with one way to take transfers, and one to take foreign questions."""

    def answer(query: Message, tcp: bool) -> Any:
        asked = query.question[0]
        response = dns.message.make_response(query)
        if asked.rdtype == dns.rdatatype.AXFR:
            if transfer == "silent":
                return []
            if transfer == "refused":
                response.set_rcode(dns.rcode.REFUSED)
                return response
            soa = dns.rrset.from_text(asked.name, 60, "IN", "SOA", "ns. admin. 7 3600 600 86400 60")
            other = dns.rrset.from_text("intranet.ville.test.", 60, "IN", "A", "192.0.2.9")
            response.answer = [soa, other] if transfer == "whole" else [soa]
            if transfer == "piecemeal":
                second = dns.message.make_response(query)
                second.answer = [other]
                return [response.to_wire(), second.to_wire()]
            return response
        if asked.name.to_text().endswith("invalid."):
            response.flags |= dns.flags.RA if recursion else 0
            response.set_rcode(dns.rcode.NXDOMAIN if recursion else dns.rcode.REFUSED)
            return response
        return zone.handler(query, tcp)

    return answer


def test_nothing_active_is_sent_without_an_authorisation(name_server: Start) -> None:
    server = name_server(server_that(name_server(ZONE), "whole", True))
    yesterday = [{"until": "2026-01-01", "covers": ["ville.test"]}]
    elsewhere = [{"until": "2099-12-31", "covers": ["autre.test", "203.0.113.0/24"]}]
    for authorised in (None, yesterday, elsewhere):
        facts, gaps = look(server, authorised)
        assert facts["dns.active_tests"] is False
        assert not {"dns.zone_transfer", "dns.open_resolver"} & {*facts, *gaps}
    assert not [asked for asked in server.asked if asked[1] == "AXFR" or asked[0].endswith("invalid")]


@pytest.mark.parametrize("covers", [["ville.test"], ["192.0.2.0/24", "127.0.0.0/8"]])
@pytest.mark.parametrize("transfer", ["whole", "piecemeal"])
def test_a_server_that_hands_over_the_zone(name_server: Start, covers: list[str], transfer: str) -> None:
    server = name_server(server_that(name_server(ZONE), transfer, True))
    facts, gaps = look(server, [{"until": "2099-12-31", "covers": covers}])
    assert gaps == {}
    assert (facts["dns.active_tests"], facts["dns.zone_transfer"], facts["dns.open_resolver"]) == (True, True, True)
    assert len([asked for asked in server.asked if asked[1] == "AXFR"]) == 1


def test_a_server_that_refuses_strangers(name_server: Start) -> None:
    facts, gaps = look(name_server(server_that(name_server(ZONE), "refused", False)), TODAY)
    assert gaps == {}
    assert (facts["dns.zone_transfer"], facts["dns.open_resolver"]) == (False, False)


@pytest.mark.parametrize(("transfer", "why"), [("silent", Why.CLOSED), ("soa", Why.CLOSED)])
def test_a_transfer_that_breaks_off_proves_nothing(name_server: Start, transfer: str, why: Why) -> None:
    facts, gaps = look(name_server(server_that(name_server(ZONE), transfer, False)), TODAY)
    assert "dns.zone_transfer" not in facts
    assert gaps["dns.zone_transfer"].why is why


def test_the_file_of_the_body_says_what_is_covered(tmp_path: Path) -> None:
    path = tmp_path / "nis2check.yaml"
    path.write_text(
        'body: {siren: "243400819"}\ntargets: {domains: [ville.test], mail: [ville.test]}\n'
        'authorisation: [{who: Maire, ground: délibération, until: "2099-12-31", covers: [ville.test]}]\n'
    )
    domain, mail_domain = bodyfile.load(path).targets
    assert active.covers_today(domain, "2026-11-22T10:00:00+00:00") == ["ville.test"]
    assert active.covers_today(domain, "2100-01-01T10:00:00+00:00") == []
    assert "authorised" not in mail_domain.options
    assert any("AXFR" in line for line in probe.cost(domain))
    assert not any("AXFR" in line for line in probe.cost(Target(Kind.DNS, "ville.test")))


# ---------------------------------------------------------------------------------------------------------- to review


def test_name_servers_and_an_alias_that_lead_nowhere(name_server: Start) -> None:
    facts, _gaps = look(name_server(ZONE + "ville.test. NS ns2.disparu.test.\n"))
    assert facts["dns.dangling"] == [{"type": "NS", "target": "ns2.disparu.test"}]


def test_a_name_server_that_cannot_be_asked_is_not_called_missing(name_server: Start) -> None:
    zone = name_server(ZONE + "ville.test. NS ns2.muet.test.\n")

    def answer(query: Message, tcp: bool) -> Message:
        response: Message = zone.handler(query, tcp)
        if "muet" in query.question[0].name.to_text():
            response.set_rcode(dns.rcode.SERVFAIL)
        return response

    facts, gaps = look(name_server(answer), server=zone)
    assert "dns.dangling" not in facts
    assert gaps["dns.dangling"].why is Why.SERVFAIL


def test_mail_servers_that_lead_nowhere(name_server: Start) -> None:
    resolver = name_server(
        "ville.test. MX 10 mx.disparu.test.\nville.test. MX 20 mx.ville.test.\nmx.ville.test. TXT x\n"
    )
    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", resolver.port), internal=True))

    async def collect() -> list[Any]:
        return [observation async for observation in mail.look(Target(Kind.MAIL, "ville.test"), wire)]

    facts = {one.name: one.value for one in asyncio.run(collect()) if isinstance(one, Seen)}
    assert facts["mail.dangling"] == ["mx.disparu.test"]


def test_a_wildcard(name_server: Start) -> None:
    zone = name_server(ZONE)

    def answer(query: Message, tcp: bool) -> Message:
        asked = query.question[0]
        response: Message = zone.handler(query, tcp)
        if response.rcode() == dns.rcode.NXDOMAIN and asked.rdtype == dns.rdatatype.A:
            response.set_rcode(dns.rcode.NOERROR)
            response.answer = [dns.rrset.from_text(asked.name, 60, "IN", "A", "192.0.2.80")]
        return response

    facts, _gaps = look(name_server(answer), server=zone)
    assert facts["dns.wildcard"] is True
    facts, _gaps = look(zone)
    assert facts["dns.wildcard"] is False
