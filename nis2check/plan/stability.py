# SPDX-License-Identifier: EUPL-1.2
"""How sure the first six are: the plan drawn again and again with our own estimates moved by one level. Pure, seeded.

The weights are ours (``policies/plan.yaml``): a place that a small change of one of them would take away must not look certain.
"""

from __future__ import annotations

from collections.abc import Sequence

from nis2check.plan.actions import Action
from nis2check.plan.first import Room, first_measures
from nis2check.plan.order import Order, Weight, weight
from nis2check.plan.settings import Settings

_MOVES = (-1, 0, 1)  # levels, equally likely; at the end of a scale a move beyond it stays


def stability(order: Order, settings: Settings, room: Room) -> dict[str, float]:
    """The share (0 to 1) of the draws in which each action is among the first measures.

    Each action has a series of draws of its own, seeded by its key: an action more or less in the plan does not change
    those of the others.
    """
    series = {key: _series(action, settings) for key, action in order.actions.items()}
    seen = dict.fromkeys(series, 0)
    for weights in zip(*series.values(), strict=True):
        moved = Order(order.actions, order.graph, dict(zip(series, weights, strict=True)))
        first, _reserved = first_measures(moved, settings, room)
        for key in first:
            seen[key] += 1
    return {key: count / settings.stability_draws for key, count in seen.items()}


def _series(action: Action, settings: Settings) -> list[Weight]:
    """All the draws of one action."""
    from random import Random

    factors = action.factors
    rest = factors.breadth * factors.legal * factors.first * factors.foundation
    severities = _around(factors.severity, sorted(set(settings.severity.values())))
    likelihoods = _around(factors.likelihood, sorted(set(settings.likelihood.values())))
    efforts = _around(factors.effort, sorted({weight for _days, weight in settings.effort}))
    gains = [severity * likelihood * rest for severity in severities for likelihood in likelihoods]
    options = [weight(gain, effort, action.place) for gain in gains for effort in efforts]
    # random() is the one method whose series Python promises to keep from version to version.
    draw = Random(action.key).random
    return [options[int(draw() * len(options))] for _draw in range(settings.stability_draws)]


def _around(value: float, scale: Sequence[float]) -> tuple[float, ...]:
    """One level down, the value itself, one level up."""
    at = scale.index(value)
    return tuple(scale[min(max(at + move, 0), len(scale) - 1)] for move in _MOVES)
