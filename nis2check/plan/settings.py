# SPDX-License-Identifier: EUPL-1.2
"""The factors of the plan: ``policies/plan.yaml`` as values. No factor stands anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nis2check.files import load_yaml, shipped
from nis2check.model import Json, Text


@dataclass(frozen=True, slots=True)
class Fix:
    """One action that closes every finding whose rule names it. ``owner``: dsi, dgs, outsourcer, hr."""

    title: Text
    owner: str
    effort_days: float
    needs: tuple[str, ...]  # other fixes, done before


@dataclass(frozen=True, slots=True)
class Job:
    """Fixes done in one go: one action. Its days stand for the whole, however few of them are asked."""

    title: Text
    owner: str
    effort_days: float
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """All weights are multipliers without unit; see the comments of ``policies/plan.yaml`` for what each means."""

    severity: Mapping[str, float]
    likelihood: Mapping[str, float]
    breadth_each: float
    breadth_most: float
    legal: Mapping[str, float]
    first_actions: int
    first_most: float
    foundation: Mapping[str, float]  # by measure of the framework
    effort: tuple[tuple[float, float], ...]  # (up to so many days, divisor), rising
    days_of_rule_effort: Mapping[int, float]
    partial_effort: float
    capacity: float  # days a month, unless the body says otherwise
    at_once: int  # actions of one owner in one month
    first_measures: int
    first_months: int
    margin: float  # share of the first months that the roadmap leaves free
    governance: int  # at least so many among the first
    stability_draws: int
    fixes: Mapping[str, Fix]
    jobs: Mapping[str, Job]
    job_of: Mapping[str, str]  # fix → job, for those that are part of one

    def divisor(self, days: float) -> float:
        """The weight of an effort; the last class has no end."""
        return next((weight for up_to, weight in self.effort if days <= up_to), self.effort[-1][1])


@lru_cache(maxsize=1)
def load() -> Settings:
    """The shipped settings. Their file is schema-checked by tests, not here."""
    return parse(load_yaml(shipped("policies") / "plan.yaml", ours=True).data)


def parse(data: Json) -> Settings:
    """Settings from a checked document. Fractions arrive as text: the YAML loader knows integers only."""
    return Settings(
        severity=_numbers(data["severity"]),
        likelihood=_numbers(data["likelihood"]),
        breadth_each=float(data["breadth"]["each"]),
        breadth_most=float(data["breadth"]["most"]),
        legal=_numbers(data["legal"]),
        first_actions=data["first"]["actions"],
        first_most=float(data["first"]["most"]),
        foundation=dict.fromkeys(data["foundation"]["measures"], float(data["foundation"]["weight"])),
        effort=tuple((float(item["up_to"]), float(item["weight"])) for item in data["effort"]),
        days_of_rule_effort={int(effort): float(days) for effort, days in data["days_of_rule_effort"].items()},
        partial_effort=float(data["partial_effort"]),
        capacity=float(data["capacity_days_per_month"]),
        at_once=data["at_once_per_owner"],
        first_measures=data["first_measures"],
        first_months=data["first_months"],
        margin=float(data["first_months_margin"]),
        governance=data["governance_among_first"],
        stability_draws=data["stability_draws"],
        fixes={
            id_: Fix(item["title"], item["owner"], float(item["effort_days"]), tuple(item.get("needs", ())))
            for id_, item in data["fixes"].items()
        },
        jobs={
            id_: Job(item["title"], item["owner"], float(item["effort_days"]), tuple(item["fixes"]))
            for id_, item in data["jobs"].items()
        },
        job_of={fix: id_ for id_, item in data["jobs"].items() for fix in item["fixes"]},
    )


def _numbers(data: Mapping[str, Json]) -> dict[str, float]:
    return {key: float(value) for key, value in data.items()}
