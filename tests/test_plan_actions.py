# SPDX-License-Identifier: EUPL-1.2
"""The plan: what becomes an action, in which order, in which month, and what never changes it."""

from __future__ import annotations

import datetime
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from nis2check import frameworks
from nis2check.attest import measures
from nis2check.errors import InputError
from nis2check.files import check, load_yaml, shipped
from nis2check.model import (
    Category,
    Fact,
    Finding,
    Kind,
    Location,
    Proof,
    Reference,
    Rule,
    Severity,
    Source,
    Target,
    Verdict,
    Waiver,
    finding_id,
)
from nis2check.plan import settings as plan_settings
from nis2check.plan.months import first_month, named
from nis2check.plan.order import circle
from nis2check.plan.plan import plan
from nis2check.rules.load import shipped_rules

RECYF = frameworks.load()
SHIPPED = plan_settings.load()
SETTINGS = replace(SHIPPED, stability_draws=5)  # enough where stability is not what is tested
START = datetime.date(2026, 11, 22)
SIREN = "243400819"


def rule(rule_id: str, fix: str, severity: Severity = Severity.HIGH, effort: int = 1) -> Rule:
    return Rule(
        id=rule_id,
        title={"fr": f"Titre de {rule_id}", "en": f"Title of {rule_id}"},
        severity=severity,
        references=(),
        targets=Kind.TLS,
        expect={},
        when={},
        why={},
        impact={},
        limits={},
        remediation={},
        effort=effort,
        fix=fix,
        examples={},
        location=Location("x.yaml", 1),
    )


RULES = (
    rule("tls/versions", "tls-profile"),
    rule("tls/groups", "tls-profile", Severity.LOW),
    rule("http/hsts", "hsts", Severity.MEDIUM),
    rule("http/redirect", "https-redirect", Severity.MEDIUM),
    rule("mail/spf", "spf", Severity.MEDIUM),
    rule("mail/dmarc", "dmarc", Severity.MEDIUM),
    rule("tls/certificate", "certificate-renewal", Severity.LOW),
    rule("ports/database", "close-database-port", Severity.CRITICAL),
    rule("own/rule", "", Severity.LOW, effort=2),
)


def gap(rule_id: str, name: str = "www.ville.example:443", **changes: Any) -> Finding:
    severity = next((r.severity for r in RULES if r.id == rule_id), Severity.LOW)
    return Finding(
        id=finding_id(rule_id, "tls", name),
        rule=rule_id,
        target=Target(Kind.TLS, name),
        address=None,
        verdict=changes.get("verdict", Verdict.FAIL),
        severity=changes.get("severity", severity),
        proof=changes.get("proof", Proof.OBSERVED),
        reason="",
        facts={},
        location=None,
        references=tuple(Reference("recyf", clause, "indicator") for clause in changes.get("clauses", ())),
        waiver=changes.get("waiver"),
    )


def asked(answers: Mapping[str, str] | None = None, category: Category = Category.IMPORTANT) -> list[Finding]:
    facts = [
        Fact(
            f"attestation.{measure}",
            SIREN,
            {
                "answer": answer,
                "by": "DSI",
                "on": "2026-11-01",
                "until": None,
                "reason": None,
                "proof": [{"file": "p.pdf", "sha256": "0" * 64}],
            },
            Source.DECLARED,
            "attestations.yaml:2",
            "",
        )
        for measure, answer in (answers or {}).items()
    ]
    return measures.findings(RECYF, category, facts, START, SIREN)


def made(findings: list[Finding], category: Category = Category.IMPORTANT, **options: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"start": START, "settings": SETTINGS} | options
    return plan(findings, RULES, RECYF, category, **chosen)


def everything(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["action"]: item for part in ("measures", "roadmap", "later") for item in document[part]}


# ---------------------------------------------------------------------------------------------------------- actions


def test_one_fix_is_one_action_with_its_title_owner_and_measures() -> None:
    found = [
        gap("tls/versions", "a:443", clauses=("8.1",)),
        gap("tls/versions", "b:443", clauses=("8.1",)),
        gap("tls/groups", "a:443", clauses=("2.B.5",)),
    ]
    (action,) = made(found)["measures"]
    assert action["action"] == "certificates-and-tls"
    assert action["title"] == SETTINGS.fixes["tls-profile"].title
    assert (action["owner"], action["effort"], action["rank"]) == ("outsourcer", 1, 1)
    assert set(action["findings"]) == {finding.id for finding in found}
    assert action["findings"][-1] == found[2].id  # the gravest first
    assert action["measures"] == ["2.B.5", "8.1"]
    assert set(action["title"]) == set(action["because"]) == {"fr", "en"}


def test_fixes_of_one_job_are_one_action_that_a_lesser_one_does_not_change() -> None:
    found = [gap("tls/versions", "a:443"), gap("tls/certificate", "b:443")]
    (alone,), (both,) = made(found[:1])["measures"], made(found)["measures"]
    assert both["title"] == SETTINGS.jobs["certificates-and-tls"].title
    assert both["findings"] == [one.id for one in found]
    told = ("action", "effort", "owner", "factors", "because", "month")
    assert {key: both[key] for key in told} == {key: alone[key] for key in told}


def test_what_needs_a_fix_needs_the_job_it_is_part_of() -> None:
    document = made([gap("http/hsts"), gap("tls/certificate"), gap("http/redirect")])
    assert document["measures"][2]["action"] == "hsts"
    assert document["measures"][2]["factors"]["needs"] == ["certificates-and-tls", "web-servers"]


def test_a_fix_without_a_row_takes_the_title_and_effort_of_its_worst_rule() -> None:
    (action,) = made([gap("own/rule")])["measures"]
    assert action["action"] == "own/rule"
    assert action["title"]["fr"] == "Titre de own/rule"
    assert action["effort"] == 2


def test_each_factor_is_told_and_the_sentence_holds_the_product() -> None:
    found = [gap("tls/versions", "a:443", clauses=("8.1",)), gap("tls/versions", "b:443", clauses=("8.1",))]
    (action,) = made(found)["measures"]
    assert action["factors"] == {
        "severity": 6,
        "likelihood": 1,
        "breadth": 1.1,
        "legal": 1.25,
        "first": 1,
        "foundation": 1,
        "effort": 1,
        "score": 8.25,
        "priority": 8.25,
        "unlocks": None,
        "needs": [],
    }
    assert action["because"]["fr"] == (
        "Constaté par une sonde sur 2 cibles, gravité élevée :"
        " gravité 6 × certitude 1 × étendue 1,1 × poids légal 1,25 ÷ effort 1 = 8,25."
    )
    assert action["because"]["en"].endswith("= 8.25.")


@pytest.mark.parametrize(
    ("category", "weight"),
    [(Category.ESSENTIAL, 1.5), (Category.IMPORTANT, 1), (Category.UNDECIDED, 1), (Category.OUT_OF_SCOPE, 1)],
)
def test_a_measure_of_essential_entities_weighs_for_them_alone(category: Category, weight: float) -> None:
    (action,) = made([gap("tls/versions", clauses=("18.3",))], category)["measures"]
    assert action["factors"]["legal"] == weight


def test_seen_weighs_more_than_read_and_read_more_than_not_answered() -> None:
    seen = made([gap("tls/versions")])["measures"][0]["factors"]["likelihood"]
    read = made([gap("tls/versions", proof=Proof.DECLARED_FILES)])["measures"][0]["factors"]["likelihood"]
    silent = everything(made(asked()))["recyf/13.1"]["factors"]["likelihood"]
    refused = everything(made(asked({"13.1": "no"})))["recyf/13.1"]["factors"]["likelihood"]
    assert seen > read >= refused > silent


def test_a_measure_half_done_costs_half() -> None:
    whole = everything(made(asked()))["recyf/2.B.1"]
    half = everything(made(asked({"2.B.1": "partial"})))["recyf/2.B.1"]
    assert (whole["effort"], half["effort"]) == (8, 4)


def test_what_passes_is_waived_or_unknown_is_no_action() -> None:
    waiver = Waiver("D", "http/hsts", "*", "r", "a", "b", "2026-01-01", "2026-12-31")
    found = [
        gap("tls/versions", verdict=Verdict.PASS),
        gap("http/hsts", waiver=waiver),
        gap("http/redirect", verdict=Verdict.UNKNOWN),
        gap("ports/database", verdict=Verdict.NOT_APPLICABLE),
    ]
    document = made(found)
    assert everything(document) == {}
    assert document["waived"] == 1
    (first,) = document["verify_first"]
    assert (first["rule"], first["findings"], first["targets"]) == ("http/redirect", [found[2].id], 1)


def test_the_gravest_doubt_is_verified_first() -> None:
    doubts = [gap("http/hsts", verdict=Verdict.UNKNOWN), gap("ports/database", verdict=Verdict.UNKNOWN)]
    found = [*doubts, *asked({"13.1": "unknown"})]
    rules = [item["rule"] for item in made(found)["verify_first"]]
    assert rules == ["ports/database", "recyf/13.1", "http/hsts"]


# ------------------------------------------------------------------------------------------------------------ order


def test_a_body_that_answered_nothing_starts_with_the_first_actions_of_anssi() -> None:
    first = [item["measures"][0] for item in made(asked())["measures"]]
    assert len(first) == 6
    assert [id_ for id_ in first if not RECYF.measures[id_].cyberdepart] == [
        "2.A.1",
        "2.A.3",
    ]  # the places of governance


@pytest.mark.parametrize("category", [Category.IMPORTANT, Category.ESSENTIAL])
def test_what_governance_stands_on_is_done_in_the_first_year(category: Category) -> None:
    items = everything(made(asked(category=category), category, days_per_month=6))
    assert items["recyf/2.A.1"]["month"] <= items["recyf/2.A.3"]["begins"]
    assert items["recyf/2.A.3"]["month"] <= items["recyf/2.B.1"]["begins"]
    assert items["recyf/2.A.3"]["rank"] <= 6
    assert items["recyf/2.B.1"]["month"] < "2027-12"
    assert items["recyf/2.B.1"]["factors"]["foundation"] == 2


def test_what_makes_possible_comes_first_even_with_a_lesser_score() -> None:
    ranks = {key: item["rank"] for key, item in everything(made(asked())).items()}
    for measure in RECYF.applicable(Category.IMPORTANT):
        for need in measure.needs:
            assert ranks[f"recyf/{need}"] < ranks[f"recyf/{measure.id}"], (need, measure.id)
    document = made([gap("mail/dmarc"), gap("mail/spf", severity=Severity.INFO)])
    assert [item["action"] for item in document["measures"]] == ["spf", "dmarc"]
    enabling = document["measures"][0]
    assert enabling["factors"]["unlocks"] == "dmarc"
    assert enabling["factors"]["priority"] > enabling["factors"]["score"]
    assert "Rend possible dmarc" in enabling["because"]["fr"]


def test_a_prerequisite_that_is_done_holds_nobody_back() -> None:
    answers = dict.fromkeys((m.id for m in RECYF.applicable(Category.IMPORTANT)), "yes")
    document = made(asked(answers | {"13.2": "no"}))
    assert [item["action"] for item in document["measures"]] == ["recyf/13.2"]


def test_a_circle_of_prerequisites_is_refused_and_shown() -> None:
    fixes = dict(SETTINGS.fixes)
    fixes["spf"] = replace(fixes["spf"], needs=("dmarc",))
    with pytest.raises(InputError, match="dmarc → spf → dmarc"):
        made([gap("mail/dmarc"), gap("mail/spf")], settings=replace(SETTINGS, fixes=fixes))


def test_circles_are_found_wherever_they_are() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": [], "d": ["c", "b"]}) == ()
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ("b", "c", "b")
    assert circle({"a": ["a"]}) == ("a", "a")
    assert circle({"a": ["elsewhere"]}) == ()


def test_two_of_the_first_six_are_governance() -> None:
    technical = [gap("ports/database", f"{name}:5432", severity=Severity.CRITICAL) for name in "ab"] + [
        replace(gap("x", severity=Severity.CRITICAL), rule=f"own/{n}", id=f"{n}") for n in range(8)
    ]
    document = made([*technical, *asked()])
    families = [RECYF.measures[m].family for item in document["measures"] for m in item["measures"]]
    assert families == ["governance"] * 2
    assert len(document["measures"]) == 6
    kept = ["Place gardée à la gouvernance" in item["because"]["fr"] for item in document["measures"]]
    assert kept == [False] * 4 + [True] * 2


def test_ties_follow_the_framework() -> None:
    """Equal scores of one owner: what another owner does in the same month is not in its way."""
    same = [
        RECYF.measures[item["measures"][0]].position
        for item in made(asked(), days_per_month=200)["roadmap"]
        if item["factors"]["priority"] == 1.125 and not item["factors"]["needs"] and item["owner"] == "dsi"
    ]
    assert len(same) > 5
    assert same == sorted(same)


def test_the_same_findings_in_any_order_give_the_same_bytes() -> None:
    found = [*asked(), gap("tls/versions", "a:443"), gap("tls/versions", "b:443"), gap("http/hsts"), gap("own/rule")]
    expected = json.dumps(made(found))
    shuffler = random.Random(5)
    for _round in range(10):
        shuffler.shuffle(found)
        assert json.dumps(made(found)) == expected


def first_six(findings: list[Finding]) -> list[str]:
    return [item["action"] for item in made(findings)["measures"]]


def test_a_finding_of_lower_priority_never_reorders_the_first_six() -> None:
    """Any finding that brings no action of its own among the six, whatever it is, leaves them as they were."""
    base = [*asked(), gap("tls/versions", "a:443"), gap("ports/database", "c:5432"), gap("http/redirect", "a:443")]
    expected = first_six(base)
    assert len(expected) == 6
    lower = [
        gap("own/rule", "z:1"),  # a new action
        gap("tls/groups", "b:443"),  # a lesser finding of an action that is among the six
        gap("tls/groups", "a:443", severity=Severity.INFO),
        gap("http/hsts", "a:443", proof=Proof.DECLARED_FILES, severity=Severity.LOW),  # needs one of the six
        gap("tls/certificate", "a:443", severity=Severity.INFO),  # another fix of a job that is among the six
        *(replace(gap("own/rule", f"{n}:1"), rule=f"own/{n}") for n in range(50)),
    ]
    for one in lower:
        assert first_six([*base, one]) == expected
    assert first_six([*base, *lower]) == expected


# ----------------------------------------------------------------------------------------------------------- months


@pytest.mark.parametrize("days", [1, 2, 4, 8, 40])
@pytest.mark.parametrize("category", [Category.IMPORTANT, Category.ESSENTIAL])
def test_six_measures_fit_six_months_whatever_the_capacity(days: float, category: Category) -> None:
    document = made(asked(category=category), category, days_per_month=days)
    first = document["measures"]
    # One day a month makes six days: four measures fill them.
    assert len(first) == 6 or (days == 1 and sum(item["effort"] for item in first) == 6)
    assert sum(item["effort"] for item in first) <= 6 * days
    assert all("2026-12" <= item["begins"] <= item["month"] <= "2027-05" for item in first)
    ranks = [item["rank"] for item in everything(document).values()]
    assert ranks == list(range(1, len(RECYF.applicable(category)) + 1))


def test_no_owner_has_more_than_three_at_once() -> None:
    many = [replace(gap("own/rule"), rule=f"own/{n}", id=f"{n}") for n in range(20)]
    document = made(many, days_per_month=100)
    load: Counter[tuple[str, str]] = Counter()
    for item in everything(document).values():
        assert item["begins"] == item["month"]
        load[item["owner"], item["month"]] += 1
    assert max(load.values()) == 3
    assert len(document["measures"]) == 6


def test_the_roadmap_has_its_periods_and_says_what_does_not_fit() -> None:
    document = made(asked(category=Category.ESSENTIAL), Category.ESSENTIAL)
    months = {
        "1-6": ("2026-12", "2027-05"),
        "7-12": ("2027-06", "2027-11"),
        "13-24": ("2027-12", "2028-11"),
        "25-36": ("2028-12", "2029-11"),
    }
    for item in document["roadmap"]:
        low, high = months[item["period"]]
        assert low <= item["month"] <= high
    assert {item["period"] for item in document["roadmap"]} == set(months)
    assert document["later"]
    assert all("month" not in item for item in document["later"])
    assert made(asked(), days_per_month=40)["later"] == []


@pytest.mark.parametrize("days", [1, 2.5, 6])
def test_nothing_is_put_off_while_days_are_left(days: float) -> None:
    """Every month of the three years is taken whole, but for the margin of the first six."""
    document = made(asked(category=Category.ESSENTIAL), Category.ESSENTIAL, days_per_month=days)
    first = sum(item["effort"] for item in document["measures"])
    assert document["later"]
    assert document["idle"] == 0
    assert sum(document["loads"]) == pytest.approx(max(first, 6 * days * (1 - SETTINGS.margin)), abs=days)
    done = sum(item["effort"] for item in [*document["measures"], *document["roadmap"]])
    begun = 3 * 4 * 10  # what four owners may have begun and not ended, at most
    assert 36 * days - 6 * days * SETTINGS.margin - begun <= done <= 36 * days


def test_days_that_an_owner_cannot_take_are_told_as_idle() -> None:
    many = [replace(gap("own/rule"), rule=f"own/{n}", id=f"{n}") for n in range(150)]
    document = made(many, days_per_month=100)
    assert len(document["measures"]) + len(document["roadmap"]) == 36 * 3
    assert len(document["later"]) == 150 - 36 * 3
    assert document["idle"] > 0


def test_the_six_have_their_months_as_if_nothing_followed() -> None:
    fixes = [gap("ports/database"), gap("tls/versions"), gap("mail/spf"), gap("mail/dmarc"), gap("http/redirect")]
    alone = made(fixes, days_per_month=2)
    small = [replace(gap("own/rule", severity=Severity.INFO), rule=f"own/{n}", id=f"{n}") for n in range(50)]
    followed = made([*fixes, *small], days_per_month=2)
    assert followed["roadmap"][0]["period"] == "1-6"
    shown = ("action", "begins", "month")
    assert [[item[key] for key in shown] for item in followed["measures"][: len(alone["measures"])]] == [
        [item[key] for key in shown] for item in alone["measures"]
    ]


def test_a_measure_ends_no_earlier_than_what_it_needs() -> None:
    items = everything(made(asked(), days_per_month=8))
    for item in items.values():
        for need in item["factors"]["needs"]:
            if "month" in item:
                assert items[need]["month"] <= item["begins"]


@pytest.mark.parametrize(
    ("day", "month"), [("2026-11-10", "2026-11"), ("2026-11-11", "2026-12"), ("2026-12-31", "2027-01")]
)
def test_a_plan_starts_this_month_or_the_next(day: str, month: str) -> None:
    assert made([], start=datetime.date.fromisoformat(day))["start"] == month


def test_months_have_names_across_years() -> None:
    first = first_month(datetime.date(2026, 11, 22))
    assert [named(first, number) for number in (1, 2, 13, 36)] == ["2026-12", "2027-01", "2027-12", "2029-11"]


# -------------------------------------------------------------------------------------------------------- stability


def shares(findings: list[Finding], **options: Any) -> dict[str, float]:
    document = made(findings, settings=replace(SHIPPED, stability_draws=100), **options)
    assert document["draws"] == 100
    return {key: item["stability"] for key, item in everything(document).items()}


def test_a_place_that_nothing_can_take_is_sure_and_one_out_of_reach_is_not() -> None:
    many = [replace(gap("own/rule", severity=Severity.INFO), rule=f"own/{n}", id=f"{n}") for n in range(9)]
    found = shares([gap("ports/database", severity=Severity.CRITICAL), *many])
    assert found["close-exposed-services"] == 1
    small = [found[f"own/{n}"] for n in range(9)]
    assert sum(found.values()) == pytest.approx(6)
    assert all(0 < share < 1 for share in small)


def test_all_are_sure_when_all_fit() -> None:
    assert shares([gap("tls/versions"), gap("own/rule")]) == {"certificates-and-tls": 1, "own/rule": 1}


def test_what_a_measure_needs_is_never_less_sure_than_the_measure() -> None:
    found = shares([gap("mail/dmarc"), gap("mail/spf"), *asked()])
    assert found["spf"] >= found["dmarc"]


def test_draws_are_the_same_from_run_to_run_and_each_action_has_its_own() -> None:
    found = [*asked(), gap("tls/versions"), gap("http/hsts")]
    first = shares(found)
    assert first == shares(list(reversed(found)))
    # What stays out of reach of the first six changes nothing of what they are worth.
    far = [replace(gap("own/rule", severity=Severity.INFO, proof=Proof.DECLARED_FILES), rule="own/far")]
    more = shares([*found, *far])
    assert {key: share for key, share in more.items() if key != "own/far"} == first


# --------------------------------------------------------------------------------------------------------- settings


def test_shipped_settings_fit_their_schema_and_their_prerequisites_exist() -> None:
    check(load_yaml(shipped("policies") / "plan.yaml"), "plan-settings")
    assert {need for fix in SETTINGS.fixes.values() for need in fix.needs} <= set(SETTINGS.fixes)
    assert circle({key: fix.needs for key, fix in SETTINGS.fixes.items()}) == ()
    assert set(SETTINGS.foundation) <= set(RECYF.measures)


def test_the_fixes_of_a_job_are_known_have_its_owner_and_no_other_job() -> None:
    for job in SETTINGS.jobs.values():
        assert {SETTINGS.fixes[fix].owner for fix in job.fixes} == {job.owner}
        assert max(SETTINGS.fixes[fix].effort_days for fix in job.fixes) <= job.effort_days
    assert len(SETTINGS.job_of) == sum(len(job.fixes) for job in SETTINGS.jobs.values())
    assert not set(SETTINGS.jobs) & set(SETTINGS.fixes)
    keys = {fix: SETTINGS.job_of.get(fix, fix) for fix in SETTINGS.fixes}
    needs: dict[str, set[str]] = {}
    for fix, row in SETTINGS.fixes.items():
        needs.setdefault(keys[fix], set()).update({keys[need] for need in row.needs} - {keys[fix]})
    assert circle(needs) == ()


def test_every_shipped_rule_names_a_fix_and_measures_that_exist() -> None:
    shipped_ones = shipped_rules()
    assert {rule.fix for rule in shipped_ones} <= set(SETTINGS.fixes)
    clauses = {(r.source, r.clause) for rule in shipped_ones for r in rule.references}
    assert {clause for source, clause in clauses if source == "recyf"} <= set(RECYF.measures)
    assert {clause for source, clause in clauses if source == "nis2"} <= set(frameworks.load("nis2").measures)


def test_five_thousand_findings_are_planned_in_time(benchmark_seconds: Callable[[Callable[[], Any]], float]) -> None:
    found = [gap("tls/versions", f"host{n}.example:443", clauses=("8.1",)) for n in range(2500)]
    found += [replace(gap("own/rule", f"host{n}.example:1"), rule=f"own/{n % 500}") for n in range(2500)]
    found += asked(category=Category.ESSENTIAL)
    assert benchmark_seconds(lambda: made(found, Category.ESSENTIAL, settings=SHIPPED)) < 2


@pytest.fixture
def benchmark_seconds() -> Callable[[Callable[[], Any]], float]:
    """CPU seconds of the process for one call: other work on the machine does not count."""

    def measure(call: Callable[[], Any]) -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return measure
