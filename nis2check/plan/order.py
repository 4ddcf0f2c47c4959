# SPDX-License-Identifier: EUPL-1.2
"""In which order: best score first, but never before what makes it possible. Pure.

An action that enables others is worth what it unlocks: it takes the density (gains ÷ efforts) of the whole set that must be
done to reach one of them, when that is better than its own score (Sidney's decomposition, exact on chains).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.plan.actions import Action


def circle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A circle of prerequisites, its first key again at its end; empty when there is none."""
    done: set[str] = set()
    for start in sorted(needs):
        trail: list[str] = []
        stack: list[tuple[str, list[str]]] = [(start, sorted(needs[start]))] if start not in done else []
        while stack:
            key, rest = stack[-1]
            if key not in trail:
                trail.append(key)
            if not rest:
                done.add(key)
                trail.pop()
                stack.pop()
                continue
            following = rest.pop(0)
            if following in trail:
                return (*trail[trail.index(following) :], following)
            if following in needs and following not in done:
                stack.append((following, sorted(needs[following])))
    return ()


class Order:
    """The actions of one plan, their outstanding prerequisites and their priorities.

    Raises InputError on a circle, with the circle: a wrong table must not become an arbitrary order.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self.actions = actions
        # A prerequisite that is no action of the plan is done (or not asked of this body): it holds nobody back.
        self.needs = {key: frozenset(action.needs) & frozenset(actions) for key, action in actions.items()}
        if found := circle(self.needs):
            raise InputError(_("Prérequis en cercle : {circle}.").format(circle=" → ".join(found)))
        self._all_needs = lru_cache(maxsize=None)(self._closure)
        self.unlocks = self._best_unlocked()

    def _closure(self, key: str) -> frozenset[str]:
        """An action and all that must be done before it."""
        return frozenset({key}).union(*(self._all_needs(need) for need in self.needs[key]))

    def _density(self, keys: frozenset[str]) -> float:
        factors = [self.actions[key].factors for key in sorted(keys)]
        return sum(f.gain for f in factors) / sum(f.effort for f in factors)

    def _best_unlocked(self) -> dict[str, tuple[float, str]]:
        """For each action that others need, the best density it opens, and the action at its end; only if better than its
        own score."""
        best: dict[str, tuple[float, str]] = {}
        for key in sorted(self.actions):
            density = self._density(self._all_needs(key)) if self.needs[key] else 0.0
            for need in self._all_needs(key) - {key}:
                if density > max(self.actions[need].factors.score, best.get(need, (0.0, ""))[0]):
                    best[need] = (density, key)
        return best

    def priority(self, key: str) -> float:
        return self.unlocks[key][0] if key in self.unlocks else self.actions[key].factors.score

    def rank(self, key: str) -> tuple[float, float, int, int, str]:
        """Sorts the best first. Rounded, so that equal scores are equal whatever the order of multiplications."""
        action = self.actions[key]
        return (-round(self.priority(key), 6), -round(action.factors.score, 6), *action.place)

    def sorted(self) -> list[str]:
        """All keys, best first, prerequisites before what they open."""
        import heapq

        missing = {key: len(needs) for key, needs in self.needs.items()}
        opens: dict[str, list[str]] = {key: [] for key in self.actions}
        for key, needs in self.needs.items():
            for need in needs:
                opens[need].append(key)
        ready = [(self.rank(key), key) for key, count in missing.items() if count == 0]
        heapq.heapify(ready)
        out: list[str] = []
        while ready:
            _rank, key = heapq.heappop(ready)
            out.append(key)
            for following in opens[key]:
                missing[following] -= 1
                if missing[following] == 0:
                    heapq.heappush(ready, (self.rank(following), following))
        return out
