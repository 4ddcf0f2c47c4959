# SPDX-License-Identifier: EUPL-1.2
"""The file of waivers → values. A waiver stands beside a verdict and never changes it; past its end, the gap is bare again."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from nis2check.attest.dates import day_of, later
from nis2check.errors import InputError
from nis2check.files import Document, Path_, check, load_yaml
from nis2check.language import _
from nis2check.model import Finding, Json, Verdict, Waiver

LONGEST_MONTHS = 12
WAIVABLE = frozenset({Verdict.FAIL, Verdict.PARTIAL, Verdict.TO_ATTEST, Verdict.UNKNOWN})


def read(path: Path, *, name: str | None = None) -> tuple[Waiver, ...]:
    """The waivers of a body. ``name`` is the file name to report. Raises InputError at the faulty line: no end or approver,
    more than twelve months, end before start, two waivers of the same gap or with the same id."""
    document = load_yaml(path, name=name or path.name)
    check(document, "waivers")
    waivers: list[Waiver] = []
    for index, item in enumerate(document.data["waivers"]):
        at: Path_ = ("waivers", index)
        _check_dates(document, at, item)
        waiver = _waiver(item)
        if any(
            other.id == waiver.id or (other.rule, other.target) == (waiver.rule, waiver.target) for other in waivers
        ):
            what = _("Deux dérogations pour {rule} sur {target}, ou de même identifiant.")
            raise InputError(what.format(rule=waiver.rule, target=waiver.target), place=document.place((*at, "rule")))
        waivers.append(waiver)
    return tuple(waivers)


def _check_dates(document: Document, at: Path_, item: Json) -> None:
    created = day_of(document, (*at, "created"), item["created"])
    until = day_of(document, (*at, "until"), item["until"])
    place = document.place((*at, "until"))
    if until < created:
        what = _("La fin de la dérogation ({until}) précède sa création ({created}).")
        raise InputError(what.format(until=until, created=created), place=place)
    if until > later(created, LONGEST_MONTHS):
        what = _("Dérogation de plus de douze mois : au plus tard le {last}.").format(
            last=later(created, LONGEST_MONTHS)
        )
        raise InputError(what, place=place)


def _waiver(item: Json) -> Waiver:
    default = sha256(f"{item['rule']}\n{item['target']}".encode()).hexdigest()[:12]
    return Waiver(
        id=item.get("id", default),
        rule=item["rule"],
        target=item["target"],
        reason=item["reason"],
        author=item["author"],
        approver=item["approver"],
        created=item["created"],
        until=item["until"],
        compensating=item.get("compensating", ""),
    )


def in_force(waiver: Waiver, on: datetime.date) -> bool:
    """Whether it covers this day, both ends included."""
    return waiver.created <= on.isoformat() <= waiver.until


def attach(findings: Iterable[Finding], waivers: Sequence[Waiver], on: datetime.date) -> list[Finding]:
    """The findings with, beside each gap, the waiver in force that covers it: of its very target rather than of ``*``."""
    now = {(waiver.rule, waiver.target): waiver for waiver in waivers if in_force(waiver, on)}
    return [
        replace(finding, waiver=now.get((finding.rule, finding.target.name)) or now.get((finding.rule, "*")))
        if finding.verdict in WAIVABLE
        else finding
        for finding in findings
    ]
