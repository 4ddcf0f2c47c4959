# SPDX-License-Identifier: EUPL-1.2
"""OSCAL: valid under NIST's own schema, every reference resolved, and no measure satisfied because a probe passed."""

from __future__ import annotations

import copy
import gzip
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check.report import oscal

HERE = Path(__file__).parent
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "golden" / "result.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """NIST's. Its patterns name Unicode classes, which the regular expressions of Python write otherwise."""
    text = gzip.decompress((HERE / "schemas" / "oscal-complete-1.2.3.json.gz").read_bytes()).decode()
    found: dict[str, Any] = json.loads(text.replace(r"\\p{L}", r"[^\\W\\d_]").replace(r"\\p{N}", r"\\d"))
    return found


def faults(data: bytes, schema: dict[str, Any]) -> list[str]:
    """Against the part of the schema for this very model, so that a fault is told where it is."""
    document = json.loads(data)
    (model,) = document
    chosen = next(one["properties"][model] for one in schema["oneOf"] if model in one["properties"])
    validator = jsonschema.Draft7Validator(chosen | {"definitions": schema["definitions"]})
    return [f"{list(fault.path)}: {fault.message[:200]}" for fault in validator.iter_errors(document[model])]


def every(value: Any, name: str) -> Iterator[str]:
    """The strings under a key, wherever it is."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == name and isinstance(one, str):
                yield one
            yield from every(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from every(one, name)


def bare(golden: dict[str, Any]) -> dict[str, Any]:
    """A check of files without a body."""
    empty: dict[str, Any] = {
        "body": None,
        "scope": None,
        "objectives": [],
        "waivers": [],
        "plan": {"measures": [], "roadmap": []},
    }
    kept = [one for one in golden["findings"] if one["proof"] == "declared_files"]
    return golden | empty | {"findings": kept}


@pytest.mark.parametrize("which", ["whole", "bare", "empty"])
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_all_three_are_valid_under_the_schema_of_nist(
    golden: dict[str, Any], schema: dict[str, Any], which: str, lang: str
) -> None:
    document = {"whole": golden, "bare": bare(golden), "empty": bare(golden) | {"findings": []}}[which]
    made = oscal.documents(document, lang)
    assert set(made) == {"assessment-results.json", "catalog.json", "poam.json"}
    for name, data in made.items():
        assert faults(data, schema) == [], name
    assert oscal.render(document, lang) == made["assessment-results.json"]


def test_hostile_text_stays_valid(golden: dict[str, Any], schema: dict[str, Any]) -> None:
    payload = " \u00a0\n<script>\x00\u202e\ud800{}" + "é" * 9000
    golden["body"]["name"] = payload
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = one["rule"] = payload
        one["facts"] = {payload: payload, "": "", "1x": None}
    for item in golden["plan"]["measures"]:
        item |= {"title": {"fr": payload}, "owner": "", "because": {"fr": ""}, "month": "9999-99"}
    golden["framework"]["id"] = "1 é"
    for name, data in oscal.documents(golden, "fr").items():
        assert faults(data, schema) == [], name


def test_every_reference_resolves(golden: dict[str, Any]) -> None:
    made = {name: json.loads(data) for name, data in oscal.documents(golden, "fr").items()}
    catalog = made["catalog.json"]
    known = set(every(catalog, "id"))
    results = made["assessment-results.json"]
    assert set(every(results, "control-id")) <= known
    assert set(every(results, "target-id")) <= known
    assert results["assessment-results"]["import-ap"]["href"][1:] in set(
        every(results["assessment-results"]["back-matter"], "uuid")
    )
    for name in ("assessment-results.json", "poam.json"):
        uuids = set(every(made[name], "uuid"))
        for key in ("observation-uuid", "risk-uuid", "subject-uuid", "actor-uuid", "component-uuid"):
            used = set(every(made[name], key))
            assert used <= uuids, (name, key)
            assert used or key in {"risk-uuid"}, (name, key)


def test_every_identifier_is_of_one_thing(golden: dict[str, Any]) -> None:
    for name, data in oscal.documents(golden, "fr").items():
        twice = [one for one, count in Counter(every(json.loads(data), "uuid")).items() if count > 1]
        assert twice == [], name


def test_identifiers_hang_on_no_wording_and_follow_from_run_to_run(golden: dict[str, Any]) -> None:
    later = copy.deepcopy(golden)
    for rule in later["rules"].values():
        rule["title"] = {"fr": "Autrement dit"}
    later["run"] = {"started": "2027-01-01T00:00:00+00:00", "finished": "2027-01-01T00:00:01+00:00"}
    for key in ("observations", "risks", "findings"):
        one, other = (
            [item["uuid"] for item in json.loads(oscal.render(each, "fr"))["assessment-results"]["results"][0][key]]
            for each in (golden, later)
        )
        assert one == other


def test_another_body_has_other_identifiers(golden: dict[str, Any]) -> None:
    other = copy.deepcopy(golden)
    other["body"]["siren"] = "243400819"
    one, two = (
        {
            item["uuid"]
            for item in json.loads(oscal.render(each, "fr"))["assessment-results"]["results"][0]["observations"]
        }
        for each in (golden, other)
    )
    assert not one & two


def found(golden: dict[str, Any]) -> dict[str, dict[str, Any]]:
    result = json.loads(oscal.render(golden, "fr"))["assessment-results"]["results"][0]
    return {one["target"]["target-id"]: one for one in result.get("findings", [])}


def test_only_an_attestation_satisfies_a_measure(golden: dict[str, Any]) -> None:
    answers = {
        one["rule"].partition("/")[2]: one["verdict"] for one in golden["findings"] if one["rule"].startswith("recyf/")
    }
    made = found(golden)
    for measure, verdict in answers.items():
        one = made.get(f"recyf-{measure}_obj")
        if one and one["target"]["status"]["state"] == "satisfied":
            assert verdict == "pass"
    signs = [one for one in golden["findings"] if one["proof"] != "attested" and one["verdict"] == "pass"]
    clauses = {ref["clause"] for one in signs for ref in one["references"] if ref["source"] == "recyf"}
    nobody = [clause for clause in clauses if answers.get(clause) == "to_attest"]
    for clause in nobody:
        one = made.get(f"recyf-{clause}_obj")
        assert one is None or one["target"]["status"]["state"] == "not-satisfied"


@pytest.mark.parametrize(
    ("answer", "sign", "state"),
    [
        ("pass", "pass", "satisfied"),
        ("pass", "fail", "not-satisfied"),
        ("to_attest", "pass", None),
        ("to_attest", "fail", "not-satisfied"),
        ("unknown", "unknown", None),
        ("fail", "pass", "not-satisfied"),
        ("partial", "pass", "not-satisfied"),
        ("not_applicable", "pass", None),
    ],
)
def test_what_a_measure_gets(golden: dict[str, Any], answer: str, sign: str, state: str | None) -> None:
    answered = next(one for one in golden["findings"] if one["rule"] == "recyf/8.1")
    probed = next(one for one in golden["findings"] if one["rule"] == "tls/versions")
    references = [{"source": "recyf", "clause": "8.1", "strength": "indicator"}]
    golden["findings"] = [answered | {"verdict": answer}, probed | {"verdict": sign, "references": references}]
    one = found(golden).get("recyf-8.1_obj")
    assert (one and one["target"]["status"]["state"]) == state


def test_a_waived_risk_is_an_approved_deviation_until_its_end(golden: dict[str, Any]) -> None:
    waived = next(one for one in golden["findings"] if one["waiver"])
    golden["findings"] = [waived]
    statuses = []
    for until in ("2099-01-01", "2020-01-01"):
        waived["waiver"]["until"] = until
        result = json.loads(oscal.render(golden, "fr"))["assessment-results"]["results"][0]
        statuses.append(result["risks"][0]["status"])
    assert statuses == ["deviation-approved", "open"]


def test_methods_say_how_it_was_shown(golden: dict[str, Any]) -> None:
    result = json.loads(oscal.render(golden, "fr"))["assessment-results"]["results"][0]
    for one in result["observations"]:
        props = {prop["name"]: prop["value"] for prop in one["props"]}
        assert one["methods"] == [
            {"observed": "TEST", "declared_files": "EXAMINE", "attested": "INTERVIEW"}[props["proof"]]
        ]


def test_milestones_are_the_ends_of_months(golden: dict[str, Any]) -> None:
    plan = json.loads(oscal.documents(golden, "fr")["poam.json"])["plan-of-action-and-milestones"]
    assert plan["risks"][0]["deadline"] == "2026-12-31T23:59:59Z"
    assert len(plan["poam-items"]) == len(golden["plan"]["measures"]) + len(golden["plan"]["roadmap"])


def test_a_path_that_ends_in_a_slash_gets_all_three(inside: Command, tmp_path: Path) -> None:
    result = str(HERE / "golden" / "result.json")
    assert inside("report", result, "-o", "oscal=o/", "-o", "oscal=one.json").returncode == 0
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "assessment-results.json",
        "catalog.json",
        "poam.json",
    ]
    assert (tmp_path / "o" / "assessment-results.json").read_bytes() == (tmp_path / "one.json").read_bytes()
    assert inside("report", result, "-o", "oscal=o/").returncode == 0  # again, over the old ones
    assert inside("report", result, "-o", "oscal=absent/o/").returncode == 74
    assert inside("report", result, "-o", "csv=o/").returncode == 2  # a format of one file
