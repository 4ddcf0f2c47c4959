# SPDX-License-Identifier: EUPL-1.2
"""What is to be answered on a day: unanswered, expired, expiring soon, or an answer that its proofs no longer hold. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from nis2check.attest.attestations import PREFIX
from nis2check.attest.measures import judge, valid_until
from nis2check.attest.proofs import absent, altered
from nis2check.frameworks import Framework, Measure
from nis2check.language import _
from nis2check.model import Category, Fact, Json, Verdict

SOON = 30  # days


class Due(StrEnum):
    """Why a measure is asked again."""

    UNANSWERED = "unanswered"
    TAMPERED = "tampered"  # a proof is no longer the file that was deposited
    EXPIRED = "expired"
    PROOF_MISSING = "proof_missing"
    UNPROVEN = "unproven"  # yes, but no proof is attached
    EXPIRING = "expiring"  # within SOON days


@dataclass(frozen=True, slots=True)
class Question:
    """A measure to answer. ``until`` is the last day of the present answer, "" when there is none."""

    measure: Measure
    due: Due
    reason: str  # a French sentence
    answer: str = ""
    until: str = ""


def questions(
    framework: Framework, category: Category, facts: Iterable[Fact], on: datetime.date
) -> tuple[Question, ...]:
    """The measures of this category to answer, in the order of the framework. An undecided body is asked as an important
    one, a body out of scope nothing."""
    answers = {fact.name.removeprefix(PREFIX): fact for fact in facts}
    found = (_question(measure, answers.get(measure.id), category, on) for measure in framework.applicable(category))
    return tuple(one for one in found if one is not None)


def _question(measure: Measure, fact: Fact | None, category: Category, on: datetime.date) -> Question | None:
    verdict, reason = judge(measure, fact, category, on)
    if fact is None:
        return Question(measure, Due.UNANSWERED, reason)
    value = fact.value
    end = valid_until(measure, value)
    due = _due(value, verdict, end, on)
    if due is None:
        return None
    if due in {Due.EXPIRED, Due.EXPIRING} and verdict is not Verdict.TO_ATTEST:
        text = _("Réponse à renouveler depuis le {day}.") if due is Due.EXPIRED else _("Expire le {day}.")
        reason = text.format(day=end.isoformat())
    return Question(measure, due, reason, value["answer"], end.isoformat())


def _due(value: Json, verdict: Verdict, end: datetime.date, on: datetime.date) -> Due | None:
    if value["on"] > on.isoformat():  # an answer of tomorrow
        return Due.UNANSWERED
    if any(altered(proof) for proof in value["proof"]):
        return Due.TAMPERED
    if end < on:
        return Due.EXPIRED
    if any(absent(proof) for proof in value["proof"]):
        return Due.PROOF_MISSING
    if verdict is Verdict.TO_ATTEST:
        return Due.UNPROVEN
    return Due.EXPIRING if end <= on + datetime.timedelta(days=SOON) else None
