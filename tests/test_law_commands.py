# SPDX-License-Identifier: EUPL-1.2
"""``scope``, ``simulate`` and ``register`` as a person runs them: output, exit code, one clear line for a fault."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from nis2check.files import schema

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]

KEYS = {
    "schema",
    "siren",
    "name",
    "nature",
    "regime",
    "as_of",
    "population",
    "category",
    "by_notion",
    "because",
    "missing",
}


def scope(nis2check: Command, *arguments: str) -> dict[str, Any]:
    done = nis2check("scope", *arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    value: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(value, schema("scope"))
    return value


def test_scope_json_has_the_keys_of_the_contract(nis2check: Command) -> None:
    value = scope(nis2check, "243400819", "--on", "2026-11-22")
    assert value.keys() >= KEYS | {"notes", "legal_status"}
    assert value["schema"] == "nis2check.scope/1"
    assert (value["siren"], value["nature"], value["regime"]) == ("243400819", "CA", "senate-2025")
    assert (value["as_of"], value["category"]) == ("2026-11-22", "essential")
    assert value["by_notion"] == {"totale": "essential", "municipale": "important"}
    assert value["because"][0]["clause"] == "art. 8, al. 13"
    assert value["because"][0]["confidence"] == "A"
    assert value["legal_status"]["text"] == "bill, not promulgated"
    assert value["legal_status"]["as_of"] == "2026-10-07"
    assert value["legal_status"]["confidence"] == "B"
    assert value["distances"][0] | {"reference": None} == {
        "clause": "art. 8, al. 13", "fact": "largest_commune", "notion": "totale", "value": 30340, "operator": ">",
        "threshold": 30000, "unit": "inhabitants", "reference": None, "met": True, "gap": 340, "percent": 1.13,
    }  # fmt: skip
    assert {change["kind"] for change in value["would_change"]} == {"notion", "threshold", "regime"}
    assert {duty["id"] for duty in value["obligations"]} >= {
        "registration",
        "measures-essential",
        "incidents",
        "no-fines",
    }


def test_the_gap_is_the_least_change_that_turns_the_answer(nis2check: Command) -> None:
    for people, met, gap in ((29999, False, 2), (30000, False, 1), (30001, True, 1)):
        value = scope(nis2check, "--nature", "COMMUNE", "--population-figure", str(people))
        assert [(d["met"], d["gap"]) for d in value["distances"]] == [(met, gap), (met, gap)]


@pytest.mark.parametrize(
    ("arguments", "category"),
    [
        (("84087", "--population", "municipale"), "out_of_scope"),
        (("84087", "--strict-population"), "undecided"),
        (("84087", "--on", "2025-06-01"), "out_of_scope"),
        (("243400819", "--regime", "what-if/all-ca-important"), "important"),
        (("200057867",), "undecided"),
        (("--nature", "SDIS"), "essential"),
        (("SDIS de l'Hérault", "--nature", "SDIS"), "essential"),
        (("--nature", "COMMUNE", "--population-figure", "30 001"), "essential"),
        (("--nature", "EPA", "--parent", "34172", "--activity", "health"), "essential"),
        (("--nature", "EPA", "--parent", "994579670", "--activity", "health"), "important"),
        (("01001", "--designated", "essential"), "essential"),
        (("01001", "--former-ose"), "essential"),
    ],
)
def test_options_of_scope(nis2check: Command, arguments: tuple[str, ...], category: str) -> None:
    assert scope(nis2check, *arguments)["category"] == category


def test_a_parent_that_depends_on_the_notion_makes_its_establishment_depend_on_it(nis2check: Command) -> None:
    value = scope(nis2check, "--nature", "EPA", "--parent", "243400819", "--activity", "health")
    assert value["by_notion"] == {"totale": "essential", "municipale": "important"}


def test_scope_speaks_to_a_general_manager(nis2check: Command) -> None:
    text = nis2check("scope", "243400819").stdout.decode().replace("\u202f", " ").replace("\u00a0", " ")
    text = re.sub(r"\s+", " ", text)
    for said in (
        "ENTITÉ ESSENTIELLE",
        "Agde : 30 340 habitants (population totale, 2026) ; il faut plus de 30 000 ; écart : 340, soit 1,1 %.",
        "totale 83 500 (en vigueur au 1er janvier 2025)",
        "En population municipale : entité importante.",
        "toutes les communautés d'agglomération importantes : entité importante",
        "alerte à l'ANSSI sous 24 heures, notification sous 72 heures",
        "État du droit au 07/10/2026 : projet de loi, non promulgué",
        "Ne vaut pas avis juridique",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Dire de qui"),
        (("",), "vide"),
        ((" ",), "vide"),
        (("", "--nature", "CC"), "vide"),
        (("--nature", "EPA", "--parent", ""), "vide"),
        (("243400818",), "somme de Luhn 39"),
        (("Saint-Denis",), "929939411"),
        (("Perigeux",), "212403224"),
        (("84087", "--regime", "senate-2052"), "senate-2025"),
        (("84087", "--on", "2024-06-01"), "2025, 2026"),
        (("84087", "--on", "2999-01-01"), "à venir"),
        (("84087", "--on", "22/11/2026"), "AAAA-MM-JJ"),
        (("84087", "--on", "2026-02-30"), "AAAA-MM-JJ"),
        (("--nature", "COMUNE"), "COMMUNE"),
        (("--nature", "COMMUNE", "--population-figure", "-5"), "-5"),
        (("--nature", "COMMUNE", "--population-figure", "30000.5"), "30000.5"),
        (("--nature", "COMMUNE", "--population-figure", "999999999999"), "dépasse"),
        (("--nature", "COMMUNE", "--population-figure", "beaucoup"), "beaucoup"),
        (("233500016", "--nature", "CC"), "contradictoires"),
        (("--nature", "SYNDICAT", "--activity", "drinkin-water"), "drinking-water"),
        (("--all",), "--json-lines"),
        (("84087", "--json-lines"), "--all"),
        (("--nature", "EPA", "--parent", "Saint-Denis"), "929939411"),
    ],
)
def test_a_fault_is_told_and_exits_2(nis2check: Command, arguments: tuple[str, ...], told: str) -> None:
    done = nis2check("scope", *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert told in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


WATER = ("R", "--nature", "EPIC", "--activity", "drinking-water")


def test_what_would_change_the_answer_is_said_once_and_never_for_lack_of_another_fact(nis2check: Command) -> None:
    # Under 250 agents, and again under 50, only the accounts could tell: that is a question, not another answer.
    assert scope(nis2check, *WATER, "--staff", "250")["would_change"] == []
    accounts = ("--turnover", "0", "--balance-sheet", "0")
    told = [change["text"] for change in scope(nis2check, *WATER, "--staff", "250", *accounts)["would_change"]]
    assert told == [
        "Avec 1 agent de moins (ses effectifs) : entité importante.",
        "Avec 201 agents de moins (ses effectifs) : hors du champ.",
    ]


def test_a_change_that_the_texts_leave_open_is_still_told(nis2check: Command, tmp_path: Path) -> None:
    (tmp_path / "silent.yaml").write_text(
        """schema: nis2check.regime/1
extends: senate-2025
title: {fr: Texte muet}
state: hypothetical
dates: {adopted: null, from: null, until: null}
checked_on: 2026-11-22
legal_status: {text: {fr: hypothèse}, as_of: 2026-11-22, source: test}
clauses:
  - {id: region, clause: x, natures: [REG], category: undecided, confidence: C, text: {fr: Muet.},
     references: [{source: test, clause: x}]}
"""
    )
    value = scope(nis2check, "--nature", "REG", "--regime", str(tmp_path / "silent.yaml"))
    assert (value["category"], value["missing"]) == ("undecided", [])
    assert ("regime", "essential") in {(each["kind"], each["category"]) for each in value["would_change"]}
    assert "confidence" not in value["legal_status"]


def test_a_number_never_breaks_across_lines(nis2check: Command) -> None:
    for insee in ("34301", "84087", "34172", "01001"):
        text = nis2check("scope", insee).stdout.decode()
        assert "30\u202f000\u00a0habitants" in text
        assert not re.search(r"\d\s+000\b", text.replace("\u202f", "_"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("R", "--nature", "EPA"), "la catégorie de la collectivité de rattachement (--parent), l'activité exercée"),
        (("R", "--nature", "CA"), "la population de la plus grande commune membre (--largest-commune)"),
        (WATER, "l'effectif (--staff), le chiffre d'affaires ou les produits d'exploitation (--turnover)"),
    ],
)
def test_facts_that_lack_are_told_in_words(nis2check: Command, arguments: tuple[str, ...], words: str) -> None:
    text = re.sub(r"\s+", " ", nis2check("scope", *arguments).stdout.decode())
    assert words in text
    assert not re.search(r"\b[a-z]+_[a-z]+\b", text)
    assert scope(nis2check, *arguments)["missing"][0] in {"parent_category", "largest_commune", "staff"}


def test_the_exclusion_from_fines_does_not_lend_its_confidence_to_controls(nis2check: Command) -> None:
    duties = {duty["id"]: duty for duty in scope(nis2check, "34172")["obligations"]}
    assert duties["no-fines"]["confidence"] == "A"
    assert duties["controls"]["confidence"] == "B"
    assert "ontrôles" not in duties["no-fines"]["text"]


def test_every_body_on_its_line(nis2check: Command) -> None:
    done = nis2check("scope", "--all", "--json-lines", "--on", "2026-11-22")
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len({line["siren"] for line in lines}) == 36251
    judge = jsonschema.Draft202012Validator(schema("scope"))
    by_nature = {line["nature"]: line for line in lines}
    assert all(judge.is_valid(line) for line in by_nature.values())
    assert all(line["by_notion"].keys() == {"totale", "municipale"} for line in lines)
    assert [line["by_notion"] for line in lines if line["nature"] == "EPT"] == [
        {"totale": "undecided", "municipale": "undecided"}
    ] * 11


def test_simulate_counts_and_names_who_changes(nis2check: Command, tmp_path: Path) -> None:
    done = nis2check(
        "simulate", "--population", "totale", "--population", "municipale", "--on", "2026-11-22", "--json",
        "--output", "changes=c.csv", "--output", "csv=n.csv", "--output", "html=p.html", "--output", "svg=p.svg",
    )  # fmt: skip
    assert done.returncode == 0
    value = json.loads(done.stdout)
    totale, municipale = value["scenarios"]
    assert totale["counts"] == {"essential": 554, "important": 1107, "out_of_scope": 34579, "undecided": 11}
    assert municipale["by_nature"]["COMMUNE"]["essential"] == 289
    assert municipale["by_department"]["34"]["essential"] < totale["by_department"]["34"]["essential"]
    assert len(value["changes"]) == 9  # 7 communes and the CA of two of them
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert {row["siren"] for row in rows} == {change["siren"] for change in value["changes"]}
    assert "243400819" in {row["siren"] for row in rows}
    counts = list(csv.DictReader((tmp_path / "n.csv").read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert counts[0]["essential"] == "554"
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "Vandœuvre-lès-Nancy" in page
    assert ElementTree.fromstring((tmp_path / "p.svg").read_bytes()).get("role") == "img"


def test_simulate_a_threshold(nis2check: Command) -> None:
    done = nis2check("simulate", "--threshold", "40000", "--nature", "COMMUNE", "--on", "2026-11-22", "--json")
    first, second = json.loads(done.stdout)["scenarios"]
    assert (first["threshold"], second["threshold"]) == (None, 40000)
    assert first["counts"]["essential"] == 296 > second["counts"]["essential"] > 150


def test_simulate_all_regimes_by_default(nis2check: Command) -> None:
    text = nis2check("simulate", "--department", "34", "--nature", "CA", "--on", "2026-11-22").stdout.decode()
    assert "what-if/five-years, totale, 2026-11-22 : 0" in text.replace("\u00a0", " ")
    assert "243400819" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--nature", "XX"), "Aucun organisme"),
        (("--threshold", "-3"), "-3"),
        (("--output", "pdf=x.pdf"), "pdf=x.pdf"),
        (("--output", "csv"), "csv"),
        (("--on", "2023-01-01"), "2025, 2026"),
        (("--regime", "nope"), "nope"),
    ],
)
def test_a_fault_of_simulate_exits_2(nis2check: Command, arguments: tuple[str, ...], told: str) -> None:
    done = nis2check("simulate", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert told in done.stderr.decode()


def test_register_shows_its_sources_and_a_body(nis2check: Command) -> None:
    told = nis2check("register", "show", "--sources").stdout.decode()
    assert "@etalab/decoupage-administratif" in told
    assert "Licence Ouverte" in told
    assert "36251" in told
    body = json.loads(nis2check("register", "show", "CAPI", "--json").stdout)
    assert body["siren"] == "243800604"
    assert nis2check("register", "verify").returncode == 0


def test_register_verify_says_what_changed(nis2check: Command, tmp_path: Path) -> None:
    import shutil

    import nis2check as package

    shutil.copytree(Path(str(package.__file__)).parent / "register" / "data", tmp_path / "own")
    manifest = tmp_path / "own" / "register.json"
    manifest.write_text(manifest.read_text().replace("36251", "36250"))
    done = nis2check("register", "verify", NIS2CHECK_REGISTER=str(tmp_path / "own"))
    assert done.returncode == 1
    assert "36251 SIREN, 36250 annoncés" in done.stdout.decode()


def test_register_build_names_what_lacks(nis2check: Command) -> None:
    done = nis2check("register", "build", "nowhere", "--output", "out")
    assert done.returncode == 2
    assert "6.0.0" in done.stderr.decode()
