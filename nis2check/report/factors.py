# SPDX-License-Identifier: EUPL-1.2
"""Every factor of an action, one a line, with what it stands for: ``plan --explain N`` hides none, neutral ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check import printing
from nis2check.language import _, plural
from nis2check.model import Json
from nis2check.report import words
from nis2check.report.pen import Pen

Document = Mapping[str, Json]
Item = Mapping[str, Json]

LABEL, VALUE = 26, 8  # columns


def lines(document: Document, item: Item, pen: Pen) -> list[str]:
    """The calculation from the gravest finding to the place; empty for an old document that holds no factors."""
    factors = item.get("factors")
    if not factors:
        return []
    out = ["", pen.own(_("  Calcul (facteurs de policies/plan.yaml) :"))]
    for sign, label, value, note in _rows(document, item, factors, pen):
        row = f"    {sign} {pen.own(label):<{LABEL}}{_number(value, pen):>{VALUE}}"
        out += pen.wrap(f"{row}  {note}" if note else row, "", " " * (LABEL + VALUE + 8))
    return out + _place(document, item, pen)


def days(effort: float, pen: Pen) -> str:
    """``0,5 jour``, ``8 jours``: plural from 2 in French, for all but 1 in English."""
    one = effort < 2 if pen.lang == "fr" else effort == 1
    text = _("{n} jour") if one else _("{n} jours")
    return pen.own(text.format(n=printing.number(effort, pen.lang)))


def _rows(
    document: Document, item: Item, factors: Mapping[str, Json], pen: Pen
) -> Iterator[tuple[str, str, float, str]]:
    worst = next((one for one in document["findings"] if one["id"] in item["findings"][:1]), None)
    names = {one["target"]["name"] for one in document["findings"] if one["id"] in set(item["findings"])}
    grave = pen.own(words.severity(worst["severity"])).lower() if worst else ""
    known = pen.own(_sure(worst)) if worst else ""
    scope = document["scope"]
    category = pen.own(words.category(scope["category"])) if scope and factors["legal"] != 1 else ""
    yield " ", _("gravité"), factors["severity"], grave
    yield "×", _("certitude"), factors["likelihood"], known
    yield "×", _("étendue"), factors["breadth"], pen.own(plural("{n} cible en tout", "{n} cibles en tout", len(names)))
    yield "×", _("poids légal"), factors["legal"], category
    yield "×", _("premières actions ANSSI"), factors["first"], ""
    yield "×", _("socle de gouvernance"), factors.get("foundation", 1), ""
    yield "=", _("gain"), float(factors["score"]) * float(factors["effort"]), ""
    yield "÷", _("effort"), factors["effort"], days(item["effort"], pen)
    yield "=", _("score"), factors["score"], ""
    yield " ", _("priorité"), factors["priority"], _raised(factors, pen)


def _sure(worst: Mapping[str, Json]) -> str:
    return words.verdict("to_attest").word.lower() if worst["verdict"] == "to_attest" else words.proof(worst["proof"])


def _raised(factors: Mapping[str, Json], pen: Pen) -> str:
    if not factors["unlocks"]:
        return ""
    text = pen.own(_("portée par ce qu'elle rend possible : {action}"))
    return text.format(action=pen.foreign(str(factors["unlocks"]).removeprefix("recyf/")))


def _place(document: Document, item: Item, pen: Pen) -> list[str]:
    """What else decides the place: prerequisites are told above; here, how sure it is."""
    plan = document["plan"]
    if "stability" not in item or "draws" not in plan:
        return []
    text = _(
        "Parmi les {n} premières dans {share} % des {draws} tirages (gravité, certitude et effort à un cran près)."
    )
    share = printing.number(round(100 * float(item["stability"])), pen.lang)
    told = text.format(n=len(plan["measures"]), share=share, draws=printing.number(plan["draws"], pen.lang))
    return ["", *pen.wrap(pen.own(told), "  ", "  ")]


def _number(value: float, pen: Pen) -> str:
    text = f"{float(value):.3f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if pen.lang == "fr" else text
