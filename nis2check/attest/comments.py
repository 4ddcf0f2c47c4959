# SPDX-License-Identifier: EUPL-1.2
"""Comments of a repository that accept a gap (``nis2check:ignore``) → waivers beside its findings. Pure.

They are waivers like those of waivers.yaml: no verdict changes, an end is mandatory, past it the gap is bare again. A
finding has a waiver when every part that fails is covered; one comment on one line says nothing of the next fault.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nis2check.attest.dates import later
from nis2check.attest.waivers import LONGEST_MONTHS, WAIVABLE, in_force
from nis2check.model import Fact, Finding, Gap, Json, Location, Source, Waiver, Why

FACT = "comments.ignore"

Covering = Mapping[tuple[str, str, int], Waiver]  # rule, file and line → the comment


def accepted(facts: Iterable[Fact], on: datetime.date) -> tuple[Covering, tuple[Gap, ...]]:
    """What comments cover, and a gap for each that reaches further than twelve months: it counts for nothing."""
    covering: dict[tuple[str, str, int], Waiver] = {}
    gaps: list[Gap] = []
    last = later(on, LONGEST_MONTHS).isoformat()
    for fact in facts:
        place = fact.location() if fact.name == FACT else None
        for said in fact.value if place is not None else ():
            assert place is not None  # the loop is empty without
            if said["until"] > last:
                detail = (
                    f"until={said['until']} is more than {LONGEST_MONTHS} months ahead: the comment counts for nothing"
                )
                where = f"{place.file}:{said['line']}"
                gaps.append(Gap(FACT, fact.subject, Why.MALFORMED, detail, source=Source.FILE, where=where))
            else:
                covering[said["rule"], place.file, said["covers"]] = _waiver(said, place.file)
    return covering, tuple(gaps)


def _waiver(said: Mapping[str, Json], file: str) -> Waiver:
    here = f"{file}:{said['line']}"
    return Waiver(here, said["rule"], file, said["reason"], author=here, approver="", created="", until=said["until"])


def attach(findings: Iterable[Finding], covering: Covering, on: datetime.date) -> list[Finding]:
    """The findings, each with the comment that covers it when no waiver of the body does. Of several the first to end."""
    if not covering:
        return list(findings)
    return [replace(one, waiver=one.waiver or _covered(one, covering, on)) for one in findings]


def _covered(finding: Finding, covering: Covering, on: datetime.date) -> Waiver | None:
    if finding.verdict not in WAIVABLE:
        return None
    found: list[Waiver] = []
    for place in _places(finding):
        waiver = covering.get((finding.rule, place.file, place.line)) if place else None
        if waiver is None or not in_force(waiver, on):
            return None
        found.append(waiver)
    return min(found, key=lambda waiver: (waiver.until, waiver.id), default=None)


def _places(finding: Finding) -> Sequence[Location | None]:
    if finding.offenders:
        return [offender.place for offender in finding.offenders]
    return [finding.location]


def waivers(covering: Covering) -> tuple[Waiver, ...]:
    """All of them, expired ones too, in the order of files and lines."""
    return tuple(
        waiver for _key, waiver in sorted(covering.items(), key=lambda item: (item[0][1], item[0][2], item[0][0]))
    )
