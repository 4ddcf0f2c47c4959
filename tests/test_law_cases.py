# SPDX-License-Identifier: EUPL-1.2
"""The cases of ``tests/law/``, one a line, that a lawyer can read and amend; and what must hold whatever the case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.files import load_yaml
from nis2check.law.regime import known, load
from nis2check.law.scope import NOTIONS, decide, document
from nis2check.model import Body, Category, Scope
from nis2check.register.lookup import described, find

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted((Path(__file__).parent / "law").glob("*.yaml"))
    for case in load_yaml(path).data
]


KEYS = {"case", "who", "on", "regime", "totale", "municipale", "nature", "missing", "clause", "note"}


def answer(case: Mapping[str, Any]) -> Scope:
    on = case.get("on", "2026-11-22")
    who = dict(case["who"])
    body = described(who, on) if "name" not in who else find(who["name"], on)
    return decide(body, load(case.get("regime", "senate-2025")), "totale", on)


@pytest.mark.parametrize("case", CASES)
def test_case(case: Mapping[str, Any]) -> None:
    assert case.keys() <= KEYS, "a comma in a text without quotes makes a key of its end"
    scope = answer(case)
    told = document(scope)
    assert scope.category == case["totale"]
    assert scope.by_notion["municipale"] == case.get("municipale", scope.by_notion["municipale"])
    assert told["nature"] == case.get("nature", told["nature"])
    assert set(case.get("missing", ())) <= set(scope.missing)
    assert bool(scope.missing) == ("missing" in case)
    if "clause" in case:
        assert case["clause"] in [each["clause"] for each in told["because"]]
    if "note" in case:
        assert any(case["note"] in note for note in told["notes"])


ORDER = [Category.OUT_OF_SCOPE, Category.IMPORTANT, Category.ESSENTIAL]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(known()),
    st.sampled_from(["COMMUNE", "CC", "CA", "SYNDICAT"]),
    st.integers(0, 10**6),
    st.integers(0, 10**5),
)
def test_more_inhabitants_never_lower_a_category(regime: str, nature: str, people: int, more: int) -> None:
    def category(population: int) -> Category:
        figures = dict.fromkeys(NOTIONS, population)
        body = Body("x", nature, population=figures, largest_commune=figures, activities=("drinking-water",))
        return decide(body, load(regime), "totale", "2026-11-22").category

    assert ORDER.index(category(people)) <= ORDER.index(category(people + more))


def test_a_disagreement_of_notions_is_a_note_and_strict_makes_it_undecided() -> None:
    body = find("84087", "2026-11-22")
    regime = load("senate-2025")
    plain = decide(body, regime, "municipale", "2026-11-22")
    strict = decide(body, regime, "totale", "2026-11-22", strict=True)
    assert plain.category is Category.OUT_OF_SCOPE
    assert "municipale décide" in document(plain)["notes"][-1]
    assert strict.category is Category.UNDECIDED
    assert strict.missing == ("population_notion",)
    assert strict.by_notion == {"totale": Category.ESSENTIAL, "municipale": Category.OUT_OF_SCOPE}


def test_a_nature_that_the_regime_does_not_name_is_undecided() -> None:
    regime = load("senate-2025")
    silent = replace(regime, clauses_of={}, plain_clauses_of={})
    scope = decide(Body("x", "REG"), silent, "totale", "2026-11-22")
    assert scope.category is Category.UNDECIDED
    assert scope.missing == ("nature",)
