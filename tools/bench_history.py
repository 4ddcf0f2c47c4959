# SPDX-License-Identifier: EUPL-1.2
"""Measure a history of every body of the country: 35 000 bodies × 76 measures × 2 runs, in SQLite and in PostgreSQL.

    python tools/bench_history.py [--bodies N] [--moved N] PLACE

PLACE is a file that does not exist yet, or the postgresql:// URL of an empty database. One body in --moved changes between
its runs, in a tenth of its verdicts; the stored documents are stand-ins of 11 KiB, as long as those of 76 findings. Bars: one
body in 5 ms, the whole difference in 5 s.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nis2check.history import fleet, verdicts
from nis2check.history.compare import State
from nis2check.history.door import Door, door
from nis2check.history.store import History
from nis2check.model import Json, Proof, Severity, Verdict

MEASURES, RUNS, DOCUMENT = 76, 2, 11 << 10
WORDS = (Verdict.PASS, Verdict.FAIL, Verdict.TO_ATTEST, Verdict.UNKNOWN)

_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "
_TWELVE = "substr(CAST(1000000000000 + {number} AS TEXT), 2)"  # 000000000042: sixteen digits with the four before it

_RUN = "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, 1, 'senate-2025', '0.1.0', ?, ?, 76, 20, 2, 15, 30, 9, 0, 0, 0, 0, 0, ?, ?)"
_FINDINGS = _COUNT + "INSERT INTO finding SELECT 'abcd' || {key}, 'recyf-2.5/8.1', 'body', 'x' FROM n"
_STATES = (
    _COUNT
    + """
INSERT INTO state SELECT r.number, 'abcd' || {key},
  CASE (n.i * 7 + r.number % {bodies} + CASE WHEN r.number > {bodies} AND (r.number - 1) % {bodies} % {moved} = 0
      AND n.i % 10 = 0 THEN 1 ELSE 0 END) % 4
    WHEN 0 THEN 'pass' WHEN 1 THEN 'fail' WHEN 2 THEN 'to_attest' ELSE 'unknown' END,
  'medium', 'attested', r.started
FROM run r CROSS JOIN n"""
)


def runs(bodies: int, moved: int) -> Iterator[tuple[Json, ...]]:
    """The rows of every run. Documents are as long as those of 76 findings, and do not compress further."""
    rules, packed = "0" * 64, random.Random(0).randbytes(DOCUMENT)
    for number in range(1, bodies * RUNS + 1):
        place = (number - 1) % bodies
        day = f"2026-11-{1 if number <= bodies else 15:02}T00:00:00.000000+00:00"
        told = verdicts.written({one.id: one for one in states(number, bodies, moved)})
        yield number, str(200_000_000 + place), f"Commune {place}", day, day, day, rules, told, rules, packed


def states(number: int, bodies: int, moved: int) -> Iterator[State]:
    """What _STATES makes for one run."""
    place = (number - 1) % bodies
    for n in range(1, MEASURES + 1):
        other = number > bodies and place % moved == 0 and n % 10 == 0
        verdict = WORDS[(n * 7 + number % bodies + other) % 4]
        key = f"abcd{place * MEASURES + n:012}"
        yield State(key, "", "body", "x", verdict, Severity.MEDIUM, Proof.ATTESTED, "")


def fill(place: Door, bodies: int, moved: int) -> None:
    """A country's history. The findings of a body are its own: 76 for each. One body in ``moved`` changes."""
    key = _TWELVE.format(number="i")
    of_body = _TWELVE.format(number=f"((r.number - 1) % {bodies}) * {MEASURES} + n.i")
    with place.writing() as connection:
        connection.executemany(_RUN, runs(bodies, moved))
        connection.execute(_FINDINGS.format(last=bodies * MEASURES, key=key))
        connection.execute(_STATES.format(last=MEASURES, key=of_body, bodies=bodies, moved=moved))
        connection.execute("UPDATE last_number SET run = ?", (bodies * RUNS,))
    place.shrink()  # PostgreSQL learns its tables there, as its own housekeeping would teach it


def milliseconds(act: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Median and worst by the clock, and the median of what this process computed (a busy machine stretches the others)."""
    clock, computed = [], []
    for _time in range(times):
        start, cpu = time.perf_counter(), time.process_time()
        act()
        clock.append((time.perf_counter() - start) * 1000)
        computed.append((time.process_time() - cpu) * 1000)
    return statistics.median(clock), max(clock), statistics.median(computed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place")
    parser.add_argument("--bodies", type=int, default=35_000)
    parser.add_argument("--moved", type=int, default=1, help="one body in so many changes (1: every one)")
    given = parser.parse_args()
    place, history, body = door(given.place), History(given.place), str(200_000_000 + given.bodies // 2)
    start = time.perf_counter()
    fill(place, given.bodies, given.moved)
    size = f", {Path(given.place).stat().st_size >> 20} MiB" if "://" not in given.place else ""
    print(f"{given.bodies * MEASURES * RUNS:,} states made in {time.perf_counter() - start:.0f} s{size}")
    acts: tuple[tuple[str, Callable[[], object], int], ...] = (
        ("open and close", lambda: history.runs("absent"), 30),
        ("one body: its runs", lambda: history.runs(body), 30),
        ("one body: its curve", lambda: history.trend(body), 30),
        ("every body: what changed", lambda: fleet.changes(place), 3),
    )
    for what, act, times in acts:
        median, worst, computed = milliseconds(act, times)
        print(f"{what:28} {median:10.1f} ms (worst of {times}: {worst:.1f}; computing {computed:.1f})")
    found = fleet.changes(place)
    print(f"{found.compared:,} bodies compared, {len(found.moved):,} moved, {found.total('new'):,} new gaps")


if __name__ == "__main__":
    main()
