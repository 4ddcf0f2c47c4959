# SPDX-License-Identifier: EUPL-1.2
"""What changed at every body of a history between its last two runs: one question for all of them, not one a body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nis2check.history.compare import KINDS, Change, State, kind_of
from nis2check.history.door import Connection, Door, Rows
from nis2check.language import _
from nis2check.model import Json, Proof, Severity, Verdict


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


# The last two runs of each body, from the index alone; then the names of those that differ.
_PAIRS = """
WITH aged AS (
  SELECT body, number, states, ROW_NUMBER() OVER (PARTITION BY body ORDER BY moment DESC, number DESC) AS age FROM run
)
SELECT a.number, b.number, a.body, now.name, now.findings, was.findings
FROM aged a JOIN aged b ON b.body = a.body AND b.age = 2
JOIN run now ON now.number = a.number JOIN run was ON was.number = b.number
WHERE a.age = 1 AND a.states <> b.states
"""
_BODIES = """
SELECT COUNT(*), COALESCE(SUM(CASE WHEN kept > 1 THEN 1 ELSE 0 END), 0)
FROM (SELECT COUNT(*) AS kept FROM run GROUP BY body) of_body
"""

# Both questions are asked of many pairs at once, as many as SQLite takes values (32 766): PostgreSQL may look through every
# state at each question. What differs leaves the database counted. The plus signs say nothing to PostgreSQL; SQLite would
# convert the number of the run at every row without them.
_AT_ONCE = 15_000

# New or changed findings, by what they were and are.
_DIFFERENT = """
WITH pair (after, before) AS (VALUES {pairs})
SELECT pair.after, w.verdict, w.severity, n.verdict, n.severity, COUNT(*)
FROM pair JOIN state n ON n.run = +pair.after
LEFT JOIN state w ON w.run = +pair.before AND w.finding = n.finding
WHERE w.verdict IS NULL OR w.verdict <> n.verdict OR w.severity <> n.severity
GROUP BY 1, 2, 3, 4, 5
"""

# Findings that are gone, of the pairs where there are any: asked of all of them, it would cost as much again.
_GONE = """
WITH pair (after, before) AS (VALUES {pairs})
SELECT pair.after, w.verdict, w.severity, NULL, NULL, COUNT(*)
FROM pair JOIN state w ON w.run = +pair.before
WHERE NOT EXISTS (SELECT 1 FROM state n WHERE n.run = +pair.after AND n.finding = w.finding)
GROUP BY 1, 2, 3
"""


@dataclass(slots=True)
class _Pair:
    """Two runs of a body while they are compared; ``gone`` is how many findings of the first the second has not."""

    after: int
    before: int
    body: str
    name: str
    gone: int
    counts: dict[str, int]


def changes(door: Door) -> Fleet:
    """What changed everywhere. Raises InputError, as every door does."""
    with door.reading() as connection:
        bodies, compared = connection.execute(_BODIES).fetchone() or (0, 0)
        pairs = {pair.after: pair for pair in _pairs(connection)}
        for rows in _asked(connection, _DIFFERENT, list(pairs.values())):
            _count(door, pairs, rows)
        for rows in _asked(connection, _GONE, [pair for pair in pairs.values() if pair.gone > 0]):
            _count(door, pairs, rows)
    moved = [Moved(p.body, p.name, p.before, p.after, p.counts) for p in pairs.values() if any(p.counts.values())]
    moved.sort(key=lambda one: ([-one.changes[kind] for kind in ("new", "worse")], one.name, one.body))
    return Fleet(int(bodies), int(compared), tuple(moved))


def _asked(connection: Connection, query: str, pairs: Sequence[_Pair]) -> Iterator[Rows]:
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        marks = ", ".join("(?, ?)" for _pair in some)
        yield connection.execute(query.format(pairs=marks), [number for p in some for number in (p.after, p.before)])


def _pairs(connection: Connection) -> Iterator[_Pair]:
    for after, before, body, name, now, then in connection.execute(_PAIRS):
        yield _Pair(int(after), int(before), str(body), str(name), int(then) - int(now), dict.fromkeys(KINDS, 0))


def _count(door: Door, pairs: Mapping[int, _Pair], rows: Rows) -> None:
    """Add up what the rows tell: number of the later run, verdict and severity before, then now, and how many."""
    kinds: dict[tuple[Json, ...], str] = {}  # a few words in all: each is read once
    for after, *words, count in rows:
        key = tuple(words)
        if key not in kinds:
            kinds[key] = kind_of(Change(_state(door, key[:2]), _state(door, key[2:])))
        pair = pairs[int(after)]
        if key[0] is None:
            pair.gone += int(count)  # what is new makes up for what is gone, but for the number
        if kinds[key]:
            pair.counts[kinds[key]] += int(count)


def _state(door: Door, words: tuple[Json, ...]) -> State | None:
    """A state with all that decides about a change."""
    if words[0] is None:
        return None
    try:
        verdict, severity = Verdict(words[0]), Severity(words[1])
    except ValueError:  # a word that no nis2check writes
        raise door.damaged(_("un verdict inconnu s'y trouve")) from None
    return State(id="", rule="", kind="", target="", verdict=verdict, severity=severity, proof=Proof.OBSERVED, since="")
