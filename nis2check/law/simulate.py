# SPDX-License-Identifier: EUPL-1.2
"""What if: the whole register under several scenarios, counted, and who changes category between two of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nis2check.language import _
from nis2check.law.regime import REGISTER_FACTS, AllOf, AnyOf, Comparison, Regime, RegimeClause, Test
from nis2check.law.scope import opinion
from nis2check.model import Body, Category, Json


@dataclass(frozen=True, slots=True)
class Scenario:
    """One reading of the law over one vintage. ``threshold`` (inhabitants) replaces those of the regime; None keeps them."""

    regime: Regime
    notion: str
    on: str
    threshold: int | None = None

    @property
    def id(self) -> str:
        end = "" if self.threshold is None else f", {self.threshold}"
        return f"{self.regime.id}, {self.notion}, {self.on}{end}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every body's category under a scenario, by SIREN."""

    scenario: Scenario
    categories: Mapping[str, Category]
    by_nature: Mapping[str, Mapping[Category, int]]
    by_department: Mapping[str, Mapping[Category, int]]  # a grouping over several départements counts in each


@dataclass(frozen=True, slots=True)
class Move:
    """A body whose category is not the same under two scenarios. None: it does not exist under that one."""

    body: Body
    before: Category | None
    after: Category | None


def with_threshold(regime: Regime, threshold: int) -> Regime:
    """The same regime, every threshold in inhabitants replaced; its operators stay."""

    def changed(clause: RegimeClause) -> RegimeClause:
        return clause if clause.test is None else replace(clause, test=_at(clause.test, threshold))

    return replace(
        regime,
        clauses=tuple(map(changed, regime.clauses)),
        clauses_of={nature: tuple(map(changed, each)) for nature, each in regime.clauses_of.items()},
        plain_clauses_of={nature: tuple(map(changed, each)) for nature, each in regime.plain_clauses_of.items()},
    )


def _at(test: Test, threshold: int) -> Test:
    if isinstance(test, Comparison):
        return replace(test, value=threshold) if test.fact in REGISTER_FACTS else test
    tests = tuple(_at(one, threshold) for one in test.tests)
    return AllOf(tests) if isinstance(test, AllOf) else AnyOf(tests)


def run(scenario: Scenario, bodies: Iterable[Body]) -> Outcome:
    """Judge every body under one notion and count."""
    regime = scenario.regime if scenario.threshold is None else with_threshold(scenario.regime, scenario.threshold)
    categories: dict[str, Category] = {}
    by_nature: dict[str, Counter[Category]] = {}
    by_department: dict[str, Counter[Category]] = {}
    for body in bodies:
        category = opinion(body, regime, scenario.notion, scenario.on).category
        categories[body.siren] = category
        by_nature.setdefault(body.nature, Counter())[category] += 1
        for department in body.departments:
            by_department.setdefault(department, Counter())[category] += 1
    return Outcome(scenario, categories, by_nature, by_department)


def moves(before: Outcome, after: Outcome, bodies: Mapping[str, Body]) -> tuple[Move, ...]:
    """The bodies whose category changes, by SIREN; ``bodies`` knows those of both."""
    sirens = sorted(before.categories.keys() | after.categories.keys())
    pairs = ((siren, before.categories.get(siren), after.categories.get(siren)) for siren in sirens)
    return tuple(Move(bodies[siren], one, other) for siren, one, other in pairs if one is not other)


def document(
    outcomes: Sequence[Outcome], changed: Sequence[tuple[Outcome, Outcome, Sequence[Move]]]
) -> dict[str, Json]:
    """The ``nis2check.simulation/1`` value: counts of each scenario, and who moves from the first to each other."""
    return {
        "schema": "nis2check.simulation/1",
        "scenarios": [_scenario(outcome) for outcome in outcomes],
        "changes": [
            {
                "from": before.scenario.id,
                "to": after.scenario.id,
                "siren": move.body.siren,
                "name": move.body.name,
                "nature": move.body.nature,
                "departments": list(move.body.departments),
                "before": move.before,
                "after": move.after,
            }
            for before, after, moved in changed
            for move in moved
        ],
        "notes": [_vintage_note()] if any(each.scenario.threshold is not None for each in outcomes) else [],
    }


def _vintage_note() -> str:
    return _(
        "Loin des seuils des textes (20 000 et 30 000 habitants), la population totale livrée est celle en vigueur en 2025 : "
        "à un autre seuil, quelques organismes proches peuvent différer de la population de 2026."
    )


def _scenario(outcome: Outcome) -> dict[str, Json]:
    scenario = outcome.scenario
    return {
        "id": scenario.id,
        "regime": scenario.regime.id,
        "title": dict(scenario.regime.title),
        "notion": scenario.notion,
        "on": scenario.on,
        "threshold": scenario.threshold,
        "counts": _counted(Counter(outcome.categories.values())),
        "by_nature": {nature: _counted(counts) for nature, counts in outcome.by_nature.items()},
        "by_department": {place: _counted(counts) for place, counts in sorted(outcome.by_department.items())},
    }


def _counted(counts: Mapping[Category, int]) -> dict[str, int]:
    return {str(category): counts.get(category, 0) for category in Category}
