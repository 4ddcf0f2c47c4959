# SPDX-License-Identifier: EUPL-1.2
"""Hysteresis: a threshold crossed counts only once it has stayed crossed. Off unless a regime or a person asks.

No rule on it was found in the bill (checked 2026-11-22); the directive has lists reviewed every two years, art. 3(3).
A change of form (CC become CA, merger) is no crossing: it counts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from nis2check.law.regime import Regime
from nis2check.law.scope import NOTIONS, decide, words
from nis2check.model import Body, Category, Scope, Text


def remembered(scope: Scope, regime: Regime, earlier: Sequence[Body], notion: str, strict: bool = False) -> Scope:
    """The scope as its past bends it. ``earlier``: the same body in earlier vintages, the newest first.

    With ``regime.hysteresis`` = n, a new category counts once the n vintages before agree with it; until then the oldest of
    them stands. Fewer vintages known than n, and not of one mind: undecided.
    """
    years = regime.hysteresis
    past = tuple(takewhile(lambda body: body.nature == scope.body.nature, earlier))[:years]
    if not years or not past:
        return scope
    before = [decide(body, regime, notion, scope.as_of).by_notion for body in past]
    kept = {one: _kept([scope.by_notion[one], *(each[one] for each in before)], years) for one in NOTIONS}
    if kept == scope.by_notion:
        return scope
    unsettled = kept[notion] is Category.UNDECIDED or (strict and len(set(kept.values())) > 1)
    return replace(
        scope,
        category=Category.UNDECIDED if unsettled else kept[notion],
        by_notion=kept,
        missing=(*scope.missing, "earlier_vintages") if kept[notion] is Category.UNDECIDED else scope.missing,
        notes=(*scope.notes, _note(years, kept[notion])),
    )


def _kept(categories: Sequence[Category], years: int) -> Category:
    """``categories``: of now, then of each earlier vintage."""
    if len(set(categories)) == 1:
        return categories[0]
    return categories[-1] if len(categories) > years else Category.UNDECIDED


def _note(years: int, category: Category) -> Text:
    told = words(category)
    return {
        "fr": f"Hystérésis demandée ({years}) : un seuil franchi depuis moins longtemps ne compte pas encore ; {told['fr']}.",
        "en": f"Hysteresis asked ({years}): a threshold crossed for less time does not count yet; {told['en']}.",
    }
