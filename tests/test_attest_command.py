# SPDX-License-Identifier: EUPL-1.2
"""``nis2check attest`` by its real command: answers by options, the list, the file people read, and what is refused."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import bodyfile, files, frameworks
from nis2check.attest import attestations, measures
from nis2check.files import load_yaml
from nis2check.model import Category, Verdict

ROOT = Path(__file__).parent.parent

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
RECYF = frameworks.load()
BODY = (
    "# relu le 3 mars\nbody: {siren: 200072460} # Béthune\n\n"
    "# attestations: attestations.yaml\ntargets: {domains: [agglo.example]}\n"
)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "nis2check.yaml"
    file.write_text(BODY, encoding="utf-8")
    return file


def said(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    text = done.stderr.decode().replace("\xa0", " ").replace("\u202f", " ")
    assert done.returncode == code, text
    assert "Traceback" not in text
    return text


def listed(inside: Command, *more: str) -> dict[str, Any]:
    done = inside("attest", "--list", "--json", *more)
    said(done)
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, dict(files.schema("attest")))
    return document


def answers_of(folder: Path) -> dict[str, Any]:
    found = load_yaml(folder / "attestations.yaml").data["attestations"]
    return {item["measure"]: item for item in found}


def test_an_answer_is_written_for_people_and_read_back(nis2check: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "pv.pdf").write_bytes(b"proces-verbal")
    text = said(
        nis2check(
            *("attest", "--measure", "13.2", "--answer", "yes", "--by", "DGS", "--role", "Directrice"),
            *(
                "--proof",
                "pv.pdf",
                "--reference",
                "Délibération 2026-41",
                "--until",
                "2027-03-01",
                "--on",
                "2026-11-22",
            ),
        )
    )
    written = (tmp_path / "attestations.yaml").read_text(encoding="utf-8")
    (fact,) = attestations.read(tmp_path / "attestations.yaml", RECYF, "x")

    assert 'measure: "13.2"  # Tester la restauration chaque année' in written
    assert (fact.value["answer"], fact.value["by"], fact.value["until"]) == ("yes", "DGS", "2027-03-01")
    assert fact.value["proof"][0] == {"reference": "Délibération 2026-41"}
    assert fact.value["proof"][1]["deposited"] == fact.value["proof"][1]["kept"] == fact.value["proof"][1]["sha256"]
    assert "1 attestée" in text and "75 à attester" in text


def test_a_yes_without_proof_is_told_to_be_one(inside: Command, body: Path) -> None:
    text = said(inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DGS", "--on", "2026-11-22"))

    assert "13.2 : Répondu « oui », mais aucune preuve n'est jointe." in text
    assert "0 attestée" in text


def test_the_list_tells_a_person_the_proof_who_answers_and_for_how_long(inside: Command, body: Path) -> None:
    text = " ".join(inside("attest", "--list").stdout.decode().replace("\u00a0", " ").split())

    assert "Preuve : Procès-verbal daté du test. Répond d'habitude : Infogérant. Une réponse vaut 12 mois." in text


def test_the_body_s_file_gains_one_line_and_keeps_its_comments(inside: Command, body: Path) -> None:
    said(inside("attest", "--measure", "2.A.3", "--answer", "no"))

    assert body.read_text(encoding="utf-8") == BODY.replace("# attestations:", "attestations:")
    assert bodyfile.load(body).attestations is not None


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_without_the_commented_line_one_is_added_at_the_end(inside: Command, tmp_path: Path, end: str) -> None:
    before = b"body: {siren: 200072460}" + end.encode()
    (tmp_path / "nis2check.yaml").write_bytes(before)
    said(inside("attest", "--measure", "2.A.3", "--answer", "no"))
    after = (tmp_path / "nis2check.yaml").read_bytes()

    assert after.startswith(before) and b"attestations: attestations.yaml" in after
    assert (b"\r\n" in after) is (end == "\r\n")
    assert bodyfile.load(tmp_path / "nis2check.yaml").attestations is not None


def test_a_body_file_that_cannot_be_extended_is_left_and_the_line_is_told(inside: Command, tmp_path: Path) -> None:
    flow = "{body: {siren: 200072460}}\n"
    (tmp_path / "nis2check.yaml").write_text(flow)
    text = said(inside("attest", "--measure", "2.A.3", "--answer", "no"))

    assert (tmp_path / "nis2check.yaml").read_text() == flow
    assert "À ajouter à nis2check.yaml" in text and "attestations: attestations.yaml" in text
    assert answers_of(tmp_path)["2.A.3"]["answer"] == "no"


def test_an_answer_takes_the_place_of_the_former_and_nothing_else_moves(
    inside: Command, body: Path, tmp_path: Path
) -> None:
    hand = (
        "# En tête\n"
        "attestations:\n"
        "- measure: 1.1   # à revoir avec Anne\n"
        "  answer: yes\n"
        "  by: DSI\n"
        "  # pourquoi : la liste date\n"
        "  on: 2026-10-01\n"
        "\n"
        "# la suite\n"
        "- {measure: 4.1, answer: no, on: 2026-10-02}\n"
        "schema: nis2check.attestations/1\n"
    )
    (tmp_path / "attestations.yaml").write_text(hand, encoding="utf-8")
    said(
        inside(
            "attest", "--measure", "1.1", "--answer", "partial", "--reason", "Sans #1 responsable", "--on", "2026-11-22"
        )
    )
    said(inside("attest", "--measure", "2.A.3", "--answer", "no", "--on", "2026-11-22"))
    written = (tmp_path / "attestations.yaml").read_text(encoding="utf-8")

    assert list(answers_of(tmp_path)) == ["1.1", "2.A.3", "4.1"]  # the order of the framework
    assert answers_of(tmp_path)["1.1"]["reason"] == "Sans #1 responsable"
    for kept in (
        "# En tête\n",
        '# à revoir avec Anne\n# pourquoi : la liste date\n- measure: "1.1"  # Lister',
        "# la suite\n- {measure: 4.1, answer: no, on: 2026-10-02}\n",
    ):
        assert kept in written
    assert written.endswith("schema: nis2check.attestations/1\n")


def test_a_layout_that_cannot_be_kept_is_refused_whole(inside: Command, body: Path, tmp_path: Path) -> None:
    flow = "# mon fichier\nattestations: [{measure: 1.1, answer: no, on: 2026-10-01}] # fin\n"
    (tmp_path / "attestations.yaml").write_text(flow)
    text = said(inside("attest", "--measure", "4.1", "--answer", "no"), 2)

    assert "attestations.yaml:2" in text and text.count("\n") == 1
    assert (tmp_path / "attestations.yaml").read_text() == flow


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--measure", "13.9", "--answer", "yes"], "13.9"),
        (["--measure", "13.2"], "--answer"),
        (["--answer", "yes"], "--measure"),
        (["--measure", "13.2", "--answer", "yes"], "--proof"),
        (["--measure", "13.2", "--answer", "not_applicable", "--by", "DGS"], "--reason"),
        (["--measure", "13.2", "--answer", "yes", "--by", "DGS", "--until", "2026-02-30"], "2026-02-30"),
        (
            ["--measure", "13.2", "--answer", "yes", "--by", "DGS", "--until", "2026-01-01", "--on", "2026-11-22"],
            "précède",
        ),
        (["--measure", "13.2", "--answer", "yes", "--proof", "absent.pdf"], "absent.pdf"),
        (["--measure", "13.2", "--answer", "yes", "--proof", "."], "ordinaire"),
        (["--measure", "13.2", "--answer", "yes", "--proof", "vide.pdf"], "vide"),
        (["--measure", "13.2", "--answer", "yes", "--list"], "une seule action"),
        (["--no-input"], "--measure"),
        ([], "--export"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_nothing(
    inside: Command, body: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "vide.pdf").write_bytes(b"")
    text = said(inside("attest", *arguments), 2)

    assert told in text and text.count("\n") == 1
    assert not (tmp_path / "attestations.yaml").exists()
    assert body.read_text(encoding="utf-8") == BODY


def test_without_a_body_file_it_says_what_to_type(inside: Command) -> None:
    assert "nis2check init" in said(inside("attest"), 2)


def test_the_list_is_what_is_unanswered_expired_or_expiring(inside: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "preuve.txt").write_text("vu")
    (tmp_path / "attestations.yaml").write_text(
        "attestations:\n"
        "  - {measure: 1.1, answer: yes, by: DSI, on: 2026-10-01, proof: [preuve.txt]}\n"  # holds
        "  - {measure: 1.2, answer: yes, by: DSI, on: 2025-12-22, proof: [preuve.txt]}\n"  # ends in 30 days
        "  - {measure: 1.3, answer: yes, by: DSI, on: 2025-12-23, proof: [preuve.txt]}\n"  # ends in 31
        "  - {measure: 13.2, answer: yes, by: DSI, on: 2025-11-21}\n"  # ended yesterday
        "  - {measure: 13.1, answer: yes, by: DSI, on: 2026-10-01, proof: [parti.pdf]}\n"
        "  - {measure: 4.1, answer: yes, on: 2026-10-01}\n"  # nobody, nothing
        "  - {measure: 4.2, answer: unknown, by: RH, on: 2026-10-01}\n"  # said, to clarify, not asked again
        "  - {measure: 4.4, answer: no, on: 2025-10-01}\n"  # still a gap, asked again
        "  - {measure: 4.5, answer: yes, by: RH, on: 2027-01-01}\n",  # of tomorrow
        encoding="utf-8",
    )
    body.write_text(BODY.replace("# attestations", "attestations"), encoding="utf-8")
    document = listed(inside, "--on", "2026-11-22")
    due = {one["measure"]: one["due"] for one in document["questions"]}

    assert (document["category"], document["asked"]) == ("important", 76)
    answered = {name: due.pop(name, None) for name in ("1.1", "1.2", "1.3", "13.2", "13.1", "4.1", "4.2", "4.4", "4.5")}
    assert answered == {
        "1.1": None,
        "1.2": "expiring",
        "1.3": None,
        "13.2": "expired",
        "13.1": "proof_missing",
        "4.1": "unproven",
        "4.2": None,
        "4.4": "expired",
        "4.5": "unanswered",
    }
    assert len(due) == 76 - 9 and set(due.values()) == {"unanswered"}


def test_an_essential_body_is_asked_all_152_and_one_out_of_scope_nothing(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "nis2check.yaml").write_text("body: {nature: REG, name: Région, population: 5000000}\n")
    assert listed(inside)["asked"] == 152
    (tmp_path / "nis2check.yaml").write_text("body: {nature: COMMUNE, name: Village, population: 300}\n")
    document = listed(inside)
    assert (document["category"], document["asked"], document["questions"]) == ("out_of_scope", 0, [])
    assert "hors champ" in said(inside("attest"))


def test_hostile_words_stay_values(inside: Command, body: Path, tmp_path: Path) -> None:
    evil = 'a"\n  - {measure: 4.1, answer: yes, by: x, on: 2026-01-01} # \x1b[31m \u202e \x85 {{7*7}} !!python/object:os.system'
    done = inside("attest", "--measure", "1.1", "--answer", "no", "--by", evil, "--reason", evil)
    said(done)

    assert list(answers_of(tmp_path)) == ["1.1"]
    assert answers_of(tmp_path)["1.1"]["reason"] == evil
    assert b"\x1b" not in done.stderr


def test_a_disk_that_fills_keeps_the_old_file(inside: Command, body: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    said(inside("attest", "--measure", "1.1", "--answer", "no"))
    before = (tmp_path / "attestations.yaml").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "nis2check", "attest", "--measure", "1.2", "--answer", "no", "--reason", "x" * 1990],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)),
    )

    assert "attestations.yaml" in said(done, 74)
    assert (tmp_path / "attestations.yaml").read_bytes() == before
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


def test_scan_gives_the_changed_proof_as_its_reason(inside: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "pv.pdf").write_bytes(b"un")
    said(inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf"))
    (tmp_path / "pv.pdf").write_bytes(b"deux")
    facts = attestations.read(tmp_path / "attestations.yaml", RECYF, "x")
    found = measures.findings(RECYF, Category.IMPORTANT, facts, datetime.date.today(), "x")
    (finding,) = (one for one in found if one.rule == "recyf/13.2")

    assert (finding.verdict, finding.reason) == (Verdict.TO_ATTEST, "Preuve modifiée depuis son dépôt : pv.pdf.")


def test_a_proof_whose_original_went_away_is_shown_by_its_copy(inside: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "pv.pdf").write_bytes(b"un")
    said(inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf"))
    (tmp_path / "pv.pdf").unlink()

    assert "13.2" not in {one["measure"] for one in listed(inside)["questions"]}
