# SPDX-License-Identifier: EUPL-1.2
"""What each run of a body counted, the oldest first: the points of a curve. Pure: no file, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from nis2check.model import Json, Proof, Verdict

LONGEST = 53  # runs that a result carries with it: a year of weeks, and the present one
COUNTED = (Verdict.PASS, Verdict.PARTIAL, Verdict.FAIL, Verdict.TO_ATTEST, Verdict.UNKNOWN)  # as coverage counts them


@dataclass(frozen=True, slots=True)
class Point:
    """One run. ``coverage`` has the shape of a result's: counts by verdict, ``by_proof`` too. ``rules`` and ``regime`` say
    where a curve may break without anything having changed at the body's."""

    run: int
    started: str  # RFC 3339
    complete: bool
    regime: str
    rules: str  # SHA-256 of the rules that judged
    coverage: Mapping[str, Json]


def point(number: int, document: Mapping[str, Json]) -> Point:
    """The point of a ``nis2check.result/1``."""
    return Point(
        run=number,
        started=document["run"]["started"],
        complete=document["complete"],
        regime=document["regime"],
        rules=document["tool"]["rules"]["sha256"],
        coverage=document["coverage"],
    )


def coverage(counts: Iterable[tuple[Verdict, Proof, int]]) -> dict[str, Json]:
    """How many findings had a verdict, and how it was shown → the ``coverage`` of a result."""
    whole, split = _none(), {proof.value: _none() for proof in Proof}
    for verdict, proof, count in counts:
        if verdict in COUNTED:
            for part in (whole, split[proof.value]):
                part["applicable"] += count
                part[verdict.value] += count
    return {**whole, "by_proof": split}


def _none() -> dict[str, int]:
    return {"applicable": 0} | {verdict.value: 0 for verdict in COUNTED}


def with_trend(document: Mapping[str, Json], before: Iterable[Point], number: int) -> dict[str, Json]:
    """The result again with its ``trend``: the points of earlier runs of the body, then its own."""
    points = [*before, point(number, document)]
    return {**document, "trend": [asdict(one) for one in points[-LONGEST:]]}
