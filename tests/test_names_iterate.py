# SPDX-License-Identifier: EUPL-1.2
"""Names asked from the root down, on three BINDs: a root, a top-level domain, and a zone below it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest

from nis2check.evidence import names
from nis2check.evidence.iterate import hints
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Settings, Wire
from nis2check.model import Why
from tests.loopback import free_port, serving

HINTS = ". 3600000 NS ns.root.\nns.root. 3600000 A 127.0.0.1\n"
ZONES = {
    ".": """$TTL 60
. SOA ns.root. admin.root. 1 1800 900 604800 60
. NS ns.root.
ns.root. A 127.0.0.1
test. NS ns.test.
ns.test. A 127.0.0.1
""",
    "test": """$ORIGIN test.
$TTL 60
@ SOA ns admin 1 1800 900 604800 60
@ NS ns
ns A 127.0.0.1
ville NS ns.ville
ns.ville A 127.0.0.1
bourg NS ns.ville
loop NS ns.pool
pool NS ns.loop
""",
    "ville.test": """$ORIGIN ville.test.
$TTL 60
@ SOA ns admin 1 1800 900 604800 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.10
courriel CNAME www.bourg.test.
""",
    "bourg.test": """$ORIGIN bourg.test.
$TTL 60
@ SOA ns.ville.test. admin 1 1800 900 604800 60
@ NS ns.ville.test.
www A 192.0.2.20
""",
}
SERVED = {"root": (".",), "top": ("test",), "town": ("ville.test", "bourg.test")}
PINNED = {"ns.root": "root", "ns.test": "top", "ns.ville.test": "town"}


@dataclass(frozen=True)
class Tree:
    ports: dict[str, int]
    hints: Path

    def wire(self, **settings: Any) -> Wire:
        pins = {(name, 53): ("127.0.0.1", self.ports[server]) for name, server in PINNED.items()}
        return Wire(Settings(root_hints=hints(HINTS), internal=True, connect_to=pins, **settings))


@pytest.fixture(scope="module")
def tree(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    folder = tmp_path_factory.mktemp("tree")
    for zone, text in ZONES.items():
        (folder / f"zone.{zone.strip('.')}").write_text(text)
    (folder / "named.root").write_text(HINTS)
    ports: dict[str, int] = {}
    with ExitStack() as running:
        for server, zones in SERVED.items():
            ports[server] = free_port()
            files = {zone: f"zone.{zone.strip('.')}" for zone in zones}
            running.enter_context(serving(tool("named"), folder, ports[server], files))
        yield Tree(ports, folder / "named.root")


def found(wire: Wire, name: str, kind: str = "A") -> list[str]:
    async def ask() -> list[str]:
        return [record.to_text() for record in await names.records(wire, name, kind, Deadline.after(8))]

    return asyncio.run(ask())


def test_a_name_is_found_from_the_root_and_its_zone_is_remembered(tree: Tree) -> None:
    wire = tree.wire()

    async def both() -> tuple[int, int]:
        await names.records(wire, "www.ville.test", "A", Deadline.after(8))
        first = wire.queries
        await names.records(wire, "ns.ville.test", "A", Deadline.after(8))
        return first, wire.queries - first

    assert asyncio.run(both()) == (3, 1)
    assert found(tree.wire(), "www.ville.test") == ["192.0.2.10"]


def test_absence_is_proved_by_the_zone_itself(tree: Tree) -> None:
    assert found(tree.wire(), "www.ville.test", "MX") == []
    assert found(tree.wire(), "rien.ville.test") == []
    assert found(tree.wire(), "rien.test", "NS") == []


def test_an_alias_into_another_zone_whose_server_has_no_glue(tree: Tree) -> None:
    assert found(tree.wire(), "courriel.ville.test") == ["192.0.2.20"]


def test_ds_is_asked_above_the_cut(tree: Tree) -> None:
    wire = tree.wire()

    async def ask() -> dns.message.Message:
        await names.records(wire, "www.ville.test", "A", Deadline.after(8))
        return await names.ask(wire, "ville.test", "DS", Deadline.after(8))

    answer = asyncio.run(ask())
    assert [rrset.name.to_text() for rrset in answer.authority] == ["test."]  # the SOA of the parent


def test_zones_that_wait_for_one_another_are_a_gap(tree: Tree) -> None:
    with pytest.raises(Unseen) as problem:
        found(tree.wire(), "www.loop.test")
    assert problem.value.why is Why.UNRESOLVED
    assert "wait for one another" in problem.value.detail


def test_the_guard_applies_to_what_the_root_says(tree: Tree) -> None:
    wire = Wire(Settings(root_hints=hints(HINTS)))
    with pytest.raises(Unseen) as problem:
        found(wire, "www.ville.test")
    assert problem.value.why is Why.OUT_OF_SCOPE


def test_a_server_is_not_believed_above_its_zone(name_server: Callable[..., Any]) -> None:
    def upward(query: dns.message.Message, _tcp: bool) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "evil.test."))
        answer.additional.append(dns.rrset.from_text("evil.test.", 60, "IN", "A", "127.0.0.1"))
        return answer

    server = name_server(upward)
    pins = {("ns.root", 53): ("127.0.0.1", server.port)}
    wire = Wire(Settings(root_hints=hints(HINTS), internal=True, connect_to=pins))
    with pytest.raises(Unseen) as problem:
        found(wire, "www.ville.test")
    assert problem.value.why is Why.UNRESOLVED


def test_the_command_takes_a_hints_file(tree: Tree, nis2check: Callable[..., Any], tmp_path: Path) -> None:
    pins = [f"--connect-to={name}:53:127.0.0.1:{tree.ports[server]}" for name, server in PINNED.items()]
    done = nis2check("probe", "dns", "ville.test", "--json", "--internal", "--root-hints", str(tree.hints), *pins)
    facts = {fact["name"]: fact["value"] for fact in json.loads(done.stdout)["facts"]}
    assert facts["dns.name_servers"] == ["ns.ville.test"]
    assert facts["dns.name_servers_answering"] == ["ns.ville.test"]

    (tmp_path / "wrong").write_text("nothing of the kind")
    refused = nis2check("probe", "dns", "ville.test", "--root-hints", "wrong")
    assert refused.returncode == 2
    assert b"wrong" in refused.stderr and b"Traceback" not in refused.stderr
