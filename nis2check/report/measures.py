# SPDX-License-Identifier: EUPL-1.2
"""Each measure of the framework with what answers it and what speaks against it: what auditors' tools are keyed by.

Attestations answer measures; probes and files give signs. A sign can fail a measure, none can complete it: a measure
that nobody answered is never satisfied because a probe passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nis2check.language import _, plural
from nis2check.model import Json
from nis2check.report import findings, reasons, words

Finding = Mapping[str, Json]

_AGAINST = {"pass": "partial", "to_attest": "fail", "unknown": "fail"}  # a sign that fails speaks against these answers


class Answered(NamedTuple):
    """A measure that applies: its finding by attestation, and the findings of probes and files that refer to it."""

    id: str
    says: Mapping[str, Json]
    answer: Finding
    signs: tuple[Finding, ...]

    @property
    def against(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.signs if one["verdict"] == "fail")

    @property
    def verdict(self) -> str:
        """That of the attestation, lowered when a sign speaks against it. A waiver changes nothing here."""
        verdict = str(self.answer["verdict"])
        return _AGAINST.get(verdict, verdict) if self.against else verdict


def answered(document: Mapping[str, Json]) -> Iterator[Answered]:
    """In the order of the framework. None for a run without a body: nobody answered."""
    framework = document["framework"]
    measures: Mapping[str, Mapping[str, Json]] = framework["measures"]
    answers: dict[str, Finding] = {}
    signs: dict[str, list[Finding]] = {}
    for one in document["findings"]:
        theme, _slash, measure = str(one["rule"]).partition("/")
        if theme == framework["id"] and measure in measures:
            answers[measure] = one
            continue
        for clause in {ref["clause"] for ref in one["references"] if ref["source"] == framework["id"]}:
            signs.setdefault(clause, []).append(one)
    for id_ in sorted(answers, key=findings.natural):
        yield Answered(id_, measures[id_], answers[id_], tuple(signs.get(id_, ())))


def observation(one: Answered) -> str:
    """What is known, in a few lines in the language being spoken: the answer and its reason, then the signs, counted."""
    lines = [_("{verdict} (attestation)").format(verdict=words.verdict(str(one.answer["verdict"])).word)]
    lines += [part for part in reasons.told(str(one.answer["reason"])) if part]
    counts = {verdict: sum(sign["verdict"] == verdict for sign in one.signs) for verdict in ("fail", "pass", "unknown")}
    if counts["fail"]:
        lines.append(plural("{n} contrôle non conforme", "{n} contrôles non conformes", counts["fail"]))
    if counts["pass"]:
        lines.append(plural("{n} contrôle conforme (indice)", "{n} contrôles conformes (indices)", counts["pass"]))
    if counts["unknown"]:
        lines.append(plural("{n} contrôle indéterminé", "{n} contrôles indéterminés", counts["unknown"]))
    return "\n".join(lines)
