# SPDX-License-Identifier: EUPL-1.2
"""The representative result: in step with its builder, valid, and its totals agree with its findings."""

from __future__ import annotations

import copy
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from nis2check import files
from nis2check.errors import InputError
from nis2check.report.findings import families
from nis2check.result import by_family

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "result.json").read_bytes())
    return found


def test_golden_is_what_its_builder_makes(golden: dict[str, Any]) -> None:
    built = runpy.run_path(str(GOLDEN / "build_result.py"))["build"]()
    assert golden == built
    assert (GOLDEN / "result.json").read_bytes() == files.canonical(built)


def test_golden_is_valid_and_holds_every_case(golden: dict[str, Any]) -> None:
    files.check(files.Document(golden, "result.json"), "result")
    assert {one["verdict"] for one in golden["findings"]} == {
        "pass", "partial", "fail", "to_attest", "unknown", "not_applicable"
    }  # fmt: skip
    assert {one["proof"] for one in golden["findings"]} == {"observed", "declared_files", "attested"}
    assert any(one.get("addresses") for one in golden["findings"])
    assert any(one["waiver"] for one in golden["findings"])


def test_totals_by_proof_add_up(golden: dict[str, Any]) -> None:
    coverage = golden["coverage"]
    for word in ("applicable", "pass", "partial", "fail", "to_attest", "unknown"):
        assert coverage[word] == sum(some[word] for some in coverage["by_proof"].values())


def test_families_are_the_sums_of_their_objectives(golden: dict[str, Any]) -> None:
    golden["coverage"]["by_family"] = whole = by_family(golden["objectives"])
    files.check(files.Document(golden, "result.json"), "result")
    told = dict(families(golden))  # what a person reads
    assert set(whole) == set(told)
    for family, counts in whole.items():
        assert counts["measures"] == sum(counts[word] for word in ("pass", "partial", "fail", "to_attest", "unknown"))
        assert {word: told[family][word] for word in counts if word != "evidence"} | counts["evidence"] == told[family]
    assert sum(counts["measures"] for counts in whole.values()) == sum(one["measures"] for one in golden["objectives"])


@pytest.mark.parametrize(
    "key",
    ["schema", "complete", "tool", "run", "regime", "body", "scope", "coverage", "findings", "objectives", "plan", "gaps",
     "drift", "imported", "waivers", "changes", "rules", "framework", "notice"],
)  # fmt: skip
def test_every_key_of_the_top_is_required(golden: dict[str, Any], key: str) -> None:
    del golden[key]
    with pytest.raises(InputError):
        files.check(files.Document(golden, "r.json"), "result")


def test_schema_is_additive(golden: dict[str, Any]) -> None:
    newer = copy.deepcopy(golden)
    newer["later"] = newer["findings"][0]["later"] = {"anything": 1}
    files.check(files.Document(newer, "r.json"), "result")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("findings", 0, "verdict"), "inconclusive"),
        (("findings", 0, "severity"), "élevée"),
        (("run", "started"), "2026-11-22 14:05"),
        (("coverage", "pass"), -1),
        (("gaps", 0, "why"), "because"),
        (("plan", "measures", 0, "month"), "décembre"),
    ],
)
def test_wrong_words_are_refused(golden: dict[str, Any], path: tuple[Any, ...], value: object) -> None:
    place = golden
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError):
        files.check(files.Document(golden, "r.json"), "result")
