# SPDX-License-Identifier: EUPL-1.2
"""GitHub workflow commands, read back as the runner reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import github

PAYLOAD = "a:b,c%0A::set-output name=x::y\n::stop-commands::z\r\x1b[2J\u202e"
# actions/runner, ActionCommand.TryParseV2: "::name key=value,key=value::message", then these escapes.
COMMAND = re.compile(r"::(?P<level>[a-z]+)(?: (?P<properties>[^:]*))?::(?P<message>.*)")
UNESCAPED = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def read(line: str) -> tuple[str, dict[str, str], str]:
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = (pair.split("=", 1) for pair in (match["properties"] or "").split(",") if pair)
    return match["level"], {key: plain(value) for key, value in pairs}, plain(match["message"])


def plain(text: str) -> str:
    return re.sub("%0D|%0A|%3A|%2C|%25", lambda one: UNESCAPED[one.group()], text)


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "result.json").read_bytes())
    return found


def commands(document: dict[str, Any], lang: str = "fr") -> list[tuple[str, dict[str, str], str]]:
    return [read(line) for line in github.render(document, lang).decode().splitlines()]


def test_each_gap_is_a_command_on_its_line_worst_first(golden: dict[str, Any]) -> None:
    found = [one for one in commands(golden) if one[1]]
    gaps = [one for one in golden["findings"] if one["verdict"] in {"fail", "partial"}]
    assert len(found) == len(gaps)
    level, properties, message = found[0]
    assert (level, properties["file"], properties["line"]) == ("error", "nis2check.yaml", "11")
    assert "203.0.113.14:3389" in message
    assert "\nFermer le port" in message
    levels = [one[0] for one in found if "rogation" not in one[2]]
    assert levels.index("warning") > levels.index("error")


def test_a_waived_gap_is_a_notice(golden: dict[str, Any]) -> None:
    waived = next(one for one in golden["findings"] if one["waiver"])
    found = [one for one in commands(golden) if waived["waiver"]["id"] in one[2]]
    assert [one[0] for one in found] == ["notice"]


def test_what_is_unknown_is_said_once(golden: dict[str, Any]) -> None:
    last = commands(golden)[-1]
    assert last[:2] == ("notice", {})
    assert f"{golden['coverage']['unknown']} points indéterminés" in last[2]


def test_no_gap_says_so(golden: dict[str, Any]) -> None:
    golden["findings"] = []
    assert "aucun écart" in commands(golden)[0][2]


def test_foreign_text_neither_ends_nor_starts_a_command(golden: dict[str, Any]) -> None:
    lines = len(github.render(golden, "fr").splitlines())
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = PAYLOAD
        one["location"] = {"file": PAYLOAD, "line": 2}
        if one["waiver"]:
            one["waiver"]["reason"] = PAYLOAD
    for rule in golden["rules"].values():
        rule |= {"title": {"fr": PAYLOAD}, "remediation": {"fr": PAYLOAD}}
    data = github.render(golden, "fr").decode()
    assert len(data.splitlines()) == lines
    assert not [mark for mark in ("\x1b", "\r", "\u202e") if mark in data]
    for line in data.splitlines():
        _level, properties, message = read(line)
        assert set(properties) in ({"file", "line", "title"}, set())
        assert "::" not in message
        if properties:
            assert properties["file"].startswith("a:b,c%0A")
            assert properties["line"] == "2"


def test_a_log_is_no_report(golden: dict[str, Any]) -> None:
    one = golden["findings"][0]
    golden["findings"] = [one | {"id": f"{n}"} for n in range(1500)]
    found = commands(golden)
    assert sum(bool(properties) for _level, properties, _message in found) == 1000
    assert any("500 autres écarts" in message for _level, _properties, message in found)
