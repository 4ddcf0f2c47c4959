# SPDX-License-Identifier: EUPL-1.2
"""``nis2check plan`` as a user runs it, on a result whose plan was made by the planner."""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nis2check import files, frameworks
from nis2check.attest import measures
from nis2check.files import Document, check
from nis2check.model import Category, Finding, Kind, Proof, Reference, Severity, Target, Verdict, finding_id
from nis2check.plan.again import again
from nis2check.plan.plan import plan
from nis2check.report import letter, timeline
from nis2check.report.pen import Pen
from nis2check.report.plan import explain, render

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
GOLDEN = Path(__file__).parent / "golden" / "result.json"


def findings() -> list[Finding]:
    on = datetime.date(2026, 11, 22)
    found = measures.findings(frameworks.load(), Category.IMPORTANT, [], on, "200000000")
    door = Finding(
        finding_id("ports/remote-admin", "ports", "203.0.113.14:3389"),
        "ports/remote-admin",
        Target(Kind.PORTS, "203.0.113.14:3389"),
        None,
        Verdict.FAIL,
        Severity.CRITICAL,
        Proof.OBSERVED,
        "",
        {},
        None,
        (Reference("recyf", "8.1", "indicator"),),
    )
    doubt = replace(
        door, id="0" * 16, rule="tls/versions", verdict=Verdict.UNKNOWN, target=Target(Kind.TLS, "vpn.example:443")
    )
    return [door, doubt, *found]


def document() -> dict[str, Any]:
    """The golden result with a plan of ours, whatever the rules shipped at the moment."""
    found = findings()
    golden: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    made = plan(found, (), frameworks.load(), Category.IMPORTANT, start=datetime.date(2026, 11, 22), days_per_month=6)
    return golden | {"plan": made}


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_bytes(files.canonical(document()))
    return path


def test_the_plan_fits_the_schema_of_the_result_and_its_own() -> None:
    check(Document(document(), "result.json"), "result")
    check(Document({"schema": "nis2check.plan/1"} | document()["plan"], "plan.json"), "plan")


def test_the_table_shows_six_measures_their_owners_and_their_reasons(nis2check: Command, result: Path) -> None:
    done = nis2check("plan", str(result))
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "PLAN D'ACTIONS – 6 mesures en six mois" in text
    assert "capacité\u00a0: 6\u00a0j/mois" in text
    assert " 1  ports/remote-admin" in text
    assert "Infogérant" in text
    assert "déc.\u00a02026" in text
    assert "Mois 1 à 6, s'il reste du temps" in text
    assert "pour commencer la feuille de route" in text
    assert "Mois 7 à 12" in text
    assert "%" not in text  # how sure a place is belongs to --explain
    assert "tirage" not in text
    assert "À VÉRIFIER D'ABORD" in text
    assert "gravité 10 × certitude 1" in text.replace("\n    ", " ")
    assert "(--all)" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_all_shows_the_whole_roadmap(nis2check: Command, result: Path) -> None:
    text = nis2check("plan", str(result), "--all").stdout.decode()
    assert "(--all)" not in text
    for item in document()["plan"]["roadmap"]:
        assert f"{item['rank']:>3}  {item['title']['fr'].split()[0]}" in text


def test_explain_tells_one_action_whole(nis2check: Command, result: Path) -> None:
    text = nis2check("plan", str(result), "--explain", "2").stdout.decode()
    item = document()["plan"]["measures"][1]
    assert item["title"]["fr"].split()[0] in text
    assert "Preuve attendue" in text
    assert "Pilote" in text
    assert "= " in text


def test_explain_tells_how_and_where_the_letter_is() -> None:
    """What to do for what a probe saw; how to answer for what only a person knows; what to paste is in the letter."""
    made = json.loads(GOLDEN.read_bytes())
    closes = [one for one in made["findings"] if one["rule"] in made["rules"] and one["verdict"] == "fail"][:1]
    asked = [one for one in made["findings"] if one["rule"].startswith("recyf/") and one["verdict"] == "to_attest"][:1]
    item = made["plan"]["measures"][0] | {"findings": [one["id"] for one in closes + asked]}
    remediation = made["rules"][closes[0]["rule"]]["remediation"]
    remediation |= {"fr": "Fermer la porte.", "nginx": "deny all;"}

    text = explain(made, item, Pen("fr"))

    assert "- Fermer la porte." in text
    assert "deny all" not in text
    assert f"attest --measure {asked[0]['rule'].removeprefix('recyf/')} --answer yes" in text.replace("\u00a0", " ")
    assert f"--letter {item['rank']}" in text


def test_an_action_that_is_not_there_is_exit_2(nis2check: Command, result: Path) -> None:
    done = nis2check("plan", str(result), "--explain", "500")
    assert done.returncode == 2
    assert "rang 500" in done.stderr.decode()


def test_json_is_the_plan_alone(nis2check: Command, result: Path) -> None:
    done = nis2check("plan", str(result), "--json")
    assert json.loads(done.stdout) == {"schema": "nis2check.plan/1"} | document()["plan"]
    one = json.loads(nis2check("plan", str(result), "--json", "--explain", "1").stdout)
    assert [item["rank"] for item in one["measures"]] == [1]


def test_english_on_request(nis2check: Command, result: Path) -> None:
    text = nis2check("plan", str(result), NIS2CHECK_LANG="en").stdout.decode()
    assert "severity 10 × likelihood 1" in text.replace("\n    ", " ")
    assert "Outsourcer" in text


def test_explain_shows_every_factor_and_how_sure_the_place_is(nis2check: Command, result: Path) -> None:
    text = (
        nis2check("plan", str(result), "--explain", "1").stdout.decode().replace("\u00a0", " ").replace("\u202f", " ")
    )
    item = document()["plan"]["measures"][0]
    labels = ["gravité", "certitude", "étendue", "poids légal", "premières actions ANSSI", "gain", "effort", "score"]
    rows = [line for line in text.splitlines() if line.startswith("    ") and any(label in line for label in labels)]
    assert [next(label for label in labels if label in row) for row in rows] == labels
    assert rows[0].split() == ["gravité", "10"]
    assert rows[3].split()[:4] == ["×", "poids", "légal", "1,25"]
    share = round(100 * item["stability"])
    assert f"Parmi les 6 premières dans {share} % des 500 tirages" in text.replace("\n  ", " ")


def test_what_if_plans_again_and_says_what_changes(nis2check: Command, result: Path) -> None:
    text = nis2check("plan", str(result), "--what-if", "capacity=40").stdout.decode().replace("\u00a0", " ")
    assert "ET SI : 40 jours par mois au lieu de 6" in text
    found = json.loads(nis2check("plan", str(result), "--what-if", "capacity=40", "--json").stdout)
    check(Document(found, "plan.json"), "plan")
    assert (found["capacity"], found["what_if"]) == (40, {"capacity": 40})
    assert found["later"] == []
    ended = sum(item["period"] in {"1-6", "7-12"} for item in found["roadmap"])
    assert ended > sum(item["period"] in {"1-6", "7-12"} for item in document()["plan"]["roadmap"])
    assert f"Finies en un an : {6 + ended} au lieu de" in text


def test_the_same_supposition_gives_the_same_plan() -> None:
    """On a whole result, with findings, rules and a framework that are those of its plan."""
    found = findings()
    whole = document() | {"findings": [plain(one) for one in found], "rules": {}}
    whole["framework"] = whole["framework"] | {"version": frameworks.load().version}
    whole["scope"] = whole["scope"] | {"category": "important"}
    assert again(whole) == whole["plan"]
    assert again(whole, capacity=12)["capacity"] == 12


def plain(one: Finding) -> dict[str, Any]:
    return {
        "id": one.id, "rule": one.rule, "verdict": one.verdict.value, "severity": one.severity.value, "reason": one.reason,
        "target": {"kind": one.target.kind.value, "name": one.target.name, "address": None}, "proof": one.proof.value,
        "facts": dict(one.facts), "location": None, "waiver": None, "since": "2026-11-22",
        "references": [{"source": r.source, "clause": r.clause, "strength": r.strength} for r in one.references],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("supposition", "said"),
    [("capacit=8", "Vouliez-vous dire « capacity »"), ("start=2027-01", "Connues : capacity"), ("8", "Connues : capacity"),
     ("capacity=", "de 0,1 à 200"), ("capacity=0", "de 0,1 à 200"), ("capacity=-3", "de 0,1 à 200"),
     ("capacity=nan", "de 0,1 à 200"), ("capacity=1e9", "de 0,1 à 200"), ("capacity=huit", "de 0,1 à 200")],
)  # fmt: skip
def test_another_supposition_is_refused(nis2check: Command, result: Path, supposition: str, said: str) -> None:
    done = nis2check("plan", str(result), "--what-if", supposition)
    text = done.stderr.decode().replace("\u00a0", " ").replace("\u202f", " ")
    assert done.returncode == 2
    assert said in text
    assert "Traceback" not in text


def test_an_unknown_framework_cannot_be_planned_again(nis2check: Command, result: Path) -> None:
    other = document()
    other["framework"]["version"] = "9.9"
    result.write_bytes(files.canonical(other))
    done = nis2check("plan", str(result), "--what-if", "capacity=8")
    assert done.returncode == 2
    assert "recyf-9.9" in done.stderr.decode()


def test_a_letter_says_what_where_how_and_which_proof() -> None:
    golden = json.loads(GOLDEN.read_bytes())
    item = {"rank": 1, "title": {"fr": "Retirer TLS 1.0 et 1.1", "en": "Remove TLS 1.0 and 1.1"}, "month": "2026-12",
            "findings": [one["id"] for one in golden["findings"] if one["rule"] == "tls/versions"],
            "proof": {"fr": "Nouveau contrôle sans écart", "en": "A new check without a gap"}}  # fmt: skip
    golden["rules"]["tls/versions"]["remediation"] = {"fr": "Couper.", "en": "Cut.", "nginx": "a;\n  b \x1b[2J;"}
    text = letter.render(golden, item, Pen("fr"))
    assert text.startswith("Objet\u00a0: Retirer TLS 1.0 et 1.1\n")
    gaps = [one for one in golden["findings"] if one["rule"] == "tls/versions" and one["verdict"] == "fail"]
    assert len(gaps) > 1
    for one in gaps:
        assert f"- {one['target']['name'].split()[0]}" in text
    assert "   nginx\u00a0:\n     a;\n       b \\x1b[2J;\n" in text
    assert "preuve attendue\u00a0: Nouveau" in text.replace("\n", " ")
    assert "décembre\u00a02026" in text
    assert "\x1b" not in text
    assert text.endswith(f"{golden['body']['name']}\n")
    assert "Cut." in letter.render(golden, item, Pen("en"))


def test_a_letter_of_a_measure_and_of_many_targets(nis2check: Command, result: Path) -> None:
    done = nis2check("plan", str(result), "--letter", "2")
    item = document()["plan"]["measures"][1]
    assert item["title"]["fr"].split()[0] in done.stdout.decode()
    golden = json.loads(GOLDEN.read_bytes())
    template = golden["findings"][0]
    golden["findings"] = [
        template | {"id": f"{n}", "target": template["target"] | {"name": f"h{n}.test:1"}} for n in range(300)
    ]
    many = {"rank": 1, "title": {"fr": "T"}, "findings": [f"{n}" for n in range(300)]}
    assert "et 200 autres (--all)" in letter.render(golden, many, Pen("fr"))
    assert letter.render(golden, many, Pen("fr"), all=True).count(".test:1") == 300


@pytest.mark.parametrize(
    "options", [("--letter", "500"), ("--letter", "1", "--json"), ("--letter", "1", "--explain", "1")]
)
def test_a_letter_that_cannot_be_is_exit_2(nis2check: Command, result: Path, options: tuple[str, ...]) -> None:
    assert nis2check("plan", str(result), *options).returncode == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": "nis2check.result/1"', b"[]"])
def test_a_broken_result_is_exit_2(nis2check: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    done = nis2check("plan", str(path))
    assert done.returncode == 2
    assert b"r.json" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_hostile_result_cannot_command_the_terminal() -> None:
    hostile = document()
    hostile["plan"]["measures"][0]["title"] = {"fr": "\x1b[2Jx\u202ey"}
    hostile["plan"]["measures"][0]["because"] = {"fr": "\x1b]0;t\x07"}
    hostile["plan"]["measures"][0]["owner"] = "\x1b[31m"
    text = render(hostile, Pen("fr"))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_narrow_ascii_terminal_is_served() -> None:
    text = render(document(), Pen("fr", 60, ascii=True))
    assert text.isascii()


def test_an_empty_plan_says_so() -> None:
    empty = document()
    empty["plan"] = plan([], (), frameworks.load(), Category.IMPORTANT, start=datetime.date(2026, 11, 22))
    assert "Aucune action" in render(empty, Pen("fr"))


def test_what_waits_says_for_want_of_what() -> None:
    start = datetime.date(2026, 11, 22)
    waiting = plan(findings(), (), frameworks.load(), Category.IMPORTANT, start=start, days_per_month=1)
    days = f"{sum(item['effort'] for item in waiting['later']):g}"
    said = f"Au-delà de 36 mois à cette capacité : {len(waiting['later'])} mesures, {days} jours."
    assert timeline.beyond(waiting, "en") == said
    assert "pour ne pas charger davantage leurs pilotes" in timeline.beyond(waiting | {"idle": 20}, "fr")
    assert timeline.beyond({"measures": [], "later": []}, "fr") == ""


def test_the_days_of_six_months_are_all_told() -> None:
    told = document()["plan"]
    spent = sum(item["effort"] for item in told["measures"])
    others = round(sum(told["loads"]) - spent, 1)
    kept = round(36 - sum(told["loads"]), 1)
    assert timeline.total(told, "en") == f"Total : {spent:g} jours sur 36 en six mois"
    assert f"{others:g} pour commencer la feuille de route, {kept:g} gardés" in timeline.rest(told, "en")
    older = {key: value for key, value in told.items() if key != "loads"}
    assert timeline.rest(older, "fr") == ""
