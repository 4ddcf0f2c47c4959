# SPDX-License-Identifier: EUPL-1.2
"""OCSF: every event valid under the compiled schema of the class, and each verdict where a SIEM looks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from nis2check.report import ocsf

GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.SCHEMA)).get_class_schema("compliance_finding")
    assert schema["additionalProperties"] is False
    return jsonschema.Draft202012Validator(schema)


def events(document: dict[str, Any], lang: str = "fr") -> dict[str, dict[str, Any]]:
    return {one["finding_info"]["uid"]: one for one in json.loads(ocsf.render(document, lang))}


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("which", ["whole", "bare"])
def test_every_event_is_valid_under_the_schema_of_the_class(
    golden: dict[str, Any], validator: jsonschema.Draft202012Validator, which: str, lang: str
) -> None:
    if which == "bare":
        golden |= {"body": None, "scope": None, "rules": {}}
    found = events(golden, lang)
    assert len(found) == len(golden["findings"])
    for one in found.values():
        assert [fault.message for fault in validator.iter_errors(one)] == []


def test_an_empty_result_is_an_empty_array(golden: dict[str, Any]) -> None:
    assert json.loads(ocsf.render(golden | {"findings": []}, "fr")) == []


@pytest.mark.parametrize(
    ("verdict", "compliance"),
    [("pass", 1), ("partial", 2), ("fail", 3), ("unknown", 0), ("to_attest", 99), ("not_applicable", 99)],
)
def test_only_a_pass_is_a_pass(golden: dict[str, Any], verdict: str, compliance: int) -> None:
    one = golden["findings"][0] | {"verdict": verdict}
    (event,) = events(golden | {"findings": [one]}).values()
    assert event["compliance"]["status_id"] == compliance
    assert event["unmapped"]["verdict"] == verdict
    assert event["status_id"] == (4 if verdict in {"pass", "not_applicable"} else 1)
    assert ("remediation" in event) == (verdict in {"fail", "partial"})


@pytest.mark.parametrize(("until", "status"), [("2099-01-01", 3), ("2020-01-01", 1)])
def test_a_waiver_suppresses_until_its_end(golden: dict[str, Any], until: str, status: int) -> None:
    waived = next(one for one in golden["findings"] if one["waiver"])
    waived["waiver"]["until"] = until
    event = events(golden)[waived["id"]]
    assert event["status_id"] == status
    assert event["compliance"]["status_id"] == 3  # the verdict stays
    assert event["unmapped"]["waiver"]["id"] == waived["waiver"]["id"]


def test_times_are_milliseconds_of_the_run(golden: dict[str, Any]) -> None:
    event = events(golden)["0000000000000001"]
    assert event["time"] == 1_795_352_784_000  # 2026-11-22T13:06:24Z
    assert event["finding_info"]["first_seen_time"] == 1_795_305_600_000  # 2026-11-22T00:00:00Z
    assert event["severity_id"] == 5
    assert event["resources"][0]["name"] == "203.0.113.14:3389"
