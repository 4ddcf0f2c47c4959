# SPDX-License-Identifier: EUPL-1.2
"""The file of waivers → values. A waiver stands beside a verdict and never changes it; past its end, the gap is bare again."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from nis2check.attest.dates import day_of, later
from nis2check.errors import InputError, Path_, Place
from nis2check.files import Document, check, load_yaml
from nis2check.language import _
from nis2check.model import Finding, Json, Verdict, Waiver

LONGEST_MONTHS = 12
WAIVABLE = frozenset({Verdict.FAIL, Verdict.PARTIAL, Verdict.TO_ATTEST, Verdict.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Placed:
    """A waiver and where it stands."""

    waiver: Waiver
    place: Place


def read(path: Path, *, name: str | None = None) -> tuple[Waiver, ...]:
    """The waivers of a body. ``name`` is the file name to report. Raises InputError at the first faulty line, the others
    below it: no end or approver, more than twelve months, end before start, two waivers of one gap or of one id."""
    return tuple(one.waiver for one in placed(load_yaml(path, name=name or path.name)))


def placed(document: Document) -> tuple[Placed, ...]:
    """The same, of a document and with their lines."""
    check(document, "waivers")
    out: list[Placed] = []
    faults: list[tuple[str, Place]] = []
    for index, item in enumerate(document.data["waivers"]):
        at: Path_ = ("waivers", index)
        one = Placed(_waiver(item), document.place((*at, "rule")))
        faults += _date_faults(document, at, item)
        if any(_same(one.waiver, other.waiver) for other in out):
            what = _("Deux dérogations pour {rule} sur {target}, ou de même identifiant.")
            faults.append((what.format(rule=one.waiver.rule, target=one.waiver.target), one.place))
        out.append(one)
    if faults:
        more = tuple(f"{place}: {what}" for what, place in faults[1:50])
        raise InputError(faults[0][0], place=faults[0][1], more=more)
    return tuple(out)


def _same(one: Waiver, other: Waiver) -> bool:
    return one.id == other.id or (one.rule, one.target) == (other.rule, other.target)


def _date_faults(document: Document, at: Path_, item: Json) -> Iterator[tuple[str, Place]]:
    created = day_of(document, (*at, "created"), item["created"])
    until = day_of(document, (*at, "until"), item["until"])
    place = document.place((*at, "until"))
    last = later(created, LONGEST_MONTHS)
    if until < created:
        what = _("La fin de la dérogation ({until}) précède sa création ({created}).")
        yield what.format(until=until, created=created), place
    if until > last:
        yield _("Dérogation de plus de douze mois : au plus tard le {last}.").format(last=last), place


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
