# SPDX-License-Identifier: EUPL-1.2
"""One result for readers of both languages: what it says was fixed in neither when it was made."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nis2check.attest import measures
from nis2check.language import speaking
from nis2check.report import reasons

if TYPE_CHECKING:
    import subprocess

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
BODY = "name: Ville de Saint-Essai\nnature: COMMUNE\npopulation: 31420\n"
SEEN = "2026-11-01T10:00:00+00:00"
EVIDENCE = {
    "schema": "nis2check.evidence/1",
    "tool": {"name": "nis2check", "version": "0.1.0"},
    "run": {"started": SEEN, "finished": SEEN},
    "body": {"name": "Ville de Saint-Essai", "nature": "COMMUNE", "population": 31420},
    "complete": True,
    "targets": [],
    "facts": [],
    "gaps": [],
}


def test_a_result_says_the_same_in_whatever_language_it_was_made(inside: Command, tmp_path: Path) -> None:
    with speaking("fr"):  # and back: the language is that of the process
        (tmp_path / "e.json").write_text(json.dumps(EVIDENCE))
        made = {lang: inside("--lang", lang, "scan", "--evidence", "e.json", "--json").stdout for lang in ("fr", "en")}
        assert made["fr"] == made["en"]
        scope = json.loads(made["fr"])["scope"]
        assert {*scope["because"][0]["text"], *scope["notes"][0]} == {"fr", "en"}
        (tmp_path / "r.json").write_bytes(made["fr"])
        csv = inside("--lang", "en", "report", "r.json", "--output", "csv=-").stdout.decode()
        assert "No answer." in csv
        assert "Aucune réponse" not in csv


def messages() -> list[str]:
    """Every sentence that the judge of answers marks."""
    tree = ast.parse(Path(measures.__file__).read_text(encoding="utf-8"))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
    return [ast.literal_eval(one.args[0]) for one in calls if one.func.id == "_n"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("message", messages())
def test_every_sentence_about_an_answer_is_said_in_english(message: str) -> None:
    with speaking("en"):
        _word, said = reasons.told(message.format(day="2026-09-19", files="pv.pdf"))
    assert said != message.format(day="2026-09-19", files="pv.pdf")
    assert ("2026-09-19" in said) == ("{day}" in message)
    assert ("pv.pdf" in said) == ("{files}" in message)


def test_the_words_of_a_person_stay_theirs() -> None:
    with speaking("en"):
        assert reasons.told("Aucune réponse.\nEncore.") == ("", "Aucune réponse.\nEncore.")
        assert reasons.told("Attestation expirée le .") == ("", "Attestation expirée le .")
