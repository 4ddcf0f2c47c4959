# SPDX-License-Identifier: EUPL-1.2
"""Answers that come from elsewhere, set against those of the file: what is new, what renews, what disagrees. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nis2check.attest.answers import Answer
from nis2check.attest.due import Due, Question
from nis2check.attest.questionnaire import Filled

# An answer that ran out may be renewed by a later one: nothing that still holds is overwritten.
_RENEWABLE = frozenset({Due.EXPIRED, Due.EXPIRING})


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two answers to one measure; ``kept`` stays."""

    kept: Answer
    proposed: Answer


@dataclass(frozen=True, slots=True)
class Merge:
    """What an import does."""

    added: tuple[Filled, ...]
    renewed: tuple[Filled, ...]
    replaced: tuple[Filled, ...]  # with --replace
    unchanged: tuple[str, ...]  # measures
    conflicts: tuple[Conflict, ...]

    @property
    def taken(self) -> tuple[Filled, ...]:
        return (*self.added, *self.renewed, *self.replaced)


def merge(filled: Iterable[Filled], stored: Mapping[str, Answer], due: Iterable[Question], *, replace: bool) -> Merge:
    """Set each answered row against the file."""
    renewable = {question.measure.id for question in due if question.due in _RENEWABLE}
    parts: dict[str, list[Filled]] = {"added": [], "renewed": [], "replaced": []}
    unchanged: list[str] = []
    conflicts: list[Conflict] = []
    for one in filled:
        kept = stored.get(one.answer.measure)
        if kept is None:
            parts["added"].append(one)
        elif kept == one.answer and not one.files:
            unchanged.append(kept.measure)
        elif kept.measure in renewable and one.answer.on > kept.on:
            parts["renewed"].append(one)
        elif replace:
            parts["replaced"].append(one)
        else:
            conflicts.append(Conflict(kept, one.answer))
    return Merge(
        tuple(parts["added"]), tuple(parts["renewed"]), tuple(parts["replaced"]), tuple(unchanged), tuple(conflicts)
    )
