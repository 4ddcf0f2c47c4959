# SPDX-License-Identifier: EUPL-1.2
"""``nis2check attest`` on a terminal: one question a line, each answer written before the next is asked."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.attest import answers, proofs
from nis2check.attest.answers import Answer
from nis2check.attest.dates import later
from nis2check.attest.due import Due, Question
from nis2check.cli.desk import Desk, tell
from nis2check.errors import InputError
from nis2check.frameworks import ROLES
from nis2check.language import _, pick, plural, say

if TYPE_CHECKING:
    from nis2check.frameworks import Measure

_LETTERS = {"o": "yes", "y": "yes", "p": "partial", "n": "no", "?": "unknown", "s": "not_applicable"}
_REFERENCE = ("réf", "ref")


def interview(desk: Desk, questions: tuple[Question, ...], by: str) -> None:
    """Ask each question. Raises click.Abort on Ctrl-C: what was answered is on disk."""
    count = plural("{n} mesure à répondre.", "{n} mesures à répondre.", len(questions))
    tell(count + " " + _("Chaque réponse est écrite aussitôt : arrêter et reprendre quand on veut (q ou Ctrl-C)."))
    authors: dict[str, str] = {}
    for number, question in enumerate(questions, 1):
        _present(number, len(questions), question)
        word = _answer()
        if word == "quit":
            return
        if word:
            measure = question.measure
            author = _line(_("Répondu par"), by or authors.get(measure.who, pick(ROLES.get(measure.who, {"fr": ""}))))
            authors[measure.who] = author
            _record(desk, question, _details(desk, measure, word, author))


def _present(number: int, total: int, question: Question) -> None:
    measure = question.measure
    months = plural("{n} mois", "{n} mois", measure.validity_months)
    who = pick(ROLES.get(measure.who, {"fr": ""}))
    click.echo("", err=True)
    tell(f"[{number}/{total}] {measure.id}  {pick(measure.title)}")
    tell("  " + _("Ce qui fait preuve : {proof}.").format(proof=pick(measure.proof)))
    tell("  " + _("Répond d'habitude : {who}. Une réponse vaut {months}.").format(who=who, months=months))
    if question.due is not Due.UNANSWERED:
        tell("  " + question.reason)


def _line(text: str, default: str = "") -> str:
    answer: str = click.prompt(say(text), default=default, show_default=bool(default), err=True)
    return answer.strip()


def _answer() -> str:
    """A word of ANSWERS, ``quit``, or "" for the next question."""
    text = _("Réponse (o oui, p en partie, n non, ? ne sait pas, s sans objet, q quitter, Entrée : plus tard)")
    while True:
        said = _line(text).lower()
        if said in {"", "q"}:
            return "quit" if said else ""
        if word := _LETTERS.get(said) or answers.word_of(said):
            return word
        tell(_("Réponse non comprise : « {said} ».").format(said=said))


def _details(desk: Desk, measure: Measure, word: str, author: str) -> tuple[Answer, list[Path]]:
    references: list[dict[str, str]] = []
    files: list[Path] = []
    if word in {"yes", "partial"}:
        references, files = _proofs(desk)
    reason = ""
    if word == "not_applicable":
        while not reason:
            reason = _line(_("Pourquoi est-elle sans objet ?"))
    elif word in {"partial", "no"}:
        reason = _line(_("Ce qui manque"))
    until = _until(desk.on, measure) if word in {"yes", "partial", "not_applicable"} else ""
    answer = Answer(
        measure.id, word, desk.on.isoformat(), by=author, until=until, proof=tuple(references), reason=reason
    )
    return answer, files


def _proofs(desk: Desk) -> tuple[list[dict[str, str]], list[Path]]:
    """Proofs until an empty line: files, relative to the current folder or to that of the attestations, or references."""
    references: list[dict[str, str]] = []
    files: list[Path] = []
    while said := _line(_("Preuve : un fichier, ou « réf. : … » (Entrée : pas d'autre)")):
        head, colon, rest = said.partition(":")
        if colon and head.strip(" .").lower() in _REFERENCE and rest.strip():
            references.append({"reference": rest.strip()})
            continue
        try:
            found = next((file for file in (Path(said), desk.folder / said) if proofs.digest_of(file)), None)
        except InputError as error:
            tell(error.what)
            continue
        if found is None:
            tell(_("Fichier introuvable : {file}.").format(file=said))
        else:
            files.append(found)
    return references, files


def _until(on: datetime.date, measure: Measure) -> str:
    """The end of validity; "" for the usual one, so that the file holds only what somebody decided."""
    usual = later(on, measure.validity_months).isoformat()
    while True:
        said = _line(_("Valable jusqu'au"), usual)
        if said == usual:
            return ""
        try:
            end = datetime.date.fromisoformat(said)
        except ValueError:
            tell(_("Date impossible : {value}.").format(value=said))
            continue
        if end >= on:
            return end.isoformat()
        tell(_("Cette date est passée."))


def _record(desk: Desk, question: Question, given: tuple[Answer, list[Path]]) -> None:
    """Write one answer. A fault of a proof costs the answer, not the interview; a full disk ends it."""
    answer, files = given
    if what := answers.fault(answer, proven=bool(files)):
        tell(what)
        return
    try:
        desk.record([given], renew=question.due is Due.TAMPERED)
    except InputError as error:
        tell(f"{error.what} {error.advice}".rstrip())
