# SPDX-License-Identifier: EUPL-1.2
"""OCSF findings of another tool (Prowler, AWS Security Lake…) → its results. Pure.

Classes of category 2: Compliance Finding (2003), Detection Finding (2004), Vulnerability Finding (2002), Security Finding
(2001, deprecated). One object, a list of them, or one a line. What passes, what was suppressed or resolved is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.imports.foreign import Foreign, Reading
from nis2check.model import Severity

NAME = "ocsf"

_CLASSES = {2001, 2002, 2003, 2004}
_SEVERITIES = {
    1: Severity.INFO,
    2: Severity.LOW,
    3: Severity.MEDIUM,
    4: Severity.HIGH,
    5: Severity.CRITICAL,
    6: Severity.CRITICAL,
}
_WORDS = {word.value: word for word in Severity} | {"informational": Severity.INFO, "fatal": Severity.CRITICAL}
_CLOSED = {3, 4}  # status_id: suppressed, resolved
_PASSED = {"pass", "passed", "compliant", "muted", "manual"}
_NIS2 = re.compile(r"nis-?_?\s?2", re.IGNORECASE)
_CLAUSE = re.compile(r"\b21[.( ]{1,2}2[.) ]{1,2}\(?([a-j])\b")


def results(document: Reading) -> Iterator[Foreign]:
    """The failing findings. Raises InputError at what is no OCSF finding."""
    items = document.each() if isinstance(document.data, list) else iter((document,))
    for event in items:
        if event.get("class_uid").data not in _CLASSES:
            raise event.get("class_uid").fault("2001 | 2002 | 2003 | 2004")
        if _stands(event):
            yield from _foreign(event)


def _stands(event: Reading) -> bool:
    compliance = event.get("compliance")
    codes = {event.get("status_code").text().lower(), event.get("status_detail").text().lower()}
    if compliance:
        codes |= {compliance.get("status").text().lower(), compliance.get("status_code").text().lower()}
        if compliance.get("status_id").data == 1:  # OCSF 1.3: 1 pass, 2 warning, 3 fail
            return False
    return event.get("status_id").data not in _CLOSED and not codes & _PASSED


def _foreign(event: Reading) -> Iterator[Foreign]:
    """One a resource: that is what there is to mend."""
    about = event.get("finding_info") or event.get("finding")
    if not about:
        raise event.get("finding_info").fault("object")
    metadata = event.get("metadata")
    product = metadata.get("product") if metadata else Reading({}, "")
    product = product if product else Reading({}, "")
    rule = (metadata.get("event_code").text() if metadata else "") or about.get("uid").text() or "?"
    resources = list(event.get("resources").each()) or [Reading({}, "")]
    word = event.get("severity").text().lower()
    id_ = event.get("severity_id").data
    severity = _SEVERITIES.get(id_) if isinstance(id_, int) else None
    for resource in resources:
        yield Foreign(
            tool=product.get("name").text() or product.get("vendor_name").text() or "OCSF",
            version=product.get("version").text(),
            rule=rule,
            title=about.get("title").text() or rule,
            message=event.get("status_detail").text() or event.get("message").text() or about.get("desc").text(),
            severity=severity or _WORDS.get(word, Severity.MEDIUM),
            scored=True,
            resource=resource.get("uid").text() or resource.get("name").text(),
            tags=tuple(one.text() for one in about.get("types").each())[:50],
            clauses=tuple(sorted(_clauses(event))),
        )


def _clauses(event: Reading) -> set[str]:
    """The clauses of NIS 2 that the tool names, or the points of its Regulation: Prowler keeps its frameworks under
    ``unmapped.compliance``, other tools among the standards of the finding."""
    said: list[str] = []
    unmapped = event.get("unmapped")
    frameworks = unmapped.get("compliance").data if isinstance(unmapped.data, dict) else None
    for name, requirements in frameworks.items() if isinstance(frameworks, dict) else ():
        if _NIS2.search(str(name)) and isinstance(requirements, list):
            said += [str(one)[:100] for one in requirements[:100]]
    compliance = event.get("compliance")
    if compliance and any(_NIS2.search(one.text()) for one in compliance.get("standards").each()):
        said += [one.text()[:100] for one in compliance.get("requirements").each()]
    return {f"21(2)({match[1]})" if (match := _CLAUSE.search(one.lower())) else one for one in said}
