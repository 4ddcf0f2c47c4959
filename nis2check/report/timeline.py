# SPDX-License-Identifier: EUPL-1.2
"""Where each bar of the plan's timeline stands: numbers for an SVG, drawn by the template."""

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
    """``loads`` are the days planned in each month, as text beside the capacity."""

    months: tuple[str, ...]
    bars: tuple[Bar, ...]
    loads: tuple[str, ...]
    width: int
    height: int
    description: str
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
        tuple(printing.number(spent[month], lang) if spent[month] else "–" for month in months),
        LEFT + COLUMN * MONTHS,
        TOP + ROW * (len(measures) + 1),
        _(" ; ").join(said) + ".",
    )


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
