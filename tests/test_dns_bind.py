# SPDX-License-Identifier: EUPL-1.2
"""The DNS probe against BIND, with a zone signed by its own tools."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nis2check.evidence.net import dns as probe
from nis2check.evidence.observe import Missed, Seen
from nis2check.evidence.wire import Endpoint, Settings, Wire
from nis2check.model import Kind, Target
from tests.loopback import free_ports, serving

ZONE = """
$ORIGIN {zone}.
$TTL 60
@ SOA ns1 admin 2026112201 3600 600 86400 60
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 198.51.100.1
ns2 AAAA 2001:db8::1
"""
# the parent of both, so that DS is asked where it lives
PARENT = """
$ORIGIN test.
$TTL 60
@ SOA ns admin 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
plain NS ns1.plain
ns1.plain A 192.0.2.1
signed NS ns1.signed
ns1.signed A 192.0.2.1
expired NS ns1.expired
ns1.expired A 192.0.2.1
"""


@pytest.fixture(scope="module")
def bind(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Ports of two BINDs: ``child`` serves the zones, ``parent`` serves test. and forwards to the child what is below."""
    folder = tmp_path_factory.mktemp("bind")
    keygen, signzone, named = tool("dnssec-keygen"), tool("dnssec-signzone"), tool("named")
    for zone in ("plain.test", "signed.test", "expired.test"):
        (folder / zone).write_text(ZONE.format(zone=zone))
    for zone, dates in (("signed.test", []), ("expired.test", ["-s", "20260101000000", "-e", "20260201000000"])):
        for flags in ([], ["-f", "KSK"]):
            command = [keygen, "-q", "-a", "ECDSAP256SHA256", *flags, zone]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        subprocess.run([signzone, "-P", "-S", *dates, "-o", zone, zone], cwd=folder, check=True, capture_output=True)
    (folder / "test").write_text(PARENT + (folder / "dsset-signed.test.").read_text())
    child, parent = free_ports()
    # forward only, and to the child alone: nothing leaves this machine
    forward = f"forward only; forwarders {{ 127.0.0.1 port {child}; }};"
    below = "".join(
        f'zone "{zone}" {{ type forward; {forward} }};\n' for zone in ("plain.test", "signed.test", "expired.test")
    )
    files = {"plain.test": "plain.test", "signed.test": "signed.test.signed", "expired.test": "expired.test.signed"}
    options = "allow-query { any; }; minimal-responses no;"
    forwards = f"{options} recursion yes; allow-recursion {{ any; }}; {forward}"
    with (
        serving(named, folder, child, files, f"{options} recursion no;"),
        serving(named, folder, parent, {"test": "test"}, forwards, below),
    ):
        yield {"child": child, "parent": parent}


def look(ports: dict[str, int], domain: str) -> tuple[dict[str, Any], list[Missed]]:
    connect_to = {(f"{ns}.{domain}", 53): ("127.0.0.1", ports["child"]) for ns in ("ns1", "ns2")}
    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", ports["parent"]), internal=True, connect_to=connect_to))

    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(Target(Kind.DNS, domain), wire)]

    observations = asyncio.run(collect())
    return (
        {one.name: one.value for one in observations if isinstance(one, Seen)},
        [one for one in observations if isinstance(one, Missed)],
    )


def test_a_signed_zone(bind: dict[str, int]) -> None:
    facts, gaps = look(bind, "signed.test")
    assert {gap.name for gap in gaps} == {"dns.dnssec.valid", "dns.dnssec.chain"}  # these servers know no root
    assert facts["dns.dnssec.signed"] is True
    assert facts["dns.dnssec.algorithms"] == ["ECDSAP256SHA256"]
    assert facts["dns.dnssec.ds_at_parent"] is True
    assert facts["dns.dnssec.signature_days_left"] in {29, 30}  # what dnssec-signzone gives
    assert facts["dns.name_servers_answering"] == ["ns1.signed.test", "ns2.signed.test"]
    assert facts["dns.name_servers_consistent"] is True
    assert facts["dns.soa"]["serial"] == 2026112201
    assert facts["dns.tcp"] is True


def test_a_zone_whose_signatures_have_expired(bind: dict[str, int]) -> None:
    facts, gaps = look(bind, "expired.test")
    assert gaps == []
    assert facts["dns.dnssec.signed"] is True
    assert facts["dns.dnssec.signature_days_left"] < -200
    assert facts["dns.dnssec.ds_at_parent"] is False


def test_an_unsigned_zone(bind: dict[str, int]) -> None:
    facts, gaps = look(bind, "plain.test")
    assert gaps == []
    assert facts["dns.dnssec.signed"] is False
    assert "dns.dnssec.signature_days_left" not in facts
    assert facts["dns.dnssec.ds_at_parent"] is False
    assert facts["dns.caa_present"] is False
    assert facts["dns.name_servers_ipv6"] is True
    assert facts["dns.name_server_networks"] == 2


def test_a_name_that_bind_does_not_know(bind: dict[str, int]) -> None:
    facts, gaps = look(bind, "absent.test")
    assert (facts, gaps) == ({"dns.exists": False}, [])


def test_a_zone_that_bind_refuses_is_lame(bind: dict[str, int]) -> None:
    """The servers named by the parent are real, and hold another zone only."""
    wire = Wire(
        Settings(
            resolver=Endpoint("127.0.0.1", bind["parent"]),
            internal=True,
            connect_to={("ns.test", 53): ("127.0.0.1", bind["child"])},
        )
    )

    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(Target(Kind.DNS, "test"), wire)]

    lame = [one.value for one in asyncio.run(collect()) if one.name == "dns.name_servers_lame"]
    assert lame == [["ns.test"]]
