# SPDX-License-Identifier: EUPL-1.2
"""One finding per measure of the framework, from what the body attests. Pure: the day is a parameter.

Only an attestation answers a measure; what probes and files show of it is counted beside, in ``objectives``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from nis2check.attest.attestations import PREFIX
from nis2check.attest.dates import later
from nis2check.attest.proofs import absent, altered
from nis2check.frameworks import Framework, Measure
from nis2check.language import _n
from nis2check.model import (
    Category,
    Fact,
    Finding,
    Json,
    Kind,
    Proof,
    Reference,
    Source,
    Target,
    Verdict,
    finding_id,
)

Judged = tuple[Verdict, str]


def findings(
    framework: Framework,
    category: Category,
    facts: Iterable[Fact],
    on: datetime.date,
    subject: str,
    *,
    asked: bool = False,
) -> list[Finding]:
    """One finding, rule ``recyf/<id>``, per measure that applies to the category, in the order of the framework.

    An undecided body is taken as important, and the reason says so; a body out of scope has none unless ``asked``, then as
    important. A measure that does not apply but was answered is kept, as not applicable; one whose group is in doubt
    (12.6) is judged as answered.
    """
    taken = Category.IMPORTANT if asked and category is Category.OUT_OF_SCOPE else category
    answers = {fact.name.removeprefix(PREFIX): fact for fact in facts if _is_attestation(fact)}
    out: list[Finding] = []
    for measure in framework.measures.values():
        answer = answers.get(measure.id)
        if measure.applies(taken):
            out.append(_finding(framework, measure, answer, judge(measure, answer, category, on), subject))
        elif answer is not None and taken is not Category.OUT_OF_SCOPE:
            judged = judge(measure, answer, category, on) if measure.doubt else _not_asked()
            out.append(_finding(framework, measure, answer, judged, subject))
    return out


def _is_attestation(fact: Fact) -> bool:
    return fact.source is Source.DECLARED and fact.name.startswith(PREFIX)


def _not_asked() -> Judged:
    return Verdict.NOT_APPLICABLE, _n("Mesure demandée aux seules entités essentielles.")


def judge(measure: Measure, fact: Fact | None, category: Category, on: datetime.date) -> Judged:
    """The verdict and its reason: a French sentence, said in the reader's language when shown; empty for a plain pass."""
    if fact is None:
        if category is Category.UNDECIDED:
            text = _n("Aucune réponse ; statut à confirmer, mesure retenue comme pour une entité importante.")
            return Verdict.TO_ATTEST, text
        return Verdict.TO_ATTEST, _n("Aucune réponse.")
    value = fact.value
    if value["on"] > on.isoformat():
        return Verdict.TO_ATTEST, _n("Réponse datée du {day}, après le jour examiné.").format(day=value["on"])
    # Bad news does not go stale: only what reassures must be renewed.
    match value["answer"]:
        case "no":
            return Verdict.FAIL, value["reason"] or _n("Répondu « non ».")
        case "unknown":
            return Verdict.UNKNOWN, _n("À clarifier : répondu « ne sait pas ».")
    if changed := [proof["file"] for proof in value["proof"] if altered(proof)]:
        return Verdict.TO_ATTEST, _n("Preuve modifiée depuis son dépôt : {files}.").format(files=", ".join(changed))
    end = valid_until(measure, value)
    if end < on:
        return Verdict.TO_ATTEST, _n("Attestation expirée le {day}.").format(day=end.isoformat())
    if gone := [proof["file"] for proof in value["proof"] if absent(proof)]:
        return Verdict.TO_ATTEST, _n("Preuve introuvable : {files}.").format(files=", ".join(gone))
    return _current(value)


def _current(value: Json) -> Judged:
    """The verdict of an answer that still holds and whose proofs are there."""
    match value["answer"]:
        case "not_applicable":
            return Verdict.NOT_APPLICABLE, value["reason"]
        case "partial":
            return Verdict.PARTIAL, value["reason"] or _n("Répondu « en partie ».")
        case "yes" if value["proof"]:
            return Verdict.PASS, ""
        case _:
            return Verdict.TO_ATTEST, _n("Répondu « oui », mais aucune preuve n'est jointe.")


def valid_until(measure: Measure, value: Json) -> datetime.date:
    """The last day on which an answer holds: its own end, never later than a frequency that the framework itself sets."""
    start = datetime.date.fromisoformat(value["on"])
    if not value["until"]:
        return later(start, measure.validity_months)
    end = datetime.date.fromisoformat(value["until"])
    return min(end, later(start, measure.every_months)) if measure.every_months else end


def _finding(framework: Framework, measure: Measure, fact: Fact | None, judged: Judged, subject: str) -> Finding:
    rule = f"recyf/{measure.id}"
    verdict, reason = judged
    location = fact.location() if fact else None
    clauses = [c for x in framework.objectives[measure.objective].links if x.to == "nis2" for c in x.clauses]
    return Finding(
        id=finding_id(rule, Kind.BODY, subject),
        rule=rule,
        target=Target(Kind.BODY, subject, location),
        address=None,
        verdict=verdict,
        severity=measure.severity,
        proof=Proof.ATTESTED,
        reason=reason,
        facts={fact.name: fact.value} if fact else {},
        location=location,
        references=(Reference("recyf", measure.id, "full"), *(Reference("nis2", c, "partial") for c in clauses)),
    )
