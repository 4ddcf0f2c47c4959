# SPDX-License-Identifier: EUPL-1.2
"""What to verify first: findings that could not tell. Being unsure is not a gap, and is not nothing either. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nis2check.frameworks import Framework
from nis2check.model import Finding, Json, Rule, Text, Verdict
from nis2check.plan.actions import measure_of

_RESCAN: Text = {
    "fr": "Relancer l'analyse, ou vérifier à la main.",
    "en": "Run the scan again, or check by hand.",
}


def verify_first(findings: Iterable[Finding], rules: Mapping[str, Rule], framework: Framework) -> list[dict[str, Json]]:
    """One item per rule with findings ``unknown``, the gravest possible first: ``rule, title, severity, findings[],
    targets, because``. A waived one is left out."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.verdict is Verdict.UNKNOWN and finding.waiver is None:
            groups.setdefault(finding.rule, []).append(finding)
    order = sorted(groups, key=lambda rule: (min(f.severity.rank for f in groups[rule]), rule))
    return [_item(rule, groups[rule], rules, framework) for rule in order]


def _item(rule: str, group: list[Finding], rules: Mapping[str, Rule], framework: Framework) -> dict[str, Json]:
    measure = measure_of(group[0], framework)
    title: Text = {"fr": rule, "en": rule}
    if measure is not None:
        title = measure.title
    elif rule in rules:
        title = rules[rule].title
    targets = len({finding.target.name for finding in group})
    return {
        "rule": rule,
        "title": dict(title),
        "severity": min(group, key=lambda f: f.severity.rank).severity.value,
        "findings": sorted(finding.id for finding in group),
        "targets": targets,
        "because": _because_asked(measure.proof) if measure else _because(targets),
    }


def _because(targets: int) -> Text:
    if targets == 1:
        return {
            "fr": f"Une cible sans verdict. {_RESCAN['fr']}",
            "en": f"One target without a verdict. {_RESCAN['en']}",
        }
    return {
        "fr": f"{targets} cibles sans verdict. {_RESCAN['fr']}",
        "en": f"{targets} targets without a verdict. {_RESCAN['en']}",
    }


def _because_asked(proof: Text) -> Text:
    return {
        "fr": f"Répondu « ne sait pas ». Preuve à chercher : {proof['fr']}.",
        "en": f"Answered “don't know”. Proof to look for: {proof['en']}.",
    }
