# SPDX-License-Identifier: EUPL-1.2
"""Which months: days of capacity given out month by month, in the order of the plan. Pure."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nis2check.plan.actions import Action

_NOTHING = 1e-9  # days; what is left by the arithmetic of halves and tenths


@dataclass(frozen=True, slots=True)
class Span:
    """The months in which an action begins and ends, counted from 1 at the start of the plan."""

    begins: int
    ends: int


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
    capacity: float,
    at_once: int,
    months: range,
) -> dict[str, Span]:
    """The spans of the actions of ``order`` that end within ``months``; prerequisites outside ``order`` are done.

    Each month: what is begun goes on, then the next of the order begins if all it needs has ended, its owner has fewer than
    ``at_once`` actions this month, and days are left.
    """
    left = {key: actions[key].days for key in order}
    begun: dict[str, int] = {}
    spans: dict[str, Span] = {}
    for month in months:
        days = capacity
        busy: Counter[str] = Counter()
        for key in [*(k for k in order if k in begun), *(k for k in order if k not in begun)]:
            owner = actions[key].owner
            waits = any(need in left and need not in spans for need in needs[key])
            if key in spans or waits or busy[owner] >= at_once:
                continue
            if days <= _NOTHING:
                break
            begun.setdefault(key, month)
            busy[owner] += 1
            spent = min(days, left[key])
            days -= spent
            left[key] -= spent
            if left[key] <= _NOTHING:
                spans[key] = Span(begun[key], month)
        if len(spans) == len(left):
            break
    return spans
