# SPDX-License-Identifier: EUPL-1.2
"""The plan as a document of its own: HTML, PDF, CSV for a spreadsheet, and the calendar of `ics`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nis2check import printing
from nis2check.language import _, plural, speaking, written
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import html, ics, pages, timeline, typeset, words

Document = Mapping[str, Json]
Item = Mapping[str, Json]

LONGEST_CELL = 30_000  # Excel holds 32 767 characters a cell and cuts the rest without a word
PARTS = ("measures", "roadmap", "later")
NONE = "–"


def formats() -> dict[str, Callable[[Document, str], bytes]]:
    """The forms by name of ``--output``: functions of a result and a language."""
    return {"html": page, "pdf": pdf, "csv": table, "ics": ics.render}


def page(document: Document, lang: str) -> bytes:
    with speaking(lang):
        shown = values(document, lang)
    return pages.render("plan_page.html.j2", lang, shown)


def values(document: Document, lang: str) -> dict[str, Any]:
    """What the template of the page wants. Call it inside ``speaking(lang)``."""
    return html.planned(document["plan"], lang) | {"document": document}


# ----------------------------------------------------------------------------------------------------------------- CSV


def table(document: Document, lang: str) -> bytes:
    """One line an action, the whole plan by rank; UTF-8 with BOM and ``;``, as a French Excel opens by double click."""
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    with speaking(lang):
        writer.writerow(_titles())
        for part in PARTS:
            for one in document["plan"].get(part, ()):
                writer.writerow([clean(cell, Medium.CSV, longest=LONGEST_CELL) for cell in _cells(one, part, lang)])
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _titles() -> list[str]:
    return [
        _("Rang"), _("Mesure"), _("Période"), _("Début"), _("Échéance"), _("Pilote"), _("Jours"), _("ReCyF"), _("Constats"),
        _("Preuve attendue"), _("À faire avant"), _("Raison de son rang"),
    ]  # fmt: skip


def _cells(one: Item, part: str, lang: str) -> list[str]:
    month = str(one.get("month", ""))
    return [
        str(one["rank"]),
        written(words.spoken(one["title"], lang), lang),
        written(period(one, part), lang),
        str(one.get("begins", month)),
        month,
        words.owner(str(one["owner"]), lang),
        printing.number(float(one["effort"]), lang).replace("\u202f", ""),
        ", ".join(one["measures"]),
        str(len(one["findings"])),
        written(words.spoken(one.get("proof", ""), lang), lang),
        ", ".join(str(need).removeprefix("recyf/") for need in one.get("factors", {}).get("needs") or ()),
        written(words.spoken(one["because"], lang), lang),
    ]


def period(one: Item, part: str) -> str:
    """When an action falls, in words."""
    if part == "later":
        return _("Au-delà de 36 mois")
    return _("Six premiers mois") if part == "measures" else words.period(str(one["period"]))


# ----------------------------------------------------------------------------------------------------------------- PDF


def pdf(document: Document, lang: str) -> bytes:
    """The plan on A4. Raises InputError when the extra is not installed."""
    with speaking(lang):
        name = str(document["body"]["name"]) if document["body"] else _("Fichiers et cibles sans collectivité")
        day = printing.date(document["run"]["started"], lang)
        data = {
            "sheet": _("Plan d'actions NIS 2 – {name} – {day}").format(name=name, day=day),
            "eyebrow": _("Plan d'actions NIS 2"),
            "marking": _("Document interne, à ne pas publier"),
            "name": name,
            "logo": typeset.logo(document),
            "facts": [_("D'après l'analyse du {day}").format(day=day)],
            "foot": [words.spoken(document["notice"], lang), f"nis2check {document['tool']['version']}"],
            "plan": drawn(document["plan"], lang),
        }
    return typeset.pdf("plan.typ", data, lang, str(document["run"]["finished"]))


def drawn(plan: Document, lang: str) -> dict[str, Any]:
    """What the Typst template of the plan prints. Call it inside ``speaking(lang)``."""
    picture = timeline.draw(plan, lang)
    return {
        "title": _("Mesures prioritaires"),
        "none": _("Aucune mesure à planifier : aucun écart n'a été constaté."),
        "heads": [_("Rang"), _("Mesure et raison de son rang"), _("ReCyF"), _("Quand"), _("Pilote"), _("Jours")],
        "rows": [list(_row(one, lang)) for one in plan["measures"]],
        "sums": [
            one for one in (timeline.total(plan, lang) + ".", timeline.rest(plan, lang)) if plan["measures"] and one
        ],
        "months": list(picture.months) if picture else [],
        "bars": [_bar(one) for one in picture.bars] if picture else [],
        "loads": list(picture.loads) if picture else [],
        "load": _("Jours de travail par mois"),
        "alt": _("Calendrier des mesures sur six mois. {text}").format(text=picture.description) if picture else "",
        "caption": _("Calendrier : la longueur d'une barre est la part de la capacité du mois."),
        "then": _("Ensuite"),
        "periods": list(_periods(plan, lang)),
        "beyond": timeline.beyond(plan, lang),
        "first": _("À vérifier d'abord"),
        "verify": [
            [words.spoken(one["title"], lang), words.spoken(one["because"], lang)]
            for one in plan.get("verify_first", ())
        ],
    }


def _row(one: Item, lang: str) -> Iterator[str | list[str]]:
    proof = words.spoken(one.get("proof", ""), lang)
    begins, month = str(one.get("begins", one["month"])), str(one["month"])
    yield str(one["rank"])
    yield [
        words.spoken(one["title"], lang),
        " ".join(
            (words.spoken(one["because"], lang), _("Preuve attendue : {proof}.").format(proof=proof) if proof else "")
        ),
    ]
    yield ", ".join(one["measures"]) or NONE
    yield (
        printing.month(month, lang, short=True)
        if begins == month
        else _("{begin} à {end}").format(
            begin=printing.month(begins, lang, short=True), end=printing.month(month, lang, short=True)
        )
    )
    yield words.owner(str(one["owner"]), lang) or NONE
    yield printing.number(float(one["effort"]), lang)


def _bar(one: timeline.Bar) -> dict[str, Any]:
    """``x`` and ``width`` in months."""
    return {
        "rank": str(one.rank),
        "title": one.title,
        "x": (one.x - timeline.LEFT) / timeline.COLUMN,
        "width": one.width / timeline.COLUMN,
    }


def _periods(plan: Document, lang: str) -> Iterator[dict[str, Any]]:
    for months, items in html.planned(plan, lang)["roadmap"]:
        yield {
            "title": words.period(months),
            "count": plural("{n} mesure", "{n} mesures", len(items)),
            "items": [
                words.spoken(one["title"], lang) + (f" ({', '.join(one['measures'])})" if one["measures"] else "")
                for one in items
            ],
        }
