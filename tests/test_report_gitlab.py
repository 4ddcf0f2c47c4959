# SPDX-License-Identifier: EUPL-1.2
"""GitLab Code Quality: the fields that GitLab reads, their words, one issue a gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import gitlab

PAYLOAD = "\x1b]0;x\x07\u202e<script>"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "result.json").read_bytes())
    return found


def issues(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gitlab.render(document, "fr"))
    return found


def test_each_gap_is_one_issue_with_what_gitlab_reads(golden: dict[str, Any]) -> None:
    found = issues(golden)
    gaps = [one for one in golden["findings"] if one["verdict"] in {"fail", "partial"}]
    assert {one["fingerprint"] for one in found} == {one["id"] for one in gaps}
    assert len(found) == len(gaps)
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["description"]
        assert one["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert isinstance(one["location"]["lines"]["begin"], int) and one["location"]["lines"]["begin"] >= 1
        assert not one["location"]["path"].startswith(("/", "./"))


def test_severities_and_places(golden: dict[str, Any]) -> None:
    first = issues(golden)[0]
    assert (first["check_name"], first["severity"]) == ("ports/remote-admin", "blocker")
    assert first["location"] == {"path": "nis2check.yaml", "lines": {"begin": 11}}
    assert "203.0.113.14:3389" in first["description"]


def test_a_waived_gap_stays_as_information_and_says_so(golden: dict[str, Any]) -> None:
    waived = next(one for one in golden["findings"] if one["waiver"])
    issue = next(one for one in issues(golden) if one["fingerprint"] == waived["id"])
    assert issue["severity"] == "info"
    assert waived["waiver"]["id"] in issue["description"]


def test_no_gap_is_an_empty_array(golden: dict[str, Any]) -> None:
    golden["findings"] = [one for one in golden["findings"] if one["verdict"] == "pass"]
    assert gitlab.render(golden, "fr") == b"[]\n"


def test_foreign_text_is_harmless(golden: dict[str, Any]) -> None:
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = PAYLOAD
        one["location"] = {"file": PAYLOAD, "line": 2}
    for issue in issues(golden):
        text = json.dumps(issue, ensure_ascii=False)
        assert not [mark for mark in ("\\u001b", "\\u0007", "\u202e") if mark in text]
