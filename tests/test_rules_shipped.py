# SPDX-License-Identifier: EUPL-1.2
"""The shipped rules: examples come out as written, words and references are clean, facts are all accounted for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.errors import Place
from nis2check.evidence.sources import fact_specs
from nis2check.files import load_yaml, shipped
from nis2check.model import FactSpec, Rule, Severity
from nis2check.rules.lint import failing_examples, lint_folder, lint_shipped
from nis2check.rules.load import shipped_rules
from nis2check.rules.references import sources

SPECS = {"certificate.days_left": FactSpec("certificate.days_left", "integer", "days", "Days.")}

OWN = """\
title: {fr: Certificat valable un mois}
severity: medium
references: [{source: pssi, clause: "4.2", strength: full}, {source: recyf, clause: "8.1", strength: indicator}]
targets: tls
when: {certificate.days_left: {minimum: 0}}
expect: {certificate.days_left: {type: integer, minimum: 30}}
why: {fr: Notre politique demande un mois.}
impact: {fr: Le service peut s'arrêter.}
limits: {fr: Aucune.}
remediation: {fr: Renouveler.}
effort: 1
fix: certificate-renewal
examples:
  pass: [{certificate.days_left: 31}]
  fail: [{certificate.days_left: 29}]
  not_applicable: [{certificate.days_left: -1}]
  unknown: [{}]
"""


def test_there_is_nothing_to_say_of_the_shipped_rules() -> None:
    count, faults = lint_shipped(fact_specs())

    assert [f"{fault.place}: {fault.what}" for fault in faults] == []
    assert count >= 90


def test_every_example_of_every_shipped_rule_comes_out_as_written() -> None:
    rules, examples, faults = failing_examples(None, fact_specs())

    assert faults == []
    assert rules == len(shipped_rules())
    assert examples > 3 * rules


@pytest.mark.parametrize(
    ("rule_id", "severity"),
    [
        ("tls/versions", Severity.HIGH),
        ("tls/ssl", Severity.HIGH),
        ("certificate/expired", Severity.HIGH),
        ("certificate/expires-soon", Severity.MEDIUM),
        ("ports/database", Severity.CRITICAL),
        ("ports/remote-desktop", Severity.CRITICAL),
        ("dns/dnssec-signed", Severity.LOW),
        ("dns/caa", Severity.LOW),
        ("http/security-txt", Severity.LOW),
        ("mail/dmarc", Severity.LOW),
        ("mail/mta-sts", Severity.INFO),
        ("http/permissions-policy", Severity.INFO),
        ("tls/post-quantum", Severity.INFO),
    ],
)
def test_what_goes_beyond_a_requirement_never_stops_a_pipeline(rule_id: str, severity: Severity) -> None:
    assert next(rule for rule in shipped_rules() if rule.id == rule_id).severity is severity


def test_no_rule_completes_a_measure_of_recyf() -> None:
    strengths = {r.strength for rule in shipped_rules() for r in rule.references if r.source == "recyf"}

    assert strengths == {"indicator"}


def test_every_rule_says_which_part_of_nis_2_it_bears_on() -> None:
    without = [rule.id for rule in shipped_rules() if not any(r.source == "nis2" for r in rule.references)]

    assert without == []


def test_a_port_has_one_rule_and_each_class_one_profile() -> None:
    classes = load_yaml(shipped("policies") / "profiles" / "ports.yaml").data
    judged = classes.pop("judged")
    ports = [port for members in classes.values() for port in members]

    assert sorted(ports) == sorted(set(ports))
    assert [re.findall(r"#/(\w+)", str(one))[0] for one in judged["anyOf"]] == list(classes)


def test_every_source_has_a_title_in_both_languages_and_a_confidence() -> None:
    for source in sources().values():
        assert source.title.keys() == {"fr", "en"}
        assert source.confidence in {"A", "B", "C"}
        assert source.clauses


def test_the_clauses_of_recyf_are_those_of_the_framework() -> None:
    assert {"13.2", "10.B.5", "2.A.3", "20"} <= sources()["recyf"].clauses.keys()
    assert "21(2)(h)" in sources()["nis2"].clauses


# ------------------------------------------------------------------------------------------------- faults that lint finds

Lint = Callable[..., list[tuple[Place, str]]]


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    def run(text: str) -> list[tuple[Place, str]]:
        (tmp_path / "ville.yaml").write_text(text, encoding="utf-8")
        return [(fault.place, fault.what) for fault in lint_folder(tmp_path, SPECS)[1]]

    return run


def test_a_body_s_rule_may_cite_its_own_texts_and_speak_french_alone(lint: Lint) -> None:
    assert lint(OWN) == []


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ('clause: "8.1", strength: indicator', 'clause: "8.11", strength: indicator', 3, "pas de clause « 8.11 »"),
        ('clause: "8.1", strength: indicator', 'clause: "8.1", strength: full', 3, "indice"),
        ("pass: [{certificate.days_left: 31}]", "pass: [{certificate.days_left: 3}]", 14, "donne « fail »"),
        ("  not_applicable: [{certificate.days_left: -1}]\n", "", 5, "not_applicable"),
        ("{type: integer, minimum: 30}", "{minItems: 1}", 6, "est de type integer"),
        ("{type: integer, minimum: 30}", "{const: true}", 6, "parle de boolean"),
        ("certificate.days_left: {type", "certificate.day_left: {type", 6, "Fait inconnu"),
    ],
)
def test_lint_names_what_could_mislead(lint: Lint, before: str, after: str, line: int, words: str) -> None:
    assert before in OWN

    faults = lint(OWN.replace(before, after, 1))

    assert [place.line for place, what in faults if words in what] == [line]


def test_lint_finds_an_id_that_is_already_taken(tmp_path: Path) -> None:
    (tmp_path / "certificate").mkdir()
    (tmp_path / "certificate/expired.yaml").write_text(OWN, encoding="utf-8")

    _count, faults = lint_folder(tmp_path, SPECS)

    assert ["déjà définie" in fault.what for fault in faults] == [True]


def test_impact_speaks_of_services_and_names_no_technique() -> None:
    """The brief for elected officials is made of these sentences (ux 5.3)."""

    def technical(rule: Rule) -> bool:
        return bool(re.search(r"\b(TLS|DNS|SSL|HTTPS?|serveur web|port \d)", rule.impact["fr"]))

    assert [rule.id for rule in shipped_rules() if technical(rule)] == []
