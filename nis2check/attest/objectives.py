# SPDX-License-Identifier: EUPL-1.2
"""Where the body stands on each objective: measures by what is attested, and beside them what probes and files show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nis2check.frameworks import Framework, Objective
from nis2check.model import Category, Finding, Json, Proof, Verdict

_COUNTED = (Verdict.PASS, Verdict.PARTIAL, Verdict.FAIL, Verdict.TO_ATTEST, Verdict.UNKNOWN)
_EVIDENCE = {
    (Proof.OBSERVED, Verdict.PASS): "observed_pass",
    (Proof.OBSERVED, Verdict.FAIL): "observed_fail",
    (Proof.DECLARED_FILES, Verdict.PASS): "files_pass",
    (Proof.DECLARED_FILES, Verdict.FAIL): "files_fail",
}


def objectives(framework: Framework, category: Category, findings: Iterable[Finding]) -> list[dict[str, Json]]:
    """The ``objectives[]`` of the result: those with a measure that applies or was answered, in the order of the framework.

    ``measures`` counts applicable measures and is the sum of the five verdicts. ``evidence`` counts findings of rules that
    refer to the objective, each once: signs, which never answer a measure.
    """
    measures: dict[str, Counter[Verdict]] = {objective: Counter() for objective in framework.objectives}
    evidence: dict[str, Counter[str]] = {objective: Counter() for objective in framework.objectives}
    for finding in findings:
        name = finding.rule.removeprefix("recyf/")
        if name != finding.rule and name in framework.measures:
            measures[framework.measures[name].objective][finding.verdict] += 1
        elif column := _EVIDENCE.get((finding.proof, finding.verdict)):
            for objective in {r.clause.split(".")[0] for r in finding.references if r.source == "recyf"} & set(
                evidence
            ):
                evidence[objective][column] += 1
    return [
        _row(objective, measures[id_], evidence[id_])
        for id_, objective in framework.objectives.items()
        if any(measures[id_][verdict] for verdict in _COUNTED) or _applies(framework, objective, category)
    ]


def _applies(framework: Framework, objective: Objective, category: Category) -> bool:
    return any(measure.objective == objective.id for measure in framework.applicable(category))


def _row(objective: Objective, measures: Counter[Verdict], evidence: Counter[str]) -> dict[str, Json]:
    counts = {verdict.value: measures[verdict] for verdict in _COUNTED}
    return {
        "id": objective.id,
        "title": dict(objective.title),
        "family": objective.family,
        "measures": sum(counts.values()),
        **counts,
        "evidence": {column: evidence[column] for column in _EVIDENCE.values()},
    }
