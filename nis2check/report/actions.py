# SPDX-License-Identifier: EUPL-1.2
"""The actions of a plan as other tools need them: all of them in order, each with a key that lasts and the day it is due."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping

from nis2check.model import Json

Item = Mapping[str, Json]


def every(document: Mapping[str, Json]) -> tuple[Item, ...]:
    """The first six, the roadmap, and what its months cannot hold."""
    plan = document["plan"]
    return (*plan["measures"], *plan["roadmap"], *plan.get("later", ()))


def key(item: Item) -> str:
    """What an action is from run to run: itself, never its rank or wording; else what it closes."""
    return str(item.get("action") or " ".join([*item["measures"], *item["findings"]]) or item["rank"])


def begins(item: Item) -> datetime.date | None:
    """The first day of the month in which it begins; None when the plan does not say."""
    return day(f"{item.get('begins', '')}-01")


def due(item: Item) -> datetime.date | None:
    """The last day of its month; None for an action without one."""
    first = day(f"{item.get('month', '')}-01")
    return first and first.replace(day=calendar.monthrange(first.year, first.month)[1])


def day(text: str) -> datetime.date | None:
    """A day of a result; None for what is none."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
