# SPDX-License-Identifier: EUPL-1.2
"""The findings of a report as the Typst template prints them: cases, plain lists, tables. Called inside ``speaking(lang)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nis2check import printing
from nis2check.language import _, plural
from nis2check.model import Json
from nis2check.report import beside, findings, reasons, words
from nis2check.report.curve import Curve
from nis2check.report.findings import Group
from nis2check.report.typeset import Verbatim

MOST_GROUPS = 150  # rules of one verdict shown in full
MOST_TARGETS = 12  # of one rule
MOST_LINES = 200  # of a plain list

Document = Mapping[str, Json]


def cases(title: str, groups: Sequence[Group], document: Document, lang: str) -> dict[str, Any]:
    return {
        "title": title,
        "none": _("Aucun écart n'a été constaté. Cela ne vaut que pour ce qui a été regardé."),
        "heads": [_("Preuve"), _("Pourquoi"), _("Comment corriger"), _("Références")],
        "cases": [_case(group, document, lang) for group in groups[:MOST_GROUPS]],
        "more": _more(len(groups) - MOST_GROUPS),
    }


def _case(group: Group, document: Document, lang: str) -> dict[str, Any]:
    says = group.says
    gap = group.verdict in findings.GAPS
    why = [words.spoken(says["why"], lang), words.spoken(says["impact"], lang)] if says else []
    return {
        "verdict": group.verdict,
        "mark": f"{words.verdict(group.verdict).sign} {words.verdict(group.verdict).word}",
        "severity": words.severity(group.severity) if gap else "",
        "title": group.title(document, lang),
        "seen": [_member(one, lang) for one in group.members[:MOST_TARGETS]],
        "more": _more(len(group.members) - MOST_TARGETS),
        "why": " ".join(why),
        "how": words.spoken(says["remediation"], lang) if says and gap else "",
        "references": ", ".join(words.reference(one) for one in group.references) + f" – {group.rule}",
    }


def _member(one: Mapping[str, Json], lang: str) -> list[str]:
    """What it is, and what was seen of it."""
    name = _("Attestation") if one["target"]["kind"] == "body" else Verbatim(one["target"]["name"])
    place = one["location"]
    told = [part for part in reasons.told(str(one["reason"])) if part]
    told += ["{file}:{line}".format(**place)] if place else []
    told += [words.proof(str(one["proof"]))]
    if one["waiver"]:
        until = printing.date(one["waiver"]["until"], lang)
        told.append(_("Dérogation {id} jusqu'au {day}").format(id=one["waiver"]["id"], day=until))
    return [name, " – ".join(told)]


def _more(left: int) -> str:
    return (
        plural(
            "… et {n} autre, dans les fichiers CSV et JSON.", "… et {n} autres, dans les fichiers CSV et JSON.", left
        )
        if left > 0
        else ""
    )


def lists(document: Document, shown: Mapping[str, Any], lang: str) -> Iterator[dict[str, Any]]:
    """The plain lists: to attest, conform, what stays unknown."""
    asked = [group for _objective, groups in shown["to_attest"] for group in groups]
    yield _list(
        plural("{n} point à attester", "{n} points à attester", document["coverage"]["to_attest"]),
        [f"{group.rule.partition('/')[2]} – {group.title(document, lang)}" for group in asked],
    )
    yield _list(
        plural("{n} point conforme", "{n} points conformes", document["coverage"]["pass"]),
        [f"{group.title(document, lang)} ({findings.proofs_text(group)})" for group in shown["passed"]],
    )
    yield _list(
        _("Constats d'autres outils"),
        [_("{name} : {text}").format(name=name, text=text) for name, text in beside.imported(document)],
    )
    yield _list(
        _("Ce qui reste inconnu"),
        [
            _("{n} : {why}").format(n=printing.number(len(some), lang), why=words.why(why))
            for why, some in shown["unseen"]
        ],
    )


def _list(title: str, items: list[str]) -> dict[str, Any]:
    return {"title": title, "items": items[:MOST_LINES], "more": _more(len(items) - MOST_LINES)}


def tables(document: Document, trend: Curve | None, lang: str) -> list[dict[str, Any]]:
    """The tables that have rows."""
    made = (_trend(trend, lang), _drift(document), _waivers(document, lang))
    return [one for one in made if one["rows"]]


def _trend(trend: Curve | None, lang: str) -> dict[str, Any]:
    """The table of the curve that the HTML draws."""
    names = ("pass", "gaps", "open", "applicable")
    return {
        "title": _("Évolution depuis la première analyse gardée"),
        "heads": [_("Analyse"), _("Conformes"), _("Écarts"), _("Sans réponse"), _("Total")],
        "rows": [
            [
                printing.date(row.started, lang) + (f" ({row.note})" if row.note else ""),
                *(printing.number(row.counts[name], lang) for name in names),
            ]
            for row in (trend.rows if trend else ())
        ],
    }


def _drift(document: Document) -> dict[str, Any]:
    return {
        "title": _("Dérive entre les fichiers et ce qui est en service"),
        "heads": [_("Cible"), _("Fait"), _("Déclaré"), _("Observé"), _("Fichier")],
        "rows": [
            [
                Verbatim(one["subject"]),
                Verbatim(one["name"]),
                words.value(one["declared"]),
                words.value(one["observed"]),
                "{file}:{line}".format(**one["location"]),
            ]
            for one in document["drift"][:MOST_LINES]
        ],
    }


def _waivers(document: Document, lang: str) -> dict[str, Any]:
    return {
        "title": _("Dérogations"),
        "heads": [_("Numéro"), _("Règle et cible"), _("Motif"), _("Acceptée par"), _("Fin")],
        "rows": [
            [
                one["id"],
                f"{one['rule']} {one['target']}",
                one["reason"],
                one["approver"],
                printing.date(one["until"], lang),
            ]
            for one in document["waivers"][:MOST_LINES]
        ],
    }
