# SPDX-License-Identifier: EUPL-1.2
"""Every body of the register under every regime, against a naive computation that shares no code with the engine.

The naive one reads the shipped CSV files with ``csv`` and writes the law as plain conditions. The counts are those found
apart from Insee's whole population file (2026) and from the perimeters of each year.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

import nis2check.register
from nis2check.law.regime import known, load
from nis2check.law.scope import decide
from nis2check.model import Body
from nis2check.register.lookup import everybody

DATA = Path(nis2check.register.__file__).parent / "data"
DAY = {"2025": "2025-06-30", "2026": "2026-11-22"}


@lru_cache
def bodies(vintage: str) -> tuple[Body, ...]:
    return tuple(everybody(DAY[vintage]))


@lru_cache
def rows(vintage: str) -> list[dict[str, str]]:
    out: list[dict[str, str]] = []
    for name in ("communes", "groupings"):
        with gzip.open(DATA / vintage / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as stream:
            out += csv.DictReader(stream, delimiter=";", quoting=csv.QUOTE_NONE)
    return out


def naive(row: dict[str, str], largest: dict[str, int], regime: str, notion: str) -> str:
    nature = row["nature"]
    if nature in {"REG", "CTU", "DEP", "DEPREG", "CEA", "CU", "METRO", "MET69"}:
        return "essential"
    if nature == "COMMUNE":
        return "essential" if int(row[notion]) > 30000 else "out_of_scope"
    if nature == "CA":
        if regime in {"government-2024", "what-if/all-ca-essential"}:
            return "essential"
        return "essential" if largest[row["siren"]] > 30000 and regime != "what-if/all-ca-important" else "important"
    if nature == "CC":
        least = {"what-if/cc-ge-20000": 20000, "what-if/cc-ge-30000": 30000}.get(regime, 0)
        return "important" if int(row[notion]) >= least else "out_of_scope"
    assert nature == "EPT"
    return "undecided"


# (vintage, notion, regime) → essential, important
COUNTS = {
    ("2026", "totale", "government-2024"): (674, 987),
    ("2026", "municipale", "government-2024"): (667, 987),
    ("2025", "totale", "government-2024"): (672, 989),
    ("2025", "municipale", "government-2024"): (662, 989),
    ("2026", "totale", "senate-2025"): (554, 1107),
    ("2026", "municipale", "senate-2025"): (545, 1109),
    ("2025", "totale", "senate-2025"): (552, 1109),
    ("2025", "municipale", "senate-2025"): (539, 1112),
    ("2026", "totale", "what-if/cc-ge-20000"): (554, 120 + 471),
    ("2026", "municipale", "what-if/cc-ge-20000"): (545, 122 + 461),
    ("2025", "totale", "what-if/cc-ge-20000"): (552, 120 + 474),
    ("2025", "municipale", "what-if/cc-ge-20000"): (539, 123 + 462),
    ("2026", "totale", "what-if/cc-ge-30000"): (554, 120 + 220),
    ("2026", "municipale", "what-if/cc-ge-30000"): (545, 122 + 202),
    ("2025", "totale", "what-if/cc-ge-30000"): (552, 120 + 215),
    ("2025", "municipale", "what-if/cc-ge-30000"): (539, 123 + 200),
}


REGIMES = {"2025": ("senate-2025", "government-2024", "what-if/cc-ge-20000", "what-if/cc-ge-30000"), "2026": known()}


@pytest.mark.parametrize(("vintage", "regime"), [(v, regime) for v, regimes in REGIMES.items() for regime in regimes])
def test_every_body_under_every_regime_and_notion(vintage: str, regime: str) -> None:
    table = rows(vintage)
    with_siren = [row for row in table if row["siren"]]
    scopes = [decide(body, load(regime), "totale", DAY[vintage]) for body in bodies(vintage)]
    assert len(scopes) == len(with_siren) == {"2025": 36253, "2026": 36251}[vintage]
    for notion in ("totale", "municipale"):
        # From the communes themselves, not from the column that the engine reads.
        largest: dict[str, int] = {}
        for row in table:
            if row["grouping"]:
                largest[row["grouping"]] = max(largest.get(row["grouping"], 0), int(row[notion]))
        found = {scope.body.siren: str(scope.by_notion[notion]) for scope in scopes}
        assert found == {row["siren"]: naive(row, largest, regime, notion) for row in with_siren}
        if (vintage, notion, regime) in COUNTS:
            counts = Counter(found.values())
            assert (counts["essential"], counts["important"]) == COUNTS[(vintage, notion, regime)]
            assert counts["undecided"] == 11
