# SPDX-License-Identifier: EUPL-1.2
"""Hysteresis: off unless asked; then a threshold crossed must stay crossed before it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nis2check.law.memory import remembered
from nis2check.law.regime import known, load
from nis2check.law.scope import decide
from nis2check.model import Body, Category, Scope
from nis2check.register.lookup import before, beginning, find

TODAY = "2026-11-22"
IN, OUT, OPEN = Category.ESSENTIAL, Category.OUT_OF_SCOPE, Category.UNDECIDED


def commune(population: int, nature: str = "COMMUNE") -> Body:
    figures = dict.fromkeys(("totale", "municipale"), population)
    return Body("x", nature, population=figures, largest_commune=figures)


def judged(years: int, now: Body, *earlier: Body) -> Scope:
    regime = replace(load("senate-2025"), hysteresis=years)
    return remembered(decide(now, regime, "totale", TODAY), regime, earlier, "totale")


def test_no_shipped_regime_has_any() -> None:
    assert {load(name).hysteresis for name in known()} == {0}


@pytest.mark.parametrize(
    ("years", "populations", "category"),
    [
        (0, (30001, 29000), IN),
        (1, (30001,), IN),
        (1, (30001, 29000), OUT),
        (1, (30001, 30002), IN),
        (1, (29000, 30001), IN),
        (1, (29000, 29000, 30001), OUT),
        (2, (30001, 30001, 29000), OUT),
        (2, (30001, 29000, 30001), IN),
        (2, (30001, 30001, 30001, 29000), IN),
        (2, (30001, 29000), OPEN),
        (2, (30001, 30001), IN),
    ],
)
def test_populations_of_now_then_of_each_vintage_before(
    years: int, populations: tuple[int, ...], category: Category
) -> None:
    scope = judged(years, *map(commune, populations))
    assert scope.category is category
    assert bool(scope.missing) == (category is OPEN)


def test_a_change_of_form_counts_at_once() -> None:
    assert judged(1, commune(40000, "CA"), commune(40000, "CC")).category is IN


def test_two_real_communes() -> None:
    villemomble, orange = find("93077", TODAY), find("84087", TODAY)
    assert judged(1, villemomble, *before(villemomble, TODAY)).by_notion == {"totale": IN, "municipale": OUT}
    assert judged(1, orange, *before(orange, TODAY)).by_notion == {"totale": OUT, "municipale": OUT}
    assert before(find("994579670", TODAY), TODAY) == ()


@pytest.mark.parametrize(
    ("typed", "siren"),
    [("24340081", "243400819"), ("grand peri", "200040392"), ("Périgu", "212403224"), ("capi", "243800604")],
)
def test_a_shell_is_offered_what_starts_as_typed(typed: str, siren: str) -> None:
    assert siren in dict(beginning(typed))


def test_a_shell_is_offered_no_flood() -> None:
    assert not list(beginning("s"))
    assert len(list(beginning("saint"))) == 30
