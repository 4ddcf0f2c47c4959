# SPDX-License-Identifier: EUPL-1.2
"""Which months: days of capacity given out month by month, in the order of the plan. Pure."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nis2check.plan.actions import Action

_NOTHING = 1e-9  # days; what is left by the arithmetic of halves and tenths


@dataclass(frozen=True, slots=True)
class Span:
    """The months in which an action begins and ends, counted from 1 at the start of the plan."""

    begins: int
    ends: int


@dataclass(slots=True)
class Calendar:
    """What is taken of each month, counted from 1, and what is planned in it; filled by ``schedule``."""

    capacity: float  # days a month
    at_once: int  # actions of one owner in one month
    spent: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    busy: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    spans: dict[str, Span] = field(default_factory=dict)

    def free(self, month: int, kept: float = 0) -> float:
        """Days that are left of a month when the share ``kept`` of it stays free."""
        return max(0.0, self.capacity * (1 - kept) - self.spent[month])


def first_month(start: datetime.date) -> datetime.date:
    """The first day of the first month of a plan: the month of ``start``, or the next once a third of it is gone."""
    month = start.year * 12 + start.month - 1 + (start.day > 10)
    return datetime.date(month // 12, month % 12 + 1, 1)


def named(first: datetime.date, number: int) -> str:
    """``2026-12`` for the month ``number`` (from 1) of a plan."""
    month = first.year * 12 + first.month - 1 + number - 1
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def schedule(
    order: Sequence[str],
    actions: Mapping[str, Action],
    needs: Mapping[str, Iterable[str]],
    calendar: Calendar,
    months: range,
    kept: Callable[[int], float] = lambda _month: 0,
) -> None:
    """Plans the actions of ``order`` in what is left of ``months``; those that end in time get their span. Prerequisites that
    are neither in ``order`` nor in the calendar are done. ``kept``: the share of a month that stays free.

    Each month: what is begun goes on, then the next of the order begins if all it needs has ended, its owner has fewer than
    ``at_once`` actions this month, and days are left.
    """
    left = {key: actions[key].days for key in order}
    begun: dict[str, int] = {}
    for month in months:
        days = calendar.free(month, kept(month))
        busy = calendar.busy[month]
        for key in [*(k for k in left if k in begun), *(k for k in left if k not in begun)]:
            owner = actions[key].owner
            waits = any(not _ended(need, month, left, calendar) for need in needs[key])
            if waits or busy[owner] >= calendar.at_once:
                continue
            if days <= _NOTHING:
                break
            begun.setdefault(key, month)
            busy[owner] += 1
            spent = min(days, left[key])
            days -= spent
            calendar.spent[month] += spent
            left[key] -= spent
            if left[key] <= _NOTHING:
                calendar.spans[key] = Span(begun[key], month)
                del left[key]
        if not left:
            break


def _ended(need: str, month: int, left: Mapping[str, float], calendar: Calendar) -> bool:
    """Whether a prerequisite is done by a month: planned to end by then, or of no plan at all."""
    return calendar.spans[need].ends <= month if need in calendar.spans else need not in left
