# SPDX-License-Identifier: EUPL-1.2
"""What a person who attests works on: the body, its measures, its answers and its folder of proofs, on a day."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check import frameworks
from nis2check.attest import answers, declare, proofs
from nis2check.attest.answers import Answer
from nis2check.cli import judging
from nis2check.cli.identity import presume
from nis2check.errors import InputError, Place
from nis2check.language import _, pick, plural, say
from nis2check.model import Category, Verdict
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from nis2check.attest.due import Question
    from nis2check.frameworks import Measure
    from nis2check.model import Fact


class Desk:
    """Opened once a command. ``on`` is the day of the answers, ``moment`` the time of the deposits."""

    def __init__(self, file: Path | None, on: datetime.date | None) -> None:
        self.declared = declare.find(file, answers.KEY)
        self.moment = judging.fixed_time(on) or judging.now()
        self.on = datetime.date.fromisoformat(self.moment[:10])
        self.scope = presume(self.declared.identity, on=self.on, regime=self.declared.regime)
        self.framework = frameworks.load()

    @property
    def path(self) -> Path:
        return self.declared.path

    @property
    def folder(self) -> Path:
        return self.path.parent

    def facts(self) -> tuple[Fact, ...]:
        from nis2check.attest.attestations import read

        subject = self.scope.body.siren or self.scope.body.name
        return read(self.path, self.framework, subject) if self.path.exists() else ()

    def stored(self) -> dict[str, Answer]:
        return answers.stored(self.path, self.framework)

    def questions(self, facts: Iterable[Fact]) -> tuple[Question, ...]:
        from nis2check.attest.due import questions
        from nis2check.report.reasons import answered

        found = questions(self.framework, self.scope.category, facts, self.on)
        return tuple(replace(one, reason=answered(one.reason)) for one in found)

    def asked(self) -> tuple[Measure, ...]:
        return self.framework.applicable(self.scope.category)

    def measure(self, name: str) -> Measure:
        """A measure by its id. Raises InputError with the nearest one."""
        import difflib

        if name in self.framework.measures:
            return self.framework.measures[name]
        near = difflib.get_close_matches(name, self.framework.measures, 1)
        advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
        raise InputError(_("Mesure inconnue : {measure}.").format(measure=name), advice=advice)

    def record(self, given: Sequence[tuple[Answer, Sequence[Path]]], *, renew: bool = False) -> None:
        """Deposit the proofs, write the answers, and see that nis2check.yaml names the file.

        Proofs first: a kept file that no answer names harms nobody, an answer without its proof would mislead. ``renew``
        allows a file that changed since it was deposited to be deposited again. Raises InputError, WriteError.
        """
        if not renew:
            stored = self.stored()
            for _answer, files in given:
                for file in files:
                    self._refuse_changed(file, stored)
        done = []
        for answer, files in given:
            entries = [
                proofs.deposit(self.folder, file, measure=answer.measure, by=answer.by, at=self.moment)
                for file in files
            ]
            done.append(replace(answer, proof=(*answer.proof, *entries)))
        answers.write(self.path, done, self.framework)
        if not self.declared.named:
            self._declare()

    def _refuse_changed(self, file: Path, stored: Mapping[str, Answer]) -> None:
        now = proofs.digest_of(file)
        for answer in stored.values():
            for proof in answer.proof:
                same = "sha256" in proof and (self.folder / proof["file"]).resolve() == file.resolve()
                if same and now is not None and now != proof["sha256"]:
                    raise InputError(
                        _("Preuve modifiée depuis son dépôt pour la mesure {measure}.").format(measure=answer.measure),
                        place=Place(str(file)),
                        advice=_("Déposer sciemment la nouvelle version : --replace."),
                    )

    def _declare(self) -> None:
        added = declare.add(self.declared, answers.KEY)
        line = f"{answers.KEY}: {self.path.name}"
        name = self.declared.body_file.name
        text = _("Ajouté à {name} : {line}") if added else _("À ajouter à {name} : {line}")
        tell(text.format(name=name, line=line))
        self.declared = replace(self.declared, named=True)  # said once

    def verdicts(self, facts: Iterable[Fact]) -> Counter[Verdict]:
        """How the measures that apply stand, each once."""
        from nis2check.attest.measures import findings

        found = findings(self.framework, self.scope.category, facts, self.on, "")
        return Counter(finding.verdict for finding in found)

    def summary(self, facts: Iterable[Fact]) -> str:
        """One sentence: where the measures stand."""
        if self.scope.category is Category.OUT_OF_SCOPE:
            return _("Organisme présumé hors champ : aucune mesure n'est demandée.")
        counts = self.verdicts(facts)
        asked = plural("{n} mesure demandée", "{n} mesures demandées", len(self.asked()))
        parts = [
            plural("{n} attestée", "{n} attestées", counts[Verdict.PASS]),
            plural("{n} partielle", "{n} partielles", counts[Verdict.PARTIAL]),
            plural("{n} non conforme", "{n} non conformes", counts[Verdict.FAIL]),
            plural("{n} à clarifier", "{n} à clarifier", counts[Verdict.UNKNOWN]),
            plural("{n} sans objet", "{n} sans objet", counts[Verdict.NOT_APPLICABLE]),
            plural("{n} à attester", "{n} à attester", counts[Verdict.TO_ATTEST]),
        ]
        return _("{name} : {text}").format(name=asked, text=", ".join(parts)) + "."


def tell(sentence: str) -> None:
    """A message on stderr."""
    click.echo(say(clean(sentence, Medium.TERMINAL, longest=1000)), err=True)


def described(answer: Answer) -> str:
    """An answer in few words: ``oui (DSI, 2026-03-01)``."""
    who = ", ".join(filter(None, (answer.by, answer.on)))
    return _("« {answer} » ({who})").format(answer=pick(answers.WORDS[answer.answer]), who=who)
