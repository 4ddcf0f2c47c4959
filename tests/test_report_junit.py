# SPDX-License-Identifier: EUPL-1.2
"""JUnit: valid under the schema of Jenkins, and each verdict where a platform shows it."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import junit

HERE = Path(__file__).parent
PAYLOAD = "]]><x>&\x00\x0b\x1b[2J\u202e\ud800\ufffe\uffff\x85'\""
OUTCOME = {
    "fail": "failure",
    "partial": "failure",
    "unknown": "error",
    "to_attest": "skipped",
    "not_applicable": "skipped",
}


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "golden" / "result.json").read_bytes())
    return found


@pytest.fixture
def hostile(golden: dict[str, Any]) -> dict[str, Any]:
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = PAYLOAD
        one["location"] = {"file": PAYLOAD, "line": 2}
        if one["waiver"]:
            one["waiver"]["reason"] = PAYLOAD
    for rule in golden["rules"].values():
        rule |= {"title": {"fr": PAYLOAD}, "remediation": {"fr": PAYLOAD}}
    return golden


def cases(document: dict[str, Any], lang: str = "fr") -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(junit.render(document, lang))
    return {case.attrib["name"]: case for case in root.iter("testcase")}


@pytest.mark.parametrize("which", ["golden", "hostile"])
def test_it_is_valid_under_the_schema_of_jenkins(
    which: str, request: pytest.FixtureRequest, tool: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "r.xml"
    path.write_bytes(junit.render(request.getfixturevalue(which), "fr"))
    schema = HERE / "schemas" / "junit-10.xsd"
    done = subprocess.run(
        [tool("xmllint"), "--noout", "--nonet", "--schema", schema, path], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[:2000]


def test_each_verdict_is_where_a_platform_shows_it(golden: dict[str, Any]) -> None:
    found = cases(golden)
    assert len(found) == len(golden["findings"])
    for one in golden["findings"]:
        case = found[junit.name(one)]
        outcome = [child.tag for child in case]
        expected = "skipped" if one["waiver"] else OUTCOME.get(one["verdict"])
        assert outcome == ([expected] if expected else []), one


def test_suites_are_themes_and_objectives_and_their_counts_add_up(golden: dict[str, Any]) -> None:
    root = ElementTree.fromstring(junit.render(golden, "fr"))
    names = [suite.attrib["name"] for suite in root]
    assert {"tls", "ports", "recyf/8"} <= set(names)
    assert names.index("recyf/8") < names.index("recyf/10")
    for suite in root:
        counted = Counter(child.tag for case in suite for child in case)
        assert int(suite.attrib["tests"]) == len(suite)
        assert int(suite.attrib["failures"]) == counted["failure"]
        assert int(suite.attrib["errors"]) == counted["error"]
        assert int(suite.attrib["skipped"]) == counted["skipped"]
    for key in ("tests", "failures", "errors"):
        assert int(root.attrib[key]) == sum(int(suite.attrib[key]) for suite in root)


def test_a_failure_says_why_where_and_what_to_do(golden: dict[str, Any]) -> None:
    (failure,) = cases(golden)["ports/remote-admin 203.0.113.14:3389"]
    assert failure.attrib["type"] == "fail"
    assert failure.attrib["message"]
    assert "nis2check.yaml:11" in (failure.text or "")
    assert "Fermer le port" in (failure.text or "")


def test_a_waived_gap_is_skipped_with_its_reason(golden: dict[str, Any]) -> None:
    waived = next(one for one in golden["findings"] if one["waiver"])
    (skipped,) = cases(golden)[junit.name(waived)]
    assert skipped.attrib["type"] == "fail"  # the verdict stays
    assert waived["waiver"]["id"] in (skipped.text or "")


def test_a_target_judged_live_and_in_files_is_two_cases(golden: dict[str, Any]) -> None:
    names = [name for name in cases(golden) if name.startswith("http/hsts www.exemple.test:443")]
    assert sorted(names) == ["http/hsts www.exemple.test:443", "http/hsts www.exemple.test:443 @files"]


def test_names_know_no_wording(golden: dict[str, Any]) -> None:
    assert list(cases(golden, "fr")) == list(cases(golden, "en"))


def test_nothing_foreign_is_left_alive(hostile: dict[str, Any]) -> None:
    data = junit.render(hostile, "fr")
    text = data.decode()
    assert not [mark for mark in ("\x00", "\x0b", "\x1b", "\u202e", "\ufffe", "\uffff", "<x>") if mark in text]
    assert ElementTree.fromstring(data) is not None
