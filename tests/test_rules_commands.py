# SPDX-License-Identifier: EUPL-1.2
"""``rules`` and ``explain`` through the real command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check.files import schema, shipped

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]

OWN = """\
title: {fr: Certificat valable un mois}
severity: medium
references: [{source: pssi, clause: "4.2", strength: full}]
targets: tls
expect: {certificate.days_left: {type: integer, minimum: 30}}
why: {fr: "Notre politique demande un mois.\\e[31m"}
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


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "regles"
    folder.mkdir()
    (folder / "ville.yaml").write_text(OWN, encoding="utf-8")
    return folder


def document(done: subprocess.CompletedProcess[bytes], name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(data, dict(schema(name)))
    return data


def test_list_gives_one_line_a_rule(nis2check: Command) -> None:
    done = nis2check("rules", "list")
    lines = done.stdout.decode().splitlines()

    assert done.returncode == 0
    assert any(line.startswith("tls/versions ") and "Élevée" in line and "antérieure à 1.2" in line for line in lines)
    assert f"{len(lines)} règles".encode() in done.stderr


def test_list_as_json_follows_its_schema_and_includes_a_body_s_own(nis2check: Command, own: Path) -> None:
    data = document(nis2check("rules", "list", "--json", "--policies", str(own)), "rules")

    assert data["schema"] == "nis2check.rules/1"
    assert {"ville", "tls/versions"} <= {rule["id"] for rule in data["rules"]}


def test_show_gives_the_whole_rule(nis2check: Command) -> None:
    done = nis2check("rules", "show", "tls/versions")
    text = done.stdout.decode()

    assert done.returncode == 0
    for words in ("Pourquoi", "ssl_protocols TLSv1.2 TLSv1.3;", "ANSSI TLS R4", "policies/rules/tls/versions.yaml"):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rules", "show", "tls/version"], "Vouliez-vous dire « tls/versions »"),
        (["explain", "tls/version"], "Vouliez-vous dire « tls/versions »"),
        (["explain", "recyf:13.22"], "Vouliez-vous dire « 13.2 »"),
        (["explain", "recif:13.2"], "Vouliez-vous dire « recyf »"),
        (["explain", "nis2:21(2)(z)"], "pas de clause"),
        (["rules", "lint", "absent"], "introuvable"),
        (["rules", "list", "--policies", "absent"], "introuvable"),
    ],
)
def test_what_is_unknown_is_2_with_a_hint(nis2check: Command, arguments: list[str], words: str) -> None:
    done = nis2check(*arguments)

    assert done.returncode == 2
    assert done.stdout == b""
    assert words in done.stderr.decode().replace("\u202f", " ").replace("\u00a0", " ")


def test_the_shipped_rules_are_clean_and_their_examples_run(nis2check: Command) -> None:
    lint, test = nis2check("rules", "lint"), nis2check("rules", "test")

    assert (lint.returncode, lint.stdout, test.returncode, test.stdout) == (0, b"", 0, b"")
    assert b"exemples jou" in test.stderr


def test_a_body_s_rules_are_tried_and_checked_where_they_lie(nis2check: Command, own: Path) -> None:
    assert (nis2check("rules", "lint", str(own)).returncode, nis2check("rules", "test", str(own)).returncode) == (0, 0)
    (own / "ville.yaml").write_text(OWN.replace("days_left: 31}", "days_left: 3}"), encoding="utf-8")

    lint, test = nis2check("rules", "lint", str(own)), nis2check("rules", "test", str(own), "--json")

    assert (lint.returncode, test.returncode) == (1, 1)
    assert "ville.yaml:13" in lint.stdout.decode()
    (fault,) = document(test, "lint")["faults"]
    assert fault["line"] == 13


def test_a_rule_that_is_no_yaml_is_2_at_its_line(nis2check: Command, own: Path) -> None:
    (own / "ville.yaml").write_text(OWN.replace("effort: 1", "effort: 1\n\tfix: x"), encoding="utf-8")

    done = nis2check("rules", "test", str(own))

    assert done.returncode == 2
    assert "ville.yaml:11" in done.stderr.decode()


@pytest.mark.parametrize(
    ("subject", "kind", "words"),
    [
        ("tls/versions", "rule", "Comment corriger"),
        ("recyf:13.2", "measure", "restauration"),
        ("recyf:8", "objective", "8.1"),
        ("nis2:21(2)(h)", "clause", "tls/versions"),
        ("nis2:21", "clause", "21(2)(h)"),
        ("nis2:20(1)", "clause", "2.A.1"),
        ("anssi-tls:R4", "clause", "Ni SSLv2"),
        ("rfc6797:6.1", "clause", "http/hsts"),
    ],
)
def test_explain_tells_a_person_and_a_machine_the_same(nis2check: Command, subject: str, kind: str, words: str) -> None:
    told, data = nis2check("explain", subject), document(nis2check("explain", subject, "--json"), "explain")

    assert told.returncode == 0
    assert words in told.stdout.decode()
    assert (data["schema"], data["kind"], data["id"]) == ("nis2check.explain/1", kind, subject)


def test_an_article_tells_its_points_and_is_as_sure_as_the_weakest(nis2check: Command) -> None:
    article, point, known = (
        document(nis2check("explain", subject, "--json"), "explain") for subject in ("nis2:20", "nis2:20(1)", "nis2:21")
    )

    assert [point["id"] for point in article["measures"]] == ["20(1)", "20(2)"]
    assert (article["confidence"], point["confidence"], known["confidence"]) == ("C", "C", "A")
    assert {"id": "2.A.1", "source": "own", "confidence": "C"}.items() <= point["recyf"][0].items()
    assert any(rule["id"] == "tls/versions" for rule in known["rules"])
    assert "Aucun contrôle" not in nis2check("explain", "nis2:21").stdout.decode()


def test_explain_speaks_english_on_request(nis2check: Command) -> None:
    done = nis2check("explain", "tls/versions", "--lang", "en")

    assert "No TLS older than 1.2" in done.stdout.decode()


def test_a_body_s_words_cannot_command_the_terminal(nis2check: Command, own: Path) -> None:
    done = nis2check("explain", "ville", "--policies", str(own))

    assert done.returncode == 0
    assert b"\x1b[31m" not in done.stdout
    assert rb"\x1b[31m" in done.stdout


def test_lint_names_every_fault_of_every_file_once(nis2check: Command, tmp_path: Path) -> None:
    text = (shipped("policies") / "rules" / "tls" / "versions.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own"
    own.mkdir()
    (own / "good.yaml").write_text(text, encoding="utf-8")
    (own / "twice.yaml").write_text(text + "severity: low\n", encoding="utf-8")
    (own / "two.yaml").write_text(text.replace("severity: high", "severity: hihg\nweight: 3"), encoding="utf-8")

    done = nis2check("rules", "lint", "own")

    told = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert [line.split(":")[0] for line in told if line.count("own/") == 1] == [
        "own/twice.yaml",
        "own/two.yaml",
        "own/two.yaml",
    ]
    assert len(told) == 3
