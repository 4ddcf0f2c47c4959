# SPDX-License-Identifier: EUPL-1.2
"""The words of a result: every word of the model has a French one, reasons are sentences, an unknown word is no error."""

from __future__ import annotations

from enum import StrEnum

import pytest

from nis2check import language
from nis2check.model import Category, Proof, Severity, Verdict, Why
from nis2check.report import reasons, words
from nis2check.rules.references import sources


@pytest.mark.parametrize(
    ("kind", "say"),
    [(Category, words.category), (Severity, words.severity), (Proof, words.proof), (Proof, words.proof_noun),
     (Proof, words.proof_name), (Why, words.why)],
)  # fmt: skip
def test_every_word_of_the_model_is_said(kind: type[StrEnum], say: object) -> None:
    assert callable(say)
    said = [say(word.value) for word in kind]
    assert [word for word in kind if word.value in said] == []
    assert len(set(said)) == len(said)


def test_verdicts_differ_by_sign_word_and_ascii() -> None:
    marks = [words.verdict(word.value) for word in Verdict]
    for part in zip(*marks, strict=True):
        assert len(set(part)) == len(marks)
    assert all(mark.ascii.isascii() and len(mark.ascii) == 3 for mark in marks)


def test_a_word_of_a_newer_document_comes_back() -> None:
    assert words.severity("cosmic") == "cosmic"
    assert words.verdict("maybe").word == "maybe"
    assert words.why("eclipse") == "eclipse"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", ("", "")),
        ("timeout", ("Pas de réponse dans le délai", "")),
        ("timeout: no answer: 3 tries", ("Pas de réponse dans le délai", "no answer: 3 tries")),
        ("Personne n'est désigné : à faire.", ("", "Personne n'est désigné : à faire.")),
        ("limit is a word", ("", "limit is a word")),
        ("certificate.days_left = 9 (minimum: 15)", ("certificate.days_left : 9 ; attendu : au moins 15", "")),
        (
            'tls.versions = ["TLSv1", "TLSv1.2"] (enum: ["TLSv1.2", "TLSv1.3"])',
            ("tls.versions : TLSv1, TLSv1.2 ; attendu : TLSv1.2, TLSv1.3", ""),
        ),
        ("certificate.self_signed = true (const: false)", ("certificate.self_signed : oui ; attendu : non", "")),
        ('http.server = "a (b: c)" (not: {"pattern": "x…)', ("http.server : a (b: c)", "")),
        (
            'tls.weak_suites = ["ANON", "CBC"] (not: {"enum": ["NULL", "ANON"]})',
            ("tls.weak_suites : ANON, CBC ; attendu : rien de NULL, ANON", ""),
        ),
        ("x.y = {0} {name} (const: 1)", ("x.y : {0} {name} ; attendu : 1", "")),
    ],
)
def test_reasons(reason: str, said: tuple[str, str]) -> None:
    assert reasons.told(reason) == said


@pytest.mark.parametrize(
    ("source", "clause", "said"),
    [
        ("recyf", "8.1", "ReCyF 8.1"),
        ("nis2", "21(2)(h)", "NIS 2 art. 21(2)(h)"),
        ("rfc9325", "3.1.1", "RFC 9325 3.1.1"),
        ("later", "x", "later x"),
    ],
)
def test_references(source: str, clause: str, said: str) -> None:
    assert words.reference({"source": source, "clause": clause, "strength": "full"}) == said


def test_every_source_has_a_name_that_people_know() -> None:
    for source in sources():
        said = words.reference({"source": source, "clause": "1"})
        assert said != f"{source} 1" or source in {"ansible-lint", "hadolint", "zizmor"}, source


def test_the_law_is_a_dated_statement() -> None:
    told = words.legal_status({"text": "bill, not promulgated", "as_of": "2026-10-07"}, "fr")
    assert "non promulgué au 7\u00a0octobre\u00a02026" in told
    other = words.legal_status({"text": {"fr": "Loi n° 1"}, "as_of": "2027-01-01"}, "fr")
    assert other == "Loi n° 1 (au 1er\u00a0janvier\u00a02027)."


@pytest.mark.parametrize(
    ("population", "people"),
    [
        ({"totale": 3, "municipale": 2}, 3),
        ({"totale": None, "municipale": 2}, 2),
        ({"totale": 0}, 0),
        (7, 7),
        (None, None),
        ({}, None),
    ],
)
def test_inhabitants(population: object, people: int | None) -> None:
    assert words.inhabitants(population) == people


def test_owners_and_values() -> None:
    assert words.owner("outsourcer", "fr") == "Infogérant"
    assert words.owner("Mme Le Goff", "fr") == "Mme Le Goff"
    assert words.value([]) == "[]"
    assert words.value(None) == "aucune valeur"
    assert words.value({"b": 1, "a": [True]}) == '{"a": [true], "b": 1}'


def test_a_report_speaks_its_own_language_and_gives_the_other_back() -> None:
    language.use("fr")
    with pytest.raises(ValueError, match="stop"), language.speaking("en"):
        assert language.chosen() == "en"
        raise ValueError("stop")
    assert language.chosen() == "fr"
