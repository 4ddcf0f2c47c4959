# SPDX-License-Identifier: EUPL-1.2
"""Runs kept: the whole result of each, and columns to ask many at once. The SQL is the one of SQLite and PostgreSQL alike.

Rule for this file: what is read back is data of a file that anybody could have written: every word is checked against its
list, a document against its sum and its schema.
"""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from nis2check.errors import InputError
from nis2check.files import LARGEST_JSON, canonical, check, parse_json
from nis2check.history.compare import SETTLED, Earlier, State, states, with_changes
from nis2check.history.door import PATIENCE, Connection, Door, door
from nis2check.history.trend import Point, coverage, with_trend
from nis2check.history.verdicts import written
from nis2check.language import _
from nis2check.model import Json, Proof, Severity, Verdict

LONGEST_KEY = 500  # characters of the name of a body

_COUNTS = {  # key of the result's coverage → column
    "applicable": "applicable",
    "pass": "passed",
    "partial": "partial",
    "fail": "failed",
    "to_attest": "to_attest",
    "unknown": "unknown",
}
_CHANGES = {  # key of the result's changes → column
    "new": "appeared",
    "fixed": "fixed",
    "worse": "worse",
    "better": "better",
    "not_retested": "not_retested",
}
_TEXTS = ("body", "name", "moment", "started", "finished", "regime", "version", "rules")
_LISTED = ("number", "complete", *_TEXTS, *_COUNTS.values(), *_CHANGES.values())
_KEPT = (*_LISTED, "verdicts", "sha256", "document")


@dataclass(frozen=True, slots=True)
class Run:
    """One kept run. ``body`` is the SIREN, or the name of a body without one; times are RFC 3339 as the run gave them."""

    number: int
    body: str
    name: str
    moment: str  # `started` in UTC, so that it sorts
    started: str
    finished: str
    complete: bool
    regime: str
    version: str
    rules: str  # SHA-256 of the rules that judged
    counts: Mapping[str, int]  # keys of coverage
    changes: Mapping[str, int]  # keys of changes


@dataclass(frozen=True, slots=True)
class History:
    """A history by its place: a file, or the ``postgresql://`` URL of a team's. Every method opens, checks and closes it.
    Raises InputError, one sentence for each fault."""

    place: Path | str = field(repr=False)  # a URL may hold a password
    patience: float = PATIENCE  # seconds

    @property
    def shown(self) -> str:
        """Its place as it may be printed: without a password."""
        return self.door.shown

    @property
    def door(self) -> Door:
        return door(self.place, self.patience)

    def save(self, document: Mapping[str, Json]) -> tuple[int, dict[str, Json]]:
        """Keep a ``nis2check.result/1`` in one transaction: its number, and the document with ``changes``, ``since`` and
        ``trend`` against the earlier runs of the same body. When it returns, the run is on disk."""
        with self.door.writing() as connection:
            body, moment = _body(document), _moment(document["run"]["started"])
            before = _earlier(self.door, connection, body, moment)
            points = _points(self.door, connection, body, moment)
            number = _number(connection)
            changed = with_trend(with_changes(document, before), points, number)
            _insert(connection, number, changed)
            return number, changed

    def trend(self, body: str) -> tuple[Point, ...]:
        """What each run of a body (SIREN, or name of one without) counted by verdict and proof, the oldest first."""
        with self.door.reading() as connection:
            return tuple(_points(self.door, connection, _key(body), _END_OF_TIME))

    def runs(self, body: str = "") -> tuple[Run, ...]:
        """The runs kept, the latest first; ``body``: of one SIREN or name only."""
        with self.door.reading() as connection:
            return tuple(_runs(self.door, connection, body))

    def document(self, number: int) -> Mapping[str, Json]:
        """The result of a run, as it was delivered."""
        with self.door.reading() as connection:
            row = connection.execute("SELECT sha256, document FROM run WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise InputError(
                _("Pas d'analyse n° {n} dans l'historique.").format(n=number),
                advice=_("Les lister : nis2check history list"),
            )
        return self._opened(number, *row)

    def _opened(self, number: int, digest: Json, packed: Json) -> Mapping[str, Json]:
        name = _("analyse n° {n}").format(n=number)
        data = _unpacked(packed)
        if data is None or sha256(data).hexdigest() != digest:
            raise self.door.damaged(_("{name} illisible").format(name=name))
        found = parse_json(data, f"{self.shown} ({name})")
        check(found, "result")
        result: Mapping[str, Json] = found.data
        return result

    def prune(
        self, *, keep: int | None = None, before: datetime.date | None = None, body: str = "", dry_run: bool = False
    ) -> tuple[Run, ...]:
        """Forget runs for good: all but the latest ``keep`` of each body, and those that began before a day (UTC).

        Gives those forgotten; ``dry_run``: those that would be.
        """
        if dry_run:
            with self.door.reading() as connection:
                return tuple(_doomed(_runs(self.door, connection, body), keep, before))
        with self.door.writing() as connection:
            doomed = tuple(_doomed(_runs(self.door, connection, body), keep, before))
            connection.executemany("DELETE FROM run WHERE number = ?", [(run.number,) for run in doomed])
            connection.execute(_FORGET)
        if doomed:
            self.door.shrink()
        return doomed


# ------------------------------------------------------------------------------------------------------------ writing

# A join that both engines hash; NOT IN and NOT EXISTS are each slow on one of them.
_FORGET = """
DELETE FROM finding WHERE id IN (
  SELECT f.id FROM finding f LEFT JOIN state s ON s.finding = f.id WHERE s.finding IS NULL
)
"""


def _body(document: Mapping[str, Json]) -> str:
    body = document["body"] or {}
    return _key(body.get("siren") or body.get("name") or "")


def _key(text: object) -> str:
    """What is looked up: cut, since a row of an index of PostgreSQL holds 2 704 bytes."""
    return _plain(text)[:LONGEST_KEY]


def _moment(started: str) -> str:
    """A time with offset as one in UTC that sorts as text."""
    return datetime.datetime.fromisoformat(started).astimezone(datetime.UTC).isoformat(timespec="microseconds")


def _plain(text: object) -> str:
    """Text that every engine can hold: lone surrogates (names of files) and NUL (PostgreSQL has none) as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _number(connection: Connection) -> int:
    connection.execute("UPDATE last_number SET run = run + 1")
    row = connection.execute("SELECT run FROM last_number").fetchone()
    return int(row[0]) if row else 0


def _insert(connection: Connection, number: int, document: Mapping[str, Json]) -> None:
    data = canonical(document)
    run, tool, found = document["run"], document["tool"], states(document)
    row: dict[str, Json] = {
        "number": number,
        "body": _body(document),
        "name": _key((document["body"] or {}).get("name", "")),
        "moment": _moment(run["started"]),
        "started": run["started"],
        "finished": _plain(run["finished"]),
        "complete": int(document["complete"]),
        "regime": _plain(document["regime"]),
        "version": _plain(tool["version"]),
        "rules": tool["rules"]["sha256"],
        "verdicts": _plain(written(found)),
        "sha256": sha256(data).hexdigest(),
        "document": zlib.compress(data, 6),
    }
    row |= {column: document["coverage"][key] for key, column in _COUNTS.items()}
    row |= {column: len(document["changes"].get(key, ())) for key, column in _CHANGES.items()}
    marks = ", ".join("?" for _column in _KEPT)
    connection.execute(
        f"INSERT INTO run ({', '.join(_KEPT)}) VALUES ({marks})",  # noqa: S608 - constants of this file only - our own names of columns
        [row[column] for column in _KEPT],
    )
    _insert_states(connection, number, found.values())


def _insert_states(connection: Connection, number: int, found: Collection[State]) -> None:
    connection.executemany(
        "INSERT INTO finding (id, rule, kind, target) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        [(one.id, _plain(one.rule), one.kind, _plain(one.target)) for one in found],
    )
    connection.executemany(
        "INSERT INTO state (run, finding, verdict, severity, proof, since) VALUES (?, ?, ?, ?, ?, ?)",
        [(number, one.id, str(one.verdict), str(one.severity), str(one.proof), _plain(one.since)) for one in found],
    )


# ------------------------------------------------------------------------------------------------------------ reading

_LATEST = "SELECT number, started FROM run WHERE body = ? AND moment <= ? ORDER BY moment DESC, number DESC LIMIT 1"

_OF_RUN = """
SELECT f.id, f.rule, f.kind, f.target, s.verdict, s.severity, s.proof, s.since
FROM state s JOIN finding f ON f.id = s.finding
WHERE s.run = ?
"""

# Of each finding, the newest run that could tell.
_SETTLED = f"""
SELECT f.id, f.rule, f.kind, f.target, newest.verdict, newest.severity, newest.proof, newest.since
FROM (
  SELECT s.finding, s.verdict, s.severity, s.proof, s.since,
    ROW_NUMBER() OVER (PARTITION BY s.finding ORDER BY r.moment DESC, r.number DESC) AS age
  FROM run r JOIN state s ON s.run = r.number
  WHERE r.body = ? AND r.moment <= ? AND s.verdict IN ({", ".join(f"'{verdict}'" for verdict in sorted(SETTLED))})
) newest JOIN finding f ON f.id = newest.finding
WHERE newest.age = 1
"""  # noqa: S608 - constants of this file only - our own words


# What the runs of a body that began at a moment or before counted, the oldest first.
_COUNTED = """
SELECT r.number, r.started, r.complete, r.regime, r.rules, s.verdict, s.proof, COUNT(s.finding)
FROM run r LEFT JOIN state s ON s.run = r.number
WHERE r.body = ? AND r.moment <= ?
GROUP BY r.moment, r.number, s.verdict, s.proof
ORDER BY r.moment, r.number
"""
_END_OF_TIME = "9999"  # sorts after every moment


def _points(door: Door, connection: Connection, body: str, moment: str) -> Iterator[Point]:
    rows = connection.execute(_COUNTED, (body, moment))
    for (number, started, complete, regime, rules), counted in groupby(rows, key=lambda row: row[:5]):
        try:
            counts = coverage((Verdict(row[5]), Proof(row[6]), int(row[7])) for row in counted if row[7])
        except ValueError:  # a word that no nis2check writes
            raise door.damaged(_("un verdict inconnu s'y trouve")) from None
        yield Point(int(number), str(started), bool(complete), str(regime), str(rules), counts)


def _earlier(door: Door, connection: Connection, body: str, moment: str) -> Earlier | None:
    """What the runs of a body that began at a moment or before know; None when there are none."""
    latest = connection.execute(_LATEST, (body, moment)).fetchone()
    if latest is None:
        return None
    number, started = latest
    return Earlier(
        str(started),
        _states(door, connection, _OF_RUN, (number,)),
        _states(door, connection, _SETTLED, (body, moment)),
    )


def _states(door: Door, connection: Connection, query: str, values: tuple[Json, ...]) -> dict[str, State]:
    try:
        return {
            str(name): State(
                str(name),
                str(rule),
                str(kind),
                str(target),
                Verdict(verdict),
                Severity(severity),
                Proof(proof),
                str(since),
            )
            for name, rule, kind, target, verdict, severity, proof, since in connection.execute(query, values)
        }
    except ValueError:  # a word that no nis2check writes
        raise door.damaged(_("un verdict inconnu s'y trouve")) from None


def _runs(door: Door, connection: Connection, body: str) -> Iterator[Run]:
    where = "WHERE body = ? OR name = ?" if body else ""
    query = f"SELECT {', '.join(_LISTED)} FROM run {where} ORDER BY moment DESC, number DESC"  # noqa: S608 - constants of this file only
    for values in connection.execute(query, (_key(body), _key(body)) if body else ()):
        row = dict(zip(_LISTED, values, strict=True))
        if not all(isinstance(value, str if name in _TEXTS else int) for name, value in row.items()):
            raise door.damaged(_("une ligne y a un type inattendu"))
        yield Run(
            number=row["number"],
            complete=bool(row["complete"]),
            counts={key: row[column] for key, column in _COUNTS.items()},
            changes={key: row[column] for key, column in _CHANGES.items()},
            **{name: row[name] for name in _TEXTS},
        )


def _unpacked(packed: Json) -> bytes | None:
    """The bytes of a stored document; None when they are not what we wrote. No more than a result may have."""
    if not isinstance(packed, bytes):
        return None
    opener = zlib.decompressobj()
    try:
        data = opener.decompress(packed, LARGEST_JSON)
    except zlib.error:
        return None
    return data if opener.eof and not opener.unused_data else None


def _doomed(runs: Iterator[Run], keep: int | None, before: datetime.date | None) -> Iterator[Run]:
    """The runs to forget, of runs given the latest first."""
    seen: dict[str, int] = {}
    for run in runs:
        seen[run.body] = seen.get(run.body, 0) + 1
        late = keep is not None and seen[run.body] > keep
        if late or (before is not None and run.moment[:10] < before.isoformat()):
            yield run
