# SPDX-License-Identifier: EUPL-1.2
"""The gap report of the terminal: order, width, ASCII, colour, and what it must never say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nis2check.printing import columns
from nis2check.report import findings
from nis2check.report.pen import Pen
from nis2check.report.terminal import render

GOLDEN = Path(__file__).parent / "golden" / "result.json"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def plain(text: str) -> str:
    """Without no-break spaces, so that a test reads as a person does."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_header_says_who_what_and_what_the_law_is(golden: dict[str, Any]) -> None:
    text = plain(" ".join(render(golden, "fr").split()))
    assert "Communauté de communes des Étangs & Forêts · 31 420 habitants" in text
    assert "Statut présumé : entité importante (EI), selon le régime senate-2025" in text
    assert "art. 9, 5° : Les communautés de communes" in text
    assert "non promulgué au 7 octobre 2026 d'après nos sources" in text
    assert "confiance B" in text


def test_worst_first_then_unknown_then_totals_then_what_to_do(golden: dict[str, Any]) -> None:
    text = plain(render(golden, "fr"))
    order = [
        "CRITIQUE  ports/remote-admin", "ÉLEVÉE  tls/versions", "MOYENNE  mail/dmarc-policy", "◐ MOYENNE  recyf/",
        "INDÉTERMINÉE  tls/versions", "MESURES ATTESTÉES PAR FAMILLE", "BILAN : 91 points examinés", "N'ONT PAS PU ÊTRE ÉTABLIS",
        "DÉROGATIONS", "Ensuite :", "Aide à la préparation",
    ]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_a_group_says_target_place_clauses_proof_and_remedy(golden: dict[str, Any]) -> None:
    text = plain(render(golden, "fr"))
    block = next(block for block in text.split("\n\n") if "tls/versions" in block)
    assert "mail.exemple.test:443" in block
    assert "nis2check.yaml:12" in block
    assert "ANSSI TLS R4, NIS 2 art. 21(2)(h), ReCyF 8.1" in block
    assert "seulement à l'adresse 2001:db8::10" in block
    assert "depuis 34 jours" in block
    assert "dérogation D-004 jusqu'au 15/01/2027" in block
    assert "→ Exiger TLS 1.2 au minimum." in block
    assert "Effort : faible" in block


def test_unknown_is_said_not_to_be_a_pass(golden: dict[str, Any]) -> None:
    text = plain(render(golden, "fr"))
    assert text.count("Ceci n'est pas une conformité") == 5
    assert "Pas de réponse dans le délai (no answer to 3 hellos)" in text


def test_totals_are_split_by_proof(golden: dict[str, Any]) -> None:
    rows = [line.split() for line in plain(render(golden, "fr")).splitlines() if line.startswith("  ✗  Non conforme")]
    assert rows == [["✗", "Non", "conforme", "14", "8", "1", "5"]]


def test_no_grade_no_score_no_percentage(golden: dict[str, Any]) -> None:
    text = render(golden, "fr", all=True).lower()
    assert "%" not in text
    assert not re.search(r"\b(score|note globale|certifié)\b", text)


def test_minor_gaps_are_counted_unless_all_is_asked(golden: dict[str, Any]) -> None:
    short, whole = plain(render(golden, "fr")), plain(render(golden, "fr", all=True))
    assert "… 2 écarts mineurs : --all" in short
    assert "FAIBLE  dns/dnssec" not in short
    assert "FAIBLE  dns/dnssec" in whole
    assert "À ATTESTER" in whole
    assert "CONFORME\n✓" in whole
    assert "échue" in whole.lower()


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("everything", [False, True])
def test_lines_fit_unless_a_single_word_does_not(golden: dict[str, Any], width: int, everything: bool) -> None:
    for line in render(golden, "fr", width=width, all=everything).splitlines():
        assert columns(line) <= width or len(line.split()) <= 3, line  # a sign, a word and one long id or target


def test_a_target_is_never_cut(golden: dict[str, Any]) -> None:
    name = f"{'a' * 60}.{'b' * 60}.exemple.test:443"
    golden["findings"][0]["target"]["name"] = name
    assert name in render(golden, "fr", width=40)


def test_many_targets_of_one_rule_are_one_block(golden: dict[str, Any]) -> None:
    one = golden["findings"][0]
    golden["findings"] += [
        one | {"id": str(n), "target": one["target"] | {"name": f"h{n}.test:3389"}} for n in range(50)
    ]
    text = plain(render(golden, "fr"))
    assert text.count("ports/remote-admin\n") == 2  # the block, and the command that explains it
    assert "… 45 autres cibles : --all" in text
    assert "h49.test:3389" in render(golden, "fr", all=True)


def test_ascii_is_ascii_and_keeps_the_signs(golden: dict[str, Any]) -> None:
    text = render(golden, "fr", ascii=True, all=True)
    assert text.isascii()
    assert "[X] CRITIQUE  ports/remote-admin" in text
    assert "[!] INDETERMINEE" in text


def test_colour_only_repeats_what_is_written(golden: dict[str, Any]) -> None:
    coloured = render(golden, "fr", colour=True)
    assert "\x1b[31m✗\x1b[0m" in coloured
    assert COLOUR.sub("", coloured) == render(golden, "fr")


def test_hostile_text_commands_nothing(golden: dict[str, Any]) -> None:
    payload = "\x1b]0;PWNED\x07\u202e\r\nx"
    golden["body"]["name"] = payload
    for one in golden["findings"]:
        one["target"]["name"] = one["reason"] = payload
    text = render(golden, "fr", all=True)
    assert [mark for mark in ("\x1b", "\x07", "\u202e", "\r") if mark in text] == []


def test_an_interrupted_run_says_so(golden: dict[str, Any]) -> None:
    golden["complete"] = False
    assert "Analyse interrompue" in render(golden, "fr")


@pytest.mark.parametrize(
    ("part", "whole", "filled"), [(0, 76, 0), (1, 76, 1), (38, 76, 10), (75, 76, 19), (76, 76, 20), (0, 0, 0)]
)
def test_a_bar_is_full_or_empty_only_when_true(part: int, whole: int, filled: int) -> None:
    assert Pen("fr").bar(part, whole).count("█") == filled
    assert len(Pen("fr", ascii=True).bar(part, whole)) == 20


def test_natural_order() -> None:
    ids = ["10.1", "2.A.10", "2.A.9", "9.1", "2.B.1"]
    assert sorted(ids, key=findings.natural) == ["2.A.9", "2.A.10", "2.B.1", "9.1", "10.1"]


def test_exposures_are_three_actions_seen_and_not_waived(golden: dict[str, Any]) -> None:
    told = [group.rule for group in findings.exposures(golden)]
    assert told == ["ports/remote-admin", "tls/certificate-expiry", "tls/versions"]
    golden["rules"]["tls/versions"]["fix"] = "certificate-renewal"  # one action would close both
    assert [group.rule for group in findings.exposures(golden)] == [
        "ports/remote-admin", "tls/certificate-expiry", "http/hsts"
    ]  # fmt: skip
