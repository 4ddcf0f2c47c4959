# SPDX-License-Identifier: EUPL-1.2
"""What changed at every body of a history between its last two runs: one question for all of them, not one a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nis2check.history.compare import KINDS, Change, State, kind_of
from nis2check.history.door import Door
from nis2check.history.verdicts import different
from nis2check.language import _
from nis2check.model import Proof, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Moved:
    """A body whose last two runs differ. ``changes``: how many of each of ``compare.KINDS``."""

    body: str  # SIREN, or name of one without
    name: str
    before: int  # numbers of the two runs: `diff BEFORE AFTER` tells them in full
    after: int
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Fleet:
    """``compared``: bodies with two runs or more; ``moved``: those where something changed, most new gaps first."""

    bodies: int
    compared: int
    moved: tuple[Moved, ...]

    def total(self, kind: str) -> int:
        return sum(one.changes[kind] for one in self.moved)


# The last two runs of each body, from the index alone; then the verdicts of those that differ.
_PAIRS = """
WITH aged AS (
  SELECT body, number, ROW_NUMBER() OVER (PARTITION BY body ORDER BY moment DESC, number DESC) AS age FROM run
)
SELECT now.number, was.number, now.body, now.name, was.verdicts, now.verdicts
FROM aged a JOIN aged b ON b.body = a.body AND b.age = 2
JOIN run now ON now.number = a.number JOIN run was ON was.number = b.number
WHERE a.age = 1 AND now.verdicts <> was.verdicts
"""
_BODIES = """
SELECT COUNT(*), COALESCE(SUM(CASE WHEN kept > 1 THEN 1 ELSE 0 END), 0)
FROM (SELECT COUNT(*) AS kept FROM run GROUP BY body) of_body
"""

_Words = tuple[str | None, str | None]  # verdict and severity of a finding before and now; None where it was not there


def changes(door: Door) -> Fleet:
    """What changed everywhere. Raises InputError, as every door does."""
    kinds: dict[_Words, str] = {}
    moved: list[Moved] = []
    with door.reading() as connection:
        bodies, compared = connection.execute(_BODIES).fetchone() or (0, 0)
        for after, before, body, name, was, now in connection.execute(_PAIRS):
            if not isinstance(was, str) or not isinstance(now, str):
                raise door.damaged(_("une ligne y a un type inattendu"))
            counts = dict.fromkeys(KINDS, 0)
            for words in different(was, now):
                if words not in kinds:  # a few in all: each is understood once
                    kinds[words] = kind_of(Change(_state(door, words[0]), _state(door, words[1])))
                if kinds[words]:
                    counts[kinds[words]] += 1
            if any(counts.values()):
                moved.append(Moved(str(body), str(name), int(before), int(after), counts))
    moved.sort(key=lambda one: ([-one.changes[kind] for kind in ("new", "worse")], one.name, one.body))
    return Fleet(int(bodies), int(compared), tuple(moved))


def _state(door: Door, words: str | None) -> State | None:
    """A state with all that decides about a change."""
    if words is None:
        return None
    verdict, _space, severity = words.partition(" ")
    try:
        told, grave = Verdict(verdict), Severity(severity)
    except ValueError:  # a word that no nis2check writes
        raise door.damaged(_("un verdict inconnu s'y trouve")) from None
    return State(id="", rule="", kind="", target="", verdict=told, severity=grave, proof=Proof.OBSERVED, since="")
