# SPDX-License-Identifier: EUPL-1.2
"""Findings in the order a reader needs them: worst first, one group a rule and verdict, whatever the number of targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nis2check.language import _
from nis2check.model import Json, Severity, Verdict
from nis2check.report import words

GAPS = ("fail", "partial")  # what counts as a gap to close
PROOFS = ("observed", "declared_files", "attested")

_VERDICTS = {word.value: rank for rank, word in enumerate(Verdict)}
_SEVERITIES = {word.value: rank for rank, word in enumerate(Severity)}
_PROOFS = {word: rank for rank, word in enumerate(PROOFS)}


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule that have the same verdict, and what the rule says (``{}`` when the document does not)."""

    rule: str
    verdict: str
    severity: str
    says: Mapping[str, Json]
    members: tuple[Mapping[str, Json], ...]

    @property
    def proofs(self) -> tuple[str, ...]:
        """How the members were shown, each once, in the order of `PROOFS`."""
        found = {str(one["proof"]) for one in self.members}
        return tuple(sorted(found, key=lambda word: _PROOFS.get(word, len(_PROOFS))))

    @property
    def references(self) -> Sequence[Mapping[str, Json]]:
        own: Sequence[Mapping[str, Json]] = self.members[0]["references"] or self.says.get("references", ())
        return own

    def title(self, document: Mapping[str, Json], lang: str) -> str:
        """The rule's title; a measure of the framework may have no rule of its own; else the id."""
        if "title" in self.says:
            return words.spoken(self.says["title"], lang)
        measure = document["framework"]["measures"].get(self.rule.partition("/")[2])
        return words.spoken(measure["title"], lang) if measure else self.rule


def groups(document: Mapping[str, Json], verdicts: Iterable[str]) -> list[Group]:
    """The groups of some verdicts, worst first: verdict, severity, live before files before attested, rule id."""
    wanted = set(verdicts)
    found: dict[tuple[str, str], list[Mapping[str, Json]]] = {}
    for one in document["findings"]:
        if one["verdict"] in wanted:
            found.setdefault((one["rule"], one["verdict"]), []).append(one)
    out = [_group(document, rule, verdict, members) for (rule, verdict), members in found.items()]
    return sorted(out, key=_order)


def closed_by(document: Mapping[str, Json], item: Mapping[str, Json]) -> list[Group]:
    """The groups of what an action of the plan closes, worst first."""
    wanted = set(item["findings"])
    closed = [one for one in document["findings"] if one["id"] in wanted]
    return groups({**document, "findings": closed}, (*GAPS, "to_attest"))


def _group(document: Mapping[str, Json], rule: str, verdict: str, members: list[Mapping[str, Json]]) -> Group:
    members.sort(key=lambda one: (_severity(one), natural(str(one["target"]["name"])), str(one["id"])))
    worst = str(members[0]["severity"])
    return Group(rule, verdict, worst, document["rules"].get(rule, {}), tuple(members))


def _severity(one: Mapping[str, Json]) -> int:
    return _SEVERITIES.get(one["severity"], len(_SEVERITIES))


def _order(group: Group) -> tuple[Json, ...]:
    return (
        _VERDICTS.get(group.verdict, len(_VERDICTS)),
        _SEVERITIES.get(group.severity, len(_SEVERITIES)),
        min(_PROOFS.get(word, len(_PROOFS)) for word in group.proofs),
        natural(group.rule),
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which ``2.A.10`` comes after ``2.A.9`` and ``10.1`` after ``9.1``."""
    import re

    parts = re.findall(r"\d{1,18}|\D+", text)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def exposures(document: Mapping[str, Json], most: int = 3) -> list[Group]:
    """The gaps to tell first: seen live or in files, worst first, one for each fix (two rules may share one action)."""
    out: list[Group] = []
    fixes: set[str] = set()
    for group in groups(document, ("fail",)):
        fix = str(group.says.get("fix", group.rule))
        waived = all(one["waiver"] for one in group.members)
        if fix not in fixes and not waived and "attested" not in group.proofs and group.says.get("impact"):
            fixes.add(fix)
            out.append(group)
    return out[:most]


def is_new(document: Mapping[str, Json], finding: Mapping[str, Json]) -> bool:
    changes = document["changes"] or {}
    return finding["id"] in changes.get("new", ())


def expired(waiver: Mapping[str, Json], document: Mapping[str, Json]) -> bool:
    """Whether a waiver had ended on the day of the run; it still shows, and hides nothing."""
    return str(waiver["until"]) < str(document["run"]["finished"])[:10]


def proofs_text(group: Group) -> str:
    return _(" et ").join(words.proof(word) for word in group.proofs)


def families(document: Mapping[str, Json]) -> list[tuple[str, dict[str, int]]]:
    """Per family: measures of the framework that apply, their state by attestation, and the signs of probes and files."""
    out: dict[str, Counter[str]] = {}
    for one in document["objectives"]:
        total = out.setdefault(one["family"], Counter())
        for word in ("measures", "pass", "partial", "fail", "unknown", "to_attest"):
            total[word] += one[word]
        for word, count in one["evidence"].items():
            total[word] += count
    order = ("governance", "protection", "defence", "resilience")
    known = [word for word in order if word in out] + sorted(set(out) - set(order))
    return [(word, dict(out[word])) for word in known]


def objectives(document: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Objectives that have measures for this body, the least covered first, then the others in their order."""
    some = [one for one in document["objectives"] if one["measures"]]
    none = [one for one in document["objectives"] if not one["measures"]]
    return sorted(some, key=lambda one: (one["pass"] / one["measures"], natural(one["id"]))) + none


def by_objective(document: Mapping[str, Json], verdict: str) -> list[tuple[str, list[Group]]]:
    """The groups of a verdict under the objective of their measure ("" when they are of no measure), in order."""
    measures = document["framework"]["measures"]
    out: dict[str, list[Group]] = {}
    for group in sorted(groups(document, (verdict,)), key=lambda one: natural(one.rule)):
        measure = measures.get(group.rule.partition("/")[2], {})
        out.setdefault(str(measure.get("objective", "")), []).append(group)
    return sorted(out.items(), key=lambda item: natural(item[0]))


def gaps_by_why(document: Mapping[str, Json]) -> list[tuple[str, list[Mapping[str, Json]]]]:
    """The gaps under each reason, the most frequent first."""
    out: dict[str, list[Mapping[str, Json]]] = {}
    for gap in sorted(document["gaps"], key=lambda one: (natural(str(one["subject"])), str(one["name"]))):
        out.setdefault(str(gap["why"]), []).append(gap)
    return sorted(out.items(), key=lambda item: (-len(item[1]), item[0]))
