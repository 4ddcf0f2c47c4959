# SPDX-License-Identifier: EUPL-1.2
"""What changed at every body of a history between its last two runs: one question for all of them, not one a body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


# The last two runs of each body, from the index alone.
_PAIR = """
WITH aged AS (
  SELECT body, number, states, ROW_NUMBER() OVER (PARTITION BY body ORDER BY moment DESC, number DESC) AS age FROM run
), pair AS (
  SELECT a.number AS after, b.number AS before, a.states <> b.states AS moved
  FROM aged a JOIN aged b ON b.body = a.body AND b.age = 2 WHERE a.age = 1
)
"""
_PAIRS = f"""{_PAIR}
SELECT pair.after, pair.before, a.body, a.name, a.findings, b.findings
FROM pair JOIN run a ON a.number = pair.after JOIN run b ON b.number = pair.before
"""  # noqa: S608 - constants of this file only

# New or changed findings, counted by what they were and are: only what differs leaves the database. The plus signs say
# nothing to PostgreSQL; SQLite loses a third of its time without them, converting the number of the run at every row.
_DIFFERENT = f"""{_PAIR}
SELECT pair.after, w.verdict, w.severity, n.verdict, n.severity, COUNT(*)
FROM pair JOIN state n ON n.run = +pair.after
LEFT JOIN state w ON w.run = +pair.before AND w.finding = n.finding
WHERE pair.moved AND (w.verdict IS NULL OR w.verdict <> n.verdict OR w.severity <> n.severity)
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - constants of this file only

# Findings that are gone, of the pairs where there are any: the other way round for all of them would cost as much again.
_GONE = """
WITH pair (after, before) AS (VALUES {pairs})
SELECT pair.after, w.verdict, w.severity, NULL, NULL, COUNT(*)
FROM pair JOIN state w ON w.run = pair.before
WHERE NOT EXISTS (SELECT 1 FROM state n WHERE n.run = pair.after AND n.finding = w.finding)
GROUP BY 1, 2, 3
"""
_AT_ONCE = 500  # pairs of one question


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
        row = connection.execute("SELECT COUNT(DISTINCT body) FROM run").fetchone()
        pairs = {pair.after: pair for pair in _pairs(connection)}
        _count(door, pairs, connection.execute(_DIFFERENT))
        losers = [(pair.after, pair.before) for pair in pairs.values() if pair.gone > 0]
        for start in range(0, len(losers), _AT_ONCE):
            some = losers[start : start + _AT_ONCE]
            query = _GONE.format(pairs=", ".join("(?, ?)" for _pair in some))
            _count(door, pairs, connection.execute(query, [number for pair in some for number in pair]))
    moved = [Moved(p.body, p.name, p.before, p.after, p.counts) for p in pairs.values() if any(p.counts.values())]
    moved.sort(key=lambda one: ([-one.changes[kind] for kind in ("new", "worse")], one.name, one.body))
    return Fleet(int(row[0]) if row else 0, len(pairs), tuple(moved))


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
