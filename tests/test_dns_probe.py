# SPDX-License-Identifier: EUPL-1.2
"""The DNS probe against name servers that answer, are lame, differ, refuse TCP, or stay silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from nis2check.evidence import question
from nis2check.evidence.net import dns as probe
from nis2check.evidence.net.dns import delegation
from nis2check.evidence.net.dns.server import MOST_QUERIES
from nis2check.evidence.observe import Missed, Seen
from nis2check.evidence.wire import Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why

Start = Callable[[Any], Any]
Message = dns.message.Message

ZONE = """
ville.test. SOA ns1.ville.test. admin.ville.test. 7 3600 600 86400 60
ville.test. NS ns1.ville.test.
ville.test. NS NS2.other.test.
ville.test. CAA 0 issue "ca.test"
ville.test. CAA 128 iodef "mailto:a@ville.test"
www.ville.test. A 192.0.2.80
ns1.ville.test. A 192.0.2.1
ns2.other.test. A 198.51.100.1
ns2.other.test. AAAA 2001:db8::1
"""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "TRY_SECONDS", 0.2)
    monkeypatch.setattr(delegation, "TRANSFER_SECONDS", 0.1)


def look(resolver: Any, domain: str = "ville.test", **servers: Any) -> tuple[dict[str, Any], dict[str, Missed]]:
    """Facts by name and gaps by name, with the name servers of the zone sent to local servers."""
    connect_to = {
        (f"{name}.test".replace("_", "."), 53): ("127.0.0.1", server.port) for name, server in servers.items()
    }
    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", resolver.port), internal=True, connect_to=connect_to))

    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(Target(Kind.DNS, domain), wire)]

    observations = asyncio.run(collect())
    declared = {spec.name for spec in probe.FACTS}
    facts = {one.name: one.value for one in observations if isinstance(one, Seen)}
    assert set(facts) <= declared
    return facts, {one.name: one for one in observations if isinstance(one, Missed)}


def declining(rcode: dns.rcode.Rcode) -> Callable[[Message, bool], Message]:
    def answer(query: Message, _tcp: bool) -> Message:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return response

    return answer


def test_a_healthy_zone(name_server: Start) -> None:
    one, two = name_server(ZONE), name_server(ZONE)
    facts, gaps = look(one, ns1_ville=one, ns2_other=two)
    assert gaps == {}
    assert facts == {
        "dns.exists": True,
        "dns.zone": "ville.test",
        "dns.name_servers": ["ns1.ville.test", "ns2.other.test"],
        "dns.name_servers_consistent": True,
        "dns.name_servers_answering": ["ns1.ville.test", "ns2.other.test"],
        "dns.name_servers_lame": [],
        "dns.name_servers_ipv6": True,
        "dns.name_server_networks": 2,
        "dns.soa": {
            "mname": "ns1.ville.test",
            "rname": "admin.ville.test",
            "serial": 7,
            "refresh": 3600,
            "retry": 600,
            "expire": 86400,
            "minimum": 60,
        },
        "dns.soa_consistent": True,
        "dns.tcp": True,
        "dns.dnssec.signed": False,
        "dns.dnssec.algorithms": [],
        "dns.dnssec.key_sizes": [],
        "dns.dnssec.ds_digests": [],
        "dns.dnssec.denial": "",
        "dns.dangling": [],
        "dns.wildcard": False,
        "dns.active_tests": False,
        "dns.dnssec.ds_at_parent": False,
        "dns.caa": [
            {"flags": 128, "tag": "iodef", "value": "mailto:a@ville.test"},
            {"flags": 0, "tag": "issue", "value": "ca.test"},
        ],
        "dns.caa_present": True,
    }
    assert len(one.asked) + len(two.asked) <= MOST_QUERIES


def test_a_name_inside_a_zone_is_judged_by_its_zone(name_server: Start) -> None:
    server = name_server(ZONE)
    facts, _gaps = look(server, "www.ville.test", ns1_ville=server, ns2_other=server)
    assert facts["dns.zone"] == "ville.test"
    assert facts["dns.name_servers_answering"] == ["ns1.ville.test", "ns2.other.test"]
    assert facts["dns.caa_present"]


def test_a_name_that_is_not_there_is_said_and_nothing_else(name_server: Start) -> None:
    facts, gaps = look(name_server(ZONE), "absent.test")
    assert (facts, gaps) == ({"dns.exists": False}, {})


def test_an_alias_to_nothing_exists(name_server: Start) -> None:
    facts, _gaps = look(name_server(ZONE + "old.ville.test. CNAME gone.test."), "old.ville.test")
    assert facts["dns.exists"] is True


@pytest.mark.parametrize(("rcode", "why"), [(dns.rcode.SERVFAIL, Why.SERVFAIL), (dns.rcode.REFUSED, Why.REFUSED)])
def test_a_resolver_that_cannot_tell_leaves_a_gap(name_server: Start, rcode: dns.rcode.Rcode, why: Why) -> None:
    facts, gaps = look(name_server(declining(rcode)))
    assert facts == {}
    assert gaps["dns.*"].why is why


def test_a_server_without_authority_is_lame(name_server: Start) -> None:
    one, two = name_server(ZONE), name_server(declining(dns.rcode.REFUSED))
    facts, gaps = look(one, ns1_ville=one, ns2_other=two)
    assert facts["dns.name_servers_lame"] == ["ns2.other.test"]
    assert facts["dns.name_servers_answering"] == ["ns1.ville.test"]
    assert "dns.soa_consistent" not in facts
    assert gaps == {}


def test_an_answer_from_a_cache_is_no_authority(name_server: Start) -> None:
    server = name_server(ZONE)

    def cached(query: Message, tcp: bool) -> Message:
        response: Message = server.handler(query, tcp)
        response.flags &= ~dns.flags.AA
        return response

    facts, _gaps = look(server, ns1_ville=server, ns2_other=name_server(cached))
    assert facts["dns.name_servers_lame"] == ["ns2.other.test"]


def test_a_silent_server_is_neither_answering_nor_lame(name_server: Start) -> None:
    one = name_server(ZONE)
    facts, gaps = look(one, ns1_ville=one, ns2_other=name_server(lambda _query, _tcp: None))
    assert "dns.name_servers_answering" not in facts
    assert gaps["dns.name_servers_answering"].why is Why.TIMEOUT
    assert gaps["dns.name_servers_answering"].detail.startswith("ns2.other.test: ")
    assert gaps["dns.name_servers_lame"].why is Why.TIMEOUT
    assert facts["dns.soa"]["serial"] == 7


def test_servers_with_different_serials(name_server: Start) -> None:
    one, two = name_server(ZONE), name_server(ZONE.replace(" 7 3600", " 6 3600"))
    facts, _gaps = look(one, ns1_ville=one, ns2_other=two)
    assert facts["dns.soa_consistent"] is False


def test_a_zone_under_transfer_is_looked_at_again(name_server: Start) -> None:
    new, old = name_server(ZONE), name_server(ZONE.replace(" 7 3600", " 6 3600"))

    def transferring(query: Message, tcp: bool) -> Message:
        first = not any(kind == "DNSKEY" or kind == "NS" for _name, kind, _transport in late.asked)
        response: Message = (old if first else new).handler(query, tcp)
        return response

    late = name_server(transferring)
    facts, _gaps = look(new, ns1_ville=new, ns2_other=late)
    assert facts["dns.soa_consistent"] is True


def test_servers_with_different_name_servers(name_server: Start) -> None:
    one, two = name_server(ZONE), name_server(ZONE + "ville.test. NS ns3.ville.test.\n")
    facts, _gaps = look(one, ns1_ville=one, ns2_other=two)
    assert facts["dns.name_servers_consistent"] is False


def test_tcp_that_is_refused_is_seen(name_server: Start) -> None:
    one = name_server(ZONE)
    one._tcp.close()
    facts, _gaps = look(name_server(ZONE), ns1_ville=one, ns2_other=one)
    assert facts["dns.tcp"] is False


def test_tcp_that_stays_silent_is_not_seen(name_server: Start) -> None:
    one = name_server(ZONE)

    def udp_only(query: Message, tcp: bool) -> Message | list[bytes]:
        return [b"\0" * 20] if tcp else one.handler(query, tcp)

    facts, gaps = look(one, ns1_ville=name_server(udp_only), ns2_other=one)
    assert "dns.tcp" not in facts
    assert gaps["dns.tcp"].why is Why.MALFORMED


def test_name_servers_outside_the_scope_are_not_asked(name_server: Start) -> None:
    server = name_server(ZONE.replace("192.0.2.1", "169.254.169.254"))
    facts, gaps = look(server, ns2_other=server)
    assert gaps["dns.name_servers_answering"].why is Why.OUT_OF_SCOPE
    assert facts["dns.soa"]["serial"] == 7


def test_one_network_of_all_servers_is_counted_once(name_server: Start) -> None:
    server = name_server(ZONE.replace("198.51.100.1", "192.0.2.77").replace("ns2.other.test. AAAA 2001:db8::1", ""))
    facts, _gaps = look(server, ns1_ville=server, ns2_other=server)
    assert facts["dns.name_server_networks"] == 1
    assert facts["dns.name_servers_ipv6"] is False


def test_servers_beyond_the_fourth_are_said(name_server: Start) -> None:
    more = "".join(f"ville.test. NS n{n}.more.test.\nn{n}.more.test. A 192.0.2.{n}\n" for n in range(10, 15))
    zone = "\n".join(line for line in ZONE.splitlines() if " NS " not in line and "ns2" not in line) + "\n" + more
    server = name_server(zone)
    facts, gaps = look(server, **{f"n{n}_more": server for n in range(10, 15)})
    assert len(facts["dns.name_servers"]) == 5
    assert len(facts["dns.name_servers_answering"]) == 4
    assert gaps["dns.name_servers_ipv6"].why is Why.LIMIT


def test_caa_is_climbed_to_and_absence_proved(name_server: Start) -> None:
    server = name_server(
        'ville.test. NS ns.\nwww.ville.test. CNAME web.host.test.\nweb.host.test. CAA 0 issue "other.test"\n'
    )
    facts, _gaps = look(server, "www.ville.test")
    assert facts["dns.caa"] == [{"flags": 0, "tag": "issue", "value": "other.test"}]
    facts, _gaps = look(server, "ville.test")
    assert (facts["dns.caa"], facts["dns.caa_present"]) == ([], False)


def test_caa_that_cannot_be_asked_is_a_gap(name_server: Start) -> None:
    zone = name_server(ZONE)

    def answer(query: Message, tcp: bool) -> Message:
        kind = query.question[0].rdtype
        response: Message = (
            declining(dns.rcode.SERVFAIL)(query, tcp) if kind == dns.rdatatype.CAA else zone.handler(query, tcp)
        )
        return response

    facts, gaps = look(name_server(answer), ns1_ville=zone, ns2_other=zone)
    assert "dns.caa_present" not in facts
    assert gaps["dns.caa_present"].why is Why.SERVFAIL


def test_the_plan_names_what_is_asked() -> None:
    assert any("ville.test" in line for line in probe.cost(Target(Kind.DNS, "ville.test")))
