# SPDX-License-Identifier: EUPL-1.2
"""Which actions are the first: the best that can be done in the first months, governance among them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nis2check.plan.actions import Action
from nis2check.plan.months import Calendar, schedule
from nis2check.plan.order import Order
from nis2check.plan.settings import Settings


class Room:
    """What the first months can hold at a capacity. Remembers its answers: the draws of ``stability`` ask them again."""

    def __init__(
        self, actions: Mapping[str, Action], needs: Mapping[str, Iterable[str]], settings: Settings, capacity: float
    ) -> None:
        self._actions = actions
        self._needs = needs
        self._at_once = settings.at_once
        self._capacity = capacity
        self._months = range(1, settings.first_months + 1)
        self._most = capacity * settings.first_months + 1e-6  # days; what the arithmetic of halves and tenths leaves
        self._least = min((action.days for action in actions.values()), default=0.0)
        self._known: dict[tuple[str, ...], bool] = {}

    def full(self, keys: Iterable[str]) -> bool:
        """Whether not even the shortest action fits beside these."""
        return self._days([*keys]) + self._least > self._most

    def _days(self, keys: Sequence[str]) -> float:
        return sum(self._actions[key].days for key in keys)

    def holds(self, keys: Sequence[str]) -> bool:
        """Whether these actions, begun in this order, all end in the first months."""
        asked = tuple(keys)
        if asked not in self._known:
            self._known[asked] = self._tried(asked)
        return self._known[asked]

    def _tried(self, keys: tuple[str, ...]) -> bool:
        if self._days(keys) > self._most:
            return False  # no schedule can: spares most of the trying
        calendar = Calendar(self._capacity, self._at_once)
        schedule(keys, self._actions, self._needs, calendar, self._months)
        return len(calendar.spans) == len(keys)


def first_measures(order: Order, settings: Settings, room: Room) -> tuple[list[str], frozenset[str]]:
    """The first six that can be done in six months, best first; and those of them that are there only so that enough
    of governance is among the six."""
    picked = _pick(order, settings, room, ())
    kept = [key for key in picked if order.actions[key].governance]
    if len(kept) >= settings.governance:
        return picked, frozenset()
    governance = [key for key, one in order.actions.items() if one.governance]
    while len(kept) < settings.governance:
        free = [
            key for key in governance if key not in kept and order.needs[key] <= {*kept} and room.holds([*kept, key])
        ]
        if not free:
            break
        kept.append(min(free, key=order.rank))
    return _pick(order, settings, room, kept), frozenset(kept) - frozenset(picked)


def _pick(order: Order, settings: Settings, room: Room, reserved: Sequence[str]) -> list[str]:
    """Best first, each only if what it needs is picked before and all, with those reserved, still end in time."""
    picked: list[str] = []
    waiting = list(reserved)
    for key in order.sorted():
        if len(picked) == settings.first_measures or (not waiting and room.full(picked)):
            break
        if len(picked) + len(waiting) >= settings.first_measures and key not in waiting:
            continue
        if not order.needs[key] <= set(picked):
            continue
        others = [other for other in waiting if other != key]
        if room.holds([*picked, key, *others]):
            picked.append(key)
            waiting = others
    return picked
