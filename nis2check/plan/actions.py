# SPDX-License-Identifier: EUPL-1.2
"""Findings → actions: what one person does once, however many findings it closes, and what it is worth.

Pure. The score of an action is that of its worst finding, times how wide it is; a lesser finding added to it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from nis2check.frameworks import Framework, Measure
from nis2check.model import Category, Finding, Rule, Text, Verdict
from nis2check.plan.settings import Fix, Settings

GAPS = frozenset({Verdict.FAIL, Verdict.PARTIAL, Verdict.TO_ATTEST})
MEASURE = "recyf/"


@dataclass(frozen=True, slots=True)
class Factors:
    """Why an action stands where it stands: every number that made its score."""

    severity: float
    likelihood: float
    breadth: float
    legal: float
    first: float
    foundation: float
    effort: float  # the divisor, not days

    @property
    def gain(self) -> float:
        return self.severity * self.likelihood * self.breadth * self.legal * self.first * self.foundation

    @property
    def score(self) -> float:
        return self.gain / self.effort


class Place(NamedTuple):
    """The order of last resort: ANSSI's first actions, then the framework, then the key."""

    first: int
    position: int
    key: str


@dataclass(frozen=True, slots=True)
class Action:
    """``key`` is a job, a fix, a rule without either, or ``recyf/<measure>``. ``worst`` is the finding that made its score."""

    key: str
    title: Text
    findings: tuple[str, ...]
    measures: tuple[str, ...]
    days: float
    owner: str
    governance: bool
    proof: Text  # what shows that it is done
    worst: Finding
    targets: int
    factors: Factors
    place: Place
    needs: tuple[str, ...]  # keys; those that are not in the plan are done


def actions(
    findings: Iterable[Finding], rules: Mapping[str, Rule], framework: Framework, category: Category, settings: Settings
) -> dict[str, Action]:
    """The actions that close all gaps without a waiver, by key, sorted by key. Unknown is not a gap: see ``verify``."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.verdict in GAPS and finding.waiver is None:
            groups.setdefault(_key(finding, rules, framework, settings), []).append(finding)
    return {key: _action(key, groups[key], rules, framework, category, settings) for key in sorted(groups)}


def measure_of(finding: Finding, framework: Framework) -> Measure | None:
    """The measure that a finding of an attestation is about."""
    if not finding.rule.startswith(MEASURE):
        return None
    return framework.measures.get(finding.rule.removeprefix(MEASURE))


def _key(finding: Finding, rules: Mapping[str, Rule], framework: Framework, settings: Settings) -> str:
    if measure_of(finding, framework) is not None or finding.rule not in rules:
        return finding.rule
    fix = rules[finding.rule].fix
    return settings.job_of.get(fix, fix) or finding.rule


def _action(
    key: str,
    group: list[Finding],
    rules: Mapping[str, Rule],
    framework: Framework,
    category: Category,
    settings: Settings,
) -> Action:
    weights = {finding.id: _weight(finding, settings) for finding in group}
    worst = min(group, key=lambda f: (-weights[f.id], f.rule, f.target.name, f.id))
    targets = len({f.target.name for f in group if weights[f.id] == weights[worst.id]})
    measure = measure_of(worst, framework)
    carried = [measure] if measure else _carried(group, framework)
    fix = _fix_of_measure(measure, worst, settings) if measure else _fix(key, group, worst, rules, settings)
    return Action(
        key=key,
        title=dict(fix.title),
        findings=tuple(sorted(weights, key=lambda id_: (-weights[id_], id_))),
        measures=tuple(m.id for m in carried),
        days=fix.effort_days,
        owner=fix.owner,
        governance=measure is not None and measure.family == "governance",
        proof=measure.proof if measure else {"fr": "Nouveau contrôle sans écart", "en": "A new check without a gap"},
        worst=worst,
        targets=targets,
        factors=_factors(worst, targets, measure, carried, fix, category, settings),
        place=Place(
            min((m.cyberdepart for m in carried if m.cyberdepart), default=settings.first_actions + 1),
            min((m.position for m in carried), default=len(framework.measures)),
            key,
        ),
        needs=fix.needs,
    )


def _factors(
    worst: Finding,
    targets: int,
    measure: Measure | None,
    carried: list[Measure],
    fix: Fix,
    category: Category,
    settings: Settings,
) -> Factors:
    return Factors(
        severity=settings.severity[worst.severity],
        likelihood=settings.likelihood[how_sure(worst)],
        breadth=min(1 + settings.breadth_each * (targets - 1), settings.breadth_most),
        legal=settings.legal[category] if any(m.applies(category) for m in carried) else 1,
        # A technical fix is a sign of a first action of ANSSI, not that action.
        first=_first(measure, settings) if measure and measure.cyberdepart else 1,
        foundation=settings.foundation.get(measure.id, 1) if measure else 1,
        effort=settings.divisor(fix.effort_days),
    )


def how_sure(finding: Finding) -> str:
    """The word of ``likelihood`` for how a gap is known."""
    if finding.verdict is Verdict.TO_ATTEST:
        return "to_attest"
    if finding.proof == "attested":
        return "attested_partial" if finding.verdict is Verdict.PARTIAL else "attested_no"
    return finding.proof


def _weight(finding: Finding, settings: Settings) -> float:
    return settings.severity[finding.severity] * settings.likelihood[how_sure(finding)]


def _first(measure: Measure, settings: Settings) -> float:
    """From ``first_most`` for the first of ANSSI's actions down to just above 1 for the last."""
    rank = measure.cyberdepart or settings.first_actions + 1
    return 1 + (settings.first_most - 1) * (settings.first_actions + 1 - rank) / settings.first_actions


def _carried(group: list[Finding], framework: Framework) -> list[Measure]:
    """The measures that the rules of a technical action give evidence for, in the order of the framework."""
    clauses = {r.clause for finding in group for r in finding.references if r.source == "recyf"}
    return [measure for id_, measure in framework.measures.items() if id_ in clauses]


def _fix_of_measure(measure: Measure, finding: Finding, settings: Settings) -> Fix:
    part = settings.partial_effort if finding.verdict is Verdict.PARTIAL else 1
    return Fix(
        measure.title,
        measure.who,
        max(0.5, measure.effort_days * part),
        tuple(MEASURE + need for need in measure.needs),
    )


def _fix(key: str, group: list[Finding], worst: Finding, rules: Mapping[str, Rule], settings: Settings) -> Fix:
    """The job or the fix as the table has it, else as its worst rule tells it."""
    if key in settings.jobs:
        return _fix_of_job(key, {rules[finding.rule].fix for finding in group}, settings)
    if key in settings.fixes:
        fix = settings.fixes[key]
        return replace(fix, needs=tuple(settings.job_of.get(need, need) for need in fix.needs))
    rule = rules.get(worst.rule)
    if rule is None:
        return Fix({"fr": worst.rule, "en": worst.rule}, "dsi", settings.days_of_rule_effort[2], ())
    return Fix(rule.title, "dsi", settings.days_of_rule_effort[rule.effort], ())


def _fix_of_job(key: str, asked: set[str], settings: Settings) -> Fix:
    """A job under the title of its one fix when no other is asked. It needs what any of its fixes needs, asked or not: a lesser
    finding that asks one more must not change the order."""
    job = settings.jobs[key]
    title = settings.fixes[next(iter(asked))].title if len(asked) == 1 else job.title
    needs = {settings.job_of.get(need, need) for fix in job.fixes for need in settings.fixes[fix].needs} - {key}
    return Fix(title, job.owner, job.effort_days, tuple(sorted(needs)))
