# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with waivers that can be read: a rule that does not exist, a target that nobody looks at, an end that passed.

What cannot be told is said apart: a target that a repository may hold is no orphan until a result says so.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nis2check.attest.waivers import Placed
from nis2check.errors import Place
from nis2check.frameworks import Framework
from nis2check.language import _
from nis2check.model import Kind, Target, Waiver

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Known:
    """What waivers are held against. ``found`` is (rule, target) of each finding of a result; None: no result was given."""

    rules: Mapping[str, Kind]  # technical rules, shipped and own
    framework: Framework
    subject: str  # of the body: its SIREN or name
    targets: tuple[Target, ...]
    repositories: bool  # whether files are judged too: they may hold targets that nis2check.yaml does not name
    found: frozenset[tuple[str, str]] | None = None

    def has_rule(self, rule: str) -> bool:
        return rule in self.rules or self._measure(rule) in self.framework.measures

    def has_target(self, waiver: Waiver) -> bool | None:
        """Whether the rule is judged on this target; None when it cannot be told without a result."""
        if waiver.target == EVERYWHERE:
            return True
        if self.found is not None:
            return (waiver.rule, waiver.target) in self.found
        if self._measure(waiver.rule):
            return waiver.target == self.subject
        kind = self.rules[waiver.rule]
        names = {target.name for target in self.targets if target.kind is kind}
        if waiver.target in names or (kind is Kind.PORTS and waiver.target.rpartition(":")[0].strip("[]") in names):
            return True
        return None if self.repositories else False

    def _measure(self, rule: str) -> str:
        prefix, slash, measure = rule.partition("/")
        return measure if slash and prefix == self.framework.id else ""

    def names(self, rule: str) -> tuple[str, ...]:
        """The targets that a rule is judged on, as far as nis2check.yaml tells."""
        if self._measure(rule):
            return (self.subject,)
        return tuple(sorted({target.name for target in self.targets if target.kind is self.rules.get(rule)}))


@dataclass(frozen=True, slots=True)
class Fault:
    """``kind``: unknown_rule, no_such_target, expired, or unverified (a note, not a fault)."""

    kind: str
    waiver: Waiver
    place: Place
    what: str  # a French sentence


def lint(waivers: Iterable[Placed], known: Known, on: datetime.date) -> tuple[Fault, ...]:
    """Every fault, in the order of the file. Pure."""
    return tuple(fault for one in waivers for fault in _faults(one, known, on))


def _faults(one: Placed, known: Known, on: datetime.date) -> Iterable[Fault]:
    waiver = one.waiver
    if not known.has_rule(waiver.rule):
        what = _("Règle inconnue : {rule}.").format(rule=waiver.rule)
        yield Fault("unknown_rule", waiver, one.place, what)
    else:
        judged = known.has_target(waiver)
        if judged is False:
            what = _("Dérogation orpheline : {rule} ne juge pas {target}.")
            yield Fault("no_such_target", waiver, one.place, what.format(rule=waiver.rule, target=waiver.target))
        elif judged is None:
            what = _("Cible {target} non déclarée : un dépôt la contient peut-être (le dire : --result).")
            yield Fault("unverified", waiver, one.place, what.format(target=waiver.target))
    if waiver.until < on.isoformat():
        what = _("Dérogation expirée le {until} : l'écart de {rule} sur {target} compte de nouveau.")
        told = what.format(until=waiver.until, rule=waiver.rule, target=waiver.target)
        yield Fault("expired", waiver, one.place, told)
