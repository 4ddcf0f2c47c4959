# SPDX-License-Identifier: EUPL-1.2
"""How the plan fills its months: numbers for the SVG that the template draws, and the sentences that all its forms say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nis2check import printing
from nis2check.language import _
from nis2check.model import Json
from nis2check.report import words

MONTHS = 6
LEFT, COLUMN, TOP, ROW = 424, 90, 40, 42  # user units of the SVG
LONGEST = 50  # characters of a title: SVG text does not wrap, and the table beside it has the whole
LEAST = 0.5  # days worth a word
SHORTEST = 10  # a bar that can be seen, whatever the effort


@dataclass(frozen=True, slots=True)
class Bar:
    rank: int
    title: str
    days: str
    y: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """``loads`` are the days planned in each month, roadmap included, as text beside the capacity; ``rest`` and ``beyond`` may be
    empty."""

    months: tuple[str, ...]
    bars: tuple[Bar, ...]
    loads: tuple[str, ...]
    width: int
    height: int
    description: str
    total: str
    rest: str
    beyond: str
    left: int = LEFT
    column: int = COLUMN
    top: int = TOP
    row: int = ROW


def draw(plan: Mapping[str, Json], lang: str) -> Timeline | None:
    """The six months of the plan, or None when there is nothing to draw. Measures of one month stand one after another."""
    measures = plan["measures"]
    if not measures:
        return None
    months = _months(str(plan.get("start") or min(one["month"] for one in measures))[:7])
    capacity = float(plan.get("capacity") or max(float(one["effort"]) for one in measures) or 1)
    spent = dict.fromkeys(months, 0.0)
    bars = []
    for place, one in enumerate(measures):
        end = months.index(one["month"]) if one["month"] in spent else MONTHS - 1
        first = one.get("begins", one["month"])
        begin = min(months.index(first), end) if first in spent else end
        # Measures of a month stand one after another; one that runs over several months reaches into its last.
        at = begin + min(spent[months[begin]] / capacity, 1 - SHORTEST / COLUMN)
        days = float(one["effort"])
        bars.append(_bar(place, one, lang, at, max(days / capacity, end + 0.5 - at if end > begin else 0)))
        for month in months[begin : end + 1]:
            spent[month] += days / (end + 1 - begin)
    said = [_("{month} : {title}").format(month=printing.month(one["month"], lang), title=words.spoken(one["title"], lang))
            for one in measures]  # fmt: skip
    return Timeline(
        tuple(printing.month(month, lang, short=True) for month in months),
        tuple(bars),
        tuple(printing.number(load, lang) if load else "–" for load in plan.get("loads", spent.values())),
        LEFT + COLUMN * MONTHS,
        TOP + ROW * (len(measures) + 1),
        _(" ; ").join(said) + ".",
        total(plan, lang),
        rest(plan, lang),
        beyond(plan, lang),
    )


def total(plan: Mapping[str, Json], lang: str) -> str:
    """The days of the first measures, of those that the capacity makes when it is known."""
    capacity = plan.get("capacity")
    spent = printing.number(sum(float(one["effort"]) for one in plan["measures"]), lang)
    if not capacity:
        return _("Total : {spent} jours").format(spent=spent)
    whole = printing.number(capacity * MONTHS, lang)
    return _("Total : {spent} jours sur {whole} en six mois").format(spent=spent, whole=whole)


def rest(plan: Mapping[str, Json], lang: str) -> str:
    """What the six months hold beside their measures; empty when nothing, or when an older document does not say."""
    capacity, loads = plan.get("capacity"), plan.get("loads")
    if not capacity or not loads:
        return ""
    days = sum(loads) - sum(float(one["effort"]) for one in plan["measures"])
    if days < LEAST:
        return ""
    kept = max(0.0, capacity * len(loads) - sum(loads))
    text = _("Les autres jours : {days} pour commencer la feuille de route, {kept} gardés pour l'imprévu.")
    return text.format(days=printing.number(round(days, 1), lang), kept=printing.number(round(kept, 1), lang))


def beyond(plan: Mapping[str, Json], lang: str) -> str:
    """What 36 months cannot hold, and for want of what: days, or owners who have enough at once. Empty when nothing."""
    later = plan.get("later")
    if not later:
        return ""
    text = _("Au-delà de 36 mois à cette capacité : {n} mesures, {days} jours.")
    if plan.get("idle", 0) >= LEAST:
        text = _("Au-delà de 36 mois, pour ne pas charger davantage leurs pilotes : {n} mesures, {days} jours.")
    days = sum(float(one["effort"]) for one in later)
    return text.format(n=printing.number(len(later), lang), days=printing.number(days, lang))


def _bar(place: int, one: Mapping[str, Json], lang: str, start: float, length: float) -> Bar:
    """``start`` and ``length`` in months from the left edge."""
    width = max(length * COLUMN, SHORTEST)
    x = min(LEFT + start * COLUMN, LEFT + MONTHS * COLUMN - SHORTEST)
    title = words.spoken(one["title"], lang)
    return Bar(
        int(one["rank"]),
        title if len(title) <= LONGEST else title[: LONGEST - 1].rstrip() + "…",
        printing.number(float(one["effort"]), lang),
        TOP + ROW * place,
        round(x, 1),
        round(min(width, LEFT + MONTHS * COLUMN - x), 1),
    )


def _months(first: str) -> list[str]:
    """Six months from ``2026-12``."""
    year, month = int(first[:4]), int(first[5:7])
    return [f"{year + (month - 1 + n) // 12}-{(month - 1 + n) % 12 + 1:02}" for n in range(MONTHS)]
