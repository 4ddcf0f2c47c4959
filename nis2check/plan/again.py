# SPDX-License-Identifier: EUPL-1.2
"""The plan of a result made again from its document alone, under another supposition (``plan --what-if``). Pure.

The same supposition gives the plan that the document holds: a test keeps this, so that a difference is never an artefact.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from nis2check import frameworks
from nis2check.errors import InputError
from nis2check.language import _
from nis2check.model import (
    Category,
    Finding,
    Json,
    Kind,
    Location,
    Proof,
    Reference,
    Rule,
    Severity,
    Target,
    Verdict,
    Waiver,
)
from nis2check.plan.plan import plan

CAPACITY = "capacity"
KEYS = (CAPACITY,)
MOST = 200.0  # days a month; as the body's file has it


def supposed(text: str) -> tuple[str, float]:
    """``capacity=8`` or ``capacity=2,5`` as (key, value). Raises InputError: no ``=``, unknown key, a value out of range."""
    import difflib

    key, _equals, value = (part.strip() for part in text.partition("="))
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, 1, 0.5)
        advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
        what = _("Supposition inconnue : « {key} ». Connues : {known}.").format(key=key, known=", ".join(KEYS))
        raise InputError(what, advice=advice)
    try:
        days = float(value.replace(",", "."))
    except ValueError:
        days = 0.0
    if not 0 < days <= MOST:
        what = _("Capacité non comprise : « {value} ». Attendu : des jours par mois, de 0,1 à 200.").format(value=value)
        raise InputError(what, advice=_("Par exemple : --what-if capacity=8"))
    return key, days


def again(document: Mapping[str, Json], *, capacity: float | None = None) -> dict[str, Json]:
    """The ``plan`` of a checked result document; ``capacity`` in days a month, that of the document unless given.

    Raises InputError when its framework is not one of those shipped.
    """
    before = document["plan"]
    named = document["framework"]
    scope = document["scope"]
    return plan(
        [_finding(one) for one in document["findings"]],
        [_rule(id_, one) for id_, one in document["rules"].items()],
        frameworks.load(f"{named['id']}-{named['version']}"),
        Category(scope["category"]) if scope else Category.UNDECIDED,
        start=_start(document),
        days_per_month=before.get("capacity") if capacity is None else capacity,
    )


def _start(document: Mapping[str, Json]) -> datetime.date:
    """The first day of the first month of the plan; of the run when an old document does not say."""
    start = document["plan"].get("start")
    return datetime.date.fromisoformat(f"{start[:7]}-01" if start else document["run"]["started"][:10])


def _finding(one: Mapping[str, Json]) -> Finding:
    target, place, waiver = one["target"], one["location"], one["waiver"]
    return Finding(
        id=one["id"],
        rule=one["rule"],
        target=Target(Kind(target["kind"]), target["name"]),
        address=target["address"],
        verdict=Verdict(one["verdict"]),
        severity=Severity(one["severity"]),
        proof=Proof(one["proof"]),
        reason=one["reason"],
        facts=one["facts"],
        location=Location(place["file"], place["line"]) if place else None,
        references=tuple(Reference(r["source"], r["clause"], r["strength"]) for r in one["references"]),
        waiver=_waiver(waiver) if waiver else None,
        since=one["since"],
    )


def _waiver(one: Mapping[str, Json]) -> Waiver:
    words = ("id", "rule", "target", "reason", "author", "approver", "created", "until")
    return Waiver(*(str(one.get(word) or "") for word in words))


def _rule(id_: str, one: Mapping[str, Json]) -> Rule:
    """What the plan asks of a rule; what judges is not in a result."""
    return Rule(
        id=id_,
        title=one["title"],
        severity=Severity(one["severity"]),
        references=tuple(Reference(r["source"], r["clause"], r["strength"]) for r in one["references"]),
        targets=Kind.FILE,
        expect={},
        when={},
        why=one["why"],
        impact=one["impact"],
        limits=one["limits"],
        remediation=one["remediation"],
        effort=one["effort"],
        fix=one["fix"],
        examples={},
        location=Location("", 1),
    )
