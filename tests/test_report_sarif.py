# SPDX-License-Identifier: EUPL-1.2
"""SARIF: valid under the published schema whatever is in the result, and what platforms demand beyond it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from nis2check.report import sarif

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "schemas" / "sarif-2.1.0-rtm.5.json").read_bytes())
PAYLOAD = "[x](javascript:alert(1)) {0} =cmd() ::error:: `````\x1b[2J\u202e\ud800\uffff<script>\n## h"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "golden" / "result.json").read_bytes())
    return found


def valid(document: dict[str, Any], lang: str = "fr") -> dict[str, Any]:
    """The only run of the log, once the log is valid."""
    log = json.loads(sarif.render(document, lang))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(log)
    (run,) = log["runs"]
    return dict(run)


def gaps(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document["findings"] if one["verdict"] in {"fail", "partial"}]


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_only_gaps_are_results_and_each_has_a_line_and_a_fingerprint(golden: dict[str, Any], lang: str) -> None:
    run = valid(golden, lang)
    ids = [one["partialFingerprints"]["nis2checkFinding/v1"] for one in run["results"]]
    assert sorted(ids) == sorted(one["id"] for one in gaps(golden))
    assert {one["kind"] for one in run["results"]} == {"fail"}
    for one in run["results"]:
        (place,) = one["locations"]
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert place["physicalLocation"]["artifactLocation"]["uri"]
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]


def test_results_come_worst_first_and_what_is_partly_done_is_no_error(golden: dict[str, Any]) -> None:
    run = valid(golden)
    severities = [one["properties"]["severity"] for one in run["results"]]
    order = ["critical", "high", "medium", "low", "info"]
    assert severities == sorted(severities, key=order.index)
    for one in run["results"]:
        assert (one["level"] == "error") <= (one["properties"]["verdict"] == "fail")
    assert run["results"][0]["level"] == "error"


def test_a_waiver_is_a_suppression_and_changes_nothing_else(golden: dict[str, Any]) -> None:
    waived = next(one for one in gaps(golden) if one["waiver"])
    found = {one["partialFingerprints"]["nis2checkFinding/v1"]: one for one in valid(golden)["results"]}
    (suppression,) = found[waived["id"]]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert waived["waiver"]["id"] in suppression["justification"]
    assert waived["waiver"]["approver"] in suppression["justification"]
    assert found[waived["id"]]["properties"]["verdict"] == "fail"
    assert sum("suppressions" in one for one in found.values()) == sum(bool(one["waiver"]) for one in gaps(golden))


def test_rules_carry_help_score_and_at_most_ten_tags(golden: dict[str, Any]) -> None:
    rules = {rule["id"]: rule for rule in valid(golden)["tool"]["driver"]["rules"]}
    rule = rules["ports/remote-admin"]
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["help"]["markdown"].count("**") >= 2
    assert {"security", "nis2"} <= set(rule["properties"]["tags"])
    assert all(len(one["properties"]["tags"]) <= 10 for one in rules.values())
    assert list(rules) == sorted(rules)


def test_snippets_of_products_stand_in_fences_that_they_cannot_close(golden: dict[str, Any]) -> None:
    golden["rules"]["ports/remote-admin"]["remediation"] = {"fr": "Fermer.", "nginx": "a\n````\n<b>\n"}
    rule = next(r for r in valid(golden)["tool"]["driver"]["rules"] if r["id"] == "ports/remote-admin")
    assert "nginx\n\n`````\na\n````\n<b>\n`````" in rule["help"]["markdown"]


def test_paths_are_percent_encoded(golden: dict[str, Any]) -> None:
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in valid(golden)["results"]]
    hostile = next(one for one in golden["findings"] if one["location"] and "calc" in one["location"]["file"])
    assert sum(unquote(one) == hostile["location"]["file"] for one in uris) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9._~/%-]+", one) for one in uris)
    assert sarif.uri("C:x/été.conf") == "C%3Ax/%C3%A9t%C3%A9.conf"
    assert sarif.uri("/etc/nginx.conf") == "file:///etc/nginx.conf"


def test_a_gap_without_a_line_stands_at_the_head_of_the_body_file(golden: dict[str, Any]) -> None:
    golden["findings"] = [golden["findings"][0] | {"location": None}]
    (result,) = valid(golden)["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == ("nis2check.yaml", {"startLine": 1})


def test_a_run_says_who_when_and_whether_it_is_whole(golden: dict[str, Any]) -> None:
    run = valid(golden)
    assert run["automationDetails"]["id"] == "nis2check/200000008/"
    (invocation,) = run["invocations"]
    assert (invocation["startTimeUtc"], invocation["endTimeUtc"]) == ("2026-11-22T13:05:12Z", "2026-11-22T13:06:24Z")
    assert invocation["executionSuccessful"] is True
    golden |= {"complete": False, "body": None, "scope": None}
    run = valid(golden)
    assert run["automationDetails"]["id"] == "nis2check/check/"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_nothing_foreign_is_a_link_a_placeholder_or_a_control(golden: dict[str, Any]) -> None:
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = PAYLOAD
        one["facts"] = {PAYLOAD: [PAYLOAD]}
        one["location"] = {"file": PAYLOAD, "line": 3}
        if one["waiver"]:
            one["waiver"]["reason"] = PAYLOAD
    for rule in golden["rules"].values():
        rule |= {key: {"fr": PAYLOAD, "en": PAYLOAD} for key in ("title", "why", "impact", "limits")}
        rule["remediation"] = {"fr": PAYLOAD, PAYLOAD: PAYLOAD}
    data = sarif.render(golden, "fr")
    run = valid(golden)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data)
    assert [mark for mark in ("\u202e", "\x1b", "\ud800") if mark in json.loads(data)["runs"][0].__repr__()] == []
    texts = [one["message"]["text"] for one in run["results"]]
    texts += [rule[key]["text"] for rule in run["tool"]["driver"]["rules"] for key in ("help", "shortDescription")]
    assert not [text for text in texts if "](" in text or re.search(r"\{\d", text)]
    for rule in run["tool"]["driver"]["rules"]:
        prose = re.sub(r"(?ms)^(`{3,})$.*?^\1$", "", rule["help"]["markdown"])
        assert "](" not in prose.replace("\\](", "").replace("]\\(", "")
        assert "\n## h" not in prose


def test_what_github_would_refuse_is_left_out_gravest_kept_and_said(
    golden: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "MOST", 3)
    whole = len(gaps(golden))
    run = valid(golden)
    assert run["results"][0]["properties"]["severity"] == "critical"
    assert len(run["results"]) == 3
    notes = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert any(note.startswith(f"{whole - 3} écarts, les moins graves") for note in notes)
    assert {one["ruleId"] for one in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_a_place_that_nobody_could_read_is_a_notification(golden: dict[str, Any]) -> None:
    gap = {"name": "kubernetes.*", "subject": "a b.yaml", "address": None, "why": "malformed", "detail": "line 4"}
    golden |= {
        "folder": "deploy",
        "gaps": [gap | {"where": "a b.yaml:4"}, gap | {"where": "old.yaml:1", "known": True}],
    }
    notes = valid(golden)["invocations"][0]["toolExecutionNotifications"]
    (note,) = (one for one in notes if "locations" in one)
    assert note["message"]["text"].endswith("(line 4)")
    (place,) = note["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "deploy/a%20b.yaml"
    assert place["physicalLocation"]["region"] == {"startLine": 4}


def test_thirty_thousand_gaps_are_capped_in_time(golden: dict[str, Any]) -> None:
    one = golden["findings"][0]
    golden["findings"] = [
        one | {"id": f"{n:016x}", "target": one["target"] | {"name": f"h{n}.test:1"}} for n in range(30_000)
    ]
    started = time.process_time()
    data = sarif.render(golden, "fr")
    assert time.process_time() - started < 20  # measured 4 s; a loaded runner must not make a false alarm
    assert len(json.loads(data)["runs"][0]["results"]) == 25_000
    assert "5\u202f000 écarts" in data.decode() or "5000 écarts" in data.decode()


def test_the_same_result_gives_the_same_bytes_and_ids_know_no_wording(golden: dict[str, Any]) -> None:
    assert sarif.render(golden, "fr") == sarif.render(json.loads(json.dumps(golden)), "fr")
    prints = [one["partialFingerprints"] for one in valid(golden)["results"]]
    for rule in golden["rules"].values():
        rule["title"] = {"fr": "Autrement dit"}
    assert [one["partialFingerprints"] for one in valid(golden)["results"]] == prints
