# SPDX-License-Identifier: EUPL-1.2
"""``nis2check attest`` on a real terminal: one question a line, each answer on disk before the next is asked."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nis2check import bodyfile, frameworks
from nis2check.attest import attestations

ROOT = Path(__file__).parent.parent
RECYF = frameworks.load()


class Terminal:
    """A person at a terminal: waits for a text, types an answer."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NIS2CHECK_LANG": "fr", "HOME": str(folder)}
        self.seen = ""
        self._mark = 0
        self._child, self._terminal = pty.fork()
        if self._child == 0:  # pragma: no cover - the child becomes the command
            os.chdir(folder)
            os.execvpe(sys.executable, [sys.executable, "-m", "nis2check", *arguments], environment)

    def _read(self, limit: float) -> bool:
        if not select.select([self._terminal], [], [], limit)[0]:
            return True
        try:
            chunk = os.read(self._terminal, 4096)
        except OSError:
            return False
        self.seen += chunk.decode(errors="replace").replace("\xa0", " ").replace("\u202f", " ")
        return bool(chunk)

    def wait(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in self.seen[self._mark :]:
            assert time.monotonic() < end and self._read(1), f"no {text!r} in {self.seen[self._mark :]!r}"
        self._mark = self.seen.index(text, self._mark) + len(text)

    def answer(self, question: str, *typed: str) -> None:
        for one in typed:
            self.wait(question)
            os.write(self._terminal, one.encode() + b"\n")

    def key(self, key: bytes) -> None:
        os.write(self._terminal, key)

    def code(self) -> int:
        while self._read(30):
            pass
        _pid, status = os.waitpid(self._child, 0)
        os.close(self._terminal)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            os.close(self._terminal)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    (tmp_path / "nis2check.yaml").write_text("body: {siren: 200072460}\n# attestations: attestations.yaml\n")
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal(tmp_path, *arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def facts(folder: Path) -> dict[str, Any]:
    found = attestations.read(folder / "attestations.yaml", RECYF, "x")
    return {fact.name.removeprefix("attestation."): fact.value for fact in found}


def test_answers_are_taken_one_question_a_line(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    (tmp_path / "liste.ods").write_bytes(b"liste")
    person = terminal("attest", "--on", "2026-11-22")
    person.wait("[1/76] 1.1")
    person.wait("Ce qui fait preuve : Liste datée")
    person.wait("Répond d'habitude : DSI. Une réponse vaut 12 mois.")
    person.answer("Réponse (", "peut-être", "o")
    person.answer("Répondu par [DSI]", "Anne")
    person.answer("Preuve", "absent.ods", "liste.ods", "réf. : Délibération 4", "")
    person.answer("Valable jusqu'au [2027-11-22]", "bientôt", "2020-01-01", "2027-06-30")
    person.wait("[2/76] 1.2")
    person.answer("Réponse (", "sans objet")
    person.answer("Répondu par [Anne]", "")
    person.answer("sans objet ?", "Aucun système écarté")
    person.answer("Valable jusqu'au", "")
    person.answer("Réponse (", "", "?")  # 1.3 later, 2.A.1 unknown
    person.answer("Répondu par [DGS]", "")
    person.answer("Réponse (", "q")

    assert person.code() == 0, person.seen
    assert "non comprise" in person.seen and "Fichier introuvable : absent.ods" in person.seen
    assert "Traceback" not in person.seen
    answers = facts(tmp_path)
    assert list(answers) == ["1.1", "1.2", "2.A.1"]
    assert (answers["1.1"]["by"], answers["1.1"]["until"], len(answers["1.1"]["proof"])) == ("Anne", "2027-06-30", 2)
    assert answers["1.2"]["until"] is None  # the usual end is not written
    assert answers["2.A.1"]["answer"] == "unknown"
    assert bodyfile.load(tmp_path / "nis2check.yaml").attestations is not None


def test_an_interrupted_interview_keeps_what_was_answered_and_goes_on(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    person = terminal("attest", "--by", "DGS")
    person.answer("Réponse (", "n")
    person.answer("Répondu par [DGS]", "")
    person.answer("Ce qui manque", "Tout")
    person.wait("[2/76] 1.2")
    assert facts(tmp_path)["1.1"]["reason"] == "Tout"  # already on disk, while the next question waits
    person.wait("Réponse (")
    person.answer(":", "o")
    person.wait("Répondu par")
    person.key(b"\x03")

    assert person.code() == 130, person.seen
    assert "Interrompu" in person.seen and list(facts(tmp_path)) == ["1.1"]

    again = terminal("attest")
    again.wait("[1/75] 1.2")
    again.answer("Réponse (", "q")
    assert again.code() == 0


def test_a_closed_terminal_keeps_what_was_answered(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    person = terminal("attest")
    person.answer("Réponse (", "?")
    person.answer("Répondu par", "")
    person.wait("[2/76]")
    person.wait("Réponse (")
    person.key(b"\x04")

    assert person.code() == 2
    assert list(facts(tmp_path)) == ["1.1"]


def test_a_changed_proof_is_asked_again_and_ends_with_2(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    (tmp_path / "pv.pdf").write_bytes(b"un")
    first = terminal("attest", "--measure", "1.1", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf")
    assert first.code() == 0, first.seen
    (tmp_path / "pv.pdf").write_bytes(b"deux")
    person = terminal("attest")
    person.wait("Preuve modifiée depuis son dépôt : pv.pdf")
    person.answer("Réponse (", "q")
    assert person.code() == 2

    person = terminal("attest")
    person.answer("Réponse (", "o")
    person.answer("Répondu par", "")
    person.answer("Preuve : un fichier", "pv.pdf", "")
    person.answer("Valable", "")
    person.answer("Réponse (", "q")
    assert person.code() == 0, person.seen


def test_waive_add_asks_what_is_missing(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    person = terminal("waive", "add", "--rule", "recyf/13.2", "--on", "2026-11-22")
    person.answer("Cible", "200072460")
    person.answer("accepté", "Serveur remplacé en mars")
    person.answer("Demandée par", "DSI")
    person.answer("Approuvée par", "DGS")
    person.answer("Jusqu'au", "2027-03-31")

    assert person.code() == 0, person.seen
    assert 'approver: "DGS"' in (tmp_path / "derogations.yaml").read_text(encoding="utf-8")
    assert bodyfile.load(tmp_path / "nis2check.yaml").waivers is not None
