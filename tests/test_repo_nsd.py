# SPDX-License-Identifier: EUPL-1.2
"""nsd.conf files, beside what nsd-checkconf makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import nsd
from nis2check.model import Json, Why

FULL = """# NSD
server:
    ip-address: 127.0.0.1  # ours
    hide-version: no
    hide-version: yes
key:
    name: "k"
    algorithm: hmac-sha256
    secret: "c2VjcmV0c2VjcmV0c2VjcmV0"
zone:
    name: ville.example
    zonefile: "/dev/null"
    provide-xfr: 192.0.2.1 k
    provide-xfr: 0.0.0.0/0 NOKEY
"""


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(nsd.read("nsd.conf", text))
    facts = {one.name.removeprefix("named."): one.value for one in found if isinstance(one, Read)}
    assert {f"named.{name}" for name in facts} <= {spec.name for spec in nsd.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def test_values_are_those_of_nsd(tool: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "nsd.conf"
    file.write_text(FULL)

    def told(*arguments: str) -> list[str]:
        command = [tool("nsd-checkconf"), *arguments, str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")

    listed = list(nsd.attributes(FULL))
    last = {one.name: one.value for one in listed}
    assert told("-o", "hide-version")[0] == last["hide-version"]
    transfers = [one.value for one in listed if one.name == "provide-xfr"]
    assert [line for line in told("-z", "ville.example", "-o", "provide-xfr") if line] == transfers
    assert told("-s", "k")[0] == last["secret"]


def test_concerns() -> None:
    facts, gaps = read(FULL)
    assert gaps == []
    assert facts == {
        "open_transfer": [{"name": "zone ville.example", "line": 14, "value": "provide-xfr"}],
        "version_disclosed": [],
        "weak_keys": [],
        "key_secrets": [{"name": "key k", "line": 9}],
    }
    assert "c2Vj" not in repr(facts)


@pytest.mark.parametrize(
    ("text", "fact", "offends"),
    [
        ("server:\n  port: 53\n", "version_disclosed", True),  # hide-version is off unless set
        ("server:\n  hide-version: yes\n", "version_disclosed", False),
        ("zone:\n  provide-xfr: 10.0.0.0/8 NOKEY\n", "open_transfer", False),
        ("zone:\n  provide-xfr: ::0/0 NOKEY\n", "open_transfer", True),
        ("pattern:\n  provide-xfr: 0.0.0.0/0 BLOCKED\n", "open_transfer", False),
        ("key:\n  algorithm: hmac-md5\n", "weak_keys", True),
    ],
)
def test_each_concern(text: str, fact: str, offends: bool) -> None:
    facts, gaps = read(text)
    assert gaps == [] and bool(facts[fact]) is offends


def test_what_the_file_does_not_settle() -> None:
    assert read("server:\n  port: 53\ninclude: /etc/nsd/more.conf\n")[1] == [
        ("named.version_disclosed", Why.UNREADABLE, 3)
    ]
    assert read("server:\n  hide-version: {{ hide }}\n")[1] == [("named.version_disclosed", Why.TEMPLATED, 2)]
    assert read("zone:\n  provide-xfr: {{ who }} NOKEY\n")[1] == [("named.open_transfer", Why.TEMPLATED, 2)]
