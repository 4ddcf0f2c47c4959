# SPDX-License-Identifier: EUPL-1.2
"""In which order: best score first, but never before what makes it possible. Pure.

An action that enables others is worth what it unlocks: it takes the density (gains ÷ efforts) of the whole set that must be
done to reach one of them, when that is better than its own score (Sidney's decomposition, exact on chains).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.plan.actions import Action, Place


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


Rank = tuple[float, float, Place]


class Weight(NamedTuple):
    """What an action is worth alone. ``rank`` is made once: the draws of ``stability`` sort it hundreds of times."""

    gain: float
    effort: float
    score: float
    rank: Rank


def weight(gain: float, effort: float, place: Place) -> Weight:
    """The score is rounded, so that equal scores are equal whatever the order of multiplications."""
    score = round(gain / effort, 6)
    return Weight(gain, effort, score, (-score, -score, place))


class Graph:
    """What must be done before what, whatever it is worth.

    Raises InputError on a circle, with the circle: a wrong table must not become an arbitrary order.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        # A prerequisite that is no action of the plan is done (or not asked of this body): it holds nobody back.
        self.needs = {key: frozenset(action.needs) & frozenset(actions) for key, action in actions.items()}
        if found := circle(self.needs):
            raise InputError(_("Prérequis en cercle : {circle}.").format(circle=" → ".join(found)))
        self.opens: dict[str, list[str]] = {}
        for key, needs in self.needs.items():
            for need in needs:
                self.opens.setdefault(need, []).append(key)
        # For each action that needs others: itself and all that must be done before it, sorted.
        self.sets = {key: sorted(self._all_needs(key)) for key in sorted(actions) if self.needs[key]}

    def _all_needs(self, key: str) -> set[str]:
        found, waiting = {key}, [key]
        while waiting:
            new = self.needs[waiting.pop()] - found
            found |= new
            waiting += new
        return found


class Order:
    """The actions of one plan in the order of their priorities.

    ``weights``: those of the factors of the actions unless given (``stability`` moves them).
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        graph: Graph | None = None,
        weights: Mapping[str, Weight] | None = None,
    ) -> None:
        self.actions = actions
        self.graph = graph or Graph(actions)
        self.needs = self.graph.needs
        self._weights = weights or {
            key: weight(one.factors.gain, one.factors.effort, one.place) for key, one in actions.items()
        }
        self.unlocks = self._best_unlocked()

    def _best_unlocked(self) -> dict[str, tuple[float, str]]:
        """For each action that others need, the best density it opens, and the action at its end; only if better than its
        own score."""
        best: dict[str, tuple[float, str]] = {}
        for key, keys in self.graph.sets.items():
            weights = [self._weights[one] for one in keys]
            density = round(sum(one.gain for one in weights) / sum(one.effort for one in weights), 6)
            for need in keys:
                if need != key and density > max(self._weights[need].score, best.get(need, (0.0, ""))[0]):
                    best[need] = (density, key)
        return best

    def priority(self, key: str) -> float:
        return self.unlocks[key][0] if key in self.unlocks else self._weights[key].score

    def rank(self, key: str) -> Rank:
        """Sorts the best first."""
        own = self._weights[key].rank
        return (-self.unlocks[key][0], *own[1:]) if key in self.unlocks else own

    def sorted(self) -> Iterator[str]:
        """All keys, best first, prerequisites before what they open. Lazy: most callers stop after a few."""
        import heapq

        missing = {key: len(self.needs[key]) for key in self.graph.sets}
        ready = [(self.rank(key), key) for key in self.actions if key not in missing]
        heapq.heapify(ready)
        while ready:
            _best, key = heapq.heappop(ready)
            yield key
            for following in self.graph.opens.get(key, ()):
                missing[following] -= 1
                if missing[following] == 0:
                    heapq.heappush(ready, (self.rank(following), following))
