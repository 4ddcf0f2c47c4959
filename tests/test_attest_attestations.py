# SPDX-License-Identifier: EUPL-1.2
"""attestations.yaml → facts, and its faults told at their line."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from nis2check import frameworks
from nis2check.attest import attestations
from nis2check.errors import InputError
from nis2check.model import Source

RECYF = frameworks.load()


def write(folder: Path, text: str) -> Path:
    file = folder / "attestations.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_values_dates_and_proofs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "preuves").mkdir()
    (tmp_path / "preuves" / "pv.pdf").write_bytes(b"proces-verbal")
    file = write(
        tmp_path,
        "attestations:\n"
        "  - {measure: 13.2, answer: yes, by: DSI, role: Directeur, on: 2026-03-01, until: 2026-12-31,\n"
        "     proof: [preuves/pv.pdf, absent.pdf, {reference: Délibération 2026-41}]}\n"
        "  - measure: '2.A.3'\n"
        "    answer: no\n"
        "    on: 2026-03-02\n"
        "    reason: Personne n'est désigné.\n",
    )
    first, second = attestations.read(file, RECYF, "243400819")
    assert (first.name, first.subject, first.source, first.where) == (
        "attestation.13.2",
        "243400819",
        Source.DECLARED,
        "attestations.yaml:2",
    )
    assert first.seen_at == "2026-03-01T00:00:00+00:00"
    assert first.value == {
        "answer": "yes",
        "by": "DSI",
        "role": "Directeur",
        "on": "2026-03-01",
        "until": "2026-12-31",
        "reason": None,
        "proof": [
            {"file": "preuves/pv.pdf", "sha256": sha256(b"proces-verbal").hexdigest()},
            {"file": "absent.pdf", "sha256": None},
            {"reference": "Délibération 2026-41"},
        ],
    }
    assert second.where == "attestations.yaml:4"
    assert second.value["answer"] == "no"
    assert second.value["until"] is None


def test_empty_list_is_no_fact(tmp_path: Path) -> None:
    assert attestations.read(write(tmp_path, "attestations: []\n"), RECYF, "x") == ()


ONE = "attestations:\n  - {measure: 1.1, answer: yes, by: DSI, on: 2026-03-01}\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (ONE + "  - {measure: 13.9, answer: yes, on: 2026-03-01}\n", 3, "13.9"),
        (ONE + "  - {measure: 1.1, answer: no, on: 2026-03-01}\n", 3, "ligne 2"),
        (ONE + "  - {measure: 1.2, answer: oui, on: 2026-03-01}\n", 3, "oui"),
        (ONE + "  - {measure: 1.2, answer: yes}\n", 3, "« on »"),
        (ONE + "  - {measure: 1.2, answer: not_applicable, on: 2026-03-01}\n", 3, "« reason »"),
        (ONE + "  - {measure: 1.2, answer: yes, on: 2026-03-01, until: 2026-02-01}\n", 3, "précède"),
        (ONE + "  - {measure: 1.2, answer: yes, on: 2026-02-30}\n", 3, "2026-02-30"),
        (ONE + "  - {measure: 1.2, answer: yes, on: '2026-02-30'}\n", 3, "2026-02-30"),
        (ONE + "  - {measure: 1.2, answer: yes, on: 2026-03-01, proof: [../pv.pdf]}\n", 3, "dossier"),
        (ONE + "  - {measure: 1.2, answer: yes, on: 2026-03-01, proof: [/etc/hostname]}\n", 3, "dossier"),
        (ONE + "  - {measure: 1.2, answer: yes, on: 2026-03-01, prof: []}\n", 3, "« proof »"),
        ("- {measure: 1.1, answer: yes, on: 2026-03-01}\n", 1, "object"),
    ],
)
def test_faults_are_told_at_their_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(InputError) as caught:
        attestations.read(write(tmp_path, text), RECYF, "x")
    place = caught.value.place
    assert place is not None
    assert (place.file, place.line) == ("attestations.yaml", line)
    assert what in caught.value.what + caught.value.advice


def test_a_folder_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "pv").mkdir()
    with pytest.raises(InputError):
        attestations.read(
            write(tmp_path, "attestations:\n  - {measure: 1.2, answer: yes, on: 2026-03-01, proof: [pv]}\n"), RECYF, "x"
        )


def test_a_name_that_no_file_can_have_is_an_absent_proof(tmp_path: Path) -> None:
    file = write(tmp_path, f"attestations:\n  - {{measure: 1.2, answer: yes, on: 2026-03-01, proof: [{'a' * 900}]}}\n")
    (fact,) = attestations.read(file, RECYF, "x")
    assert fact.value["proof"][0]["sha256"] is None
