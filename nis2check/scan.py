# SPDX-License-Identifier: EUPL-1.2
"""The spine: body → scope → evidence → findings → plan → result. A pure function of what was looked at and of a day.

Live scans, `check` and the replay of a stored evidence file all pass here: the same case gives the same bytes.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

from nis2check.attest import comments
from nis2check.attest.measures import findings as measure_findings
from nis2check.attest.objectives import objectives
from nis2check.attest.waivers import attach
from nis2check.case import Case
from nis2check.model import Category, Finding, Json
from nis2check.plan.plan import plan
from nis2check.result import document, finding_documents
from nis2check.rules.drift import drift
from nis2check.rules.judge import judge
from nis2check.rules.touched import findings_within, gaps_within


def result(case: Case) -> dict[str, Json]:
    """The ``nis2check.result/1`` document of a case."""
    case, findings = _judged(case)
    category = case.scope.category if case.scope else Category.UNDECIDED
    return document(
        case,
        findings=findings,
        objectives=objectives(case.framework, category, findings) if case.scope else [],
        plan=_plan(case, findings, category),
        drift=drift(case.evidence.facts),
    )


def findings(case: Case) -> list[Json]:
    """The findings alone, as `result` gives them: no plan is made."""
    case, found = _judged(case)
    return finding_documents(found, case)


def _judged(case: Case) -> tuple[Case, list[Finding]]:
    """The findings with their waivers, and the case with those that comments of files give."""
    covering, unheard = comments.accepted(case.evidence.facts if case.accept_comments else (), case.on)
    case = _within(replace(case, evidence=replace(case.evidence, gaps=(*case.evidence.gaps, *unheard))))
    found = comments.attach(attach(_findings(case), case.waivers, case.on), covering, case.on)
    return replace(case, waivers=(*case.waivers, *comments.waivers(covering))), found


def _within(case: Case) -> Case:
    """With the gaps of a change alone, when there is one."""
    if case.touched is None:
        return case
    return replace(case, evidence=replace(case.evidence, gaps=gaps_within(case.evidence.gaps, case.touched)))


def _findings(case: Case) -> list[Finding]:
    evidence = case.evidence
    found = judge(case.rules, evidence.targets, evidence.facts, evidence.gaps)
    if case.scope is not None:
        subject = case.scope.body.siren or case.scope.body.name
        found += measure_findings(case.framework, case.scope.category, evidence.facts, case.on, subject)
    return found if case.touched is None else findings_within(found, case.touched)


def _plan(case: Case, findings: list[Finding], category: Category) -> dict[str, Json]:
    start = case.plan.get("start")
    return plan(
        findings,
        case.rules,
        case.framework,
        category,
        start=datetime.date.fromisoformat(start) if start else case.on,
        days_per_month=case.plan.get("days_per_month"),
    )
