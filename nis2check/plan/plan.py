# SPDX-License-Identifier: EUPL-1.2
"""The plan: six measures in six months, then what else 36 months hold, each with its reason. Pure: the start is a parameter.

The same input gives the same plan; a finding of lower priority than the first six never reorders them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from nis2check.frameworks import Framework
from nis2check.model import Category, Finding, Json, Rule
from nis2check.plan.actions import GAPS, Action, actions
from nis2check.plan.because import because
from nis2check.plan.first import Room, first_measures
from nis2check.plan.months import Calendar, Span, first_month, named, schedule
from nis2check.plan.order import Order
from nis2check.plan.settings import Settings, load
from nis2check.plan.stability import stability
from nis2check.plan.verify import verify_first

PERIODS = ((6, "1-6"), (12, "7-12"), (24, "13-24"), (36, "25-36"))  # up to month, and its name in the result
LAST_MONTH = 36


def plan(
    findings: Iterable[Finding],
    rules: Iterable[Rule],
    framework: Framework,
    category: Category,
    *,
    start: datetime.date,
    days_per_month: float | None = None,
    settings: Settings | None = None,
) -> dict[str, Json]:
    """The ``plan`` of a result: ``start`` (its first month), ``capacity`` (days a month), ``draws`` (behind each
    ``stability``), ``measures[]`` (the first six), ``roadmap[]`` (by period, in what these leave free but a margin),
    ``later[]`` (what 36 months cannot hold), ``idle`` (days of these months that nothing takes), ``loads[]`` (days taken of
    each of the first months), ``verify_first[]``, ``waived``. ``settings``: those shipped unless given.

    Raises InputError when the prerequisites of the tables go round in a circle.
    """
    found = list(findings)
    settings = settings or load()
    days = settings.capacity if days_per_month is None else days_per_month
    known = {rule.id: rule for rule in rules}
    todo = actions(found, known, framework, category, settings)
    order = Order(todo)
    ranked = list(order.sorted())
    room = Room(todo, order.needs, settings, days)
    first, reserved = first_measures(order, settings, room)
    shares = stability(order, settings, room)
    rest = [key for key in ranked if key not in first]
    calendar = _planned(first, rest, order, settings, days)
    spans = calendar.spans
    month = first_month(start)
    roadmap = sorted((key for key in rest if key in spans), key=lambda key: spans[key].ends)  # stable: then by rank
    listed = [*first, *roadmap, *(key for key in rest if key not in spans)]
    items = {
        key: _item(rank, order, key, spans.get(key), month, key in reserved) | {"stability": _tidy(shares[key])}
        for rank, key in enumerate(listed, 1)
    }
    return {
        "start": named(month, 1),
        "capacity": _tidy(days),
        "idle": _tidy(_idle(calendar, settings)),
        "loads": [_tidy(calendar.spent[number]) for number in range(1, settings.first_months + 1)],
        "draws": settings.stability_draws,
        "measures": [items[key] for key in first],
        "roadmap": [items[key] | {"period": _period(spans[key])} for key in roadmap],
        "later": [items[key] for key in rest if key not in spans],
        "verify_first": verify_first(found, known, framework),
        "waived": sum(f.waiver is not None and f.verdict in GAPS for f in found),
    }


def _planned(first: list[str], rest: list[str], order: Order, settings: Settings, days: float) -> Calendar:
    """The first measures have their months to themselves; the rest takes what they leave free, never the margin."""
    calendar = Calendar(days, settings.at_once)
    schedule(first, order.actions, order.needs, calendar, range(1, settings.first_months + 1))
    schedule(rest, order.actions, order.needs, calendar, range(1, LAST_MONTH + 1), lambda month: _kept(month, settings))
    return calendar


def _kept(month: int, settings: Settings) -> float:
    return settings.margin if month <= settings.first_months else 0


def _idle(calendar: Calendar, settings: Settings) -> float:
    return sum(calendar.free(month, _kept(month, settings)) for month in range(1, LAST_MONTH + 1))


def _period(span: Span) -> str:
    return next(name for up_to, name in PERIODS if span.ends <= up_to)


def _item(
    rank: int, order: Order, key: str, span: Span | None, month: datetime.date, reserved: bool
) -> dict[str, Json]:
    action = order.actions[key]
    item: dict[str, Json] = {
        "rank": rank,
        "action": key,
        "title": dict(action.title),
        "findings": list(action.findings),
        "measures": list(action.measures),
        "effort": _tidy(action.days),
        "owner": action.owner,
        "because": dict(because(action, order.unlocks.get(key), reserved)),
        "proof": dict(action.proof),
        "factors": _factors(action, order, key),
    }
    if span is not None:
        item |= {"begins": named(month, span.begins), "month": named(month, span.ends)}
    return item


def _factors(action: Action, order: Order, key: str) -> dict[str, Json]:
    factors = action.factors
    return {
        "severity": _tidy(factors.severity),
        "likelihood": _tidy(factors.likelihood),
        "breadth": _tidy(factors.breadth),
        "legal": _tidy(factors.legal),
        "first": _tidy(factors.first),
        "foundation": _tidy(factors.foundation),
        "effort": _tidy(factors.effort),
        "score": _tidy(factors.score),
        "priority": _tidy(order.priority(key)),
        "unlocks": order.unlocks[key][1] if key in order.unlocks else None,
        "needs": sorted(order.needs[key]),
    }


def _tidy(value: float) -> float | int:
    """Three decimals, and an integer where it is one: the same bytes on every machine."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded
