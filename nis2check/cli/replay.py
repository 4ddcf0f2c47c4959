# SPDX-License-Identifier: EUPL-1.2
"""Judge the evidence of a bundle again and compare its findings, byte for byte, with those of its result."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from nis2check import __version__
from nis2check.errors import InputError
from nis2check.language import _, plural

if TYPE_CHECKING:
    from nis2check.model import Json, Rule, Scope, Waiver

# What other runs or files gave to a finding: the history says since when, a baseline what was known.
_FROM_ELSEWHERE = ("since", "known")


class State(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    NOT_POSSIBLE = "not_possible"


class Replayed(NamedTuple):
    """How the replay ended, and a French sentence."""

    state: State
    reason: str


def replay(result: Mapping[str, Json], evidence: Mapping[str, Json]) -> Replayed:
    """No network, no file of the body: the bundle says it all. The documents are hostile and not checked against their
    schemas, which would take far longer than judging: one that lacks something cannot be replayed, and that is said."""
    try:
        return _replayed(result, evidence)
    except InputError as fault:
        return Replayed(State.NOT_POSSIBLE, _("Rejeu impossible : {problem}").format(problem=fault.what))
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as fault:
        text = _("Rejeu impossible : résultat ou preuves mal formés ({problem}).")
        return Replayed(State.NOT_POSSIBLE, text.format(problem=type(fault).__name__))


def _replayed(result: Mapping[str, Json], evidence: Mapping[str, Json]) -> Replayed:
    from nis2check.rules import load

    rules, wanted = load.shipped_rules(), result["tool"]["rules"]
    if load.digest(rules) != wanted["sha256"]:
        text = _(
            "Rejeu impossible : règles {wanted}, celles d'ici sont {version} ou diffèrent (règles propres, autre version)."
        )
        return Replayed(State.NOT_POSSIBLE, text.format(wanted=wanted["version"], version=load.version()))
    said = result["findings"]
    found: list[Json] = []
    for heard in _comments_heard(evidence):
        found = _judged(result, evidence, rules, heard)
        if _bytes(found) == _bytes(said):
            told = plural(
                "Rejeu : {n} constat identique, à l'octet près.",
                "Rejeu : {n} constats identiques, à l'octet près.",
                len(found),
            )
            return Replayed(State.SAME, told)
    other = str(result["tool"]["version"])
    if other != __version__:  # another judge, not necessarily another evidence
        text = _("Rejeu impossible : résultat de nis2check {other}, ici {version}, et les constats diffèrent.")
        return Replayed(State.NOT_POSSIBLE, text.format(other=other, version=__version__))
    count = len(_differences(found, said))
    told = plural(
        "Rejeu : {n} constat diffère de celui du résultat.",
        "Rejeu : {n} constats diffèrent de ceux du résultat.",
        count,
    )
    return Replayed(State.DIFFERENT, told)


def _comments_heard(evidence: Mapping[str, Json]) -> tuple[bool, ...]:
    """Whether comments of files could accept gaps: an option of the run that neither document holds, so both are tried."""
    from nis2check.attest.comments import FACT

    return (True, False) if any(fact["name"] == FACT for fact in evidence["facts"]) else (True,)


def _bytes(found: list[Json]) -> bytes:
    """The canonical bytes but for their layout: the standard writer with indents takes ten times longer."""
    return json.dumps(_bare(found), sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _bare(found: list[Json]) -> list[Json]:
    return [{key: value for key, value in one.items() if key not in _FROM_ELSEWHERE} for one in found]


def _differences(one: list[Json], other: list[Json]) -> set[tuple[str, str]]:
    """Findings, by id and proof, that are on one side only or not the same."""
    left, right = ({(each["id"], each["proof"]): each for each in _bare(side)} for side in (one, other))
    return {key for key in left.keys() | right.keys() if left.get(key) != right.get(key)}


def _judged(
    result: Mapping[str, Json], evidence: Mapping[str, Json], rules: tuple[Rule, ...], comments_heard: bool
) -> list[Json]:
    from nis2check import frameworks, scan
    from nis2check.case import Case
    from nis2check.evidence.document import from_document

    on = (result["scope"] or {}).get("as_of") or result["run"]["finished"][:10]
    day = datetime.date.fromisoformat(on)
    return scan.findings(
        Case(
            evidence=from_document(evidence),
            rules=rules,
            rules_version=result["tool"]["rules"]["version"],
            framework=frameworks.load(),
            regime=result["regime"],
            scope=_scope(result, evidence, day),
            on=day,
            started=result["run"]["started"],
            finished=result["run"]["finished"],
            waivers=tuple(_waiver(one) for one in result["waivers"] if one["approver"]),  # a comment has none
            accept_comments=comments_heard,
        )
    )


def _scope(result: Mapping[str, Json], evidence: Mapping[str, Json], on: datetime.date) -> Scope | None:
    """That of the declared body, in the category of the result: which measures are asked hangs on it, and the options of the
    run that settled it are not in the evidence."""
    from nis2check.cli.identity import presume
    from nis2check.model import Category

    if result["scope"] is None:
        return None
    scope = presume(evidence["body"] or {}, on=on, regime=result["regime"])
    return replace(scope, category=Category(result["scope"]["category"]))


def _waiver(one: Mapping[str, Json]) -> Waiver:
    from nis2check.model import Waiver

    fields = {
        name: str(one[name]) for name in ("id", "rule", "target", "reason", "author", "approver", "created", "until")
    }
    return Waiver(**fields, compensating=str(one.get("compensating", "")))
