# SPDX-License-Identifier: EUPL-1.2
"""A body's own rules: refused with file and line when they could mislead, never able to silence ours by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from nis2check.errors import InputError
from nis2check.model import Rule
from nis2check.rules.assertions import refuse_pattern
from nis2check.rules.load import digest, load, shipped_rules

KNOWN = frozenset({"tls.accepted", "tls.versions", "certificate.days_left", "http.server"})

RULE = """\
title: {fr: Certificat valable un mois}
severity: medium
references: [{source: pssi, clause: "4.2", strength: full}]
targets: tls
expect:
  certificate.days_left: {type: integer, minimum: 30}
why: {fr: Notre politique demande un mois.}
impact: {fr: Le service peut s'arrêter.}
limits: {fr: Aucune.}
remediation: {fr: Renouveler.}
effort: 1
fix: certificate-renewal
examples:
  pass: [{certificate.days_left: 31}]
  fail: [{certificate.days_left: 29}]
  unknown: [{}]
"""


def own(folder: Path, text: str, name: str = "ville/certificat.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def rule_of(folder: Path, rule_id: str = "ville/certificat") -> Rule:
    return next(rule for rule in load(KNOWN, [folder]) if rule.id == rule_id)


def refused(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load(KNOWN, [folder])
    return caught.value


def test_a_body_s_own_rule_joins_the_shipped_ones_under_the_id_of_its_path(tmp_path: Path) -> None:
    rules = load(KNOWN, [own(tmp_path, RULE)])

    assert [rule.id for rule in rules] == sorted([rule.id for rule in shipped_rules()] + ["ville/certificat"])
    assert rule_of(tmp_path).location.file == str(tmp_path / "ville/certificat.yaml")


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("severity: medium", "severity: medum", 2, "Vouliez-vous dire « medium »"),
        ("severity: medium", "severity: medium\nseverty: high", 3, "vouliez-vous dire « severity »"),
        ("effort: 1", "effort: 1\neffort: 2", 12, "Clé répétée"),
        ("effort: 1", "effort: 4", 11, "4"),
        ("effort: 1", "effort:\t\t1\n\tfix: x", 12, ""),
        (
            "certificate.days_left: {type",
            "certificate.days_lft: {type",
            6,
            "Vouliez-vous dire « certificate.days_left »",
        ),
        ("minimum: 30", "minimun: 30", 6, "Vouliez-vous dire « minimum »"),
        ("minimum: 30", "minimum: trente", 6, "trente"),
        ("minimum: 30", "format: date", 6, "« format »"),
        ("{type: integer, minimum: 30}", "{pattern: '(a+)+$'}", 6, "Expression refusée"),
        ("{type: integer, minimum: 30}", "{properties: {x: {pattern: '(a)\\1'}}}", 6, "renvoi"),
        ("{type: integer, minimum: 30}", "{$ref: profiles/anssi-tlss.yaml#/group}", 6, "anssi-tls.yaml"),
        ("{type: integer, minimum: 30}", "{$ref: profiles/anssi-tls.yaml#/grop}", 6, "Vouliez-vous dire « group »"),
        ("{type: integer, minimum: 30}", "{$ref: ../../etc/passwd#/x}", 6, "Renvoi refusé"),
        ("{type: integer, minimum: 30}", "{$ref: profiles/anssi-tls.yaml#/group, minimum: 3}", 6, "s'emploie seul"),
        ("pass: [{certificate.days_left: 31}]", "pass: [{tls.accepted: true}]", 14, "la règle ne lit pas"),
        ("targets: tls", "targets: web", 4, "Valeur inconnue"),
        ("title: {fr: Certificat valable un mois}", "title: &a [*a]", 1, "YAML refusé"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_file_line_and_a_hint(
    tmp_path: Path, before: str, after: str, line: int, words: str
) -> None:
    assert before in RULE

    error = refused(own(tmp_path, RULE.replace(before, after, 1)))

    assert error.place is not None
    assert error.place.file == str(tmp_path / "ville/certificat.yaml")
    assert error.place.line == line
    assert words in error.what + " ".join(error.more)


def test_a_profile_of_the_body_serves_its_own_rules(tmp_path: Path) -> None:
    own(tmp_path, "validity: {type: integer, minimum: 45}\n", "profiles/ville.yaml")
    own(tmp_path, RULE.replace("{type: integer, minimum: 30}", "{$ref: profiles/ville.yaml#/validity}"))

    assert rule_of(tmp_path).expect == {"certificate.days_left": {"type": "integer", "minimum": 45}}


def test_a_profile_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    own(tmp_path, "a: {not: {$ref: profiles/ville.yaml#/a}}\n", "profiles/ville.yaml")
    own(tmp_path, RULE.replace("{type: integer, minimum: 30}", "{$ref: profiles/ville.yaml#/a}"))

    assert "boucle" in refused(tmp_path).what


def test_a_copied_id_is_refused_unless_it_names_what_it_replaces(tmp_path: Path) -> None:
    own(tmp_path, RULE, "certificate/expires-soon.yaml")

    error = refused(tmp_path)
    own(tmp_path, RULE + "overrides: certificate/expires-soon\n", "certificate/expires-soon.yaml")

    assert "déjà définie" in error.what and "overrides: certificate/expires-soon" in error.advice
    assert rule_of(tmp_path, "certificate/expires-soon").expect["certificate.days_left"]["minimum"] == 30


def test_a_rule_may_replace_a_shipped_one_under_another_id(tmp_path: Path) -> None:
    ids = [rule.id for rule in load(KNOWN, [own(tmp_path, RULE + "overrides: certificate/expires-soon\n")])]

    assert "ville/certificat" in ids
    assert "certificate/expires-soon" not in ids


def test_replacing_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    error = refused(own(tmp_path, RULE + "overrides: certificate/expire-soon\n"))

    assert "Vouliez-vous dire « certificate/expires-soon »" in error.what


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vide").mkdir()

    assert "Aucune règle" in refused(tmp_path / "vide").what
    assert "introuvable" in refused(tmp_path / "absent").what


def test_a_name_that_is_no_id_is_refused(tmp_path: Path) -> None:
    assert "minuscules" in refused(own(tmp_path, RULE, "Ville/Règle 1.yaml")).what


def test_the_digest_follows_what_rules_say_and_not_where_they_lie(tmp_path: Path) -> None:
    here = digest(load(KNOWN, [own(tmp_path / "a", RULE)]))
    there = digest(load(KNOWN, [own(tmp_path / "b", RULE)]))
    other = digest(load(KNOWN, [own(tmp_path / "c", RULE.replace("minimum: 30", "minimum: 31"))]))

    assert here == there != other


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a)\\1",
        "(?P<x>a)(?P=x)",
        "^(a?){60}b",
        "^" + "(a|a)" * 40,
        "a.*b.*c",
        "^a*b*c*d",
        "(",
        "(?i)a",
    ],
)
def test_a_pattern_that_may_run_away_is_refused(pattern: str) -> None:
    assert refuse_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^v=spf1( .*)? -all$", "^(RSA|EC)-", "[a-z]+", "^[a-z0-9-]+\\.fr$", "^(https?://)?x{3}", "\\(a\\)", "[](]+"],
)
def test_ordinary_patterns_are_kept(pattern: str) -> None:
    assert refuse_pattern(pattern) == ""
