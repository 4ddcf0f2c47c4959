# SPDX-License-Identifier: EUPL-1.2
"""The workbook "Template mesures" of MonServiceSécurisé: the actions of the plan as specific measures to import.

Its reader wants a sheet of that name whose titles stand in row 6 and whose first measure stands in row 7, a category among
four, and takes at most what its drop-down covers, rows 7 to 106.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check.language import _, plural, speaking, written
from nis2check.model import Json
from nis2check.printing import Medium, clean, month
from nis2check.report import actions, words
from nis2check.sheets.sheet import Column, Sheet, book

NAME = "mon-service-securise"
SUFFIX = ".mon-service-securise.xlsx"
MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

SHEET = "Template mesures"
MOST = 100  # measures: rows 7 to 106
LONGEST = 2_000  # characters of a description
_CATEGORIES = {
    "governance": "Gouvernance",
    "protection": "Protection",
    "defence": "Défense",
    "resilience": "Résilience",
}
# Its reader finds the columns by these very titles, so they are the same in both languages.
_COLUMNS = (
    Column("Intitulé de la mesure *", 60),
    Column("Description de la mesure", 90),
    Column("Catégorie *", 18, tuple(_CATEGORIES.values())),
)


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The first actions of the plan, in its order. Raises InputError when XlsxWriter is not installed."""
    with speaking(lang):
        return book("xlsx", [Sheet(SHEET, _COLUMNS, tuple(_rows(document, lang)), _above(document, lang))])


def _above(document: Mapping[str, Json], lang: str) -> tuple[str, ...]:
    """What stands over the titles, for a person."""
    told = _("Plan d'actions de nis2check, à téléverser dans MonServiceSécurisé (mesures spécifiques).")
    lines = [told, words.spoken(document["notice"], lang)]
    left = len(actions.every(document)) - MOST
    if left > 0:
        lines.append(
            plural(
                "{n} action de plus est dans le plan : le modèle en prend cent.",
                "{n} actions de plus sont dans le plan : le modèle en prend cent.",
                left,
            )
        )
    return tuple(_cell(written(line, lang)) for line in lines)


def _rows(document: Mapping[str, Json], lang: str) -> Iterator[tuple[str, ...]]:
    for item in actions.every(document)[:MOST]:
        told = written(_description(document, item, lang), lang)
        title = written(words.spoken(item["title"], lang), lang)
        yield _cell(title), _cell(told), _category(document, item)


def _description(document: Mapping[str, Json], item: Mapping[str, Json], lang: str) -> str:
    when = month(str(item.get("month", "")), lang) or words.period(str(item.get("period", "")))
    parts = [words.spoken(item["because"], lang)]
    if item["measures"]:
        clauses = ", ".join(str(one) for one in item["measures"])
        parts.append(_("Mesures ReCyF : {clauses}.").format(clauses=clauses))
    parts.append(_("Pilote : {owner}.").format(owner=words.owner(str(item["owner"]), lang)))
    if when:
        parts.append(_("Échéance : {when}.").format(when=when))
    return " ".join(parts)


def _category(document: Mapping[str, Json], item: Mapping[str, Json]) -> str:
    """That of its first measure; what is of no measure protects a service."""
    measures = document["framework"]["measures"]
    families = (str(measures[one]["family"]) for one in item["measures"] if one in measures)
    return _CATEGORIES.get(next(families, ""), _CATEGORIES["protection"])


def _cell(text: str) -> str:
    return clean(text, Medium.CSV, longest=LONGEST)
