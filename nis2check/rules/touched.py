# SPDX-License-Identifier: EUPL-1.2
"""Only what a change touches: the findings and gaps of the files and lines that it wrote. Pure.

A finding whose lines are all known counts when one of them is touched; one that has no line of its own (what a file should
say and does not) counts as soon as its file is touched: the change may be what took it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nis2check.model import Finding, Gap, Location, Proof, Touched


def findings_within(findings: Iterable[Finding], touched: Touched) -> list[Finding]:
    """Those of files that the change touches, each at its first touched line; what is observed or attested is no part of it."""
    return [_shown(one, touched) for one in findings if one.proof is Proof.DECLARED_FILES and _touched(one, touched)]


def _shown(finding: Finding, touched: Touched) -> Finding:
    places = (offender.place for offender in finding.offenders)
    return replace(finding, location=next((one for one in places if one and touched.holds(one)), finding.location))


def gaps_within(gaps: Iterable[Gap], touched: Touched) -> tuple[Gap, ...]:
    """Those of touched files, and those that speak of the whole tree."""
    return tuple(gap for gap in gaps if _file(gap) in touched.lines or _file(gap) == ".")


def _touched(finding: Finding, touched: Touched) -> bool:
    places = [offender.place for offender in finding.offenders]
    known = [place for place in places if place is not None]
    if not known or len(known) < len(places) or _is_absence(finding):
        return any(file in touched.lines for file in _files(finding, known))
    return any(touched.holds(place) for place in known)


def _is_absence(finding: Finding) -> bool:
    """A fact that is no list has one line, that of the block it speaks of: any line of the file may have made it."""
    return any(not isinstance(finding.facts.get(one.fact), list) for one in finding.offenders)


def _files(finding: Finding, known: list[Location]) -> set[str]:
    own = [finding.location] if finding.location else []
    return {place.file for place in (*known, *own)}


def _file(gap: Gap) -> str:
    return gap.where.rpartition(":")[0]
