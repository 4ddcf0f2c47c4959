# SPDX-License-Identifier: EUPL-1.2
"""Values → the ``nis2check.result/1`` document. One function builds it, so that what leaves is decided in one place.

Rule for this file: ids from rule and target, never from wording; lists in a fixed order; nothing that differs between two runs
on the same input but ``run``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nis2check import __version__
from nis2check.case import Case
from nis2check.frameworks import Framework
from nis2check.law.scope import in_both_languages
from nis2check.model import Finding, Gap, Json, Location, Offender, Proof, Reference, Rule, Touched, Verdict, Waiver
from nis2check.rules.load import digest

NOTICE = {
    "fr": "Aide à la préparation ; ne vaut ni certification, ni audit, ni avis juridique.",
    "en": "A preparation aid; neither a certification, nor an audit, nor legal advice.",
}
_APPLICABLE = (Verdict.PASS, Verdict.PARTIAL, Verdict.FAIL, Verdict.TO_ATTEST, Verdict.UNKNOWN)


def document(
    case: Case,
    *,
    findings: Sequence[Finding],
    objectives: list[dict[str, Json]],
    plan: Mapping[str, Json],
    drift: list[dict[str, Json]],
) -> dict[str, Json]:
    """The result/1 document (DESIGN 5; schemas/result.schema.json)."""
    named = {finding.rule for finding in findings}
    return {
        "schema": "nis2check.result/1",
        "complete": case.evidence.complete,
        "tool": {
            "name": "nis2check",
            "version": __version__,
            "rules": {"version": case.rules_version, "sha256": digest(case.rules)},
        },
        "run": {"started": case.started, "finished": case.finished},
        "regime": case.regime,
        "body": _body(case),
        "scope": in_both_languages(case.scope) if case.scope else None,
        "coverage": coverage(findings) | {"by_family": by_family(objectives)},
        "findings": finding_documents(findings, case),
        "objectives": objectives,
        "plan": dict(plan),
        "gaps": [_gap(gap) for gap in sorted(case.evidence.gaps, key=_gap_order)],
        "drift": drift,
        "imported": [],
        "waivers": [_waiver(waiver) for waiver in case.waivers],
        "changes": {"since": None, "new": [], "fixed": [], "worse": [], "not_retested": []},
        "rules": {rule.id: _rule(rule) for rule in case.rules if rule.id in named},
        "framework": _framework(case.framework),
        "notice": NOTICE,
        **({"diff": _diff(case.touched)} if case.touched else {}),
    }


def _diff(touched: Touched) -> dict[str, Json]:
    return {"base": touched.base, "commit": touched.commit, "files": sorted(touched.lines)}


def finding_documents(findings: Iterable[Finding], case: Case) -> list[Json]:
    """The findings as they stand in a result, worst first."""
    return [_finding(finding, case) for finding in sorted(findings, key=_order)]


def coverage(findings: Iterable[Finding]) -> dict[str, Json]:
    """Counts of applicable findings by verdict, in all and split by how each was shown."""
    whole = _counts()
    split = {proof.value: _counts() for proof in Proof}
    for finding in findings:
        if finding.verdict in _APPLICABLE:
            for counts in (whole, split[finding.proof.value]):
                counts["applicable"] += 1
                counts[finding.verdict.value] += 1
    return {**whole, "by_proof": split}


def by_family(objectives: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """Measures of the framework by family and by what answers them, and the signs beside: the sums of ``objectives[]``."""
    whole: dict[str, Json] = {}
    for row in objectives:
        family = whole.setdefault(row["family"], {"evidence": dict.fromkeys(row["evidence"], 0)})
        for word in ("measures", "pass", "partial", "fail", "to_attest", "unknown"):
            family[word] = family.get(word, 0) + row[word]
        for word, count in row["evidence"].items():
            family["evidence"][word] += count
    return whole


def _counts() -> dict[str, int]:
    return {"applicable": 0} | {verdict.value: 0 for verdict in _APPLICABLE}


def _body(case: Case) -> dict[str, Json] | None:
    if case.scope is None:
        return None
    body = case.scope.body
    return {
        "siren": body.siren,
        "name": body.name,
        "nature": body.nature,
        "population": {**body.population, "vintage": dict(body.vintage)},
    }


def _order(finding: Finding) -> tuple[int, int, str, str, str]:
    """Worst first: verdict, severity, then rule and target."""
    verdict = list(Verdict).index(finding.verdict)
    return verdict, finding.severity.rank, finding.rule, finding.target.name, finding.id


def _finding(finding: Finding, case: Case) -> dict[str, Json]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "target": {"kind": finding.target.kind.value, "name": finding.target.name, "address": finding.address},
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "proof": finding.proof.value,
        "reason": finding.reason,
        "facts": dict(finding.facts),
        "location": _location(finding.location),
        "references": [_reference(reference) for reference in finding.references],
        "waiver": _waiver(finding.waiver) if finding.waiver else None,
        "since": finding.since or case.started,
        "addresses": [dict(address) for address in finding.addresses],
        **({"offenders": [_offender(one) for one in finding.offenders]} if finding.offenders else {}),
    }


def _offender(offender: Offender) -> dict[str, Json]:
    return {"fact": offender.fact, "location": _location(offender.place), "print": offender.print}


def _location(location: Location | None) -> dict[str, Json] | None:
    return {"file": location.file, "line": location.line} if location else None


def _reference(reference: Reference) -> dict[str, Json]:
    return {"source": reference.source, "clause": reference.clause, "strength": reference.strength}


def _waiver(waiver: Waiver) -> dict[str, Json]:
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "target": waiver.target,
        "reason": waiver.reason,
        "author": waiver.author,
        "approver": waiver.approver,
        "created": waiver.created,
        "until": waiver.until,
        "compensating": waiver.compensating,
    }


def _gap(gap: Gap) -> dict[str, Json]:
    where = {"where": gap.where} if gap.where else {}
    return {
        "name": gap.name,
        "subject": gap.subject,
        "address": gap.address,
        "why": gap.why.value,
        "detail": gap.detail,
        **where,
    }


def _gap_order(gap: Gap) -> tuple[str, str, str, str]:
    return gap.subject, gap.name, gap.address or "", gap.where


def _rule(rule: Rule) -> dict[str, Json]:
    return {
        "title": dict(rule.title),
        "severity": rule.severity.value,
        "why": dict(rule.why),
        "impact": dict(rule.impact),
        "limits": dict(rule.limits),
        "remediation": dict(rule.remediation),
        "references": [_reference(reference) for reference in rule.references],
        "effort": rule.effort,
        "fix": rule.fix,
    }


def _framework(framework: Framework) -> dict[str, Json]:
    measures = {
        measure.id: {
            "title": dict(measure.title),
            "objective": measure.objective,
            "for": measure.group,
            "family": measure.family,
        }
        for measure in framework.measures.values()
    }
    objectives = {
        objective.id: {"title": dict(objective.title), "family": objective.family}
        for objective in framework.objectives.values()
    }
    return {
        "id": framework.id.partition("-")[0],
        "version": framework.version,
        "measures": measures,
        "objectives": objectives,
    }
